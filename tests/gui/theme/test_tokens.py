"""Colours that can be read by everybody, in both themes."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from compress_studio.gui.theme.qss import veils
from compress_studio.gui.theme.tokens import THEMES, Tokens

SURFACES = ("canvas", "window", "panel", "card", "raised", "field", "hover", "selection")
QUIET_SURFACES = ("canvas", "window", "panel", "card", "raised")
TEXTS = ("text", "muted")
TONES = ("accent", "good", "warn", "bad", "info")
READABLE = 4.5
DISTANCE = 12.0
"""In Lab (CIE 1976), between two series as somebody who is colour-blind sees them; 2.3 is just noticeable."""
SEEN = {
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
}
"""Machado, Oliveira and Fernandes 2009, severity 1, on linear RGB."""


def linear(value: str) -> np.ndarray:
    """Linear RGB of "#rrggbb"."""
    raw = np.array([int(value[at : at + 2], 16) / 255 for at in (1, 3, 5)])
    return np.where(raw <= 0.04045, raw / 12.92, ((raw + 0.055) / 1.055) ** 2.4)


def contrast(one: str | np.ndarray, other: str | np.ndarray) -> float:
    """The contrast ratio of WCAG 2."""
    weights = np.array([0.2126, 0.7152, 0.0722])
    dark, light = sorted(float((linear(c) if isinstance(c, str) else c) @ weights) for c in (one, other))
    return (light + 0.05) / (dark + 0.05)


def lab(rgb: np.ndarray) -> np.ndarray:
    """Lab of linear RGB."""
    matrix = np.array(
        [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.072175], [0.0193339, 0.119192, 0.9503041]]
    )
    xyz = matrix @ np.clip(rgb, 0, 1) / np.array([0.95047, 1, 1.08883])
    f = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def on_veil(tone: str, share: float, below: str) -> np.ndarray:
    """What is seen where a thin wash of a tone lies on a surface: blended as the screen does, in sRGB."""
    raw = [np.array([int(value[at : at + 2], 16) for at in (1, 3, 5)]) for value in (tone, below)]
    blended = np.round(share * raw[0] + (1 - share) * raw[1]).astype(int)
    return linear("#" + "".join(f"{one:02x}" for one in blended))


@pytest.fixture(params=sorted(THEMES))
def tokens(request: pytest.FixtureRequest) -> Tokens:
    return THEMES[request.param]


@pytest.mark.parametrize("surface", SURFACES)
@pytest.mark.parametrize("text", TEXTS)
def test_text_can_be_read_on_every_surface(tokens: Tokens, text: str, surface: str) -> None:
    assert contrast(getattr(tokens, text), getattr(tokens, surface)) >= READABLE


@pytest.mark.parametrize("surface", QUIET_SURFACES)
@pytest.mark.parametrize("tone", TONES)
def test_coloured_words_can_be_read_on_every_resting_surface(tokens: Tokens, tone: str, surface: str) -> None:
    assert contrast(getattr(tokens, tone), getattr(tokens, surface)) >= READABLE


@pytest.mark.parametrize("tone", ["good", "warn", "bad"])
def test_good_and_bad_news_can_be_read_in_selected_rows(tokens: Tokens, tone: str) -> None:
    assert contrast(getattr(tokens, tone), tokens.selection) >= READABLE


def test_text_on_the_accent_can_be_read_also_when_hovered(tokens: Tokens) -> None:
    assert contrast(tokens.accent_text, tokens.accent) >= READABLE
    assert contrast(tokens.accent_text, tokens.info) >= READABLE


@pytest.mark.parametrize("surface", ["window", "panel", "card"])
@pytest.mark.parametrize("tone", [*TONES, "muted"])
def test_words_in_pills_can_be_read(tokens: Tokens, tone: str, surface: str) -> None:
    name = f"{tone}_veil"
    share = int(veils(tokens)[name].rstrip(")").split(",")[3]) / 255
    seen = on_veil(getattr(tokens, tone), share, getattr(tokens, surface))
    assert contrast(linear(getattr(tokens, tone)), seen) >= READABLE


def test_names_of_series_can_be_read_in_their_colour(tokens: Tokens) -> None:
    for one in tokens.series:
        assert min(contrast(one, tokens.canvas), contrast(one, tokens.panel), contrast(one, tokens.card)) >= READABLE


def test_marks_of_step_groups_stand_out(tokens: Tokens) -> None:
    for one in tokens.groups.values():
        assert min(contrast(one, getattr(tokens, surface)) for surface in QUIET_SURFACES) >= 3.0


def test_disabled_text_is_weaker_than_labels_but_visible(tokens: Tokens) -> None:
    for surface in QUIET_SURFACES:
        below = getattr(tokens, surface)
        assert 2.5 <= contrast(tokens.faint, below) < contrast(tokens.muted, below)


@pytest.mark.parametrize("sight", sorted(SEEN))
def test_series_differ_also_for_people_who_do_not_tell_red_from_green(tokens: Tokens, sight: str) -> None:
    seen = [lab(np.array(SEEN[sight]) @ linear(one)) for one in tokens.series]
    closest = min(float(np.linalg.norm(one - other)) for one, other in combinations(seen, 2))
    assert closest >= DISTANCE


def test_series_differ_for_everybody(tokens: Tokens) -> None:
    seen = [lab(linear(one)) for one in tokens.series]
    assert min(float(np.linalg.norm(one - other)) for one, other in combinations(seen, 2)) >= 20
