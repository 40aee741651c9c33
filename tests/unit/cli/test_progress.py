"""Progress: one live line on a terminal, plain lines elsewhere."""

from __future__ import annotations

import io

import pytest

from compress_studio.cli import progress as module
from compress_studio.cli.progress import Progress, clock
from compress_studio.engine.events import (
    MeasurementFailed,
    NodeCached,
    NodeDone,
    NodeFailed,
    NodeProgress,
    NodeQueued,
    NodeSkipped,
    NodeStarted,
    QuietBegan,
    RunEnded,
    RunEvent,
    RunStarted,
)
from compress_studio.engine.records import Cause, Failure

FAILURE = Failure(Cause.USER, "Too small.")
EVENTS: tuple[RunEvent, ...] = (
    RunStarted("1", ("s", "p", "q")),
    NodeQueued("p"),
    NodeCached("s", "k", "d", "path"),
    NodeStarted("p", "k", expected=75.0),
    NodeProgress("p", 0.5, "epoch 2", remaining=30.0),
    NodeDone("p", "k", "d", "path", seconds=61.0),
    NodeFailed("q", FAILURE),
    NodeSkipped("r", "blocked", "waits for Quantize"),
    MeasurementFailed("p", "latency", FAILURE),
    QuietBegan(12.0),
    RunEnded("1", ok=False, seconds=70.0),
)


def shown(live: bool) -> str:
    stream = io.StringIO()
    progress = Progress({"p": "Prune"}, stream, live)
    for event in EVENTS:
        progress(event)
    progress.close()
    return stream.getvalue()


def test_elsewhere_every_event_that_matters_is_a_line() -> None:
    assert shown(live=False).splitlines() == [
        "s: from the cache",
        "p (Prune) …, about 1 min 15 s",
        "p (Prune): done in 1 min 01 s",
        "q: failed",
        "r: waits for Quantize",
        "p (Prune): latency not measured: Too small.",
        "timing, about 12 s; other work on this machine disturbs it",
    ]


def test_on_a_terminal_one_line_is_drawn_again_with_the_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REDRAW_SECONDS", 0.0)
    text = shown(live=True)
    assert "p (Prune): epoch 2, 30 s left" in text
    assert "timing, 12 s left" in text
    assert "█" in text
    assert all(len(piece) < 200 for piece in text.split("\r"))
    assert text.split("\r")[-1] == ""


def test_long_nodes_are_mentioned_again_where_there_is_no_live_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REPEAT_SECONDS", 0.0)
    assert "p (Prune): 50 %, 30 s left" in shown(live=False)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.04, "0.0 s"), (9.94, "9.9 s"), (12.4, "12 s"), (185, "3 min 05 s"), (7800, "2 h 10 min")],
)
def test_durations_are_for_people(seconds: float, text: str) -> None:
    assert clock(seconds) == text


def test_a_terminal_that_cannot_write_over_a_line_gets_plain_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    for kind, live in (("dumb", False), ("xterm", True)):
        monkeypatch.setenv("TERM", kind)
        stream = Terminal()
        Progress({}, stream)(NodeStarted("p", "k"))
        assert stream.getvalue().startswith("p …") is not live


def test_on_a_narrow_terminal_the_bar_leaves_room_for_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REDRAW_SECONDS", 0.0)
    monkeypatch.setenv("COLUMNS", "40")
    text = shown(live=True)
    assert "p (Prune): epoch 2" in text
    assert all(len(piece) < 40 for piece in text.split("\r") if "█" in piece)
