from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from compress_studio.artifacts.artifact import Artifact
from compress_studio.engine.events import NodeFailed, NodeStarted, RunEvent
from compress_studio.engine.records import Cause
from compress_studio.engine.runstate import RunState, Stage
from compress_studio.project.pipeline import Edge, Pipeline
from compress_studio.project.project import MeterUse, Project
from tests.unit.engine.conftest import PATIENCE, Bench, chain


def test_a_pipeline_gives_a_result_a_report_and_readings_for_every_node(bench: Bench) -> None:
    project = chain(
        bench.source(), bench.node("d", "toy.double"), bench.node("a", "toy.add"), meters=("count", "ratio")
    )
    outcome = bench.run(project)
    assert outcome.ok
    assert bench.numbers(outcome, "d") == [2, 4, 6]
    assert bench.numbers(outcome, "a") == [3, 5, 7]
    one = outcome.state.nodes["d"]
    assert one.report["layers_changed"] == 3
    assert one.report["skipped"] == [{"layer": "bias", "reason": "nothing to double"}]
    assert one.report["warnings"] == [{"code": "toy", "message": "only a toy"}]
    assert one.series["loss"] == ((0, 1), (1, 0.5), (2, 1 / 3))
    ratio = one.reading("ratio")
    assert ratio is not None
    assert (ratio.value, ratio.low, ratio.high, ratio.n) == (2.0, 0.9, 1.1, 7)
    assert bench.ran() == ["source", "count", "double", "count", "add", "count", "ratio-3"]
    assert bench.kinds()[0] == "RunStarted"
    assert bench.kinds()[-1] == "RunEnded"


def test_the_second_run_is_all_from_the_cache_and_starts_no_process(bench: Bench) -> None:
    project = chain(bench.source(), bench.node("d", "toy.double"), meters=("count", "ratio"))
    first = bench.run(project)
    bench.ran()
    bench.again()
    second = bench.run(project)
    assert second.ok
    assert bench.ran() == []
    assert bench.runner.lanes.started == ()
    assert all(one.cached for one in second.state.nodes.values())
    assert "QuietBegan" not in bench.kinds()
    assert second.state.nodes["d"].readings == first.state.nodes["d"].readings
    assert second.state.nodes["d"].report == first.state.nodes["d"].report


def test_only_the_last_node_runs_again_when_only_its_parameter_changed(bench: Bench) -> None:
    project = chain(bench.source(), bench.node("d", "toy.double"), bench.node("a", "toy.add"), meters=("count",))
    bench.run(project)
    bench.ran()
    changed = chain(
        bench.source(), bench.node("d", "toy.double"), bench.node("a", "toy.add", amount=5), meters=("count",)
    )
    outcome = bench.run(changed)
    assert bench.ran() == ["add", "count"]
    assert bench.numbers(outcome, "a") == [7, 9, 11]


def test_a_parameter_that_does_not_change_the_result_makes_nothing_stale(bench: Bench) -> None:
    bench.run(chain(bench.source(), bench.node("d", "toy.double")))
    bench.ran()
    bench.run(chain(bench.source(), bench.node("d", "toy.double", comment="mine")))
    assert bench.ran() == []


def test_nothing_below_a_node_runs_again_when_it_wrote_the_same_bytes(bench: Bench) -> None:
    bench.run(chain(bench.source(), bench.node("d", "toy.add", amount=0), bench.node("a", "toy.add")))
    bench.ran()
    outcome = bench.run(chain(bench.source(), bench.node("d", "toy.double", by=1), bench.node("a", "toy.add")))
    assert bench.ran() == ["double"]
    assert outcome.state.nodes["a"].cached


def test_the_same_work_at_two_places_is_done_once(bench: Bench) -> None:
    nodes = (bench.source(), bench.node("d", "toy.double"), bench.node("e", "toy.double"))
    edges = (Edge("s", "network", "d", "network"), Edge("s", "network", "e", "network"))
    project = Project(Pipeline(nodes, edges), meters=(MeterUse("count"), MeterUse("ratio")))
    for settings in ({}, {"use_cache": False}):
        bench.again(**settings)
        outcome = bench.run(project)
        assert outcome.ok
        assert bench.ran() == ["source", "count", "double", "count", "ratio-2"]
        assert outcome.state.nodes["e"].cached
        assert outcome.state.nodes["e"].reading("ratio") == outcome.state.nodes["d"].reading("ratio")


