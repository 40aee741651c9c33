"""Writing a chart to a file or to the clipboard: a picture in pixels or vectors, or the numbers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QRect, QSize
from PySide6.QtGui import QGuiApplication, QImage, QPainter
from PySide6.QtSvg import QSvgGenerator

from compress_studio.base.paths import atomic_path, write_text
from compress_studio.gui.charts.style import background
from compress_studio.gui.charts.tables import Table

SCALE = 2
"""Pixels of a picture per unit of the window."""
FORMATS = {"png": "Picture (*.png)", "svg": "Vector graphic (*.svg)", "csv": "Table (*.csv)"}

Paint = Callable[[QPainter], None]


def make_image(size: QSize, paint: Paint) -> QImage:
    """The chart as a picture with twice as many pixels as on a plain screen."""
    image = QImage(size * SCALE, QImage.Format.Format_ARGB32_Premultiplied)
    image.setDevicePixelRatio(SCALE)
    image.fill(background())
    painter = QPainter(image)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    try:
        paint(painter)
    finally:
        painter.end()
    return image


def write_png(path: Path, size: QSize, paint: Paint) -> None:
    """Write a picture; raises OSError when the folder cannot be written to."""
    image = make_image(size, paint)
    with atomic_path(path) as part:
        if not image.save(str(part), "PNG"):  # pyright: ignore[reportCallIssue, reportArgumentType]
            raise OSError(f"{path} could not be written")


def write_svg(path: Path, size: QSize, paint: Paint, title: str) -> None:
    """Write vectors and text; raises OSError when the folder cannot be written to."""
    with atomic_path(path) as part:
        generator = QSvgGenerator()
        generator.setFileName(str(part))
        generator.setSize(size)
        generator.setViewBox(QRect(0, 0, size.width(), size.height()))
        generator.setTitle(title)
        generator.setResolution(round(QGuiApplication.primaryScreen().logicalDotsPerInch()))
        painter = QPainter(generator)
        try:
            painter.fillRect(QRect(0, 0, size.width(), size.height()), background())
            paint(painter)
        finally:
            painter.end()


def write_csv(path: Path, table: Table) -> None:
    """Write the numbers."""
    write_text(path, table.csv())


def proposed_name(project: str, chart: str, ending: str) -> str:
    """A name for the file: "fashion trade-off.png"; signs that file systems refuse are left out."""
    words = " ".join(part for part in (project, chart.lower()) if part)
    kept = "".join(sign if sign.isalnum() or sign in " -_.+" else "-" for sign in words).strip(" .")
    return f"{kept[:80] or 'chart'}.{ending}"
