"""A drag over a large network is followed within a frame.

Measured in processor time of the window's thread, so that other work on the machine does not count.
"""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtWidgets import QApplication

from compress_studio.gui.forms.slider import Slider
from tests.gui.forms.fakes import FakePreviews
from tests.gui.forms.mouse import drag

UPDATES = 60


@pytest.mark.perf
def test_form_histogram_and_table_of_500_layers_follow_30_times_a_second(inspector, previews: FakePreviews, qtbot):
    large = FakePreviews(layers=500, bins=256, parent=inspector)
    inspector.previews = large
    inspector.refresh()
    inspector.resize(320, 1400)
    slider = inspector.findChild(Slider, "param:prune1.sparsity")
    predictions = [large.prediction("prune1", {"sparsity": 0.1 + 0.8 * step / UPDATES}) for step in range(UPDATES)]
    preview = inspector.body.preview
    QApplication.processEvents()
    seconds: list[float] = []
    for step, made in enumerate(predictions):
        began = time.thread_time()
        drag(qtbot, slider, 0.1 + 0.8 * step / UPDATES, release=False)
        preview.show_state(replace(preview.shown, prediction=made))
        QApplication.processEvents()
        seconds.append(time.thread_time() - began)
    median = float(np.median(seconds))
    print(f"median {1000 * median:.1f} ms, 95th percentile {1000 * float(np.percentile(seconds, 95)):.1f} ms")
    assert median < 0.033
