"""How results are called and coloured in charts: as the nodes that gave them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from compress_studio.engine.variants import Variant, variant_id
from compress_studio.gui.nodeview import NodeView, describe_params
from compress_studio.gui.views import title_of

if TYPE_CHECKING:
    from compress_studio.gui.session import Session


@dataclass(frozen=True, slots=True)
class Named:
    """How a result is called and coloured."""

    node: str
    """Of the pipeline, when the result is its newest; empty for former ones."""
    label: str
    group: str


def node_labels(views: Mapping[str, NodeView]) -> dict[str, str]:
    """What nodes are called; those of one step are told apart by a parameter."""
    titles = Counter(view.title for view in views.values())
    return {
        node: f"{view.title} · {view.subtitle.split(' · ')[0]}"
        if titles[view.title] > 1 and view.subtitle
        else view.title
        for node, view in views.items()
    }


def name_variants(session: Session) -> tuple[Mapping[str, Named], Mapping[str, Named]]:
    """By id of the variant: those that are the newest result of a node, and all others."""
    views, data = session.views, session.project.data
    keys = session.keys()
    labels = node_labels(views)
    current: dict[str, Named] = {}
    for node, view in views.items():
        if node in keys:
            group = "" if view.spec is None else view.spec.group.value
            current[variant_id(keys[node], data)] = Named(node, labels[node], group)
    former = {one.id: _former(session, one) for one in session.variants.rows if one.id not in current}
    return current, former


def _former(session: Session, one: Variant) -> Named:
    node = one.recipe.node(one.node)
    spec = session.runtime.steps.get(node.step) if node.step in session.runtime.steps else None
    detail = "" if spec is None or not one.source else describe_params(spec, node.params)
    title = title_of(node, spec)
    return Named("", f"{title} · {detail}" if detail else title, "" if spec is None else spec.group.value)
