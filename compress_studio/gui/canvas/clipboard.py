"""Nodes on the clipboard: JSON text, the same as in a project file, so that it can be mailed and read."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from PySide6.QtCore import QMimeData
from PySide6.QtGui import QGuiApplication

from compress_studio.base.errors import BadInput
from compress_studio.project import files
from compress_studio.project.pipeline import NodeId, Pipeline
from compress_studio.project.project import Project
from compress_studio.spec.registry import StepRegistry

MIME = "application/x-compress-studio-nodes"
NOWHERE = Path("clipboard").absolute()
"""A folder in which no model lies, so that all paths stay absolute."""


def text_of(pipeline: Pipeline, nodes: Iterable[NodeId]) -> str:
    """Nodes and the connections among them as text."""
    chosen = set(nodes)
    part = Pipeline(
        tuple(node for node in pipeline if node.id in chosen),
        tuple(edge for edge in pipeline.edges if edge.src in chosen and edge.dst in chosen),
    )
    return files.dump(Project(part), NOWHERE)


def read(text: str, steps: StepRegistry) -> Pipeline | None:
    """The nodes that a text stands for; None when it is something else."""
    try:
        part = files.parse(text.encode(), NOWHERE / "clipboard", steps).pipeline
    except BadInput:
        return None
    return part if len(part) else None


def put(text: str) -> None:
    """Lay it on the clipboard, for us and as text for others."""
    holder = QMimeData()
    holder.setText(text)
    holder.setData(MIME, text.encode())
    QGuiApplication.clipboard().setMimeData(holder)


def take(steps: StepRegistry) -> Pipeline | None:
    """What lies on the clipboard; None when it is not nodes."""
    holder = QGuiApplication.clipboard().mimeData()
    if holder is None:
        return None
    text = holder.data(MIME).toStdString() if holder.hasFormat(MIME) else holder.text()
    return read(text, steps)
