"""The stored tensors of a network by name, and which of them training may change."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import onnx_ir as ir

from compress_studio.graph.layers import FLOATS

SETTINGS = {
    ("BatchNormalization", 3),
    ("BatchNormalization", 4),
    ("Clip", 1),
    ("Clip", 2),
    ("Pad", 2),
    ("Resize", 1),
    ("Resize", 2),
    ("Upsample", 1),
    ("QuantizeLinear", 1),
    ("DequantizeLinear", 1),
    ("Range", 0),
    ("Range", 1),
    ("Range", 2),
    ("OneHot", 2),
    ("Pow", 1),
    ("Dropout", 1),
    ("RNN", 4),
    ("Expand", 0),
    ("Max", 0),
    ("Max", 1),
    ("Min", 0),
    ("Min", 1),
    *(("MatMulNBits", place) for place in (2, 3, 5)),
    *(("DynamicQuantizeMatMul", place) for place in (2, 4)),
    *(("DynamicQuantizeLSTM", place) for place in (3, 5, 6, 7, 8, 10)),
}
"""Inputs (operator, position) that hold settings, not weights: running averages, limits, scales, exponents."""
PARAMETRIC = {
    "Conv", "ConvTranspose", "Gemm", "PRelu", "BatchNormalization", "InstanceNormalization", "LayerNormalization",
    "GroupNormalization", "RMSNormalization", "LSTM", "GRU", "RNN",
}  # fmt: skip
"""Operators whose weights stay weights even when they hold one number."""
HUGE = 1e4
"""Numbers this large stand for "never" in masks; nobody trains them."""


def named_initializers(model: ir.Model) -> Iterator[tuple[str, ir.Value]]:
    """All stored tensors, those of sub-graphs included. A name that occurs again gets "#2" and so on."""
    taken: dict[str, int] = {}
    for graph in model.graphs():
        for name, value in graph.initializers.items():
            taken[name] = taken.get(name, 0) + 1
            yield (name if taken[name] == 1 else f"{name}#{taken[name]}"), value


def is_weight(value: ir.Value, array: np.ndarray) -> bool:
    """Whether a stored tensor is something that training changes: float, not a setting, a mask or a lone constant."""
    if value.dtype is None or value.dtype.name not in FLOATS or array.ndim == 0 or not value.uses():
        return False
    uses = [(node.op_type, index) for node, index in _uses_behind_casts(value)]
    if any(use in SETTINGS for use in uses):
        return False
    if array.size == 1:
        return any(kind in PARAMETRIC for kind, _ in uses)
    extreme = float(np.max(np.abs(array.astype(np.float32)), initial=0.0))
    return not (np.isinf(extreme) or (extreme >= HUGE and not any(kind in PARAMETRIC for kind, _ in uses)))


def _uses_behind_casts(value: ir.Value) -> Iterator[tuple[ir.Node, int]]:
    for use in value.uses():
        if use.node.op_type in {"Cast", "Identity"}:
            yield from _uses_behind_casts(use.node.outputs[0])
        else:
            yield use.node, use.idx
