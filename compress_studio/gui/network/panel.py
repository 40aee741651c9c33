"""The inside of a network: a picture to zoom into, its colours, and what is known of each operator."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, Qt, QTimer
from PySide6.QtGui import QResizeEvent, QShowEvent
from PySide6.QtWidgets import QSplitter, QStackedWidget, QVBoxLayout, QWidget

from compress_studio.base.errors import Cancelled
from compress_studio.engine.records import Cause, Failure
from compress_studio.gui import words
from compress_studio.gui.network.bar import Bar
from compress_studio.gui.network.coloring import Coloring
from compress_studio.gui.network.details import Details
from compress_studio.gui.network.finding import Matches, Wanted
from compress_studio.gui.network.ink import Measure, ink
from compress_studio.gui.network.inside import ROOT, Network
from compress_studio.gui.network.inspecting import Inspecting
from compress_studio.gui.network.layout import Placed, place
from compress_studio.gui.network.legend import Legend
from compress_studio.gui.network.loading import Loading
from compress_studio.gui.network.subject import NOTHING, RESULT, SOURCE, Subject, choose
from compress_studio.gui.network.view import NetworkView
from compress_studio.gui.theme.current import tokens, watch
from compress_studio.gui.widgets.hint import EmptyHint

if TYPE_CHECKING:
    from compress_studio.gui.commands import Commands

SETTLE_MS = 200
DETAILS_WIDTH = 270


class NetworkPanel(QWidget):
    """Shows the network of the selected node, or of the source, and follows the session."""

    def __init__(self, commands: Commands, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("network")
        self.session = commands.session
        self.loading = Loading(commands.session, self)
        self.subject: Subject = NOTHING
        self.network: Network | None = None
        self.placed: Placed | None = None
        self.node: int | None = None
        """The selected operator."""
        self.group: int | None = None
        """The selected group."""
        self._side = RESULT
        self._open: frozenset[tuple[str, ...]] | None = None
        """Open groups as the user left them; None: as a network is shown at first."""
        self._across: bool | None = None
        """How the network flows, where the user said it."""
        self.matches = Matches()
        self._wanted: Wanted | None = None
        self._layer = ""
        """A layer to be shown as soon as possible."""
        self._generation = 0
        self._build()
        self._connect()
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(SETTLE_MS)
        self._settle.timeout.connect(self._turn_if_needed)
        self.show_subject(NOTHING)

    # what is shown --------------------------------------------------------------------------------

    def refresh(self, *_: object) -> None:
        """Look again at what should be shown. Does nothing while the panel cannot be seen."""
        if self.isVisible():
            self.show_subject(choose(self.session, self._side))

    def show_subject(self, subject: Subject) -> None:
        """Show a network, or why there is none."""
        before, self.subject = self.subject, subject
        self.bar.side.set_value(self._side)
        if subject.path is None:
            self._show_nothing(subject.headline, subject.reason, busy=subject.busy)
            return
        network = self.loading.network(subject)
        failure = self.loading.failure(subject.digest)
        if network is not None:
            if self.network is not network:
                self.show_network(network)
            elif before != subject:
                self._show_title()
                self._color()
        elif failure is not None:
            self._show_nothing(f"{subject.title} cannot be shown", f"{failure.message} {failure.hint}".strip())
        else:
            self._show_nothing(f"Opening {subject.title}", "Reading its layers.", busy=True)

    def show_network(self, network: Network) -> None:
        """Show a network; what was selected and open stays so where it exists here too."""
        again = self.network is not None
        self._remember()
        self.network = network
        self.node = self.group = None
        self._search(self.bar.search.text())
        self.pages.setCurrentWidget(self.stage)
        self._show_title()
        self._arrange(self._opened(), begin=not again)

    def focus_layer(self, name: str) -> None:
        """Select a layer by its name and bring it into sight; waits until its network is there."""
        self._layer = name
        self._take_layer()

    # building -------------------------------------------------------------------------------------

    def _build(self) -> None:
        self.bar = Bar(self)
        self.view = NetworkView(self)
        self.legend = Legend(self)
        self.details = Details(self)
        self.coloring = Coloring(self.loading, self.view, self.legend, self.bar)
        self.inspecting = Inspecting(self.loading, self.details)
        self.hint = EmptyHint("graph", NOTHING.headline, NOTHING.reason, "", partial(self._choose_side, SOURCE), self)
        left = QWidget(self)
        column = QVBoxLayout(left)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.view, 1)
        column.addWidget(self.legend)
        self.stage = QSplitter(Qt.Orientation.Horizontal, self)
        self.stage.setObjectName("network_stage")
        self.stage.setChildrenCollapsible(False)
        self.stage.addWidget(left)
        self.stage.addWidget(self.details)
        self.stage.setStretchFactor(0, 1)
        self.stage.setStretchFactor(1, 0)
        self.stage.setSizes([10 * DETAILS_WIDTH, DETAILS_WIDTH])
        self.details.setVisible(False)
        self.pages = QStackedWidget(self)
        self.pages.addWidget(self.hint)
        self.pages.addWidget(self.stage)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.bar)
        layout.addWidget(self.pages, 1)

    def _connect(self) -> None:
        session, bar = self.session, self.bar
        session.selection_changed.connect(self.refresh)
        session.results_changed.connect(self.refresh)
        session.views_changed.connect(self.refresh)
        session.project_opened.connect(self._forget)
        self.loading.structure_came.connect(self._structure_came)
        self.loading.errors_came.connect(self._errors_came)
        bar.side_chosen.connect(self._choose_side)
        bar.measure_chosen.connect(self._choose_measure)
        bar.sought.connect(self._search)
        bar.stepped.connect(self._next_match)
        bar.buttons["fit"].clicked.connect(self.view.fit)
        bar.buttons["in"].clicked.connect(partial(self.view.zoom_step, 1))
        bar.buttons["out"].clicked.connect(partial(self.view.zoom_step, -1))
        bar.buttons["turn"].clicked.connect(self._turn)
        bar.buttons["open"].clicked.connect(self._open_all)
        self.view.picked.connect(self._pick)
        self.view.toggled.connect(self._toggle)
        self.view.searched.connect(bar.search.setFocus)
        watch().changed.connect(self._color)

    # following the session ------------------------------------------------------------------------

    def _forget(self) -> None:
        """Another project: nothing of the old one is kept."""
        self._side, self._open, self._wanted, self._layer = RESULT, None, None, ""
        self.network = self.placed = None
        self.node = self.group = None
        self.view.show_placed(None, None)
        self.refresh()

    def _structure_came(self, digest: str) -> None:
        if digest == self.subject.digest:
            self.show_subject(self.subject)

    def _choose_side(self, side: str) -> None:
        self._side = side
        self.refresh()

    def _show_nothing(self, headline: str, reason: str, *, busy: bool = False) -> None:
        self._remember()
        self.network = None
        button = "Show the source" if self.subject.source_instead else ""
        self.hint.show_hint("clock" if busy else "graph", headline, reason, button)
        self.pages.setCurrentWidget(self.hint)
        self.bar.show_title(self.subject.title)
        self._enable(on=False)

    def _show_title(self) -> None:
        subject, network = self.subject, self.network
        if network is None:
            return
        parts = [subject.title, f"{words.grouped_text(network.operators)} operators"]
        if subject.outdated:
            parts.insert(1, "outdated")
        hidden = f" {network.hidden} more only unpack weights and are not shown." if network.hidden else ""
        old = " This result belongs to earlier parameters." if subject.outdated else ""
        self.bar.show_title(" · ".join(parts), f"{subject.title}.{hidden}{old}")
        self._enable(on=True)

    def _enable(self, *, on: bool) -> None:
        for widget in (self.bar.measure, self.bar.search, *self.bar.buttons.values()):
            widget.setEnabled(on)
        self.bar.side.setEnabled(self.subject.node is not None)

    # laying out -----------------------------------------------------------------------------------

    def _opened(self) -> frozenset[int]:
        assert self.network is not None
        return self.network.first_open() if self._open is None else self.network.opened(self._open)

    def _arrange(
        self,
        opened: frozenset[int],
        *,
        begin: bool = False,
        anchor: tuple[int, QPointF] | None = None,
        reveal: int | None = None,
    ) -> None:
        """Lay out in the background. anchor: a group and where its corner is; reveal: a node to bring into sight."""
        network = self.network
        if network is None:
            return
        self._generation += 1
        generation = self._generation
        across = self._flows_across()
        ratio = self.view.ratio(across=across)

        def check() -> None:
            if generation != self._generation:
                raise Cancelled

        self.session.light.submit(
            "network layout",
            lambda: place(network, opened, across=across, ratio=ratio, check=check),
            partial(self._arranged, begin, anchor, reveal),
            self._not_arranged,
        )

    def _arranged(self, begin: bool, anchor: tuple[int, QPointF] | None, reveal: int | None, placed: Placed) -> None:
        if placed.network is not self.network:
            return
        self.placed = placed
        self.view.show_placed(placed, ink(placed, Measure.KIND, tokens()))
        self._restore()
        self._color()
        self._mark()
        box = placed.box_of(group=anchor[0]) if anchor is not None else None
        if begin:
            self.view.begin()
        elif box is not None and anchor is not None:
            self.view.anchor(box, anchor[1])
        elif self.view.fitted:
            self.view.begin()
        if reveal is not None and (target := placed.box_of(node=reveal)) is not None:
            self.view.reveal(target, near=True)
        self._take_layer()

    def _not_arranged(self, failure: Failure) -> None:
        if failure.cause is not Cause.CANCELLED:
            self.legend.show_message(failure.message, "warn")

    def _flows_across(self) -> bool:
        return self._across if self._across is not None else self.view.wide

    def _turn(self) -> None:
        self._across = not self._flows_across()
        if self.network is not None:
            self._arrange(self._opened(), begin=True)

    def _turn_if_needed(self) -> None:
        if self.placed is not None and self.network is not None and self.placed.across != self._flows_across():
            self._arrange(self.placed.open, begin=True)

    def _toggle(self, group: int) -> None:
        """Open or close a group; its corner stays where it is."""
        if self.placed is None or self.network is None or self.view.picture is None:
            return
        box = self.placed.box_of(group=group)
        corner = self.view.to_widget(self.view.picture.rects[box].topLeft()) if box is not None else QPointF()
        opened = self.placed.open
        self._set_open(opened - {group} if group in opened else opened | {group})
        self.node, self.group = None, group
        self._arrange(self._opened(), anchor=(group, corner))
        self._show_details()

    def _open_all(self) -> None:
        if self.network is None or self.placed is None:
            return
        everything = frozenset(range(len(self.network.groups)))
        self._set_open(frozenset({ROOT}) if self.placed.open == everything else everything)
        self._arrange(self._opened(), begin=True)

    def _set_open(self, opened: frozenset[int]) -> None:
        if self.network is not None:
            self._open = frozenset(self.network.groups[one].path for one in opened)

    # selecting ------------------------------------------------------------------------------------

    def _pick(self, box: int | None) -> None:
        """The user chose a box."""
        self.node = self.group = None
        if box is not None and self.placed is not None:
            ref = int(self.placed.refs[box])
            self.node, self.group = (None, ref) if self.placed.is_group[box] else (ref, None)
        self._mark()
        self._show_details()

    def _select(self, node: int) -> None:
        """Select an operator, open the groups around it, and bring it into sight."""
        if self.network is None:
            return
        self.node, self.group = node, None
        around = frozenset(self.network.around(node))
        self._show_details()
        if self.placed is not None and around <= self.placed.open and self.placed.network is self.network:
            self._mark()
            if (box := self.placed.box_of(node=node)) is not None:
                self.view.reveal(box, near=True)
            return
        self._set_open(self._opened() | around)
        self._arrange(self._opened(), reveal=node)

    def _remember(self) -> None:
        """Note what is selected before another network is shown."""
        if self.network is not None and (self.node is not None or self.group is not None):
            self._wanted = Wanted.of(self.network, self.node, self.group)

    def _restore(self) -> None:
        """Select what was selected in the network shown before."""
        wanted, self._wanted = self._wanted, None
        if wanted is not None and self.network is not None:
            self.node, self.group = wanted.find(self.network)
            self._show_details()

    def _take_layer(self) -> None:
        if self._layer and self.network is not None and self.placed is not None:
            name, self._layer = self._layer, ""
            node = self.network.find_layer(name)
            if node is not None:
                self._select(node)

    def _mark(self) -> None:
        """Highlight what is selected and what was found."""
        if self.placed is None or self.placed.network is not self.network:
            return
        selected = None
        if self.node is not None or self.group is not None:
            selected = self.placed.box_of(node=self.node, group=self.group)
        found = frozenset(box for one in self.matches.nodes if (box := self.placed.box_of(node=one)) is not None)
        match = self.placed.box_of(node=self.matches.node) if self.matches.node is not None else None
        self.view.mark(selected, found, match)

    def _search(self, text: str) -> None:
        self.matches = Matches(tuple(self.network.search(text)) if self.network is not None else ())
        self.bar.show_matches(text, 0, len(self.matches.nodes))
        self._mark()

    def _next_match(self, step: int) -> None:
        self.matches = self.matches.stepped(step)
        node = self.matches.node
        if node is not None:
            self.bar.show_matches(self.bar.search.text(), self.matches.at + 1, len(self.matches.nodes))
            self._select(node)

    # colours and details --------------------------------------------------------------------------

    def _choose_measure(self, measure: str) -> None:
        self.coloring.choose(measure)
        self._color()
        self._show_details()

    def _color(self) -> None:
        if self.placed is not None and self.placed.network is self.network:
            self.coloring.show(self.placed, self.subject)

    def _errors_came(self) -> None:
        self._color()
        if self.node is not None and not self.loading.progress:
            self._show_details()

    def _show_details(self) -> None:
        errors = self.coloring.known_errors(self.subject)
        self.inspecting.show(self.network, self.subject, self.node, self.group, errors)

    # events ---------------------------------------------------------------------------------------

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.refresh()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._settle.start()
