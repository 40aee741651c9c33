"""The whole story through main(): drop, arrange, run, stop, change, run again, undo, export, save, open again."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication

from compress_studio.base.paths import resource
from compress_studio.engine.events import NodeCached, NodeDone, RunEvent, SeriesPoint
from compress_studio.gui.nodeview import Shown
from tests.e2e.window_driver import Driver, Wait, play

CTRL = Qt.KeyboardModifier.ControlModifier
OPEN = """
import numpy as np, onnxruntime as ort, sys
session = ort.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
one = session.get_inputs()[0]
print(session.run(None, {one.name: np.zeros((3, one.shape[1]), np.float32)})[0].shape)
"""
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture
def letters(tmp_path: Path) -> Path:
    """A copy of the small sample, as a user has a model and a data file in a folder."""
    folder = tmp_path / "mine"
    folder.mkdir()
    for name in ("letters.onnx", "letters.npz"):
        shutil.copyfile(resource("samples") / "letters" / name, folder / name)
    return folder


def add(driver: Driver, word: str) -> None:
    """Find a step in the library and append it by Enter."""
    driver.type("library.search", word, Qt.Key.Key_Return)


def test_a_user_makes_a_model_smaller_from_drop_to_export(qapp: QApplication, letters: Path) -> None:
    heard: list[RunEvent] = []
    exported = letters / "small.onnx"
    project = letters / "letters.cstudio"

    def story(driver: Driver) -> Generator[Wait]:
        session, window = driver.session, driver.window
        session.heard.connect(heard.extend)
        # drop a model together with its data
        driver.drop(letters / "letters.onnx", letters / "letters.npz")
        yield lambda: "source1" in session.views and session.views["source1"].state is Shown.FRESH
        assert session.project.data.path == str(letters / "letters.npz")
        # three steps from the library
        for count, word in enumerate(("low rank", "distil", "dynamic"), start=2):
            add(driver, word)
            yield lambda count=count: len(session.project.pipeline) == count
        line = [node.step for node in session.project.pipeline.order()]
        assert line == ["source.model", "factorize.lowrank", "train.distil", "quantize.dynamic"]
        # drag a slider: one entry to undo
        session.select(("factorize1",))
        yield lambda: session.current == "factorize1"
        before = session.project
        value = before.pipeline.node("factorize1").params["ratio"]
        yield lambda: session.previews.prediction("factorize1") is not None
        driver.drag_slider("param:factorize1.ratio", 0.4)
        yield lambda: session.project.pipeline.node("factorize1").params["ratio"] != value
        session.undo()
        assert session.project.pipeline.node("factorize1").params["ratio"] == value
        session.redo()
        # a long training, so that there is something to stop
        session.select(("distil1",))
        yield lambda: session.current == "distil1"
        driver.type("param:distil1.epochs.box", "60", Qt.Key.Key_Return)
        yield lambda: session.project.pipeline.node("distil1").params["epochs"] == 60
        # run, watch the curve grow, stop
        driver.key(Qt.Key.Key_F5)
        yield lambda: sum(isinstance(one, SeriesPoint) for one in heard) > 5
        assert session.running
        driver.click("toolbar:run.stop")
        assert session.stopping
        yield lambda: not session.running
        assert session.views["factorize1"].state is Shown.FRESH
        assert session.views["distil1"].state in {Shown.STOPPED, Shown.STALE}
        # change, run again: what was done is not done again
        driver.type("param:distil1.epochs.box", "1", Qt.Key.Key_Return)
        yield lambda: session.project.pipeline.node("distil1").params["epochs"] == 1
        heard.clear()
        driver.key(Qt.Key.Key_F5)
        yield lambda: session.running
        yield lambda: not session.running
        assert session.run_state.ok, session.run_state
        cached = {one.node for one in heard if isinstance(one, NodeCached)}
        done = {one.node for one in heard if isinstance(one, NodeDone)}
        assert {"source1", "factorize1"} <= cached
        assert done == {"distil1", "quantize1"}
        yield lambda: len(session.variants.rows) == 4
        assert session.views["quantize1"].summary is not None
        # undo brings the old plan back, redo the results, without a run
        driver.key(Qt.Key.Key_Z, CTRL)
        yield lambda: session.views["distil1"].state is Shown.STALE
        driver.key(Qt.Key.Key_Z, CTRL | Qt.KeyboardModifier.ShiftModifier)
        yield lambda: session.views["quantize1"].state is Shown.FRESH
        # export, proved
        session.select(("quantize1",))
        driver.key(Qt.Key.Key_E, CTRL)
        yield lambda: QApplication.activeModalWidget() is not None or driver.find("export").isVisible()
        driver.type("export:target", str(exported))
        driver.click("export:go")
        yield exported.exists
        yield lambda: "Written and proved" in driver.find("export:status").text()  # type: ignore[attr-defined]
        driver.click("export:close")
        yield lambda: QApplication.activeModalWidget() is None
        # save
        driver.asking.answers.append(str(project))
        driver.key(Qt.Key.Key_S, CTRL)
        yield lambda: not session.dirty
        assert project.exists()
        assert not window.isWindowModified()

    assert play([], story) == 0
    shape = subprocess.run([sys.executable, "-c", OPEN, str(exported)], capture_output=True, text=True, check=True)
    assert shape.stdout.strip() == "(3, 26)"

    def again(driver: Driver) -> Generator[Wait]:
        session = driver.session
        yield lambda: all(view.state is Shown.FRESH for view in session.views.values()) and len(session.views) == 4
        assert len(session.variants.rows) == 4
        assert session.path == project
        assert not session.dirty

    assert play([str(project)], again) == 0
