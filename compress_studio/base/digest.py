"""Digests that name contents: canonical JSON, files, folders."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TypeAlias

Json: TypeAlias = "bool | int | float | str | list[Json] | tuple[Json, ...] | Mapping[str, Json] | None"

DIGEST_BYTES = 20
CHUNK = 1 << 20


def canonical_json(value: Json) -> bytes:
    """One spelling for one value: sorted keys, no spaces, no NaN.

    Raises ValueError for NaN and infinities, which have no JSON spelling.
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def digest_json(value: Json) -> str:
    """The 160-bit blake2b digest of the canonical JSON of a value, in hexadecimal."""
    return hashlib.blake2b(canonical_json(value), digest_size=DIGEST_BYTES).hexdigest()


def digest_file(path: Path) -> str:
    """The 160-bit blake2b digest of a file's bytes, read in pieces."""
    state = hashlib.blake2b(digest_size=DIGEST_BYTES)
    with path.open("rb") as stream:
        while piece := stream.read(CHUNK):
            state.update(piece)
    return state.hexdigest()


def digest_files(paths: Iterable[Path], root: Path) -> str:
    """One digest for several files: their names relative to root and their contents, in the order of the names."""
    rows: list[Json] = [[path.relative_to(root).as_posix(), digest_file(path)] for path in sorted(paths)]
    return digest_json(rows)
