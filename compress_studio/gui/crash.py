"""No bug closes the window silently: every exception nobody caught goes to the log and into one problem dialog."""

from __future__ import annotations

import faulthandler
import importlib.metadata
import logging
import platform
import sys
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from PySide6.QtCore import QMessageLogContext, QObject, Qt, QtMsgType, Signal, qInstallMessageHandler, qVersion

from compress_studio import __version__
from compress_studio.gui.dialogs.asking import Report

log = logging.getLogger("compress_studio.gui.crash")
qt_log = logging.getLogger("compress_studio.qt")
SAFE = "Your project is safe: it is saved by itself every few seconds. You can go on working."
LAST_LINES = 40
FAULTS = "native-crashes.log"
PACKAGES = ("PySide6_Essentials", "numpy", "onnx", "onnxruntime", "torch", "pyqtgraph", "pydantic")
LEVELS = {
    QtMsgType.QtDebugMsg: logging.DEBUG,
    QtMsgType.QtInfoMsg: logging.INFO,
    QtMsgType.QtWarningMsg: logging.WARNING,
    QtMsgType.QtCriticalMsg: logging.ERROR,
    QtMsgType.QtFatalMsg: logging.CRITICAL,
}


@dataclass(frozen=True, slots=True)
class Caught:
    """An exception that nobody caught."""

    name: str
    message: str
    where: str
    """ "" for the window, else the name of the thread."""
    trace: str


class CrashGuard(QObject):
    """Catches what nobody caught while it is installed, and hands reports over in the window's thread."""

    _caught = Signal(object)

    def __init__(self, show: Callable[[Report], None], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._show = show
        self._log: Path | None = None
        self._faults: IO[str] | None = None
        self._before: tuple[Any, Any, Any] | None = None
        self._recorded_before = False
        self._counts: dict[str, int] = {}
        self._caught.connect(self._report, Qt.ConnectionType.QueuedConnection)

    def install(self, folder: Path | None = None) -> None:
        """Begin. folder: for the file that a crash of native code leaves; None: there is none."""
        self._before = (sys.excepthook, threading.excepthook, qInstallMessageHandler(self._qt_says))
        sys.excepthook = self._in_window
        threading.excepthook = self._in_thread
        if folder is not None:
            self._log = folder / "window.log"
            try:
                self._faults = (folder / FAULTS).open("a", encoding="utf-8")
                self._recorded_before = faulthandler.is_enabled()
                faulthandler.enable(self._faults)
            except OSError as error:
                log.info("Crashes of native code are not recorded: %s", error)

    def uninstall(self) -> None:
        """Put back what was there before."""
        if self._before is not None:
            sys.excepthook, threading.excepthook, handler = self._before
            qInstallMessageHandler(handler)
            self._before = None
        if self._faults is not None:
            faulthandler.disable()
            if self._recorded_before and sys.__stderr__ is not None:
                faulthandler.enable(sys.__stderr__)
            self._faults.close()
            self._faults = None

    def _in_window(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            sys.__excepthook__(kind, error, trace)
            return
        self._take(kind, error, trace, "")

    def _in_thread(self, args: threading.ExceptHookArgs) -> None:
        if args.exc_type is SystemExit or args.exc_value is None:
            return
        name = args.thread.name if args.thread is not None else "a thread"
        self._take(args.exc_type, args.exc_value, args.exc_traceback, name)

    def _take(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None, where: str) -> None:
        text = "".join(traceback.format_exception(kind, error, trace))
        log.error("Nobody caught this%s:\n%s", f" in {where}" if where else "", text)
        try:
            self._caught.emit(Caught(kind.__name__, str(error), where, text))
        except RuntimeError:  # the window is gone; the log has it
            return

    def _report(self, caught: Caught) -> None:
        count = self._counts[caught.trace] = self._counts.get(caught.trace, 0) + 1
        self._show(replace(describe(caught, self._log), count=count))

    def _qt_says(self, kind: QtMsgType, context: QMessageLogContext, text: str) -> None:
        place = f" ({context.file}:{context.line})" if getattr(context, "file", None) else ""
        qt_log.log(LEVELS.get(kind, logging.WARNING), "%s%s", text, place)


def describe(caught: Caught, log_file: Path | None = None) -> Report:
    """What the user is told, and what a bug report should hold."""
    place = f" (in the background: {caught.where})" if caught.where else ""
    first = caught.message.strip().splitlines()[0] if caught.message.strip() else caught.name
    text = f"This is a bug in the program, not in what you did: {first}{place}."
    parts = [versions(), f"Last lines of the log:\n{last_lines(log_file)}", caught.trace]
    return Report("Something went wrong", f"{text}\n\n{SAFE}", "\n\n".join(parts))


def versions() -> str:
    """The versions that matter, one line each; read without importing anything."""
    lines = [
        f"Compress Studio {__version__}",
        f"Python {platform.python_version()}, Qt {qVersion()}, {platform.platform()}",
    ]
    found: list[str] = []
    for name in PACKAGES:
        try:
            found.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            found.append(f"{name} is missing")
    return "\n".join([*lines, ", ".join(found)])


def last_lines(path: Path | None, count: int = LAST_LINES) -> str:
    """The end of a log file."""
    if path is None:
        return "(no log)"
    try:
        with path.open("rb") as stream:
            stream.seek(max(0, path.stat().st_size - 20_000))
            return "\n".join(stream.read().decode("utf-8", "replace").splitlines()[-count:])
    except OSError:
        return "(no log)"
