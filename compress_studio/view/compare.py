"""Proof that a view computes what ONNX Runtime computes, before anybody trains on it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx_ir as ir
import torch

from compress_studio.base.errors import Refused
from compress_studio.graph.session import open_session, run
from compress_studio.view.network import TorchView

LARGEST = 1e-3
"""Relative difference above which nothing is trained."""
LARGEST_HALF = 3e-2
"""The same for networks that compute in half precision: ONNX Runtime rounds every result there, the view does not."""
LARGEST_ROUNDED = 3e-2
"""The same for networks that round to integers on the way: a last bit that differs may become a step of rounding."""
HALF = frozenset({ir.DataType.FLOAT16, ir.DataType.BFLOAT16})


def compare(view: TorchView, network_path: Path, inputs: Mapping[str, np.ndarray]) -> float:
    """The largest difference between a view and ONNX Runtime on a batch, relative to the largest output value.

    The runtime computes as the file says: what it would make of quantized layers by itself rounds in other places.
    Infinite when shapes differ or one of them gives numbers where the other gives none.
    """
    expected = run(open_session(network_path, optimize=False), inputs)
    training = view.training
    view.eval()
    with torch.no_grad():
        found = view(view.tensors(inputs))
    view.train(training)
    worst = 0.0
    for name, right in expected.items():
        mine = found[name]
        if isinstance(mine, torch.Tensor):
            worst = max(worst, relative_difference(mine.cpu().numpy(), right))
        elif right.dtype.kind in "OSU" and not np.array_equal(np.asarray(mine), right):
            return float("inf")
    return worst


def relative_difference(found: np.ndarray, right: np.ndarray) -> float:
    """max |found − right| / max |right|; infinite when shape or not-a-number places differ."""
    if found.shape != right.shape:
        return float("inf")
    a, b = found.astype(np.float64), right.astype(np.float64)
    finite = np.isfinite(b)
    same = np.array_equal(np.where(finite, 0.0, b), np.where(finite, 0.0, a), equal_nan=True)
    if not same or not np.isfinite(a[finite]).all():
        return float("inf")
    a, b = a[finite], b[finite]
    scale = float(np.max(np.abs(b), initial=0.0))
    return float(np.max(np.abs(a - b), initial=0.0)) / (scale if scale > 0 else 1.0)


def require_equal(view: TorchView, model: ir.Model, network_path: Path, inputs: Mapping[str, np.ndarray]) -> float:
    """compare(), and Refused with the reason when the difference is too large to train on."""
    difference = compare(view, network_path, inputs)
    rounds = any(node.op_type == "QuantizeLinear" for node in model.graph)
    limit = LARGEST_ROUNDED if rounds else LARGEST_HALF if computes_in_half(model) else LARGEST
    if not difference <= limit:
        raise Refused(
            f"Trained as it is read here, this network gives results that differ from ONNX Runtime by {difference:.1e} "
            f"relative (at most {limit:g} is allowed).",
            "Leave training out: steps that need no training still work on this network.",
        )
    return difference


def computes_in_half(model: ir.Model) -> bool:
    """True when activations, not only stored weights, are in half precision."""
    if any(value.dtype in HALF for value in [*model.graph.inputs, *model.graph.outputs]):
        return True
    for node in model.graph:
        if node.op_type == "Cast" and node.attributes.get_int("to", 1) in {int(one) for one in HALF}:
            return True
    return False
