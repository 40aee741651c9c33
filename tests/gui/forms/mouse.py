"""Gestures on sliders for tests."""

from __future__ import annotations

from PySide6.QtCore import QPoint, Qt

from compress_studio.gui.forms.slider import Slider


def drag(qtbot, slider: Slider, *values: float, release: bool = True) -> None:
    """Take the handle and draw it over these values."""
    height = slider.height() // 2
    places = [QPoint(round(slider.x_of(value)), height) for value in (slider.value, *values)]
    qtbot.mousePress(slider, Qt.MouseButton.LeftButton, pos=places[0])
    for place in places[1:]:
        qtbot.mouseMove(slider, place)
    if release:
        qtbot.mouseRelease(slider, Qt.MouseButton.LeftButton, pos=places[-1])