def test_without_the_cache_everything_is_computed_again(bench: Bench) -> None:
    project = chain(bench.source(), bench.node("d", "toy.double"), meters=("count",))
    bench.run(project)
    bench.ran()
    bench.again(use_cache=False)
    assert bench.run(project).ok
    assert bench.ran() == ["source", "count", "double", "count"]


def test_a_file_that_changes_while_it_is_read_is_not_kept(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    put = bench.store.put

    def change(folder: Path) -> Artifact:
        bench.file.write_text("7 7 7")
        return put(folder)

    monkeypatch.setattr(bench.store, "put", change)
    error = bench.run(chain(bench.source())).state.nodes["s"].error
    assert error is not None
    assert "changed while it was read" in error.message
    assert bench.numbers(bench.run(chain(bench.source())), "s") == [7, 7, 7]


def test_a_changed_file_is_another_source(bench: Bench) -> None:
    project = chain(bench.source(), bench.node("d", "toy.double"))
    bench.run(project)
    bench.ran()
    bench.file.write_text("4 5 6")
    outcome = bench.run(project)
    assert bench.ran() == ["source", "double"]
    assert bench.numbers(outcome, "d") == [8, 10, 12]


def test_a_failing_node_blocks_those_below_and_no_others(bench: Bench) -> None:
    nodes = (
        bench.source(),
        bench.node("f", "toy.fail"),
        bench.node("g", "toy.add"),
        bench.node("h", "toy.add"),
        bench.node("d", "toy.double"),
    )
    edges = tuple(Edge(a, "network", b, "network") for a, b in (("s", "f"), ("f", "g"), ("g", "h"), ("s", "d")))
    outcome = bench.run(Project(Pipeline(nodes, edges), meters=()))
    states = {name: one.state for name, one in outcome.state.nodes.items()}
    assert states == {
        "s": Stage.DONE,
        "f": Stage.FAILED,
        "g": Stage.BLOCKED,
        "h": Stage.BLOCKED,
        "d": Stage.DONE,
    }
    assert not outcome.ok
    error = outcome.state.nodes["f"].error
    assert error is not None
    assert (error.cause, error.message, error.hint) == (
        Cause.REFUSED,
        "The layer conv1 is too small.",
        "Choose another one.",
    )
    assert outcome.state.nodes["g"].waits_for == "waits for Fail"


@pytest.mark.parametrize(
    ("how", "cause", "words"),
    [
        ("memory", Cause.MEMORY, "memory was not enough"),
        ("allocate", Cause.MEMORY, "memory was not enough"),
        ("bug", Cause.BUG, "a mistake in the toy"),
        ("nothing", Cause.BUG, "does not exist"),
        ("write", Cause.BUG, "wrote to the network"),
    ],
)
def test_an_error_is_told_with_its_cause(bench: Bench, how: str, cause: Cause, words: str) -> None:
    outcome = bench.run(chain(bench.source(), bench.node("f", "toy.fail", how=how)))
    error = outcome.state.nodes["f"].error
    assert error is not None
    assert error.cause is cause
    assert words in error.message
    if cause is Cause.BUG:
        assert "Traceback" in error.report
        assert "toy.fail" in error.report


@pytest.mark.parametrize(
    ("how", "words"), [("exit", "exit code 13"), ("segv", "SIGSEGV"), ("kill", "probably because the memory")]
)
def test_a_worker_that_dies_is_a_failed_node_and_is_replaced(bench: Bench, how: str, words: str) -> None:
    nodes = (bench.source(), bench.node("c", "toy.crash", how=how), bench.node("d", "toy.double"))
    edges = (Edge("s", "network", "c", "network"), Edge("s", "network", "d", "network"))
    outcome = bench.run(Project(Pipeline(nodes, edges), meters=()))
    error = outcome.state.nodes["c"].error
    assert error is not None
    assert error.cause is Cause.CRASH
    assert words in error.message
    assert outcome.state.nodes["d"].state is Stage.DONE
    if how == "segv":
        assert "Fatal Python error" in error.report


def test_a_step_that_does_not_apply_is_refused_with_its_reason(bench: Bench) -> None:
    outcome = bench.run(chain(bench.source(), bench.node("p", "toy.picky")))
    error = outcome.state.nodes["p"].error
    assert error is not None
    assert (error.cause, error.message, error.hint) == (Cause.REFUSED, "Too few numbers.", "Add some.")


def test_a_step_may_give_back_what_arrived(bench: Bench) -> None:
    outcome = bench.run(chain(bench.source(), bench.node("e", "toy.same"), bench.node("d", "toy.double")))
    assert outcome.ok
    assert outcome.state.nodes["e"].digest == outcome.state.nodes["s"].digest
    assert bench.numbers(outcome, "d") == [2, 4, 6]


def test_a_node_that_is_off_passes_on_what_arrives(bench: Bench) -> None:
    off = replace(bench.node("d", "toy.double"), on=False)
    outcome = bench.run(chain(bench.source(), off, bench.node("a", "toy.add")))
    assert outcome.ok
    assert outcome.state.nodes["d"].state is Stage.OFF
    assert outcome.state.nodes["d"].digest == outcome.state.nodes["s"].digest
    assert bench.numbers(outcome, "a") == [2, 3, 4]


def test_a_teacher_is_another_input(bench: Bench) -> None:
    project = chain(
        bench.source(),
        bench.node("d", "toy.double"),
        bench.node("a", "toy.add"),
        more=(Edge("s", "network", "a", "teacher"),),
    )
    assert bench.numbers(bench.run(project), "a") == [3, 6, 9]


def test_only_what_the_targets_need_is_computed(bench: Bench) -> None:
    project = chain(bench.source(), bench.node("d", "toy.double"), bench.node("a", "toy.add"))
    outcome = bench.run(project, ("d",))
    assert set(outcome.state.nodes) == {"s", "d"}
    assert bench.ran() == ["source", "double"]


def test_problems_that_are_known_before_fail_only_their_nodes(bench: Bench) -> None:
    nodes = (
        bench.source(),
        bench.node("x", "toy.unknown"),
        bench.node("y", "toy.add", amount=1000),
        bench.node("z", "toy.add"),
        bench.node("m", "source.model", path="/nowhere/model.onnx"),
        bench.node("d", "toy.double"),
    )
    edges = tuple(Edge("s", "network", name, "network") for name in "xyd")
    state = bench.run(Project(Pipeline(nodes, edges), meters=())).state
    assert state.nodes["d"].state is Stage.DONE
    messages = {name: one.error.message for name, one in state.nodes.items() if one.error is not None}
    assert "no step toy.unknown" in messages["x"]
    assert "Amount" in messages["y"]
    assert "not connected" in messages["z"]
    assert "/nowhere/model.onnx" in messages["m"]


def test_data_that_cannot_be_used_fail_the_run_as_bad_input(bench: Bench) -> None:
    bench.again(data=replace(bench.settings.data_of(Project()), path="/nowhere/data.npz"))
    outcome = bench.run(chain(bench.source()))
    assert not outcome.ok
    assert outcome.state.failure is not None
    assert outcome.state.failure.exit_code == 2
    assert "/nowhere/data.npz" in outcome.failures[0].message


def test_a_meter_that_fails_is_told_and_one_that_does_not_apply_is_only_noted(bench: Bench) -> None:
    outcome = bench.run(chain(bench.source(), meters=("broken", "count", "unfit", "no.such")))
    one = outcome.state.nodes["s"]
    assert list(one.meter_errors) == ["broken"]
    assert one.reading("count") is not None
    assert any("There are no labels." in line for line in one.log)
    assert any("no.such" in line for line in outcome.state.log)
    assert not outcome.ok


def test_a_node_that_is_not_measured_gets_no_readings(bench: Bench) -> None:
    plain = replace(bench.node("d", "toy.double"), measured=False)
    outcome = bench.run(chain(bench.source(), plain, meters=("count",)))
    assert outcome.state.nodes["s"].readings
    assert not outcome.state.nodes["d"].readings


def test_only_new_subjects_are_timed(bench: Bench) -> None:
    bench.run(chain(bench.source(), bench.node("d", "toy.double"), meters=("ratio",)))
    bench.ran()
    bench.run(chain(bench.source(), bench.node("d", "toy.double"), bench.node("a", "toy.add"), meters=("ratio",)))
    assert bench.ran() == ["add", "ratio-1"]


def test_what_libraries_print_does_not_reach_the_terminal(bench: Bench, capfd: pytest.CaptureFixture[str]) -> None:
    assert bench.run(chain(bench.source(), bench.node("n", "toy.noisy"))).ok
    assert capfd.readouterr() == ("", "")


def test_the_worker_is_hardened_and_knows_its_device(bench: Bench) -> None:
    bench.again(device="cpu")
    outcome = bench.run(chain(bench.source(), bench.node("d", "toy.device")))
    assert outcome.state.nodes["d"].report["facts"] == {"device": "cpu", "threads": 1, "guard": "1"}


def test_a_device_that_may_exist_is_found_by_a_worker_once(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("compress_studio.engine.device.gpu_possible", lambda: True)
    project = chain(bench.source(), bench.node("d", "toy.device"))
    outcome = bench.run(project)
    assert outcome.ok
    assert outcome.state.nodes["d"].report["facts"] == {"device": "cuda", "threads": 1, "guard": "1"}
    bench.again()
    assert bench.run(project).state.nodes["d"].cached
    assert bench.runner.lanes.started == ()


def test_a_device_that_does_not_exist_is_refused(bench: Bench) -> None:
    bench.again(device="xpu")
    outcome = bench.run(chain(bench.source(), bench.node("d", "toy.device")))
    assert "xpu does not work here (found: cuda, cpu)" in outcome.failures[0].message


def test_the_state_of_a_run_is_what_its_events_say(bench: Bench) -> None:
    project = chain(bench.source(), bench.node("d", "toy.double"), bench.node("f", "toy.fail"), meters=("count",))
    outcome = bench.run(project)
    state = RunState()
    for event in bench.events:
        state = state.apply(event)
    assert state == outcome.state


def test_a_receiver_that_fails_ends_the_run_and_not_the_program(bench: Bench) -> None:
    def sink(event: RunEvent) -> None:
        if isinstance(event, NodeStarted):
            raise ValueError("the receiver is broken")

    outcome = bench.runner.start(chain(bench.source()), sink=sink).wait(PATIENCE)
    assert outcome is not None
    assert not outcome.ok
    assert outcome.state.failure is not None


def test_the_time_left_comes_from_the_time_before(bench: Bench) -> None:
    bench.run(chain(bench.source(), bench.node("w", "toy.slow", seconds=0.4)))
    bench.file.write_text("7 8 9")
    bench.run(chain(bench.source(), bench.node("w", "toy.slow", seconds=0.4)))
    started = next(one for one in bench.events if isinstance(one, NodeStarted) and one.node == "w")
    assert started.expected is not None
    assert 0.3 < started.expected < 5


def test_scratch_folders_are_gone_after_the_run(bench: Bench) -> None:
    bench.run(chain(bench.source(), bench.node("d", "toy.double"), bench.node("f", "toy.fail"), meters=("count",)))
    left = {path.name for path in bench.store.session.folder.iterdir()}
    assert left == {"alive", "compute.log"}


def test_a_full_disk_fails_the_node_and_names_the_folder(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(folder: Path) -> None:
        raise OSError(28, os.strerror(28), str(folder))

    monkeypatch.setattr(bench.store.blobs, "put", full)
    outcome = bench.run(chain(bench.source()))
    error = outcome.state.nodes["s"].error
    assert error is not None
    assert error.cause is Cause.USER
    assert str(bench.folder / "cache") in error.message
    assert "full" in error.message
    assert [event.node for event in bench.events if isinstance(event, NodeFailed)] == ["s"]
