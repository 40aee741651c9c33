"""The problem dialog: what happened, that the project is safe, and a report to copy."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QSize, Qt, QUrl
from PySide6.QtGui import QDesktopServices, QGuiApplication
from PySide6.QtWidgets import QDialog, QHBoxLayout, QLabel, QPlainTextEdit, QPushButton, QVBoxLayout, QWidget

from compress_studio.base.errors import UserError
from compress_studio.base.paths import log_dir
from compress_studio.gui.dialogs.asking import Report
from compress_studio.gui.theme.tokens import METRICS
from compress_studio.gui.widgets.basics import Glyph

SIZE = QSize(620, 440)
ICON = 28


class ProblemDialog(QDialog):
    """Shows one report; further ones are counted."""

    def __init__(self, report: Report, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("problem_dialog")
        self.setWindowTitle(report.title)
        self.setAccessibleName(report.title)
        self.resize(SIZE)
        self.report = report
        self._others = 0
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * METRICS.pad, 2 * METRICS.pad, 2 * METRICS.pad, METRICS.pad + METRICS.gap)
        layout.setSpacing(METRICS.pad)
        head = QHBoxLayout()
        head.setSpacing(METRICS.pad)
        self._sign = Glyph("warning", ICON, "warn", self)
        self._title = QLabel(self)
        self._title.setObjectName("problem_title")
        self._title.setProperty("role", "heading")
        head.addWidget(self._sign)
        head.addWidget(self._title, 1)
        layout.addLayout(head)
        self._text = QLabel(self)
        self._text.setObjectName("problem_text")
        self._text.setTextFormat(Qt.TextFormat.PlainText)
        self._text.setWordWrap(True)
        layout.addWidget(self._text)
        caption = QLabel("Report", self)
        caption.setProperty("tone", "muted")
        layout.addWidget(caption)
        self._details = QPlainTextEdit(self)
        self._details.setObjectName("problem_report")
        self._details.setAccessibleName("Report")
        self._details.setToolTip("What a bug report should hold")
        self._details.setReadOnly(True)
        self._details.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self._details.setTabChangesFocus(True)
        layout.addWidget(self._details, 1)
        layout.addLayout(self._buttons())
        self._show()

    def count(self, report: Report) -> None:
        """Another report came while this one is shown: the same is counted, others are pointed to."""
        if report.details == self.report.details or report.text == self.report.text:
            self.report = Report(report.title, report.text, self.report.details, self.report.count + 1)
        else:
            self._others += 1
        self._show()

    def _buttons(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(METRICS.gap)
        self._copy = self._button("Copy report", "problem_copy", "Copy the report, to paste it into a message")
        self._copy.clicked.connect(self._copy_report)
        folder = self._button("Open log folder", "problem_folder", "Show the folder of the log files")
        folder.clicked.connect(open_log_folder)
        go_on = self._button("Continue", "problem_continue", "Close this and go on working")
        go_on.setProperty("kind", "primary")
        go_on.setDefault(True)
        go_on.clicked.connect(self.accept)
        row.addWidget(self._copy)
        row.addWidget(folder)
        row.addStretch(1)
        row.addWidget(go_on)
        return row

    def _button(self, text: str, name: str, tip: str) -> QPushButton:
        made = QPushButton(text, self)
        made.setObjectName(name)
        made.setAccessibleName(text)
        made.setToolTip(tip)
        made.setAutoDefault(False)
        return made

    def _show(self) -> None:
        times = f" ({self.report.count} times)" if self.report.count > 1 else ""
        self._title.setText(f"{self.report.title}{times}")
        more = f"\n\n{self._others} other problem(s) came after it; the log has them all." if self._others else ""
        self._text.setText(f"{self.report.text}{more}")
        if self._details.toPlainText() != self.report.details:
            self._details.setPlainText(self.report.details)

    def _copy_report(self) -> None:
        QGuiApplication.clipboard().setText(f"{self.report.title}\n{self.report.text}\n\n{self.report.details}")
        self._copy.setText("Copied")


def show_problem(report: Report, window: QWidget) -> None:
    """Show a report above a window; while one is shown, further ones are counted in it."""
    open_one = window.findChild(ProblemDialog, "problem_dialog")
    if open_one is not None and open_one.isVisible():
        open_one.count(report)
        return
    dialog = ProblemDialog(report, window)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.open()


def open_folder(folder: Path) -> None:
    """Show a folder in the file browser of the desktop."""
    QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder)))


def open_log_folder() -> None:
    """Show the folder of the log files."""
    try:
        open_folder(log_dir())
    except UserError:
        # There is none: the home folder cannot be written to, which was said at the start.
        return
