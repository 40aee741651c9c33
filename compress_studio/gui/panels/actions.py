"""The actions of this part of the window."""

from __future__ import annotations

from compress_studio.gui.action import Action, has_selection

ACTIONS: tuple[Action, ...] = (
    Action(
        "inspector.focus",
        "Go to the parameters",
        "View",
        lambda c: c.window.inspector.focus_form(),
        "Ctrl+I",
        tip="Put the keyboard on the first parameter of the selected step.",
        enabled=has_selection,
    ),
)
