"""Painting a layout: only what is visible, batched by colour, with less detail the further away it is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QBrush, QColor, QFont, QFontMetricsF, QPainter, QPainterPath, QPen

from compress_studio.gui.network.ink import Ink, mix
from compress_studio.gui.network.layout import HEADER, Placed
from compress_studio.gui.theme.current import color, font, tokens
from compress_studio.gui.theme.tokens import METRICS

TEXT_FROM = 0.5
"""Zoom from which there is text in boxes."""
TITLE_FROM = 0.2
"""Zoom from which open groups have titles that stay readable."""
CURVES_FROM = 0.22
"""Zoom from which lines are curves."""
ROUND_FROM = 0.3
SIGN = 22.0
"""Width of the place with + or − in a group."""
PAD = 10.0
SMALLEST_LINE = 3.0
"""Pixels below which a line is not painted."""


@dataclass(slots=True)
class Marks:
    """What is highlighted; numbers of boxes."""

    selected: int | None = None
    hovered: int | None = None
    matches: frozenset[int] = frozenset()
    match: int | None = None


@dataclass(slots=True)
class _Look:
    """Pens and brushes of a theme and an ink."""

    near: list[QBrush]
    far: list[QBrush]
    borders: list[QPen]
    groups: list[QBrush]
    group_pen: QPen
    line: QPen
    far_line: QPen
    marked: QPen
    selected: QPen
    match: QPen
    text: QColor
    muted: QColor


class Picture:
    """A layout with its colours, ready to be painted at any zoom."""

    def __init__(self, placed: Placed, colors: Ink) -> None:
        self.placed = placed
        self.ink = colors
        rects = placed.rects
        self.left, self.top = rects[:, 0], rects[:, 1]
        self.right, self.bottom = rects[:, 0] + rects[:, 2], rects[:, 1] + rects[:, 3]
        self.rects = [QRectF(*row) for row in rects.tolist()]
        curves = placed.curves
        self._bounds(curves)
        self.lines = [QLineF(row[0], row[1], row[6], row[7]) for row in curves.tolist()]
        self.lengths = np.abs(curves[:, 6] - curves[:, 0]) + np.abs(curves[:, 7] - curves[:, 1])
        self.depth = self._depths()
        self.title_font = font(METRICS.font, QFont.Weight.Medium)
        self.small_font = font(METRICS.small_font)
        self._texts: dict[int, tuple[str, str]] = {}
        self._paths: dict[int, QPainterPath] = {}
        self._outgoing: dict[int, list[int]] = {}
        self.restyle()

    @property
    def bounds(self) -> QRectF:
        """Of everything."""
        if not len(self.rects):
            return QRectF()
        low, high = (float(self.left.min()), float(self.top.min())), (float(self.right.max()), float(self.bottom.max()))
        return QRectF(QPointF(*low), QPointF(*high))

    def set_ink(self, colors: Ink) -> None:
        """Other colours."""
        self.ink = colors
        self._texts.clear()
        self.restyle()

    def restyle(self) -> None:
        """Take over the theme."""
        now = tokens()
        colors = self.ink.colors
        deep = [mix(now.canvas, now.panel, min(0.4 + 0.3 * depth, 1.0)) for depth in range(3)] + [now.card]
        plain = self.ink.scale is None
        near = [0.1, *[0.26 if plain else 0.6] * (len(colors) - 1)]
        far = [0.45 if plain else 0.2, *[0.75 if plain else 0.9] * (len(colors) - 1)]
        self._look = _Look(
            near=[QBrush(QColor(mix(now.card, one, share))) for one, share in zip(colors, near, strict=True)],
            far=[QBrush(QColor(mix(now.card, one, share))) for one, share in zip(colors, far, strict=True)],
            borders=[_pen(mix(now.border, one, 0.6), 1.0) for one in colors],
            groups=[QBrush(QColor(one)) for one in deep],
            group_pen=_pen(now.strong_border, 1.0),
            line=_pen(mix(now.canvas, now.muted, 0.75), 1.3),
            far_line=_pen(mix(now.canvas, now.muted, 0.5), 1.0),
            marked=_pen(now.accent, 2.0),
            selected=_pen(now.accent, 2.0),
            match=_pen(now.warn, 2.0),
            text=color(now.text),
            muted=color(now.muted),
        )

    def hit(self, at: QPointF) -> int | None:
        """The innermost box at a point; None for the empty ground."""
        x, y = at.x(), at.y()
        found = np.flatnonzero((self.left <= x) & (x <= self.right) & (self.top <= y) & (y <= self.bottom))
        return int(found[-1]) if len(found) else None

    def on_sign(self, box: int, at: QPointF) -> bool:
        """Whether a point is on the + or − of a group."""
        rect = self.rects[box]
        if not self.placed.is_group[box]:
            return False
        return at.x() >= rect.right() - SIGN and at.y() <= rect.top() + max(
            HEADER, rect.height() * (box >= self.placed.opened)
        )

    def parent(self, box: int) -> int | None:
        """The open group around a box; None for the outermost."""
        ref = int(self.placed.refs[box])
        groups, nodes = self.placed.network.groups, self.placed.network.nodes
        found = groups[ref].parent if self.placed.is_group[box] else nodes[ref]["group"]
        return found if found > 0 else None

    def neighbour(self, box: int | None, way: tuple[int, int], seen: QRectF) -> int | None:
        """The nearest box in a direction; without a box the first one in sight."""
        middles = np.column_stack([(self.left + self.right) / 2, (self.top + self.bottom) / 2])[self.placed.opened :]
        if not len(middles):
            return None
        if box is None:
            inside = (middles[:, 0] > seen.left()) & (middles[:, 1] > seen.top())
            return self.placed.opened + int(np.argmax(inside))
        rect = self.rects[box]
        apart = middles - (rect.center().x(), rect.center().y())
        along = apart @ np.array(way, np.float32)
        beside = np.abs(apart @ np.array(way[::-1], np.float32))
        cost = np.where(along > 1, along + 3 * beside, np.inf)
        nearest = int(np.argmin(cost))
        return self.placed.opened + nearest if np.isfinite(cost[nearest]) else None

    def tip(self, box: int) -> str:
        """The whole name of a box."""
        network, ref = self.placed.network, int(self.placed.refs[box])
        if self.placed.is_group[box]:
            group = network.groups[ref]
            return f"{'.'.join(group.path)}\n{group.count} operators: {group.text}"
        node = network.nodes[ref]
        return f"{node['op']}\n{node['layer'] or node['path'] or node['name']}".strip()

    def paint(self, painter: QPainter, seen: QRectF, zoom: float, marks: Marks) -> None:
        """Paint what is in a part of the picture; the painter has the transformation already."""
        boxes = np.flatnonzero(
            (self.left < seen.right())
            & (self.right > seen.left())
            & (self.top < seen.bottom())
            & (self.bottom > seen.top())
        )
        groups = boxes[boxes < self.placed.opened]
        rest = boxes[boxes >= self.placed.opened]
        self._paint_groups(painter, groups, zoom)
        self._paint_lines(painter, seen, zoom)
        if marks.selected is not None:
            self._paint_marked(painter, marks.selected)
        self._paint_boxes(painter, rest, zoom)
        if zoom >= TEXT_FROM:
            self._paint_texts(painter, rest)
        if zoom >= TITLE_FROM:
            self._paint_titles(painter, groups, zoom)
        self._paint_marks(painter, seen, marks, zoom)

    def texts(self, box: int) -> tuple[str, str]:
        """The two lines of a box, shortened to its width."""
        known = self._texts.get(box)
        if known is None:
            first, second = self._words(box)
            room = self.rects[box].width() - 2 * PAD
            is_group = bool(self.placed.is_group[box])
            known = self._texts[box] = (
                _shortened(first, self.title_font, room - (SIGN - PAD if is_group else 0)),
                _shortened(second, self.small_font, room - (SIGN - PAD if is_group else 0)),
            )
        return known

    def _words(self, box: int) -> tuple[str, str]:
        network, ref = self.placed.network, int(self.placed.refs[box])
        if self.placed.is_group[box]:
            group = network.groups[ref]
            return group.name, group.text
        first, second = network.lines(ref)
        value = self.ink.texts.get(ref) if self.ink.texts is not None else None
        return first, f"{value}  {second}" if value else second

    def _paint_groups(self, painter: QPainter, groups: np.ndarray, zoom: float) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, zoom >= ROUND_FROM)
        painter.setPen(self._look.group_pen)
        for box in groups.tolist():
            painter.setBrush(self._look.groups[min(self.depth[box], len(self._look.groups) - 1)])
            if zoom >= ROUND_FROM:
                painter.drawRoundedRect(self.rects[box], METRICS.radius, METRICS.radius)
            else:
                painter.drawRect(self.rects[box])

    def _paint_lines(self, painter: QPainter, seen: QRectF, zoom: float) -> None:
        visible = np.flatnonzero(
            (self.low_x < seen.right())
            & (self.high_x > seen.left())
            & (self.low_y < seen.bottom())
            & (self.high_y > seen.top())
            & (self.lengths * zoom >= SMALLEST_LINE)
        )
        curved = zoom >= CURVES_FROM
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, curved)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(self._look.line if curved else self._look.far_line)
        if not curved:
            painter.drawLines([self.lines[one] for one in visible.tolist()])
            return
        for one in visible.tolist():
            painter.drawPath(self._path(one))

    def _paint_marked(self, painter: QPainter, box: int) -> None:
        """The lines of the selected box, in and out."""
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(self._look.marked)
        for one in self.touching(box):
            painter.drawPath(self._path(one))

    def touching(self, box: int) -> list[int]:
        """The curves that begin or end at a box."""
        if box not in self._outgoing:
            out = np.flatnonzero(self.placed.sources == box).tolist()
            into = [one for one, ends in enumerate(self.placed.targets) if box in ends]
            self._outgoing = {box: [*out, *into]}
        return self._outgoing[box]

    def _paint_boxes(self, painter: QPainter, boxes: np.ndarray, zoom: float) -> None:
        far = zoom < ROUND_FROM
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, not far)
        inks = self.ink.of[boxes]
        for shade in np.unique(inks).tolist():
            chosen = boxes[inks == shade].tolist()
            painter.setBrush((self._look.far if far else self._look.near)[shade])
            if far:
                painter.setPen(Qt.PenStyle.NoPen)
                painter.drawRects([self.rects[box] for box in chosen])
                continue
            painter.setPen(self._look.borders[shade])
            for box in chosen:
                painter.drawRoundedRect(self.rects[box], METRICS.small_radius, METRICS.small_radius)

    def _paint_texts(self, painter: QPainter, boxes: np.ndarray) -> None:
        chosen = boxes.tolist()
        is_group = self.placed.is_group
        painter.setFont(self.title_font)
        painter.setPen(self._look.text)
        for box in chosen:
            rect, (first, second) = self.rects[box], self.texts(box)
            y = rect.center().y() + (-2.5 if second else 4.5)
            painter.drawText(QPointF(rect.left() + PAD, y), first)
        painter.setFont(self.small_font)
        painter.setPen(self._look.muted)
        for box in chosen:
            rect, (_, second) = self.rects[box], self.texts(box)
            if second:
                painter.drawText(QPointF(rect.left() + PAD, rect.center().y() + 12), second)
        painter.setPen(self._look.muted)
        for box in chosen:
            if is_group[box]:
                self._paint_sign(painter, self.rects[box], self.rects[box].center().y(), opened=False)

    def _paint_titles(self, painter: QPainter, groups: np.ndarray, zoom: float) -> None:
        """Titles of open groups; further away they keep their size on the screen as long as they fit."""
        painter.setPen(self._look.muted)
        for box in groups.tolist():
            rect = self.rects[box]
            if zoom >= TEXT_FROM:
                painter.setFont(self.title_font)
                painter.drawText(QPointF(rect.left() + PAD, rect.top() + 17), self.texts(box)[0])
                self._paint_sign(painter, rect, rect.top() + HEADER / 2, opened=True)
            elif rect.width() * zoom > 40 and self.depth[box] < 2:
                one = font(round(METRICS.small_font / zoom), QFont.Weight.Medium)
                if one.pixelSize() <= HEADER:
                    painter.setFont(one)
                    text = QFontMetricsF(one).elidedText(
                        self._words(box)[0], Qt.TextElideMode.ElideMiddle, rect.width() - PAD
                    )
                    painter.drawText(QPointF(rect.left() + PAD / 2, rect.top() + HEADER * 0.9), text)

    def _paint_sign(self, painter: QPainter, rect: QRectF, y: float, *, opened: bool) -> None:
        x = rect.right() - SIGN / 2 - 2
        painter.drawLine(QPointF(x - 4, y), QPointF(x + 4, y))
        if not opened:
            painter.drawLine(QPointF(x, y - 4), QPointF(x, y + 4))

    def _paint_marks(self, painter: QPainter, seen: QRectF, marks: Marks, zoom: float) -> None:
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, zoom >= ROUND_FROM)
        shown: Iterable[tuple[Iterable[int], QPen, float]] = (
            (marks.matches, self._look.match, 2.0),
            ([marks.match] if marks.match is not None else [], self._look.match, 4.0),
            ([marks.selected] if marks.selected is not None else [], self._look.selected, 1.0),
        )
        for boxes, pen, out in shown:
            painter.setPen(pen)
            reach = out / max(zoom, 0.05) if zoom < 1 else out
            for box in boxes:
                rect = self.rects[box].adjusted(-reach, -reach, reach, reach)
                if not rect.intersects(seen):
                    continue
                painter.drawRoundedRect(rect, METRICS.small_radius + out, METRICS.small_radius + out)

    def _path(self, one: int) -> QPainterPath:
        path = self._paths.get(one)
        if path is None:
            row = self.placed.curves[one].tolist()
            path = self._paths[one] = QPainterPath(QPointF(row[0], row[1]))
            if row[0] == row[6] and row[2] == row[0]:
                path.lineTo(row[6], row[7])
            else:
                path.cubicTo(*row[2:])
        return path

    def _bounds(self, curves: np.ndarray) -> None:
        xs, ys = curves[:, 0::2], curves[:, 1::2]
        self.low_x, self.high_x = (xs.min(1) - 1, xs.max(1) + 1) if len(curves) else (xs[:, 0:1], xs[:, 0:1])
        self.low_y, self.high_y = (ys.min(1) - 1, ys.max(1) + 1) if len(curves) else (ys[:, 0:1], ys[:, 0:1])

    def _depths(self) -> list[int]:
        """How deep each open group is nested."""
        groups = self.placed.network.groups
        depths: list[int] = []
        for box in range(self.placed.opened):
            depth, one = 0, groups[int(self.placed.refs[box])].parent
            while one > 0:
                depth, one = depth + 1, groups[one].parent
            depths.append(depth)
        return depths


def _pen(value: str, width: float) -> QPen:
    """A pen that stays as wide on the screen at any zoom."""
    pen = QPen(QColor(value), width)
    pen.setCosmetic(True)
    return pen


def _shortened(text: str, one: QFont, room: float) -> str:
    return QFontMetricsF(one).elidedText(text, Qt.TextElideMode.ElideMiddle, room)
