"""What the formats of PyTorch have in common: their parameters, and what they cannot carry."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

from compress_studio.outputs.stored import zeros
from compress_studio.spec.params import Params, Range, Ui
from compress_studio.spec.step import Verdict

WITHOUT_TORCH = frozenset(
    {"NonMaxSuppression", "Unique", "MaxRoiPool", "MelWeightMatrix", "BitCast", "ImageDecoder", "TfIdfVectorizer"}
    | {"RegexFullMatch", "StringConcat", "StringNormalizer", "StringSplit", "Tokenizer"}
    | {"Bernoulli", "Multinomial", "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike"}
    | {"MatMulBnb4", "MatMulFpQ4", "QEmbedLayerNormalization", "QMoE", "MoE", "GroupQueryAttention", "SparseAttention"}
    | {"PackedAttention", "PagedAttention", "DecoderMaskedMultiHeadAttention", "BeamSearch", "GreedySearch", "Sampling"}
    | {"CDist", "CropAndResize", "NhwcMaxPool", "QLinearWhere", "MatMulInteger16"}
    | {"ArrayFeatureExtractor", "Binarizer", "CastMap", "CategoryMapper", "DictVectorizer", "FeatureVectorizer"}
    | {"Imputer", "LabelEncoder", "LinearClassifier", "LinearRegressor", "Normalizer", "OneHotEncoder", "Scaler"}
    | {"SVMClassifier", "SVMRegressor", "TreeEnsemble", "TreeEnsembleClassifier", "TreeEnsembleRegressor", "ZipMap"}
)
"""Operators that have no form in PyTorch here, as far as they are known by name; others are found out in writing."""
FUSED_INTEGERS = frozenset(
    {"QLinearConv", "QLinearMatMul", "QGemm", "QLinearAdd", "QLinearMul", "QLinearConcat", "QLinearGlobalAveragePool"}
    | {"QLinearAveragePool", "QLinearSigmoid", "QLinearSoftmax", "QLinearLeakyRelu", "DynamicQuantizeLSTM"}
    | {"DynamicQuantizeMatMul", "MatMulIntegerToFloat", "QAttention"}
)
"""Operators of ONNX Runtime on integers, which PyTorch computes as arithmetic on floats."""
INTEGERS = FUSED_INTEGERS | {"QuantizeLinear", "DynamicQuantizeLinear", "MatMulInteger", "ConvInteger"}
PACKED = frozenset({"INT4", "UINT4", "INT2", "UINT2"})
HALVES = frozenset({"FLOAT16", "BFLOAT16"})
BYTES = frozenset({"INT8", "UINT8"})
SHARE = 0.25
"""Share of the bytes above which a type is that of the weights and not of their scales."""


class TorchParams(Params):
    """What can be chosen for a PyTorch file."""

    batch: Annotated[
        int | None,
        Range(1, 65536),
        Ui("Batch size", "Samples per run. Automatic: any number, where the network takes any number."),
    ] = None


def carries(facts: Mapping[str, Any], params: TorchParams) -> Verdict:
    """What of a network PyTorch holds: the numbers always, the speed of integers never."""
    operators = set(facts.get("operators", {}))
    lacking = sorted(operators & WITHOUT_TORCH)
    if lacking:
        return Verdict.no(
            f"PyTorch has no counterpart of {', '.join(lacking)}, with which this network computes.",
            "Export it to ONNX, which holds every network.",
        )
    return Verdict(ok=True, reason=" ".join(cautions(facts)))


def cautions(facts: Mapping[str, Any]) -> Iterable[str]:
    """What becomes of compressed weights in PyTorch, in sentences."""
    operators = set(facts.get("operators", {}))
    types: Mapping[str, int] = facts.get("bytes_by_type", {})
    if operators & INTEGERS:
        yield (
            "Its weights stay in 8 bits, but PyTorch computes with them in float32: the file is small, runs are not"
            " faster, and results may differ by single steps of rounding."
        )
    elif "MatMulNBits" not in operators and _share(types, BYTES) > SHARE:
        yield (
            "Its weights stay as small as they are stored and are widened at every run: the file is small, runs are"
            " not faster."
        )
    if "DynamicQuantizeLSTM" in operators:
        yield "Its recurrent layers no longer round their inputs to 8 bits there, so that results differ slightly."
    if operators & {"MatMulNBits", "GatherBlockQuantized"}:
        yield "Its packed weights stay packed and are widened at every run: the file is small, runs are slower."
    if "If" in operators:
        yield "Where the data decide between two branches, both are computed there and one result is taken."
    if types.keys() & PACKED:
        yield "PyTorch has no 4-bit numbers: these lie two in a byte in the file and are widened at every run."
    if _share(types, HALVES) > SHARE:
        yield "Half precision is kept in the file; the network is computed in float32."
    if sparsity := zeros(facts):
        yield f"{sparsity:.0%} of its weights are zero, which PyTorch stores like all other numbers."


def _share(types: Mapping[str, int], kinds: frozenset[str]) -> float:
    """The share of all bytes that weights of some types take."""
    return sum(size for kind, size in types.items() if kind in kinds) / max(sum(types.values()), 1)
