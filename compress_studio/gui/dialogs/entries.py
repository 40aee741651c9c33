"""What the command palette offers: the actions, the steps of the library, the nodes of the pipeline."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtGui import QKeySequence

from compress_studio.gui.panels.step_rows import target_node
from compress_studio.project.edits import append_step
from compress_studio.spec.step import Group, StepSpec

if TYPE_CHECKING:
    from compress_studio.gui.commands import Commands


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the palette."""

    title: str
    does: Callable[[], object]
    kind: str = ""
    """Where it belongs: the menu, the group of the step, the state of the node."""
    keys: str = ""
    tip: str = ""
    enabled: bool = True


def all_entries(commands: Commands) -> list[Entry]:
    """Everything that can be done now; what is not possible at the moment comes last."""
    entries = [*_actions(commands), *_nodes(commands), *_steps(commands)]
    return sorted(entries, key=lambda entry: not entry.enabled)


def keys_text(keys: str) -> str:
    """The first shortcut of an action as this system writes it."""
    first = keys.partition(", ")[0]
    return QKeySequence(first).toString(QKeySequence.SequenceFormat.NativeText) if first else ""


def _actions(commands: Commands) -> Iterator[Entry]:
    from compress_studio.gui.actions import ACTIONS

    for one in ACTIONS:
        if one.id != "palette.open":
            yield Entry(
                commands.window.actions_by_id[one.id].text(),
                partial(one.does, commands),
                one.menu,
                keys_text(one.keys),
                one.tip or one.title,
                one.enabled(commands),
            )


def _nodes(commands: Commands) -> Iterator[Entry]:
    session = commands.session
    for node, view in session.views.items():
        title = f"Go to {view.title}" + (f" ({view.subtitle})" if view.subtitle else "")
        yield Entry(title, partial(session.select, (node,)), "Node", tip="Select this node")


def _steps(commands: Commands) -> Iterator[Entry]:
    possible = len(commands.session.project.pipeline) > 0
    for spec in commands.session.runtime.steps:
        if spec.group is not Group.SOURCE:
            does = partial(_add, commands, spec)
            yield Entry(f"Add: {spec.title}", does, spec.group.value, tip=spec.summary, enabled=possible)


def _add(commands: Commands, spec: StepSpec) -> None:
    """Add a step behind the selected node, or at the end, and select it."""
    session = commands.session
    before = {node.id for node in session.project.pipeline.nodes}
    steps = session.runtime.steps
    if session.edit(f"Add {spec.title}", append_step(spec.id, {}, steps, after=target_node(session))):
        session.select(node.id for node in session.project.pipeline.nodes if node.id not in before)
