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
from compress_studio.project.pipeline import SOURCE_STEP, Node, NodeId
from compress_studio.spec.step import StepSpec

if TYPE_CHECKING:
    from compress_studio.gui.session import Session


def make_views(session: Session) -> Mapping[NodeId, NodeView]:
    """What is shown of every node of the project."""
    results = session.results
    quality = quality_name(results.values())
    return {node.id: _view(session, node, quality) for node in session.project.pipeline}


def _view(session: Session, node: Node, quality: str) -> NodeView:
    spec = session.runtime.steps.get(node.step) if node.step in session.runtime.steps else None
    plan = None if session.plan is None else session.plan.nodes.get(node.id)
    run = session.run_state.nodes.get(node.id) if session.failed_before(node.id) else None
    if run is not None and run.state is Stage.DONE and session.run_state.ended and not session.plan_behind:
        run = None if plan is not None and plan.state is not NodeState.FRESH else run
    state = shown_state(plan, run, running=session.running)
    result = session.results.get(node.id)
    outdated = result is not None and state not in {Shown.FRESH, Shown.MEASURING, Shown.OFF}
    problem = plan.problems[0] if plan is not None and plan.problems else None
    progress, note, remaining = 0.0, "", None
    if run is not None and state in {Shown.RUNNING, Shown.MEASURING, Shown.QUEUED}:
        progress, note, remaining = run.progress, run.note, run.remaining
        if state is Shown.MEASURING:
            progress = min(run.measuring.values(), default=0.0)
            note = "measuring " + ", ".join(sorted(run.measuring))
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
        summary=_summary(session, node.id, result, quality),
        cautions=_cautions(session, node.id, result),
        problem=problem,
        failure=None if run is None else run.error,
    )


def title_of(node: Node, spec: StepSpec | None) -> str:
    """What a node is called: a source by its file, any other by its step."""
    if node.step == SOURCE_STEP:
        path = str(node.params.get(SOURCE_PATH, "")).replace("\\", "/")
        return path.rsplit("/", 1)[-1] or "No model chosen"
    return node.step if spec is None else spec.title


def _summary(session: Session, node: NodeId, result: NodeResult | None, quality: str) -> Summary | None:
    if result is None:
        return None
    source = session.project.pipeline.source_of(node)
    return summarize(result, session.results.get(source) if source is not None else None, quality)


def _cautions(session: Session, node: NodeId, result: NodeResult | None) -> tuple[Mapping[str, str], ...]:
    """Warnings of the step and of the verdicts, each once."""
    if result is None:
        return ()
    said: Any = result.report.get("warnings") or ()
    rows: list[Mapping[str, str]] = [dict(one) for one in said]
    reference = session.project.pipeline.source_of(node) or node
    if result.readings:
        goals = {goal.metric: goal.limit for goal in session.project.goals}
        data = {**session.data_facts, "synthetic": session.data_facts.get("synthetic", not session.project.data.path)}
        rows += judged(session.project, session.results, node, reference, goals, data)
    return tuple({row["message"]: row for row in rows}.values())
