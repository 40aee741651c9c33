"""Which array feeds which input, and which part of the data it belongs to, by name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from compress_studio.base.errors import BadInput
from compress_studio.data.facts import TensorFact
from compress_studio.data.options import Options

PARTS = {
    "train": "train",
    "training": "train",
    "test": "test",
    "testing": "test",
    "val": "val",
    "valid": "val",
    "validation": "val",
}
LABELS = ("y", "labels", "label", "target", "targets", "class", "klasse")
SAMPLES = ("x", "data", "images", "image", "features", "feature", "inputs", "input", "samples", "pixels")
LENGTHS = ("lengths", "length", "lens")
NO_LABELS = "none"


def split_name(name: str) -> tuple[str, str]:
    """The base of an array's name and its part: "x_train" is ("x", "train"), "x" is ("x", "all")."""
    words = re.split(r"[_\-.]", name)
    if len(words) > 1 and words[-1].lower() in PARTS:
        return name[: -len(words[-1]) - 1], PARTS[words[-1].lower()]
    if len(words) > 1 and words[0].lower() in PARTS:
        return name[len(words[0]) + 1 :], PARTS[words[0].lower()]
    short = re.fullmatch(r"([xX]|[yY])(train|test|val|tr|te)", name)
    if short is not None:
        return short[1], {"tr": "train", "te": "test"}.get(short[2], short[2])
    return name, "all"


def assign(names: Iterable[str], inputs: tuple[TensorFact, ...], options: Options) -> tuple[dict[str, str], str, str]:
    """Match array names to inputs; returns ({input: array}, labels array or "", lengths array or "").

    Raises BadInput naming the inputs and arrays when an input stays without one.
    """
    left = list(names)
    matched: dict[str, str] = {}
    for fact in inputs:
        wanted = options.of(fact.name).array if fact.name in options.inputs or len(inputs) == 1 else ""
        wanted = _present(wanted, left)
        if wanted and wanted not in left:
            raise BadInput(
                f"There is no array {wanted} for input {fact.name}; there are {', '.join(left) or 'none'}.",
                f"Correct array under [input.{fact.name}].",
            )
        found = wanted or _same(fact.name, left)
        if found:
            matched[fact.name] = found
            left.remove(found)
    labels = _labels(left, options)
    left = [one for one in left if one != labels]
    lengths = next((one for one in left if one.lower() in LENGTHS), "")
    left = [one for one in left if one != lengths]
    _guess_last(matched, inputs, left)
    missing = [fact.name for fact in inputs if fact.name not in matched]
    if missing:
        raise BadInput(
            f"The data have nothing for input {missing[0]}: the network wants {', '.join(one.name for one in inputs)}, "
            f"the data hold {', '.join(names) or 'nothing'}.",
            f'Name the array like the input, or write array = "…" under [input.{missing[0]}] in a data.toml.',
        )
    return matched, labels, lengths


def first_known(columns: Mapping[str, object] | Iterable[str]) -> str:
    """The column that is named like labels, or ""."""
    by_lower = {one.strip().lower(): one for one in columns}
    return next((by_lower[one] for one in LABELS if one in by_lower), "")


def _labels(left: list[str], options: Options) -> str:
    if options.labels == NO_LABELS:
        return ""
    if options.labels:
        declared = _present(options.labels, left)
        if declared not in left:
            raise BadInput(
                f"There are no labels {options.labels}; there are {', '.join(left) or 'none'}.",
                'Correct labels in the data options, or write labels = "none".',
            )
        return declared
    return first_known(left)


def _present(name: str, left: list[str]) -> str:
    """A declared name as it is, or without its part: "x_train" stands for "x" in every part."""
    return name if name in left or split_name(name)[0] not in left else split_name(name)[0]


def _guess_last(matched: dict[str, str], inputs: tuple[TensorFact, ...], left: list[str]) -> None:
    """A single input without a namesake takes the array that is named like samples, or the only one there is."""
    open_inputs = [fact.name for fact in inputs if fact.name not in matched]
    if len(open_inputs) != 1:
        return
    by_lower = {one.lower(): one for one in left}
    found = next((by_lower[one] for one in SAMPLES if one in by_lower), "")
    if not found and len(left) == 1:
        found = left[0]
    if found:
        matched[open_inputs[0]] = found


def _same(name: str, left: list[str]) -> str:
    plain = {re.sub(r"\W+", "_", one): one for one in left}
    for candidate in (name, name.partition(":")[0], re.sub(r"\W+", "_", name)):
        if candidate in left:
            return candidate
        if candidate in plain:
            return plain[candidate]
    return ""
