"""The actions of the dialogs: palette, help, messages. What they show is imported when it is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from compress_studio.gui.action import Action

if TYPE_CHECKING:
    from compress_studio.gui.commands import Commands


def _palette(commands: Commands) -> None:
    from compress_studio.gui.dialogs.palette import open_palette

    open_palette(commands)


def _shortcuts(commands: Commands) -> None:
    from compress_studio.gui.actions import ACTIONS as ALL
    from compress_studio.gui.dialogs.shortcuts import ShortcutsDialog
    from compress_studio.gui.dialogs.showing import show_dialog

    show_dialog(ShortcutsDialog(ALL, commands.window))


def _about(commands: Commands) -> None:
    from compress_studio.gui.dialogs.about import AboutDialog
    from compress_studio.gui.dialogs.showing import show_dialog

    show_dialog(AboutDialog(commands.window))


def _tour(commands: Commands) -> None:
    from compress_studio.gui.dialogs.tour import start_tour

    start_tour(commands)


def _allowed_code(commands: Commands) -> None:
    from compress_studio.gui.dialogs.settings import SettingsDialog
    from compress_studio.gui.dialogs.showing import show_dialog

    dialog = SettingsDialog(commands)
    dialog.show_allowed_code()
    show_dialog(dialog)


def _has_messages(commands: Commands) -> bool:
    return bool(commands.window.toasts.toasts)


ACTIONS: tuple[Action, ...] = (
    Action("palette.open", "All commands…", "View", _palette, "Ctrl+K, Ctrl+Shift+P", "search",
           "Find any command, step or node by typing a few letters."),
    Action("messages.focus", "Go to the newest message", "View", lambda c: c.window.toasts.focus_newest(),
           "Ctrl+Shift+M", tip="Move the keyboard to the newest message; Esc closes it.", enabled=_has_messages),
    Action("code.allowed", "Allowed code…", "File", _allowed_code,
           tip="Code and pickles that may run, each with exactly one content; forget them here."),
    Action("theme.light", "Light theme", "", lambda c: c.settings.change(theme="light"), tip="Dark text on light."),
    Action("theme.dark", "Dark theme", "", lambda c: c.settings.change(theme="dark"), tip="Light text on dark."),
    Action("theme.system", "Theme of the desktop", "", lambda c: c.settings.change(theme="system"),
           tip="Light or dark as the desktop is, also when that changes."),
    Action("help.shortcuts", "Keyboard shortcuts", "Help", _shortcuts, "F1, ?", "keyboard"),
    Action("help.tour", "Show the tour", "Help", _tour, icon="help", tip="A few hints about the parts of the window."),
    Action("app.about", "About Compress Studio", "Help", _about, icon="info", separate=True),
)  # fmt: skip
