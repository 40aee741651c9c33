"""The running program: joins window, session, settings, autosave and crash guard, from the first paint to the end."""

from __future__ import annotations

import importlib
import logging
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, QTimer
from PySide6.QtWidgets import QApplication

from compress_studio.base import logs
from compress_studio.base.errors import UserError
from compress_studio.base.paths import cache_dir, log_dir
from compress_studio.engine.cache import Store
from compress_studio.engine.settings import RunSettings
from compress_studio.gui import recovery
from compress_studio.gui.crash import CrashGuard
from compress_studio.gui.dialogs import unsaved
from compress_studio.gui.dialogs.asking import Asking
from compress_studio.gui.docks import LayoutMemory
from compress_studio.gui.garbage import Garbage
from compress_studio.gui.main_window import MainWindow
from compress_studio.gui.message import Message
from compress_studio.gui.notify import EndNotice
from compress_studio.gui.options import DEFAULT_SIZE, WindowOptions
from compress_studio.gui.session import Session
from compress_studio.gui.settings import Settings, SettingsFile
from compress_studio.gui.theme import current

if TYPE_CHECKING:
    from compress_studio.engine.records import Failure
    from compress_studio.engine.runstate import RunState

log = logging.getLogger(__name__)
LATER = ("panels.inspector", "charts.panel")
DRAWN = ("charts.plots", "charts.cloud", "charts.curveplot", "charts.histogram")
"""What charts are drawn with; not needed before there are results."""
WARM_AFTER_MS = 1500
"""After the first paint: the window should be at rest when the worker that answers questions is started."""


