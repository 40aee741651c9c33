"""Which inputs a TorchScript program is recorded for: as the user says, as it was traced, or as the data suggest.

Read by the planning process too: standard library only.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from compress_studio.artifacts.families import likely_shape
from compress_studio.artifacts.torchfiles import Shape, TorchFacts
from compress_studio.base.errors import BadInput
from compress_studio.spec.data import SampleShape

BATCH = "N"
CHANNELS = frozenset({1, 3, 4})
KINDS = ("FLOAT", "INT64")
MOST_INPUTS = 4
"""Inputs up to which all combinations of types are tried."""
HOW = "Give it as the first step: --step source.model:dims={option} (N for a free batch)."


@dataclass(frozen=True, slots=True)
class Layout:
    """The inputs for which a program is recorded."""

    shapes: tuple[Shape, ...]
    """One per input, in their order; the first name of an axis 0 counts samples."""
    dtypes: tuple[str, ...]
    """Names of the ONNX types."""

    def text(self, names: Sequence[str]) -> str:
        """Name and shape of each input, for people."""
        rows = zip(names, self.shapes, self.dtypes, strict=False)
        return ", ".join(
            f"{name} {' × '.join(map(str, shape))}{'' if dtype == 'FLOAT' else f' of {dtype.lower()}'}"
            for name, shape, dtype in rows
        )

    def option(self, names: Sequence[str]) -> str:
        """The same as the parameter dims takes it."""
        return "+".join(f"{name}={'x'.join(map(str, shape))}" for name, shape in zip(names, self.shapes, strict=False))


def parse_dims(text: str) -> dict[str, Shape]:
    """Read "L=128+x=Nx3x32" (or with commas): sizes by the name of a dimension or of an input, names in capitals.

    Raises BadInput for what cannot be read.
    """
    found: dict[str, Shape] = {}
    for part in filter(None, (each.strip() for each in re.split("[,;+]", text))):
        name, _, size = (each.strip() for each in part.partition("="))
        dims = [int(each) if each.isdigit() else each.upper() for each in size.lower().replace("×", "x").split("x")]
        if not name or not size or not all(isinstance(dim, int) or dim.isidentifier() for dim in dims):
            raise BadInput(
                f"dims={part} cannot be read.",
                "Write sizes as L=128, the shape of an input as x=Nx3x224x224, and + between several.",
            )
        found[name] = tuple(dims)
    return found


def is_size(shape: Shape) -> bool:
    """Whether it is a single number: the size of a free dimension."""
    return len(shape) == 1 and isinstance(shape[0], int)


def holds_shape(given: Mapping[str, Shape]) -> bool:
    """Whether the shape of an input is among what was given, not only sizes of free dimensions."""
    return not all(map(is_size, given.values()))


def given_layouts(file: str, names: Sequence[str], facts: TorchFacts, given: Mapping[str, Shape]) -> list[Layout]:
    """The layouts with the shapes that the user gave; types as traced, else all that are usual."""
    shapes: list[Shape] = []
    for place, name in enumerate(names):
        if name in given:
            shapes.append(given[name])
        elif place < len(facts.inputs):
            shapes.append(_free(facts.inputs[place].shape))
        else:
            raise asking(file, names, facts, name)
    kinds = [[facts.inputs[place].dtype] if place < len(facts.inputs) else list(KINDS) for place in range(len(names))]
    return [Layout(tuple(shapes), one) for one in _combinations(kinds)]


def traced_layouts(facts: TorchFacts) -> list[Layout]:
    """The layouts that the examples of a traced program suggest: with a free batch, and exactly as traced."""
    shapes = tuple(one.shape for one in facts.inputs)
    kinds = tuple(one.dtype or KINDS[0] for one in facts.inputs)
    return [Layout(tuple(map(_free, shapes)), kinds), Layout(shapes, kinds)]


def sample_layouts(names: Sequence[str], samples: Mapping[str, SampleShape]) -> Iterator[Layout]:
    """The layouts that may fit samples of a data set, the most likely first."""
    if not set(names) <= set(samples):
        return
    kinds = [list(KINDS if samples[name].dtype[0] in "fuS" else KINDS[::-1]) for name in names]
    for shapes in itertools.product(*(sample_shapes(samples[name].shape) for name in names)):
        for one in _combinations(kinds):
            yield Layout(shapes, one)


def sample_shapes(sample: tuple[int, ...]) -> list[Shape]:
    """Shapes of an input that may take samples of one shape: as they are, with a channel axis, channels first, square.

    A length that differs from sample to sample (negative) becomes a free dimension.
    """
    plain: Shape = tuple(size if size >= 0 else f"T{axis}" for axis, size in enumerate(sample))
    found: list[Shape] = [(BATCH, *plain)]
    if len(plain) == 2:
        found.append((BATCH, 1, *plain))
    if len(plain) == 3 and plain[2] in CHANNELS:
        height, width, channels = plain
        found.append((BATCH, channels, height, width))
        if channels != 1:
            found.append((BATCH, 1, height, width))
    if len(plain) == 1 and isinstance(plain[0], int):
        found.append((BATCH, 1, plain[0]))
        for channels in (1, 3):
            side = math.isqrt(plain[0] // channels)
            if side > 1 and side * side * channels == plain[0]:
                found.append((BATCH, channels, side, side))
    return found


def asking(file: str, names: Sequence[str], facts: TorchFacts, missing: str = "") -> BadInput:
    """The error that asks for the shapes, with the option to give; what the first weight tells is filled in."""
    option = "+".join(
        f"{name}={likely_shape(facts.tensors) if place == 0 else 'NxAxB'}" for place, name in enumerate(names)
    )
    of = f"for {missing or ', '.join(names)}"
    return BadInput(
        f"{file} holds no input shape {of}, as no TorchScript program does.",
        f"{HOW.format(option=option)} Or give a data set: --data.",
    )


def _free(shape: Shape) -> Shape:
    return (BATCH, *shape[1:]) if shape else shape


def _combinations(kinds: Sequence[Sequence[str]]) -> Iterator[tuple[str, ...]]:
    """All combinations of types for few inputs; for many the first and the last type of all."""
    if len(kinds) <= MOST_INPUTS:
        yield from itertools.product(*kinds)
    else:
        yield from dict.fromkeys((tuple(one[0] for one in kinds), tuple(one[-1] for one in kinds)))
