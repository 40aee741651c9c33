"""Exactly what would run, and whether the user trusts it. Nothing runs before the box is ticked."""

from __future__ import annotations

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QLabel, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from compress_studio.gui.theme.tokens import METRICS
from compress_studio.gui.weights.state import CodeLook, Need, WeightsState
from compress_studio.gui.widgets.basics import Pill
from compress_studio.gui.widgets.card import Card
from compress_studio.gui.widgets.hint import breakable, plain_tip

SHORT = 12
"""Letters of a digest that are shown."""
LISTED = 12
EXPLAINED = (
    "It would run in a process of its own, which reaches no network and no other program and writes only into its own"
    " folder where this system can hold it to that; it can read your files. Allowing is remembered for exactly this"
    " content: when it changes, you are asked again."
)
KNOWN = "You allowed exactly this content before. It runs in a process of its own."


class ConsentCard(Card):
    """What would run, and the tick that allows it."""

    trusted = Signal(bool)
    read_asked = Signal()
    """The code is to be shown."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("What will run", parent)
        self.setObjectName("weights:consent")
        self.pill = Pill("", "muted", self)
        self._head.addWidget(self.pill)
        self._rows = QVBoxLayout()
        self._rows.setSpacing(METRICS.gap // 2)
        self.body.addLayout(self._rows)
        self._labels: list[QLabel] = []
        self.explained = self._label("muted")
        self.explained.setProperty("role", "small")
        self.body.addWidget(self.explained)
        row = QHBoxLayout()
        self.tick = QCheckBox("I trust this code", self)
        self.tick.setObjectName("weights:trust")
        self.tick.setToolTip("Tick this only when you know where the code is from")
        self.tick.toggled.connect(self.trusted)
        self.read = QPushButton("Read the code", self)
        self.read.setObjectName("weights:read")
        self.read.setToolTip("Show the files that would run, without running them")
        self.read.setProperty("kind", "link")
        self.read.setAutoDefault(False)
        self.read.clicked.connect(self.read_asked)
        row.addWidget(self.tick)
        row.addStretch(1)
        row.addWidget(self.read)
        self.body.addLayout(row)

    def show_state(self, state: WeightsState) -> None:
        """Show what would run; nothing while that is not known."""
        code = state.code
        shown = code is not None and state.examined and code.ready and bool(code.needs)
        self.setVisible(shown)
        if not shown or code is None:
            return
        lacking = bool(code.lacking)
        self.set_title("This would run" if lacking else "This runs")
        self.pill.set_pill("not allowed yet" if lacking else "allowed", "warn" if lacking else "good")
        self._show_lines(lines(code))
        self.explained.setText(EXPLAINED if lacking else KNOWN)
        self.tick.setVisible(lacking)
        self.tick.setEnabled(not state.busy)
        self.read.setVisible(bool(code.files))
        with QSignalBlocker(self.tick):
            self.tick.setChecked(state.trusted)

    def _show_lines(self, texts: list[tuple[str, str]]) -> None:
        while len(self._labels) < len(texts):
            label = self._label("")
            self._labels.append(label)
            self._rows.addWidget(label)
        for place, label in enumerate(self._labels):
            text, tip = texts[place] if place < len(texts) else ("", "")
            label.setText(breakable(text))
            label.setToolTip(plain_tip(tip))
            label.setVisible(bool(text))

    def _label(self, tone: str) -> QLabel:
        label = QLabel(self)
        label.setTextFormat(Qt.TextFormat.PlainText)
        label.setProperty("tone", tone)
        label.setWordWrap(True)
        label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
        return label


def lines(code: CodeLook) -> list[tuple[str, str]]:
    """What would run, a line each, with the tooltip."""
    found = [_line(one, short=bool(code.imports)) for one in code.needs or ()]
    names = tuple(name for name, _text in code.files)
    if len(names) > 1:
        found.append((f"Files: {_listed(names)}", "\n".join(names)))
    if code.imports:
        found.append((f"Imported by the pickle: {_listed(code.imports)}", "\n".join(code.imports)))
    return found


def _line(need: Need, *, short: bool) -> tuple[str, str]:
    """short: what a pickle imports is listed elsewhere."""
    what = need.what.partition(", which imports")[0] if short else need.what
    what = f"The{what[3:]}" if what.startswith("the ") else what
    return f"{what} · digest\u00a0{need.digest[:SHORT]}", f"{what}\nDigest {need.digest}"


def _listed(names: tuple[str, ...]) -> str:
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return f"{', '.join(names[:LISTED])}{more}"
