"""How long it takes from the start of a process to its first visible window, for several programs in turn.

    python packaging/dev/startup_times.py --rounds 15 \
        studio=".venv/bin/compress-studio" labelme="path/to/labelme" canvas="path/to/orange-canvas --no-welcome"

The same method for all of them, so that the numbers can be compared: the process is started, and `xdotool` is asked
again and again whether a window of it is mapped. The order changes from round to round. Needs an X server (DISPLAY;
`Xvfb :99 &` will do) and xdotool. Processor time counts the process and its threads up to that moment.
"""

from __future__ import annotations

import argparse
import os
import random
import shlex
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

PAUSE = 0.01
LONGEST = 60.0


@dataclass(frozen=True, slots=True)
class Start:
    """One start of a program."""

    wall: float
    cpu: float


def main() -> int:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("programs", nargs="+", help="name=command")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--warm", type=int, default=1, help="rounds that are not counted")
    options = parser.parse_args()
    programs = dict(one.split("=", 1) for one in options.programs)
    found: dict[str, list[Start]] = {name: [] for name in programs}
    loads = [os.getloadavg()[0]]
    for number in range(options.warm + options.rounds):
        for name in random.sample(list(programs), len(programs)):
            once = start(shlex.split(programs[name]))
            if number >= options.warm:
                found[name].append(once)
        loads.append(os.getloadavg()[0])
    print(f"{options.rounds} rounds, load {min(loads):.1f} to {max(loads):.1f} on {os.cpu_count()} processors\n")
    print(f"{'program':<16}{'median':>9}{'least':>9}{'most':>9}{'processor time':>17}")
    for name, times in found.items():
        walls = [one.wall for one in times]
        cpu = statistics.median(one.cpu for one in times)
        print(f"{name:<16}{statistics.median(walls):>8.2f}s{min(walls):>8.2f}s{max(walls):>8.2f}s{cpu:>16.2f}s")
    return 0


def start(command: list[str]) -> Start:
    """Start a program, wait for its window, end it."""
    with tempfile.TemporaryDirectory() as home:
        surroundings = {**os.environ, "QT_QPA_PLATFORM": "xcb", "HOME": home, "COMPRESS_STUDIO_HOME": home}
        surroundings.pop("QT_SCALE_FACTOR", None)
        begun = time.perf_counter()
        process = subprocess.Popen(
            command, env=surroundings, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        try:
            while not visible(process.pid):
                if process.poll() is not None or time.perf_counter() - begun > LONGEST:
                    sys.exit(f"{command[0]} showed no window")
                time.sleep(PAUSE)
            return Start(time.perf_counter() - begun, cpu_of(process.pid))
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def visible(pid: int) -> bool:
    """Whether a window of the process is mapped."""
    asked = subprocess.run(
        ["xdotool", "search", "--all", "--onlyvisible", "--pid", str(pid), "--name", "."],
        capture_output=True,
        check=False,
    )
    return asked.returncode == 0 and bool(asked.stdout.strip())


def cpu_of(pid: int) -> float:
    """Seconds of processor time of a process so far."""
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    sys.exit(main())
