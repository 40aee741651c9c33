"""The actions of the charts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from compress_studio.gui.action import Action

if TYPE_CHECKING:
    from compress_studio.gui.commands import Commands


def _has_drawing(commands: Commands) -> bool:
    if not commands.window.finished:
        return False
    seen = commands.window.charts.seen
    return seen is not None and seen.drawn


def _show(commands: Commands, name: str) -> None:
    commands.window.charts_dock.show()
    commands.window.charts.show_tab(name)


def _save(commands: Commands, ending: str) -> None:
    seen = commands.window.charts.seen
    if seen is not None:
        seen.ask_and_save(ending)


def _copy(commands: Commands) -> None:
    seen = commands.window.charts.seen
    if seen is not None:
        seen.copy_picture()


ACTIONS: tuple[Action, ...] = (
    Action("charts.tradeoff", "Trade-off", "View", lambda c: _show(c, "tradeoff"), "Alt+1", "chart", "Quality against "
           "size, speed or work.", separate=True),
    Action("charts.training", "Training", "View", lambda c: _show(c, "training"), "Alt+2", tip="Loss and error as a "
           "training goes on."),
    Action("charts.latency", "Latency", "View", lambda c: _show(c, "latency"), "Alt+3", tip="Time of one inference "
           "of every result."),
    Action("charts.layers", "Layers", "View", lambda c: _show(c, "layers"), "Alt+4", tip="Every layer before and "
           "after."),
    Action("charts.weights", "Weights", "View", lambda c: _show(c, "weights"), "Alt+5", tip="How the weights of a "
           "layer are distributed."),
    Action("charts.network", "Model graph", "View", lambda c: _show(c, "network"), "Alt+6", tip="The inside of the "
           "network."),
    Action("charts.png", "Save the chart as PNG…", "", lambda c: _save(c, "png"), enabled=_has_drawing),
    Action("charts.svg", "Save the chart as SVG…", "", lambda c: _save(c, "svg"), enabled=_has_drawing),
    Action("charts.csv", "Save the chart's numbers as CSV…", "", lambda c: _save(c, "csv"), enabled=_has_drawing),
    Action("charts.copy", "Copy the chart as a picture", "", _copy, enabled=_has_drawing),
)  # fmt: skip
