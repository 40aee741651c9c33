"""What can be said about a network of another framework before it is converted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from compress_studio.artifacts import keras_config, tensorflow_files, tflite_files
from compress_studio.artifacts.checkpoints import look
from compress_studio.artifacts.foreign import HUB, Foreign, require_safe
from compress_studio.artifacts.hub import hub_folder
from compress_studio.artifacts.sniffing import Format
from compress_studio.artifacts.weight_groups import choose, groups

if TYPE_CHECKING:
    from compress_studio.base.digest import Json

FORMATS = {HUB: "a network of Hugging Face", Format.HDF5.name: "a Keras model (HDF5)"}
OPENING = "It is converted to ONNX when it is opened; the layers are known then."


def foreign_facts(network: Foreign) -> dict[str, Json]:
    """The facts as JSON; "next" says which command installs the converter when it is missing.

    Raises BadInput for what is refused or damaged.
    """
    require_safe(network)
    converter = network.converter
    facts: dict[str, Json] = {
        "file": network.name,
        "format": FORMATS.get(network.kind) or Format[network.kind].value,
        "bytes": network.bytes,
        "converter": ", ".join(network.versions) if converter.installed else "not installed",
        **_inside(network),
        "warnings": [],
    }
    if converter.installed:
        return {**facts, "opening": OPENING}
    return {**facts, "next": [f"Install what converts it: {' && '.join(converter.commands)}"]}


def _inside(network: Foreign) -> dict[str, Json]:
    if network.kind == HUB:
        return _hub(network)
    if network.kind == Format.TFLITE.name:
        lite = tflite_files.look(network.path)
        return {"inputs": [_value(one) for one in lite.inputs], "outputs": [_value(one) for one in lite.outputs]}
    if network.kind == Format.KERAS.name:
        layers = keras_config.classes(keras_config.config_of(network.path))
        return {"layers_in_all": len(layers), "classes": ", ".join(dict.fromkeys(layers))}
    if network.kind in {Format.SAVED_MODEL.name, Format.TENSORFLOW.name}:
        saved = network.kind == Format.SAVED_MODEL.name
        graph = tensorflow_files.look_saved(network.path) if saved else tensorflow_files.look_graph(network.path)
        return {
            "inputs": [{"name": name} for name in graph.inputs],
            "outputs": [{"name": name} for name in graph.outputs],
            "nodes": graph.nodes,
        }
    return {}


def _hub(network: Foreign) -> dict[str, Json]:
    hub = hub_folder(network.path)
    assert hub is not None
    group = choose(groups(look(hub.weights)), hub.weights.name)
    return {
        "network": hub.architecture or hub.model_type,
        "weights": hub.weights.name,
        "parameters": group.parameters,
        "tensors_total": len(group.tensors),
        "tensors": [
            {"name": name, "shape": "×".join(map(str, one.shape)) or "scalar", "dtype": one.dtype, "bytes": one.bytes}
            for name, one in group.tensors.items()
        ],
    }


def _value(value: tflite_files.LiteValue) -> dict[str, Json]:
    dims: list[Json] = ["free" if size is None else size for size in value.shape]
    return {"name": value.name, "dtype": value.dtype, "dims": dims}
