"""Monochrome icons: SVG files with currentColor, tinted by the theme when they are painted."""

from __future__ import annotations

from functools import lru_cache

from PySide6.QtCore import QByteArray, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QIcon, QIconEngine, QPainter, QPixmap, QPixmapCache
from PySide6.QtSvg import QSvgRenderer

from compress_studio.gui.theme.current import tokens
from compress_studio.gui.theme.drawings import tinted


@lru_cache(maxsize=256)
def _renderer(name: str, color: str) -> QSvgRenderer:
    """One SVG in one colour, read once."""
    return QSvgRenderer(QByteArray(tinted(name, color)))


class _Engine(QIconEngine):
    """Paints one SVG in the colour that the theme has at that moment, at the resolution that is asked for."""

    def __init__(self, name: str, tone: str) -> None:
        super().__init__()
        self._name = name
        self._tone = tone

    def paint(self, painter: QPainter, rect: QRect, mode: QIcon.Mode, state: QIcon.State) -> None:
        side = min(rect.width(), rect.height())
        square = QRectF(0, 0, side, side)
        square.moveCenter(QRectF(rect).center())
        _renderer(self._name, self._color(mode)).render(painter, square)

    def pixmap(self, size: QSize, mode: QIcon.Mode, state: QIcon.State) -> QPixmap:
        """size is in device pixels; Qt sets the ratio on what it gets."""
        key = f"icon:{self._name}:{self._color(mode)}:{size.width()}x{size.height()}"
        made = QPixmap(size)
        if not QPixmapCache.find(key, made):
            made.fill(Qt.GlobalColor.transparent)
            painter = QPainter(made)
            self.paint(painter, QRect(0, 0, size.width(), size.height()), mode, state)
            painter.end()
            QPixmapCache.insert(key, made)
        return QPixmap(made)

    def clone(self) -> QIconEngine:
        return _Engine(self._name, self._tone)

    def _color(self, mode: QIcon.Mode) -> str:
        return tokens().faint if mode is QIcon.Mode.Disabled else getattr(tokens(), self._tone)


def icon(name: str, tone: str = "text") -> QIcon:
    """The icon resources/icons/NAME.svg in a colour of the tokens ("text", "muted", "accent", "bad", …)."""
    return QIcon(_Engine(name, tone))
