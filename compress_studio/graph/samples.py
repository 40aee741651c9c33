"""Made-up inputs for a network, where there are no data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from compress_studio.graph.inputs import InputFact, batch_symbols, fill, input_facts
from compress_studio.graph.shapes import resolve

if TYPE_CHECKING:
    import numpy as np
    import onnx_ir as ir

__all__ = ["InputFact", "input_facts", "synthetic"]


def synthetic(model: ir.Model, count: int, seed: int, dims: Mapping[str, int] | None = None) -> dict[str, np.ndarray]:
    """Inputs for count samples (or for the fixed batch of the network), the same for the same seed.

    Floats are standard normal, integers stay within the tables that they index, masks are ones, texts are words.

    Args: dims are sizes of free dimensions; those that are missing are chosen so that the network runs.
    Raises BadInput when an input has no shape or is no tensor.
    """
    facts = input_facts(model)
    binding = resolve(model, dims)
    return fill(model, facts, binding | dict.fromkeys(batch_symbols(facts), count), seed)
