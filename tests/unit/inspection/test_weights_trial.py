"""Code is tried on a file of weights in a process of its own, only after consent, and says what does not fit."""

from __future__ import annotations

import shutil
import threading
import time
import zipfile
from pathlib import Path

import pytest
import torch

from compress_studio.artifacts.codefiles import allowed_by
from compress_studio.base.errors import Cancelled
from compress_studio.engine import consents
from compress_studio.engine.channel import Channel, speaking
from compress_studio.inspection.weights_trial import try_architecture, what_would_run
from tests.toys import torchnets


@pytest.fixture
def code(tmp_path: Path) -> Path:
    return Path(shutil.copy(torchnets.__file__, tmp_path / "nets.py"))


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    path = tmp_path / "w.pth"
    torch.save({"state_dict": torchnets.Plain().state_dict()}, path)
    return path


def allow(path: Path) -> None:
    consents.give(*allowed_by(str(path)))


def test_without_consent_nothing_runs_and_what_is_needed_is_told(weights: Path, tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    code = tmp_path / "net.py"
    code.write_text(f"open({str(marker)!r}, 'w').close()\ndef make(): ...\n")
    told = try_architecture(str(weights), f"{code}:make")
    assert not told["ok"]
    assert [one["allowed"] for one in told["needs"]] == [False]
    assert "make() in net.py" in told["needs"][0]["what"]
    assert not marker.exists()
    assert what_would_run(str(weights), f"{code}:make")["needs"] == told["needs"]


def test_weights_that_fit_are_counted_and_the_inputs_named(weights: Path, code: Path) -> None:
    allow(code)
    told = try_architecture(str(weights), f"{code}:Plain", dims="x=Nx1x8x8")
    assert told["ok"], told
    assert told["fits"] == len(torchnets.Plain().state_dict())
    assert told["inputs"] == [{"name": "x", "shape": "Nx1x8x8"}]
    assert told["error"] is None
    assert what_would_run(str(weights), f"{code}:Plain")["allowed"]


def test_what_does_not_fit_stands_side_by_side(weights: Path, code: Path) -> None:
    allow(code)
    told = try_architecture(str(weights), f"{code}:Plain", "classes=7", dims="x=Nx1x8x8")
    assert not told["ok"]
    assert {"name": "head.weight", "network": "7×144", "file": "5×144", "kind": "different"} in told["rows"]
    other = try_architecture(str(weights), f"{code}:Depthwise")
    assert {row["kind"] for row in other["rows"]} == {"different", "missing", "unexpected"}


def test_unknown_shapes_are_asked_for_with_the_names_of_the_inputs(weights: Path, code: Path) -> None:
    allow(code)
    told = try_architecture(str(weights), f"{code}:Plain")
    assert not told["ok"]
    assert told["inputs"] == [{"name": "x", "shape": ""}]
    assert "whose shape nothing tells" in told["error"]["message"]
    wrong = try_architecture(str(weights), f"{code}:Plain", dims="x=Nx3x8x8")
    assert "does not run for x N × 3 × 8 × 8" in wrong["error"]["message"]


def test_code_that_fails_says_where(weights: Path, code: Path) -> None:
    allow(code)
    told = try_architecture(str(weights), f"{code}:broken")
    assert "no such thing (nets.py, line" in told["error"]["message"]


def test_weights_in_an_archive_are_tried_like_the_file(weights: Path, code: Path, tmp_path: Path) -> None:
    allow(code)
    path = tmp_path / "all.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.write(weights, "deep/w.pth")
    assert try_architecture(str(path), f"{code}:Plain", dims="x=Nx1x8x8")["ok"]


def test_a_pickled_network_runs_only_after_the_pickle_was_allowed(tmp_path: Path) -> None:
    path = tmp_path / "whole.pt"
    torch.save(torchnets.Plain(), path)
    asked = what_would_run(str(path))
    assert [Path(one["word"]).name for one in asked["needs"]] == ["whole.pt"]
    assert any("Plain" in name for name in asked["imports"])
    assert try_architecture(str(path), "", dims="x=Nx1x8x8")["needs"]


def test_code_that_never_ends_is_stopped(weights: Path, tmp_path: Path) -> None:
    code = tmp_path / "net.py"
    code.write_text("import time\ndef make():\n    time.sleep(600)\n")
    allow(code)
    stop = threading.Event()
    threading.Timer(2.0, stop.set).start()
    begun = time.monotonic()
    with speaking(Channel(stop=stop)), pytest.raises(Cancelled):
        try_architecture(str(weights), f"{code}:make")
    assert time.monotonic() - begun < 60
