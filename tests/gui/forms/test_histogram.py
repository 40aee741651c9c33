"""The histogram: bins that fit, heights that can be read."""

from __future__ import annotations

import numpy as np
import pytest

from compress_studio.gui.forms.histogram import HistogramView, bar_heights, joined
from compress_studio.spec.preview import Histogram


def test_bins_are_joined_until_they_can_be_seen_and_nothing_is_lost():
    counts = np.arange(256)
    affected = np.where(np.arange(256) < 128, 1.0, 0.0)
    edges, total, share = joined(Histogram("w", np.linspace(0, 1, 257), counts, affected=affected), 100)
    assert len(total) <= 100
    assert total.sum() == counts.sum()
    assert (edges[0], edges[-1]) == (0, 1)
    assert share is not None
    assert (share * total).sum() == pytest.approx((counts * affected).sum())


def test_a_tower_of_zeros_leaves_the_other_bins_readable():
    heights = bar_heights(np.array([1.0, 10.0, 100_000.0, 10.0]))
    assert heights[2] == 1.0
    assert heights[1] == 0.5


def test_nothing_to_show_is_no_error(qtbot, qapp):
    view = HistogramView()
    qtbot.addWidget(view)
    for made in (None, Histogram("w", np.array([0.0, 0.0]), np.array([0])), Histogram("w", np.zeros(1), np.zeros(0))):
        view.show_histogram(made)
        view.grab()


@pytest.mark.parametrize("bins", [1, 2, 255, 256, 1000])
def test_any_number_of_bins_is_painted(qtbot, qapp, bins):
    view = HistogramView()
    qtbot.addWidget(view)
    view.resize(290, 110)
    view.show_histogram(Histogram("w", np.linspace(-1, 1, bins + 1), np.ones(bins), (0.5,), np.full(bins, 0.5)))
    assert not view.grab().isNull()
