"""The step library by keyboard and mouse."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QApplication

from compress_studio.base.paths import resource
from compress_studio.gui.panels.drag_picture import node_picture
from compress_studio.gui.panels.library import ROW_ROLE, StepLibrary
from compress_studio.gui.panels.step_rows import BROKEN, LibraryState, library_rows
from compress_studio.gui.theme import current
from compress_studio.gui.theme.tokens import METRICS
from compress_studio.project import edits
from compress_studio.project.files import SOURCE_PATH
from compress_studio.project.pipeline import SOURCE_STEP
from compress_studio.project.project import Project
from compress_studio.spec.registry import Broken
from compress_studio.spec.step import Verdict
from tests.gui.side.conftest import Desk

LETTERS = resource("samples") / "letters" / "letters.onnx"
ENTER, DOWN = Qt.Key.Key_Return, Qt.Key.Key_Down


@pytest.fixture
def alone(session, asking, qtbot):
    """The library without anything open; it needs no worker."""
    made = StepLibrary(Desk(session, asking))  # pyright: ignore[reportArgumentType] - the part that is needed
    qtbot.addWidget(made)
    made.resize(240, 560)
    with qtbot.waitExposed(made):
        made.show()
    return made


@pytest.fixture
def library(alone, session):
    """The library beside a model that is not looked at."""
    session.open(edits.add_node(SOURCE_STEP, {SOURCE_PATH: str(LETTERS)}, session.runtime.steps)(Project()))
    return alone


def steps(session) -> list[str]:
    return [one.step for one in session.project.pipeline.order()]


def test_enter_in_the_search_appends_the_best_step_and_selects_it(library, session, qtbot) -> None:
    library.focus_search()
    qtbot.keyClicks(library.search, "prune weights")
    qtbot.keyClick(library.search, ENTER)
    assert steps(session) == ["source.model", "prune.weights"]
    assert session.current == "prune1"
    assert session.history.undo_label == "Add Prune weights"


def test_arrows_move_over_steps_only_and_enter_adds_at_the_end_of_the_selected_line(library, session, qtbot) -> None:
    library.list.setCurrentIndex(library.list.rows.index(library.list.rows.row_of("graph.optimize")))
    for _ in range(2):
        qtbot.keyClick(library.list, DOWN)
    assert library.list.row().step == "prune.weights"
    qtbot.keyClick(library.list, ENTER)
    session.select(["source1"])
    qtbot.keyClick(library.list, ENTER)
    pipeline = session.project.pipeline
    assert [(edge.src, edge.dst) for edge in pipeline.edges] == [("source1", "prune1"), ("prune1", "prune2")]
    session.undo()
    assert len(session.project.pipeline) == 2


def test_escape_clears_the_search(library, qtbot) -> None:
    qtbot.keyClicks(library.search, "distil")
    shown = library.list.rows.rowCount()
    qtbot.keyClick(library.search, Qt.Key.Key_Escape)
    assert library.search.text() == ""
    assert library.list.rows.rowCount() > shown


def test_down_in_the_search_moves_through_the_list(library, qtbot) -> None:
    qtbot.keyClicks(library.search, "quantize")
    first = library.list.row().step
    qtbot.keyClick(library.search, DOWN)
    assert library.list.row().step != first


def test_a_double_click_adds_a_step(library, session, qtbot) -> None:
    place = library.list.rows.row_of("graph.fp16")
    spot = library.list.visualRect(library.list.rows.index(place)).center()
    qtbot.mouseClick(library.list.viewport(), Qt.MouseButton.LeftButton, pos=spot)
    qtbot.mouseDClick(library.list.viewport(), Qt.MouseButton.LeftButton, pos=spot)
    assert "graph.fp16" in steps(session)


def test_a_step_that_does_not_apply_says_why_and_is_not_added(library, session, qtbot) -> None:
    registry = session.runtime.steps
    spec = registry.get("prune.channels")
    registry.specs["prune.channels"] = replace(
        spec, applies=lambda facts, params: Verdict.no("There are no channels.", "Prune weights instead.")
    )
    messages: list = []
    session.message.connect(messages.append)
    try:
        library.show_state(LibraryState(library_rows(registry, {"parameters": 1})))
        library.list.setCurrentIndex(library.list.rows.index(library.list.rows.row_of("prune.channels")))
        qtbot.keyClick(library.list, ENTER)
    finally:
        registry.specs["prune.channels"] = spec
    assert steps(session) == ["source.model"]
    assert "There are no channels." in messages[0].text
    assert messages[0].hint == "Prune weights instead."
    assert "There are no channels." in library.list.currentIndex().data(Qt.ItemDataRole.ToolTipRole)


def test_a_plug_in_that_failed_tells_its_error(library, session, qtbot) -> None:
    messages: list = []
    session.message.connect(messages.append)
    rows = library_rows(session.runtime.steps, broken=[Broken("mine", "my-package", "ImportError: no such thing")])
    library.show_state(LibraryState(rows))
    last = library.list.rows.index(library.list.rows.rowCount() - 1)
    assert last.data(ROW_ROLE).kind == BROKEN
    library.list.setCurrentIndex(last)
    qtbot.keyClick(library.list, ENTER)
    assert messages[0].hint == "ImportError: no such thing"


def test_without_a_model_adding_says_to_open_one(alone, session, qtbot) -> None:
    messages: list = []
    session.message.connect(messages.append)
    library = alone
    library.list.setCurrentIndex(library.list.rows.index(1))
    qtbot.keyClick(library.list, ENTER)
    assert messages[0].hint == "Open a model first."


def test_every_step_has_a_tooltip_with_its_theory(library, session) -> None:
    for spec in session.runtime.steps:
        if spec.id != "source.model":
            index = library.list.rows.index(library.list.rows.row_of(spec.id))
            assert spec.summary[:20] in index.data(Qt.ItemDataRole.ToolTipRole)


@pytest.mark.parametrize("ratio", [1.0, 2.0])
def test_what_is_dragged_looks_like_a_node_and_is_sharp(qapp: QApplication, ratio: float) -> None:
    picture = node_picture("A step with a very long name that does not fit", "Prune", ratio)
    assert picture.devicePixelRatio() == ratio
    assert picture.width() == round(METRICS.node_width * ratio)
    image = picture.toImage()
    stripe = image.pixelColor(QPoint(round(2 * ratio), round(28 * ratio)))
    assert stripe.name() != current.tokens().card


def test_the_list_is_painted_in_all_states(library, qtbot) -> None:
    assert not library.list.grab().isNull()
    library.list.setFocus()
    qtbot.keyClick(library.list, DOWN)
    assert not library.list.grab().isNull()
