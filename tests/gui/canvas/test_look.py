"""What is written on a node, told without a window."""

from __future__ import annotations

from dataclasses import replace

import pytest

from compress_studio.engine.plan import Problem
from compress_studio.engine.runstate import NodeResult, Stage
from compress_studio.engine.summary import Change, Summary
from compress_studio.gui.canvas.look import Mark, look_of, spoken
from compress_studio.gui.canvas.navigation import nearest
from compress_studio.gui.canvas.picker import matching
from compress_studio.gui.canvas.targets import CIRCLE, ITSELF, NO_INPUT, Targets
from compress_studio.gui.nodeview import NodeView, Shown
from compress_studio.project.pipeline import Edge, Node, Pipeline
from compress_studio.spec.registry import StepRegistry, load_steps


@pytest.fixture(scope="module")
def steps() -> StepRegistry:
    return load_steps()


@pytest.fixture
def view(steps: StepRegistry) -> NodeView:
    node = Node("prune1", "prune.weights")
    return NodeView(node, steps.get("prune.weights"), Shown.STALE, "Prune weights", "50 %")


def summary(quality: float = -0.002, factor: float = 2.0, low: float = 1.8, high: float = 2.2) -> Summary:
    return Summary(
        quality=Change("top1", 0.9 + quality, 0.9),
        bytes=Change("bytes", 1e6 / factor, 1e6),
        latency=Change("median_ms", 1.0, 2.0),
        speedup=Change("ratio", (low + high) / 2, None, low, high),
    )


def test_a_node_without_a_result_says_so(view: NodeView) -> None:
    look = look_of(view, ["network"])
    assert (look.state, look.mark, look.hint, look.badges) == ("not run", Mark.RING, "no result yet", ())


def test_running_shows_percent_and_a_line(view: NodeView) -> None:
    look = look_of(replace(view, state=Shown.RUNNING, progress=0.62), ["network"])
    assert look.state == "running 62\u202f%"
    assert look.progress == 0.62


@pytest.mark.parametrize(("drop", "tone"), [(0.001, "good"), (-0.002, "good"), (-0.008, "warn"), (-0.02, "bad")])
def test_quality_is_told_in_points_and_judged_by_the_goal(view: NodeView, drop: float, tone: str) -> None:
    done = replace(view, state=Shown.FRESH, result=NodeResult(Stage.DONE), summary=summary(drop))
    badge = look_of(done, ["network"], allowed_drop=0.01).badges[0]
    assert badge.tone == tone
    assert badge.text.endswith("pt")


def test_a_speed_up_is_good_only_when_its_whole_interval_is(view: NodeView) -> None:
    done = replace(view, state=Shown.FRESH, result=NodeResult(Stage.DONE))
    tones = [
        look_of(replace(done, summary=summary(low=low, high=high)), ["network"]).badges[2].tone
        for low, high in ((1.5, 1.7), (0.98, 1.1), (0.8, 0.9))
    ]
    assert tones == ["good", "muted", "bad"]


def test_numbers_of_other_settings_are_faded(view: NodeView) -> None:
    old = replace(view, result=NodeResult(Stage.DONE), outdated=True, summary=summary())
    look = look_of(old, ["network"])
    assert look.faded
    assert look.state == "outdated"
    assert "earlier settings" in look.tip


def test_what_is_wrong_stands_on_the_node_and_in_its_tooltip(view: NodeView) -> None:
    broken = replace(view, state=Shown.INVALID, problem=Problem("The <file> is gone.", "Choose another."))
    look = look_of(broken, ["network"])
    assert look.wrong
    assert look.hint == "The <file> is gone."
    assert "The &lt;file&gt; is gone.</span> Choose another." in look.tip


def test_cautions_are_counted_and_listed(view: NodeView) -> None:
    done = replace(view, cautions=({"code": "a", "message": "0 of 5 layers changed."}, {"code": "b", "message": "B"}))
    look = look_of(done, ["network"])
    assert look.cautions == 2
    assert "⚠ 0 of 5 layers changed." in look.tip
    assert spoken(done) == "Prune weights, not run, 50 %, 2 warnings"


def test_a_source_shows_values_instead_of_changes(steps: StepRegistry) -> None:
    node = Node("source1", "source.model")
    source = NodeView(node, steps.get("source.model"), Shown.FRESH, "net.onnx", "", result=NodeResult(Stage.DONE))
    badges = look_of(replace(source, summary=summary(0.0, 1.0)), []).badges
    assert [badge.text for badge in badges] == ["90.0\u202f%", "1.00\u202fMB", "1.00\u202fms"]


def test_the_step_that_is_called_so_is_found_first(steps: StepRegistry) -> None:
    assert matching(steps, "static")[0].id == "quantize.static"
    assert {one.group.value for one in matching(steps, "prune")[:2]} == {"Prune"}
    assert matching(steps, "zzz") == []


def test_targets_say_why_not() -> None:
    nodes = tuple(Node(name, "x") for name in "abc")
    chain = Pipeline(nodes, (Edge("a", "network", "b", "network"), Edge("b", "network", "c", "network")))
    inputs = {"a": (), "b": ("network",), "c": ("network", "teacher")}
    out_of_b = Targets.of(chain, "b", "", inputs)
    assert [out_of_b.reason(name) for name in "abc"] == [CIRCLE, ITSELF, ""]
    assert out_of_b.edge_to("c") == Edge("b", "network", "c", "teacher"), "the input that is free"
    assert out_of_b.replaces(out_of_b.edge_to("c", "network"))
    loose = Targets.of(Pipeline(nodes), "b", "", inputs)
    assert loose.reason("a") == NO_INPUT
    into_b = Targets.of(chain, "b", "network", inputs)
    assert [into_b.reason(name) for name in "abc"] == ["", ITSELF, CIRCLE]


def test_arrows_prefer_what_lies_straight_ahead() -> None:
    places = {"here": (0.0, 0.0), "ahead": (440.0, 0.0), "aside": (220.0, 200.0), "behind": (-220.0, 0.0)}
    assert nearest(places, "here", (1.0, 0.0)) == "ahead"
    assert nearest(places, "here", (-1.0, 0.0)) == "behind"
    assert nearest(places, "here", (0.0, 1.0)) == "aside"
    assert nearest(places, "here", (0.0, -1.0)) is None
