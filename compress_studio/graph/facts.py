"""What can be said about a user's file without running a pipeline."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from compress_studio.artifacts.checkpoints import CHECKPOINTS
from compress_studio.artifacts.checkpoints import look as look_at_weights
from compress_studio.artifacts.containers import unpack
from compress_studio.artifacts.foreign import foreign
from compress_studio.artifacts.formats import Format, model_files, prove_runnable, read_onnx, sniff
from compress_studio.artifacts.hub import hub_folder
from compress_studio.artifacts.refusals import refuse
from compress_studio.artifacts.sniffing import TORCH_PROGRAMS
from compress_studio.artifacts.torchfiles import look
from compress_studio.base.errors import BadInput
from compress_studio.base.paths import scratch_dir
from compress_studio.graph.foreign_facts import foreign_facts

if TYPE_CHECKING:
    import onnx_ir as ir

    from compress_studio.base.digest import Json
    from compress_studio.graph.costs import Costs
    from compress_studio.graph.shapes import Shapes

INTEGER_OPERATORS = frozenset(
    {"QLinearConv", "QLinearMatMul", "ConvInteger", "MatMulInteger", "QGemm", "DynamicQuantizeLSTM"}
    | {"DynamicQuantizeMatMul", "MatMulIntegerToFloat", "QAttention", "DynamicQuantizeLinear"}
)
CONTROL_FLOW = frozenset({"If", "Loop", "Scan", "SequenceMap"})


def inspect(path: Path) -> dict[str, Json]:
    """The facts of an ONNX model as JSON: sizes, interface, operators, costs, one row per layer, warnings.

    Of a PyTorch program only what its file tells without being run; of a file of weights its tensors, the family that
    they suggest, and what to do next; of a network of another framework what tells itself unconverted.

    Raises BadInput naming the file, the cause and the remedy for a file that is not a usable network.
    """
    from compress_studio.graph.costs import cost
    from compress_studio.graph.inputs import input_facts
    from compress_studio.graph.tidy import lift_constants

    kind_of_file = sniff(path)
    network = foreign(path, kind_of_file)
    hub = hub_folder(path) if path.is_file() else None
    # Weights whose configuration wants code of its own are weights, for which the user gives a function.
    if network is not None and not (hub is not None and hub.remote_code):
        return foreign_facts(network)
    if kind_of_file in TORCH_PROGRAMS:
        return _program(path, kind_of_file)
    if kind_of_file in CHECKPOINTS:
        return _weights(path, kind_of_file)
    if kind_of_file is Format.ZIP:
        with scratch_dir() as folder:
            return {**inspect(unpack(path, folder)), "archive": path.name}
    model = read_onnx(path)
    opsets: dict[str, Json] = {domain or "ai.onnx": version for domain, version in model.opset_imports.items()}
    operators: dict[str, Json] = dict(_operators(model).most_common())
    inputs = input_facts(model)
    defaults = [value.name or "" for value in model.graph.inputs if value.name in model.graph.initializers]
    lift_constants(model)
    shapes = _shapes(model, path)
    costs = cost(model, shapes)
    kind = quantization(model)
    return {
        "file": path.name,
        "format": "ONNX" if kind_of_file is Format.ONNX else kind_of_file.value,
        "bytes": sum(each.stat().st_size for each in model_files(path)),
        "opset": opsets.get("ai.onnx"),
        "opsets": opsets,
        "ir_version": model.ir_version,
        "producer": " ".join(filter(None, (model.producer_name, model.producer_version))),
        "inputs": [_value(fact.name, fact.dtype, fact.dims) for fact in inputs],
        "outputs": [_value(value.name or "", _dtype(value), _dims(value)) for value in model.graph.outputs],
        "parameters": costs.parameters,
        "nonzero": costs.nonzero,
        "macs": costs.macs,
        "sizes": dict(shapes.binding),
        "layers_total": len(costs.rows),
        "quantized": kind,
        "control_flow": any(node.op_type in CONTROL_FLOW for node in model.graph),
        "metadata": dict(model.metadata_props),
        "operators": operators,
        "bytes_by_type": dict(costs.bytes_by_type),
        "layers": [row.plain() for row in costs.rows],
        "warnings": [{"code": code, "message": text} for code, text in _warnings(model, costs, kind, defaults)],
    }


def _program(path: Path, kind: Format) -> dict[str, Json]:
    facts = look(path, kind)
    traced = kind is Format.TORCHSCRIPT
    names = [f"traced with {one.name}" if traced else one.name for one in facts.inputs]
    return {
        "file": path.name,
        "format": kind.value,
        "bytes": path.stat().st_size,
        "inputs": [_value(name, one.dtype, one.shape) for name, one in zip(names, facts.inputs, strict=True)],
        "parameters": facts.parameters,
        "opening": "It is converted to ONNX when it is opened; the layers are known then.",
        "tensors_total": len(facts.tensors),
        "tensors": [{"name": name, "shape": "×".join(map(str, shape))} for name, shape in facts.tensors.items()],
        "warnings": [],
    }


def _weights(path: Path, kind: Format) -> dict[str, Json]:
    from compress_studio.artifacts.advice import next_step
    from compress_studio.artifacts.families import guess
    from compress_studio.artifacts.weight_groups import choose, groups, remarks

    checkpoint = look_at_weights(path)
    if not checkpoint.tensors:
        raise refuse(path, kind)
    found = groups(checkpoint)
    chosen = choose(found, path.name)
    family = guess(chosen.shapes)
    return {
        "file": path.name,
        "format": checkpoint.form,
        "bytes": checkpoint.bytes,
        "holds": "weights without an architecture" if not chosen.pickled_class else "a pickled network",
        "parameters": chosen.parameters,
        "family": family.title if family is not None else "",
        "imports": list(checkpoint.foreign),
        "tensors_total": len(chosen.tensors),
        "tensors": [
            {
                "name": name,
                "shape": "×".join(map(str, tensor.shape)) or "scalar",
                "dtype": tensor.dtype,
                "bytes": tensor.bytes,
            }
            for name, tensor in chosen.tensors.items()
        ],
        "entries": [
            {
                "entry": one.name or "(outermost)",
                "holds": one.kind.value,
                "tensors": len(one.tensors),
                "parameters": one.parameters,
            }
            for one in found
        ],
        "remarks": list(remarks(checkpoint, found, chosen)),
        "next": list(next_step(checkpoint, chosen, family)),
        "warnings": [],
    }


def quantization(model: ir.Model) -> str:
    """How a network is quantized: "none", "int8" (computes with integers) or "weights" (only stores them)."""
    operators = set(_operators(model))
    if operators & INTEGER_OPERATORS or "QuantizeLinear" in operators:
        return "int8"
    if operators & {"MatMulNBits", "MatMulBnb4", "MatMulFpQ4", "GatherBlockQuantized", "DequantizeLinear"}:
        return "weights"
    return "none"


def weight_warnings(not_a_number: int, kind: str) -> list[tuple[str, str]]:
    """Warnings about the weights of a network, as (code, message)."""
    found: list[tuple[str, str]] = []
    if not_a_number:
        several = not_a_number > 1
        count = f"{not_a_number:,} weights are" if several else "1 weight is"
        found.append(("nan_weights", f"{count} not a number: the outputs will not be numbers either."))
    if kind == "int8":
        text = "The model is already quantized to int8: quantizing it again gains nothing, and ratios are against int8."
        found.append(("already_quantized", text))
    elif kind == "weights":
        text = "Some weights are already stored quantized: ratios are against the quantized model."
        found.append(("already_quantized", text))
    return found


def _warnings(model: ir.Model, costs: Costs, kind: str, defaults: list[str]) -> list[tuple[str, str]]:
    found = weight_warnings(costs.not_a_number, kind)
    if costs.parameters and not costs.nonzero:
        found.append(("all_zero", "All weights are zero."))
    flows = sorted({node.op_type for node in model.graph if node.op_type in CONTROL_FLOW})
    if flows:
        text = f"The network branches ({', '.join(flows)}): what is inside its branches is left as it is."
        found.append(("control_flow", text))
    if costs.macs is None:
        found.append(("macs_unknown", "The multiply-accumulates of some operators are not known."))
    if defaults and model.ir_version >= 4:
        listed = ", ".join(defaults[:3]) + (", …" if len(defaults) > 3 else "")
        found.append(("inputs_with_defaults", f"Inputs with a stored value are taken as fixed: {listed}."))
    return found


def _shapes(model: ir.Model, path: Path) -> Shapes:
    from compress_studio.graph.shapes import trace

    try:
        return trace(model)
    except BadInput as error:
        # The reason may be a graph that the runtime refuses altogether; then that is what must be said.
        if "does not run" in error.message:
            prove_runnable(model, path)
        raise BadInput(f"{path.name}: {error.message[:1].lower() + error.message[1:]}", error.hint) from error


def _operators(model: ir.Model) -> Counter[str]:
    return Counter(node.op_type for graph in model.graphs() for node in graph)


def _value(name: str, dtype: str, dims: tuple[int | str, ...] | None) -> Json:
    return {"name": name, "dtype": dtype, "dims": None if dims is None else list(dims)}


def _dtype(value: ir.Value) -> str:
    return value.dtype.name if value.dtype is not None else ""


def _dims(value: ir.Value) -> tuple[int | str, ...] | None:
    if value.shape is None:
        return None
    return tuple(size if isinstance(size, int) else (size.value or "?") for size in value.shape)
