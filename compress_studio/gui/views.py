"""From plan, run and results to what is shown of every node."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from compress_studio.engine.judging import judged
from compress_studio.engine.plan import NodeState
from compress_studio.engine.runstate import NodeResult, Stage
from compress_studio.engine.summary import Summary, quality_name, summarize
from compress_studio.gui.nodeview import NodeView, Shown, describe_params, shown_state
from compress_studio.project.files import SOURCE_PATH
from compress_studio.project.pipeline import NETWORK, SOURCE_STEP, Edge, Node, NodeId, Pipeline, main_input
from compress_studio.spec.step import StepSpec

if TYPE_CHECKING:
    from compress_studio.gui.session import Session


class ViewMaker:
    """Makes the views of a session, and only anew what changed: a run asks for them 30 times a second."""

    def __init__(self) -> None:
        self._views: Mapping[NodeId, NodeView] = {}
        self._sources: tuple[Pipeline, Mapping[NodeId, NodeId]] | None = None
        self._said: dict[NodeId, tuple[tuple[object, ...], tuple[Mapping[str, str], ...]]] = {}
        """By node: what its cautions were made from, and the cautions."""

    def make(self, session: Session) -> Mapping[NodeId, NodeView]:
        """What is shown of every node of the project; a view that says the same is the same object as before."""
        pipeline = session.project.pipeline
        if self._sources is None or self._sources[0] is not pipeline:
            self._sources = (pipeline, sources_by_node(pipeline))
        quality = quality_name(session.results.values())
        made: dict[NodeId, NodeView] = {}
        for node in pipeline:
            view, old = self._view(session, node, quality), self._views.get(node.id)
            made[node.id] = old if old is not None and old == view else view
        self._views = made
        return made

    def _view(self, session: Session, node: Node, quality: str) -> NodeView:
        spec = session.runtime.steps.get(node.step) if node.step in session.runtime.steps else None
        plan = session.planned(node.id)
        run = session.said_by_run(node.id)
        if run is not None and run.state is Stage.DONE and session.run_state.ended and not session.plan_behind:
            run = None if plan is not None and plan.state is not NodeState.FRESH else run
        state = shown_state(plan, run, running=session.running)
        result = session.results.get(node.id)
        outdated = result is not None and state not in {Shown.FRESH, Shown.MEASURING, Shown.OFF}
        problem = plan.problems[0] if plan is not None and plan.problems else None
        progress, note, remaining = _progress(state, run)
        return NodeView(
            node=node,
            spec=spec,
            state=state,
            title=title_of(node, spec),
            subtitle="" if spec is None or node.step == SOURCE_STEP else describe_params(spec, node.params),
            progress=progress,
            note=note,
            remaining=remaining,
            result=result,
            outdated=outdated,
            summary=self._summary(session, node.id, result, quality),
            cautions=self._cautions(session, node, result),
            problem=problem,
            failure=None if run is None else run.error,
        )

    def _source(self, node: NodeId) -> NodeId | None:
        return None if self._sources is None else self._sources[1].get(node)

    def _summary(self, session: Session, node: NodeId, result: NodeResult | None, quality: str) -> Summary | None:
        if result is None:
            return None
        source = self._source(node)
        return summarize(result, session.results.get(source) if source is not None else None, quality)

    def _cautions(self, session: Session, node: Node, result: NodeResult | None) -> tuple[Mapping[str, str], ...]:
        """Warnings of the step and of the verdicts, each once."""
        if result is None:
            return ()
        project, results = session.project, session.results
        reference = self._source(node.id) or node.id
        before = project.pipeline.inputs_of(node.id).get(NETWORK)
        others = (results.get(reference), None if before is None else results.get(before.src))
        basis: tuple[object, ...] = (
            *_words(result), *(word for one in others for word in _words(one)),
            node.step, reference, project.goals, session.data_facts, project.data.path,
        )  # fmt: skip
        known = self._said.get(node.id)
        if known is not None and all(
            a is b or (isinstance(a, str) and a == b) for a, b in zip(known[0], basis, strict=True)
        ):
            return known[1]
        rows = _all_cautions(session, node.id, result, reference)
        self._said[node.id] = (basis, rows)
        return rows


def sources_by_node(pipeline: Pipeline) -> dict[NodeId, NodeId]:
    """The model that each node descends from, along its main line; a source is its own."""
    inputs: dict[NodeId, dict[str, Edge]] = {}
    for edge in pipeline.edges:
        inputs.setdefault(edge.dst, {})[edge.inp] = edge
    found: dict[NodeId, NodeId] = {}
    for node in pipeline.order():
        edge = None if node.step == SOURCE_STEP else main_input(inputs.get(node.id, {}))
        if node.step == SOURCE_STEP:
            found[node.id] = node.id
        elif edge is not None and edge.src in found:
            found[node.id] = found[edge.src]
    return found


def _same(old: object, new: object) -> bool:
    """Values of results are never changed, so that the same object says the same."""
    return old is new or (isinstance(old, str) and old == new)


def _words(result: NodeResult | None) -> tuple[object, object]:
    """What the cautions of a result are made from."""
    return (None, None) if result is None else (result.report, result.readings)


def _progress(state: Shown, run: NodeResult | None) -> tuple[float, str, float | None]:
    """How far a node is, what it does, and the seconds left."""
    if run is None or state not in {Shown.RUNNING, Shown.MEASURING, Shown.QUEUED}:
        return 0.0, "", None
    if state is Shown.MEASURING:
        return min(run.measuring.values(), default=0.0), "measuring " + ", ".join(sorted(run.measuring)), run.remaining
    return run.progress, run.note, run.remaining


def _all_cautions(
    session: Session, node: NodeId, result: NodeResult, reference: NodeId
) -> tuple[Mapping[str, str], ...]:
    said: Any = result.report.get("warnings") or ()
    rows: list[Mapping[str, str]] = [dict(one) for one in said]
    if result.readings:
        goals = {goal.metric: goal.limit for goal in session.project.goals}
        data = {**session.data_facts, "synthetic": session.data_facts.get("synthetic", not session.project.data.path)}
        rows += judged(session.project, session.results, node, reference, goals, data)
    return tuple({row["message"]: row for row in rows}.values())


def title_of(node: Node, spec: StepSpec | None) -> str:
    """What a node is called: a source by its file, any other by its step."""
    if node.step == SOURCE_STEP:
        path = str(node.params.get(SOURCE_PATH, "")).replace("\\", "/")
        return path.rsplit("/", 1)[-1] or "No model chosen"
    return node.step if spec is None else spec.title
