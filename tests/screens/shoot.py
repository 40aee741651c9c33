"""Renders the gallery and the window at one scale, in both themes; run as a program, because the scale is of a process.

python -m tests.screens.shoot SCALE FOLDER
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

THEMES = ("dark", "light")
SIZES = ((1280, 720), (1440, 900))
GALLERY = {1: ("widgets", "forms", "weights", "empty", "busy", "full", "failed", "long"), 2: ("widgets", "full")}
"""Parts of the gallery by scale; twice as large, the shared widgets and one full project are enough."""
WINDOWS = ("empty", "full")
DEVICE = "CPU · Example · 4 threads"
REST_MS = 350
"""Longer than every animation and every delay before something is drawn."""


def names(scale: int) -> list[str]:
    """All pictures of a scale."""
    parts = [f"gallery-{part}-{theme}@{scale}x" for part in GALLERY[scale] for theme in THEMES]
    shown = [f"window-{scene}-{w}x{h}-{theme}@{scale}x" for scene in WINDOWS for w, h in SIZES for theme in THEMES]
    return parts + shown


def main(scale: int, folder: Path) -> None:
    """Write all pictures, and clipped.json with every text that is cut off."""
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    os.environ["QT_SCALE_FACTOR"] = str(scale)
    from compress_studio.gui.app import make_application
    from compress_studio.gui.theme import current

    current.draw_text_alike()
    application = make_application("dark")
    application.setCursorFlashTime(0)
    _gallery(scale, folder)
    found = _windows(scale, folder)
    (folder / "clipped.json").write_text(json.dumps(found, ensure_ascii=False, indent=1), encoding="utf-8")


def _gallery(scale: int, folder: Path) -> None:
    from compress_studio.gui.gallery import Gallery

    gallery = Gallery(GALLERY[scale])
    gallery.resize(gallery.sizeHint())
    gallery.show()
    gallery.finish()
    for theme in _themes():
        for part, widget in gallery.parts.items():
            for window in gallery.windows:
                window.toolbar.device.setText(DEVICE)
            widget.grab().save(str(folder / f"gallery-{part}-{theme}@{scale}x.png"))
    gallery.end()
    gallery.hide()
    gallery.deleteLater()


def _windows(scale: int, folder: Path) -> dict[str, list[str]]:
    from compress_studio.engine.cache import Store
    from compress_studio.gui.gallery_scenes import finish_scene, make_scene
    from compress_studio.gui.main_window import MainWindow

    found: dict[str, list[str]] = {}
    for scene in WINDOWS:
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as place:
            session = make_scene(scene, Store(Path(place) / "store"), Path(place))
            window = MainWindow(session)
            window.finish()
            window.resize(*SIZES[0])
            window.show()
            finish_scene(session)
            rest()
            finish_scene(session)
            for width, height in SIZES:
                window.resize(width, height)
                window.reset_layout()
                rest()
                for theme in _themes():
                    window.toolbar.device.setText(DEVICE)
                    window.grab().save(str(folder / f"window-{scene}-{width}x{height}-{theme}@{scale}x.png"))
            found[scene] = _clipped(window)
            session.close()
            window.hide()
            window.deleteLater()
    return found


def _clipped(window) -> list[str]:
    """What is cut off in the small window, whatever is selected and whichever tab is open."""
    from PySide6.QtWidgets import QTabBar

    from tests.screens.clipping import clipped

    window.resize(*SIZES[0])
    window.reset_layout()
    rest()
    found = set(clipped(window))
    for node in window.session.project.pipeline.nodes:
        window.session.select([node.id])
        rest()
        found.update(clipped(window))
    for bar in window.findChildren(QTabBar):
        for place in range(bar.count()) if bar.isVisible() else ():
            bar.setCurrentIndex(place)
            rest()
            found.update(clipped(window))
    return sorted(found)


def _themes() -> Iterator[str]:
    from PySide6.QtWidgets import QApplication

    from compress_studio.gui.theme.current import apply

    application = QApplication.instance()
    assert isinstance(application, QApplication)
    for theme in THEMES:
        apply(application, theme)
        rest()
        yield theme


def rest() -> None:
    """Let the window come to rest."""
    from PySide6.QtCore import QEventLoop, QTimer

    loop = QEventLoop()
    QTimer.singleShot(REST_MS, loop.quit)
    loop.exec()


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
