"""What tests of the window share: an offscreen platform, a session on a store of its own, a shown window."""

from __future__ import annotations

import os

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from collections.abc import Iterator

import pytest
from PySide6.QtWidgets import QApplication

from compress_studio.base.paths import cache_dir
from compress_studio.engine.cache import Store
from compress_studio.gui.app import make_application
from compress_studio.gui.garbage import Garbage
from compress_studio.gui.session import Session
from tests.gui.asking import ScriptedAsking


@pytest.fixture(scope="session")
def qapp() -> QApplication:
    """The application as the program makes it."""
    return make_application()


@pytest.fixture(scope="package", autouse=True)
def garbage_in_one_thread(qapp: QApplication) -> Iterator[Garbage]:
    """As in the program, no other thread looks for garbage: it would destroy what belongs to Qt's thread."""
    made = Garbage()
    made.begin()
    made.keep()
    yield made
    made.end()


@pytest.fixture(autouse=True)
def look_for_garbage(garbage_in_one_thread: Garbage) -> Iterator[None]:
    """After each test, what it made goes."""
    yield
    garbage_in_one_thread.look()


@pytest.fixture
def session(qapp: QApplication) -> Iterator[Session]:
    """A session with an empty project and an empty store."""
    made = Session(Store(cache_dir()))
    yield made
    made.close()


@pytest.fixture
def asking() -> ScriptedAsking:
    """What the window asks: put answers into its list; without any, changes are discarded and dialogs called off."""
    return ScriptedAsking()


@pytest.fixture
def window(session: Session, asking: ScriptedAsking, qtbot):
    """The main window, shown, 1440 × 900."""
    from compress_studio.gui.main_window import MainWindow

    made = MainWindow(session, asking)
    qtbot.addWidget(made)
    made.resize(1440, 900)
    with qtbot.waitExposed(made):
        made.show()
    return made
