"""What a saved model of Keras is made of, from its configuration: layers of Keras itself, or code of somebody else.

Nothing is loaded. Standard library only.
"""

from __future__ import annotations

import json
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

from compress_studio.base.errors import BadInput

CONFIG = "config.json"
MOST_BYTES = 64 << 20
PARTS = frozenset(
    {"layers", "models", "activations", "initializers", "regularizers", "constraints", "optimizers", "losses"}
    | {"metrics", "quantizers", "dtype_policies", "ops", "random", "mixed_precision"}
)
"""Parts of Keras that hold what networks are made of; others open files or addresses."""
PLAIN = frozenset({"function", "tuple", "list", "dict", "set", "slice", "str", "int", "float", "bool", "NoneType"})
"""Words of Python itself that a configuration needs."""
RUNS_CODE = frozenset({"Lambda", "TorchModuleWrapper", "FlaxLayer", "JaxLayer", "TFSMLayer", "__lambda__"})
"""Classes of Keras that hold code or another file of a program."""


def layers_of(path: Path) -> list[str]:
    """What in a .keras file is not of Keras itself or holds code; see foreign_layers. May raise BadInput."""
    return foreign_layers(config_of(path))


def config_of(path: Path) -> Any:
    """The configuration of a .keras file. Raises BadInput when it has none that can be read."""
    try:
        with zipfile.ZipFile(path) as archive:
            # Of several files of that name Keras reads the one outside of all folders.
            if archive.getinfo(CONFIG).file_size > MOST_BYTES:
                raise BadInput(f"{path.name} has a configuration that is too large.", "Get it from its source again.")
            return json.loads(archive.read(CONFIG))
    except (zipfile.BadZipFile, zlib.error, EOFError, KeyError, ValueError, OSError, RuntimeError) as error:
        raise BadInput(f"{path.name} is a Keras model that is damaged.", "Copy or download it again.") from error


def classes(config: Any) -> list[str]:
    """The classes of the layers of a model, in their order; a model inside of a model counts as one layer."""
    rows: Any = config
    for key in ("config", "layers"):
        rows = cast("dict[str, Any]", rows).get(key) if isinstance(rows, dict) else None
    listed = cast("list[Any]", rows) if isinstance(rows, list) else []
    return [str(cast("dict[str, Any]", one).get("class_name", "")) for one in listed if isinstance(one, dict)]


def foreign_layers(config: Any) -> list[str]:
    """Names of classes that are not of Keras itself, or that hold code; each once, in their order."""
    return list(dict.fromkeys(_foreign(config)))


def _foreign(config: Any) -> Iterator[str]:
    waiting = [config]
    while waiting:
        one = waiting.pop()
        if isinstance(one, list | tuple):
            waiting += reversed(cast("Sequence[Any]", one))
        elif isinstance(one, dict):
            row = cast("dict[str, Any]", one)
            name = str(row.get("class_name", ""))
            module = row.get("module")
            registered = str(row.get("registered_name") or "")
            if name in RUNS_CODE:
                yield name
            elif isinstance(module, str) and not _own(module, name):
                yield f"{module}.{name}"
            elif module is None and ">" in (registered or name):
                yield registered or name
            waiting += reversed(list(row.values()))


def _own(module: str, name: str) -> bool:
    """Whether a class of that module is a part of networks in Keras itself."""
    first, *rest = module.removeprefix("tensorflow.").replace("keras.src.", "keras.").split(".")
    if first == "builtins":
        return name in PLAIN
    return first in {"keras", "tf_keras"} and (not rest or rest[0] in PARTS)


def refusal(path: Path, foreign: Sequence[str]) -> BadInput | None:
    """The error for a model with such layers; None when there are none."""
    if not foreign:
        return None
    listed = ", ".join(foreign[:3]) + (", …" if len(foreign) > 3 else "")
    return BadInput(
        f"{path.name} was not opened: it holds code of its own ({listed}), which would run when it is loaded.",
        "If you trust it, load it in Keras where it was made and export it: model.export('model.onnx', format='onnx').",
    )
