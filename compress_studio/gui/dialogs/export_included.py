"""What is written beside an exported model, and the names of all files."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QLabel, QVBoxLayout, QWidget

from compress_studio.engine.exporting import ONNX
from compress_studio.gui.theme.tokens import METRICS
from compress_studio.gui.widgets.basics import SectionTitle
from compress_studio.spec.output import OutputSpec

OPTIONS = (
    ("recipe", "Recipe: the project, to make the same model again", True),
    ("report", "Report: all numbers as a page and as JSON", True),
    ("script", "Script: runs the model with ONNX Runtime alone", False),
)


class Included(QWidget):
    """A box for each thing that goes with the model, and what will be written."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(METRICS.gap)
        layout.addWidget(SectionTitle("Included"))
        self.boxes: dict[str, QCheckBox] = {}
        for name, text, on in OPTIONS:
            box = QCheckBox(text, self)
            box.setObjectName(f"export:{name}")
            box.setChecked(on)
            box.toggled.connect(lambda _on: self.changed.emit())
            self.boxes[name] = box
            layout.addWidget(box)
        self._files = QLabel(self)
        self._files.setWordWrap(True)
        self._files.setProperty("tone", "muted")
        layout.addWidget(self._files)

    def has(self, name: str) -> bool:
        """Whether that is wanted."""
        return self.boxes[name].isChecked()

    def names(self, target: Path, output: OutputSpec) -> list[Path]:
        """The files that will be written; none when the target has no name of this format."""
        if target.suffix.lower() not in output.suffixes:
            return []
        stem = target.with_suffix("")
        names = [target]
        if self.has("recipe"):
            names.append(stem.with_name(f"{stem.name}.cstudio"))
        if self.has("report"):
            names += [stem.with_name(f"{stem.name}.report.html"), stem.with_name(f"{stem.name}.report.json")]
        if self.has("script") and output.id == ONNX:
            names.append(stem.with_name(f"run_{stem.name}.py"))
        return names

    def show_names(self, target: Path, output: OutputSpec) -> None:
        """Say what will be written."""
        self.boxes["script"].setVisible(output.id == ONNX)
        written = ", ".join(path.name for path in self.names(target, output))
        self._files.setText(
            f"Writes {written}" if written else f"Give the file a name that ends with {output.suffixes[0]}."
        )
