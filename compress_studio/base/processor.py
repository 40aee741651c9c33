"""What this machine computes with: the name of the processor and its instruction sets, read without any library."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from dataclasses import dataclass
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
"""Instruction sets that matter for integer and float products, with the flags that tell of them."""
X86 = frozenset({"x86_64", "amd64", "i686", "x86"})


@dataclass(frozen=True, slots=True)
class Processor:
    """The processor of this machine."""

    name: str
    flags: frozenset[str]
    """As the system names them; empty where it does not tell (Windows)."""
    count: int
    """Logical processors."""

    @property
    def instruction_sets(self) -> tuple[str, ...]:
        """Those of KNOWN that it has."""
        return tuple(word for word, keys in KNOWN.items() if self.flags & set(keys))


@cache
def processor() -> Processor:
    """The processor of this machine; read once."""
    count = os.cpu_count() or 1
    if sys.platform == "linux":
        name, flags = read_cpuinfo(Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace"))
        return Processor(name, flags, count)
    if sys.platform == "darwin":
        features = f"{_asked('machdep.cpu.features')} {_asked('machdep.cpu.leaf7_features')}".lower()
        flags = {"neon", "asimddp"} if platform.machine() == "arm64" else set(features.split())
        return Processor(_asked("machdep.cpu.brand_string"), frozenset(flags), count)
    return Processor(platform.processor() or platform.machine(), frozenset(), count)


def sums_saturate() -> bool:
    """Whether 8-bit products are summed in 16 bits with saturation: x86 without VNNI, or with flags unknown."""
    return platform.machine().lower() in X86 and "vnni" not in processor().instruction_sets


def read_cpuinfo(text: str) -> tuple[str, frozenset[str]]:
    """Name and flags from the text of /proc/cpuinfo."""
    fields: dict[str, str] = {}
    for line in text.splitlines():
        key, _, value = line.partition(":")
        fields.setdefault(key.strip().lower(), value.strip())
    flags = (fields.get("flags") or fields.get("features") or "").split()
    return fields.get("model name") or fields.get("hardware") or platform.machine(), frozenset(flags)


def _asked(key: str) -> str:
    try:
        done = subprocess.run(["/usr/sbin/sysctl", "-n", key], capture_output=True, text=True, timeout=5, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip()
