"""How large files are once zipped, measured on all processors and without writing anything."""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

LEVEL = 6
"""Of deflate: what zip programs use."""
PIECE = 4 << 20
"""Bytes that are compressed on their own, far more than deflate looks back (32 KiB): the sum is that of one stream
within a tenth of a percent, and the same on every machine."""
THREADS = 8


def deflated_bytes(files: Iterable[Path], check: Callable[[], None] | None = None) -> int:
    """Bytes of the files after deflate at level 6. check is called between pieces and may raise to stop.

    Memory holds two pieces per thread, however large the files are.
    """
    total = 0
    count = min(THREADS, os.cpu_count() or 1)
    waiting: list[Future[int]] = []
    with ThreadPoolExecutor(count, thread_name_prefix="deflate") as pool:
        for piece in _pieces(files):
            if check is not None:
                check()
            waiting.append(pool.submit(_deflated, piece))
            if len(waiting) >= 2 * count:
                total += waiting.pop(0).result()
        total += sum(one.result() for one in waiting)
    return total


def _pieces(files: Iterable[Path]) -> Iterator[bytes]:
    for path in files:
        with path.open("rb") as stream:
            while piece := stream.read(PIECE):
                yield piece


def _deflated(piece: bytes) -> int:
    return len(zlib.compress(piece, LEVEL))
