"""The sketch behind the preview of cluster.weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from compress_studio.graph.layers import weight_layers
from compress_studio.graph.saving import load
from compress_studio.spec.preview import Sketch
from compress_studio.steps.kernels.opset import opset_of
from compress_studio.steps.kernels.palette import SPARSE
from compress_studio.steps.kernels.palette_store import UINT4_OPSET
from compress_studio.steps.kernels.sketch_layers import QuietSkips, describe_layers, file_bytes, totals
from compress_studio.steps.kernels.targets import find_targets

if TYPE_CHECKING:
    from compress_studio.base.digest import Json
    from compress_studio.spec.ports import OnnxNet
    from compress_studio.spec.step import StepContext
    from compress_studio.steps.cluster_weights import ClusterWeightsParams

BINS = 240
REACH = 4.0
"""Times the root mean square of its channel up to which a weight is shown."""


def sketch(ctx: StepContext, params: ClusterWeightsParams, network: OnnxNet) -> Sketch:
    """Sizes, scales and the spread of the weights of every layer that can get a palette."""
    from compress_studio.steps.cluster_weights import channel_scales

    model = load(network.path)
    quiet = QuietSkips(ctx)
    targets, _ = find_targets(model, quiet, embeddings=True)  # type: ignore[arg-type]
    edges = np.linspace(-REACH, REACH, BINS + 1)
    counts = np.zeros((len(targets), BINS), np.int32)
    columns = np.zeros((5, len(targets)), np.int64)
    for row, target in enumerate(targets):
        ctx.check()
        array = target.array
        scales = channel_scales(target)
        zeros = array.size - np.count_nonzero(array)
        sparse = zeros >= SPARSE * array.size
        columns[:, row] = array.size, array.dtype.itemsize, 0 if scales is None else scales.size, sparse, zeros
        strength = float(np.sqrt(np.square(array, dtype=np.float64).mean()))
        unit = np.float32(strength or 1.0) if scales is None else scales.astype(np.float32)
        counts[row] = np.histogram(np.clip(array / unit, -REACH, REACH), edges)[0]
    facts: dict[str, Json] = {
        **totals(network.path),
        "targets": [[layer.name for layer in target.layers] for target in targets],
        "embeddings": [any(layer.op == "Gather" for layer in target.layers) for target in targets],
        "native": opset_of(model) >= UINT4_OPSET,
    }
    names = ("size", "itemsize", "scales", "sparse", "zeros")
    arrays = {"edges": edges, "counts": counts, **dict(zip(names, columns, strict=True))}
    layers = describe_layers(network.path, weight_layers(model), quiet.skipped)
    return Sketch(layers, file_bytes(network.path), arrays, facts)
