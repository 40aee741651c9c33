"""Parts never overlap, whatever the size."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from compress_studio.data.naming import split_name
from compress_studio.data.splitting import divide, work


@given(
    count=st.integers(1, 3000),
    seed=st.integers(0, 9),
    batch=st.integers(1, 12),
    test=st.none() | st.floats(0, 0.99) | st.integers(1, 4000),
    calibrate=st.none() | st.floats(0, 0.99) | st.integers(1, 4000),
)
def test_every_sample_is_in_exactly_one_part(
    count: int, seed: int, batch: int, test: float | None, calibrate: float | None
) -> None:
    if count < batch:
        return
    parts = divide(count, seed, test=test, calibrate=calibrate, batch=batch)
    together = np.concatenate([parts.calibrate, parts.tune, parts.test])
    assert sorted(together) == list(range(count))
    assert len(parts.test) >= batch
    again = divide(count, seed, test=test, calibrate=calibrate, batch=batch)
    np.testing.assert_array_equal(parts.calibrate, again.calibrate)


@given(count=st.integers(0, 20000), seed=st.integers(0, 3))
def test_calibration_takes_a_fifth_and_at_most_1024(count: int, seed: int) -> None:
    calibrate, tune = work(count, seed)
    assert len(calibrate) + len(tune) == count
    assert len(calibrate) <= 1024
    if count >= 160:
        assert len(calibrate) == min(1024, count // 5)
    elif count:
        assert 1 <= len(calibrate) <= max(1, -(-count // 2))


def test_very_many_samples_are_not_all_needed_for_tests() -> None:
    assert len(divide(400_000, 0).test) == 50_000
    assert len(divide(400_000, 0, test=0.5).test) == 200_000


def test_parts_are_read_from_names() -> None:
    assert split_name("x_train") == ("x", "train")
    assert split_name("input_ids_test") == ("input_ids", "test")
    assert split_name("train_images") == ("images", "train")
    assert split_name("xtest") == ("x", "test")
    assert split_name("x_validation") == ("x", "val")
    assert split_name("pixels") == ("pixels", "all")
