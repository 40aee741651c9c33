"""Telling that a run waits for code to be allowed, once for each run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from compress_studio.engine.records import Cause
from compress_studio.gui.message import Message
from compress_studio.gui.weights.offer import REVIEW

if TYPE_CHECKING:
    from compress_studio.engine.runstate import RunState
    from compress_studio.gui.session import Session


class CodeNotice(QObject):
    """Watches runs; what they need is said with a button that leads to it."""

    def __init__(self, session: Session, parent: QObject) -> None:
        super().__init__(parent)
        self._session = session
        session.run_ended.connect(self._ended)

    def _ended(self, state: RunState) -> None:
        for node, one in state.nodes.items():
            if one.error is not None and one.error.cause is Cause.CONSENT:
                said = Message(one.error.message, REVIEW.hint, "warning", review=node)
                self._session.message.emit(said)
