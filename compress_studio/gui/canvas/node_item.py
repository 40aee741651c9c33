"""A node as it is painted: colour of its group, state, title, what matters of its parameters, results, ports."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, auto

from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QFontMetricsF, QPainter
from PySide6.QtWidgets import QGraphicsRectItem, QStyleOptionGraphicsItem, QWidget

from compress_studio.gui.canvas.ink import BAR, BODY, HEIGHT, WIDTH, Ink, ink
from compress_studio.gui.canvas.look import Look, Mark
from compress_studio.gui.theme.tokens import METRICS
from compress_studio.project.pipeline import TEACHER, NodeId

AIR = 12.0
"""Around the body: room for ports, frames and the name of the teacher port."""
PORT = 5.0
LEFT, RIGHT = BAR + 9.0, WIDTH - 10.0
NEAR, FAR = 0.45, 0.2
"""Scales below which a node shows its title only, or nothing but its colour."""
TEACHER_PLACE = QPointF(28.0, HEIGHT)
OUTPUT_PLACE = QPointF(WIDTH, HEIGHT / 2)
PORT_BOX = QRectF(-PORT, -PORT, 2 * PORT, 2 * PORT)
MARK_BOX = QRectF(0.0, 0.0, 8.0, 8.0)
COLUMN = (RIGHT - LEFT) / 3
PROGRESS = 2.5
GROUP_PLACE, TITLE_PLACE, SUBTITLE_PLACE = QPointF(LEFT, 20.0), QPointF(LEFT, 39.0), QPointF(LEFT, 56.0)
HINT_PLACE, COUNT_PLACE, TAUGHT_PLACE = QPointF(LEFT, 86.0), QPointF(14.0, 9.5), QPointF(9.0, 11.0)
FAR_PLACES = (QPointF(LEFT, HEIGHT / 2 + 8.0),), (QPointF(LEFT, HEIGHT / 2 - 5.0), QPointF(LEFT, HEIGHT / 2 + 22.0))
RULE = QLineF(BAR, 64.0, WIDTH - 1.0, 64.0)
EXCLAMATION = (QRectF(4.9, 3.8, 1.2, 3.2), QRectF(4.9, 7.8, 1.2, 1.2))
CROSS = (QLineF(1.0, 1.0, 7.0, 7.0), QLineF(7.0, 1.0, 1.0, 7.0))
DASH = QLineF(1.0, 4.0, 7.0, 4.0)
TRACK = QRectF(BAR, HEIGHT - PROGRESS, WIDTH - BAR - METRICS.radius, PROGRESS)


class Aim(Enum):
    """What a node is for the connection that is being drawn."""

    NONE = auto()
    POSSIBLE = auto()
    CHOSEN = auto()
    IMPOSSIBLE = auto()


@dataclass(slots=True)
class Zoom:
    """The scale that the scene is shown at; shared by all items."""

    scale: float = 1.0


@dataclass(slots=True)
class _Texts:
    """What fits, with its places."""

    group: str = ""
    title: str = ""
    far_title: tuple[str, ...] = ()
    hint: str = ""
    subtitle: str = ""
    state: QPointF = field(default_factory=QPointF)
    mark: QPointF = field(default_factory=QPointF)
    badges: tuple[tuple[str, str, str, QPointF, QPointF], ...] = ()
    """Label, text, tone, and the places of both."""
    count: str = ""
    warning: QPointF = field(default_factory=QPointF)
    done: QRectF = field(default_factory=QRectF)
    """The part of the progress line that is filled."""
    ports: tuple[tuple[str, QPointF], ...] = ()


class NodeItem(QGraphicsRectItem):
    """One node. Its body lies at (0, 0); everything it knows was handed to it."""

    def __init__(self, node: NodeId, zoom: Zoom) -> None:
        super().__init__(BODY.adjusted(-AIR, -AIR, AIR, AIR + 4.0))
        self.node = node
        self.look: Look | None = None
        self.selected = self.focused = self.hovered = False
        self.aim = Aim.NONE
        self.hot_port = ""
        """The input under the cursor, or "out"."""
        self._zoom = zoom
        self._texts = _Texts()

    def show_look(self, look: Look) -> None:
        """Show this state of the node."""
        if look != self.look:
            self.look = look
            self.refresh()

    def mark(self, **values: object) -> None:
        """Change selected, focused, hovered, aim or hot_port; repaints when one of them is new."""
        for name, value in values.items():
            if getattr(self, name) != value:
                setattr(self, name, value)
                self.update()

    def refresh(self) -> None:
        """Fit the words again, as after a change of theme."""
        if self.look is None:
            return
        look, paint = self.look, ink()
        state_width = paint.small_metrics.horizontalAdvance(look.state)
        state_x = RIGHT - state_width
        count = str(look.cautions) if look.cautions > 1 else ""
        warning = 0.0 if not look.cautions else 18.0 + paint.small_metrics.horizontalAdvance(count)
        self._texts = _Texts(
            group=_fit(paint.caps_metrics, look.group.upper(), state_x - LEFT - 18.0),
            title=_fit(paint.title_metrics, look.title, RIGHT - LEFT - warning),
            far_title=_two_lines(paint.far_metrics, look.title, RIGHT - LEFT + 4.0),
            hint=_fit(paint.plain_metrics, look.hint, RIGHT - LEFT),
            subtitle=_fit(paint.plain_metrics, look.subtitle, RIGHT - LEFT),
            state=QPointF(state_x, 20.0),
            mark=QPointF(state_x - 12.0, 12.5),
            badges=tuple(
                (
                    _fit(paint.small_metrics, badge.label, COLUMN - 4.0),
                    _fit(paint.number_metrics, badge.text, COLUMN + 1.0),
                    badge.tone,
                    QPointF(LEFT + place * COLUMN, 77.0),
                    QPointF(LEFT + place * COLUMN, 91.0),
                )
                for place, badge in enumerate(look.badges)
            ),
            count=count,
            warning=QPointF(
                RIGHT - 11.0 - (paint.small_metrics.horizontalAdvance(count) + 3.0 if count else 0.0), 28.5
            ),
            done=QRectF(TRACK.left(), TRACK.top(), TRACK.width() * max(look.progress or 0.0, 0.02), PROGRESS),
            ports=(*((name, self.input_place(name)) for name in look.inputs), ("out", OUTPUT_PLACE)),
        )
        self.setToolTip(look.tip)
        self.update()

    def input_place(self, name: str) -> QPointF:
        """Where an input is, in the item's own units."""
        if name == TEACHER:
            return TEACHER_PLACE
        sides = [port for port in (self.look.inputs if self.look else ()) if port != TEACHER]
        place = sides.index(name) if name in sides else 0
        return QPointF(0.0, HEIGHT * (place + 1) / (max(len(sides), 1) + 1))

    def inputs(self) -> tuple[str, ...]:
        """Names of the inputs."""
        return self.look.inputs if self.look is not None else ()

    def _paint_far(self, painter: QPainter, paint: Ink, look: Look) -> None:
        """From far away only the title, or the colour, can be told."""
        if self._zoom.scale < FAR:
            painter.fillPath(paint.body, paint.groups[look.group])
            if self.selected or self.aim is Aim.CHOSEN:
                painter.setPen(paint.frame_selected)
                painter.drawPath(paint.body)
            return
        self._paint_body(painter, paint, look)
        painter.setFont(paint.far)
        painter.setPen(paint.pens["bad" if look.wrong else "text"])
        lines = self._texts.far_title
        for place, text in zip(FAR_PLACES[len(lines) - 1], lines, strict=True):
            painter.drawText(place, text)

    def _paint_body(self, painter: QPainter, paint: Ink, look: Look) -> None:
        if self.selected and self.focused:
            painter.setPen(paint.frame_focus)
            painter.drawPath(paint.body)
        painter.setBrush(paint.hover if self.hovered and not self.selected else paint.card)
        if self.aim in {Aim.POSSIBLE, Aim.CHOSEN}:
            painter.setPen(paint.frame_selected if self.aim is Aim.CHOSEN else paint.frame_target)
        elif self.selected:
            painter.setPen(paint.frame_selected)
        elif look.wrong:
            painter.setPen(paint.frame_wrong)
        elif look.off:
            painter.setPen(paint.frame_off)
        else:
            painter.setPen(paint.frame_hover if self.hovered else paint.frame)
        painter.drawPath(paint.body)
        painter.fillPath(paint.bar, paint.groups[look.group])

    def _paint_head(self, painter: QPainter, paint: Ink, look: Look) -> None:
        texts = self._texts
        painter.setFont(paint.caps)
        painter.setPen(paint.pens["muted"])
        painter.drawText(GROUP_PLACE, texts.group)
        if look.state:
            painter.setFont(paint.small)
            painter.setPen(paint.pens[look.tone])
            painter.drawText(texts.state, look.state)
            painter.translate(texts.mark)
            _paint_mark(painter, paint, look)
            painter.translate(-texts.mark)
        painter.setFont(paint.title)
        painter.setPen(paint.pens["text"])
        painter.drawText(TITLE_PLACE, texts.title)
        painter.setFont(paint.plain)
        painter.setPen(paint.pens["muted"])
        painter.drawText(SUBTITLE_PLACE, texts.subtitle)
        if look.cautions:
            self._paint_warning(painter, paint)

    def _paint_warning(self, painter: QPainter, paint: Ink) -> None:
        painter.translate(self._texts.warning)
        painter.setPen(paint.none)
        painter.setBrush(paint.brushes["warn"])
        painter.drawPolygon(paint.triangle)
        painter.setBrush(paint.card)
        for part in EXCLAMATION:
            painter.drawRect(part)
        if self._texts.count:
            painter.setFont(paint.small)
            painter.setPen(paint.pens["warn"])
            painter.drawText(COUNT_PLACE, self._texts.count)
        painter.translate(-self._texts.warning)

    def _paint_results(self, painter: QPainter, paint: Ink, look: Look) -> None:
        painter.setPen(paint.line)
        painter.drawLine(RULE)
        if look.hint:
            painter.setFont(paint.plain)
            painter.setPen(paint.pens["bad" if look.wrong else "muted"])
            painter.drawText(HINT_PLACE, self._texts.hint)
        painter.setFont(paint.small)
        painter.setPen(paint.pens["muted"])
        for label, _, _, place, _ in self._texts.badges:
            painter.drawText(place, label)
        if look.faded:
            painter.setOpacity(0.5)
        painter.setFont(paint.number)
        for _, text, tone, _, place in self._texts.badges:
            painter.setPen(paint.pens[tone])
            painter.drawText(place, text)
        painter.setOpacity(1.0)

    def _paint_progress(self, painter: QPainter, paint: Ink, look: Look) -> None:
        if look.progress is not None:
            painter.fillRect(TRACK, paint.track)
            painter.fillRect(self._texts.done, paint.brushes["warn"])

    def _paint_ports(self, painter: QPainter, paint: Ink, look: Look) -> None:
        for name, place in self._texts.ports:
            painter.translate(place)
            self._paint_port(painter, paint, name)
            if name == TEACHER and not look.taught:
                painter.setFont(paint.small)
                painter.setPen(paint.pens["muted"])
                painter.drawText(TAUGHT_PLACE, TEACHER)
            painter.translate(-place)

    def _paint_port(self, painter: QPainter, paint: Ink, name: str) -> None:
        hot = self.hot_port == name
        painter.setPen(paint.port_open if hot else paint.port)
        painter.setBrush(paint.brushes["accent"] if hot else paint.canvas)
        painter.drawEllipse(PORT_BOX)

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        look = self.look
        if look is None:
            return
        paint = ink()
        painter.setBrush(paint.hollow)
        if self.aim is Aim.IMPOSSIBLE:
            painter.setOpacity(0.4)
        if self._zoom.scale < NEAR:
            self._paint_far(painter, paint, look)
            return
        self._paint_body(painter, paint, look)
        if look.off:
            painter.setOpacity(0.55)
        self._paint_head(painter, paint, look)
        self._paint_results(painter, paint, look)
        self._paint_progress(painter, paint, look)
        self._paint_ports(painter, paint, look)


