"""What has to be so before channels are looked for: constants are initializers, and nodes do not share vectors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from compress_studio.graph.rewrite import add_initializer

if TYPE_CHECKING:
    import onnx_ir as ir


def prepare(model: ir.Model) -> None:
    """Change how constants are stored, not what the network computes.

    Exporters merge equal vectors (biases, batch norms of the same values), which would couple channels that have
    nothing to do with each other; weights with two or more real axes that are shared stay shared.
    """
    _lift_constants(model)
    _unshare_vectors(model)


def _lift_constants(model: ir.Model) -> None:
    for node in list(model.graph):
        tensor = node.attributes.get_tensor("value") if node.op_type == "Constant" and node.domain == "" else None
        out = node.outputs[0]
        if tensor is None or out.is_graph_output():
            continue
        array = np.array(tensor.numpy())
        name = out.name or "constant"
        lifted = add_initializer(model, f"{name}_value", array)
        out.replace_all_uses_with(lifted)
        model.graph.remove(node, safe=True)
        del model.graph.initializers[lifted.name or ""]
        lifted.name = name
        model.graph.register_initializer(lifted)


def _unshare_vectors(model: ir.Model) -> None:
    for value in list(model.graph.initializers.values()):
        tensor = value.const_value
        uses = list(value.uses())
        if tensor is None or value.is_graph_input() or value.is_graph_output() or len(uses) < 2:
            continue
        shape = [int(size) for size in tensor.shape.numpy()]
        if sum(size > 1 for size in shape) != 1:
            continue
        for use in uses[1:]:
            if use.node.graph is model.graph:
                use.node.replace_input_with(use.idx, add_initializer(model, value.name or "vector", tensor.numpy()))
