"""Fills the pane beside the picture: what is selected, and the weights that are asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from compress_studio.engine.records import Failure

if TYPE_CHECKING:
    from compress_studio.gui.network.details import Details
    from compress_studio.gui.network.inside import Network
    from compress_studio.gui.network.loading import Errors, Loading
    from compress_studio.gui.network.subject import Subject


class Inspecting:
    """Shows the selected operator or group."""

    def __init__(self, loading: Loading, details: Details) -> None:
        self._loading = loading
        self._details = details
        self._subject: Subject | None = None
        self._layer = ""
        loading.weights_came.connect(self._weights_came)

    def show(
        self, network: Network | None, subject: Subject, node: int | None, group: int | None, errors: Errors
    ) -> None:
        """Show an operator, or a group, or nothing."""
        self._subject, self._layer = subject, ""
        if network is not None and node is not None:
            row = network.nodes[node]
            self._details.show_node(network, node, next((errors[one] for one in row["outputs"] if one in errors), None))
            self._layer = row["layer"] if row["weights"] else ""
            self._show_weights()
        elif network is not None and group is not None:
            self._details.show_group(network, group)
        self._details.setVisible(network is not None and (node is not None or group is not None))

    def _show_weights(self) -> None:
        if not self._layer or self._subject is None:
            return
        found = self._loading.weights(self._subject, self._layer)
        if found is None:
            self._details.histogram.show_text("counting…")
        elif isinstance(found, Failure):
            self._details.histogram.show_text(found.message)
        else:
            self._details.histogram.show_counts(found)

    def _weights_came(self, digest: str, layer: str) -> None:
        if self._subject is not None and (digest, layer) == (self._subject.digest, self._layer):
            self._show_weights()
