"""What the step library lists: groups, steps with whether they apply, and plug-ins that could not be loaded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from compress_studio.gui.stepwords import in_words
from compress_studio.project.pipeline import SOURCE_STEP, TEACHER, NodeId
from compress_studio.spec.registry import Broken, StepRegistry
from compress_studio.spec.step import Group, StepSpec, Verdict

if TYPE_CHECKING:
    from compress_studio.gui.session import Session

HEADER, STEP, BROKEN = "header", "step", "broken"
MENTIONED = 2
"""Rank of steps whose help merely mentions what is searched: shown when there is nothing better."""


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
    rank: int = 0
    """How well it fits the search; 0 is best."""

    @property
    def tip(self) -> str:
        """The tooltip: theory, needs, and what stands against it."""
        return "\n\n".join(one for one in (self.summary, self.needs, f"{self.reason} {self.hint}".strip()) if one)


@dataclass(frozen=True, slots=True)
class LibraryState:
    """Everything the library shows."""

    rows: tuple[LibraryRow, ...] = ()
    search: str = ""
    best: str = ""
    """Id of the step that Enter adds after a search."""


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


def rank(spec: StepSpec, search: str) -> int | None:
    """How well a step fits a search: 0 it is called so, 1 its summary says so, 2 its help does; None: not at all."""
    fields = " ".join(f"{one.ui.label} {one.ui.help}" for one in spec.params.fields())
    name = f"{spec.title} {spec.id} {spec.group.value}"
    words = search.casefold().split()
    text = ""
    for place, more in enumerate((name, spec.summary, f"{spec.help} {fields}")):
        text += f" {more.casefold()}"
        if all(word in text for word in words):
            return place
    return None


def best_match(steps: StepRegistry, rows: Iterable[LibraryRow], search: str) -> str:
    """The id of the step that Enter adds: the one that is called so, else the one that fits best; empty for none."""
    wanted = search.casefold().strip()

    def distance(row: LibraryRow) -> tuple[bool, bool, bool, int]:
        names = (row.title.casefold(), steps.get(row.step).id.casefold())
        return (
            wanted not in names,
            not any(one.startswith(wanted) for one in names),
            not any(wanted in one for one in names),
            row.rank,
        )

    found = min((row for row in rows if row.kind == STEP), key=distance, default=None)
    return "" if found is None else found.step


def library_rows(
    steps: StepRegistry, facts: Mapping[str, Any] | None = None, search: str = "", broken: Iterable[Broken] = ()
) -> tuple[LibraryRow, ...]:
    """The lines of the library for a search."""
    rows: list[LibraryRow] = []
    ranks = {one.id: place for one in steps if (place := rank(one, search)) is not None and one.id != SOURCE_STEP}
    told = {name: place for name, place in ranks.items() if place < MENTIONED} or ranks
    for group in Group:
        found = [one for one in steps if one.group is group and one.id in told]
        if not found:
            continue
        rows.append(LibraryRow(HEADER, group.value, group.value))
        for spec in sorted(found, key=lambda one: told[one.id]):
            said = verdict(spec, facts)
            reason = "" if said.ok else in_words(said.reason, spec, steps)
            rows.append(
                LibraryRow(
                    STEP,
                    spec.title,
                    group.value,
                    spec.id,
                    spec.summary,
                    needs_text(spec),
                    reason,
                    in_words(said.hint, spec, steps),
                    told[spec.id],
                )
            )
    failed = [one for one in broken if search.casefold() in f"{one.name} {one.distribution}".casefold()]
    if failed:
        rows.append(LibraryRow(HEADER, "Plug-ins that failed", Group.CUSTOM.value))
    for one in failed:
        last = one.error.strip().splitlines()[-1] if one.error.strip() else "It could not be loaded."
        rows.append(LibraryRow(BROKEN, one.name, Group.CUSTOM.value, summary=f"From {one.distribution}.", reason=last))
    return tuple(rows)


def target_node(session: Session) -> NodeId | None:
    """The node behind which a step would be added: the end of the line that the selected node is in, else the last.

    A branch is made on the canvas, where it can be seen; adding a step never makes one by the way.
    """
    last = session.project.pipeline.last()
    node = session.current or (None if last is None else last.id)
    while node is not None:
        following = [edge.dst for edge in session.project.pipeline.outputs_of(node) if edge.inp != TEACHER]
        if not following:
            break
        node = following[-1]
    return node


def target_facts(session: Session) -> Mapping[str, Any] | None:
    """Facts of the network that would arrive at a new step; of its source while its own result is not there."""
    node = target_node(session)
    if node is None:
        return None
    source = session.project.pipeline.source_of(node)
    return session.facts.of_node(node) or (session.facts.of_node(source) if source is not None else None)
