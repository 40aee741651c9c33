"""What this machine computes with: the part of the conditions of a latency that people ask for first."""

from __future__ import annotations

import platform
import subprocess
import sys
from functools import cache
from pathlib import Path

KNOWN = {
    "avx2": ("avx2",),
    "avx512": ("avx512f",),
    "vnni": ("avx512_vnni", "avx_vnni"),
    "amx": ("amx_int8", "amx_tile"),
    "neon": ("neon", "asimd"),
    "dotprod": ("asimddp",),
    "i8mm": ("i8mm",),
}


@cache
def processor() -> tuple[str, tuple[str, ...]]:
    """(name of the processor, its instruction sets that matter for integer and float products)."""
    if sys.platform == "linux":
        return read_cpuinfo(Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace"))
    if sys.platform == "darwin":
        name = _asked("machdep.cpu.brand_string")
        features = (_asked("machdep.cpu.leaf7_features") + " " + _asked("machdep.cpu.features")).lower()
        if platform.machine() == "arm64":
            return name, ("neon", "dotprod")
        return name, tuple(word for word, keys in KNOWN.items() if any(key in features.split() for key in keys))
    return platform.processor() or platform.machine(), ()


def read_cpuinfo(text: str) -> tuple[str, tuple[str, ...]]:
    """Name and instruction sets from the text of /proc/cpuinfo."""
    fields: dict[str, str] = {}
    for line in text.splitlines():
        key, _, value = line.partition(":")
        fields.setdefault(key.strip().lower(), value.strip())
    flags = set((fields.get("flags") or fields.get("features") or "").split())
    name = fields.get("model name") or fields.get("hardware") or platform.machine()
    return name, tuple(word for word, keys in KNOWN.items() if flags & set(keys))


def _asked(key: str) -> str:
    done = subprocess.run(["/usr/sbin/sysctl", "-n", key], capture_output=True, text=True, timeout=5, check=False)
    return done.stdout.strip()
