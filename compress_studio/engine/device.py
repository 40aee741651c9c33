"""Which device work runs on: cheap when there is only the processor, else asked of a worker once and remembered."""

from __future__ import annotations

import platform
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from compress_studio.base.digest import Json, digest_json
from compress_studio.base.errors import BadInput
from compress_studio.engine.keys import version_of

AUTO = "auto"
CPU = "cpu"
CLASSES = (AUTO, CPU, "cuda", "mps", "xpu")
GPU_FILES = ("/dev/nvidiactl", "/dev/nvidia0", "/dev/dxg", "/dev/kfd", "/dev/dri/renderD128")
"""Device files without which no driver of a GPU works on Linux."""


class Facts(Protocol):
    """Where the answer is remembered."""

    def fact(self, name: str) -> str | None: ...

    def remember_fact(self, name: str, value: str) -> None: ...


def gpu_possible() -> bool:
    """Whether there may be a GPU; False is certain. Loads nothing."""
    if sys.platform.startswith("linux"):
        return any(Path(name).exists() for name in GPU_FILES)
    return sys.platform == "win32" or (sys.platform == "darwin" and platform.machine() == "arm64")


def resolve(name: str, facts: Facts, ask: Callable[[], tuple[str, ...]] | None = None) -> str | None:
    """The class of device that a name stands for; "auto" is the fastest one.

    ask gives the devices that work here and may be slow; without it the answer is None when it is not known yet.
    Raises BadInput when the device does not exist here.
    """
    if name not in CLASSES:
        raise BadInput(f"There is no device {name}.", f"Choose one of {', '.join(CLASSES)}.")
    if name == CPU or (name == AUTO and not gpu_possible()):
        return CPU
    known = _known(facts, ask)
    if known is None:
        return None
    if name == AUTO:
        return known[0]
    if name not in known:
        raise BadInput(
            f"The device {name} does not work here (found: {', '.join(known)}).",
            "Choose auto or cpu, or install a PyTorch build and a driver for it.",
        )
    return name


def _known(facts: Facts, ask: Callable[[], tuple[str, ...]] | None) -> tuple[str, ...] | None:
    present: list[Json] = [name for name in GPU_FILES if Path(name).exists()]
    name = f"devices {digest_json([platform.node(), version_of('torch'), present])}"
    remembered = facts.fact(name)
    if remembered is not None:
        return tuple(remembered.split())
    if ask is None:
        return None
    found = ask()
    facts.remember_fact(name, " ".join(found))
    return found
