"""What is measured on which nodes, under which conditions, and what was measured before."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache

from compress_studio.base.digest import Json, digest_json
from compress_studio.base.errors import BadInput
from compress_studio.base.processor import processor
from compress_studio.engine.cache import Store
from compress_studio.engine.keys import meter_key, version_of
from compress_studio.engine.records import Measurement
from compress_studio.engine.settings import RunSettings
from compress_studio.project.pipeline import NodeId
from compress_studio.project.project import MeterUse, Project
from compress_studio.spec.meter import MeterSpec
from compress_studio.spec.registry import MeterRegistry


@dataclass(frozen=True, slots=True)
class Subject:
    """The result of a node as a meter sees it."""

    node: NodeId
    digest: str
    reference: str
    """Digest of the source of its pipeline."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """One measurement that is wanted, with the key under which it is kept."""

    subject: Subject
    spec: MeterSpec
    use: MeterUse
    key: str
    conditions: Mapping[str, Json]


class Measuring:
    """The meters of one run. Meters that this program does not know are told by unknown."""

    def __init__(
        self, project: Project, meters: MeterRegistry, store: Store, settings: RunSettings, data_digest: str
    ) -> None:
        self._store = store
        self._settings = settings
        self._data_digest = data_digest
        self._synthetic = not settings.data_of(project).path
        self._seed = settings.seed_of(project)
        self._measured = {node.id for node in project.pipeline if node.measured}
        self.unknown: dict[str, BadInput] = {}
        self._uses: list[tuple[MeterUse, MeterSpec]] = []
        for use in project.meters if settings.measure else ():
            try:
                self._uses.append((use, meters.get(use.id)))
            except BadInput as error:
                self.unknown[use.id] = error

    def soon(self, subject: Subject) -> list[Wanted]:
        """What is measured as soon as the node is done."""
        return self._wanted(subject, together=False)

    def last(self, subjects: Iterable[Subject]) -> list[list[Wanted]]:
        """What is measured at the end, all subjects of a meter and a reference in one session."""
        groups: dict[tuple[str, str, str], list[Wanted]] = {}
        for subject in subjects:
            for one in self._wanted(subject, together=True):
                session = (one.spec.id, digest_json(dict(one.use.params)), one.subject.reference)
                groups.setdefault(session, []).append(one)
        return list(groups.values())

    def known(self, wanted: Wanted) -> Measurement | None:
        """The measurement taken before, if it may be used."""
        return self._store.measurement(wanted.key) if self._settings.use_cache else None

    def remembered(self, subject: Subject) -> list[Measurement]:
        """All that was measured of a subject before under the conditions of this run."""
        wanted = [*self._wanted(subject, together=False), *self._wanted(subject, together=True)]
        return [known for one in wanted if (known := self.known(one)) is not None]

    def threads(self, spec: MeterSpec) -> int:
        """How many threads a meter uses: what the user asked for where the result depends on it."""
        return self._settings.threads if spec.per_machine or spec.together else self._settings.compute_threads

    def _wanted(self, subject: Subject, *, together: bool) -> list[Wanted]:
        if subject.node not in self._measured:
            return []
        rows: list[Wanted] = []
        for use, spec in self._uses:
            if spec.together is together:
                conditions = self._conditions(spec, use, subject)
                rows.append(Wanted(subject, spec, use, meter_key(subject.digest, spec, conditions), conditions))
        return rows

    def _conditions(self, spec: MeterSpec, use: MeterUse, subject: Subject) -> Mapping[str, Json]:
        """Everything that the readings depend on besides the subject itself."""
        rows: dict[str, Json] = {"versions": {name: version_of(name) for name in spec.depends_on}}
        if use.params:
            rows["params"] = dict(use.params)
        if spec.needs_data:
            rows |= {"data": self._data_digest, "seed": self._seed, "synthetic": self._synthetic}
        if spec.needs_reference or spec.together:
            rows["reference"] = subject.reference
        if spec.per_machine:
            rows |= {"machine": machine_id(), "threads": self.threads(spec)}
        return rows


@cache
def machine_id() -> str:
    """Names the kind of processor, its instructions and the system: timings hold for one of these only."""
    machine = processor()
    flags = " ".join(sorted(machine.flags))
    return digest_json([platform.system(), platform.machine(), machine.name, flags, machine.count])
