"""How the data set is read: options with the samples beside them, and a line that says what a change does."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from compress_studio.base.errors import BadInput
from compress_studio.gui.panels.data_card import data_rows
from compress_studio.gui.panels.data_options import (
    FOUND,
    GROUPS,
    Key,
    OptionField,
    OptionGroup,
    difference,
    merged,
    options_of,
    texts_of,
)
from compress_studio.gui.panels.notices import Notice, Notices
from compress_studio.gui.panels.sample_strip import SampleStrip
from compress_studio.gui.theme.tokens import METRICS
from compress_studio.gui.widgets.basics import SectionTitle
from compress_studio.gui.widgets.card import Card, Collapsible, FactRows
from compress_studio.project import edits

if TYPE_CHECKING:
    from compress_studio.engine.records import Failure
    from compress_studio.gui.data_look import DataLook
    from compress_studio.gui.session import Session
    from compress_studio.spec.data import DataRequest

DECLARED = "compress_studio.inspection.samples:declared"
PAUSE_MS = 350
"""From the last letter to the question what it changes."""
WIDTH, HEIGHT, SIDE = 760, 560, 300
SAMPLES = 8


class DataDialog(QDialog):
    """Options of the data set of the project; nothing changes before Apply."""

    def __init__(self, session: Session, look: DataLook, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("data_dialog")
        self.setWindowTitle("How the data are read")
        self._session, self._look = session, look
        self._before: Mapping[str, Any] = session.data_facts
        self._inputs = self._input_names()
        self._file: Mapping[str, Any] = {}
        self._fields: dict[Key, QLineEdit | QComboBox] = {}
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(PAUSE_MS)
        self._pause.timeout.connect(self._try)
        self._build()
        self.resize(WIDTH, HEIGHT)
        look.changed.connect(self._show_samples)
        self._show_samples()
        self.show_file({}, session.project.data.options)
        options = json.dumps(dict(session.project.data.options))
        session.looks.ask(
            "data declared", DECLARED, (session.project.data.path, options), self._declared, self._say_failure
        )

    def show_file(self, file: Mapping[str, Any], options: Mapping[str, Any]) -> None:
        """Fill the fields with what a data.toml and the project say."""
        self._file = file
        for key, text in texts_of(merged(file, options), self._inputs).items():
            field = self._fields.get(key)
            if field is None:
                continue
            field.blockSignals(True)
            if isinstance(field, QComboBox):
                field.setCurrentIndex(max(0, field.findData(text)))
            else:
                field.setText(text)
                field.setCursorPosition(0)
            field.blockSignals(False)

    def texts(self) -> dict[Key, str]:
        """What stands in the fields."""
        return {
            key: str(one.currentData() or "") if isinstance(one, QComboBox) else one.text()
            for key, one in self._fields.items()
        }

    def request(self) -> DataRequest:
        """The data set with these options. Raises BadInput."""
        options = options_of(self.texts(), self._file, self._inputs)
        return replace(self._session.project.data, options=options)

    def _input_names(self) -> list[str]:
        session = self._session
        sources = session.project.pipeline.sources()
        facts = session.facts.of_node(sources[0].id) if sources else None
        named = [str(one["name"]) for one in (facts or {}).get("inputs") or ()]
        return named or list(self._before.get("preprocessing") or {})

    def _build(self) -> None:
        outer = QVBoxLayout(self)
        outer.setContentsMargins(METRICS.pad, METRICS.pad, METRICS.pad, METRICS.pad)
        outer.setSpacing(METRICS.pad)
        columns = QHBoxLayout()
        columns.setSpacing(METRICS.pad)
        columns.addWidget(self._build_form(), 1)
        columns.addWidget(self._build_side())
        outer.addLayout(columns, 1)
        clear, cancel, self._apply = (QPushButton(text, self) for text in ("Clear all", "Cancel", "Apply"))
        buttons = QHBoxLayout()
        buttons.setSpacing(METRICS.gap)
        buttons.addWidget(clear)
        buttons.addStretch(1)
        buttons.addWidget(cancel)
        buttons.addWidget(self._apply)
        named = ((self._apply, "data_dialog.apply", "Read the data like this from now on"),
                 (cancel, "data_dialog.cancel", "Leave everything as it was"),
                 (clear, "data_dialog.clear", "Only what the data themselves declare"))  # fmt: skip
        for button, name, tip in named:
            button.setObjectName(name)
            button.setToolTip(tip)
        self._apply.setDefault(True)
        clear.clicked.connect(self._clear)
        self._apply.clicked.connect(self._accept)
        cancel.clicked.connect(self.reject)
        outer.addLayout(buttons)

    def _build_form(self) -> QWidget:
        area = QScrollArea(self)
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        inside = QWidget(area)
        layout = QVBoxLayout(inside)
        layout.setContentsMargins(0, 0, METRICS.gap, 0)
        layout.setSpacing(METRICS.gap)
        kind = str(self._before.get("kind", ""))
        for group in GROUPS:
            opened = not group.kinds or kind in group.kinds
            for name in self._inputs if group.where == "input" else [""]:
                title = f"{group.title} of {name}" if name and len(self._inputs) > 1 else group.title
                fold = Collapsible(title, opened, inside)
                where = f"input:{name}" if name else group.where
                fold.body.addWidget(self._group(group, where, fold))
                layout.addWidget(fold)
        layout.addStretch(1)
        area.setWidget(inside)
        return area

    def _group(self, group: OptionGroup, where: str, parent: QWidget) -> QWidget:
        box = QWidget(parent)
        grid = QGridLayout(box)
        grid.setContentsMargins(METRICS.pad, 0, 0, METRICS.gap)
        grid.setHorizontalSpacing(METRICS.pad)
        grid.setVerticalSpacing(METRICS.gap // 2)
        grid.setColumnStretch(1, 1)
        grid.setColumnMinimumWidth(0, 110)
        for place, one in enumerate(group.fields):
            label = QLabel(one.label, box)
            label.setProperty("tone", "muted")
            label.setToolTip(one.help)
            field = self._field(one, where, box)
            label.setBuddy(field)
            grid.addWidget(label, place, 0)
            grid.addWidget(field, place, 1)
        return box

    def _field(self, option: OptionField, where: str, parent: QWidget) -> QWidget:
        if option.kind in {"choice", "switch"}:
            field = QComboBox(parent)
            field.addItem(FOUND if option.kind == "choice" else "as usual", "")
            for value in option.choices or ("yes", "no"):
                field.addItem(value, value)
            field.currentIndexChanged.connect(self._changed)
        else:
            field = QLineEdit(parent)
            field.setPlaceholderText(f"{FOUND} · e.g. {option.example}" if option.example else FOUND)
            field.textEdited.connect(self._changed)
        field.setObjectName(f"data:{where}.{option.name}")
        field.setAccessibleName(option.label)
        field.setToolTip(option.help)
        field.setAcceptDrops(False)
        self._fields[where, option.name] = field
        return field

    def _build_side(self) -> QWidget:
        side = QWidget(self)
        side.setFixedWidth(SIDE)
        layout = QVBoxLayout(side)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(METRICS.gap)
        card = Card("As the data are read now", side)
        self._rows = FactRows(card)
        self._rows.show_rows(data_rows(self._before) if self._before else ())
        self._strip = SampleStrip(card, most=SAMPLES)
        card.body.addWidget(self._rows)
        card.body.addSpacing(METRICS.gap // 2)
        card.body.addWidget(self._strip)
        layout.addWidget(card)
        layout.addWidget(SectionTitle("What a change does", side))
        self.notices = Notices(side, most=6)
        self.notices.setObjectName("data_dialog.change")
        layout.addWidget(self.notices)
        layout.addStretch(1)
        self._say([Notice("muted", "Nothing is changed yet.")])
        return side

    def _declared(self, found: Mapping[str, Any]) -> None:
        if self._pause.isActive():
            return
        self.show_file(found["file"], self._session.project.data.options)

    def _changed(self, *_: object) -> None:
        self._say([Notice("muted", "Looking at the data…")])
        self._pause.start()

    def _try(self) -> None:
        try:
            request = self.request()
        except BadInput as error:
            self._say([Notice("bad", error.message, error.hint)])
            return
        if not self._look.try_options(request, self._tried, self._say_failure):
            self._say([Notice("muted", "What it does is seen when the model is open.")])

    def _tried(self, facts: Mapping[str, Any]) -> None:
        lines = difference(self._before, facts)
        tone = "good" if lines else "muted"
        self._say([Notice(tone, one) for one in lines] or [Notice(tone, "The samples stay as they are.")])

    def _say_failure(self, failure: Failure) -> None:
        self._say([Notice("bad", failure.message, failure.hint)])

    def _say(self, notices: Sequence[Notice]) -> None:
        self.notices.show_notices(notices)

    def _show_samples(self) -> None:
        self._strip.show_samples(self._look.samples)

    def _clear(self) -> None:
        self.show_file(self._file, {})
        self._changed()

    def _accept(self) -> None:
        try:
            request = self.request()
        except BadInput as error:
            self._say([Notice("bad", error.message, error.hint)])
            return
        if dict(request.options) != dict(self._session.project.data.options):
            self._session.edit("Change how the data are read", edits.set_data(request))
        self.accept()
