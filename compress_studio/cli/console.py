"""What reaches the terminal: text and JSON on stdout, messages on stderr."""

from __future__ import annotations

import json
import shutil
import sys
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any


def write(text: str) -> None:
    """A result, on stdout."""
    sys.stdout.write(text if text.endswith("\n") else f"{text}\n")
    sys.stdout.flush()


def write_json(value: Mapping[str, Any] | Sequence[Any]) -> None:
    """A result as JSON, on stdout; in ASCII where the output could not hold every character."""
    plain = (sys.stdout.encoding or "").lower().replace("-", "") != "utf8"
    write(json.dumps(value, indent=2, ensure_ascii=plain, allow_nan=False))


def columns_of_stdout() -> int | None:
    """Columns of the terminal that shows results; None when they go elsewhere, where lines may be of any length."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def width_of(text: str) -> int:
    """Columns that a text takes on a terminal: characters of East Asia take two, accents of their own none."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(one) else 2 if unicodedata.east_asian_width(one) in "WF" else 1 for one in text
    )


def cut(text: str, columns: int) -> str:
    """The start of a text that fits into so many columns."""
    while text and width_of(text) > columns:
        text = text[:-1]
    return text


def say(text: str) -> None:
    """A line about the work, on stderr."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def error_json(message: str, hint: str, code: int) -> dict[str, Any]:
    """What --json prints when a command fails."""
    return {"ok": False, "error": {"message": message, "hint": hint, "exit_code": code}}


def print_error(message: str, hint: str, code: int, *, as_json: bool) -> None:
    """Say what is wrong and what to do; with as_json also on stdout."""
    say(f"error: {message}")
    if hint:
        say(f"hint: {hint}")
    if as_json:
        write_json(error_json(message, hint, code))


def table(rows: Sequence[Sequence[str]], *, left: Sequence[int] = (0,), columns: int | None = None) -> str:
    """Columns lined up; the first row is the heading. Columns not in left are aligned to the right.

    A table wider than the columns of the terminal is written as a paragraph per row, a line per cell.
    """
    if not rows:
        return ""
    widths = [max(width_of(row[column]) for row in rows) for column in range(len(rows[0]))]
    if columns is not None and sum(widths) + 2 * (len(widths) - 1) > columns:
        return _paragraphs(rows)
    lines: list[str] = []
    for number, row in enumerate(rows):
        cells: list[str] = []
        for column, (cell, width) in enumerate(zip(row, widths, strict=True)):
            blanks = " " * (width - width_of(cell))
            cells.append(cell + blanks if column in left else blanks + cell)
        lines.append("  ".join(cells).rstrip())
        if number == 0:
            lines.append("  ".join("─" * width for width in widths))
    return "\n".join(lines)


def _paragraphs(rows: Sequence[Sequence[str]]) -> str:
    heading, *others = rows
    width = max(width_of(name) for name in heading)
    return "\n\n".join(
        "\n".join(
            [
                row[0],
                *(
                    f"  {name}{' ' * (width - width_of(name))}  {cell}"
                    for name, cell in zip(heading[1:], row[1:], strict=True)
                    if cell
                ),
            ]
        )
        for row in others
    )
