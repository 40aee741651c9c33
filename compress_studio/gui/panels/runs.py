"""Every variant that was measured, as a table: sort, star, compare two, restore, copy as command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QItemSelectionModel, QPoint, QSortFilterProxyModel, Qt
from PySide6.QtGui import QAction, QGuiApplication, QKeyEvent, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QMenu,
    QStackedLayout,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from compress_studio.base.errors import UserError
from compress_studio.engine.variants import Variant
from compress_studio.gui.message import Message
from compress_studio.gui.panels.run_rows import RunRow, run_rows
from compress_studio.gui.panels.run_table import PIPELINE, ROW_ROLE, SORT_ROLE, STAR, RunDelegate, RunTable
from compress_studio.gui.theme.icons import icon
from compress_studio.gui.theme.tokens import METRICS
from compress_studio.gui.widgets.basics import IconButton
from compress_studio.gui.widgets.hint import EmptyHint
from compress_studio.project.commandline import command_line

if TYPE_CHECKING:
    from compress_studio.gui.commands import Commands

PIPELINE_WIDTH = 250


class _Filter(QSortFilterProxyModel):
    """Sorts by the keys of the rows and may leave out what has no star."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.only_starred = False
        self.setSortRole(SORT_ROLE)

    def filterAcceptsRow(self, source_row: int, source_parent: object) -> bool:
        table = self.sourceModel()
        if not self.only_starred or not isinstance(table, RunTable):
            return True
        row = table.rows[source_row]
        return row.starred or not row.id or row.cells[-1].text == "original"


