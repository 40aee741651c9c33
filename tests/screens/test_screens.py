"""The window looks as it looked: every picture against its baseline, both themes, two scales, two sizes.

pytest tests/screens --update-screens takes the pictures of now for the expected ones; look at them before you commit.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.screens.comparing import compare, read, write, write_evidence
from tests.screens.shoot import names

BASELINE = Path(__file__).parent / "baseline"
LIMIT_BYTES = 4_000_000
SHRINK = 2
"""Baselines are kept at half the logical size, to keep the repository small; a word that moved is still seen."""
PICTURES = [(scale, name) for scale in (1, 2) for name in names(scale)]

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(("scale", "name"), PICTURES, ids=[name for _, name in PICTURES])
def test_it_looks_as_it_looked(
    scale: int, name: str, rendered: Callable[[int], Path], updating: bool, tmp_path: Path
) -> None:
    actual = read(rendered(scale) / f"{name}.png", SHRINK * scale)
    path = BASELINE / f"{name}.png"
    if updating:
        BASELINE.mkdir(exist_ok=True)
        if not path.is_file() or compare(actual, read(path)).same != 1.0:
            write(path, actual)
        return
    assert path.is_file(), "there is no baseline; run with --update-screens and look at it"
    expected = read(path)
    found = compare(actual, expected)
    if not found.ok:
        write_evidence(tmp_path, name, actual, expected)
        shutil.copy(rendered(scale) / f"{name}.png", tmp_path)
    assert found.ok, f"{found.reason}; see {tmp_path}"


@pytest.mark.parametrize("scale", [1, 2])
def test_no_text_is_cut_off_in_a_small_window(scale: int, rendered: Callable[[int], Path]) -> None:
    found = json.loads((rendered(scale) / "clipped.json").read_text(encoding="utf-8"))
    assert {scene: lines for scene, lines in found.items() if lines} == {}


def test_baselines_are_those_of_the_tests_and_small(updating: bool) -> None:
    there = {path.stem for path in BASELINE.glob("*.png")}
    known = {name for _, name in PICTURES}
    if updating:
        for name in there - known:
            (BASELINE / f"{name}.png").unlink()
        return
    assert there == known
    assert sum(path.stat().st_size for path in BASELINE.glob("*.png")) < LIMIT_BYTES


def test_small_differences_of_colour_do_not_count_and_others_do() -> None:
    picture = np.full((100, 100, 3), 128, dtype=np.int16)
    assert compare(picture + 2, picture).ok
    changed = picture.copy()
    changed[:10, :10] += 9
    found = compare(changed, picture)
    assert not found.ok
    assert found.reason == "1.00 % of the pixels differ, inside (0, 0, 9, 9)"
    assert not compare(picture[:50], picture).ok


def test_evidence_is_three_pictures(tmp_path: Path) -> None:
    picture = np.zeros((4, 4, 3), dtype=np.int16)
    write_evidence(tmp_path, "x", picture + 9, picture)
    assert {path.name for path in tmp_path.iterdir()} == {"x-actual.png", "x-expected.png", "x-diff.png"}
