"""Figures of the window, measured on the real one: gaps of a timer while a network is trained, and idling.

    python packaging/dev/window_figures.py gaps [--blame]     # a real run with charts, tabs, selections
    python packaging/dev/window_figures.py idle               # processor time and memory of a window that does nothing

Without words: both. --blame shows where the thread of the window was in the longest gaps. Needs a display (DISPLAY;
`Xvfb :99 &` will do). Results are kept in a home of their own. Processor time is shown beside the time that passed,
because the machine may be busy with other things.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from compress_studio.gui.main_window import MainWindow
    from compress_studio.gui.studio import Studio


def main() -> int:
    """Measure what was asked for."""
    words = [one for one in sys.argv[1:] if not one.startswith("-")] or list(KINDS)
    unknown = [one for one in words if one not in KINDS]
    if unknown:
        sys.exit(f"{unknown[0]}? There are: {', '.join(KINDS)}")
    with tempfile.TemporaryDirectory(prefix="compress-studio-figures-") as home:
        os.environ["COMPRESS_STUDIO_HOME"] = home
        os.environ.setdefault("QT_QPA_PLATFORM", "xcb")
        for word in words:
            load = os.getloadavg()[0]
            print(f"== {word} (load {load:.1f} on {os.cpu_count()} processors)", flush=True)
            KINDS[word](blame="--blame" in sys.argv)
            print(flush=True)
    return 0


class Story:
    """A window as the program opens it, and what a user does in it."""

    def __init__(self) -> None:
        from compress_studio.gui.app import make_application
        from compress_studio.gui.settings import SettingsFile
        from compress_studio.gui.studio import Studio

        self.application = make_application("dark")
        ready: list[Studio] = []
        self.studio = Studio(self.application, SettingsFile(), None, ready.append)
        self.studio.start()
        self.until(lambda: bool(ready), "the window")

    @property
    def window(self) -> MainWindow:
        """The window."""
        return self.studio.window

    def until(self, true: Callable[[], bool], what: str, seconds: float = 600) -> None:
        """Let the window live until something is true."""
        from PySide6.QtCore import QEventLoop, QTimer

        end = time.monotonic() + seconds
        loop, timer = QEventLoop(), QTimer()

        def look() -> None:
            if true() or time.monotonic() > end:
                loop.quit()

        timer.timeout.connect(look)
        timer.start(5)
        loop.exec()
        timer.stop()
        if not true():
            sys.exit(f"{what}: not within {seconds:.0f} s")

    def wait(self, seconds: float) -> None:
        """Let the window live for a while."""
        end = time.monotonic() + seconds
        self.until(lambda: time.monotonic() >= end, "waiting")

    def settle(self) -> None:
        """Let everything end that is going on."""
        session = self.studio.session
        self.until(lambda: not (session.running or session.light.busy or session.looks.busy), "coming to rest")
        self.wait(0.3)

    def close(self) -> None:
        """End the window."""
        self.studio.autosave.close()
        self.window.hide()
        self.studio.close()
        self.window.deleteLater()
        self.application.processEvents()


def gaps(*, blame: bool) -> None:
    """A real story, with the gaps of a timer."""
    from beats import Beats

    story = Story()
    window, session = story.window, story.studio.session
    beats = Beats(blame=blame)
    tabs = window.charts.tabs
    beats.begin("empty window")
    story.wait(3)
    dismiss_tour(story)
    beats.begin("opening a sample")
    window.commands.open_sample("fashion")
    story.settle()
    beats.begin("model graph")
    window.charts.show_tab("network")
    story.wait(1.5)
    beats.begin("selecting steps")
    window.charts.show_tab("tradeoff")
    for node in session.project.pipeline:
        session.select([node.id])
        story.wait(0.7)
    story.settle()
    ended: list[object] = []
    session.run_ended.connect(ended.append)
    beats.begin("run, trade-off and others")
    session.run()
    story.until(lambda: bool(ended) or any(one.series for one in session.run_state.nodes.values()), "training")
    beats.begin("training, its chart")
    window.charts.show_tab("training")
    story.wait(6)
    beats.begin("training, switching tabs")
    for place in (*range(tabs.count()), 0, 1):
        tabs.setCurrentIndex(place)
        story.wait(0.8)
    beats.begin("training, selecting steps")
    for node in session.project.pipeline:
        session.select([node.id])
        story.wait(0.6)
    beats.begin("training, trade-off")
    window.charts.show_tab("tradeoff")
    story.wait(4)
    beats.begin("rest of the run, its end")
    story.until(lambda: bool(ended), "the run")
    story.settle()
    beats.begin("afterwards, all tabs")
    for place in range(tabs.count()):
        tabs.setCurrentIndex(place)
        story.wait(0.8)
    beats.stop()
    print(beats.table())
    story.close()


def dismiss_tour(story: Story) -> None:
    """End the hints of the first start: they cover the window."""
    from compress_studio.gui.dialogs.tour import Tour

    for one in story.window.findChildren(Tour):
        one.end()


def idle(*, blame: bool) -> None:
    """A window with a sample open in which nobody does anything."""
    import psutil

    story = Story()
    story.window.commands.open_sample("fashion")
    story.settle()
    story.wait(4)
    begun = time.process_time()
    time_passed = 8.0
    story.application.processEvents()
    from PySide6.QtCore import QEventLoop, QTimer

    loop = QEventLoop()
    QTimer.singleShot(int(1000 * time_passed), loop.quit)
    loop.exec()
    share = (time.process_time() - begun) / time_passed
    print(f"{share:.1%} of one processor, {psutil.Process().memory_info().rss / 1e6:.0f} MB")
    story.close()


KINDS: dict[str, Callable[..., None]] = {"gaps": gaps, "idle": idle}


if __name__ == "__main__":
    sys.exit(main())
