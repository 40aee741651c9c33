"""The page of the settings that lists which code may run, and takes that back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QPushButton, QWidget

from compress_studio.engine import consents
from compress_studio.gui.dialogs.settings_rows import Page
from compress_studio.gui.widgets.hint import EmptyHint

DIGITS = 12
"""Of a digest that are shown."""
ABOUT = (
    "Each line is code or a pickle with exactly one content. It runs in a process of its own, and never after it"
    " changed. What is forgotten here asks again."
)


@dataclass(frozen=True, slots=True)
class AllowedRow:
    """One consent."""

    digest: str
    what: str
    since: str
    """When it was given, in words."""


def allowed_rows(known: Mapping[str, Mapping[str, str]]) -> tuple[AllowedRow, ...]:
    """Consents as they are shown, the newest first."""
    newest = sorted(known.items(), key=lambda one: str(one[1].get("given", "")), reverse=True)
    return tuple(
        AllowedRow(digest, _sentence(str(row.get("what", ""))), _when(str(row.get("given", ""))))
        for digest, row in newest
    )


class AllowedCode(Page):
    """Lists consents; each can be forgotten."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("code", parent)
        self._shown: tuple[AllowedRow, ...] | None = None
        self.refresh()

    def refresh(self) -> None:
        """Show what is allowed now."""
        self.show_state(allowed_rows(consents.known()))

    def show_state(self, rows: Sequence[AllowedRow]) -> None:
        """Show these consents."""
        if tuple(rows) == self._shown:
            return
        self._shown = tuple(rows)
        while self.body.count() > 1:
            item = self.body.takeAt(0)
            widget = None if item is None else item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        if not rows:
            text = "Code of a network and pickles are listed here once you have allowed them."
            self.add(EmptyHint("check", "Nothing is allowed", text))
            return
        about = QLabel(ABOUT, self)
        about.setWordWrap(True)
        about.setProperty("tone", "muted")
        self.add(about)
        for row in rows:
            self._add(row)

    def _add(self, row: AllowedRow) -> None:
        button = QPushButton("Forget", self)
        button.setObjectName(f"forget:{row.digest}")
        button.setToolTip("Ask again before this code runs")
        button.clicked.connect(lambda _checked=False, digest=row.digest: self._forget(digest))
        since = f"Allowed {row.since} · " if row.since else ""
        note = self.add_row(row.what, f"{since}digest {row.digest[:DIGITS]}…", button)
        note.setToolTip(row.digest)
        note.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        button.setAccessibleName(f"Forget {row.what}")

    def _forget(self, digest: str) -> None:
        consents.take_back(digest)
        self.refresh()
        following = self.findChild(QPushButton)
        if following is not None:
            following.setFocus()


def _sentence(what: str) -> str:
    return what[:1].upper() + what[1:] if what else "Without a description"


def _when(text: str) -> str:
    """ "on 3 March 2026 at 14:05", in the time of this place; empty for what is no time."""
    try:
        moment = datetime.fromisoformat(text).astimezone()
    except ValueError:
        return ""
    return f"on {moment.day} {moment:%B %Y} at {moment:%H:%M}"
