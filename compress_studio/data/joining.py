"""Joining one table to the inputs of a network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from compress_studio.base.errors import BadInput
from compress_studio.data.facts import NetworkFacts, TensorFact
from compress_studio.data.fitting import fit
from compress_studio.data.naming import NO_LABELS, assign
from compress_studio.data.options import Options
from compress_studio.data.pictures import PictureRows
from compress_studio.data.rows import VARYING, ArrayRows, Rows, Table
from compress_studio.data.source import Feed, Joined

if TYPE_CHECKING:
    import numpy as np


def join(table: Table, labels: np.ndarray | None, facts: NetworkFacts, options: Options) -> Joined:
    """Give every input its rows. Raises BadInput naming both shapes when they do not fit."""
    matched, _, _ = assign(list(table.columns), facts.inputs, replace(options, labels=NO_LABELS))
    count = max(len(table.columns[one]) for one in matched.values())
    feeds: dict[str, Feed] = {}
    constants: dict[str, np.ndarray] = {}
    for fact in facts.inputs:
        rows = table.columns[matched[fact.name]]
        constant = _constant(fact, rows, count)
        if constant is not None:
            constants[fact.name] = constant
            continue
        if len(rows) != count:
            raise BadInput(
                f"The array for input {fact.name} has {len(rows)} rows, others have {count}.",
                "Every array needs one row per sample, in the same order.",
            )
        declared = options.of(fact.name)
        if declared.image and isinstance(rows, ArrayRows):
            rows = PictureRows.of_array(rows, fact, declared)
        want = fact.samples_first
        feeds[fact.name] = Feed(rows, fit(want, rows, declared), _crops(want, rows, table), fact.batch_axis)
    if not feeds:
        raise BadInput("No input of the network has one row per sample.", "Leave the data out to use synthetic inputs.")
    if labels is not None and len(labels) != count:
        raise BadInput(f"There are {count} samples, but {len(labels)} labels.", "Every sample needs one label.")
    return Joined(table, feeds, constants, labels)


def fixed_batch(facts: NetworkFacts, joined: Mapping[str, Joined]) -> int | None:
    """The batch size on which the network insists, or None.

    Raises BadInput when its inputs insist on different ones.
    """
    feeds = next(iter(joined.values())).feeds
    dims = {one.name: one.samples_first.dims for one in facts.inputs if one.name in feeds}
    sizes = {name: one[0] for name, one in dims.items() if one and one[0] is not None}
    if len(set(sizes.values())) > 1:
        raise BadInput(
            "The inputs of the network have different fixed first dimensions: "
            + ", ".join(f"{name} {size}" for name, size in sizes.items())
            + ".",
            "Give the arrays that are the same for every sample with exactly the shape of their input.",
        )
    return next(iter(sizes.values()), None)


def _constant(fact: TensorFact, rows: Rows, count: int) -> np.ndarray | None:
    """The value of an input that is the same for every sample: an array with exactly the input's own shape."""
    if fact.dims is None or not isinstance(rows, ArrayRows) or fact.dtype is None:
        return None
    whole = rows.array.shape
    fits = len(whole) == len(fact.dims) and all(
        two is None or one == two for one, two in zip(whole, fact.dims, strict=True)
    )
    if fits and (not whole or (len(rows) != count and fact.dims[0] is not None)):
        return rows.array.astype(fact.dtype)
    return None


def _crops(fact: TensorFact, rows: Rows, table: Table) -> bool:
    """True when the rows are padded along their first axis to a length that the network leaves free."""
    if table.lengths is None or not rows.shape or VARYING in rows.shape:
        return False
    free = fact.dims is None or (len(fact.dims) > 1 and fact.dims[1] is None)
    return free and len(table.lengths) == len(rows) and rows.shape[0] == max(rows.shape[0], int(table.lengths.max()))
