from __future__ import annotations

import math
import os
import subprocess
import sys
import time
from concurrent.futures import Executor
from pathlib import Path

import psutil
import pytest

from compress_studio.base.errors import BadInput
from compress_studio.engine import worker as worker_module
from compress_studio.engine.cancel import CancelToken
from compress_studio.engine.channel import Line, Progress, current
from compress_studio.engine.lanes import Lanes, WorkerLane
from compress_studio.engine.records import Cause
from compress_studio.engine.worker import Worker, WorkFailed, default_options
from tests.toys import steps as toys

ROOT = Path(__file__).resolve().parents[3]
ME = __name__


def tell_much() -> int:
    """Floods the channel with progress."""
    for count in range(5000):
        current().send(Progress(count / 5000))
    current().send(Line("one line"))
    current().send(Progress(1.0))
    return os.getpid()


def niceness() -> int:
    """How polite this process is."""
    return os.nice(0)


def unpicklable() -> object:
    """A value that cannot be sent."""
    return lambda: None


def leave() -> None:
    """Ends the process in the way of a script."""
    sys.exit(3)


def wait_for_stop() -> str:
    """Runs until it is asked to stop."""
    while True:
        current().check()
        time.sleep(0.005)


def test_a_worker_is_warm_and_started_on_the_first_call_only() -> None:
    with Worker() as worker:
        assert not worker.started
        first = worker.call("os:getpid")
        assert first != os.getpid()
        assert worker.call("os:getpid") == first
    assert not worker.started


def test_messages_are_thinned_out_but_the_last_one_arrives() -> None:
    heard: list[object] = []
    with Worker() as worker:
        worker.call(f"{ME}:tell_much", listen=heard.append)
    progress = [one for one in heard if isinstance(one, Progress)]
    assert progress[-1].fraction == 1.0
    assert len(progress) < 1000
    assert Line("one line") in heard


@pytest.mark.skipif(sys.platform == "win32", reason="niceness is a thing of Unix")
def test_the_compute_lane_gives_way_and_the_measure_lane_does_not() -> None:
    lanes = Lanes()
    try:
        assert lanes.compute.submit(niceness).result() == min(19, os.nice(0) + 10)
        assert lanes.measure.submit(niceness).result() == os.nice(0)
        assert lanes.started == ("compute", "measure")
    finally:
        lanes.close()


def test_a_lane_is_an_executor() -> None:
    lane = WorkerLane(Worker())
    assert isinstance(lane, Executor)
    with lane:
        assert list(lane.map(math.factorial, [3, 4])) == [6, 24]
        with pytest.raises(WorkFailed):
            lane.submit(math.sqrt, -1).result()
    with pytest.raises(RuntimeError):
        lane.submit(math.sqrt, 4)


def test_errors_travel_with_their_cause() -> None:
    with Worker() as worker:
        with pytest.raises(BadInput, match="does not exist"):
            worker.inspect(Path("/nowhere/model.onnx"), toys.RUNTIME)
        for name, words in (("unpicklable", "pickle"), ("leave", "SystemExit")):
            with pytest.raises(WorkFailed) as caught:
                worker.call(f"{ME}:{name}")
            assert caught.value.failure.cause is Cause.BUG
            assert words in caught.value.failure.message + caught.value.failure.report
        assert worker.call("os:getpid") == worker.pid


def test_facts_of_a_file_are_found_in_the_worker(tmp_path: Path) -> None:
    (tmp_path / "n.txt").write_text("1 2 3")
    with Worker() as worker:
        assert worker.inspect(tmp_path / "n.txt", toys.RUNTIME) == {"count": 3}


def test_a_stopped_call_leaves_the_worker_ready_for_the_next() -> None:
    token = CancelToken()
    token.cancel()
    with Worker() as worker:
        pid = worker.call("os:getpid")
        with pytest.raises(WorkFailed) as caught:
            worker.call(f"{ME}:wait_for_stop", token=token)
        assert caught.value.failure.cause is Cause.CANCELLED
        assert worker.call("os:getpid") == pid


def test_a_call_that_does_not_listen_is_killed_and_the_worker_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_module, "GRACE_SECONDS", 0.1)
    token = CancelToken()
    token.cancel()
    with Worker() as worker:
        pid = worker.call("os:getpid")
        with pytest.raises(WorkFailed) as caught:
            worker.call("time:sleep", 600, token=token)
        assert caught.value.failure.cause is Cause.CANCELLED
        assert worker.call("os:getpid") != pid
        assert not psutil.pid_exists(pid)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the limit is set on Linux only")
def test_a_worker_cannot_ask_for_far_more_memory_than_there_is() -> None:
    with Worker(default_options("compute")) as worker, pytest.raises(WorkFailed) as caught:
        worker.call("builtins:bytearray", 160 << 30)
    assert caught.value.failure.cause is Cause.MEMORY


PARENT = """
import sys, os
sys.path.insert(0, {root!r})
from compress_studio.engine.worker import Worker
if __name__ == "__main__":
    worker = Worker()
    worker.call("os:getpid")
    print(worker.pid, flush=True)
    worker.call({function!r}, *{args!r})
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals of Unix")
@pytest.mark.parametrize(
    ("function", "args"),
    [
        ("time:sleep", (600,)),
        ("re:match", (r"(a+)+$", "a" * 40 + "b")),
    ],
    ids=["waiting", "holding the interpreter lock"],
)
def test_a_worker_dies_with_its_parent_in_the_middle_of_a_computation(
    tmp_path: Path, function: str, args: tuple[object, ...]
) -> None:
    if not sys.platform.startswith("linux") and function == "re:match":
        pytest.skip("only Linux can end a process that holds the interpreter lock")
    script = tmp_path / "parent.py"
    script.write_text(PARENT.format(root=str(ROOT), function=function, args=args))
    parent = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = psutil.Process(int(parent.stdout.readline()))
    deadline = time.monotonic() + 20
    while child.cpu_times().user < 0.2 and function == "re:match" and time.monotonic() < deadline:
        time.sleep(0.02)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    gone, alive = psutil.wait_procs([child], timeout=5)
    assert not alive
    assert gone


def test_a_script_that_cannot_be_imported_again_is_told_what_to_do() -> None:
    code = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
from compress_studio.engine.worker import Worker, WorkFailed
worker = Worker()
try:
    worker.call("os:getpid")
except WorkFailed as failed:
    print(failed.failure.message, failed.failure.hint)
worker.close()
"""
    done = subprocess.run([sys.executable, "-"], input=code, capture_output=True, text=True, check=True)
    assert "could not be started" in done.stdout
    assert "__main__" in done.stdout
