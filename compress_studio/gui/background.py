"""Work that must not hold up the window: short work in a thread, looks at networks in a worker process."""

from __future__ import annotations

import logging
import queue
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from compress_studio.engine.cancel import CancelToken
from compress_studio.engine.channel import Message
from compress_studio.engine.lanes import WorkerLane
from compress_studio.engine.records import Cause, Failure
from compress_studio.engine.worker import Worker, WorkFailed, default_options

log = logging.getLogger(__name__)
Then = Callable[[Any], None]
Failed = Callable[[Failure], None]
Put = Callable[[Callable[[], None]], None]


def ignore(_failure: Failure) -> None:
    """For work whose failure is shown elsewhere."""


@dataclass(slots=True)
class _Work:
    key: str
    do: Callable[[], Any]
    then: Then
    failed: Failed
    stale: bool = False


class Light:
    """One thread for short work on plain values: plans, digests, layouts. The newest of a key replaces older ones."""

    def __init__(self, put: Put, name: str = "light") -> None:
        self._put = put
        self._name = name
        self._queue: queue.SimpleQueue[_Work | None] = queue.SimpleQueue()
        self._newest: dict[str, _Work] = {}
        self._thread: threading.Thread | None = None
        self._pending = 0

    @property
    def busy(self) -> bool:
        """Whether something has been asked and not delivered yet."""
        return self._pending > 0

    def submit(self, key: str, do: Callable[[], Any], then: Then, failed: Failed = ignore) -> None:
        """Do something in the thread, then call then(result) in the window's thread, unless a newer one came."""
        before = self._newest.get(key)
        if before is not None:
            before.stale = True
        work = self._newest[key] = _Work(key, do, then, failed)
        self._pending += 1
        if self._thread is None:
            self._thread = threading.Thread(target=self._serve, name=self._name, daemon=True)
            self._thread.start()
        self._queue.put(work)

    def close(self) -> None:
        """End the thread after what it is doing."""
        for work in self._newest.values():
            work.stale = True
        self._queue.put(None)
        if self._thread is not None:
            self._thread.join(timeout=10)
            self._thread = None

    def _serve(self) -> None:
        while (work := self._queue.get()) is not None:
            self._put(self._done(work))
            # What waits for the answer belongs to the window, and must not go for good in this thread.
            del work

    def _done(self, work: _Work) -> Callable[[], None]:
        """Do something; what then has to happen in the window's thread."""
        if work.stale:
            return self._forget
        try:
            value = work.do()
        except Exception as error:  # noqa: BLE001 - told to whoever asked
            failure = Failure.of(error, traceback.format_exc())
            return lambda: self._deliver(work, work.failed, failure)
        return lambda: self._deliver(work, work.then, value)

    def _forget(self) -> None:
        self._pending -= 1

    def _deliver(self, work: _Work, to: Callable[[Any], None], value: Any) -> None:
        self._pending -= 1
        if not work.stale:
            to(value)


class Looks:
    """Questions about networks and data, answered by a worker process of their own, also while a run is going on.

    A question is a function name ("module:function") with plain arguments. A newer question of the same key replaces
    an older one: the older one is stopped, and its answer is dropped.
    """

    def __init__(self, put: Put, folder: Path, threads: int = 1) -> None:
        self._put = put
        options = replace(default_options("look", threads=threads, nice=True), log=str(folder / "look.log"))
        self._lane = WorkerLane(Worker(options))
        self._newest: dict[str, tuple[int, CancelToken]] = {}
        self._number = 0
        self._pending = 0

    @property
    def busy(self) -> bool:
        """Whether a question is open."""
        return self._pending > 0

    def ask(
        self,
        key: str,
        function: str,
        arguments: tuple[Any, ...],
        then: Then,
        failed: Failed = ignore,
        listen: Callable[[Message], None] | None = None,
    ) -> None:
        """Ask; then(answer) or failed(failure) is called in the window's thread. listen is called in another one."""
        self.drop(key)
        self._number += 1
        number, token = self._number, CancelToken()
        self._newest[key] = (number, token)
        self._pending += 1
        future = self._lane.ask(function, arguments, listen, token)

        def done(_future: object) -> None:
            self._put(lambda: self._deliver(key, number, future, then, failed))

        future.add_done_callback(done)

    def drop(self, key: str) -> None:
        """Nobody wants the answer of this key any more."""
        before = self._newest.pop(key, None)
        if before is not None:
            before[1].cancel()

    def close(self) -> None:
        """End the worker process."""
        for _, token in self._newest.values():
            token.cancel()
        self._newest.clear()
        self._lane.shutdown(cancel_futures=True)

    def _deliver(self, key: str, number: int, future: Any, then: Then, failed: Failed) -> None:
        self._pending -= 1
        newest = self._newest.get(key)
        if newest is None or newest[0] != number:
            return
        del self._newest[key]
        if future.cancelled():
            return
        error = future.exception()
        if error is None:
            then(future.result())
            return
        failure = error.failure if isinstance(error, WorkFailed) else Failure.of(error)
        if failure.cause is not Cause.CANCELLED:
            log.info("%s: %s", key, failure.message)
            failed(failure)
