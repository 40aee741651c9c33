"""Functions by their name "module:function"."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any


def named(name: str) -> Callable[..., Any]:
    """The function of that name."""
    module, _, function = name.partition(":")
    return getattr(importlib.import_module(module), function)
