"""Fitting the second half of factorized layers to what the whole layers gave.

The first halves decide which directions are left. What reaches a layer also changed, because the layers before it are
thin as well; so the second half is found by least squares from what it really gets to what the whole layer gave in
the network before (asymmetric reconstruction, Zhang 2016), from the input of the network to its output.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from compress_studio.graph.layers import set_array
from compress_studio.graph.statistics import Probe
from compress_studio.steps.kernels.lowrank_graph import Matrix, set_bias

if TYPE_CHECKING:
    import onnx_ir as ir

    from compress_studio.spec.data import Batch
    from compress_studio.spec.step import StepContext

PASSES = 8
"""Most passes over the samples; with more layers, neighbours share a pass and do not see each other's change."""
RIDGES = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)
"""What is tried, as shares of the mean variance; what fits the samples that were held out is taken."""
HELD_OUT = 4
"""One in so many samples is held out."""


@dataclass(slots=True)
class _Sums:
    """Sums over rows of z, what the second half gets, and y, what the whole layer gave."""

    count: int = 0
    z: np.ndarray = field(default_factory=lambda: np.zeros(0))
    y: np.ndarray = field(default_factory=lambda: np.zeros(0))
    zz: np.ndarray = field(default_factory=lambda: np.zeros((0, 0)))
    yz: np.ndarray = field(default_factory=lambda: np.zeros((0, 0)))

    def add(self, z: np.ndarray, y: np.ndarray) -> None:
        rows = _Sums(len(z), z.sum(0, dtype=np.float64), y.sum(0, dtype=np.float64), z.T @ z, y.T @ z)
        joined = rows if not self.count else self.joined(rows)
        self.count, self.z, self.y, self.zz, self.yz = joined.count, joined.z, joined.y, joined.zz, joined.yz

    def joined(self, other: _Sums) -> _Sums:
        if not self.count or not other.count:
            return self if self.count else other
        return _Sums(
            self.count + other.count, self.z + other.z, self.y + other.y, self.zz + other.zz, self.yz + other.yz
        )

    def moments(self, *, centred: bool) -> tuple[np.ndarray, np.ndarray]:
        """E[z zᵀ] and E[y zᵀ], around the means or not."""
        zz, yz = self.zz / self.count, self.yz / self.count
        if not centred:
            return zz, yz
        means = self.z / self.count, self.y / self.count
        return zz - np.outer(means[0], means[0]), yz - np.outer(means[1], means[0])


@dataclass(slots=True)
class _Fit:
    """One layer that is fitted."""

    one: Matrix
    middle: str
    """The tensor between the halves."""
    fitted: _Sums = field(default_factory=_Sums)
    held: _Sums = field(default_factory=_Sums)

    def add(self, z: np.ndarray, y: np.ndarray, number: int) -> None:
        """One batch: its last samples, or with small batches some whole ones, are held out."""
        if len(z) != len(y):
            return
        cut = len(y) - len(y) // HELD_OUT
        if len(y) < HELD_OUT:
            cut = 0 if number % HELD_OUT == HELD_OUT - 1 else len(y)
        width = z.shape[1] if self.one.layer.op == "Conv" else z.shape[-1]
        for sums, part in ((self.fitted, slice(0, cut)), (self.held, slice(cut, None))):
            if len(y[part]):
                sums.add(self.one.rows(z[part], width), self.one.rows(y[part]))


def refit(
    before: ir.Model,
    model: ir.Model,
    layers: Sequence[Matrix],
    batches: Callable[[], Iterable[Batch]],
    ctx: StepContext,
) -> int:
    """Fit the second half of each layer, in the order given, which is that of the graph.

    Args: before is the network with whole layers. A layer whose fit is no better on held-out samples stays as it is.
    Returns how many were fitted.
    """
    changed = 0
    size = max(1, math.ceil(len(layers) / PASSES))
    for first in range(0, len(layers), size):
        ctx.progress(0.8 + 0.1 * first / len(layers), "Fitting the second halves")
        fits = [_Fit(one, one.layer.node.inputs[0].name or "") for one in layers[first : first + size]]  # type: ignore[union-attr]
        _watch(before, model, fits, batches(), ctx)
        changed += sum(_solve(model, fit) for fit in fits)
    return changed


