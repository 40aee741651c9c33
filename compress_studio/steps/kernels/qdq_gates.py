"""Gates in integers: HardSigmoid as a sum with zero, HardSwish and Swish as a gate and a product.

ONNX Runtime has integer kernels for Sigmoid, Add and Mul, and none for HardSigmoid. But HardSigmoid(x) is
clip(αx + β, 0, 1): read with scale α·s and zero point z − β / (α·s), the integers of x stand for αx + β, and the
quantizer of the output, with scale 1/255 and zero point 0, cuts at 0 and at 1. What carries them from the one to the
other is the Add of zero, whose integer kernel is three times faster than that of LeakyRelu, a table.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from compress_studio.graph.rewrite import fresh_name, replace_uses, used_names
from compress_studio.steps.kernels.quantizers import Affine, affine

if TYPE_CHECKING:
    import onnx_ir as ir

ALPHA, BETA = 0.2, 0.5
"""What HardSigmoid takes when its attributes are absent."""
SWISH_ALPHA, SWISH_BETA = 1 / 6, 0.5
UNIT = Affine(1 / 255, 0)
"""The quantizer of a gate: values from 0 to 1."""


def expand(model: ir.Model) -> int:
    """Write HardSwish and Swish as a gate and a product, as the runtime does when it opens the file.

    Returns how many there were.
    """
    import onnx_ir as ir

    names = used_names(model)
    found = [
        node
        for node in model.graph
        if node.domain in {"", "ai.onnx"}
        and (node.op_type == "HardSwish" or (node.op_type == "Swish" and node.attributes.get_float("alpha", 1.0) == 1))
    ]
    for node in found:
        data, old = node.inputs[0], node.outputs[0]
        assert data is not None
        hard = node.op_type == "HardSwish"
        gate = ir.node(
            "HardSigmoid" if hard else "Sigmoid",
            [data],
            attributes={"alpha": SWISH_ALPHA, "beta": SWISH_BETA} if hard else {},
            outputs=[ir.Value(name=fresh_name(model, f"{old.name}_g", names), shape=old.shape, type=old.type)],
        )
        result = ir.Value(name=fresh_name(model, f"{old.name}_p", names), shape=old.shape, type=old.type)
        product = ir.node("Mul", [data, gate.outputs[0]], outputs=[result])
        model.graph.insert_before(node, [gate, product])
        replace_uses(old, result)
        model.graph.remove(node, safe=True)
    return len(found)


def coefficients(node: ir.Node) -> tuple[float, float]:
    """α and β of a HardSigmoid."""
    return node.attributes.get_float("alpha", ALPHA), node.attributes.get_float("beta", BETA)


def can_gate(node: ir.Node) -> bool:
    """Whether a HardSigmoid rises, and is open in part at zero, so that its ends can be told in integers."""
    alpha, beta = coefficients(node)
    return alpha > 0 and 0 <= beta <= 1


def closes(node: ir.Node) -> bool:
    """Whether all that is read of a gate's input passes the gate, so that values below its closing do not count."""
    data, gate = node.inputs[0], node.outputs[0]
    if data is None or data.is_graph_output() or gate.is_graph_output():
        return False
    products = {use.node for use in gate.uses()}
    readers = {use.node for use in data.uses()} - {node}
    return (
        bool(readers)
        and readers == products
        and all(one.op_type == "Mul" and {*one.inputs} == {data, gate} for one in products)
    )


def fitted(low: float, high: float, node: ir.Node, *, tight: bool = False) -> Affine:
    """The quantizer of a gate's input: its range reaches to where the gate closes, in a whole number of steps.

    Args: tight cuts the range there, see closes.
    """
    alpha, beta = coefficients(node)
    closed = beta / alpha
    low = -closed if tight else min(low, -closed)
    found = affine(low, high)
    steps = math.floor(closed / found.scale)
    if steps < 1:
        return found
    scale = closed / steps
    return Affine(scale, max(steps, min(255, round(-low / scale))))


def shifted(quantizer: Affine, node: ir.Node) -> Affine:
    """How the integers of the input are read as αx + β."""
    alpha, beta = coefficients(node)
    scale = alpha * quantizer.scale
    return Affine(scale, min(255, max(0, quantizer.zero - round(beta / scale))))
