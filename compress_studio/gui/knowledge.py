"""What is known of the nodes of the open project: from its plan, from its runs, and for which nodes that still holds.

Plain values, no signals: the session asks here, and tells the window.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from compress_studio.engine.cache import Store
from compress_studio.engine.events import RunEvent, RunStarted
from compress_studio.engine.plan import OUT, NodePlan, NodeState, Plan
from compress_studio.engine.records import Failure
from compress_studio.engine.runstate import ENDED, NodeResult, RunState, Stage
from compress_studio.engine.variants import Variants
from compress_studio.gui.collecting import Hearing, collect_told, unchanged_nodes
from compress_studio.gui.planning import Planned
from compress_studio.project.pipeline import NodeId
from compress_studio.project.project import Project


class Knowledge:
    """Plan, run and newest results of one project at a time."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.hearing = Hearing()
        self.plan: Plan | None = None
        self.plan_failure: Failure | None = None
        """Why there is no plan: the data set or the device cannot be used."""
        self.plan_behind = False
        """The run has told more since the plan was made."""
        self.results: Mapping[NodeId, NodeResult] = {}
        """The newest result of each node, also when it is outdated."""
        self.run_state = RunState()
        self._unchanged: frozenset[NodeId] = frozenset()
        """Nodes for which what the shown run said still holds."""
        self._planned_project = Project()
        self._plan_holds: frozenset[NodeId] = frozenset()
        """Nodes for which the plan still holds: they were not changed since it was made."""
        self._curves: dict[str, NodeResult] = {}
        """By digest: the newest result that came with curves; the store does not keep them."""

    def forget(self) -> None:
        """Another project takes the place of the one before."""
        self.plan, self.plan_failure = None, None
        self.results, self.run_state, self._curves = {}, RunState(), {}

    def compare(self, now: Project) -> None:
        """The project was changed: find the nodes for which plan and run still hold."""
        self._compare_with_run(now)
        self._plan_holds = unchanged_nodes(self._planned_project, now)

    def hear(self, events: list[RunEvent], now: Project, variants: Variants) -> tuple[list[RunEvent], Variants, bool]:
        """Take in what runs say.

        Returns the events that concern the open project, the variants with what was measured, and whether readings or
        digests changed.
        """
        events = [one for one in events if self.hearing.hear(one, now)]
        if not events:
            return events, variants, False
        before = state = self.run_state
        said: list[RunEvent] = []
        for event in events:
            if isinstance(event, RunStarted):
                variants = collect_told(variants, self.hearing.told(state.run), said, state.nodes)
                said.clear()
            state = state.apply(event)
            said.append(event)
        variants = collect_told(variants, self.hearing.told(state.run), said, state.nodes)
        self.run_state = state
        self.plan_behind = True
        if state.run != before.run:
            self._compare_with_run(now)
        return events, variants, self._adopt(state)

    def take_plan(self, planned: Planned, now: Project, *, running: bool) -> bool:
        """Take over a plan with what the store remembers; whether results changed."""
        self.plan, self.plan_failure = planned.plan, None
        self._planned_project = planned.project
        self.plan_behind = running
        self._plan_holds = unchanged_nodes(self._planned_project, now)
        fresh = {node for node, state in planned.plan.states.items() if state is NodeState.FRESH}
        results = {node: one for node, one in self.results.items() if node in now.pipeline}
        changed = False
        for node in fresh:
            known, old = planned.results.get(node), results.get(node)
            if known is None or (old is not None and old.digest == known.digest and old.readings == known.readings):
                continue
            if running and old is not None and old.digest == known.digest and node in self._unchanged:
                continue  # the run has told more meanwhile than the plan knew
            results[node] = self._with_curves(known)
            changed = True
        changed |= self._pass_on(planned.plan, results)
        self.results = results
        return changed

    def take_no_plan(self, failure: Failure) -> None:
        """There is no plan, for this reason."""
        self.plan, self.plan_failure = None, failure

    def planned(self, node: NodeId) -> NodePlan | None:
        """The plan of a node; None while it is not made, or says that a result is there for what was changed since."""
        one = None if self.plan is None else self.plan.nodes.get(node)
        return None if one is not None and one.state is NodeState.FRESH and node not in self._plan_holds else one

    def said_by_run(self, node: NodeId, *, running: bool) -> NodeResult | None:
        """What the shown run says of a node, as far as that still holds.

        Nothing it depends on was changed since, or it is waiting or at work, which is true of any parameters.
        """
        one = self.run_state.nodes.get(node)
        at_work = one is not None and running and one.state not in ENDED
        return one if at_work or node in self._unchanged else None

    def keys(self) -> dict[NodeId, str]:
        """Keys of what the nodes give as they are now: of the plan, and of what the run has found out since."""
        known = {} if self.plan is None else self.plan.keys
        told = self.hearing.told(self.run_state.run)
        found = {} if told is None else told.keys
        return {
            **{node: key for node, key in known.items() if node in self._plan_holds},
            **{node: key for node, key in found.items() if node in self._unchanged},
        }

    def _compare_with_run(self, now: Project) -> None:
        told = self.hearing.told(self.run_state.run)
        self._unchanged = frozenset() if told is None else unchanged_nodes(told.project, now)

    def _adopt(self, state: RunState) -> bool:
        """Take over the results of a run; whether readings or digests changed."""
        changed = False
        results = dict(self.results)
        for node, one in state.nodes.items():
            if one.state is Stage.DONE or (one.state is Stage.OFF and one.digest):
                if node not in self._unchanged and self._planned_fresh(node):
                    continue  # the node was changed since, and what it gives now is known already
                old = results.get(node)
                if old is None or (old.digest, old.readings) != (one.digest, one.readings):
                    changed = True
                if old is not one:
                    results[node] = self._with_curves(one)
        self.results = results
        return changed

    def _planned_fresh(self, node: NodeId) -> bool:
        one = self.planned(node)
        return one is not None and one.state is NodeState.FRESH

    def _with_curves(self, one: NodeResult) -> NodeResult:
        """A result with the curves that were drawn when it was computed."""
        if one.series:
            self._curves[one.digest] = one
        known = self._curves.get(one.digest)
        return one if one.series or known is None else replace(one, series=known.series, log=one.log or known.log)

    def _pass_on(self, plan: Plan, results: dict[NodeId, NodeResult]) -> bool:
        """A node that is off has no numbers of its own: it shows what it passes on. Whether that changed anything."""
        changed = False
        for node, one in plan.nodes.items():
            if one.state is NodeState.OFF:
                digest = one.outputs.get(OUT, "")
                old = results.pop(node, None)
                if digest:
                    results[node] = NodeResult(Stage.OFF, digest, str(self._store.blobs.path(digest)))
                changed |= (old.digest if old else "", bool(old and old.readings)) != (digest, False)
        return changed
