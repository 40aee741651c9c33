"""Files of weights and code, and the dialog on them."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from compress_studio.gui.weights.dialog import WeightsDialog
from tests.toys import torchnets


@pytest.fixture
def code(tmp_path: Path) -> Path:
    """A file with several networks."""
    return Path(shutil.copy(torchnets.__file__, tmp_path / "net.py"))


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """A checkpoint with two sets of weights."""
    path = tmp_path / "weights.pt"
    model = torchnets.Plain().state_dict()
    torch.save({"model": model, "ema": {**model, "extra": torch.full((3,), float("nan"))}}, path)
    return path


@pytest.fixture
def opened(window, session, qtbot) -> Callable[..., WeightsDialog]:
    """Open the dialog on a file, and wait until what it asks is answered."""

    def open_dialog(path: Path, **values: str) -> WeightsDialog:
        made = WeightsDialog(window.commands, path, values, window)
        qtbot.addWidget(made)
        made.open()
        session.settle()
        return made

    return open_dialog
