"""The form of a step, generated from the declaration of its parameters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QToolButton, QVBoxLayout, QWidget

from compress_studio.base.errors import BadInput
from compress_studio.gui.forms.field_row import FieldRow
from compress_studio.gui.forms.fields import ELSEWHERE
from compress_studio.gui.forms.wording import is_default, is_shown, plain
from compress_studio.gui.theme.tokens import METRICS
from compress_studio.gui.widgets.basics import SectionTitle
from compress_studio.gui.widgets.card import Collapsible
from compress_studio.spec.params import Field, Params


def changed_text(count: int) -> str:
    """The title of what is folded away: it tells when something in it is not as usual."""
    return "More" if not count else f"More · {count} changed"


class ParamForm(QWidget):
    """Shows the parameters of one node. Values that are not allowed stop here, with the reason below the field."""

    editing = Signal(object)
    """All values, as they would be at this moment of a drag."""
    edited = Signal(str, object, int)
    """Name, value, gesture."""

    def __init__(
        self,
        params: type[Params],
        node: str,
        parent: QWidget | None = None,
        *,
        of_source: bool = False,
        hidden: Iterable[str] = (),
    ) -> None:
        super().__init__(parent)
        self.setObjectName(f"form:{node}")
        self.params = params
        self._node = node
        self._of_source = of_source
        gone = set(hidden)
        fields = [one for one in params.fields() if one.kind not in ELSEWHERE and one.name not in gone]
        self.rows: dict[str, FieldRow] = {}
        self._values: dict[str, Any] = {one.name: plain(one.default) for one in params.fields()}
        self._titles: dict[str, SectionTitle] = {}
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(METRICS.gap)
        self._fill(layout, [one for one in fields if not one.ui.advanced])
        self.more = Collapsible(changed_text(0))
        self.more.setObjectName(f"more:{node}")
        self.more.body.setSpacing(METRICS.gap)
        self._fill(self.more.body, [one for one in fields if one.ui.advanced])
        layout.addWidget(self.more)
        self.more.setVisible(any(one.ui.advanced for one in fields))
        self.show_values(self._values)

    @property
    def values(self) -> Mapping[str, Any]:
        """All values as shown."""
        return self._values

    @property
    def changed(self) -> tuple[str, ...]:
        """Names of the parameters that are not at their default."""
        return tuple(one.name for one in self.params.fields() if not is_default(one, self._values.get(one.name)))

    def show_values(self, values: Mapping[str, Any]) -> None:
        """Show values without telling anybody; those that are missing are at their defaults."""
        old = self._values
        self._values = {one.name: plain(values.get(one.name, one.default)) for one in self.params.fields()}
        for name, row in self.rows.items():
            row.show_value(self._values[name])
            if old.get(name) != self._values[name]:
                row.show_error("")
        self._show_matters()

    def show_names(self, names: list[str]) -> None:
        """The layers that lists can pick from."""
        for row in self.rows.values():
            row.show_names(names)

    def focus_first(self) -> None:
        """Put the keyboard on the first parameter."""
        for row in self.rows.values():
            if not row.isHidden():
                row.editor.controls()[0].setFocus()
                return

    def tab_stops(self) -> list[QWidget]:
        """What the Tab key reaches, in order."""
        plain_rows = [row for row in self.rows.values() if not row.field.ui.advanced]
        folded = [row for row in self.rows.values() if row.field.ui.advanced]
        fold = self.more.findChildren(QToolButton, options=Qt.FindChildOption.FindDirectChildrenOnly)
        return [
            *(stop for row in plain_rows for stop in row.tab_stops()),
            *fold,
            *(stop for row in folded for stop in row.tab_stops()),
        ]

    def _fill(self, layout: QVBoxLayout, fields: list[Field]) -> None:
        group = ""
        for one in fields:
            if one.ui.group != group:
                group = one.ui.group
                if group:
                    title = self._titles.setdefault(group, SectionTitle(group, self))
                    layout.addWidget(title)
            row = FieldRow(one, self._node, self, of_source=self._of_source)
            row.editing.connect(self._editing)
            row.edited.connect(self._edited)
            self.rows[one.name] = row
            layout.addWidget(row)

    def _show_matters(self) -> None:
        shown_groups: set[str] = set()
        folded = 0
        for name, row in self.rows.items():
            matters = is_shown(row.field, self._values)
            row.setVisible(matters)
            if matters:
                shown_groups.add(row.field.ui.group)
                folded += row.field.ui.advanced and not is_default(row.field, self._values[name])
        for group, title in self._titles.items():
            title.setVisible(group in shown_groups)
        self.more.set_title(changed_text(folded))

    def _editing(self, name: str, value: Any) -> None:
        self.editing.emit({**self._values, name: value})

    def _edited(self, name: str, value: Any, gesture: int) -> None:
        values = {**self._values, name: value}
        try:
            self.params.read(values)
        except BadInput as error:
            self.rows[name].show_error(error.message)
            return
        self.rows[name].show_error("")
        self.edited.emit(name, value, gesture)
