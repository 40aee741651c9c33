"""A bug in a method that Qt calls must be reported, not end the process.

Up to Python 3.11 an exception that C code raises (a division by zero, a number that is none) is only half made while
it travels, and PySide 6.11 takes its arguments apart as if it were whole, when the method of Qt was called from Python:
the process then ends without a word. Catching and raising it again makes it whole.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from types import FunctionType
from typing import Any

from PySide6.QtCore import QObject
from shiboken6 import Shiboken

_installed: list[bool] = []


def install() -> None:
    """Guard the overridden methods of all classes there are and of those that come. Doing it again changes nothing."""
    if _installed or sys.version_info >= (3, 12):
        return
    _installed.append(True)
    base: Any = Shiboken.Object
    inherited = base.__init_subclass__

    def begin(cls: type, **given: Any) -> None:
        inherited(**given)
        guard(cls)

    base.__init_subclass__ = classmethod(begin)
    waiting = list(base.__subclasses__())
    while waiting:
        one = waiting.pop()
        waiting.extend(one.__subclasses__())
        if not _of_qt(one):
            guard(one)


def guard(cls: type) -> None:
    """Guard the methods of one class that override methods of Qt; not slots, whose number of arguments counts."""
    above = [one for one in cls.__mro__[1:] if _of_qt(one)]
    slots = _slots(next((one for one in above if issubclass(one, QObject)), None))
    for name, found in list(vars(cls).items()):
        if not isinstance(found, FunctionType) or name.startswith("__") or name in slots:
            continue
        if any(name in vars(one) for one in above):
            setattr(cls, name, _whole(found))


def _whole(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def method(*args: Any, **given: Any) -> Any:
        try:
            return function(*args, **given)
        except BaseException:
            raise  # this makes it whole

    return method


def _of_qt(cls: type) -> bool:
    return cls.__module__.startswith(("PySide6.", "shiboken6"))


@functools.cache
def _slots(cls: type[QObject] | None) -> frozenset[str]:
    if cls is None:
        return frozenset()
    meta: Any = cls.staticMetaObject  # pyright: ignore[reportAttributeAccessIssue] - the stubs lack it
    return frozenset(bytes(meta.method(place).name().data()).decode() for place in range(meta.methodCount()))
