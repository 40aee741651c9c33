"""When the dialog of weights is offered beside a failure."""

from __future__ import annotations

from compress_studio.engine.records import Cause
from compress_studio.gui.weights.offer import CHOOSE, REVIEW, offer_for
from compress_studio.project.pipeline import Node


def source(path: str, architecture: str = "") -> Node:
    return Node("source1", "source.model", {"path": path, "architecture": architecture})


def test_code_that_waits_to_be_allowed_is_reviewed() -> None:
    assert offer_for(source("net.py"), Cause.CONSENT) is REVIEW
    assert offer_for(Node("a", "graph.fp16", {}), Cause.CONSENT) is None


def test_weights_without_a_network_that_fits_ask_for_it() -> None:
    assert offer_for(source("w.PTH"), Cause.BAD_INPUT) is CHOOSE
    assert offer_for(source("w.download", "net.py:make"), Cause.USER) is CHOOSE
    assert offer_for(source("net.onnx"), Cause.BAD_INPUT) is None
    assert offer_for(source("w.pth"), Cause.MEMORY) is None


def test_hints_of_the_command_line_are_said_in_the_words_of_the_window() -> None:
    assert "compress-studio" not in CHOOSE.hint_for("Run compress-studio run w.pth --step source.model:…")
    assert "--allow-code" not in REVIEW.hint_for("If you trust it, add --allow-code net.py")
    assert CHOOSE.hint_for("Rename it.") == "Rename it."
