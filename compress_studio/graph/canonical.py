"""The canonical form of a network: the same function, written so that every step finds its weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from compress_studio.graph import rewrite, sizes, tidy
from compress_studio.graph.saving import MAX_IR_VERSION, MIN_IR_VERSION

if TYPE_CHECKING:
    import onnx_ir as ir

WANTED_OPSET = 13
"""From here on DequantizeLinear has an axis, which weights quantized per channel need."""
TOLERANCE = 1e-5
"""Largest difference of outputs, relative to the largest output."""
RANDOM = frozenset(
    {"RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Multinomial", "Bernoulli"}
)


@dataclass(slots=True)
class CanonicalReport:
    """What was rewritten, in words, and the proof."""

    changes: list[str] = field(default_factory=list[str])
    max_difference: float = 0.0
    """Largest difference of any output on the samples, relative to its largest value; 0: bit-identical."""
    opset_raised: tuple[int, int] | None = None
    """From and to, when the opset was raised."""
    opset_kept: str = ""
    """Why the opset could not be raised, when that was wanted."""
    proved: bool = True
    """False for networks that draw random numbers: their outputs cannot be compared."""


Pass = Callable[["ir.Model", CanonicalReport], None]


def canonicalize(model: ir.Model, samples: Mapping[str, np.ndarray] | None = None) -> CanonicalReport:
    """Rewrite a network in place into the canonical form; its outputs stay the same.

    Functions become nodes, constants become initializers, what follows from the sizes of weights is stored, Identity
    nodes go away, transposed weights are stored transposed, the opset is raised to 13, one-dimensional weights are not
    shared, nodes have unique names that people recognise, recorded shapes and the notes of the exporter are dropped.
    Names, sizes and types of inputs and outputs, the description and the metadata of the model stay.

    Args: samples by input name, for the comparison with the original; synthetic ones when missing.
    Raises BadInput when the original does not run.
    """
    from compress_studio.graph.samples import synthetic
    from compress_studio.graph.shapes import refuse_giants

    model.ir_version = min(max(model.ir_version, MIN_IR_VERSION), MAX_IR_VERSION)
    feeds = dict(samples) if samples is not None else synthetic(model, 2, seed=0)
    refuse_giants(model, {})
    expected = _outputs(model, feeds)
    random = any(node.op_type in RANDOM for graph in model.graphs() for node in graph) or bool(
        model.functions and _differ(expected, _outputs(model, feeds)) > 0
    )
    original = model.clone()
    last = ""
    for passes in (ALL, WITHOUT_RISK, ONLY_NAMES):
        report = CanonicalReport(proved=not random)
        try:
            for each in passes:
                each(model, report)
            report.max_difference = 0.0 if random else _differ(expected, _outputs(model, feeds))
        except Exception as error:  # noqa: BLE001 - whatever a rewriting does wrong, the smaller set is tried
            report.max_difference = float("inf")
            last = str(error)
        if report.max_difference <= TOLERANCE:
            _state_ranks(model, expected)
            if passes is not ALL:
                report.changes.append("Some rewritings were left out, because they would have changed the outputs.")
            return report
        _restore(model, original.clone())
    return CanonicalReport(["Nothing was rewritten: every rewriting changed the outputs. " + last], proved=not random)


def raise_opset(model: ir.Model, target: int) -> bool:
    """Convert a network in place to a newer version of the ONNX operators; False when that is not possible.

    A network that is new enough stays as it is. Outputs are not compared here.
    """
    from compress_studio.graph.opsets import version_converted

    current = model.opset_imports.get("", target)
    if current >= target:
        return True
    if model.functions:
        return False
    names = [value.name for value in [*model.graph.inputs, *model.graph.outputs]]
    try:
        converted = version_converted(model, target)
    except Exception:  # noqa: BLE001 - the converter raises RuntimeError and others for operators it lacks
        return False
    if [value.name for value in [*converted.graph.inputs, *converted.graph.outputs]] != names:
        return False
    for domain, version in model.opset_imports.items():
        converted.opset_imports.setdefault(domain, version)
    for before, after in zip(model.graph.inputs, converted.graph.inputs, strict=True):
        after.shape, after.type = before.shape, before.type
    for before, after in zip(model.graph.outputs, converted.graph.outputs, strict=True):
        after.shape, after.type = before.shape, before.type
    converted.graph.doc_string = model.graph.doc_string
    model.graph = converted.graph
    return True


def largest_difference(first: Mapping[str, np.ndarray], second: Mapping[str, np.ndarray]) -> float:
    """The largest difference of equally named arrays, relative to the largest finite value of the first.

    Infinite when names, shapes or the places of not-a-number differ.
    """
    return _differ(first, second)


def _opset(model: ir.Model, report: CanonicalReport) -> None:
    before = model.opset_imports.get("", WANTED_OPSET)
    if before >= WANTED_OPSET:
        return
    if raise_opset(model, WANTED_OPSET):
        report.opset_raised = (before, WANTED_OPSET)
        report.changes.append(f"The ONNX version was raised from opset {before} to opset {WANTED_OPSET}.")
    else:
        report.opset_kept = f"The ONNX version stays at opset {before}: some of its operators cannot be converted."


def _counted(words: str, rewriting: Callable[[ir.Model], int]) -> Pass:
    def apply(model: ir.Model, report: CanonicalReport) -> None:
        count = rewriting(model)
        if count:
            report.changes.append(words.format(count=count, s="" if count == 1 else "s"))

    return apply


_inline = _counted("{count} function{s} written out as nodes.", tidy.inline_functions)
_defaults = _counted("{count} input{s} with a stored value made fixed.", tidy.fix_defaults)
_constants = _counted("{count} constant{s} stored as initializer{s}.", tidy.lift_constants)
_identities = _counted("{count} Identity node{s} removed.", tidy.remove_identities)
_sizes = _counted("{count} node{s} on sizes of weights computed once and stored.", sizes.fold_sizes)
_transposes = _counted("{count} weight{s} stored the way they are used.", tidy.fold_layout)
_unshare = _counted("{count} shared one-dimensional weight{s} copied for each use.", tidy.unshare_vectors)
_names = _counted("{count} weight{s} or node{s} given a name that people recognise.", tidy.give_names)
_notes = _counted("{count} recorded shape{s} and note{s} of the exporter dropped.", tidy.drop_notes)
_unused = _counted("{count} unused node{s} and weight{s} removed.", rewrite.remove_unused)

ALL: tuple[Pass, ...] = (
    _inline,
    _defaults,
    _constants,
    _identities,
    _opset,
    _constants,
    _identities,
    _sizes,
    _unused,
    _transposes,
    _unshare,
    _names,
    _notes,
)
WITHOUT_RISK: tuple[Pass, ...] = (_inline, _defaults, _constants, _unused, _names, _notes)
ONLY_NAMES: tuple[Pass, ...] = (_defaults, _names)


def _state_ranks(model: ir.Model, outputs: Mapping[str, np.ndarray]) -> None:
    """Give outputs without a shape at least their number of dimensions, which a valid file must state."""
    import onnx_ir as ir

    for value in model.graph.outputs:
        array = outputs.get(value.name or "")
        if value.shape is None and isinstance(value.type, ir.TensorType) and array is not None:
            value.shape = ir.Shape([None] * array.ndim)


def _outputs(model: ir.Model, feeds: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    from compress_studio.graph.session import open_session, run
    from compress_studio.graph.shapes import does_not_run

    try:
        return run(open_session(model, optimize=False), feeds)
    except Exception as error:
        raise does_not_run(error) from error


def _differ(first: Mapping[str, np.ndarray], second: Mapping[str, np.ndarray]) -> float:
    worst = 0.0
    for name, one in first.items():
        two = second.get(name)
        if two is None or two.shape != one.shape or two.dtype != one.dtype:
            return float("inf")
        if one.dtype.kind not in "fc" and one.dtype.name != "bfloat16":
            if not np.array_equal(one, two):
                return float("inf")
            continue
        one, two = one.astype(np.float64), two.astype(np.float64)
        finite = np.isfinite(one)
        if not np.array_equal(one[~finite], two[~finite], equal_nan=True):
            return float("inf")
        if finite.any():
            scale = max(float(np.abs(one[finite]).max()), 1e-30)
            worst = max(worst, float(np.abs(one[finite] - two[finite]).max()) / scale)
    return worst


def _restore(model: ir.Model, original: ir.Model) -> None:
    model.graph = original.graph
    model.functions.clear()
    model.functions.update(original.functions)
