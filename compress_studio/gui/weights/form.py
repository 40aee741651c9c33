"""The fields that say which network the weights are of: code, function, arguments, sizes of the input."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from compress_studio.artifacts.factories import Factory
from compress_studio.gui.theme.tokens import METRICS
from compress_studio.gui.weights.code_box import CodeBox
from compress_studio.gui.weights.state import (
    ArchitectureChoice,
    Way,
    WeightsState,
    absolute_code,
    join_architecture,
    split_architecture,
    wrong_arguments,
)
from compress_studio.gui.widgets.basics import set_look
from compress_studio.gui.widgets.segments import Segments

LABELS = 76
LONGEST = 36
"""Letters of a function in the list."""
WAYS = ((Way.FILE, "Your code"), (Way.PACKAGE, "Installed package"), (Way.PICKLE, "As it was pickled"))
DIMS_TIP = (
    "The shape of the input, such as x=Nx3x224x224 with N for a free batch; + between several inputs. Left empty, the"
    " samples of the data set tell it."
)


class ArchitectureForm(QWidget):
    """Emits what the user wrote; shows a state without telling."""

    edited = Signal(object, object)
    """Way, and ArchitectureChoice without the entry."""
    returned = Signal()
    """Enter was pressed in a field."""
    browse_asked = Signal()
    template_asked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("weights:form")
        self._state = WeightsState(Path())
        self._factories: tuple[Factory, ...] = ()
        self._found = False
        """Whether there is code, so that nobody has to write any."""
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(METRICS.gap)
        self.ways = Segments([(way.value, text) for way, text in WAYS], self)
        self.ways.setObjectName("weights:ways")
        self.ways.chosen.connect(self._tell)
        layout.addWidget(self.ways)
        self._grid = QGridLayout()
        self._grid.setHorizontalSpacing(METRICS.gap)
        self._grid.setVerticalSpacing(METRICS.gap)
        self._grid.setColumnMinimumWidth(0, LABELS)
        self._grid.setColumnStretch(1, 1)
        layout.addLayout(self._grid)
        self._build_code()
        self._build_sizes()

    def show_state(self, state: WeightsState) -> None:
        """Show what is chosen, and what is wrong with it."""
        self._state = state
        pickled = state.look is not None and bool(state.look.pickled_class)
        button = self.ways.findChild(QToolButton, f"segment:{Way.PICKLE.value}")
        if isinstance(button, QToolButton):
            button.setVisible(pickled or state.way is Way.PICKLE)
        self.ways.set_value(state.way.value)
        where, function = split_architecture(state.choice.architecture)
        if state.way is Way.PACKAGE:
            _write(self.package, state.choice.architecture)
        elif absolute_code(self.file.text(), state.path) != where:
            _write(self.file, where)
        self._show_functions(state, function)
        _write(self.arguments, state.choice.arguments)
        _write(self.dims, state.choice.dims)
        self._found = state.examined and state.code is not None and state.code.complete
        self._show_rows(state.way)
        self._say(state, function)
        for field in (self.ways, self.file, self._browse, self.function, self.package, self.arguments, self.dims):
            field.setEnabled(not state.busy)

    def first_field(self) -> QLineEdit:
        """Where writing begins."""
        return self.package if self._state.way is Way.PACKAGE else self.file

    def _build_code(self) -> None:
        self.file, self.package = QLineEdit(self), QLineEdit(self)
        self._name(self.file, "file", "File of code", "The file of Python code that holds the network")
        self.file.setPlaceholderText("net.py")
        self._name(self.package, "package", "Function of a package", "A function of a package, which makes the network")
        self.package.setPlaceholderText("package.module:function")
        self._browse = QPushButton("Choose…", self)
        self._name(self._browse, "browse", "Choose the file of code", "Choose the file of code")
        self._browse.setAutoDefault(False)
        self.function = QComboBox(self)
        self._name(self.function, "function", "Function", "What makes the network: found by reading, nothing is run")
        self.function.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.function.setMinimumContentsLength(12)
        self._file_row = QHBoxLayout()
        self._file_row.addWidget(self.file, 1)
        self._file_row.addWidget(self._browse)
        self._labels = {name: QLabel(name, self) for name in ("File", "Function", "Arguments", "Input")}
        for label in self._labels.values():
            label.setProperty("tone", "muted")
        self._grid.addWidget(self._labels["File"], 0, 0)
        self._grid.addLayout(self._file_row, 0, 1)
        self._grid.addWidget(self._labels["Function"], 1, 0)
        self._grid.addWidget(self.function, 1, 1)
        self._grid.addWidget(self.package, 1, 1)
        self._code_note = self._note("code_note")
        self._grid.addWidget(self._code_note, 3, 1)
        self._grid.addWidget(self._signature(), 4, 0, 1, 2)
        self._browse.clicked.connect(self.browse_asked)
        self.file.textEdited.connect(self._tell)
        self.package.textEdited.connect(self._tell)
        self.function.activated.connect(self._tell)

    def _build_sizes(self) -> None:
        self.arguments, self.dims = QLineEdit(self), QLineEdit(self)
        tip = "Arguments of the function, such as num_classes=10+width=0.5"
        self._name(self.arguments, "arguments", "Arguments of the function", tip)
        self.arguments.setPlaceholderText("none, or num_classes=10+width=0.5")
        self._name(self.dims, "dims", "Shape of the input", DIMS_TIP)
        self.dims.setPlaceholderText("as the samples of the data set")
        self._arguments_note, self._dims_note = self._note("arguments_note"), self._note("dims_note")
        self._grid.addWidget(self._labels["Arguments"], 5, 0)
        self._grid.addWidget(self.arguments, 5, 1)
        self._grid.addWidget(self._arguments_note, 6, 1)
        self._grid.addWidget(self._labels["Input"], 7, 0)
        self._grid.addWidget(self.dims, 7, 1)
        self._grid.addWidget(self._dims_note, 8, 1)
        self.arguments.textEdited.connect(self._tell)
        self.dims.textEdited.connect(self._tell)
        for field in (self.file, self.package, self.arguments, self.dims):
            field.returnPressed.connect(self.returned)
            field.setAcceptDrops(False)  # files are dropped on the dialog, which knows what they are

    def _signature(self) -> QWidget:
        self._expected = QWidget(self)
        layout = QVBoxLayout(self._expected)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(METRICS.gap // 2)
        row = QHBoxLayout()
        text = QLabel("The function it needs:", self._expected)
        text.setProperty("tone", "muted")
        self.template = QPushButton("Save a template…", self._expected)
        self.template.setProperty("kind", "link")
        self._name(self.template, "template", "Save a template", "Write a file to begin with")
        self.template.setAutoDefault(False)
        self.template.clicked.connect(self.template_asked)
        row.addWidget(text)
        row.addStretch(1)
        row.addWidget(self.template)
        layout.addLayout(row)
        self.signature = CodeBox("weights:signature", "Copy the function", self._expected)
        layout.addWidget(self.signature)
        return self._expected

    def _show_rows(self, way: Way) -> None:
        """Only the fields of one way."""
        file = way is not Way.PACKAGE
        for widget in (self._labels["File"], self.file, self._browse):
            widget.setVisible(file)
        self.function.setVisible(way is Way.FILE)
        self.package.setVisible(way is Way.PACKAGE)
        self._labels["Function"].setVisible(way is not Way.PICKLE)
        self._expected.setVisible(way is Way.FILE and not self._found)
        for widget in (self._labels["Arguments"], self.arguments):
            widget.setVisible(way is not Way.PICKLE)
        self.file.setPlaceholderText("net.py" if way is Way.FILE else "not needed when its classes can be imported")

    def _show_functions(self, state: WeightsState, function: str) -> None:
        code = state.code
        where = split_architecture(state.choice.architecture)[0]
        known = code is not None and split_architecture(code.choice.architecture)[0] == where
        self._factories = code.factories if code is not None and known else ()
        names = [one.name for one in self._factories]
        if function and function not in names:
            names.insert(0, function)
        with QSignalBlocker(self.function):
            if [self.function.itemData(place) for place in range(self.function.count())] != names:
                self.function.clear()
                for name in names:
                    found = next((one for one in self._factories if one.name == name), None)
                    text = found.signature if found is not None else name
                    self.function.addItem(text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…", name)
                    self.function.setItemData(self.function.count() - 1, text, Qt.ItemDataRole.ToolTipRole)
            self.function.setCurrentIndex(self.function.findData(function))
        self.function.setEnabled(bool(names))

    def _say(self, state: WeightsState, function: str) -> None:
        """What is wrong or worth knowing, below the field that it is about."""
        code, wrong = state.code, wrong_arguments(state.choice.arguments)
        _show_note(self._arguments_note, wrong or self._lacking(function), "bad" if wrong else "muted")
        set_look(self.arguments, "state", "bad" if wrong else "")
        text, tone = "", "muted"
        if code is not None and state.examined:
            text, tone = f"{code.message} {code.hint}".strip(), "bad" if code.message else "muted"
        if state.way is Way.PICKLE and not text and state.look is not None:
            text = f"The class {state.look.pickled_class} must be importable: installed here, or in this file."
        _show_note(self._code_note, text, tone)
        proposed = state.proposed and state.choice.dims == state.proposed
        words = "Proposed from the weights: check the sizes." if proposed else ""
        _show_note(self._dims_note, words, "muted")
        self.signature.set_text(expected_signature(function, state.choice.arguments))

    def _lacking(self, function: str) -> str:
        """Arguments that the function needs and that were not given."""
        found = next((one for one in self._factories if one.name == function), None)
        given = {part.partition("=")[0].strip() for part in self.arguments.text().replace(",", "+").split("+")}
        missing = [name for name in found.needed if name.lstrip("*") not in given] if found is not None else []
        return f"It also needs {', '.join(missing)}." if missing else ""

    def _tell(self, *_: object) -> None:
        way = Way(self.ways.value)
        if way is Way.PACKAGE:
            architecture = self.package.text().strip()
        else:
            function = str(self.function.currentData() or "") if way is Way.FILE else ""
            where = self.file.text().strip()
            before = split_architecture(self._state.choice.architecture)[0]
            if self.sender() is self.file and where != before:
                function = ""
            architecture = join_architecture(where, function)
            architecture = absolute_code(architecture, self._state.path) if where != before else architecture
        arguments = self.arguments.text().strip() if way is not Way.PICKLE else ""
        choice = ArchitectureChoice(architecture, arguments, "", self.dims.text().strip())
        self.edited.emit(way, choice)

    def _name(self, widget: QWidget, name: str, accessible: str, tip: str) -> None:
        widget.setObjectName(f"weights:{name}")
        widget.setAccessibleName(accessible)
        widget.setToolTip(tip)

    def _note(self, name: str) -> QLabel:
        label = QLabel(self)
        label.setObjectName(f"weights:{name}")
        label.setProperty("role", "small")
        label.setTextFormat(Qt.TextFormat.PlainText)
        label.setWordWrap(True)
        label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
        return label


def expected_signature(function: str, arguments: str) -> str:
    """The function as it has to be written, with the arguments that are given."""
    parts: Sequence[str] = [part.strip() for part in arguments.replace(",", "+").split("+") if part.strip()]
    name = function if function.isidentifier() else "make"
    return f"def {name}({', '.join(parts)}) -> torch.nn.Module"


def _write(field: QLineEdit, text: str) -> None:
    if field.text().strip() != text:
        field.setText(text)
        field.setCursorPosition(0)


def _show_note(label: QLabel, text: str, tone: str) -> None:
    label.setText(text)
    set_look(label, "tone", tone)
    label.setVisible(bool(text))
