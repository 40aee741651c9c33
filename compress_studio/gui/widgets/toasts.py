"""Messages at the bottom right of the window: what happened, what to do, gone by themselves unless they are errors."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, Qt, QTimer, Signal
from PySide6.QtGui import QEnterEvent, QGuiApplication, QKeyEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from compress_studio.gui.theme.tokens import METRICS
from compress_studio.gui.widgets.basics import Glyph, IconButton

if TYPE_CHECKING:
    from compress_studio.gui.message import Message

STAY_MS = 6000
WIDTH = 360
LIFT = 4
"""From the top of the row to the top of its text, so that text, icon and cross are on one line."""
LIMIT = 4
"""How many are shown at a time; the oldest that is no error makes room."""
LONG_WORD = re.compile(r"\S{25,}")
SIGN = re.compile(r"[/\\\\_.,:;=×+-]+(?=\w)")
LEVELS = {
    "info": ("info", "info"),
    "success": ("check", "good"),
    "warning": ("warning", "warn"),
    "error": ("error", "bad"),
}


class Toast(QFrame):
    """One message."""

    closed = Signal()
    review_asked = Signal(str)
    """The source whose code is to be shown."""

    def __init__(self, message: Message, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.message = message
        self.setObjectName("toast")
        self.setAccessibleName(f"{message.level}: {message.text}")
        self.setProperty("surface", "toast")
        self.setFixedWidth(WIDTH)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        name, tone = LEVELS.get(message.level, LEVELS["info"])
        self.setProperty("level", tone)
        row = QHBoxLayout(self)
        row.setContentsMargins(METRICS.pad, METRICS.gap, METRICS.gap, METRICS.gap)
        row.setSpacing(METRICS.gap)
        mark = QVBoxLayout()
        mark.setContentsMargins(0, LIFT, 0, 0)
        mark.addWidget(Glyph(name, METRICS.icon, tone, self))
        mark.addStretch(1)
        row.addLayout(mark)
        words = QVBoxLayout()
        words.setContentsMargins(0, LIFT, 0, LIFT)
        words.setSpacing(2)
        row.addLayout(words, 1)
        for text, role in ((message.text, "title"), (message.hint, "")):
            if text:
                words.addWidget(self._words(text, role))
        if message.report:
            tip = "Copy everything that a bug report should hold"
            self._add_button(words, "Copy report", "toast_copy", tip).clicked.connect(self._copy)
        if message.review:
            tip = "See what would run, and allow it or not"
            self._add_button(words, "Review the code…", "toast_review", tip).clicked.connect(self._review)
        close = IconButton("close", "Close this message (Esc)", self)
        close.setObjectName("toast_close")
        close.clicked.connect(self._close)
        row.addWidget(close, 0, Qt.AlignmentFlag.AlignTop)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(STAY_MS)
        self._timer.timeout.connect(self._close)
        self._wait()

    @property
    def stays(self) -> bool:
        """Whether it stays until it is closed."""
        return self.message.level == "error" or bool(self.message.review)

    @property
    def waiting(self) -> bool:
        """Whether it will go by itself."""
        return self._timer.isActive()

    def hold(self) -> None:
        """Stay until it is closed, whatever it says."""
        self._timer.stop()

    def _words(self, text: str, role: str) -> QLabel:
        label = QLabel(breakable(text), self)
        label.setAccessibleName(text)
        label.setTextFormat(Qt.TextFormat.PlainText)
        label.setWordWrap(True)
        label.setProperty("role", "title") if role else label.setProperty("tone", "muted")
        return label

    def _add_button(self, words: QVBoxLayout, text: str, name: str, tip: str) -> QPushButton:
        button = QPushButton(text, self)
        button.setObjectName(name)
        button.setProperty("kind", "small")
        button.setToolTip(tip)
        button.setAccessibleName(text)
        words.addSpacing(METRICS.gap // 2)
        words.addWidget(button, 0, Qt.AlignmentFlag.AlignLeft)
        return button

    def _review(self) -> None:
        self.review_asked.emit(self.message.review)
        self._close()

    def _wait(self) -> None:
        if not self.stays:
            self._timer.start()

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self.message.report)
        sender = self.findChild(QPushButton, "toast_copy")
        if sender is not None:
            sender.setText("Copied")

    def _close(self) -> None:
        self._timer.stop()
        self.closed.emit()

    def enterEvent(self, event: QEnterEvent) -> None:
        super().enterEvent(event)
        self._timer.stop()

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self._wait()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self._close()
            return
        super().keyPressEvent(event)


def breakable(text: str) -> str:
    """Text whose long words, such as paths and command lines, may go on in the next line after a sign.

    A label is never narrower than its longest word: one that does not fit would push the text over its edges.
    """
    return LONG_WORD.sub(lambda word: SIGN.sub("\\g<0>\u200b", word[0]), text)


class Toasts(QWidget):
    """The stack of messages of one window."""

    review_asked = Signal(str)
    """The source whose code is to be shown."""

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self.setObjectName("toasts")
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(METRICS.gap)
        self._window = window
        self._toasts: list[Toast] = []
        window.installEventFilter(self)
        self.hide()

    @property
    def toasts(self) -> tuple[Toast, ...]:
        """The messages shown, the oldest first."""
        return tuple(self._toasts)

    def show_message(self, message: Message) -> None:
        """Show a message; the same one twice is shown once."""
        for one in self.toasts:
            if (one.message.text, one.message.hint, one.message.level) == (message.text, message.hint, message.level):
                self._remove(one)
        while len(self._toasts) >= LIMIT:
            self._remove(next((one for one in self._toasts if not one.stays), self._toasts[0]))
        toast = Toast(message, self)
        toast.closed.connect(self._closed)
        toast.review_asked.connect(self.review_asked)
        self._toasts.append(toast)
        self._layout.addWidget(toast)
        self.place()

    def focus_newest(self) -> None:
        """Move the keyboard to the newest message."""
        if self._toasts:
            self._toasts[-1].setFocus(Qt.FocusReason.ShortcutFocusReason)

    def place(self) -> None:
        """Go to the corner of the window."""
        if not self._toasts:
            self.hide()
            return
        window = self._window
        height = sum(one.heightForWidth(WIDTH) for one in self._toasts) + METRICS.gap * (len(self._toasts) - 1)
        low = window.height() - 2 * METRICS.row
        self.setGeometry(window.width() - WIDTH - 2 * METRICS.gap, low - height, WIDTH, height)
        self.show()
        self.raise_()

    def _closed(self) -> None:
        toast = self.sender()
        if isinstance(toast, Toast) and toast in self._toasts:
            self._remove(toast)
            self.place()

    def _remove(self, toast: Toast) -> None:
        self._toasts.remove(toast)
        self._layout.removeWidget(toast)
        toast.hide()
        toast.deleteLater()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() is QEvent.Type.Resize and watched is self._window:
            self.place()
        return False
