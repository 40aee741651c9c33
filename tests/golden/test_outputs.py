"""Steps that give the same numbers everywhere keep giving them until their version is raised.

A change of a digest here means that results in caches of users are stale: raise the version of the step, then write
the file again with COMPRESS_STUDIO_WRITE_GOLDEN=1. Only steps without sums in a library's own order (products of
matrices, gradients, runs of the network) are listed; weights are compared after rounding to five digits, because
means of clusters are sums in numpy's order.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import onnx_ir as ir
import pytest

from compress_studio.graph.saving import load, save
from compress_studio.spec.ports import OnnxNet
from compress_studio.spec.registry import load_steps
from tests.toys import networks
from tests.toys.context import ToyContext, ToyData

GOLDEN = Path(__file__).with_name("outputs.json")
CASES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "prune.weights global": ("prune.weights", "conv", {}),
    "prune.weights layer": ("prune.weights", "transformer", {"scope": "layer", "sparsity": 0.7}),
    "prune.weights threshold": ("prune.weights", "lstm", {"mode": "threshold", "threshold": 0.1}),
    "cluster.weights 4": ("cluster.weights", "residual", {}),
    "cluster.weights 2": ("cluster.weights", "transformer", {"bits": 2, "scales": "tensor"}),
    "quantize.weights": ("quantize.weights", "transformer", {}),
    "graph.fp16": ("graph.fp16", "conv", {}),
}


def fingerprint(model: ir.Model) -> str:
    """A digest of the nodes and of the rounded weights."""
    state = hashlib.blake2b(digest_size=12)
    for node in model.graph:
        state.update(f"{node.op_type} {[value.name if value else '' for value in node.inputs]}".encode())
    for name, value in sorted(model.graph.initializers.items()):
        assert value.const_value is not None
        array = value.const_value.numpy()
        exact = array.astype(np.float64)
        size = 10.0 ** (np.floor(np.log10(np.abs(exact).max(initial=1e-30))) - 4)
        state.update(f"{name} {value.dtype} {array.shape} {np.round(exact / size).astype(np.int64).tolist()}".encode())
    return state.hexdigest()


@pytest.mark.parametrize("case", CASES)
def test_the_output_of_a_step_changes_only_with_its_version(case: str, tmp_path: Path) -> None:
    step_id, network, values = CASES[case]
    spec = load_steps().get(step_id)
    source = save(networks.ALL[network](), tmp_path / "source" / "model.onnx")
    ctx = ToyContext(tmp_path, ToyData.for_model(load(source)))
    result = spec.run(ctx, spec.params.read(values), **{spec.inputs[0].name: OnnxNet(source)})
    found = {"version": spec.version, "digest": fingerprint(load(result.path))}
    known = json.loads(GOLDEN.read_text()) if GOLDEN.exists() else {}
    if os.environ.get("COMPRESS_STUDIO_WRITE_GOLDEN"):
        GOLDEN.write_text(json.dumps({**known, case: found}, indent=2, sort_keys=True) + "\n")
        return
    assert found == known.get(case), f"{step_id} gives another network: raise its version, then write the file again"
