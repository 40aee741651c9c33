"""Layers before and after: order, search, and what is said of a change."""

from __future__ import annotations

from typing import Any

from compress_studio.gui.charts.counting import counted
from compress_studio.gui.charts.layer_rows import (
    LayerRow,
    arrange,
    card_rows,
    change_words,
    largest,
    make_table,
    read_row,
    value_words,
)
from compress_studio.gui.charts.looks import Side
from compress_studio.gui.words import THIN


def layer(name: str, before: float | None, after: float | None, state: str = "changed", **more: Any) -> LayerRow:
    row: dict[str, Any] = {"name": name, "op": "Conv", "op_before": "Conv", "op_after": "Conv", "state": state}
    row |= {"bytes_before": before, "bytes_after": after, "sparsity_before": 0.0, "sparsity_after": 0.5, **more}
    return read_row(row)


ROWS = (layer("b", 100, 50), layer("a", 400, 100), layer("gone", 50, None, "gone"), layer("same", 900, 900, "same"))


def test_layers_can_be_sorted_by_change_and_by_size() -> None:
    assert [row.name for row in arrange(ROWS, "bytes", "network")] == ["b", "a", "gone", "same"]
    assert [row.name for row in arrange(ROWS, "bytes", "change")] == ["gone", "a", "b", "same"]
    assert [row.name for row in arrange(ROWS, "bytes", "size")] == ["same", "a", "b", "gone"]


def test_layers_are_found_by_a_part_of_their_name_or_by_their_operator() -> None:
    assert [row.name for row in arrange(ROWS, "bytes", "network", "GON")] == ["gone"]
    assert len(arrange(ROWS, "bytes", "network", "conv")) == 4


def test_a_change_is_said_as_a_factor_or_in_points() -> None:
    assert change_words(ROWS[1], "bytes").replace(THIN, " ") == "÷ 4.00"
    assert change_words(ROWS[0], "sparsity").replace(THIN, " ") == "+50.0 pt"
    assert change_words(ROWS[2], "bytes") == "removed"
    assert change_words(ROWS[3], "bytes") == "same"
    assert change_words(ROWS[0], "macs") == "–"


def test_values_that_are_the_same_are_said_once() -> None:
    assert value_words(ROWS[3], "bytes").replace(THIN, " ") == "900 B"
    assert value_words(ROWS[0], "bytes").replace(THIN, " ") == "100 B → 50 B"
    assert value_words(ROWS[2], "bytes").replace(THIN, " ") == "50 B"


def test_a_layer_that_was_split_names_its_parts() -> None:
    rows = {name: value for name, value, _ in card_rows(layer("fc", 8, 4, parts=["fc.a", "fc.b"]))}
    assert rows["Split into"] == "fc.a, fc.b"


def test_the_axis_of_zeros_always_ends_at_all_of_them() -> None:
    assert largest(ROWS, "sparsity") == 1.0
    assert largest(ROWS, "bytes") == 900
    assert largest((), "bytes") == 1.0


def test_the_table_holds_what_the_bars_show() -> None:
    table = make_table(ROWS, "bytes")
    assert table.headers[3:5] == ("Bytes before", "Bytes after")
    assert [row[3:5] for row in table.rows] == [(100, 50), (400, 100), (50, None), (900, 900)]
    assert table.csv().splitlines()[3] == "gone,Conv,gone,50,,removed"


def test_zeros_are_taken_out_of_the_bin_that_holds_them() -> None:
    side = Side(10, 4, -1.0, 1.0, 0.5, 32.0)
    assert counted((2, 6, 2), (-1.0, -0.3, 0.3, 1.0), side) == (2, 2, 2)
    assert counted(None, (0.0, 1.0), None) is None
    assert counted((3,), (0.0, 1.0), Side(3, 3, 0.0, 0.0, 0.0, 32.0)) == (0,)
