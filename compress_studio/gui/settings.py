"""What the user prefers: a small file that only holds what differs from the defaults, applied at once."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal

from compress_studio.base.errors import UserError
from compress_studio.base.paths import data_dir, write_text

log = logging.getLogger(__name__)
FILE = "settings.json"
LANGUAGES: Mapping[str, str] = {"en": "English"}
"""Those that are there, by code, each in its own words."""
CHOICES: Mapping[str, tuple[object, ...]] = {
    "theme": ("system", "dark", "light"),
    "language": tuple(LANGUAGES),
    "model_opening": ("ask", "replace", "new", "add"),
}
RANGES: Mapping[str, tuple[float, float]] = {
    "compute_threads": (0, 1024),
    "timing_threads": (1, 1024),
    "cache_gigabytes": (0.5, 10_000.0),
}


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings with their defaults."""

    theme: str = "system"
    language: str = "en"
    compute_threads: int = 0
    """Of steps; 0: all there are."""
    timing_threads: int = 1
    cache_gigabytes: float = 20.0
    measure_on_opening: bool = False
    """Measure a model as soon as it is opened, not only with the first run."""
    model_opening: str = "ask"
    """What becomes of a model that is opened while a project with changes is open."""
    confirm_stop: bool = True
    """Ask before a run is stopped by closing the window."""
    confirm_clear: bool = True
    """Ask before the results are thrown away."""
    tour_seen: bool = False


class SettingsFile(QObject):
    """The settings in force and the file they are kept in."""

    changed = Signal(object, object)
    """(before, after)."""

    def __init__(self, path: Path | None = None, parent: QObject | None = None) -> None:
        """path: None for data_dir()/settings.json."""
        super().__init__(parent)
        self.note = ""
        """What the user should be told: that the file was damaged, or cannot be written."""
        self._unknown: dict[str, Any] = {}
        self._path = path or self._usual_place()
        self.now = self._read()
        _in_force[0] = self.now

    def change(self, **values: Any) -> None:
        """Change some settings; raises ValueError for a value that is not allowed."""
        for name, value in values.items():
            if not allowed(name, value):
                raise ValueError(f"{name} cannot be {value!r}")
        before, after = self.now, replace(self.now, **values)
        if after == before:
            return
        self.now = _in_force[0] = after
        self._write()
        self.changed.emit(before, after)

    def _usual_place(self) -> Path | None:
        try:
            return data_dir() / FILE
        except UserError as error:
            self.note = f"Settings are not kept: {error.message}"
            return None

    def _read(self) -> Settings:
        if self._path is None:
            return Settings()
        try:
            raw = json.loads(self._path.read_text(encoding="utf-8"))
            if not isinstance(raw, dict):
                raise ValueError("not a table of settings")
        except FileNotFoundError:
            return Settings()
        except (OSError, ValueError) as error:
            self._move_aside(self._path, error)
            return Settings()
        good = {name: value for name, value in raw.items() if allowed(name, value)}
        self._unknown = {name: value for name, value in raw.items() if name not in _DEFAULTS}
        return replace(Settings(), **good)

    def _move_aside(self, path: Path, error: Exception) -> None:
        aside = path.with_name(f"settings-damaged-{time.strftime('%Y%m%d-%H%M%S')}.json")
        try:
            path.replace(aside)
            self.note = f"The settings file was damaged and is now {aside.name}; the defaults are used."
        except OSError:
            self.note = f"The settings file {path} cannot be read; the defaults are used."
        log.info("%s (%s)", self.note, error)

    def _write(self) -> None:
        if self._path is None:
            return
        values = {one.name: getattr(self.now, one.name) for one in fields(Settings)}
        sparse = {name: value for name, value in values.items() if value != _DEFAULTS[name]}
        try:
            write_text(self._path, json.dumps({**self._unknown, **sparse}, indent=2, ensure_ascii=False) + "\n")
        except OSError as error:
            self.note = f"Settings are not kept: {self._path} cannot be written ({error.strerror or error})."
            log.info("%s", self.note)


def current() -> Settings:
    """The settings in force, for those who only need to know one now and then."""
    return _in_force[0]


def allowed(name: str, value: object) -> bool:
    """Whether a setting of that name may have this value."""
    if name not in _DEFAULTS:
        return False
    default = _DEFAULTS[name]
    if name in CHOICES:
        return value in CHOICES[name]
    if isinstance(default, bool):
        return isinstance(value, bool)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    if isinstance(default, int) and not isinstance(value, int):
        return False
    low, high = RANGES[name]
    return low <= value <= high


_DEFAULTS: Mapping[str, Any] = {one.name: getattr(Settings(), one.name) for one in fields(Settings)}
_in_force: list[Settings] = [Settings()]
"""The one value; a list, so that it can be exchanged."""
