"""A panel of charts on a session with measured results."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from PySide6.QtWidgets import QWidget

from compress_studio.engine.variants import Variants, variant_id
from compress_studio.gui.charts.panel import ChartsPanel
from compress_studio.gui.session import Session
from compress_studio.project.samples import sample_project
from tests.gui.asking import ScriptedAsking
from tests.toys.variants import measured, variant


@dataclass
class Asked:
    """What charts use of the commands of a window."""

    session: Session
    window: QWidget
    asking: ScriptedAsking
    runs: list[bool] = field(default_factory=list)

    def run(self, *, again: bool = False) -> None:
        self.runs.append(again)


@pytest.fixture
def commands(session: Session, asking: ScriptedAsking, qtbot) -> Asked:
    window = QWidget()
    qtbot.addWidget(window)
    return Asked(session, window, asking)


@pytest.fixture
def panel(commands: Any, qtbot) -> ChartsPanel:
    """The panel, shown, with nothing measured."""
    made = ChartsPanel(commands)
    qtbot.addWidget(made)
    made.resize(900, 360)
    with qtbot.waitExposed(made):
        made.show()
    return made


@pytest.fixture
def full(panel: ChartsPanel, session: Session, qtbot) -> ChartsPanel:
    """The panel with a planned sample and three results, the first of which is the newest of its node."""
    fill(session)
    qtbot.waitUntil(lambda: panel.chart("tradeoff").drawn)
    return panel


def fill(session: Session) -> None:
    """Open a sample and say that its source and two variants of its second node were measured."""
    session.open(sample_project("letters", session.runtime.steps))
    session.settle()
    project = session.project
    source, second = [node.id for node in project.pipeline.order()][:2]
    assert session.plan is not None
    name = variant_id(session.plan.keys[source], project.data)
    origin, small, smaller = measured(0.93, 1e6, 2.0), measured(0.925, 5e5, 1.2, 1.66), measured(0.90, 2.5e5, 0.8, 2.5)
    session._known.results = {source: origin}
    session.variants = Variants.of((
        variant(1, project.pipeline, source, origin, name=name),
        variant(2, project.pipeline, second, small, source=name),
        variant(3, project.pipeline, second, smaller, source=name),
    ))  # fmt: skip
    session.results_changed.emit()
    session.variants_changed.emit()
