"""What needs attention, with cause and remedy; a click leads to the node."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QStackedLayout,
    QVBoxLayout,
    QWidget,
)

from compress_studio.gui.message import Message
from compress_studio.gui.panels.problem_rows import Level, ProblemRow, problem_rows
from compress_studio.gui.theme.icons import icon
from compress_studio.gui.theme.tokens import METRICS
from compress_studio.gui.widgets.hint import EmptyHint

if TYPE_CHECKING:
    from compress_studio.gui.commands import Commands

ICONS = {Level.ERROR: ("error", "bad"), Level.WARNING: ("warning", "warn"), Level.INFO: ("info", "info")}


class ProblemsPanel(QWidget):
    """A list of sentences, errors first."""

    counted = Signal(int, int)
    """How many errors and warnings there are."""

    def __init__(self, commands: Commands, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("problems")
        self._commands = commands
        self._session = commands.session
        self.rows: tuple[ProblemRow, ...] | None = None
        self._list = QWidget(self)
        self._list.setProperty("surface", "panel")
        self._layout = QVBoxLayout(self._list)
        self._layout.setContentsMargins(METRICS.gap, METRICS.gap, METRICS.gap, METRICS.gap)
        self._layout.setSpacing(METRICS.gap // 2)
        scroll = QScrollArea(self)
        scroll.setWidgetResizable(True)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(self._list)
        self._pages = QStackedLayout(self)
        self._pages.addWidget(EmptyHint("check", "No problems", "Warnings and errors appear here with their remedy."))
        self._pages.addWidget(scroll)
        self._session.views_changed.connect(self._refresh)
        self._session.plan_changed.connect(lambda _plan: self._refresh())
        self._refresh()

    def show_state(self, rows: tuple[ProblemRow, ...]) -> None:
        """Show these problems."""
        if rows == self.rows:
            return
        self.rows = rows
        while (item := self._layout.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.deleteLater()
        for row in rows:
            self._layout.addWidget(self._line(row))
        self._layout.addStretch(1)
        self._pages.setCurrentIndex(1 if rows else 0)
        errors = sum(row.level is Level.ERROR for row in rows)
        self.counted.emit(errors, len(rows) - errors)

    def _refresh(self) -> None:
        self.show_state(problem_rows(self._session))

    def _line(self, row: ProblemRow) -> QWidget:
        line = QFrame(self._list)
        line.setProperty("surface", "card")
        grid = QGridLayout(line)
        grid.setContentsMargins(METRICS.gap, METRICS.gap // 2, METRICS.gap, METRICS.gap // 2)
        grid.setHorizontalSpacing(METRICS.gap)
        name, tone = ICONS[row.level]
        mark = QLabel(line)
        mark.setPixmap(icon(name, tone).pixmap(METRICS.icon, METRICS.icon))
        mark.setAccessibleName(row.level.value)
        grid.addWidget(mark, 0, 0, Qt.AlignmentFlag.AlignTop)
        text = QLabel(f"<span style='font-weight:600'>{_safe(row.where)}</span>&nbsp; {_safe(row.message)}", line)
        text.setTextFormat(Qt.TextFormat.RichText)
        text.setWordWrap(True)
        text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        grid.addWidget(text, 0, 1)
        if row.hint:
            hint = QLabel(row.hint, line)
            hint.setWordWrap(True)
            hint.setProperty("tone", "muted")
            hint.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            grid.addWidget(hint, 1, 1)
        if row.node:
            show = QPushButton("Show", line)
            show.setObjectName(f"problem:show:{row.node}")
            show.setProperty("kind", "quiet")
            show.setToolTip("Select the node in the pipeline")
            show.clicked.connect(lambda _checked=False, node=row.node: self._session.select((node,)))
            grid.addWidget(show, 0, 2, Qt.AlignmentFlag.AlignTop)
        if row.button:
            review = QPushButton(row.button, line)
            review.setObjectName(f"problem:review:{row.node}")
            review.setAccessibleName(row.button)
            review.setToolTip("See which code makes the network, and what would run")
            review.clicked.connect(lambda _checked=False, node=row.node: self._commands.review_code(node))
            grid.addWidget(review, 2, 1, Qt.AlignmentFlag.AlignLeft)
        copy = QPushButton("Copy report" if row.report else "Copy", line)
        copy.setProperty("kind", "quiet")
        copy.setToolTip("Copy the whole text to the clipboard")
        copy.clicked.connect(lambda _checked=False, row=row: self._copy(row))
        grid.addWidget(copy, 0, 3, Qt.AlignmentFlag.AlignTop)
        grid.setColumnStretch(1, 1)
        return line

    def _copy(self, row: ProblemRow) -> None:
        QGuiApplication.clipboard().setText(row.text)
        self._session.message.emit(Message("Copied to the clipboard."))


def _safe(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
