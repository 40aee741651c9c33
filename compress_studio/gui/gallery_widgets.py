"""The shared widgets and the plain controls in every state, for the gallery."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QProgressBar,
    QPushButton,
    QRadioButton,
    QSlider,
    QTableWidget,
    QTableWidgetItem,
    QTabWidget,
    QTextEdit,
    QVBoxLayout,
    QWidget,
)

from compress_studio.base.paths import resource
from compress_studio.gui.message import Message
from compress_studio.gui.theme.tokens import METRICS
from compress_studio.gui.widgets.basics import ElidedLabel, Glyph, IconButton, Pill, SectionTitle
from compress_studio.gui.widgets.card import Card, Collapsible, FactRows
from compress_studio.gui.widgets.hint import EmptyHint
from compress_studio.gui.widgets.search import SearchField
from compress_studio.gui.widgets.segments import Segments
from compress_studio.gui.widgets.toasts import Toast

COLUMN = 330
ICONS_IN_ROW = 12
LONG = "a_name_that_is_much_longer_than_the_place_where_it_has_to_be_shown.onnx"


def widget_columns() -> list[QWidget]:
    """Columns of things to look at."""
    parts: Sequence[Callable[[], QWidget]] = (controls, words, cards, data, messages, icons)
    return [_column(part()) for part in parts]


def controls() -> QWidget:
    """Buttons, fields, ticks, sliders: enabled, disabled, and on."""
    page, layout = _page("Controls")
    grid = QGridLayout()
    grid.setSpacing(METRICS.gap)
    makers: Sequence[Callable[[], QWidget]] = (
        lambda: QPushButton("Plain"),
        lambda: _with(QPushButton("Primary"), "primary"),
        lambda: _with(QPushButton("Small"), "small"),
        lambda: _with(QPushButton("Quiet"), "quiet"),
        lambda: _with(QPushButton("Link"), "link"),
        lambda: IconButton("settings", "Settings"),
        _combo,
        lambda: QLineEdit("Text"),
        QDoubleSpinBox,
        lambda: QCheckBox("Choice"),
        lambda: QRadioButton("One of"),
        _slider,
        _progress,
    )
    for row, make in enumerate(makers):
        for column, enabled in enumerate((True, False)):
            made = make()
            made.setEnabled(enabled)
            if isinstance(made, QCheckBox | QRadioButton):
                made.setAutoExclusive(False)
                made.setChecked(True)
            grid.addWidget(made, row, column)
    layout.addLayout(grid)
    layout.addWidget(QCheckBox("Not chosen"))
    some = QCheckBox("Some of them")
    some.setTristate(True)
    some.setCheckState(Qt.CheckState.PartiallyChecked)
    layout.addWidget(some)
    return page


def words() -> QWidget:
    """Labels, pills, segments, search."""
    page, layout = _page("Words")
    for role in ("hero", "heading", "title", "hint", "section", "small", "key"):
        label = QLabel(f"Role {role}")
        label.setProperty("role", role)
        layout.addWidget(label, 0, Qt.AlignmentFlag.AlignLeft)
    for tone in ("muted", "good", "warn", "bad", "info", "accent", "faint"):
        label = QLabel(f"Tone {tone}")
        label.setProperty("tone", tone)
        layout.addWidget(label)
    row = QHBoxLayout()
    for tone in Pill.TONES:
        row.addWidget(Pill(tone, tone))
    row.addStretch(1)
    layout.addLayout(row)
    layout.addWidget(ElidedLabel(LONG))
    layout.addWidget(Segments([("bytes", "Bytes"), ("bits", "Bits"), ("sparsity", "Sparsity")]))
    layout.addWidget(SearchField("Find a step"))
    filled = SearchField("Find a step")
    filled.setText("prune")
    layout.addWidget(filled)
    return page


def cards() -> QWidget:
    """Cards, rows of facts, folded and open parts, an empty panel."""
    page, layout = _page("Cards")
    for title in ("resnet20.onnx", LONG):
        card = Card(title)
        card.add_button(IconButton("more", "More"))
        rows = FactRows()
        rows.show_rows(
            [
                ("parameters", "272 474", ""),
                ("size", "1.08 MB", "good"),
                ("accuracy", "89.8 %", "bad"),
                ("input", LONG, ""),
            ]
        )
        card.body.addWidget(rows)
        layout.addWidget(card)
    for open_ in (False, True):
        part = Collapsible("Advanced", open_)
        part.body.addWidget(QLabel("What is inside"))
        layout.addWidget(part)
    layout.addWidget(EmptyHint("chart", "No results yet", "Run the pipeline to see what it gives.", "Run", page.update))
    return page


def data() -> QWidget:
    """Tabs with a table and a text."""
    page, layout = _page("Tables and tabs")
    tabs = QTabWidget()
    tabs.setDocumentMode(True)
    table = QTableWidget(5, 3)
    table.setHorizontalHeaderLabels(["layer", "removed", "change"])
    table.verticalHeader().hide()
    table.setShowGrid(False)
    table.setSelectionBehavior(QTableWidget.SelectionBehavior.SelectRows)
    for row in range(5):
        for column, text in enumerate((f"layer{row}.conv1", f"{12 * row} %", "−0.1 pt")):
            table.setItem(row, column, QTableWidgetItem(text))
    table.selectRow(1)
    tabs.addTab(table, "Layers")
    text = QTextEdit("Some text\n" * 30)
    tabs.addTab(text, "Log")
    tabs.addTab(QWidget(), "Disabled")
    tabs.setTabEnabled(2, False)
    layout.addWidget(tabs)
    scrolled = QTextEdit("A line that is longer than its place, so that it wraps.\n" * 12)
    layout.addWidget(scrolled)
    return page


def messages() -> QWidget:
    """Messages of every level."""
    page, layout = _page("Messages")
    for message in (
        Message("The project was saved."),
        Message("Exported to model.int8.onnx.", "Opened again, same outputs.", "success"),
        Message("0 of 52 layers were changed.", "Lower the threshold, or choose another criterion.", "warning"),
        Message("The file cannot be read.", "Choose another file, or check that it is complete.", "error", "report"),
    ):
        toast = Toast(message)
        toast.setFixedWidth(COLUMN - 2 * METRICS.gap)
        toast.hold()
        layout.addWidget(toast)
    return page


def icons() -> QWidget:
    """All icons."""
    page, layout = _page("Icons")
    grid = QGridLayout()
    for place, path in enumerate(sorted(resource("icons").glob("*.svg"))):
        glyph = Glyph(path.stem, tone="text")
        glyph.setToolTip(path.stem)
        grid.addWidget(glyph, place // ICONS_IN_ROW, place % ICONS_IN_ROW)
    layout.addLayout(grid)
    return page


def _page(title: str) -> tuple[QWidget, QVBoxLayout]:
    page = QWidget()
    layout = QVBoxLayout(page)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(METRICS.gap)
    layout.addWidget(SectionTitle(title))
    return page, layout


def _column(page: QWidget) -> QWidget:
    made = QWidget()
    made.setFixedWidth(COLUMN)
    layout = QVBoxLayout(made)
    layout.setContentsMargins(METRICS.gap, METRICS.gap, METRICS.gap, METRICS.gap)
    layout.addWidget(page)
    layout.addStretch(1)
    return made


def _with(button: QPushButton, kind: str) -> QPushButton:
    button.setProperty("kind", kind)
    return button


def _combo() -> QComboBox:
    made = QComboBox()
    made.addItems(["Magnitude", "Taylor"])
    return made


def _slider() -> QSlider:
    made = QSlider(Qt.Orientation.Horizontal)
    made.setValue(40)
    return made


def _progress() -> QProgressBar:
    made = QProgressBar()
    made.setTextVisible(False)
    made.setValue(60)
    return made
