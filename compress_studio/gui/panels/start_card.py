"""A card that is one large button: a sample or a recent file on the empty page."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QFont, QFontMetrics, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractButton, QSizePolicy, QWidget

from compress_studio.gui.theme import current
from compress_studio.gui.theme.icons import icon
from compress_studio.gui.theme.tokens import METRICS

LINE = 18
TITLE_LINE = 20


class StartCard(QAbstractButton):
    """Icon, title, a text of up to three lines and a detail; Enter and Space press it."""

    def __init__(self, icon_name: str, title: str, text: str, detail: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._icon = icon(icon_name, "accent")
        self._text, self._detail = text, detail
        self.setText(title)
        self.setAccessibleName(title)
        self.setAccessibleDescription(f"{text} {detail}")
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        current.watch().changed.connect(self.update)

    def sizeHint(self) -> QSize:
        return QSize(320, self.heightForWidth(max(self.width(), 320)))

    def minimumSizeHint(self) -> QSize:
        return QSize(180, self.heightForWidth(max(self.width(), 180)))

    def hasHeightForWidth(self) -> bool:
        return True

    def heightForWidth(self, width: int) -> int:
        return 2 * METRICS.pad + TITLE_LINE + self._text_height(width) + LINE

    def keyPressEvent(self, event: object) -> None:
        key = getattr(event, "key", lambda: None)()
        if key in {Qt.Key.Key_Return, Qt.Key.Key_Enter}:
            self.click()
            return
        super().keyPressEvent(event)  # pyright: ignore[reportArgumentType] - PySide's own event

    def event(self, event: QEvent) -> bool:
        if event.type() in {QEvent.Type.HoverEnter, QEvent.Type.HoverLeave}:
            self.update()
        return super().event(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        tokens = current.tokens()
        lit = self.hasFocus() or self.underMouse()
        painter.setPen(QPen(current.color(tokens.accent if self.hasFocus() else tokens.border), 1))
        painter.setBrush(current.color(tokens.hover if lit else tokens.card))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), METRICS.radius, METRICS.radius)
        area = self.rect().adjusted(METRICS.pad, METRICS.pad, -METRICS.pad, -METRICS.pad)
        symbol = METRICS.icon
        self._icon.paint(painter, QRect(area.left(), area.top() + (TITLE_LINE - symbol) // 2, symbol, symbol))
        left = area.left() + symbol + METRICS.gap
        painter.setPen(current.color(tokens.text))
        painter.setFont(current.font(METRICS.font, QFont.Weight.DemiBold))
        title = painter.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideMiddle, area.right() - left)
        painter.drawText(QRect(left, area.top(), area.right() - left, TITLE_LINE), _MIDDLE, title)
        painter.setFont(current.font())
        painter.setPen(current.color(tokens.muted))
        text = QRect(left, area.top() + TITLE_LINE, area.right() - left, self._text_height(self.width()))
        painter.drawText(text, _WRAP, self._fitted(painter.fontMetrics(), text.width()))
        painter.setFont(current.font(METRICS.small_font))
        detail = QRect(left, text.bottom() + 1, text.width(), LINE)
        painter.drawText(detail, _MIDDLE, self._detail)

    def _inner(self, width: int) -> int:
        return max(60, width - 2 * METRICS.pad - METRICS.icon - METRICS.gap)

    def _text_height(self, width: int) -> int:
        metrics = QFontMetrics(current.font())
        if metrics.horizontalAdvance(self._text) <= self._inner(width) or " " not in self._text:
            return LINE
        return metrics.boundingRect(QRect(0, 0, self._inner(width), 4000), _WRAP, self._text).height() + 2

    def _fitted(self, metrics: QFontMetrics, width: int) -> str:
        """Folders have no spaces to break at: their middle is left out."""
        if " " in self._text:
            return self._text
        return metrics.elidedText(self._text, Qt.TextElideMode.ElideMiddle, width)


_MIDDLE = Qt.AlignmentFlag.AlignVCenter
_WRAP = int(Qt.AlignmentFlag.AlignTop.value) | int(Qt.TextFlag.TextWordWrap.value)
