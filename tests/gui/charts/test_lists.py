"""The charts that are lists: latency, layers; and the weights of one layer."""

from __future__ import annotations

import time

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QCheckBox, QComboBox, QLineEdit, QListWidget

from compress_studio.gui.charts.latency import LatencyBars
from compress_studio.gui.charts.layer_rows import LayerRow
from compress_studio.gui.charts.layers import LayerBars, Layers
from compress_studio.gui.charts.panel import ChartsPanel
from compress_studio.gui.opening import open_sample
from compress_studio.gui.session import Session

LEFT = Qt.MouseButton.LeftButton


def test_former_results_are_shown_when_they_are_wanted(full: ChartsPanel, session: Session, qtbot) -> None:
    full.show_tab("latency")
    chart, bars = full.chart("latency"), full.findChild(LatencyBars)
    assert bars is not None
    former = chart.findChild(QCheckBox, "latency:former")
    assert former is not None
    former.click()
    assert [row.median for row in chart.state.rows] == [2.0, 1.2, 0.8]
    assert chart.state.conditions.startswith("1 thread · A processor")
    QTest.mouseClick(bars.viewport(), LEFT, pos=bars.row_box(0).center().toPoint())
    assert session.selection == (session.project.pipeline.order()[0].id,)


def layers(count: int) -> tuple[LayerRow, ...]:
    return tuple(
        LayerRow(f"blocks.{at}.conv", "Conv", "changed", {"bytes": 1000.0 + at}, {"bytes": 500.0})
        for at in range(count)
    )


def test_three_hundred_layers_scroll_smoothly(panel: ChartsPanel, qtbot) -> None:
    panel.show_tab("layers")
    chart = panel.chart("layers")
    chart.show_state(Layers(rows=layers(300), total=300))
    bars = panel.findChild(LayerBars)
    assert bars is not None
    assert bars.verticalScrollBar().maximum() > 0
    quickest = 1e9
    for at in range(0, 300, 25):
        begun = time.perf_counter()
        bars.show_row(at)
        bars.viewport().repaint()
        quickest = min(quickest, time.perf_counter() - begun)
        assert bars.viewport().rect().toRectF().contains(bars.row_box(at).center())
    assert quickest < 0.1


def test_the_overview_jumps_to_a_layer(panel: ChartsPanel, qtbot) -> None:
    panel.show_tab("layers")
    panel.chart("layers").show_state(Layers(rows=layers(300), total=300))
    bars = panel.findChild(LayerBars)
    assert bars is not None
    QTest.mouseClick(bars.viewport(), LEFT, pos=QPoint(bars.viewport().width() // 2, 8))
    assert bars.row_at(bars.row_box(150).center()) == 150


def test_a_picture_of_layers_has_all_of_them(panel: ChartsPanel) -> None:
    panel.show_tab("layers")
    chart = panel.chart("layers")
    chart.show_state(Layers(rows=layers(50), total=50))
    assert chart.picture_size().height() >= 50 * 26
    assert len(chart.table().rows) == 50


@pytest.mark.slow
def test_layers_and_weights_of_a_real_model_come_from_a_worker(panel: ChartsPanel, session: Session, qtbot) -> None:
    open_sample(session, "letters")
    session.settle()
    panel.show_tab("layers")
    chart = panel.chart("layers")
    qtbot.waitUntil(lambda: chart.drawn, timeout=20_000)
    names = [row.name for row in chart.state.rows]
    assert len(names) >= 3
    order = chart.findChild(QComboBox, "layers:order")
    search = chart.findChild(QLineEdit, "layers:search")
    assert order is not None
    assert search is not None
    order.setCurrentIndex(order.findData("size"))
    sizes = [row.values("bytes")[1] for row in chart.state.rows]
    assert sizes == sorted(sizes, reverse=True)
    QTest.keyClicks(search, names[0])
    assert names[0] in [row.name for row in chart.state.rows]

    panel.show_tab("weights")
    weights = panel.chart("weights")
    qtbot.waitUntil(lambda: weights.state is not None and weights.state.histogram is not None, timeout=20_000)
    listed = weights.findChild(QListWidget, "weights:layers")
    assert listed is not None
    assert [listed.item(at).text() for at in range(listed.count())] == names
    listed.setCurrentRow(1)
    qtbot.waitUntil(lambda: weights.state.histogram is not None and weights.state.histogram.layer == names[1])
    found = weights.state.histogram
    assert found.before == found.after
    assert sum(row[4] for row in weights.table().rows) == found.after_side.count
    QApplication.processEvents()
