"""The declaration of a step is read from its function."""

from __future__ import annotations

from pathlib import Path

import pytest

from compress_studio.spec.params import NoParams
from compress_studio.spec.ports import Kind, OnnxNet, Port, can_join
from compress_studio.spec.step import Group, StepContext, Verdict, spec_of, step
from tests.unit.project.steps import Pruning, distil, prune


def test_everything_comes_from_the_function_and_its_docstring() -> None:
    spec = spec_of(prune)
    assert (spec.id, spec.version, spec.title, spec.group) == ("prune.channels", 2, "Remove channels", Group.PRUNE)
    assert spec.summary == "Removes whole channels that matter least."
    assert spec.help == "They are gone from every layer that used them."
    assert spec.params is Pruning
    assert spec.run is prune


def test_ports_come_from_the_annotations() -> None:
    spec = spec_of(distil)
    assert [(port.name, port.optional, port.title) for port in spec.inputs] == [
        ("network", False, "Network"),
        ("teacher", True, "Teacher"),
    ]
    assert can_join(spec.outputs[0], spec.inputs[0])
    assert can_join(Port("a"), Port("b", Kind.NETWORK))


def test_a_step_must_begin_with_context_and_parameters() -> None:
    with pytest.raises(TypeError, match=r"begins with \(ctx, params\), not \(network\)"):

        @step(id="a.b", version=1, title="A", group=Group.GRAPH)
        def wrong(network: OnnxNet) -> OnnxNet:
            return network


def test_a_step_takes_only_networks() -> None:
    with pytest.raises(TypeError, match="size: a step takes networks"):

        @step(id="a.b", version=1, title="A", group=Group.GRAPH)
        def wrong(ctx: StepContext, params: NoParams, size: int) -> OnnxNet:
            return OnnxNet(Path())


def test_a_verdict_carries_its_reason() -> None:
    assert Verdict.yes().ok
    assert Verdict.no("too small", "take a bigger one") == Verdict(False, "too small", "take a bigger one")
