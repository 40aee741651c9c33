"""Which samples weights are fitted to."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from compress_studio.spec.data import Part
from compress_studio.steps.kernels.samples import to_fit
from tests.toys.context import ToyContext, ToyData


def counted(tmp_path: Path, limit: int) -> tuple[int, list[Part]]:
    data = ToyData({"x": np.zeros((100, 2), np.float32)})
    return sum(len(batch) for batch in to_fit(ToyContext(tmp_path, data), 8, limit)), data.asked


def test_enough_samples_to_calibrate_with_are_enough(tmp_path: Path) -> None:
    assert counted(tmp_path, 20) == (20, [Part.CALIBRATE])


def test_few_are_joined_by_some_to_tune_with(tmp_path: Path) -> None:
    assert counted(tmp_path, 50) == (50, [Part.CALIBRATE, Part.TUNE])


def test_samples_to_test_with_are_never_fitted_to(tmp_path: Path) -> None:
    assert counted(tmp_path, 1000) == (80, [Part.CALIBRATE, Part.TUNE])
