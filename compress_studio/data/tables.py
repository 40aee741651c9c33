"""Tables: CSV of any dialect, and Parquet where a reader is installed."""

from __future__ import annotations

import csv
import importlib
import importlib.util
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from compress_studio.base.errors import BadInput
from compress_studio.data.facts import NetworkFacts, TensorFact
from compress_studio.data.naming import LABELS, NO_LABELS, first_known
from compress_studio.data.options import Options
from compress_studio.data.rows import ArrayRows, Found, Rows, Table

if TYPE_CHECKING:
    import numpy as np

CSV = frozenset({".csv", ".tsv", ".txt"})
PARQUET = frozenset({".parquet", ".pq"})
SUFFIXES = CSV | PARQUET
MISSING = frozenset({"", "na", "nan", "n/a", "null", "none", "?"})
LOOK = 50
DECIMAL_COMMA = re.compile(r"[+-]?(\d*|\d{1,3}(\.\d{3})+),(\d+)([eE][+-]?\d+)?")
"""A number with a comma before its fraction; where commas divide the columns it stands in quotation marks."""
DECIMAL_POINT = re.compile(r"[+-]?\d*\.\d+")
THOUSANDS = re.compile(r"[+-]?\d{1,3}(\.\d{3})+(,\d+)?")
MEMORY_SHARE = 0.4
BLANKS = " "
COMMENT = "#"
"""Lines that begin with it are not rows."""
PIECE = 50_000
"""Rows that are turned into numbers at once: text takes far more memory than numbers."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a CSV file is written."""

    encoding: str
    delimiter: str
    decimal: str
    header: bool


def read_tables(paths: Mapping[str, Path], facts: NetworkFacts, options: Options) -> Found:
    """Tables by part, with labels taken from the column that is named like labels, or the last one.

    Raises BadInput naming file, line and column for what is neither number nor label.
    """
    tables: dict[str, Table] = {}
    notes: list[tuple[str, str]] = []
    for part, path in paths.items():
        columns = _parquet(path) if path.suffix.lower() in PARQUET else _csv(path, options)
        label = _label_column(path, columns, facts, options)
        if label and not options.labels and label != first_known(columns) and not notes:
            notes.append(("labels_guessed", _taken_for_labels(label)))
        labels = columns.pop(label) if label else None
        tables[part] = Table(_features(path, columns, facts, options), labels, _namer(path))
    return Found("table", tables, notes=tuple(notes))


def _taken_for_labels(label: str) -> str:
    return (
        f"The last column, {label}, is taken for the labels, because no column is called {' or '.join(LABELS[:3])}. "
        f'If that is wrong, write labels = "…" (or "none") in a data.toml.'
    )


def sniff(path: Path, options: Options) -> Dialect:
    """Encoding, delimiter, decimal sign and header of a CSV file, where they are not declared."""
    encoding = options.encoding or _encoding(path)
    lines = _head(path, encoding)
    if not lines:
        raise BadInput(f"{path} is empty.", "Give a table with at least one row.")
    delimiter = options.delimiter or _delimiter(lines)
    rows = list(_reader(lines, delimiter))
    cells = [cell.strip() for row in rows[1:] or rows for cell in row]
    comma = any(DECIMAL_COMMA.fullmatch(cell) for cell in cells)
    if comma and delimiter == ",":
        # "1,000" in quotation marks is more often a thousand than a one.
        comma = all(one is None or len(one[3]) != 3 for one in map(DECIMAL_COMMA.fullmatch, cells))
        comma = comma and not any(DECIMAL_POINT.fullmatch(cell) for cell in cells)
    decimal = options.decimal or ("," if comma else ".")
    header = _has_header(rows, decimal) if options.header is None else options.header
    return Dialect(encoding, delimiter, decimal, header)


