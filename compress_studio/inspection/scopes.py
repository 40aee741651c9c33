"""Sorting operators into nested groups, by their names, and by repetition where names tell nothing."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TypeAlias

import numpy as np

Path: TypeAlias = tuple[str, ...]
CROWD = 40
"""Entries of one group beyond which it is divided."""
NUMBERED = 24
"""Numbered siblings ("layers.0", "layers.1", …) beyond which they get a group of their own."""
LONGEST_PERIOD = 600
NUMBER = re.compile(r"^\d+$")
EXPORTER = re.compile(r"^(onnx::|val_|_?\d+$|p_|n\d+$|const_fold_|node_[A-Za-z]+_\d+$|op_?\d+$)")


@dataclass(slots=True)
class Group:
    """A box that holds operators and other boxes."""

    name: str
    items: list[int] = field(default_factory=list[int])
    groups: list[Group] = field(default_factory=list["Group"])
    kind: str = "scope"
    """ "scope": named by the model; "part": made here because names tell nothing; "branch": inside an operator."""

    @property
    def first(self) -> int:
        """Number of its first operator."""
        return min([*self.items[:1], *(one.first for one in self.groups)], default=0)

    def count(self) -> int:
        """How many operators it holds, nested ones included."""
        return len(self.items) + sum(one.count() for one in self.groups)


def split_name(name: str, op: str) -> Path:
    """The scopes that a dotted name tells, outermost first; empty for a name that an exporter made up."""
    if re.fullmatch(rf"{re.escape(op)}([_./:]*\d+)*", name) or (EXPORTER.match(name) and not re.search(r"[/.]", name)):
        return ()
    parts: list[str] = []
    for part in re.split(r"[/.]", name):
        if NUMBER.match(part) and parts:
            parts[-1] = f"{parts[-1]}.{part}"
        elif part:
            parts.append(part)
    return tuple(parts)


def group(paths: Sequence[Path], ops: Sequence[str], branches: frozenset[Path] = frozenset()) -> Group:
    """Nested groups of operators given in running order.

    Args: paths are the scopes of each operator, its own name not included; ops are operator types; branches are the
    paths of the insides of operators. No group holds more than about CROWD entries.
    """
    root = Group("")
    known: dict[Path, Group] = {(): root}
    crowded = _crowded(paths)
    for number, path in enumerate(paths):
        _open(known, _spread(path, crowded), branches).items.append(number)
    _simplify(root)
    while len(root.groups) == 1 and not root.items:
        root = root.groups[0]
    root.name = ""
    _divide(root, ops)
    return root


def _crowded(paths: Sequence[Path]) -> frozenset[tuple[Path, str]]:
    """Names with so many numbered siblings that they deserve a group: (scope, name without number)."""
    seen: dict[tuple[Path, str], set[str]] = {}
    for path in set(paths):
        for depth, part in enumerate(path):
            stem, dot, _ = part.rpartition(".")
            if dot:
                seen.setdefault((path[:depth], stem), set()).add(part)
    return frozenset(key for key, parts in seen.items() if len(parts) > NUMBERED)


def _spread(path: Path, crowded: frozenset[tuple[Path, str]]) -> Path:
    if not crowded:
        return path
    result: list[str] = []
    for depth, part in enumerate(path):
        stem, dot, number = part.rpartition(".")
        if dot and (path[:depth], stem) in crowded:
            result += [stem, f"{stem}.{number}"]
        else:
            result.append(part)
    return tuple(result)


def _open(known: dict[Path, Group], path: Path, branches: frozenset[Path]) -> Group:
    """The group of a path, made with those around it where it is new."""
    depth = len(path)
    while path[:depth] not in known:
        depth -= 1
    for more in range(depth, len(path)):
        kind = "branch" if path[: more + 1] in branches else "scope"
        made = Group(path[more], kind=kind)
        known[path[:more]].groups.append(made)
        known[path[: more + 1]] = made
    return known[path]


def _simplify(one: Group) -> None:
    """Take away groups of a single operator, and join a group with its only sub-group."""
    for inner in one.groups:
        _simplify(inner)
    kept: list[Group] = []
    for inner in one.groups:
        while not inner.items and len(inner.groups) == 1 and inner.kind == inner.groups[0].kind:
            only = inner.groups[0]
            inner = Group(f"{inner.name}.{only.name}", only.items, only.groups, only.kind)
        if inner.count() == 1 and inner.kind != "branch":
            one.items += inner.items
        else:
            kept.append(inner)
    one.items.sort()
    one.groups = kept


def _divide(one: Group, ops: Sequence[str]) -> None:
    """Divide crowded groups, the outermost first."""
    todo = [one]
    while todo:
        here = todo.pop()
        entries: list[int | Group] = sorted([*here.items, *here.groups], key=_place)
        if len(entries) > CROWD:
            parts = _parts(entries, [_sign(entry, ops) for entry in entries])
            if len(parts) > 1:
                here.items = [part[0] for part in parts if len(part) == 1 and isinstance(part[0], int)]
                here.groups = list(_named_parts(parts, ops))
        todo += here.groups


def _place(entry: int | Group) -> int:
    return entry if isinstance(entry, int) else entry.first


def _sign(entry: int | Group, ops: Sequence[str]) -> str:
    return ops[entry] if isinstance(entry, int) else f"{re.sub(r'[.]?[0-9]+$', '', entry.name)}:{entry.count()}"


def _named_parts(parts: list[list[int | Group]], ops: Sequence[str]) -> Iterator[Group]:
    number = 0
    for part in parts:
        if len(part) == 1:
            if isinstance(part[0], Group):
                yield part[0]
            continue
        number += 1
        items = [one for one in part if isinstance(one, int)]
        groups = [one for one in part if isinstance(one, Group)]
        name = f"{groups[0].name} … {groups[-1].name}" if groups and not items else f"Part {number}"
        yield Group(name, items, groups, "part")


def _parts(entries: list[int | Group], signs: list[str]) -> list[list[int | Group]]:
    """Cut a row of entries where a pattern begins again; into equal pieces where nothing repeats."""
    repeat = find_repeat(signs)
    count = len(entries)
    if repeat is None:
        return _equal(entries)
    start, period, times = repeat
    if times > CROWD:  # so many repetitions that several share a group
        period *= -(-times // CROWD)
        times = -(-(times * repeat[1]) // period)
    end = min(start + period * times, count)
    middle = [entries[at : min(at + period, end)] for at in range(start, end, period)]
    return [*_equal(entries[:start]), *middle, *_equal(entries[end:])]


def _equal(entries: list[int | Group]) -> list[list[int | Group]]:
    if not entries:
        return []
    pieces = max(1, min(CROWD // 2, round(len(entries) / 12), int(np.ceil(np.sqrt(len(entries))))))
    edges = np.linspace(0, len(entries), pieces + 1).astype(int)
    return [entries[a:b] for a, b in pairwise(edges) if b > a]


def find_repeat(signs: Sequence[str]) -> tuple[int, int, int] | None:
    """(start, period, times) of the longest stretch in which a pattern of three or more signs repeats itself.

    None when no pattern covers a third of the row at least three times.
    """
    codes: dict[str, int] = {}
    row = np.array([codes.setdefault(sign, len(codes)) for sign in signs], np.int64)
    best: tuple[int, int, int] | None = None
    covered = len(row) / 3
    for period in range(3, min(len(row) // 3, LONGEST_PERIOD) + 1):
        same = row[period:] == row[:-period]
        start, length = _longest_run(same)
        whole = (length + period) // period
        if whole >= 3 and whole * period > covered * 1.05 and len(set(row[start : start + period])) > 1:
            best, covered = (start, period, whole), whole * period
    return best


def _longest_run(same: np.ndarray) -> tuple[int, int]:
    edges = np.flatnonzero(np.diff(np.concatenate(([0], same.astype(np.int8), [0]))))
    if not len(edges):
        return 0, 0
    starts, ends = edges[::2], edges[1::2]
    at = int(np.argmax(ends - starts))
    return int(starts[at]), int(ends[at] - starts[at])


def summary(one: Group, ops: Sequence[str], many: int = 3) -> str:
    """What a group holds in words: "Conv ×3, Relu ×2, Add"."""
    counts = Counter(_operators(one, lambda number: ops[number]))
    words = [f"{op} ×{count}" if count > 1 else op for op, count in counts.most_common(many)]
    return ", ".join(words) + (", …" if len(counts) > many else "")


def _operators(one: Group, op: Callable[[int], str]) -> Iterator[str]:
    for number in one.items:
        yield op(number)
    for inner in one.groups:
        yield from _operators(inner, op)
