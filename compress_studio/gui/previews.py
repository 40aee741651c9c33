"""Previews of steps before they run: sketches and estimates from a worker, predictions computed in this process.

Nothing here is a result: previews never touch the cache of runs.
"""

from __future__ import annotations

import importlib
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal

from compress_studio.base.digest import canonical_json
from compress_studio.base.errors import UserError
from compress_studio.engine.records import Failure
from compress_studio.engine.work import WorkSetting
from compress_studio.spec.params import Params
from compress_studio.spec.preview import Estimate, Prediction, Sketch
from compress_studio.spec.step import StepSpec

if TYPE_CHECKING:
    from compress_studio.gui.session import Session
    from compress_studio.project.pipeline import NodeId

SKETCH = "compress_studio.inspection.sketching:make_sketch"
ESTIMATE = "compress_studio.inspection.estimating:estimate"
SKETCHES = 24
"""How many sketches are remembered."""
SKETCH_BYTES = 64 << 20
ESTIMATES = 200


class PreviewWord(StrEnum):
    """What can be shown of a node."""

    NONE = "none"
    """Its step has no preview."""
    WAITING = "waiting"
    """There is nothing to look at yet: reason says what is missing."""
    WORKING = "working"
    """The sketch is being made."""
    READY = "ready"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class PreviewState:
    """Where the preview of a node stands."""

    word: PreviewWord = PreviewWord.NONE
    reason: str = ""
    """Why there is none, or what must be said about it: "shown for the result of Prune weights"."""
    hint: str = ""
    """What to do."""
    estimates: bool = False
    """Whether the step can be tried on a few samples."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What a preview is about: a step with values, on one network, with one data set."""

    node: NodeId
    spec: StepSpec
    params: Params
    path: Path
    digest: str
    setting: WorkSetting
    note: str = ""
    """Set when the network is not the one that will arrive."""
    earlier: bool = False
    """The network is the result of parameters that were changed since."""

    @property
    def sketch_key(self) -> str:
        """Everything that the sketch depends on."""
        values = self.params.plain()
        chosen = {name: values[name] for name in sorted(self.spec.sketch_params) if name in values}
        return _key(self.digest, self.spec, chosen, self.setting if self.spec.needs_data else None)

    @property
    def key(self) -> str:
        """Everything that an estimate depends on."""
        return _key(self.digest, self.spec, self.params.canonical(), self.setting)


