"""Running a network over the test samples, the same way for every meter."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from compress_studio.base.errors import UserError
from compress_studio.spec.data import Batch, Part

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    import onnxruntime as ort

    from compress_studio.spec.data import DataSource
    from compress_studio.spec.meter import MeterContext

MOST = 64
FLOATS = {"tensor(float16)": "float16", "tensor(float)": "float32", "tensor(double)": "float64"}
INPUT_BYTES = 8_000_000
"""Bytes of input per batch: large networks get small batches, so that activations fit into memory."""


def open_network(path: Path, threads: int) -> ort.InferenceSession:
    """Open a network to be measured. Raises UserError naming the cause."""
    from compress_studio.graph.saving import first_line
    from compress_studio.graph.session import open_session

    try:
        return open_session(path, threads=threads)
    except Exception as error:
        raise UserError(
            f"ONNX Runtime does not open {path.name}: {first_line(error)}", "Leave out the step that made it."
        ) from error


def outputs_of(session: ort.InferenceSession, batch: Batch, names: list[str] | None = None) -> dict[str, np.ndarray]:
    """The outputs for one batch. Raises UserError naming the samples on which the network fails."""
    from compress_studio.graph.saving import first_line
    from compress_studio.graph.session import run

    try:
        return run(session, feed_for(session, batch.inputs), names)
    except Exception as error:
        first = batch.names[0] if batch.names else f"sample {batch.first}"
        raise UserError(
            f"The network fails on the test samples from {first} on: {first_line(error)}",
            "Check that shapes and ranges of the data are what the network was made for.",
        ) from error


def feed_for(session: ort.InferenceSession, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Inputs under the names and in the float types of a network, which may be another export than that of the data.

    A single input under another name is the same input; floats of another width are cast.
    """
    wanted = session.get_inputs()
    if len(wanted) == 1 and wanted[0].name not in inputs and len(inputs) == 1:
        inputs = {wanted[0].name: next(iter(inputs.values()))}
    feed: dict[str, np.ndarray] = {}
    for one in wanted:
        if one.name in inputs:
            value = inputs[one.name]
            width = FLOATS.get(one.type)
            feed[one.name] = value.astype(width) if width and value.dtype.kind == "f" else value
    return feed


def batch_size(data: DataSource) -> int:
    """How many samples to run at once: decided by the size of a sample alone, so that it is the same everywhere."""
    first = next(data.part(Part.TEST).batches(1, limit=1), None)
    if first is None:
        return 1
    per_sample = sum(value.nbytes for value in first.inputs.values()) // max(1, len(first))
    return max(1, min(MOST, INPUT_BYTES // max(1, per_sample)))


def each_batch(ctx: MeterContext, size: int, done: float, share: float) -> Iterator[Batch]:
    """The batches of the test part, with progress from done to done + share and a chance to stop at each."""
    part = ctx.data.part(Part.TEST)
    total = max(1, len(part))
    for batch in part.batches(size):
        ctx.check()
        yield batch
        ctx.progress(min(1.0, done + share * min(1.0, (batch.first + len(batch)) / total)))


def tensor_outputs(session: ort.InferenceSession) -> list[str]:
    """Names of the outputs that are tensors (not sequences or maps)."""
    return [one.name for one in session.get_outputs() if one.type.startswith("tensor(")]
