"""Every action of the window in one list: menus, toolbar, shortcut page, palette and help are built from it."""

from __future__ import annotations

from compress_studio.gui.action import Action, can_redo, can_undo, has_nodes, has_selection, running
from compress_studio.gui.canvas.actions import ACTIONS as CANVAS
from compress_studio.gui.charts.actions import ACTIONS as CHARTS
from compress_studio.gui.dialogs.actions import ACTIONS as DIALOGS
from compress_studio.gui.panels.actions import ACTIONS as PANELS
from compress_studio.gui.weights.actions import ACTIONS as WEIGHTS

MENUS = ("File", "Edit", "View", "Pipeline", "Run", "Window", "Help")

BASIC: tuple[Action, ...] = (
    Action("project.new", "New project", "File", lambda c: c.new_project(), "Ctrl+N", "new"),
    Action("model.open", "Open model or project…", "File", lambda c: c.open_dialog(), "Ctrl+O", "open"),
    Action("data.open", "Choose data…", "File", lambda c: c.data_dialog(), "Ctrl+D", "data",
           "Choose the file of samples to calibrate, train and measure with."),
    Action("data.folder", "Choose a folder of data…", "File", lambda c: c.data_folder_dialog(), "Ctrl+Shift+O",
           "folder", "Choose a folder of samples, such as pictures sorted into folders."),
    Action("project.save", "Save", "File", lambda c: c.save(), "Ctrl+S", "save", enabled=has_nodes, separate=True),
    Action("project.save_as", "Save as…", "File", lambda c: c.save_as(), "Ctrl+Shift+S", enabled=has_nodes),
    Action("model.export", "Export…", "File", lambda c: c.export(), "Ctrl+E", "export", "Write the network of the "
           "selected node to a file.", enabled=has_nodes, separate=True),
    Action("app.settings", "Settings…", "File", lambda c: c.show_settings(), "Ctrl+,", "settings", separate=True),
    Action("app.quit", "Quit", "File", lambda c: c.quit(), "Ctrl+Q", separate=True),
    Action("edit.undo", "Undo", "Edit", lambda c: c.session.undo(), "Ctrl+Z", "undo", enabled=can_undo),
    Action("edit.redo", "Redo", "Edit", lambda c: c.session.redo(), "Ctrl+Shift+Z, Ctrl+Y", "redo", enabled=can_redo),
    Action("run.all", "Run", "Run", lambda c: c.run(), "F5", "run", "Compute and measure what is stale.",
           enabled=has_nodes),
    Action("run.selected", "Run to the selected node", "Run", lambda c: c.run_selected(), "Shift+F5",
           enabled=has_selection),
    Action("run.again", "Run again without the cache", "Run", lambda c: c.run(again=True), enabled=has_nodes),
    Action("run.stop", "Stop", "Run", lambda c: c.session.stop(), "Shift+Esc", "stop", enabled=running,
           separate=True),
    Action("runs.compare", "Compare two results…", "View", lambda c: c.window.runs.compare(), icon="compare",
           tip="Put two results side by side.", enabled=lambda c: len(c.session.variants.rows) > 1),
    Action("run.device", "Device…", "Run", lambda c: c.show_device(), icon="cpu",
           tip="What this machine computes with, and what training runs on.", separate=True),
)  # fmt: skip
ACTIONS: tuple[Action, ...] = (*BASIC, *CANVAS, *CHARTS, *PANELS, *WEIGHTS, *DIALOGS)
