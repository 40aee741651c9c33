"""Operators of detection, speech and fused transformers, each against ONNX Runtime."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx_ir as ir
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from compress_studio.view.network import TorchView
from tests.unit.view.cases import Case, check
from tests.unit.view.test_hosted import made, same

RNG = np.random.default_rng(7)
MICROSOFT = "com.microsoft"
BOXES = np.array([[0.5, 0.7, 4.2, 5.1], [1.0, 0.0, 6.9, 3.3], [-1.0, 2.0, 3.0, 9.0]], np.float32)
SAMPLES = np.array([0, 1, 1], np.int64)


def f(*shape: int) -> np.ndarray:
    return RNG.standard_normal(shape).astype(np.float32)


def i(*values: int) -> np.ndarray:
    return np.array(values, np.int64)


def fused(op: str, inputs: list[np.ndarray | None], note: str = "", outputs: int = 1, **attrs: object) -> Case:
    """An operator of ONNX Runtime, which the reference does not know."""
    return Case(op, inputs, attrs, domain=MICROSOFT, reference=False, note=note, outputs=outputs)


MASK = np.array([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]], np.int32)
CASES = [
    Case("DFT", [f(2, 6, 1)], {"axis": 1}, opset=17),
    Case("DFT", [f(2, 6, 2)], {"axis": 1, "inverse": 1}, opset=17),
    Case("DFT", [f(2, 8, 1), None, i(1)[0]], {"onesided": 1}, opset=20, stored=[2]),
    Case("STFT", [f(2, 20, 1), i(4)[0], f(8)], {}, opset=17, stored=[1], reference=False),
    Case("STFT", [f(2, 20, 1), i(5)[0], None, i(6)[0]], {"onesided": 0}, opset=17, stored=[1, 3], reference=False),
    Case("Col2Im", [f(1, 8, 9), i(4, 4), i(2, 2)], {}, opset=18, stored=[1, 2]),
    Case("MaxUnpool", [np.array([[[[1, 2], [3, 4]]]], np.float32), np.array([[[[5, 7], [13, 15]]]])],
         {"kernel_shape": [2, 2], "strides": [2, 2]}, opset=11),
    Case("MaxUnpool", [np.array([[[[1, 2], [3, 4]]]], np.float32), np.array([[[[5, 7], [13, 24]]]]), i(1, 1, 5, 5)],
         {"kernel_shape": [2, 2], "strides": [2, 2]}, opset=11, stored=[2], note="larger", reference=False),
    Case("DeformConv", [f(2, 4, 6, 7), f(4, 2, 3, 3), 0.7 * f(2, 36, 4, 5), f(4), f(2, 18, 4, 5)],
         {"group": 2, "offset_group": 2, "kernel_shape": [3, 3]}, opset=22, reference=False),
    Case("DeformConv", [f(1, 2, 6, 6), f(3, 2, 2, 2), f(1, 8, 4, 4)],
         {"strides": [2, 2], "pads": [1, 1, 1, 1]}, opset=19, reference=False),
    Case("RoiAlign", [f(2, 3, 7, 8), BOXES, SAMPLES],
         {"output_height": 3, "output_width": 2, "sampling_ratio": 2}, opset=16, reference=False),
    Case("RoiAlign", [f(2, 3, 7, 8), BOXES, SAMPLES],
         {"output_height": 2, "output_width": 2, "sampling_ratio": 3, "spatial_scale": 0.5}, opset=10, reference=False),
    Case("RotaryEmbedding", [f(2, 3, 4, 8), f(9, 4), f(9, 4), np.array([[0, 1, 2, 3], [2, 3, 4, 5]])], opset=23),
    Case("RotaryEmbedding", [f(2, 4, 24), f(2, 4, 4), f(2, 4, 4)], {"num_heads": 3, "interleaved": 1}, opset=23),
    Case("Attention", [f(2, 5, 8), f(2, 6, 8), f(2, 6, 8)], {"q_num_heads": 2, "kv_num_heads": 2}, opset=23),
    Case("Attention", [f(2, 4, 5, 4), f(2, 2, 6, 4), f(2, 2, 6, 4), f(5, 6)], {}, opset=23, note="grouped"),
    Case("Attention", [f(2, 2, 5, 4), f(2, 2, 6, 4), f(2, 2, 6, 4)], {"is_causal": 1}, opset=24),
    Case("AffineGrid", [f(2, 2, 3), i(2, 3, 4, 5)], opset=20, stored=[1]),
    Case("CenterCropPad", [f(4, 5, 3), i(3, 7, 3)], opset=18, stored=[1]),
    Case("HannWindow", [i(7)[0]], opset=17, stored=[0]),
    fused("Attention", [f(2, 5, 8), f(8, 24), f(24)], num_heads=2),
    fused("Attention", [f(2, 5, 8), f(8, 24), f(24), MASK], "mask", num_heads=2),
    fused("Attention", [f(2, 5, 8), f(8, 24), f(24), np.array([3, 5], np.int32)], "lengths", num_heads=4),
    fused("Attention", [f(2, 5, 8), f(8, 24), f(24)], "causal", num_heads=2, unidirectional=1),
    fused("MultiHeadAttention", [f(2, 5, 8), f(2, 6, 8), f(2, 6, 8)], num_heads=2),
    fused("MultiHeadAttention", [f(2, 5, 8), f(2, 5, 8), f(2, 5, 8), f(24), MASK], "bias and mask", num_heads=2),
    fused("MultiHeadAttention", [f(2, 5, 8), f(2, 5, 8), f(2, 5, 8), None, None, f(1, 2, 5, 5)], "added", num_heads=2),
    fused("MultiHeadAttention", [f(2, 5, 8), f(2, 2, 6, 4), f(2, 2, 6, 4)], "keys in heads", num_heads=2),
    fused("RotaryEmbedding", [f(2, 4, 24), i(3), f(9, 4), f(9, 4)]),
    fused("EmbedLayerNormalization",
          [np.array([[1, 2, 3]], np.int32), np.array([[0, 1, 0]], np.int32), f(9, 8), f(5, 8), f(2, 8), f(8), f(8)],
          outputs=2),
    fused("SkipSimplifiedLayerNormalization", [f(2, 3, 8), f(2, 3, 8), f(8), f(8)], epsilon=1e-5),
    Case("TensorScatter", [f(2, 6, 3), f(2, 2, 3), i(1, 4)], opset=24),
    Case("CumProd", [f(3, 4), i(1)[0]], {"exclusive": 1}, opset=26, stored=[1], runtime=False),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_view_says_what_onnx_runtime_says(case: Case) -> None:
    check(case)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_gradients_go_through_it(case: Case) -> None:
    assert not TorchView(ir.from_proto(case.model())).hosted


def test_sequences_are_built_read_and_joined(tmp_path: Path) -> None:
    text = """g (float[N,6] x) => (float[N,8] y, int64 n) {
        parts = SplitToSequence<axis = 1>(x, two) more = SequenceInsert(parts, x)
        less = SequenceErase(more, one) n = SequenceLength(less)
        last = SequenceAt(less, one) joined = ConcatFromSequence<axis = 1>(less)
        head = Slice(joined, zeros, eights, ones) y = Mul(head, w) }"""
    model = made(
        text,
        two=np.array(2),
        one=np.array(1),
        zeros=i(0),
        eights=i(8),
        ones=i(1),
        w=f(8),
    )
    view = same(model, tmp_path, {"x": f(3, 6)})
    assert not view.hosted


def test_scans_run_forwards_and_backwards_with_gradients(tmp_path: Path) -> None:
    text = """g (float[2] s, float[N,2] x) => (float[2] y, float[N,2] all) {
        y, all = Scan<num_scan_inputs = 1, scan_input_directions = [1], body = body (float[2] a, float[2] b)
            => (float[2] c, float[2] d) { t = Mul(a, w) c = Add(t, b) d = Identity(c) }>(s, x) }"""
    model = made(text, w=f(2))
    view = same(model, tmp_path, {"s": f(2), "x": f(4, 2)})
    view(view.tensors({"s": f(2), "x": f(4, 2)}))["y"].sum().backward()
    assert view.weights["w"].grad is not None


class Largest(TorchDispatchMode):
    """Notes the most numbers that a tensor has which an operator makes."""

    numbers = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if isinstance(result, torch.Tensor):
            self.numbers = max(self.numbers, result.numel())
        return result


def test_many_regions_of_one_picture_do_not_repeat_the_picture() -> None:
    case = Case("RoiAlign", [f(1, 3, 60, 70), np.tile(BOXES[:1], (100, 1)), np.zeros(100, np.int64)],
                {"output_height": 2, "output_width": 2, "sampling_ratio": 1}, opset=16)  # fmt: skip
    view = TorchView(ir.from_proto(case.model()))
    with torch.no_grad(), Largest() as largest:
        view(view.tensors(case.feeds()))
    assert largest.numbers <= 3 * 60 * 70
