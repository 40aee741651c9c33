"""The actions of this part of the window."""

from __future__ import annotations

from compress_studio.gui.action import Action, has_nodes, has_selection
from compress_studio.gui.commands import Commands


def _two(commands: Commands) -> bool:
    return len(commands.session.selection) == 2


ACTIONS: tuple[Action, ...] = (
    Action("edit.cut", "Cut", "Edit", lambda c: c.window.canvas.cut(), "Ctrl+X", enabled=has_selection, separate=True,
           scope="canvas"),
    Action("edit.copy", "Copy", "Edit", lambda c: c.window.canvas.copy(), "Ctrl+C", "copy", enabled=has_selection,
           scope="canvas"),
    Action("edit.paste", "Paste", "Edit", lambda c: c.window.canvas.paste(), "Ctrl+V", "paste",
           "Add the copied steps at the cursor.", scope="canvas"),
    Action("edit.delete", "Delete", "Edit", lambda c: c.window.canvas.delete(), "Del, Backspace", "delete",
           "Remove the selected steps or the selected connection; what led in goes on to what follows.",
           enabled=has_nodes, scope="canvas"),
    Action("edit.select_all", "Select all", "Edit", lambda c: c.window.canvas.select_all(), "Ctrl+A",
           enabled=has_nodes, separate=True, scope="canvas"),
    Action("canvas.zoom_in", "Zoom in", "View", lambda c: c.window.canvas.zoom_in(), "Ctrl++, Ctrl+=, +", "zoom-in",
           enabled=has_nodes, scope="canvas"),
    Action("canvas.zoom_out", "Zoom out", "View", lambda c: c.window.canvas.zoom_out(), "Ctrl+-, -", "zoom-out",
           enabled=has_nodes, scope="canvas"),
    Action("canvas.full_size", "Full size", "View", lambda c: c.window.canvas.full_size(), "Ctrl+0",
           enabled=has_nodes, scope="canvas"),
    Action("canvas.fit", "Show everything", "View", lambda c: c.window.canvas.fit(), "F, Shift+1", "zoom-fit",
           enabled=has_nodes, scope="canvas"),
    Action("canvas.add_step", "Add step…", "Pipeline", lambda c: c.window.canvas.add_step(), "A", "plus",
           "Choose a step from a list; it goes behind the selected one.", enabled=has_nodes, scope="canvas"),
    Action("canvas.add_model", "Add another model…", "Pipeline", lambda c: c.window.canvas.add_model(),
           tip="A second model in the same pipeline, as a teacher or to combine.", enabled=has_nodes),
    Action("canvas.mute", "Switch off or on", "Pipeline", lambda c: c.window.canvas.mute(), "M", "mute",
           "A step that is off passes on what it gets.", enabled=has_selection, separate=True, scope="canvas"),
    Action("canvas.measure", "Measure or not", "Pipeline", lambda c: c.window.canvas.measure(), "Shift+M",
           tip="Whether the result of the selected steps is measured.", enabled=has_selection, scope="canvas"),
    Action("canvas.duplicate", "Duplicate as variant", "Pipeline", lambda c: c.window.canvas.duplicate(),
           "Ctrl+Shift+D", "duplicate", "Copy the step and all that follows as a branch to compare with.",
           enabled=has_selection, scope="canvas"),
    Action("canvas.connect", "Connect the two selected", "Pipeline", lambda c: c.window.canvas.connect_selected(),
           "C", "link", "Join the step that was selected first to the one that was selected last.", enabled=_two,
           scope="canvas", separate=True),
    Action("canvas.disconnect", "Disconnect", "Pipeline", lambda c: c.window.canvas.disconnect_selected(), "X",
           tip="Remove the connections of the selected steps, or the selected connection.", enabled=has_nodes,
           scope="canvas"),
    Action("canvas.tidy", "Tidy up", "Pipeline", lambda c: c.window.canvas.tidy(), "L", "layout",
           "Lay out all steps from left to right.", enabled=has_nodes, separate=True, scope="canvas"),
)  # fmt: skip

NODE_MENU = ("canvas.add_step", "", "run.selected", "canvas.mute", "canvas.measure", "", "canvas.duplicate",
             "edit.cut", "edit.copy", "edit.paste", "", "canvas.connect", "canvas.disconnect", "edit.delete", "",
             "model.export")  # fmt: skip
"""Context menu of nodes; an empty name is a line."""
EDGE_MENU = ("canvas.add_step", "", "edit.delete")
EMPTY_MENU = ("canvas.add_step", "canvas.add_model", "edit.paste", "", "edit.select_all", "canvas.tidy", "",
              "canvas.fit", "canvas.full_size")  # fmt: skip
