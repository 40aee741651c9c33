"""What this program is, and with which versions it works."""

from __future__ import annotations

import platform
from importlib import metadata

from PySide6.QtCore import qVersion
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QDialog, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from compress_studio import __version__
from compress_studio.base.processor import processor
from compress_studio.gui.theme.tokens import METRICS
from compress_studio.gui.widgets.basics import Glyph, SectionTitle
from compress_studio.gui.widgets.card import Card, FactRows

LIBRARIES = (
    ("PySide6", "PySide6-Essentials"),
    ("NumPy", "numpy"),
    ("ONNX", "onnx"),
    ("ONNX Runtime", "onnxruntime"),
    ("PyTorch", "torch"),
)
LICENCE = "Apache License 2.0"
WIDTH = 420


def facts() -> list[tuple[str, str]]:
    """Name and version of everything that a bug report should name."""
    rows = [("Compress Studio", __version__), ("Python", platform.python_version()), ("Qt", qVersion())]
    rows += [(name, _version(package)) for name, package in LIBRARIES]
    machine = processor()
    sets = ", ".join(machine.instruction_sets)
    rows += [
        ("System", f"{platform.system()} {platform.release()} {platform.machine()}"),
        ("Processor", f"{machine.name}, {machine.count} threads"),
    ]
    return [*rows, ("Instruction sets", sets)] if sets else rows


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"


class AboutDialog(QDialog):
    """Versions, licence and processor, to read and to copy."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("about")
        self.setWindowTitle("About Compress Studio")
        self.setFixedWidth(WIDTH)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * METRICS.gap, 2 * METRICS.gap, 2 * METRICS.gap, 2 * METRICS.gap)
        layout.setSpacing(METRICS.gap)
        layout.addLayout(self._head())
        layout.addSpacing(METRICS.gap // 2)
        layout.addWidget(SectionTitle("Versions", self))
        card = Card(parent=self)
        rows = FactRows(card)
        rows.setObjectName("about_facts")
        rows.show_rows([(name, value, "") for name, value in facts()])
        card.body.addWidget(rows)
        layout.addWidget(card)
        licence = QLabel(f"{LICENCE}. The interface font is Inter, under the SIL Open Font License 1.1.", self)
        licence.setProperty("tone", "muted")
        licence.setWordWrap(True)
        layout.addWidget(licence)
        layout.addSpacing(METRICS.gap // 2)
        layout.addLayout(self._buttons())

    def _head(self) -> QHBoxLayout:
        head = QHBoxLayout()
        head.setSpacing(METRICS.pad)
        head.addWidget(Glyph("app", 3 * METRICS.icon, "accent", self))
        words = QVBoxLayout()
        words.setSpacing(2)
        name = QLabel(f"Compress Studio {__version__}", self)
        name.setProperty("role", "heading")
        what = QLabel("Makes neural networks smaller and faster, and proves it.", self)
        what.setProperty("tone", "muted")
        what.setWordWrap(True)
        words.addWidget(name)
        words.addWidget(what)
        head.addLayout(words, 1)
        return head

    def _buttons(self) -> QHBoxLayout:
        row = QHBoxLayout()
        self._copy = QPushButton("Copy", self)
        self._copy.setObjectName("about_copy")
        self._copy.setAccessibleName("Copy the versions")
        self._copy.setToolTip("Copy the versions, for a bug report")
        self._copy.setAutoDefault(False)
        self._copy.clicked.connect(self._copy_facts)
        close = QPushButton("Close", self)
        close.setObjectName("about_close")
        close.setAccessibleName("Close")
        close.setToolTip("Close (Esc)")
        close.setDefault(True)
        close.clicked.connect(self.accept)
        row.addWidget(self._copy)
        row.addStretch(1)
        row.addWidget(close)
        return row

    def _copy_facts(self) -> None:
        QGuiApplication.clipboard().setText("\n".join(f"{name}: {value}" for name, value in facts()))
        self._copy.setText("Copied")
