"""Samples in the data card: as high as their width asks for, whatever they are now."""

from __future__ import annotations

import numpy as np
import pytest

from compress_studio.gui.panels.sample_strip import SampleStrip

SIDE = 8


@pytest.fixture
def strip(qtbot) -> SampleStrip:
    made = SampleStrip()
    qtbot.addWidget(made)
    pixels = np.zeros((SIDE, SIDE, 3), np.uint8).tobytes()
    one = {"name": "1.png", "label": "one", "pixels": pixels, "width": SIDE, "height": SIDE}
    made.show_samples({"kind": "pictures", "samples": [one] * 4})
    return made


def test_the_height_of_pictures_is_told_for_any_width_and_does_not_follow_the_present_one(strip) -> None:
    told = []
    for present in (90, 200, 400):
        strip.resize(present, 60)
        told.append((strip.heightForWidth(180), strip.heightForWidth(230), strip.heightForWidth(600), strip.sizeHint()))
    assert told[0] == told[1] == told[2]
    low, middle, high, hint = told[0]
    assert low < middle < high == hint.height()
