"""The look that all charts share: pens, brushes, fonts and distances, from the tokens in force."""

from __future__ import annotations

from functools import lru_cache

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QBrush, QColor, QFont, QFontMetricsF, QPainter, QPen

from compress_studio.gui.theme.current import color, font, tokens
from compress_studio.gui.theme.tokens import METRICS

LINE = 1.6
"""Width of a curve that matters."""
HAIR = 1.0
FEW = 600
"""Points up to which a curve is drawn smoothly; more are drawn fast."""
BAR = 14.0
"""Height of a bar."""
ROW = 26.0
FRONT = Qt.PenStyle.DashLine


@lru_cache(maxsize=1024)
def pen(value: str, width: float = HAIR, alpha: float = 1.0, style: Qt.PenStyle = Qt.PenStyle.SolidLine) -> QPen:
    """A pen whose width does not grow with the axes. Shared: never change it."""
    made = QPen(color(value, alpha), width, style)
    made.setCosmetic(True)
    made.setCapStyle(Qt.PenCapStyle.FlatCap)
    made.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
    return made


@lru_cache(maxsize=1024)
def brush(value: str, alpha: float = 1.0) -> QBrush:
    """A plain fill. Shared: never change it."""
    return QBrush(color(value, alpha))


def background() -> QColor:
    """Behind every chart."""
    return color(tokens().window)


def small_font(weight: QFont.Weight = QFont.Weight.Normal) -> QFont:
    """Of axes and labels; all digits equally wide."""
    return font(METRICS.small_font, weight, tabular=True)


def text_font(weight: QFont.Weight = QFont.Weight.Normal) -> QFont:
    """Of names of rows."""
    return font(METRICS.font - 1, weight, tabular=True)


def group_color(group: str) -> str:
    """The colour of a group of steps; the one of a source for groups that are not known."""
    groups = tokens().groups
    return groups.get(group, tokens().muted)


def series_color(place: int) -> str:
    """The colour of the n-th data series that is not the original."""
    series = tokens().series
    return series[1 + place % (len(series) - 1)]


def original_color() -> str:
    """The colour of the original."""
    return tokens().series[0]


def draw_text(
    painter: QPainter,
    box: QRectF,
    text: str,
    value: str,
    used: QFont,
    align: Qt.AlignmentFlag = Qt.AlignmentFlag.AlignLeft,
    elide: Qt.TextElideMode = Qt.TextElideMode.ElideMiddle,
) -> None:
    """One line of text in a box, shortened where it does not fit."""
    shown = QFontMetricsF(used).elidedText(text, elide, box.width())
    painter.setFont(used)
    painter.setPen(color(value))
    painter.drawText(box, align | Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextSingleLine, shown)
