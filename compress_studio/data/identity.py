"""The digest of a data request: names the contents without reading all of them. Standard library only."""

from __future__ import annotations

import hashlib
from pathlib import Path

from compress_studio.base.digest import DIGEST_BYTES, Json, digest_file, digest_json
from compress_studio.base.paths import check_name
from compress_studio.data.options import read_options, toml_of
from compress_studio.spec.data import DataRequest

VERSION = 2
"""Raised when the same request would give other batches."""
READ_WHOLE = 200_000_000
"""Bytes up to which a file is named by its contents; above by its size, time, head and tail."""
ENDS = 1 << 20


def data_digest(request: DataRequest) -> str:
    """Name the contents of a data set with every option and the seed.

    Files up to 200 MB count by contents; larger ones by size, time of change, head and tail; folders by the names,
    sizes and times of their files. Raises BadInput when the data are missing or an option is wrong.
    """
    options = read_options(request)
    row: list[Json] = ["data", VERSION, dict(request.options), request.seed]
    if options.path is not None:
        toml = toml_of(Path(request.path).expanduser()) if request.path else None
        row += [digest_file(toml) if toml is not None else None, contents(options.path)]
    return digest_json(row)


def contents(path: Path) -> str:
    """Name what a file or folder holds."""
    if path.is_dir():
        return digest_json([_stamp(one, path) for one in sorted(path.rglob("*")) if one.is_file()])
    size = path.stat().st_size
    if size <= READ_WHOLE:
        return digest_file(path)
    state = hashlib.blake2b(digest_size=DIGEST_BYTES)
    with path.open("rb") as stream:
        state.update(stream.read(ENDS))
        stream.seek(size - ENDS)
        state.update(stream.read(ENDS))
    return digest_json([size, path.stat().st_mtime_ns, state.hexdigest()])


def _stamp(path: Path, root: Path) -> Json:
    check_name(path)
    facts = path.stat()
    return [path.relative_to(root).as_posix(), facts.st_size, facts.st_mtime_ns]
