"""What lies at a path: arrays, pictures, tables or sequences."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from compress_studio.base.errors import BadInput
from compress_studio.data import folders, tables
from compress_studio.data.arrays import read_arrays
from compress_studio.data.facts import NetworkFacts
from compress_studio.data.naming import assign, split_name
from compress_studio.data.options import Options
from compress_studio.data.rows import ArrayRows, Found, Table

if TYPE_CHECKING:
    import numpy as np

ARRAYS = frozenset({".npz", ".npy"})
PACKED = frozenset({".zip", ".tar", ".tgz", ".gz", ".bz2", ".xz", ".zst", ".7z", ".rar"})
KNOWN = ".npz, .npy, .csv, .tsv, .parquet, a folder of images or .npy files by class, or a data.toml"
CLASSES = "classes"


def find(path: Path, facts: NetworkFacts, options: Options) -> Found:
    """Recognise a data set by its form. Raises BadInput when it is none that can be read."""
    if path.is_dir():
        return _folder(path, facts, options)
    suffix = path.suffix.lower()
    if suffix in ARRAYS:
        return _arrays(path, facts, options)
    if suffix in tables.SUFFIXES:
        return tables.read_tables({"all": path}, facts, options)
    hint = "Unpack it and give the folder or file inside." if suffix in PACKED else f"Give {KNOWN}."
    raise BadInput(f"{path} is not a data set that can be read.", hint)


def _folder(path: Path, facts: NetworkFacts, options: Options) -> Found:
    files = sorted(one for one in path.iterdir() if one.is_file() and not one.name.startswith("."))
    if any(one.suffix.lower() == ".npy" for one in files):
        return _arrays(path, facts, options)
    readable = [one for one in files if one.suffix.lower() in tables.SUFFIXES]
    parts = {split_name(one.stem if split_name(one.stem)[1] != "all" else f"x_{one.stem}")[1]: one for one in readable}
    if readable and len(parts) == len(readable) and (len(readable) == 1 or "all" not in parts):
        return tables.read_tables(parts if len(readable) > 1 else {"all": readable[0]}, facts, options)
    archives = [one for one in files if one.suffix.lower() == ".npz"]
    if len(archives) == 1 and not readable:
        return _arrays(archives[0], facts, options)
    found = folders.read_folder(path, facts, options)
    if found is not None:
        return found
    many = sorted(one.name for one in (*readable, *archives))
    if many:
        raise BadInput(
            f"{path} holds several data files: {', '.join(many)}.",
            "Give one of them, or name it by path in a data.toml.",
        )
    raise BadInput(f"{path} holds no data that can be read.", f"Give {KNOWN}.")


def _arrays(path: Path, facts: NetworkFacts, options: Options) -> Found:
    arrays = read_arrays(path)
    parts, shared = _by_part(arrays, facts)
    tables_found: dict[str, Table] = {}
    for part, members in parts.items():
        names = {**{base: base for base in shared}, **members}
        matched, labels, lengths = assign(list(names), facts.inputs, options)
        wanted = matched.values()
        image_like = {one.name: options.of(one.name).image for one in facts.inputs}
        columns = {
            base: ArrayRows(arrays[names[base]], any(image_like[fact] for fact, of in matched.items() if of == base))
            for base in wanted
        }
        shown = names[next(iter(matched.values()))] if matched else path.name
        tables_found[part] = Table(
            columns,
            arrays[names[labels]] if labels else None,
            _namer(shown),
            _lengths(arrays[names[lengths]], columns) if lengths else None,
        )
        if not len(tables_found[part]):
            which = f"{path}: the part {part}" if part != "all" else str(path)
            raise BadInput(f"{which} holds no samples.", "Give arrays with one row per sample, and at least one row.")
    return Found("arrays", tables_found, _class_names(arrays))


def _by_part(arrays: Mapping[str, np.ndarray], facts: NetworkFacts) -> tuple[dict[str, dict[str, str]], list[str]]:
    """{part: {base name: array name}}, and the arrays that belong to every part."""
    inputs = {one.name for one in facts.inputs}
    parts: dict[str, dict[str, str]] = {}
    for name in arrays:
        base, part = (name, "all") if name in inputs else split_name(name)
        if name != CLASSES:
            parts.setdefault(part, {})[base] = name
    if len(parts) > 1 and "all" in parts:
        return {part: members for part, members in parts.items() if part != "all"}, list(parts["all"].values())
    return parts, []


def _lengths(lengths: np.ndarray, columns: Mapping[str, ArrayRows]) -> np.ndarray:
    import numpy as np

    longest = max((one.shape[0] for one in columns.values() if one.shape), default=0)
    flat = np.asarray(lengths).reshape(-1)
    if flat.dtype.kind not in "iu" or (len(flat) and (flat.min() < 1 or flat.max() > longest)):
        raise BadInput(
            f"The lengths must be whole numbers from 1 to {longest}, the length of the padded samples.",
            "Correct the array lengths, or give it another name.",
        )
    if any(len(one) not in {len(flat), 0} for one in columns.values() if len(one) > 1):
        raise BadInput(f"There are {len(flat)} lengths for another number of samples.", "Give one length per sample.")
    return flat.astype(np.int64)


def _class_names(arrays: Mapping[str, np.ndarray]) -> tuple[str, ...]:
    names = arrays.get(CLASSES)
    if names is None or names.dtype.kind not in "US" or names.ndim != 1:
        return ()
    return tuple(str(one) for one in names.astype(str))


def _namer(array: str) -> Callable[[int], str]:
    return lambda number: f"{array}[{number}]"
