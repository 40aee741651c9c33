"""A warm worker process that does one call at a time, says how far it is, and can be stopped or replaced."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import sys
import tempfile
import threading
import time
import weakref
from collections.abc import Callable
from dataclasses import replace
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from multiprocessing.util import Finalize
from pathlib import Path
from typing import Any, Self, TypeAlias

from compress_studio.engine.cancel import CancelToken
from compress_studio.engine.channel import Message
from compress_studio.engine.child import Call, ChildOptions, Raised, Returned, Said, StopCall, child_main
from compress_studio.engine.records import Cause, Failure
from compress_studio.spec.runtime import BUILT_IN

GRACE_SECONDS = 3.0
"""From the request to stop to the kill."""
POLL_SECONDS = 0.05
TAIL_BYTES = 4000
LOG_BYTES = 10_000_000
"""What a worker has printed is dropped when it grows beyond this."""
SPARE_BYTES = 8 << 30
"""Address space above the memory of the machine that libraries may reserve without using it."""
NOT_STARTED = (
    "The worker process could not be started.",
    "A script of your own must start it under: if __name__ == '__main__'.",
)

Listener: TypeAlias = Callable[[Message], None]

log = logging.getLogger(__name__)


class WorkFailed(Exception):  # noqa: N818 - reads as a sentence where it is caught
    """A call did not end well; failure says why."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure

    def __reduce__(self) -> tuple[type[WorkFailed], tuple[Failure]]:
        return (type(self), (self.failure,))


