"""What trying the code gave: everything fits, or what does not, or the error of the code."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QLabel, QPushButton, QWidget

from compress_studio.gui import words
from compress_studio.gui.panels.notices import Notice, Notices
from compress_studio.gui.weights.state import Kind, Outcome, WeightsState
from compress_studio.gui.widgets.basics import Pill, set_look
from compress_studio.gui.widgets.card import Card

NOTES = 8
NO_ERROR = "The code could not be tried."


class OutcomeCard(Card):
    """The result of the last trial."""

    compare_asked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("", parent)
        self.setObjectName("weights:outcome")
        self.pill = Pill("", "muted", self)
        self.body.addWidget(self.pill, 0, Qt.AlignmentFlag.AlignLeft)
        self.headline = QLabel(self)
        self.headline.setObjectName("weights:headline")
        self.headline.setTextFormat(Qt.TextFormat.PlainText)
        self.headline.setProperty("role", "title")
        self.headline.setWordWrap(True)
        self.body.addWidget(self.headline)
        self.notices = Notices(self, most=NOTES)
        self.body.addWidget(self.notices)
        self.compare = QPushButton("Show what does not fit", self)
        self.compare.setObjectName("weights:compare")
        self.compare.setToolTip("Show the weights of the network and of the file side by side")
        self.compare.setProperty("kind", "link")
        self.compare.setAutoDefault(False)
        self.compare.clicked.connect(self.compare_asked)
        self.body.addWidget(self.compare, 0, Qt.AlignmentFlag.AlignLeft)

    def show_state(self, state: WeightsState) -> None:
        """Show the outcome; nothing before a trial."""
        outcome = state.outcome
        self.setVisible(outcome is not None)
        if outcome is None:
            return
        if not state.current:
            self.pill.set_pill("changed since", "muted")
        elif outcome.ok:
            self.pill.set_pill("fits", "good")
        else:
            self.pill.set_pill("does not fit" if outcome.rows else "failed", "bad")
        text, tone = headline(outcome)
        self.headline.setText(text)
        set_look(self.headline, "tone", tone if state.current else "muted")
        self.notices.show_notices(outcome_notices(outcome))
        self.compare.setVisible(bool(outcome.rows))


def headline(outcome: Outcome) -> tuple[str, str]:
    """The result in one line, and its tone."""
    fits = words.grouped_text(outcome.fits)
    wrong = outcome.count(Kind.MISSING) + outcome.count(Kind.DIFFERENT)
    if wrong:
        of = words.grouped_text(outcome.fits + wrong)
        return f"{fits} of {of} weights of the network fit", "bad"
    if outcome.message and not outcome.ok:
        return outcome.message, "bad"
    if outcome.ok:
        if not outcome.fits:
            return "The network was made and runs", "good"
        return f"All {fits} weights fit" if outcome.fits > 1 else "The one weight fits", "good"
    return NO_ERROR, "bad"


def outcome_notices(outcome: Outcome) -> list[Notice]:
    """What else there is to say."""
    found: list[Notice] = []
    counts = [
        (outcome.count(Kind.MISSING), "missing in the file"),
        (outcome.count(Kind.DIFFERENT), "of another shape"),
        (outcome.count(Kind.UNEXPECTED), "only in the file"),
    ]
    listed = ", ".join(f"{words.grouped_text(count)} {text}" for count, text in counts if count)
    if listed:
        found.append(Notice("muted", f"{listed}."))
    if outcome.message and outcome.message != headline(outcome)[0]:
        found.append(Notice("bad", outcome.message, outcome.hint))
    elif outcome.hint:
        found.append(Notice("muted", outcome.hint))
    if outcome.inputs:
        inputs = ", ".join(f"{name} {shape}".strip() for name, shape in outcome.inputs)
        found.append(Notice("muted", f"{'Runs with' if outcome.ok else 'Its inputs:'} {inputs}."))
    renamed = f"{outcome.renamed}." if outcome.renamed else ""
    told = [text for text in outcome.notes if text.casefold() != renamed.casefold()]
    found += [Notice("muted", text) for text in (renamed, *told) if text]
    return found
