"""The picture of a network: a camera over a layout, with mouse and keyboard."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPoint, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QNativeGestureEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
    QTransform,
    QWheelEvent,
)
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from compress_studio.gui.network.ink import Ink
from compress_studio.gui.network.layout import Placed
from compress_studio.gui.network.paint import Marks, Picture
from compress_studio.gui.theme.current import tokens, watch

SMALLEST_ZOOM, LARGEST_ZOOM = 0.01, 3.0
LEGIBLE = 0.55
"""Zoom below which a network is not shown as a whole at first."""
READABLE = 0.9
"""Zoom at which a chosen operator is shown at least."""
WIDE = 1.25
"""Width by height from which networks flow to the right."""
FLATTEST = 3.0
"""Longest picture by its height that is aimed at."""
WHEEL = 1.0015
STEP = 1.25
ROOM = 18
"""Pixels left free around everything when it is fitted."""
MOVED = 4
"""Pixels from which a press is a drag."""
MOVES = {
    Qt.Key.Key_Left: (-1, 0),
    Qt.Key.Key_Right: (1, 0),
    Qt.Key.Key_Up: (0, -1),
    Qt.Key.Key_Down: (0, 1),
}


class NetworkView(QWidget):
    """Shows a layout. Click selects, double click opens and closes groups, drag and wheel move, Ctrl+wheel zooms."""

    picked = Signal(object)
    """Number of the box that the user chose, or None."""
    toggled = Signal(int)
    """Number of the group that the user wants to open or close."""
    searched = Signal()
    """The user wants to type into the search field."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("network_view")
        self.setAccessibleName("Picture of the network")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.picture: Picture | None = None
        self.marks = Marks()
        self.zoom = 1.0
        self.origin = QPointF(0, 0)
        """The point of the picture at the top left corner."""
        self.fitted = True
        """Everything is kept in sight until the user moves."""
        self._press: QPoint | None = None
        self._last = QPoint()
        self._dragging = False
        watch().changed.connect(self._restyle)

    def show_placed(self, placed: Placed | None, colors: Ink | None) -> None:
        """Show another layout; begin, fit or anchor say what of it is seen."""
        self.picture = None if placed is None or colors is None else Picture(placed, colors)
        self.marks = Marks()
        self.update()

    def anchor(self, box: int, at: QPointF) -> None:
        """Put the corner of a box at a point of the widget; everything, where that can be read."""
        if self.picture is None:
            return
        zoom, fitted = self.zoom, self.fitted
        self.fit()
        if fitted and self.zoom >= LEGIBLE:
            return
        self.zoom = max(zoom, LEGIBLE) if fitted else zoom
        self.origin = self.picture.rects[box].topLeft() - at / self.zoom
        self._moved()

    def show_ink(self, colors: Ink) -> None:
        """Other colours."""
        if self.picture is not None:
            self.picture.set_ink(colors)
            self.update()

    def mark(self, selected: int | None, matches: frozenset[int] = frozenset(), match: int | None = None) -> None:
        """Highlight boxes, without telling anybody."""
        self.marks = Marks(selected, self.marks.hovered, matches, match)
        self.update()

    def fit(self) -> None:
        """Show everything."""
        self.fitted = True
        if self.picture is None:
            return
        bounds = self.picture.bounds
        wide, high = max(self.width() - 2 * ROOM, 1), max(self.height() - 2 * ROOM, 1)
        zoom = min(wide / max(bounds.width(), 1), high / max(bounds.height(), 1), 1.0)
        self.zoom = max(zoom, SMALLEST_ZOOM)
        self.origin = bounds.center() - QPointF(self.width(), self.height()) / (2 * self.zoom)
        self.update()

    def begin(self) -> None:
        """Show everything, or the beginning where everything would be too small to read."""
        self.fit()
        if self.picture is None or self.zoom >= LEGIBLE:
            return
        bounds = self.picture.bounds
        self.zoom = LEGIBLE
        self.origin = bounds.topLeft() - QPointF(ROOM, ROOM) / self.zoom
        for along, room, length in (("x", self.width(), bounds.width()), ("y", self.height(), bounds.height())):
            spare = room / self.zoom - length
            if spare > 0:
                middle = bounds.center().x() if along == "x" else bounds.center().y()
                shift = middle - room / (2 * self.zoom)
                self.origin = QPointF(shift, self.origin.y()) if along == "x" else QPointF(self.origin.x(), shift)
        self._moved()

    def zoom_by(self, factor: float, at: QPointF | None = None) -> None:
        """Come nearer to a point of the widget (default: its middle)."""
        spot = at if at is not None else QPointF(self.rect().center())
        fixed = self.to_picture(spot)
        self.zoom = min(max(self.zoom * factor, SMALLEST_ZOOM), LARGEST_ZOOM)
        self.origin = fixed - spot / self.zoom
        self._moved()

    def zoom_step(self, steps: int, _checked: bool = False) -> None:
        """Come nearer by some steps, or go away."""
        self.zoom_by(STEP**steps)

    def pan_by(self, way: QPointF | QPoint) -> None:
        """Move what is seen, in pixels."""
        self.origin = self.origin - QPointF(way) / self.zoom
        self._moved()

    def reveal(self, box: int, *, near: bool = False) -> None:
        """Bring a box into sight; near: also close enough to read."""
        if self.picture is None:
            return
        rect = self.picture.rects[box]
        if near and self.zoom < READABLE:
            self.zoom = READABLE
        elif self.seen.contains(rect):
            return
        self.origin = rect.center() - QPointF(self.width(), self.height()) / (2 * self.zoom)
        self._moved()

    @property
    def seen(self) -> QRectF:
        """The part of the picture that is visible."""
        return QRectF(self.origin.x(), self.origin.y(), self.width() / self.zoom, self.height() / self.zoom)

    @property
    def wide(self) -> bool:
        """Whether networks should rather flow to the right here."""
        return self.width() > WIDE * self.height()

    def ratio(self, *, across: bool) -> float:
        """The extent along the flow by that across it which fills the widget."""
        wide, high = max(self.width(), 1), max(self.height(), 1)
        return min(max(wide / high if across else high / wide, 1 / FLATTEST), FLATTEST)

    def to_picture(self, at: QPointF) -> QPointF:
        """From a point of the widget to a point of the picture."""
        return self.origin + at / self.zoom

    def to_widget(self, at: QPointF) -> QPointF:
        """From a point of the picture to a point of the widget."""
        return (at - self.origin) * self.zoom

    def sizeHint(self) -> QSize:
        return QSize(600, 300)

    def _moved(self) -> None:
        self.fitted = False
        self.update()

    def _restyle(self) -> None:
        if self.picture is not None:
            self.picture.restyle()
        self.update()

    def _step(self, way: tuple[int, int]) -> None:
        """Select the nearest box in a direction."""
        if self.picture is None:
            return
        found = self.picture.neighbour(self.marks.selected, way, self.seen)
        if found is not None:
            self.picked.emit(found)
            self.reveal(found)

    def _toggle(self, box: int | None, *, want: bool | None = None) -> None:
        """Open or close the group of a box; want: only this of both."""
        if box is None or self.picture is None:
            return
        placed = self.picture.placed
        is_open = box < placed.opened
        if not placed.is_group[box]:
            if want is False and (parent := self.picture.parent(box)) is not None:
                self.toggled.emit(parent)
        elif want is None or want is not is_open:
            self.toggled.emit(int(placed.refs[box]))

    # events --------------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(event.rect(), QColor(tokens().canvas))
        if self.picture is None:
            return
        painter.setTransform(
            QTransform(self.zoom, 0, 0, self.zoom, -self.origin.x() * self.zoom, -self.origin.y() * self.zoom)
        )
        self.picture.paint(painter, self.seen, self.zoom, self.marks)
        if self.hasFocus() and self.marks.selected is None:
            painter.resetTransform()
            painter.setPen(QColor(tokens().accent))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(self.rect().adjusted(0, 0, -1, -1))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if self.fitted:
            self.fit()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._press = self._last = event.position().toPoint()
        self._dragging = False

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        at = event.position().toPoint()
        if self._press is None:
            return
        if not self._dragging and (at - self._press).manhattanLength() > MOVED:
            self._dragging = True
            self.setCursor(Qt.CursorShape.ClosedHandCursor)
        if self._dragging:
            self.pan_by(at - self._last)
            self._last = at

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        dragged, self._press, self._dragging = self._dragging, None, False
        self.unsetCursor()
        if dragged or event.button() is not Qt.MouseButton.LeftButton or self.picture is None:
            return
        at = self.to_picture(event.position())
        box = self.picture.hit(at)
        self.picked.emit(box)
        if box is not None and self.picture is not None and self.picture.on_sign(box, at):
            self._toggle(box)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if self.picture is not None:
            at = self.to_picture(event.position())
            box = self.picture.hit(at)
            if box is None or not self.picture.on_sign(box, at):
                self._toggle(box)

    def wheelEvent(self, event: QWheelEvent) -> None:
        pixels, turned = event.pixelDelta(), event.angleDelta()
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self.zoom_by(WHEEL ** (turned.y() or pixels.y()), event.position())
        else:
            way = pixels if not pixels.isNull() else turned / 2
            if event.modifiers() & Qt.KeyboardModifier.ShiftModifier and way.x() == 0:
                way = QPoint(way.y(), 0)
            self.pan_by(way)
        event.accept()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = Qt.Key(event.key())
        control = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
        if key in MOVES and not control:
            self._step(MOVES[key])
        elif key is Qt.Key.Key_F and not control:
            self.fit()
        elif key in {Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space}:
            self._toggle(self.marks.selected)
        elif key in {Qt.Key.Key_Plus, Qt.Key.Key_Equal}:
            self.zoom_by(STEP) if control else self._toggle(self.marks.selected, want=True)
        elif key is Qt.Key.Key_Minus:
            self.zoom_by(1 / STEP) if control else self._toggle(self.marks.selected, want=False)
        elif key is Qt.Key.Key_0 and control:
            self.zoom_by(1 / self.zoom)
        elif key is Qt.Key.Key_Escape and self.marks.selected is not None:
            self.picked.emit(None)
        elif key is Qt.Key.Key_Slash:
            self.searched.emit()
        else:
            event.ignore()

    def event(self, event: QEvent) -> bool:
        if event.type() is QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            self._tell(event)
            return True
        if isinstance(event, QNativeGestureEvent) and event.gestureType() is Qt.NativeGestureType.ZoomNativeGesture:
            self.zoom_by(1.0 + event.value(), event.position())
            return True
        return super().event(event)

    def _tell(self, event: QHelpEvent) -> None:
        box = self.picture.hit(self.to_picture(QPointF(event.pos()))) if self.picture is not None else None
        if box is None or self.picture is None:
            QToolTip.hideText()
        else:
            QToolTip.showText(event.globalPos(), self.picture.tip(box), self)
