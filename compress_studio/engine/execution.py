"""One run from its first event to its last: node by node, then the timings."""

from __future__ import annotations

import itertools
import logging
import os
import time
import traceback
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from compress_studio.base.errors import Cancelled, UserError
from compress_studio.engine.cache import Store
from compress_studio.engine.cancel import CancelToken
from compress_studio.engine.channel import CurvePoint, Message, Progress
from compress_studio.engine.device import resolve
from compress_studio.engine.events import (
    NodeCached,
    NodeDone,
    NodeFailed,
    NodeProgress,
    NodeQueued,
    NodeSkipped,
    NodeStarted,
    Note,
    RunEnded,
    RunEvent,
    RunStarted,
    SeriesPoint,
    Sink,
)
from compress_studio.engine.lanes import Lanes
from compress_studio.engine.measuring import Measuring, Subject
from compress_studio.engine.metering import Metering
from compress_studio.engine.plan import OUT, NodePlan, NodeState, Planning, wanted_nodes
from compress_studio.engine.records import DISK_WORDS, Cause, Failure, Measurement, Result
from compress_studio.engine.runstate import RunState, Stage
from compress_studio.engine.settings import RunSettings
from compress_studio.engine.timeleft import TimeLeft
from compress_studio.engine.work import StepAnswer, WorkSetting
from compress_studio.engine.worker import WorkFailed
from compress_studio.project.pipeline import Node, NodeId
from compress_studio.project.project import Project
from compress_studio.spec.runtime import Runtime

log = logging.getLogger(__name__)
_numbers = itertools.count(1)


