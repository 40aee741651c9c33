"""The sketch behind the preview of prune.channels: groups of channels, how much they matter, what they cost."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from compress_studio.graph.layers import weight_layers
from compress_studio.graph.saving import load
from compress_studio.graph.weights import find_weights
from compress_studio.spec.preview import Sketch
from compress_studio.steps.kernels.channel_costs import mac_model, storage_model
from compress_studio.steps.kernels.channel_pruning import Pruner
from compress_studio.steps.kernels.sketch_layers import describe_layers, file_bytes, totals

if TYPE_CHECKING:
    from compress_studio.base.digest import Json
    from compress_studio.spec.ports import OnnxNet
    from compress_studio.spec.step import StepContext
    from compress_studio.steps.prune_channels import PruneChannelsParams


def sketch(ctx: StepContext, params: PruneChannelsParams, network: OnnxNet) -> Sketch:
    """Everything that choosing the channels needs. Raises Refused when no channel can go."""
    import onnx_ir as ir

    model = ir.external_data.load_to_model(load(network.path))
    free = params.model_copy(update={"skip": (), "layers": {}})
    pruner = Pruner(ctx, free, network, model)
    pruner.find()
    pruner.score()
    pruner.require_groups()
    groups = pruner.groups
    shapes = [pruner.shape_of(group) for group in groups]
    macs = mac_model(pruner.links.costs, pruner.links.shapes, groups)
    weights = frozenset(weight.value.name or "" for weight in find_weights(model))
    storage, widths = storage_model(model, groups, weights)
    facts: dict[str, Json] = {
        **totals(network.path),
        "ids": [group.id for group in groups],
        "layers": [list(group.layers) for group in groups],
        "batch": max(pruner.shapes.batch, 1),
    }
    arrays = {
        "sizes": np.array([group.size for group in groups], np.int64),
        "widths": np.array([width for width, _ in shapes], np.int64),
        "convolution": np.array([convolution for _, convolution in shapes], bool),
        "scores": np.concatenate([np.sort(pruner.scores[group], kind="stable") for group in groups]),
        "number_bytes": widths,
    }
    for name, one in (("macs", macs), ("storage", storage)):
        arrays |= {
            f"{name}_sizes": one.sizes,
            f"{name}_shrink": one.shrink.astype(np.float32),
            f"{name}_terms": one.terms.astype(np.int32),
            f"{name}_constants": one.constants,
        }
    note = ""
    if params.criterion.value == "taylor" and ctx.data.synthetic:
        note = "Ranked with random inputs, because there are no data."
    layers = describe_layers(network.path, weight_layers(model), pruner.frozen)
    return Sketch(layers, file_bytes(network.path), arrays, facts, note)
