"""What is said about results: numbers in plain words, and nothing that the intervals do not carry."""

from __future__ import annotations

from typing import Any

import pytest

from compress_studio.engine import verdicts
from compress_studio.engine.verdicts import judge

CHANGED = {"layers_changed": 3, "layers_total": 12, "skipped": []}
DATA = {"synthetic": False, "parts": {"test": 1000}, "notes": []}


def row(
    value: float, low: float | None = None, high: float | None = None, n: int = 1000, **detail: Any
) -> dict[str, Any]:
    return {"value": value, "low": low, "high": high, "n": n, "detail": detail}


def codes(readings: dict[str, Any], source: dict[str, Any], step: str = "quantize.static", **more: Any) -> list[str]:
    report = more.get("report", CHANGED)
    found = judge(report, readings, source, step, more.get("goals", {}), more.get("data", DATA))
    return [one.code for one in found]


def test_a_good_result_gets_no_warning() -> None:
    readings = {
        "bytes": row(500),
        "top1": row(0.915, 0.90, 0.93),
        "agreement": row(0.98, 0.97, 0.99),
        "ratio": row(1.8, 1.75, 1.85, aa_ratio=1.01),
    }
    assert codes(readings, {"bytes": row(1000), "top1": row(0.92, 0.905, 0.935)}) == []


def test_a_step_that_changed_nothing_names_the_most_frequent_reason() -> None:
    skipped = [
        {"layer": "a", "reason": "depthwise."},
        {"layer": "b", "reason": "depthwise."},
        {"layer": "c", "reason": "x"},
    ]
    report = {"layers_changed": 0, "layers_total": 12, "skipped": skipped}
    found = judge(report, {}, {}, "prune.channels", {}, DATA)
    assert [one.code for one in found] == ["nothing_changed"]
    assert "0 of 12 layers changed" in found[0].message
    assert "2 ×" in found[0].message
    assert "depthwise" in found[0].message


def test_a_bigger_file_is_never_a_success() -> None:
    assert "bigger" in codes({"bytes": row(1200)}, {"bytes": row(1000)})


def test_a_file_of_the_same_size_is_said_to_be_not_smaller_only_where_the_step_promises_it() -> None:
    assert codes({"bytes": row(995)}, {"bytes": row(1000)}) == ["not_smaller"]
    assert codes({"bytes": row(995)}, {"bytes": row(1000)}, "train.distil") == []


def test_zeros_that_save_no_bytes_are_named_with_what_a_zip_saves() -> None:
    readings = {"bytes": row(1000), "parameters": row(100), "nonzero": row(40), "zipped_bytes": row(400)}
    source = {"bytes": row(1000), "parameters": row(100), "nonzero": row(100), "zipped_bytes": row(900)}
    found = judge(CHANGED, readings, source, "prune.weights", {}, DATA)
    assert [one.code for one in found] == ["zeros_not_smaller"]
    assert "60%" in found[0].message
    assert "÷ 2.25" in found[0].message


@pytest.mark.parametrize(
    ("ratio", "expected"),
    [
        (row(0.5, 0.45, 0.55), ["slower"]),
        (row(0.97, 0.9, 1.05), ["not_faster"]),
        (row(1.3, 1.2, 1.4), []),
        (row(1.02, 1.01, 1.03, aa_ratio=1.05), ["not_faster"]),
        (row(0.97, 0.96, 0.98, aa_ratio=1.05), ["not_faster"]),
    ],
)
def test_speed_is_only_claimed_beyond_the_interval_and_the_null_test(
    ratio: dict[str, Any], expected: list[str]
) -> None:
    assert codes({"ratio": ratio}, {}) == expected


def test_a_step_that_promises_no_speed_may_be_as_fast_as_before() -> None:
    assert codes({"ratio": row(1.0, 0.9, 1.1)}, {}, "quantize.weights") == []


def test_a_certain_drop_says_at_least_and_an_uncertain_one_says_probably() -> None:
    source = {"top1": row(0.92, 0.915, 0.925, 10000)}
    certain = judge(CHANGED, {"top1": row(0.80, 0.792, 0.808, 10000)}, source, "prune.channels", {}, DATA)
    assert [one.code for one in certain] == ["accuracy_dropped"]
    assert "at least" in certain[0].message
    vague = judge(CHANGED, {"top1": row(0.90, 0.85, 0.94, 200)}, source, "prune.channels", {}, DATA)
    assert "probably" in vague[0].message


def test_the_budget_of_the_goals_is_the_one_that_counts() -> None:
    readings, source = {"top1": row(0.90, 0.89, 0.91)}, {"top1": row(0.92, 0.91, 0.93)}
    assert codes(readings, source, goals={"quality_drop": 0.03}) == []
    assert codes(readings, source, goals={"quality_drop": 0.01}) == ["accuracy_dropped"]


def test_labels_decide_before_agreement() -> None:
    readings = {"top1": row(0.92, 0.91, 0.93), "agreement": row(0.9, 0.88, 0.92)}
    assert codes(readings, {"top1": row(0.92, 0.91, 0.93)}) == []
    assert codes({"agreement": row(0.9, 0.88, 0.92)}, {}) == ["agreement_dropped"]


def test_an_error_that_grows_counts_as_a_drop() -> None:
    assert codes({"rmse": row(1.2)}, {"rmse": row(1.0)}) == ["accuracy_dropped"]
    assert codes({"rmse": row(1.0)}, {"rmse": row(1.0)}) == []