class Worker:
    """One child process, started on the first call, replaced when it dies. Calls from several threads take turns."""

    def __init__(self, options: ChildOptions | None = None) -> None:
        self._options = options or default_options("compute")
        self._turn = threading.Lock()
        self._process: SpawnProcess | None = None
        self._pipe: Connection | None = None
        self._lifeline: Connection | None = None
        self._numbers = 0
        self._answered = False
        """Whether the process of now has said anything yet."""
        self._log: Path | None = None
        _living.add(self)

    @property
    def started(self) -> bool:
        """Whether there is a process now."""
        return self._process is not None

    @property
    def pid(self) -> int | None:
        """Process id of the child, when there is one."""
        return None if self._process is None else self._process.pid

    def call(self, function: str, *args: Any, listen: Listener | None = None, token: CancelToken | None = None) -> Any:
        """Do function ("module:name") with picklable arguments in the child and return its picklable result.

        Raises WorkFailed; its failure says whether the function raised, was stopped through the token, or the
        process died.
        """
        with self._turn:
            self._start()
            assert self._pipe is not None
            self._numbers += 1
            number, begun = self._numbers, self._log_size()
            try:
                self._pipe.send(Call(number, function, args))
                return self._await(number, listen, token)
            except (EOFError, ConnectionError, OSError):
                raise WorkFailed(self._bury()) from None
            except WorkFailed:
                raise
            except BaseException:
                # The listener failed: nobody waits for this call any more.
                self._kill()
                raise
            finally:
                self._relay_output(begun)

    def inspect(self, path: Path, runtime: str = BUILT_IN) -> Any:
        """The facts of a file, found in the child; raises what the look at the file raised, such as BadInput."""
        try:
            return self.call("compress_studio.engine.work:inspect", runtime, str(path))
        except WorkFailed as failed:
            raise failed.failure.error() from None

    def close(self) -> None:
        """End the process."""
        self._kill()
        if self._log is not None:
            self._log.unlink(missing_ok=True)
            self._log = None
        _living.discard(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _start(self) -> None:
        if self._process is not None and self._process.is_alive():
            return
        self._kill()
        log_file = self._log
        if log_file is None and self._options.log:
            log_file = Path(self._options.log)
        elif log_file is None:
            handle, name = tempfile.mkstemp(prefix=f"cs-{self._options.name}-", suffix=".log")
            os.close(handle)
            log_file = Path(name)
        self._log = log_file
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe(duplex=True)
        reading, writing = context.Pipe(duplex=False)
        # Closing in another thread forgets the file at any moment, so it is named by what was asked for.
        options = replace(self._options, log=str(log_file))
        process = context.Process(
            target=child_main, args=(theirs, reading, options), name=f"compress-studio-{options.name}"
        )
        process.start()
        theirs.close()
        reading.close()
        self._process, self._pipe, self._lifeline = process, ours, writing
        self._answered = False

    def _await(self, number: int, listen: Listener | None, token: CancelToken | None) -> Any:
        assert self._pipe is not None
        asked_at: float | None = None
        while True:
            if token is not None and token.cancelled:
                if asked_at is None:
                    asked_at = time.monotonic()
                    self._pipe.send(StopCall(number))
                elif time.monotonic() - asked_at > GRACE_SECONDS:
                    self._kill()
                    raise WorkFailed(Failure(Cause.CANCELLED, "Stopped."))
            if not self._pipe.poll(POLL_SECONDS):
                continue
            message = self._pipe.recv()
            self._answered = True
            if message.number != number:
                continue
            if isinstance(message, Said):
                if listen is not None:
                    listen(message.message)
            elif isinstance(message, Returned):
                return message.value
            elif isinstance(message, Raised):
                raise WorkFailed(message.failure)

    def _bury(self) -> Failure:
        """Take leave of a process that died on its own, and say why it did."""
        process = self._process
        if process is None:
            # Closed by somebody else while the call was running.
            return Failure(Cause.CANCELLED, "Stopped.")
        process.join(GRACE_SECONDS)
        code = process.exitcode
        self._kill()
        words = _last_words(code) if self._answered or code != 1 else NOT_STARTED
        return Failure(Cause.CRASH, *words, report=self._tail())

    def _kill(self) -> None:
        process, self._process = self._process, None
        for end in (self._pipe, self._lifeline):
            if end is not None:
                end.close()
        self._pipe = self._lifeline = None
        if process is None:
            return
        if sys.platform != "win32" and process.is_alive() and process.pid is not None:
            _kill_group(process.pid)
        process.kill()
        process.join()
        process.close()

    def _log_size(self) -> int:
        return self._log.stat().st_size if self._log is not None and self._log.exists() else 0

    def _relay_output(self, begun: int) -> None:
        """What libraries printed during the call goes to the log of this process."""
        if self._log is None or not self._log.exists():
            return
        with self._log.open("rb") as stream:
            stream.seek(max(begun, self._log_size() - TAIL_BYTES))
            text = stream.read(TAIL_BYTES).decode("utf-8", "replace")
        for line in text.splitlines():
            if line.strip():
                log.info("%s: %s", self._options.name, line.rstrip())
        if self._log_size() > LOG_BYTES:
            os.truncate(self._log, 0)

    def _tail(self) -> str:
        if self._log is None or not self._log.exists():
            return ""
        with self._log.open("rb") as stream:
            stream.seek(max(0, self._log_size() - TAIL_BYTES))
            return stream.read().decode("utf-8", "replace")


def default_options(name: str, *, threads: int = 1, nice: bool = True, gpu: bool = False) -> ChildOptions:
    """How a worker is set up on this machine: polite, and unable to ask for far more memory than there is.

    With a GPU there is no memory limit, because its driver reserves far more address space than there is memory.
    """
    return ChildOptions(name, 10 if nice else 0, threads, memory_bytes=None if gpu else memory_limit())


def memory_limit() -> int | None:
    """Bytes of address space for a worker on Linux: the memory and swap of the machine and something to spare."""
    if not sys.platform.startswith("linux"):
        return None
    import psutil

    return psutil.virtual_memory().total + psutil.swap_memory().total + SPARE_BYTES


def _last_words(code: int | None) -> tuple[str, str]:
    if code is not None and code < 0:
        number = -code
        if number == signal.SIGKILL:
            return (
                "The worker process was killed by the system, probably because the memory was used up.",
                "Close other programs, use a smaller batch or fewer samples, or choose a smaller model.",
            )
        try:
            name = signal.Signals(number).name
        except ValueError:
            name = f"signal {number}"
        return (
            f"A native library crashed the worker process ({name}).",
            "The other nodes are not affected. Try again; if it happens again, please send the report.",
        )
    return (
        f"The worker process ended by itself (exit code {code}).",
        "The other nodes are not affected. Try again; if it happens again, please send the report.",
    )


def _kill_group(pid: int) -> None:
    try:
        if os.getpgid(pid) == pid:
            os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        # It ended by itself in the meantime.
        return


_living: weakref.WeakSet[Worker] = weakref.WeakSet()


def _close_all() -> None:
    for worker in list(_living):
        worker.close()


# At exit this runs before multiprocessing waits for its children, which would wait for ever.
Finalize(None, _close_all, exitpriority=100)
