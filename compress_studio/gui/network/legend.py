"""What the colours mean, in one line below the picture."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from compress_studio.gui.network.ink import Ink
from compress_studio.gui.theme.current import color, font, tokens
from compress_studio.gui.theme.tokens import METRICS

SWATCH = 10.0
SHADE = 22.0


class Legend(QWidget):
    """Swatches with words, or a scale with its two ends; beside them a message while something goes on."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("network_legend")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._ink: Ink | None = None
        self._message = ""
        self._tone = "muted"

    def show_ink(self, colors: Ink | None) -> None:
        """Explain these colours."""
        self._ink = colors
        self._say()

    def show_message(self, text: str, tone: str = "muted") -> None:
        """Say what goes on, or why there are no values."""
        self._message, self._tone = text, tone
        self._say()

    @property
    def message(self) -> str:
        """What is said beside the colours."""
        return self._message

    def sizeHint(self) -> QSize:
        return QSize(200, METRICS.row - 4)

    def _say(self) -> None:
        scale = self._ink.scale if self._ink is not None else None
        names = [one.label for one in self._ink.legend if one.label] if self._ink is not None else []
        told = "; ".join(filter(None, [" to ".join(scale) if scale else "", ", ".join(names), self._message]))
        self.setAccessibleName(f"Colours: {told}")
        self.setToolTip(self._message)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        one = font(METRICS.small_font)
        painter.setFont(one)
        metrics = QFontMetricsF(one)
        x = float(METRICS.gap)
        if self._ink is not None:
            x = self._paint_scale(painter, metrics, x) if self._ink.scale else self._paint_names(painter, metrics, x)
        if self._message:
            room = self.width() - x - METRICS.gap
            painter.setPen(color(getattr(tokens(), self._tone)))
            text = metrics.elidedText(self._message, Qt.TextElideMode.ElideRight, room)
            self._text(painter, x, text)

    def _paint_names(self, painter: QPainter, metrics: QFontMetricsF, x: float) -> float:
        assert self._ink is not None
        for swatch in self._ink.legend:
            width = SWATCH + 5 + metrics.horizontalAdvance(swatch.label)
            if x + width > self.width() - METRICS.gap:
                break
            x = self._swatch(painter, x, swatch.color, SWATCH) + 5
            painter.setPen(color(tokens().muted))
            x = self._text(painter, x, swatch.label) + 1.5 * METRICS.gap
        return x

    def _paint_scale(self, painter: QPainter, metrics: QFontMetricsF, x: float) -> float:
        assert self._ink is not None
        assert self._ink.scale is not None
        painter.setPen(color(tokens().muted))
        x = self._text(painter, x, self._ink.scale[0]) + METRICS.gap
        for swatch in self._ink.legend[:-1]:
            x = self._swatch(painter, x, swatch.color, SHADE)
        painter.setPen(color(tokens().muted))
        x = self._text(painter, x + METRICS.gap, self._ink.scale[1]) + 2 * METRICS.gap
        last = self._ink.legend[-1]
        x = self._swatch(painter, x, last.color, SWATCH) + 5
        painter.setPen(color(tokens().muted))
        return self._text(painter, x, last.label) + 2 * METRICS.gap

    def _swatch(self, painter: QPainter, x: float, value: str, width: float) -> float:
        painter.fillRect(QRectF(x, (self.height() - SWATCH) / 2, width, SWATCH), QColor(value))
        return x + width

    def _text(self, painter: QPainter, x: float, text: str) -> float:
        metrics = QFontMetricsF(painter.font())
        painter.drawText(QPointF(x, (self.height() + metrics.capHeight()) / 2), text)
        return x + metrics.horizontalAdvance(text)
