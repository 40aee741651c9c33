"""Writing ONNX: a copy, or the same network in another version of the operators."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import onnx
import onnx_ir as ir

from compress_studio.base.errors import Refused
from compress_studio.graph.canonical import raise_opset
from compress_studio.graph.opsets import version_converted, weights_as_inputs
from compress_studio.graph.saving import EXTERNAL_ABOVE, load, save, weight_bytes
from compress_studio.spec.output import Written

if TYPE_CHECKING:
    from compress_studio.outputs.onnx_file import OnnxParams
    from compress_studio.spec.ports import OnnxNet

HINT = "Leave the opset as it is, or choose one between the two."

REDUCTIONS = ("L1", "L2", "LogSum", "LogSumExp", "Max", "Mean", "Min", "Prod", "SumSquare")
NEWER = {
    "BatchNormalization": "training_mode",
    "Reshape": "allowzero",
    **dict.fromkeys((f"Reduce{one}" for one in REDUCTIONS), "noop_with_empty_axes"),
}
"""Attributes that older versions lack; these always mean what 0 says."""


def write(params: OnnxParams, network: OnnxNet, target: Path) -> Written:
    """An .onnx file; weights above 1.8 GB lie in a second one. Raises Refused when the opset cannot be had."""
    model = load(network.path)
    before = model.opset_imports.get("", model.opset_imports.get("ai.onnx", 1))
    if params.opset in {None, before} and weight_bytes(model) <= EXTERNAL_ABOVE:
        shutil.copyfile(network.path, target)
        target.chmod(0o644)
        return Written((target,))
    if params.opset is not None and params.opset != before:
        model = _converted(model, before, params.opset)
    save(model, target)
    beside = target.with_name(f"{target.name}.data")
    notes: list[str] = []
    if params.opset not in {None, before}:
        notes.append(f"Converted from opset {before} to opset {params.opset}.")
    if beside.exists():
        notes.append(f"Its weights are too large for one file: they lie in {beside.name}.")
        return Written((target, beside), tuple(notes))
    return Written((target,), tuple(notes))


def _converted(model: ir.Model, before: int, wanted: int) -> ir.Model:
    if wanted > before:
        if not raise_opset(model, wanted):
            raise Refused(f"Some operators of this network cannot be converted from opset {before} to {wanted}.", HINT)
        return model
    if model.functions:
        raise Refused(f"A network with functions cannot be converted down to opset {wanted}.", HINT)
    try:
        converted = version_converted(model, wanted)
        _forget_newer(converted)
    except Exception as error:
        # The converter raises several types for operators whose older form it does not know.
        converted = _renumbered(model, wanted) or _from_between(model, before, wanted)
        if converted is None:
            newer = {name: version for name, version in _first_versions(model).items() if version > wanted}
            if newer:
                words = ", ".join(f"{name} exists from opset {version} on" for name, version in sorted(newer.items()))
                lowest = max(newer.values())
                raise Refused(
                    f"This network has no form in opset {wanted}: {words}.", f"Choose opset {lowest} or later."
                ) from error
            raise Refused(f"This network has no form in opset {wanted}: {_reason(error)}.", HINT) from error
    for domain, version in model.opset_imports.items():
        converted.opset_imports.setdefault(domain, version)
    for mine, theirs in (
        *zip(converted.graph.inputs, model.graph.inputs, strict=True),
        *zip(converted.graph.outputs, model.graph.outputs, strict=True),
    ):
        if mine.name != theirs.name:
            raise Refused(f"The conversion to opset {wanted} would rename {theirs.name}.", HINT)
        mine.shape, mine.type = theirs.shape, theirs.type
    converted.metadata_props.update(model.metadata_props)
    converted.producer_name, converted.producer_version = model.producer_name, model.producer_version
    return converted


def _renumbered(model: ir.Model, wanted: int) -> ir.Model | None:
    """The same nodes under an older version, when that version knows all of them.

    Whether they mean the same there is proved afterwards by running both.
    """
    clone = model.clone()
    clone.opset_imports[""] = wanted
    _forget_newer(clone)
    try:
        with weights_as_inputs(clone) as proto:
            onnx.checker.check_model(proto, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError):
        return None
    return clone


def _forget_newer(model: ir.Model) -> None:
    """Take off the versions of nodes and what only newer ones can say and say no more with."""
    for node in ir.traversal.RecursiveGraphIterator(model.graph):
        if node.domain in {"", "ai.onnx"}:
            node.version = None
            newer = NEWER.get(node.op_type, "")
            if newer in node.attributes and (not node.attributes.get_int(newer, 0) or _names_all_sizes(node)):
                node.attributes.pop(newer)


def _names_all_sizes(node: ir.Node) -> bool:
    """Whether it is a Reshape to known sizes, none of which is 0, so that it does not matter what 0 means."""
    known = node.inputs[1].const_value if node.op_type == "Reshape" and node.inputs[1] is not None else None
    return known is not None and bool(known.numpy().all())


def _from_between(model: ir.Model, before: int, wanted: int) -> ir.Model | None:
    """Converted down as far as ONNX knows how, and renumbered from there."""
    for version in range(wanted + 1, before):
        try:
            lower = version_converted(model, version)
        except Exception:  # noqa: BLE001 - as above
            continue
        return _renumbered(lower, wanted)
    return None


def _first_versions(model: ir.Model) -> dict[str, int]:
    """The version in which each operator of the network came."""
    used = {node.op_type for graph in model.graphs() for node in graph if node.domain in {"", "ai.onnx"}}
    first: dict[str, int] = {}
    for schema in onnx.defs.get_all_schemas_with_history():
        if schema.domain == "" and schema.name in used:
            first[schema.name] = min(first.get(schema.name, schema.since_version), schema.since_version)
    return first


def _reason(error: Exception) -> str:
    """What the converter complains about, without places in its source."""
    line = (str(error).strip().splitlines() or [type(error).__name__])[-1]
    found = re.search(r"No Adapter From Version \$?\d+ for (\w+)|No Previous Version of (\w+) exists", line)
    return f"{found[1] or found[2]} has no older form" if found else line[:200].rstrip(".")
