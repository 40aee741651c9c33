"""Half precision: weights stored in it, or the whole network computing in it."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from compress_studio.graph.layers import WeightLayer, set_array, uses_of, weight_layers
from compress_studio.graph.rewrite import fresh_name, remove_unused, used_names
from compress_studio.steps.kernels import stored

if TYPE_CHECKING:
    import onnx_ir as ir

LARGEST = 65504.0
SMALLEST = 2.0**-24
VANISHING_SHARE = 0.01
"""Share of the weights of a layer that may become zero because they are too small for half precision."""
BIG_ENOUGH = 1024
"""Weights of an initializer that no layer owns, from which on a Cast is worth its bytes."""

FLOAT_ONLY = frozenset(
    {"Cast", "CastLike", "Resize", "Upsample", "Range", "ConstantOfShape", "EyeLike", "RandomNormal", "RandomUniform"}
    | {"RandomNormalLike", "RandomUniformLike", "Bernoulli", "Multinomial", "If", "Loop", "Scan", "NonMaxSuppression"}
    | {"QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear", "Shape", "Size", "SequenceMap", "MelWeightMatrix"}
    | {"BlackmanWindow", "HannWindow", "HammingWindow", "STFT", "DFT", "Optional", "SequenceConstruct", "ImageDecoder"}
)
"""Operators that say a type themselves, need float32 in some input, or have branches: they stay as they are."""
DELICATE = frozenset(
    {"Softmax", "LogSoftmax", "LayerNormalization", "InstanceNormalization", "GroupNormalization", "RMSNormalization"}
    | {"BatchNormalization", "Exp", "Log", "Pow", "Sqrt", "Reciprocal", "Div", "ReduceMean", "ReduceSum", "ReduceL2"}
    | {"ReduceSumSquare", "ReduceLogSumExp", "ReduceProd", "CumSum", "Softplus", "Erf", "LpNormalization"}
)
"""Operators that are kept in float32 on the second try: sums, roots and exponentials lose most."""


@dataclass(slots=True)
class Outcome:
    """What was done."""

    changed: int = 0
    total: int = 0
    skipped: list[tuple[str, str]] = field(default_factory=list)


def why_not_half(array: np.ndarray) -> str:
    """Why an array does not fit half precision; empty when it does."""
    sizes = np.abs(array)
    if sizes.size and float(sizes.max()) > LARGEST:
        return f"holds values up to {float(sizes.max()):.3g}, and half precision ends at 65504"
    used = int(np.count_nonzero(sizes))
    lost = int(np.count_nonzero((sizes > 0) & (sizes < SMALLEST)))
    if used and lost / used > VANISHING_SHARE:
        return f"{lost / used:.0%} of its weights are too small for half precision and would become zero"
    return ""


def store_weights(model: ir.Model, keep: Collection[str], check: Callable[[], None]) -> Outcome:
    """Store the weights of every layer, and other big tables, in half precision behind a Cast to float32."""
    outcome, names = Outcome(), used_names(model)
    layers = weight_layers(model)
    outcome.total = len(layers)
    done: dict[str, str] = {}
    for layer in layers:
        check()
        if layer.key not in done:
            done[layer.key] = _store(model, layer, keep, names)
        if done[layer.key]:
            outcome.skipped.append((layer.name, done[layer.key]))
        else:
            outcome.changed += 1
    for name, value in list(model.graph.initializers.items()):
        big = value.const_value is not None and value.dtype is not None and value.dtype.name == "FLOAT"
        if not big or name in done or value.is_graph_input() or value.is_graph_output() or not uses_of(value):
            continue
        assert value.const_value is not None
        if value.const_value.size >= BIG_ENOUGH:
            array = value.const_value.numpy()
            if np.isfinite(array).all() and not why_not_half(array):
                stored.store_half(model, value, array, names)
    return outcome


def _store(model: ir.Model, layer: WeightLayer, keep: Collection[str], names: set[str]) -> str:
    if layer.name in keep:
        return "kept in float as asked"
    if layer.weight.dtype is not None and layer.weight.dtype.name in {"FLOAT16", "BFLOAT16"}:
        return "its weights are already stored in half precision"
    reason = stored.why_not(layer)
    if reason:
        return reason
    array = layer.array
    stored.require_finite(layer, array)
    if array.nbytes // 2 <= stored.NODE_BYTES:
        return "too small: the Cast would take more than is saved"
    reason = why_not_half(array)
    if not reason:
        stored.store_half(model, layer.weight, array, names)
    return reason


def compute_in_half(model: ir.Model, types: dict[str, str], stay: Callable[[ir.Node], str]) -> Outcome:
    """Let the nodes of the main graph compute in half precision; inputs and outputs of the network stay float32.

    Args: types gives the element type by tensor name ("FLOAT", …); stay gives the reason why a node stays in float32,
    or "". Nodes with sub-graphs, and what their branches read, stay in float32.
    """
    outcome = Outcome()
    owners: dict[ir.Node, list[str]] = {}
    for layer in weight_layers(model):
        owners.setdefault(layer.node, []).append(layer.name)
        outcome.total += 1
    chosen: list[ir.Node] = []
    for node in model.graph:
        reason = _why_float(node, types) or stay(node)
        if not reason:
            chosen.append(node)
            outcome.changed += len(owners.get(node, []))
        else:
            outcome.skipped.extend((name, reason) for name in owners.get(node, []))
    borders = _Borders(model, types, chosen)
    for node in chosen:
        borders.outputs_of(node)
    for node in chosen:
        borders.inputs_of(node)
    remove_unused(model)
    return outcome


def _why_float(node: ir.Node, types: dict[str, str]) -> str:
    if node.op_type in FLOAT_ONLY or node.domain not in {"", "ai.onnx"}:
        return f"{node.op_type} needs float32"
    values = [value for value in (*node.inputs, *node.outputs) if value is not None and value.name]
    if any(types.get(value.name or "") is None for value in values):
        return f"the types around {node.op_type} are not known"
    if all(types[value.name or ""] != "FLOAT" for value in values):
        return "it does not compute in float32"
    for value in node.inputs:
        if value is not None and value.const_value is not None and types[value.name or ""] == "FLOAT":
            reason = why_not_half(value.const_value.numpy())
            if reason:
                return reason
    return ""


class _Borders:
    """Casts between nodes in half and in single precision, one per tensor and direction."""

    def __init__(self, model: ir.Model, types: dict[str, str], chosen: Collection[ir.Node]) -> None:
        self.model = model
        self.types = types
        self.names = used_names(model)
        self.chosen = set(chosen)
        self.half: dict[ir.Value, ir.Value] = {}
        """float32 value → the half value that stands for it."""

    def outputs_of(self, node: ir.Node) -> None:
        """Make the outputs of a node half; who needs float32 reads a Cast of them."""
        import onnx_ir as ir

        for value in node.outputs:
            if self.types.get(value.name or "") != "FLOAT":
                continue
            value.type = ir.TensorType(ir.DataType.FLOAT16)
            self.half[value] = value
            others = [use for use in value.uses() if use.node not in self.chosen]
            if not others and not value.is_graph_output():
                continue
            single = self._cast(value, ir.DataType.FLOAT, f"{value.name}_f", behind=node)
            for use in others:
                use.node.replace_input_with(use.idx, single)
            self._take_output(value, single)

    def inputs_of(self, node: ir.Node) -> None:
        """Let a node read its float inputs in half."""
        import onnx_ir as ir

        for index, value in enumerate(node.inputs):
            if value is None or value in self.half.values() or self.types.get(value.name or "") != "FLOAT":
                continue
            if value not in self.half:
                if self._convertible(value):
                    assert value.const_value is not None
                    set_array(value, value.const_value.numpy().astype(np.float16))
                    self.half[value] = value
                    continue
                self.half[value] = self._cast(value, ir.DataType.FLOAT16, f"{value.name}_h", behind=value.producer())
            node.replace_input_with(index, self.half[value])

    def _convertible(self, value: ir.Value) -> bool:
        """Whether an initializer may simply change its type."""
        inside = all(use.node in self.chosen for use in value.uses())
        return value.const_value is not None and inside and not value.is_graph_input() and not value.is_graph_output()

    def _cast(self, value: ir.Value, to: ir.DataType, stem: str, behind: ir.Node | None) -> ir.Value:
        import onnx_ir as ir

        output = ir.Value(name=fresh_name(self.model, stem, self.names), shape=value.shape, type=ir.TensorType(to))
        node = ir.node("Cast", [value], attributes={"to": to.value}, outputs=[output])
        if behind is not None:
            self.model.graph.insert_after(behind, node)
        else:
            self.model.graph.insert_before(self.model.graph[0], node)
        return output

    def _take_output(self, old: ir.Value, new: ir.Value) -> None:
        graph = self.model.graph
        if old not in list(graph.outputs):
            return
        name = old.name
        for position, output in enumerate(graph.outputs):
            if output is old:
                graph.outputs[position] = new
        old.name = fresh_name(self.model, f"{name}_h", self.names)
        self.types[old.name] = "FLOAT"
        new.name = name


def element_types(model: ir.Model) -> dict[str, str]:
    """The element type of every tensor of the main graph that ONNX can infer, by name."""
    import onnx
    import onnx_ir as ir

    inferred = onnx.shape_inference.infer_shapes(ir.to_proto(model))
    kinds = {one.name: one.type.tensor_type.elem_type for one in inferred.graph.value_info}
    kinds |= {one.name: one.type.tensor_type.elem_type for one in (*inferred.graph.input, *inferred.graph.output)}
    kinds |= {one.name: one.data_type for one in inferred.graph.initializer}
    return {name: ir.DataType(kind).name for name, kind in kinds.items() if kind}
