"""ONNX Runtime sessions, set up the same way everywhere: quiet, no spinning threads, one thread unless asked.

Operators that ONNX Runtime lacks come from the libraries that a network names (artifacts.operators).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from compress_studio.artifacts.operators import open_session as open_with_libraries
from compress_studio.graph import streamed

if TYPE_CHECKING:
    import numpy as np
    import onnx_ir as ir
    import onnxruntime as ort

FATAL_ONLY = 4


def open_session(
    network: Path | bytes | ir.Model,
    *,
    threads: int = 1,
    optimize: bool = True,
    providers: Sequence[str] = ("CPUExecutionProvider",),
) -> ort.InferenceSession:
    """Open a network for inference.

    Args: network is a file, serialized bytes or a model in memory; threads within one operator; optimize switches the
    runtime's own graph optimizations. Raises what ONNX Runtime raises for a bad network.
    """
    if isinstance(network, bytes | Path):
        return _open(network, threads, optimize=optimize, providers=providers)
    import onnx_ir as ir

    with streamed.handed_over(network) as weights:
        source = ir.to_proto(network).SerializeToString()
    folder = external_folder(network)
    return _open(source, threads, optimize=optimize, providers=providers, folder=folder, weights=weights)


def _open(
    network: Path | bytes,
    threads: int,
    *,
    optimize: bool,
    providers: Sequence[str] = ("CPUExecutionProvider",),
    folder: Path | None = None,
    weights: Mapping[str, np.ndarray] | None = None,
) -> ort.InferenceSession:
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = FATAL_ONLY
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    if not optimize:
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
        if weights or (isinstance(network, Path) and file_bytes(network) >= streamed.ABOVE):
            # A second form of all weights would only pay in many runs; nothing is timed in such a session.
            options.add_session_config_entry("session.disable_prepacking", "1")
    if folder is not None:
        options.add_session_config_entry("session.model_external_initializers_file_folder_path", str(folder))
    source = network if isinstance(network, bytes) else str(network)
    given = {name: ort.OrtValue.ortvalue_from_numpy(one) for name, one in (weights or {}).items()}
    if given:
        options.add_external_initializers(list(given), list(given.values()))
    session = open_with_libraries(source, options, providers)
    # The runtime reads given weights where they are, so that they must stay there as long as the session lives.
    session.weights_in_use = given  # pyright: ignore[reportAttributeAccessIssue]
    return session


def open_tapped(model: ir.Model, tensors: Sequence[str], *, threads: int = 1) -> ort.InferenceSession:
    """Open a network so that inner tensors of the main graph can be asked for by name, besides its outputs.

    The runtime's graph optimizations are off, so that every tensor is computed as the file says. Weights in a second
    file are read from there. The model itself is not changed.
    """
    import onnx
    import onnx_ir as ir

    proto = ir.to_proto(model)
    present = {output.name for output in proto.graph.output}
    proto.graph.output.extend(onnx.ValueInfoProto(name=name) for name in tensors if name not in present)
    return _open(proto.SerializeToString(), threads, optimize=False, folder=external_folder(model))


def file_bytes(path: Path) -> int:
    """Bytes of a network's file and of the one with its weights that is named after it."""
    return sum(one.stat().st_size for one in path.parent.iterdir() if one.name in {path.name, f"{path.name}.data"})


def external_folder(model: ir.Model) -> Path | None:
    """The folder of the second file in which a model keeps weights, or None when it has none."""
    import onnx_ir as ir

    for graph in model.graphs():
        for value in graph.initializers.values():
            if isinstance(value.const_value, ir.ExternalTensor):
                return Path(value.const_value.base_dir)
    return None


def run(
    session: ort.InferenceSession, inputs: Mapping[str, np.ndarray], outputs: Sequence[str] | None = None
) -> dict[str, np.ndarray]:
    """Outputs by name; only those named when names are given."""
    import numpy as np

    names = list(outputs) if outputs is not None else [one.name for one in session.get_outputs()]
    fed = {one.name for one in session.get_inputs()}
    values = session.run(names, {name: value for name, value in inputs.items() if name in fed})
    return {name: np.asarray(value) for name, value in zip(names, values, strict=True)}
