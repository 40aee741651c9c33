"""Folders of Hugging Face: a config.json that names the network, and beside it the files of its weights.

Nothing is imported or run. Standard library only.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

CONFIG = "config.json"
WEIGHTS = (
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
)
"""The files of weights in the order in which transformers looks for them."""
MOST_BYTES = 8 << 20
"""A configuration is text of some kilobytes."""


@dataclass(frozen=True, slots=True)
class HubFolder:
    """A network of transformers on this computer."""

    folder: Path
    weights: Path
    """The file that is loaded; of several the index that names them."""
    architecture: str
    """The class of transformers, such as BertForSequenceClassification."""
    model_type: str
    """Such as "bert"; empty when only the class is known."""
    config: Mapping[str, Any]

    @property
    def remote_code(self) -> tuple[str, ...]:
        """The Python files in the folder that the configuration wants to run; none for most."""
        rows: Any = self.config.get("auto_map")
        found = cast("dict[str, Any]", rows).values() if isinstance(rows, dict) else ()
        return tuple(sorted({str(one) for one in found}))


def hub_folder(path: Path) -> HubFolder | None:
    """The network that a folder, or the folder of a file of weights, holds; None when it is no such folder.

    A file is only meant when transformers would load it from its folder.
    """
    folder = path if path.is_dir() else path.parent
    weights = next((folder / name for name in WEIGHTS if (folder / name).is_file()), None)
    if weights is None or (path != folder and path.name not in WEIGHTS):
        return None
    config = _config(folder / CONFIG)
    names: Any = config.get("architectures")
    listed = cast("list[Any]", names) if isinstance(names, list) else []
    architecture = str(listed[0]) if listed else ""
    model_type = str(config.get("model_type") or "")
    if not architecture.isidentifier():
        architecture = ""
    if not architecture and not model_type:
        return None
    return HubFolder(folder, weights if path.is_dir() else path, architecture, model_type, config)


def _config(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > MOST_BYTES:
            return {}
        found: Any = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}
