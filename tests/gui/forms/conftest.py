"""An inspector on a session with a pipeline and made-up previews."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from compress_studio.gui.panels.inspector import Inspector
from compress_studio.project import edits
from compress_studio.project.files import SOURCE_PATH
from compress_studio.project.pipeline import SOURCE_STEP
from compress_studio.project.project import Project
from tests.gui.asking import ScriptedAsking
from tests.gui.forms.fakes import FakePreviews


@pytest.fixture
def previews(session, monkeypatch) -> FakePreviews:
    """What stands for the previews of the session."""
    made = FakePreviews()
    monkeypatch.setattr(session, "previews", made)
    return made


@pytest.fixture
def inspector(session, previews, qtbot):
    """An inspector of a model, prune1 (weights) and prune2 (channels); prune1 is selected."""
    steps = session.runtime.steps
    project = edits.add_node(SOURCE_STEP, {SOURCE_PATH: "/nowhere/model.onnx"}, steps)(Project())
    for step in ("prune.weights", "prune.channels"):
        project = edits.append_step(step, {}, steps)(project)
    session.open(project)
    shown: list[str] = []
    window = SimpleNamespace(charts=SimpleNamespace(show_tab=shown.append))
    made = Inspector(SimpleNamespace(session=session, window=window, asking=ScriptedAsking()))  # type: ignore[arg-type]
    qtbot.addWidget(made)
    made.resize(320, 1000)
    with qtbot.waitExposed(made):
        made.show()
    made.activateWindow()
    session.select(["prune1"])
    return made
