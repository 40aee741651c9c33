"""The words after `compress-studio` that are for the window."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from compress_studio.base.errors import BadInput

SIZE = re.compile(r"(\d{3,5})[x×](\d{3,5})")
DEFAULT_SIZE = (1440, 900)


@dataclass(frozen=True, slots=True)
class WindowOptions:
    """What the window is asked to do at its start."""

    files: tuple[Path, ...] = ()
    sample: str = ""
    theme: str = ""
    """Empty: that of the settings."""
    size: tuple[int, int] | None = None
    shot: Path | None = None
    """Write a picture here and end."""
    scale: float = 1.0
    select: str = ""
    tab: str = ""
    run: bool = False


class _Parser(argparse.ArgumentParser):
    """Mistakes become BadInput."""

    def error(self, message: str) -> NoReturn:
        raise BadInput(f"{message[:1].upper()}{message[1:]}.", "See compress-studio --help.")


def parse(words: Sequence[str]) -> WindowOptions:
    """Read the words. Raises BadInput."""
    parser = _Parser(prog="compress-studio", add_help=False, allow_abbrev=False)
    parser.add_argument("files", nargs="*")
    parser.add_argument("--open", action="append", default=[])
    parser.add_argument("--sample", default="")
    parser.add_argument("--theme", choices=("system", "dark", "light"), default="")
    parser.add_argument("--size", type=_size, default=None)
    parser.add_argument("--shot", default=None)
    parser.add_argument("--scale", type=_scale, default=1.0)
    parser.add_argument("--select", default="")
    parser.add_argument("--tab", default="")
    parser.add_argument("--run", action="store_true")
    found = parser.parse_intermixed_args(list(words))
    files = tuple(Path(one) for one in (*found.files, *found.open))
    shot = Path(found.shot) if found.shot else None
    if shot is not None and shot.suffix.lower() != ".png":
        raise BadInput(f"--shot writes PNG files, not {shot.name}.", "Give a name that ends in .png.")
    return WindowOptions(
        files, found.sample, found.theme, found.size, shot, found.scale, found.select, found.tab, found.run
    )


def _size(word: str) -> tuple[int, int]:
    found = SIZE.fullmatch(word)
    if found is None:
        raise argparse.ArgumentTypeError("must be like 1440x900")
    return int(found[1]), int(found[2])


def _scale(word: str) -> float:
    try:
        value = float(word)
    except ValueError:
        value = 0.0
    if not 0.5 <= value <= 4:
        raise argparse.ArgumentTypeError("must be a number from 0.5 to 4")
    return value
