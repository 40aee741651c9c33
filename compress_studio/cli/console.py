"""What reaches the terminal: text and JSON on stdout, messages on stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any


def write(text: str) -> None:
    """A result, on stdout."""
    sys.stdout.write(text if text.endswith("\n") else f"{text}\n")
    sys.stdout.flush()


def write_json(value: Mapping[str, Any] | Sequence[Any]) -> None:
    """A result as JSON, on stdout."""
    write(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False))


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


def table(rows: Sequence[Sequence[str]], *, left: Sequence[int] = (0,)) -> str:
    """Columns lined up; the first row is the heading. Columns not in left are aligned to the right."""
    if not rows:
        return ""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines: list[str] = []
    for number, row in enumerate(rows):
        cells = [
            cell.ljust(width) if column in left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
        if number == 0:
            lines.append("  ".join("─" * width for width in widths))
    return "\n".join(lines)
