"""Runs projects: what is not there yet is computed node by node, and everything is told as events."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Self, overload

from compress_studio.base.errors import UserError
from compress_studio.engine.cache import Store
from compress_studio.engine.device import CPU, gpu_possible
from compress_studio.engine.events import RunEvent, Sink
from compress_studio.engine.execution import Execution
from compress_studio.engine.lanes import Lanes
from compress_studio.engine.plan import make_plan, wanted_nodes
from compress_studio.engine.records import Failure
from compress_studio.engine.runstate import RunState
from compress_studio.engine.settings import RunSettings
from compress_studio.project.pipeline import NodeId
from compress_studio.project.project import Project
from compress_studio.spec.runtime import Runtime, load_runtime

WAIT_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended."""

    ok: bool
    """Every node that was wanted has its result and its measurements."""
    state: RunState
    seconds: float

    @property
    def failures(self) -> tuple[Failure, ...]:
        """Everything that went wrong: of the run, then of its nodes in order, then of their measurements."""
        nodes = [self.state.nodes[name] for name in self.state.order]
        own = [one.error for one in nodes if one.error is not None]
        meters = [failure for one in nodes for failure in one.meter_errors.values()]
        return (*([self.state.failure] if self.state.failure is not None else []), *own, *meters)


def ignore(_event: RunEvent) -> None:
    """A sink for those who only want the outcome."""


class Run:
    """One execution, supervised by a thread in the background."""

    def __init__(self, execution: Execution, siblings: list[Run], after: Run | None = None) -> None:
        self._execution = execution
        self._siblings = siblings
        self._after = after
        self._over = threading.Event()
        siblings.append(self)
        self._thread = threading.Thread(target=self._supervise, name=f"run-{execution.id}", daemon=True)
        self._thread.start()

    @property
    def id(self) -> str:
        """Unique in this process."""
        return self._execution.id

    @property
    def state(self) -> RunState:
        """What is known so far."""
        return self._execution.state

    def cancel(self) -> None:
        """Stop as soon as possible: the work is asked, and killed when it does not listen.

        Also what is still being finished of runs that this one superseded: it waits for them.
        """
        run: Run | None = self
        while run is not None:
            run._execution.token.cancel()
            run = run._after

    def supersede(
        self, project: Project, targets: Iterable[NodeId] | None = None, settings: RunSettings | None = None
    ) -> Run:
        """Go on with a changed project, told to the same sink; settings: None for those of this run.

        The node being computed is finished first when the new project wants the same result, else stopped.
        """
        chosen = None if targets is None else tuple(targets)
        execution = self._execution.successor(project, chosen, settings)
        wanted = self._wanted(project, chosen)
        run: Run | None = self
        while run is not None:
            run._make_way(wanted)
            run = run._after
        return Run(execution, self._siblings, after=self)

    def _make_way(self, wanted: set[str]) -> None:
        """Finish what is being computed when it is wanted, else stop."""
        current = self._execution.working_on
        if current is None or current not in wanted:
            self._execution.token.cancel()
            return
        self._execution.leave_after_this_node()
        if self._execution.working_on not in {current, None}:
            # It went on to the next thing just before it was told to leave.
            self._execution.token.cancel()

    @property
    def over(self) -> bool:
        """Whether it has ended."""
        return self._over.is_set()

    @overload
    def wait(self) -> Outcome: ...

    @overload
    def wait(self, timeout: float) -> Outcome | None: ...

    def wait(self, timeout: float | None = None) -> Outcome | None:
        """How it ended; None when it has not ended within the timeout (seconds)."""
        end = None if timeout is None else time.monotonic() + timeout
        # In short pieces, because on Windows an endless wait cannot be interrupted by Ctrl-C.
        while not self._over.wait(WAIT_SECONDS if end is None else max(0.0, min(WAIT_SECONDS, end - time.monotonic()))):
            if end is not None and time.monotonic() >= end:
                return None
        if self._thread is not threading.current_thread():
            self._thread.join()
        state = self._execution.state
        return Outcome(state.ok, state, state.seconds)

    def _wanted(self, project: Project, targets: tuple[NodeId, ...] | None) -> set[str]:
        """Keys and digests that the targets of a project ask for, as far as known."""
        job = self._execution
        # What a run without the cache has computed by now is in the store all the same.
        settings = replace(job.settings, use_cache=True)
        try:
            plan = make_plan(project, job.runtime, job.store, settings)
            nodes = wanted_nodes(project.pipeline, targets)
        except UserError:
            # The new run meets the same error and reports it.
            return set()
        rows = [one for name, one in plan.nodes.items() if name in nodes]
        return {*(one.key for one in rows), *(digest for one in rows for digest in one.outputs.values())} - {""}

    def _supervise(self) -> None:
        try:
            if self._after is not None:
                self._after.wait()
                self._after = None
            self._execution.go()
        finally:
            self._over.set()


class Runner:
    """Starts runs. Worker processes are kept warm between runs, until close."""

    def __init__(self, store: Store, settings: RunSettings | None = None, runtime: Runtime | None = None) -> None:
        self.store = store
        self.settings = settings or RunSettings()
        self._runtime = runtime
        gpu = self.settings.device != CPU and gpu_possible()
        self.lanes = Lanes(self.settings.threads, self.settings.compute_threads, gpu, store.session.folder)
        self._runs: list[Run] = []

    @property
    def runtime(self) -> Runtime:
        """The steps and meters that the settings name."""
        if self._runtime is None:
            self._runtime = load_runtime(self.settings.runtime)
        return self._runtime

    def start(
        self,
        project: Project,
        targets: Iterable[NodeId] | None = None,
        sink: Sink = ignore,
        settings: RunSettings | None = None,
    ) -> Run:
        """Compute what is missing of the targets (None: of all nodes) and of what they depend on, and measure it.

        Returns at once; sink is called in the thread of the run. settings: of this run only.
        """
        wanted = None if targets is None else tuple(targets)
        self._runs[:] = [one for one in self._runs if not one.over]
        execution = Execution(project, wanted, self.runtime, self.store, settings or self.settings, self.lanes, sink)
        return Run(execution, self._runs)

    def close(self) -> None:
        """Stop everything and end the worker processes."""
        runs = list(self._runs)
        for run in runs:
            run.cancel()
        self.lanes.close()
        for run in runs:
            run.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
