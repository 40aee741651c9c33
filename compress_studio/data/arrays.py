"""Arrays in .npy and .npz files, mapped from disk so that they may be larger than memory; nothing is ever unpickled."""

from __future__ import annotations

import shutil
import struct
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING

from compress_studio.base.digest import digest_json
from compress_studio.base.errors import BadInput
from compress_studio.base.paths import atomic_path, cache_dir

if TYPE_CHECKING:
    import numpy as np

IN_MEMORY = 64_000_000
"""Bytes up to which a compressed array is simply read; larger ones are inflated once into the cache and mapped."""
KEEP_SECONDS = 7 * 86_400
LOCAL_HEADER = 30
PICKLED = "Save it again as plain numbers or text, without dtype=object."


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """The arrays of a .npy file (under "x"), a .npz file, or a folder of .npy files, by name.

    Raises BadInput for pickled objects, broken files, and files that would not fit on the disk.
    """
    if path.is_dir():
        return {one.stem: map_npy(one) for one in sorted(path.glob("*.npy"))}
    if path.suffix.lower() == ".npy":
        return {"x": map_npy(path)}
    return dict(_read_npz(path))


def map_npy(path: Path) -> np.ndarray:
    """Map one .npy file. Raises BadInput when it is broken or holds pickled objects."""
    import numpy as np

    with path.open("rb") as stream:
        shape, _, dtype = _header(stream, str(path))
    if 0 in shape or not shape:
        return np.load(path, allow_pickle=False)
    try:
        return np.lib.format.open_memmap(path, mode="r")
    except (ValueError, OSError, EOFError) as error:
        raise BadInput(f"{path} is cut off or damaged ({dtype}, {shape}): {error}", "Write the file again.") from error


def _read_npz(path: Path) -> Iterator[tuple[str, np.ndarray]]:
    try:
        with zipfile.ZipFile(path) as archive:
            members = [one for one in archive.infolist() if not one.is_dir() and one.filename.endswith(".npy")]
            if not members:
                raise BadInput(f"{path} holds no arrays.", "Write it with numpy.savez(path, x=…, y=…).")
            for member in members:
                yield member.filename.removesuffix(".npy"), _member(path, archive, member)
    except (zipfile.BadZipFile, EOFError, OSError, NotImplementedError, RuntimeError) as error:
        raise BadInput(f"{path} is not a readable .npz file: {error}", "Write it again with numpy.savez.") from error


def _member(path: Path, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> np.ndarray:
    import numpy as np

    where = f"{path}, array {member.filename.removesuffix('.npy')}"
    with archive.open(member) as stream:
        shape, fortran, dtype = _header(stream, where)
        header = stream.tell()
    expected = header + dtype.itemsize * int(np.prod(shape, dtype=object))
    if expected != member.file_size:
        raise BadInput(f"{where}: {member.file_size} bytes, but its header says {expected}.", "Write the file again.")
    if member.compress_type == zipfile.ZIP_STORED and shape and 0 not in shape:
        offset = _data_offset(path, member) + header
        return np.memmap(path, dtype=dtype, mode="r", offset=offset, shape=shape, order="F" if fortran else "C")
    if member.file_size <= IN_MEMORY:
        with archive.open(member) as stream:
            return np.lib.format.read_array(stream, allow_pickle=False)
    return _inflated(path, archive, member, where)


def _header(stream: IO[bytes], where: str) -> tuple[tuple[int, ...], bool, np.dtype]:
    import numpy as np

    try:
        version = np.lib.format.read_magic(stream)
        if version == (1, 0):
            shape, fortran, dtype = np.lib.format.read_array_header_1_0(stream)
        elif version == (2, 0):
            shape, fortran, dtype = np.lib.format.read_array_header_2_0(stream)
        else:
            raise BadInput(f"{where} has named fields.", "Save every field as an array of its own.")
    except (ValueError, EOFError) as error:
        raise BadInput(f"{where} is not a readable array: {error}", "Write the file again.") from error
    if dtype.hasobject:
        raise BadInput(f"{where} holds pickled Python objects, which could run code; it was not opened.", PICKLED)
    if dtype.names:
        raise BadInput(f"{where} has named fields.", "Save every field as an array of its own.")
    return shape, fortran, dtype


def _data_offset(path: Path, member: zipfile.ZipInfo) -> int:
    with path.open("rb") as stream:
        stream.seek(member.header_offset)
        fixed = stream.read(LOCAL_HEADER)
    name, extra = struct.unpack("<HH", fixed[26:30])
    return member.header_offset + LOCAL_HEADER + name + extra


def _inflated(path: Path, archive: zipfile.ZipFile, member: zipfile.ZipInfo, where: str) -> np.ndarray:
    facts = path.stat()
    root = cache_dir() / "data"
    key = digest_json([str(path.resolve()), facts.st_size, facts.st_mtime_ns, member.filename, member.CRC])
    target = root / f"{key}.npy"
    if not target.is_file():
        root.mkdir(parents=True, exist_ok=True)
        _sweep(root)
        free = shutil.disk_usage(root).free
        if member.file_size > free - 100_000_000:
            raise BadInput(
                f"{where} needs {member.file_size / 1e9:.1f} GB on the disk of {root}, {free / 1e9:.1f} GB are free.",
                "Make room, or save the data with numpy.savez (not savez_compressed), which needs no copy.",
            )
        with atomic_path(target) as part, archive.open(member) as source, part.open("wb") as sink:
            shutil.copyfileobj(source, sink, 1 << 20)
    target.touch()
    return map_npy(target)


def _sweep(root: Path) -> None:
    """Remove copies that nothing has used for a week."""
    for old in root.glob("*.npy"):
        try:
            if time.time() - old.stat().st_mtime > KEEP_SECONDS:
                old.unlink()
        except OSError:  # another process maps or removed it; the next sweep sees it again
            continue
