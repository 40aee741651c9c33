"""What actions do: the one place where menus, toolbar, keys, palette and drops end up."""

from __future__ import annotations

import errno
import logging
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from compress_studio.base.errors import UserError
from compress_studio.engine.records import Cause, Failure
from compress_studio.gui import opening, recent
from compress_studio.gui.devices import Devices
from compress_studio.gui.dialogs import unsaved
from compress_studio.gui.dialogs.asking import Asking, Report
from compress_studio.gui.recognizing import MODEL_PATTERNS, Dropped, Kind, models_with_code, recognize
from compress_studio.project.files import SUFFIX
from compress_studio.project.pipeline import NodeId
from compress_studio.project.project import Project

if TYPE_CHECKING:
    from compress_studio.gui.main_window import MainWindow
    from compress_studio.gui.session import Session
    from compress_studio.gui.settings import SettingsFile

log = logging.getLogger(__name__)
OPEN_FILTERS = (
    f"Models and projects ({MODEL_PATTERNS} *.cstudio)",
    f"Models ({MODEL_PATTERNS})",
    "Projects (*.cstudio)",
    "All files (*)",
)
DATA_FILTERS = (
    "Data (*.npz *.npy *.csv *.tsv *.parquet *.zip *.toml *.png *.jpg *.jpeg)",
    "All files (*)",
)
PROJECT_FILTERS = ("Project (*.cstudio)",)
ORDER = (Kind.PROJECT, Kind.MODEL, Kind.WEIGHTS, Kind.CODE, Kind.DATA)
"""A project first, then the model, then the data that belong to it."""


