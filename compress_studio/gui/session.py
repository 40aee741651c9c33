"""The session: joins project, plan, runs and results for the window. The only object with application signals.

Everything the user does to the project goes through `edit`; everything the window shows is read from here. All signals
are emitted in the window's thread.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Qt, QTimer, Signal

from compress_studio.base.errors import UserError
from compress_studio.engine.cache import Store
from compress_studio.engine.events import RunEvent
from compress_studio.engine.plan import NodeState, Plan
from compress_studio.engine.records import Failure
from compress_studio.engine.runner import Run, Runner
from compress_studio.engine.runstate import NodeResult, RunState, Stage
from compress_studio.engine.settings import RunSettings
from compress_studio.engine.variants import EXTRA, Variant, Variants
from compress_studio.gui.background import Light, Looks
from compress_studio.gui.bridge import Bridge
from compress_studio.gui.canvas.layout import tidied
from compress_studio.gui.collecting import Told, collect, told_by, unchanged
from compress_studio.gui.facts import Facts
from compress_studio.gui.nodeview import NodeView
from compress_studio.gui.planning import Planned, plan_project
from compress_studio.gui.previews import Previews
from compress_studio.gui.views import ViewMaker
from compress_studio.project import files
from compress_studio.project.edits import Edit
from compress_studio.project.history import History
from compress_studio.project.pipeline import NodeId
from compress_studio.project.project import Project
from compress_studio.spec.runtime import BUILT_IN, Runtime, load_runtime

SETTLE_MS = 250
"""From the last edit to the moment when a run that goes on takes it up."""


@dataclass(frozen=True, slots=True)
class Message:
    """Something the user should know now."""

    text: str
    hint: str = ""
    level: str = "info"
    """ "info", "success", "warning" or "error"."""
    report: str = ""
    """What a bug report should hold."""


class Session(QObject):
    """One open project with everything that belongs to it."""

    project_changed = Signal(object, object)
    """(before, after): the project as values; also when another one was opened."""
    project_opened = Signal()
    """Another project took the place of the one before."""
    history_changed = Signal()
    """Undo, redo, the file or the modified star changed."""
    plan_changed = Signal(object)
    """Plan, or None when it cannot be made."""
    run_changed = Signal(object)
    """RunState; at most 30 times a second."""
    run_started = Signal()
    run_ended = Signal(object)
    """RunState of the run that ended for good (not one that was superseded)."""
    views_changed = Signal()
    """What is shown of nodes changed: states, progress, results, cautions."""
    results_changed = Signal()
    """Measured results changed; not emitted for mere progress."""
    variants_changed = Signal()
    selection_changed = Signal(object)
    """tuple of NodeId, the last clicked one last."""
    quiet_changed = Signal(bool)
    """True while a timing is taken: nothing should be repainted that need not be."""
    heard = Signal(object)
    """List of RunEvent, as they came; for the log."""
    message = Signal(object)
    """Message."""

    def __init__(self, store: Store, runtime: Runtime | None = None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.store = store
        self.runtime = runtime or load_runtime(BUILT_IN)
        self.settings = RunSettings()
        self.bridge = Bridge(self._receive, self)
        self.light = Light(self.bridge.put)
        self.looks = Looks(self.bridge.put, store.session.folder)
        self.facts = Facts(self)
        self.runner = Runner(store, self.settings, self.runtime)
        self._history = History(Project())
        self.path: Path | None = None
        """The file of the project; None: not saved yet."""
        self.plan: Plan | None = None
        self.plan_failure: Failure | None = None
        """Why there is no plan: the data set or the device cannot be used."""
        self.results: Mapping[NodeId, NodeResult] = {}
        """The newest result of each node, also when it is outdated."""
        self.views: Mapping[NodeId, NodeView] = {}
        self._view_maker = ViewMaker()
        self.run_state = RunState()
        self.variants = Variants()
        self.data_facts: Mapping[str, Any] = {}
        """What the data set says about itself (DataSource.describe()); empty while unknown. Set by the data part."""
        self.stopping = False
        """Stop was asked, the work has not ended yet."""
        self.previews = Previews(self)
        self._run: Run | None = None
        self._targets: tuple[NodeId, ...] | None = None
        self._selection: tuple[NodeId, ...] = ()
        self.plan_behind = False
        """The run has told more since the plan was made."""
        self._unchanged: frozenset[NodeId] = frozenset()
        """Nodes for which what the shown run said still holds."""
        self._run_project = Project()
        """What the newest run was started or superseded with."""
        self._told: dict[NodeId, Told] = {}
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(SETTLE_MS)
        self._settle.timeout.connect(self._take_up_edits)

    # the project ---------------------------------------------------------------------------------

    @property
    def project(self) -> Project:
        """The project as it is now."""
        return self._history.now

    @property
    def history(self) -> History:
        """To read the labels of undo and redo from; change the project through edit."""
        return self._history

    @property
    def dirty(self) -> bool:
        """Whether the project differs from its file."""
        return self._history.dirty

    def edit(self, label: str, edit: Edit, merge: Hashable | None = None) -> bool:
        """Change the project; False when the edit was refused, the reason is then told by message.

        merge: edits with the same key become one undo entry until end_gesture.
        """
        before = self.project
        try:
            self._history.do(label, edit, merge)
        except UserError as error:
            self.message.emit(Message(error.message, error.hint, "warning"))
            return False
        self._changed(before)
        return True

    def end_gesture(self) -> None:
        """The next edit is an undo entry of its own."""
        self._history.end_gesture()

    def undo(self) -> None:
        """Take back the newest edit."""
        before = self.project
        self._history.undo()
        self._changed(before)

    def redo(self) -> None:
        """Do again what was taken back."""
        before = self.project
        self._history.redo()
        self._changed(before)

    def open(self, project: Project, path: Path | None = None, *, clean: bool = True) -> None:
        """Take another project; the one before is gone. clean: False for one that has no file yet or was recovered."""
        self.stop()
        before = self.project
        project = tidied(project)
        self.variants = Variants.from_json(project.extra.get(EXTRA))
        kept = {name: value for name, value in project.extra.items() if name != EXTRA}
        self._history = History(replace(project, extra=kept))
        if not clean:
            self._history.mark_dirty()
        self.path = path
        self.plan, self.plan_failure = None, None
        self.results, self.views, self.run_state = {}, {}, RunState()
        self.data_facts, self._selection, self._told = {}, (), {}
        self.project_opened.emit()
        self._changed(before, force=True)
        self.selection_changed.emit(())
        self.variants_changed.emit()

    def load(self, path: Path) -> None:
        """Open a project file. Raises BadInput; the open project then stays as it is."""
        self.open(files.load(path, self.runtime.steps), path)

    def save(self, path: Path | None = None) -> None:
        """Write the project to path, or to its file. Raises OSError or UserError; the old file then stays."""
        target = path or self.path
        if target is None:
            raise UserError("The project has no file yet.", "Choose a name with Save as.")
        files.save(self.stored_project(), target)
        self.path = target
        self._history.mark_clean()
        self.history_changed.emit()

    def stored_project(self) -> Project:
        """The project as a file holds it: with its variants."""
        rows: Any = self.variants.to_json()
        return replace(self.project, extra={**self.project.extra, EXTRA: rows}) if rows else self.project

    # selection ------------------------------------------------------------------------------------

    @property
    def selection(self) -> tuple[NodeId, ...]:
        """The selected nodes, the last clicked one last."""
        return self._selection

    @property
    def current(self) -> NodeId | None:
        """The node whose form is shown."""
        return self._selection[-1] if self._selection else None

    def select(self, nodes: Iterable[NodeId]) -> None:
        """Select these nodes; names that do not exist are ignored."""
        chosen = tuple(dict.fromkeys(one for one in nodes if one in self.project.pipeline))
        if chosen != self._selection:
            self._selection = chosen
            self.selection_changed.emit(chosen)

    # runs -----------------------------------------------------------------------------------------

    @property
    def running(self) -> bool:
        """Whether a run has not ended."""
        return self._run is not None

    def run(self, targets: Sequence[NodeId] | None = None, *, measure: bool = True, again: bool = False) -> None:
        """Compute and measure what is stale, up to these nodes (None: all). again: also what is there already."""
        settings = replace(self.settings, measure=measure, use_cache=not again)
        self._targets = None if targets is None else tuple(targets)
        self._settle.stop()
        self.stopping = False
        self._run_project = self.project
        self._compare_with_run()
        if self._run is None:
            self._run = self.runner.start(self.project, self._targets, self.bridge.put, settings)
        else:
            self._run = self._run.supersede(self.project, self._targets, settings)
        self.run_started.emit()

    def look_at(self, nodes: Sequence[NodeId], *, measure: bool = False) -> None:
        """Compute these nodes; a run of something else goes on and takes them up."""
        if self._run is None or self.stopping:
            self.run(nodes, measure=measure)
        elif self._targets is not None:
            self._targets = tuple(dict.fromkeys((*self._targets, *nodes)))
            self._settle.start()

    def set_data_facts(self, facts: Mapping[str, Any]) -> None:
        """Take over what the data set says about itself; verdicts are judged with it."""
        if facts != self.data_facts:
            self.data_facts = facts
            self._show_views()

    def use(self, settings: RunSettings) -> None:
        """Work with other settings from now on; a run that goes on ends with those that it began with."""
        if settings == self.settings:
            return
        threads = (self.settings.threads, self.settings.compute_threads)
        self.settings = settings
        if threads != (settings.threads, settings.compute_threads):
            before = self.runner
            self.runner = Runner(self.store, settings, self.runtime)
            if self._run is None:
                before.close()
            else:
                self.run_ended.connect(before.close, Qt.ConnectionType.SingleShotConnection)
        self._replan()

    def refresh(self) -> None:
        """Look at the store again: results were thrown away."""
        self._replan()

    def stop(self) -> None:
        """Ask the run to stop; run_ended tells when the work has really ended."""
        if self._run is not None and not self.stopping:
            self.stopping = True
            self._run.cancel()
            self.run_changed.emit(self.run_state)

    def report(self, failure: Failure) -> None:
        """Tell the user of a failure."""
        self.message.emit(Message(failure.message, failure.hint, "error", failure.report))

    def star(self, variant: str, *, star: bool) -> None:
        """Mark a variant."""
        self.variants = self.variants.starred(variant, star=star)
        self.variants_changed.emit()

    def forget_variants(self, ids: frozenset[str]) -> None:
        """Leave variants out of tables and charts; their results stay in the cache."""
        self.variants = self.variants.without(ids)
        self.variants_changed.emit()

    def restore(self, variant: Variant, label: str) -> bool:
        """Bring the parameters of a variant back: into its nodes where they exist, else as a branch of its own."""
        from compress_studio.gui.restoring import restore_edit

        return self.edit(label, restore_edit(variant, self.runtime.steps))

    def artifact_of(self, node: NodeId) -> tuple[Path, str] | None:
        """Path and digest of the network that a node gave last; None when it has none in the store."""
        result = self.results.get(node)
        artifact = self.store.artifact(result.digest) if result is not None and result.digest else None
        return None if artifact is None else (artifact.path, artifact.digest)

    def settle(self, seconds: float = 60.0) -> None:
        """For tests: handle everything that comes until nothing is going on any more."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.bridge.drain()
            if not (self.running or self.light.busy or self.looks.busy):
                return
            time.sleep(0.005)
        raise TimeoutError("the session did not come to rest")

    def close(self) -> None:
        """End runs and worker processes."""
        self._settle.stop()
        self._run = None
        self.runner.close()
        self.looks.close()
        self.light.close()
        self.store.close()

    # what comes back ------------------------------------------------------------------------------

    def _receive(self, batch: list[Any]) -> None:
        """Events of runs and answers of background work, in order; one repaint for all of them."""
        events = [one for one in batch if isinstance(one, RunEvent)]
        if events:
            self._heard(events)
        for one in batch:
            if not isinstance(one, RunEvent):
                call: Callable[[], None] = one
                call()

    def _heard(self, events: list[RunEvent]) -> None:
        before = self.run_state
        state = before
        for event in events:
            state = state.apply(event)
        self.run_state = state
        self.plan_behind = True
        if state.run != before.run and self._run is None:
            # A run that this session did not start is one of the project as it is.
            self._run_project = self.project
            self._compare_with_run()
        self._told.update(told_by(events, self._run_project.pipeline))
        changed = self._adopt(state)
        if state.quiet != before.quiet:
            self.quiet_changed.emit(state.quiet)
        ended = state.ended and self._run is not None and self._run.id == state.run
        if ended:
            self._run = None
            self.stopping = False
        self._show_views()
        self.heard.emit(events)
        self.run_changed.emit(state)
        if changed or ended:
            self._collect_variants()
            self.results_changed.emit()
        if ended:
            self._replan()
            self.run_ended.emit(state)

    def _adopt(self, state: RunState) -> bool:
        """Take over the results of a run; whether readings or digests changed."""
        changed = False
        results = dict(self.results)
        for node, one in state.nodes.items():
            if one.state is Stage.DONE or (one.state is Stage.OFF and one.digest):
                old = results.get(node)
                if old is None or (old.digest, old.readings) != (one.digest, one.readings):
                    changed = True
                if old is not one:
                    if not one.series and old is not None and old.digest == one.digest and old.series:
                        one = replace(one, series=old.series)
                    results[node] = one
        self.results = results
        return changed

    def _changed(self, before: Project, *, force: bool = False) -> None:
        after = self.project
        if after is before and not force:
            return
        selected = self._selection
        self._selection = tuple(one for one in selected if one in after.pipeline)
        self._compare_with_run()
        if force or _matters(before, after):
            self._replan()
            if self.running:
                self._settle.start()
        self._show_views()
        self.project_changed.emit(before, after)
        self.history_changed.emit()
        if self._selection != selected:
            self.selection_changed.emit(self._selection)

    def _take_up_edits(self) -> None:
        """A run that goes on continues with what the user changed meanwhile."""
        if self._run is not None and not self.stopping:
            targets = self._targets
            if targets is not None:
                targets = tuple(one for one in targets if one in self.project.pipeline)
            self._run_project = self.project
            self._compare_with_run()
            self._run = self._run.supersede(self.project, targets)

    def _replan(self) -> None:
        project = self.project
        self.light.submit(
            "plan",
            lambda: plan_project(project, self.runtime, self.store, self.settings),
            self._planned,
            self._not_planned,
        )

    def _planned(self, planned: Planned) -> None:
        self.plan, self.plan_failure = planned.plan, None
        self.plan_behind = self.running
        fresh = {node for node, state in planned.plan.states.items() if state is NodeState.FRESH}
        results = {node: one for node, one in self.results.items() if node in self.project.pipeline}
        changed = False
        for node in fresh:
            known, old = planned.results.get(node), results.get(node)
            if known is None or (old is not None and old.digest == known.digest and old.readings == known.readings):
                continue
            same = old is not None and old.digest == known.digest
            results[node] = replace(known, series=old.series, log=old.log) if same and old is not None else known
            changed = True
        self.results = results
        self._show_views()
        self.plan_changed.emit(self.plan)
        self._collect_variants()  # also of results that came before their keys were known
        if changed:
            self.results_changed.emit()

    def _not_planned(self, failure: Failure) -> None:
        self.plan, self.plan_failure = None, failure
        self._show_views()
        self.plan_changed.emit(None)

    def _compare_with_run(self) -> None:
        same_data = (self._run_project.data, self._run_project.seed, self._run_project.device) == (
            self.project.data,
            self.project.seed,
            self.project.device,
        )
        pipeline = self.project.pipeline
        self._unchanged = unchanged(self._run_project.pipeline, pipeline) if same_data else frozenset()

    def _show_views(self) -> None:
        self.views = self._view_maker.make(self)
        self.views_changed.emit()

    def failed_before(self, node: NodeId) -> bool:
        """Whether what the run said about a node still holds: nothing it depends on was changed since."""
        return self.running or node in self._unchanged

    def _collect_variants(self) -> None:
        found = collect(
            self.variants, self.project.pipeline, self.plan, self.results, self._told, self.project.data.path
        )
        if found is not self.variants:
            self.variants = found
            self.variants_changed.emit()


def _matters(before: Project, after: Project) -> bool:
    """Whether a change can change results; moving nodes cannot."""
    if (before.data, before.meters, before.goals, before.seed, before.device) != (
        after.data,
        after.meters,
        after.goals,
        after.seed,
        after.device,
    ):
        return True
    old = [replace(node, pos=(0.0, 0.0)) for node in before.pipeline.nodes]
    new = [replace(node, pos=(0.0, 0.0)) for node in after.pipeline.nodes]
    return old != new or set(before.pipeline.edges) != set(after.pipeline.edges)
