"""The session: joins project, plan, runs and results for the window. The only object with application signals.

Everything the user does to the project goes through `edit`; everything the window shows is read from here. All signals
are emitted in the window's thread.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Qt, QTimer, Signal

from compress_studio.base.errors import UserError
from compress_studio.engine.cache import Store
from compress_studio.engine.events import RunEvent
from compress_studio.engine.plan import NodePlan, Plan
from compress_studio.engine.records import Failure
from compress_studio.engine.runner import Run, Runner
from compress_studio.engine.runstate import NodeResult, RunState
from compress_studio.engine.settings import RunSettings
from compress_studio.engine.variants import EXTRA, Variant, Variants
from compress_studio.gui.background import Light, Looks
from compress_studio.gui.bridge import Bridge
from compress_studio.gui.canvas.layout import tidied
from compress_studio.gui.collecting import collect_planned, matters
from compress_studio.gui.facts import Facts
from compress_studio.gui.knowledge import Knowledge
from compress_studio.gui.message import Message
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
        self._known = Knowledge(store)
        self.views: Mapping[NodeId, NodeView] = {}
        self._view_maker = ViewMaker()
        self.variants = Variants()
        self.data_facts: Mapping[str, Any] = {}
        """What the data set says about itself (DataSource.describe()); empty while unknown. Set by the data part."""
        self.stopping = False
        """Stop was asked, the work has not ended yet."""
        self.previews = Previews(self)
        self._run: Run | None = None
        self._targets: tuple[NodeId, ...] | None = None
        self._selection: tuple[NodeId, ...] = ()
        self._leaving: Run | None = None
        """A run of the project before, that was asked to stop when another one was opened."""
        self._removed: frozenset[str] = frozenset()
        """Variants that the user removed: they come back when they are run again, not with every look at the store."""
        self._unsaved_variants = False
        """Something was measured, starred or removed that the file does not hold."""
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
        """Whether the project differs from its file, also by results, stars and removed variants."""
        return self._history.dirty or self._unsaved_variants

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
        self._leave_run()
        before = self.project
        project = tidied(project)
        self.variants = Variants.from_json(project.extra.get(EXTRA))
        kept = {name: value for name, value in project.extra.items() if name != EXTRA}
        self._history = History(replace(project, extra=kept))
        if not clean:
            self._history.mark_dirty()
        self.path = path
        self._known.forget()
        self.views, self.data_facts = {}, {}
        self._selection, self._removed = (), frozenset()
        self._unsaved_variants = False
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
        self._unsaved_variants = False
        self._history.mark_clean()
        self.history_changed.emit()

    def stored_project(self) -> Project:
        """The project as a file holds it: with its variants."""
        rows: Any = self.variants.to_json()
        return replace(self.project, extra={**self.project.extra, EXTRA: rows}) if rows else self.project

    # what is known of the nodes -------------------------------------------------------------------

    @property
    def plan(self) -> Plan | None:
        """What would happen in a run; None while it is not made or cannot be made."""
        return self._known.plan

    @property
    def plan_failure(self) -> Failure | None:
        """Why there is no plan: the data set or the device cannot be used."""
        return self._known.plan_failure

    @property
    def plan_behind(self) -> bool:
        """Whether the run has told more since the plan was made."""
        return self._known.plan_behind

    @property
    def results(self) -> Mapping[NodeId, NodeResult]:
        """The newest result of each node, also when it is outdated."""
        return self._known.results

    @property
    def run_state(self) -> RunState:
        """The run that is going on, or the newest one."""
        return self._known.run_state

    def planned(self, node: NodeId) -> NodePlan | None:
        """The plan of a node, as far as it still holds."""
        return self._known.planned(node)

    def said_by_run(self, node: NodeId) -> NodeResult | None:
        """What the shown run says of a node, as far as that still holds."""
        return self._known.said_by_run(node, running=self.running)

    def keys(self) -> dict[NodeId, str]:
        """Keys of what the nodes give as they are now."""
        return self._known.keys()

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
        self._removed = frozenset()
        self._settle.stop()
        self.stopping = False
        before = self._run or self._leaving
        if before is None or before.over:
            self._run = self.runner.start(self.project, self._targets, self.bridge.put, settings)
        else:
            self._run = before.supersede(self.project, self._targets, settings)
        self._leaving = None
        self._known.hearing.begun(self._run.id, self.project)
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
        self._take_variants(self.variants.starred(variant, star=star), unsaved=True)

    def forget_variants(self, ids: frozenset[str]) -> None:
        """Leave variants out of tables and charts; their results stay in the cache."""
        self._removed |= ids
        self._take_variants(self.variants.without(ids), unsaved=True)

    def restore(self, variant: Variant, label: str) -> bool:
        """Bring the parameters of a variant back: into its nodes where they exist, else as a branch of its own."""
        from compress_studio.gui.restoring import restore_edit

        if not self.edit(label, restore_edit(variant, self.runtime.steps)):
            return False
        now = self.project
        others = (now.data != variant.data_request, "data"), (now.seed != variant.seed, "seed")
        if words := " and ".join(word for differs, word in others if differs):
            text = f"Result {variant.number} was made with another {words} than the project has now."
            self.message.emit(Message(text, "Its parameters are back; its numbers may not be."))
        return True

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
        self.bridge.close()
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
        quiet = self.run_state.quiet
        events, variants, changed = self._known.hear(events, self.project, self.variants)
        if not events:
            return
        state = self.run_state
        if state.quiet != quiet:
            self.quiet_changed.emit(state.quiet)
        ended = state.ended and self._run is not None and self._run.id == state.run
        if ended:
            self._run = None
            self.stopping = False
        self._show_views()
        self.heard.emit(events)
        self.run_changed.emit(state)
        self._take_variants(variants, unsaved=self.path is not None)
        if changed or ended:
            self.results_changed.emit()
        if ended:
            self._replan()
            self.run_ended.emit(state)

    def _changed(self, before: Project, *, force: bool = False) -> None:
        after = self.project
        if after is before and not force:
            return
        selected = self._selection
        self._selection = tuple(one for one in selected if one in after.pipeline)
        self._known.compare(after)
        if force or matters(before, after):
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
            self._run = self._run.supersede(self.project, targets)
            self._known.hearing.begun(self._run.id, self.project)

    def _replan(self) -> None:
        project = self.project
        self.light.submit(
            "plan",
            lambda: plan_project(project, self.runtime, self.store, self.settings),
            self._planned,
            self._not_planned,
        )

    def _planned(self, planned: Planned) -> None:
        changed = self._known.take_plan(planned, self.project, running=self.running)
        self._show_views()
        self.plan_changed.emit(self.plan)
        self._take_variants(collect_planned(self.variants, planned, self._removed), unsaved=False)
        if changed:
            self.results_changed.emit()

    def _not_planned(self, failure: Failure) -> None:
        self._known.take_no_plan(failure)
        self._show_views()
        self.plan_changed.emit(None)

    def _show_views(self) -> None:
        self.views = self._view_maker.make(self)
        self.views_changed.emit()

    def _leave_run(self) -> None:
        """Stop the run, and listen to it no more: another project takes its place."""
        if self._run is not None:
            self._run.cancel()
            self._leaving, self._run = self._run, None
        self._known.hearing.part()
        self._settle.stop()
        self.stopping = False
        if self.run_state.quiet:
            self.quiet_changed.emit(False)

    def _take_variants(self, variants: Variants, *, unsaved: bool) -> None:
        if variants is not self.variants:
            self.variants = variants
            was, self._unsaved_variants = self.dirty, self._unsaved_variants or unsaved
            self.variants_changed.emit()
            if self.dirty != was:
                self.history_changed.emit()
