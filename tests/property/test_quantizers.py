"""The arithmetic of quantizers holds for any numbers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from compress_studio.steps.kernels import quantizers

FLOATS = st.floats(-1e4, 1e4, width=32, allow_subnormal=False)
MATRICES = hnp.arrays(np.float32, hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=12), elements=FLOATS)
BITS = st.sampled_from([2, 3, 4, 8])
SLACK = 1 + 1e-5


@given(MATRICES, BITS)
def test_a_symmetric_error_is_at_most_half_a_step(array: np.ndarray, bits: int) -> None:
    for keep in ((), (0,), (1,)):
        result = quantizers.symmetric(array, bits, keep)
        assert (np.abs(result.restore() - array) <= result.scale / 2 * SLACK + np.abs(array) * 1e-6).all()
        assert np.abs(result.values).max() <= 2 ** (bits - 1) - 1


@given(MATRICES, BITS)
def test_an_asymmetric_error_is_at_most_a_step_and_zero_stays_zero(array: np.ndarray, bits: int) -> None:
    array[0, 0] = 0
    result = quantizers.asymmetric(array, bits, (0,))
    assert (np.abs(result.restore() - array) <= result.scale * SLACK + np.abs(array) * 1e-6).all()
    assert (result.restore()[array == 0] == 0).all()


@given(MATRICES, BITS)
def test_quantizing_twice_changes_nothing_more(array: np.ndarray, bits: int) -> None:
    once = quantizers.symmetric(array, bits, (0,))
    again = quantizers.symmetric(once.restore(), bits, (0,), scale=once.scale)
    np.testing.assert_array_equal(again.values, once.values)


@given(MATRICES, BITS)
def test_a_step_per_channel_is_never_wider_than_one_for_all(array: np.ndarray, bits: int) -> None:
    one = quantizers.symmetric(array, bits)
    each = quantizers.symmetric(array, bits, (0,))
    used = np.abs(array).max(axis=1) > 0
    assert (each.scale[used] <= one.scale).all()


@given(MATRICES, st.sampled_from([2, 4, 16]))
def test_blocks_hold_the_same_numbers(array: np.ndarray, block: int) -> None:
    blocks = quantizers.blocks_of(array, block)
    np.testing.assert_array_equal(blocks.reshape(len(array), -1)[:, : array.shape[1]], array)
    assert blocks.shape[2] == block


@given(MATRICES, st.sampled_from([4, 8]), st.booleans())
def test_half_precision_steps_are_as_good(array: np.ndarray, bits: int, symmetric: bool) -> None:
    make = quantizers.symmetric if symmetric else quantizers.asymmetric
    result = quantizers.half_scales(make(array, bits, (0,)), array, bits)
    if result is None:
        return
    np.testing.assert_array_equal(result.scale, result.scale.astype(np.float16))
    assert (np.abs(result.restore() - array) <= result.scale * SLACK + np.abs(array) * 6e-4).all()


@given(MATRICES, BITS)
def test_the_closest_steps_are_never_worse_than_the_plain_ones(array: np.ndarray, bits: int) -> None:
    plain, found = quantizers.symmetric(array, bits, (0,)), quantizers.closest(array, bits, (0,))

    def error(one: quantizers.Quantized) -> float:
        return float(np.square(one.restore().astype(np.float64) - array).sum())

    assert error(found) <= error(plain) * 1.001 + 1e-6 * float(np.square(array, dtype=np.float64).sum())
    assert (found.restore()[array == 0] == 0).all()


@given(hnp.arrays(np.int8, st.integers(1, 40), elements=st.integers(-8, 7)))
def test_signed_numbers_of_four_bits_survive_packing(values: np.ndarray) -> None:
    packed = quantizers.pack4(values)
    assert packed.nbytes == (len(values) + 1) // 2
    np.testing.assert_array_equal(quantizers.unpack4(packed, len(values), signed=True), values)


@given(hnp.arrays(np.uint8, st.integers(1, 40), elements=st.integers(0, 15)))
def test_unsigned_numbers_of_four_bits_survive_packing(values: np.ndarray) -> None:
    np.testing.assert_array_equal(quantizers.unpack4(quantizers.pack4(values), len(values), signed=False), values)


@given(FLOATS, FLOATS, hnp.arrays(np.float32, 8, elements=st.floats(0, 1, width=32)))
def test_activations_inside_their_range_lose_at_most_one_step(one: float, other: float, shares: np.ndarray) -> None:
    low, high = min(one, other), max(one, other)
    quantizer = quantizers.affine(low, high)
    inside = (low + shares * (high - low)).astype(np.float32)
    assert (np.abs(quantizer.apply(inside) - inside) <= quantizer.scale * 1.01 + 1e-5 * np.abs(inside)).all()
    assert quantizer.apply(np.zeros(1, np.float32))[0] == 0


def test_all_zero_weights_have_a_good_scale() -> None:
    for make in (quantizers.symmetric, quantizers.asymmetric):
        result = make(np.zeros((3, 4), np.float32), 8, (0,))
        np.testing.assert_array_equal(result.restore(), 0)
        assert (result.scale == 1).all()


def test_values_that_are_not_finite_are_refused() -> None:
    with pytest.raises(ValueError, match="not a number"):
        quantizers.symmetric(np.array([1.0, np.nan], np.float32))
