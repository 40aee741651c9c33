"""The plan: the state of every node before anything runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from compress_studio.base.errors import BadInput, UserError
from compress_studio.engine.cache import Store
from compress_studio.engine.device import resolve
from compress_studio.engine.keys import Surroundings, action_key
from compress_studio.engine.records import Cause, Failure
from compress_studio.engine.settings import RunSettings
from compress_studio.project.pipeline import Node, NodeId, Pipeline
from compress_studio.project.project import Project
from compress_studio.spec.params import Params
from compress_studio.spec.runtime import Runtime
from compress_studio.spec.step import StepSpec

OUT = "network"


class NodeState(StrEnum):
    """What would happen to a node in a run."""

    FRESH = "fresh"
    """The result is there."""
    STALE = "stale"
    """It has to be computed."""
    UNKNOWN = "unknown"
    """Something above has to be computed first; then the result may turn out to be there."""
    OFF = "off"
    """It passes on what arrives at its first input."""
    INVALID = "invalid"
    """It cannot run; the problems say why."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a node cannot run, and what to do."""

    message: str
    hint: str = ""
    cause: Cause = Cause.USER

    @classmethod
    def of(cls, error: UserError) -> Problem:
        """The problem that an error names."""
        failure = Failure.of(error)
        return cls(failure.message, failure.hint, failure.cause)

    @property
    def failure(self) -> Failure:
        """The failure of a run that meets this problem."""
        return Failure(self.cause, self.message, self.hint)


@dataclass(frozen=True, slots=True)
class NodePlan:
    """One node of a plan."""

    state: NodeState
    key: str = ""
    """Empty while an input is not known, and for nodes that are off or invalid."""
    inputs: Mapping[str, str | None] = field(default_factory=dict[str, "str | None"])
    """Digest by input port; None for one that is not connected."""
    outputs: Mapping[str, str] = field(default_factory=dict[str, str])
    """Digest by output port, as far as known."""
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """The state of every node, in running order."""

    order: tuple[NodeId, ...]
    nodes: Mapping[NodeId, NodePlan]
    pipeline: Pipeline

    @property
    def states(self) -> Mapping[NodeId, NodeState]:
        """State by node."""
        return {node: one.state for node, one in self.nodes.items()}

    @property
    def keys(self) -> Mapping[NodeId, str]:
        """Key by node, of those whose inputs are known."""
        return {node: one.key for node, one in self.nodes.items() if one.key}

    @property
    def outputs(self) -> Mapping[NodeId, Mapping[str, str]]:
        """Digests by node and port, as far as known."""
        return {node: one.outputs for node, one in self.nodes.items() if one.outputs}

    @property
    def problems(self) -> Mapping[NodeId, tuple[Problem, ...]]:
        """Problems by node, of those that have some."""
        return {node: one.problems for node, one in self.nodes.items() if one.problems}

    def to_run(self, targets: Iterable[NodeId] | None = None) -> list[NodeId]:
        """The nodes that have to be computed, or may have to be, for these targets (None: all), in order."""
        wanted = wanted_nodes(self.pipeline, targets)
        waiting = {NodeState.STALE, NodeState.UNKNOWN}
        return [node for node in self.order if node in wanted and self.nodes[node].state in waiting]


