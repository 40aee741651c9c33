"""Monochrome icons: SVG files with currentColor, tinted by the theme when they are painted."""

from __future__ import annotations

from PySide6.QtCore import QByteArray, QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QIcon, QIconEngine, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer

from compress_studio.base.paths import resource
from compress_studio.gui.theme.current import tokens


class _Engine(QIconEngine):
    """Paints one SVG in the colour that the theme has at that moment."""

    def __init__(self, name: str, tone: str) -> None:
        super().__init__()
        self._name = name
        self._tone = tone
        self._made: dict[str, QSvgRenderer] = {}

    def paint(self, painter: QPainter, rect: QRect, mode: QIcon.Mode, state: QIcon.State) -> None:
        value = tokens().faint if mode is QIcon.Mode.Disabled else getattr(tokens(), self._tone)
        if value not in self._made:
            text = (resource("icons") / f"{self._name}.svg").read_text(encoding="utf-8")
            self._made[value] = QSvgRenderer(QByteArray(text.replace("currentColor", value).encode()))
        self._made[value].render(painter, QRectF(rect))

    def pixmap(self, size: QSize, mode: QIcon.Mode, state: QIcon.State) -> QPixmap:
        made = QPixmap(size)
        made.fill(Qt.GlobalColor.transparent)
        painter = QPainter(made)
        self.paint(painter, QRect(QPointF(0, 0).toPoint(), size), mode, state)
        painter.end()
        return made

    def clone(self) -> QIconEngine:
        return _Engine(self._name, self._tone)


def icon(name: str, tone: str = "text") -> QIcon:
    """The icon resources/icons/NAME.svg in a colour of the tokens ("text", "muted", "accent", "bad", …)."""
    return QIcon(_Engine(name, tone))
