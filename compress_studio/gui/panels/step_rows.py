"""What the step library lists: groups, steps with whether they apply, and plug-ins that could not be loaded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from compress_studio.project.pipeline import SOURCE_STEP, NodeId
from compress_studio.spec.registry import Broken, StepRegistry
from compress_studio.spec.step import Group, StepSpec, Verdict

if TYPE_CHECKING:
    from compress_studio.gui.session import Session

HEADER, STEP, BROKEN = "header", "step", "broken"


@dataclass(frozen=True, slots=True)
class LibraryRow:
    """One line of the library."""

    kind: str
    title: str
    group: str
    """Value of spec.step.Group: the colour."""
    step: str = ""
    summary: str = ""
    needs: str = ""
    reason: str = ""
    """Why the step does not apply; empty when it does."""
    hint: str = ""

    @property
    def tip(self) -> str:
        """The tooltip: theory, needs, and what stands against it."""
        return "\n\n".join(one for one in (self.summary, self.needs, f"{self.reason} {self.hint}".strip()) if one)


@dataclass(frozen=True, slots=True)
class LibraryState:
    """Everything the library shows."""

    rows: tuple[LibraryRow, ...] = ()
    search: str = ""


def needs_text(spec: StepSpec) -> str:
    """What a step needs besides a model."""
    if spec.group is Group.TRAIN:
        return "Trains on your data."
    if spec.needs_data:
        return "Uses samples of your data; random inputs where there are none."
    return "Needs no data."


def verdict(spec: StepSpec, facts: Mapping[str, Any] | None) -> Verdict:
    """Whether a step applies to a network with its default parameters; yes while the network is unknown."""
    if spec.applies is None or facts is None:
        return Verdict.yes()
    try:
        return spec.applies(facts, spec.params.read({}))
    except Exception as error:  # noqa: BLE001 - a plug-in may raise anything; the step itself will say more
        return Verdict.no(f"It cannot be told whether this step applies: {error}")


def matches(spec: StepSpec, search: str) -> bool:
    """Whether all words of a search stand in title, id, group, summary, help or parameters of a step."""
    fields = " ".join(f"{one.ui.label} {one.ui.help}" for one in spec.params.fields())
    text = " ".join((spec.title, spec.id, spec.group.value, spec.summary, spec.help, fields)).casefold()
    return all(word in text for word in search.casefold().split())


def rank(spec: StepSpec, search: str) -> int:
    """Steps that are called so come before those that merely mention it."""
    words = search.casefold().split()
    name = f"{spec.title} {spec.id}".casefold()
    return 0 if not words or all(word in name for word in words) else 1


def library_rows(
    steps: StepRegistry, facts: Mapping[str, Any] | None = None, search: str = "", broken: Iterable[Broken] = ()
) -> tuple[LibraryRow, ...]:
    """The lines of the library for a search."""
    rows: list[LibraryRow] = []
    for group in Group:
        found = [one for one in steps if one.group is group and one.id != SOURCE_STEP and matches(one, search)]
        if not found:
            continue
        rows.append(LibraryRow(HEADER, group.value, group.value))
        for spec in sorted(found, key=lambda one: rank(one, search)):
            said = verdict(spec, facts)
            reason = "" if said.ok else said.reason
            rows.append(
                LibraryRow(STEP, spec.title, group.value, spec.id, spec.summary, needs_text(spec), reason, said.hint)
            )
    failed = [one for one in broken if search.casefold() in f"{one.name} {one.distribution}".casefold()]
    if failed:
        rows.append(LibraryRow(HEADER, "Plug-ins that failed", Group.CUSTOM.value))
    for one in failed:
        last = one.error.strip().splitlines()[-1] if one.error.strip() else "It could not be loaded."
        rows.append(LibraryRow(BROKEN, one.name, Group.CUSTOM.value, summary=f"From {one.distribution}.", reason=last))
    return tuple(rows)


def target_node(session: Session) -> NodeId | None:
    """The node behind which a step would be added: the selected one, else the last."""
    if session.current is not None:
        return session.current
    last = session.project.pipeline.last()
    return None if last is None else last.id


def target_facts(session: Session) -> Mapping[str, Any] | None:
    """Facts of the network that would arrive at a new step; of its source while its own result is not there."""
    node = target_node(session)
    if node is None:
        return None
    source = session.project.pipeline.source_of(node)
    return session.facts.of_node(node) or (session.facts.of_node(source) if source is not None else None)
