"""A slider over a Range: painted, by mouse and keyboard, with gestures."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QWheelEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from compress_studio.gui.forms.gesture import Gesture, new_gesture
from compress_studio.gui.theme import current
from compress_studio.spec.params import Range

HANDLE, GROOVE, HEIGHT = 14, 4, 22
FINE, COARSE = 0.01, 0.1
"""Steps of the keyboard as shares of the way, where the grid is finer."""
GRID = 1000
"""Up to so many values the keyboard goes from one to the next."""
UP = frozenset({Qt.Key.Key_Right, Qt.Key.Key_Up, Qt.Key.Key_Plus})
DOWN = frozenset({Qt.Key.Key_Left, Qt.Key.Key_Down, Qt.Key.Key_Minus})


class Slider(QWidget):
    """One number of a range. Double click asks for the default; the wheel only counts while it has the focus."""

    editing = Signal(float)
    """During a drag."""
    edited = Signal(float, int)
    """It counts: value and gesture."""
    reset_asked = Signal()

    def __init__(self, span: Range, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._range = span
        self._value = span.lo
        self._drag = 0
        """Number of the drag that goes on; 0: none."""
        self._before = span.lo
        self._hover = False
        self._wheel = Gesture(self)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        current.watch().changed.connect(self.update)

    @property
    def value(self) -> float:
        """What it shows."""
        return self._value

    @property
    def dragging(self) -> bool:
        """Whether the mouse holds the handle."""
        return self._drag > 0

    def show_value(self, value: float) -> None:
        """Show a value without telling anybody; a drag that goes on is not disturbed."""
        if not self._drag and value != self._value:
            self._value = value
            self.update()

    def step(self, direction: int) -> None:
        """One step up or down, as by an arrow key."""
        self._choose(self._stepped(direction, FINE), new_gesture())

    def x_of(self, value: float) -> float:
        """Where the middle of the handle is for a value."""
        return HANDLE / 2 + self._unit(value) * (self.width() - HANDLE)

    def _unit(self, value: float) -> float:
        return self._range.to_unit(min(max(value, self._range.lo), self._range.hi))

    def _at(self, x: float) -> float:
        return self._range.from_unit((x - HANDLE / 2) / max(1.0, self.width() - HANDLE))

    def _stepped(self, count: int, share: float) -> float:
        """The value so many steps away: of the grid, or of a share of the way where the grid is finer."""
        span, unit = self._range, self._unit(self._value)
        if span.step is not None and not span.log:
            steps = max(1.0, (span.hi - span.lo) / span.step)
            if steps <= GRID:
                share = (1.0 if share == FINE else max(1.0, min(10.0, steps // 4))) / steps
        value = span.from_unit(unit + count * share)
        if value == self._value and span.step is not None:
            value = span.snap(self._value + (span.step if count > 0 else -span.step))
        return value

    def _choose(self, value: float, gesture: int) -> None:
        if value != self._value:
            self._value = value
            self.update()
            self.edited.emit(value, gesture)

    def sizeHint(self) -> QSize:
        return QSize(120, HEIGHT)

    def minimumSizeHint(self) -> QSize:
        return QSize(40, HEIGHT)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() is not Qt.MouseButton.LeftButton:
            event.ignore()
            return
        self._drag, self._before = new_gesture(), self._value
        x = event.position().x()
        if abs(x - self.x_of(self._value)) > HANDLE / 2:
            self._drag_to(x)
        self.update()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._drag:
            self._drag_to(event.position().x())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.button() is Qt.MouseButton.LeftButton:
            self._finish()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if event.button() is Qt.MouseButton.LeftButton:
            self.reset_asked.emit()

    def wheelEvent(self, event: QWheelEvent) -> None:
        if not self.hasFocus() or not event.angleDelta().y():
            event.ignore()
            return
        self._choose(self._stepped(1 if event.angleDelta().y() > 0 else -1, FINE), self._wheel.number())
        event.accept()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = event.key()
        if key == Qt.Key.Key_Escape and self._drag:
            self._drag, self._value = 0, self._before
            self.editing.emit(self._value)
            self.update()
        elif key in UP or key in DOWN:
            self.step(1 if key in UP else -1)
        elif key in {Qt.Key.Key_PageUp, Qt.Key.Key_PageDown}:
            self._choose(self._stepped(1 if key == Qt.Key.Key_PageUp else -1, COARSE), new_gesture())
        elif key in {Qt.Key.Key_Home, Qt.Key.Key_End}:
            self._choose(self._range.lo if key == Qt.Key.Key_Home else self._range.hi, new_gesture())
        else:
            event.ignore()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        self._wheel.end()
        self._finish()
        super().focusOutEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        tokens = current.tokens()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        middle, x = self.height() / 2, self.x_of(self._value)
        groove = QRectF(0, middle - GROOVE / 2, self.width(), GROOVE)
        painter.setBrush(current.color(tokens.hover if tokens.dark else tokens.border))
        painter.drawRoundedRect(groove, GROOVE / 2, GROOVE / 2)
        groove.setRight(x)
        painter.setBrush(current.color(tokens.accent if self.isEnabled() else tokens.faint))
        painter.drawRoundedRect(groove, GROOVE / 2, GROOVE / 2)
        if self.hasFocus() or self._drag:
            painter.setBrush(current.color(tokens.accent, 0.35))
            painter.drawEllipse(QPointF(x, middle), HANDLE / 2 + 3, HANDLE / 2 + 3)
        if not tokens.dark:
            painter.setPen(QPen(current.color(tokens.accent if self.isEnabled() else tokens.faint), 1.5))
        painter.setBrush(
            current.color((tokens.text if tokens.dark else tokens.card) if self.isEnabled() else tokens.faint)
        )
        painter.drawEllipse(QPointF(x, middle), HANDLE / 2 - 0.75, HANDLE / 2 - 0.75)

    def _drag_to(self, x: float) -> None:
        value = self._at(x)
        if value != self._value:
            self._value = value
            self.update()
            self.editing.emit(value)

    def _finish(self) -> None:
        if not self._drag:
            return
        gesture, self._drag = self._drag, 0
        self.update()
        if self._value != self._before:
            self.edited.emit(self._value, gesture)
