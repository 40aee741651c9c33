"""The table of variants: what it shows, and what its buttons and keys do."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication

from compress_studio.engine.events import MeasurementTaken, NodeDone, RunEnded, RunStarted
from compress_studio.gui.panels.problem_rows import Level, problem_rows
from compress_studio.gui.panels.run_rows import run_rows
from compress_studio.project import edits
from compress_studio.spec.meter import Reading


def told(session, node: str, digest: str, top1: float, size: float, ms: float, ratio: tuple[float, float, float]):
    """Events of a node that was computed and measured."""
    return [
        NodeDone(node, f"key-{digest}", digest, "", {"layers_changed": 3, "layers_total": 4}, 2.0),
        MeasurementTaken(node, "size", digest, (Reading("bytes", size), Reading("macs", 1e6))),
        MeasurementTaken(node, "accuracy", digest, (Reading("top1", top1, low=top1 - 0.01, high=top1 + 0.01, n=500),)),
        MeasurementTaken(
            node, "latency", digest, (Reading("median_ms", ms), Reading("ratio", ratio[0], "", ratio[1], ratio[2]))
        ),
    ]


@pytest.fixture
def measured(session):
    """A session in which two nodes were measured, told by the events of a run."""
    steps = session.runtime.steps
    session.edit("Model", edits.add_node("source.model", {"path": "/nowhere/net.onnx"}, steps))
    session.edit("Step", edits.append_step("prune.channels", {"amount": 0.4}, steps))
    session.settle()
    session._receive(
        [
            RunStarted("r", ("source1", "prune1")),
            *told(session, "source1", "d1" * 20, 0.912, 1e6, 1.9, (1.0, 0.99, 1.01)),
            *told(session, "prune1", "d2" * 20, 0.903, 5e5, 1.1, (1.7, 1.68, 1.72)),
        ]
    )
    session._receive([RunEnded("r", True, 3.0)])
    session.settle()
    return session


def test_variants_show_their_numbers_beside_the_original(measured) -> None:
    quality, rows = run_rows(measured)
    assert quality == "accuracy"
    texts = [cell.text.replace("\u202f", " ") for cell in rows[-1].cells]
    assert "90.3 %  (−0.9 pt)" in texts
    assert any(text.startswith("500 kB  ÷ 2.00") for text in texts)
    assert any("÷ 1.70" in text for text in texts)
    assert "3 of 4" in texts


def test_a_star_is_set_by_the_key_s_and_kept_in_the_project(measured, window, qtbot) -> None:
    panel = window.runs
    panel.table.setFocus()
    panel.table.selectRow(1)
    qtbot.keyClick(panel, Qt.Key.Key_S)
    assert [one.starred for one in measured.variants.rows].count(True) == 1
    assert measured.stored_project().extra["variants"]


def test_the_command_of_a_variant_goes_to_the_clipboard(measured, window, qtbot) -> None:
    panel = window.runs
    row = next(place for place, one in enumerate(panel.model.rows) if "Remove" in one.cells[2].text)
    panel.table.selectRow(row)
    panel.copy_command()
    assert QGuiApplication.clipboard().text().startswith("compress-studio run /nowhere/net.onnx --step prune.channels")


def test_restoring_a_variant_brings_its_parameters_back_in_one_undo(measured, window) -> None:
    measured.edit("Amount", edits.set_param("prune1", "amount", 0.7, measured.runtime.steps))
    panel = window.runs
    row = next(place for place, one in enumerate(panel.model.rows) if "Remove" in one.cells[2].text)
    panel.table.selectRow(row)
    panel.restore()
    assert measured.project.pipeline.node("prune1").params["amount"] == 0.4
    measured.undo()
    assert measured.project.pipeline.node("prune1").params["amount"] == 0.7


def test_a_model_that_is_not_there_is_a_problem_with_a_remedy(session) -> None:
    session.edit("Model", edits.add_node("source.model", {"path": "/nowhere/net.onnx"}, session.runtime.steps))
    session.settle()
    rows = problem_rows(session)
    assert rows
    assert rows[0].level is Level.ERROR
    assert "net.onnx" in rows[0].message
    assert rows[0].hint


def test_a_wide_table_lets_the_pipelines_be_read(measured, window, qtbot) -> None:
    panel = window.runs
    narrow = panel.table.columnWidth(2)
    window.resize(2400, 1000)
    qtbot.waitUntil(lambda: panel.table.columnWidth(2) >= panel.table.sizeHintForColumn(2))
    assert panel.table.columnWidth(2) >= narrow
