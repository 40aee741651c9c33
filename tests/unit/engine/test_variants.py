"""Variants: readings of different networks or samples are never mixed, and files keep everything."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from compress_studio.engine.runstate import NodeResult, Stage
from compress_studio.engine.variants import Variant, Variants, variant_id
from compress_studio.project.pipeline import Edge, Node, Pipeline
from compress_studio.project.project import Project
from compress_studio.spec.data import DataRequest
from compress_studio.spec.meter import Reading

LINE = Pipeline(
    (Node("s", "source.model", {"path": "m"}), Node("p", "prune", {"by": 1})), (Edge("s", "network", "p", "network"),)
)
DATA = DataRequest("/d.npz")


def result(digest: str = "d", data: str = "x", /, **readings: float) -> NodeResult:
    return NodeResult(
        Stage.DONE,
        digest,
        readings={name: (Reading(name, value),) for name, value in readings.items()},
        conditions={name: {"data": data} if name != "size" else {} for name in readings},
    )


def added(variants: Variants, one: NodeResult, project: Project | None = None) -> Variants:
    return variants.with_result("k", project or Project(LINE, DATA), "p", one, "ks", 1.0)


def test_readings_that_come_one_after_the_other_are_one_variant() -> None:
    first = added(Variants(), result(size=1.0))
    both = added(first, result(accuracy=0.9))
    assert set(both.rows[0].result.readings) == {"size", "accuracy"}
    assert set(both.rows[0].result.conditions) == {"size", "accuracy"}
    assert added(both, result(size=1.0)) is both, "nothing is new"


def test_readings_of_another_network_under_the_same_key_replace_all_of_before() -> None:
    """A step that is not deterministic and ran again."""
    both = added(Variants(), result(size=1.0, accuracy=0.9))
    assert set(added(both, result("other", size=2.0)).rows[0].result.readings) == {"size"}


def test_readings_on_other_samples_are_not_put_beside_those_of_before() -> None:
    """The file of the data changed, its name did not."""
    both = added(Variants(), result(size=1.0, accuracy=0.9, agreement=0.8))
    after = added(both, result("d", "y", agreement=0.7)).rows[0].result
    assert set(after.readings) == {"size", "agreement"}
    assert after.readings["agreement"][0].value == 0.7


def test_data_and_options_tell_variants_apart_and_a_star_stays() -> None:
    one = added(Variants(), result(size=1.0))
    starred = one.starred(one.rows[0].id, star=True)
    two = added(starred, result(size=1.0), Project(LINE, DataRequest("/d.npz", {"labels": "y"})))
    assert len(two.rows) == 2
    assert added(two, result(size=3.0)).get(one.rows[0].id) is not None
    assert added(two, result(size=3.0)).rows[0].starred
    assert variant_id("k", DATA) != variant_id("k", DataRequest("/d.npz", seed=1))


@given(
    st.dictionaries(st.sampled_from(["size", "accuracy", "latency"]), st.floats(allow_nan=False), min_size=1),
    st.integers(0, 99),
    st.booleans(),
    st.sampled_from([DataRequest(), DATA, DataRequest("/d", {"limit": 3}, 2)]),
)
def test_a_variant_is_the_same_after_a_file(
    readings: dict[str, float], seed: int, star: bool, data: DataRequest
) -> None:
    made = added(Variants(), result("d", "x", **readings), Project(LINE, data, seed=seed, device="cpu"))
    made = made.starred(made.rows[0].id, star=star)
    back = Variants.from_json(json.loads(json.dumps(made.to_json())))
    (one,), (before,) = back.rows, made.rows
    assert one.to_json() == before.to_json()
    assert (one.data_request, one.seed, one.device, one.starred) == (data, seed, "cpu", star)


def test_rows_of_older_files_are_read() -> None:
    row = dict(added(Variants(), result(size=1.0)).rows[0].to_json())
    for name in ("options", "data_seed", "seed", "device"):
        del row[name]
    one = Variant.from_json(row)
    assert (one.data_request, one.seed, one.device) == (DATA, 0, "auto")
