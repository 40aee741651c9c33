"""The step source.model: the user's file as the first node of a pipeline."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from compress_studio.base.digest import Json
from compress_studio.base.errors import BadInput
from compress_studio.base.memory import give_back
from compress_studio.spec.params import Params, Ui
from compress_studio.spec.ports import OnnxNet
from compress_studio.spec.step import Group, StepContext, step

if TYPE_CHECKING:
    import onnx_ir as ir

    from compress_studio.artifacts.foreign import Foreign
    from compress_studio.artifacts.operators import Library
    from compress_studio.artifacts.torchfiles import Shape
    from compress_studio.graph.canonical import CanonicalReport

OVERHEAD = 0.02
"""Share of the file that is not weights or structure from which the user is told."""
OVERHEAD_BYTES = 1024
CONVERTERS = ("torch", "onnxscript")
"""Distributions on which the ONNX form of a PyTorch program depends."""


class SourceModelParams(Params):
    """What can be chosen for source.model."""

    path: Annotated[
        str, Ui("File", "The model: ONNX, a PyTorch program (.pt2, TorchScript), a file of weights, Keras, TensorFlow.")
    ] = ""
    dims: Annotated[
        str,
        Ui(
            "Sizes",
            "Sizes of free dimensions, such as L=128, or the shape of an input that has none, such as x=Nx3x224x224.",
            advanced=True,
        ),
    ] = ""
    architecture: Annotated[
        str,
        Ui(
            "Architecture",
            "The code that makes the network of a file of weights: file.py:function or package.module:function."
            " The function returns a torch.nn.Module.",
            advanced=True,
        ),
    ] = ""
    arguments: Annotated[
        str, Ui("Arguments", "Keyword arguments of that function, such as num_classes=10+width=0.5.", advanced=True)
    ] = ""
    entry: Annotated[
        str,
        Ui(
            "Entry", "The entry of a checkpoint that holds the weights, such as ema; empty: the largest.", advanced=True
        ),
    ] = ""
    custom_ops: Annotated[
        str,
        Ui(
            "Custom operators",
            "Where operators come from that ONNX Runtime lacks: extensions for the package onnxruntime-extensions, or"
            " a library (.so, .dll, .dylib) built for ONNX Runtime; + between several.",
            advanced=True,
        ),
    ] = ""


def fingerprint(params: SourceModelParams) -> Json:
    """The digest of the file and of those beside it that hold its weights; standard library only.

    Of a PyTorch program also the versions of what converts it; of weights also the digest of the code.
    """
    from importlib.metadata import version

    from compress_studio.artifacts.foreign import missing
    from compress_studio.artifacts.sniffing import TORCH_PROGRAMS, sniff
    from compress_studio.base.digest import digest_files

    path = Path(params.path)
    network = _foreign(params)
    if network is not None:
        error = missing(network)
        if error is not None:
            raise error
        return [digest_files(network.files, network.folder), *network.versions]
    digest = digest_files(_files(params), path.parent)
    if _needs_code(params):
        from compress_studio.artifacts.codesource import source_of

        source = source_of(path, params.architecture, params.arguments, params.entry)
        code = source.architecture.digest if source.architecture is not None else ""
        return [digest, code, *(version(name) for name in CONVERTERS)]
    if sniff(path) in TORCH_PROGRAMS:
        return [digest, *(version(name) for name in CONVERTERS)]
    if params.architecture:
        from compress_studio.artifacts.codefiles import parse_architecture

        return [digest, parse_architecture(params.architecture, path).digest]
    if params.custom_ops:
        from compress_studio.artifacts.operators import parse_libraries

        return [digest, *(f"{one.name} {one.identity}" for one in parse_libraries(params.custom_ops, path))]
    return digest


def _files(params: SourceModelParams) -> list[Path]:
    """The file and those beside it that hold its weights. Raises BadInput for what is no model."""
    from compress_studio.artifacts.checkpoints import checkpoint_files
    from compress_studio.artifacts.external import model_files

    path = Path(params.path)
    network = _foreign(params)
    if network is not None:
        return list(network.files)
    return checkpoint_files(path) if _needs_code(params) else model_files(path)


def _foreign(params: SourceModelParams) -> Foreign | None:
    """The network of another framework that the path is; with code that makes the network it is only weights."""
    from compress_studio.artifacts.foreign import foreign
    from compress_studio.artifacts.sniffing import sniff

    path = Path(params.path)
    return None if params.architecture or not params.path or not path.exists() else foreign(path, sniff(path))


def _needs_code(params: SourceModelParams) -> bool:
    """Whether the file holds weights, for which code makes the network."""
    from compress_studio.artifacts.checkpoints import CHECKPOINTS
    from compress_studio.artifacts.sniffing import sniff

    path = Path(params.path)
    return sniff(path) in CHECKPOINTS or (bool(params.architecture) and path.suffix == ".py")


def asks_data(params: SourceModelParams) -> bool:
    """Whether the user's samples are looked at: what comes from PyTorch is compared on them with the original.

    They also tell the shape of the inputs of weights, and of a TorchScript program without any.
    """
    from compress_studio.artifacts.sniffing import TORCH_PROGRAMS, Format, sniff

    path = Path(params.path)
    if not params.path or not path.exists() or _foreign(params) is not None:
        return False
    return path.is_dir() or _needs_code(params) or sniff(path) in {*TORCH_PROGRAMS, Format.ZIP}


@step(
    id="source.model",
    version=2,
    title="Model",
    group=Group.SOURCE,
    fingerprint=fingerprint,
    asks_data=asks_data,
    depends_on=("onnx", "onnx-ir"),
)
def source_model(ctx: StepContext, params: SourceModelParams) -> OnnxNet:
    """Open a model and bring it into the form that all steps work on.

    The file is read, checked and opened once in ONNX Runtime; nothing in it is run except its operators. Then it is
    rewritten without changing what it computes: functions become nodes, constants become initializers, Identity nodes
    go away, the opset is raised to 13 where it is older, nodes and weights get the names of the layers that they belong
    to, and the notes of the exporter are dropped. The outputs of both forms are compared on made-up inputs; a rewriting
    that changes them is taken back.

    A PyTorch program, from `torch.export.save` (.pt2) or `torch.jit.save` (TorchScript), is converted to ONNX first,
    and its outputs are compared with PyTorch's on made-up inputs of two batch sizes, and on eight samples of the data
    set when there is one: a difference above 0.0001 of the largest output is an error. What could run code of the file
    outside of the network is refused before anything is loaded.

    **Weights.** A checkpoint (`.pt`, `.pth`, `.bin` in all forms of PyTorch), safetensors, or the index of several
    files holds no network: `compress-studio info FILE` shows its tensors and says what to do. The network comes from
    code: `architecture=net.py:make` or `architecture=torchvision.models:resnet18`, a function that returns a
    `torch.nn.Module`, with `arguments=num_classes=10`. Prefixes of wrappers are taken off, half precision becomes
    float32, optimizer state is left aside, and weights that do not fit are listed beside those of the network. A
    pickled network opens too; `architecture=net.py` then only provides its classes. Sizes of inputs come from `dims`,
    from example inputs that the function returns beside the network, or from the data set.

    **Other frameworks.** Models of Keras (`.keras`, `.h5`), TensorFlow SavedModels and frozen graphs, TensorFlow Lite
    models and folders of Hugging Face (`config.json` beside `model.safetensors`) are converted when the package for it
    is installed; else the message names the command that installs it. The conversion runs in a process of its own, and
    outputs are compared with those of the original on made-up inputs. What would run code of the file is refused.

    A folder or ZIP archive with exactly one model inside is opened like that model.

    **Code** runs only after you allowed it, by the digest of its files (`--allow-code net.py`): in a process of its
    own with an empty folder and home, without the variables of your session, with limits of time and memory. On Linux
    it has no network, cannot look into other processes and writes only into its own folder; it can read what you can.
    Elsewhere, or where the system does not allow that, the log of the step says what it was not kept from. It leaves a
    program that is then looked at like the file of a stranger. A file of weights itself is never unpickled
    for its weights; a pickled network is, in that process, after you allowed the pickle.

    Names, types and sizes of inputs and outputs, free dimensions, the description and the metadata stay as they are.

    **Sizes.** A free dimension besides the batch (a sequence length, an image size) is given a likely size for the
    comparison and for counting operations. When no likely size lets the network run, give it here: `dims=L=128`, or
    `dims=L=128+x=Nx3x224x224` for several.

    A TorchScript program holds no shapes of its inputs. Without `dims` they are those with which it was traced; else
    those of the samples in the data set, with a channel axis, channels first or as a square picture where only that
    runs. What was chosen is said as a warning.

    **Custom operators.** Operators that ONNX Runtime lacks come from `custom_ops=extensions` (the package
    onnxruntime-extensions) or `custom_ops=libmine.so`, a library built against ONNX Runtime's C API, which is code: it
    is loaded into worker processes only, after you allowed it by its digest (`--allow-code libmine.so`). The network
    carries the name and digest in its metadata (`compress_studio.custom_operators`), so that later steps, measurements
    and exports find it. Steps leave such operators alone.

    **Ratios** of all later steps are against the file as it was given: its own bytes, not those of the rewritten form.
    """
    from compress_studio.graph.canonical import canonicalize
    from compress_studio.graph.layers import weight_layers
    from compress_studio.graph.samples import synthetic
    from compress_studio.graph.saving import save

    params = _unpacked(ctx, params)
    path = Path(params.path)
    model, sizes = _open(ctx, path, params)
    give_back()  # programs of PyTorch are held by circles of references, with all their weights
    ctx.progress(0.2, "opened")
    try:
        report = canonicalize(model, synthetic(model, 2, 0, sizes))
    except BadInput as error:
        raise BadInput(f"{path.name}: {error.message[:1].lower() + error.message[1:]}", error.hint) from error
    ctx.progress(0.7, "rewritten")
    result = save(model, ctx.scratch / "model.onnx")
    give_back()
    ctx.progress(0.8, "written")
    _tell(ctx, params, model, report, _bytes(result))
    ctx.changed(0, len(weight_layers(model)))
    return OnnxNet(result)


def _unpacked(ctx: StepContext, params: SourceModelParams) -> SourceModelParams:
    """The parameters with the model inside an archive in place of the archive."""
    from compress_studio.artifacts.containers import unpack
    from compress_studio.artifacts.sniffing import Format, sniff

    path = Path(params.path)
    if sniff(path) is not Format.ZIP:
        return params
    folder = ctx.scratch / "unpacked"
    folder.mkdir()
    inside = unpack(path, folder)
    ctx.note(f"Opened {inside.relative_to(folder).as_posix()} of the archive {path.name}.")
    return params.model_copy(update={"path": str(inside)})


def _open(ctx: StepContext, path: Path, params: SourceModelParams) -> tuple[ir.Model, dict[str, int]]:
    """The network of a file, with the sizes of free dimensions that were given."""
    from compress_studio.artifacts.formats import open_onnx
    from compress_studio.artifacts.sniffing import TORCH_PROGRAMS, sniff
    from compress_studio.steps.kernels.torch_inputs import parse_dims

    given = parse_dims(params.dims)
    network = _foreign(params)
    if network is not None:
        from compress_studio.steps.kernels.foreign_opening import open_foreign

        return open_foreign(ctx, network, given, _apply_dims)
    if _needs_code(params):
        from compress_studio.artifacts.codesource import source_of
        from compress_studio.steps.kernels.code_opening import open_with_code

        source = source_of(path, params.architecture, params.arguments, params.entry)
        return open_with_code(ctx, source, given, _apply_dims)
    kind = sniff(path)
    if kind not in TORCH_PROGRAMS:
        model = open_onnx(path, _libraries(ctx, params))
        return model, _apply_dims(model, given)
    from compress_studio.steps.kernels.torch_opening import open_program

    return open_program(ctx, path, kind, given, _apply_dims)


def _libraries(ctx: StepContext, params: SourceModelParams) -> list[Library]:
    """The allowed libraries for operators that ONNX Runtime lacks."""
    from compress_studio.artifacts.operators import parse_libraries, require_consent

    found = parse_libraries(params.custom_ops, Path(params.path))
    require_consent(found)
    if found:
        ctx.fact("custom_operators", [one.plain() for one in found])
        listed = " and ".join(f"{one.name} ({one.identity[:12]})" for one in found)
        ctx.note(f"Operators that ONNX Runtime lacks come from {listed}; whoever runs the result needs that too.")
    return found


def _tell(
    ctx: StepContext, params: SourceModelParams, model: ir.Model, report: CanonicalReport, result_bytes: int
) -> None:
    from compress_studio.base.zipping import deflated_bytes
    from compress_studio.graph.costs import cost
    from compress_studio.graph.facts import quantization, weight_warnings

    files, coded = _files(params), _needs_code(params)
    original = sum(file.stat().st_size for file in files)
    ctx.fact("file", files[0].name)
    ctx.fact("original_bytes", original)
    ctx.fact("original_zipped_bytes", deflated_bytes(files, ctx.check))
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
        others = "what else a checkpoint keeps, such as the state of an optimizer" if coded else "notes of the exporter"
        ctx.warn(
            "file_overhead",
            f"{saved:,} bytes ({saved / original:.0%}) of the file are {others} or unused: every result is smaller by"
            " that without any compression.",
        )


def _apply_dims(model: ir.Model, given: Mapping[str, Shape]) -> dict[str, int]:
    """Shapes are written into the inputs that they name; sizes of free dimensions are returned."""
    import onnx_ir as ir

    inputs = {value.name: value for value in model.graph.inputs}
    sizes: dict[str, int] = {}
    for name, dims in given.items():
        if name in inputs and (len(dims) > 1 or inputs[name].shape is None):
            inputs[name].shape = ir.Shape(dims)
        elif len(dims) == 1 and isinstance(dims[0], int):
            sizes[name] = dims[0]
        else:
            known = ", ".join(str(each) for each in inputs)
            text = "x".join(map(str, dims))
            raise BadInput(f"dims={name}={text}: there is no input {name} (known: {known}).", "Correct the name.")
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