class Previews(QObject):
    """Sketches, predictions and estimates of the nodes of a session."""

    changed = Signal(str)
    """Node whose state, prediction or estimate changed."""

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._session = session
        self._watched: NodeId | None = None
        self._sketches: OrderedDict[str, Sketch] = OrderedDict()
        self._failures: dict[str, Failure] = {}
        self._asked: str = ""
        """Key of the sketch that is being made."""
        self._shown = PreviewState()
        self._estimates: OrderedDict[str, Estimate] = OrderedDict()
        self._newest: dict[NodeId, str] = {}
        """Key of the newest estimate of each node."""
        self._not_estimated: dict[NodeId, tuple[str, Failure]] = {}
        self._estimating: tuple[NodeId, str] | None = None
        session.project_changed.connect(self._project_changed)
        session.project_opened.connect(self._project_opened)
        session.plan_changed.connect(self._look_again)
        session.results_changed.connect(self._look_again)

    # what is shown --------------------------------------------------------------------------------

    @property
    def watched(self) -> NodeId | None:
        """The node whose form is open."""
        return self._watched

    def watch(self, node: NodeId | None) -> None:
        """Take the node whose form is open; its sketch is asked for when it is not known."""
        if node != self._watched:
            self._watched = node
            self._failures.clear()  # a failure is tried again when its form is opened again
            self._drop_estimate()
            self._shown = PreviewState()
            self._refresh()

    def state(self, node: NodeId) -> PreviewState:
        """Whether there is something to show of a node, and why not."""
        spec = self._spec(node)
        if spec is None or not (spec.sketch or spec.estimates):
            return PreviewState()
        found = self._subject(node)
        if isinstance(found, PreviewState):
            return found
        if not spec.sketch:
            return PreviewState(PreviewWord.NONE, found.note, estimates=spec.estimates)
        key = found.sketch_key
        if key in self._sketches:
            return PreviewState(PreviewWord.READY, found.note, estimates=spec.estimates)
        if key in self._failures:
            failure = self._failures[key]
            return PreviewState(PreviewWord.FAILED, failure.message, failure.hint, spec.estimates)
        return PreviewState(PreviewWord.WORKING, "Looking at the weights", estimates=spec.estimates)

    def prediction(self, node: NodeId, params: Mapping[str, Any] | None = None) -> Prediction | None:
        """What the step would give with its parameters, or with these of a drag that goes on; None: not known."""
        found = self._subject(node, params)
        if isinstance(found, PreviewState) or not found.spec.predict:
            return None
        sketch = self._sketches.get(found.sketch_key)
        if sketch is None:
            return None
        self._sketches.move_to_end(found.sketch_key)
        module, _, name = found.spec.predict.partition(":")
        try:
            made: Prediction = getattr(importlib.import_module(module), name)(found.params, sketch)
        except UserError as error:
            return Prediction(note=" ".join(part for part in (error.message, error.hint) if part))
        notes = [one for one in (found.note, sketch.note, made.note) if one]
        return replace(made, note=" ".join(dict.fromkeys(notes)))

    # estimates ------------------------------------------------------------------------------------

    def want_estimate(self, node: NodeId, params: Mapping[str, Any] | None = None) -> None:
        """Try the step on a few samples in the background, at the end of a gesture; the newest wish replaces others."""
        found = self._subject(node, params)
        if isinstance(found, PreviewState) or not found.spec.estimates:
            return
        key = found.key
        if key in self._estimates:
            self._drop_estimate()
            self._newest[node] = key
            self._estimates.move_to_end(key)
            self.changed.emit(node)
            return
        self._drop_estimate()
        self._estimating = (node, key)
        scratch = str(self._session.store.session.folder)
        values = dict(found.params.plain())
        arguments = (found.setting, found.spec.id, values, str(found.path), found.digest, scratch)
        self._session.looks.ask(
            "estimate",
            ESTIMATE,
            arguments,
            lambda made: self._estimated(node, key, made),
            lambda why: self._not_estimated_now(node, key, why),
        )
        self.changed.emit(node)

    def estimate(self, node: NodeId) -> Estimate | None:
        """The newest estimate of a node; outdated says that parameters or input changed since, also further up."""
        known = self._estimates.get(self._newest.get(node, ""))
        if known is None:
            return None
        found = self._subject(node)
        if isinstance(found, PreviewState):
            return replace(known, outdated=True)
        notes = [found.note, known.note]
        outdated = self._newest[node] != found.key or found.earlier
        return replace(known, outdated=outdated, note=" ".join(one for one in notes if one))

    def estimating(self, node: NodeId) -> bool:
        """Whether an estimate of the node is being made."""
        return self._estimating is not None and self._estimating[0] == node

    def estimate_failure(self, node: NodeId) -> Failure | None:
        """Why the step could not be tried with the parameters of now."""
        key, failure = self._not_estimated.get(node, ("", None))
        found = self._subject(node)
        return failure if not isinstance(found, PreviewState) and found.key == key else None

    # inside ---------------------------------------------------------------------------------------

    def _spec(self, node: NodeId) -> StepSpec | None:
        pipeline, steps = self._session.project.pipeline, self._session.runtime.steps
        if node not in pipeline or pipeline.node(node).step not in steps:
            return None
        return steps.get(pipeline.node(node).step)

    def _subject(self, node: NodeId, params: Mapping[str, Any] | None = None) -> Subject | PreviewState:
        """What the preview of a node is about, or why there is nothing to look at."""
        spec = self._spec(node)
        if spec is None or not spec.inputs:
            return PreviewState()
        given = dict(self._session.project.pipeline.node(node).params) | dict(params or {})
        try:
            values = spec.params.read(given)
        except UserError as error:
            return PreviewState(PreviewWord.WAITING, error.message, error.hint)
        found = self._arriving(node, spec)
        if isinstance(found, PreviewState):
            return found
        path, digest, note, earlier = found
        return Subject(node, spec, values, path, digest, self._setting(node, path), note, earlier)

    def _arriving(self, node: NodeId, spec: StepSpec) -> tuple[Path, str, str, bool] | PreviewState:
        """Path and digest of the nearest network that is computed, upwards along the first input.

        Also what must be said of it, and whether it is the result of earlier parameters.
        """
        session = self._session
        at, passed = node, ""
        while True:
            before = self._before(at)
            if before is None:
                if at == node:
                    return PreviewState(PreviewWord.WAITING, "No model arrives here.", "Connect its input.")
                hint = "It is being opened." if session.running else "Run the model once, and the preview appears."
                return PreviewState(PreviewWord.WAITING, "The model is not opened yet.", hint)
            artifact = session.artifact_of(before)
            off = not session.project.pipeline.node(before).on
            if artifact is not None and not off:
                view = session.views.get(before)
                title = before if view is None else view.title
                # Outdated also where something further up was changed.
                earlier = view is not None and view.outdated
                note = f"Shown for the result of {title}." if passed else ""
                note = f"Shown for the earlier result of {title}." if earlier else note
                return *artifact, note, earlier
            if not off:
                passed = before
            at = before

    def _before(self, node: NodeId) -> NodeId | None:
        """The node that feeds the first input."""
        edges = self._session.project.pipeline.inputs_of(node)
        spec = self._spec(node)
        names = [port.name for port in spec.inputs] if spec is not None else list(edges)
        return next((edges[name].src for name in names if name in edges), None)

    def _setting(self, node: NodeId, path: Path) -> WorkSetting:
        session = self._session
        source = session.project.pipeline.source_of(node)
        known = session.artifact_of(source) if source is not None else None
        data = session.settings.data_of(session.project)
        return WorkSetting(
            runtime=session.settings.runtime,
            data_path=str(Path(data.path).expanduser().absolute()) if data.path else "",
            data_options=dict(data.options),
            data_seed=data.seed,
            data_network=str(known[0] if known is not None else path),
            seed=session.settings.seed_of(session.project),
            threads=session.settings.compute_threads,
        )

    def _project_opened(self) -> None:
        self._watched = None
        self._drop_estimate()
        self._newest.clear()
        self._not_estimated.clear()
        self._failures.clear()

    def _project_changed(self, _before: object, _after: object) -> None:
        self._refresh()

    def _look_again(self, _plan: object = None) -> None:
        self._refresh()

    def _refresh(self) -> None:
        """Ask for the sketch of the watched node when it is not known, and tell what changed."""
        node = self._watched
        if node is None:
            return
        spec = self._spec(node)
        found = self._subject(node)
        if spec is not None and spec.sketch and not isinstance(found, PreviewState):
            key = found.sketch_key
            if key != self._asked and key not in self._sketches and key not in self._failures:
                self._ask(found, key)
        state = self.state(node)
        if state != self._shown:
            self._shown = state
            self.changed.emit(node)

    def _ask(self, subject: Subject, key: str) -> None:
        self._asked = key
        arguments = (
            subject.setting,
            subject.spec.id,
            dict(subject.params.plain()),
            str(subject.path),
            subject.digest,
            str(self._session.store.session.folder),
        )
        self._session.looks.ask(
            "sketch",
            SKETCH,
            arguments,
            lambda sketch: self._sketched(subject.node, key, sketch),
            lambda why: self._not_sketched(subject.node, key, why),
        )

    def _sketched(self, node: NodeId, key: str, sketch: Sketch) -> None:
        self._asked = ""
        self._sketches[key] = sketch
        while len(self._sketches) > SKETCHES or _size(self._sketches) > SKETCH_BYTES:
            if len(self._sketches) == 1:
                break
            self._sketches.popitem(last=False)
        self._tell(node)

    def _not_sketched(self, node: NodeId, key: str, failure: Failure) -> None:
        self._asked = ""
        self._failures[key] = failure
        self._tell(node)

    def _tell(self, node: NodeId) -> None:
        if node == self._watched:
            self._shown = self.state(node)
        self.changed.emit(node)

    def _estimated(self, node: NodeId, key: str, made: Estimate) -> None:
        self._estimating = None
        self._estimates[key] = made
        while len(self._estimates) > ESTIMATES:
            self._estimates.popitem(last=False)
        self._newest[node] = key
        self._not_estimated.pop(node, None)
        self.changed.emit(node)

    def _not_estimated_now(self, node: NodeId, key: str, failure: Failure) -> None:
        self._estimating = None
        self._not_estimated[node] = (key, failure)
        self.changed.emit(node)

    def _drop_estimate(self) -> None:
        if self._estimating is not None:
            self._session.looks.drop("estimate")
            self._estimating = None


def _key(digest: str, spec: StepSpec, values: Mapping[str, Any], setting: WorkSetting | None) -> str:
    parts: list[Any] = [digest, spec.id, spec.version, dict(values)]
    if setting is not None:
        parts += [setting.data_path, dict(setting.data_options), setting.data_seed, setting.data_network, setting.seed]
    return canonical_json(parts).decode()


def _size(sketches: Mapping[str, Sketch]) -> int:
    return sum(array.nbytes for one in sketches.values() for array in one.arrays.values())
