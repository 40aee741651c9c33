"""The order in which Tab goes through the window: part by part, and within a part as it is read."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QScrollArea, QToolButton, QWidget

LINE = 10
"""Pixels within which things stand on one line."""


def stops(parts: Sequence[QWidget]) -> list[QWidget]:
    """All that takes the keyboard, in order. parts: the parts of a window in the order in which they are gone through.

    What belongs to the frame of a part (float, close) comes after what it holds.
    """
    return [one for part in parts if part.isVisible() for one in sorted(_within(part), key=lambda it: _key(it, part))]


def following(parts: Sequence[QWidget], now: QWidget | None, *, forward: bool) -> QWidget | None:
    """The stop after the one that has the keyboard, or before it; at the ends it goes round."""
    found = stops(parts)
    if not found:
        return None
    here = now
    while here is not None and here not in found:
        here = here.parentWidget()
    if here is None:
        return found[0 if forward else -1]
    return found[(found.index(here) + (1 if forward else -1)) % len(found)]


def bring_into_view(widget: QWidget) -> None:
    """Scroll every area that a widget is in so that it can be seen."""
    above = widget.parentWidget()
    while above is not None:
        if isinstance(above, QScrollArea):
            above.ensureWidgetVisible(widget)
        above = above.parentWidget()


def _within(part: QWidget) -> list[QWidget]:
    window = part.window()
    return [
        one
        for one in part.findChildren(QWidget)
        if one.isEnabled()
        and one.isVisibleTo(window)
        and one.window() is window
        and one.focusProxy() is None
        and one.focusPolicy() & Qt.FocusPolicy.TabFocus
    ]


def _key(widget: QWidget, part: QWidget) -> tuple[bool, int, int]:
    at = widget.mapTo(part, QPoint(0, widget.height() // 2))
    top = widget.mapTo(part, QPoint(0, 0)).y()
    frame = isinstance(widget, QToolButton) and widget.property("kind") == "dock_button"
    return frame, (top if widget.height() > 4 * LINE else at.y()) // LINE, at.x()
