"""Rules of recurrent layers: their inputs can shrink, their hidden units stay."""

from __future__ import annotations

from typing import TYPE_CHECKING

from compress_studio.graph.channels.links import Links, given, layer_of
from compress_studio.graph.channels.rules import rule

if TYPE_CHECKING:
    import onnx_ir as ir


@rule("LSTM", "GRU", "RNN")
def recurrent(links: Links, node: ir.Node) -> None:
    """The input side of LSTM, GRU and RNN can shrink; what feeds back cannot."""
    x, weight, state = node.inputs[0], node.inputs[1], node.inputs[2]
    assert x is not None
    assert weight is not None
    assert state is not None
    reason = f"the hidden units of {layer_of(node)} feed back into themselves"
    batch_first = node.attributes.get_int("layout", 0) == 1
    time, batch = (1, 0) if batch_first else (0, 1)
    links.join(links.axis(x, 2), links.axis(weight, 2), layer_of(node))
    links.contract(node, 0, 2, weight, 2)
    links.freeze(links.axis(weight, 0), reason)
    links.freeze(links.axis(weight, 1), reason)
    for value in (*node.inputs[2:4], *node.inputs[5:]):
        links.freeze_value(value, reason)
    if given(node, 4):
        links.freeze_value(node.inputs[4], "lengths of sequences")
    steps = links.known(x)[time] * links.known(x)[batch]
    directions, rows, _ = links.known(weight)
    links.cost(node, steps * directions * rows, [(x, 2)])
    links.cost(node, steps * directions * rows, [(state, 2)])
    for out in node.outputs:
        links.freeze_value(out, reason)
    first = node.outputs[0]
    if first.name and links.shape(first) is not None:
        links.join(links.axis(x, time), links.axis(first, 1 if batch_first else 0), layer_of(node))
        links.join(links.axis(x, batch), links.axis(first, 0 if batch_first else 2), layer_of(node))
