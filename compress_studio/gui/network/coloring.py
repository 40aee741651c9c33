"""Keeps colours, legend and values of the picture together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from compress_studio.engine.records import Failure
from compress_studio.gui.network.ink import Measure, ink
from compress_studio.gui.theme.current import tokens

if TYPE_CHECKING:
    from compress_studio.gui.network.bar import Bar
    from compress_studio.gui.network.layout import Placed
    from compress_studio.gui.network.legend import Legend
    from compress_studio.gui.network.loading import Errors, Loading
    from compress_studio.gui.network.subject import Subject
    from compress_studio.gui.network.view import NetworkView


class Coloring:
    """What boxes are coloured by, and showing it."""

    def __init__(self, loading: Loading, view: NetworkView, legend: Legend, bar: Bar) -> None:
        self.measure = Measure.KIND
        self._loading = loading
        self._view = view
        self._legend = legend
        self._bar = bar

    def choose(self, measure: str) -> None:
        """Colour by something else from now on."""
        self.measure = Measure(measure)
        if self.measure is not Measure.ERROR:
            self._loading.stop_errors()

    def show(self, placed: Placed, subject: Subject) -> None:
        """Colour a layout, and explain the colours."""
        errors = self._errors(subject) if self.measure is Measure.ERROR else None
        if self.measure is not Measure.ERROR:
            self._legend.show_message("")
        values = {} if errors is None else {name: row["sqnr_db"] for name, row in errors.items()}
        colors = ink(placed, self.measure, tokens(), values)
        self._bar.show_measure(self.measure)
        self._view.show_ink(colors)
        self._legend.show_ink(colors)

    def known_errors(self, subject: Subject) -> Errors:
        """The differences to the source, as far as they are there and wanted."""
        if self.measure is not Measure.ERROR or subject.is_source:
            return {}
        found = self._loading.errors(subject)
        return {} if found is None or isinstance(found, Failure) else found

    def _errors(self, subject: Subject) -> Errors | None:
        """Differences to the source; None while there are none, the legend then says why."""
        if subject.is_source:
            self._legend.show_message("The source is what results are compared with. Select a step to compare it.")
            return None
        found = self._loading.errors(subject)
        if isinstance(found, Failure):
            self._legend.show_message(f"{found.message} {found.hint}".strip(), "warn")
            return None
        if found is None:
            self._legend.show_message(f"{self._loading.progress or 'comparing with the source'}…")
            return None
        self._legend.show_message("signal to noise against the source, on a few samples")
        return found
