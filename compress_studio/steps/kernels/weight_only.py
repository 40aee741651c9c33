"""Weight-only quantization of every layer of a network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from compress_studio.graph.layers import WeightLayer, uses_of, weight_layers
from compress_studio.graph.rewrite import used_names
from compress_studio.steps.kernels import quantizers, stored
from compress_studio.steps.kernels.opset import raise_opset
from compress_studio.steps.kernels.weight_blocks import Blocks, split_shape

if TYPE_CHECKING:
    import onnx_ir as ir

FOUR_BIT_OPSET = 21
MICROSOFT = "com.microsoft"
EIGHT_BIT_PRODUCTS = 4
"""accuracy_level of MatMulNBits: activations in 8 bits, which is what makes it fast."""


@dataclass(frozen=True, slots=True)
class Options:
    """What quantize.weights was asked."""

    bits: int = 8
    block: int | None = None
    symmetric: bool = True
    packed: bool = False
    keep: frozenset[str] = frozenset()


@dataclass(slots=True)
class Outcome:
    """What was done."""

    changed: list[str] = field(default_factory=list)
    skipped: list[tuple[str, str]] = field(default_factory=list)
    total: int = 0
    largest_error: float = 0.0
    """Largest ‖ŵ − w‖ / ‖w‖ of a layer."""


def quantize(model: ir.Model, options: Options, check: Callable[[], None]) -> tuple[ir.Model, Outcome]:
    """Store the weights of every layer in few bits, in place; the opset is raised where 4 bits need it."""
    if options.bits == 4:
        raise_opset(model, FOUR_BIT_OPSET, "Storing weights in 4 bits")
    outcome, done = Outcome(), {}
    layers = weight_layers(model)
    outcome.total = len(layers)
    names = used_names(model)
    for layer in layers:
        check()
        if layer.key in done:
            reason = done[layer.key]
        else:
            reason = done[layer.key] = _one(model, layer, options, names, outcome)
        if reason:
            outcome.skipped.append((layer.name, reason))
        else:
            outcome.changed.append(layer.name)
    return model, outcome


def _one(model: ir.Model, layer: WeightLayer, options: Options, names: set[str], outcome: Outcome) -> str:
    """Quantize the weights of one layer; returns why not, empty when done."""
    if layer.name in options.keep:
        return "kept in float as asked"
    reason = stored.why_not(layer)
    if reason:
        return reason
    array = stored.finite_weight(layer)
    half_computed = layer.plain and layer.weight.dtype is not None and layer.weight.dtype.name != "FLOAT"
    if half_computed:
        return "it computes in half precision"
    blocks = split(layer, array.shape, options.block)
    view = array.reshape(blocks.shape)
    result = _numbers(view, options, blocks.keep)
    smaller = quantizers.half_scales(result, view, options.bits) if result.scale.size > stored.MANY_SCALES else None
    result = smaller or result
    size = view.size * options.bits // 8 + result.scale.size * (2 if smaller else 4) + 3 * stored.NODE_BYTES
    if size >= stored.WORTHWHILE * layer.weight.const_value.nbytes:  # type: ignore[union-attr]
        return stored.TOO_SMALL
    norm = float(np.linalg.norm(array))
    error = float(np.linalg.norm(result.restore() - view)) / norm if norm else 0.0
    value = stored.make_plain(layer)
    if options.packed and _fits_nbits(model, layer):
        _as_nbits(model, layer, array, options)
    else:
        stored.store_quantized(model, value, result, options.bits, array.shape, half=smaller is not None, names=names)
    outcome.largest_error = max(outcome.largest_error, error)
    return ""


def _numbers(view: np.ndarray, options: Options, keep: tuple[int, ...]) -> quantizers.Quantized:
    if not options.symmetric:
        return quantizers.asymmetric(view, options.bits, keep)
    return (quantizers.closest if options.bits < 8 else quantizers.symmetric)(view, options.bits, keep)


def split(layer: WeightLayer, shape: tuple[int, ...], block: int | None) -> Blocks:
    """Parts of a weight: output channels, or blocks of about block weights that feed the same output."""
    return split_shape(layer.op, shape, layer.out_axis, layer.in_axis, block)


def _fits_nbits(model: ir.Model, layer: WeightLayer) -> bool:
    """Whether MatMulNBits can take the place of the node."""
    plain_product = layer.op == "MatMul" or (
        layer.op == "Gemm"
        and layer.node.attributes.get_int("transA", 0) == 0
        and layer.node.attributes.get_float("alpha", 1.0) == 1.0
        and layer.node.attributes.get_float("beta", 1.0) == 1.0
    )
    alone = uses_of(layer.weight) == 1 and layer.node.graph is model.graph
    return plain_product and layer.index == 1 and alone and len(layer.weight.shape or ()) == 2


def _as_nbits(model: ir.Model, layer: WeightLayer, array: np.ndarray, options: Options) -> None:
    """Replace MatMul or Gemm by MatMulNBits (and Add)."""
    import onnx_ir as ir

    rows = array if layer.out_axis == 0 else array.T
    block = 1 << (max(options.block or 32, 16).bit_length() - 1)
    view = quantizers.blocks_of(np.ascontiguousarray(rows), block)
    result = _numbers(view, options, (0, 1))
    offset = 0 if result.zero is not None else 2 ** (options.bits - 1)
    numbers = (result.values.astype(np.int16) + offset).astype(np.uint8)
    packed = quantizers.pack4(numbers).reshape(*view.shape[:2], block // 2) if options.bits == 4 else numbers
    node, value = layer.node, layer.weight
    value.const_value = ir.Tensor(packed, name=value.name)
    value.shape, value.type = ir.Shape(packed.shape), ir.TensorType(ir.DataType.UINT8)
    chain = stored.Chain(model)
    others = [value, chain.constant(f"{value.name}_s", ir.Tensor(result.scale.reshape(-1)))]
    if result.zero is not None:
        zeros = result.zero.reshape(len(rows), -1)
        if options.bits == 4:
            zeros = np.concatenate([quantizers.pack4(row) for row in zeros])
        others.append(chain.constant(f"{value.name}_z", ir.Tensor(zeros.reshape(-1))))
    attributes = {"K": rows.shape[1], "N": rows.shape[0], "bits": options.bits, "block_size": block}
    product = ir.node(
        "MatMulNBits",
        [node.inputs[0], *others],
        attributes={**attributes, "accuracy_level": EIGHT_BIT_PRODUCTS},
        domain=MICROSOFT,
        name=node.name,
    )
    bias = node.inputs[2] if layer.op == "Gemm" and len(node.inputs) > 2 else None
    added = ir.node("Add", [product.outputs[0], bias], name=f"{node.name}/bias") if bias is not None else None
    swap(node, [product, *([added] if added is not None else [])])
    model.opset_imports.setdefault(MICROSOFT, 1)


def swap(node: ir.Node, new: list[ir.Node]) -> None:
    """Put nodes in the place of one; the last output takes the name and the readers of the old one."""
    import onnx_ir as ir

    assert node.graph is not None
    ir.convenience.replace_nodes_and_values(node.graph, node, [node], new, [node.outputs[0]], [new[-1].outputs[0]])
