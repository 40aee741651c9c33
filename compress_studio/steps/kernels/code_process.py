"""Running the user's code in a process of its own: an empty folder and home, few variables, limits, files only.

What the process leaves is read as the work of a stranger: only plain files of a modest size, and the studio never
writes through a name that the process could have turned into a link.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np

from compress_studio.artifacts.codefiles import Architecture
from compress_studio.base.digest import digest_files
from compress_studio.base.errors import BadInput, UserError
from compress_studio.spec.step import StepContext
from compress_studio.steps.kernels import child_isolation, child_running, code_child

KEPT = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT", "LANG", "LC_ALL", "TZ")
"""Variables of the studio that the process sees; nothing else of its surroundings."""
WALL_SECONDS = 900
CPU_SECONDS = 1800
NICENESS = 10
POLL_SECONDS = 0.05
TAIL = 2000
LOG = "log.txt"
EXCHANGED = (
    *(code_child.REQUEST, code_child.NAMES, code_child.LAYOUTS, code_child.MADE, code_child.ANSWER, LOG),
    *(child_running.CHECKS, child_running.SAMPLES, child_running.OUTPUTS),
)
MOST_BYTES = 64_000_000
"""Of an answer."""
CHILD_WORD = "--run-code"
"""What a packaged program is started with to be such a process."""

ISOLATION = {
    child_isolation.NETWORK: "the network",
    child_isolation.PROCESSES: "other processes",
    child_isolation.FILES: "writing outside of its own folder",
}

AskLayouts = Callable[[Sequence[str]], Sequence[Mapping[str, Any]]]
"""Names of inputs to the layouts to try."""
GiveSamples = Callable[[Mapping[str, Any]], Sequence[np.ndarray]]
"""What was made to the inputs, in order, that it is to be compared on; none when there are none."""


def copy_code(code: Architecture, folder: Path) -> None:
    """Copy the files of the code, which then are what runs. Raises BadInput when they changed meanwhile."""
    if code.folder is None:
        return
    target = folder / code_child.CODE
    for file in code.files:
        place = target / file.relative_to(code.folder)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, place)
    copied = [target / file.relative_to(code.folder) for file in code.files]
    if digest_files(copied, target) != code.digest:
        raise BadInput(f"{code.words} changed while it was read.", "Try again.")


def run_code(
    ctx: StepContext,
    folder: Path,
    request: Mapping[str, Any],
    ask: AskLayouts,
    seconds: float = WALL_SECONDS,
    give: GiveSamples | None = None,
) -> dict[str, Any]:
    """Start the process for a request, tell it the layouts when it asks, and return its answer.

    give is for a request with "has_data": it is called with what was made, and the process then writes what the
    network gives for these samples.

    The process is killed when the work is cancelled or takes longer than seconds. Raises BadInput with what the code
    said.
    """
    home = folder / "home"
    work = folder / "empty"
    home.mkdir(exist_ok=True)
    work.mkdir(exist_ok=True)
    for name in EXCHANGED:
        (folder / name).unlink(missing_ok=True)
    full = {
        **request,
        "has_data": give is not None,
        "threads": ctx.threads,
        "studio": os.getpid(),
        "cpu_seconds": CPU_SECONDS,
        "memory_bytes": _memory(),
    }
    (folder / code_child.REQUEST).write_text(json.dumps(full), "utf-8")
    with (folder / LOG).open("xb") as log:
        process = subprocess.Popen(
            _command(folder),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=work,
            env=_environment(home, ctx.threads),
            close_fds=True,
            start_new_session=True,
        )
        try:
            _attend(ctx, process, folder, _replies(folder, ask, give), seconds)
        finally:
            _kill(process)
    return _answer(folder, process.returncode, str(request["what"]))


def _replies(
    folder: Path, ask: AskLayouts, give: GiveSamples | None
) -> dict[Path, Callable[[Mapping[str, Any]], None]]:
    """What is done, once each, when the process has written a file."""

    def tell_layouts(row: Mapping[str, Any]) -> None:
        layouts = list(ask([str(name) for name in row["names"]]))
        _put(folder / code_child.LAYOUTS, json.dumps({"layouts": layouts}).encode())

    def give_samples(row: Mapping[str, Any]) -> None:
        assert give is not None
        content = io.BytesIO()
        np.savez(content, allow_pickle=False, **{str(place): one for place, one in enumerate(give(row))})
        _put(folder / child_running.SAMPLES, content.getbuffer())

    found = {folder / code_child.NAMES: tell_layouts}
    return found if give is None else found | {folder / code_child.MADE: give_samples}


def _attend(
    ctx: StepContext,
    process: subprocess.Popen[bytes],
    folder: Path,
    replies: dict[Path, Callable[[Mapping[str, Any]], None]],
    seconds: float,
) -> None:
    _be_nice(process.pid)
    begun = time.monotonic()
    while _runs(process):
        ctx.check()
        for path in [one for one in replies if os.path.lexists(one)]:
            asked = time.monotonic()
            replies.pop(path)(_read(path))
            # The time that the studio takes is not the code's.
            begun += time.monotonic() - asked
        if time.monotonic() - begun > seconds:
            raise UserError(f"The code took longer than {seconds / 60:.0f} minutes.", "Make it faster, or smaller.")
        time.sleep(POLL_SECONDS)


def _runs(process: subprocess.Popen[bytes]) -> bool:
    """Whether it still runs; where possible without taking its number away, which names its group."""
    if sys.platform == "win32" or not hasattr(os, "waitid"):
        return process.poll() is None
    return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None


def _answer(folder: Path, code: int | None, what: str) -> dict[str, Any]:
    path = folder / code_child.ANSWER
    if not os.path.lexists(path):
        log = _tail(folder / LOG).decode("utf-8", "replace").strip().splitlines()
        last = f": {log[-1][:300]}" if log else ""
        raise BadInput(f"{what} ended its process (exit code {code}){last}.", "Correct the code, or give less memory.")
    answer = _read(path)
    if "message" in answer:
        raise BadInput(str(answer["message"]), str(answer.get("hint", "")))
    return answer


def how_isolated(kept_from: Sequence[str]) -> str:
    """What the process was kept from and what the system could not keep it from, for people."""
    kept = [text for name, text in ISOLATION.items() if name in kept_from]
    open_to = [text for name, text in ISOLATION.items() if name not in kept_from]
    said = f"The code was kept from {_listed(kept)}." if kept else ""
    missing = f"This system does not keep it from {_listed(open_to)}." if open_to else ""
    return " ".join(filter(None, (said, missing)))


def _listed(words: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))


def require_plain(path: Path) -> Path:
    """The file, when it is one: a pipe or a link that the code left instead would hold or lead the studio astray."""
    if not path.is_file() or path.is_symlink():
        raise BadInput(f"The code left a {path.name} that is no plain file.", "Correct the code.")
    return path


def _read(path: Path) -> dict[str, Any]:
    if require_plain(path).stat().st_size > MOST_BYTES:
        raise BadInput(f"The code left a {path.name} of {path.stat().st_size:,} bytes.", "Correct the code.")
    try:
        value: Any = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise BadInput(f"The code left a {path.name} that cannot be read: {error}.", "Correct the code.") from error
    if not isinstance(value, dict):
        raise BadInput(f"The code left a {path.name} that cannot be read.", "Correct the code.")
    return cast("dict[str, Any]", value)


def _put(path: Path, content: bytes | memoryview) -> None:
    """Write a file into the folder of a process that runs: made beside the folder, where the process cannot reach."""
    handle, part = tempfile.mkstemp(prefix="told-", dir=path.parent.parent)
    with os.fdopen(handle, "wb") as stream:
        stream.write(content)
    Path(part).replace(path)


def _tail(path: Path) -> bytes:
    with require_plain(path).open("rb") as stream:
        stream.seek(max(0, path.stat().st_size - TAIL))
        return stream.read(TAIL)


def _command(folder: Path) -> list[str]:
    if getattr(sys, "frozen", False):
        return [sys.executable, CHILD_WORD, str(folder)]
    return [sys.executable, "-P", "-m", code_child.__name__, str(folder)]


def _environment(home: Path, threads: int) -> dict[str, str]:
    import site

    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    package = Path(__file__).resolve().parents[3]
    count = str(max(1, threads))
    return {
        **kept,
        "HOME": str(home),
        "USERPROFILE": str(home),
        "TMPDIR": str(home),
        "TEMP": str(home),
        "TMP": str(home),
        "XDG_CACHE_HOME": str(home),
        "TORCH_HOME": str(home),
        "HF_HUB_OFFLINE": "1",
        "TRANSFORMERS_OFFLINE": "1",
        "PYTHONPATH": str(package),
        "PYTHONUSERBASE": site.getuserbase(),
        "PYTHONSAFEPATH": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONIOENCODING": "utf-8",
        "OMP_NUM_THREADS": count,
        "MKL_NUM_THREADS": count,
    }


def _memory() -> int:
    import psutil

    return psutil.virtual_memory().total + psutil.swap_memory().total + (8 << 30)


def _be_nice(pid: int) -> None:
    import psutil

    try:
        psutil.Process(pid).nice(NICENESS if sys.platform != "win32" else psutil.BELOW_NORMAL_PRIORITY_CLASS)
    except psutil.Error:
        # It ended already, or the system does not let its priority be changed: it only runs less politely.
        return


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End the process and whatever it started."""
    import psutil

    try:
        others = psutil.Process(process.pid).children(recursive=True)
    except psutil.Error:
        others = []
    if sys.platform != "win32":
        # Its group holds also what its children left behind; its number is not given anew before wait() below.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    for one in others:
        try:
            one.kill()
        except psutil.Error:
            continue
    process.kill()
    process.wait()
