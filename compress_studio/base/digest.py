"""Digests that name contents: canonical JSON, files, folders."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import TypeAlias

Json: TypeAlias = "bool | int | float | str | list[Json] | tuple[Json, ...] | Mapping[str, Json] | None"

DIGEST_BYTES = 20
CHUNK = 1 << 20
_memo: ContextVar[Callable[[Path], str] | None] = ContextVar("file digest memo", default=None)


def canonical_json(value: Json) -> bytes:
    """One spelling for one value: sorted keys, no spaces, no NaN.

    Raises ValueError for NaN and infinities, which have no JSON spelling.
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def digest_json(value: Json) -> str:
    """The 160-bit blake2b digest of the canonical JSON of a value, in hexadecimal."""
    return hashlib.blake2b(canonical_json(value), digest_size=DIGEST_BYTES).hexdigest()


@contextmanager
def remembering(memo: Callable[[Path], str]) -> Generator[None]:
    """Let digest_file ask a memo while the block runs; the memo calls read_digest for a file it does not know."""
    token = _memo.set(memo)
    try:
        yield
    finally:
        _memo.reset(token)


def digest_file(path: Path) -> str:
    """The 160-bit blake2b digest of a file's bytes; asks the memo first, where there is one."""
    memo = _memo.get()
    return read_digest(path) if memo is None else memo(path)


def read_digest(path: Path) -> str:
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
