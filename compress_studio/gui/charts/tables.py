"""The numbers behind a chart, as a file that every spreadsheet reads."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import TypeAlias

Cell: TypeAlias = str | float | int | bool | None


@dataclass(frozen=True, slots=True)
class Table:
    """What a chart shows, in rows. Headers carry the units."""

    headers: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...] = ()

    def csv(self) -> str:
        """Comma-separated text with one header line; numbers in full, what is unknown stays empty."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(self.headers)
        for row in self.rows:
            writer.writerow(["" if cell is None else cell for cell in row])
        return text.getvalue()
