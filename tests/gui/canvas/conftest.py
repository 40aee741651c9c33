"""What tests of the canvas share: a window with a pipeline, and a mouse that speaks in scene coordinates."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from compress_studio.base.paths import cache_dir
from compress_studio.engine.cache import Store
from compress_studio.gui.canvas.page import CanvasPage
from compress_studio.gui.canvas.scene import PortSpot
from compress_studio.gui.canvas.view import PipelineView
from compress_studio.gui.main_window import MainWindow
from compress_studio.gui.session import Session
from compress_studio.project import edits
from compress_studio.project.project import Project

LEFT = Qt.MouseButton.LeftButton
NONE = Qt.KeyboardModifier.NoModifier


@dataclass
class Hand:
    """Mouse and keyboard on the canvas."""

    page: CanvasPage
    session: Session

    @property
    def view(self) -> PipelineView:
        return self.page.view

    @property
    def pipeline(self) -> Any:
        return self.session.project.pipeline

    def pixel(self, spot: QPointF) -> QPoint:
        return self.view.mapFromScene(spot)

    def body(self, node: str) -> QPointF:
        """A point of a node that is no port."""
        return self.view.pipeline.nodes[node].pos() + QPointF(60.0, 34.0)

    def port(self, node: str, name: str = "") -> QPointF:
        return self.view.pipeline.port_place(PortSpot(node, name))

    def middle(self, edge: Any) -> QPointF:
        points = self.view.pipeline.edges[edge].points
        return QPointF(*points[len(points) // 2])

    def click(self, spot: QPointF, keys: Qt.KeyboardModifier = NONE) -> None:
        QTest.mouseClick(self.view.viewport(), LEFT, keys, self.pixel(spot))

    def press(self, spot: QPointF, button: Qt.MouseButton = LEFT, keys: Qt.KeyboardModifier = NONE) -> None:
        QTest.mousePress(self.view.viewport(), button, keys, self.pixel(spot))

    def move(self, pixel: QPoint, button: Qt.MouseButton = LEFT, keys: Qt.KeyboardModifier = NONE) -> None:
        view = self.view.viewport()
        event = QMouseEvent(
            QEvent.Type.MouseMove, QPointF(pixel), QPointF(view.mapToGlobal(pixel)), button, button, keys
        )
        QApplication.sendEvent(view, event)

    def drag(
        self,
        start: QPointF,
        end: QPointF,
        button: Qt.MouseButton = LEFT,
        keys: Qt.KeyboardModifier = NONE,
        *,
        release: bool = True,
    ) -> None:
        """Press, move in steps, release."""
        first, last = self.pixel(start), self.pixel(end)
        QTest.mousePress(self.view.viewport(), button, keys, first)
        for part in range(1, 6):
            self.move(first + (last - first) * part / 5, button, keys)
        if release:
            self.release(last, button, keys)

    def release(self, pixel: QPoint, button: Qt.MouseButton = LEFT, keys: Qt.KeyboardModifier = NONE) -> None:
        QTest.mouseRelease(self.view.viewport(), button, keys, pixel)

    def key(self, key: Qt.Key, keys: Qt.KeyboardModifier = NONE) -> None:
        QApplication.processEvents()
        QTest.keyClick(self.view, key, keys)

    def type(self, text: str) -> None:
        """Type into whatever has the keyboard."""
        for letter in text:
            QTest.keyClick(QApplication.focusWidget(), letter)

    def note(self) -> str:
        note = self.view.findChild(object, "canvas_note")
        return note.text() if note.isVisible() else ""


@pytest.fixture(scope="module")
def shared_window(qapp: QApplication, tmp_path_factory: pytest.TempPathFactory) -> Iterator[MainWindow]:
    """One window for all tests of a file: each begins with a project of its own."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COMPRESS_STUDIO_HOME", str(home))
        session = Session(Store(cache_dir()))
        made = MainWindow(session)
        made.resize(1440, 900)
        made.show()
    yield made
    session.open(Project())
    made.close()
    made.deleteLater()
    session.close()


@pytest.fixture
def window(shared_window: MainWindow) -> MainWindow:
    return shared_window


@pytest.fixture
def session(shared_window: MainWindow) -> Session:
    return shared_window.session


@pytest.fixture
def hand(window: Any, session: Session, qtbot: Any) -> Hand:
    """A canvas that shows model → prune → distil → quantize, in its own size."""
    steps = session.runtime.steps
    project = edits.add_node("source.model", {"path": "/nowhere/net.onnx"}, steps)(Project())
    for step in ("prune.weights", "train.distil", "quantize.dynamic"):
        project = edits.append_step(step, steps=steps)(project)
    while (popup := QApplication.activePopupWidget()) is not None:
        popup.close()
    window.activateWindow()
    session.open(project)
    session.settle()
    made = Hand(window.canvas, session)
    window.charts_dock.hide()
    window.runs_dock.hide()
    qtbot.waitUntil(lambda: made.view.viewport().height() > 500)
    made.view.zoom_to(1.0)
    made.view.centerOn(330.0, 160.0)
    made.view.touched = True
    made.view.setFocus()
    qtbot.waitUntil(made.view.hasFocus)
    return made
