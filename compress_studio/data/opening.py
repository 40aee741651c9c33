"""Opening a data set for a network: find, join, split, check, and say in words what was done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from compress_studio.base.digest import digest_json
from compress_studio.base.errors import BadInput
from compress_studio.data import identity, tasks
from compress_studio.data.checking import first_batch_outputs, rows_with_nan
from compress_studio.data.facts import NetworkFacts, network_facts
from compress_studio.data.finding import find
from compress_studio.data.joining import fixed_batch, join
from compress_studio.data.options import Options, read_options
from compress_studio.data.proposing import propose
from compress_studio.data.source import Joined, JoinedSplit, Source
from compress_studio.data.splitting import ENOUGH_TEST, divide, work
from compress_studio.data.synthetic import synthetic_splits
from compress_studio.spec.data import DataRequest, Part, Task

if TYPE_CHECKING:
    import numpy as np

    from compress_studio.base.digest import Json
    from compress_studio.data.rows import Found

UNLABELLED_TEST = "The test samples have no labels: accuracy is not measured, results are compared with the source."


def open_data(request: DataRequest, network: Path) -> Source:
    """Join a data set to the inputs of a network; synthetic inputs when the request has no path.

    Raises BadInput naming the file, the cause and the remedy.
    """
    options = read_options(request)
    digest = digest_json([identity.data_digest(request), _interface(network)])
    if options.path is None:
        return _synthetic(options, request.seed, network, digest)
    facts = network_facts(network)
    if not facts.inputs:
        raise BadInput(f"{network.name} has no inputs, so there is nothing to feed.", "Leave the data out.")
    unknown = sorted(set(options.inputs) - {one.name for one in facts.inputs})
    if unknown:
        raise BadInput(
            f"{options.path.name}: the data options describe an input {unknown[0]} that the network does not have.",
            f"Its inputs are {', '.join(one.name for one in facts.inputs)}.",
        )
    try:
        return _opened(options, options.path, request.seed, network, facts, digest)
    except BadInput as error:
        if options.path.name in error.message:
            raise
        raise BadInput(f"{options.path.name}: {error.message}", error.hint) from error


def _opened(options: Options, path: Path, seed: int, network: Path, facts: NetworkFacts, digest: str) -> Source:
    found = find(path, facts, options)
    raw = {part: table.labels for part, table in found.tables.items() if table.labels is not None}
    missing = {part: tasks.missing(one) for part, one in raw.items()}
    labels = tasks.encode(
        {part: one for part, one in raw.items() if not missing[part].all()},
        options.classes or found.classes,
        declared=bool(options.classes) or found.kind == "arrays",
    )
    joined = {part: join(table, labels.parts.get(part), facts, options) for part, table in found.tables.items()}
    notes = list(found.notes)
    good = _labelled_rows(joined, _good_rows(joined, options, notes), missing, notes)
    batch = fixed_batch(facts, joined)
    indices, how = _divide(joined, good, options, seed, batch)
    told = {part: one[good[part]] for part, one in labels.parts.items()}
    meaning = _meaning(network, facts, joined, told, options, batch, labels.guessed)
    if meaning.unused:
        notes.append(("labels_unused", meaning.unused))
    elif meaning.task is not Task.NONE and joined[indices[Part.TEST][0]].labels is None:
        notes.append(("labels_missing", UNLABELLED_TEST))
    if meaning.task is Task.BINARY:
        joined = {part: _zero_or_one(one) for part, one in joined.items()}
    joined = _proposed(network, joined, indices, meaning, batch)
    main = next(iter(joined.values()))
    notes += [("preprocessing_guessed", feed.fit.guess) for feed in main.feeds.values() if feed.fit.guess]
    parts = {part: JoinedSplit(joined[table], index, part, batch) for part, (table, index) in indices.items()}
    tested = len(parts[Part.TEST])
    if tested < ENOUGH_TEST:
        samples = "1 test sample says" if tested == 1 else f"{tested} test samples say"
        notes.append(("few_samples", f"{samples} almost nothing about accuracy. Give at least a few hundred."))
    description = _description(path, found, main, how, meaning, batch)
    if meaning.task in {Task.CLASSIFY, Task.BINARY} and labels.guessed is not None:
        description["class_order"] = "guessed: by number or letter of their names"
    return Source(
        digest=digest_json([digest, description["preprocessing"]]),
        synthetic=False,
        task=meaning.task,
        classes=labels.classes,
        notes=tuple(notes),
        parts=parts,
        description=description,
    )


def _synthetic(options: Options, seed: int, network: Path, digest: str) -> Source:
    splits = dict(zip(Part, synthetic_splits(network, len(Part), seed, options.dims), strict=True))
    description: dict[str, Json] = {
        "name": "synthetic inputs",
        "kind": "synthetic",
        "split": "random inputs, drawn anew for every part",
    }
    return Source(digest, True, Task.NONE, (), (), splits, description)


def _interface(network: Path) -> str:
    """The inputs and outputs of a network: all that joining depends on."""
    facts = network_facts(network)
    rows: list[Json] = [[one.name, str(one.dtype), list(one.dims or ())] for one in (*facts.inputs, *facts.outputs)]
    return digest_json(rows)


def _good_rows(joined: Mapping[str, Joined], options: Options, notes: list[tuple[str, str]]) -> dict[str, np.ndarray]:
    """Rows of each table that hold only numbers; the others are left out with a note."""
    import numpy as np

    good: dict[str, np.ndarray] = {}
    for part, one in joined.items():
        count = len(one.table)
        bad = rows_with_nan(one)
        good[part] = np.arange(count)
        if not len(bad):
            continue
        what = f"{len(bad)} of {count} samples hold not-a-number values, the first is {one.table.name(int(bad[0]))}"
        if options.keep_nan:
            notes.append(("nan_features", f"{what}. They are kept, as asked."))
            continue
        if len(bad) == count:
            raise BadInput(f"All {count} samples hold not-a-number values.", "Fill the gaps, or set keep_nan = true.")
        notes.append(("nan_features", f"{what}. They are left out; keep_nan = true keeps them."))
        good[part] = np.setdiff1d(good[part], bad)
    return good


def _labelled_rows(
    joined: Mapping[str, Joined],
    good: Mapping[str, np.ndarray],
    missing: Mapping[str, np.ndarray],
    notes: list[tuple[str, str]],
) -> dict[str, np.ndarray]:
    """The good rows without those that lack a label, where others of their part have one."""
    kept = dict(good)
    for part, one in joined.items():
        if one.labels is None or len(one.labels) != len(one.table) or not missing[part].any():
            continue
        bad = missing[part].nonzero()[0]
        kept[part] = kept[part][~missing[part][kept[part]]]
        what = f"{len(bad)} of {len(one.table)} samples have no label, the first is {one.table.name(int(bad[0]))}"
        notes.append(("labels_missing", f"{what}. They are left out."))
        if not len(kept[part]):
            raise BadInput("No sample has both a label and only numbers.", "Fill the gaps in the data.")
    return kept


def _zero_or_one(joined: Joined) -> Joined:
    """Labels −1 and 1 as 0 and 1."""
    if joined.labels is None or joined.labels.dtype.kind == "f":
        return joined if joined.labels is None else replace(joined, labels=(joined.labels > 0).astype("int64"))
    return replace(joined, labels=joined.labels.clip(0, 1))


def _divide(
    joined: Mapping[str, Joined], good: Mapping[str, np.ndarray], options: Options, seed: int, batch: int | None
) -> tuple[dict[Part, tuple[str, np.ndarray]], str]:
    """Which rows of which table make which part, and the reason in words."""
    test = next((part for part in ("test", "val") if part in joined), "")
    pool = next((part for part in ("train", "all", "val") if part in joined and part != test), "")
    if test and pool:
        first, second = work(len(good[pool]), seed, calibrate=options.calibrate, batch=batch or 1)
        if len(good[test]) < (batch or 1):
            raise BadInput(
                f"The network takes exactly {batch} samples at a time, the test part has {len(good[test])}.",
                "Give more test samples.",
            )
        rows = good[pool]
        words = f"the data's own {test} part is for tests, its {pool} part for calibration and training"
        return {
            Part.CALIBRATE: (pool, rows[first]),
            Part.TUNE: (pool, rows[second]),
            Part.TEST: (test, good[test]),
        }, words
    only = test or pool
    rows = good[only]
    parts = divide(len(rows), seed, test=options.test, calibrate=options.calibrate, batch=batch or 1)
    words = f"not divided by itself: {len(parts.test)} of {len(rows)} samples, chosen by the seed {seed}, are for tests"
    return {
        Part.CALIBRATE: (only, rows[parts.calibrate]),
        Part.TUNE: (only, rows[parts.tune]),
        Part.TEST: (only, rows[parts.test]),
    }, words


def _meaning(
    network: Path,
    facts: NetworkFacts,
    joined: Mapping[str, Joined],
    labels: Mapping[str, np.ndarray],
    options: Options,
    batch: int | None,
    guessed: int | None,
) -> tasks.Meaning:
    if not labels:
        if options.task not in {None, Task.NONE}:
            raise BadInput("A task is declared, but the data hold no labels.", 'Name them: labels = "…".')
        return tasks.Meaning(Task.NONE)
    outputs = facts.outputs
    if any(one.floating and (one.dims is None or len(one.dims) < 2 or None in one.dims[1:]) for one in outputs):
        outputs = first_batch_outputs(network, outputs, next(iter(joined.values())), batch)
    return tasks.meaning(list(labels.values()), outputs, options.task, guessed)


def _proposed(
    network: Path,
    joined: Mapping[str, Joined],
    indices: Mapping[Part, tuple[str, np.ndarray]],
    meaning: tasks.Meaning,
    batch: int | None,
) -> Mapping[str, Joined]:
    """The tables with better guesses of how pixels are scaled, where there are samples to try them on."""
    if not any(feed.fit.guess for feed in next(iter(joined.values())).feeds.values()):
        return joined
    table, rows = indices[Part.CALIBRATE]
    better = propose(network, joined[table], rows, meaning, batch)
    return {
        part: replace(
            one,
            feeds={name: replace(feed, fit=better.get(name, feed.fit)) for name, feed in one.feeds.items()},
        )
        for part, one in joined.items()
    }


def _description(
    path: Path, found: Found, main: Joined, how: str, meaning: tasks.Meaning, batch: int | None
) -> dict[str, Json]:
    return {
        "name": path.name,
        "kind": found.kind,
        "split": how,
        "found": {part: len(table) for part, table in found.tables.items()},
        "preprocessing": {name: feed.fit.describe() for name, feed in main.feeds.items()},
        "output": meaning.output,
        "batch": batch,
    }
