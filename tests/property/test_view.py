"""The differentiable view of random networks: it says what ONNX Runtime says, and knows what a gradient reaches."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx_ir as ir
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from compress_studio.graph.saving import save
from compress_studio.view.compare import compare
from compress_studio.view.network import TorchView
from compress_studio.view.ops import Operator
from compress_studio.view.plan import Call, Compiler
from compress_studio.view.reach import unreached
from tests.toys.random_graphs import random_image_net, random_sequence_net

MAKERS = (random_image_net, random_sequence_net)
SEEDS = st.integers(0, 100_000)
MOST = 1e-4
CUTS = {"Relu", "HardSwish", "Sigmoid", "Softmax", "Add", "Mul"}
"""Operators that are cut: one of them hands no gradient on, as an operator that torch lacks."""
QUICK = settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])


def inputs(model: ir.Model, seed: int) -> dict[str, np.ndarray]:
    """One batch of three samples."""
    rng = np.random.default_rng(seed)
    return {
        value.name or "": rng.standard_normal(
            [size if isinstance(size, int) else 3 for size in value.shape or []]
        ).astype(np.float32)
        for value in model.graph.inputs
    }


@pytest.mark.parametrize("make", MAKERS)
@QUICK
@given(seed=SEEDS)
def test_random_networks_are_computed_as_by_onnx_runtime(make: Callable[[int], ir.Model], seed: int) -> None:
    model = make(seed)
    with tempfile.TemporaryDirectory() as folder:
        path = save(model, Path(folder) / "model.onnx")
        view = TorchView(model)
        assert not view.hosted
        assert compare(view, path, inputs(model, seed)) < MOST


@pytest.mark.parametrize("make", MAKERS)
@QUICK
@given(seed=SEEDS)
def test_operators_computed_by_onnx_runtime_give_the_same_and_stop_exactly_the_gradients_they_are_said_to(
    make: Callable[[int], ir.Model], seed: int
) -> None:
    model = make(seed)
    rng = np.random.default_rng(seed)
    nodes = [node for node in model.graph if node.op_type in CUTS]
    cut = [nodes[int(index)] for index in rng.choice(len(nodes), min(2, len(nodes)), replace=False)] if nodes else []
    view = _with_hosted(model, cut)
    assert set(view.hosted) == set(cut)
    feeds = inputs(model, seed)
    with tempfile.TemporaryDirectory() as folder:
        path = save(model, Path(folder) / "model.onnx")
        assert compare(view, path, feeds) < MOST
    blocked = set(unreached(model, ["y"], view.hosted)) & set(view.weights)
    loss = view(view.tensors(feeds))["y"].square().sum()
    weights = dict(view.weights)
    if loss.requires_grad:
        found = torch.autograd.grad(loss, list(weights.values()), allow_unused=True)
    else:
        found = (None,) * len(weights)
    assert blocked == {name for name, slope in zip(weights, found, strict=True) if slope is None}


def _with_hosted(model: ir.Model, nodes: list[ir.Node]) -> TorchView:
    """The view of a network some of whose nodes ONNX Runtime is to compute."""

    class Handing(Compiler):
        lacking = False

        def operator(self, domain: str, name: str) -> Operator | None:
            return None if self.lacking else super().operator(domain, name)

        def _call(self, node: ir.Node, attrs: dict[str, Any], captured: Sequence[ir.Value] = ()) -> Call | None:
            self.lacking = node in nodes
            return super()._call(node, attrs, captured)

        def _define(self, node: ir.Node) -> None:
            """Nothing is defined by other operators here."""

    class View(TorchView):
        def _compiler(self, model: ir.Model) -> Compiler:
            return Handing(model, self.state, self._inner)

    return View(model)
