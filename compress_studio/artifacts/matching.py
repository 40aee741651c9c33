"""Which weight of a file belongs to which of a network, and side by side what does not fit."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

Shape = tuple[int, ...]
OPTIONAL = ("num_batches_tracked",)
"""Counters that only training reads; older files lack them."""
MOST_ROWS = 24
MOST_PREFIXES = 6


@dataclass(frozen=True, slots=True)
class Match:
    """The weights of a network beside those of a file."""

    pairs: Mapping[str, str]
    """Name in the file by name in the network, where the shapes are equal."""
    missing: tuple[tuple[str, Shape], ...]
    """What only the network has."""
    unexpected: tuple[tuple[str, Shape], ...]
    """What only the file has."""
    different: tuple[tuple[str, Shape, Shape], ...]
    """Name, shape in the network, shape in the file."""
    renamed: str = ""
    """How names of the file were changed to fit, in words."""

    @property
    def complete(self) -> bool:
        """Whether every weight of the network is in the file."""
        return not self.missing and not self.different

    def summary(self) -> str:
        """How much fits, in words."""
        parts = [f"{len(self.pairs)} weights fit"]
        for count, words in (
            (len(self.missing), "missing in the file"),
            (len(self.different), "of another shape"),
            (len(self.unexpected), "only in the file"),
        ):
            if count:
                parts.append(f"{count} {words}")
        return ", ".join(parts)

    def rows(self) -> list[tuple[str, str, str]]:
        """Name, shape in the network, shape in the file: all that does not fit."""
        return [
            *((name, text_of(wanted), text_of(found)) for name, wanted, found in self.different),
            *((name, text_of(shape), "–") for name, shape in self.missing),
            *((name, "–", text_of(shape)) for name, shape in self.unexpected),
        ]

    def table(self) -> str:
        """The rows as text, the first ones only when there are many."""
        rows = [("name", "network", "file"), *self.rows()]
        shown = rows[: MOST_ROWS + 1]
        widths = [max(len(row[column]) for row in shown) for column in (0, 1)]
        lines = [f"  {name.ljust(widths[0])}  {one.ljust(widths[1])}  {two}" for name, one, two in shown]
        if len(rows) > len(shown):
            lines.append(f"  … and {len(rows) - len(shown)} more")
        return "\n".join(lines)


def text_of(shape: Shape) -> str:
    """A shape for people."""
    return "×".join(map(str, shape)) or "scalar"


def match(wanted: Mapping[str, Shape], found: Mapping[str, Shape], tied: Sequence[Sequence[str]] = ()) -> Match:
    """Join the weights of a network to those of a file by name and shape.

    Prefixes of wrappers are taken off or put on where more fits then. tied lists names of the network that are one
    tensor: one of them in the file is enough.
    """
    best = _joined(wanted, found, dict(zip(found, found, strict=True)), tied, "")
    for words, names in _renamings(wanted, found):
        one = _joined(wanted, found, names, tied, words)
        if len(one.pairs) > len(best.pairs):
            best = one
    return best


def _renamings(wanted: Mapping[str, Shape], found: Mapping[str, Shape]) -> list[tuple[str, dict[str, str]]]:
    """Ways to change the names of the file: what is done in words, and new names to names in the file."""
    ways: list[tuple[str, dict[str, str]]] = []
    for prefix in _prefixes(found):
        names = {name.removeprefix(prefix): name for name in found}
        ways.append((f"The prefix {prefix} was taken off the names of the file", names))
    for prefix in _prefixes(wanted):
        ways.append(
            (f"The prefix {prefix} was put before the names of the file", {f"{prefix}{name}": name for name in found})
        )
    return ways


def _prefixes(names: Mapping[str, Shape]) -> list[str]:
    """Beginnings up to a dot that many names share, the most common first; also of two parts."""
    counted: Counter[str] = Counter()
    for name in names:
        parts = name.split(".")
        for count in (1, 2):
            if len(parts) > count:
                counted[".".join(parts[:count]) + "."] += 1
    return [prefix for prefix, _ in counted.most_common(MOST_PREFIXES)]


def _joined(
    wanted: Mapping[str, Shape],
    found: Mapping[str, Shape],
    names: Mapping[str, str],
    tied: Sequence[Sequence[str]],
    renamed: str,
) -> Match:
    pairs: dict[str, str] = {}
    different: list[tuple[str, Shape, Shape]] = []
    for name, shape in wanted.items():
        if name in names:
            there = found[names[name]]
            if there == shape or (math.prod(there) == math.prod(shape) == 1):
                pairs[name] = names[name]
            else:
                different.append((name, shape, there))
    covered = {name for group in tied if any(one in pairs for one in group) for name in group}
    missing = [
        (name, shape)
        for name, shape in wanted.items()
        if name not in names and name not in covered and not name.endswith(OPTIONAL)
    ]
    used = {*pairs.values(), *(names[name] for name, _, _ in different)}
    unexpected = [(name, found[name]) for name in found if name not in used and not name.endswith(OPTIONAL)]
    return Match(pairs, tuple(missing), tuple(unexpected), tuple(different), renamed)
