"""Starting the window: the Qt application, the theme, the first window."""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from compress_studio.base.errors import UserError

if TYPE_CHECKING:
    from PySide6.QtWidgets import QApplication

    from compress_studio.gui.studio import Studio

THEME_VARIABLE = "COMPRESS_STUDIO_THEME"


def make_application(theme: str = "") -> QApplication:
    """The Qt application of this process, set up once: style, fonts, theme ("" for what the environment says)."""
    from PySide6.QtWidgets import QApplication, QStyleFactory

    from compress_studio.gui import overrides
    from compress_studio.gui.theme.current import apply, load_fonts

    overrides.install()

    existing = QApplication.instance()
    application = existing if isinstance(existing, QApplication) else QApplication([sys.argv[0]])
    application.setApplicationName("Compress Studio")
    application.setDesktopFileName("compress-studio")
    application.setStyle(QStyleFactory.create("Fusion"))
    load_fonts()
    apply(application, theme or os.environ.get(THEME_VARIABLE, "system"))
    return application


def main(words: Sequence[str] = (), begun: Callable[[Studio], None] | None = None) -> int:
    """Open the window as the words say; returns the exit code when it is closed.

    begun is called once, when the window can be seen and used and everything named in the words has been opened.
    """
    from compress_studio.gui.display import refusal
    from compress_studio.gui.options import parse

    try:
        options = parse(words)
        if options.shot is not None:
            from compress_studio.gui.shot import take

            return take(options)
        sentence = refusal()
        if sentence:
            sys.stderr.write(f"error: {sentence}\n")
            return UserError.exit_code
    except UserError as error:
        hint = f"hint: {error.hint}\n" if error.hint else ""
        sys.stderr.write(f"error: {error.message}\n{hint}")
        return error.exit_code
    collecting = gc.isenabled()
    gc.disable()  # what is loaded and made now stays; from the window on, gui.garbage looks
    from compress_studio.gui.settings import SettingsFile

    settings = SettingsFile()
    theme = options.theme or os.environ.get(THEME_VARIABLE, "") or settings.now.theme
    application = make_application(theme)
    from compress_studio.gui.studio import Studio

    studio = Studio(application, settings, options, begun)
    studio.start()
    # Ctrl-C in the terminal ends the program at once; what was not saved is offered at the next start.
    before = signal.signal(signal.SIGINT, signal.SIG_DFL)
    code = application.exec()
    signal.signal(signal.SIGINT, before)
    studio.close()
    if collecting:
        gc.enable()
    return code
