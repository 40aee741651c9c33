"""The view on the pipeline: pan, zoom, mouse, keyboard and drops."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QMimeData, QPoint, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import (
    QContextMenuEvent,
    QDragEnterEvent,
    QDragLeaveEvent,
    QDragMoveEvent,
    QDropEvent,
    QFocusEvent,
    QKeyEvent,
    QMouseEvent,
    QNativeGestureEvent,
    QPainter,
    QPolygonF,
    QTransform,
    QWheelEvent,
)
from PySide6.QtWidgets import QGraphicsView, QLabel, QWidget

from compress_studio.gui.canvas import gestures, keyboard, pressing
from compress_studio.gui.canvas.ink import ink
from compress_studio.gui.canvas.scene import PipelineScene
from compress_studio.gui.theme.tokens import METRICS
from compress_studio.project.pipeline import NodeId

if TYPE_CHECKING:
    from compress_studio.gui.session import Session

MIME = "application/x-compress-studio-step"
"""What the library drags: the id of a step as UTF-8."""
LEAST, MOST = 0.1, 3.0
READABLE = 0.7
"""Nobody who did not ask for it sees nodes smaller than that."""
WHEEL = 1.0015
"""Factor of the scale per unit of a wheel; 120 units are one notch."""
THRESHOLD = 4
"""Pixels from a click to a drag."""
MARGIN = 40.0
DOTS_APART = 16.0
Keys = Qt.KeyboardModifier


class PipelineView(QGraphicsView):
    """Shows the scene, and turns what mouse and keyboard do into gestures."""

    zoomed = Signal(float)
    moved = Signal()
    """Another part of the scene is seen."""
    step_wanted = Signal(object)
    """editing.Spot: the user asks for a step to put there."""
    menu_wanted = Signal(object)
    """QPoint on the screen: the context menu for what is selected."""
    form_wanted = Signal()

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        self.pipeline = PipelineScene()
        super().__init__(self.pipeline, parent)
        self.pipeline.setParent(self)
        self.session = session
        self.pipeline.steps = session.runtime.steps
        self.touched = False
        """The user chose what is seen: it is not fitted any more."""
        self.space = False
        """The space bar is held: the left button pans."""
        self.gesture: gestures.Gesture | None = None
        self.cursor_spot: QPointF | None = None
        """Where the mouse is, in the scene; None outside."""
        self._press: pressing.Press | None = None
        self._drop: gestures.PlaceStep | None = None
        self._dots = QPolygonF()
        self._dots_for = (0.0, 0, 0)
        self._note = QLabel(self)
        self._note.setObjectName("canvas_note")
        self._note.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._note.setProperty("surface", "card")
        self._note.setContentsMargins(8, 4, 8, 4)
        self._note.hide()
        self._set_up()

    def _set_up(self) -> None:
        self.setObjectName("pipeline_view")
        self.setAccessibleName("Pipeline")
        self.setFrameShape(QGraphicsView.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setRenderHint(QPainter.RenderHint.Antialiasing)
        self.setViewportUpdateMode(QGraphicsView.ViewportUpdateMode.SmartViewportUpdate)
        self.setOptimizationFlag(QGraphicsView.OptimizationFlag.DontAdjustForAntialiasing)
        self.setCacheMode(QGraphicsView.CacheModeFlag.CacheNone)
        self.setTransformationAnchor(QGraphicsView.ViewportAnchor.NoAnchor)
        self.setResizeAnchor(QGraphicsView.ViewportAnchor.NoAnchor)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setAcceptDrops(True)

    @property
    def scale_now(self) -> float:
        """How large things are seen: 1 is their own size."""
        return self.transform().m11()

    def zoom_to(self, scale: float, at: QPointF | None = None) -> None:
        """Show everything at this scale; the point at (in pixels) stays where it is."""
        center = QPointF(self.viewport().rect().center())
        spot = center if at is None else at
        before = self.scene_spot(spot)
        scale = max(LEAST, min(MOST, scale))
        if scale != self.scale_now:
            self.pipeline.zoom.scale = scale
            self.setTransform(QTransform.fromScale(scale, scale))
            shift = self.viewportTransform().map(before) - spot
            self.pan_by(-shift.toPoint())
            self.zoomed.emit(scale)

    def zoom_by(self, factor: float, at: QPointF | None = None) -> None:
        """Larger or smaller."""
        self.touched = True
        self.zoom_to(self.scale_now * factor, at)

    def fit(self, nodes: list[NodeId] | None = None, *, least: float = LEAST) -> None:
        """Show these nodes, or all, in their own size or as large as they fit.

        least: do not make them smaller than that; what does not fit is then out of sight at the right and below.
        """
        box = self.pipeline.content(nodes).adjusted(-MARGIN, -MARGIN, MARGIN, MARGIN)
        size = self.viewport().size()
        scale = max(least, min(size.width() / box.width(), size.height() / box.height(), 1.0))
        self.zoom_to(scale)
        width, height = min(box.width(), size.width() / scale), min(box.height(), size.height() / scale)
        self.centerOn(box.left() + width / 2, box.top() + height / 2)
        self.moved.emit()

    def reveal(self, nodes: list[NodeId]) -> None:
        """Move what is seen just enough to show these nodes."""
        box = self.pipeline.content(nodes)
        if not box.isNull():
            self.ensureVisible(box, round(MARGIN), round(MARGIN / 2))
            self.moved.emit()

    def pan_by(self, way: QPoint) -> None:
        """Move what is seen by pixels."""
        across, down = self.horizontalScrollBar(), self.verticalScrollBar()
        across.setValue(across.value() - way.x())
        down.setValue(down.value() - way.y())
        self.moved.emit()

    def scene_spot(self, pixel: QPointF) -> QPointF:
        """The point of the scene under a pixel of the viewport, to a fraction."""
        return self.viewportTransform().inverted()[0].map(pixel)

    def seen(self) -> QRectF:
        """The part of the scene that is seen."""
        return self.mapToScene(self.viewport().rect()).boundingRect()

    def show_selection(self) -> None:
        """Frame what is selected in the session."""
        self.pipeline.show_selection(self.session.selection, focused=self.hasFocus())

    def say(self, text: str) -> None:
        """A few words beside the cursor while something is dragged; none hides them."""
        if text != self._note.text():
            self._note.setText(text)
            self._note.adjustSize()
        self._note.setVisible(bool(text))
        if text:
            self._note.raise_()

    def begin(self, gesture: gestures.Gesture, at: QPointF) -> None:
        """Start a gesture."""
        self.gesture = gesture
        self.viewport().setCursor(gesture.cursor)
        gesture.start(at)

    def cancel_gesture(self) -> bool:
        """Give up what is being done with the mouse; False when that is nothing."""
        gesture, self.gesture = self.gesture, None
        had = gesture is not None or self._press is not None
        self._press = None
        self.say("")
        self.rest_cursor()
        if gesture is not None:
            gesture.cancel()
        return had

    def rest_cursor(self) -> None:
        """The cursor while no button is pressed."""
        if self.space:
            self.viewport().setCursor(Qt.CursorShape.OpenHandCursor)
        else:
            self.viewport().unsetCursor()

    def _drag(self, event: QMouseEvent) -> None:
        press = self._press
        pixel = event.position()
        if press is not None and self.gesture is None:
            if (pixel - press.pixel).manhattanLength() < THRESHOLD or press.gesture is None:
                return
            self.begin(press.gesture, self.scene_spot(press.pixel))
        if isinstance(self.gesture, gestures.Pan):
            self.gesture.drag(pixel.toPoint())
        elif self.gesture is not None:
            self._place_note(pixel.toPoint())
            self.gesture.move(self.scene_spot(pixel), event.modifiers())

    def _place_note(self, pixel: QPoint) -> None:
        size = self._note.size()
        x = min(pixel.x() + 16, self.width() - size.width() - 8)
        self._note.move(x, min(pixel.y() + 18, self.height() - size.height() - 8))

    def _step_in(self, data: QMimeData) -> str:
        return data.data(MIME).toStdString() if data.hasFormat(MIME) else ""

    # events ---------------------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if self._press is not None or self.gesture is not None:
            self.cancel_gesture()
            return
        self.setFocus(Qt.FocusReason.MouseFocusReason)
        self._press = pressing.read(self, event)
        event.accept()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self.cursor_spot = self.scene_spot(event.position())
        if self._press is not None:
            self._drag(event)
        elif not self.space:
            pressing.hover(self, self.cursor_spot)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        press, gesture = self._press, self.gesture
        if press is None or event.button() is not press.button:
            return
        self._press = self.gesture = None
        self.say("")
        self.rest_cursor()
        if gesture is not None:
            gesture.finish(self.scene_spot(event.position()))
        else:
            press.click()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        spot = self.scene_spot(event.position())
        if event.button() is not Qt.MouseButton.LeftButton:
            return
        if self.pipeline.node_at(spot) is not None:
            self.form_wanted.emit()
        elif self.pipeline.edge_at(spot) is None:
            pressing.ask_for_step(self, spot)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        if event.reason() is QContextMenuEvent.Reason.Keyboard and self.session.current in self.pipeline.nodes:
            place = self.pipeline.content([self.session.current]).center()
            self.menu_wanted.emit(self.viewport().mapToGlobal(self.mapFromScene(place)))
        else:
            pressing.select_for_menu(self, self.scene_spot(QPointF(event.pos())))
            self.menu_wanted.emit(event.globalPos())

    def wheelEvent(self, event: QWheelEvent) -> None:
        self.touched = True
        pixels, turned = event.pixelDelta(), event.angleDelta()
        if event.modifiers() & Keys.ControlModifier:
            self.zoom_by(WHEEL ** (turned.y() or pixels.y()), event.position())
        else:
            way = pixels if not pixels.isNull() else turned / 2
            if event.modifiers() & Keys.ShiftModifier and way.x() == 0:
                way = QPoint(way.y(), 0)
            self.pan_by(way)
        event.accept()

    def viewportEvent(self, event: QEvent) -> bool:
        if isinstance(event, QNativeGestureEvent):
            if event.gestureType() is Qt.NativeGestureType.ZoomNativeGesture:
                self.zoom_by(1.0 + event.value(), event.position())
                return True
        elif event.type() is QEvent.Type.Leave:
            self.cursor_spot = None
            if self._press is None:
                self.pipeline.hover(None, None, None)
        return super().viewportEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Space and not event.isAutoRepeat():
            self.space = True
            self.rest_cursor()
        elif not keyboard.pressed(self, event):
            event.ignore()

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Space and not event.isAutoRepeat():
            self.space = False
            self.rest_cursor()
        elif event.key() in keyboard.ARROWS and not event.isAutoRepeat():
            self.session.end_gesture()

    def focusNextPrevChild(self, forward: bool) -> bool:
        return keyboard.tab(self, forward=forward) or super().focusNextPrevChild(forward)

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.show_selection()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.space = False
        if event.reason() is not Qt.FocusReason.PopupFocusReason:
            self.cancel_gesture()
        self.show_selection()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        step = self._step_in(event.mimeData())
        if step:
            self._drop = gestures.PlaceStep(self, step)
            event.acceptProposedAction()
        else:
            event.ignore()

    def dragMoveEvent(self, event: QDragMoveEvent) -> None:
        if self._drop is None:
            event.ignore()
            return
        self._place_note(event.position().toPoint())
        self._drop.move(self.scene_spot(event.position()), event.modifiers())
        event.acceptProposedAction()

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        drop, self._drop = self._drop, None
        self.say("")
        if drop is not None:
            drop.cancel()

    def dropEvent(self, event: QDropEvent) -> None:
        drop, self._drop = self._drop, None
        self.say("")
        if drop is None:
            event.ignore()
            return
        spot = self.scene_spot(event.position())
        drop.move(spot, event.modifiers())
        drop.finish(spot)
        self.say("")
        event.acceptProposedAction()
        self.setFocus(Qt.FocusReason.OtherFocusReason)

    def drawBackground(self, painter: QPainter, rect: QRectF | object) -> None:
        painter.resetTransform()
        size = self.viewport().size()
        paint = ink()
        painter.fillRect(self.viewport().rect(), paint.canvas)
        apart = METRICS.grid * self.scale_now
        while apart < DOTS_APART:
            apart *= 2
        if self._dots_for != (apart, size.width(), size.height()):
            self._dots_for = (apart, size.width(), size.height())
            across, down = round(size.width() / apart) + 2, round(size.height() / apart) + 2
            self._dots = QPolygonF([QPointF(x * apart, y * apart) for x in range(across) for y in range(down)])
        origin = self.mapFromScene(0.0, 0.0)
        painter.translate(origin.x() % apart - apart, origin.y() % apart - apart)
        painter.setPen(paint.dots)
        painter.drawPoints(self._dots)
