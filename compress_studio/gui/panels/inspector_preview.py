"""The live preview below a form: histogram, predicted numbers, estimate, layers."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from PySide6.QtWidgets import QVBoxLayout, QWidget

from compress_studio.gui.forms.histogram import HistogramView
from compress_studio.gui.panels.inspector_layers import LayersTable
from compress_studio.gui.panels.inspector_parts import breakable, wrapped
from compress_studio.gui.panels.inspector_words import estimate_rows, estimate_title, prediction_rows
from compress_studio.gui.theme.tokens import METRICS
from compress_studio.gui.widgets.basics import SectionTitle
from compress_studio.gui.widgets.card import Card, FactRows
from compress_studio.spec.params import Field
from compress_studio.spec.preview import Estimate, Prediction


@dataclass(frozen=True, slots=True)
class PreviewShown:
    """What the preview shows."""

    prediction: Prediction | None = None
    before: Mapping[str, Any] | None = None
    """Facts of the network that arrives."""
    estimate: Estimate | None = None
    estimating: bool = False
    message: str = ""
    """Why there is nothing, or what must be said."""
    overrides: Mapping[str, float] = field(default_factory=dict[str, float])
    override_field: Field | None = None
    """The parameter that holds values of single layers."""
    spared: tuple[str, ...] = ()
    spare_field: Field | None = None
    """The parameter that names layers to be left alone."""


class PreviewSection(QWidget):
    """Everything that can be said before a run."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("preview")
        self._shown = PreviewShown()
        self.histogram_title = SectionTitle("", self)
        self.histogram_title.setWordWrap(True)
        self.histogram = HistogramView(self)
        self.title = SectionTitle("Live preview", self)
        self.title.setWordWrap(True)
        self.message = wrapped("", "muted", self)
        self.message.setObjectName("preview.message")
        self.card = Card(parent=self)
        self.numbers = FactRows(self.card)
        self.numbers.setObjectName("preview.numbers")
        self.estimates = FactRows(self.card)
        self.estimates.setObjectName("preview.estimate")
        self.card.body.addWidget(self.numbers)
        self.card.body.addWidget(self.estimates)
        self.layers = LayersTable(self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(METRICS.gap)
        for widget in (self.histogram_title, self.histogram, self.title, self.card, self.message, self.layers):
            layout.addWidget(widget)
        self.show_state(self._shown)

    @property
    def shown(self) -> PreviewShown:
        """What it shows."""
        return self._shown

    def show_state(self, shown: PreviewShown) -> None:
        """Show a preview; called for every frame of a drag."""
        self._shown = shown
        made = shown.prediction
        histogram = None if made is None else made.histogram
        if histogram is not None and not histogram.counts.any():
            histogram = None
        self.histogram.show_histogram(histogram)
        _set_text(self.histogram_title, "" if histogram is None else histogram.title)
        _visible(histogram is not None, self.histogram, self.histogram_title)
        numbers = [] if made is None else prediction_rows(made, shown.before)
        tried = estimate_rows(shown.estimate, estimating=shown.estimating)
        self.numbers.show_rows(numbers)
        self.estimates.show_rows(tried)
        _visible(bool(numbers), self.numbers)
        _visible(bool(tried), self.estimates)
        _visible(bool(numbers or tried), self.card)
        notes = (
            shown.message,
            "" if made is None else made.note,
            "" if shown.estimate is None else shown.estimate.note,
        )
        note = breakable(join_notes(notes))
        if note != self.message.text():
            self.message.setText(note)
        _visible(bool(note), self.message)
        _set_text(self.title, estimate_title(shown.estimate))
        _visible(bool(numbers or tried or note), self.title)
        layers = () if made is None else made.layers
        title = "changed" if made is None else made.share_title
        self.layers.show_choices(shown.override_field, shown.overrides, shown.spare_field, shown.spared)
        self.layers.show_layers(layers, title)
        _visible(bool(layers), self.layers)


def join_notes(notes: Sequence[str]) -> str:
    """Notes as one text, in which no sentence stands twice."""
    sentences = [one.strip() for note in notes for one in re.split(r"(?<=[.…!?]) (?=[A-Z“])", note)]
    return " ".join(dict.fromkeys(one for one in sentences if one))


def _set_text(title: SectionTitle, text: str) -> None:
    if title.accessibleName() != text:
        title.setText(text)


def _visible(visible: bool, *widgets: QWidget) -> None:
    for widget in widgets:
        if widget.isHidden() == visible:
            widget.setVisible(visible)