def test_outputs_that_are_not_numbers_are_a_collapse() -> None:
    assert "collapsed" in codes({"cosine": row(0.99, nan_outputs=3)}, {})
    assert "collapsed" in codes({"agreement": row(0.3, 0.2, 0.4)}, {})
    assert "collapsed" in codes({"cosine": row(0.1)}, {})


def test_random_inputs_are_named_in_every_result() -> None:
    data = {"synthetic": True, "parts": {"test": 256}}
    assert "synthetic_data" in codes({"cosine": row(0.999)}, {}, data=data)
    assert "synthetic_data" in codes({}, {}, "source.model", data=data)


def test_few_samples_are_named_and_the_notes_of_the_data_stand_at_the_source() -> None:
    data = {"parts": {"test": 1}, "notes": [{"code": "preprocessing_guessed", "message": "Divided by 255."}]}
    assert codes({"top1": row(1.0, 0.2, 1.0, 1)}, {}, "source.model", data=data) == [
        "preprocessing_guessed",
        "few_samples",
    ]
    assert codes({"top1": row(1.0, 0.2, 1.0, 1)}, {"top1": row(1.0, 0.2, 1.0, 1)}, data=data) == ["few_samples"]


def test_a_goal_on_another_reading_is_held_too() -> None:
    assert codes({"bytes": row(500)}, {"bytes": row(1000)}, goals={"bytes": 400}) == ["over_bytes"]


def test_the_paired_change_decides_how_sure_a_drop_is() -> None:
    source = {"top1": row(0.92, 0.91, 0.93)}
    sure = {"top1": row(0.90, 0.89, 0.91), "top1_change": row(-0.02, -0.025, -0.015)}
    unsure = {"top1": row(0.90, 0.89, 0.91), "top1_change": row(-0.02, -0.035, -0.005)}
    (one,), (two,) = (judge({"layers_changed": 1}, it, source, "graph.fp16", {}, {}) for it in (sure, unsure))
    assert "at least by 1.5" in one.message
    assert "probably" in two.message
    assert "give or take 1.5" in two.message


def test_a_difference_in_speed_that_nobody_notices_is_no_warning() -> None:
    ratio = {"value": 0.99, "low": 0.985, "high": 0.995, "n": 100, "detail": {"aa_ratio": 1.0}}
    assert codes({"ratio": ratio}, {}, "cluster.weights") == []
    assert codes({"ratio": {**ratio, "value": 0.9, "high": 0.95}}, {}, "cluster.weights") == ["slower"]
    assert codes({"ratio": {**ratio, "value": 1.01, "low": 1.005, "high": 1.015}}, {}, "quantize.static") == [
        "not_faster"
    ]


def test_factorizing_that_loses_is_told_to_keep_more_and_one_that_is_not_faster_to_keep_less() -> None:
    """ratio is the share of parameters that stay."""
    assert "larger ratio" in verdicts.NEXT["factorize.lowrank"]
    assert "smaller ratio" in verdicts.SPEED_NEXT["factorize.lowrank"]


def test_a_model_that_was_only_measured_gets_no_advice_about_steps() -> None:
    readings = {"bytes": row(1200), "top1": row(0.5, 0.45, 0.55), "ratio": row(0.5, 0.4, 0.6), "cosine": row(0.1)}
    found = judge(CHANGED, readings, {"bytes": row(1000), "top1": row(0.9, 0.88, 0.92)}, verdicts.AS_IT_IS, {}, DATA)
    assert {one.code for one in found} >= {"bigger", "slower", "collapsed", "accuracy_dropped"}
    for one in found:
        assert "step" not in one.message
        assert one.message.endswith(".")
    same = judge(CHANGED, {"bytes": row(1000)}, {"bytes": row(1000)}, verdicts.AS_IT_IS, {}, DATA)
    assert same == []


def test_every_part_of_the_data_with_missing_labels_is_said() -> None:
    notes = [{"code": "labels_missing", "message": f"{part}: 3 of 9."} for part in ("train", "test")]
    found = judge(CHANGED, {}, {}, verdicts.SOURCE, {}, {**DATA, "notes": notes})
    assert [one.message for one in found] == ["train: 3 of 9.", "test: 3 of 9."]


def test_the_advice_on_a_slow_dynamic_network_holds_for_networks_without_convolutions() -> None:
    ratio = row(0.62, 0.61, 0.63, aa_ratio=1.0)
    found = judge(CHANGED, {"ratio": ratio}, {}, "quantize.dynamic", {}, DATA)
    slower = next(one for one in found if one.code == "slower")
    assert "convolutions" not in slower.message
    assert "quantize.weights" in slower.message


def test_a_step_that_undoes_the_speed_or_the_size_of_the_one_before_is_named() -> None:
    def speed(value: float) -> dict[str, Any]:
        return {"value": value, "low": value - 0.02, "high": value + 0.02}

    before = {"ratio": speed(1.51), "bytes": row(500)}
    after = {"ratio": speed(1.08), "bytes": row(600)}
    found = verdicts.judge_step(after, before, "quantize.static")
    assert [one.code for one in found] == ["slower_than_before", "bigger_than_before"]
    assert "× 1.08" in found[0].message
    assert verdicts.judge_step({"ratio": speed(1.50), "bytes": row(500)}, before, "quantize.static") == []
    assert verdicts.judge_step({}, before, "train.distil") == []
