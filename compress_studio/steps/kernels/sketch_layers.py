"""What every sketch says of a network: its layers, its size, and what it costs in all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from compress_studio.artifacts.external import model_files
from compress_studio.graph.layers import RECURRENT, WeightLayer, weight_layers
from compress_studio.spec.preview import LayerSketch

if TYPE_CHECKING:
    import onnx_ir as ir

    from compress_studio.base.digest import Json


@lru_cache(maxsize=8)
def network_facts(path: str) -> Mapping[str, Any]:
    """The facts of a stored network; its path names its contents."""
    from compress_studio.graph.facts import inspect

    return inspect(Path(path))


def file_bytes(path: Path) -> int:
    """Bytes of a network with its external weights."""
    return sum(each.stat().st_size for each in model_files(path))


def totals(path: Path) -> dict[str, Json]:
    """Parameters, nonzero and multiply-accumulates of the whole network."""
    facts = network_facts(str(path))
    return {name: facts[name] for name in ("parameters", "nonzero", "macs")}


def describe_layers(
    path: Path, layers: Iterable[WeightLayer], blocked: Mapping[str, str] | None = None
) -> tuple[LayerSketch, ...]:
    """The layers that carry weights, in order. Args: blocked are reasons by the name of the layer."""
    rows: dict[str, Mapping[str, Any]] = {}
    for one in network_facts(str(path))["layers"]:
        # The sum behind a product is a row of the same name, with less work.
        if int(one.get("macs") or 0) >= int(rows.get(one["name"], {}).get("macs") or 0):
            rows[one["name"]] = one
    found: list[LayerSketch] = []
    for layer in layers:
        tensor = layer.weight.const_value
        assert tensor is not None
        whole = layer.name.replace(".input", "").replace(".recurrent", "") if layer.op in RECURRENT else layer.name
        row = rows.get(whole, {})
        macs = int(row.get("macs") or 0)
        if layer.op in RECURRENT and row.get("parameters"):
            macs = round(macs * tensor.size / row["parameters"])
        floats = tensor.dtype.name in {"FLOAT", "FLOAT16", "DOUBLE", "BFLOAT16"}
        nonzero = int(np.count_nonzero(layer.array)) if floats else tensor.size
        found.append(
            LayerSketch(
                layer.name, layer.op, tensor.size, nonzero, macs, tensor.nbytes, (blocked or {}).get(layer.name, "")
            )
        )
    return tuple(found)


def every_layer(path: Path, model: ir.Model, blocked: Mapping[str, str] | None = None) -> tuple[LayerSketch, ...]:
    """All layers of a network that carry weights."""
    return describe_layers(path, weight_layers(model), blocked)


class QuietSkips:
    """Collects what a step would say of the layers that it leaves alone; everything else goes to the real context."""

    def __init__(self, ctx: Any) -> None:
        self._ctx = ctx
        self.skipped: dict[str, str] = {}

    def skip(self, layer: str, reason: str) -> None:
        """A layer that is left alone, and why."""
        self.skipped[layer] = reason

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ctx, name)
