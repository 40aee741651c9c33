"""Everything that can be seen, in all its states, in one window: for the eyes of developers and for picture tests.

python -m compress_studio.gui.gallery [--theme dark|light] [--shot FILE]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QHBoxLayout, QLabel, QScrollArea, QVBoxLayout, QWidget

from compress_studio.engine.cache import Store
from compress_studio.gui.app import make_application
from compress_studio.gui.forms.param_form import ParamForm
from compress_studio.gui.gallery_scenes import SCENES, finish_scene, make_scene
from compress_studio.gui.gallery_weights import SHOWN, weights_states
from compress_studio.gui.gallery_widgets import COLUMN, widget_columns
from compress_studio.gui.garbage import Garbage
from compress_studio.gui.main_window import MainWindow
from compress_studio.gui.session import Session
from compress_studio.gui.theme.tokens import METRICS
from compress_studio.gui.weights.dialog import LEAST as WEIGHTS_SIZE
from compress_studio.gui.weights.view import COMPARING, TENSORS, WeightsView
from compress_studio.gui.widgets.basics import ElidedLabel
from compress_studio.spec.registry import StepRegistry

SIDE, FORM, WIDE, HIGH, LOW, CHART = 250, 320, 860, 640, 190, 320
IN_ROW, CHARTS_IN_ROW, WEIGHTS_IN_ROW = 4, 2, 2
ROUNDS = 3
"""Answers of workers lead to further questions: facts, then layers, then weights."""
PARTS = ("widgets", "forms", "weights", *SCENES)


class Gallery(QWidget):
    """All parts below each other. Close it to end the sessions behind the scenes."""

    def __init__(self, parts: Sequence[str] = PARTS) -> None:
        super().__init__()
        self.setWindowTitle("Gallery")
        self.setObjectName("gallery")
        self.setProperty("surface", "window")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._folder = tempfile.TemporaryDirectory(prefix="gallery-", ignore_cleanup_errors=True)
        self.windows: list[MainWindow] = []
        """Where the panels were taken from."""
        self._sessions: list[Session] = []
        self.parts: dict[str, QWidget] = {}
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2 * METRICS.gap)
        for name in parts:
            made = _section(name, self._contents(name))
            self.parts[name] = made
            layout.addWidget(made)
        layout.addStretch(1)

    def finish(self) -> None:
        """Wait for what workers are asked, and draw the charts."""
        for session, window in zip(self._sessions, self.windows, strict=True):
            for _ in range(ROUNDS):
                finish_scene(session)
                for chart in window.charts.charts.values():
                    chart.refresh()

    def end(self) -> None:
        """End the sessions and throw their files away."""
        for window in self.windows:
            window.deleteLater()
        for session in self._sessions:
            session.close()
        self.windows, self._sessions = [], []
        self._folder.cleanup()

    def _contents(self, name: str) -> list[QWidget]:
        if name == "widgets":
            return _rows(widget_columns(), IN_ROW)
        if name == "forms":
            from compress_studio.spec.runtime import load_runtime

            return _rows(_forms(load_runtime().steps), IN_ROW)
        if name == "weights":
            return _rows(_weights(), WEIGHTS_IN_ROW)
        return self._scene(name)

    def _scene(self, name: str) -> list[QWidget]:
        folder = Path(self._folder.name) / name
        folder.mkdir()
        session = make_scene(name, Store(folder / "store"), folder)
        window = MainWindow(session)
        window.finish()
        self._sessions.append(session)
        self.windows.append(window)
        middle = QWidget()
        column = QVBoxLayout(middle)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(METRICS.gap)
        for part, height in ((window.toolbar, 0), (window.pages, CHART), (window.bottom, LOW), (window.status, 0)):
            column.addWidget(_sized(part, WIDE, height))
        column.addStretch(1)
        tables = [_sized(part, WIDE // 2, LOW) for part in (window.problems, window.log)]
        charts = [_sized(chart, WIDE - FORM // 2, CHART) for chart in window.charts.charts.values()]
        panels = [_sized(window.side, SIDE, HIGH), middle, _sized(window.inspector, FORM, HIGH)]
        return [_row(panels), _row(tables), *_rows(charts, CHARTS_IN_ROW)]

    def closeEvent(self, event: object) -> None:
        self.end()


def _section(title: str, rows: Sequence[QWidget]) -> QWidget:
    made = QWidget()
    made.setObjectName(f"gallery:{title}")
    layout = QVBoxLayout(made)
    layout.setSpacing(METRICS.gap)
    name = QLabel(title.capitalize())
    name.setProperty("role", "hero")
    layout.addWidget(name)
    for row in rows:
        layout.addWidget(row)
    return made


def _row(widgets: Sequence[QWidget]) -> QWidget:
    made = QWidget()
    layout = QHBoxLayout(made)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(2 * METRICS.gap)
    for widget in widgets:
        layout.addWidget(widget, 0, Qt.AlignmentFlag.AlignTop)
        widget.show()  # pages of tabs are hidden
    layout.addStretch(1)
    return made


def _rows(widgets: Sequence[QWidget], many: int) -> list[QWidget]:
    return [_row(widgets[at : at + many]) for at in range(0, len(widgets), many)]


def _sized(widget: QWidget, width: int, height: int) -> QWidget:
    """A part of a window, taken out of it."""
    widget.setFixedWidth(width)
    if height:
        widget.setFixedHeight(height)
    return widget


def _forms(steps: StepRegistry) -> list[QWidget]:
    """The form of every step, with everything unfolded."""
    made: list[QWidget] = []
    for spec in steps:
        page = QWidget()
        page.setFixedWidth(COLUMN - 2 * METRICS.gap)
        layout = QVBoxLayout(page)
        title = ElidedLabel(spec.title)
        title.setProperty("role", "title")
        layout.addWidget(title)
        form = ParamForm(spec.params, spec.id)
        form.more.set_open(True)
        layout.addWidget(form)
        layout.addStretch(1)
        made.append(page)
    return made


def _weights() -> list[QWidget]:
    """The dialog of weights in its states."""
    made: list[QWidget] = []
    states = weights_states()
    for name in SHOWN:
        state, view = states[name], WeightsView()
        view.show_state(state)
        view.show_page(COMPARING if state.outcome is not None and state.outcome.rows else TENSORS)
        view.setProperty("surface", "window")
        view.setAccessibleName(name)
        made.append(_sized(view, WEIGHTS_SIZE.width(), WEIGHTS_SIZE.height()))
    return made


def main(words: Sequence[str] | None = None) -> int:
    """Show the gallery, or write a picture of all of it."""
    parser = argparse.ArgumentParser(prog="gallery", description=__doc__)
    parser.add_argument("--theme", choices=("dark", "light"), default="dark")
    parser.add_argument("--shot", type=Path, help="write a picture and end")
    parser.add_argument("--part", choices=PARTS, action="append", help="only this part; may be given several times")
    options = parser.parse_args(words)
    application = make_application(options.theme)
    Garbage(application).begin()
    gallery = Gallery(options.part or PARTS)
    gallery.finish()
    if options.shot is not None:
        return _shoot(application, gallery, options.shot)
    area = QScrollArea()
    area.setWidget(gallery)
    area.setWindowTitle("Gallery")
    area.resize(1500, 900)
    area.show()
    code = application.exec()
    gallery.end()
    return code


def _shoot(application: QApplication, gallery: Gallery, path: Path) -> int:
    gallery.resize(gallery.sizeHint())
    gallery.show()
    application.sendPostedEvents()
    saved = gallery.grab().save(str(path))
    gallery.end()
    return 0 if saved else 1


if __name__ == "__main__":
    sys.exit(main())
