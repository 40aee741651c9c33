"""The reducer: pure, and right for every order in which events may come."""

from __future__ import annotations

import json
import math
import random

from hypothesis import given
from hypothesis import strategies as st

from compress_studio.base.errors import BadInput, Cancelled, Refused, UserError
from compress_studio.engine import events as ev
from compress_studio.engine.records import Cause, Failure
from compress_studio.engine.runstate import ENDED, RunState, Stage
from compress_studio.spec.meter import Reading

NODES = ("a", "b", "c")
WORDS = st.text(max_size=8)
NUMBERS = st.floats(-1e6, 1e6)
SHARES = st.floats(0, 1)
JSON = st.dictionaries(WORDS, st.none() | st.booleans() | st.integers() | WORDS | st.lists(st.integers()), max_size=3)
FAILURES = st.builds(Failure, st.sampled_from(list(Cause)), WORDS, WORDS, WORDS)
READINGS = st.builds(
    Reading, WORDS, NUMBERS, WORDS, st.none() | NUMBERS, st.none() | NUMBERS, st.integers(0, 99), detail=JSON
)
NODE = st.sampled_from(NODES)
PROGRESS = st.builds(
    ev.NodeProgress, NODE, SHARES, WORDS, st.none() | NUMBERS, st.sampled_from(["", "size", "latency"])
)
POINTS = st.builds(ev.SeriesPoint, NODE, st.sampled_from(["loss", "accuracy"]), NUMBERS, NUMBERS)
ENDS = st.one_of(
    st.builds(ev.NodeDone, NODE, WORDS, WORDS, WORDS, JSON, NUMBERS),
    st.builds(ev.NodeCached, NODE, WORDS, WORDS, WORDS, JSON, NUMBERS),
    st.builds(ev.NodeFailed, NODE, FAILURES),
    st.builds(ev.NodeSkipped, NODE, st.sampled_from(["off", "blocked", "cancelled"]), WORDS, WORDS, WORDS),
)
MEASURED = st.one_of(
    st.builds(
        ev.MeasurementTaken, NODE, st.sampled_from(["size", "latency"]), WORDS, st.lists(READINGS).map(tuple), JSON
    ),
    st.builds(ev.MeasurementFailed, NODE, st.sampled_from(["size", "latency"]), FAILURES),
)
OF_NODES = st.one_of(
    st.builds(ev.NodeQueued, NODE, st.none() | NUMBERS),
    st.builds(ev.NodeStarted, NODE, WORDS, st.none() | NUMBERS),
    PROGRESS,
    POINTS,
    ENDS,
    MEASURED,
    st.builds(ev.Note, WORDS, NODE),
)
OF_RUNS = st.one_of(
    st.builds(ev.RunStarted, WORDS, st.lists(WORDS).map(tuple)),
    st.builds(ev.QuietBegan, st.none() | NUMBERS),
    st.just(ev.QuietEnded()),
    st.builds(ev.Note, WORDS),
    st.builds(ev.RunEnded, WORDS, st.booleans(), NUMBERS, st.booleans(), st.none() | FAILURES),
)
START = RunState().apply(ev.RunStarted("r", NODES))


def after(events: list[ev.RunEvent], state: RunState = START) -> RunState:
    for event in events:
        state = state.apply(event)
    return state


@given(OF_NODES | OF_RUNS)
def test_every_event_is_the_same_after_json(event: ev.RunEvent) -> None:
    assert ev.event_from_json(json.loads(json.dumps(event.to_json()))) == event


def test_every_kind_of_event_is_known_by_name() -> None:
    assert set(ev.KINDS) == {one.__name__ for one in ev.EVENTS}
    assert ev.RunStarted("r", ()).kind == "RunStarted"


def test_a_reading_that_is_no_number_survives_json() -> None:
    event = ev.MeasurementTaken("a", "size", "d", (Reading("x", math.nan, "", -math.inf, None),))
    (back,) = ev.event_from_json(json.loads(json.dumps(event.to_json(), allow_nan=False))).readings  # type: ignore[attr-defined]
    assert math.isnan(back.value)
    assert back.low is None


@given(st.lists(OF_NODES, max_size=30))
def test_progress_never_falls(events: list[ev.RunEvent]) -> None:
    state = START
    for event in events:
        before, state = state, state.apply(event)
        for node in NODES:
            assert state.nodes[node].progress >= before.nodes[node].progress
            assert 0 <= state.nodes[node].progress <= 1
        assert 0 <= state.progress <= 1


@given(st.lists(OF_NODES, max_size=30), st.booleans())
def test_every_node_has_ended_when_the_run_has(events: list[ev.RunEvent], cancelled: bool) -> None:
    state = after([*events, ev.RunEnded("r", ok=not cancelled, seconds=1.0, cancelled=cancelled)])
    assert state.ended
    assert not state.quiet
    for one in state.nodes.values():
        assert one.state in ENDED
        assert not one.measuring


@given(st.lists(OF_NODES, max_size=30), st.randoms(use_true_random=False))
def test_the_order_of_events_of_different_nodes_does_not_matter(
    events: list[ev.RunEvent], chance: random.Random
) -> None:
    lines = {node: [one for one in events if getattr(one, "node", "") == node] for node in NODES}
    mixed: list[ev.RunEvent] = []
    while left := [node for node in NODES if lines[node]]:
        mixed.append(lines[chance.choice(left)].pop(0))
    assert after(events) == after(mixed)


@given(st.lists(OF_NODES, max_size=20))
def test_the_reducer_changes_nothing_in_place(events: list[ev.RunEvent]) -> None:
    before = repr(START)
    after(events)
    assert repr(START) == before


@given(st.lists(OF_NODES | OF_RUNS, max_size=20))
def test_a_new_run_forgets_the_one_before(events: list[ev.RunEvent]) -> None:
    assert after([*events, ev.RunStarted("r", NODES)]) == START


def test_an_ended_node_is_not_started_again_by_a_late_message() -> None:
    state = after([ev.NodeFailed("a", Failure(Cause.BUG, "oh")), ev.NodeProgress("a", 0.5), ev.NodeStarted("a", "k")])
    assert state.nodes["a"].state is Stage.FAILED
    assert state.nodes["a"].progress == 0


def test_the_time_left_is_unknown_while_one_node_does_not_know() -> None:
    state = after([ev.NodeQueued("a", 3.0), ev.NodeStarted("b", "k", 2.0)])
    assert state.remaining == 5.0
    assert after([ev.NodeQueued("c")], state).remaining is None


def test_failures_come_from_and_become_exceptions() -> None:
    for error, cause, code in (
        (BadInput("m", "h"), Cause.BAD_INPUT, 2),
        (Refused("m", "h"), Cause.REFUSED, 1),
        (UserError("m", "h"), Cause.USER, 1),
        (Cancelled(), Cause.CANCELLED, 1),
        (MemoryError("no room"), Cause.MEMORY, 1),
        (RuntimeError("std::bad_alloc"), Cause.MEMORY, 1),
        (OSError(28, "No space left on device", "/x"), Cause.USER, 1),
        (KeyError("x"), Cause.BUG, 1),
    ):
        failure = Failure.of(error, "report")
        assert failure.cause is cause
        assert failure.exit_code == code
        assert Failure.from_json(dict(failure.to_json())) == failure
        if cause not in {Cause.BUG, Cause.MEMORY} and not isinstance(error, OSError):
            assert type(failure.error()) is type(error)
            assert str(failure.error()) == str(error)
    assert isinstance(Failure.of(MemoryError()).error(), UserError)
    assert isinstance(Failure.of(KeyError("x")).error(), RuntimeError)
