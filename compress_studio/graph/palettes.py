"""Palettes inside a network: reading back which value each weight takes, however the indices are packed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import onnx_ir as ir


def indices_of(gather: ir.Node) -> np.ndarray | None:
    """The indices that the Gather of a palette reads: int64, flat; None when they are not made of constants.

    Understands stored integers behind Cast, and integers that hold several indices, taken apart by Div and Mod.
    """
    value = gather.inputs[1] if len(gather.inputs) > 1 else None
    found = None if value is None else _evaluate(value)
    return None if found is None else found.ravel()


def _evaluate(value: ir.Value) -> np.ndarray | None:
    """What a value of integers is, from constants only."""
    if value.const_value is not None:
        return value.const_value.numpy().astype(np.int64)
    node = value.producer()
    if node is None or not node.inputs or node.inputs[0] is None:
        return None
    if node.op_type in {"Cast", "Reshape", "Identity"}:
        first = _evaluate(node.inputs[0])
        # The order of the elements is all that counts, but Div spreads a column over its digits.
        return first if first is None or node.op_type != "Reshape" else first.reshape(-1)
    parts = [None if each is None else _evaluate(each) for each in node.inputs]
    numbers = [part for part in parts if part is not None]
    if len(numbers) != len(parts):
        return None
    if node.op_type == "Slice":
        end = int(numbers[2].ravel()[0]) if len(numbers) > 2 else node.attributes.get_ints("ends", [0])[0]
        return numbers[0].ravel()[:end]
    if node.op_type == "Div":
        return numbers[0] // np.maximum(numbers[1], 1)
    if node.op_type == "Mod":
        return numbers[0] % np.maximum(numbers[1], 1)
    if node.op_type == "Mul":
        return numbers[0] * numbers[1]
    return numbers[0] - numbers[1] if node.op_type == "Sub" else None
