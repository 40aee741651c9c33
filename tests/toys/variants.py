"""Measured results for tests of tables and charts, without running anything."""

from __future__ import annotations

from collections.abc import Mapping

from compress_studio.engine.runstate import NodeResult, Stage
from compress_studio.engine.variants import Variant, recipe_of
from compress_studio.project.pipeline import NodeId, Pipeline
from compress_studio.spec.meter import Reading


def measured(
    top1: float = 0.9, size: float = 1e6, ms: float = 1.0, ratio: float = 1.0, digest: str = "ab" * 20
) -> NodeResult:
    """A result with size, accuracy and latency."""
    quantiles = [float(f"{ms * (0.95 + at / 400):.4g}") for at in range(41)]
    detail = {"threads": 1, "cpu": "A processor", "rounds": 200, "batch": 1, "quantiles_ms": quantiles}
    readings: Mapping[str, tuple[Reading, ...]] = {
        "size": (
            Reading("bytes", size, "bytes"),
            Reading("zipped_bytes", 0.9 * size, "bytes"),
            Reading("parameters", size / 4),
            Reading("macs", 10 * size),
        ),
        "accuracy": (Reading("top1", top1, "", top1 - 0.01, top1 + 0.01, 2000),),
        "agreement": (Reading("agreement", min(1.0, top1 + 0.05), "", top1, 1.0, 2000),),
        "latency": (
            Reading("median_ms", ms, "ms", 0.99 * ms, 1.01 * ms, 200, detail),
            Reading("p25_ms", 0.98 * ms, "ms", n=200),
            Reading("p75_ms", 1.02 * ms, "ms", n=200),
            Reading("ratio", ratio, "×", 0.99 * ratio, 1.01 * ratio, 200),
        ),
    }
    return NodeResult(Stage.DONE, digest, readings=readings, progress=1.0)


def variant(
    number: int, pipeline: Pipeline, node: NodeId, result: NodeResult, *, name: str = "", source: str = ""
) -> Variant:
    """A variant of a node of a pipeline."""
    return Variant(name or f"v{number}", number, node, source, recipe_of(pipeline, node), result)
