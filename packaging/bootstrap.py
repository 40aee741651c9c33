"""Set up and start Compress Studio on a fresh machine. Standard library only.

    python3 packaging/bootstrap.py run          the window with a bundled sample, ready to run (F5); without a
                                                display the same job on the command line
    python3 packaging/bootstrap.py test         every check and every test
    python3 packaging/bootstrap.py cli ARGS…    the command line

Makes .venv beside this checkout, installs the tested versions into it (packaging/constraints.txt), looks for the system
libraries that Qt needs, and then starts what was asked for. A second start only compares one digest.
Options for pip, such as another index, go into the usual PIP_… environment variables.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
CONSTRAINTS = ROOT / "packaging" / "constraints.txt"
STAMP = VENV / "set-up.txt"
OLDEST, NEWEST = (3, 11), (3, 13)
SAMPLE = ("fashion", ("prune.channels:amount=0.5", "train.distil", "quantize.static"))
QT_LIBRARIES = {
    "libEGL.so.1": "libegl1",
    "libGL.so.1": "libgl1",
    "libglib-2.0.so.0": "libglib2.0-0",
    "libdbus-1.so.3": "libdbus-1-3",
    "libfontconfig.so.1": "libfontconfig1",
    "libfreetype.so.6": "libfreetype6",
    "libxkbcommon.so.0": "libxkbcommon0",
    "libX11.so.6": "libx11-6",
}
"""Debian's packages of what PySide6 loads, by the file that must be there."""


def main(arguments: list[str]) -> int:
    """Do what the first word says; returns the exit code."""
    if not arguments or arguments[0] not in {"run", "test", "cli"}:
        say((__doc__ or "").strip())
        return 0 if arguments and arguments[0] in {"-h", "--help"} else 2
    word, rest = arguments[0], arguments[1:]
    try:
        set_up("test" if word == "test" else "")
    except Stop as stop:
        say(f"error: {stop}")
        return 1
    if word == "cli":
        return start([str(PYTHON), "-m", "compress_studio", *rest])
    return open_sample(rest) if word == "run" else run_tests(rest)


class Stop(Exception):  # noqa: N818 - reads as a sentence where it is raised
    """The set-up cannot go on; the text says why and what to do."""


def set_up(extra: str) -> None:
    """Make the virtual environment and install into it, unless the stamp says that this is done."""
    if not OLDEST <= sys.version_info[:2] <= NEWEST:
        raise Stop(
            f"Python {OLDEST[0]}.{OLDEST[1]} to {NEWEST[0]}.{NEWEST[1]} is needed, this is {sys.version.split()[0]}."
        )
    wanted = stamp()
    done = STAMP.read_text(encoding="utf-8").split() if STAMP.is_file() else []
    if done[:1] == [wanted] and PYTHON.exists() and (not extra or extra in done):
        return
    if done[:1] != [wanted]:
        done = []
    if not PYTHON.exists():
        say(f"Making {VENV} …")
        try:
            venv.create(VENV, with_pip=True, clear=VENV.exists())
        except (OSError, subprocess.CalledProcessError) as error:
            raise Stop(
                f"the virtual environment cannot be made ({error}). On Debian: apt-get install python3-venv"
            ) from None
    say("Installing the tested versions (the first time this fetches about 400 MB) …")
    # torch first and exactly: it decides which of its builds everything else is satisfied with
    pip("install", pinned("torch"))
    pip("install", "-c", str(CONSTRAINTS), "-e", f"{ROOT}[{extra}]" if extra else str(ROOT))
    check_system_libraries()
    extras = {*done[1:], *([extra] if extra else [])}
    STAMP.write_text(" ".join([wanted, *sorted(extras)]), encoding="utf-8")


def stamp() -> str:
    """Names everything on which the installation depends."""
    state = hashlib.blake2b(digest_size=16)
    for part in (ROOT / "pyproject.toml", CONSTRAINTS, Path(__file__)):
        state.update(part.read_bytes())
    state.update(f"{sys.version_info[:2]} {ROOT}".encode())
    return state.hexdigest()


