"""The tour of the first start: a few hints, each beside the part of the window that it is about."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, QPoint, QRect, QRectF, Qt, QTimer
from PySide6.QtGui import QColor, QKeyEvent, QKeySequence, QPainter, QPainterPath, QPaintEvent, QPen, QShortcut
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from compress_studio.gui.theme import current
from compress_studio.gui.theme.tokens import METRICS

if TYPE_CHECKING:
    from compress_studio.gui.commands import Commands
    from compress_studio.gui.main_window import MainWindow

WIDTH = 300
SHADE = 0.55
ROOM = 4
"""Between the part and the edge of its light."""


@dataclass(frozen=True, slots=True)
class Hint:
    """One stop of the tour."""

    title: str
    text: str
    where: Callable[[MainWindow], Sequence[QWidget]]
    """What is lit; the first one that can be seen. None of them: the stop is left out."""


HINTS: tuple[Hint, ...] = (
    Hint(
        "Drop a model here",
        "An ONNX or PyTorch file, anywhere on the window, or begin with one of the samples. The file itself is never "
        "changed.",
        lambda window: (window.empty, *_named(window, "model_card")),
    ),
    Hint(
        "Steps that make it smaller",
        "Drag one into the pipeline, or press Enter on it. A greyed step tells why it does not fit this model.",
        lambda window: _named(window, "library"),
    ),
    Hint(
        "Your pipeline",
        "Every box works on the result of the box before. Branch it to compare variants; undo takes anything back.",
        lambda window: (window.canvas,),
    ),
    Hint(
        "Move a slider, see what happens",
        "Select a step to set it here. Size and sparsity follow while you drag, a measured estimate comes right after.",
        lambda window: (window.inspector,),
    ),
    Hint(
        "Run, and watch",
        "F5 computes what has changed, in the background. The charts below fill while it works; Stop really stops.",
        lambda window: (*_named(window, "toolbar:run.all"), window.toolbar),
    ),
)


def _named(window: MainWindow, name: str) -> list[QWidget]:
    found = window.findChild(QWidget, name)
    return [] if found is None else [found]


class _Shade(QWidget):
    """Darkens the window but for one part; the mouse goes through it."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("tour_shade")
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._light = QRect()

    def show_light(self, light: QRect) -> None:
        """Light this part."""
        self._light = light
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        hole = QPainterPath()
        hole.addRoundedRect(QRectF(self._light), METRICS.radius, METRICS.radius)
        everything = QPainterPath()
        everything.addRect(QRectF(self.rect()))
        painter.fillPath(everything.subtracted(hole), current.color("#000000", SHADE))
        painter.setPen(QPen(QColor(current.tokens().accent), 2))
        painter.drawPath(hole)


