"""How a data set is read, as fields for people: the names of data.toml, declared once for the dialog.

A value is text in the dialog; empty means that the program finds it out by itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from compress_studio.base.digest import Json
from compress_studio.base.errors import BadInput
from compress_studio.gui.words import grouped_text

FOUND = "found by itself"


@dataclass(frozen=True, slots=True)
class OptionField:
    """One option of a data set."""

    name: str
    label: str
    help: str
    kind: str = "text"
    """ "text", "choice", "switch", "numbers", "names", "whole", "amount", "sizes"."""
    choices: tuple[str, ...] = ()
    example: str = ""


@dataclass(frozen=True, slots=True)
class OptionGroup:
    """Fields that belong together. where: "top", "split", "input" or "dims"."""

    title: str
    where: str
    fields: tuple[OptionField, ...]
    kinds: frozenset[str] = frozenset()
    """Kinds of data for which it is open at first; empty: always."""


GROUPS: tuple[OptionGroup, ...] = (
    OptionGroup("Labels", "top", (
        OptionField("labels", "labels", "Name of the array or column that holds the labels; none: do not use labels",
                    example="label"),
        OptionField("task", "task", "What the labels mean", "choice", ("classify", "binary", "regress", "none")),
        OptionField("classes", "classes", "Names in the order of the outputs of the model", "names",
                    example="cat, dog, bird"),
    )),
    OptionGroup("Preparation", "input", (
        OptionField("array", "read from", "Name of the array or column that feeds this input", example="x"),
        OptionField("scale", "scale", "Samples are multiplied by this first: a number or a fraction",
                    example="1/255"),
        OptionField("mean", "mean", "What is subtracted then: one number, or one per channel", "numbers",
                    example="0.485, 0.456, 0.406"),
        OptionField("std", "deviation", "What they are divided by at last: one number, or one per channel", "numbers",
                    example="0.229, 0.224, 0.225"),
        OptionField("layout", "layout", "Where the model wants the channels: first (NCHW) or last (NHWC)", "choice",
                    ("NCHW", "NHWC")),
        OptionField("dtype", "read as", "Raw values are turned into this type first", "choice",
                    ("float32", "float64", "int64", "int32", "uint8")),
    )),
    OptionGroup("Pictures", "input", (
        OptionField("image", "are pictures", "Rows of arrays are pictures: colours and size are converted", "switch"),
        OptionField("size", "size", "Height and width in pixels, where the model leaves them free", "numbers",
                    example="224, 224"),
        OptionField("resize", "resize to", "Short side in pixels before the middle is cut out", "whole",
                    example="256"),
        OptionField("crop", "cut the middle", "No: squeeze the whole picture to the size instead", "switch"),
        OptionField("color", "colours", "The order of colours that the model wants", "choice",
                    ("rgb", "bgr", "grey")),
    ), frozenset({"images"})),
    OptionGroup("Parts", "split", (
        OptionField("test", "to test", "Share below 1, or number of samples; used when the data have no test part",
                    "amount", example="0.5"),
        OptionField("calibrate", "to calibrate", "Share below 1, or number of samples, of what is not for tests",
                    "amount", example="512"),
    )),
    OptionGroup("Table", "top", (
        OptionField("delimiter", "delimiter", "The sign between columns", example=";"),
        OptionField("decimal", "decimal sign", "The sign before fractions", "choice", (".", ",")),
        OptionField("encoding", "encoding", "How letters are stored", example="utf-8"),
        OptionField("header", "first line", "Whether the first line names the columns", "switch"),
        OptionField("keep_nan", "keep gaps", "Keep samples with missing values", "switch"),
    ), frozenset({"table"})),
    OptionGroup("Free sizes", "dims", (
        OptionField("dims", "sizes", "Free dimensions of the model, for random inputs", "sizes", example="seq=64"),
    ), frozenset({"synthetic"})),
)  # fmt: skip

Key = tuple[str, str]
"""(where, name): where is "top", "split", "dims" or "input:NAME"."""


def keys_of(inputs: Sequence[str]) -> dict[Key, OptionField]:
    """All fields for a model with these inputs."""
    found: dict[Key, OptionField] = {}
    for group in GROUPS:
        places = [f"input:{name}" for name in inputs] if group.where == "input" else [group.where]
        found |= {(place, one.name): one for place in places for one in group.fields}
    return found


def texts_of(values: Mapping[str, Any], inputs: Sequence[str]) -> dict[Key, str]:
    """The texts of all fields for values as data.toml has them."""
    return {(where, name): _text(_raw(values, where, name)) for where, name in keys_of(inputs)}


def options_of(texts: Mapping[Key, str], file: Mapping[str, Any], inputs: Sequence[str]) -> dict[str, Json]:
    """The options of a DataRequest: what the texts say otherwise than the file. Raises BadInput for a wrong number."""
    before = texts_of(file, inputs)
    fields = keys_of(inputs)
    options: dict[str, Json] = {}
    for (where, name), text in texts.items():
        if where == "top" and text.strip() != before[where, name]:
            value = parse(fields[where, name], text)
            options[name] = False if value is None and name == "keep_nan" else value
    for where in ("split", "dims"):
        own = {name: text for (place, name), text in texts.items() if place == where}
        if any(text.strip() != before[where, name] for name, text in own.items()):
            parsed = {name: parse(fields[where, name], text) for name, text in own.items()}
            table = (
                parsed.get("dims") if where == "dims" else {key: one for key, one in parsed.items() if one is not None}
            )
            options[where] = table or {}
    tables = {name: _table(texts, f"input:{name}", fields) for name in inputs}
    if any(tables[name] != _table(before, f"input:{name}", fields) for name in inputs):
        options["input"] = {name: table for name, table in tables.items() if table}
    return options


def merged(file: Mapping[str, Any], options: Mapping[str, Any]) -> dict[str, Any]:
    """What file and options say together; the options win."""
    return {**file, **options}


def parse(field: OptionField, text: str) -> Json:
    """The value of a text; None when it is empty. Raises BadInput with what is expected."""
    word = text.strip()
    if not word:
        return None
    try:
        if field.kind == "switch":
            return {"yes": True, "no": False}[word]
        if field.kind == "numbers":
            numbers = [float(one) for one in word.replace(";", ",").split(",") if one.strip()]
            whole = [int(one) if one.is_integer() and field.name == "size" else one for one in numbers]
            return [*whole]
        if field.kind == "names":
            return [one.strip() for one in word.split(",") if one.strip()]
        if field.kind == "whole":
            return int(word)
        if field.kind == "amount":
            return int(word) if word.isdigit() and int(word) >= 1 else float(word)
        if field.kind == "sizes":
            pairs = [one.partition("=") for one in word.split(",") if one.strip()]
            return {name.strip(): int(size) for name, _, size in pairs}
    except (ValueError, KeyError):
        raise BadInput(f"{field.label}: {word} is not understood.", f"Write it like {field.example}.") from None
    return word


def difference(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """What other options do to the data, one sentence each; empty when nothing changes."""
    lines: list[str] = []
    if before.get("task") != after.get("task"):
        lines.append(f"Task: {before.get('task', '–')} → {after.get('task')}")
    old, new = before.get("parts") or {}, after.get("parts") or {}
    for name, word in (("calibrate", "To calibrate"), ("tune", "To train"), ("test", "To test")):
        if old.get(name) != new.get(name):
            lines.append(f"{word}: {grouped_text(old.get(name))} → {grouped_text(new.get(name))} samples")
    were, are = before.get("preprocessing") or {}, after.get("preprocessing") or {}
    lines += [f"{name}: {text}" for name, text in are.items() if were.get(name) != text]
    if list(before.get("classes") or ()) != list(after.get("classes") or ()):
        names = [str(one) for one in after.get("classes") or ()]
        lines.append(f"Classes: {', '.join(names[:6])}{', …' if len(names) > 6 else ''}" if names else "No class names")
    known = {str(one["message"]) for one in before.get("notes") or ()}
    now = {str(one["message"]) for one in after.get("notes") or ()}
    lines += [f"New: {text}" for text in sorted(now - known)] + [f"Gone: {text}" for text in sorted(known - now)]
    return lines


def _raw(values: Mapping[str, Any], where: str, name: str) -> Any:
    if where == "top":
        return values.get(name)
    if where == "dims":
        return values.get("dims")
    if where == "split":
        return (values.get("split") or {}).get(name)
    table = (values.get("input") or {}).get(where.removeprefix("input:")) or {}
    return table.get(name, values.get(name))


def _text(value: Any) -> str:
    if value is None or value == "":
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        pairs: Mapping[Any, Any] = value  # pyright: ignore[reportUnknownVariableType]
        return ", ".join(f"{name}={size}" for name, size in pairs.items())
    if isinstance(value, list | tuple):
        items: Sequence[Any] = value  # pyright: ignore[reportUnknownVariableType]
        return ", ".join(str(one) for one in items)
    return str(value)


def _table(texts: Mapping[Key, str], where: str, fields: Mapping[Key, OptionField]) -> dict[str, Json]:
    own = {name: parse(fields[place, name], text) for (place, name), text in texts.items() if place == where}
    return {name: value for name, value in own.items() if value is not None}
