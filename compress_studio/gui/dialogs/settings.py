"""The settings dialog: everything is applied at once, there is nothing to confirm."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QSize
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QDoubleSpinBox,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QPushButton,
    QSpinBox,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from compress_studio.base.errors import UserError
from compress_studio.base.paths import data_dir, log_dir
from compress_studio.engine.settings import RunSettings
from compress_studio.gui import recent
from compress_studio.gui.dialogs.allowed_code import AllowedCode
from compress_studio.gui.dialogs.problem import open_folder
from compress_studio.gui.dialogs.settings_rows import CONTROL_WIDTH, Page
from compress_studio.gui.forms.switch import Switch
from compress_studio.gui.message import Message
from compress_studio.gui.settings import LANGUAGES, RANGES
from compress_studio.gui.theme.tokens import METRICS
from compress_studio.gui.widgets.basics import Pill
from compress_studio.gui.widgets.card import Card, Collapsible
from compress_studio.gui.widgets.segments import Segments
from compress_studio.gui.words import bytes_text

if TYPE_CHECKING:
    from compress_studio.engine.cache import Store
    from compress_studio.gui.commands import Commands
    from compress_studio.spec.registry import Broken, Registry

SIZE = QSize(680, 520)
TRACE_HEIGHT = 160
OPENINGS = (
    ("ask", "Ask"),
    ("replace", "Replace the model, keep the steps"),
    ("new", "Begin a new project"),
    ("add", "Add it beside the first"),
)


class SettingsDialog(QDialog):
    """Reads and changes the settings of the window."""

    def __init__(self, commands: Commands) -> None:
        super().__init__(commands.window)
        self.setObjectName("settings_dialog")
        self.setWindowTitle("Settings")
        self.setAccessibleName("Settings")
        self.resize(SIZE)
        self._commands = commands
        self._settings = commands.settings
        self._session = commands.session
        self._tabs = tabs = QTabWidget(self)
        tabs.setObjectName("settings_tabs")
        tabs.setDocumentMode(True)
        tabs.addTab(self._general(), "General")
        tabs.addTab(self._computing(), "Computing")
        tabs.addTab(self._results(), "Results")
        tabs.addTab(self._steps(), "Steps and plug-ins")
        self._allowed = AllowedCode(self)
        tabs.addTab(self._allowed, "Allowed code")
        tabs.addTab(self._folders(), "Folders")
        close = QPushButton("Close", self)
        close.setObjectName("settings_close")
        close.setAccessibleName("Close")
        close.setToolTip("Everything is applied already (Esc)")
        close.setDefault(True)
        close.clicked.connect(self.accept)
        row = QHBoxLayout()
        row.setContentsMargins(2 * METRICS.pad, METRICS.gap, 2 * METRICS.pad, 2 * METRICS.gap)
        note = QLabel(self._settings.note or "Changes are applied at once.", self)
        note.setProperty("tone", "warn" if self._settings.note else "muted")
        note.setWordWrap(True)
        row.addWidget(note, 1)
        row.addWidget(close)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, METRICS.gap, 0, 0)
        layout.addWidget(tabs, 1)
        layout.addLayout(row)

    def show_allowed_code(self) -> None:
        """Bring the list of what may run to the front."""
        self._tabs.setCurrentWidget(self._allowed)

    def _general(self) -> Page:
        page, now = Page("general", self), self._settings.now
        theme = Segments([("system", "System"), ("dark", "Dark"), ("light", "Light")], self)
        theme.setObjectName("settings_theme")
        theme.set_value(now.theme)
        theme.chosen.connect(lambda value: self._settings.change(theme=value))
        page.add_row("Theme", "System follows the desktop.", theme)
        language = self._choice("language", tuple(LANGUAGES.items()), now.language)
        page.add_row("Language", "", language)
        page.add_title("Opening")
        models = self._choice("model_opening", OPENINGS, now.model_opening)
        page.add_row("A model opened into a changed project", "What becomes of it.", models)
        page.add_row(
            "Measure models when they are opened",
            "Otherwise they are measured with the first run.",
            self._switch("measure_on_opening", on=now.measure_on_opening),
        )
        page.add_row("Recent files", "Shown in the File menu and in the empty window.", self._clear_recent())
        page.add_title("Questions")
        page.add_row("Ask before closing stops a run", "", self._switch("confirm_stop", on=now.confirm_stop))
        page.add_row("Ask before results are thrown away", "", self._switch("confirm_clear", on=now.confirm_clear))
        return page

    def _computing(self) -> Page:
        page, now = Page("computing", self), self._settings.now
        most = RunSettings().compute_threads
        compute = self._number("compute_threads", now.compute_threads, most)
        compute.setSpecialValueText(f"All ({most})")
        page.add_row("Threads for computing", "Of steps and of measurements that take no times.", compute)
        timing = self._number("timing_threads", now.timing_threads, most)
        page.add_row(
            "Threads for timing", "Times are only comparable at the same number. Use what the target will use.", timing
        )
        device = QPushButton("Device…", self)
        device.setObjectName("settings_device")
        device.clicked.connect(self._commands.show_device)
        page.add_row("Device", "Where training runs; belongs to the project.", device)
        return page

    def _results(self) -> Page:
        page, now = Page("results", self), self._settings.now
        limit = QDoubleSpinBox(self)
        limit.setObjectName("settings_cache_gigabytes")
        limit.setFixedWidth(CONTROL_WIDTH)
        limit.setRange(*RANGES["cache_gigabytes"])
        limit.setDecimals(1)
        limit.setSuffix(" GB")
        limit.setValue(now.cache_gigabytes)
        limit.setKeyboardTracking(False)
        limit.valueChanged.connect(lambda value: self._settings.change(cache_gigabytes=value))
        page.add_row("Keep at most", "Above it the results that are quickest to compute again make room.", limit)
        self._clear = QPushButton("Clear…", self)
        self._clear.setObjectName("settings_clear")
        self._clear.setFixedWidth(CONTROL_WIDTH)
        self._clear.clicked.connect(self._ask_clear)
        self._size = page.add_row("Results kept now", "Counting…", self._clear)
        self._session.run_changed.connect(self._show_clear)
        self._session.run_started.connect(self._show_clear)
        self._session.run_ended.connect(self._show_clear)
        self._show_clear()
        self._count()
        return page

    def _steps(self) -> Page:
        page, runtime = Page("steps", self), self._session.runtime
        broken = [*runtime.steps.broken, *runtime.meters.broken]
        if broken:
            page.add_title("Could not be loaded")
            for one in broken:
                page.add(_broken_card(one, self))
        page.add_title("Steps")
        for spec in runtime.steps:
            page.add(_spec_row(spec.title, spec.id, _origin(runtime.steps, spec.id), self))
        page.add_title("Measurements")
        for spec in runtime.meters:
            page.add(_spec_row(spec.title, spec.id, _origin(runtime.meters, spec.id), self))
        return page

    def _folders(self) -> Page:
        page = Page("folders", self)
        places: tuple[tuple[str, str, Callable[[], Path]], ...] = (
            ("Results", "May be thrown away at any time; they are computed again.", lambda: self._session.store.folder),
            ("Settings and autosaves", "Also the list of recent files.", data_dir),
            ("Logs", "What a bug report should hold.", log_dir),
        )
        for name, note, where in places:
            try:
                folder = where()
            except UserError as error:
                page.add_row(name, error.message, QLabel("–", self))
                continue
            button = QPushButton("Open", self)
            button.setObjectName(f"settings_open_{name.split()[0].lower()}")
            button.clicked.connect(lambda _checked=False, folder=folder: open_folder(folder))
            page.add_row(name, f"{folder}\n{note}", button)
        return page

    def _choice(self, name: str, options: tuple[tuple[str, str], ...], value: str) -> QComboBox:
        made = QComboBox(self)
        made.setObjectName(f"settings_{name}")
        made.setMinimumWidth(CONTROL_WIDTH)
        for code, label in options:
            made.addItem(label, code)
        made.setCurrentIndex(made.findData(value))
        made.activated.connect(lambda _place: self._settings.change(**{name: made.currentData()}))
        return made

    def _switch(self, name: str, *, on: bool) -> Switch:
        made = Switch(self)
        made.setObjectName(f"settings_{name}")
        made.setChecked(on)
        made.toggled.connect(lambda value: self._settings.change(**{name: value}))
        return made

    def _number(self, name: str, value: int, most: int) -> QSpinBox:
        made = QSpinBox(self)
        made.setObjectName(f"settings_{name}")
        made.setFixedWidth(CONTROL_WIDTH)
        made.setRange(round(RANGES[name][0]), max(most, value))
        made.setValue(value)
        made.setKeyboardTracking(False)
        made.valueChanged.connect(lambda number: self._settings.change(**{name: number}))
        return made

    def _clear_recent(self) -> QPushButton:
        made = QPushButton("Clear", self)
        made.setObjectName("settings_clear_recent")
        made.setEnabled(bool(recent.recent_files()))
        made.clicked.connect(self._commands.clear_recent)
        made.clicked.connect(lambda: made.setEnabled(False))
        return made

    def _show_clear(self, *_: object) -> None:
        running = self._session.running
        self._clear.setEnabled(not running)
        self._clear.setToolTip("A run is going on; stop it first." if running else "Throw all results away")

    def _count(self) -> None:
        folder = self._session.store.folder
        self._session.light.submit("cache size", lambda: folder_bytes(folder), self._counted)

    def _counted(self, size: int) -> None:
        if _alive(self):
            self._size.setText(f"{bytes_text(size)} in {self._session.store.folder}")

    def _ask_clear(self) -> None:
        text = "Networks and measurements are computed again when they are needed. Your own files are not touched."
        if self._settings.now.confirm_clear and not self._commands.asking.confirm(
            "Throw all results away?", text, yes="Throw away"
        ):
            return
        store = self._session.store
        self._clear.setEnabled(False)
        self._session.light.submit("cache clear", lambda: clear(store), self._cleared)

    def _cleared(self, freed: int) -> None:
        self._session.refresh()
        self._session.message.emit(Message(f"{bytes_text(freed)} freed.", level="success"))
        if _alive(self):
            self._show_clear()
            self._count()


def folder_bytes(folder: Path) -> int:
    """Bytes of all files below a folder; files that vanish meanwhile count nothing."""
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_size if path.is_file() else 0
        except OSError:
            continue
    return total


def clear(store: Store) -> int:
    """Throw all results away; returns the bytes freed."""
    before = folder_bytes(store.folder)
    store.clear()
    return max(0, before - folder_bytes(store.folder))


def _alive(dialog: QDialog) -> bool:
    import shiboken6

    return shiboken6.isValid(dialog)


def _origin(registry: Registry, name: str) -> str:
    return registry.origins.get(name, "")


def _spec_row(title: str, name: str, origin: str, parent: QWidget) -> QWidget:
    row = QWidget(parent)
    layout = QHBoxLayout(row)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.addWidget(QLabel(title, row), 1)
    small = QLabel(name, row)
    small.setProperty("tone", "muted")
    layout.addWidget(small, 1)
    layout.addWidget(Pill(origin, "muted" if origin == "built in" else "info", row))
    return row


def _broken_card(one: Broken, parent: QWidget) -> Card:
    card = Card(f"{one.name} ({one.distribution})", parent)
    lines = one.error.strip().splitlines()
    words = QLabel(lines[-1] if lines else "unknown cause", card)
    words.setWordWrap(True)
    words.setProperty("tone", "bad")
    card.body.addWidget(words)
    more = Collapsible("What happened", parent=card)
    trace = QPlainTextEdit(one.error, more)
    trace.setObjectName(f"settings_trace_{one.name}")
    trace.setAccessibleName("What happened")
    trace.setToolTip("Send this to the author of the plug-in")
    trace.setReadOnly(True)
    trace.setFixedHeight(TRACE_HEIGHT)
    more.body.addWidget(trace)
    card.body.addWidget(more)
    return card
