"""From a network of another framework to the one that the pipeline begins with: a process of its own, and proof."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from compress_studio.artifacts.converters import TENSORFLOW, has
from compress_studio.artifacts.foreign import Foreign, missing, require_safe
from compress_studio.artifacts.formats import open_onnx
from compress_studio.artifacts.sniffing import Format
from compress_studio.artifacts.torchfiles import Shape
from compress_studio.base.errors import BadInput
from compress_studio.spec.step import StepContext
from compress_studio.steps.kernels import foreign_child, torch_inputs
from compress_studio.steps.kernels.code_process import how_isolated, run_code
from compress_studio.steps.kernels.torch_import import TOLERANCE, difference
from compress_studio.steps.kernels.torch_opening import Apply, Opened

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

STEPS = 1.01
"""How many quantization steps outputs of 8 or 16 bits may differ by."""
WIDEST = 2
"""Bytes of numbers that may stand for steps; wider ones are numbers of classes or places."""
ROUNDED = 0.02
"""Largest difference to an original that itself rounds to 8 bits while it computes, relative to the largest output."""
ELSEWHERE = "Export it to ONNX where it was made, and open that file."


def open_foreign(ctx: StepContext, network: Foreign, given: Mapping[str, Shape], apply: Apply) -> Opened:
    """Convert a network and prove it equal; the network, with the sizes of free dimensions that were given.

    Raises BadInput for what is unsafe, whose converter is missing, what cannot be converted, or computes something else
    as ONNX.
    """
    require_safe(network)
    error = missing(network)
    if error is not None:
        raise error
    title = network.converter.title
    ctx.progress(0.02, f"converting from {title}")
    folder = ctx.scratch / "foreign"
    folder.mkdir()
    answer = _converted(ctx, folder, network, given)
    ctx.progress(0.12, "converted")
    target = folder / foreign_child.MODEL
    model = open_onnx(target)
    sizes = apply(model, given)
    allowed = ROUNDED if answer["rounds"] else TOLERANCE
    worst = _compared(target, folder / foreign_child.CHECKS, network, allowed)
    ctx.fact("converted_from", title)
    ctx.fact("converted_by", answer["way"])
    for text in answer["notes"]:
        ctx.note(str(text))
    kept_from = [str(one) for one in answer.get("isolated", ())]
    ctx.fact("isolated", list(kept_from))
    ctx.note(how_isolated(kept_from))
    if not answer["compared"]:
        ctx.warn("conversion_not_compared", f"{title} could not run it here, so the conversion was not compared.")
        return model, sizes
    ctx.fact("conversion_difference", worst)
    if worst > TOLERANCE:
        ctx.warn(
            "conversion_rounds",
            f"In {title} it computes with whole numbers of 8 bits in parts; converted, those parts compute in float32."
            f" Outputs differ by {worst:.1g} of the largest.",
        )
    ctx.note(f"Converted by {answer['way']}; outputs equal those of {title} within {worst:.1g} of the largest.")
    return model, sizes


def _converted(ctx: StepContext, folder: Path, network: Foreign, given: Mapping[str, Shape]) -> dict[str, Any]:
    """What the process answers; a model of Keras that TensorFlow cannot give is tried with PyTorch."""
    request = _request(network, given)
    keras = network.kind in {Format.KERAS.name, Format.HDF5.name}
    both = all(map(has, TENSORFLOW))
    if keras and not both:
        request["hint"] = "Another way may convert it: pip install tensorflow tf2onnx"
    try:
        return run_code(ctx, folder, request, lambda names: [])
    except BadInput as first:
        if not keras or not both:
            raise
        ctx.note(f"By way of TensorFlow it cannot be converted: {first.message}")
        try:
            return run_code(ctx, folder, {**request, "torch": True}, lambda names: [])
        except BadInput:
            raise first from None


def _request(network: Foreign, given: Mapping[str, Shape]) -> dict[str, Any]:
    sizes = {name: shape[0] for name, shape in given.items() if torch_inputs.is_size(shape)}
    shapes = {name: list(shape) for name, shape in given.items() if name not in sizes}
    return {
        "what": network.name,
        "foreign": network.kind,
        "path": str(network.path.absolute()),
        "name": network.name,
        "title": network.converter.title,
        "hint": ELSEWHERE,
        "sizes": sizes,
        "shapes": shapes,
    }


def _compared(path: Path, checks: Path, network: Foreign, allowed: float) -> float:
    """The largest difference to the outputs of the original, over the largest value of each.

    Raises BadInput when it is above what is allowed, or above one step where outputs are quantized.
    """
    from compress_studio.graph.session import open_session, run

    session = open_session(path, optimize=False)  # its optimizations keep several copies of all weights
    worst = 0.0
    with np.load(checks, allow_pickle=False) as rows:
        for number in sorted({key.split("/")[0] for key in rows}):
            arrays = _arrays(session, rows, number)
            expected = [rows[f"{number}/out/{place}"] for place in range(_count(rows, f"{number}/out/"))]
            got = list(run(session, arrays).values())
            if [one.shape for one in got] != [one.shape for one in expected]:
                raise BadInput(f"{network.name}: converted to ONNX its outputs have other shapes.", ELSEWHERE)
            for one, two in zip(expected, got, strict=True):
                if np.issubdtype(one.dtype, np.integer) and one.itemsize <= WIDEST and _within_a_step(one, two):
                    continue
                worst = max(worst, difference(one, two))
    if not worst <= allowed:
        raise BadInput(
            f"{network.name}: converted to ONNX it gives other outputs than in {network.converter.title} (they"
            f" differ by {worst:.2g} of the largest output, {allowed:g} is allowed).",
            ELSEWHERE,
        )
    return worst


def _arrays(session: InferenceSession, rows: Any, number: str) -> dict[str, np.ndarray]:
    return {one.name: rows[f"{number}/in/{place}"] for place, one in enumerate(session.get_inputs())}


def _within_a_step(one: np.ndarray, two: np.ndarray) -> bool:
    """Whether numbers of one quantization lie at most one step apart."""
    return bool(np.abs(one.astype(np.int64) - two.astype(np.int64)).max(initial=0) <= STEPS)


def _count(rows: Any, start: str) -> int:
    return sum(1 for key in rows if key.startswith(start))
