"""What the window shows without a project: a place to drop a model, samples, and what was open lately."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from compress_studio.base.paths import resource
from compress_studio.gui import recent
from compress_studio.gui.drops import Drops
from compress_studio.gui.panels.data_card import DataNotice
from compress_studio.gui.panels.notices import Notice, Notices
from compress_studio.gui.panels.start_card import StartCard
from compress_studio.gui.theme import current
from compress_studio.gui.theme.tokens import METRICS
from compress_studio.gui.widgets.basics import Glyph, SectionTitle
from compress_studio.gui.words import bytes_text
from compress_studio.project.samples import read_index

if TYPE_CHECKING:
    from compress_studio.gui.commands import Commands
    from compress_studio.gui.message import Message

WIDTH = 820
DROP_HEIGHT = 230
SYMBOL = 40
RECENT = 4
FORMATS = "ONNX or PyTorch: a program, weights, a pickled network. Archives, data and projects can be dropped too."
DAY = 86_400


@dataclass(frozen=True, slots=True)
class Sample:
    """A bundled sample as its card shows it."""

    name: str
    title: str
    text: str
    detail: str


@dataclass(frozen=True, slots=True)
class EmptyShown:
    """What the page shows."""

    samples: tuple[Sample, ...] = ()
    recent: tuple[recent.RecentFile, ...] = ()
    now: float = 0.0
    refused: tuple[Notice, ...] = ()
    """Why the last thing could not be opened."""


def when_text(then: float, now: float) -> str:
    """ "just now", "12 min ago", "3 h ago", "yesterday", "5 days ago", "2025-03-01"."""
    passed = max(0.0, now - then)
    if passed < 60:
        return "just now"
    if passed < 3600:
        return f"{passed // 60:.0f} min ago"
    if passed < DAY:
        return f"{passed // 3600:.0f} h ago"
    days = int(passed // DAY)
    if days < 14:
        return "yesterday" if days == 1 else f"{days} days ago"
    return time.strftime("%Y-%m-%d", time.localtime(then))


def bundled_samples() -> tuple[Sample, ...]:
    """The samples that come with the program."""
    folder = resource("samples")
    found: list[Sample] = []
    for name, row in read_index().items():
        size = sum((folder / one).stat().st_size for one in row["files"] if (folder / one).is_file())
        steps = len(row["steps"])
        detail = f"model, data and {steps} step{'' if steps == 1 else 's'} · {bytes_text(size)}"
        found.append(Sample(name, str(row["title"]), str(row["description"]), detail))
    return tuple(found)


class DropZone(QFrame):
    """The large field in the middle."""

    def __init__(self, commands: Commands, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("drop_zone")
        self.setAccessibleName("Drop a model here")
        self.setMinimumHeight(DROP_HEIGHT)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * METRICS.pad, 2 * METRICS.pad, 2 * METRICS.pad, 2 * METRICS.pad)
        layout.setSpacing(METRICS.gap)
        layout.addStretch(1)
        layout.addWidget(Glyph("drop", SYMBOL, "accent", self), 0, Qt.AlignmentFlag.AlignHCenter)
        title = QLabel("Drop a model here", self)
        title.setProperty("role", "hero")
        text = QLabel(FORMATS, self)
        text.setProperty("tone", "muted")
        for label in (title, text):
            label.setAlignment(Qt.AlignmentFlag.AlignCenter)
            label.setWordWrap(True)
            layout.addWidget(label)
        self.button = QPushButton("or choose a file…", self)
        self.button.setObjectName("empty.choose")
        self.button.setAccessibleName("Choose a file")
        self.button.setToolTip("Open a model or a project (Ctrl+O)")
        self.button.setProperty("kind", "primary")
        self.button.clicked.connect(commands.open_dialog)
        layout.addSpacing(METRICS.gap // 2)
        layout.addWidget(self.button, 0, Qt.AlignmentFlag.AlignHCenter)
        self.pending = DataNotice(commands.session, self)
        self.notices = Notices(self, most=1, centered=True)
        self.notices.setObjectName("empty.refused")
        self.notices.setMinimumWidth(WIDTH // 2)
        layout.addWidget(self.pending)
        layout.addWidget(self.notices)
        layout.addStretch(1)
        current.watch().changed.connect(self.update)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        tokens = current.tokens()
        pen = QPen(current.color(tokens.strong_border), 1.6)
        pen.setDashPattern([5, 4])
        painter.setPen(pen)
        painter.setBrush(current.color(tokens.card, 0.5))
        body = QRectF(self.rect()).adjusted(1, 1, -1, -1)
        painter.drawRoundedRect(body, 2 * METRICS.radius, 2 * METRICS.radius)


class EmptyState(QScrollArea):
    """The page without a project."""

    def __init__(self, commands: Commands, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("empty")
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._commands = commands
        self._shown: EmptyShown | None = None
        self._refused: tuple[Notice, ...] = ()
        self.drops = Drops(commands)
        self._build()
        commands.session.message.connect(self._heard)
        commands.session.project_opened.connect(self._forget_refusal)
        self.refresh()

    def refresh(self) -> None:
        """Show the recent files of now."""
        files = tuple(recent.recent_files()[:RECENT])
        self.show_state(EmptyShown(bundled_samples(), files, time.time(), self._refused))

    def show_state(self, state: EmptyShown) -> None:
        """Show this and nothing else."""
        if state == self._shown:
            return
        before, self._shown = self._shown, state
        self.zone.notices.show_notices(state.refused)
        if before is None or before.samples != state.samples:
            self._fill(self._samples, [self._sample_card(one) for one in state.samples])
        if before is None or (before.recent, before.now) != (state.recent, state.now):
            self._fill(self._recent, [self._recent_card(one, state.now) for one in state.recent])
        for widget in (self._recent_title, self._recent_place):
            widget.setVisible(bool(state.recent))

    def sizeHint(self) -> QSize:
        return QSize(WIDTH, DROP_HEIGHT * 2)

    def _build(self) -> None:
        page = QWidget(self)
        page.setObjectName("empty_page")
        outer = QHBoxLayout(page)
        outer.setContentsMargins(2 * METRICS.pad, 2 * METRICS.pad, 2 * METRICS.pad, 2 * METRICS.pad)
        column = QWidget(page)
        column.setMaximumWidth(WIDTH)
        column.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        layout = QVBoxLayout(column)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(METRICS.gap)
        self.zone = DropZone(self._commands, column)
        self._samples_place, self._recent_place = QWidget(column), QWidget(column)
        self._samples, self._recent = QGridLayout(self._samples_place), QGridLayout(self._recent_place)
        self._recent_title = SectionTitle("Open again", column)
        for grid in (self._samples, self._recent):
            grid.setContentsMargins(0, 0, 0, 0)
            grid.setSpacing(METRICS.pad)
        layout.addStretch(1)
        layout.addWidget(self.zone, 6)
        layout.addSpacing(METRICS.pad)
        layout.addWidget(SectionTitle("Or begin with a sample", column))
        layout.addWidget(self._samples_place)
        layout.addSpacing(METRICS.pad)
        layout.addWidget(self._recent_title)
        layout.addWidget(self._recent_place)
        layout.addStretch(2)
        outer.addStretch(1)
        outer.addWidget(column, 100)
        outer.addStretch(1)
        self.setWidget(page)
        page.setAutoFillBackground(False)
        self.viewport().setAutoFillBackground(False)

    def _fill(self, grid: QGridLayout, cards: Sequence[QWidget]) -> None:
        while (item := grid.takeAt(0)) is not None:
            old = item.widget()
            if old is not None:
                old.hide()
                old.deleteLater()
        for place, card in enumerate(cards):
            grid.addWidget(card, place // 2, place % 2)
        for column in (0, 1):
            grid.setColumnStretch(column, 1)

    def _sample_card(self, sample: Sample) -> StartCard:
        card = StartCard("graph", sample.title, sample.text, sample.detail, self)
        card.setObjectName(f"sample:{sample.name}")
        card.setToolTip(f"Open the sample {sample.title} with its data and a pipeline that is ready to run")
        card.clicked.connect(lambda _checked=False, name=sample.name: self._commands.open_sample(name))
        return card

    def _recent_card(self, one: recent.RecentFile, now: float) -> StartCard:
        path = Path(one.path)
        symbol = "layers" if one.kind == "project" else "file"
        when = when_text(one.opened_at, now)
        card = StartCard(symbol, one.title or path.name, _folder_text(path.parent), when, self)
        card.setObjectName(f"recent:{path.name}")
        card.setToolTip(f"Open {one.path}")
        card.clicked.connect(lambda _checked=False, path=path: self._commands.open_path(path))
        return card

    def _heard(self, message: Message) -> None:
        """A refusal stays readable here, while nothing is open."""
        if self.isVisible() and message.level == "error":
            self._refused = (Notice("bad", message.text, message.hint),)
            self.refresh()

    def _forget_refusal(self) -> None:
        self._refused = ()

    def showEvent(self, event: object) -> None:
        super().showEvent(event)  # pyright: ignore[reportArgumentType] - PySide's own event
        self.refresh()


def _folder_text(folder: Path) -> str:
    """A folder with ~ for the home of the user."""
    try:
        return f"~/{folder.relative_to(Path.home()).as_posix()}".removesuffix("/.")
    except ValueError:
        return str(folder)
