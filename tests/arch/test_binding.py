"""The Qt binding that is pinned keeps its reference counts.

PySide6 6.12.0 on Python 3.11 loses a reference to None on most calls from Qt into Python, until the process dies.
"""

from __future__ import annotations

import os
import subprocess
import sys

PROBE = """
import sys
from PySide6.QtCore import QCoreApplication, QEvent, QObject
class Watcher(QObject):
    def event(self, event): return super().event(event)
    def customEvent(self, event): return None
app = QCoreApplication([])
watcher = Watcher()
app.sendEvent(watcher, QEvent(QEvent.Type.User))
before = sys.getrefcount(None)
for _ in range(2000): app.sendEvent(watcher, QEvent(QEvent.Type.User))
print(before - sys.getrefcount(None))
"""


def test_calls_from_qt_into_python_do_not_lose_references() -> None:
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    done = subprocess.run([sys.executable, "-c", PROBE], capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 500, "the binding loses references to None: see the pins in pyproject.toml"
