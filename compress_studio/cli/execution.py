"""Running a project from the command line: checks first, then the engine, then what a failure means."""

from __future__ import annotations

import argparse
import json
import logging
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from compress_studio.base.errors import BadInput, Cancelled, UserError
from compress_studio.base.paths import cache_dir
from compress_studio.cli.console import say
from compress_studio.cli.progress import Progress
from compress_studio.engine.cache import Store
from compress_studio.engine.events import MeasurementFailed, RunEvent
from compress_studio.engine.plan import make_plan, wanted_nodes
from compress_studio.engine.records import Cause, Failure
from compress_studio.engine.report import NodeError
from compress_studio.engine.runner import Outcome, Run, Runner
from compress_studio.engine.runstate import RunState
from compress_studio.engine.settings import RunSettings
from compress_studio.engine.worker import WorkFailed
from compress_studio.project.pipeline import NodeId
from compress_studio.project.project import Project
from compress_studio.spec.runtime import BUILT_IN, Runtime, load_runtime

log = logging.getLogger(__name__)
RUNTIME = BUILT_IN
WAIT_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Ran:
    """A finished run."""

    outcome: Outcome
    data: Mapping[str, Any]
    """What the data set says about itself; empty when the run did not get that far."""


def loaded_runtime() -> Runtime:
    """The steps and meters of the program."""
    return load_runtime(RUNTIME)


def settings_of(options: argparse.Namespace, *, measure: bool = True) -> RunSettings:
    """What the command line says about how to run; seed, data and device are in the project already."""
    return RunSettings(threads=options.threads or 1, measure=measure, runtime=RUNTIME)


@contextmanager
def opened_store() -> Iterator[Store]:
    """The store of this user, closed at the end."""
    store = Store(cache_dir())
    try:
        for note in store.notes:
            say(f"note: {note}")
        yield store
    finally:
        store.close()


def check(
    project: Project, runtime: Runtime, store: Store, settings: RunSettings, targets: Iterable[NodeId] | None
) -> None:
    """Raise what can be known to be wrong before anything runs; nothing is computed."""
    plan = make_plan(project, runtime, store, settings)
    wanted = wanted_nodes(project.pipeline, targets)
    for node in plan.order:
        problems = plan.problems.get(node, ())
        if node in wanted and problems:
            problem = problems[0]
            kind = BadInput if problem.cause in {Cause.BAD_INPUT, Cause.USER} else UserError
            raise kind(f"{node}: {problem.message}", problem.hint)


class _Watch:
    """Hears the events of a run before they are shown, and ends it when the data turn out to be unusable.

    Nothing could be measured then, however long the steps went on; the error is said once, at the end.
    """

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self.run: Run | None = None
        self.unusable = False

    def __call__(self, event: RunEvent) -> None:
        if isinstance(event, MeasurementFailed) and event.failure.cause is Cause.BAD_INPUT:
            self.unusable = True
            if self.run is not None:
                self.run.cancel()
        elif not self.unusable:
            self._progress(event)


def execute(
    project: Project,
    runtime: Runtime,
    store: Store,
    settings: RunSettings,
    targets: Iterable[NodeId] | None = None,
) -> Ran:
    """Run a project with its progress on stderr. Raises Cancelled when the user interrupts."""
    wanted = None if targets is None else tuple(targets)
    check(project, runtime, store, settings, wanted)
    titles = {
        node.id: runtime.steps.get(node.step).title if node.step in runtime.steps else node.step
        for node in project.pipeline
    }
    progress = Progress(titles)
    try:
        with Runner(store, settings, runtime) as runner:
            watch = _Watch(progress)
            outcome = _wait(runner.start(project, wanted, watch), watch)
            return Ran(outcome, _described(project, outcome, runner))
    finally:
        progress.close()


def _described(project: Project, outcome: Outcome, runner: Runner) -> Mapping[str, Any]:
    """What the data set says about itself; a worker opens it once, then it is remembered."""
    sources = [one.id for one in project.pipeline.sources() if one.id in outcome.state.nodes]
    digest = outcome.state.nodes[sources[0]].digest if sources else ""
    if not outcome.ok or not digest:
        return {}
    data = runner.settings.data_of(project)
    with runner.store.remembering_files():
        name = f"data {runner.runtime.data_digest(data)} {digest}"
    known = runner.store.fact(name)
    if known is None:
        path = str(runner.store.blobs.path(digest))
        options = json.dumps(dict(data.options))
        words = (runner.settings.runtime, data.path, options, data.seed, path)
        try:
            known = json.dumps(runner.lanes.compute.ask("compress_studio.engine.work:describe", words).result())
        except WorkFailed as failed:
            # Every node has its numbers; the report then only lacks the sizes of the parts.
            log.info("the data set was not described: %s", failed.failure.message)
            return {}
        runner.store.remember_fact(name, known)
    return json.loads(known)


def first_error(project: Project, state: RunState) -> NodeError | None:
    """What a run failed of: the run itself, the first node, or the first measurement; None when all went well.

    The traceback of a bug goes to the log, whose place the hint names.
    """
    if state.failure is not None:
        return _error(state.failure, "", "")
    for name in state.order:
        one = state.nodes[name]
        if one.error is not None:
            return _error(one.error, name, _place(project, name))
    for name in state.order:
        for meter, failure in state.nodes[name].meter_errors.items():
            place = "" if failure.cause is Cause.BAD_INPUT else f"{meter} of {name}"
            return _error(failure, name, place)
    return None


def check_ok(project: Project, ran: Ran) -> None:
    """Raise the first thing that went wrong in a run."""
    error = first_error(project, ran.outcome.state)
    if error is not None:
        raise (BadInput if error.exit_code == BadInput.exit_code else UserError)(error.message, error.hint)


def _place(project: Project, node: NodeId) -> str:
    """Where it happened, as a prefix; a model that cannot be opened is named by its error."""
    return "" if node in {one.id for one in project.pipeline.sources()} else node


def _error(failure: Failure, node: str, place: str) -> NodeError:
    message = f"{place}: {failure.message}" if place else failure.message
    hint = failure.hint
    if failure.report and failure.cause in {Cause.BUG, Cause.CRASH}:
        hint = f"The log {_keep(failure)} holds what a report needs."
    return NodeError(message, hint, node, failure.exit_code)


def _keep(failure: Failure) -> Path:
    from compress_studio.base.logs import set_up
    from compress_studio.base.paths import log_dir

    path = set_up(log_dir())
    logging.getLogger("compress_studio.cli").error("%s\n%s", failure.message, failure.report)
    return path


def _wait(run: Run, watch: _Watch) -> Outcome:
    """Wait in short turns, so that Ctrl-C is heard at once; a second Ctrl-C leaves without waiting for the worker."""
    watch.run = run
    try:
        while (outcome := run.wait(WAIT_SECONDS)) is None:
            if watch.unusable:
                run.cancel()
    except KeyboardInterrupt:
        say("\nstopping …")
        run.cancel()
        run.wait()
        raise Cancelled from None
    if outcome.state.cancelled and not watch.unusable:
        raise Cancelled
    return outcome
