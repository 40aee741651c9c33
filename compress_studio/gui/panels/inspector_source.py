"""What a model is: its facts, and the sizes of its free dimensions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from compress_studio.gui.forms.gesture import Gesture
from compress_studio.gui.forms.numbers import CalmSpinBox
from compress_studio.gui.panels.inspector_parts import clear, wrapped
from compress_studio.gui.panels.inspector_words import operator_rows, source_rows
from compress_studio.gui.theme.tokens import METRICS
from compress_studio.gui.widgets.basics import ElidedLabel, SectionTitle
from compress_studio.gui.widgets.card import Card, Collapsible, FactRows

LARGEST = 1_000_000
AUTO = "auto"


def free_dims(facts: Mapping[str, Any]) -> dict[str, int | None]:
    """Names of the free dimensions besides the batch, with the sizes that they are given for counting."""
    sizes = facts.get("sizes") or {}
    found: dict[str, int | None] = {}
    for one in facts.get("inputs") or ():
        for dim in (one.get("dims") or ())[1:]:
            if isinstance(dim, str):
                size = sizes.get(dim)
                found[dim] = size if isinstance(size, int) else None
    return found


def read_dims(text: str) -> dict[str, str]:
    """What the parameter says: "L=128+x=Nx3x224x224" by name."""
    parts = (part.partition("=") for part in text.replace(";", "+").split("+"))
    return {name.strip(): value.strip() for name, _, value in parts if name.strip()}


def write_dims(values: Mapping[str, str]) -> str:
    """The parameter that says these values."""
    return "+".join(f"{name}={value}" for name, value in values.items() if value)


class FreeDims(QWidget):
    """A box per free dimension of the inputs."""

    edited = Signal(str, int)
    """The new value of the parameter, and the gesture."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("free_dims")
        self._gesture = Gesture(self)
        self._text = ""
        self._boxes: dict[str, CalmSpinBox] = {}
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(METRICS.gap // 2)

    def show_dims(self, dims: Mapping[str, int | None], text: str) -> None:
        """Show the free dimensions and what the parameter says about them."""
        self._text = text
        if list(dims) != list(self._boxes):
            clear(self._layout)
            self._boxes = {name: self._box(name) for name in dims}
        chosen = read_dims(text)
        for name, box in self._boxes.items():
            likely = dims.get(name)
            box.blockSignals(True)
            box.setSpecialValueText(AUTO if likely is None else f"{AUTO} ({likely})")
            given = chosen.get(name, "")
            box.setValue(int(given) if given.isdigit() else 0)
            box.blockSignals(False)
        self.setVisible(bool(dims))

    def _box(self, name: str) -> CalmSpinBox:
        row = QWidget(self)
        layout = QHBoxLayout(row)
        layout.setContentsMargins(0, 0, 0, 0)
        label = ElidedLabel(f"Size of {name}")
        box = CalmSpinBox(row)
        box.setObjectName(f"dim:{name}")
        box.setAccessibleName(f"Size of {name}")
        box.setToolTip(f"The size of the free dimension {name} for comparing and counting; auto: a likely one.")
        box.setRange(0, LARGEST)
        box.setKeyboardTracking(False)
        box.setMinimumWidth(110)
        box.valueChanged.connect(lambda value, name=name: self._chosen(name, value))
        layout.addWidget(label, 1)
        layout.addWidget(box)
        self._layout.addWidget(row)
        return box

    def _chosen(self, name: str, value: int) -> None:
        self.edited.emit(
            write_dims({**read_dims(self._text), name: str(value) if value else ""}), self._gesture.number()
        )


class SourceSection(QWidget):
    """The facts of a model."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("inspector.source")
        self.dims = FreeDims(self)
        self.title = SectionTitle("Model", self)
        self.card = Card(parent=self)
        self._rows = FactRows(self.card)
        self.card.body.addWidget(self._rows)
        self.message: QLabel = wrapped("", "muted", self)
        self.operators = Collapsible("Operators", parent=self)
        self._operators = FactRows(self.operators)
        self.operators.body.addWidget(self._operators)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(METRICS.gap)
        for widget in (self.dims, self.title, self.card, self.message, self.operators):
            layout.addWidget(widget)

    def show_facts(self, facts: Mapping[str, Any] | None, dims: str, message: str) -> None:
        """Show what is known of a model; message: why nothing is known."""
        self.dims.show_dims({} if facts is None else free_dims(facts), dims)
        rows = [] if facts is None else source_rows(facts)
        operators = [] if facts is None else operator_rows(facts)
        self._rows.show_rows(rows)
        self._operators.show_rows(operators)
        self.operators.set_title(f"{sum(int(one[1]) for one in operators)} operators of {len(operators)} kinds")
        self.card.setVisible(bool(rows))
        self.operators.setVisible(bool(operators))
        self.message.setText(message)
        self.message.setVisible(bool(message))
