"""Stopping work that goes on, and handing it over to the next run."""

from __future__ import annotations

import threading
import time

import pytest

from compress_studio.engine import worker as worker_module
from compress_studio.engine.events import NodeProgress, NodeStarted, RunEnded, RunEvent
from compress_studio.engine.runstate import Stage
from tests.unit.engine.conftest import PATIENCE, Bench, chain


class Waiter:
    """A sink that lets a test wait until something was told."""

    def __init__(self) -> None:
        self.events: list[RunEvent] = []
        self._news = threading.Condition()

    def __call__(self, event: RunEvent) -> None:
        with self._news:
            self.events.append(event)
            self._news.notify_all()

    def wait_for(self, kind: type[RunEvent], node: str = "") -> None:
        """Return when an event of that kind was told."""

        def told() -> bool:
            return any(isinstance(one, kind) and getattr(one, "node", "") == node for one in self.events)

        with self._news:
            assert self._news.wait_for(told, PATIENCE), kind


@pytest.mark.parametrize("listens", [True, False])
def test_a_cancelled_step_ends_soon_even_if_it_never_asks(
    bench: Bench, listens: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_module, "GRACE_SECONDS", 0.3)
    waiter = Waiter()
    project = chain(bench.source(), bench.node("w", "toy.slow", listens=listens), bench.node("a", "toy.add"))
    run = bench.runner.start(project, sink=waiter)
    waiter.wait_for(NodeProgress, "w")
    begun_at = time.monotonic()
    run.cancel()
    outcome = run.wait(PATIENCE)
    assert outcome is not None
    assert time.monotonic() - begun_at < 10
    assert outcome.state.cancelled
    assert not outcome.ok
    assert [one.state for one in outcome.state.nodes.values()] == [Stage.DONE, Stage.CANCELLED, Stage.CANCELLED]
    assert bench.run(chain(bench.source(), bench.node("d", "toy.double"))).ok


def test_closing_the_runner_stops_what_is_running(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_module, "GRACE_SECONDS", 0.3)
    waiter = Waiter()
    run = bench.runner.start(chain(bench.source(), bench.node("w", "toy.slow", listens=False)), sink=waiter)
    waiter.wait_for(NodeProgress, "w")
    bench.runner.close()
    outcome = run.wait(PATIENCE)
    assert outcome is not None
    assert outcome.state.cancelled


def test_superseding_keeps_work_that_is_still_wanted(bench: Bench) -> None:
    waiter = Waiter()
    slow = bench.node("w", "toy.slow", seconds=1.5)
    run = bench.runner.start(chain(bench.source(), slow, bench.node("a", "toy.add", amount=1)), sink=waiter)
    waiter.wait_for(NodeStarted, "w")
    after = run.supersede(chain(bench.source(), slow, bench.node("a", "toy.add", amount=2)))
    outcome = after.wait(PATIENCE)
    assert outcome is not None
    assert outcome.ok
    assert outcome.state.nodes["w"].cached
    assert bench.numbers(outcome, "a") == [3, 4, 5]
    assert bench.ran() == ["source", "slow", "slow-end", "add"]
    ended = [event.cancelled for event in waiter.events if isinstance(event, RunEnded)]
    assert ended == [True, False]


def test_stop_also_ends_what_is_still_being_finished_of_a_run_before(bench: Bench) -> None:
    waiter = Waiter()
    slow = bench.node("w", "toy.slow", seconds=600)
    run = bench.runner.start(chain(bench.source(), slow), sink=waiter)
    waiter.wait_for(NodeStarted, "w")
    after = run.supersede(chain(bench.source(), slow, bench.node("a", "toy.add", amount=2)))
    after.cancel()
    outcome = after.wait(PATIENCE)
    assert outcome is not None
    assert outcome.state.cancelled
    assert "slow-end" not in bench.ran()


def test_superseding_twice_stops_what_the_last_one_does_not_want(bench: Bench) -> None:
    waiter = Waiter()
    slow = bench.node("w", "toy.slow", seconds=600)
    run = bench.runner.start(chain(bench.source(), slow), sink=waiter)
    waiter.wait_for(NodeStarted, "w")
    second = run.supersede(chain(bench.source(), slow, bench.node("a", "toy.add", amount=2)))
    outcome = second.supersede(chain(bench.source(), bench.node("w", "toy.slow", seconds=0))).wait(PATIENCE)
    assert outcome is not None
    assert outcome.ok
    assert bench.ran() == ["source", "slow", "slow", "slow-end"]


def test_superseding_stops_work_that_is_not_wanted_any_more(bench: Bench) -> None:
    waiter = Waiter()
    run = bench.runner.start(chain(bench.source(), bench.node("w", "toy.slow", seconds=600)), sink=waiter)
    waiter.wait_for(NodeStarted, "w")
    outcome = run.supersede(chain(bench.source(), bench.node("w", "toy.slow", seconds=0))).wait(PATIENCE)
    assert outcome is not None
    assert outcome.ok
    assert bench.ran() == ["source", "slow", "slow", "slow-end"]


def test_a_run_without_the_cache_goes_on_where_it_was_when_it_is_superseded(bench: Bench) -> None:
    bench.again(use_cache=False)
    slow = bench.node("w", "toy.slow", seconds=0.3)
    waiter = Waiter()
    run = bench.runner.start(chain(bench.source(), slow, bench.node("a", "toy.add"), meters=("count",)), sink=waiter)
    waiter.wait_for(NodeStarted, "w")
    changed = chain(bench.source(), slow, bench.node("a", "toy.add", amount=2), meters=("count",))
    outcome = run.supersede(changed).wait(PATIENCE)
    assert outcome is not None
    assert outcome.ok
    assert bench.numbers(outcome, "a") == [3, 4, 5]
    assert bench.ran() == ["source", "count", "slow", "slow-end", "add", "count"]  # slow gives what it was given


def test_superseding_stops_work_that_the_new_targets_do_not_need(bench: Bench) -> None:
    waiter = Waiter()
    project = chain(bench.source(), bench.node("w", "toy.slow", seconds=600))
    run = bench.runner.start(project, sink=waiter)
    waiter.wait_for(NodeStarted, "w")
    outcome = run.supersede(project, ["s"]).wait(PATIENCE)
    assert outcome is not None
    assert outcome.ok
    assert "slow-end" not in bench.ran()
