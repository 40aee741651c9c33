"""The pictures of this checkout, rendered once per scale."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from tests.conftest import ROOT

SECONDS = 240


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-screens", action="store_true", help="take the pictures of now for the expected ones")


@pytest.fixture(scope="session")
def updating(request: pytest.FixtureRequest) -> bool:
    """Whether the pictures of now are to be the expected ones."""
    return bool(request.config.getoption("--update-screens", default=False))


@pytest.fixture(scope="session")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], Path]:
    """The folder with the pictures of a scale."""

    @cache
    def render(scale: int) -> Path:
        folder = tmp_path_factory.mktemp(f"screens-{scale}x")
        home = tmp_path_factory.mktemp("home")
        done = subprocess.run(
            [sys.executable, "-m", "tests.screens.shoot", str(scale), str(folder)],
            cwd=ROOT,
            env={**os.environ, "COMPRESS_STUDIO_HOME": str(home)},
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-4000:]
        return folder

    return render
