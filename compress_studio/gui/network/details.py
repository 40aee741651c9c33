"""What is known of the selected operator or group, beside the picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QLabel, QScrollArea, QVBoxLayout, QWidget

from compress_studio.gui import words
from compress_studio.gui.network.histogram import WeightHistogram
from compress_studio.gui.network.inside import INPUT, OUTPUT, Network
from compress_studio.gui.theme.tokens import METRICS
from compress_studio.gui.widgets.basics import ElidedLabel, SectionTitle
from compress_studio.gui.widgets.card import FactRows

Rows = list[tuple[str, str, str]]
MOST = 24
"""Rows of one kind that are shown."""


class Details(QScrollArea):
    """Attributes, inputs and outputs, weights with their distribution."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("network_details")
        self.setAccessibleName("Details of the selected operator")
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setMinimumWidth(200)
        inside = QWidget(self)
        inside.setProperty("surface", "panel")
        layout = QVBoxLayout(inside)
        layout.setContentsMargins(METRICS.pad, METRICS.gap, METRICS.pad, METRICS.pad)
        layout.setSpacing(METRICS.gap // 2)
        self.title = ElidedLabel(parent=inside)
        self.title.setProperty("role", "title")
        self.name = QLabel(inside)
        self.name.setProperty("tone", "muted")
        self.name.setWordWrap(True)
        self.name.setTextFormat(Qt.TextFormat.PlainText)
        self.name.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.name.setObjectName("network_details_name")
        layout.addWidget(self.title)
        layout.addWidget(self.name)
        self.facts = FactRows(inside)
        layout.addWidget(self.facts)
        self._sections: dict[str, tuple[SectionTitle, FactRows]] = {}
        self.histogram = WeightHistogram(inside)
        for key, title in (
            ("weights", "Weights"),
            ("attributes", "Attributes"),
            ("inputs", "Inputs"),
            ("outputs", "Outputs"),
        ):
            heading, rows = SectionTitle(title, inside), FactRows(inside)
            layout.addSpacing(METRICS.gap // 2)
            layout.addWidget(heading)
            layout.addWidget(rows)
            self._sections[key] = (heading, rows)
            if key == "weights":
                layout.addWidget(self.histogram)
        layout.addStretch(1)
        self.setWidget(inside)

    def show_node(self, network: Network, number: int, error: Mapping[str, float] | None = None) -> None:
        """Show an operator, an input or an output."""
        node = network.nodes[number]
        self.title.setText(node["op"])
        self._name(node["layer"] or node["name"] if node["name"] != node["op"] or node["layer"] else node["path"])
        self.facts.show_rows(_facts(node, error))
        weights: Rows = []
        for row in node["weights"]:
            weights += _weight(row)
        self._section("weights", weights)
        self._section("attributes", [(name, text, "") for name, text in node["attributes"]])
        self._section("inputs", _tensors(network, node["inputs"], node["weights"]))
        self._section("outputs", _tensors(network, node["outputs"], []))
        self.histogram.setVisible(bool(node["weights"] and node["layer"]))

    def show_group(self, network: Network, number: int) -> None:
        """Show a group: what is in it, all together."""
        group = network.groups[number]
        nodes = [network.nodes[one] for one in network.inside(number)]
        parameters = sum(node["parameters"] for node in nodes)
        self.title.setText(group.name)
        self._name(" › ".join(group.path[:-1]))
        rows: Rows = [
            ("operators", words.grouped_text(group.count), ""),
            ("parameters", words.grouped_text(parameters) if parameters else words.NOTHING, ""),
            ("size of weights", words.bytes_text(sum(node["bytes"] for node in nodes)) if parameters else "–", ""),
        ]
        self.facts.show_rows(rows)
        counts: dict[str, int] = {}
        for node in nodes:
            counts[node["op"]] = counts.get(node["op"], 0) + 1
        ordered = sorted(counts.items(), key=lambda item: -item[1])
        for key in self._sections:
            self._section(key, [])
        self._section("attributes", [(op, words.grouped_text(count), "") for op, count in ordered], "Operators")
        self.histogram.setVisible(False)

    def _name(self, text: str) -> None:
        self.name.setText(text.replace("/", "/\u200b").replace(".", ".\u200b"))
        self.name.setVisible(bool(text))

    def _section(self, key: str, rows: Rows, title: str = "") -> None:
        heading, facts = self._sections[key]
        heading.setText(title or key.capitalize())
        if len(rows) > MOST:
            rows = [*rows[:MOST], (f"{len(rows) - MOST} more", "", "muted")]
        facts.show_rows(rows)
        heading.setVisible(bool(rows))
        facts.setVisible(bool(rows))


def _facts(node: Mapping[str, Any], error: Mapping[str, float] | None) -> Rows:
    rows: Rows = []
    if node["domain"]:
        rows.append(("domain", node["domain"], ""))
    if node["parameters"]:
        rows.append(("parameters", words.grouped_text(node["parameters"]), ""))
        rows.append(("size of weights", words.bytes_text(node["bytes"]), ""))
        rows.append(("zeros", words.percent_text(node["sparsity"]), ""))
    elif node["op"] not in {INPUT, OUTPUT}:
        rows.append(("weights", "none", "muted"))
    if error is not None:
        rows += error_rows(error)
    return rows


def error_rows(error: Mapping[str, float]) -> Rows:
    """How much the outputs of an operator differ from those in the source."""
    if error["sqnr_db"] >= 200:
        return [("difference to source", "none", "good")]
    tone = "good" if error["sqnr_db"] >= 40 else "warn" if error["sqnr_db"] >= 15 else "bad"
    return [
        ("signal to noise", f"{error['sqnr_db']:.1f}{words.THIN}dB", tone),
        ("cosine", f"{error['cosine']:.4f}", ""),
        ("relative difference", words.percent_text(error["relative"]), ""),
    ]


def _weight(row: Mapping[str, Any]) -> Rows:
    stored = f"{row['shape']}  {row['type']}"
    found: Rows = [(row["name"], stored, "")]
    if row["through"]:
        found.append(("    unpacked by", " → ".join(row["through"][:4]), "muted"))
    detail = f"{words.bytes_text(row['bytes'])} · {row['bits']:g}{words.THIN}bit"
    found.append(("    stored", detail, "muted"))
    return found


def _tensors(network: Network, names: Sequence[str], weights: Sequence[Mapping[str, Any]]) -> Rows:
    """Tensors with shape and type; inputs that are weights are listed elsewhere."""
    stored = {row["input"] for row in weights}
    rows: Rows = []
    for at, name in enumerate(names):
        if not name or at in stored:
            continue
        kind, shape = network.tensors.get(name, ("", ""))
        rows.append((name, f"{shape}  {kind}".strip() if kind or shape else "stored", "" if kind else "muted"))
    return rows
