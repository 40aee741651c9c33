"""A monkey at the window: seeded random gestures of mouse, keyboard and actions, with what must hold after each."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from PySide6.QtCore import QPoint, Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QLineEdit,
    QTabBar,
    QWidget,
)

from compress_studio.gui.main_window import MainWindow
from compress_studio.project import edits, files
from compress_studio.project.pipeline import Edge
from compress_studio.project.project import Project
from compress_studio.spec.data import DataRequest

W = TypeVar("W", bound=QWidget)
LEFT = Qt.MouseButton.LeftButton
CTRL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier
NONE, ALT = Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.AltModifier
KEYS = [
    *((getattr(Qt.Key, f"Key_{name}"), NONE) for name in ("Tab", "Backtab", "Return", "Escape", "Space", "Delete")),
    *((getattr(Qt.Key, f"Key_{name}"), NONE) for name in ("Left", "Right", "Up", "Down", "Home", "End", "PageDown")),
    *((getattr(Qt.Key, f"Key_{name}"), NONE) for name in "ACFLMPX059"),
    *((getattr(Qt.Key, f"Key_{name}"), CTRL) for name in "ACVXZYDEKS0"),
    *((getattr(Qt.Key, f"Key_{number}"), ALT) for number in range(1, 7)),
    (Qt.Key.Key_Z, CTRL | SHIFT),
    (Qt.Key.Key_F1, NONE),
    (Qt.Key.Key_F5, NONE),
    (Qt.Key.Key_Escape, SHIFT),
]
LEAVE_ALONE = ("app.quit",)
"""Actions that end the game."""
ABROAD = ("open_", "folder", "licence", "license", "restart", "website")
"""Parts of the names of buttons that open something outside the program."""
LOOK_MS = 40


class Monkey:
    """Acts on a window; every game of the same seed makes the same choices as long as the window answers the same."""

    def __init__(
        self, window: MainWindow, seed: int, folder: Path, steps: list[str], opens: list[Callable[[], object]]
    ):
        """steps: ids of steps to add; opens: what opens a project."""
        self.window, self.session = window, window.session
        self.random = random.Random(seed)
        self.folder, self.steps, self.opens = folder, steps, opens
        self.done: list[str] = []
        """Everything that was done, in order."""
        self.first = self.session.project
        self.session.project_opened.connect(self._opened)
        self._keeper = QTimer(window)
        self._keeper.setInterval(LOOK_MS)
        self._keeper.timeout.connect(self._close_what_waits)
        self._keeper.start()
        self._in_dialogs = (
            self.key,
            self.text,
            self.click,
            self.field,
            self.tab,
            self.row,
            self.wait,
            self.close_dialogs,
        )
        """What a user can do while a dialog waits for an answer."""
        self._gestures: list[tuple[int, Callable[[], object]]] = [
            (10, self.add), (5, self.remove), (6, self.connect), (4, self.cut), (8, self.undo), (5, self.redo),
            (4, self.paste), (4, self.mute), (5, self.move), (8, self.select), (6, self.action), (10, self.key),
            (8, self.text), (8, self.click), (6, self.field), (5, self.tab), (3, self.dock), (2, self.theme),
            (4, self.run), (2, self.stop), (1, self.open), (1, self.data), (2, self.save), (4, self.zoom),
            (8, self.drag), (5, self.row), (3, self.resize), (6, self.wait), (2, self.close_dialogs),
        ]  # fmt: skip

    def act(self) -> str:
        """Do one thing; returns what it was."""
        weights = [weight for weight, _ in self._gestures]
        ((_, gesture),) = self.random.choices(self._gestures, weights)
        if self._top() is not self.window and gesture not in self._in_dialogs:
            gesture = self.random.choice(self._in_dialogs)
        self.done.append(gesture.__name__)
        said = gesture()
        if isinstance(said, str):
            self.done[-1] = f"{gesture.__name__} {said}"
        QApplication.processEvents()
        return self.done[-1]

    def check(self, *, closely: bool = False) -> None:
        """What must hold at any time. Raises AssertionError."""
        session, project = self.session, self.session.project
        names = {node.id for node in project.pipeline}
        assert len(names) == len(project.pipeline.nodes), "two nodes have the same name"
        assert all(edge.src in names and edge.dst in names for edge in project.pipeline.edges)
        assert len({(edge.dst, edge.inp) for edge in project.pipeline.edges}) == len(project.pipeline.edges)
        assert {node.id for node in project.pipeline.order()} == names
        assert set(session.views) == names, "what is shown of nodes is not what there is"
        assert set(session.selection) <= names
        scene = self.window.canvas.view.pipeline
        assert set(scene.nodes) == names
        assert set(scene.edges) == set(project.pipeline.edges)
        assert self.window.isVisible()
        assert self.window.isWindowModified() is session.dirty
        if closely:
            again = files.parse(
                files.dump(project, self.folder).encode(), self.folder / "x.cstudio", session.runtime.steps
            )
            assert again.pipeline == project.pipeline, "the file holds another pipeline"

    def finish(self) -> None:
        """Rest, then walk the history to its beginning and back."""
        self._keeper.stop()
        self.close_dialogs()
        self.session.stop()
        self.session.settle()
        QApplication.processEvents()
        self.session.settle()
        last = self.session.project
        many = 0
        while self.session.history.undo_label is not None:
            self.session.undo()
            many += 1
        assert self.session.project == self.first, "undoing everything does not bring back the first project"
        self.check()
        for _ in range(many):
            self.session.redo()
        assert self.session.project == last, "redoing everything does not bring back the last project"
        self.session.settle()
        self.check(closely=True)

    # gestures ---------------------------------------------------------------------------------------

    def add(self) -> str:
        step = self.random.choice(self.steps)
        self.session.edit("Add", edits.append_step(step, {}, self.session.runtime.steps, after=self._node()))
        return step

    def remove(self) -> None:
        if (node := self._node()) and len(self.session.project.pipeline) > 1:
            self.session.edit("Remove", edits.remove_nodes([node], self.session.runtime.steps))

    def connect(self) -> None:
        before, behind = self._node(), self._node()
        if before and behind:
            ports = self.session.runtime.steps.get(self.session.project.pipeline.node(behind).step).inputs
            name = self.random.choice([port.name for port in ports]) if ports else "network"
            self.session.edit(
                "Connect", edits.connect(Edge(before, "network", behind, name), self.session.runtime.steps)
            )

    def cut(self) -> None:
        if known := self.session.project.pipeline.edges:
            self.session.edit("Cut", edits.cut([self.random.choice(known)]))

    def undo(self) -> None:
        for _ in range(self.random.choice((1, 1, 1, 5))):
            self.window.actions_by_id["edit.undo"].trigger()

    def redo(self) -> None:
        for _ in range(self.random.choice((1, 1, 1, 5))):
            self.window.actions_by_id["edit.redo"].trigger()

    def paste(self) -> None:
        canvas = self.window.canvas
        self.random.choice((canvas.copy, canvas.cut, canvas.paste, canvas.paste, canvas.duplicate))()

    def mute(self) -> None:
        self.random.choice((self.window.canvas.mute, self.window.canvas.measure))()

    def move(self) -> None:
        if node := self._node():
            spot = (self.random.uniform(-900, 900), self.random.uniform(-500, 500))
            self.session.edit("Move", edits.move({node: spot}), merge=self.random.choice((None, "move")))

    def select(self) -> None:
        known = [node.id for node in self.session.project.pipeline]
        self.session.select(self.random.sample(known, min(len(known), self.random.choice((0, 1, 1, 1, 2, 3)))))

    def action(self) -> str:
        """Something from a menu, wherever it is allowed now."""
        top = self._top()
        if top is not self.window:
            return "none: a dialog is open"
        usable = [
            name for name, one in self.window.actions_by_id.items() if one.isEnabled() and name not in LEAVE_ALONE
        ]
        name = self.random.choice(usable)
        self.window.actions_by_id[name].trigger()
        return name

    def key(self) -> str:
        key, modifiers = self.random.choice(KEYS)
        target = QApplication.focusWidget() or self._top()
        name = f"{key.name} {modifiers.name} at {type(target).__name__}:{target.objectName()}"
        QTest.keyClick(target, key, modifiers)
        return name

    def text(self) -> str:
        found = self._some(QLineEdit)
        if found is None:
            return "nowhere"
        found.setFocus()
        name = found.objectName()
        word = self.random.choice(("", "0.5", "prune", "-1", "1e999", "x" * 300, "ø∂ß漢字", "../..", "{}", "nan"))
        found.selectAll()
        word = word[: self.random.choice((3, 300))]
        if word.isascii():
            QTest.keyClicks(found, word)
        else:
            found.insert(word)  # as from the clipboard: the test library has no keys for it
        if self.random.random() < 0.7 and (focus := QApplication.focusWidget()):
            QTest.keyClick(focus, self.random.choice((Qt.Key.Key_Return, Qt.Key.Key_Tab, Qt.Key.Key_Escape)))
        return f"{word[:8]!r} into {name}"

    def click(self) -> str:
        found = self._some(QAbstractButton)
        if found is None or any(word in found.objectName().lower() for word in ABROAD):
            return "nothing"
        name = f"{type(found).__name__}:{found.objectName()}:{found.text()[:30]}"
        QTest.mouseClick(found, LEFT)
        return name

    def field(self) -> str:
        kind = self.random.choice((QAbstractSpinBox, QComboBox))
        found = self._some(kind)
        if found is None:
            return "none"
        name = found.objectName()
        for _ in range(self.random.randint(1, 4)):
            QTest.keyClick(found, self.random.choice((Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_PageUp)))
        return name

    def tab(self) -> str:
        bar = self._some(QTabBar)
        if bar is None or not bar.count():
            return "none"
        bar.setCurrentIndex(self.random.randrange(bar.count()))
        return bar.tabText(bar.currentIndex())

    def dock(self) -> str:
        dock = self.random.choice(self.window.docks)
        if self.random.random() < 0.5:
            dock.setFloating(not dock.isFloating())
        else:
            dock.toggleViewAction().trigger()
        return dock.objectName()

    def theme(self) -> None:
        self.window.actions_by_id[self.random.choice(("theme.light", "theme.dark", "theme.system"))].trigger()

    def run(self) -> None:
        self.session.run(self.random.choice((None, self.session.selection)), again=self.random.random() < 0.3)

    def stop(self) -> None:
        self.session.stop()

    def open(self) -> None:
        if self.random.random() < 0.2:
            self.window.commands.new_project()
        else:
            self.random.choice(self.opens)()

    def data(self) -> None:
        chosen = self.random.choice((DataRequest(), DataRequest(path="/nowhere/at all.npz"), DataRequest(seed=3)))
        self.session.edit("Data", edits.set_data(chosen))

    def save(self) -> None:
        if len(self.session.project.pipeline):
            path = self.folder / f"{self.random.randrange(3)}.cstudio"
            self.session.save(self.random.choice((path, path, self.folder / "letters.cstudio")))

    def zoom(self) -> None:
        canvas = self.window.canvas
        self.random.choice((canvas.zoom_in, canvas.zoom_out, canvas.full_size, canvas.fit, canvas.tidy))()

    def drag(self) -> str:
        """Press somewhere on the canvas, move, and let go, or call it off."""
        view = self.window.canvas.view.viewport()
        if not view.isVisible() or self._top() is not self.window:
            return "nowhere"
        button = self.random.choice((LEFT, LEFT, LEFT, Qt.MouseButton.MiddleButton))
        modifiers = self.random.choice((NONE, NONE, SHIFT, CTRL, ALT))
        start, end = self._spot(view), self._spot(view)
        scene = self.window.canvas.view.pipeline
        if scene.nodes and self.random.random() < 0.7:
            item = self.random.choice(list(scene.nodes.values()))
            place = self.random.choice((item.rect().center(), *(one for one in (item.rect().topRight(),))))
            start = self.window.canvas.view.mapFromScene(item.mapToScene(place))
        QTest.mousePress(view, button, modifiers, start)
        for turn in range(1, 5):
            QTest.mouseMove(view, start + (end - start) * turn / 4)
            QApplication.processEvents()
        if self.random.random() < 0.3:
            key = self.random.choice((Qt.Key.Key_Escape, Qt.Key.Key_Delete, Qt.Key.Key_Tab))
            QTest.keyClick(self.window.canvas.view, key)
        if self.random.random() < 0.1:
            self.session.undo()
        QTest.mouseRelease(view, button, modifiers, end)
        return f"{start.x()},{start.y()} to {end.x()},{end.y()}"

    def row(self) -> str:
        view = self._some(QAbstractItemView)
        if view is None or view.model() is None or not view.model().rowCount():
            return "none"
        index = view.model().index(self.random.randrange(view.model().rowCount()), 0)
        view.scrollTo(index, QAbstractItemView.ScrollHint.EnsureVisible)
        click = self.random.choice((QTest.mouseClick, QTest.mouseClick, QTest.mouseDClick))
        name = view.objectName()
        click(view.viewport(), LEFT, pos=view.visualRect(index).center())
        return name

    def resize(self) -> None:
        self.window.resize(self.random.randint(1000, 1900), self.random.randint(620, 1100))

    def wait(self) -> None:
        QTest.qWait(self.random.choice((1, 20, 60)))

    def close_dialogs(self) -> None:
        for top in QApplication.topLevelWidgets():
            if top.isVisible() and top.windowFlags() & Qt.WindowType.Dialog == Qt.WindowType.Dialog:
                top.close()

    # inside -----------------------------------------------------------------------------------------

    def _opened(self) -> None:
        self.first = self.session.project

    def _node(self) -> str | None:
        known = [node.id for node in self.session.project.pipeline]
        return self.random.choice(known) if known else None

    def _top(self) -> QWidget:
        return QApplication.activeModalWidget() or self.window

    def _some(self, kind: type[W]) -> W | None:
        """A widget of a kind that can be used now, in the dialog that is open or in the window."""
        known = [one for one in self._top().findChildren(kind) if one.isVisible() and one.isEnabled()]
        return self.random.choice(known) if known else None

    def _spot(self, widget: QWidget) -> QPoint:
        return QPoint(self.random.randrange(max(1, widget.width())), self.random.randrange(max(1, widget.height())))

    def _close_what_waits(self) -> None:
        """Menus and dialogs that hold up the monkey are closed from their own event loops."""
        popup = QApplication.activePopupWidget()
        if popup is not None:
            popup.close()
        modal = QApplication.activeModalWidget()
        if modal is not None and self.random.random() < 0.3:
            modal.close()


def opener(window: MainWindow, project: Project) -> Callable[[], object]:
    """Something that opens a project in the window."""
    return lambda: window.session.open(project)
