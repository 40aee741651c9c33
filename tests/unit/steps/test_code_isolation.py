"""Code of the user reaches no network, no other process and no file outside of its folder, where Linux helps."""

from __future__ import annotations

import ctypes
import json
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from compress_studio.artifacts.codefiles import allowed_by
from compress_studio.base.errors import BadInput
from compress_studio.engine import consents
from compress_studio.steps.kernels import child_filter, child_isolation, code_child, torch_import
from compress_studio.steps.kernels.code_process import how_isolated, require_plain, run_code
from compress_studio.steps.source_model import SourceModelParams, source_model
from tests.toys.context import ToyContext

LINUX = sys.platform.startswith("linux")
FILTERED = child_filter.NUMBERS.get(os.uname().machine) is not None if LINUX else False
LANDLOCK = LINUX and ctypes.CDLL(None).syscall(child_isolation.CREATE_RULESET, None, ctypes.c_size_t(0), 1) > 0
SPY = """
import ctypes, json, os, signal, socket, subprocess, torch

def tried(act):
    try:
        act()
        return "done"
    except (OSError, subprocess.CalledProcessError) as error:
        return type(error).__name__

def reach():
    library = ctypes.CDLL(None, use_errno=True)
    if library.ptrace(16, {parent}, 0, 0):
        raise OSError(ctypes.get_errno(), "")

row = dict(
    memory=tried(lambda: open("/proc/{parent}/mem", "rb")),
    environment=tried(lambda: open("/proc/{parent}/environ", "rb").read(1)),
    attach=tried(reach),
    network=tried(lambda: socket.create_connection(("127.0.0.1", {port}), 1)),
    local=tried(lambda: socket.socket(socket.AF_UNIX).connect("{outside}/local")),
    signal=tried(lambda: os.kill({parent}, 0)),
    group=tried(os.setsid),
    outside=tried(lambda: open("{outside}/marker", "w")),
    overwritten=tried(lambda: open("{outside}/there", "a")),
    removed=tried(lambda: os.remove("{outside}/there")),
    renamed=tried(lambda: os.replace("{outside}/there", "{outside}/here")),
    shared=tried(lambda: open("/dev/shm/marker-{parent}", "w")),
    started=tried(lambda: subprocess.run(["touch", "{outside}/marker"], check=True, capture_output=True)),
    inside=tried(lambda: open("written", "w")),
    home=tried(lambda: open(os.environ["HOME"] + "/written", "w")),
    read=tried(lambda: open("{outside}/there")),
    oneself=tried(lambda: os.kill(os.getpid(), 0)),
    nothing=tried(lambda: open("/dev/null", "w").write("x")),
)
open("seen.json", "w").write(json.dumps(row))

def make():
    return torch.nn.Linear(4, 2)
"""


@pytest.fixture(autouse=True)
def _guard(monkeypatch: pytest.MonkeyPatch) -> None:  # pyright: ignore[reportUnusedFunction]
    monkeypatch.setenv(torch_import.GUARD, "1")


def opened(tmp_path: Path, text: str) -> ToyContext:
    """The context after code of the user made a network."""
    code = tmp_path / "code.py"
    code.write_text(text)
    consents.give(*allowed_by(str(code)))
    ctx = ToyContext(tmp_path)
    source_model(ctx, SourceModelParams(path=str(code), architecture=f"{code}:make", dims="x=Nx4"))
    return ctx


@pytest.mark.skipif(not (FILTERED and LANDLOCK), reason="this system cannot shut a process in")
def test_code_reaches_no_network_no_process_and_no_file_outside_of_its_folder(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "there").write_text("kept")
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket(socket.AF_UNIX) as local:
        local.bind(str(outside / "local"))
        local.listen()
        words = {"parent": os.getpid(), "port": server.getsockname()[1], "outside": outside}
        ctx = opened(tmp_path, SPY.format(**words))
    row = json.loads((ctx.scratch / "code" / "empty" / "seen.json").read_text())
    allowed = {"inside", "home", "read", "oneself", "nothing"}
    assert {name for name, told in row.items() if told == "done"} == allowed, row
    assert (outside / "there").read_text() == "kept"
    assert not (outside / "marker").exists()
    assert ctx.facts["isolated"] == ["network", "processes", "files"]
    assert how_isolated(["network", "processes", "files"]) in ctx.log


