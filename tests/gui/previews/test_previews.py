"""Previews of the node whose form is open."""

from __future__ import annotations

import time

import pytest

from compress_studio.gui.opening import open_sample
from compress_studio.gui.previews import PreviewWord
from compress_studio.gui.session import Session
from compress_studio.project import edits
from compress_studio.spec.data import DataRequest


@pytest.fixture
def opened(session: Session) -> Session:
    """The table of letters, its model opened, one pruning step behind it."""
    open_sample(session, "letters")
    session.settle()
    for node in list(session.project.pipeline.nodes)[1:]:
        session.edit("Remove", edits.remove_nodes([node.id]))
    session.settle()
    return session


def add(session: Session, step: str, **params: object) -> str:
    """Append a step; returns its node."""
    before = {node.id for node in session.project.pipeline}
    last = session.project.pipeline.last()
    assert last is not None
    session.edit("Add", edits.append_step(step, params, session.runtime.steps))
    session.settle()
    return next(node.id for node in session.project.pipeline if node.id not in before)


def artifacts(session: Session) -> set[str]:
    """Everything that the store holds."""
    return {str(path) for path in session.store.blobs.folder.rglob("*.onnx")}


def test_the_sketch_of_the_watched_node_arrives_and_predictions_follow_a_drag(opened: Session, qtbot) -> None:
    node = add(opened, "prune.weights")
    previews = opened.previews
    with qtbot.waitSignal(previews.changed, timeout=30_000):
        previews.watch(node)
    opened.settle()
    assert previews.state(node).word is PreviewWord.READY
    half = previews.prediction(node)
    most = previews.prediction(node, {"sparsity": 0.9})
    assert half is not None
    assert most is not None
    assert half.nonzero is not None
    assert most.nonzero is not None
    assert most.nonzero < 0.3 * half.nonzero
    assert most.histogram is not None


def test_a_prediction_takes_less_than_a_frame(opened: Session) -> None:
    node = add(opened, "prune.channels")
    opened.previews.watch(node)
    opened.settle()
    times: list[float] = []
    for number in range(10):
        begun = time.perf_counter()
        assert opened.previews.prediction(node, {"amount": number / 12}) is not None
        times.append(time.perf_counter() - begun)
    assert sorted(times)[5] < 0.033


def test_another_criterion_needs_another_sketch(opened: Session) -> None:
    node = add(opened, "prune.channels")
    opened.previews.watch(node)
    opened.settle()
    opened.edit("Change", edits.set_param(node, "criterion", "l1"))
    assert opened.previews.state(node).word is PreviewWord.WORKING
    opened.settle()
    assert opened.previews.state(node).word is PreviewWord.READY
    opened.edit("Change", edits.set_param(node, "criterion", "l2"))
    assert opened.previews.state(node).word is PreviewWord.READY, "sketches are remembered"


def test_behind_a_step_without_result_the_nearest_result_is_shown_and_named(opened: Session) -> None:
    add(opened, "prune.weights")
    node = add(opened, "prune.channels")
    opened.previews.watch(node)
    opened.settle()
    state = opened.previews.state(node)
    assert state.word is PreviewWord.READY
    assert "letters.onnx" in state.reason
    said = opened.previews.prediction(node)
    assert said is not None
    assert state.reason in said.note


def test_without_any_model_the_preview_waits_and_says_for_what(session: Session) -> None:
    session.edit("Add", edits.add_node("prune.weights", {}, session.runtime.steps))
    node = session.project.pipeline.nodes[0].id
    session.previews.watch(node)
    state = session.previews.state(node)
    assert state.word is PreviewWord.WAITING
    assert state.reason
    assert state.hint


def test_training_has_no_estimate(opened: Session) -> None:
    node = add(opened, "train.finetune")
    assert not opened.previews.state(node).estimates
    opened.previews.want_estimate(node)
    opened.settle()
    assert opened.previews.estimate(node) is None


def test_an_estimate_is_what_the_step_gives_on_a_few_samples(opened: Session) -> None:
    node = add(opened, "prune.weights", sparsity=0.5)
    before = artifacts(opened)
    opened.previews.want_estimate(node)
    opened.settle()
    found = opened.previews.estimate(node)
    assert found is not None
    assert found.samples >= 32
    assert found.agreement is not None
    assert found.agreement_low is not None
    assert found.agreement_low <= found.agreement
    assert found.top1 is not None
    assert not found.outdated
    assert artifacts(opened) == before, "an estimate is no result"
    opened.edit("Change", edits.set_param(node, "sparsity", 0.9))
    later = opened.previews.estimate(node)
    assert later is not None
    assert later.outdated


def test_a_change_further_up_makes_preview_and_estimate_those_of_an_earlier_result(opened: Session) -> None:
    first = add(opened, "prune.weights", sparsity=0.2)
    add(opened, "prune.weights", sparsity=0.3)
    node = add(opened, "prune.weights", sparsity=0.5)
    opened.run(measure=False)
    opened.settle()
    opened.previews.watch(node)
    opened.previews.want_estimate(node)
    opened.settle()
    found = opened.previews.estimate(node)
    assert found is not None
    assert not found.outdated
    assert "earlier" not in found.note + opened.previews.state(node).reason
    opened.edit("Change", edits.set_param(first, "sparsity", 0.6))
    opened.settle()
    found = opened.previews.estimate(node)
    assert found is not None
    assert found.outdated
    assert "earlier result" in found.note
    assert "earlier result" in opened.previews.state(node).reason
    opened.undo()
    opened.settle()
    found = opened.previews.estimate(node)
    assert found is not None
    assert not found.outdated
    assert "earlier" not in found.note + opened.previews.state(node).reason


def test_an_estimate_without_data_says_that_its_samples_are_made_up(opened: Session) -> None:
    node = add(opened, "prune.weights", sparsity=0.5)
    opened.edit("Remove the data", edits.set_data(DataRequest()))
    opened.settle()
    opened.previews.want_estimate(node)
    opened.settle()
    found = opened.previews.estimate(node)
    assert found is not None
    assert "random inputs" in found.note


def test_a_newer_wish_replaces_an_older_one(opened: Session) -> None:
    node = add(opened, "prune.channels")
    for amount in (0.1, 0.2, 0.5):
        opened.edit("Change", edits.set_param(node, "amount", amount))
        opened.previews.want_estimate(node)
    opened.settle()
    found = opened.previews.estimate(node)
    assert found is not None
    assert not found.outdated
    assert not opened.previews.estimating(node)


def test_a_step_that_refuses_says_why_it_cannot_be_tried(opened: Session) -> None:
    node = add(opened, "prune.weights", layers={"no_such_layer": 0.5})
    opened.previews.watch(node)
    opened.previews.want_estimate(node)
    opened.settle()
    failure = opened.previews.estimate_failure(node)
    assert failure is not None
    assert "no_such_layer" in failure.message
    said = opened.previews.prediction(node)
    assert said is not None
    assert "no_such_layer" in said.note
