"""The files of code that would run, to be read before they are allowed."""

from __future__ import annotations

from PySide6.QtCore import QSignalBlocker
from PySide6.QtGui import QTextCursor
from PySide6.QtWidgets import QComboBox, QPlainTextEdit, QVBoxLayout, QWidget

from compress_studio.gui.theme.tokens import METRICS
from compress_studio.gui.weights.code_box import code_font
from compress_studio.gui.weights.state import WeightsState, split_architecture


class CodePane(QWidget):
    """One file at a time; nothing of it is run."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("weights:code")
        self._files: tuple[tuple[str, str], ...] = ()
        self._function = ""
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(METRICS.gap)
        self.names = QComboBox(self)
        self.names.setObjectName("weights:code_file")
        self.names.setAccessibleName("File of code")
        self.names.setToolTip("Which file is shown; all of them would run")
        self.names.currentIndexChanged.connect(self._show)
        layout.addWidget(self.names)
        self.text = QPlainTextEdit(self)
        self.text.setObjectName("weights:code_text")
        self.text.setAccessibleName("Code that would run")
        self.text.setToolTip("What would run, as it is now")
        self.text.setReadOnly(True)
        self.text.setTabChangesFocus(True)
        self.text.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.text.setFont(code_font())
        layout.addWidget(self.text, 1)

    def show_state(self, state: WeightsState) -> None:
        """Show the code that was named."""
        files = state.code.files if state.code is not None else ()
        function = split_architecture(state.choice.architecture)[1]
        if files != self._files:
            self._files = files
            with QSignalBlocker(self.names):
                self.names.clear()
                self.names.addItems([name for name, _text in files])
            self.names.setVisible(len(files) > 1)
            self._show(0)
            self._function = ""
        if function != self._function:
            self._function = function
            self._find(function)

    def _show(self, place: int) -> None:
        self.text.setPlainText(self._files[place][1] if 0 <= place < len(self._files) else "")

    def _find(self, function: str) -> None:
        """Bring the function that makes the network into view."""
        self.text.moveCursor(QTextCursor.MoveOperation.Start)
        for word in (f"def {function}(", f"class {function}"):
            if function and self.text.find(word):
                cursor = self.text.textCursor()
                cursor.clearSelection()
                cursor.movePosition(QTextCursor.MoveOperation.StartOfBlock)
                self.text.setTextCursor(cursor)
                self.text.centerCursor()
                return
