"""What an action is. Each part of the window lists its own in an actions module."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from compress_studio.gui.commands import Commands


def always(_commands: Commands) -> bool:
    """For actions that are always possible."""
    return True


@dataclass(frozen=True, slots=True)
class Action:
    """Something in a menu, the toolbar or the palette."""

    id: str
    """ "project.save": never changes."""
    title: str
    menu: str
    """The menu it is in; empty: only in the palette."""
    does: Callable[[Commands], object]
    keys: str = ""
    """As QKeySequence reads it; several are separated by a comma and a space."""
    icon: str = ""
    tip: str = ""
    enabled: Callable[[Commands], bool] = always
    checked: Callable[[Commands], bool] | None = None
    """Given for a switch."""
    separate: bool = False
    """A line above it in the menu."""
    scope: str = ""
    """The part of the window ("canvas") that must have the keyboard for the keys to count; empty: any."""


def has_nodes(commands: Commands) -> bool:
    """Whether there is a pipeline."""
    return len(commands.session.project.pipeline) > 0


def has_selection(commands: Commands) -> bool:
    """Whether a node is selected."""
    return bool(commands.session.selection)


def running(commands: Commands) -> bool:
    """Whether there is a run that can be stopped."""
    return commands.session.running and not commands.session.stopping


def can_undo(commands: Commands) -> bool:
    """Whether there is something to take back."""
    return commands.session.history.undo_label is not None


def can_redo(commands: Commands) -> bool:
    """Whether something was taken back."""
    return commands.session.history.redo_label is not None
