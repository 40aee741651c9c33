"""Operators that ONNX Runtime lacks: which of them a network uses, and the libraries that sessions take them from.

A network says in its metadata which libraries it needs, so that it keeps saying it through all steps and exports. A
library is code: it is loaded only in worker processes, and only when the user has allowed its digest. Where it lies on
this computer is remembered beside the consents, not in the network.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportMissingTypeStubs=false, reportUnknownParameterType=false
# (ONNX and ONNX Runtime come without complete type information.)

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import json
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compress_studio.artifacts.codefiles import LIBRARIES
from compress_studio.base import consents
from compress_studio.base.digest import Json, digest_file
from compress_studio.base.errors import BadInput, ConsentNeeded
from compress_studio.base.paths import data_dir, write_text

if TYPE_CHECKING:
    import onnx_ir as ir
    import onnxruntime as ort

PROPERTY = "compress_studio.custom_operators"
"""Of the metadata of a network."""
EXTENSIONS = "extensions"
PACKAGE, DISTRIBUTION = "onnxruntime_extensions", "onnxruntime-extensions"
INSTALL = f"pip install {DISTRIBUTION}"
EXTENSION_DOMAINS = frozenset({"ai.onnx.contrib", "com.microsoft.extensions"})
KNOWN_DOMAINS = frozenset(
    {"", "ai.onnx", "ai.onnx.ml", "ai.onnx.training", "ai.onnx.preview", "ai.onnx.preview.training", "com.microsoft"}
    | {"com.microsoft.nchwc", "com.ms.internal.nhwc", "org.pytorch.aten", "com.microsoft.experimental"}
)
LACKING = "is not a registered function/op"
FILE = "operators.json"


@dataclass(frozen=True, slots=True)
class Library:
    """Where operators come from."""

    name: str
    """ "extensions", or the name of the file."""
    identity: str
    """The version of onnxruntime-extensions, or the digest of the file."""
    path: Path | None = None

    def plain(self) -> dict[str, Json]:
        """As it is written into a network; without its place on this computer."""
        return {"name": self.name, "digest" if self.path is not None else "version": self.identity}


def parse_libraries(text: str, model: Path) -> list[Library]:
    """Read "extensions+libmine.so": the installed package and files, which are also looked for beside the model.

    Standard library only. Raises BadInput for a package or file that is not there.
    """
    found: list[Library] = []
    for word in filter(None, (one.strip() for one in re.split("[+;]", text))):
        if word == EXTENSIONS:
            if importlib.util.find_spec(PACKAGE) is None:
                raise BadInput(f"custom_ops={EXTENSIONS}: {DISTRIBUTION} is not installed.", f"Install it: {INSTALL}")
            found.append(Library(EXTENSIONS, importlib.metadata.version(DISTRIBUTION)))
            continue
        given = Path(word).expanduser()
        path = next((one for one in (given, model.parent / given) if one.is_file()), None)
        if path is None or not path.name.endswith(LIBRARIES):
            what = "there is no such file" if path is None else "that is no library"
            raise BadInput(
                f"custom_ops={word}: {what}.",
                f"Give a {', '.join(LIBRARIES)} file, or {EXTENSIONS} for {DISTRIBUTION}.",
            )
        found.append(Library(path.name, digest_file(path), path.absolute()))
    return found


def require_consent(libraries: Sequence[Library]) -> None:
    """Raise ConsentNeeded saying how to allow what is not allowed; remember where the allowed libraries lie."""
    files = [one for one in libraries if one.path is not None]
    lacking = [one for one in files if not consents.given(one.identity)]
    if lacking:
        listed = " and ".join(f"the library {one.name} (digest {one.identity})" for one in lacking)
        words = " ".join(f'--allow-code "{one.path}"' for one in lacking)
        raise ConsentNeeded(
            f"The model was not opened: that would run {listed}.",
            f"A library runs inside of the program's worker processes and can do anything that you can. If you trust"
            f" it, add {words}",
        )
    if files:
        rows = _places() | {one.identity: str(one.path) for one in files}
        if rows != _places():
            write_text(data_dir() / FILE, json.dumps(rows, indent=2, ensure_ascii=False) + "\n")


def declare(model: ir.Model, libraries: Sequence[Library]) -> None:
    """Write into a network which libraries it needs."""
    if libraries:
        model.metadata_props[PROPERTY] = json.dumps([one.plain() for one in libraries])


def declared(metadata: Mapping[str, str]) -> list[dict[str, str]]:
    """What a network says about the libraries that it needs; nothing when that cannot be read."""
    try:
        rows: Any = json.loads(metadata.get(PROPERTY, "[]"))
    except ValueError:
        return []
    return [row for row in rows if isinstance(row, dict) and "name" in row] if isinstance(rows, list) else []


def open_session(
    source: str | bytes, options: ort.SessionOptions, providers: Sequence[str] = ("CPUExecutionProvider",)
) -> ort.InferenceSession:
    """Open a network in ONNX Runtime with the libraries that it says it needs; options are used up.

    Raises what ONNX Runtime raises, and BadInput for a library that is missing or not allowed.
    """
    import onnxruntime as ort

    try:
        return ort.InferenceSession(source, options, providers=list(providers))
    except Exception as error:
        # Only then the network is read once more: nearly all need no library.
        rows = declared(_metadata(source)) if LACKING in str(error) else []
        if not rows:
            raise
    for row in rows:
        _register(options, row)
    return ort.InferenceSession(source, options, providers=list(providers))


def advice(model: ir.Model) -> str:
    """What to do about operators of unknown domains; empty when there are none."""
    domains = sorted(unknown_domains(model))
    if not domains:
        return ""
    if not set(domains) <= EXTENSION_DOMAINS:
        others = " and ".join(one for one in domains if one not in EXTENSION_DOMAINS)
        suffix = {"win32": ".dll", "darwin": ".dylib"}.get(sys.platform, ".so")
        return (
            f"Give the library that holds the operators of the domain {others}, built for ONNX Runtime, in the first"
            f" step: --step source.model:custom_ops=LIBRARY{suffix}"
        )
    step = f"give it in the first step: --step source.model:custom_ops={EXTENSIONS}"
    if importlib.util.find_spec(PACKAGE) is None:
        return f"Operators of {' and '.join(domains)} are in a package: {INSTALL}, then {step}"
    return f"Operators of {' and '.join(domains)} are in {DISTRIBUTION}, which is installed; {step}"


def unknown_domains(model: ir.Model) -> set[str]:
    """The domains of operators that neither ONNX Runtime nor a function of the network knows."""
    functions = {(key[0], key[1]) for key in model.functions}
    graphs = [*model.graphs(), *(function.graph for function in model.functions.values())]
    return {
        node.domain
        for graph in graphs
        for node in graph
        if node.domain not in KNOWN_DOMAINS and (node.domain, node.op_type) not in functions
    }


def _register(options: ort.SessionOptions, row: Mapping[str, str]) -> None:
    place = _extensions() if row["name"] == EXTENSIONS else _allowed(row["name"], row.get("digest", ""))
    try:
        options.register_custom_ops_library(place)
    except Exception as error:
        # The loader of the system says what is wrong with a library in its own words.
        text = (str(error).strip().splitlines() or [type(error).__name__])[0].split(" : ", 3)[-1]
        raise BadInput(
            f"The library {row['name']} cannot be loaded: {text}",
            "Build it for this system, this processor and ONNX Runtime's C API.",
        ) from error


def _extensions() -> str:
    if importlib.util.find_spec(PACKAGE) is None:
        raise BadInput(
            f"The model needs operators of {DISTRIBUTION}, which is not installed.", f"Install it: {INSTALL}"
        )
    return str(importlib.import_module(PACKAGE).get_library_path())


def _allowed(name: str, digest: str) -> str:
    """Where the library of that digest lies. Raises BadInput when it is not allowed, not there, or another one."""
    if not consents.given(digest):
        raise BadInput(
            f"The model needs operators of the library {name} (digest {digest}), which you have not allowed.",
            "Open the model again with the file in the first step: --step source.model:custom_ops=FILE, and allow it.",
        )
    path = Path(_places().get(digest, ""))
    if not path.is_file() or _digest(path, path.stat().st_mtime_ns, path.stat().st_size) != digest:
        raise BadInput(
            f"The library {name}, whose operators the model needs, is not where it was or has changed.",
            "Put it back, or give the new file in the first step: --step source.model:custom_ops=FILE",
        )
    return str(path)


@lru_cache(maxsize=16)
def _digest(path: Path, changed: int, size: int) -> str:
    return digest_file(path)


def _places() -> dict[str, str]:
    try:
        rows: Any = json.loads((data_dir() / FILE).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return {str(key): str(value) for key, value in rows.items()} if isinstance(rows, dict) else {}


def _metadata(source: str | bytes) -> dict[str, str]:
    import onnx

    if isinstance(source, bytes):
        proto = onnx.ModelProto.FromString(source)
    else:
        proto = onnx.load_model(source, load_external_data=False)
    return {one.key: one.value for one in proto.metadata_props}
