"""The one style sheet of the window, made from tokens.

$name is a token or a size; icon(NAME, TOKEN) is an icon in the colour of a token.
"""

from __future__ import annotations

import re
from dataclasses import fields
from string import Template

from compress_studio.gui.theme.drawings import address, register
from compress_studio.gui.theme.sheet import SHEET
from compress_studio.gui.theme.tokens import METRICS, Tokens

_ICON = re.compile(r"icon\(([\w-]+), (\w+)\)")
_VEILS = {"veil": 0.12, "thin_veil": 0.07}
"""Opacities at which a tone lies under text of the same tone."""


def style_sheet(tokens: Tokens) -> str:
    """The style sheet of a theme; its drawings are made readable."""
    colors = {one.name: getattr(tokens, one.name) for one in fields(tokens) if one.type == "str"}
    register((name, colors[tone]) for name, tone in set(_ICON.findall(SHEET)))
    drawn = _ICON.sub(lambda found: f"url({address(found[1], colors[found[2]])})", SHEET)
    return Template(drawn).substitute(colors, **veils(tokens), **sizes())


def veils(tokens: Tokens) -> dict[str, str]:
    """Thin washes of the tones: "good_veil", "bad_thin_veil", …"""
    made = {}
    for tone in ("good", "warn", "bad", "info", "muted", "accent"):
        value = getattr(tokens, tone)
        red, green, blue = (int(value[at : at + 2], 16) for at in (1, 3, 5))
        for name, share in _VEILS.items():
            made[f"{tone}_{name}"] = f"rgba({red}, {green}, {blue}, {round(255 * share)})"
    return made


def sizes() -> dict[str, int]:
    """The sizes of the tokens, as the style sheet names them."""
    return {one.name: getattr(METRICS, one.name) for one in fields(METRICS) if one.name != "grid"}
