"""Small drawings that the style sheet names: icons tinted in a colour of the theme, in Qt's resource memory.

A style sheet reads pictures from files or resources only. Tinted copies are made in memory, so that nothing is written
to disk and they are drawn sharply at every scale.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable

from PySide6.QtCore import qRegisterResourceData

from compress_studio.base.paths import resource

FOLDER = "theme"
_FORMAT = 1
_IS_FOLDER = 0x02
_registered: list[tuple[bytes, bytes, bytes]] = []
"""Qt reads these bytes as long as the process lives."""
_known: set[str] = set()


def address(name: str, color: str) -> str:
    """The address of an icon in a colour, for url(…)."""
    return f":/{FOLDER}/{_file_name(name, color)}"


def register(drawings: Iterable[tuple[str, str]]) -> None:
    """Make these (icon, colour) pairs readable at their addresses."""
    wanted = {_file_name(name, color): tinted(name, color) for name, color in drawings}
    new = {name: content for name, content in wanted.items() if name not in _known}
    if not new:
        return
    made = _pack(new)
    _registered.append(made)
    tree, names, data = made
    qRegisterResourceData(_FORMAT, tree, names, data)
    _known.update(new)


def tinted(name: str, color: str) -> bytes:
    """The SVG of an icon in a colour."""
    text = (resource("icons") / f"{name}.svg").read_text(encoding="utf-8")
    return text.replace("currentColor", color).encode()


def _file_name(name: str, color: str) -> str:
    return f"{name}-{color.lstrip('#')}.svg"


def _pack(files: dict[str, bytes]) -> tuple[bytes, bytes, bytes]:
    """Tree, names and data of Qt's resource format 1: a root, one folder, its files sorted by the hash of the name."""
    ordered = sorted(files, key=_hash)
    names, offsets = b"", {}
    for name in (FOLDER, *ordered):
        offsets[name] = len(names)
        names += struct.pack(">HI", len(name), _hash(name)) + name.encode("utf-16-be")
    tree = struct.pack(">IHII", 0, _IS_FOLDER, 1, 1)
    tree += struct.pack(">IHII", offsets[FOLDER], _IS_FOLDER, len(ordered), 2)
    data = b""
    for name in ordered:
        tree += struct.pack(">IHHHI", offsets[name], 0, 0, 1, len(data))
        data += struct.pack(">I", len(files[name])) + files[name]
    return tree, names, data


def _hash(name: str) -> int:
    """Qt's hash of a name."""
    value = 0
    for one in name.encode("utf-16-be")[1::2]:
        value = (value << 4) + one
        value ^= (value & 0xF0000000) >> 23
        value &= 0x0FFFFFFF
    return value
