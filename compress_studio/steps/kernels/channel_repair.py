"""What the remaining channels can do for the removed ones, without labels and without training."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from compress_studio.graph.channels.links import Contraction, key_of
from compress_studio.graph.layers import set_array, uses_of
from compress_studio.graph.statistics import Moments, Rows, second_moments
from compress_studio.steps.kernels.channel_bias import BiasSlot, bias_slot

if TYPE_CHECKING:
    import onnx_ir as ir

    from compress_studio.graph.channels.links import Links
    from compress_studio.spec.data import Batch
    from compress_studio.spec.step import StepContext

RIDGE = 1e-3
"""λ of the least squares, as a share of the mean variance of the remaining channels."""
MOST_FEATURES = 4096
"""Longer axes would need more than 128 MB for their second moments."""
MOST_ROWS = 8192
"""Places of one batch that are looked at, per tensor."""
FEATURES_AT_ONCE = 25_000_000
"""Entries of all second moments that are collected in one pass: 200 MB."""


@dataclass(frozen=True, slots=True)
class Repairable:
    """A product that reads removed channels, and where its weight and bias are."""

    node: ir.Node
    place: Contraction
    weight: ir.Value
    gone: np.ndarray
    bias: BiasSlot | None


def repairable(
    model: ir.Model, links: Links, gone: Mapping[tuple[str, int], np.ndarray]
) -> tuple[list[Repairable], list[str]]:
    """Products whose weight can take over the removed channels; second the names of tensors with too many channels."""
    nodes = {key_of(node): node for node in model.graph}
    found: list[Repairable] = []
    large: list[str] = []
    for place in links.contractions:
        indices, node = gone.get((place.value, place.axis)), nodes[place.node]
        weight = model.graph.initializers.get(place.weight)
        if indices is None or weight is None or place.groups > 1 or uses_of(weight) != 1:
            continue
        if weight.const_value is None or weight.const_value.dtype.name not in {"FLOAT", "DOUBLE", "FLOAT16"}:
            continue
        if links.shapes[place.value][place.axis] > MOST_FEATURES:
            large.append(place.value)
            continue
        # A transposed convolution shows each place only some of its kernel, so a constant is no bias there.
        slot = None if node.op_type == "ConvTranspose" else bias_slot(model, node)
        found.append(Repairable(node, place, weight, indices, slot))
    return found, large


def least_squares(
    model: ir.Model, items: Iterable[Repairable], batches: Callable[[], Iterable[Batch]], ctx: StepContext
) -> int:
    """Fold what the remaining channels can explain of the removed ones into the products that read them.

    With X the inputs of a product, S the remaining channels and C the covariance: W' = W X X_Sᵀ (X_S X_Sᵀ + λI)⁻¹
    (He 2017), one small problem per channel vector, shared by all places of a kernel. What the removed channels give
    on average goes into the bias, where there is one. The model still has all channels; removal comes afterwards.
    Returns how many products were changed.
    """
    changed = 0
    for some in _portions(items):
        rows = {item.place.value: sampled_rows(item.place.axis) for item in some}
        moments = second_moments(model, rows, batches(), ctx.threads, ctx.check)
        for item in some:
            changed += _fold(model, item, moments[item.place.value])
    return changed


def sampled_rows(axis: int) -> Rows:
    """Rows whose features lie along one axis, at most MOST_ROWS of them per batch, at places drawn once and for all.

    Neighbouring places of an image say nearly the same; a sample of them gives the same moments in a fraction of the
    time.
    """

    def rows(array: np.ndarray) -> np.ndarray:
        moved = np.moveaxis(array, axis, -1)
        places = math.prod(moved.shape[:-1])
        if places <= MOST_ROWS:
            return moved.reshape(places, moved.shape[-1])
        chosen = np.sort(np.random.default_rng(0).choice(places, MOST_ROWS, replace=False))
        return moved[np.unravel_index(chosen, moved.shape[:-1])]

    return rows


def cut_new_biases(items: Iterable[Repairable], gone: Mapping[tuple[str, int], np.ndarray]) -> None:
    """Shorten the biases that least_squares made, which the removal of channels does not know."""
    for item in items:
        value = item.node.inputs[2] if _made_bias(item) else None
        indices = gone.get((key_of(item.node), 1))
        if value is not None and value.const_value is not None and indices is not None:
            set_array(value, np.delete(value.const_value.numpy(), indices))


def _made_bias(item: Repairable) -> bool:
    return (
        item.bias is not None and item.bias.value is None and item.bias.node is item.node and len(item.node.inputs) > 2
    )


def _portions(items: Iterable[Repairable]) -> Iterator[list[Repairable]]:
    """Items whose second moments fit into memory together."""
    some: list[Repairable] = []
    used = 0
    for item in items:
        assert item.weight.const_value is not None
        size = int(item.weight.const_value.shape.numpy()[item.place.weight_axis]) ** 2
        if some and used + size > FEATURES_AT_ONCE:
            yield some
            some, used = [], 0
        some.append(item)
        used += size
    if some:
        yield some


def _fold(model: ir.Model, item: Repairable, moments: Moments) -> bool:
    features = len(moments.total)
    gone = item.gone
    kept = np.setdiff1d(np.arange(features), gone)
    centred = item.bias is not None
    table = moments.covariance if centred else moments.second / max(moments.count, 1)
    if not np.isfinite(table).all():
        return False
    inner = table[np.ix_(kept, kept)]
    ridge = RIDGE * float(np.trace(inner)) / max(len(kept), 1) + 1e-12
    explain = np.linalg.solve(inner + ridge * np.eye(len(kept)), table[np.ix_(kept, gone)])
    assert item.weight.const_value is not None
    stored = item.weight.const_value.numpy()
    weight = np.moveaxis(stored.astype(np.float64), item.place.weight_axis, 0)
    lost = weight[gone]
    weight = weight.copy()
    weight[kept] += np.tensordot(explain, lost, axes=(1, 0))
    if item.bias is not None:
        rest = moments.mean[gone] - moments.mean[kept] @ explain
        alpha = item.node.attributes.get_float("alpha", 1.0) if item.node.op_type == "Gemm" else 1.0
        item.bias.add(model, alpha * np.tensordot(rest, lost, axes=(0, 0)))
    set_array(item.weight, np.ascontiguousarray(np.moveaxis(weight, 0, item.place.weight_axis)).astype(stored.dtype))
    return True
