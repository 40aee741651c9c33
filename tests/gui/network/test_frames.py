"""Five thousand operators, all open, are painted quickly; the limit is wide, because other programs run too."""

from __future__ import annotations

import statistics
import time
from pathlib import Path

import pytest
from PySide6.QtCore import QPointF
from PySide6.QtGui import QImage

from compress_studio.gui.network.ink import Measure, ink
from compress_studio.gui.network.inside import Network
from compress_studio.gui.network.layout import Placed, place
from compress_studio.gui.network.view import NetworkView
from compress_studio.gui.theme.current import tokens
from compress_studio.inspection.structure import structure
from tests.unit.inspection import nets

LIMIT = 0.1
"""Seconds: three frames of a thirtieth, so that a busy machine does not fail the test."""


@pytest.fixture(scope="module")
def placed(tmp_path_factory: pytest.TempPathFactory) -> Placed:
    path: Path = nets.big(tmp_path_factory.mktemp("big") / "big.onnx", 5000)
    network = Network.read("big", structure(str(path)))
    return place(network, frozenset(range(len(network.groups))), across=True)


@pytest.mark.parametrize("measure", [Measure.KIND, Measure.SIZE])
@pytest.mark.parametrize("zoom", [0.0, 0.1, 0.21, 0.23, 0.31, 0.51, 1.0])
def test_a_frame_of_a_large_network_is_quick(qapp, placed: Placed, measure: Measure, zoom: float) -> None:
    view = NetworkView()
    view.resize(1440, 900)
    view.show_placed(placed, ink(placed, measure, tokens()))
    view.fit()
    if zoom:
        view.zoom_by(zoom / view.zoom)
    image = QImage(1440, 900, QImage.Format.Format_ARGB32_Premultiplied)
    times: list[float] = []
    for _ in range(9):
        view.pan_by(QPointF(-7, -3))
        begin = time.perf_counter()
        view.render(image)
        times.append(time.perf_counter() - begin)

    assert statistics.median(times) < LIMIT
    view.deleteLater()
