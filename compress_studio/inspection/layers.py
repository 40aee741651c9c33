"""Layers of a result beside those of the network that it came from."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from compress_studio.base.errors import BadInput
from compress_studio.graph import macs as multiply
from compress_studio.inspection.stored import StoredLayer, read_network, stored_layers

if TYPE_CHECKING:
    import onnx_ir as ir

    from compress_studio.graph.shapes import Shapes

MEASURES = ("bytes", "bits", "sparsity", "parameters", "macs")
PART = re.compile(r"^(.+)\.(a|b|c|d|u|v|s)(#\d+)?$")
"""Names of the thin layers that a thick one became: "conv1.a" and "conv1.b"."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A layer before and what became of it; either side may be empty."""

    name: str
    before: tuple[StoredLayer, ...]
    after: tuple[StoredLayer, ...]


def layer_rows(path: str, reference: str) -> list[dict[str, Any]]:
    """One row per layer with weights, in the order of the result; layers that are gone stand where they were.

    A row: name, op, op_before, op_after, state ("same", "changed", "gone", "new"), parts (names of the layers that it
    was split into) and bytes, bits (stored, per weight), sparsity (0 to 1), parameters, macs (per sample), each with
    _before and _after. None: there is no such layer, or it is not known.

    Raises BadInput for a file that is not a usable network.
    """
    after = read_network(path)
    same_file = Path(path) == Path(reference)
    before = after if same_file else read_network(reference)
    shapes_after = _shapes(after)
    shapes_before = shapes_after if same_file else _shapes(before)
    return [_row(pair, shapes_before, shapes_after) for pair in pairs(before, after)]


def pairs(before: ir.Model, after: ir.Model) -> list[Pair]:
    """Which layer became which: by the name of the weight, by the name of the layer, and by the names of parts."""
    old, new = stored_layers(before), stored_layers(after)
    by_key = {one.key: one for one in old}
    by_name = {one.name: one for one in old}
    partner: dict[str, StoredLayer] = {}
    taken: set[str] = set()
    for one in new:
        for found in (by_key.get(one.key), by_name.get(one.name)):
            if found is not None and found.name not in taken:
                partner[one.name] = found
                taken.add(found.name)
                break
    parts: dict[str, list[StoredLayer]] = {}
    for one in new:
        match = PART.match(one.name)
        base = match.group(1) if match else ""
        if one.name not in partner and base in by_name and base not in taken:
            parts.setdefault(base, []).append(one)
    rows = _paired(new, partner, parts, by_name)
    return _with_gone(rows, old)


def _paired(
    new: list[StoredLayer],
    partner: dict[str, StoredLayer],
    parts: dict[str, list[StoredLayer]],
    by_name: dict[str, StoredLayer],
) -> list[Pair]:
    rows: list[Pair] = []
    for one in new:
        match = PART.match(one.name)
        group = parts.get(match.group(1), []) if match else []
        if one in group:
            if one is group[0]:
                base = match.group(1) if match else one.name
                rows.append(Pair(base, (by_name[base],), tuple(group)))
        elif one.name in partner:
            rows.append(Pair(partner[one.name].name, (partner[one.name],), (one,)))
        else:
            rows.append(Pair(one.name, (), (one,)))
    return rows


def _with_gone(rows: list[Pair], old: list[StoredLayer]) -> list[Pair]:
    """Put layers that are gone behind the row of the layer that stood before them."""
    place = {one.name: number for number, row in enumerate(rows) for one in row.before}
    result: list[list[Pair]] = [[row] for row in rows]
    first: list[Pair] = []
    at = -1
    for one in old:
        if one.name in place:
            at = place[one.name]
            continue
        (result[at] if at >= 0 else first).append(Pair(one.name, (one,), ()))
    return first + [row for group in result for row in group]


def _row(pair: Pair, shapes_before: Shapes | None, shapes_after: Shapes | None) -> dict[str, Any]:
    before, after = _facts(pair.before, shapes_before), _facts(pair.after, shapes_after)
    if not pair.after:
        state = "gone"
    elif not pair.before:
        state = "new"
    else:
        state = "same" if _alike(before, after) and _equal(pair) else "changed"
    ops = [" + ".join(one.op for one in side) for side in (pair.before, pair.after)]
    row: dict[str, Any] = {"name": pair.name, "op": ops[0] or ops[1], "op_before": ops[0], "op_after": ops[1]}
    row |= {"state": state, "parts": [one.name for one in pair.after] if len(pair.after) > 1 else []}
    for name in MEASURES:
        row[f"{name}_before"], row[f"{name}_after"] = before[name], after[name]
    return row


def _alike(before: dict[str, Any], after: dict[str, Any]) -> bool:
    """Whether no measure differs; one that is unknown on a side says nothing."""
    return all(before[name] == after[name] or None in (before[name], after[name]) for name in MEASURES)


def _facts(side: tuple[StoredLayer, ...], shapes: Shapes | None) -> dict[str, Any]:
    if not side:
        return dict.fromkeys(MEASURES)
    counts = [one.zeros for one in side]
    total = sum(count for _, count in counts)
    work = [_macs(one, shapes) for one in side]
    return {
        "bytes": sum(one.bytes for one in side),
        "bits": round(sum(one.bits * count for one, (_, count) in zip(side, counts, strict=True)) / max(total, 1), 2),
        "sparsity": sum(none for none, _ in counts) / max(total, 1),
        "parameters": sum(one.parameters for one in side),
        "macs": None if None in work else sum(one or 0 for one in work),
    }


def _macs(layer: StoredLayer, shapes: Shapes | None) -> int | None:
    node = layer.node
    if not multiply.counted(node):
        return 0
    count = multiply.macs(node, shapes) if shapes is not None else None
    if shapes is None or count is None:
        return None
    return count // shapes.batch if shapes.batch_dependent(node.outputs[0].name) else count


def _equal(pair: Pair) -> bool:
    """Whether every stored weight is the same, bit by bit."""
    first = [weight for one in pair.before for weight in one.weights]
    second = [weight for one in pair.after for weight in one.weights]
    if len(first) != len(second):
        return False
    for one, other in zip(first, second, strict=True):
        a, b = one.value.const_value, other.value.const_value
        if a is None or b is None or a.dtype != b.dtype or tuple(a.shape) != tuple(b.shape):
            return False
        x, y = a.numpy(), b.numpy()
        if x is not y and not np.array_equal(x.view(np.uint8) if x.ndim else x, y.view(np.uint8) if y.ndim else y):
            return False
    return True


def _shapes(model: ir.Model) -> Shapes | None:
    """Shapes of tensors; None where they cannot be found, which leaves only the work unknown."""
    from compress_studio.graph.shapes import trace

    try:
        return trace(model)
    except BadInput:
        return None
