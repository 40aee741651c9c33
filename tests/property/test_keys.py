"""Keys: what may change a result changes its key, and nothing else does."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from compress_studio.engine.keys import Surroundings, action_key, meter_key, version_of
from compress_studio.spec.step import StepSpec, spec_of
from tests.toys import steps as toys

DIGESTS = st.text("0123456789abcdef", min_size=40, max_size=40)
DOUBLE = spec_of(toys.double)
AROUND = st.builds(Surroundings, st.integers(0, 99), DIGESTS, st.sampled_from(["cpu", "cuda"]))


@st.composite
def actions(draw: st.DrawFn) -> tuple[StepSpec, float, str, Surroundings]:
    spec = replace(
        DOUBLE,
        version=draw(st.integers(1, 3)),
        random=draw(st.booleans()),
        needs_data=draw(st.booleans()),
        uses_device=draw(st.booleans()),
        depends_on=draw(st.sampled_from([(), ("torch",), ("torch", "onnxruntime")])),
    )
    return spec, draw(st.sampled_from([1.0, 2.0, 3.0])), draw(DIGESTS), draw(AROUND)


def key(action: tuple[StepSpec, float, str, Surroundings], comment: str = "") -> str:
    spec, by, network, around = action
    return action_key(spec, toys.Factor(by=by, comment=comment), {"network": network}, around)


def meaning(action: tuple[StepSpec, float, str, Surroundings]) -> tuple[object, ...]:
    """What the result depends on, said in another way."""
    spec, by, network, around = action
    return (
        spec.version,
        by,
        network,
        spec.depends_on,
        around.seed if spec.random else None,
        around.data if spec.needs_data else None,
        around.device if spec.uses_device else None,
    )


@given(actions(), actions())
def test_keys_are_equal_exactly_when_the_results_must_be(
    one: tuple[StepSpec, float, str, Surroundings], other: tuple[StepSpec, float, str, Surroundings]
) -> None:
    assert (key(one) == key(other)) == (meaning(one) == meaning(other))


@given(actions(), AROUND)
def test_what_a_step_does_not_use_is_not_in_its_key(
    action: tuple[StepSpec, float, str, Surroundings], around: Surroundings
) -> None:
    spec, by, network, before = action
    plain = replace(spec, random=False, needs_data=False, uses_device=False)
    assert key((plain, by, network, before), "a comment") == key((plain, by, network, around))


@given(actions(), DIGESTS)
def test_data_count_for_a_source_only_when_it_looks_at_samples(
    action: tuple[StepSpec, float, str, Surroundings], data: str
) -> None:
    spec, by, network, before = action
    around = replace(before, data=data)
    for asks in (True, False):
        asking = replace(spec, needs_data=False, asks_data=lambda _, asks=asks: asks)
        same = key((asking, by, network, before)) == key((asking, by, network, around))
        assert same == (not asks or before.data == data)


@given(DIGESTS, DIGESTS)
def test_an_unconnected_input_is_not_the_same_as_a_connected_one(network: str, teacher: str) -> None:
    add = spec_of(toys.add)
    keys = {
        action_key(add, toys.Amount(), {"network": network, "teacher": one}, Surroundings()) for one in (None, teacher)
    }
    assert len(keys) == 2


@given(DIGESTS, st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=5) | st.none(), max_size=4))
def test_a_measurement_is_named_by_subject_meter_version_and_conditions(
    subject: str, conditions: dict[str, int | str | None]
) -> None:
    same = meter_key(subject, toys.COUNT, dict(reversed(conditions.items())))
    assert meter_key(subject, toys.COUNT, conditions) == same
    assert meter_key(subject, toys.RATIO, conditions) != same
    assert meter_key(subject, replace(toys.COUNT, version=2), conditions) != same
    assert meter_key(subject, toys.COUNT, {**conditions, "another": 1}) != same


def test_versions_are_found_without_importing() -> None:
    assert version_of("pydantic")[0].isdigit()
    assert version_of("a-distribution-that-nobody-has") == "none"
