from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import pytest

from compress_studio.base.errors import BadInput
from compress_studio.engine import device
from compress_studio.engine.plan import NodeState, Plan, make_plan
from compress_studio.engine.settings import RunSettings
from compress_studio.project.pipeline import Edge, Pipeline
from compress_studio.project.project import Project
from compress_studio.spec.data import DataRequest
from tests.toys import steps as toys
from tests.unit.engine.conftest import Bench, chain


def plan_of(bench: Bench, project: Project) -> Plan:
    return make_plan(project, toys.make_runtime(), bench.store, bench.settings)


def test_states_say_what_a_run_would_do(bench: Bench) -> None:
    project = chain(bench.source(), bench.node("d", "toy.double"), bench.node("a", "toy.add"))
    before = plan_of(bench, project)
    assert before.states == {"s": NodeState.STALE, "d": NodeState.UNKNOWN, "a": NodeState.UNKNOWN}
    assert before.to_run() == ["s", "d", "a"]
    assert before.to_run(["d"]) == ["s", "d"]
    bench.run(project)
    after = plan_of(bench, project)
    assert set(after.states.values()) == {NodeState.FRESH}
    assert after.to_run() == []
    assert set(after.keys) == set(after.outputs) == {"s", "d", "a"}
    changed = chain(bench.source(), bench.node("d", "toy.double", by=3), bench.node("a", "toy.add"))
    assert plan_of(bench, changed).states == {"s": NodeState.FRESH, "d": NodeState.STALE, "a": NodeState.UNKNOWN}
    assert plan_of(bench, project).states == after.states


def test_problems_name_the_reason_and_the_next_thing_to_do(bench: Bench) -> None:
    nodes = (
        bench.source(),
        bench.node("x", "toy.unknown"),
        bench.node("y", "toy.double", by=-1),
        bench.node("z", "toy.add"),
        replace(bench.node("o", "toy.add"), on=False),
    )
    edges = (Edge("s", "network", "y", "network"), Edge("s", "network", "z", "wrong"))
    plan = plan_of(bench, Project(Pipeline(nodes, edges)))
    told = {node: " ".join(one.message for one in problems) for node, problems in plan.problems.items()}
    assert set(told) == {"x", "y", "z", "o"}
    assert "no step toy.unknown" in told["x"]
    assert "from 0 to 100" in told["y"]
    assert "not connected" in told["z"]
    assert "no input wrong" in told["z"]
    assert "nothing to pass on" in told["o"]
    assert plan.problems["x"][0].failure.exit_code == 2


def test_a_node_that_is_off_hands_on_what_is_known(bench: Bench) -> None:
    off = replace(bench.node("d", "toy.double"), on=False)
    project = chain(bench.source(), off, bench.node("a", "toy.add"))
    bench.run(project)
    plan = plan_of(bench, project)
    assert plan.states == {"s": NodeState.FRESH, "d": NodeState.OFF, "a": NodeState.FRESH}
    assert plan.outputs["d"] == plan.outputs["s"]


def test_a_device_that_nobody_has_asked_for_yet_leaves_the_node_unknown(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(device, "gpu_possible", lambda: True)
    project = chain(bench.source(), bench.node("d", "toy.device"), bench.node("a", "toy.double"))
    bench.run(chain(bench.source()))
    assert plan_of(bench, project).states["d"] is NodeState.UNKNOWN


def test_data_and_devices_that_do_not_exist_are_bad_input(bench: Bench) -> None:
    project = replace(chain(bench.source()), data=DataRequest("/nowhere.npz"))
    with pytest.raises(BadInput, match=r"nowhere\.npz"):
        plan_of(bench, project)
    with pytest.raises(BadInput, match="no device tpu"):
        plan_of(bench, replace(chain(bench.source()), device="tpu"))


def test_settings_that_are_left_empty_come_from_the_project() -> None:
    project = Project(data=DataRequest("here.npz"), seed=7, device="mps")
    plain = RunSettings()
    assert (plain.data_of(project).path, plain.seed_of(project), plain.device_of(project)) == ("here.npz", 7, "mps")
    own = RunSettings(data=DataRequest("there.npz"), seed=0, device="cpu")
    assert (own.data_of(project).path, own.seed_of(project), own.device_of(project)) == ("there.npz", 0, "cpu")


def test_a_run_from_the_cache_imports_no_heavy_package_and_starts_no_process(bench: Bench) -> None:
    bench.run(chain(bench.source(), bench.node("d", "toy.double"), meters=("count", "ratio")))
    bench.ran()
    bench.close()
    code = f"""
import sys
from pathlib import Path
from compress_studio.engine.cache import Store
from compress_studio.engine.runner import Runner
from compress_studio.engine.settings import RunSettings
from compress_studio.project.pipeline import Edge, Node, Pipeline
from compress_studio.project.project import MeterUse, Project
nodes = (Node("s", "source.model", {{"path": {str(bench.file)!r}}}), Node("d", "toy.double"))
meters = (MeterUse("count"), MeterUse("ratio"))
project = Project(Pipeline(nodes, (Edge("s", "network", "d", "network"),)), meters=meters)
store = Store(Path({str(bench.folder / "cache")!r}))
runner = Runner(store, RunSettings(runtime={toys.RUNTIME!r}, compute_threads=1))
outcome = runner.start(project).wait()
assert outcome.ok and runner.lanes.started == ()
print(*[name for name in ("torch", "numpy", "onnx", "onnxruntime", "psutil", "PySide6") if name in sys.modules])
runner.close()
store.close()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, ""), done.stderr
    assert bench.ran() == []
