"""Variants: every result that was measured, with the recipe that gave it, kept with the project for comparison."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, cast

from compress_studio.base.digest import Json, digest_json
from compress_studio.base.errors import UserError
from compress_studio.engine.records import JsonObject, reading_from_json, reading_to_json
from compress_studio.engine.runstate import NodeResult, Stage
from compress_studio.project.pipeline import SOURCE_STEP, Edge, Node, NodeId, Pipeline
from compress_studio.project.project import Project
from compress_studio.spec.data import DataRequest

SAMPLES = ("data", "seed")
"""Conditions of measurements that name the samples."""
EXTRA = "variants"
"""Name under which a project file holds its variants."""


@dataclass(frozen=True, slots=True)
class Variant:
    """One measured result and how it came to be."""

    id: str
    """Digest of the result's key and the data: the same recipe measured again is the same variant."""
    number: int
    """1, 2, 3 … in the order in which they were measured."""
    node: NodeId
    """Of the node that gave it, as it was called then."""
    source: str
    """Id of the variant of its source; empty for a source itself."""
    recipe: Pipeline
    """The node with everything it depends on."""
    result: NodeResult
    at: float = 0.0
    """Seconds since the epoch."""
    starred: bool = False
    data: str = ""
    """Path of the data set; empty: synthetic."""
    options: Mapping[str, Json] = field(default_factory=dict[str, "Json"])
    """Of the data set."""
    data_seed: int = 0
    seed: int = 0
    device: str = "auto"
    """As the project named it when the result was made."""

    @property
    def data_request(self) -> DataRequest:
        """The data set that it was made with and measured on."""
        return DataRequest(self.data, self.options, self.data_seed)

    @property
    def synthetic(self) -> bool:
        """Whether something was measured on synthetic inputs."""
        return any(row.get("synthetic") is True for row in self.result.conditions.values())

    @property
    def threads(self) -> int:
        """Processor threads of its timings."""
        known = (row["threads"] for row in self.result.conditions.values() if "threads" in row)
        return next((one for one in known if isinstance(one, int)), 1)

    def to_json(self) -> JsonObject:
        """Plain JSON. The log and the live curves are not kept."""
        nodes: list[Json] = [
            {"id": one.id, "step": one.step, "params": dict(one.params), "on": one.on, "version": one.version}
            for one in self.recipe.nodes
        ]
        edges: list[Json] = [[one.src, one.out, one.dst, one.inp] for one in self.recipe.edges]
        readings: dict[str, Json] = {
            meter: [dict(reading_to_json(one)) for one in rows] for meter, rows in self.result.readings.items()
        }
        return {
            "id": self.id,
            "number": self.number,
            "node": self.node,
            "source": self.source,
            "nodes": nodes,
            "edges": edges,
            "digest": self.result.digest,
            "report": dict(self.result.report),
            "readings": readings,
            "conditions": {meter: dict(row) for meter, row in self.result.conditions.items()},
            "seconds": self.result.seconds,
            "at": self.at,
            "starred": self.starred,
            "data": self.data,
            "options": dict(self.options),
            "data_seed": self.data_seed,
            "seed": self.seed,
            "device": self.device,
        }

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> Variant:
        """The variant that to_json wrote. Raises KeyError, TypeError, ValueError or UserError for anything else."""
        nodes = tuple(
            Node(one["id"], one["step"], one["params"], on=one["on"], version=one["version"]) for one in row["nodes"]
        )
        edges = tuple(Edge(*one) for one in row["edges"])
        readings = {meter: tuple(reading_from_json(one) for one in rows) for meter, rows in row["readings"].items()}
        result = NodeResult(
            Stage.DONE, row["digest"], "", row["report"], readings, row["conditions"], row["seconds"], cached=True
        )
        return cls(
            row["id"],
            int(row["number"]),
            row["node"],
            row["source"],
            Pipeline(nodes, edges),
            result,
            float(row["at"]),
            bool(row["starred"]),
            str(row["data"]),
            dict(row.get("options") or {}),
            int(row.get("data_seed", 0)),
            int(row.get("seed", 0)),
            str(row.get("device", "auto")),
        )