def _encoding(path: Path) -> str:
    with path.open("rb") as stream:
        start = stream.read(4)
    if start[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        return "utf-16"
    try:
        with path.open(encoding="utf-8-sig") as stream:
            while stream.read(1 << 20):
                pass
    except UnicodeDecodeError:
        return "latin-1"
    return "utf-8-sig"


def _head(path: Path, encoding: str) -> list[str]:
    try:
        with path.open(encoding=encoding, newline="") as stream:
            lines = (line for line in stream if line.strip() and not line.startswith(COMMENT))
            return [line for line, _ in zip(lines, range(LOOK), strict=False)]
    except (UnicodeError, LookupError) as error:
        raise BadInput(f"{path} cannot be read as {encoding}: {error}", "Correct encoding.") from error


def _delimiter(lines: Sequence[str]) -> str:
    best, most = ",", 0
    for candidate in (";", "\t", "|", ","):
        counts = [len(row) - 1 for row in csv.reader(lines, delimiter=candidate)]
        if min(counts) == max(counts) > most:
            best, most = candidate, counts[0]
            if candidate != ",":
                break
    if most:
        return best
    spaced = {len(line.split()) for line in lines}
    return BLANKS if len(spaced) == 1 and spaced != {1} else best


def _reader(lines: Iterable[str], delimiter: str) -> Iterator[list[str]]:
    """The rows of a table; runs of blanks count as one delimiter."""
    if delimiter != BLANKS:
        return csv.reader(lines, delimiter=delimiter)
    return csv.reader((" ".join(line.split()) + "\n" for line in lines), delimiter=" ")


def _has_header(rows: Sequence[Sequence[str]], decimal: str) -> bool:
    if len(rows) < 2:
        return any(_number(cell, decimal) is None for cell in rows[0])
    pairs = zip(rows[0], rows[1], strict=False)
    if any(_number(one, decimal) is None and _number(two, decimal) is not None for one, two in pairs):
        return True
    return all(_number(cell, decimal) is None for cell in rows[0])


def _csv(path: Path, options: Options) -> dict[str, np.ndarray]:
    """Columns by name: numbers where every cell is a number or missing, else text."""
    _fits_into_memory(path)
    dialect = sniff(path, options)
    names: list[str] = []
    pieces: list[list[np.ndarray]] = []
    for block in _blocks(path, dialect):
        if not names:
            first = block[0][1]
            names = _names(path, first, options) if dialect.header else [f"c{at}" for at in range(len(first))]
            block = block[1:] if dialect.header else block
            pieces = [[] for _ in names]
        for number, row in block:
            if len(row) != len(names):
                raise BadInput(
                    f"{path}, line {number}: {len(row)} columns, expected {len(names)}.",
                    "Check the line, or declare delimiter in the data options.",
                )
        for at, column in enumerate(zip(*(row for _, row in block), strict=True)):
            pieces[at].append(_column(column, dialect.decimal))
    if not pieces or not any(pieces):
        raise BadInput(f"{path} holds no rows.", "Give a table with at least one row below the header.")
    return _without_empty_end({name: _merged(own) for name, own in zip(names, pieces, strict=True)}, names)


def _without_empty_end(columns: dict[str, np.ndarray], names: Sequence[str]) -> dict[str, np.ndarray]:
    """Without the last column when a delimiter at the end of every line made it."""
    import numpy as np

    last = names[-1]
    unnamed = last == f"c{len(names) - 1}" and len(names) > 1
    if unnamed and columns[last].dtype.kind == "f" and bool(np.isnan(columns[last]).all()):
        del columns[last]
    return columns


def _fits_into_memory(path: Path) -> None:
    """Numbers take about as much memory as their text: a table beyond that belongs into an array file."""
    from compress_studio.graph.shapes import total_memory

    size = path.stat().st_size
    if size > MEMORY_SHARE * total_memory():
        raise BadInput(
            f"{path} has {size / 1e9:.1f} GB, too much to hold as a table in the memory of this computer.",
            "Save it as .npy files or with numpy.savez, which are read piece by piece from the disk.",
        )


def _blocks(path: Path, dialect: Dialect) -> Iterator[list[tuple[int, list[str]]]]:
    try:
        with path.open(encoding=dialect.encoding, newline="") as stream:
            block: list[tuple[int, list[str]]] = []
            for number, row in _numbered_rows(stream, dialect.delimiter):
                if any(cell.strip() for cell in row):
                    block.append((number, row))
                if len(block) == PIECE:
                    yield block
                    block = []
            if block:
                yield block
    except (csv.Error, UnicodeError) as error:
        raise BadInput(
            f"{path} cannot be read: {error}", "Declare encoding and delimiter in the data options."
        ) from error


def _numbered_rows(stream: Iterable[str], delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Rows with the number of the line on which they end, without comments."""
    at = 0

    def lines() -> Iterator[str]:
        nonlocal at
        for line in stream:
            at += 1
            if not line.startswith(COMMENT):
                yield line

    for row in _reader(lines(), delimiter):
        yield at, row


def _names(path: Path, row: Sequence[str], options: Options) -> list[str]:
    """Names of the columns, made different; two columns that could both be the labels are refused."""
    label = options.labels or first_known(row)
    if label and [cell.strip() for cell in row].count(label) > 1:
        raise BadInput(f"{path} has two columns {label}.", "Rename the one that does not hold the labels.")
    taken: list[str] = []
    for cell in row:
        name = cell.strip() or f"c{len(taken)}"
        taken.append(name if name not in taken else f"{name}_{len(taken)}")
    return taken


def _column(cells: Sequence[str], decimal: str) -> np.ndarray:
    import numpy as np

    numbers: list[float] = []
    for cell in cells:
        number = _number(cell, decimal)
        if number is None:
            return np.asarray([one.strip() for one in cells])
        numbers.append(number)
    return np.asarray(numbers, np.float64)


def _merged(pieces: Sequence[np.ndarray]) -> np.ndarray:
    import numpy as np

    if all(one.dtype.kind == "f" for one in pieces):
        return np.concatenate(list(pieces))
    return np.concatenate([one.astype(str) for one in pieces])


def _number(cell: str, decimal: str) -> float | None:
    text = cell.strip().replace("\N{MINUS SIGN}", "-")
    if text.lower() in MISSING:
        return float("nan")
    if decimal == ",":
        text = (text.replace(".", "") if THOUSANDS.fullmatch(text) else text).replace(",", ".")
    try:
        return float(text)
    except ValueError:
        return None


def _label_column(path: Path, columns: Mapping[str, np.ndarray], facts: NetworkFacts, options: Options) -> str:
    if options.labels == NO_LABELS:
        return ""
    if options.labels:
        if options.labels not in columns:
            raise BadInput(
                f"{path} has no column {options.labels}; it has {', '.join(columns)}.", "Correct labels in the options."
            )
        return options.labels
    named = first_known(columns)
    if named:
        return named
    last = list(columns)[-1]
    claimed = claim(list(columns), facts.inputs, options)
    if len(claimed) == len(facts.inputs):
        return last if all(last not in one for one in claimed.values()) else ""
    want = facts.inputs[0].dims
    if want is not None and len(want) == 2 and want[1] == len(columns) and columns[last].dtype.kind == "f":
        return ""
    return last if len(columns) > 1 else ""


def claim(
    columns: Sequence[str], inputs: Sequence[TensorFact], options: Options, *, rest: bool = False
) -> dict[str, list[str]]:
    """The columns of each input that finds its own: one of its name, or as many numbered ones as it takes.

    Args: rest says that the only input without columns takes all that are left, where it wants exactly as many.
    """
    wanted = {fact.name: options.of(fact.name).array or fact.name for fact in inputs}
    claimed = {name: [column] for name, column in wanted.items() if column in columns}
    left = [column for column in columns if [column] not in claimed.values()]
    widths = {fact.name: fact.dims[1] for fact in inputs if fact.dims is not None and len(fact.dims) == 2}
    for name, width in widths.items():
        numbered = re.compile(rf"{re.escape(wanted[name])}[ _.\-\[]?\d+\]?")
        own = [column for column in left if numbered.fullmatch(column)]
        if name not in claimed and own and (width == len(own) or (width is None and len(inputs) > 1)):
            claimed[name] = own
            left = [column for column in left if column not in own]
    without = [fact.name for fact in inputs if fact.name not in claimed]
    if rest and len(inputs) > 1 and len(without) == 1 and left and widths.get(without[0]) == len(left):
        claimed[without[0]] = left
    return claimed


def _features(
    path: Path, columns: Mapping[str, np.ndarray], facts: NetworkFacts, options: Options
) -> Mapping[str, Rows]:
    import numpy as np

    claimed = claim(list(columns), facts.inputs, options, rest=True)
    if len(claimed) == len(facts.inputs):
        return {
            options.of(fact.name).array or fact.name: _rows(path, columns, claimed[fact.name], fact)
            for fact in facts.inputs
        }
    if len(facts.inputs) != 1:
        missing = next(fact for fact in facts.inputs if fact.name not in claimed)
        name = options.of(missing.name).array or missing.name
        width = missing.dims[1] if missing.dims is not None and len(missing.dims) == 2 else 1
        several = f", or {name}_0 to {name}_{width - 1}" if width is not None and width > 1 else ""
        raise BadInput(
            f"{path} has no column {name}{several}; the network wants {', '.join(one.name for one in facts.inputs)}, "
            f"the table has {', '.join(columns)}.",
            "Name the columns like the inputs of the network, with a number behind where an input takes several.",
        )
    want = facts.inputs[0].dims
    if want is not None and len(want) == 2 and want[1] not in {None, len(columns)}:
        raise BadInput(
            f"{path} has {len(columns)} columns for samples ({_few(list(columns))}), the network wants {want[1]}.",
            "Remove columns that are not features, such as row numbers, or say which column holds the labels: "
            'labels = "…" in a data.toml.',
        )
    for name, column in columns.items():
        if column.dtype.kind == "U":
            raise _categorical(path, name, column)
    return {facts.inputs[0].name: ArrayRows(np.stack([one.astype(np.float32) for one in columns.values()], axis=1))}


def _rows(path: Path, columns: Mapping[str, np.ndarray], names: Sequence[str], fact: TensorFact) -> Rows:
    """The columns of one input side by side, in the type that it wants."""
    import numpy as np

    for name in names:
        if columns[name].dtype.kind == "U" and fact.dtype != object:
            raise _categorical(path, name, columns[name])
    whole = fact.dtype is not None and fact.dtype.kind in "iu"
    own = [columns[name] for name in names]
    own = own if whole else [one if one.dtype.kind == "U" else one.astype(np.float32) for one in own]
    flat = fact.dims is not None and len(fact.dims) == 1
    return ArrayRows(own[0] if flat else np.stack(own, axis=1))


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:6]) + (", …" if len(names) > 6 else "")


def _categorical(path: Path, name: str, column: np.ndarray) -> BadInput:
    bad = next((str(one) for one in column if _number(str(one), ".") is None), str(column[0]))
    return BadInput(
        f"{path}: the column {name} holds text ({bad}), the network wants numbers.",
        "Encode it as the numbers with which the network was trained, or declare labels if this is the label column.",
    )


def _parquet(path: Path) -> dict[str, np.ndarray]:
    import numpy as np

    columns: dict[str, np.ndarray] = {}
    if importlib.util.find_spec("pyarrow") is not None:
        parquet = importlib.import_module("pyarrow.parquet")
        table = parquet.read_table(path)
        columns = {name: table.column(name).to_numpy() for name in table.column_names}
    elif importlib.util.find_spec("polars") is not None:
        frame = importlib.import_module("polars").read_parquet(path)
        columns = {name: frame[name].to_numpy() for name in frame.columns}
    else:
        raise BadInput(
            f"{path} is a Parquet file, and no reader for it is installed.",
            "Run: python -m pip install pyarrow, or save the table as .csv.",
        )
    if not columns or not len(next(iter(columns.values()))):
        raise BadInput(f"{path} holds no rows.", "Give a table with at least one row.")
    return {
        name: one.astype(np.float64) if one.dtype.kind in "biuf" else one.astype(str) for name, one in columns.items()
    }


def _namer(path: Path) -> Callable[[int], str]:
    return lambda number: f"{path.name}, row {number + 1}"