def _paint_mark(painter: QPainter, paint: Ink, look: Look) -> None:
    """The sign of a state, in a box of 8 by 8."""
    pen, brush = paint.marks[look.tone], paint.brushes[look.tone]
    painter.setPen(pen)
    painter.setBrush(paint.hollow)
    if look.mark is Mark.DOT:
        painter.setPen(paint.none)
        painter.setBrush(brush)
        painter.drawEllipse(MARK_BOX)
    elif look.mark is Mark.CROSS:
        for line in CROSS:
            painter.drawLine(line)
    elif look.mark is Mark.BAR:
        painter.drawLine(DASH)
    else:
        painter.drawEllipse(MARK_BOX)
        if look.mark is Mark.PIE:
            painter.setPen(paint.none)
            painter.setBrush(brush)
            painter.drawPie(MARK_BOX, 90 * 16, -round(360 * 16 * max(look.progress or 0.0, 0.05)))


def _two_lines(metrics: QFontMetricsF, text: str, width: float) -> tuple[str, ...]:
    """The text on one line, or broken between words into two."""
    if metrics.horizontalAdvance(text) <= width:
        return (text,)
    words = text.split(" ")
    count = len(words) - 1
    while count > 1 and metrics.horizontalAdvance(" ".join(words[:count])) > width:
        count -= 1
    if count < 1:
        return (_fit(metrics, text, width),)
    return (_fit(metrics, " ".join(words[:count]), width), _fit(metrics, " ".join(words[count:]), width))


def _fit(metrics: QFontMetricsF, text: str, width: float) -> str:
    """The text, shortened in the middle when it is a file name, else at its end."""
    file = "." in text.rstrip(".…") and " " not in text
    mode = Qt.TextElideMode.ElideMiddle if file else Qt.TextElideMode.ElideRight
    return metrics.elidedText(text, mode, width)
