"""A few samples with their labels: small pictures side by side, or the first numbers of some rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from PySide6.QtCore import QEvent, QPoint, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QFontMetrics, QHelpEvent, QImage, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from compress_studio.gui.theme import current
from compress_studio.gui.theme.tokens import METRICS

COLUMNS = 4
ROWS_OF_TABLE = 3
LINE = 18
LABEL = 15
LABEL_SHARE = 0.3
LARGEST = 64
"""Side of a picture where there is room."""


class SampleStrip(QWidget):
    """Samples of the data set; the tooltip of each names it."""

    def __init__(self, parent: QWidget | None = None, columns: int = COLUMNS, most: int = COLUMNS) -> None:
        super().__init__(parent)
        self.setObjectName("samples")
        self._columns, self._most = columns, most
        self._samples: Sequence[Mapping[str, Any]] = ()
        self._pictures: list[QImage] = []
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        current.watch().changed.connect(self.update)
        self.setVisible(False)

    def show_samples(self, found: Mapping[str, Any]) -> None:
        """Show what inspection.samples.look gave; nothing while it is empty."""
        kind = found.get("kind", "none")
        self._samples = () if kind == "none" else tuple(found.get("samples") or ())
        if kind == "rows":
            self._samples = self._samples[: max(ROWS_OF_TABLE, self._most // 2)]
        self._pictures = [_image(one) for one in self._samples[: self._most]] if kind == "pictures" else []
        labels = [str(one.get("label") or one.get("name")) for one in self._samples]
        self.setAccessibleName("Samples: " + ", ".join(labels[: self._most]) if labels else "Samples")
        self.setVisible(bool(self._samples))
        self.updateGeometry()
        self.update()

    def hasHeightForWidth(self) -> bool:
        return True

    def heightForWidth(self, width: int) -> int:
        """Of the width alone: a height that followed the present size would keep layouts turning in circles."""
        if not self._pictures:
            return len(self._samples) * LINE
        return self._height_of(self._side(width))

    def sizeHint(self) -> QSize:
        if self._pictures:
            return QSize(self._columns * 40, self._height_of(LARGEST))
        return QSize(160, len(self._samples) * LINE)

    def minimumSizeHint(self) -> QSize:
        return QSize(80, self.heightForWidth(80))

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, False)
        painter.setFont(current.font(METRICS.small_font))
        if self._pictures:
            self._paint_pictures(painter)
        else:
            self._paint_rows(painter)

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() is QEvent.Type.ToolTip:
            place = self._at(event.pos())
            if place is not None:
                one = self._samples[place]
                label = f"{one['label']} · " if one.get("label") else ""
                QToolTip.showText(event.globalPos(), f"{label}{one.get('name', '')}", self)
                return True
        return super().event(event)

    def _side(self, width: int) -> int:
        return max(1, min(LARGEST, (width - (self._columns - 1) * METRICS.gap // 2) // self._columns))

    def _height_of(self, side: int) -> int:
        lines = -(-len(self._pictures) // self._columns)
        return lines * (side + LABEL) + (lines - 1) * METRICS.gap // 2

    def _cell(self, place: int) -> QRect:
        side = self._side(self.width())
        line, column = divmod(place, self._columns)
        step = side + METRICS.gap // 2
        return QRect(column * step, line * (step + LABEL), side, side)

    def _at(self, point: QPoint) -> int | None:
        if self._pictures:
            return next(
                (one for one in range(len(self._pictures)) if self._cell(one).adjusted(0, 0, 0, LABEL).contains(point)),
                None,
            )
        place = point.y() // LINE
        return place if 0 <= place < len(self._samples) else None

    def _paint_pictures(self, painter: QPainter) -> None:
        tokens = current.tokens()
        metrics = QFontMetrics(painter.font())
        for place, picture in enumerate(self._pictures):
            cell = self._cell(place)
            size = picture.size().scaled(cell.size(), Qt.AspectRatioMode.KeepAspectRatio)
            inside = QRect(QPoint(0, 0), size)
            inside.moveCenter(cell.center())
            painter.drawImage(QRectF(inside), picture)
            painter.setPen(QPen(current.color(tokens.border)))
            painter.drawRect(QRectF(cell).adjusted(0.5, 0.5, -0.5, -0.5))
            label = str(self._samples[place].get("label", ""))
            painter.setPen(current.color(tokens.muted))
            text = metrics.elidedText(label, Qt.TextElideMode.ElideRight, cell.width())
            area = QRect(cell.left(), cell.bottom() + 1, cell.width(), LABEL)
            painter.drawText(area, Qt.AlignmentFlag.AlignCenter, text)

    def _paint_rows(self, painter: QPainter) -> None:
        tokens = current.tokens()
        metrics = QFontMetrics(painter.font())
        labelled = any(one.get("label") for one in self._samples)
        left = round(self.width() * LABEL_SHARE) if labelled else 0
        middle = Qt.AlignmentFlag.AlignVCenter
        for place, one in enumerate(self._samples):
            top = place * LINE
            painter.setPen(current.color(tokens.muted))
            values = metrics.elidedText(str(one.get("values", "")), Qt.TextElideMode.ElideRight, self.width() - left)
            painter.drawText(QRect(left, top, self.width() - left, LINE), middle | Qt.AlignmentFlag.AlignRight, values)
            if labelled:
                painter.setPen(current.color(tokens.text))
                label = metrics.elidedText(str(one["label"]), Qt.TextElideMode.ElideRight, left - METRICS.gap)
                painter.drawText(QRect(0, top, left, LINE), middle, label)


def _image(sample: Mapping[str, Any]) -> QImage:
    """A picture of its own bytes; Qt only borrows what it is given, so it is copied."""
    width, height = int(sample["width"]), int(sample["height"])
    return QImage(sample["pixels"], width, height, 3 * width, QImage.Format.Format_RGB888).copy()