def _watch(before: ir.Model, model: ir.Model, fits: Sequence[_Fit], batches: Iterable[Batch], ctx: StepContext) -> None:
    whole = Probe(before, [fit.one.output for fit in fits], threads=ctx.threads)
    thin = Probe(model, [fit.middle for fit in fits], threads=ctx.threads)
    for number, batch in enumerate(batches):
        ctx.check()
        y, z = whole(batch.inputs), thin(batch.inputs)
        for fit in fits:
            fit.add(z[fit.middle], y[fit.one.output], number)


def _solve(model: ir.Model, fit: _Fit) -> bool:
    """Give the second half new weights and a new bias; False when the old ones are as good."""
    centred, half = fit.one.holds_mean, _Half.of(fit.one)
    if half is None or not fit.fitted.count or not fit.held.count:
        return False
    parts, check = fit.fitted.moments(centred=centred), fit.held.moments(centred=centred)
    if not all(np.isfinite(one).all() for one in (*parts, *check)):
        return False
    old = half.matrix
    tried = {ridge: _error(_least_squares(old, *parts, ridge), *check) for ridge in RIDGES}
    best = min(tried, key=lambda ridge: tried[ridge])
    if tried[best] >= _error(old, *check):
        return False
    both = fit.fitted.joined(fit.held)
    new = _least_squares(old, *both.moments(centred=centred), best)
    half.store(new)
    if centred:
        set_bias(model, fit.one, (both.y - new @ both.z) / both.count)
    return True


@dataclass(frozen=True, slots=True)
class _Half:
    """The stored weights of a second half."""

    value: ir.Value
    across: bool
    """True: stored as (rank, out)."""
    factor: float
    """What the operator multiplies the product with."""
    matrix: np.ndarray
    """What the half computes with, (out, rank), float64."""

    @classmethod
    def of(cls, one: Matrix) -> _Half | None:
        node = one.layer.node
        value = node.inputs[1]
        if value is None:
            return None
        producer = value.producer()
        if producer is not None:  # a Cast in front of weights in half precision
            value = producer.inputs[0]
        if value is None or value.const_value is None:
            return None
        gemm = one.layer.op == "Gemm"
        factor = node.attributes.get_float("alpha", 1.0) if gemm else 1.0
        across = one.layer.op == "MatMul" or (gemm and not node.attributes.get_int("transB", 0))
        array = value.const_value.numpy().astype(np.float64)
        matrix = array.reshape(array.shape[:2]) * factor
        return cls(value, across, factor, matrix.T if across else matrix) if factor else None

    def store(self, matrix: np.ndarray) -> None:
        """Put other numbers in their place, as precisely as the old ones."""
        assert self.value.const_value is not None
        old = self.value.const_value.numpy()
        plain = (matrix.T if self.across else matrix) / self.factor
        set_array(self.value, np.ascontiguousarray(plain).reshape(old.shape).astype(old.dtype))


def _least_squares(old: np.ndarray, zz: np.ndarray, yz: np.ndarray, ridge: float) -> np.ndarray:
    """B with the least E‖y − B z‖² + λ ‖B − old‖²."""
    damping = ridge * float(np.trace(zz)) / max(len(zz), 1) + 1e-12
    return old + np.linalg.solve(zz + damping * np.eye(len(zz)), (yz - old @ zz).T).T


def _error(weights: np.ndarray, zz: np.ndarray, yz: np.ndarray) -> float:
    """E‖y − B z‖², up to a constant."""
    return float(np.sum((weights @ zz) * weights) - 2 * np.sum(weights * yz))


def in_order(model: ir.Model, layers: Iterable[Matrix]) -> list[Matrix]:
    """The layers in the order of the graph."""
    places = {node: number for number, node in enumerate(model.graph)}
    return sorted(layers, key=lambda one: places.get(one.layer.node, -1))
