"""The toolbar: the few things that are done all the time, the progress of the run, the device."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QSizePolicy, QToolBar, QToolButton, QWidget

from compress_studio.gui.devices import button_text
from compress_studio.gui.runline import RunLine, line_of
from compress_studio.gui.theme.tokens import METRICS

if TYPE_CHECKING:
    from compress_studio.gui.commands import Commands

GROUPS = (("model.open", "data.open", "project.save"), ("run.all", "run.stop"), ("runs.compare", "model.export"))
SHORT = {
    "model.open": "Open model…",
    "data.open": "Data…",
    "project.save": "Save",
    "run.all": "Run  F5",
    "run.stop": "Stop",
    "runs.compare": "Compare",
    "model.export": "Export…",
}
BAR_WIDTH, NARROW_BAR, TEXT_WIDTH = 110, 48, 320
FULL = 1000


class RunProgress(QWidget):
    """The line about the run with its bar."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("run_progress")
        self.setAccessibleName("Progress of the run")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self._text = QLabel(self)
        self._text.setObjectName("run_progress_text")
        self._text.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self._text.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._bar = QProgressBar(self)
        self._bar.setObjectName("run_progress_bar")
        self._bar.setAccessibleName("Progress of the run")
        self._bar.setTextVisible(False)
        self._bar.setRange(0, FULL)
        self._bar.setFixedWidth(BAR_WIDTH)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(METRICS.gap, 0, METRICS.gap, 0)
        layout.setSpacing(METRICS.gap)
        layout.addWidget(self._text, 1)
        layout.addWidget(self._bar)
        self._state = RunLine("…")
        self.show_state(RunLine())

    @property
    def state(self) -> RunLine:
        """What is shown."""
        return self._state

    def show_state(self, state: RunLine) -> None:
        """Show a line; its end is kept when it is too long."""
        if state == self._state:
            return
        if state.tone != self._state.tone:
            self._text.setProperty("tone", state.tone)
            self._text.style().unpolish(self._text)
            self._text.style().polish(self._text)
        self._state = state
        self._bar.setVisible(state.share is not None)
        self._bar.setValue(round(FULL * (state.share or 0.0)))
        self._elide()
        self.setToolTip(state.text)

    def _elide(self) -> None:
        width = max(0, self._text.width())
        metrics = self._text.fontMetrics()
        self._text.setText(metrics.elidedText(self._state.text, Qt.TextElideMode.ElideMiddle, width))

    def resizeEvent(self, event: object) -> None:
        # In a narrow window the words are worth more than the length of the bar.
        self._bar.setFixedWidth(BAR_WIDTH if self.width() >= TEXT_WIDTH + BAR_WIDTH else NARROW_BAR)
        self._elide()


class MainToolBar(QToolBar):
    """Made from the actions of the window."""

    def __init__(self, commands: Commands, actions: Mapping[str, QAction], parent: QWidget) -> None:
        super().__init__("Main toolbar", parent)
        self.setObjectName("toolbar")
        self.setMovable(False)
        self.setFloatable(False)
        self.setIconSize(QSize(METRICS.icon, METRICS.icon))
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.PreventContextMenu)
        self._commands = commands
        self._actions = actions
        for place, group in enumerate(GROUPS):
            if place:
                self._gap()
            for name in group:
                if name in actions:
                    self.addWidget(self._button(name, actions[name]))
        self.progress = RunProgress(self)
        self.addWidget(self.progress)
        self.device = QToolButton(self)
        self.device.setObjectName("device_button")
        self.device.setAccessibleName("Device")
        self.device.setToolTip("What this machine computes with")
        self.device.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.device.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.device.clicked.connect(commands.show_device)
        self.addWidget(self.device)
        self.addWidget(_space(METRICS.gap // 2, self))
        session = commands.session
        session.run_changed.connect(self.show_run)
        session.run_started.connect(self.show_run)
        session.run_ended.connect(self.show_run)
        session.views_changed.connect(self.show_run)
        session.project_opened.connect(self.show_run)
        session.project_changed.connect(self.show_device)
        session.plan_changed.connect(self.show_device)
        commands.devices.changed.connect(self.show_device)
        self.show_device()

    def show_run(self, *_: object) -> None:
        """Show how the run is going."""
        self.progress.show_state(line_of(self._commands.session))
        stopping = self._commands.session.stopping
        stop = self._actions["run.stop"]
        word = "Stopping…" if stopping else "Stop"
        if stop.iconText() != word:
            stop.setIconText(word)

    def show_device(self, *_: object) -> None:
        """Show the device in force."""
        session = self._commands.session
        text = button_text(session.project.device, session.settings, self._commands.devices.found)
        if self.device.text() != text:
            self.device.setText(text)

    def _button(self, name: str, action: QAction) -> QToolButton:
        action.setIconText(SHORT[name])
        made = QToolButton(self)
        made.setObjectName(f"toolbar:{name}")
        made.setAccessibleName(action.text())
        made.setDefaultAction(action)
        made.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        made.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        if name == "run.all":
            made.setProperty("kind", "primary")
        return made

    def _gap(self) -> None:
        self.addWidget(_space(2 * METRICS.gap, self))


def _space(width: int, parent: QWidget) -> QWidget:
    made = QWidget(parent)
    made.setFixedWidth(width)
    return made
