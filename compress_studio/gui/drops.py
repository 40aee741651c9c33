"""Files dragged over the window: what would happen with them, said while they are dragged, and done when dropped."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QEvent, QMimeData, QObject, QTimer
from PySide6.QtGui import QDragEnterEvent, QDragLeaveEvent, QDragMoveEvent, QDropEvent

from compress_studio.gui import opening
from compress_studio.gui.dialogs import unsaved
from compress_studio.gui.panels.drop_overlay import DropOverlay
from compress_studio.gui.recognizing import READABLE, Dropped, Kind, models_with_code, recognize

if TYPE_CHECKING:
    from compress_studio.gui.commands import Commands

LEAVE_MS = 60
"""Between leaving one part of the window and entering the next."""
LISTED = 3
HOW = {"replace": unsaved.REPLACE, "add": unsaved.ADD}
"""What zones make of a model; all others begin a project with it."""


@dataclass(frozen=True, slots=True)
class Zone:
    """One thing that can be done with what is dragged."""

    id: str
    """ "open", "replace", "new", "add", "data" or "project"."""
    title: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Offer:
    """Everything that can be done with what is dragged, and what cannot."""

    zones: tuple[Zone, ...] = ()
    model: Dropped | None = None
    more_models: tuple[Dropped, ...] = ()
    code: Dropped | None = None
    """What makes the network of the weights among the models."""
    data: Dropped | None = None
    project: Dropped | None = None
    left_out: tuple[Dropped, ...] = ()
    reason: str = ""
    """Why nothing can be done with it."""
    hint: str = ""

    @property
    def note(self) -> str:
        """What is left out, in words."""
        if not self.zones or not self.left_out:
            return ""
        first = self.left_out[0]
        if len(self.left_out) == 1:
            return f"Left out: {first.reason or first.name}"
        names = ", ".join(one.name for one in self.left_out[:LISTED])
        return f"Left out: {names}{', …' if len(self.left_out) > LISTED else ''}"


def make_offer(found: Sequence[Dropped], *, open_model: str = "") -> Offer:
    """What can be done with these. open_model: name of the model of the open project, empty when there is none."""
    of = {kind: [one for one in found if one.kind is kind] for kind in Kind}
    refused = of[Kind.REFUSED]
    if of[Kind.PROJECT]:
        return _project(of[Kind.PROJECT][0], [one for one in found if one is not of[Kind.PROJECT][0]])
    models, data = [one for one, _ in models_with_code(found)], of[Kind.DATA]
    if not models and not data:
        if not refused:
            return Offer(reason="Only files and folders of this computer can be dropped.", hint=READABLE)
        more = f" (and {len(refused) - 1} more)" if len(refused) > 1 else ""
        return Offer(left_out=tuple(refused), reason=refused[0].reason + more, hint=refused[0].hint)
    code = next((one for one in of[Kind.CODE] if one not in models), None)
    left_out = (*data[1:], *(one for one in of[Kind.CODE][1:] if one not in models), *refused)
    used = data[0] if data else None
    if not models:
        return Offer(zones=(_data_zone(data[0], open_model),), data=used, left_out=left_out)
    zones = _with_project(models, used, code, open_model) if open_model else (_begin(models, used, code),)
    return Offer(zones, models[0], tuple(models[1:]), code, used, left_out=left_out)


def local_paths(mime: QMimeData) -> list[Path]:
    """The files that a drag carries; without those that are not on this computer."""
    return [Path(url.toLocalFile()) for url in mime.urls() if url.isLocalFile() and url.toLocalFile()]


def remote_names(mime: QMimeData) -> list[str]:
    """What a drag carries that is not on this computer."""
    return [url.toDisplayString() for url in mime.urls() if not url.isLocalFile()]


class Drops(QObject):
    """Watches the window for dragged files, shows the overlay and does what was chosen."""

    def __init__(self, commands: Commands) -> None:
        super().__init__(commands.window)
        self._commands = commands
        self._session = commands.session
        self.offer = Offer()
        """What is being dragged; empty when nothing is."""
        self._paths: list[Path] = []
        self._looking = False
        """Whether a closer look at these files is under way."""
        self.overlay = DropOverlay(commands.window)
        self._leaving = QTimer(self)
        self._leaving.setSingleShot(True)
        self._leaving.setInterval(LEAVE_MS)
        self._leaving.timeout.connect(self._gone)
        commands.window.setAcceptDrops(True)
        commands.window.installEventFilter(self)
        self.overlay.installEventFilter(self)

    def look(self, mime: QMimeData) -> Offer:
        """What can be done with a drag; quick, folders are counted in the background."""
        paths, remote = local_paths(mime), remote_names(mime)
        self._paths = paths
        found = [one for path in paths for one in recognize(path)]
        found += [Dropped(Path(name), Kind.REFUSED, reason=f"{name} is not on this computer.", hint="Download it first,"
                          " then drop the file.") for name in remote]  # fmt: skip
        self.offer = make_offer(found, open_model=self._open_model())
        self._looking = bool(paths)
        if paths:
            self._session.light.submit(
                "drop",
                lambda: [one for path in paths for one in recognize(path, closely=True)],
                lambda closely: self._looked(paths, closely),
                lambda _failure: self._looked(paths, found),
            )
        return self.offer

    def take(self, zone: str) -> None:
        """Do what a zone says with what was dragged."""
        offer, commands = self.offer, self._commands
        self._gone()
        if offer.project is not None:
            commands.open_path(offer.project.path)
        elif offer.model is not None:
            self._take_model(offer, offer.model, zone)
        elif offer.data is not None:
            self._use_data(offer.data)
        if offer.note and offer.zones:
            self._tell(offer.note, " ".join(one.hint for one in offer.left_out[:1]), "warning")

    def _take_model(self, offer: Offer, model: Dropped, zone: str) -> None:
        commands = self._commands
        how = HOW.get(zone, unsaved.NEW)
        if how == unsaved.NEW and not commands.may_leave("opening another model"):
            return
        parts = [model, *offer.more_models, *([offer.code] if offer.code is not None else [])]
        commands.open_models(models_with_code(parts), how, [] if offer.data is None else [offer.data])

    def _use_data(self, data: Dropped) -> None:
        opening.use_data(self._session, data.path)

    def _open_model(self) -> str:
        sources = self._session.project.pipeline.sources()
        return self._session.views[sources[0].id].title if sources else ""

    def _looked(self, paths: list[Path], closely: list[Dropped]) -> None:
        """The folders are counted and the checkpoints read: say so while the drag goes on, or after a refused drop."""
        if paths != self._paths:
            return
        self._looking = False
        refused_before = not self.offer.zones
        self.offer = make_offer(closely, open_model=self._open_model())
        if self.overlay.isVisible():
            self.overlay.show_offer(self.offer)
        elif refused_before and not self.offer.zones:
            self._refuse()

    def _refuse(self) -> None:
        offer = self.offer
        self._tell(offer.reason, offer.hint, "error")
        self._paths, self.offer = [], Offer()

    def _tell(self, text: str, hint: str, level: str) -> None:
        from compress_studio.gui.message import Message

        self._session.message.emit(Message(text, hint, level))

    def _gone(self) -> None:
        self._leaving.stop()
        self.overlay.hide()
        self._paths = []

    def _entered(self, event: QDragEnterEvent) -> bool:
        if not event.mimeData().hasUrls():
            return False
        self._leaving.stop()
        if not self.overlay.isVisible():
            self.overlay.show_offer(self.look(event.mimeData()))
            self.overlay.appear()
        self.overlay.point_at(self._place(event))
        event.acceptProposedAction()
        return True

    def _moved(self, event: QDragMoveEvent) -> bool:
        if not self.overlay.isVisible():
            return False
        self._leaving.stop()
        self.overlay.point_at(self._place(event))
        event.acceptProposedAction()
        return True

    def _left(self, _event: QDragLeaveEvent) -> bool:
        if not self.overlay.isVisible():
            return False
        self._leaving.start()
        return True

    def _dropped(self, event: QDropEvent) -> bool:
        """A drop may come without anything before it, from programs that drive the window."""
        if not event.mimeData().hasUrls():
            return False
        if not self.overlay.isVisible():
            self.overlay.show_offer(self.look(event.mimeData()))
            self.overlay.fit()
        self.overlay.point_at(self._place(event))
        zone = self.overlay.zone
        event.acceptProposedAction()
        if self.offer.zones:
            self.take(zone or self.offer.zones[0].id)
            return True
        paths = self._paths
        self._gone()
        self._paths = paths
        if not self._looking:
            self._refuse()
        return True

    def _place(self, event: QDropEvent) -> Any:
        """The overlay covers the window, so places in both are the same."""
        return event.position().toPoint()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Events of the window and of the overlay above it."""
        handlers: dict[QEvent.Type, Callable[[Any], bool]] = {
            QEvent.Type.DragEnter: self._entered,
            QEvent.Type.DragMove: self._moved,
            QEvent.Type.DragLeave: self._left,
            QEvent.Type.Drop: self._dropped,
        }
        does = handlers.get(event.type())
        if does is not None and does(event):
            return True
        return super().eventFilter(watched, event)


