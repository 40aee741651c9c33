"""The trade-off chart by mouse and keyboard."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QComboBox

from compress_studio.engine.variants import Variants
from compress_studio.gui.charts.cloud import Cloud
from compress_studio.gui.charts.panel import ChartsPanel
from compress_studio.gui.session import Session
from compress_studio.project.edits import set_goals
from compress_studio.project.project import QUALITY_DROP, Goal

LEFT = Qt.MouseButton.LeftButton
PAUSE = 12
"""Milliseconds: plots look at the pointer a hundred times a second."""


@pytest.fixture
def cloud(full: ChartsPanel) -> Cloud:
    found = full.findChild(Cloud)
    assert found is not None
    return found


def pixel(cloud: Cloud, variant: str) -> QPoint:
    dot = next(one for one in cloud._dots if one.variant == variant)
    return cloud.place_of(dot).toPoint()


def test_without_results_it_says_how_to_get_them(panel: ChartsPanel, commands, session: Session, qtbot) -> None:
    chart = panel.chart("tradeoff")
    qtbot.waitUntil(lambda: chart.state is not None)
    assert not chart.drawn
    assert chart.stage is None


def test_a_click_on_a_dot_selects_its_node(full: ChartsPanel, cloud: Cloud, session: Session, qtbot) -> None:
    second = session.project.pipeline.order()[1].id
    with qtbot.waitSignal(session.selection_changed):
        QTest.mouseClick(cloud.viewport(), LEFT, pos=pixel(cloud, "v2"))
    assert session.selection == (second,)


def test_a_double_click_restores_the_parameters_and_can_be_undone(
    full: ChartsPanel, cloud: Cloud, session: Session, qtbot
) -> None:
    second = session.project.pipeline.order()[1]
    row = session.variants.rows[2]
    nodes = tuple(
        replace(one, params={**one.params, "ratio": 0.3}) if one.id == second.id else one for one in row.recipe.nodes
    )
    changed = replace(row, recipe=replace(row.recipe, nodes=nodes))
    session.variants = Variants.of((*session.variants.rows[:2], changed))
    session.variants_changed.emit()
    before = session.project
    place = pixel(cloud, "v3")
    with qtbot.waitSignal(session.project_changed):
        QTest.mouseClick(cloud.viewport(), LEFT, pos=place)
        QTest.mouseDClick(cloud.viewport(), LEFT, pos=place)
        QTest.mouseRelease(cloud.viewport(), LEFT, pos=place)
    assert session.project.pipeline.node(second.id).params["ratio"] == 0.3
    assert session.history.undo_label == "Restore variant"
    session.undo()
    assert session.project == before


def test_dragging_the_budget_line_is_one_edit(full: ChartsPanel, cloud: Cloud, session: Session, qtbot) -> None:
    line = cloud.line_of(QUALITY_DROP)
    assert line is not None
    x = round(cloud.drawing.center().x())
    start = QPoint(x, round(cloud.to_pixels(0.0, float(line.value())).y()))
    end = QPoint(x, round(cloud.to_pixels(0.0, 0.905).y()))
    before = session.project
    drag(cloud, start, end, qtbot)
    goal = session.project.goal(QUALITY_DROP)
    assert goal == pytest.approx(0.025, abs=0.003)
    assert session.history.undo_label == "Quality budget"
    session.undo()
    assert session.project == before
    assert session.history.undo_label is None


def test_a_budget_for_bytes_is_set_in_the_menu_and_shown_as_a_line(
    full: ChartsPanel, cloud: Cloud, session: Session, qtbot
) -> None:
    chart = full.chart("tradeoff")
    action = next(one for one in chart.menu().actions() if one.text().startswith("Set a budget"))
    action.trigger()
    assert session.project.goal("bytes") == 500_000
    qtbot.waitUntil(lambda: cloud.line_of("bytes") is not None)
    session.edit("x", set_goals((Goal(QUALITY_DROP, 0.01),)))
    qtbot.waitUntil(lambda: cloud.line_of("bytes") is None)


def test_pointing_at_a_dot_shows_its_numbers(full: ChartsPanel, cloud: Cloud, qtbot) -> None:
    QTest.mouseMove(cloud.viewport(), pixel(cloud, "v2") + QPoint(60, 60))
    QTest.mouseMove(cloud.viewport(), pixel(cloud, "v2"))
    qtbot.waitUntil(cloud._card.isVisible)
    assert "92.5" in cloud._card.text
    assert "500" in cloud._card.text
    QTest.mouseMove(cloud.viewport(), QPoint(3, 3))
    qtbot.waitUntil(lambda: not cloud._card.isVisible())


def test_dots_are_reached_by_keys(full: ChartsPanel, cloud: Cloud, session: Session, qtbot) -> None:
    cloud.setFocus()
    for _ in range(2):
        QTest.keyClick(cloud, Qt.Key.Key_Right)
    assert cloud._card.isVisible()
    QTest.keyClick(cloud, Qt.Key.Key_Return)
    assert session.selection == (session.project.pipeline.order()[1].id,)


def test_the_axes_can_be_chosen(full: ChartsPanel, cloud: Cloud, qtbot) -> None:
    chart = full.chart("tradeoff")
    box = chart.findChild(QComboBox, "tradeoff:cost")
    assert box is not None
    box.setCurrentIndex(box.findData("median_ms"))
    assert [dot.x for dot in chart.state.dots] == [2.0, 1.2, 0.8]
    assert not chart.state.log
    quality = chart.findChild(QComboBox, "tradeoff:quality")
    assert quality is not None
    quality.setCurrentIndex(quality.findData("agreement"))
    assert chart.state.y.id == "agreement"
    assert chart.state.dots[0].y == pytest.approx(0.98)


def test_the_table_holds_exactly_the_numbers_that_are_shown(full: ChartsPanel, tmp_path: Path) -> None:
    chart = full.chart("tradeoff")
    chart.save_to(tmp_path / "chart.csv")
    rows = list(csv.DictReader((tmp_path / "chart.csv").open(encoding="utf-8")))
    assert [float(row["Size reduction (times)"]) for row in rows] == [dot.x for dot in chart.state.dots]
    assert [float(row["Accuracy (share)"]) for row in rows] == [dot.y for dot in chart.state.dots]
    assert [float(row["Latency (ms)"]) for row in rows] == [2.0, 1.2, 0.8]


def test_another_project_begins_with_an_empty_chart(full: ChartsPanel, session: Session, qtbot) -> None:
    from compress_studio.project.project import Project

    session.open(Project())
    qtbot.waitUntil(lambda: not full.chart("tradeoff").drawn)


def drag(cloud: Cloud, start: QPoint, end: QPoint, qtbot) -> None:
    """Press, move in steps and release, as a hand does."""
    port = cloud.viewport()
    QApplication.sendEvent(port, _move(port, start, Qt.MouseButton.NoButton))
    QTest.mousePress(port, LEFT, pos=start)
    for step in range(1, 9):
        at = start + (end - start) * step / 8
        qtbot.wait(PAUSE)
        QApplication.sendEvent(port, _move(port, at, LEFT))
    QTest.mouseRelease(port, LEFT, pos=end)


def _move(port, at: QPoint, pressed: Qt.MouseButton) -> QMouseEvent:
    return QMouseEvent(
        QEvent.Type.MouseMove,
        QPointF(at),
        QPointF(port.mapToGlobal(at)),
        Qt.MouseButton.NoButton,
        pressed,
        Qt.KeyboardModifier.NoModifier,
    )
