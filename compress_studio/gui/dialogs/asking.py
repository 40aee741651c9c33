"""Questions to the user behind one small protocol: real dialogs in the program, prepared answers in tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QCommandLinkButton,
    QDialog,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from compress_studio.gui.dialogs.fitting import FittingDialog
from compress_studio.gui.theme.icons import icon
from compress_studio.gui.theme.tokens import METRICS
from compress_studio.gui.widgets.hint import breakable

WIDTH = 460


@dataclass(frozen=True, slots=True)
class Option:
    """One possible answer."""

    value: str
    label: str
    note: str = ""
    """One sentence about what it does; options with notes stand below each other."""
    primary: bool = False
    """What Enter chooses."""


@dataclass(frozen=True, slots=True)
class Question:
    """A question with its possible answers; besides them it can always be called off."""

    title: str
    text: str
    options: tuple[Option, ...]
    cancel: str = "Cancel"
    """Empty: it cannot be called off by a button."""


@dataclass(frozen=True, slots=True)
class Report:
    """Something that went wrong and was not the doing of the user."""

    title: str
    text: str
    """What happened, in plain words."""
    details: str
    """What a bug report should hold."""
    count: int = 1
    """How many times it happened."""


class Asking(Protocol):
    """Everything that the window asks. None and False mean: called off."""

    def ask_open(self, title: str, filters: Sequence[str], folder: str = "") -> Path | None:
        """An existing file."""
        ...

    def ask_save(self, title: str, suggested: Path, filters: Sequence[str]) -> Path | None:
        """A file to write; overwriting has been agreed to."""
        ...

    def ask_folder(self, title: str, folder: str = "") -> Path | None:
        """An existing folder."""
        ...

    def confirm(self, title: str, text: str, yes: str = "OK", no: str = "Cancel") -> bool:
        """Whether to go on."""
        ...

    def choose(self, question: Question) -> str | None:
        """The value of the chosen option."""
        ...

    def report(self, report: Report) -> None:
        """Show something that went wrong; returns at once."""
        ...


class Dialogs:
    """Asks by dialogs above a window."""

    def __init__(self, window: QWidget) -> None:
        self._window = window

    def ask_open(self, title: str, filters: Sequence[str], folder: str = "") -> Path | None:
        """An existing file."""
        name, _ = QFileDialog.getOpenFileName(self._window, title, folder, ";;".join(filters))
        return Path(name) if name else None

    def ask_save(self, title: str, suggested: Path, filters: Sequence[str]) -> Path | None:
        """A file to write; the dialog asks before it gives one that exists."""
        name, _ = QFileDialog.getSaveFileName(self._window, title, str(suggested), ";;".join(filters))
        return Path(name) if name else None

    def ask_folder(self, title: str, folder: str = "") -> Path | None:
        """An existing folder."""
        name = QFileDialog.getExistingDirectory(self._window, title, folder)
        return Path(name) if name else None

    def confirm(self, title: str, text: str, yes: str = "OK", no: str = "Cancel") -> bool:
        """Whether to go on."""
        return self.choose(Question(title, text, (Option("yes", yes, primary=True),), cancel=no)) == "yes"

    def choose(self, question: Question) -> str | None:
        """The value of the chosen option."""
        dialog = QuestionDialog(question, self._window)
        dialog.exec()
        dialog.deleteLater()
        return dialog.answer

    def report(self, report: Report) -> None:
        """Show the problem dialog, or count one more time in the one that is open."""
        from compress_studio.gui.dialogs.problem import show_problem

        show_problem(report, self._window)


class QuestionDialog(FittingDialog):
    """A question with its options as buttons, or below each other where they need explaining."""

    def __init__(self, question: Question, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("question")
        self.setWindowTitle(question.title)
        self.setAccessibleName(question.title)
        self.setFixedWidth(WIDTH)
        self.answer: str | None = None
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * METRICS.pad, 2 * METRICS.pad, 2 * METRICS.pad, METRICS.pad + METRICS.gap)
        layout.setSpacing(METRICS.pad)
        head = QLabel(breakable(question.title), self)
        head.setTextFormat(Qt.TextFormat.PlainText)
        head.setProperty("role", "heading")
        head.setWordWrap(True)
        layout.addWidget(head)
        text = QLabel(breakable(question.text), self)
        text.setWordWrap(True)
        text.setTextFormat(Qt.TextFormat.PlainText)
        text.setProperty("tone", "muted")
        layout.addWidget(text)
        row = QHBoxLayout()
        row.setSpacing(METRICS.gap)
        row.addStretch(1)
        if question.cancel:
            row.addWidget(self._button(Option("", question.cancel)))
        for option in question.options:
            if option.note:
                layout.addWidget(self._line(option))
            else:
                row.addWidget(self._button(option))
        layout.addSpacing(METRICS.gap)
        layout.addStretch(1)
        layout.addLayout(row)
        self.resize(WIDTH, layout.totalHeightForWidth(WIDTH))

    def _button(self, option: Option) -> QPushButton:
        made = QPushButton(option.label, self)
        made.setObjectName(f"answer:{option.value or 'cancel'}")
        made.setAccessibleName(option.label)
        made.setToolTip(option.note or option.label)
        made.setAutoDefault(option.primary)
        made.setDefault(option.primary)
        if option.primary:
            made.setProperty("kind", "primary")
        made.clicked.connect(lambda: self._take(option.value))
        return made

    def _line(self, option: Option) -> QCommandLinkButton:
        made = QCommandLinkButton(option.label, option.note, self)
        made.setObjectName(f"answer:{option.value}")
        made.setAccessibleName(option.label)
        made.setToolTip(option.note)
        made.setIcon(icon("chevron-right", "muted"))
        made.setAutoDefault(False)
        made.clicked.connect(lambda: self._take(option.value))
        return made

    def _take(self, value: str) -> None:
        self.answer = value or None
        self.done(QDialog.DialogCode.Accepted if value else QDialog.DialogCode.Rejected)
