"""Prepared answers instead of dialogs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from compress_studio.gui.dialogs.asking import Question, Report
from compress_studio.gui.dialogs.unsaved import DISCARD


class ScriptedAsking:
    """Answers from a list, in order; what is not prepared is called off, and changes are never saved unasked."""

    def __init__(self, *answers: object) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []
        """Titles of everything that was asked, in order."""
        self.questions: list[Question] = []
        self.reports: list[Report] = []

    def ask_open(self, title: str, filters: Sequence[str], folder: str = "") -> Path | None:
        return self._path(title)

    def ask_save(self, title: str, suggested: Path, filters: Sequence[str]) -> Path | None:
        return self._path(title)

    def ask_folder(self, title: str, folder: str = "") -> Path | None:
        return self._path(title)

    def confirm(self, title: str, text: str, yes: str = "OK", no: str = "Cancel") -> bool:
        return bool(self._next(title, False))

    def choose(self, question: Question) -> str | None:
        self.questions.append(question)
        values = [option.value for option in question.options]
        default = DISCARD if DISCARD in values else None
        answer = self._next(question.title, default)
        assert answer is None or answer in values, f"{answer!r} is none of {values}"
        return None if answer is None else str(answer)

    def report(self, report: Report) -> None:
        self.reports.append(report)

    def _path(self, title: str) -> Path | None:
        answer = self._next(title, None)
        return None if answer is None else Path(str(answer))

    def _next(self, title: str, default: object) -> object:
        self.asked.append(title)
        return self.answers.pop(0) if self.answers else default