@dataclass(frozen=True, slots=True)
class Variants:
    """All variants of a project, in the order in which they were measured; immutable."""

    rows: tuple[Variant, ...] = ()
    _index: Mapping[str, int] = field(default_factory=dict[str, int])

    @classmethod
    def of(cls, rows: tuple[Variant, ...]) -> Variants:
        """These variants."""
        return cls(rows, {one.id: place for place, one in enumerate(rows)})

    def get(self, id: str) -> Variant | None:  # noqa: A002 - the word of the field
        """The variant of that id."""
        place = self._index.get(id)
        return None if place is None else self.rows[place]

    def with_result(
        self, key: str, project: Project, node: NodeId, result: NodeResult, source_key: str, at: float
    ) -> Variants:
        """With one more variant, or the same with newer readings; a result without readings is no variant.

        project: the one that gave the result. Readings of before stay only beside those of the same network and data.
        """
        if not any(result.readings.values()):
            return self
        pipeline, data = project.pipeline, project.data
        name = variant_id(key, data)
        kept = replace(result, log=(), series={}, measuring={}, meter_errors={}, error=None)
        old = self.get(name)
        if old is None:
            source = "" if pipeline.node(node).step == SOURCE_STEP else variant_id(source_key, data)
            number = max((one.number for one in self.rows), default=0) + 1
            row = Variant(
                name, number, node, source, recipe_of(pipeline, node), kept, at, False,
                data.path, data.options, data.seed, project.seed, project.device,
            )  # fmt: skip
            return Variants.of((*self.rows, row))
        merged = _with_earlier(kept, old.result)
        if _says(merged) == _says(old.result):
            return self
        return self._replaced(replace(old, result=merged, seed=project.seed, device=project.device))

    def starred(self, id: str, *, star: bool) -> Variants:  # noqa: A002
        """With the star of one variant set or taken."""
        old = self.get(id)
        return self if old is None else self._replaced(replace(old, starred=star))

    def without(self, ids: frozenset[str]) -> Variants:
        """Without some of them."""
        return Variants.of(tuple(one for one in self.rows if one.id not in ids))

    def to_json(self) -> list[JsonObject]:
        """Plain JSON for the project file."""
        return [one.to_json() for one in self.rows]

    @classmethod
    def from_json(cls, rows: Any) -> Variants:
        """What a project file holds; rows that cannot be read are left out, they are only a memory."""
        found: list[Variant] = []
        for row in cast("list[Any]", rows) if isinstance(rows, list) else []:
            try:
                found.append(Variant.from_json(row))
            except (KeyError, TypeError, ValueError, AttributeError, UserError):
                continue
        return cls.of(tuple(found))

    def _replaced(self, row: Variant) -> Variants:
        return Variants.of(tuple(row if one.id == row.id else one for one in self.rows))


def variant_id(key: str, data: DataRequest) -> str:
    """Names a result by what made it and what it was measured on."""
    parts: list[Json] = [key, data.path]
    if data.options or data.seed:
        parts += [dict(data.options), data.seed]
    return digest_json(parts)[:16]


def _with_earlier(new: NodeResult, old: NodeResult) -> NodeResult:
    """A result with those earlier readings that are of the same network, and on the same samples."""
    if old.digest != new.digest:
        return new
    seen = {name: row[name] for row in new.conditions.values() for name in SAMPLES if name in row}
    meters = [
        meter
        for meter in old.readings
        if meter not in new.readings
        and all(old.conditions.get(meter, {}).get(name, value) == value for name, value in seen.items())
    ]
    return replace(
        new,
        readings={**{meter: old.readings[meter] for meter in meters}, **new.readings},
        conditions={**{meter: old.conditions.get(meter, {}) for meter in meters}, **new.conditions},
    )


def _says(result: NodeResult) -> tuple[object, ...]:
    """What counts of a result."""
    return result.digest, result.readings, result.conditions, result.report


def recipe_of(pipeline: Pipeline, node: NodeId) -> Pipeline:
    """The part of a pipeline that a node needs: itself and everything above it."""
    wanted = {node, *pipeline.above(node)}
    nodes = tuple(one for one in pipeline.nodes if one.id in wanted)
    return Pipeline(nodes, tuple(one for one in pipeline.edges if one.src in wanted and one.dst in wanted))
