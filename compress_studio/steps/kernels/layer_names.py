"""Names of layers as people give them: exact, or patterns such as encoder.*"""

from __future__ import annotations

import difflib
import fnmatch
from collections.abc import Collection, Mapping, Sequence

from compress_studio.base.errors import BadInput


def match_layers(names: Sequence[str], patterns: Sequence[str]) -> Collection[str]:
    """The names that patterns mean. Raises BadInput naming the nearest layers when a pattern means none."""
    found: set[str] = set()
    for pattern in patterns:
        found.update(_hits(names, pattern))
    return found


def values_by_layer(names: Sequence[str], wanted: Mapping[str, float]) -> dict[str, float]:
    """The value of each layer that is named; an exact name goes before patterns, a later pattern before an earlier.

    Raises BadInput naming the nearest layers when a name means none.
    """
    found: dict[str, float] = {}
    for exact in (False, True):
        for pattern, value in sorted(wanted.items()):
            for name in _hits(names, pattern):
                if (name == pattern) is exact:
                    found[name] = value
    return found


def _hits(names: Sequence[str], pattern: str) -> list[str]:
    hits = [name for name in names if name == pattern or fnmatch.fnmatchcase(name, pattern)]
    if not hits:
        near = difflib.get_close_matches(pattern, names, n=3, cutoff=0.3) or list(names[:3])
        raise BadInput(f"There is no layer called {pattern}.", f"Did you mean {', '.join(near)}?")
    return hits
