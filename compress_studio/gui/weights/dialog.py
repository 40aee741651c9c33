"""From a file of weights to a network: what is in it, which code makes its network, consent, trial."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QMimeData, QSize, QTimer, Signal
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QDialog, QVBoxLayout, QWidget

from compress_studio.artifacts.factories import likeliest
from compress_studio.artifacts.families import Family
from compress_studio.artifacts.starting_code import starting_code
from compress_studio.base.errors import UserError
from compress_studio.base.paths import write_text
from compress_studio.engine import consents
from compress_studio.engine.records import Failure
from compress_studio.engine.work import WorkSetting
from compress_studio.gui.weights.answers import read_look, read_outcome
from compress_studio.gui.weights.examining import examine, guess_family, with_needs
from compress_studio.gui.weights.state import (
    ArchitectureChoice,
    CodeLook,
    Outcome,
    Phase,
    Way,
    WeightsState,
    absolute_code,
    first_way,
    join_architecture,
    split_architecture,
)
from compress_studio.gui.weights.view import COMPARING, TENSORS, WeightsView

if TYPE_CHECKING:
    from compress_studio.gui.commands import Commands

LOOK = "compress_studio.inspection.checkpoint_look:look"
NEEDS = "compress_studio.inspection.weights_trial:what_would_run"
TRY = "compress_studio.inspection.weights_trial:try_architecture"
LOOK_KEY, COUNT_KEY, NEEDS_KEY, TRY_KEY = (f"weights {name}" for name in ("look", "count", "needs", "try"))
EXAMINE_KEY, FAMILY_KEY = "weights code", "weights family"
SIZE, LEAST = QSize(1080, 640), QSize(900, 560)
PAUSE_MS = 250
"""From the last letter to the question what the code is."""
SECOND_MS = 1000
PYTHON = ("Python code (*.py)",)


class WeightsDialog(QDialog):
    """Asks for the network of a file of weights; nothing is opened here, and nothing runs before it is allowed."""

    chosen = Signal(object)
    """ArchitectureChoice that was tried with success."""

    def __init__(
        self, commands: Commands, path: Path, values: Mapping[str, str], parent: QWidget | None = None
    ) -> None:
        """values: parameters of source.model; all of an open model, or only the architecture that came with a file."""
        super().__init__(parent)
        self.setObjectName("weights")
        self.setWindowTitle("Open code" if path.suffix == ".py" else "Open weights")
        self.resize(SIZE)
        self.setMinimumSize(LEAST)
        self.setAcceptDrops(True)
        self._commands, self._session = commands, commands.session
        given = {name: str(values.get(name, "")) for name in ("architecture", "arguments", "entry", "dims")}
        given["architecture"] = absolute_code(given["architecture"], path)
        choice = ArchitectureChoice(**given)
        if path.suffix == ".py" and not choice.architecture:
            choice = replace(choice, architecture=str(path.absolute()))
        self.state = WeightsState(path, first_way(choice, pickled=False), choice)
        self._fixed = "dims" in values
        """Whether the way and the sizes were chosen, so that nothing is filled in."""
        self._likely = ""
        """The function that was chosen for the user, until the names of the weights tell better."""
        self._remembered: dict[Way, ArchitectureChoice] = {}
        self._began = 0.0
        self._counting = False
        """Whether the numbers of the file are being counted, or are to be counted when nothing else waits."""
        self._left = False
        self._pause = QTimer(self, interval=PAUSE_MS, singleShot=True)
        self._pause.timeout.connect(self._examine)
        self._clock = QTimer(self, interval=SECOND_MS)
        self._clock.timeout.connect(self._tick)
        self.view = WeightsView(self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.view)
        self._connect()
        self.finished.connect(self._leave)
        self.show_state(self.state)
        if not self.state.only_code:
            self._ask_look()
        self._examine()
        self.view.form.first_field().setFocus()

    def show_state(self, state: WeightsState) -> None:
        """Show a state, and keep it as the present one."""
        self.state = state
        self.view.show_state(state)

    def _connect(self) -> None:
        view = self.view
        view.form.edited.connect(self._edited)
        view.form.browse_asked.connect(self._browse)
        view.form.template_asked.connect(self._save_template)
        view.family.taken.connect(self._take_family)
        view.family.check_asked.connect(self._guess)
        view.tensors.entry_chosen.connect(self._entry_chosen)
        view.consent.trusted.connect(self._trusted)
        view.try_asked.connect(self._try)
        view.cancel_asked.connect(self._stop)
        view.open_asked.connect(self._open)
        view.close_asked.connect(self.reject)

    # what is in the file ----------------------------------------------------------------------------

    def _ask_look(self) -> None:
        """Names and shapes first, which is quick; then the numbers."""
        words = (str(self.state.path), self.state.choice.entry, 0)
        self._session.looks.ask(LOOK_KEY, LOOK, words, self._looked, self._not_looked)

    def _looked(self, found: Mapping[str, Any]) -> None:
        look = read_look(found)
        pickled = bool(look.pickled_class)
        state = replace(self.state, look=look, look_failure=None)
        if pickled and not self._fixed and not state.choice.architecture:
            state = replace(state, way=Way.PICKLE)
        elif pickled and self._fixed:
            state = replace(state, way=first_way(state.choice, pickled=True))
        moved = state.way is not self.state.way
        self.show_state(state)
        if moved:
            self._examine()
        elif self._likely and self._likely == state.choice.architecture and state.code is not None:
            self._choose_function(state.code)
        self._guess()
        self._count()

    def _not_looked(self, failure: Failure) -> None:
        self.show_state(replace(self.state, look_failure=failure))

    def _count(self) -> None:
        self._counting = True
        words = (str(self.state.path), self.state.choice.entry)
        self._session.looks.ask(COUNT_KEY, LOOK, words, self._counted, self._not_counted)

    def _counted(self, found: Mapping[str, Any]) -> None:
        self._counting = False
        self.show_state(replace(self.state, look=replace(read_look(found), counted=True)))

    def _not_counted(self, failure: Failure) -> None:
        self._counting = False
        if self.state.look is not None:
            self.show_state(replace(self.state, look=replace(self.state.look, counted=True)))

    def _guess(self) -> None:
        if self.state.look is not None:
            path, shapes = self.state.path, self.state.look.shapes
            self._session.light.submit(FAMILY_KEY, lambda: guess_family(path, shapes), self._guessed)

    def _guessed(self, found: tuple[Family | None, bool, str]) -> None:
        if self._left:
            return
        family, installed, dims = found
        state = replace(self.state, family=family, installed=installed, proposed=dims)
        if not state.choice.dims and not self._fixed:
            state = replace(state, choice=replace(state.choice, dims=dims))
        self._fixed = True
        self.show_state(state)

    def _entry_chosen(self, entry: str) -> None:
        self.show_state(replace(self.state, choice=replace(self.state.choice, entry=entry)))
        self._ask_look()
        self._examine()

    # which code -------------------------------------------------------------------------------------

    def _edited(self, way: Way, choice: ArchitectureChoice) -> None:
        """The user changed a field; every way keeps what was written into it."""
        before = self.state
        choice = replace(choice, entry=before.choice.entry)
        if way is not before.way:
            self._remembered[before.way] = before.choice
            kept = self._remembered.get(way, ArchitectureChoice())
            choice = replace(before.choice, architecture=kept.architecture, arguments=kept.arguments)
        same = choice.code == before.choice.code
        self.show_state(replace(before, way=way, choice=choice, trusted=before.trusted and same))
        if not same or way is not before.way:
            self._pause.start()

    def _take_family(self) -> None:
        family = self.state.family
        if family is None:
            return
        choice = replace(
            self.state.choice, architecture=family.architecture, arguments=family.arguments, dims=family.dims
        )
        self.show_state(replace(self.state, way=Way.PACKAGE, choice=choice, trusted=False))
        self._examine()

    def _browse(self) -> None:
        path = self._commands.asking.ask_open("Choose the code of the network", PYTHON, str(self.state.path.parent))
        if path is not None:
            self._use_file(path, "")

    def _save_template(self) -> None:
        suggested = self.state.path.parent / "net.py"
        path = self._commands.asking.ask_save("Save a template", suggested, PYTHON)
        if path is None:
            return
        if path.suffix != ".py":
            path = path.with_name(f"{path.name}.py")
            text = f"{path.name} is there already."  # the dialog of the system asked about another name
            if path.exists() and not self._commands.asking.confirm("Replace the file?", text, "Replace"):
                return
        look = self.state.look
        text = starting_code(
            self.state.path.name,
            look.shapes if look is not None else {},
            pickled_class=look.pickled_class if look is not None else "",
        )
        try:
            write_text(path, text)
        except OSError as error:
            self.view.status.setText(f"{path.name} cannot be written: {error.strerror or error}. Choose another place.")
            return
        self._use_file(path, "make")

    def _use_file(self, path: Path, function: str) -> None:
        way = Way.FILE if self.state.way is Way.PACKAGE else self.state.way
        architecture = join_architecture(str(path.absolute()), function if way is Way.FILE else "")
        choice = replace(self.state.choice, architecture=architecture)
        self.show_state(replace(self.state, way=way, choice=choice, trusted=False))
        self._examine()

    def _examine(self) -> None:
        """Find out what the code offers and what would run; never by running it."""
        self._pause.stop()
        state = self.state
        self._session.light.submit(
            EXAMINE_KEY, lambda: examine(state.path, state.choice, state.way), self._examined, self._unexamined
        )

    def _examined(self, code: CodeLook) -> None:
        if self._left or code.choice.code != self.state.choice.code:
            return
        before = self.state.code
        if code.complete and before is not None and code.digest and before.digest == code.digest:
            code = replace(code, needs=before.needs, imports=before.imports)  # until the answer is there
        self.show_state(replace(self.state, code=code))
        if code.complete:
            self._ask_needs(code)
        elif code.factories and self.state.way is Way.FILE and not split_architecture(code.choice.architecture)[1]:
            self._choose_function(code)

    def _choose_function(self, code: CodeLook) -> None:
        """Of a file that was just chosen the function that probably makes the network."""
        names = self.state.look.shapes if self.state.look is not None else {}
        found = likeliest(code.factories, names)
        if found is not None:
            architecture = join_architecture(split_architecture(code.choice.architecture)[0], found.name)
            self._likely = architecture
            self.show_state(replace(self.state, choice=replace(self.state.choice, architecture=architecture)))
            self._examine()

    def _ask_needs(self, code: CodeLook) -> None:
        if self._counting:
            self._session.looks.drop(COUNT_KEY)  # somebody waits for this answer; the numbers are counted after it
        words = (str(self.state.path), code.choice.architecture, code.choice.entry)
        self._session.looks.ask(
            NEEDS_KEY, NEEDS, words, lambda answer: self._needed(with_needs(code, answer)), self._unexamined
        )
        if self._counting:
            self._count()

    def _needed(self, code: CodeLook) -> None:
        if code.choice.code != self.state.choice.code:
            return
        if code.digest and all(code.digest != need.digest for need in code.needs or ()):
            self._examine()  # the code was changed after it was read
            return
        before = self.state.code
        same = before is not None and before.lacking == code.lacking
        # What was trusted is what was shown then, and nothing that came to it since.
        self.show_state(replace(self.state, code=code, trusted=self.state.trusted and same))

    def _unexamined(self, failure: Failure) -> None:
        if self._left:
            return
        code = CodeLook(self.state.choice, message=failure.message, hint=failure.hint)
        if self.state.code is not None and self.state.examined:
            code = replace(self.state.code, message=failure.message, hint=failure.hint, complete=False)
        self.show_state(replace(self.state, code=code))

    # consent and trial ------------------------------------------------------------------------------

    def _trusted(self, trusted: bool) -> None:
        self.show_state(replace(self.state, trusted=trusted))

    def _try(self) -> None:
        state = self.state
        code = state.code
        if not state.can_try or code is None:
            return
        try:
            for need in code.lacking:
                consents.give(need.digest, need.what)
        except (UserError, OSError) as error:
            cause = error.message if isinstance(error, UserError) else f"{error.strerror or error}."
            message = f"The consent cannot be kept: {cause}"
            hint = "Check the free space, and the folder of settings (Settings, Folders)."
            self._finish(Outcome(state.choice, False, message=message, hint=hint))
            return
        allowed = tuple(replace(need, given=True) for need in code.needs or ())
        self.show_state(replace(state, code=replace(code, needs=allowed), trusted=False, phase=Phase.TRYING))
        self._began = time.monotonic()
        self._clock.start()
        choice, session = state.choice, self._session
        data = session.settings.data_of(session.project)
        setting = WorkSetting(
            runtime=session.settings.runtime,
            data_path=str(Path(data.path).expanduser().absolute()) if data.path else "",
            data_options=dict(data.options),
            data_seed=data.seed,
            threads=session.settings.compute_threads,
        )
        if self._counting:
            session.looks.drop(COUNT_KEY)
        words = (str(state.path), choice.architecture, choice.arguments, choice.entry, choice.dims, setting)
        session.looks.ask(TRY_KEY, TRY, words, lambda found: self._tried(found, choice), self._failed)
        self.view.cancel.setFocus()

    def _tried(self, found: Mapping[str, Any], choice: ArchitectureChoice) -> None:
        self._finish(read_outcome(found, choice))

    def _failed(self, failure: Failure) -> None:
        self._finish(Outcome(self.state.choice, False, message=failure.message, hint=failure.hint))

    def _finish(self, outcome: Outcome) -> None:
        self._clock.stop()
        self.show_state(replace(self.state, phase=Phase.READY, outcome=outcome))
        self.view.show_page(COMPARING if outcome.rows and not outcome.ok else TENSORS)
        self.view.show_outcome()
        (self.view.open_button if outcome.ok else self.view.go).setFocus()
        if not outcome.ok:
            self._examine()  # what may have changed meanwhile is found out before it is tried again
        if self._counting:
            self._count()

    def _stop(self) -> None:
        self._clock.stop()
        self._session.looks.drop(TRY_KEY)
        self.show_state(replace(self.state, phase=Phase.READY))
        self.view.status.setText("Stopped.")
        if self._counting:
            self._count()

    def _tick(self) -> None:
        self.view.show_time(self.state, time.monotonic() - self._began)

    def _open(self) -> None:
        if self.state.can_open:
            self.chosen.emit(self.state.choice)
            self.accept()

    def _dropped_code(self, mime: QMimeData) -> Path | None:
        """The one file of code among dragged files."""
        files = [Path(url.toLocalFile()) for url in mime.urls() if url.isLocalFile()]
        code = [one for one in files if one.suffix.lower() == ".py"]
        return code[0] if len(code) == 1 and not self.state.busy else None

    def _leave(self, _result: int) -> None:
        """Whatever is still being asked for this dialog is not wanted any more."""
        self._left = True
        self._pause.stop()
        self._clock.stop()
        for key in (LOOK_KEY, COUNT_KEY, NEEDS_KEY, TRY_KEY):
            self._session.looks.drop(key)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if self._dropped_code(event.mimeData()) is not None:
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        path = self._dropped_code(event.mimeData())
        if path is not None:
            event.acceptProposedAction()
            self._use_file(path, "")
