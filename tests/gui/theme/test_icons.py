"""Icons in one style that follow the theme and the resolution."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from PySide6.QtCore import QFile, QSize
from PySide6.QtGui import QColor, QIcon, QImage
from PySide6.QtWidgets import QApplication

import compress_studio.gui
from compress_studio.base.paths import resource
from compress_studio.gui.theme import current, drawings
from compress_studio.gui.theme.icons import icon
from compress_studio.gui.theme.qss import style_sheet
from compress_studio.gui.theme.tokens import DARK, LIGHT, THEMES

FILES = sorted(resource("icons").glob("*.svg"))
GUI = Path(compress_studio.gui.__file__).parent
NAMED = re.compile(r"""(?:icon|Glyph|IconButton|set_icon|set_glyph|EmptyHint|show_hint)\(\s*"([a-z][\w-]*)\"""")


@pytest.fixture
def theme(qapp: QApplication):
    """Put a theme into force; the one before comes back."""
    before = current.tokens().name
    yield lambda name: current.apply(qapp, name)
    current.apply(qapp, before)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_icon_is_drawn_in_the_one_style(path: Path) -> None:
    root = ET.fromstring(path.read_text(encoding="utf-8"))
    assert root.get("viewBox") == "0 0 16 16"
    assert root.get("stroke") == "currentColor"
    assert root.get("stroke-width") == "1.4"
    assert "#" not in path.read_text(encoding="utf-8").split(">", 1)[1], "colours come from the theme"


def test_every_icon_that_is_asked_for_is_there() -> None:
    asked = {name for path in GUI.rglob("*.py") for name in NAMED.findall(path.read_text(encoding="utf-8"))}
    assert asked <= {path.stem for path in FILES}


def test_every_icon_of_an_action_is_there() -> None:
    from compress_studio.gui.actions import ACTIONS

    assert {one.icon for one in ACTIONS if one.icon} <= {path.stem for path in FILES}


def strongest(image: QImage) -> str:
    """The colour of the most opaque pixel."""
    pixels = [image.pixelColor(x, y) for x in range(image.width()) for y in range(image.height())]
    return max(pixels, key=QColor.alpha).name()


def test_an_icon_follows_the_theme(theme) -> None:
    one = icon("stop")
    theme("dark")
    dark = strongest(one.pixmap(QSize(16, 16), 1.0).toImage())
    theme("light")
    assert (dark, strongest(one.pixmap(QSize(16, 16), 1.0).toImage())) == (DARK.text, LIGHT.text)


def test_a_disabled_icon_is_faint(theme) -> None:
    theme("dark")
    made = icon("stop", "accent").pixmap(QSize(16, 16), 1.0, QIcon.Mode.Disabled)
    assert strongest(made.toImage()) == DARK.faint


@pytest.mark.parametrize("ratio", [1.0, 1.5, 2.0])
def test_an_icon_has_all_the_pixels_of_the_screen(qapp: QApplication, ratio: float) -> None:
    made = icon("run").pixmap(QSize(16, 16), ratio)
    assert made.size() == QSize(round(16 * ratio), round(16 * ratio))
    assert made.devicePixelRatio() == ratio


@pytest.mark.parametrize("name", sorted(THEMES))
def test_every_drawing_of_the_style_sheet_can_be_read(qapp: QApplication, name: str) -> None:
    addresses = re.findall(r"url\((:[^)]+)\)", style_sheet(THEMES[name]))
    assert len(addresses) > 10
    assert all(QFile.exists(one) for one in addresses)


def test_a_drawing_is_the_icon_in_that_colour(qapp: QApplication) -> None:
    drawings.register([("check", "#123456")])
    file = QFile(drawings.address("check", "#123456"))
    assert file.open(QFile.OpenModeFlag.ReadOnly)
    text = bytes(file.readAll().data()).decode()
    file.close()
    assert "#123456" in text
    assert "currentColor" not in text