class Planning:
    """Plans nodes one by one, as the digests above them become known. The plan and the run share it.

    Raises BadInput when the data set or the device cannot be used: these belong to the project, not to a node.
    """

    def __init__(self, project: Project, runtime: Runtime, store: Store, settings: RunSettings) -> None:
        self.project = project
        self.runtime = runtime
        self.store = store
        self.settings = settings
        self.pipeline = project.pipeline
        self.data = settings.data_of(project)
        self.seed = settings.seed_of(project)
        with store.remembering_files():
            self.data_digest = runtime.data_digest(self.data)
        self.device = resolve(settings.device_of(project), store)
        """None while it is not known and only a worker can find out."""

    def plan(self, node: Node, known: Mapping[NodeId, NodePlan]) -> NodePlan:
        """The plan of one node, when those above it are planned."""
        try:
            spec = self.runtime.steps.get(node.step)
        except BadInput as error:
            return NodePlan(NodeState.INVALID, problems=(Problem.of(error),))
        if not node.on:
            return self._passing(node, spec, known)
        try:
            params = spec.params.read(node.params)
        except BadInput as error:
            return NodePlan(NodeState.INVALID, problems=(Problem.of(error),))
        problems = self._input_problems(node, spec)
        if problems:
            return NodePlan(NodeState.INVALID, problems=problems)
        inputs = self._inputs(node, spec, known)
        if inputs is None or (spec.uses_device and self.device is None):
            return NodePlan(NodeState.UNKNOWN)
        return self._keyed(spec, params, inputs)

    def _keyed(self, spec: StepSpec, params: Params, inputs: Mapping[str, str | None]) -> NodePlan:
        around = Surroundings(self.seed, self.data_digest, self.device or "", bool(self.data.path))
        try:
            with self.store.remembering_files():
                key = action_key(spec, params, inputs, around)
        except UserError as error:
            return NodePlan(NodeState.INVALID, problems=(Problem.of(error),))
        except OSError as error:
            text = f"{spec.title}: {error.filename or 'a file'} cannot be read ({error.strerror or error})."
            problem = Problem(text, "Check the file and your right to read it.", Cause.BAD_INPUT)
            return NodePlan(NodeState.INVALID, problems=(problem,))
        result = self.store.result(key) if self.settings.use_cache else None
        if result is None:
            return NodePlan(NodeState.STALE, key, inputs)
        return NodePlan(NodeState.FRESH, key, inputs, result.outputs)

    def _passing(self, node: Node, spec: StepSpec, known: Mapping[NodeId, NodePlan]) -> NodePlan:
        edge = self.pipeline.inputs_of(node.id).get(spec.inputs[0].name) if spec.inputs else None
        if edge is None:
            problem = Problem(f"{spec.title} is switched off and has nothing to pass on.", "Switch it on.")
            return NodePlan(NodeState.INVALID, problems=(problem,))
        digest = known[edge.src].outputs.get(edge.out)
        outputs = {} if digest is None else {port.name: digest for port in spec.outputs}
        return NodePlan(NodeState.OFF, outputs=outputs)

    def _input_problems(self, node: Node, spec: StepSpec) -> tuple[Problem, ...]:
        edges = self.pipeline.inputs_of(node.id)
        missing = [
            Problem(f"{spec.title}: the input {port.title or port.name} is not connected.", "Connect it.")
            for port in spec.inputs
            if port.name not in edges and not port.optional
        ]
        names = {port.name for port in spec.inputs}
        unknown = [
            Problem(f"{spec.title} has no input {name}.", "Remove that connection.")
            for name in edges
            if name not in names
        ]
        return (*missing, *unknown)

    def _inputs(self, node: Node, spec: StepSpec, known: Mapping[NodeId, NodePlan]) -> Mapping[str, str | None] | None:
        """Digest by port; None when one that is connected is not known yet."""
        inputs: dict[str, str | None] = {}
        edges = self.pipeline.inputs_of(node.id)
        for port in spec.inputs:
            edge = edges.get(port.name)
            inputs[port.name] = None if edge is None else known[edge.src].outputs.get(edge.out)
            if edge is not None and inputs[port.name] is None:
                return None
        return inputs


def make_plan(project: Project, runtime: Runtime, store: Store, settings: RunSettings) -> Plan:
    """Look at every node without computing anything.

    Raises BadInput when the data set or the device cannot be used.
    """
    planning = Planning(project, runtime, store, settings)
    nodes: dict[NodeId, NodePlan] = {}
    order = project.pipeline.order()
    for node in order:
        nodes[node.id] = planning.plan(node, nodes)
    return Plan(tuple(node.id for node in order), nodes, project.pipeline)


def wanted_nodes(pipeline: Pipeline, targets: Iterable[NodeId] | None) -> set[NodeId]:
    """The targets with all they depend on; everything for None. Raises BadInput for a node that does not exist."""
    if targets is None:
        return {node.id for node in pipeline}
    wanted: set[NodeId] = set()
    for target in targets:
        wanted |= {pipeline.node(target).id, *pipeline.above(target)}
    return wanted