class RunsPanel(QWidget):
    """The table with its buttons."""

    def __init__(self, commands: Commands, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("runs")
        self._commands = commands
        self._session = commands.session
        self._fitted = 0
        """For how many rows the columns have their widths."""
        self._width_chosen = False
        """The user gave the pipeline a width."""
        self._giving_room = False
        self.model = RunTable(self)
        self._filter = _Filter(self)
        self._filter.setSourceModel(self.model)
        self.table = self._make_table()
        self._build()
        self._session.variants_changed.connect(self._refresh)
        self._session.views_changed.connect(self._refresh_when_shown)
        self._session.project_opened.connect(self._refresh)
        self._refresh()

    def show_state(self, quality: str, rows: tuple[RunRow, ...]) -> None:
        """Show these rows."""
        self.model.show_rows(quality, rows)
        self._pages.setCurrentIndex(1 if rows else 0)
        self._enable()
        if len(rows) != self._fitted:
            self._fitted = len(rows)
            self._give_room()

    def selected(self) -> list[Variant]:
        """The chosen variants, from top to bottom."""
        found: list[Variant] = []
        for index in self.table.selectionModel().selectedRows():
            row: RunRow = index.data(ROW_ROLE)
            variant = self._session.variants.get(row.id)
            if variant is not None:
                found.append(variant)
        return found

    def compare(self) -> None:
        """Put two variants side by side: the two chosen ones, or the chosen one and its original."""
        from compress_studio.gui.dialogs.compare import CompareDialog

        chosen = self.selected()
        rows = self._session.variants.rows
        if not chosen and rows:
            chosen = [rows[-1]]
        if len(chosen) == 1:
            source = self._session.variants.get(chosen[0].source)
            chosen = [source, chosen[0]] if source is not None else [*chosen, *rows[-1:]]
        if len(chosen) < 2 or chosen[0].id == chosen[1].id:
            self._session.message.emit(Message("There are no two results to compare yet.", "Run the pipeline (F5)."))
            return
        CompareDialog(self._commands, chosen[0], chosen[1], self.window()).open()

    def copy_command(self) -> None:
        """Put the command line of the chosen variant on the clipboard."""
        for one in self.selected()[:1]:
            try:
                text = command_line(
                    one.recipe,
                    self._session.runtime.steps,
                    one.data_request,
                    "result",
                    seed=one.seed,
                    device=one.device,
                    threads=one.threads,
                )
            except UserError as error:
                self._session.message.emit(Message(error.message, error.hint, "warning"))
                return
            QGuiApplication.clipboard().setText(text)
            self._session.message.emit(Message("The command line is on the clipboard.", text, "success"))

    def restore(self) -> None:
        """Bring the parameters of the chosen variant back into the pipeline."""
        for one in self.selected()[:1]:
            self._session.restore(one, f"Restore variant {one.number}")

    def toggle_star(self) -> None:
        """Set or take the stars of the chosen variants."""
        for one in self.selected():
            self._session.star(one.id, star=not one.starred)

    def remove(self) -> None:
        """Leave the chosen variants out of the table; their cached results stay."""
        self._session.forget_variants(frozenset(one.id for one in self.selected()))

    def _make_table(self) -> QTableView:
        table = QTableView(self)
        table.setObjectName("runs:table")
        table.setAccessibleName("Measured results")
        table.setModel(self._filter)
        table.setItemDelegate(RunDelegate(table))
        table.setSortingEnabled(True)
        table.horizontalHeader().setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
        table.horizontalHeader().setSortIndicatorClearable(True)
        table.horizontalHeader().setHighlightSections(False)
        table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        table.horizontalHeader().setSectionResizeMode(PIPELINE, QHeaderView.ResizeMode.Interactive)
        table.setColumnWidth(PIPELINE, PIPELINE_WIDTH)
        table.horizontalHeader().setStretchLastSection(True)
        table.horizontalHeader().sectionResized.connect(self._resized)
        table.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        table.horizontalHeader().setMinimumSectionSize(28)
        table.verticalHeader().hide()
        table.verticalHeader().setDefaultSectionSize(METRICS.row - 2)
        table.setShowGrid(False)
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        table.setTabKeyNavigation(False)
        table.setWordWrap(False)
        table.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        table.customContextMenuRequested.connect(self._menu)
        table.clicked.connect(self._clicked)
        table.doubleClicked.connect(lambda _index: self.restore())
        table.selectionModel().selectionChanged.connect(lambda *_: self._enable())
        return table

    def _give_room(self) -> None:
        """Let the pipeline be read as far as the other columns leave room."""
        if self._width_chosen:
            return
        table, header = self.table, self.table.horizontalHeader()
        columns = [one for one in range(header.count()) if one != PIPELINE and not header.isSectionHidden(one)]
        taken = sum(max(table.sizeHintForColumn(one), header.sectionSizeHint(one)) for one in columns)
        room = table.viewport().width() - taken
        self._giving_room = True
        header.resizeSection(PIPELINE, max(PIPELINE_WIDTH, min(table.sizeHintForColumn(PIPELINE), room)))
        self._giving_room = False

    def _resized(self, column: int, _before: int, _after: int) -> None:
        by_hand = QGuiApplication.mouseButtons() != Qt.MouseButton.NoButton and not self._giving_room
        self._width_chosen |= by_hand and column == PIPELINE

    def _build(self) -> None:
        page = QWidget(self)
        self._layout = QVBoxLayout(page)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(0)
        self._bar = self._make_bar(page)
        self._layout.addWidget(self._bar)
        self._layout.addWidget(self.table, 1)
        hint = EmptyHint(
            "table", "Nothing was measured yet", "Every result of a run appears here with its numbers. Press F5 to run."
        )
        self._pages = QStackedLayout(self)
        self._pages.addWidget(hint)
        self._pages.addWidget(page)

    def take_bar(self) -> QWidget:
        """The buttons, to stand beside the tabs: a low window has better uses for a line."""
        self._layout.removeWidget(self._bar)
        return self._bar

    def _make_bar(self, parent: QWidget) -> QWidget:
        made = QWidget(parent)
        bar = QHBoxLayout(made)
        bar.setContentsMargins(METRICS.gap // 2, 2, METRICS.gap // 2, 2)
        bar.setSpacing(METRICS.gap // 2)
        self._buttons: dict[str, IconButton] = {}
        for name, title, icon_name, tip, does in (
            ("compare", "Compare", "compare", "Put two results side by side", self.compare),
            ("restore", "Restore", "undo", "Bring these parameters back (double click)", self.restore),
            ("star", "Star", "star", "Mark the chosen results (S)", self.toggle_star),
            ("command", "Copy as command", "terminal", "Copy the command for this result", self.copy_command),
        ):
            button = IconButton(icon_name, f"{title}: {tip[:1].lower()}{tip[1:]}", made)
            button.setObjectName(f"runs:{name}")
            button.setAccessibleName(title)
            button.clicked.connect(does)
            self._buttons[name] = button
            bar.addWidget(button)
        bar.addStretch(1)
        self._only = IconButton("filter", "Show only results with a star, and the original", made)
        self._only.setObjectName("runs:only_starred")
        self._only.setAccessibleName("Only starred")
        self._only.setCheckable(True)
        self._only.toggled.connect(self._show_only)
        bar.addWidget(self._only)
        return made

    def _refresh_when_shown(self) -> None:
        if self.isVisible() and not self._session.run_state.quiet:
            self._refresh()

    def _refresh(self) -> None:
        chosen = {one.id for one in self.selected()}
        quality, rows = run_rows(self._session)
        self.show_state(quality, rows)
        if chosen and not self.table.selectionModel().hasSelection():
            self._select(chosen)

    def _select(self, ids: set[str]) -> None:
        flags = QItemSelectionModel.SelectionFlag.Select | QItemSelectionModel.SelectionFlag.Rows
        for place in range(self._filter.rowCount()):
            index = self._filter.index(place, 0)
            if index.data(ROW_ROLE).id in ids:
                self.table.selectionModel().select(index, flags)

    def _clicked(self, index: object) -> None:
        from PySide6.QtCore import QModelIndex

        if not isinstance(index, QModelIndex):
            return
        row: RunRow = index.data(ROW_ROLE)
        if index.column() == STAR and row.id:
            self._session.star(row.id, star=not row.starred)
        elif row.node:
            self._session.select((row.node,))

    def _show_only(self, on: bool) -> None:
        self._filter.beginFilterChange()
        self._filter.only_starred = on
        self._filter.endFilterChange()

    def _enable(self) -> None:
        count = len(self.table.selectionModel().selectedRows())
        self._buttons["compare"].setEnabled(len(self._session.variants.rows) > 1)
        for name in ("restore", "star", "command"):
            self._buttons[name].setEnabled(count > 0)

    def _menu(self, place: QPoint) -> None:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for title, name, does in (
            ("Restore these parameters", "undo", self.restore),
            ("Compare", "compare", self.compare),
            ("Star", "star", self.toggle_star),
            ("Copy as command line", "terminal", self.copy_command),
            ("Leave out of the table", "delete", self.remove),
        ):
            action = QAction(icon(name), title, menu)
            action.triggered.connect(does)
            menu.addAction(action)
        menu.popup(self.table.viewport().mapToGlobal(place))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._give_room()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in {Qt.Key.Key_Return, Qt.Key.Key_Enter}:
            self.restore()
        elif event.key() == Qt.Key.Key_S and not event.modifiers():
            self.toggle_star()
        elif event.key() == Qt.Key.Key_Delete:
            self.remove()
        else:
            super().keyPressEvent(event)
