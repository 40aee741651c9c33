"""A repair that would break a network is left out, and that is said."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from compress_studio.graph.saving import save
from compress_studio.graph.session import open_session, run
from compress_studio.spec.ports import OnnxNet
from compress_studio.steps.prune_channels import PruneChannelsParams, prune_channels
from tests.toys.context import ToyContext, ToyData
from tests.toys.networks import Net


def test_a_repair_that_makes_a_logarithm_negative_is_left_out(tmp_path: Path) -> None:
    net = Net(3)
    x = net.gemm("x", "spectrum", 64, 16)
    power = net.op("Mul", [x, x], "power")
    net.constant("bands", np.eye(64, 24) + 1e-6)
    net.constant("floor", 1e-6)
    bands = net.op("Add", [net.op("MatMul", [power, "bands"], "sums"), "floor"], "above")
    net.gemm(net.op("Log", [bands], "decibel"), "head", 4, 24, "y")
    model = net.model({"x": ["N", 16]}, {"y": ["N", 4]})
    data = ToyData.for_model(model, 200)
    ctx = ToyContext(tmp_path, data)
    source = save(model, tmp_path / "m.onnx")
    result = prune_channels(ctx, PruneChannelsParams(amount=0.5), OnnxNet(source))
    assert np.isfinite(run(open_session(result.path), data.inputs)["y"]).all()
    assert "repair_left_out" in ctx.codes
