"""Where accuracy is lost: tensors of a result beside those of its source, on the same samples."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from compress_studio.base.errors import Refused, UserError
from compress_studio.engine.channel import Progress, current
from compress_studio.graph.session import open_tapped, run
from compress_studio.inspection.stored import read_network, stored_layers
from compress_studio.spec.data import DataRequest, Part
from compress_studio.spec.runtime import load_runtime

if TYPE_CHECKING:
    import onnx_ir as ir

AT_ONCE = 1 << 28
"""Bytes of tensors of one network that one run gives back."""
EQUAL_DB = 200.0
"""What two equal tensors get instead of infinity."""
FLOATS = frozenset({"FLOAT", "FLOAT16", "BFLOAT16", "DOUBLE"})


@dataclass(slots=True)
class _Sums:
    """Over all values of a tensor, float64."""

    signal: float = 0.0
    other: float = 0.0
    product: float = 0.0
    noise: float = 0.0
    count: int = 0

    def add(self, before: np.ndarray, after: np.ndarray) -> None:
        a, b = before.astype(np.float64).ravel(), after.astype(np.float64).ravel()
        good = np.isfinite(a) & np.isfinite(b)
        a, b = a[good], b[good]
        self.signal += float(a @ a)
        self.other += float(b @ b)
        self.product += float(a @ b)
        self.noise += float(np.square(a - b).sum())
        self.count += a.size

    def row(self) -> dict[str, float]:
        both = math.sqrt(self.signal * self.other)
        ratio = self.noise / self.signal if self.signal else math.inf if self.noise else 0.0
        sqnr = EQUAL_DB if ratio == 0 else -EQUAL_DB if ratio == math.inf else -10 * math.log10(ratio)
        return {
            "sqnr_db": min(max(sqnr, -EQUAL_DB), EQUAL_DB),
            "cosine": self.product / both if both else 1.0 if self.signal == self.other else 0.0,
            "relative": math.sqrt(ratio) if ratio < math.inf else EQUAL_DB,
        }


def layer_errors(
    runtime: str,
    data_path: str,
    data_options: Mapping[str, Any],
    data_seed: int,
    data_network: str,
    path: str,
    reference: str,
    samples: int = 8,
) -> list[dict[str, Any]]:
    """How much the tensors of a network differ from those of its reference, in running order.

    Only tensors that both networks compute under the same name and in the same shape can be compared. A row: tensor,
    op, layer (name of the layer that gives it, or ""), sqnr_db (signal to noise; 200 when equal), cosine, relative
    (norm of the difference by norm of the reference).

    Args: the first five name the data as for a run; samples are taken from the calibration part.
    Raises BadInput for files and data that cannot be used; Refused when there is nothing to compare.
    """
    channel = current()
    channel.send(Progress(0.0, "opening both models"))
    before, after = read_network(reference), read_network(path)
    names = _shared(before, after)
    if not names:
        raise Refused(
            "The result shares no inner tensor with the source, so it cannot be compared layer by layer.",
            "Compare a step that keeps the structure of the network.",
        )
    channel.check()
    data = load_runtime(runtime).open_data(DataRequest(data_path, dict(data_options), data_seed), Path(data_network))
    batch = next(iter(data.part(Part.CALIBRATE).batches(samples, limit=samples)))
    sums: dict[str, _Sums] = {}
    chunks = list(_chunks(before, names, len(batch)))
    for number, chunk in enumerate(chunks):
        channel.check()
        channel.send(Progress(number / len(chunks), f"comparing tensors {number + 1} of {len(chunks)}"))
        one, other = (_values(model, chunk, batch.inputs) for model in (before, after))
        for name in chunk:
            if one[name].shape == other[name].shape and one[name].dtype.kind == "f":
                sums.setdefault(name, _Sums()).add(one[name], other[name])
    if not sums:
        raise Refused(
            "No inner tensor of the result has the shape that it has in the source, so nothing can be compared.",
            "Compare a step that keeps the number of channels.",
        )
    return _rows(after, sums)


def _shared(before: ir.Model, after: ir.Model) -> list[str]:
    """Names of float tensors that both main graphs compute, in the order of the second one."""
    known = {value.name for node in before.graph for value in node.outputs if value.name}
    found = [value for node in after.graph if node.inputs for value in node.outputs if value.name in known]
    return [value.name or "" for value in found if value.dtype is None or value.dtype.name in FLOATS]


def _chunks(model: ir.Model, names: list[str], samples: int) -> Iterator[list[str]]:
    """Names in pieces whose tensors fit into AT_ONCE together."""
    from compress_studio.graph.shapes import trace

    shapes = trace(model)
    chunk: list[str] = []
    held = 0
    for name in names:
        size = 8 * math.prod(shapes.of(name) or (1,)) * max(samples, 1) // max(shapes.batch, 1)
        if chunk and held + size > AT_ONCE:
            yield chunk
            chunk, held = [], 0
        chunk.append(name)
        held += size
    if chunk:
        yield chunk


def _values(model: ir.Model, names: list[str], inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    try:
        return run(open_tapped(model, names), inputs, names)
    except Exception as error:
        from compress_studio.graph.saving import first_line

        raise UserError(
            f"The network does not run on these data: {first_line(error)}",
            "Check that the data fit the inputs of the network.",
        ) from error


def _rows(model: ir.Model, sums: Mapping[str, _Sums]) -> list[dict[str, Any]]:
    layers = {id(node): one.name for one in stored_layers(model) for node in (one.node, *one.tail)}
    return [
        {"tensor": value.name, "op": node.op_type, "layer": layers.get(id(node), ""), **sums[value.name or ""].row()}
        for node in model.graph
        for value in node.outputs
        if (value.name or "") in sums and sums[value.name or ""].count
    ]
