"""Which editor a parameter gets: one per kind."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from compress_studio.gui.forms.choices import ComboEditor, SegmentsEditor, SwitchEditor, TristateEditor, fits_segments
from compress_studio.gui.forms.editor import FieldEditor
from compress_studio.gui.forms.lists import ListEditor
from compress_studio.gui.forms.numbers import NumberEditor, SpinEditor
from compress_studio.gui.forms.texts import PathEditor, TextEditor
from compress_studio.gui.forms.wording import choice_word
from compress_studio.project.files import SOURCE_PATH
from compress_studio.spec.params import Field

ELSEWHERE = frozenset({"map"})
"""Kinds without an editor of their own: values per layer are edited in the table of layers."""


def make_editor(field: Field, parent: QWidget | None = None, *, of_source: bool = False) -> FieldEditor:
    """The editor of a parameter. of_source: of the step that opens the file of the user."""
    if field.kind == "choice":
        words = tuple(choice_word(one) for one in field.choices)
        short = not field.optional and fits_segments(field.ui.label, words)
        return SegmentsEditor(field, parent) if short else ComboEditor(field, parent)
    if field.kind == "bool":
        return TristateEditor(field, parent) if field.optional else SwitchEditor(field, parent)
    if field.kind == "list":
        return ListEditor(field, parent)
    if field.kind == "str":
        return PathEditor(field, parent) if of_source and field.name == SOURCE_PATH else TextEditor(field, parent)
    if field.kind == "int" and field.range is None and not field.optional:
        return SpinEditor(field, parent)
    return NumberEditor(field, parent)