class Tour(QFrame):
    """The bubble with the words; owns the shade."""

    def __init__(self, commands: Commands, hints: Sequence[Hint] = HINTS) -> None:
        window = commands.window
        super().__init__(window)
        self.setObjectName("tour")
        self.setProperty("surface", "popup")
        self.setFixedWidth(WIDTH)
        self._commands = commands
        self._window = window
        self._hints = hints
        self._place = -1
        self._shown = 0
        self._shade = _Shade(window)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(METRICS.pad, METRICS.pad, METRICS.pad, METRICS.pad)
        layout.setSpacing(METRICS.gap // 2)
        self._title, self._text, self._count = QLabel(self), QLabel(self), QLabel(self)
        self._title.setProperty("role", "hint")
        self._text.setProperty("tone", "muted")
        self._text.setWordWrap(True)
        self._count.setProperty("tone", "muted")
        layout.addWidget(self._title)
        layout.addWidget(self._text)
        layout.addSpacing(METRICS.gap // 2)
        row = QHBoxLayout()
        row.addWidget(self._count)
        row.addStretch(1)
        self.skip = self._make("Skip", "tour_skip", "Close the tour (Esc). The Help menu has it again.", row)
        self.next = self._make("Next", "tour_next", "The next hint (Enter)", row)
        self.next.setProperty("kind", "primary")
        layout.addLayout(row)
        self.skip.clicked.connect(self.end)
        self.next.clicked.connect(self._go_on)
        window.installEventFilter(self)
        commands.session.project_changed.connect(self._arrange_soon)
        escape = QShortcut(QKeySequence(Qt.Key.Key_Escape), self)
        escape.setContext(Qt.ShortcutContext.WindowShortcut)
        escape.activated.connect(self.end)

    def begin(self, *, focus: bool = True) -> None:
        """Show the first hint; focus: take the keyboard."""
        self._shade.show()
        self.show()
        self._go_on()
        if focus:
            self.next.setFocus(Qt.FocusReason.OtherFocusReason)

    def end(self) -> None:
        """Close the tour; it does not come by itself again."""
        self._window.removeEventFilter(self)
        self._commands.settings.change(tour_seen=True)
        self._shade.deleteLater()
        self._shade.hide()
        self.hide()
        self.deleteLater()

    @property
    def title(self) -> str:
        """The title of the hint shown."""
        return self._title.text()

    def _make(self, text: str, name: str, tip: str, row: QHBoxLayout) -> QPushButton:
        button = QPushButton(text, self)
        button.setObjectName(name)
        button.setAccessibleName(text)
        button.setToolTip(tip)
        row.addWidget(button)
        return button

    def _after(self, place: int) -> list[int]:
        """The hints behind this one whose part of the window can be seen now."""
        return [at for at in range(place + 1, len(self._hints)) if _target(self._hints[at], self._window) is not None]

    def _go_on(self) -> None:
        rest = self._after(self._place)
        if not rest:
            self.end()
            return
        self._place = rest[0]
        self._shown += 1
        self._show()

    def _show(self) -> None:
        hint = self._hints[self._place]
        self._title.setText(hint.title)
        self._text.setText(hint.text)
        more = len(self._after(self._place))
        self._count.setText(f"{self._shown} of {self._shown + more}")
        self.next.setText("Next" if more else "Done")
        self.setAccessibleName(f"{hint.title}. {hint.text}")
        self._arrange()

    def _arrange_soon(self, *_: object) -> None:
        """The window takes another shape when something is opened."""
        QTimer.singleShot(0, self, self._arrange)

    def _arrange(self) -> None:
        if not self.isVisible():
            return
        target = _target(self._hints[self._place], self._window)
        area = self._window.rect()
        self._shade.setGeometry(area)
        light = QRect(self._window.rect().center(), self._window.rect().center())
        if target is not None:
            light = QRect(target.mapTo(self._window, QPoint(0, 0)), target.size())
        light = light.adjusted(-ROOM, -ROOM, ROOM, ROOM).intersected(area.adjusted(1, 1, -1, -1))
        self._shade.show_light(light)
        self.setFixedHeight(self.heightForWidth(WIDTH))
        self.setGeometry(beside(light, QRect(0, 0, WIDTH, self.height()), area))
        self._shade.raise_()
        self.raise_()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self._window and event.type() is QEvent.Type.Resize and self.isVisible():
            self._arrange()
        return False

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in {Qt.Key.Key_Return, Qt.Key.Key_Enter}:
            self._go_on()
        else:
            super().keyPressEvent(event)


def beside(light: QRect, bubble: QRect, area: QRect) -> QRect:
    """Where the bubble goes: right of the light, left, below or above, or inside it when it fills the window."""
    gap = METRICS.pad
    middle = light.center().y() - bubble.height() // 2
    center = light.center().x() - bubble.width() // 2
    for corner in (
        QPoint(light.right() + gap, middle),
        QPoint(light.left() - gap - bubble.width(), middle),
        QPoint(center, light.bottom() + gap),
        QPoint(center, light.top() - gap - bubble.height()),
    ):
        made = _inside(QRect(corner, bubble.size()), area.adjusted(gap, gap, -gap, -gap))
        if not made.intersects(light):
            return made
    return _inside(QRect(QPoint(center, middle), bubble.size()), area)


def _inside(rect: QRect, area: QRect) -> QRect:
    left = min(max(rect.left(), area.left()), area.right() - rect.width() + 1)
    top = min(max(rect.top(), area.top()), area.bottom() - rect.height() + 1)
    return QRect(QPoint(left, top), rect.size())


def _target(hint: Hint, window: MainWindow) -> QWidget | None:
    return next((widget for widget in hint.where(window) if widget.isVisible()), None)


def start_tour(commands: Commands) -> None:
    """Show the tour from its beginning."""
    for old in commands.window.findChildren(Tour):
        old.end()
    Tour(commands).begin()


def offer_tour(commands: Commands) -> None:
    """Show the tour unless the user has seen it."""
    if not commands.settings.now.tour_seen:
        Tour(commands).begin(focus=False)