LAYERS = """
import json, os, socket, sys
from pathlib import Path
from compress_studio.steps.kernels import child_isolation as one
user, without, folder, parent = int(sys.argv[1]), sys.argv[2].split(","), Path(sys.argv[3]), os.getppid()
if user and os.geteuid() == 0:
    os.setgroups([]); os.setgid(user); os.setuid(user)
for name, lacking in {"namespaces": ("_own_namespaces", (False, False)), "landlock": ("_confine_writing", 0),
                      "filter": ("install_filter", False)}.items():
    if name in without:
        setattr(one, lacking[0], lambda *words, answer=lacking[1], **more: answer)
kept = one.isolate(folder)
def tried(act):
    try:
        act()
        return True
    except OSError:
        return False
def talk():
    import ctypes
    with socket.socket() as made:
        made.settimeout(5)
        made.connect(("127.0.0.1", int(sys.argv[4])))
print(json.dumps({"kept": kept, "network": tried(talk),
                  "processes": tried(lambda: open(f"/proc/{parent}/mem", "rb").close()),
                  "files": tried(lambda: open(folder.parent / "marker", "w").close()),
                  "inside": tried(lambda: open(folder / "marker", "w").close())}))
"""


@pytest.mark.skipif(not LINUX, reason="only Linux shuts processes in")
@pytest.mark.parametrize("without", ["nothing", "namespaces", "landlock", "filter", "landlock,filter", "all"])
def test_what_is_said_to_be_shut_is_shut_when_the_system_lacks_a_part(tmp_path: Path, without: str) -> None:
    lacking = "namespaces,landlock,filter" if without == "all" else without
    folder = tmp_path / "own"
    folder.mkdir()
    with socket.create_server(("127.0.0.1", 0)) as server:
        words = ["-c", LAYERS, "0", lacking, str(folder), str(server.getsockname()[1])]
        done = subprocess.run([sys.executable, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    row = json.loads(done.stdout)
    assert row["inside"]
    for name in row["kept"]:
        assert not row[name], row
    if without == "nothing" and FILTERED and LANDLOCK:
        assert row["kept"] == ["network", "processes", "files"]
    if without == "all":
        assert "files" not in row["kept"]


SIGNALS = """
import ctypes, fcntl, os, platform, signal, sys
from pathlib import Path
from compress_studio.steps.kernels import child_filter, child_isolation as one
one._confine_writing = lambda *_: 0
one.isolate(Path(sys.argv[1]))
call, number = ctypes.CDLL(None).syscall, child_filter.NUMBERS[platform.machine()].signals["tkill"]
assert call(number, os.getppid(), 0) == -1
assert call(number, os.getpid(), 0) == 0
ready, other = os.pipe()
fcntl.fcntl(ready, fcntl.F_SETFD, 0)
for what in (fcntl.F_SETOWN, 15):
    try:
        fcntl.fcntl(ready, what, os.getppid().to_bytes(8, sys.byteorder) if what == 15 else os.getppid())
    except PermissionError:
        print("refused")
"""


@pytest.mark.skipif(not FILTERED, reason="only the filter of system calls keeps signals in on older systems")
def test_no_roundabout_way_signals_another_process_where_landlock_does_not_guard_signals(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", SIGNALS, str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["refused", "refused"]


def test_what_the_system_does_not_keep_code_from_is_said() -> None:
    assert how_isolated([]) == (
        "This system does not keep it from the network, other processes and writing outside of its own folder."
    )
    assert how_isolated(["network"]) == (
        "The code was kept from the network. This system does not keep it from other processes and writing outside of"
        " its own folder."
    )


def test_code_that_wants_the_network_is_told_that_there_is_none(tmp_path: Path) -> None:
    text = (
        "from urllib.request import urlopen\ndef make(): return urlopen('http://127.0.0.1:9/weights.pt', timeout=5)\n"
    )
    with pytest.raises(BadInput, match=r"make\(\) of code\.py failed: .*\(code\.py, line 2\)") as caught:
        opened(tmp_path, text)
    assert "no network" in caught.value.hint or not FILTERED


@pytest.mark.parametrize("what", ["link", "pipe", "huge"])
def test_what_the_code_leaves_in_place_of_its_answer_is_not_followed(tmp_path: Path, what: str) -> None:
    made = {
        "link": "os.symlink('/etc/passwd', 'answer.json')",
        "pipe": "os.mkfifo('answer.json')",
        "huge": "open('answer.json', 'w').truncate(1 << 33)",
    }[what]
    with pytest.raises(BadInput, match=r"The code left a answer\.json"):
        opened(tmp_path, f"import os\nos.chdir('..')\n{made}\nos._exit(0)\n\ndef make(): pass\n")


def test_a_link_planted_by_the_code_does_not_lead_the_studio_elsewhere(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_text("kept")
    folder = tmp_path / "work"
    folder.mkdir()
    for name in (code_child.REQUEST, code_child.LAYOUTS, "log.txt"):
        (folder / name).symlink_to(other)
    request: dict[str, Any] = {"what": "nothing", "weights": "", "module": "", "file": "", "function": ""}
    with pytest.raises(BadInput):
        run_code(ToyContext(tmp_path), folder, request | {"arguments": {}, "keys": []}, lambda names: [])
    assert other.read_text() == "kept"
    with pytest.raises(BadInput, match="no plain file"):
        require_plain(folder)


STUDIO = """
import sys
import time
from pathlib import Path
from compress_studio.steps.kernels.code_process import run_code
from compress_studio.spec.trial import TrialContext
folder = Path(sys.argv[1])
(folder / "code").mkdir()
(folder / "code" / "slow.py").write_text(
    "import os, time\\nopen('part', 'w').write(str(os.getpid()))\\nos.replace('part', 'pid')\\n"
    "while True: time.sleep(1)"
)
words = dict(what="slow", weights="", entry="", keys=[], wanted_modules=[], module="slow", file="slow.py",
             function="make", arguments={}, sizes={}, form="program.pt2")
run_code(TrialContext(folder.parent), folder, words, lambda names: [])
"""


@pytest.mark.skipif(not LINUX, reason="elsewhere the process notices it only after a while")
def test_the_process_ends_with_the_studio_that_started_it(tmp_path: Path) -> None:
    folder = tmp_path / "work"
    folder.mkdir()
    studio = subprocess.Popen([sys.executable, "-c", STUDIO, str(folder)])
    place = folder / "empty" / "pid"
    deadline = time.monotonic() + 60
    while not place.exists() and time.monotonic() < deadline and studio.poll() is None:
        os.sched_yield()
    code = psutil.Process(int(place.read_text()))
    assert code.ppid() == studio.pid
    studio.kill()
    studio.wait()
    while runs(code) and time.monotonic() < deadline:
        os.sched_yield()
    assert not runs(code)


def test_where_the_number_of_a_parent_outlives_it_the_studio_itself_is_watched(monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[int] = []
    monkeypatch.setattr(child_isolation.sys, "platform", "win32")
    monkeypatch.setattr(child_isolation.os, "_exit", ended.append)
    studio = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    watching = threading.Thread(target=child_isolation.watch_parent, args=(os.getppid(), studio.pid))
    watching.start()
    assert not ended
    studio.communicate(b"\n")
    watching.join(60)
    assert ended == [77]


def runs(process: psutil.Process) -> bool:
    """Whether a process still runs; one that ended may wait for its parent to notice."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
