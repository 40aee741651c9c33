"""Finding text that does not fit into its place."""

from __future__ import annotations

from collections.abc import Iterator

from PySide6.QtCore import QRect, Qt
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractScrollArea,
    QCheckBox,
    QComboBox,
    QLabel,
    QPushButton,
    QRadioButton,
    QTabBar,
    QToolButton,
    QWidget,
)

from compress_studio.gui.widgets.basics import ElidedLabel

SLACK = 1
"""Logical pixels that rounding may take."""
ARROW = 24
"""What the arrow of a combo box takes."""


def clipped(root: QWidget) -> list[str]:
    """One line for every visible widget whose text is cut off."""
    found = []
    for widget in [root, *root.findChildren(QWidget)]:
        if widget.isVisible() and widget.width() > 0:
            found += [f"{_name(widget)}: {why}" for why in _reasons(widget)]
    return sorted(set(found))


def _reasons(widget: QWidget) -> Iterator[str]:
    if isinstance(widget, QLabel):
        yield from _label(widget)
    elif isinstance(widget, QPushButton | QToolButton | QCheckBox | QRadioButton):
        yield from _button(widget)
    elif isinstance(widget, QComboBox):
        need = widget.fontMetrics().horizontalAdvance(widget.currentText()) + ARROW
        if need > widget.width() + SLACK:
            yield f"“{widget.currentText()}” needs {need}, has {widget.width()}"
    elif isinstance(widget, QTabBar):
        yield from _tabs(widget)


def _label(label: QLabel) -> Iterator[str]:
    text = label.text()
    if not text:
        return
    yield from _cut_by_parent(label, text)
    if isinstance(label, ElidedLabel):
        return
    if label.wordWrap():
        need, has = label.heightForWidth(label.width()), label.height()
    else:
        need, has = label.sizeHint().width(), label.width()
    if need > has + SLACK:
        yield f"“{text[:60]}” needs {need}, has {has}{' in height' if label.wordWrap() else ''}"


def _button(button: QAbstractButton) -> Iterator[str]:
    text = button.text()
    only_icon = isinstance(button, QToolButton) and button.toolButtonStyle() == Qt.ToolButtonStyle.ToolButtonIconOnly
    if not text or (only_icon and not button.icon().isNull()):
        return
    if button.sizeHint().width() > button.width() + SLACK:
        yield f"“{text}” needs {button.sizeHint().width()}, has {button.width()}"
    if button.fontMetrics().height() > button.height() + SLACK:
        yield f"“{text}” is {button.fontMetrics().height()} high, has {button.height()}"
    yield from _cut_by_parent(button, text)


def _tabs(bar: QTabBar) -> Iterator[str]:
    for place in range(bar.count()):
        need, has = bar.fontMetrics().horizontalAdvance(bar.tabText(place)), bar.tabRect(place).width()
        if bar.isTabVisible(place) and need > has + SLACK:
            yield f"tab “{bar.tabText(place)}” needs {need}, has {has}"


def _cut_by_parent(widget: QWidget, text: str) -> Iterator[str]:
    """A widget that sticks out of what it is in; what can be scrolled may."""
    rect, inside = widget.rect(), widget
    while not inside.isWindow():
        parent = inside.parentWidget()
        if parent is None:
            return
        area = parent.parentWidget()
        if isinstance(area, QAbstractScrollArea) and _scrolls(area):
            return
        rect = QRect(inside.mapTo(parent, rect.topLeft()), rect.size())
        if rect.right() > parent.width() + SLACK or rect.left() < -SLACK:
            yield f"“{text[:60]}” sticks out of {_name(parent)}"
            return
        inside = parent


def _scrolls(area: QAbstractScrollArea) -> bool:
    """Whether what sticks out can be reached by scrolling sideways."""
    off = area.horizontalScrollBarPolicy() == Qt.ScrollBarPolicy.ScrollBarAlwaysOff
    return not off and area.horizontalScrollBar().maximum() > 0


def _name(widget: QWidget) -> str:
    kind, name = type(widget).__name__, widget.objectName()
    parent = widget.parentWidget()
    while not name and parent is not None:
        name, parent = parent.objectName(), parent.parentWidget()
    return f"{kind} in {name}" if name else kind
