"""The page of the settings that lists which code may run, and takes that back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QLabel, QPushButton, QWidget

from compress_studio.engine import consents
from compress_studio.gui.dialogs.settings_rows import Page
from compress_studio.gui.theme.tokens import METRICS
from compress_studio.gui.widgets.hint import EmptyHint
from compress_studio.gui.widgets.toasts import breakable

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
        about = _wrapped(ABOUT, self)
        about.setProperty("tone", "muted")
        self.add(about)
        for row in rows:
            self._add(row)

    def _add(self, row: AllowedRow) -> None:
        button = QPushButton("Forget", self)
        button.setObjectName(f"forget:{row.digest}")
        button.setToolTip("Ask again before this code runs")
        button.clicked.connect(lambda _checked=False, digest=row.digest: self._forget(digest))
        button.setAccessibleName(f"Forget {row.what}")
        line = QWidget(self)
        grid = QGridLayout(line)
        grid.setContentsMargins(0, METRICS.gap // 2, 0, METRICS.gap // 2)
        grid.setHorizontalSpacing(2 * METRICS.pad)
        grid.setVerticalSpacing(2)
        grid.setColumnStretch(0, 1)
        grid.addWidget(_wrapped(breakable(row.what), line), 0, 0)
        since = f"Allowed {row.since} · " if row.since else ""
        note = _wrapped(f"{since}digest {row.digest[:DIGITS]}…", line)
        note.setProperty("tone", "muted")
        note.setProperty("role", "small")
        note.setToolTip(row.digest)
        grid.addWidget(note, 1, 0)
        grid.addWidget(button, 0, 1, 2, 1, Qt.AlignmentFlag.AlignVCenter)
        self.add(line)

    def _forget(self, digest: str) -> None:
        consents.take_back(digest)
        self.refresh()
        following = self.findChild(QPushButton)
        if following is not None:
            following.setFocus()


def _wrapped(text: str, parent: QWidget) -> QLabel:
    label = QLabel(text, parent)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setWordWrap(True)
    return label


def _sentence(what: str) -> str:
    """A description as a line of its own; names of functions stay as they are."""
    if what.startswith("the "):
        return what[:1].upper() + what[1:]
    return what or "Without a description"


def _when(text: str) -> str:
    """ "on 3 March 2026 at 14:05", in the time of this place; empty for what is no time."""
    try:
        moment = datetime.fromisoformat(text).astimezone()
    except ValueError:
        return ""
    return f"on {moment.day} {moment:%B %Y} at {moment:%H:%M}"
