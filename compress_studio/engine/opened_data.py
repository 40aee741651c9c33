"""Data sets that a worker process keeps open between calls, opened again when their files change."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from compress_studio.spec.data import DataRequest, DataSource
from compress_studio.spec.runtime import load_runtime

LOOK_SECONDS = 1.0
"""A data set is not looked at more often than this; within one step it stays the same."""
MOST_FILES = 100_000
"""Of a folder, whose names, sizes and times are compared."""

_looked: dict[str, tuple[float, int]] = {}


def open_data(runtime: str, path: str, options: str, seed: int, network: str) -> DataSource:
    """The data set joined to a network; options as JSON. The network is a file of the store: its path names its bytes.

    Raises BadInput as the runtime does.
    """
    return _open(runtime, path, options, seed, network, _stamp(path) if path else 0)


@lru_cache(maxsize=4)
def _open(runtime: str, path: str, options: str, seed: int, network: str, stamp: int) -> DataSource:
    return load_runtime(runtime).open_data(DataRequest(path, json.loads(options), seed), Path(network))


def _stamp(path: str) -> int:
    """Changes when a file of the data set does."""
    now = time.monotonic()
    known = _looked.get(path)
    if known is not None and now - known[0] < LOOK_SECONDS:
        return known[1]
    stamp = hash(tuple(_facts(Path(path))))
    _looked[path] = (now, stamp)
    return stamp


def _facts(path: Path) -> Iterator[tuple[str, int, int]]:
    """Name, size and time of the file, or of everything in the folder; beside a description all files count."""
    folder = path if path.is_dir() else path.parent if path.suffix.lower() == ".toml" else None
    if folder is None:
        yield _one(path)
        return
    count = 0
    for place, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            count += 1
            if count > MOST_FILES:
                return
            yield _one(Path(place) / name)


def _one(path: Path) -> tuple[str, int, int]:
    try:
        facts = path.stat()
    except OSError:
        return str(path), -1, -1
    return str(path), facts.st_size, facts.st_mtime_ns
