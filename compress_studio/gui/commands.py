"""What actions do: the one place where menus, toolbar, keys, palette and drops end up."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from compress_studio.base.errors import UserError
from compress_studio.gui.opening import open_path

if TYPE_CHECKING:
    from compress_studio.gui.main_window import MainWindow
    from compress_studio.gui.session import Session


class Commands(QObject):
    """Joins the session, the dialogs and the window."""

    def __init__(self, window: MainWindow, session: Session) -> None:
        super().__init__(window)
        self.window = window
        self.session = session

    def open_path(self, path: Path) -> None:
        """Open a model, data or a project; what cannot be opened is told with its reason."""
        try:
            open_path(self.session, path)
        except UserError as error:
            from compress_studio.gui.session import Message

            self.session.message.emit(Message(error.message, error.hint, "error"))

    def new_project(self) -> None:
        """Begin with an empty project."""

    def open_dialog(self) -> None:
        """Ask for a model or project file and open it."""

    def data_dialog(self) -> None:
        """Ask for a data set."""

    def save(self) -> None:
        """Save the project, asking for a name the first time."""

    def save_as(self) -> None:
        """Save the project under another name."""

    def export(self) -> None:
        """Export the network of the selected node, or the last one."""

    def quit(self) -> None:
        """Close the window."""
        self.window.close()

    def run(self, *, again: bool = False) -> None:
        """Run what is stale."""
        self.session.run(again=again)

    def run_selected(self) -> None:
        """Run what is stale up to the selected nodes."""
        self.session.run(self.session.selection)
