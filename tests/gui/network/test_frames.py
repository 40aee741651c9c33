"""Five thousand operators, all open, are painted often enough to pan and zoom."""

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

FRAME = 1 / 30
MARGIN = 3
"""Other programs may hold the processor for a while."""


@pytest.fixture(scope="module")
def placed(tmp_path_factory: pytest.TempPathFactory) -> Placed:
    path: Path = nets.big(tmp_path_factory.mktemp("big") / "big.onnx", 5000)
    network = Network.read("big", structure(str(path)))
    return place(network, frozenset(range(len(network.groups))), across=True)


@pytest.mark.parametrize("measure", [Measure.KIND, Measure.SIZE])
@pytest.mark.parametrize("zoom", [0.0, 0.1, 0.21, 0.23, 0.31, 0.51, 1.0])
def test_a_frame_takes_less_than_a_thirtieth_of_a_second(qapp, placed: Placed, measure: Measure, zoom: float) -> None:
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

    assert statistics.median(times) < MARGIN * FRAME
    view.deleteLater()
