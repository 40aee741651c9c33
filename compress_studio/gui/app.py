"""Starting the window: the Qt application, the theme, the first window."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtWidgets import QApplication, QStyleFactory

from compress_studio.base.paths import cache_dir
from compress_studio.gui.theme.current import apply, load_fonts


def make_application(arguments: Sequence[str] = ()) -> QApplication:
    """The Qt application of this process, set up once: style, fonts, theme."""
    existing = QApplication.instance()
    application = existing if isinstance(existing, QApplication) else QApplication([sys.argv[0], *arguments])
    application.setApplicationName("Compress Studio")
    application.setStyle(QStyleFactory.create("Fusion"))
    load_fonts()
    apply(application, os.environ.get("COMPRESS_STUDIO_THEME", "system"))
    return application


def main(paths: Sequence[str] = ()) -> int:
    """Open the window with these files; returns the exit code when it is closed."""
    application = make_application()
    from compress_studio.engine.cache import Store
    from compress_studio.gui.main_window import MainWindow
    from compress_studio.gui.session import Session

    session = Session(Store(cache_dir()))
    window = MainWindow(session)
    window.resize(1440, 900)
    window.show()
    for path in paths:
        window.commands.open_path(Path(path))
    return application.exec()
