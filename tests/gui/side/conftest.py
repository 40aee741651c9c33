"""The side panel by itself, which is quicker than a whole window."""

from __future__ import annotations

import pytest

from compress_studio.base.errors import UserError
from compress_studio.gui.message import Message
from compress_studio.gui.panels.side import SidePanel
from compress_studio.gui.session import Session
from compress_studio.gui.theme.tokens import METRICS
from tests.gui.asking import ScriptedAsking


class Desk:
    """What the side panel needs of the commands of the window."""

    def __init__(self, session: Session, asking: ScriptedAsking) -> None:
        self.session = session
        self.asking = asking

    def tell(self, error: UserError) -> None:
        self.session.message.emit(Message(error.message, error.hint, "error"))

    def data_dialog(self) -> None:
        self.asking.ask_open("Choose data", ())


@pytest.fixture
def side(session: Session, asking: ScriptedAsking, qtbot):
    """The side panel, shown, as high as in a window of 1280 × 720."""
    panel = SidePanel(Desk(session, asking))  # pyright: ignore[reportArgumentType] - the part that is needed
    qtbot.addWidget(panel)
    panel.resize(250 + METRICS.gap, 600)
    with qtbot.waitExposed(panel):
        panel.show()
    return panel
