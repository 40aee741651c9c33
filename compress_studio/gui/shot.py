"""A picture of the window, made without a screen: for the help pages, for tests, and for looking at one's work."""

from __future__ import annotations

import logging
import os
import time
from typing import TYPE_CHECKING

from compress_studio.base.errors import BadInput, UserError
from compress_studio.gui.options import DEFAULT_SIZE, WindowOptions

if TYPE_CHECKING:
    from PySide6.QtWidgets import QApplication

    from compress_studio.gui.main_window import MainWindow
    from compress_studio.gui.session import Session

log = logging.getLogger(__name__)
SETTLE_SECONDS = 1800.0
QUIET_SECONDS = 0.3
"""Nothing has happened for this long: the picture can be taken."""


def take(options: WindowOptions) -> int:
    """Render the window into a file; returns the exit code. Raises UserError."""
    assert options.shot is not None
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    os.environ["QT_SCALE_FACTOR"] = f"{options.scale:g}"
    os.environ["QT_ENABLE_HIGHDPI_SCALING"] = "1"
    missing = [str(one) for one in options.files if not one.exists()]
    if missing:
        raise BadInput(f"There is no file {missing[0]}.", "Check the name.")
    from PySide6.QtCore import qInstallMessageHandler

    from compress_studio.base.paths import cache_dir
    from compress_studio.engine.cache import Store
    from compress_studio.gui.app import make_application
    from compress_studio.gui.garbage import Garbage

    qInstallMessageHandler(_qt_says)  # the offscreen platform complains of hints that it has no use for
    application = make_application(options.theme or "dark")
    application.setCursorFlashTime(0)
    Garbage(application).begin()
    from compress_studio.gui.session import Session

    session = Session(Store(cache_dir()))
    try:
        return _picture(application, session, options)
    finally:
        session.close()


def _picture(application: QApplication, session: Session, options: WindowOptions) -> int:
    from compress_studio.gui.main_window import MainWindow
    from compress_studio.gui.runline import RunLine

    said: list[str] = []
    session.message.connect(lambda one: said.append(f"{one.text} {one.hint}".strip()) if one.level == "error" else None)
    window = MainWindow(session)
    window.resize(*(options.size or DEFAULT_SIZE))
    window.show()
    window.finish()
    if options.sample:
        window.commands.open_sample(options.sample)
    window.commands.open_paths(options.files)
    _settle(application, session)
    if options.run:
        session.run()
        _settle(application, session)
        failures = [one.error.message for one in session.run_state.nodes.values() if one.error is not None]
        said += failures
    if options.select:
        if options.select not in session.project.pipeline:
            known = ", ".join(node.id for node in session.project.pipeline)
            raise BadInput(f"There is no node {options.select}.", f"The nodes: {known}.")
        session.select([options.select])
    if options.tab:
        show_tab(window, options.tab)
    _settle(application, session)
    if said:
        raise BadInput(said[0])
    window.toolbar.progress.show_state(RunLine())  # how long it took is never the same twice
    assert options.shot is not None
    options.shot.parent.mkdir(parents=True, exist_ok=True)
    if not window.grab().save(str(options.shot)):
        raise UserError(f"{options.shot} cannot be written.", "Choose another folder.")
    window.hide()
    window.deleteLater()
    return 0


def _qt_says(_kind: object, _context: object, text: str) -> None:
    log.info("Qt: %s", text)


def show_tab(window: MainWindow, title: str) -> None:
    """Bring the tab of that title to the front, wherever it is. Raises BadInput naming those there are."""
    from PySide6.QtWidgets import QTabBar

    titles: list[str] = []
    for bar in window.findChildren(QTabBar):
        for place in range(bar.count()):
            text = bar.tabText(place).replace("&", "")
            titles.append(text)
            if text.lower() == title.lower():
                bar.setCurrentIndex(place)
                return
    raise BadInput(f"There is no tab {title}.", f"The tabs: {', '.join(one for one in titles if one)}.")


def _settle(application: QApplication, session: Session) -> None:
    """Let everything happen that is going on, until nothing has for a while."""
    end = time.monotonic() + SETTLE_SECONDS
    quiet_since = time.monotonic()
    while time.monotonic() < end:
        application.processEvents()
        if session.running or session.light.busy or session.looks.busy:
            quiet_since = time.monotonic()
        elif time.monotonic() - quiet_since > QUIET_SECONDS:
            return
        time.sleep(0.005)
    raise UserError("The window did not come to rest.", "Try again with a smaller model.")
