"""Steps are found by entry points; a clash or a broken plug-in is named and harms nobody."""

from __future__ import annotations

import importlib.metadata
import sys
from collections.abc import Callable
from types import ModuleType, SimpleNamespace

import pytest

from compress_studio.base.errors import BadInput
from compress_studio.spec import registry as registries
from compress_studio.spec.registry import StepRegistry, load_steps
from compress_studio.spec.step import StepSpec, spec_of
from tests.unit.project.steps import distil, prune, registry, source

Install = Callable[..., StepRegistry]


class Point:
    """An entry point as importlib.metadata gives it."""

    def __init__(self, name: str, module: object, owner: str) -> None:
        self.name = name
        self.dist = SimpleNamespace(name=owner)
        self._module = module

    def load(self) -> object:
        if isinstance(self._module, Exception):
            raise self._module
        return self._module


def module(*specs: StepSpec, api: int | None = registries.API) -> ModuleType:
    made = ModuleType("plugin")
    made.STEPS = specs  # type: ignore[attr-defined]
    if api is not None:
        made.API = api  # type: ignore[attr-defined]
    return made


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Install:
    def use(*points: Point) -> StepRegistry:
        monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: list(points))
        return load_steps()

    return use


def test_built_in_steps_come_first_whatever_the_plug_ins_are_called(install: Install) -> None:
    steps = install(
        Point("a_plugin", module(spec_of(distil)), "acme"), Point("builtin", module(spec_of(prune)), "compress-studio")
    )
    assert [spec.id for spec in steps] == ["prune.channels", "train.distil"]
    assert steps.origins == {"prune.channels": "built in", "train.distil": "acme"}
    assert len(steps) == 2
    assert "prune.channels" in steps


def test_a_clash_names_both_owners_and_the_first_stays(install: Install) -> None:
    steps = install(
        Point("builtin", module(spec_of(prune)), "compress-studio"), Point("x", module(spec_of(prune)), "acme")
    )
    assert len(steps) == 1
    assert "prune.channels comes from both built in and acme" in steps.broken[0].error


def test_a_plug_in_that_cannot_be_imported_is_listed_with_its_error(install: Install) -> None:
    steps = install(
        Point("bad", ImportError("no module named magic"), "acme"),
        Point("builtin", module(spec_of(prune)), "compress-studio"),
    )
    assert "prune.channels" in steps
    assert (steps.broken[0].name, steps.broken[0].distribution) == ("bad", "acme")
    assert "no module named magic" in steps.broken[0].error


@pytest.mark.parametrize("api", [None, 99])
def test_a_plug_in_for_another_api_is_not_loaded(install: Install, api: int | None) -> None:
    steps = install(Point("old", module(spec_of(prune), api=api), "acme"))
    assert len(steps) == 0
    assert "this program has API 1" in steps.broken[0].error


def test_an_unknown_id_is_answered_with_the_nearest() -> None:
    with pytest.raises(BadInput, match=r"There is no step train\.distill.*Did you mean train\.distil"):
        registry().get("train.distill")


def test_an_id_can_be_added_only_once() -> None:
    steps = registry()
    with pytest.raises(ValueError, match=r"source\.model comes from both"):
        steps.add(spec_of(source), "me")


def test_the_steps_that_are_installed_import_no_heavy_package() -> None:
    import subprocess

    code = (
        "import sys; from compress_studio.spec.registry import load_steps; s = load_steps(); "
        "assert not s.broken, s.broken; "
        "print([m for m in ('torch', 'onnx', 'onnx_ir', 'onnxruntime', 'PySide6') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "[]", done.stderr
