"""The step source.model: the user's file as the first node of a pipeline."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from compress_studio.base.digest import Json
from compress_studio.base.errors import BadInput
from compress_studio.spec.params import Params, Ui
from compress_studio.spec.ports import OnnxNet
from compress_studio.spec.step import Group, StepContext, step

if TYPE_CHECKING:
    import onnx_ir as ir

    from compress_studio.graph.canonical import CanonicalReport

OVERHEAD = 0.02
"""Share of the file that is not weights or structure from which the user is told."""
OVERHEAD_BYTES = 1024
PIECE = 1 << 20


class SourceModelParams(Params):
    """What can be chosen for source.model."""

    path: Annotated[str, Ui("File", "The model as an .onnx file.")] = ""
    dims: Annotated[
        str,
        Ui(
            "Sizes",
            "Sizes of free dimensions, such as L=128, or the shape of an input that has none, such as x=Nx3x224x224.",
            advanced=True,
        ),
    ] = ""


def fingerprint(params: SourceModelParams) -> Json:
    """The digest of the file and of those beside it that hold its weights; standard library only."""
    from compress_studio.artifacts.external import model_files
    from compress_studio.base.digest import digest_files

    path = Path(params.path)
    return digest_files(model_files(path), path.parent)


@step(
    id="source.model",
    version=1,
    title="Model",
    group=Group.SOURCE,
    fingerprint=fingerprint,
    depends_on=("onnx", "onnx-ir"),
)
def source_model(ctx: StepContext, params: SourceModelParams) -> OnnxNet:
    """Open a model and bring it into the form that all steps work on.

    The file is read, checked and opened once in ONNX Runtime; nothing in it is run except its operators. Then it is
    rewritten without changing what it computes: functions become nodes, constants become initializers, Identity nodes
    go away, the opset is raised to 13 where it is older, nodes and weights get the names of the layers that they belong
    to, and the notes of the exporter are dropped. The outputs of both forms are compared on made-up inputs; a rewriting
    that changes them is taken back.

    Names, types and sizes of inputs and outputs, free dimensions, the description and the metadata stay as they are.

    **Sizes.** A free dimension besides the batch (a sequence length, an image size) is given a likely size for the
    comparison and for counting operations. When no likely size lets the network run, give it here: `dims=L=128`, or
    `dims=L=128+x=Nx3x224x224` for several.

    **Ratios** of all later steps are against the file as it was given: its own bytes, not those of the rewritten form.
    """
    from compress_studio.artifacts.formats import open_onnx
    from compress_studio.graph.canonical import canonicalize
    from compress_studio.graph.layers import weight_layers
    from compress_studio.graph.samples import synthetic
    from compress_studio.graph.saving import save

    path = Path(params.path)
    model = open_onnx(path)
    ctx.progress(0.2, "opened")
    sizes = _apply_dims(model, params.dims)
    try:
        report = canonicalize(model, synthetic(model, 2, 0, sizes))
    except BadInput as error:
        raise BadInput(f"{path.name}: {error.message[:1].lower() + error.message[1:]}", error.hint) from error
    ctx.progress(0.7, "rewritten")
    result = save(model, ctx.scratch / "model.onnx")
    ctx.progress(0.8, "written")
    _tell(ctx, path, model, report, _bytes(result))
    ctx.changed(0, len(weight_layers(model)))
    return OnnxNet(result)


def _tell(ctx: StepContext, path: Path, model: ir.Model, report: CanonicalReport, result_bytes: int) -> None:
    from compress_studio.artifacts.external import model_files
    from compress_studio.graph.costs import cost
    from compress_studio.graph.facts import quantization, weight_warnings

    files = model_files(path)
    original = sum(file.stat().st_size for file in files)
    ctx.fact("file", path.name)
    ctx.fact("original_bytes", original)
    ctx.fact("original_zipped_bytes", sum(_zipped(ctx, file) for file in files))
    ctx.fact("changes", list(report.changes))
    ctx.fact("max_difference", report.max_difference)
    kind = quantization(model)
    ctx.fact("quantized", kind)
    for line in report.changes:
        ctx.note(line)
    for code, text in weight_warnings(cost(model, None).not_a_number, kind):
        ctx.warn(code, text)
    if report.opset_raised is not None:
        before, after = report.opset_raised
        ctx.warn("opset_raised", f"The ONNX version was raised from opset {before} to opset {after}.")
    if report.opset_kept:
        ctx.warn("opset_kept", report.opset_kept)
    if not report.proved:
        ctx.warn(
            "not_comparable", "The network draws random numbers: its outputs cannot be compared with the original."
        )
    if original - result_bytes > max(OVERHEAD * original, OVERHEAD_BYTES):
        saved = original - result_bytes
        ctx.warn(
            "file_overhead",
            f"{saved:,} bytes ({saved / original:.0%}) of the file are notes of the exporter or unused: every result is"
            " smaller by that without any compression.",
        )


def _apply_dims(model: ir.Model, text: str) -> dict[str, int]:
    """Read "L=128+x=Nx3x32" (or with commas): sizes are returned, shapes are written into the inputs that they name."""
    import re

    import onnx_ir as ir

    inputs = {value.name: value for value in model.graph.inputs}
    sizes: dict[str, int] = {}
    for part in filter(None, (each.strip() for each in re.split("[,;+]", text))):
        name, _, size = (each.strip() for each in part.partition("="))
        dims = [int(each) if each.isdigit() else each for each in size.lower().replace("×", "x").split("x")]
        if not name or not size or not all(isinstance(dim, int) or str(dim).isidentifier() for dim in dims):
            raise BadInput(
                f"dims={part} cannot be read.",
                "Write sizes as L=128, the shape of an input as x=Nx3x224x224, and + between several.",
            )
        if name in inputs and (len(dims) > 1 or inputs[name].shape is None):
            inputs[name].shape = ir.Shape([dim.upper() if isinstance(dim, str) else dim for dim in dims])
        elif len(dims) == 1 and isinstance(dims[0], int):
            sizes[name] = dims[0]
        else:
            known = ", ".join(str(each) for each in inputs)
            raise BadInput(f"dims={part}: there is no input {name} (known: {known}).", "Correct the name.")
    _require_known(model, sizes)
    return sizes


def _require_known(model: ir.Model, sizes: Mapping[str, int]) -> None:
    from compress_studio.graph.inputs import input_facts

    names = {dim for fact in input_facts(model) for dim in fact.dims or () if isinstance(dim, str)}
    unknown = [name for name in sizes if name not in names]
    if unknown:
        known = ", ".join(sorted(names)) or "it has none"
        raise BadInput(f"There is no free dimension {unknown[0]} in this model (known: {known}).", "Correct the name.")


def _bytes(path: Path) -> int:
    return sum(each.stat().st_size for each in path.parent.glob(f"{path.name}*"))


def _zipped(ctx: StepContext, path: Path) -> int:
    """Bytes after deflate at level 6, in pieces."""
    import zlib

    packer = zlib.compressobj(6)
    total = 0
    with path.open("rb") as stream:
        while piece := stream.read(PIECE):
            ctx.check()
            total += len(packer.compress(piece))
    return total + len(packer.flush())
