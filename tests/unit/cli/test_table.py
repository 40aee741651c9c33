"""Numbers for people, with honest marks."""

from __future__ import annotations

import io
import json
import sys
from typing import Any

import pytest

from compress_studio.cli.console import cut, table, width_of, write_json
from compress_studio.cli.info import facts_text, value_text
from compress_studio.cli.table import count_text, factor_text, latency_text, metric_text, report_text, size_text


def latency(ratio: float | None, low: float | None = None, high: float | None = None) -> dict[str, Any]:
    return {"median_ms": 1.0, "ratio": ratio, "ratio_low": low, "ratio_high": high}


@pytest.mark.parametrize(
    ("measured", "text"),
    [
        (latency(2.13, 2.08, 2.17), "2.13 ± 0.05"),
        (latency(0.6, 0.55, 0.65), "0.60×, slower"),
        (latency(1.01, 0.97, 1.04), "1.01 ± 0.04, the same"),
        (latency(0.9), "0.90×, slower"),
        (latency(1.5), "1.50"),
        (latency(None), "–"),
        (None, "–"),
    ],
)
def test_what_is_slower_or_the_same_is_called_that(measured: dict[str, Any] | None, text: str) -> None:
    assert latency_text(measured) == text


@pytest.mark.parametrize(
    ("before", "after", "text"),
    [(400, 100, "4.00"), (100, 125, "0.80, bigger"), (100, 100, "1.00"), (None, 100, "–"), (100, 0, "–"), (0, 5, "–")],
)
def test_what_got_bigger_is_called_that(before: float | None, after: float | None, text: str) -> None:
    assert factor_text(before, after) == text


@pytest.mark.parametrize(
    ("name", "metric", "text"),
    [
        ("top1", {"value": 0.9188, "low": 0.913, "high": 0.924, "n": 9}, "91.9 ± 0.6 %"),
        ("r2", {"value": 0.9821, "low": 0.978, "high": 0.985, "n": 9}, "0.982 ± 0.004"),
        ("cosine", {"value": 0.5, "low": None, "high": None, "n": 9}, "0.500"),
        ("top1", None, "–"),
    ],
)
def test_a_metric_comes_with_its_interval(name: str, metric: dict[str, Any] | None, text: str) -> None:
    assert metric_text(name, metric) == text


def test_sizes_and_counts_are_short() -> None:
    assert [size_text(count) for count in (None, 12, 1234, 1_730_000, 5e12)] == [
        "–",
        "12 B",
        "1.23 kB",
        "1.73 MB",
        "5e+03 GB",
    ]
    assert [count_text(count) for count in (None, 12, 41_300_000)] == ["–", "12", "41.3 M"]


def row(name: str, **values: Any) -> dict[str, Any]:
    return {
        "id": name,
        "step": "a.b",
        "state": "done",
        "reference": "s",
        "bytes": 100,
        "zipped_bytes": 100,
        "macs": None,
        "metrics": {},
        "latency": None,
        "layers_changed": 0,
        "layers_total": 2,
        "skipped": [],
        "warnings": [],
        "error": None,
        **values,
    }


def test_warnings_of_several_nodes_are_said_once_and_reasons_are_gathered() -> None:
    warning = {"code": "synthetic_data", "message": "Made up."}
    left = [{"layer": f"conv{number}", "reason": "too small"} for number in range(5)]
    report = {
        "nodes": [row("s", warnings=[warning]), row("p", warnings=[warning], skipped=left)],
        "data": {"path": "", "synthetic": True},
        "threads": 1,
        "environment": {"cpu": "a processor"},
    }
    text = report_text(report)
    assert "! s, p: Made up." in text
    assert "· p left alone conv0, conv1, conv2 and 2 more: too small" in text
    assert text.endswith("Measured on random inputs, because no data were given.")


def test_nothing_run_is_said() -> None:
    assert report_text({"nodes": []}) == "Nothing was run."


