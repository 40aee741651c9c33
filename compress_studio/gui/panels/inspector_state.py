"""What the inspector shows, as a value read from the session."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from compress_studio.gui.forms.wording import is_shown, plain
from compress_studio.gui.nodeview import NodeView
from compress_studio.gui.panels.inspector_preview import PreviewShown
from compress_studio.gui.previews import PreviewWord
from compress_studio.project.files import SOURCE_PATH
from compress_studio.project.pipeline import NETWORK, SOURCE_STEP, NodeId
from compress_studio.spec.params import Field
from compress_studio.spec.step import StepSpec

if TYPE_CHECKING:
    from compress_studio.gui.previews import Previews
    from compress_studio.gui.session import Session

DIMS = "dims"
"""The parameter of a source that gives sizes of free dimensions."""


@dataclass(frozen=True, slots=True)
class InspectorState:
    """Which nodes are selected, and what is known of the one whose form is shown."""

    views: tuple[NodeView, ...] = ()
    preview: PreviewShown = field(default_factory=PreviewShown)
    facts: Mapping[str, Any] | None = None
    """Of a source: what its model is."""
    facts_message: str = ""
    layers: tuple[str, ...] = ()
    """Names of the layers that arrive."""

    @property
    def view(self) -> NodeView | None:
        """The one node that is selected."""
        return self.views[0] if len(self.views) == 1 else None


def read_state(session: Session, previews: Previews) -> InspectorState:
    """What is to be shown now."""
    views = tuple(session.views[one] for one in session.selection if one in session.views)
    if len(views) != 1:
        return InspectorState(views)
    view = views[0]
    before = facts_before(session, view.node.id)
    layers = tuple(str(row["name"]) for row in (before or {}).get("layers") or ())
    facts, message = (None, "") if view.node.step != SOURCE_STEP else source_facts(session, view.node.id)
    return InspectorState(views, read_preview(previews, view, before), facts, message, layers)


def read_preview(previews: Previews, view: NodeView, before: Mapping[str, Any] | None) -> PreviewShown:
    """What the preview of a node shows now."""
    node, spec = view.node.id, view.spec
    state = previews.state(node)
    if spec is None or (state.word is PreviewWord.NONE and not state.estimates):
        return PreviewShown()
    failure = previews.estimate_failure(node)
    message = " ".join(part if part.endswith((".", "…")) else f"{part}…" for part in (state.reason, state.hint) if part)
    if failure is not None:
        message += f" The step could not be tried: {failure.message[:1].lower()}{failure.message[1:]} {failure.hint}"
    override, spared = override_field(spec, view.node.params), spare_field(spec)
    own: Any = {} if override is None else view.node.params.get(override.name) or {}
    alone: Any = () if spared is None else view.node.params.get(spared.name) or ()
    return PreviewShown(
        prediction=previews.prediction(node),
        before=before,
        estimate=previews.estimate(node),
        estimating=previews.estimating(node),
        message=message,
        overrides=dict(own),
        override_field=override,
        spared=tuple(alone),
        spare_field=spared,
    )


def override_field(spec: StepSpec, values: Mapping[str, Any]) -> Field | None:
    """The parameter that holds values of single layers, while it matters."""
    full = {one.name: plain(values.get(one.name, one.default)) for one in spec.params.fields()}
    return next(
        (one for one in spec.params.fields() if one.kind == "map" and one.ui.per_layer and is_shown(one, full)), None
    )


def spare_field(spec: StepSpec) -> Field | None:
    """The parameter that names layers to be left alone."""
    return next((one for one in spec.params.fields() if one.kind == "list" and one.ui.per_layer), None)


def facts_before(session: Session, node: NodeId) -> Mapping[str, Any] | None:
    """Facts of the nearest network upwards that has been computed."""
    pipeline = session.project.pipeline
    while node in pipeline:
        edges = pipeline.inputs_of(node)
        edge = edges.get(NETWORK) or next(iter(edges.values()), None)
        if edge is None:
            return None
        if session.artifact_of(edge.src) is not None:
            return session.facts.of_node(edge.src)
        node = edge.src
    return None


def source_facts(session: Session, node: NodeId) -> tuple[Mapping[str, Any] | None, str]:
    """Facts of an opened model, or why there are none."""
    found = session.artifact_of(node)
    if found is None:
        path = str(session.project.pipeline.node(node).params.get(SOURCE_PATH) or "")
        return None, "The model is not opened yet. Run it (F5)." if path and not session.running else ""
    facts = session.facts.of_file(found[0], found[1])
    if facts is not None:
        return facts, ""
    failure = session.facts.failure(found[1])
    return None, "Looking at the model…" if failure is None else f"{failure.message} {failure.hint}".strip()
