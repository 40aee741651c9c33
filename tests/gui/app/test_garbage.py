"""What belongs to Qt's thread is never destroyed in another one."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject, QTimer

from compress_studio.gui.background import Light
from compress_studio.gui.garbage import Garbage


class Ticking(QObject):
    """In a cycle with its own timer, as most widgets are."""

    def __init__(self, gone: list[threading.Thread]) -> None:
        super().__init__()
        self.timer = QTimer(self)
        self.timer.timeout.connect(self.tick)
        self.itself = self
        self.timer.start(1)
        weakref.finalize(self, lambda: gone.append(threading.current_thread()))

    def tick(self) -> None:
        """Nothing to be done."""


def make_cycles() -> None:
    """Enough for Python to look for garbage, all generations of it."""
    for _ in range(200_000):
        one: list[Any] = []
        one.append(one)


def test_a_thread_that_makes_much_garbage_destroys_no_timer(qtbot) -> None:
    gone: list[threading.Thread] = []
    garbage = Garbage()
    garbage.begin()
    Ticking(gone)
    thread = threading.Thread(target=make_cycles)
    thread.start()
    thread.join()
    assert not gone
    qtbot.wait(5)  # a timer that was destroyed in another thread would end the process here
    gc.collect()
    assert gone == [threading.main_thread()]
    garbage.end()


def test_it_is_looked_for_as_often_as_python_would(qtbot) -> None:
    gone: list[threading.Thread] = []
    garbage = Garbage()
    garbage.begin()
    Ticking(gone)
    make_cycles()
    assert garbage.look() > 0
    assert gone == [threading.main_thread()]
    garbage.end()


class Panel(QObject):
    """Something that waits for an answer and is gone when it comes."""

    def came(self, _result: object) -> None:
        """Take the answer."""


def test_who_waits_for_an_answer_does_not_go_in_the_thread_that_gives_it(qtbot) -> None:
    put: list[Callable[[], None]] = []
    gone: list[threading.Thread] = []
    light = Light(put.append)
    panel = Panel()
    weakref.finalize(panel, lambda: gone.append(threading.current_thread()))
    light.submit("one", lambda: 1, panel.came)
    qtbot.waitUntil(lambda: bool(put))
    put.pop()()
    light._newest.clear()
    del panel
    light.submit("two", lambda: 2, print)
    qtbot.waitUntil(lambda: bool(put))
    assert gone in ([], [threading.main_thread()])
    put.clear()
    light.close()
