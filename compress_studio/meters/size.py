"""Size: bytes on disk, bytes when zipped, parameters, non-zero parameters, multiply-accumulate operations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from compress_studio.artifacts.external import model_files
from compress_studio.base.errors import BadInput
from compress_studio.base.zipping import deflated_bytes
from compress_studio.spec.data import Part
from compress_studio.spec.meter import MeterContext, MeterSpec, Reading
from compress_studio.spec.ports import OnnxNet

if TYPE_CHECKING:
    import onnx_ir as ir


def measure(ctx: MeterContext, subjects: Sequence[OnnxNet], reference: OnnxNet) -> list[list[Reading]]:
    """Size of every subject."""
    readings: list[list[Reading]] = []
    for number, subject in enumerate(subjects):
        ctx.progress(number / len(subjects))
        files = model_files(subject.path)
        rows = [
            Reading("bytes", sum(one.stat().st_size for one in files), "bytes"),
            Reading("zipped_bytes", deflated_bytes(files, ctx.check), "bytes"),
        ]
        readings.append([*rows, *_counted(ctx, subject)])
    return readings


def _counted(ctx: MeterContext, subject: OnnxNet) -> list[Reading]:
    from compress_studio.graph.costs import cost
    from compress_studio.graph.saving import load
    from compress_studio.graph.shapes import trace

    model = load(subject.path)
    dims = _dims(ctx, model)
    try:
        shapes = trace(model, dims)
    except BadInput:  # sizes of free dimensions that nobody knows: only the multiply-accumulates stay untold
        shapes = None
    costs = cost(model, shapes)
    rows = [Reading("parameters", float(costs.parameters)), Reading("nonzero", float(costs.nonzero))]
    if costs.macs is not None:
        rows.append(Reading("macs", float(costs.macs), "per sample", detail={"dims": dict(dims)}))
    return rows


def _dims(ctx: MeterContext, model: ir.Model) -> dict[str, int]:
    """Sizes of the free dimensions besides the batch, as the first test sample has them."""
    from compress_studio.graph.inputs import batch_symbols, input_facts

    facts = input_facts(model)
    counted = batch_symbols(facts)
    first = next(ctx.data.part(Part.TEST).batches(1, limit=1), None)
    dims: dict[str, int] = {}
    for fact in facts:
        shape = first.inputs[fact.name].shape if first is not None and fact.name in first.inputs else ()
        for size, dim in zip(shape, fact.dims or (), strict=False):
            if isinstance(dim, str) and dim not in counted:
                dims.setdefault(dim, int(size))
    return dims


METER = MeterSpec(
    id="size",
    version=1,
    title="Size",
    summary="Bytes, zipped bytes, parameters, non-zero parameters and multiply-accumulate operations per sample.",
    run=measure,
    needs_data=True,
    depends_on=("onnx",),
)