class Commands(QObject):
    """Joins the session, the dialogs and the window."""

    def __init__(self, window: MainWindow, session: Session, asking: Asking, settings: SettingsFile) -> None:
        super().__init__(window)
        self.window = window
        self.session = session
        self.asking = asking
        self.settings = settings
        self.devices = Devices(session)

    # opening --------------------------------------------------------------------------------------

    def open_path(self, path: Path) -> None:
        """Open a model, data or a project; what cannot be opened is told with its reason."""
        self.open_paths([path])

    def open_paths(self, paths: Sequence[Path]) -> None:
        """Open several files that belong together, in the order in which they make sense."""
        found: list[Dropped] = []
        for path in paths:
            found.extend(recognize(path, closely=True))
        found.sort(key=lambda one: ORDER.index(one.kind) if one.kind in ORDER else len(ORDER))
        for one in found:
            if one.kind in {Kind.PROJECT, Kind.REFUSED}:
                self._try(lambda one=one: self._open(one), one.path)
        models, data = models_with_code(found), [one for one in found if one.kind is Kind.DATA]
        if models:
            self._try(lambda: self._open_model(models, data), models[0][0].path)
            return
        self._use(data)

    def open_sample(self, name: str) -> None:
        """Begin a project with a bundled sample."""
        if self.may_leave("opening a sample"):
            self._try(lambda: opening.open_sample(self.session, name))

    def open_dialog(self) -> None:
        """Ask for a model or project file and open it."""
        path = self.asking.ask_open("Open a model or a project", OPEN_FILTERS, self._folder())
        if path is not None:
            self.open_path(path)

    def data_dialog(self) -> None:
        """Ask for a file of data."""
        path = self.asking.ask_open("Choose data", DATA_FILTERS, self._folder())
        if path is not None:
            self._try(lambda: opening.use_data(self.session, path), path)

    def data_folder_dialog(self) -> None:
        """Ask for a folder of data, such as pictures sorted into folders."""
        path = self.asking.ask_folder("Choose a folder of data", self._folder())
        if path is not None:
            self._try(lambda: opening.use_data(self.session, path), path)

    def new_project(self) -> None:
        """Begin with an empty project."""
        if self.may_leave("beginning a new one"):
            self.session.open(Project())

    def _open(self, found: Dropped) -> None:
        if found.kind is Kind.REFUSED:
            raise found.error()
        if self.may_leave("opening another one"):
            opening.open_path(self.session, found.path)
            recent.remember(found.path, self.session.project.title, "project")

    def _open_model(self, models: Sequence[tuple[Dropped, Path | None]], data: Sequence[Dropped]) -> None:
        """Open models, the first as the user says, and use data with them."""
        session, name = self.session, models[0][0].path.name
        answer: str | None = unsaved.NEW
        if session.dirty and len(session.project.pipeline):
            answer = self.settings.now.model_opening
            if answer == "ask":
                answer = self.asking.choose(unsaved.another_model(name, self.project_name()))
        if answer is None or (answer == unsaved.NEW and not self.may_leave("opening another model")):
            return
        self.open_models(models, answer, data)

    def open_models(
        self, models: Sequence[tuple[Dropped, Path | None]], how: str, data: Sequence[Dropped] = ()
    ) -> None:
        """Open models one after the other, each with the code that came with it, and use data with them.

        how: what the first becomes (unsaved.NEW, REPLACE or ADD); the others are added. What has to be asked about the
        first is asked before anything is changed; the rest waits for it.
        """
        from compress_studio.gui.weights import flow

        if data and not len(self.session.project.pipeline):
            self._use(data, quiet=True)  # they may tell the shape of the inputs
            data = ()
        for place, (found, code) in enumerate(models):
            wish = flow.Wish(found.path, how if not place else unsaved.ADD, code=code)
            if flow.asks(found):
                flow.open_asking(self, found, wish, partial(self._open_rest, models[place + 1 :], data))
                return
            self._try(lambda wish=wish: flow.open_as(self, wish), found.path)
        self._use(data)

    def opened(self, path: Path) -> None:
        """Remember a model that was opened."""
        recent.remember(path, path.name, "model")

    def review_code(self, node: NodeId) -> None:
        """Show what code a model needs, so that it can be allowed."""
        from compress_studio.gui.weights import flow

        self._try(lambda: flow.review(self, node))

    def _open_rest(self, models: Sequence[tuple[Dropped, Path | None]], data: Sequence[Dropped]) -> None:
        self.open_models(models, unsaved.ADD, data)

    def _use(self, data: Sequence[Dropped], *, quiet: bool = False) -> None:
        for one in data:
            self._try(lambda one=one: opening.use_data(self.session, one.path, quiet=quiet), one.path)

    # saving ---------------------------------------------------------------------------------------

    def save(self) -> bool:
        """Save the project, asking for a name the first time; whether it is saved."""
        if self.session.path is None:
            return self.save_as()
        return self._save(self.session.path)

    def save_as(self) -> bool:
        """Save the project under another name; whether it is saved."""
        before = self.session.path or Path(self._folder()) / f"{self.session.project.title or 'project'}{SUFFIX}"
        path = self.asking.ask_save("Save the project", before, PROJECT_FILTERS)
        if path is None:
            return False
        return self._save(path if path.suffix.lower() == SUFFIX else path.with_name(path.name + SUFFIX))

    def may_leave(self, doing: str) -> bool:
        """Ask what to do with changes that are in no file; False when the user would rather stay."""
        if not self.session.dirty or not len(self.session.project.pipeline):
            return True
        answer = self.asking.choose(unsaved.unsaved(self.project_name(), doing))
        return self.save() if answer == unsaved.SAVE else answer == unsaved.DISCARD

    def project_name(self) -> str:
        """What the open project is called."""
        path = self.session.path
        return path.name if path is not None else self.session.project.title or "Untitled"

    def _save(self, path: Path) -> bool:
        if not self._try(lambda: self.session.save(path), path):
            return False
        recent.remember(path, self.session.project.title or path.stem, "project")
        return True

    def export(self) -> None:
        """Export the network of the selected node, or the last one."""
        from compress_studio.gui.dialogs.export import ExportDialog

        _show(ExportDialog(self))

    def quit(self) -> None:
        """Close the window."""
        self.window.close()

    # runs -----------------------------------------------------------------------------------------

    def run(self, *, again: bool = False) -> None:
        """Run what is stale."""
        self.session.run(again=again)

    def run_selected(self) -> None:
        """Run what is stale up to the selected nodes."""
        self.session.run(self.session.selection)

    # the program ----------------------------------------------------------------------------------

    def show_settings(self) -> None:
        """Show the settings."""
        from compress_studio.gui.dialogs.settings import SettingsDialog

        _show(SettingsDialog(self))

    def show_device(self) -> None:
        """Show what this machine computes with."""
        from compress_studio.gui.dialogs.device import DeviceDialog

        _show(DeviceDialog(self))

    def show_problems(self) -> None:
        """Bring the list of problems to the front."""
        self.window.show_problems()

    def show_report(self, failure: Failure) -> None:
        """Show what a bug report of a failed step should hold."""
        from compress_studio.gui.crash import versions

        title = "A step ended unexpectedly" if failure.cause is Cause.CRASH else "A step failed through a bug"
        self.asking.report(Report(title, f"{failure.message} {failure.hint}", f"{versions()}\n\n{failure.report}"))

    def reset_layout(self) -> None:
        """Put all panels back to where they were at first."""
        self.window.reset_layout()

    def clear_recent(self) -> None:
        """Empty the list of recent files."""
        recent.forget_all()

    def tell(self, error: UserError) -> None:
        """Tell of something that could not be done."""
        from compress_studio.gui.message import Message

        self.session.message.emit(Message(error.message, error.hint, "error"))

    def _try(self, do: Callable[[], object], path: Path | None = None) -> bool:
        """Do something with a file; what goes wrong is told with file, cause and remedy."""
        try:
            do()
        except UserError as error:
            self.tell(error)
            return False
        except OSError as error:
            name = path or error.filename or "The file"
            log.info("%s", error)
            full = error.errno in {errno.ENOSPC, errno.EDQUOT}
            hint = (
                "Free some space, or choose another disk." if full else "Check its permissions, or choose another one."
            )
            self.tell(UserError(f"{name} cannot be used: {error.strerror or error}.", hint))
            return False
        return True

    def _folder(self) -> str:
        """Where dialogs begin: beside the project, or the newest file."""
        if self.session.path is not None:
            return str(self.session.path.parent)
        newest = recent.recent_files()
        return str(Path(newest[0].path).parent) if newest else str(Path.home())


def _show(dialog: object) -> None:
    from PySide6.QtCore import Qt
    from PySide6.QtWidgets import QDialog

    if isinstance(dialog, QDialog):
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()
