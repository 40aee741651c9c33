"""Removing channels is the same as silencing them, on random networks and random choices."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx_ir as ir
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compress_studio.graph import channels
from compress_studio.graph.session import open_session, run
from compress_studio.graph.shapes import trace
from tests.toys.random_graphs import random_image_net, random_sequence_net

MAKERS = {"image": random_image_net, "sequence": random_sequence_net}


@pytest.mark.parametrize("kind", MAKERS)
@given(seed=st.integers(0, 10_000), choice=st.integers(0, 10_000))
@settings(max_examples=60)
def test_removed_equals_silenced(kind: str, seed: int, choice: int) -> None:
    model = MAKERS[kind](seed)
    before = run(open_session(model, optimize=False), _inputs(model))
    found = channels.find_groups(model, trace(model))
    prepared = run(open_session(model, optimize=False), _inputs(model))
    assert all(np.array_equal(before[name], prepared[name]) for name in before)

    rng = np.random.default_rng(choice)
    selection = {
        group: rng.permutation(group.size)[: rng.integers(1, group.size)]
        for group in found.groups
        if group.size > 1 and rng.random() < 0.7
    }
    shorter = model.clone()
    channels.remove(shorter, selection)
    proof = channels.prove(shorter, channels.mask(model, selection), _inputs(model))

    assert proof.ok, (proof, {group.id: list(units) for group, units in selection.items()})
    after = run(open_session(shorter, optimize=False), _inputs(model))
    assert {name: value.shape for name, value in after.items()} == {name: value.shape for name, value in before.items()}
    if selection:
        assert _weights(shorter) < _weights(model)


@pytest.mark.parametrize("maker", MAKERS.values())
def test_most_layers_of_random_networks_can_be_pruned(maker: Callable[[int], ir.Model]) -> None:
    free = stuck = 0
    for seed in range(20):
        model = maker(seed)
        found = channels.find_groups(model, trace(model))
        free += sum(len(group.layers) for group in found.groups)
        stuck += len(found.frozen)
    assert free > stuck


def _inputs(model: ir.Model) -> dict[str, np.ndarray]:
    value = model.graph.inputs[0]
    shape = [3, *[int(size) for size in list(value.shape or [])[1:]]]
    return {value.name or "": np.random.default_rng(7).standard_normal(shape).astype(np.float32)}


def _weights(model: ir.Model) -> int:
    return sum(
        value.const_value.size
        for value in model.graph.initializers.values()
        if value.const_value is not None and value.dtype is ir.DataType.FLOAT
    )
