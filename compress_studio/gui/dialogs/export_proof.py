"""The proof of an export: one row for each thing that was checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QLabel, QWidget

from compress_studio.gui.theme.icons import icon
from compress_studio.gui.theme.tokens import METRICS

WAITING = "Before anything is put into place the file is opened again, checked and compared."


class ProofRows(QWidget):
    """Rows {"name", "ok", "detail"}; without any, what will be proved."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setColumnStretch(2, 1)
        self._grid.setHorizontalSpacing(METRICS.gap)
        self.show_rows(())

    def show_rows(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Show these and nothing else."""
        while (item := self._grid.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        if not rows:
            hint = QLabel(WAITING, self)
            hint.setWordWrap(True)
            hint.setProperty("tone", "muted")
            self._grid.addWidget(hint, 0, 0, 1, 3)
        for place, row in enumerate(rows):
            mark = QLabel(self)
            mark.setPixmap(icon("check" if row["ok"] else "error", "good" if row["ok"] else "bad").pixmap(16, 16))
            mark.setAccessibleName("passed" if row["ok"] else "failed")
            text = QLabel(row["name"], self)
            detail = QLabel(row["detail"], self)
            detail.setProperty("tone", "muted" if row["ok"] else "bad")
            detail.setWordWrap(True)
            self._grid.addWidget(mark, place, 0, Qt.AlignmentFlag.AlignTop)
            self._grid.addWidget(text, place, 1, Qt.AlignmentFlag.AlignTop)
            self._grid.addWidget(detail, place, 2)
