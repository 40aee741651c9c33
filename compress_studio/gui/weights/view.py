"""The dialog of weights without what it does: tensors at the left, the network at the right, buttons below."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from compress_studio.gui import words
from compress_studio.gui.panels.side import height_of
from compress_studio.gui.theme.tokens import METRICS
from compress_studio.gui.weights.code_pane import CodePane
from compress_studio.gui.weights.comparing import ComparingPane
from compress_studio.gui.weights.consent_card import ConsentCard
from compress_studio.gui.weights.family_card import FamilyCard
from compress_studio.gui.weights.form import ArchitectureForm
from compress_studio.gui.weights.outcome_card import OutcomeCard
from compress_studio.gui.weights.state import WeightsState
from compress_studio.gui.weights.tensors import TensorsPane
from compress_studio.gui.widgets.basics import ElidedLabel, SectionTitle, set_look
from compress_studio.gui.widgets.segments import Segments

TENSORS, CODE, COMPARING = PAGES = ("tensors", "code", "comparing")
CHOOSE = "Choose the code that makes the network."
RIGHT = 430
"""Least width of the right side."""


class _Column(QWidget):
    """As high as its wrapped texts need at the width that there is, and not at the narrowest."""

    def __init__(self, area: QScrollArea) -> None:
        super().__init__(area)
        self._room = area

    def minimumSizeHint(self) -> QSize:
        wide = self._room.maximumViewportSize().width()
        narrow = wide - self._room.verticalScrollBar().sizeHint().width()
        high = height_of(self, wide)
        return QSize(1, high if high <= self._room.maximumViewportSize().height() else height_of(self, narrow))


class WeightsView(QWidget):
    """Shows a state, and tells what the user does."""

    try_asked = Signal()
    cancel_asked = Signal()
    open_asked = Signal()
    close_asked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("weights:view")
        outer = QVBoxLayout(self)
        outer.setContentsMargins(METRICS.pad, METRICS.pad, METRICS.pad, METRICS.pad)
        outer.setSpacing(METRICS.pad)
        columns = QHBoxLayout()
        columns.setSpacing(2 * METRICS.gap)
        columns.addWidget(self._build_left(), 11)
        columns.addWidget(self._build_right(), 10)
        outer.addLayout(columns, 1)
        outer.addLayout(self._build_buttons())

    def show_state(self, state: WeightsState) -> None:
        """Show everything."""
        self.name.setText(state.path.name)
        self.name.setToolTip(str(state.path))
        for part in (self.tensors, self.code, self.comparing, self.family, self.form, self.consent, self.outcome):
            part.show_state(state)
        self._show_pages(state)
        self._show_buttons(state)

    def show_page(self, page: str) -> None:
        """One of PAGES at the left."""
        self.pages.set_value(page)
        self._stack.setCurrentIndex(PAGES.index(page))

    def show_time(self, state: WeightsState, seconds: float) -> None:
        """How long it has been tried."""
        self.status.setText(f"{_running(state)} {words.seconds_text(seconds)}")

    def show_outcome(self) -> None:
        """Scroll to what came of it."""
        self._area.ensureWidgetVisible(self.outcome)

    def _build_left(self) -> QWidget:
        left = QWidget(self)
        layout = QVBoxLayout(left)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(METRICS.gap)
        row = QHBoxLayout()
        self.name = ElidedLabel(parent=left)
        self.name.setProperty("role", "heading")
        self.pages = Segments([(TENSORS, "Tensors"), (CODE, "Code"), (COMPARING, "What does not fit")], left)
        self.pages.setObjectName("weights:pages")
        self.pages.chosen.connect(self.show_page)
        row.addWidget(self.name, 1)
        row.addWidget(self.pages)
        layout.addLayout(row)
        self._stack = QStackedWidget(left)
        self.tensors, self.code = TensorsPane(self._stack), CodePane(self._stack)
        self.comparing = ComparingPane(self._stack)
        for part in (self.tensors, self.code, self.comparing):
            self._stack.addWidget(part)
        layout.addWidget(self._stack, 1)
        return left

    def _build_right(self) -> QWidget:
        self._area = QScrollArea(self)
        self._area.setObjectName("weights:right")
        self._area.setWidgetResizable(True)
        self._area.setFrameShape(QFrame.Shape.NoFrame)
        self._area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._area.setMinimumWidth(RIGHT)
        inside = _Column(self._area)
        layout = QVBoxLayout(inside)
        layout.setContentsMargins(0, 0, METRICS.gap, 0)
        layout.setSpacing(METRICS.pad)
        question = QLabel("Which network are these weights of?", inside)
        question.setProperty("role", "heading")
        question.setWordWrap(True)
        self.question = question
        self.family, self.form = FamilyCard(inside), ArchitectureForm(inside)
        self.consent, self.outcome = ConsentCard(inside), OutcomeCard(inside)
        self.result_title = SectionTitle("What trying gave", inside)
        parts = (question, self.family, self.form, self.consent, self.result_title, self.outcome)
        for part in parts:
            layout.addWidget(part)
        layout.addStretch(1)
        self.outcome.compare_asked.connect(self._compare)
        self.consent.read_asked.connect(self._read)
        self._area.setWidget(inside)
        return self._area

    def _build_buttons(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(METRICS.gap)
        self.status = ElidedLabel(mode=Qt.TextElideMode.ElideRight, parent=self)
        self.status.setObjectName("weights:status")
        row.addWidget(self.status, 1)
        self.cancel = self._button("Stop", "cancel", "Stop trying; the code is ended")
        self.close_button = self._button("Close", "close", "Close; nothing is opened")
        self.go = self._button("Try", "try", "Make the network in a process of its own and compare its weights")
        self.open_button = self._button("Open", "open", "Open the network with these weights")
        self.cancel.clicked.connect(self.cancel_asked)
        self.close_button.clicked.connect(self.close_asked)
        self.go.clicked.connect(self.try_asked)
        self.open_button.clicked.connect(self.open_asked)
        self.form.returned.connect(self.go.click)
        for button in (self.cancel, self.close_button, self.go, self.open_button):
            row.addWidget(button)
        return row

    def _button(self, text: str, name: str, tip: str) -> QPushButton:
        made = QPushButton(text, self)
        made.setObjectName(f"weights:{name}")
        made.setAccessibleName(text)
        made.setToolTip(tip)
        made.setAutoDefault(False)
        return made

    def _show_pages(self, state: WeightsState) -> None:
        rows = state.outcome.rows if state.outcome is not None else ()
        code = state.code is not None and state.examined and bool(state.code.files)
        there = {TENSORS: not state.only_code, CODE: code, COMPARING: bool(rows)}
        titles = {COMPARING: f"What does not fit {words.grouped_text(len(rows))}"}
        for page, shown in there.items():
            button = self.pages.findChild(QToolButton, f"segment:{page}")
            if isinstance(button, QToolButton):
                button.setVisible(shown)
                button.setText(titles.get(page, button.text()))
        self.pages.setVisible(sum(there.values()) > 1)
        if not there[self.pages.value]:
            self.show_page(CODE if state.only_code and code else TENSORS)
        pickled = state.look is not None and bool(state.look.pickled_class)
        text = "Open the network that was pickled" if pickled else "Which network are these weights of?"
        self.question.setText("Which function makes the network?" if state.only_code else text)
        self.result_title.setVisible(state.outcome is not None)

    def _show_buttons(self, state: WeightsState) -> None:
        self.cancel.setVisible(state.busy)
        self.close_button.setVisible(not state.busy)
        self.go.setText("Allow and try" if state.needs_consent else "Try again" if state.current else "Try")
        self.go.setAccessibleName(self.go.text())
        self.go.setEnabled(state.can_try)
        self.go.setVisible(not state.busy)
        self.open_button.setEnabled(state.can_open)
        first = self.open_button if state.can_open else self.go
        for button in (self.go, self.open_button):
            set_look(button, "kind", "primary" if button is first else "")
        text, tone = advice(state)
        self.status.setText(_running(state) if state.busy else text)
        set_look(self.status, "tone", tone)

    def _read(self) -> None:
        self.show_page(CODE)
        self.code.text.setFocus()

    def _compare(self) -> None:
        self.show_page(COMPARING)
        self.comparing.table.setFocus()


def advice(state: WeightsState) -> tuple[str, str]:
    """The next thing to do, and its tone."""
    if state.busy:
        return "", "muted"
    if state.can_open:
        return "It can be opened.", "good"
    if state.current and state.outcome is not None:
        misfits = bool(state.outcome.rows)
        return "Change the network until its weights fit." if misfits else "Change it, and try again.", "muted"
    if state.examined and state.code is not None and state.code.message:
        return "", "muted"
    if state.needs_consent and not state.trusted:
        return "Read what would run, and allow it if you trust it.", "muted"
    if state.can_try:
        return "Try it before it is opened.", "muted"
    if not state.choice.architecture and not (state.look is not None and state.look.pickled_class):
        known = state.installed and state.family is not None and state.family.architecture
        return "Use the network that it looks like, or choose code." if known else CHOOSE, "muted"
    return "", "muted"


def _running(state: WeightsState) -> str:
    function = state.choice.architecture.rpartition(":")[2] if ":" in state.choice.architecture else ""
    return f"Running {function}()…" if function.isidentifier() else "Unpickling…"
