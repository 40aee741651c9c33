"""ONNX Runtime sessions, set up the same way everywhere: quiet, no spinning threads, one thread unless asked.

Operators that ONNX Runtime lacks come from the libraries that a network names (artifacts.operators).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from compress_studio.artifacts.operators import open_session as open_with_libraries

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
    folder: Path | None = None
    if not isinstance(network, bytes | Path):
        import onnx_ir as ir

        folder = external_folder(network)
        network = ir.to_proto(network).SerializeToString()
    return _open(network, threads, optimize=optimize, providers=providers, folder=folder)


def _open(
    network: Path | bytes,
    threads: int,
    *,
    optimize: bool,
    providers: Sequence[str] = ("CPUExecutionProvider",),
    folder: Path | None = None,
) -> ort.InferenceSession:
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = FATAL_ONLY
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    if not optimize:
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    if folder is not None:
        options.add_session_config_entry("session.model_external_initializers_file_folder_path", str(folder))
    source = network if isinstance(network, bytes) else str(network)
    return open_with_libraries(source, options, providers)


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
