"""What all charts share: a bar of choices, the drawing, a hint when there is nothing to draw, saving."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QAction, QContextMenuEvent, QGuiApplication, QPainter
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QMenu, QStackedWidget, QVBoxLayout, QWidget

from compress_studio.gui.charts import saving
from compress_studio.gui.charts.tables import Table
from compress_studio.gui.theme import current
from compress_studio.gui.theme.icons import icon
from compress_studio.gui.theme.tokens import METRICS
from compress_studio.gui.widgets.basics import IconButton, SectionTitle
from compress_studio.gui.widgets.hint import EmptyHint

if TYPE_CHECKING:
    from compress_studio.gui.commands import Commands

LEAST_CHOICE = 84
"""Width that a choice keeps in a narrow window."""


@dataclass(frozen=True, slots=True)
class Hint:
    """Why there is nothing to draw, and what to do."""

    icon: str
    title: str
    text: str = ""
    button: str = ""


class Chart(QWidget):
    """One chart. It reads the session in read(), shows what it read in show_state(), and draws on a stage.

    The stage is made when there is something to draw for the first time, or before that at a quiet moment, because
    what it needs takes time to import.
    """

    stale = Signal()
    """Something came that the session does not tell of: it should be looked at again."""

    name = ""
    title = ""
    follows: frozenset[str] = frozenset()
    """What it has to look at again: "results", "variants", "run", "selection", "project", "views", "facts"."""

    def __init__(self, commands: Commands, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.commands = commands
        self.session = commands.session
        self.setObjectName(f"chart:{self.name}")
        self.setAccessibleName(self.title)
        self.state: Any = None
        self.stage: QWidget | None = None
        self._small = False
        layout = QVBoxLayout(self)
        layout.setContentsMargins(METRICS.pad, METRICS.gap, METRICS.pad, METRICS.gap // 2)
        layout.setSpacing(METRICS.gap // 2)
        self.bar = QWidget(self)
        self.choices = QHBoxLayout(self.bar)
        self.choices.setContentsMargins(0, 0, 0, 0)
        self.choices.setSpacing(METRICS.gap)
        self.build_bar(self.choices)
        self.choices.addStretch(1)
        self._save = IconButton("export", "Save or copy this chart", self.bar)
        self._save.setObjectName(f"{self.name}:save")
        self._save.clicked.connect(self._show_menu_at_button)
        self.choices.addWidget(self._save)
        layout.addWidget(self.bar)
        self._stack = QStackedWidget(self)
        self._hint = EmptyHint("chart", "", "", "", self.act_on_hint, self._stack)
        self._stack.addWidget(self._hint)
        layout.addWidget(self._stack, 1)
        self._menu = QMenu(self)
        current.watch().changed.connect(self._restyle)

    # for each chart to say -----------------------------------------------------------------------

    def build_bar(self, bar: QHBoxLayout) -> None:
        """Put choices into the bar."""

    @abstractmethod
    def read(self) -> Any:
        """What the session says now, as a frozen value."""

    @abstractmethod
    def hint(self, state: Any) -> Hint | None:
        """Why there is nothing to draw; None when there is."""

    @abstractmethod
    def build_stage(self) -> QWidget:
        """The widget that is drawn on."""

    @abstractmethod
    def draw(self, state: Any) -> None:
        """Show a state on the stage."""

    def restyle(self) -> None:
        """Take over the colours of another theme."""

    @abstractmethod
    def table(self) -> Table:
        """Exactly the numbers that are shown."""

    def picture_size(self) -> QSize:
        """How large the chart is as a picture."""
        return self._stack.size()

    @abstractmethod
    def paint_picture(self, painter: QPainter) -> None:
        """Paint the whole chart."""

    def act_on_hint(self) -> None:
        """The button of the hint was pressed."""
        self.commands.run()

    def more_actions(self) -> list[QAction]:
        """Actions of this chart only, for its menu."""
        return []

    # the same for all ----------------------------------------------------------------------------

    def refresh(self) -> None:
        """Read the session again and draw when something differs."""
        state = self.read()
        if state != self.state:
            self.show_state(state)

    def show_state(self, state: Any) -> None:
        """Show a state, whoever made it."""
        self.state = state
        hint = self.hint(state)
        self.bar.setVisible(hint is None and not self._small)
        if hint is not None:
            self._hint.show_hint(hint.icon, hint.title, hint.text, hint.button)
            self._stack.setCurrentWidget(self._hint)
            return
        self._stack.setCurrentWidget(self.prepare())
        self.draw(state)

    def prepare(self) -> QWidget:
        """Make the stage before there is something to draw; doing it again changes nothing."""
        if self.stage is None:
            self.stage = self.build_stage()
            self._stack.addWidget(self.stage)
            self.restyle()
        return self.stage

    def make_small(self) -> None:
        """Show it beside another chart: a title in place of the choices."""
        self.setObjectName(f"chart:{self.name}:small")
        self.bar.hide()
        self._small = True
        title = SectionTitle(self.title, self)
        layout = self.layout()
        if isinstance(layout, QVBoxLayout):
            layout.insertWidget(0, title)

    @property
    def drawn(self) -> bool:
        """Whether there is a drawing, not a hint."""
        return self.stage is not None and self._stack.currentWidget() is self.stage

    def save_to(self, path: Path) -> None:
        """Write the chart in the format of the ending: png, svg or csv. Raises OSError."""
        ending = path.suffix.lower().lstrip(".")
        if ending == "csv":
            saving.write_csv(path, self.table())
        elif ending == "svg":
            saving.write_svg(path, self.picture_size(), self.paint_picture, self.title)
        else:
            saving.write_png(path, self.picture_size(), self.paint_picture)

    def ask_and_save(self, ending: str) -> None:
        """Ask for a place and write the chart there."""
        from compress_studio.gui.message import Message

        project = self.session.path.stem if self.session.path is not None else self.session.project.title
        name = saving.proposed_name(project, self.title, ending)
        folder = self.session.path.parent if self.session.path is not None else Path.home()
        path = self.commands.asking.ask_save(f"Save {self.title.lower()}", folder / name, (saving.FORMATS[ending],))
        if path is None:
            return
        path = path if path.suffix.lower() == f".{ending}" else path.with_name(f"{path.name}.{ending}")
        try:
            self.save_to(path)
        except OSError as error:
            hint = "Choose another folder."
            self.session.message.emit(Message(f"{path} was not written: {error.strerror or error}.", hint, "error"))
        else:
            self.session.message.emit(Message(f"Saved {path.name}.", str(path.parent), "success"))

    def copy_picture(self) -> None:
        """Put the chart on the clipboard."""
        QGuiApplication.clipboard().setImage(saving.make_image(self.picture_size(), self.paint_picture))

    def menu(self) -> QMenu:
        """What can be done with this chart."""
        self._menu.clear()
        for action in self.more_actions():
            self._menu.addAction(action)
        if not self._menu.isEmpty():
            self._menu.addSeparator()
        for words, ending in (
            ("Save as PNG…", "png"),
            ("Save as SVG…", "svg"),
            ("Save the numbers as CSV…", "csv"),
        ):
            action = self._menu.addAction(icon("save", "muted"), words)
            action.setObjectName(f"{self.name}:{ending}")
            action.setData(ending)
            action.triggered.connect(self._save_chosen)
        self._menu.addAction(icon("copy", "muted"), "Copy the picture", self.copy_picture)
        return self._menu

    def labelled(self, bar: QHBoxLayout, words: str, name: str, tip: str) -> QComboBox:
        """A choice with its word before it, in the bar."""
        box = QComboBox(self.bar)
        box.setObjectName(f"{self.name}:{name}")
        box.setAccessibleName(f"{words} {tip}".strip())
        box.setToolTip(tip)
        box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        box.setMinimumWidth(LEAST_CHOICE)
        if words:
            label = QLabel(words, self.bar)
            label.setProperty("tone", "muted")
            label.setBuddy(box)
            bar.addWidget(label)
        bar.addWidget(box)
        return box

    def _save_chosen(self) -> None:
        action = self.sender()
        if isinstance(action, QAction):
            self.ask_and_save(action.data())

    def _show_menu_at_button(self) -> None:
        self.menu().popup(self._save.mapToGlobal(self._save.rect().bottomLeft()))

    def _restyle(self) -> None:
        if self.stage is not None:
            self.restyle()
            if self.state is not None and self.hint(self.state) is None:
                self.draw(self.state)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        if self.drawn:
            self.menu().popup(event.globalPos())


def fill_choice(box: QComboBox, options: list[tuple[str, str]], value: str) -> None:
    """Show these (value, words) in a box without telling anybody."""
    blocked = box.blockSignals(True)
    have = [(box.itemData(at), box.itemText(at)) for at in range(box.count())]
    if have != options:
        box.clear()
        for one, words in options:
            box.addItem(words, one)
            box.setItemData(box.count() - 1, words, Qt.ItemDataRole.ToolTipRole)
    box.setCurrentIndex(max(box.findData(value), 0))
    box.blockSignals(blocked)
