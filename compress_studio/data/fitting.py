"""How raw samples become what an input wants: axes, layout, type and scale; guessed only with a word about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from compress_studio.base.errors import BadInput
from compress_studio.data.facts import TensorFact, words
from compress_studio.data.rows import VARYING, Rows

if TYPE_CHECKING:
    import numpy as np

    from compress_studio.data.options import InputOptions

PIXELS = 64
"""Numbers in an unsigned 8-bit sample from which it is taken for a picture when it has one axis."""
LOOKED_AT = 16
"""Samples whose values are looked at."""
BRIGHT = 128
"""Pixels of pictures reach beyond it, counts and codes seldom do."""
TO_NHWC, TO_NCHW = "to NHWC", "to NCHW"


@dataclass(frozen=True, slots=True)
class Fit:
    """The way from raw rows to an input."""

    name: str
    dtype: np.dtype
    shape: tuple[int, ...]
    """Of one fitted sample; VARYING where it differs."""
    axes: str = ""
    """What happens to the axes: "", "to NCHW", "to NHWC" or "reshape"."""
    cast: str = ""
    scale: float = 1.0
    mean: np.ndarray | None = None
    std: np.ndarray | None = None
    guess: str = ""
    """What was guessed, in words; empty when everything is declared or unambiguous."""

    def __call__(self, raw: np.ndarray) -> np.ndarray:
        """Fit a stack of raw samples. Raises BadInput when a value does not fit the type of the input."""
        import numpy as np

        values = raw.astype(self.cast) if self.cast else raw
        values = self._arrange(values)
        if self.dtype == object:
            return values.astype(str).astype(object)
        if not (np.issubdtype(self.dtype, np.floating) or self.dtype.name == "bfloat16"):
            return self._whole(values)
        values = values.astype(np.float32 if self.dtype.itemsize <= 4 else self.dtype)
        if self.scale != 1.0:
            values *= values.dtype.type(self.scale)
        if self.mean is not None:
            values -= self.mean.astype(values.dtype)
        if self.std is not None:
            values /= self.std.astype(values.dtype)
        return np.ascontiguousarray(values, dtype=self.dtype)

    def describe(self) -> str:
        """The preprocessing in words."""
        parts = [f"as {self.cast}"] if self.cast else []
        parts += {TO_NCHW: ["channels first"], TO_NHWC: ["channels last"], "reshape": [f"as {_text(self.shape)}"]}.get(
            self.axes, []
        )
        if self.scale != 1.0:
            inverse = 1 / self.scale if self.scale else 0.0
            parts.append(
                f"× 1/{inverse:g}" if self.scale < 1 and abs(inverse - round(inverse)) < 1e-6 else f"× {self.scale:g}"
            )
        if self.mean is not None:
            parts.append(f"− {_few(self.mean)}")
        if self.std is not None:
            parts.append(f"÷ {_few(self.std)}")
        return ", ".join([*parts, f"type {'text' if self.dtype == object else self.dtype.name}"])

    def _arrange(self, values: np.ndarray) -> np.ndarray:
        import numpy as np

        if self.axes == TO_NCHW:
            return np.moveaxis(values, -1, 1)
        if self.axes == TO_NHWC:
            return np.moveaxis(values, 1, -1)
        if self.axes == "reshape":
            tail = tuple(values.shape[1 + at] if one == VARYING else one for at, one in enumerate(self.shape))
            return values.reshape(len(values), *tail)
        return values

    def _whole(self, values: np.ndarray) -> np.ndarray:
        import numpy as np

        if values.dtype != self.dtype and values.size and self.dtype != np.bool_:
            if not np.issubdtype(values.dtype, np.number) and values.dtype != np.bool_:
                raise BadInput(f"Input {self.name} wants numbers ({self.dtype.name}), the data hold text.")
            limits = np.iinfo(self.dtype)
            if np.issubdtype(values.dtype, np.floating) and not bool(np.all(np.mod(values, 1) == 0)):
                raise BadInput(
                    f"Input {self.name} wants whole numbers ({self.dtype.name}), the data hold fractions.",
                    "Give the raw values (ids, bytes or quantized pixels) instead of scaled ones.",
                )
            low, high = values.min(), values.max()
            if low < limits.min or high > limits.max:
                raise BadInput(
                    f"Input {self.name} takes {self.dtype.name}, the data reach from {low} to {high}.",
                    "Convert the data to the range of the input.",
                )
        return np.ascontiguousarray(values, dtype=self.dtype)


def fit(fact: TensorFact, rows: Rows, options: InputOptions) -> Fit:
    """Plan the way from rows to an input. Raises BadInput naming both shapes when there is none."""
    import numpy as np

    if fact.dtype is None:
        raise BadInput(f"Input {fact.name} is not a tensor.", "Leave the data out to see what the network does.")
    axes, shape = _axes(fact, rows, options)
    raw = np.dtype(options.dtype) if options.dtype else rows.dtype
    if raw.kind in "US" and fact.dtype != object:
        raise BadInput(f"Input {fact.name} wants numbers ({fact.dtype.name}), the data hold text.")
    scale, guess = (1.0, "")
    if fact.floating:
        scale, guess = _scale(fact, rows, options, raw)
    return Fit(
        fact.name,
        fact.dtype,
        shape,
        axes,
        options.dtype,
        scale,
        _per_channel(options.mean, shape, "mean", fact),
        _per_channel(options.std, shape, "std", fact),
        guess,
    )


def _scale(fact: TensorFact, rows: Rows, options: InputOptions, raw: np.dtype) -> tuple[float, str]:
    bytes_like = raw.name == "uint8" and (len(rows.shape) >= 2 or rows.picture or max(rows.shape, default=0) >= PIXELS)
    if options.scale is not None:
        return options.scale, ""
    if not bytes_like:
        return 1.0, _unscaled(fact, rows, options, raw)
    if options.mean or options.std:
        small = max((abs(one) for one in (*options.mean, *options.std)), default=0.0) <= 1.0
        return (1 / 255, "") if small else (1.0, "")
    return 1 / 255, (
        f"Input {fact.name} is fed with 8-bit pixels divided by 255, because nothing says how they are scaled. "
        "If the network was trained otherwise, accuracy will look bad: declare scale, mean and std in data.toml."
    )


def _unscaled(fact: TensorFact, rows: Rows, options: InputOptions, raw: np.dtype) -> str:
    """A word about pictures of floating-point numbers that were never scaled; empty for all other data."""
    import numpy as np

    if options.preprocesses or raw.kind != "f" or VARYING in rows.shape or not len(rows):
        return ""
    if fact.dims is None or len(fact.dims) != 4 or len(rows.shape) not in {2, 3}:
        return ""
    values = rows.take(np.arange(min(LOOKED_AT, len(rows))))
    low, high = float(values.min()), float(values.max())
    if not (low >= 0 and BRIGHT <= high <= 255 and bool(np.all(np.mod(values, 1) == 0))):
        return ""
    return (
        f"Input {fact.name} is fed with whole numbers from {low:g} to {high:g} as they are. If the network wants them "
        'scaled, results will mean nothing: declare scale = "1/255" in data.toml, or scale = 1 if this is right.'
    )


def _axes(fact: TensorFact, rows: Rows, options: InputOptions) -> tuple[str, tuple[int, ...]]:
    have = rows.shape
    if fact.dims is None:
        return "", have
    if not fact.dims:
        raise BadInput(f"Input {fact.name} is a single number, not one per sample.", "Name a constant array for it.")
    want = fact.dims[1:]
    declared = _declared(have, want, options, rows)
    if declared is not None:
        return declared
    if _matches(have, want):
        return "", have
    for axes, shape in _alternatives(have, want):
        return axes, shape
    raise BadInput(
        f"The data for input {fact.name} have the shape {_text(have)} per sample, the network wants {_text(want)}.",
        _remedy(have, want, fact),
    )


def _declared(
    have: tuple[int, ...], want: tuple[int | None, ...], options: InputOptions, rows: Rows
) -> tuple[str, tuple[int, ...]] | None:
    """What a declared layout, or pictures with free dimensions, ask for."""
    layout = options.layout or ("NCHW" if rows.picture and _matches(have, want) and _channels_unknown(want) else "")
    if len(have) != 3 or len(want) != 3:
        return None
    first = (have[2], have[0], have[1])
    if layout == "NCHW" and have[2] <= 4 and _matches(first, want):
        return TO_NCHW, first
    last = (have[1], have[2], have[0])
    if layout == "NHWC" and not rows.picture and have[0] <= 4 and _matches(last, want):
        return TO_NHWC, last
    return None


def _channels_unknown(want: tuple[int | None, ...]) -> bool:
    return len(want) == 3 and want[0] is None and want[2] is None


def _alternatives(have: tuple[int, ...], want: tuple[int | None, ...]) -> list[tuple[str, tuple[int, ...]]]:
    found: list[tuple[str, tuple[int, ...]]] = []
    if len(have) == 3:
        for axes, shape in ((TO_NCHW, (have[2], have[0], have[1])), (TO_NHWC, (have[1], have[2], have[0]))):
            if _matches(shape, want):
                found.append((axes, shape))
    if len(have) + 1 == len(want):
        for at in [at for at in range(len(want)) if want[at] == 1] + [0, len(want) - 1]:
            shape = (*have[:at], 1, *have[at:])
            if _matches(shape, want):
                found.append(("reshape", shape))
    if len(have) == len(want) + 1:
        for at in [at for at in range(len(have)) if have[at] == 1]:
            shape = (*have[:at], *have[at + 1 :])
            if _matches(shape, want):
                found.append(("reshape", shape))
    if VARYING not in have and None not in want and 1 in {len(have), len(want)}:
        fixed = tuple(one for one in want if one is not None)
        if _product(have) == _product(fixed):
            found.append(("reshape", fixed))
    return found


def _matches(have: tuple[int, ...], want: tuple[int | None, ...]) -> bool:
    return len(have) == len(want) and all(two is None or one == two for one, two in zip(have, want, strict=True))


def _product(shape: tuple[int, ...]) -> int:
    total = 1
    for one in shape:
        total *= one
    return total


def _remedy(have: tuple[int, ...], want: tuple[int | None, ...], fact: TensorFact) -> str:
    if len(have) in {2, 3} and len(want) == 3:
        return (
            f"If these are pictures, write image = true under [input.{fact.name}] in a data.toml: "
            "colours and size are then converted."
        )
    if VARYING in have:
        return "The network wants one fixed length: cut or pad the samples to it."
    return f"Give an array of {fact.shape_text}, or name another array under [input.{fact.name}] in a data.toml."


def _per_channel(values: tuple[float, ...], shape: tuple[int, ...], what: str, fact: TensorFact) -> np.ndarray | None:
    import numpy as np

    if not values:
        return None
    if len(values) == 1:
        return np.asarray(values[0], np.float64)
    if len(shape) == 3 and shape[0] == len(values):
        return np.asarray(values, np.float64).reshape(-1, 1, 1)
    if shape and shape[-1] == len(values):
        return np.asarray(values, np.float64)
    raise BadInput(
        f"{what} of input {fact.name} has {len(values)} values, its samples have the shape {_text(shape)}.",
        f"Give one value for {what}, or one per channel.",
    )


def _text(shape: tuple[int | None, ...]) -> str:
    return words((None, *shape)).removeprefix("N × ") if shape else "a single number"


def _few(values: np.ndarray) -> str:
    flat = values.reshape(-1)
    shown = ", ".join(f"{one:g}" for one in flat[:4])
    return f"({shown}{', …' if len(flat) > 4 else ''})" if len(flat) > 1 else shown
