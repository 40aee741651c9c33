"""What the labels mean for this network: guessed from both, or declared; and which output they belong to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from compress_studio.base.errors import BadInput
from compress_studio.data.facts import TensorFact
from compress_studio.spec.data import Task

if TYPE_CHECKING:
    import numpy as np

IGNORED = -100
"""Label of tokens that do not count."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """The task, the output it is about, and why not, when the labels are of no use."""

    task: Task
    output: str = ""
    unused: str = ""


@dataclass(frozen=True, slots=True)
class Labels:
    """Labels of all parts in one coding."""

    parts: Mapping[str, np.ndarray]
    classes: tuple[str, ...]
    guessed: int | None = None
    """How many class names were put into an order of their own, because nothing declares which output is which."""


def missing(labels: np.ndarray) -> np.ndarray:
    """Which samples have no label: not a number, or an empty text."""
    import numpy as np

    flat = labels.reshape(len(labels), -1)
    if labels.dtype.kind == "f":
        return np.asarray(np.isnan(flat).any(axis=1))
    if labels.dtype.kind in "US":
        return np.asarray((np.char.str_len(np.char.strip(flat)) == 0).any(axis=1))
    return np.zeros(len(labels), bool)


def encode(parts: Mapping[str, np.ndarray], classes: Sequence[str], *, declared: bool = True) -> Labels:
    """Give all parts one coding: text becomes the number of its class, one column becomes none, one-hot a number.

    Args: classes are the names in the order of the outputs; declared is False when that order is only a custom, such
    as the letters of folder names. Samples without a label get the number 0 and have to be left out.

    Raises BadInput when a text is not among the declared classes, or the labels are neither numbers nor text.
    """
    import numpy as np

    flat = {part: _squeezed(one) for part, one in parts.items()}
    if any(one.dtype.kind in "USO" for one in flat.values()):
        texts = {part: one.astype(str) for part, one in flat.items()}
        found = sorted({str(name) for one in texts.values() for name in np.unique(one) if str(name).strip()})
        names = tuple(classes) or tuple(found)
        coded = {part: _numbered(one, names) for part, one in texts.items()}
        return Labels(coded, names, None if classes and declared else len(names))
    for part, one in flat.items():
        if one.dtype.kind not in "biuf":
            which = "The labels" if part == "all" else f"The labels of the part {part}"
            raise BadInput(
                f"{which} are of type {one.dtype}, which is neither numbers nor text.",
                'Save them as whole numbers, or write labels = "none" in a data.toml to leave them out.',
            )
    if all(_one_hot(one) for one in flat.values()):
        return Labels({part: one.argmax(axis=1).astype(np.int64) for part, one in flat.items()}, tuple(classes))
    return Labels(
        {part: one if one.dtype.kind == "f" else one.astype(np.int64) for part, one in flat.items()}, tuple(classes)
    )


def meaning(
    labels: Sequence[np.ndarray], outputs: Sequence[TensorFact], declared: Task | None, guessed: int | None = None
) -> Meaning:
    """What the labels mean. Raises BadInput when a declared task does not fit the labels or the outputs.

    Args: guessed is the number of class names whose order nothing declares: they must be as many as the outputs.
    """
    if declared is Task.NONE or not labels:
        return Meaning(Task.NONE)
    floats = [one for one in outputs if one.floating]
    reason = "the network has no output of floating-point numbers"
    for output in floats:
        task, why = _guess(labels, output) if declared is None else _declared(labels, output, declared)
        if guessed is not None and task not in {Task.NONE, Task.BINARY} and _width(output)[0] != guessed:
            task, why = Task.NONE, _nameless(guessed, output)
        if task is not Task.NONE:
            return Meaning(task, output.name)
        reason = why if output is floats[0] else reason
    if declared is not None:
        raise BadInput(
            f"The task {declared.value} does not fit: {reason}.", "Correct task or labels in the data options."
        )
    return Meaning(Task.NONE, unused=f"The labels are not used: {reason}.")


def _nameless(names: int, output: TensorFact) -> str:
    width = _width(output)[0]
    columns = "an unknown number of columns" if width is None else f"{width} column{'s' * (width != 1)}"
    return (
        f"they are {names} name{'s' * (names != 1)}, output {output.name} has {columns}, and nothing says which name "
        'belongs to which column. Write classes = ["…", "…"] with all names in the order of the outputs in a '
        "data.toml, or call folders by the numbers of their outputs"
    )


def _guess(labels: Sequence[np.ndarray], output: TensorFact) -> tuple[Task, str]:
    width, tokens = _width(output)
    rank = labels[0].ndim
    whole = all(_whole(one) for one in labels)
    if width is None:
        return Task.NONE, f"output {output.name} has no known number of columns"
    if _dense(output):
        return Task.NONE, f"output {output.name} is {output.shape_text}, not one score per class"
    if whole and width > 1 and rank == (2 if tokens else 1):
        low, high = _range(labels)
        if low >= 0 and high < width:
            return Task.CLASSIFY, ""
        told = f"they reach from {low} to {high}, output {output.name} has {width} classes, counted from 0"
        return Task.NONE, f"{told}. Subtract {low} from the labels" if low > 0 and high - low < width else told
    if rank == 1 and width == 1 and not tokens:
        return (Task.BINARY if whole and _two_sided(labels) else Task.REGRESS), ""
    if rank == 2 and not tokens and labels[0].shape[1] == width:
        return Task.REGRESS, ""
    kind = "whole" if whole else "fractional"
    count = 1 if rank == 1 else labels[0].shape[1]
    numbers = f"{count} {kind} number{'s' * (count != 1)} per sample"
    return Task.NONE, f"they hold {numbers}, output {output.name} has {width} columns"


def _declared(labels: Sequence[np.ndarray], output: TensorFact, task: Task) -> tuple[Task, str]:
    width, tokens = _width(output)
    if _dense(output):
        return Task.NONE, f"output {output.name} is {output.shape_text}, not one row of numbers per sample"
    if task is Task.REGRESS:
        columns = 1 if labels[0].ndim == 1 else labels[0].shape[1]
        fits = width is None or width == columns
        return (task, "") if fits else (Task.NONE, f"{columns} values per sample, output {output.name} has {width}")
    if not all(_whole(one) for one in labels):
        return Task.NONE, "the labels are fractional numbers"
    low, high = _range(labels)
    most = 2 if task is Task.BINARY else width
    if task is Task.BINARY and _two_sided(labels):
        low = max(low, 0)
    if low < 0 or (most is not None and high >= most):
        return Task.NONE, f"labels reach from {low} to {high}, output {output.name} allows 0 to {(most or 0) - 1}"
    if task is Task.BINARY and width not in {None, 1}:
        return Task.NONE, f"output {output.name} has {width} columns, not one score"
    if task is Task.CLASSIFY and labels[0].ndim != (2 if tokens else 1):
        return Task.NONE, f"labels have {labels[0].ndim} axes, output {output.name} is {output.shape_text}"
    return task, ""


def _width(output: TensorFact) -> tuple[int | None, bool]:
    """Columns per sample and whether there is one row per token."""
    dims = output.dims
    if dims is None or not dims:
        return None, False
    if len(dims) == 1:
        return 1, False
    squeezed = [one for one in dims[1:] if one != 1]
    if not squeezed:
        return 1, False
    return squeezed[-1], len(squeezed) == 2


def _dense(output: TensorFact) -> bool:
    """Whether an output is an image or a volume, whose last axis counts places and not classes."""
    return output.dims is not None and len([one for one in output.dims[1:] if one != 1]) > 2


def _whole(labels: np.ndarray) -> bool:
    import numpy as np

    if labels.dtype.kind in "biu":
        return True
    return bool(np.all(np.isfinite(labels)) and np.all(np.mod(labels, 1) == 0))


def _range(labels: Sequence[np.ndarray]) -> tuple[int, int]:
    counted = [one[one != IGNORED] if one.ndim == 2 else one for one in labels]
    filled = [one for one in counted if one.size]
    return int(min((one.min() for one in filled), default=0)), int(max((one.max() for one in filled), default=0))


def _two_sided(labels: Sequence[np.ndarray]) -> bool:
    """Only 0 and 1, or only −1 and 1."""
    import numpy as np

    values = {float(one) for part in labels for one in np.unique(part)[:3]}
    return values <= {0.0, 1.0} or values == {-1.0, 1.0}


def _squeezed(labels: np.ndarray) -> np.ndarray:
    return labels[:, 0] if labels.ndim == 2 and labels.shape[1] == 1 else labels


def _one_hot(labels: np.ndarray) -> bool:
    import numpy as np

    if labels.ndim != 2 or labels.shape[1] < 2 or not len(labels):
        return False
    return bool(np.all((labels == 0) | (labels == 1)) and np.all(labels.sum(axis=1) == 1))


def _numbered(texts: np.ndarray, names: tuple[str, ...]) -> np.ndarray:
    import numpy as np

    numbers = {name: at for at, name in enumerate(names)}
    unknown = sorted({str(one) for one in np.unique(texts) if str(one).strip()} - set(names))
    if unknown:
        raise BadInput(
            f"The label {unknown[0]} is not among the declared classes.", "Add it to classes in the data options."
        )
    return np.asarray([numbers.get(str(one), 0) for one in texts.reshape(-1)], np.int64).reshape(texts.shape)
