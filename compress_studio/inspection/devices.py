"""What this machine can compute with; asked in a worker process, because PyTorch and ONNX Runtime are needed for it."""

from __future__ import annotations

from typing import Any


def look() -> dict[str, Any]:
    """Devices of PyTorch and execution providers of ONNX Runtime, as plain JSON.

    {"devices": [{"id", "name", "memory"}], "providers": [str], "versions": {"torch", "onnxruntime"}}; memory in bytes,
    0 where it is shared with the processor or unknown. PyTorch is only loaded where there may be a GPU.
    """
    import importlib.metadata

    import onnxruntime

    from compress_studio.engine.device import gpu_possible

    found = _of_torch() if gpu_possible() else []
    return {
        "devices": found,
        "providers": list(onnxruntime.get_available_providers()),
        "versions": {name: importlib.metadata.version(name) for name in ("torch", "onnxruntime")},
    }


def _of_torch() -> list[dict[str, Any]]:
    import torch

    found: list[dict[str, Any]] = []
    for kind, there in (("cuda", torch.cuda), ("xpu", torch.xpu)):
        if not there.is_available():
            continue
        for number in range(there.device_count()):
            facts: Any = there.get_device_properties(number)
            found.append({"id": kind, "name": str(facts.name), "memory": int(facts.total_memory)})
    if torch.backends.mps.is_available():
        found.append({"id": "mps", "name": "Apple GPU", "memory": 0})
    return found
