"""The smallest shared widgets: titles, labels that shorten themselves, icons, pills."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QLabel, QSizePolicy, QToolButton, QWidget

from compress_studio.gui.theme.icons import icon
from compress_studio.gui.theme.tokens import METRICS


def repolish(widget: QWidget) -> None:
    """Let the style sheet look again at the properties of a widget."""
    widget.style().unpolish(widget)
    widget.style().polish(widget)
    widget.update()


def set_look(widget: QWidget, name: str, value: str) -> None:
    """Set a property that the style sheet reads; does nothing when it has that value already."""
    if widget.property(name) != value:
        widget.setProperty(name, value)
        repolish(widget)


class SectionTitle(QLabel):
    """The small title above a group of things."""

    def __init__(self, text: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "section")
        self.setText(text)

    def setText(self, text: str) -> None:
        super().setText(text.upper())
        self.setAccessibleName(text)


class ElidedLabel(QLabel):
    """One line of plain text that is shortened where there is no room; the tooltip then has all of it."""

    def __init__(
        self, text: str = "", mode: Qt.TextElideMode = Qt.TextElideMode.ElideMiddle, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._mode = mode
        self._tip = ""
        self._shown = ""
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.setText(text)

    @property
    def elided(self) -> bool:
        """Whether a part of the text is not shown."""
        return self._shown != self.text()

    def setText(self, text: str) -> None:
        super().setText(text)
        self.setAccessibleName(text)
        self._fit()
        self.updateGeometry()

    def setToolTip(self, text: str) -> None:
        """A tooltip of its own; without one the whole text is shown where it is shortened."""
        self._tip = text
        self._fit()

    def minimumSizeHint(self) -> QSize:
        width = min(self.fontMetrics().horizontalAdvance(self.text()), self.fontMetrics().averageCharWidth() * 5)
        return QSize(width, super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() is QEvent.Type.FontChange:
            self._fit()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        self.style().drawItemText(
            painter,
            self.contentsRect(),
            self.alignment().value,
            self.palette(),
            self.isEnabled(),
            self._shown,
            self.foregroundRole(),
        )

    def _fit(self) -> None:
        self._shown = self.fontMetrics().elidedText(self.text(), self._mode, self.contentsRect().width())
        tip = self._tip or (self.text() if self.elided else "")
        super().setToolTip(tip)
        self.update()


class Glyph(QWidget):
    """An icon by itself, in a tone of the theme."""

    def __init__(
        self, icon_name: str, size: int = METRICS.icon, tone: str = "muted", parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._icon = icon(icon_name, tone)
        self.setFixedSize(size, size)

    def set_glyph(self, icon_name: str, tone: str = "muted") -> None:
        """Show another icon."""
        self._icon = icon(icon_name, tone)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        self._icon.paint(QPainter(self), self.rect())


class IconButton(QToolButton):
    """A flat button that is only an icon; its tip is its name."""

    def __init__(self, icon_name: str, tip: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(f"button:{icon_name}")
        self.setProperty("kind", "icon")
        self.setAutoRaise(True)
        self.setIconSize(QSize(METRICS.icon, METRICS.icon))
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.set_icon(icon_name)
        self.set_tip(tip)

    def set_icon(self, icon_name: str, tone: str = "muted") -> None:
        """Show another icon."""
        self.setIcon(icon(icon_name, tone))

    def set_tip(self, tip: str) -> None:
        """Say what it does."""
        self.setToolTip(tip)
        self.setAccessibleName(tip)


class Pill(QLabel):
    """A word in a coloured capsule: a state, a small count."""

    TONES = ("good", "warn", "bad", "info", "muted", "accent")

    def __init__(self, text: str = "", tone: str = "muted", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.set_pill(text, tone)

    def set_pill(self, text: str, tone: str) -> None:
        """Show another word in another tone."""
        self.setText(text)
        if self.parentWidget() is not None or not text:
            self.setVisible(bool(text))
        set_look(self, "pill", tone)
