"""The inside of a network in the window: by mouse and keyboard, on the real engine."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import onnx_ir as ir
import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QFontMetricsF, QMouseEvent
from PySide6.QtWidgets import QApplication

from compress_studio.gui.network.ink import Measure
from compress_studio.gui.network.inside import Network
from compress_studio.gui.network.panel import NetworkPanel
from compress_studio.gui.network.subject import SOURCE, Subject
from compress_studio.gui.opening import open_model
from compress_studio.gui.session import Session
from compress_studio.inspection.structure import structure
from compress_studio.project import edits
from compress_studio.project.project import Project
from tests.toys import networks
from tests.unit.inspection import nets


@pytest.fixture
def panel(session: Session, qtbot) -> NetworkPanel:
    made = NetworkPanel(SimpleNamespace(session=session, window=None))  # type: ignore[arg-type]
    qtbot.addWidget(made)
    made.resize(1100, 420)
    with qtbot.waitExposed(made):
        made.show()
    return made


def opened(panel: NetworkPanel, model: ir.Model, tmp_path: Path, qtbot) -> None:
    """Open a model as the user does, and wait until its picture is there."""
    ir.save(model, tmp_path / "net.onnx")
    open_model(panel.session, tmp_path / "net.onnx")
    wait_for_picture(panel, qtbot)


def shown(panel: NetworkPanel, model: ir.Model | Path, tmp_path: Path, qtbot) -> None:
    """Show the inside of a file without opening it in the session."""
    path = model if isinstance(model, Path) else tmp_path / "net.onnx"
    if not isinstance(model, Path):
        ir.save(model, path)
    panel.show_network(Network.read(str(path), structure(str(path))))
    wait_for_picture(panel, qtbot)


def wait_for_picture(panel: NetworkPanel, qtbot) -> None:
    def ready() -> None:
        panel.session.settle()
        assert panel.placed is not None
        assert panel.placed.network is panel.network is not None

    qtbot.waitUntil(lambda: _true(ready), timeout=30_000)


def _true(check) -> bool:
    try:
        check()
    except AssertionError:
        return False
    return True


def point_of(panel: NetworkPanel, *, node: int | None = None, group: int | None = None) -> QPoint:
    """The middle of a box; of an open group the place of its title."""
    assert panel.placed is not None
    assert panel.view.picture is not None
    box = panel.placed.box_of(node=node, group=group)
    assert box is not None
    rect = panel.view.picture.rects[box]
    at = rect.center() if box >= panel.placed.opened else QPointF(rect.left() + 12, rect.top() + 8)
    return panel.view.to_widget(at).toPoint()


def node_of(panel: NetworkPanel, op: str) -> int:
    assert panel.network is not None
    return next(number for number, node in enumerate(panel.network.nodes) if node["op"] == op)


def test_without_a_model_the_panel_says_what_to_do(panel: NetworkPanel) -> None:
    assert panel.pages.currentWidget() is panel.hint
    assert not panel.bar.search.isEnabled()


def test_an_opened_model_is_shown_and_a_click_tells_about_a_layer(panel: NetworkPanel, tmp_path, qtbot) -> None:
    opened(panel, networks.residual_net(), tmp_path, qtbot)
    conv = node_of(panel, "Conv")

    qtbot.mouseClick(panel.view, Qt.MouseButton.LeftButton, pos=point_of(panel, node=conv))

    assert panel.node == conv
    assert panel.details.isVisible()
    assert panel.details.title.text() == "Conv"
    qtbot.waitUntil(lambda: panel.details.histogram._after is not None, timeout=20_000)

    qtbot.keyClick(panel.view, Qt.Key.Key_Escape)
    assert not panel.details.isVisible()


def test_a_double_click_opens_a_group_and_minus_closes_it(panel: NetworkPanel, tmp_path, qtbot) -> None:
    shown(panel, nets.big(tmp_path / "big.onnx", 200, nets.scoped), tmp_path, qtbot)
    assert panel.placed is not None
    before = len(panel.placed.rects)
    group = int(panel.placed.refs[panel.placed.is_group][0])

    qtbot.mouseDClick(panel.view, Qt.MouseButton.LeftButton, pos=point_of(panel, group=group))
    qtbot.waitUntil(lambda: len(panel.placed.rects) > before, timeout=10_000)
    assert group in panel.placed.open

    panel.view.setFocus()
    qtbot.keyClick(panel.view, Qt.Key.Key_Minus)
    qtbot.waitUntil(lambda: len(panel.placed.rects) == before, timeout=10_000)


def test_search_opens_the_groups_around_what_it_finds(panel: NetworkPanel, tmp_path, qtbot) -> None:
    shown(panel, nets.big(tmp_path / "big.onnx", 200, nets.scoped), tmp_path, qtbot)

    panel.bar.search.setFocus()
    qtbot.keyClicks(panel.bar.search, "relu")
    assert panel.bar.count.text() == "40"
    qtbot.keyClick(panel.bar.search, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: panel.placed.box_of(node=panel.node) == panel.view.marks.selected, timeout=10_000)
    first = panel.node
    assert panel.bar.count.text() == "1 / 40"

    qtbot.keyClick(panel.bar.search, Qt.Key.Key_Return)
    assert panel.node != first
    assert panel.network.nodes[panel.node]["op"] == "Relu"
    qtbot.waitUntil(lambda: not panel.session.light.busy, timeout=10_000)


def test_a_layer_asked_for_by_name_is_selected_even_before_the_network_is_there(panel, tmp_path, qtbot) -> None:
    panel.focus_layer("fc1")
    shown(panel, networks.mlp(), tmp_path, qtbot)

    assert panel.node is not None
    assert panel.network.nodes[panel.node]["layer"] == "fc1"


def test_keys_move_from_box_to_box_and_fit_everything(panel: NetworkPanel, tmp_path, qtbot) -> None:
    shown(panel, networks.mlp(), tmp_path, qtbot)
    panel.view.setFocus()

    qtbot.keyClick(panel.view, Qt.Key.Key_Right)
    first = panel.node
    qtbot.keyClick(panel.view, Qt.Key.Key_Right)
    assert first is not None
    assert panel.node != first

    qtbot.keyClick(panel.view, Qt.Key.Key_Plus, Qt.KeyboardModifier.ControlModifier)
    assert not panel.view.fitted
    qtbot.keyClick(panel.view, Qt.Key.Key_F)
    assert panel.view.fitted
    assert panel.view.seen.contains(panel.view.picture.bounds)


def test_drag_moves_the_picture_and_selects_nothing(panel: NetworkPanel, tmp_path, qtbot) -> None:
    shown(panel, networks.mlp(), tmp_path, qtbot)
    origin, start = panel.view.origin, point_of(panel, node=1)

    qtbot.mousePress(panel.view, Qt.MouseButton.LeftButton, pos=start)
    end = QPointF(start + QPoint(40, 25))
    left = Qt.MouseButton.LeftButton
    globally = panel.view.mapToGlobal(end)
    moved = QMouseEvent(QEvent.Type.MouseMove, end, globally, left, left, Qt.KeyboardModifier.NoModifier)
    QApplication.sendEvent(panel.view, moved)
    qtbot.mouseRelease(panel.view, Qt.MouseButton.LeftButton, pos=start + QPoint(40, 25))

    assert panel.view.origin != origin
    assert panel.node is None


def test_the_result_and_the_source_can_be_compared(panel: NetworkPanel, tmp_path, qtbot) -> None:
    opened(panel, networks.mlp(), tmp_path, qtbot)
    session = panel.session
    session.edit("Append", edits.append_step("quantize.weights", {}, session.runtime.steps))
    step = session.project.pipeline.last().id
    session.select([step])
    session.settle()
    assert panel.pages.currentWidget() is panel.hint
    assert "no result yet" in panel.subject.headline
    session.run([step], measure=False)
    session.settle()
    wait_for_picture(panel, qtbot)
    assert not panel.subject.is_source
    assert panel.network.hidden > 0
    panel.focus_layer("fc1")

    panel.bar.measure_chosen.emit(Measure.ERROR.value)
    qtbot.waitUntil(lambda: panel.legend.message.startswith("signal to noise"), timeout=30_000)
    assert panel.coloring.known_errors(panel.subject)

    panel.bar.side_chosen.emit(SOURCE)
    wait_for_picture(panel, qtbot)
    assert panel.subject.is_source
    assert panel.network.nodes[panel.node]["layer"] == "fc1"
    assert "compared with" in panel.legend.message


def test_colours_have_a_legend_for_every_measure(panel: NetworkPanel, tmp_path, qtbot) -> None:
    shown(panel, networks.transformer(), tmp_path, qtbot)

    for measure in (Measure.SIZE, Measure.SPARSITY, Measure.BITS, Measure.KIND):
        panel.bar.measure.setCurrentIndex(panel.bar.measure.findData(measure.value))
        panel.bar.measure.activated.emit(panel.bar.measure.currentIndex())
        assert panel.coloring.measure is measure
        assert panel.view.picture.ink.measure is measure
        assert (panel.view.picture.ink.scale is None) == (measure is Measure.KIND)


def test_another_project_leaves_nothing_behind(panel: NetworkPanel, tmp_path, qtbot) -> None:
    shown(panel, networks.mlp(), tmp_path, qtbot)
    panel.session.open(Project())
    panel.session.settle()

    assert panel.network is None
    assert panel.pages.currentWidget() is panel.hint


def test_every_control_has_a_name_and_a_tip(panel: NetworkPanel) -> None:
    for widget in (panel.bar.measure, panel.bar.search, *panel.bar.buttons.values()):
        assert widget.objectName()
        assert widget.accessibleName()
        assert widget.toolTip()


def test_a_file_that_cannot_be_shown_says_why(panel: NetworkPanel, tmp_path, qtbot) -> None:
    path = tmp_path / "broken.onnx"
    path.write_bytes(b"nothing of use")
    panel.show_subject(Subject("n", "broken.onnx", path, "digest", path, "digest", is_source=True))
    assert panel.hint._title.text() == "Opening broken.onnx"

    panel.session.settle()

    assert panel.hint._title.text() == "broken.onnx cannot be shown"
    assert panel.hint._text.text()
    assert not panel.bar.search.isEnabled()


def test_very_long_names_are_shortened_in_their_boxes(panel: NetworkPanel, tmp_path, qtbot) -> None:
    path = nets.big(tmp_path / "long.onnx", 20, lambda number, kind: "/".join(["a_very_long_scope"] * 30) + f"/{kind}")
    shown(panel, path, tmp_path, qtbot)

    picture = panel.view.picture
    for box in range(picture.placed.opened, len(picture.rects)):
        assert picture.rects[box].width() < 260
        for text in picture.texts(box):
            assert QFontMetricsF(picture.title_font).horizontalAdvance(text) <= picture.rects[box].width()
    panel.grab()
