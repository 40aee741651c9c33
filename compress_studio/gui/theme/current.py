"""The theme in force: everything that paints asks here, and repaints when it changes."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QColor, QFont, QFontDatabase, QGuiApplication
from PySide6.QtWidgets import QApplication

from compress_studio.base.paths import resource
from compress_studio.gui.theme.palette import make_palette
from compress_studio.gui.theme.qss import style_sheet
from compress_studio.gui.theme.tokens import DARK, LIGHT, METRICS, THEMES, Tokens

FAMILY = "Inter"


class _Current(QObject):
    """Holds the tokens in force; one for the process."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.tokens = DARK


_current: _Current | None = None
_hinting = [QFont.HintingPreference.PreferDefaultHinting]
"""One value, to be exchanged before the first text is drawn."""


def watch() -> _Current:
    """The object whose signal `changed` tells of another theme."""
    global _current  # noqa: PLW0603 - made with the first use, because a QObject needs no application but a thread
    if _current is None:
        _current = _Current()
    return _current


def tokens() -> Tokens:
    """The tokens in force."""
    return watch().tokens


def color(value: str, alpha: float = 1.0) -> QColor:
    """A colour of the tokens, with an opacity from 0 to 1."""
    made = QColor(value)
    made.setAlphaF(alpha)
    return made


def font(size: int = METRICS.font, weight: QFont.Weight = QFont.Weight.Normal, *, tabular: bool = False) -> QFont:
    """A font of the window in pixels; tabular: all digits equally wide."""
    made = QFont(FAMILY)
    made.setPixelSize(size)
    made.setWeight(weight)
    made.setHintingPreference(_hinting[0])
    if tabular:
        made.setFeature(QFont.Tag("tnum"), 1)
    return made


def draw_text_alike() -> None:
    """From now on draw text the same on every machine, without fitting it to pixels; for pictures in tests."""
    _hinting[0] = QFont.HintingPreference.PreferNoHinting


def load_fonts() -> None:
    """Register the bundled fonts with Qt; once per process is enough."""
    for name in ("Inter-Regular.otf", "Inter-Medium.otf", "Inter-SemiBold.otf"):
        QFontDatabase.addApplicationFont(str(resource("fonts") / name))


def system_theme() -> str:
    """What the desktop prefers: "dark" or "light". Read only; dark where it does not say."""
    from PySide6.QtCore import Qt

    scheme = QGuiApplication.styleHints().colorScheme()
    return "light" if scheme is Qt.ColorScheme.Light else "dark"


def apply(application: QApplication, name: str) -> None:
    """Put a theme into force: "dark", "light", or "system" for what the desktop prefers."""
    chosen = THEMES.get(system_theme() if name == "system" else name, LIGHT)
    current = watch()
    current.tokens = chosen
    application.setPalette(make_palette(chosen))
    application.setFont(font())
    application.setStyleSheet(style_sheet(chosen))
    current.changed.emit()