def pinned(name: str) -> str:
    """The line of the constraints that pins a package."""
    for line in CONSTRAINTS.read_text(encoding="utf-8").splitlines():
        if line.split("==")[0] == name:
            return line
    raise Stop(f"{CONSTRAINTS.name} does not pin {name}.")


def pip(*words: str) -> None:
    """Run pip of the virtual environment; raises Stop when it fails."""
    command = [str(PYTHON), "-m", "pip", "--disable-pip-version-check", *words, "-q", "-c", str(CONSTRAINTS)]
    if subprocess.run(command, check=False).returncode != 0:
        raise Stop("pip could not install what is needed (see above). Mend the cause and run the same command again.")


def check_system_libraries() -> None:
    """On Linux, name the missing system libraries of Qt, and install them where that is allowed."""
    if not sys.platform.startswith("linux"):
        return
    missing = [package for file, package in QT_LIBRARIES.items() if not loads(file)]
    if not missing:
        return
    if shutil.which("apt-get") and hasattr(os, "geteuid") and os.geteuid() == 0:
        say(f"Installing system libraries for the window: {' '.join(missing)} …")
        subprocess.run(["apt-get", "update", "-q"], stdout=subprocess.DEVNULL, check=False)
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        command = ["apt-get", "install", "-y", "-q", "--no-install-recommends", *missing]
        subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=False)
        missing = [package for file, package in QT_LIBRARIES.items() if not loads(file)]
    if missing:
        say("note: the window needs system libraries that are missing; the command line works without them.")
        say(f"      On Debian or Ubuntu: sudo apt-get install {' '.join(missing)}")


def loads(file: str) -> bool:
    """Whether the dynamic loader finds a library."""
    try:
        ctypes.CDLL(file)
    except OSError:
        return False
    return True


def open_sample(rest: list[str]) -> int:
    """Open the window with the bundled sample; where there is no display, do the same job on the command line."""
    if start([str(PYTHON), "-m", "compress_studio.gui.display"]) == 0:
        return start([str(PYTHON), "-m", "compress_studio", "--sample", SAMPLE[0], *rest])
    say("So the sample is run on the command line instead.")
    return run_sample(rest)


def run_sample(rest: list[str]) -> int:
    """The main job: prune, distil and quantize the bundled network, and measure the result."""
    name, steps = SAMPLE
    folder = ROOT / "resources" / "samples" / name
    out = ROOT / "compress-studio-out" / name
    words = ["run", str(folder / f"{name}.onnx"), "--data", str(folder / "data.toml"), "--out", str(out), *rest]
    for step in steps:
        words += ["--step", step]
    say(f"compress-studio {' '.join(words)}")
    return start([str(PYTHON), "-m", "compress_studio", *words])


def run_tests(rest: list[str]) -> int:
    """Formatting, lint, types, layers, tests; every check runs, the first failure decides the exit code."""
    checks = [] if rest else CHECKS
    failed = [words[0] for words in checks if start([str(PYTHON.parent / words[0]), *words[1:]]) != 0]
    code = start([str(PYTHON), "-m", "pytest", *rest])
    if failed:
        say(f"failed checks: {', '.join(failed)}")
    return code or int(bool(failed))


CHECKS = [
    ["ruff", "format", "--check", "."],
    ["ruff", "check", "."],
    ["lint-imports"],
    ["pyright"],
]


def start(command: list[str]) -> int:
    """Run a command in the checkout's environment and give its exit code."""
    environment = {**os.environ, "PYTHONUTF8": "1"}
    try:
        return subprocess.run(command, check=False, env=environment).returncode
    except KeyboardInterrupt:
        return 130


def say(text: str) -> None:
    """One line for people, on standard error, so that results can be piped."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
