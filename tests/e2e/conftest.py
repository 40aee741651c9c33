"""The command line as a user starts it: a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Done:
    """What a process printed and ended with."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Cli = Callable[..., Done]


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    """Start the command line and wait for its end."""

    def run(*words: object, cwd: Path | None = None, timeout: float = 240) -> Done:
        command = [sys.executable, "-m", "compress_studio", *(str(word) for word in words)]
        path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
        environment = {**os.environ, "PYTHONPATH": path, "PYTHONIOENCODING": "utf-8"}
        done = subprocess.run(
            command,
            capture_output=True,
            encoding="utf-8",
            cwd=cwd or tmp_path,
            env=environment,
            timeout=timeout,
            check=False,
        )
        return Done(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A small classifier: x float32 [N, 12] to five scores."""
    from compress_studio.graph.saving import save
    from tests.toys import networks

    path = tmp_path / "files" / "mlp.onnx"
    path.parent.mkdir()
    save(networks.mlp(), path)
    return path


@pytest.fixture
def samples(model: Path) -> Path:
    """Labelled samples for the classifier, the labels being what it says itself, some of them wrong."""
    import numpy as np
    import onnxruntime as ort

    rng = np.random.default_rng(0)
    x = rng.standard_normal((600, 12)).astype(np.float32)
    y = ort.InferenceSession(str(model)).run(None, {"x": x})[0].argmax(axis=1)
    y[::10] = (y[::10] + 1) % 5
    path = model.parent / "samples.npz"
    np.savez(path, x=x, y=y)
    return path
