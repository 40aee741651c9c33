"""Pens, brushes and fonts of the canvas, made once per theme, so that painting makes nothing."""

from __future__ import annotations

from functools import lru_cache

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QBrush, QFont, QFontMetricsF, QPainterPath, QPen, QPolygonF

from compress_studio.gui.theme import current
from compress_studio.gui.theme.tokens import METRICS, Tokens

WIDTH, HEIGHT = float(METRICS.node_width), float(METRICS.node_height)
BAR = 5.0
"""Width of the group's colour at the left edge of a node."""
TONES = ("text", "muted", "faint", "accent", "good", "warn", "bad", "info")
BODY = QRectF(0.0, 0.0, WIDTH, HEIGHT)


class Ink:
    """Everything that one theme paints the canvas with."""

    def __init__(self, tokens: Tokens) -> None:
        self.tokens = tokens
        color = current.color
        self.pens = {tone: QPen(color(getattr(tokens, tone))) for tone in TONES}
        self.marks = {tone: QPen(color(getattr(tokens, tone)), 1.4) for tone in TONES}
        self.brushes = {tone: QBrush(color(getattr(tokens, tone))) for tone in TONES}
        self.groups = {group: QBrush(color(value)) for group, value in tokens.groups.items()}
        self.none = QPen(Qt.PenStyle.NoPen)
        self.hollow = QBrush(Qt.BrushStyle.NoBrush)
        self.card = QBrush(color(tokens.card))
        self.hover = QBrush(color(tokens.raised))
        self.canvas = QBrush(color(tokens.canvas))
        self.frame = QPen(color(tokens.border), 1.0)
        self.frame_hover = QPen(color(tokens.strong_border), 1.0)
        self.frame_selected = QPen(color(tokens.accent), 2.0)
        self.frame_focus = QPen(color(tokens.accent, 0.35), 6.0)
        self.frame_wrong = QPen(color(tokens.bad), 1.5)
        self.frame_off = QPen(color(tokens.strong_border), 1.0, Qt.PenStyle.DashLine)
        self.frame_target = QPen(color(tokens.accent), 1.5, Qt.PenStyle.DashLine)
        self.line = QPen(color(tokens.border), 1.0)
        self.track = QBrush(color(tokens.border))
        self.port = QPen(color(tokens.muted), 1.5)
        self.port_open = QPen(color(tokens.accent), 2.0)
        self.edge = _round(QPen(color(tokens.muted), 2.0))
        self.edge_off = _round(QPen(color(tokens.faint, 0.6), 2.0))
        self.edge_hover = _round(QPen(color(tokens.text), 2.5))
        self.edge_selected = _round(QPen(color(tokens.accent), 2.5))
        self.edge_target = _round(QPen(color(tokens.accent), 4.0))
        self.teacher = _dashed(self.edge)
        self.teacher_off = _dashed(self.edge_off)
        self.teacher_hover = _dashed(self.edge_hover)
        self.teacher_selected = _dashed(self.edge_selected)
        self.draft = _dashed(self.edge_selected)
        self.band = QBrush(color(tokens.accent, 0.12))
        self.band_frame = QPen(color(tokens.accent), 1.0)
        self.cut = QPen(color(tokens.bad), 1.5, Qt.PenStyle.DashLine)
        self.ghost = QPen(color(tokens.strong_border), 1.2, Qt.PenStyle.DashLine)
        self.dots = QPen(color(tokens.grid), 1.6)
        for pen in (self.band_frame, self.cut):
            pen.setCosmetic(True)
        self._fonts()
        self._shapes()

    def _fonts(self) -> None:
        bold, medium = QFont.Weight.DemiBold, QFont.Weight.Medium
        self.small = current.font(METRICS.small_font - 1)
        self.caps = current.font(METRICS.small_font - 1, medium)
        self.caps.setLetterSpacing(QFont.SpacingType.AbsoluteSpacing, 0.4)
        self.title = current.font(METRICS.title_font - 1, bold)
        self.plain = current.font(METRICS.small_font)
        self.number = current.font(METRICS.small_font, bold, tabular=True)
        self.far = current.font(METRICS.hero_font, bold)
        self.small_metrics = QFontMetricsF(self.small)
        self.caps_metrics = QFontMetricsF(self.caps)
        self.title_metrics = QFontMetricsF(self.title)
        self.plain_metrics = QFontMetricsF(self.plain)
        self.number_metrics = QFontMetricsF(self.number)
        self.far_metrics = QFontMetricsF(self.far)

    def _shapes(self) -> None:
        """The colour bar follows the round corners of the body."""
        body, strip = QPainterPath(), QPainterPath()
        body.addRoundedRect(BODY, METRICS.radius, METRICS.radius)
        strip.addRect(QRectF(0.0, 0.0, BAR, HEIGHT))
        self.bar = body.intersected(strip)
        self.body = body
        self.triangle = QPolygonF([QPointF(0.0, 10.0), QPointF(5.5, 0.5), QPointF(11.0, 10.0)])


def _round(pen: QPen) -> QPen:
    pen.setCapStyle(Qt.PenCapStyle.RoundCap)
    return pen


def _dashed(pen: QPen) -> QPen:
    made = QPen(pen)
    made.setDashPattern([3.0, 2.5])
    made.setCapStyle(Qt.PenCapStyle.FlatCap)
    return made


@lru_cache(maxsize=4)
def _ink(name: str) -> Ink:
    return Ink(current.tokens())


def ink() -> Ink:
    """What the theme in force paints the canvas with."""
    return _ink(current.tokens().name)
