"""What this machine computes with, as the window knows it: the processor at once, the rest from a worker."""

from __future__ import annotations

import json
import platform
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal

from compress_studio.base.digest import digest_json
from compress_studio.base.processor import processor
from compress_studio.engine.device import GPU_FILES
from compress_studio.engine.keys import version_of
from compress_studio.gui.words import bytes_text

if TYPE_CHECKING:
    from compress_studio.engine.records import Failure
    from compress_studio.engine.settings import RunSettings
    from compress_studio.gui.session import Session

LOOK = "compress_studio.inspection.devices:look"
SETS = {
    "avx2": "AVX2",
    "avx512": "AVX-512",
    "vnni": "VNNI",
    "amx": "AMX",
    "neon": "NEON",
    "dotprod": "DotProd",
    "i8mm": "I8MM",
}
NAMES = {"cuda": "NVIDIA GPU (CUDA)", "mps": "Apple GPU (MPS)", "xpu": "Intel GPU (XPU)"}
MISSING = {
    "cuda": "No NVIDIA GPU with a driver was found, or this PyTorch is built without CUDA.",
    "mps": "Only on Apple computers with an M-series chip.",
    "xpu": "No Intel GPU with a driver was found, or this PyTorch is built without it.",
}
SHORT_NAME = 22


@dataclass(frozen=True, slots=True)
class DeviceRow:
    """One device that training may run on."""

    id: str
    title: str
    note: str
    possible: bool = True


@dataclass(frozen=True, slots=True)
class DeviceState:
    """Everything the device dialog shows."""

    processor: str
    facts: tuple[tuple[str, str], ...]
    """About the processor: label and value."""
    rows: tuple[DeviceRow, ...]
    chosen: str
    providers: str
    uses: tuple[tuple[str, str], ...]
    """What is used for what."""
    waiting: bool = False
    """The worker has not answered yet."""
    failure: str = ""


class Devices(QObject):
    """Asks once, remembers the answer as long as machine, drivers and versions are the same."""

    changed = Signal()

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._session = session
        self.found: dict[str, Any] | None = None
        """What inspection.devices.look said; None while unknown."""
        self.failure = ""

    def ask(self) -> None:
        """Ask a worker, which also makes it ready for other questions; nothing when that was done already."""
        if self.found is not None:
            return
        stored = self._session.store.fact(_key())
        if stored is not None:
            self.found = json.loads(stored)
            self.changed.emit()
            return
        self._session.looks.ask("devices", LOOK, (), self._came, self._lost)

    def look_again(self) -> None:
        """Ask a worker also when the answer is remembered, which makes it ready for other questions."""
        self._session.looks.ask("devices", LOOK, (), self._came, self._lost)

    def state(self) -> DeviceState:
        """What to show now."""
        project, settings = self._session.project, self._session.settings
        return make_state(project.device, settings, self.found, failure=self.failure)

    def _came(self, found: dict[str, Any]) -> None:
        self.found = found
        self._session.store.remember_fact(_key(), json.dumps(found))
        self.changed.emit()

    def _lost(self, failure: Failure) -> None:
        self.failure = f"{failure.message} {failure.hint}".strip()
        self.changed.emit()


def make_state(chosen: str, settings: RunSettings, found: dict[str, Any] | None, *, failure: str = "") -> DeviceState:
    """What the dialog shows for a chosen device and what a worker found."""
    one = processor()
    best = found["devices"][0]["id"] if found and found["devices"] else "cpu"
    memory = _memory()
    facts = (
        ("Logical processors", str(one.count)),
        ("Instruction sets", ", ".join(SETS[name] for name in one.instruction_sets) or "not told by the system"),
        ("Memory", bytes_text(memory) if memory else "unknown"),
    )
    trained = best if chosen == "auto" else chosen
    where = f"CPU ({_threads(settings.compute_threads)})" if trained == "cpu" else NAMES.get(trained, trained)
    uses = (
        ("Training", where),
        ("Other steps", f"CPU ({_threads(settings.compute_threads)})"),
        ("Measuring time", f"CPU ({_threads(settings.threads)})"),
    )
    providers = ", ".join(provider_names(found["providers"])) if found else ""
    rows = (DeviceRow("auto", "Automatic", _best_words(found, best)), DeviceRow("cpu", "Processor", one.name))
    rows += tuple(_row(kind, found) for kind in NAMES)
    return DeviceState(one.name, facts, rows, chosen, providers, uses, found is None and not failure, failure)


def button_text(chosen: str, settings: RunSettings, found: dict[str, Any] | None) -> str:
    """ "CPU · AMD EPYC · 2 threads" for the toolbar."""
    best = found["devices"][0]["id"] if found and found["devices"] else "cpu"
    used = best if chosen == "auto" else chosen
    if used != "cpu":
        name = next((row["name"] for row in (found or {}).get("devices", []) if row["id"] == used), "")
        return f"{used.upper()} · {name or NAMES.get(used, used)}"
    return f"CPU · {short_name(processor().name)} · {_threads(settings.compute_threads)}"


def short_name(name: str) -> str:
    """The name of a processor without what nobody calls it by: "AMD EPYC", "Intel Xeon Gold"."""
    text = name.split("@", maxsplit=1)[0].replace("(R)", "").replace("(TM)", "").replace("(tm)", "")
    words = [word for word in text.split() if word.lower() not in {"cpu", "processor"} and "-core" not in word.lower()]
    short = ""
    for word in words:
        if len(short) + len(word) > SHORT_NAME:
            break
        short = f"{short} {word}".strip()
    return short or name[:SHORT_NAME]


def _row(kind: str, found: dict[str, Any] | None) -> DeviceRow:
    if found is None:
        return DeviceRow(kind, NAMES[kind], "Looking…", possible=False)
    mine = [one for one in found["devices"] if one["id"] == kind]
    if not mine:
        return DeviceRow(kind, NAMES[kind], MISSING[kind], possible=False)
    words = [", ".join([one["name"], *([bytes_text(one["memory"])] if one["memory"] else [])]) for one in mine]
    return DeviceRow(kind, NAMES[kind], "; ".join(words))


def _best_words(found: dict[str, Any] | None, best: str) -> str:
    if found is None:
        return "The fastest that works here"
    return f"The fastest that works here: {'the processor' if best == 'cpu' else NAMES.get(best, best)}"


def provider_names(providers: Iterable[str]) -> list[str]:
    """What ONNX Runtime can compute with on this machine; the one that asks a service elsewhere is left out."""
    names = (name.removesuffix("ExecutionProvider") for name in providers)
    return [name for name in names if name != "Azure"]


def _threads(count: int) -> str:
    return f"{count} thread{'s' if count != 1 else ''}"


def _memory() -> float:
    try:
        import psutil

        return float(psutil.virtual_memory().total)
    except (ImportError, OSError):
        return 0.0


def _key() -> str:
    present = [name for name in GPU_FILES if Path(name).exists()]
    named = [platform.node(), version_of("torch"), version_of("onnxruntime"), *present]
    return f"device facts 1 {digest_json(list(named))}"
