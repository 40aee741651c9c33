"""The data card: what results are proved with, how samples are prepared, and what must be said about them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QPushButton, QWidget

from compress_studio.gui.data_look import DataLook
from compress_studio.gui.opening import remove_data
from compress_studio.gui.panels.notices import BusyLine, Notice, Notices
from compress_studio.gui.panels.sample_strip import SampleStrip
from compress_studio.gui.widgets.basics import IconButton
from compress_studio.gui.widgets.card import Card, FactRows
from compress_studio.gui.words import grouped_text

if TYPE_CHECKING:
    from compress_studio.gui.commands import Commands
    from compress_studio.gui.session import Session

TASKS = {"classify": "classification", "binary": "two classes", "regress": "regression", "none": "no labels used"}
ORDINARY_TYPE = "type float32"
DROP_HERE = "Drop a folder, .npz or .csv anywhere."


@dataclass(frozen=True, slots=True)
class DataState:
    """What the card shows."""

    title: str = "No data"
    tip: str = ""
    rows: tuple[tuple[str, str, str], ...] = ()
    details: str = ""
    """For the tooltip: classes, the split, the preparation in full."""
    notices: tuple[Notice, ...] = ()
    busy: str = ""
    samples: Mapping[str, Any] = field(default_factory=dict[str, Any])
    has_data: bool = False
    can_tune: bool = False
    """Options can be tried: there is a model to join the data to."""


def prepared_text(text: str) -> str:
    """The preparation of one input for a narrow column: "×1/255 −0.286 ÷0.353"."""
    parts = [one for one in text.split(", ") if one != ORDINARY_TYPE]
    parts = [one for one in parts if not one.startswith("as ")] or parts
    return " ".join(_close(one.replace("type ", "as ")) for one in parts) or "as it is"


def data_rows(facts: Mapping[str, Any]) -> tuple[tuple[str, str, str], ...]:
    """What a data set says about itself (DataSource.describe) as rows for people."""
    task = str(facts.get("task", "none"))
    classes = len(facts.get("classes") or ())
    word = TASKS.get(task, task)
    rows = [("task", f"{word} · {classes}" if classes and task == "classify" else word, "")]
    parts: Mapping[str, int] = facts.get("parts") or {}
    if parts:
        sizes = " / ".join(grouped_text(parts.get(name, 0)) for name in ("calibrate", "tune", "test"))
        rows.append(("samples", sizes, ""))
    prepared: Mapping[str, str] = facts.get("preprocessing") or {}
    for name, text in list(prepared.items())[:2]:
        rows.append(("prepared" if len(prepared) == 1 else name, prepared_text(text), ""))
    return tuple(rows)


def details_text(facts: Mapping[str, Any]) -> str:
    """Everything for the tooltip, one fact per line."""
    lines = ["Samples: to calibrate / to train / to test"] if facts.get("parts") else []
    classes = [str(one) for one in facts.get("classes") or ()]
    if classes:
        more = f" and {len(classes) - 20} more" if len(classes) > 20 else ""
        lines.append(f"Classes: {', '.join(classes[:20])}{more}")
    if facts.get("split"):
        lines.append(f"Parts: {facts['split']}")
    lines += [f"Prepared for {name}: {text}" for name, text in (facts.get("preprocessing") or {}).items()]
    return "\n".join(lines)


def data_state(session: Session, look: DataLook) -> DataState:
    """What the card shows of the session."""
    request, facts = session.project.data, session.data_facts
    path = Path(request.path)
    if not request.path:
        notices = (Notice("warn", "Synthetic inputs: results will say so.", DROP_HERE),)
        return DataState(notices=notices, tip="Random inputs are used, so only fidelity to the original is measured.")
    notices = tuple(Notice("warn", str(one["message"])) for one in facts.get("notes") or ())
    if look.failure is not None:
        notices = (Notice("bad", look.failure.message, look.failure.hint),)
    elif look.waiting:
        word = "Looked at as soon as the model is open." if len(session.project.pipeline) else "Waiting for a model."
        notices = (Notice("muted", word),)
    return DataState(
        title=path.name if path.name != "data.toml" else str(facts.get("name") or path.name),
        tip=str(path),
        rows=data_rows(facts) if facts and not facts.get("synthetic") else (),
        details=details_text(facts),
        notices=notices,
        busy="Looking at the data…" if look.busy else "",
        samples=look.samples if look.failure is None else {},
        has_data=True,
        can_tune=not look.waiting,
    )


class DataCard(Card):
    """The data set of the project."""

    def __init__(self, commands: Commands, look: DataLook, parent: QWidget | None = None) -> None:
        super().__init__("", parent)
        self.setObjectName("data_card")
        self.setAccessibleName("Data")
        self._commands = commands
        self._session = commands.session
        self._look = look
        self._shown: DataState | None = None
        self._build()
        for signal in (self._session.project_changed, self._session.views_changed, look.changed):
            signal.connect(self.refresh)
        self.refresh()

    def refresh(self, *_: object) -> None:
        """Show what the session knows now."""
        self.show_state(data_state(self._session, self._look))

    def show_state(self, state: DataState) -> None:
        """Show this and nothing else."""
        if state == self._shown:
            return
        self._shown = state
        self.set_title(state.title, state.tip)
        self._rows.show_rows(state.rows)
        self._rows.setVisible(bool(state.rows))
        self._rows.setToolTip(state.details)
        self._busy.show_busy(state.busy, 0.0)
        self._strip.show_samples(state.samples)
        self._notices.show_notices(state.notices)
        self._remove.setVisible(state.has_data)
        self._options.setVisible(state.has_data)
        self._options.setEnabled(state.can_tune)
        self._choose.setVisible(state.has_data)
        self._first.setVisible(not state.has_data)

    def _build(self) -> None:
        self._choose = self._button("open", "Choose other data", "data_card.choose")
        self._options = self._button("settings", "How the data are read…", "data_card.options")
        self._remove = self._button("close", "Remove the data: work on synthetic inputs", "data_card.remove")
        self._choose.clicked.connect(self._ask_data)
        self._options.clicked.connect(self._open_options)
        self._remove.clicked.connect(self._remove_data)
        self._rows = FactRows(self)
        self._busy = BusyLine(self)
        self._strip = SampleStrip(self)
        self._notices = Notices(self)
        self._first = QPushButton("Choose data…", self)
        self._first.setObjectName("data_card.first")
        self._first.setAccessibleName("Choose data")
        self._first.setToolTip("Choose a file or folder with samples")
        self._first.clicked.connect(self._ask_data)
        for widget in (self._rows, self._busy, self._strip, self._notices, self._first):
            self.body.addWidget(widget)

    def _button(self, icon: str, tip: str, name: str) -> IconButton:
        button = IconButton(icon, tip, self)
        button.setObjectName(name)
        self.add_button(button)
        return button

    def _ask_data(self) -> None:
        self._commands.data_dialog()

    def _remove_data(self) -> None:
        remove_data(self._session)

    def _open_options(self) -> None:
        from compress_studio.gui.dialogs.data import DataDialog

        dialog = DataDialog(self._session, self._look, self.window())
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()


class DataNotice(QLabel):
    """One line about data that wait for a model."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("pending_data")
        self.setProperty("tone", "muted")
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._session = session
        session.project_changed.connect(self.refresh)
        self.refresh()

    def refresh(self, *_: object) -> None:
        """Show the data that were chosen already."""
        path = self._session.project.data.path
        self.setText(f"{Path(path).name} will be used as data. Now open the model." if path else "")
        self.setVisible(bool(path))


def _close(part: str) -> str:
    """ "×1/255" from "× 1/255"."""
    return part[0] + part[2:] if part[:2] in {"× ", "− ", "÷ "} else part
