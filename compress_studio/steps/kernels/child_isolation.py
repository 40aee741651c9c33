"""In the process that runs the user's code, before anything of it is loaded: what it cannot reach or use up."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping
from typing import Any

PR_SET_PDEATHSIG, SIGKILL = 1, 9


def limit(request: Mapping[str, Any]) -> None:
    """Limits of memory and time that the code cannot lift, as far as the system has them."""
    if sys.platform == "win32":
        return
    import resource

    limits = [(resource.RLIMIT_CORE, 0), (resource.RLIMIT_CPU, int(request["cpu_seconds"]))]
    if sys.platform.startswith("linux") and request["memory_bytes"]:
        limits.append((resource.RLIMIT_AS, int(request["memory_bytes"])))
    for kind, limit in limits:
        _, hard = resource.getrlimit(kind)
        value = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
        resource.setrlimit(kind, (value, value))
    if sys.platform.startswith("linux"):
        import ctypes

        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, SIGKILL)


def watch_parent(parent: int) -> None:
    """End this process when the studio's ends, on systems that do not do it themselves."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(77)
