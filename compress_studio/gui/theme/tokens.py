"""The design in numbers: two frozen sets of tokens, dark and light. Nothing else names a colour or a size.

Chrome follows the theme; the colours of step groups and of data series keep their hue in both, so that a chart can be
read the same way after a switch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from compress_studio.spec.step import Group


@dataclass(frozen=True, slots=True)
class Tokens:
    """One theme. Colours are "#rrggbb"."""

    name: str
    dark: bool
    # surfaces, from back to front
    canvas: str
    window: str
    panel: str
    card: str
    raised: str
    """Buttons, fields, selected rows."""
    field: str
    """Where something is typed."""
    hover: str
    border: str
    strong_border: str
    # text
    text: str
    muted: str
    """Labels and hints; still readable (4.5 : 1) on every surface."""
    faint: str
    """Disabled text and grid labels; never the only carrier of information."""
    # accent and states
    accent: str
    accent_text: str
    """Text on the accent."""
    good: str
    warn: str
    bad: str
    info: str
    grid: str
    selection: str
    """Background of selected text and rows."""
    groups: Mapping[str, str]
    """Colour by the value of spec.step.Group."""
    series: tuple[str, ...]
    """Data series, distinguishable also with colour-blindness; the first is the original."""


@dataclass(frozen=True, slots=True)
class Metrics:
    """Sizes in device-independent pixels, the same in both themes."""

    gap: int = 8
    """Between things that belong together; half of it inside, twice of it between groups."""
    pad: int = 12
    """Inside panels and cards."""
    radius: int = 6
    small_radius: int = 4
    row: int = 28
    """Height of fields, rows and small buttons."""
    button: int = 32
    icon: int = 16
    font: int = 13
    """Pixels."""
    small_font: int = 11
    title_font: int = 15
    hero_font: int = 22
    node_width: int = 180
    node_height: int = 100
    grid: int = 20
    """Of the canvas."""


METRICS = Metrics()

_DARK_GROUPS = {
    Group.SOURCE.value: "#9aa7b8",
    Group.GRAPH.value: "#7fb5c9",
    Group.PRUNE.value: "#b78cf7",
    Group.FACTORIZE.value: "#f0a94e",
    Group.QUANTIZE.value: "#5aa5f5",
    Group.TRAIN.value: "#4fc28a",
    Group.COMBINE.value: "#f277b3",
    Group.CUSTOM.value: "#c9c56a",
}
_LIGHT_GROUPS = {
    Group.SOURCE.value: "#5f6e82",
    Group.GRAPH.value: "#2f7d96",
    Group.PRUNE.value: "#8250df",
    Group.FACTORIZE.value: "#b06a00",
    Group.QUANTIZE.value: "#1a6fd0",
    Group.TRAIN.value: "#1f8a54",
    Group.COMBINE.value: "#c22f7c",
    Group.CUSTOM.value: "#77730f",
}

DARK = Tokens(
    name="dark",
    dark=True,
    canvas="#1a1c20",
    window="#1f2126",
    panel="#24272d",
    card="#2b2f37",
    raised="#343942",
    field="#1f2126",
    hover="#3b414b",
    border="#363b45",
    strong_border="#4a515e",
    text="#e8eaee",
    muted="#abb3bf",
    faint="#78818f",
    accent="#62abff",
    accent_text="#0b1a2b",
    good="#4fc28a",
    warn="#f0b35a",
    bad="#f78f92",
    info="#6cb6ff",
    grid="#30343c",
    selection="#25405f",
    groups=_DARK_GROUPS,
    series=("#9aa7b8", "#54aafb", "#f0a94e", "#4dce99", "#b383d0", "#f0787c", "#68d8e2", "#e86c9e"),
)
LIGHT = Tokens(
    name="light",
    dark=False,
    canvas="#f3f4f6",
    window="#eceef1",
    panel="#f8f9fa",
    card="#ffffff",
    raised="#ffffff",
    field="#ffffff",
    hover="#e7ebf0",
    border="#d8dce2",
    strong_border="#b9c0ca",
    text="#1c2128",
    muted="#535c68",
    faint="#78818d",
    accent="#165fb8",
    accent_text="#ffffff",
    good="#14693d",
    warn="#7d5000",
    bad="#b32a34",
    info="#165fb8",
    grid="#e1e4e9",
    selection="#d6e7fc",
    groups=_LIGHT_GROUPS,
    series=("#577095", "#1a6fd0", "#a65e03", "#006d32", "#6951e9", "#c6343f", "#157c77", "#bf2265"),
)
THEMES: Mapping[str, Tokens] = {"dark": DARK, "light": LIGHT}
