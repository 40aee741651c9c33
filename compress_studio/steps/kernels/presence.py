"""Whether a network has anything that steps could change, and why not."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from compress_studio.base.errors import Refused
from compress_studio.graph.layers import FLOATS, weight_layers
from compress_studio.steps.kernels.layer_names import match_layers
from compress_studio.steps.kernels.opset import QUANTIZED

if TYPE_CHECKING:
    import onnx_ir as ir

CLASSIC = "ai.onnx.ml"
"""The domain of decision trees, linear models and encoders, which keep their numbers in attributes."""
AS_IT_IS = "Nothing in it can be made smaller by compression: use it as it is."


def require_layers(model: ir.Model, *, branches: bool = False) -> None:
    """Raise Refused with the true reason when a network has no layer with weights in its main graph.

    Args: branches says whether weights inside of If, Loop and Scan are of use to the step as well.
    """
    if weight_layers(model):
        return
    integers = next((node for node in model.graph if node.op_type in QUANTIZED), None)
    if integers is not None:
        place = integers.name or integers.outputs[0].name
        raise Refused(
            f"The weights of this network are stored as integers already ({integers.op_type} at {place}).",
            "Begin with the network in float32.",
        )
    if any(_matrices(graph) for graph in model.graphs() if graph is not model.graph):
        if branches:
            return
        raise Refused(
            "All weights of this network are inside the branches of If, Loop or Scan, which are left alone.",
            "Use the network as it is, or export it without branches.",
        )
    readers = sorted({use.node.op_type for value in _matrices(model.graph) for use in value.uses()})
    if readers:
        if branches:
            return
        raise Refused(
            f"No weights of this network belong to a layer: they are read by {', '.join(readers[:3])}.",
            "Write these operators as convolutions or dense layers, or use the network as it is.",
        )
    classic = sorted({node.op_type for node in model.graph if node.domain == CLASSIC})
    because = f": it computes with {', '.join(classic[:3])}" if classic else ""
    raise Refused(f"This network has no layers with weights{because}.", AS_IT_IS)


def known_layers(model: ir.Model, names: Collection[str], *, operators: bool = False) -> frozenset[str]:
    """The layers that names and patterns mean; where operators count, also names of nodes and operators as they are.

    Raises BadInput with near names for a name that means nothing here.
    """
    layers = [layer.name for layer in weight_layers(model)]
    others = {word for node in model.graph for word in (node.op_type, node.name or "")} if operators else set[str]()
    plain = others.intersection(names)
    return frozenset(match_layers(layers, [name for name in names if name not in plain])) | plain


def _matrices(graph: ir.Graph) -> list[ir.Value]:
    """Stored weights of two and more dimensions in floating point."""
    return [
        value
        for value in graph.initializers.values()
        if value.const_value is not None
        and value.const_value.dtype.name in FLOATS
        and len(value.const_value.shape) > 1
        and value.const_value.size > 1
    ]
