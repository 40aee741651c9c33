"""The fused operators of ONNX Runtime that exported files hold."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from compress_studio.view.ops.activations import gelu
from compress_studio.view.ops.convolution import conv
from compress_studio.view.ops.filling import trilu
from compress_studio.view.ops.indexing import gather_nd
from compress_studio.view.ops.products import gemm
from compress_studio.view.ops.quantization import dequantize, quantize
from compress_studio.view.ops.registry import MICROSOFT, Attrs, Context, op

op("Gelu", domain=MICROSOFT)(gelu)
op("Trilu", domain=MICROSOFT, host=(1,))(trilu)
op("GatherND", domain=MICROSOFT)(gather_nd)
op("QuantizeLinear", domain=MICROSOFT)(quantize)
op("DequantizeLinear", domain=MICROSOFT)(dequantize)
FUSED = {"Relu": F.relu, "Tanh": torch.tanh, "Sigmoid": torch.sigmoid}


def _unknown_activation(attrs: Attrs, inputs: int) -> str:
    name = attrs.get("activation", "Relu")
    return "" if name in FUSED else f"activation {name}"


@op(
    "FusedMatMul",
    "TransposeMatMul",
    domain=MICROSOFT,
    refuses=lambda attrs, inputs: "batch" if attrs.get("transBatchA") else "",
)
def fused_matmul(ctx: Context, attrs: Attrs, a: Tensor, b: Tensor) -> Tensor:
    """alpha · A B, either transposed."""
    a = a.mT if attrs.get("transA", 0) and a.dim() > 1 else a
    b = b.mT if attrs.get("transB", 0) and b.dim() > 1 else b
    return torch.matmul(a, b) * attrs.get("alpha", 1.0)


@op("FusedGemm", domain=MICROSOFT, refuses=_unknown_activation)
def fused_gemm(ctx: Context, attrs: Attrs, *tensors: Tensor) -> Tensor:
    """Gemm and an activation."""
    return FUSED[attrs.get("activation", "Relu")](gemm(ctx, attrs, *tensors))


@op("FusedConv", domain=MICROSOFT, refuses=_unknown_activation)
def fused_conv(
    ctx: Context, attrs: Attrs, x: Tensor, weight: Tensor, bias: Tensor | None = None, added: Tensor | None = None
) -> Tensor:
    """Conv, an addition and an activation."""
    y = conv(ctx, attrs, x, weight, bias)
    return FUSED[attrs.get("activation", "Relu")](y if added is None else y + added)


@op("Inverse", domain=MICROSOFT)
def inverse(ctx: Context, attrs: Attrs, x: Tensor) -> Tensor:
    """Inverse matrices."""
    return torch.linalg.inv(x)


@op("BiasGelu", domain=MICROSOFT)
def bias_gelu(ctx: Context, attrs: Attrs, x: Tensor, bias: Tensor) -> Tensor:
    """Gelu of x + bias."""
    return F.gelu(x + bias)


@op("FastGelu", domain=MICROSOFT)
def fast_gelu(ctx: Context, attrs: Attrs, x: Tensor, bias: Tensor | None = None) -> Tensor:
    """Gelu by the tanh formula, with a bias."""
    return F.gelu(x if bias is None else x + bias, approximate="tanh")


@op("QuickGelu", domain=MICROSOFT)
def quick_gelu(ctx: Context, attrs: Attrs, x: Tensor) -> Tensor:
    """x · sigmoid(alpha · x)."""
    return x * torch.sigmoid(attrs.get("alpha", 1.702) * x)


@op("SkipLayerNormalization", domain=MICROSOFT, refuses=lambda a, n: "")
def skip_layer_norm(
    ctx: Context,
    attrs: Attrs,
    x: Tensor,
    skip: Tensor,
    scale: Tensor,
    shift: Tensor | None = None,
    bias: Tensor | None = None,
) -> Tensor | tuple[Tensor | None, ...]:
    """The second and third output exist in training only and are never filled."""
    total = x + skip if bias is None else x + skip + bias
    y = F.layer_norm(total, scale.shape, scale, shift, attrs.get("epsilon", 1e-12))
    return (y, None, None, total)[: ctx.outputs] if ctx.outputs > 1 else y
