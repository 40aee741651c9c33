"""What ONNX Runtime gives for a network, and whether an exported file gives the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx_ir as ir

from compress_studio.graph.facts import INTEGER_OPERATORS
from compress_studio.graph.inputs import batch_symbols, input_facts
from compress_studio.graph.samples import synthetic
from compress_studio.graph.saving import load
from compress_studio.graph.session import open_session, run
from compress_studio.spec.output import Check

SEED = 20_26
SIZES = (2, 33)
"""Samples in the two batches that are compared."""
TOLERANCE = 1e-4
"""Largest difference relative to the largest output: sums in another order."""
HALF_TOLERANCE = 2e-2
"""The same for networks that compute in half precision, where every result is rounded to 11 bits."""
ROUNDED_MEAN = 1e-2
"""Mean difference, relative to the largest output, that rounding to integers explains."""
ROUNDED_LARGEST = 1e-1
"""Largest difference that single steps of rounding explain."""
AGREEMENT = 0.95
"""Share of answers that must stay, where results are rounded to integers on the way."""
Arrays = dict[str, np.ndarray]


@dataclass(frozen=True, slots=True)
class Reference:
    """Inputs, and what the network gives for them."""

    inputs: tuple[Arrays, ...]
    outputs: tuple[Arrays, ...]
    rounds: bool
    """The network computes with integers: a difference in the last bit may become a step of rounding."""
    half: bool


def reference(path: Path, batch: int | None = None) -> Reference:
    """Run the stored network as its file says, without the runtime's own rewriting, on two batches.

    Args: batch is the only batch size that the exported file takes, if so.
    """
    model = load(path)
    exact = _exact(model)
    free = bool(batch_symbols(input_facts(model)))
    sizes: Sequence[int] = (batch, batch) if batch else SIZES if free else (1, 1)
    inputs = tuple(dict(synthetic(model, size, SEED + turn)) for turn, size in enumerate(sizes))
    session = open_session(model if exact else path, optimize=False)
    outputs = tuple(run(session, each) for each in inputs)
    operators = {node.op_type for graph in model.graphs() for node in graph}
    return Reference(inputs, outputs, bool(operators & (INTEGER_OPERATORS | {"QuantizeLinear"})), _half(model))


def _exact(model: ir.Model) -> bool:
    """Let MatMulNBits compute in float32; ONNX Runtime may round the activations to 8 bits there, files do not."""
    found = False
    for graph in model.graphs():
        for node in graph:
            if node.op_type == "MatMulNBits" and node.attributes.get_int("accuracy_level", 0) > 1:
                node.attributes["accuracy_level"] = ir.AttrInt64("accuracy_level", 1)
                found = True
    return found


def _half(model: ir.Model) -> bool:
    halves = {ir.DataType.FLOAT16, ir.DataType.BFLOAT16}
    if any(value.dtype in halves for value in [*model.graph.inputs, *model.graph.outputs]):
        return True
    return any(
        node.op_type == "Cast" and ir.DataType(node.attributes.get_int("to", 1)) in halves
        for graph in model.graphs()
        for node in graph
    )


def judge(expected: Reference, found: Sequence[Mapping[str, np.ndarray]]) -> Check:
    """Whether the outputs are those of the network, in numbers."""
    sizes = " and ".join(str(next(iter(one.values())).shape[0] if _sized(one) else 1) for one in expected.inputs)
    name = "Outputs equal the network"
    worst, total, differing, rounded = 0.0, 0, 0, True
    answers = [0, 0]
    for right, mine in zip(expected.outputs, found, strict=True):
        for key, b in right.items():
            a = mine.get(key)
            if a is None or a.shape != b.shape:
                had = "missing" if a is None else f"of shape {list(a.shape)} instead of {list(b.shape)}"
                return Check(name, ok=False, detail=f"the output {key} is {had}")
            one = _compared(a, b)
            worst, total = max(worst, one.largest), total + b.size
            differing += one.differing
            rounded = rounded and one.largest <= ROUNDED_LARGEST and one.mean <= ROUNDED_MEAN
            answers = [answers[0] + one.kept, answers[1] + one.answers]
    text = f"{total} numbers at batch {sizes}, largest difference {worst:.1e}"
    limit = HALF_TOLERANCE if expected.half else TOLERANCE
    if worst <= limit:
        return Check(name, ok=True, detail=text)
    share = answers[0] / answers[1] if answers[1] else 1.0
    if expected.rounds:
        text += f"; {differing} differ by steps of rounding, {share:.1%} of {answers[1]} answers stay"
        return Check(name, ok=rounded and share >= AGREEMENT, detail=text)
    return Check(name, ok=False, detail=f"{text}, more than {limit:g}")


@dataclass(frozen=True, slots=True)
class _Compared:
    largest: float
    mean: float
    differing: int
    kept: int
    answers: int


def _compared(a: np.ndarray, b: np.ndarray) -> _Compared:
    left, right = a.astype(np.float64), b.astype(np.float64)
    finite = np.isfinite(right)
    same = np.array_equal(np.where(finite, 0.0, right), np.where(finite, 0.0, left), equal_nan=True)
    if not same or not np.isfinite(left[finite]).all():
        return _Compared(float("inf"), float("inf"), b.size, 0, 1)
    if b.size == 0:
        return _Compared(0.0, 0.0, 0, 0, 0)
    scale = float(np.abs(right[finite]).max(initial=0.0)) or 1.0
    gap = np.abs(np.where(finite, left - right, 0.0)) / scale
    differing = int((gap > TOLERANCE).sum())
    if b.ndim < 2 or b.shape[-1] < 2 or b.dtype.kind != "f":
        return _Compared(float(gap.max()), float(gap.mean()), differing, 0, 0)
    # Another answer that the network itself holds for as good, within what rounding explains, is the same answer.
    theirs = np.take_along_axis(right, np.argmax(left, -1)[..., None], -1)[..., 0]
    with np.errstate(invalid="ignore"):
        chosen = (theirs == right.max(-1)) | (right.max(-1) - theirs <= ROUNDED_MEAN * scale)
    return _Compared(float(gap.max()), float(gap.mean()), differing, int(chosen.sum()), chosen.size)


def _sized(feed: Mapping[str, np.ndarray]) -> bool:
    return bool(feed) and next(iter(feed.values())).ndim > 0
