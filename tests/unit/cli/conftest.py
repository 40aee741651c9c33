"""The command line on toy steps, in this process."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from compress_studio.__main__ import main
from compress_studio.cli import execution
from tests.toys import steps as toys


@dataclass(frozen=True)
class Said:
    """What one command printed and ended with."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Cli = Callable[..., Said]


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Cli:
    """Run one command of the command line in this process."""

    def run(*words: object) -> Said:
        code = main([str(word) for word in words])
        captured = capsys.readouterr()
        return Said(code, captured.out, captured.err)

    return run


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A toy model."""
    path = tmp_path / "in" / "numbers.txt"
    path.parent.mkdir()
    path.write_text("1 2 3")
    return path


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Let the command line use toy steps and meters; gives the journal of what really ran."""
    journal = tmp_path / "journal.txt"
    monkeypatch.setenv(toys.JOURNAL, str(journal))
    monkeypatch.setattr(execution, "RUNTIME", toys.RUNTIME)
    return journal