class Studio(QObject):
    """One window with everything that keeps it going."""

    def __init__(
        self,
        application: QApplication,
        settings: SettingsFile,
        options: WindowOptions | None = None,
        begun: Callable[[Studio], None] | None = None,
        asking: Asking | None = None,
    ) -> None:
        super().__init__()
        self._application = application
        self.garbage = Garbage(self)
        self.garbage.begin()
        self.settings = settings
        self.options = options or WindowOptions()
        self._begun = begun
        self._notes: list[Message] = []
        self._log_folder = self._start_log()
        self._temporary: tempfile.TemporaryDirectory[str] | None = None
        self.session = Session(self._open_store())
        self.session.setParent(self)
        self._use(settings.now)
        self.window = MainWindow(self.session, asking, settings, LayoutMemory(), staged=True)
        self.window.closed_for_good = self._closing
        self.guard = CrashGuard(self.window.commands.asking.report, self)
        self.guard.install(self._log_folder)
        self.autosave = recovery.Autosave(self.session, self)
        self.notice = EndNotice(self.session, self.window)
        if settings.note:
            self._notes.append(Message(settings.note, level="warning"))
        settings.changed.connect(self._settings_changed)
        self._application.styleHints().colorSchemeChanged.connect(self._system_theme_changed)
        self.session.run_ended.connect(self._run_ended)
        self._painted = False
        self._closed = False

    def start(self) -> None:
        """Show the window; what takes time comes after its first paint."""
        if self.options.size is not None:
            self.window.resize(*self.options.size)
        elif not self.window.remembered:
            self.window.resize(*self._fitting(DEFAULT_SIZE))
        self.window.installEventFilter(self)
        self.window.show()

    def close(self) -> None:
        """End everything in order."""
        if self._closed:
            return
        self._closed = True
        self.autosave.close()
        self.session.close()
        self.guard.uninstall()
        self.garbage.end()
        if self._temporary is not None:
            self._temporary.cleanup()

    # the start ------------------------------------------------------------------------------------

    def _start_log(self) -> Path | None:
        try:
            folder = log_dir()
            logs.set_up(folder, "window")
        except (OSError, UserError):
            # The store says what is wrong with the folder.
            return None
        return folder

    def _open_store(self) -> Store:
        """The store in the usual place, or for as long as the window is open when that cannot be written to."""
        try:
            return Store(cache_dir())
        except UserError as error:
            log.info("%s", error)
            self._temporary = tempfile.TemporaryDirectory(prefix="compress-studio-", ignore_cleanup_errors=True)
            hint = f"They are kept until the window is closed. {error.hint}"
            self._notes.append(Message(f"Results cannot be kept: {error.message}", hint, "warning"))
            return Store(Path(self._temporary.name))

    def _fitting(self, size: tuple[int, int]) -> tuple[int, int]:
        screen = self._application.primaryScreen()
        room = screen.availableGeometry() if screen is not None else None
        return size if room is None else (min(size[0], room.width()), min(size[1], room.height()))

    def _first_painted(self) -> None:
        """The window can be seen: open what was asked for; the libraries of the charts are loaded meanwhile."""
        self.session.light.submit("charts", _load_charts, self._loaded, self._not_loaded)
        for note in [*self._notes, *(Message(one, level="warning") for one in self.session.store.notes)]:
            self.session.message.emit(note)
        if self.autosave.note:
            self.session.message.emit(Message(self.autosave.note, level="warning"))
        asked = bool(self.options.files or self.options.sample)
        if self.options.sample:
            self.window.commands.open_sample(self.options.sample)
        self.window.commands.open_paths(self.options.files)
        if not asked:
            self._offer_recovery()

    def _loaded(self, _result: object) -> None:
        """Everything is there: make the rest of the window."""
        self.window.finish()
        self.garbage.keep()
        self.window.status.begin_sampling()
        self.session.light.submit("drawing", _load_drawing, self._can_draw, self._not_loaded)
        QTimer.singleShot(WARM_AFTER_MS, self, self._warm)
        if not self.options.files and not self.options.sample:
            from compress_studio.gui.dialogs.tour import offer_tour

            offer_tour(self.window.commands)
        if self._begun is not None:
            self._begun(self)

    def _can_draw(self, _result: object) -> None:
        if not self._closed:
            self.window.charts.warm_up()

    def _not_loaded(self, failure: Failure) -> None:
        self.session.report(failure)

    def _warm(self) -> None:
        """Start the worker that looks at networks, so that the first question is answered quickly."""
        if not self._closed:
            self.window.commands.devices.look_again()

    def _offer_recovery(self) -> None:
        """Ask about what a crash left behind; with files named at the start that waits for the next one."""
        for one in recovery.left_behind():
            when = time.strftime("%H:%M on %d %B", time.localtime(one.saved_at))
            answer = self.window.commands.asking.choose(unsaved.recovered(one.title, when))
            if answer == unsaved.DISCARD:
                one.discard()
            elif answer == unsaved.RESTORE:
                try:
                    project = one.project(self.session.runtime.steps)
                except UserError as error:
                    self.window.commands.tell(error)
                    continue
                self.session.open(project, one.path, clean=False)
                self.autosave.write(one.discard)  # until then the copy of before is the only one
                return

    # settings -------------------------------------------------------------------------------------

    def _settings_changed(self, before: Settings, after: Settings) -> None:
        if before.theme != after.theme:
            current.apply(self._application, after.theme)
        self._use(after)

    def _system_theme_changed(self) -> None:
        if self.settings.now.theme == "system" and not self.options.theme:
            current.apply(self._application, "system")

    def _use(self, settings: Settings) -> None:
        self.session.store.limit_bytes = round(settings.cache_gigabytes * 1e9)
        threads = settings.compute_threads or RunSettings().compute_threads
        wanted = replace(self.session.settings, threads=settings.timing_threads, compute_threads=threads)
        self.session.use(wanted)

    def _run_ended(self, state: RunState) -> None:
        from compress_studio.engine.records import Cause

        failures = [one.error for one in state.nodes.values() if one.error is not None]
        for failure in [*failures, *([state.failure] if state.failure is not None else [])]:
            if failure.cause in {Cause.BUG, Cause.CRASH}:
                self.session.report(failure)

    # the end --------------------------------------------------------------------------------------

    def _closing(self) -> None:
        self.close()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Paint and not self._painted:
            self._painted = True
            self.window.removeEventFilter(self)
            QTimer.singleShot(0, self, self._first_painted)
        return False


def _load_charts() -> None:
    """Import what the rest of the window needs, while the window can be used already."""
    for name in LATER:
        importlib.import_module(f"compress_studio.gui.{name}")


def _load_drawing() -> None:
    """Import what charts are drawn with, before the first run needs it."""
    for name in DRAWN:
        importlib.import_module(f"compress_studio.gui.{name}")
