"""Running the user's code in a process of its own: an empty folder and home, few variables, limits, files only."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from compress_studio.artifacts.codefiles import Architecture
from compress_studio.base.digest import digest_files
from compress_studio.base.errors import BadInput, UserError
from compress_studio.spec.step import StepContext
from compress_studio.steps.kernels import code_child

KEPT = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT", "LANG", "LC_ALL", "TZ")
"""Variables of the studio that the process sees; nothing else of its surroundings."""
WALL_SECONDS = 900
CPU_SECONDS = 1800
NICENESS = 10
POLL_SECONDS = 0.05
TAIL = 2000
CHILD_WORD = "--run-code"
"""What a packaged program is started with to be such a process."""

AskLayouts = Callable[[Sequence[str]], Sequence[Mapping[str, Any]]]
"""Names of inputs to the layouts to try."""


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
) -> dict[str, Any]:
    """Start the process for a request, tell it the layouts when it asks, and return its answer.

    The process is killed when the work is cancelled or takes longer than seconds. Raises BadInput with what the code
    said.
    """
    home = folder / "home"
    work = folder / "empty"
    home.mkdir(exist_ok=True)
    work.mkdir(exist_ok=True)
    for name in (code_child.NAMES, code_child.LAYOUTS, code_child.ANSWER):
        (folder / name).unlink(missing_ok=True)
    full = {**request, "threads": ctx.threads, "cpu_seconds": CPU_SECONDS, "memory_bytes": _memory()}
    (folder / code_child.REQUEST).write_text(json.dumps(full), "utf-8")
    with (folder / "log.txt").open("wb") as log:
        process = subprocess.Popen(
            _command(folder),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=work,
            env=_environment(home, ctx.threads),
            close_fds=True,
        )
        try:
            _attend(ctx, process, folder, ask, seconds)
        finally:
            _kill(process)
    return _answer(folder, process.returncode, str(request["what"]))


def _attend(ctx: StepContext, process: subprocess.Popen[bytes], folder: Path, ask: AskLayouts, seconds: float) -> None:
    _be_nice(process.pid)
    begun, told = time.monotonic(), False
    while process.poll() is None:
        ctx.check()
        names = folder / code_child.NAMES
        if not told and names.exists():
            rows = json.loads(names.read_text("utf-8"))["names"]
            layouts = list(ask([str(name) for name in rows]))
            part = folder / "layouts.part"
            part.write_text(json.dumps({"layouts": layouts}), "utf-8")
            part.replace(folder / code_child.LAYOUTS)
            told = True
        if time.monotonic() - begun > seconds:
            raise UserError(f"The code took longer than {seconds / 60:.0f} minutes.", "Make it faster, or smaller.")
        time.sleep(POLL_SECONDS)


def _answer(folder: Path, code: int | None, what: str) -> dict[str, Any]:
    path = folder / code_child.ANSWER
    if not path.exists():
        log = (folder / "log.txt").read_bytes()[-TAIL:].decode("utf-8", "replace").strip().splitlines()
        last = f": {log[-1][:300]}" if log else ""
        raise BadInput(f"{what} ended its process (exit code {code}){last}.", "Correct the code, or give less memory.")
    answer = cast("dict[str, Any]", json.loads(path.read_text("utf-8")))
    if "message" in answer:
        raise BadInput(str(answer["message"]), str(answer.get("hint", "")))
    return answer


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
        others = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
    except psutil.Error:
        others = []
    for one in others:
        try:
            one.kill()
        except psutil.Error:
            continue
    if process.poll() is None:
        process.kill()
    process.wait()
