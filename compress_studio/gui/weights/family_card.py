"""The known network that the weights look like, with a button that takes it, or the command that installs it."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QSizePolicy, QWidget

from compress_studio.artifacts.families import CONFIG
from compress_studio.gui.theme.tokens import METRICS
from compress_studio.gui.weights.code_box import CodeBox
from compress_studio.gui.weights.state import WeightsState
from compress_studio.gui.widgets.basics import ElidedLabel, Pill
from compress_studio.gui.widgets.card import Card


class FamilyCard(Card):
    """A guess from names and shapes."""

    taken = Signal()
    check_asked = Signal()
    """Look again whether the package is there."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("", parent)
        self.setObjectName("weights:family")
        row = QHBoxLayout()
        row.setSpacing(METRICS.gap)
        self.title = ElidedLabel(mode=Qt.TextElideMode.ElideRight, parent=self)
        self.title.setProperty("role", "title")
        self.pill = Pill("", "good", self)
        self.take = QPushButton("Use it", self)
        self.take.setObjectName("weights:take_family")
        self.take.setToolTip("Fill in the function, its arguments and the shape of the input")
        self.take.setProperty("kind", "small")
        self.take.setAutoDefault(False)
        self.take.clicked.connect(self.taken)
        row.addWidget(self.title, 1)
        row.addWidget(self.pill)
        row.addWidget(self.take)
        self.body.addLayout(row)
        self._text = QLabel(self)
        self._text.setProperty("tone", "muted")
        self._text.setWordWrap(True)
        self._text.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
        self.body.addWidget(self._text)
        self.install = CodeBox("weights:install", "Copy the command", self)
        self.check = QPushButton("Check again", self)
        self.check.setObjectName("weights:check_package")
        self.check.setToolTip("Look again whether the package is installed")
        self.check.setProperty("kind", "small")
        self.check.setAutoDefault(False)
        self.check.clicked.connect(self.check_asked)
        line = QHBoxLayout()
        line.setSpacing(METRICS.gap)
        line.addWidget(self.install, 1)
        line.addWidget(self.check)
        self.body.addLayout(line)

    def show_state(self, state: WeightsState) -> None:
        """Show the guess; nothing where there is none."""
        family = state.family
        self.setVisible(family is not None)
        if family is None:
            return
        self.title.setText(f"Looks like {family.title}")
        known = bool(family.architecture)
        taken = known and state.choice.architecture == family.architecture
        self.pill.set_pill("in use" if taken else "", "good")
        self.take.setVisible(known and state.installed and not taken)
        self.take.setEnabled(not state.busy)
        for part in (self.install, self.check):
            part.setVisible(not state.installed)
        self.install.set_text(family.install)
        text = "" if known else CONFIG
        if not state.installed:
            text = f"{text} Its package is not installed here. Install it:".strip()
        self._text.setText(text)
        self._text.setVisible(bool(text))
