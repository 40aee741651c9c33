"""Folders of samples: pictures or .npy sequences, a sub-folder per class, optionally below train, val and test."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from compress_studio.base.errors import BadInput
from compress_studio.data.arrays import map_npy
from compress_studio.data.facts import NetworkFacts
from compress_studio.data.naming import NO_LABELS, PARTS
from compress_studio.data.options import Options
from compress_studio.data.pictures import SUFFIXES, PictureRows, form_for
from compress_studio.data.rows import VARYING, Found, Table

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True, slots=True)
class SequenceRows:
    """One .npy file per sample, of different length along the first axis."""

    files: tuple[Path, ...]
    shape: tuple[int, ...]
    dtype: np.dtype
    picture: bool = False

    def __len__(self) -> int:
        return len(self.files)

    def take(self, index: np.ndarray) -> np.ndarray:
        import numpy as np

        return np.stack([np.asarray(map_npy(self.files[int(number)])) for number in index])


def read_folder(path: Path, facts: NetworkFacts, options: Options) -> Found | None:
    """Pictures or sequences below a folder; None when there are none."""
    parts = {PARTS[one.name.lower()]: one for one in _folders(path) if one.name.lower() in PARTS}
    roots = parts or {"all": path}
    suffixes = SUFFIXES if _any(roots.values(), SUFFIXES) else frozenset({".npy"})
    if not _any(roots.values(), suffixes):
        return None
    if len(facts.inputs) != 1:
        raise BadInput(
            f"A folder of samples feeds one input, the network has {len(facts.inputs)}.",
            "Give the samples as arrays by input name (.npz).",
        )
    folders = _class_folders(roots.values(), suffixes, _width(facts))
    classes = class_names(folders, facts)
    found = {part: _table(root, folders, suffixes, facts, options) for part, root in roots.items()}
    notes: tuple[tuple[str, str], ...] = ()
    if suffixes is SUFFIXES:
        guess = form_for(facts.inputs[0], options.of(facts.inputs[0].name)).guess
        notes = (("size_guessed", guess),) if guess else ()
    return Found("images" if suffixes is SUFFIXES else "sequences", found, classes, notes)


def class_names(folders: Sequence[str], facts: NetworkFacts) -> tuple[str, ...]:
    """Names of the classes in the order of the network's outputs.

    Folders that are numbers below the number of outputs are those outputs; else the order of the names counts.
    """
    width = _width(facts)
    if folders and width is not None and all(one.isdecimal() for one in folders):
        digits = len(folders[0]) if len({len(one) for one in folders}) == 1 and folders[0][0] == "0" else 1
        if max(int(one) for one in folders) < width:
            known = {int(one): one for one in folders}
            return tuple(known.get(at, str(at).zfill(digits)) for at in range(width))
    return tuple(folders)


def _width(facts: NetworkFacts) -> int | None:
    return next((one.dims[-1] for one in facts.outputs if one.floating and one.dims and len(one.dims) > 1), None)


def _table(
    root: Path, classes: Sequence[str], suffixes: frozenset[str], facts: NetworkFacts, options: Options
) -> Table:
    import numpy as np

    pairs = [(one, name) for name in classes for one in _files(root / name, suffixes)]
    pairs = pairs or [(one, "") for one in _files(root, suffixes)]
    if not pairs:
        raise BadInput(f"{root} holds no samples.", "Put the samples of each class into a sub-folder of its name.")
    files = tuple(one for one, _ in pairs)
    names = [name for _, name in pairs]
    labels = np.asarray(names) if classes and options.labels != NO_LABELS else None
    fact = facts.inputs[0]
    shown = [one.relative_to(root).as_posix() for one in files]
    if suffixes is SUFFIXES:
        rows = PictureRows(files, None, form_for(fact, options.of(fact.name)))
        return Table({fact.name: rows}, labels, shown.__getitem__, files=True)
    sequences, lengths = _sequences(files)
    return Table({fact.name: sequences}, labels, shown.__getitem__, lengths, files=True)


def _sequences(files: Sequence[Path]) -> tuple[SequenceRows, np.ndarray | None]:
    import numpy as np

    first = map_npy(files[0])
    lengths: list[int] = []
    for one in files:
        array = map_npy(one)
        if array.ndim == 0 or array.shape[1:] != first.shape[1:] or array.dtype != first.dtype:
            raise BadInput(
                f"{one} has the shape {array.shape} and type {array.dtype}, {files[0].name} has {first.shape} and "
                f"{first.dtype}.",
                "Samples may differ only in the length of their first axis.",
            )
        lengths.append(len(array))
    same = len(set(lengths)) == 1
    shape = (lengths[0] if same else VARYING, *first.shape[1:])
    return SequenceRows(tuple(files), shape, first.dtype), None if same else np.asarray(lengths, np.int64)


def _class_folders(roots: Collection[Path], suffixes: frozenset[str], width: int | None) -> list[str]:
    """Names of the folders with samples: numbers by value, other names in the order of their letters.

    Folders without samples count when the network has one output for each folder: leaving them out would give the
    classes behind them other numbers.
    """
    every = {one.name for root in roots for one in _folders(root)}
    names = {name for name in every if any(_files(root / name, suffixes) for root in roots)}
    if names and len(every) == width:
        names = every
    if names and all(one.isdecimal() for one in names):
        return sorted(names, key=lambda name: (int(name), name))
    return sorted(names)


def _folders(path: Path) -> list[Path]:
    return sorted(one for one in path.iterdir() if one.is_dir() and not one.name.startswith("."))


def _files(path: Path, suffixes: frozenset[str]) -> list[Path]:
    if not path.is_dir():
        return []
    found = (Path(folder) / name for folder, _, names in os.walk(path, onerror=_unreadable) for name in names)
    return sorted(one for one in found if one.suffix.lower() in suffixes and one.is_file())


def _unreadable(error: OSError) -> NoReturn:
    """A folder that is passed over would leave its samples out without a word."""
    raise BadInput(
        f"The folder {error.filename} cannot be read: {error.strerror}.", "Check its permissions."
    ) from error


def _any(roots: Iterable[Path], suffixes: frozenset[str]) -> bool:
    return any(_files(root, suffixes) for root in roots)
