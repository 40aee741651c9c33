"""The actions of this part of the window."""

from __future__ import annotations

from typing import TYPE_CHECKING

from compress_studio.gui.action import Action
from compress_studio.gui.weights.offer import holds_weights

if TYPE_CHECKING:
    from compress_studio.gui.commands import Commands
    from compress_studio.project.pipeline import NodeId


def _source(commands: Commands) -> NodeId | None:
    """The source of weights that is selected, else the first one."""
    sources = [one for one in commands.session.project.pipeline.sources() if holds_weights(one)]
    chosen = [one.id for one in sources if one.id in commands.session.selection]
    return next(iter([*chosen, *(one.id for one in sources)]), None)


def _review(commands: Commands) -> None:
    node = _source(commands)
    if node is not None:
        commands.review_code(node)


ACTIONS: tuple[Action, ...] = (
    Action(
        "weights.network",
        "Network of the weights…",
        "Pipeline",
        _review,
        tip="See the tensors of the weights, and the code that makes their network.",
        enabled=lambda c: _source(c) is not None,
    ),
)
