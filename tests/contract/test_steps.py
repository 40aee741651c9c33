"""The promises of every registered step, tried on every toy network."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from compress_studio.graph.saving import load, save
from compress_studio.spec import contract
from compress_studio.spec.registry import load_steps
from compress_studio.spec.step import Group, StepSpec
from compress_studio.steps.trial_networks import interface
from tests.toys import networks
from tests.toys.context import ToyData

REGISTRY = load_steps()
STEPS = list(REGISTRY)
WORKING = [spec for spec in STEPS if spec.group is not Group.SOURCE]
TYPICAL = ("conv", "transformer")
"""Networks of the checks that run a step many times."""


def by_id(spec: StepSpec) -> str:
    return spec.id


every_step = pytest.mark.parametrize("spec", STEPS, ids=by_id)
every_working_step = pytest.mark.parametrize("spec", WORKING, ids=by_id)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("networks")
    return {name: save(make(), folder / name / "model.onnx") for name, make in networks.ALL.items()}


@pytest.fixture
def bench(tmp_path: Path) -> contract.Bench:
    return contract.Bench(tmp_path, lambda path: ToyData.for_model(load(path), classes=4), interface)


def test_every_entry_point_loads() -> None:
    assert not REGISTRY.broken, [one.error for one in REGISTRY.broken]
    assert STEPS


@pytest.mark.parametrize(
    "check",
    [
        contract.check_declaration,
        contract.check_parameters,
        contract.check_defaults,
        contract.check_refused_values,
        contract.check_rendering,
    ],
    ids=lambda check: check.__name__,
)
@every_step
def test_the_declaration_is_complete(spec: StepSpec, check: Callable[[StepSpec], None]) -> None:
    check(spec)


@every_step
def test_a_no_comes_with_a_reason(spec: StepSpec, files: dict[str, Path]) -> None:
    from compress_studio.graph.facts import inspect

    for path in files.values():
        contract.check_applies(spec, inspect(path))


@pytest.mark.parametrize("name", networks.ALL)
@every_working_step
def test_a_step_keeps_its_promises_on_a_network(
    spec: StepSpec, name: str, files: dict[str, Path], bench: contract.Bench
) -> None:
    trial = contract.try_step(spec, contract.small(spec), files[name], bench)
    contract.check_trial(spec, trial, files[name], bench)


@every_working_step
def test_a_step_does_something_for_some_network(spec: StepSpec, files: dict[str, Path], bench: contract.Bench) -> None:
    for name in ("conv", "mlp", "transformer", "residual"):
        if contract.try_step(spec, contract.small(spec), files[name], bench).result is not None:
            return
    pytest.fail(f"{spec.id} refuses every toy network")


@every_working_step
def test_the_same_seed_gives_the_same_bytes(spec: StepSpec, files: dict[str, Path], bench: contract.Bench) -> None:
    for name in TYPICAL:
        contract.check_repeatable(spec, files[name], bench)


@every_working_step
def test_a_cancelled_step_stops(spec: StepSpec, files: dict[str, Path], bench: contract.Bench) -> None:
    contract.check_cancel(spec, files["conv"], bench)


def cases() -> list[Any]:
    return [
        pytest.param(spec, params, id=f"{spec.id}-{number}")
        for spec in WORKING
        for number, params in enumerate(contract.extremes(spec))
    ]


@pytest.mark.parametrize(("spec", "params"), cases())
def test_extreme_values_give_a_network_or_a_reason(
    spec: StepSpec, params: Any, files: dict[str, Path], bench: contract.Bench
) -> None:
    trial = contract.try_step(spec, params, files["conv"], bench)
    contract.check_trial(spec, trial, files["conv"], bench)


@every_working_step
def test_a_step_never_reads_the_test_part(spec: StepSpec, files: dict[str, Path], tmp_path: Path) -> None:
    from compress_studio.spec.data import Part

    data = ToyData.for_model(load(files["conv"]), classes=4)
    bench = contract.Bench(tmp_path, lambda _: data, interface)
    contract.try_step(spec, contract.small(spec), files["conv"], bench)
    assert Part.TEST not in data.asked
