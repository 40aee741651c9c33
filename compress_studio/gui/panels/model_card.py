"""The model card: what is inside the file that the user opened, its progress while it is opened, and what is wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QFileSystemWatcher, Qt
from PySide6.QtWidgets import QComboBox, QLabel, QPushButton, QWidget

from compress_studio.base.errors import BadInput, UserError
from compress_studio.gui.dialogs import unsaved
from compress_studio.gui.nodeview import NodeView, Shown
from compress_studio.gui.opening import Kind, classify, open_again, replace_model
from compress_studio.gui.panels.inspector_words import macs_text
from compress_studio.gui.panels.notices import BusyLine, Notice, Notices
from compress_studio.gui.recognizing import MODEL_PATTERNS
from compress_studio.gui.stepwords import in_words
from compress_studio.gui.weights import flow
from compress_studio.gui.weights.offer import offer_for
from compress_studio.gui.widgets.card import Card, FactRows
from compress_studio.gui.words import bytes_text, count_text, grouped_text
from compress_studio.project.files import SOURCE_PATH

if TYPE_CHECKING:
    from compress_studio.gui.commands import Commands
    from compress_studio.gui.session import Session
    from compress_studio.project.pipeline import NodeId

MODEL_FILTERS = (f"Models ({MODEL_PATTERNS})", "All files (*)")
DTYPES = {"FLOAT": "f32", "FLOAT16": "f16", "DOUBLE": "f64", "BFLOAT16": "bf16", "BOOL": "bool", "STRING": "text"}
FORMATS = {
    "a TorchScript program": "TorchScript",
    "an exported PyTorch program (.pt2)": "PyTorch .pt2",
    "a PyTorch checkpoint": "checkpoint",
    "a safetensors file": "safetensors",
    "the index of a model in several files": "several files",
}
QUANTIZED = {"int8": "int8", "weights": "weights only"}
MOST_VALUES = 3
"""Inputs or outputs that have a row of their own."""
BUSY = frozenset({Shown.RUNNING, Shown.QUEUED, Shown.MEASURING})


@dataclass(frozen=True, slots=True)
class ModelState:
    """What the card shows."""

    title: str = "No model"
    tip: str = ""
    rows: tuple[tuple[str, str, str], ...] = ()
    operators: str = ""
    """For the tooltip."""
    notices: tuple[Notice, ...] = ()
    busy: str = ""
    progress: float = 0.0
    failed: bool = False
    """The file cannot be opened: another one may be chosen."""
    changed: bool = False
    """The file is another one than when it was opened."""
    sources: tuple[tuple[str, str], ...] = ()
    """(node, name) of all models, when there are several."""
    chosen: str = ""


def value_text(value: Mapping[str, Any]) -> str:
    """ "N×3×32×32 f32" of an input or output."""
    dims = value.get("dims")
    kind = str(value.get("dtype") or "")
    short = DTYPES.get(kind, kind.lower().replace("uint", "u").replace("int", "i"))
    shape = "any shape" if dims is None else "×".join(str(one) for one in dims) or "one number"
    return f"{shape} {short}".strip()


def format_text(facts: Mapping[str, Any]) -> str:
    """The format of a file in few letters."""
    kind = str(facts.get("format", ""))
    return FORMATS.get(kind, kind.removeprefix("an ").removeprefix("a "))


def fact_rows(facts: Mapping[str, Any]) -> tuple[tuple[str, str, str], ...]:
    """Facts of a network (see graph.facts.inspect) as rows for people."""
    rows: list[tuple[str, str, str]] = []
    operators: Mapping[str, int] = facts.get("operators") or {}
    opset = facts.get("opset")
    kind = format_text(facts)
    nodes = sum(operators.values())
    rows.append((f"{kind} opset {opset}" if opset else kind, f"{grouped_text(nodes)} nodes" if nodes else "", ""))
    if facts.get("parameters") is not None:
        rows.append(("parameters", grouped_text(facts["parameters"]), ""))
    rows.append(("file size", bytes_text(facts.get("bytes")), ""))
    if facts.get("macs"):
        rows.append(("MACs / sample", macs_text(facts, count_text), ""))
    rows += _values("input", facts.get("inputs") or ())
    rows += _values("output", facts.get("outputs") or ())
    quantized = QUANTIZED.get(str(facts.get("quantized", "none")))
    if quantized:
        rows.append(("quantized", quantized, "warn"))
    return tuple(rows)


def operators_text(facts: Mapping[str, Any]) -> str:
    """The most frequent operators, for a tooltip."""
    operators: Mapping[str, int] = facts.get("operators") or {}
    listed = [f"{count} × {name}" for name, count in list(operators.items())[:10]]
    if not listed:
        return ""
    more = len(operators) - len(listed)
    producer = f"\nWritten by {facts['producer']}" if facts.get("producer") else ""
    return "Operators: " + ", ".join(listed) + (f" and {more} more" if more > 0 else "") + producer


def model_state(session: Session, chosen: NodeId | None, changed: frozenset[str] = frozenset()) -> ModelState:
    """What the card shows of the chosen model, or of the first one."""
    sources = session.project.pipeline.sources()
    node = next((one for one in sources if one.id == chosen), sources[0] if sources else None)
    if node is None:
        return ModelState()
    path = Path(str(node.params.get(SOURCE_PATH, "")))
    view = session.views.get(node.id)
    facts = session.facts.of_file(path) if path.name else None
    opened = session.facts.of_node(node.id)
    failure = session.facts.failure(str(path)) or (view.failure if view is not None else None)
    notices = _notices(facts, opened)
    if failure is not None:
        steps = session.runtime.steps
        offer = offer_for(node, failure.cause)
        hint = failure.hint if offer is None else offer.hint_for(failure.hint)
        notices = (Notice("bad", in_words(failure.message, None, steps), in_words(hint, None, steps)),)
    elif not path.name:
        notices = (Notice("warn", "No file is chosen.", "Choose a model."),)
    busy, progress = _busy(facts, view)
    shown = _joined(facts, opened)
    return ModelState(
        title=path.name or "No model chosen",
        tip=str(path),
        rows=fact_rows(shown) if shown else (),
        operators=operators_text(shown or {}),
        notices=notices,
        busy="" if failure is not None or not path.name else busy,
        progress=progress,
        failed=failure is not None or not path.name,
        changed=str(path) in changed,
        sources=tuple((one.id, _name(one.params)) for one in sources) if len(sources) > 1 else (),
        chosen=node.id,
    )


class ModelCard(Card):
    """Facts of the models of the project."""

    def __init__(self, commands: Commands, parent: QWidget | None = None) -> None:
        super().__init__("", parent)
        self.setObjectName("model_card")
        self.setAccessibleName("Model")
        self._commands = commands
        self._session = commands.session
        self._chosen: NodeId | None = None
        self._changed: frozenset[str] = frozenset()
        self._shown: ModelState | None = None
        self._build()
        self._watcher = QFileSystemWatcher(self)
        self._watcher.fileChanged.connect(self._file_changed)
        for signal in (self._session.project_changed, self._session.views_changed, self._session.facts.changed):
            signal.connect(self.refresh)
        self._session.selection_changed.connect(self._selected)
        self.refresh()

    def refresh(self, *_: object) -> None:
        """Show what the session knows now."""
        self._watch()
        self.show_state(model_state(self._session, self._chosen, self._changed))

    def show_state(self, state: ModelState) -> None:
        """Show this and nothing else."""
        if state == self._shown:
            return
        self._shown = state
        self.set_title(state.title, state.tip)
        self._sources.blockSignals(True)
        self._sources.clear()
        for node, name in state.sources:
            self._sources.addItem(name, node)
        self._sources.setCurrentIndex(self._sources.findData(state.chosen))
        self._sources.blockSignals(False)
        self._sources.setVisible(bool(state.sources))
        self._rows.show_rows(state.rows)
        self._rows.setVisible(bool(state.rows))
        self._rows.setToolTip(state.operators)
        self._busy.show_busy(state.busy, state.progress)
        self._notices.show_notices(state.notices)
        self._change.setVisible(state.changed)
        self._again.setVisible(state.changed)
        self._another.setVisible(state.failed)

    def _build(self) -> None:
        self._sources = QComboBox(self)
        self._sources.setObjectName("model_card.sources")
        self._sources.setAccessibleName("Which model is shown")
        self._sources.setToolTip("Which of the models is shown here")
        self._sources.activated.connect(self._choose)
        self._rows = FactRows(self)
        self._busy = BusyLine(self)
        self._notices = Notices(self)
        self._change = QLabel("The file changed.", self)
        self._change.setProperty("tone", "warn")
        self._again = _button("Open again", "model_card.again", "Read the file as it is now", self)
        self._again.clicked.connect(self._open_again)
        self._another = _button("Choose another file…", "model_card.another", "Open another file instead", self)
        self._another.clicked.connect(self._choose_another)
        for widget in (self._sources, self._rows, self._busy, self._notices, self._change, self._again, self._another):
            self.body.addWidget(widget)

    def _choose(self, index: int) -> None:
        self._chosen = self._sources.itemData(index)
        self.refresh()

    def _selected(self, selection: Sequence[str]) -> None:
        """The model of the selected node is the one of interest."""
        if selection and selection[-1] in self._session.project.pipeline:
            self._chosen = self._session.project.pipeline.source_of(selection[-1]) or self._chosen
            self.refresh()

    def _watch(self) -> None:
        paths = {str(one.params.get(SOURCE_PATH, "")) for one in self._session.project.pipeline.sources()} - {""}
        watched = set(self._watcher.files())
        if gone := watched - paths:
            self._watcher.removePaths(list(gone))
        if new := [one for one in paths - watched if Path(one).is_file()]:
            self._watcher.addPaths(new)
        self._changed &= paths

    def _file_changed(self, path: str) -> None:
        """Programs often write a new file in place of the old one: it is watched again when it is there."""
        self._changed |= {path}
        self.refresh()

    def _open_again(self) -> None:
        state = self._shown
        if state is not None and state.chosen in self._session.project.pipeline:
            self._changed -= {state.tip}
            open_again(self._session, state.chosen)
            self.refresh()

    def _choose_another(self) -> None:
        """The steps behind the model stay."""
        commands = self._commands
        path = commands.asking.ask_open("Choose another model", MODEL_FILTERS)
        if path is None or self._shown is None:
            return
        try:
            found = classify(path)
            if found.kind not in {Kind.MODEL, Kind.WEIGHTS, Kind.CODE}:
                raise BadInput(f"{path.name} is not a model.", "Choose an ONNX model or a file of PyTorch.")
            if flow.asks(found):
                flow.open_asking(commands, found, flow.Wish(found.path, unsaved.REPLACE, self._shown.chosen))
                return
            replace_model(self._session, found.path, self._shown.chosen)
        except UserError as error:
            commands.tell(error)


def _button(text: str, name: str, tip: str, parent: QWidget) -> QPushButton:
    button = QPushButton(text, parent)
    button.setObjectName(name)
    button.setAccessibleName(text)
    button.setToolTip(tip)
    button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    return button


def _values(word: str, values: Sequence[Mapping[str, Any]]) -> list[tuple[str, str, str]]:
    if len(values) > MOST_VALUES:
        first = ", ".join(str(one.get("name")) for one in values[:MOST_VALUES])
        return [(f"{len(values)} {word}s", f"{first}, …", "")]
    return [(word if len(values) == 1 else str(one.get("name")), value_text(one), "") for one in values]


def _name(params: Mapping[str, Any]) -> str:
    return Path(str(params.get(SOURCE_PATH, ""))).name or "No file"


def _notices(facts: Mapping[str, Any] | None, opened: Mapping[str, Any] | None) -> tuple[Notice, ...]:
    if facts is None:
        return ()
    found = [Notice("warn", str(one["message"])) for one in facts.get("warnings") or ()]
    if facts.get("opening") and opened is None:
        found.append(Notice("muted", str(facts["opening"])))
    return tuple(found)


def _busy(facts: Mapping[str, Any] | None, view: NodeView | None) -> tuple[str, float]:
    if view is not None and view.state in BUSY:
        word = "Waiting for its turn…" if view.state is Shown.QUEUED else view.note or "Opening…"
        return word, view.progress
    return ("Reading the file…", 0.0) if facts is None else ("", 0.0)


def _joined(facts: Mapping[str, Any] | None, opened: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """Facts of the file; what a converted program does not tell by itself is known once it is opened."""
    if facts is None or opened is None or facts.get("operators"):
        return facts
    return {**opened, "format": f"{format_text(facts)} →", "bytes": facts.get("bytes"), "warnings": ()}