def test_columns_are_lined_up() -> None:
    assert table([("a", "n"), ("bbb", "10")]).splitlines() == ["a     n", "───  ──", "bbb  10"]
    assert table([]) == ""


def test_facts_are_shown_as_lines_and_tables() -> None:
    text = facts_text("m.onnx", {"bytes": 1234567, "empty": "", "layers": [{"name": "fc", "macs": 12}]})
    assert text.splitlines() == [
        "m.onnx",
        "  bytes  1 234 567",
        "",
        "layers:",
        "name  MACs per sample",
        "────  ───────────────",
        "fc                 12",
    ]
    assert [value_text(one) for one in (True, False, 0.25, [1, 28, 28], ["N", 3], {"Conv": 3, "x": None}, None)] == [
        "yes",
        "no",
        "0.25",
        "1 × 28 × 28",
        "N, 3",
        "Conv 3, x –",
        "",
    ]


def test_wide_characters_do_not_push_columns_aside() -> None:
    lines = table([("name", "count"), ("模型", "1"), ("a\N{COMBINING DIAERESIS}bc", "20")]).splitlines()
    assert len({width_of(line) for line in lines}) == 1
    assert cut("模型", 3) == "模"


def test_a_table_wider_than_the_terminal_becomes_paragraphs() -> None:
    rows = [("node", "step", "size"), ("one", "quantize.static", "4.00"), ("two", "prune.channels", "")]
    text = table(rows, columns=12)
    assert text.split("\n\n") == ["one\n  step  quantize.static\n  size  4.00", "two\n  step  prune.channels"]
    assert table(rows, columns=80) == table(rows)


def test_how_the_data_were_read_is_said() -> None:
    node = {"id": "source1", "step": "source.model", "state": "done", "reference": "source1", "metrics": {}}
    node |= {"bytes": 1, "zipped_bytes": 1, "macs": 1, "latency": None, "layers_changed": 0, "layers_total": 1}
    node |= {"error": None, "warnings": [], "skipped": []}
    data = {"path": "d", "synthetic": False, "task": "classify", "output": "y", "class_order": "guessed"}
    told = report_text({"nodes": [node], "data": {**data, "preprocessing": {"x": "× 1/255"}}})
    assert "Data read as x: × 1/255. Task: classes by output y, their order guessed." in told


def test_json_keeps_every_character_where_the_output_is_ascii(monkeypatch: pytest.MonkeyPatch) -> None:
    held = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(held, encoding="ascii", errors="replace"))
    write_json({"path": "Größe 模型"})
    sys.stdout.flush()
    assert json.loads(held.getvalue()) == {"path": "Größe 模型"}


def test_measured_models_are_named_by_their_files() -> None:
    node = {"step": "source.model", "state": "done", "reference": "source1", "metrics": {}, "latency": None}
    node |= {"bytes": 1, "zipped_bytes": 1, "macs": 1, "layers_changed": 0, "layers_total": 2}
    node |= {"error": None, "warnings": [], "skipped": []}
    paths = ("/a/one.onnx", "/b/one.onnx", "/b/two.onnx")
    nodes = [{**node, "id": f"source{at + 1}", "path": path} for at, path in enumerate(paths)]
    lines = report_text({"nodes": nodes, "data": {"path": "", "synthetic": True}}).splitlines()
    assert [line.split()[1] for line in lines[2:5]] == ["/a/one.onnx", "/b/one.onnx", "two.onnx"]
    assert all(line.endswith("–") for line in lines[2:5])


def test_facts_are_in_the_words_of_people() -> None:
    text = facts_text("m.onnx", {"macs": 5, "nonzero": 4, "sizes": {"N": 2}, "layers": [{"name": "a", "macs": 5}]})
    assert "MACs per sample  5" in text
    assert "sizes assumed    N 2" in text
    assert "nonzero" not in text
