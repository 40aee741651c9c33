"""Qt's classes cannot be ABCs (their metaclass differs), so that what subclasses must write is checked here."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator

import pytest

import compress_studio.gui
from compress_studio.gui.charts.bars import BarList
from compress_studio.gui.charts.frame import Chart
from compress_studio.gui.forms.editor import FieldEditor


def below(cls: type) -> Iterator[type]:
    for one in cls.__subclasses__():
        if one.__module__.startswith("compress_studio."):
            yield one
            yield from below(one)


@pytest.mark.parametrize("base", [BarList, Chart, FieldEditor], ids=lambda one: one.__name__)
def test_every_kind_writes_what_its_base_leaves_open(base: type) -> None:
    for module in pkgutil.walk_packages(compress_studio.gui.__path__, "compress_studio.gui."):
        importlib.import_module(module.name)
    kinds = [one for one in below(base) if not one.__subclasses__()]
    assert kinds
    left = [
        f"{one.__name__}.{name}"
        for one in kinds
        for name in dir(one)
        if getattr(getattr(one, name), "__isabstractmethod__", False)
    ]
    assert not left
