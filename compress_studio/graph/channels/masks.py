"""The same network with channels silenced instead of removed: what removal is proved against."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from compress_studio.graph.channels.links import key_of
from compress_studio.graph.channels.removal import Selection, removed_indices
from compress_studio.graph.rewrite import add_initializer, fresh_name

if TYPE_CHECKING:
    import onnx_ir as ir


def mask(model: ir.Model, selection: Selection) -> ir.Model:
    """A copy in which every product reads 0 where a channel is to be removed; weights keep their size."""
    import onnx_ir as ir

    copy = model.clone()
    gone = removed_indices(selection)
    if not gone:
        return copy
    links = next(iter(selection)).structure.links
    nodes = {key_of(node): node for node in copy.graph}
    for place in links.contractions:
        indices = gone.get((place.value, place.axis))
        if indices is None:
            continue
        node = nodes[place.node]
        value = node.inputs[place.input]
        assert value is not None
        shape = links.shapes[place.value]
        kept = np.ones(shape[place.axis], links.dtype(value))
        kept[indices] = 0
        sides = [1] * len(shape)
        sides[place.axis] = -1
        name = fresh_name(copy, f"{place.value}_masked")
        output = ir.Value(name=name, shape=value.shape, type=value.type)
        product = ir.node(
            "Mul", [value, add_initializer(copy, f"{name}_mask", kept.reshape(sides))], name=name, outputs=[output]
        )
        copy.graph.insert_before(node, [product])
        node.replace_input_with(place.input, output)
    return copy
