"""The panel: what is drawn when, themes, files."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from PySide6.QtGui import QGuiApplication, QImage
from PySide6.QtWidgets import QApplication

from compress_studio.engine.runstate import NodeResult, Stage
from compress_studio.engine.variants import Variants
from compress_studio.gui.charts.dots import Dot, Tradeoff
from compress_studio.gui.charts.panel import ChartsPanel
from compress_studio.gui.charts.quantities import LATENCY, SIZE, quality
from compress_studio.gui.charts.saving import proposed_name
from compress_studio.gui.session import Session
from compress_studio.gui.theme import current
from tests.gui.asking import ScriptedAsking

WIDE = 4.0
"""How much slower a busy machine may be than the budget."""


def test_importing_the_panel_does_not_import_pyqtgraph() -> None:
    import subprocess
    import sys

    code = "import compress_studio.gui.charts.panel, sys; sys.exit('pyqtgraph' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_nothing_is_drawn_while_a_time_is_taken_and_all_of_it_afterwards(
    full: ChartsPanel, session: Session, qtbot
) -> None:
    chart = full.chart("tradeoff")
    session.quiet_changed.emit(True)
    before = chart.state
    session.variants = Variants.of(session.variants.rows[:2])
    session.variants_changed.emit()
    session.star("v2", star=True)
    qtbot.wait(250)
    assert chart.state is before
    session.quiet_changed.emit(False)
    qtbot.waitUntil(lambda: len(chart.state.dots) == 2)
    assert chart.state.dots[1].starred


def test_only_the_open_tab_is_drawn_and_another_one_catches_up(full: ChartsPanel, session: Session, qtbot) -> None:
    latency = full.chart("latency")
    assert latency.state is None
    full.show_tab("latency")
    assert [row.median for row in latency.state.rows] == [2.0]


def test_charts_are_drawn_ten_times_a_second_at_most(full: ChartsPanel, session: Session, qtbot) -> None:
    chart = full.chart("tradeoff")
    drawn: list[float] = []
    plain = chart.refresh  # a star that was set and taken again between two turns leaves nothing to draw
    chart.refresh = lambda: (drawn.append(time.monotonic()), plain())[1]  # type: ignore[method-assign]
    end = time.monotonic() + 0.6
    while time.monotonic() < end:
        session.star("v2", star=not session.variants.rows[1].starred)
        qtbot.wait(10)
    assert 2 <= len(drawn) <= 8


def test_another_theme_is_taken_over_at_once(full: ChartsPanel, qapp: QApplication) -> None:
    chart = full.chart("tradeoff")
    cloud = chart.stage
    try:
        for name in ("light", "dark"):
            current.apply(qapp, name)
            assert cloud.backgroundBrush().color().name() == current.tokens().window  # type: ignore[union-attr]
            assert cloud.up.textPen().color().name() == current.tokens().muted  # type: ignore[union-attr]
    finally:
        current.apply(qapp, "dark")


@pytest.mark.parametrize("name", ["tradeoff", "latency"])
def test_a_chart_is_saved_in_pixels_and_in_shapes(full: ChartsPanel, name: str, tmp_path: Path) -> None:
    full.show_tab(name)
    chart = full.chart(name)
    chart.save_to(tmp_path / "a.png")
    chart.save_to(tmp_path / "a.svg")
    assert QImage(str(tmp_path / "a.png")).size() == 2 * chart.picture_size()
    tree = ET.parse(tmp_path / "a.svg")
    tags = {one.tag.rpartition("}")[2] for one in tree.iter()}
    assert "text" in tags
    assert "image" not in tags
    assert sorted(one.name for one in tmp_path.iterdir()) == ["a.png", "a.svg"]


def test_the_user_is_asked_where_to_and_told_when_it_fails(
    full: ChartsPanel, session: Session, asking: ScriptedAsking, tmp_path: Path, qtbot
) -> None:
    chart = full.chart("tradeoff")
    asking.answers = [tmp_path / "mine"]
    chart.ask_and_save("csv")
    assert (tmp_path / "mine.csv").read_text().startswith("Result,Node,")
    (tmp_path / "file").write_text("")
    asking.answers = [tmp_path / "file" / "under.png"]
    with qtbot.waitSignal(session.message) as told:
        chart.ask_and_save("png")
    assert told.args[0].level == "error"
    asking.answers = []
    chart.ask_and_save("svg")


def test_a_picture_can_be_copied(full: ChartsPanel) -> None:
    chart = full.chart("tradeoff")
    chart.copy_picture()
    assert QGuiApplication.clipboard().image().size() == 2 * chart.picture_size()


def test_names_of_files_come_from_project_and_chart() -> None:
    assert proposed_name("Clothes: a/b", "Trade-off", "png") == "Clothes- a-b trade-off.png"
    assert proposed_name("", "", "csv") == "chart.csv"


def test_ten_thousand_points_and_a_hundred_results_are_drawn_in_a_blink(full: ChartsPanel, session: Session) -> None:
    y = quality("top1")
    dots = tuple(
        Dot(
            f"v{at}",
            f"n{at}" if at < 12 else "",
            f"Step {at}",
            "prune",
            1 + at / 9,
            0.9 - at / 900,
            None,
            None,
            0.85,
            0.95,
            0.5,
        )
        for at in range(100)
    )
    chart = full.chart("tradeoff")
    states = [Tradeoff(SIZE, y, LATENCY, True, (y,), dots[:count]) for count in (99, 100)]
    assert best_of(lambda at: chart.show_state(states[at % 2])) < 0.025 * WIDE

    node = session.project.pipeline.order()[2].id
    loss = tuple((at / 1000, 1 / (1 + at)) for at in range(10_000))
    full.show_tab("training")
    training = full.chart("training")

    def grow(at: int) -> None:
        series = {"loss": loss[: 9_990 + at], "validation": loss[::1000]}
        session._known.results = {**session.results, node: NodeResult(Stage.RUNNING, series=series)}
        training.refresh()

    assert best_of(grow) < 0.025 * WIDE
    assert training.drawn


def best_of(do, times: int = 8) -> float:
    """Seconds of the quickest of several turns, painted."""
    quickest = 1e9
    for at in range(times):
        begun = time.perf_counter()
        do(at)
        QApplication.processEvents()
        quickest = min(quickest, time.perf_counter() - begun)
    print(f"{1000 * quickest:.1f} ms")
    return quickest


def test_a_training_is_drawn_while_it_runs(full: ChartsPanel, session: Session, qtbot) -> None:
    full.show_tab("training")
    chart = full.chart("training")
    node = session.project.pipeline.order()[2].id
    assert not chart.drawn
    series = {"loss": ((0.1, 0.9), (0.2, 0.8)), "validation": ((0.0, 0.5),)}
    session._known.run_state = replace(session.run_state, nodes={node: NodeResult(Stage.RUNNING, series=series)})
    session.run_changed.emit(session.run_state)
    qtbot.waitUntil(lambda: chart.drawn)
    assert chart.table().rows[1][2:] == ("Loss", 0.2, 0.8)
    assert len(chart.table().rows) == 3


def test_a_wide_panel_shows_latency_beside_the_trade_off(full: ChartsPanel, qtbot) -> None:
    assert full.overview.small == ()
    full.resize(1300, 360)
    qtbot.waitUntil(lambda: bool(full.overview.small) and full.overview.small[0].drawn)
    latency, training = full.overview.small
    assert latency.isVisible()
    assert not training.isVisible()
    assert [row.median for row in latency.state.rows] == [2.0]
    full.resize(900, 360)
    qtbot.waitUntil(lambda: not latency.isVisible())
    assert full.seen is full.chart("tradeoff")
