"""Exporting a result: where to, what goes with it, and what was proved before it was put into place."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QUrl, Signal
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import (
    QComboBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
)

from compress_studio.base.errors import BadInput, UserError
from compress_studio.engine.exporting import (
    ONNX,
    ExportRequest,
    Staged,
    check_target,
    discard,
    finish,
    stage,
    with_files,
)
from compress_studio.engine.output import RUN_OUTPUT
from compress_studio.engine.records import Failure
from compress_studio.engine.work import WorkSetting
from compress_studio.gui.dialogs.export_format import FormatChoices, FormatNotes, fill_formats
from compress_studio.gui.dialogs.export_included import Included
from compress_studio.gui.dialogs.export_proof import ProofRows
from compress_studio.gui.dialogs.export_state import choices, export_report, fact_rows, proposed_name
from compress_studio.gui.dialogs.fitting import FittingDialog
from compress_studio.gui.message import Message
from compress_studio.gui.theme.tokens import METRICS
from compress_studio.gui.widgets.basics import SectionTitle, set_look
from compress_studio.gui.widgets.card import Card, FactRows

if TYPE_CHECKING:
    from compress_studio.gui.commands import Commands
    from compress_studio.spec.output import OutputSpec

VERIFY = "compress_studio.inspection.verifying:verify"
WIDTH = 560
KEY = "export"
JUDGE = "compress_studio.engine.work:judge_output"
JUDGE_KEY = "export:carries"


class ExportDialog(FittingDialog):
    """Asks where to, writes beside the target, proves, and only then replaces what was there."""

    exported = Signal(object)
    """List of the paths that were written."""

    def __init__(self, commands: Commands) -> None:
        super().__init__(commands.window)
        self.setObjectName("export")
        self.setWindowTitle("Export")
        self.setMinimumWidth(WIDTH)
        self._commands = commands
        self._session = commands.session
        self._staged: Staged | None = None
        self._request: ExportRequest | None = None
        self._busy = False
        self._carried = True
        """As far as known, the format can carry the result, with what was chosen for it."""
        self._left = False
        """The dialog was closed: nothing is put into place any more."""
        self._build()
        self._fill()
        self.finished.connect(self._leave)
        self._session.views_changed.connect(self._refresh)

    def _build(self) -> None:
        layout = QVBoxLayout(self)
        layout.setSpacing(METRICS.gap)
        grid = QGridLayout()
        grid.setColumnStretch(1, 1)
        self.node = QComboBox(self)
        self.node.setObjectName("export:node")
        self.node.setAccessibleName("Result to export")
        self.node.currentIndexChanged.connect(self._chosen)
        self.target = QLineEdit(self)
        self.target.setObjectName("export:target")
        self.target.setAccessibleName("File to write")
        self.target.textChanged.connect(lambda _text: self._refresh())
        browse = QPushButton("Browse…", self)
        browse.setObjectName("export:browse")
        browse.clicked.connect(self._browse)
        grid.addWidget(QLabel("Result", self), 0, 0)
        grid.addWidget(self.node, 0, 1, 1, 2)
        self.format = QComboBox(self)
        self.format.setObjectName("export:format")
        self.format.setAccessibleName("File format")
        self.format.currentIndexChanged.connect(self._format_chosen)
        grid.addWidget(QLabel("Format", self), 1, 0)
        grid.addWidget(self.format, 1, 1, 1, 2)
        grid.addWidget(QLabel("File", self), 2, 0)
        grid.addWidget(self.target, 2, 1)
        grid.addWidget(browse, 2, 2)
        layout.addLayout(grid)
        self.choices = FormatChoices(self)
        self.choices.changed.connect(self._choices_changed)
        layout.addWidget(self.choices)
        self.notes = FormatNotes(self)
        layout.addWidget(self.notes)
        self._facts_card = Card("", self)
        self._facts = FactRows(self._facts_card)
        self._facts_card.body.addWidget(self._facts)
        layout.addWidget(self._facts_card)
        self.included = Included(self)
        self.included.changed.connect(self._refresh)
        layout.addWidget(self.included)
        layout.addWidget(SectionTitle("Proof"))
        self._proof = ProofRows(self)
        layout.addWidget(self._proof)
        self.status = QLabel(self)
        self.status.setObjectName("export:status")
        self.status.setWordWrap(True)
        layout.addWidget(self.status)
        layout.addStretch(1)
        layout.addLayout(self._make_buttons())

    def _make_buttons(self) -> QHBoxLayout:
        row = QHBoxLayout()
        self.run = QPushButton("Run first", self)
        self.run.setObjectName("export:run")
        self.run.setToolTip("Compute and measure this result, then export it")
        self.run.clicked.connect(self._run_first)
        self.folder = QPushButton("Open folder", self)
        self.folder.setObjectName("export:folder")
        self.folder.clicked.connect(self._open_folder)
        self.folder.hide()
        self.close_button = QPushButton("Close", self)
        self.close_button.setObjectName("export:close")
        self.close_button.clicked.connect(self.close)
        self.go = QPushButton("Export", self)
        self.go.setObjectName("export:go")
        self.go.setProperty("kind", "primary")
        self.go.setDefault(True)
        self.go.clicked.connect(self.start)
        row.addWidget(self.folder)
        row.addWidget(self.run)
        row.addStretch(1)
        row.addWidget(self.close_button)
        row.addWidget(self.go)
        return row

    def _fill(self) -> None:
        self._fill_formats()
        self.node.blockSignals(True)
        for node, text in choices(self._session):
            self.node.addItem(text, node)
        wanted = self._session.current
        last = self._session.project.pipeline.last()
        if wanted is None or self._session.project.pipeline.node(wanted).step == "source.model":
            wanted = None if last is None else last.id
        self.node.setCurrentIndex(max(0, self.node.findData(wanted)))
        self.node.blockSignals(False)
        self._proof.show_rows(())
        self._chosen()

    def _fill_formats(self) -> None:
        self.format.blockSignals(True)
        fill_formats(self.format, self._session.runtime.outputs)
        self.format.setCurrentIndex(max(0, self.format.findData(ONNX)))
        self.format.blockSignals(False)
        self.choices.show_spec(self._output)

    @property
    def _output(self) -> OutputSpec:
        return self._session.runtime.outputs.get(self.format.currentData())

    def _chosen(self) -> None:
        node = self.node.currentData()
        if node is not None:
            self.target.setText(str(proposed_name(self._session, node).with_suffix(self._output.suffixes[0])))
        self._choices_changed()

    def _format_chosen(self) -> None:
        text = self.target.text().strip()
        if text and Path(text).name:
            self.target.setText(str(Path(text).with_suffix(self._output.suffixes[0])))
        self._proof.show_rows(())
        self.choices.show_spec(self._output)
        self._choices_changed()

    def _choices_changed(self) -> None:
        self._judge()
        self._refresh()

    def _judge(self) -> None:
        """Ask a worker what the format cannot carry of this result, so that it is said before anything is written."""
        self._session.looks.drop(JUDGE_KEY)
        self._carried = True
        self.notes.clear()
        if self._output.missing():
            self.notes.show_missing(self._output)
            return
        try:
            params = self.choices.values()
        except BadInput as mistake:
            self._carried = False
            self.notes.show_mistake(mistake)
            return
        node = self.node.currentData()
        found = None if node is None else self._session.artifact_of(node)
        if found is not None:
            words = (self._setting(), self._output.id, params, str(found[0]))
            self._session.looks.ask(JUDGE_KEY, JUDGE, words, self._judged, self._not_judged)

    def _judged(self, verdict: dict[str, Any]) -> None:
        if self._left:
            return
        self.notes.show_verdict(verdict)
        self._carried = bool(verdict["ok"])
        self._refresh()

    def _not_judged(self, failure: Failure) -> None:
        """A doubt is a yes: the export itself says what is wrong."""

    def _setting(self) -> WorkSetting:
        return WorkSetting(self._session.settings.runtime, threads=self._session.settings.compute_threads)

    def _refresh(self) -> None:
        """Show what is known of the chosen result, and what stands in the way."""
        node = self.node.currentData()
        view = self._session.views.get(node) if node is not None else None
        ready = view is not None and view.result is not None and not view.outdated and view.result.digest != ""
        busy = self._session.running
        self._facts_card.setVisible(view is not None and view.summary is not None and ready)
        if view is not None and ready:
            self._facts_card.set_title(view.title)
            self._facts.show_rows(fact_rows(view))
        self.run.setVisible(not ready and not self._busy)
        self.run.setEnabled(not busy)
        able = self._carried and not self._output.missing() and bool(self._names())
        self.go.setEnabled(ready and not self._busy and able)
        if not self._busy and not ready:
            words = "is being computed …" if busy else "has not been computed with these parameters yet."
            self.status.setText(f"This result {words}")
        elif not self._busy and self.status.text().startswith("This result"):
            self.status.setText("")
        self.included.show_names(Path(self.target.text().strip()), self._output)

    def _names(self) -> list[Path]:
        return self.included.names(Path(self.target.text().strip()), self._output)

    def start(self) -> None:
        """Begin: make the files, prove them, put them into place."""
        node = self.node.currentData()
        found = None if node is None else self._session.artifact_of(node)
        if node is None or found is None:
            self._tell("The stored result is gone.", "bad")
            return
        request = ExportRequest(
            target=Path(self.target.text().strip()).expanduser().absolute(),
            network=found[0],
            digest=found[1],
            node=node,
            project=self._session.project,
            report=export_report(self._session, node),
            with_recipe=self.included.has("recipe"),
            with_report=self.included.has("report"),
            with_script=self.included.has("script"),
            output=self._output.id,
            suffixes=self._output.suffixes,
            params=self.choices.values(),
        )
        try:
            check_target(request)
        except UserError as error:
            self._tell(str(error), "bad")
            return
        there = [path.name for path in request.names().values() if path.exists()]
        if there and not self._may_replace(there):
            return
        self._request = request
        self._set_busy(True)
        self._proof.show_rows(())
        self._tell("Writing …", "muted")
        self._session.light.submit(KEY, lambda: stage(request), self._made, self._lost)

    def _may_replace(self, names: Sequence[str]) -> bool:
        there = f"{', '.join(names)} {'is' if len(names) == 1 else 'are'} there already."
        text = f"{there} The old files stay until the new ones are proved."
        return self._commands.asking.confirm("Replace files?", text, "Replace")

    def _made(self, staged: Staged) -> None:
        if self._left:
            discard(staged)
            return
        self._staged = staged
        assert self._request is not None
        request, looks = self._request, self._session.looks
        if request.as_measured:
            self._tell("Proving …", "muted")
            looks.ask(KEY, VERIFY, (str(staged.model), str(request.network)), self._proved, self._lost)
            return
        self._tell("Writing and proving …", "muted")
        network = (str(request.network), request.digest)
        words = (
            self._setting(),
            request.output,
            dict(request.params),
            network,
            str(staged.folder),
            request.target.name,
        )
        looks.ask(KEY, RUN_OUTPUT, words, self._written, self._lost)

    def _written(self, answer: dict[str, Any]) -> None:
        """Another format was written and opened again."""
        assert self._staged is not None
        assert self._request is not None
        self._staged = with_files(self._staged, self._request, answer["files"])
        notes = [{"name": "To know", "ok": True, "detail": note} for note in answer["notes"]]
        self._put([*answer["checks"], *notes])

    def _proved(self, rows: list[dict[str, Any]]) -> None:
        assert self._request is not None
        detail = f"digest {self._request.digest[:12]}"
        self._put([{"name": "The bytes are those that were measured", "ok": True, "detail": detail}, *rows])

    def _put(self, rows: list[dict[str, Any]]) -> None:
        """Show the proof, and put the files into place when all of it holds."""
        assert self._request is not None
        self._proof.show_rows(rows)
        staged, self._staged = self._staged, None
        assert staged is not None
        if not all(row["ok"] for row in rows):
            discard(staged)
            self._set_busy(False)
            self._tell("Nothing was written: the proof failed. The files of before are as they were.", "bad")
            return
        try:
            written = finish(staged)
        except UserError as error:
            self._set_busy(False)
            self._tell(str(error), "bad")
            return
        self._set_busy(False)
        self.folder.show()
        self._tell(f"Written and proved: {', '.join(path.name for path in dict.fromkeys(written))}", "good")
        self._session.message.emit(
            Message(f"Exported {self._request.target.name}", str(self._request.target.parent), "success")
        )
        self.exported.emit(list(dict.fromkeys(written)))

    def _lost(self, failure: Failure) -> None:
        if self._left:
            return
        if self._staged is not None:
            discard(self._staged)
            self._staged = None
        self._set_busy(False)
        self._tell(f"{failure.message} {failure.hint}".strip(), "bad")

    def _tell(self, text: str, tone: str) -> None:
        self.status.setText(text)
        set_look(self.status, "tone", tone)

    def _set_busy(self, busy: bool) -> None:
        self._busy = busy
        for widget in (self.node, self.format, self.choices, self.target, self.go, self.included):
            widget.setEnabled(not busy)
        self._refresh()

    def _browse(self) -> None:
        spec = self._output
        suggested = Path(self.target.text().strip() or f"model{spec.suffixes[0]}")
        endings = " ".join(f"*{one}" for one in spec.suffixes)
        path = self._commands.asking.ask_save("Export", suggested, [f"{spec.title} ({endings})"])
        if path is not None:
            fits = path.suffix.lower() in spec.suffixes
            self.target.setText(str(path if fits else path.with_name(f"{path.name}{spec.suffixes[0]}")))

    def _run_first(self) -> None:
        self._session.run([self.node.currentData()])

    def _open_folder(self) -> None:
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(Path(self.target.text()).expanduser().absolute().parent)))

    def _leave(self, _result: int) -> None:
        """The dialog closes by whatever way: what was not put into place goes away."""
        self._left = True
        self._session.looks.drop(JUDGE_KEY)
        if self._staged is not None:
            self._session.looks.drop(KEY)
            discard(self._staged)
            self._staged = None
