"""Functions, and runtimes, by their name "module:function"."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from compress_studio.spec.runtime import Runtime, load_runtime


def named(name: str) -> Callable[..., Any]:
    """The function of that name."""
    module, _, function = name.partition(":")
    return getattr(importlib.import_module(module), function)


@lru_cache(maxsize=2)
def known_runtime(name: str) -> Runtime:
    """The runtime of that name, made once in a process: collecting steps and meters takes a while."""
    return load_runtime(name)