class Execution:
    """What the thread of a run does. Other threads only read state and working_on, and ask it to stop."""

    def __init__(
        self,
        project: Project,
        targets: Iterable[NodeId] | None,
        runtime: Runtime,
        store: Store,
        settings: RunSettings,
        lanes: Lanes,
        sink: Sink,
    ) -> None:
        self.id = f"{os.getpid()}-{next(_numbers)}"
        self.project = project
        self.runtime = runtime
        self.store = store
        self.settings = settings
        self.token = CancelToken()
        self.state = RunState()
        self.working_on: str | None = None
        """Key of the node being computed, or digest of the network being measured."""
        self._targets = None if targets is None else tuple(targets)
        self._lanes = lanes
        self._sink = sink
        self._leaving = False
        self._known: dict[NodeId, NodePlan] = {}
        self._lost: set[NodeId] = set()
        """Nodes that have no result and never will in this run."""
        self._done: dict[str, Result] = {}
        """By key, what this run computed: used again even when the cache is not."""
        self._taken: dict[str, Measurement] = {}
        """By key, what this run measured: the same."""
        self._subjects: list[Subject] = []
        self._feeding: dict[NodeId, list[NodeId]] = {}
        """The nodes that feed a node, the one of its first input first."""
        self._source_of: dict[NodeId, NodeId] = {}

    def successor(
        self, project: Project, targets: Iterable[NodeId] | None, settings: RunSettings | None = None
    ) -> Execution:
        """The same run with another project; not begun. With settings of its own it uses nothing of this one."""
        made = Execution(project, targets, self.runtime, self.store, settings or self.settings, self._lanes, self._sink)
        if settings is None:
            made._done, made._taken = self._done, self._taken
        return made

    def leave_after_this_node(self) -> None:
        """Finish what is being computed and do nothing more."""
        self._leaving = True

    def go(self) -> None:
        """Do it all; never raises. The last event is RunEnded."""
        begun = time.monotonic()
        failure: Failure | None = None
        try:
            self._work()
        except Cancelled:
            log.info("run %s was stopped", self.id)
        except WorkFailed as failed:
            failure = failed.failure if failed.failure.cause is not Cause.CANCELLED else None
        except Exception as error:
            failure = Failure.of(error, traceback.format_exc())
            log.info("run %s failed: %s", self.id, failure.message, exc_info=True)
        self.working_on = None
        stopped = self.token.cancelled or self._leaving
        ok = failure is None and not stopped and self._all_well()
        try:
            self._emit(RunEnded(self.id, ok, time.monotonic() - begun, stopped, failure))
        except Exception:
            log.info("the receiver of the events of run %s failed", self.id, exc_info=True)

    def _work(self) -> None:
        wanted = wanted_nodes(self.project.pipeline, self._targets)
        nodes = [node for node in self.project.pipeline.order() if node.id in wanted]
        self._emit(RunStarted(self.id, tuple(node.id for node in nodes)))
        for text in self.store.notes:
            self._emit(Note(text, level="warning"))
        self.store.notes.clear()
        self._planning = Planning(self.project, self.runtime, self.store, self.settings)
        self._look_at_lines()
        self._find_device(nodes)
        measuring = Measuring(self.project, self.runtime.meters, self.store, self.settings, self._planning.data_digest)
        for error in measuring.unknown.values():
            self._emit(Note(str(error), level="warning"))
        self._time_left = TimeLeft(self.store)
        self._metering = Metering(
            measuring, self.store, self._lanes, self._emit, self.token, self._setting, self._taken
        )
        self._queue(nodes)
        for node in nodes:
            self._visit(node)
        if not self._stopping:
            self._metering.last(self._subjects)
        if self._done:
            self.store.evict()

    @property
    def _stopping(self) -> bool:
        return self.token.cancelled or self._leaving

    def _find_device(self, nodes: list[Node]) -> None:
        """Ask a worker for the devices when a step needs to know and nobody remembers."""
        steps = self.runtime.steps
        if self._planning.device is None and any(n.step in steps and steps.get(n.step).uses_device for n in nodes):
            name = self.settings.device_of(self.project)
            self._planning.device = resolve(name, self.store, lambda: self._ask("devices", (self.settings.runtime,)))

    def _queue(self, nodes: list[Node]) -> None:
        """Tell which nodes will have to be computed, and how long that took before."""
        known: dict[NodeId, NodePlan] = {}
        for node in self.project.pipeline.order():
            known[node.id] = self._planning.plan(node, known)
        sizes: dict[NodeId, int] = {}
        for node in nodes:
            sizes[node.id] = self._size(known[node.id], [sizes.get(one, 0) for one in self._feeding[node.id]])
            if known[node.id].state in {NodeState.STALE, NodeState.UNKNOWN}:
                before = [sizes[one] for one in self._feeding[node.id] if one in sizes]
                self._emit(NodeQueued(node.id, self._time_left.expected(node.step, node.params, sum(before))))

    def _size(self, plan: NodePlan, before: list[int]) -> int:
        """Bytes of what a node gives, guessed from what comes in where it is not known."""
        artifact = self.store.artifact(plan.outputs[OUT]) if OUT in plan.outputs else None
        return artifact.size if artifact is not None else sum(before[:1])

    def _visit(self, node: Node) -> None:
        """Bring one node to its end: cached, done, failed or skipped."""
        if self._stopping:
            self._lose(NodeSkipped(node.id, "cancelled", "stopped"))
            return
        waits_for = next((one for one in self._feeding[node.id] if one in self._lost), None)
        if waits_for is not None:
            self._lose(NodeSkipped(node.id, "blocked", f"waits for {self._title(waits_for)}"))
            return
        plan = self._planning.plan(node, self._known)
        self._known[node.id] = plan
        if plan.state is NodeState.INVALID:
            self._lose(NodeFailed(node.id, plan.problems[0].failure))
        elif plan.state is NodeState.OFF:
            digest = plan.outputs[OUT]
            self._emit(NodeSkipped(node.id, "off", "is switched off", digest, str(self.store.blobs.path(digest))))
        elif plan.state is NodeState.UNKNOWN:
            raise RuntimeError(f"{node.id} was reached before what it depends on")
        else:
            result = self._done.get(plan.key)
            if result is None and plan.state is NodeState.FRESH:
                result = self.store.result(plan.key)
            if result is None:
                self._compute(node, plan)
            else:
                self._finish(node, plan, result, cached=True)

    def _compute(self, node: Node, plan: NodePlan) -> None:
        size = sum(one.size for digest in plan.inputs.values() if digest and (one := self.store.artifact(digest)))
        clock = self._time_left.start(node.step, node.params, size)
        self._emit(NodeStarted(node.id, plan.key, clock.expected))
        self.working_on = plan.key
        paths = {
            port: None if digest is None else (str(self.store.blobs.path(digest)), digest)
            for port, digest in plan.inputs.items()
        }

        def listen(message: Message) -> None:
            if isinstance(message, Progress):
                remaining = clock.remaining(message.fraction)
                self._emit(NodeProgress(node.id, min(max(message.fraction, 0.0), 1.0), message.note, remaining))
            elif isinstance(message, CurvePoint):
                self._emit(SeriesPoint(node.id, message.series, message.x, message.y))
            else:
                self._emit(Note(message.text, node.id))

        try:
            with self.store.session.scratch() as folder:
                arguments = (self._setting(node.id), node.step, dict(node.params), paths, str(folder))
                answer: StepAnswer = self._ask("run_step", arguments, listen)
                digest = plan.inputs[answer.same_as] if answer.same_as else self.store.put(folder).digest
                self._require_same_file(node, plan)
        except WorkFailed as failed:
            self._failed(node, failed.failure)
        except Exception as error:  # noqa: BLE001 - whatever it is, it belongs to this node; the others go on
            self._failed(node, Failure.of(error, traceback.format_exc()))
        else:
            result = Result({OUT: digest or ""}, answer.seconds, answer.report)
            self.store.commit(plan.key, result)
            clock.stop(answer.seconds)
            self._finish(node, plan, result, cached=False)
        finally:
            self.working_on = None

    def _require_same_file(self, node: Node, plan: NodePlan) -> None:
        """Raise UserError when the file of a source changed while it was read: the key would name the wrong bytes."""
        if self.runtime.steps.get(node.step).fingerprint is not None:
            now = self._planning.plan(node, self._known)
            if now.key != plan.key:
                raise UserError(f"{node.id}: the file changed while it was read.", "Run again when it is complete.")

    def _finish(self, node: Node, plan: NodePlan, result: Result, *, cached: bool) -> None:
        """Tell the result, and measure it."""
        digest = result.outputs[OUT]
        self._done[plan.key] = result
        self._known[node.id] = NodePlan(NodeState.FRESH, plan.key, plan.inputs, result.outputs)
        self.store.pin([digest])
        if cached:
            self.store.touch(plan.key)
        kind = NodeCached if cached else NodeDone
        path = str(self.store.blobs.path(digest))
        self._emit(kind(node.id, plan.key, digest, path, result.report, result.seconds))
        source = self._known.get(self.settings.reference or self._source_of[node.id])
        subject = Subject(node.id, digest, digest if source is None else source.outputs.get(OUT, digest))
        self._subjects.append(subject)
        if not self._stopping:
            self.working_on = digest
            self._metering.soon(subject)
            self.working_on = None

    def _failed(self, node: Node, failure: Failure) -> None:
        if failure.cause is Cause.CANCELLED:
            self._lose(NodeSkipped(node.id, "cancelled", "stopped"))
            return
        if failure.message.rstrip(".") in DISK_WORDS.values():
            # Writers of networks often do not say which file it was.
            failure = replace(failure, message=f"{failure.message.rstrip('.')}: {self.store.folder}.")
        if failure.report:
            head = f"node {node.id}, step {node.step}, parameters {dict(node.params)}\n"
            failure = Failure(failure.cause, failure.message, failure.hint, head + failure.report)
        self._lose(NodeFailed(node.id, failure))

    def _lose(self, event: NodeFailed | NodeSkipped) -> None:
        self._lost.add(event.node)
        self._known.setdefault(event.node, NodePlan(NodeState.INVALID))
        self._emit(event)

    def _ask(self, function: str, arguments: tuple[Any, ...], listen: Any = None) -> Any:
        name = f"compress_studio.engine.work:{function}"
        return self._lanes.compute.ask(name, arguments, listen, self.token).result()

    def _setting(self, node: NodeId) -> WorkSetting:
        """What work on a node may use; the data are joined to the source of its pipeline."""
        data = self._planning.data
        source = self._known.get(self._source_of[node])
        digest = source.outputs.get(OUT) if source is not None else None
        return WorkSetting(
            runtime=self.settings.runtime,
            data_path=str(Path(data.path).expanduser().absolute()) if data.path else "",
            data_options=dict(data.options),
            data_seed=data.seed,
            data_network="" if digest is None else str(self.store.blobs.path(digest)),
            seed=self._planning.seed,
            threads=self.settings.compute_threads,
            device=self._planning.device or "cpu",
        )

    def _look_at_lines(self) -> None:
        """Find what feeds each node, and where the main line of each begins."""
        pipeline, steps = self.project.pipeline, self.runtime.steps
        for node in pipeline.order():
            edges = pipeline.inputs_of(node.id)
            ports = [port.name for port in steps.get(node.step).inputs] if node.step in steps else []
            first = [edges[name].src for name in ports if name in edges]
            feeding = first + [edge.src for name, edge in edges.items() if name not in ports]
            self._feeding[node.id] = feeding
            self._source_of[node.id] = pipeline.source_of(node.id) or node.id

    def _title(self, node: NodeId) -> str:
        step = self.project.pipeline.node(node).step
        return self.runtime.steps.get(step).title if step in self.runtime.steps else node

    def _all_well(self) -> bool:
        return all(one.state in {Stage.DONE, Stage.OFF} and not one.meter_errors for one in self.state.nodes.values())

    def _emit(self, event: RunEvent) -> None:
        self.state = self.state.apply(event)
        self._sink(event)
