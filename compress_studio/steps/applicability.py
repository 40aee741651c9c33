"""Whether steps apply to a network, as far as its facts tell: cheap, before anything runs.

Facts know less than the steps, so that a doubt is always a yes: the step itself then says what it leaves alone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from compress_studio.spec.step import Verdict

CONVOLUTIONS = frozenset({"Conv", "ConvTranspose"})
DENSE = frozenset({"Gemm", "MatMul"})
RECURRENT = frozenset({"LSTM", "GRU", "RNN"})
TABLES = frozenset({"Gather"})
LAYERS = CONVOLUTIONS | DENSE | RECURRENT | TABLES
FLOATS = frozenset({"FLOAT", "FLOAT16", "BFLOAT16", "DOUBLE"})
INTEGERS = frozenset(
    {"QuantizeLinear", "DynamicQuantizeLinear", "QLinearConv", "QLinearMatMul", "QGemm", "ConvInteger", "MatMulInteger"}
    | {"DynamicQuantizeLSTM", "DynamicQuantizeMatMul", "MatMulIntegerToFloat", "MatMulNBits"}
)
"""Operators that only a quantized network has."""
BEFORE = "Put this step before the one that quantizes, or begin with the model in float32."
AS_IT_IS = "Use the model as it is."
PALETTE = 256
"""Weights below which a palette never pays."""


def has_layers(facts: Mapping[str, Any], kinds: Collection[str] = LAYERS) -> Verdict:
    """Whether there is a layer of these kinds with float weights."""
    if "layers" not in facts:
        return Verdict.yes()
    rows = list(_weighted(facts, LAYERS))
    if not rows:
        if _integers(facts):
            return Verdict.no("The weights of this model are stored as integers already.", BEFORE)
        return Verdict.no("This model has no layers with weights.", AS_IT_IS)
    if not any(row["dtype"] in FLOATS for row in rows):
        return Verdict.no("The weights of this model are already quantized or stored in another form.", BEFORE)
    if not any(row["dtype"] in FLOATS and row["op"] in kinds for row in rows):
        return Verdict.no(f"This model has no {_words(kinds)} with float weights.", AS_IT_IS)
    return Verdict.yes()


def not_quantized(facts: Mapping[str, Any]) -> Verdict:
    """Whether the network still computes in float."""
    found = _integers(facts)
    if found:
        return Verdict.no(f"This model is already quantized ({found}).", "Begin with the model in float32.")
    return Verdict.yes()


def prune_weights(facts: Mapping[str, Any], params: Any) -> Verdict:
    """Float weights, tables of embeddings only when asked."""
    verdict = has_layers(facts)
    if verdict.ok and not params.embeddings and not has_layers(facts, LAYERS - TABLES).ok:
        return Verdict.no("All weights of this model are tables of embeddings.", "Switch on: Embeddings too.")
    return verdict


def prune_channels(facts: Mapping[str, Any], _params: Any) -> Verdict:
    """Layers whose channels could go; also of weights that are stored small, as long as they are cut as easily."""
    if "layers" not in facts or any(_weighted(facts, CONVOLUTIONS | DENSE)):
        return Verdict.yes()
    verdict = has_layers(facts)
    if verdict.ok:
        return Verdict.no(
            "This model has no convolutions or dense layers; hidden units of recurrent layers stay.",
            "Use a quantization, or prune single weights.",
        )
    return verdict


def factorize(facts: Mapping[str, Any], params: Any) -> Verdict:
    """Layers that could be two."""
    verdict = has_layers(facts, frozenset({"Conv"}) | DENSE)
    if not verdict.ok and has_layers(facts).ok:
        return Verdict.no("This model has no convolutions or dense layers to factorize.", "Use a quantization instead.")
    if verdict.ok and params.method.value == "spatial" and not has_layers(facts, frozenset({"Conv"})).ok:
        return Verdict.no("This model has no convolutions, and spatial factorizing is for these.", "Choose PCA or SVD.")
    return verdict


def quantize_static(facts: Mapping[str, Any], _params: Any) -> Verdict:
    """Layers with an integer kernel, in float so far."""
    verdict = not_quantized(facts)
    if not verdict.ok:
        return verdict
    verdict = has_layers(facts, frozenset({"Conv"}) | DENSE)
    if not verdict.ok and has_layers(facts).ok:
        return Verdict.no(
            "This model has no convolutions or dense layers, and others have no static int8 form.",
            "Use Dynamic int8 for recurrent layers, or Weights in 8 or 4 bits for the size of the file.",
        )
    return verdict


def quantize_dynamic(facts: Mapping[str, Any], params: Any) -> Verdict:
    """Dense and recurrent layers; convolutions only when asked."""
    verdict = not_quantized(facts)
    if not verdict.ok:
        return verdict
    kinds = DENSE | {"LSTM"} | ({"Conv"} if params.include_conv else frozenset[str]())
    verdict = has_layers(facts, kinds)
    if verdict.ok or not has_layers(facts).ok:
        return verdict
    if has_layers(facts, frozenset({"Conv"})).ok:
        return Verdict.no(
            "Its layers are convolutions, which run several times slower with dynamic int8.", "Use Static int8 instead."
        )
    return Verdict.no(
        "None of its layers has a dynamic int8 form.", "Use Weights in 8 or 4 bits for the size of the file."
    )


def store_smaller(facts: Mapping[str, Any], _params: Any) -> Verdict:
    """Float weights of any kind."""
    return has_layers(facts)


def cluster(facts: Mapping[str, Any], params: Any) -> Verdict:
    """Float weights that are large enough for a palette."""
    kinds = LAYERS if params.embeddings else LAYERS - TABLES
    verdict = has_layers(facts, kinds)
    if not verdict.ok or "layers" not in facts:
        return verdict
    if not any(row["parameters"] >= PALETTE for row in _weighted(facts, kinds)):
        return Verdict.no(f"No layer has {PALETTE} weights or more, below which a palette does not pay.", AS_IT_IS)
    return verdict


def half(facts: Mapping[str, Any], params: Any) -> Verdict:
    """Weights in single precision."""
    if params.mode.value == "full":
        return not_quantized(facts)
    verdict = has_layers(facts)
    if not verdict.ok or "layers" not in facts:
        return verdict
    if not any(row["dtype"] == "FLOAT" for row in _weighted(facts, LAYERS)):
        return Verdict.no("The weights of this model are already stored in half precision, or in double.", AS_IT_IS)
    return verdict


def train(facts: Mapping[str, Any], _params: Any) -> Verdict:
    """Something that can learn."""
    if "layers" not in facts or facts.get("parameters"):
        return Verdict.yes()
    return Verdict.no("This model has no weights to train.", AS_IT_IS)


def _weighted(facts: Mapping[str, Any], kinds: Collection[str]) -> Iterator[Mapping[str, Any]]:
    """The rows of layers of these kinds that carry weights."""
    for row in facts["layers"]:
        if row["op"] in kinds and row["parameters"]:
            yield row


def _integers(facts: Mapping[str, Any]) -> str:
    """The first operator that computes with integers; empty when there is none."""
    return next((name for name in facts.get("operators", {}) if name in INTEGERS), "")


def _words(kinds: Collection[str]) -> str:
    """Kinds of layers as people call them."""
    named = (
        (CONVOLUTIONS, "convolutions"),
        (DENSE, "dense layers"),
        (RECURRENT, "recurrent layers"),
        (TABLES, "embeddings"),
    )
    words = [word for group, word in named if group & frozenset(kinds)]
    return " or ".join(words) or "layers"
