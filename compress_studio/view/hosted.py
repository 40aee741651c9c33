"""Operators that have no form in torch: ONNX Runtime computes them inside a pass, and no gradient goes through them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx_ir as ir
import torch
from torch import Tensor

from compress_studio.artifacts.formats import plain_words
from compress_studio.base.errors import Refused
from compress_studio.graph.session import open_session
from compress_studio.view.dtypes import to_tensor
from compress_studio.view.ops import Attrs, Context
from compress_studio.view.ops.registry import Function

if TYPE_CHECKING:
    import onnx
    import onnxruntime as ort

KINDS: Mapping[torch.dtype, ir.DataType] = {
    torch.float32: ir.DataType.FLOAT, torch.float64: ir.DataType.DOUBLE, torch.float16: ir.DataType.FLOAT16,
    torch.uint8: ir.DataType.UINT8, torch.int8: ir.DataType.INT8, torch.int16: ir.DataType.INT16,
    torch.int32: ir.DataType.INT32, torch.int64: ir.DataType.INT64, torch.bool: ir.DataType.BOOL,
}  # fmt: skip
"""Element types of tensors of which the network says nothing."""
LARGE = 1 << 30
"""Bytes of a stored tensor above which it is handed over at every call instead of being built in."""
IR_VERSION = 10
WRONG_TYPE = "Type Error"
"""Begins what the runtime says about types that do not fit, guessed ones included."""
RANDOM = frozenset({"RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Multinomial"}) | {
    "Bernoulli"
}
"""Operators that answer differently at every run, so that nothing can be proved about a network with them."""


class Hosted:
    """One node as a network of its own in ONNX Runtime.

    Stored tensors that only such nodes read are built into it, since some operators want constants. Types are those
    of the network; where it says none, those of the tensors that come.
    """

    def __init__(
        self, model: ir.Model, node: ir.Node, captured: Sequence[ir.Value], types: Mapping[str, ir.DataType]
    ) -> None:
        self.node = node
        self._model = model
        present = [value for value in node.inputs if value is not None]
        self._names = [value.name or "" for value in [*present, *captured]]
        self._kinds = [value.dtype or types.get(value.name or "") for value in [*present, *captured]]
        self._absent = {index for index, value in enumerate(node.inputs) if value is None}
        self._built_in = {value.name or "": value for value in [*present, *captured] if _only_hosted(value)}
        self._session: ort.InferenceSession | None = None
        self._opened: tuple[ir.DataType, ...] = ()

    def try_open(self) -> bool:
        """Whether ONNX Runtime takes it, as far as the types are known."""
        try:
            self._open(tuple(kind or ir.DataType.FLOAT for kind in self._kinds))
        except Exception as error:  # noqa: BLE001 - the runtime raises its own types for what it does not know
            return None in self._kinds and WRONG_TYPE in str(error)
        return True

    def __call__(self, ctx: Context, attrs: Attrs, *values: Any) -> tuple[Any, ...]:
        """The outputs of the node for tensors; what is no tensor in the network stays as the runtime gives it."""
        given = [value for index, value in enumerate(values) if index not in self._absent]
        kinds = tuple(
            kind or (ir.DataType.STRING if isinstance(value, np.ndarray) else KINDS[value.dtype])
            for kind, value in zip(self._kinds, given, strict=True)
        )
        try:
            session = self._open(kinds)
            feeds = {
                name: _array(value, kind)
                for name, value, kind in zip(self._names, given, kinds, strict=True)
                if name not in self._built_in
            }
            results = session.run(None, feeds)
        except Exception as error:
            place = self.node.name or "unnamed"
            raise Refused(
                f"ONNX Runtime could not compute {self.node.op_type} at {place} by itself: {plain_words(error)}",
                "Steps that need no training still work on this network.",
            ) from error
        names = [output.name for output in session.get_outputs()]
        found = dict(zip(names, map(_value, results), strict=True))
        return tuple(found.get(value.name or "") for value in self.node.outputs)

    def _open(self, kinds: tuple[ir.DataType, ...]) -> ort.InferenceSession:
        if self._session is None or kinds != self._opened:
            self._session = open_session(self._proto(kinds).SerializeToString(), threads=torch.get_num_threads())
            self._opened = kinds
        return self._session

    def _proto(self, kinds: Sequence[ir.DataType]) -> onnx.ModelProto:
        import onnx
        from onnx import helper

        inputs = {
            name: helper.make_tensor_value_info(name, int(kind), None)
            for name, kind in zip(self._names, kinds, strict=True)
            if name not in self._built_in
        }
        stored: list[onnx.TensorProto] = []
        for name, value in self._built_in.items():
            assert value.const_value is not None
            tensor = ir.serde.serialize_tensor(ir.Tensor(value.const_value.numpy(), value.const_value.dtype, name=name))
            stored.append(tensor)
        outputs = [onnx.ValueInfoProto(name=value.name) for value in self.node.outputs if value.name]
        graph = helper.make_graph(
            [ir.serde.serialize_node(self.node)], "hosted", list(inputs.values()), outputs, stored
        )
        opsets = [helper.make_opsetid(domain, version) for domain, version in self._model.opset_imports.items()]
        functions = [ir.serde.serialize_function(one) for one in self._model.functions.values()]
        version = max(self._model.ir_version or IR_VERSION, 8)
        proto = helper.make_model(graph, opset_imports=opsets, functions=functions, ir_version=version)
        # They name the libraries that the operator may come from.
        helper.set_model_props(proto, dict(self._model.metadata_props))
        return proto


@dataclass(frozen=True, slots=True)
class Sloped:
    """A node whose value ONNX Runtime computes and whose gradient is that of nearly the same arithmetic on floats.

    The gradient passes straight through the rounding (Bengio 2013), so that layers before integer ones can learn.
    """

    hosted: Hosted
    near: Function
    attrs: Attrs

    def __call__(self, ctx: Context, attrs: Attrs, *values: Any) -> tuple[Any, ...]:
        """The outputs of the node."""
        exact = self.hosted(ctx, attrs, *values)
        learns = any(isinstance(one, Tensor) and one.requires_grad for one in values)
        if not learns or not torch.is_grad_enabled():
            return exact
        near = self.near(ctx, self.attrs, *values)
        results = (near,) if isinstance(near, Tensor) else near
        return tuple(
            one + (right.to(one.device) - one).detach() if isinstance(right, Tensor) else right
            for one, right in zip(results, exact, strict=False)
        )


def _only_hosted(value: ir.Value) -> bool:
    """Whether a stored tensor is read by nodes of this kind only, so that training cannot change it."""
    if value.const_value is None or value.is_graph_input() or value.const_value.nbytes > LARGE:
        return False
    return len({id(use.node) for use in value.uses()}) == 1


def _array(value: Any, kind: ir.DataType) -> Any:
    if isinstance(value, list):
        return [_array(one, kind) for one in value]
    if not isinstance(value, Tensor):
        return value
    array = value.detach().cpu().numpy()
    if kind == ir.DataType.STRING or array.dtype == kind.numpy():
        return array
    if array.dtype.kind == "f" and not kind.is_floating_point():
        array = np.round(array)
    return array.astype(kind.numpy())


def _value(result: Any) -> Any:
    if isinstance(result, list):
        return [_value(one) for one in result]
    if isinstance(result, np.ndarray) and result.dtype.kind not in "OSU":
        return to_tensor(result)
    return result
