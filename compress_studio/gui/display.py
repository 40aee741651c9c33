"""Whether a window can be opened here at all. Asked before Qt is started, because Qt would end the process."""

from __future__ import annotations

import ctypes
import importlib.util
import os
import socket
import sys
from collections.abc import Mapping
from pathlib import Path

FROM_THE_COMMAND_LINE = "The command line does the same work: see compress-studio --help."
X_LIBRARY = "libX11.so.6"


def refusal(environment: Mapping[str, str] = os.environ) -> str:
    """Why no window can be opened, in a sentence or two; empty when one can."""
    if not sys.platform.startswith("linux"):
        return ""
    platform = environment.get("QT_QPA_PLATFORM", "").split(":")[0]
    if platform and platform not in {"xcb", "wayland"}:
        return ""
    wayland = environment.get("WAYLAND_DISPLAY", "") if platform != "xcb" else ""
    if wayland and _wayland_answers(wayland, environment.get("XDG_RUNTIME_DIR", "")):
        return ""
    display = environment.get("DISPLAY", "") if platform != "wayland" else ""
    if not display and not wayland:
        return f"There is no display to open a window on (DISPLAY is not set). {FROM_THE_COMMAND_LINE}"
    missing = _missing_library()
    if missing:
        return f"The window needs a system library that is missing: {missing}. {FROM_THE_COMMAND_LINE}"
    if display and _x_answers(display):
        return ""
    return f"The display {display or wayland} cannot be reached. {FROM_THE_COMMAND_LINE}"


def _wayland_answers(name: str, folder: str) -> bool:
    path = Path(folder) / name
    with socket.socket(socket.AF_UNIX) as stream:
        stream.settimeout(2)
        try:
            stream.connect(str(path))
        except OSError:
            return False
    return True


def _x_answers(display: str) -> bool:
    try:
        library = ctypes.CDLL(X_LIBRARY)
    except OSError:
        # Qt needs other libraries than this one; it will have to find out itself.
        return True
    library.XOpenDisplay.restype = ctypes.c_void_p
    library.XOpenDisplay.argtypes = [ctypes.c_char_p]
    library.XCloseDisplay.argtypes = [ctypes.c_void_p]
    opened = library.XOpenDisplay(display.encode())
    if not opened:
        return False
    library.XCloseDisplay(opened)
    return True


def _missing_library() -> str:
    """What the dynamic loader says about Qt's plug-in for X11; empty when it is content."""
    found = importlib.util.find_spec("PySide6")
    folders = list(found.submodule_search_locations or []) if found is not None else []
    for folder in folders:
        plugin = Path(folder) / "Qt" / "plugins" / "platforms" / "libqxcb.so"
        if plugin.is_file():
            try:
                ctypes.CDLL(str(plugin))
            except OSError as error:
                return str(error).split(":")[0]
    return ""


if __name__ == "__main__":
    sentence = refusal()
    sys.stderr.write(f"{sentence}\n" if sentence else "")
    sys.exit(1 if sentence else 0)