def _project(project: Dropped, others: Sequence[Dropped]) -> Offer:
    zone = Zone("project", f"Open project {project.path.name}")
    return Offer((zone,), project=project, left_out=tuple(others))


def _data_zone(data: Dropped, open_model: str) -> Zone:
    count = f" ({data.detail})" if data.detail else ""
    if open_model:
        return Zone("data", f"Use {data.name} as data{count}", f"for {open_model}")
    return Zone("data", f"Use {data.name} as data{count}", "It is kept for the model that you open next.")


def _begin(models: Sequence[Dropped], data: Dropped | None, code: Dropped | None) -> Zone:
    details = [_with(code, data).strip()]
    if len(models) > 1:
        details.append("and " + ", ".join(one.name for one in models[1:]) + " as another model")
    return Zone("open", f"Open {models[0].name} as a new project", " ".join(one for one in details if one))


def _with(code: Dropped | None, data: Dropped | None) -> str:
    """ " with net.py as its network and photos/ as data"."""
    parts = [f"{code.name} as its network"] if code is not None else []
    parts += [f"{data.name} as data"] if data is not None else []
    return f" with {' and '.join(parts)}" if parts else ""


def _with_project(
    models: Sequence[Dropped], data: Dropped | None, code: Dropped | None, open_model: str
) -> tuple[Zone, ...]:
    name = models[0].name
    tail = _with(code, data)
    add = Zone("add", "Add as another model", f"{name} beside {open_model}, as a teacher or to merge{tail}")
    new = Zone("new", "New project", f"Begin again with {name}{tail}")
    if len(models) > 1:
        return (new, Zone("add", f"Add as {len(models)} other models", add.detail))
    same = "Open it again" if name == open_model else "Replace the model"
    return (Zone("replace", same, f"{name}{tail}: all steps stay"), new, add)
