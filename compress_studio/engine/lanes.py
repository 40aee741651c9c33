"""Lanes: where work runs. Each is a concurrent.futures.Executor, so another one (a cluster) can take its place."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from compress_studio.engine.cancel import CancelToken
from compress_studio.engine.worker import Listener, Worker, default_options

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Task:
    function: str
    args: tuple[Any, ...]
    future: Future[Any]
    listen: Listener | None
    token: CancelToken | None


class WorkerLane(Executor):
    """One worker process that does one thing at a time, in the order of submission.

    Functions must be importable by name, arguments and results picklable.
    """

    def __init__(self, worker: Worker) -> None:
        self.worker = worker
        self._tasks: queue.SimpleQueue[_Task | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._closed = False

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Do a module-level function in the worker. Keyword arguments cannot be sent."""
        if kwargs:
            raise TypeError("a worker lane takes positional arguments only")
        return self.ask(f"{fn.__module__}:{fn.__qualname__}", args)

    def ask(
        self,
        function: str,
        args: tuple[Any, ...],
        listen: Listener | None = None,
        token: CancelToken | None = None,
    ) -> Future[Any]:
        """Like submit, by name, hearing what the work says and able to stop it through the token."""
        with self._lock:
            if self._closed:
                raise RuntimeError("this lane is closed")
            if self._thread is None:
                self._thread = threading.Thread(target=self._serve, name="lane", daemon=True)
                self._thread.start()
            future: Future[Any] = Future()
            self._tasks.put(_Task(function, args, future, listen, token))
            return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the worker process; with cancel_futures also what it is doing now."""
        with self._lock:
            self._closed = True
            thread, self._thread = self._thread, None
        if cancel_futures:
            self.worker.close()
        self._tasks.put(None)
        if thread is not None and wait:
            thread.join()
        if wait or thread is None:
            self.worker.close()

    def _serve(self) -> None:
        while (task := self._tasks.get()) is not None:
            if not task.future.set_running_or_notify_cancel():
                continue
            try:
                value = self.worker.call(task.function, *task.args, listen=task.listen, token=task.token)
            except BaseException as error:  # noqa: BLE001 - it is handed to whoever waits for the future
                task.future.set_exception(error)
            else:
                task.future.set_result(value)


@dataclass(slots=True)
class Lanes:
    """The lanes of one runner. No process is started before the first work arrives."""

    threads: int = 1
    """Of timings."""
    compute_threads: int = 1
    gpu: bool = False
    """A GPU may be used, so the address space of the compute lane is not limited."""
    folder: Path | None = None
    """For what the workers print; a temporary file when there is none."""
    _open: dict[str, WorkerLane] = field(default_factory=dict[str, WorkerLane])

    @property
    def compute(self) -> WorkerLane:
        """Steps and meters that may be disturbed; gives way to the window and other programs."""
        return self._lane("compute", self.compute_threads, nice=True)

    @property
    def measure(self) -> WorkerLane:
        """Timings: not niced, and nothing else runs meanwhile."""
        return self._lane("measure", self.threads, nice=False)

    @property
    def started(self) -> tuple[str, ...]:
        """The lanes that have a process."""
        return tuple(name for name, lane in self._open.items() if lane.worker.started)

    def close(self) -> None:
        """End all processes, also in the middle of work."""
        for lane in self._open.values():
            lane.shutdown(cancel_futures=True)
        self._open.clear()

    def _lane(self, name: str, threads: int, *, nice: bool) -> WorkerLane:
        if name not in self._open:
            gpu = self.gpu and name == "compute"
            options = default_options(name, threads=threads, nice=nice, gpu=gpu)
            log = "" if self.folder is None else str(self.folder / f"{name}.log")
            self._open[name] = WorkerLane(Worker(replace(options, log=log)))
        return self._open[name]
