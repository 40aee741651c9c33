"""Sessions on toys: steps that are slow, fail or crash on purpose."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication

from compress_studio.base.paths import cache_dir
from compress_studio.engine.cache import Store
from compress_studio.engine.settings import RunSettings
from compress_studio.gui.session import Session
from compress_studio.project import edits
from compress_studio.project.project import Project
from compress_studio.spec.runtime import load_runtime

TOYS = "tests.toys.steps:make_runtime"


@pytest.fixture
def toy_session(qapp: QApplication) -> Iterator[Session]:
    """A session with toy steps and an empty project."""
    made = Session(Store(cache_dir()), load_runtime(TOYS))
    made.use(RunSettings(runtime=TOYS, compute_threads=1))
    yield made
    made.close()


@pytest.fixture
def toy_project(tmp_path: Path, toy_session: Session) -> Project:
    """A source of three numbers."""
    path = tmp_path / "numbers.txt"
    path.write_text("1 2 3")
    return edits.add_node("source.model", {"path": str(path)}, toy_session.runtime.steps)(
        Project(title="Numbers", meters=())
    )
