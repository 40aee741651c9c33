"""Trained networks in the forms in which people keep them: opened, compressed, exported, and still right."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest
import torch

from tests.e2e.conftest import Cli
from tests.toys import torchforms
from tests.toys.torchforms import KINDS

BY_NAME = {kind.name: kind for kind in KINDS}


@pytest.fixture(autouse=True)
def _few_threads() -> None:  # pyright: ignore[reportUnusedFunction]
    torch.set_num_threads(1)


def answers(path: Path, x: np.ndarray) -> np.ndarray:
    session = ort.InferenceSession(str(path))
    return np.asarray(session.run(None, {session.get_inputs()[0].name: x})[0])


def accuracy(scores: np.ndarray, labels: np.ndarray) -> float:
    return float((scores.argmax(1) == labels).mean())


def test_weights_go_the_whole_path_and_out_again(cli: Cli, tmp_path: Path) -> None:
    kind = BY_NAME["cnn"]
    net = torchforms.trained(kind, steps=60)
    (saved,) = torchforms.saved_forms(kind, net, tmp_path / "forms", ["parallel"])
    data = torchforms.write_samples(kind, tmp_path / "samples.npz", 400)
    steps = [f"source.model:{saved.words}", "prune.channels", "train.distil:epochs=1", "quantize.static"]
    words = [part for step in steps for part in ("--step", step)]
    allowed = [part for one in saved.allow for part in ("--allow-code", str(one))]
    out = tmp_path / "out"
    done = cli("run", saved.path, *words, *allowed, "--data", data, "--out", out)
    assert done.code == 0, done.err
    x, labels = kind.samples(300, 7)
    with torch.no_grad():
        before = accuracy(net(torch.from_numpy(x)).numpy(), labels)
    assert before > 0.5
    assert accuracy(answers(out / "model.onnx", x), labels) > before - 0.15
    exported = cli("export", out / "project.cstudio", "--out", tmp_path / "small.pt2")
    assert exported.code == 0, exported.err
    with torchforms.quiet():
        again = torch.export.load(tmp_path / "small.pt2").module()(torch.from_numpy(x))
    assert accuracy(np.asarray(again[0] if isinstance(again, tuple) else again), labels) > before - 0.15


def test_a_traced_transformer_opens_as_the_network_that_it_was(cli: Cli, tmp_path: Path) -> None:
    kind = BY_NAME["transformer"]
    net = kind.make().eval()
    x, _ = kind.samples(5, 3)
    with torch.no_grad():
        expected = net(torch.from_numpy(x)).numpy()
    (saved,) = torchforms.saved_forms(kind, net, tmp_path / "forms", ["traced"])
    done = cli("run", saved.path, "--step", "graph.optimize", "--out", tmp_path / "out")
    assert done.code == 0, done.err
    got = answers(tmp_path / "out" / "model.onnx", x)
    np.testing.assert_allclose(got, expected, atol=1e-4 * float(np.abs(expected).max()))
