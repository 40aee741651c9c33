"""Giving memory back that is not needed any more."""

from __future__ import annotations

import ctypes
import gc
import sys

LARGE = 1 << 30


def give_back(above: int = 0) -> None:
    """Let go of what only circles of references hold, and hand freed memory back to the system.

    For the moment between two pieces of work that each need the memory of a whole network. On Linux the C library
    keeps what was freed; where its name for handing it back is unknown, only the first is done.

    Args: above is how many bytes the process must hold for that to be worth the time, about a tenth of a second.
    """
    if above:
        import psutil

        if psutil.Process().memory_info().rss < above:
            return
    gc.collect()
    if sys.platform.startswith("linux"):
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)
