"""Networks in another version of the ONNX operators, whatever the size of their weights."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import onnx
    import onnx_ir as ir

SMALL = 1024
"""Elements up to which an initializer may say a size or an axis that a conversion reads."""


@contextmanager
def weights_as_inputs(model: ir.Model) -> Generator[onnx.ModelProto]:
    """The network as ONNX's own tools take it: large weights are inputs, so that it fits into one message.

    The model is as before afterwards, and its large weights are never read.
    """
    import onnx_ir as ir

    graph = model.graph
    large = {
        name: value
        for name, value in graph.initializers.items()
        if value.const_value is not None and value.const_value.size > SMALL and not value.is_graph_output()
    }
    _load_the_others(model, set(large))
    count, known = len(graph.inputs), set(graph.inputs)
    try:
        for name, value in large.items():
            del graph.initializers[name]
            assert value.const_value is not None
            if value.shape is None or value.type is None:
                value.shape = ir.Shape(value.const_value.shape.numpy())
                value.type = ir.TensorType(value.const_value.dtype)
            if value not in known:
                graph.inputs.append(value)
        yield ir.to_proto(model)
    finally:
        while len(graph.inputs) > count:
            graph.inputs.pop()  # not del: that would leave the values marked as inputs
        for name, value in large.items():
            graph.initializers[name] = value


def _load_the_others(model: ir.Model, large: set[str]) -> None:
    """Bring what stays in the message out of a second file, whose folder the message does not know."""
    import onnx_ir as ir

    for graph in model.graphs():
        for name, value in graph.initializers.items():
            tensor = value.const_value
            if isinstance(tensor, ir.ExternalTensor) and not (graph is model.graph and name in large):
                value.const_value = ir.Tensor(tensor.numpy().copy(), dtype=tensor.dtype, name=name)


def version_converted(model: ir.Model, wanted: int) -> ir.Model:
    """A new network, converted by ONNX; it shares the weights. Raises what the converter raises, of several types."""
    import onnx
    import onnx_ir as ir

    names = [value.name for value in model.graph.inputs]
    with weights_as_inputs(model) as proto:
        converted = ir.from_proto(onnx.version_converter.convert_version(proto, wanted))
    graph = converted.graph
    while len(graph.inputs) > len(names):
        value = graph.inputs.pop()
        original = model.graph.initializers[value.name or ""]
        value.const_value = original.const_value
        graph.register_initializer(value)
    for value in graph.inputs:
        held = model.graph.initializers.get(value.name or "")
        if held is not None and value.name not in graph.initializers:
            # Networks of old list their initializers as inputs too.
            value.const_value = held.const_value
            graph.initializers[value.name or ""] = value
    return converted
