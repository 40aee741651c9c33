"""kill -9 in the middle of a run, then the same again: nothing finished is lost, nothing is left running."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.toys import steps as toys

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 60.0
PROGRAM = """
import json, sys
sys.path.insert(0, {root!r})
from pathlib import Path
from compress_studio.engine.cache import Store
from compress_studio.engine.runner import Runner
from compress_studio.engine.settings import RunSettings
from compress_studio.project.pipeline import Edge, Node, Pipeline
from compress_studio.project.project import MeterUse, Project

if __name__ == "__main__":
    nodes = (
        Node("s", "source.model", {{"path": {file!r}}}),
        Node("d", "toy.double"),
        Node("w", "toy.slow", {{"seconds": float(sys.argv[1]), "listens": False}}),
    )
    edges = (Edge("s", "network", "d", "network"), Edge("d", "network", "w", "network"))
    project = Project(Pipeline(nodes, edges), meters=(MeterUse("count"),))
    store = Store(Path({cache!r}))
    runner = Runner(store, RunSettings(runtime={runtime!r}, compute_threads=1))
    outcome = runner.start(project, sink=lambda event: print(json.dumps(event.to_json()), flush=True)).wait()
    runner.close()
    store.close()
    sys.exit(0 if outcome.ok else 1)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="kill -9 is a thing of Unix")
def test_a_run_that_was_killed_goes_on_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal, cache = tmp_path / "journal.txt", tmp_path / "cache"
    monkeypatch.setenv(toys.JOURNAL, str(journal))
    (tmp_path / "numbers.txt").write_text("1 2 3")
    program = tmp_path / "program.py"
    program.write_text(
        PROGRAM.format(root=str(ROOT), file=str(tmp_path / "numbers.txt"), cache=str(cache), runtime=toys.RUNTIME)
    )

    command = [sys.executable, str(program)]
    first = subprocess.Popen([*command, "600"], stdout=subprocess.PIPE, text=True)
    assert first.stdout is not None
    for line in first.stdout:
        event = json.loads(line)
        if event["kind"] == "NodeProgress" and event["node"] == "w":
            break
    family = psutil.Process(first.pid).children(recursive=True)
    assert family
    first.send_signal(signal.SIGKILL)
    first.wait()
    first.stdout.close()
    _, alive = psutil.wait_procs(family, timeout=5)
    assert not alive, f"left running: {alive}"
    words = [line.split()[0] for line in journal.read_text().splitlines()]
    assert words == ["source", "count", "double", "count", "slow"]
    journal.unlink()

    begun = time.monotonic()
    second = subprocess.run([*command, "0"], capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert second.returncode == 0, second.stderr
    assert time.monotonic() - begun < PATIENCE
    told = [json.loads(line) for line in second.stdout.splitlines()]
    cached = [event["node"] for event in told if event["kind"] == "NodeCached"]
    assert cached == ["s", "d"]
    words = [line.split()[0] for line in journal.read_text().splitlines()]
    assert words == ["slow", "slow-end"]
    assert not list((cache / "scratch").glob("session-*"))
    assert not list((cache / "blobs" / "incoming").iterdir())
