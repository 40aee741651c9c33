"""The inside of a worker process: does one call after the other, and dies with its parent."""

from __future__ import annotations

import faulthandler
import importlib
import os
import pickle
import signal
import sys
import threading
import time
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any

from compress_studio.base.memory import LARGE, give_back
from compress_studio.engine.channel import Channel, Message, Progress, speaking
from compress_studio.engine.records import Failure

PROGRESS_SECONDS = 0.05
"""Progress is told at most this often; the last one always."""
PARENT_SECONDS = 1.0
"""How often the child looks whether its parent is still there, beside watching the pipe."""
EXIT_ORPHAN = 77


@dataclass(frozen=True, slots=True)
class ChildOptions:
    """How a worker process is set up."""

    name: str = "compute"
    niceness: int = 10
    threads: int = 1
    """For the arithmetic libraries that read it from the environment."""
    log: str = ""
    """File that gets all that libraries print."""
    memory_bytes: int | None = None
    """Limit of the address space; None: no limit."""
    environment: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class Call:
    """A function named "module:function" with its arguments."""

    number: int
    function: str
    args: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class StopCall:
    """Ask the call of that number to stop."""

    number: int


@dataclass(frozen=True, slots=True)
class Said:
    """A message of a call."""

    number: int
    message: Message


@dataclass(frozen=True, slots=True)
class Returned:
    """A call ended well."""

    number: int
    value: Any


@dataclass(frozen=True, slots=True)
class Raised:
    """A call ended with an error."""

    number: int
    failure: Failure


def child_main(pipe: Connection, lifeline: Connection, options: ChildOptions) -> None:
    """Serve calls until the pipe closes. The target of the worker process."""
    _harden(options)
    _die_with_parent(lifeline)
    inside = _Inside(pipe)
    threading.Thread(target=inside.listen, name="worker-pipe", daemon=True).start()
    threading.Thread(target=_watch_parent, args=(os.getppid(),), name="worker-parent", daemon=True).start()
    inside.serve()


class _Inside:
    """The state that the listening thread and the working thread share."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe
        self._calls: list[Call | None] = []
        self._stops: dict[int, threading.Event] = {}
        self._ready = threading.Condition()
        self._sending = threading.Lock()

    def listen(self) -> None:
        """Take calls and requests to stop from the parent; end the process when the parent is gone."""
        while True:
            try:
                message = self._pipe.recv()
            except (EOFError, OSError):
                _end_now()
                return
            with self._ready:
                if isinstance(message, StopCall):
                    self._stop_event(message.number).set()
                else:
                    self._calls.append(message)
                    self._ready.notify()

    def serve(self) -> None:
        """Do the calls, one after the other."""
        while True:
            with self._ready:
                while not self._calls:
                    self._ready.wait()
                call = self._calls.pop(0)
            if call is None:
                return
            answer = self._answer(call)
            flush_output()
            with self._ready:
                self._stops.pop(call.number, None)
            self._send(answer)
            del answer, call
            give_back(LARGE)

    def _answer(self, call: Call) -> Returned | Raised:
        with self._ready:
            stop = self._stop_event(call.number)
        channel = Channel(_Teller(self, call.number).tell, stop)
        try:
            with speaking(channel):
                module, _, name = call.function.partition(":")
                value = getattr(importlib.import_module(module), name)(*call.args)
                pickle.dumps(value)
            return Returned(call.number, value)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - a step may raise anything; the parent says it in words
            return Raised(call.number, Failure.of(error, traceback.format_exc()))

    def tell(self, number: int, message: Message) -> None:
        """Send a message of a call."""
        self._send(Said(number, message))

    def _stop_event(self, number: int) -> threading.Event:
        return self._stops.setdefault(number, threading.Event())

    def _send(self, message: Said | Returned | Raised) -> None:
        try:
            with self._sending:
                self._pipe.send(message)
        except (BrokenPipeError, ConnectionError):
            _end_now()


class _Teller:
    """Thins out progress so that a tight loop does not flood the pipe."""

    def __init__(self, inside: _Inside, number: int) -> None:
        self._inside = inside
        self._number = number
        self._last = 0.0

    def tell(self, message: Message) -> None:
        if isinstance(message, Progress):
            now = time.monotonic()
            if now - self._last < PROGRESS_SECONDS and message.fraction < 1:
                return
            self._last = now
        self._inside.tell(self._number, message)


def _harden(options: ChildOptions) -> None:
    threads = str(max(1, options.threads))
    os.environ.update(
        {
            # A PyTorch file may only hold tensors: anything else could run code.
            "TORCH_FORCE_WEIGHTS_ONLY_LOAD": "1",
            "OMP_NUM_THREADS": threads,
            "MKL_NUM_THREADS": threads,
            "OPENBLAS_NUM_THREADS": threads,
            "VECLIB_MAXIMUM_THREADS": threads,
            "NUMEXPR_NUM_THREADS": threads,
            "OMP_WAIT_POLICY": "PASSIVE",
            **options.environment,
        }
    )
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform != "win32":
        # A group of its own: Ctrl-C in the terminal goes to the parent only, and a kill reaches grandchildren too.
        os.setsid()
        os.nice(options.niceness)
    elif options.niceness:
        import psutil

        psutil.Process().nice(psutil.BELOW_NORMAL_PRIORITY_CLASS)
    _limit_memory(options.memory_bytes)
    _capture_output(options.log)


def _limit_memory(limit: int | None) -> None:
    if limit is None or not sys.platform.startswith("linux"):
        return
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    if hard != resource.RLIM_INFINITY:
        limit = min(limit, hard)
    resource.setrlimit(resource.RLIMIT_AS, (limit, hard))


def _capture_output(log: str) -> None:
    """Send all that this process prints, from Python and from native libraries, to a file."""
    target = os.open(log or os.devnull, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    flush_output()
    os.dup2(target, 1)
    os.dup2(target, 2)
    os.close(target)
    sys.stdout = open(1, "w", encoding="utf-8", errors="replace", buffering=1, closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", errors="replace", buffering=1, closefd=False)  # noqa: SIM115
    faulthandler.enable(file=2, all_threads=True)


def flush_output() -> None:
    """Write out what is still in the buffers of this process."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:  # pyright: ignore[reportUnnecessaryComparison] - a window program has none
            stream.flush()


def _die_with_parent(lifeline: Connection) -> None:
    """Let the kernel end this process when the parent is gone.

    The threads below cannot run while a library holds the interpreter lock. On Linux the end of a pipe can raise
    SIGIO, whose default action ends the process without any Python code.
    """
    if not sys.platform.startswith("linux"):
        return
    import fcntl

    handle = lifeline.fileno()
    signal.signal(signal.SIGIO, signal.SIG_DFL)
    fcntl.fcntl(handle, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(handle, fcntl.F_SETFL, fcntl.fcntl(handle, fcntl.F_GETFL) | os.O_ASYNC | os.O_NONBLOCK)


def _watch_parent(parent: int) -> None:
    while True:
        time.sleep(PARENT_SECONDS)
        if os.getppid() != parent:
            _end_now()


def _end_now() -> None:
    """End this process and what it started, without any clean-up that could hang."""
    if sys.platform != "win32":
        os.killpg(os.getpgid(0), signal.SIGKILL)
    os._exit(EXIT_ORPHAN)
