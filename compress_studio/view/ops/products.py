"""Products of matrices."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from compress_studio.view.ops.registry import Attrs, Context, op


@op("MatMul")
def matmul(ctx: Context, attrs: Attrs, a: Tensor, b: Tensor) -> Tensor:
    """Matrix product with broadcasting."""
    return torch.matmul(a, b)


@op("Gemm")
def gemm(ctx: Context, attrs: Attrs, a: Tensor, b: Tensor, c: Tensor | None = None) -> Tensor:
    """alpha · A' B' + beta · C."""
    alpha, beta = attrs.get("alpha", 1.0), attrs.get("beta", 1.0)
    if attrs.get("transA", 0):
        a = a.t()
    if attrs.get("transB", 0) and alpha == 1.0 and (c is None or (beta == 1.0 and c.dim() == 1)):
        return F.linear(a, b, c)
    y = a @ (b.t() if attrs.get("transB", 0) else b)
    if alpha != 1.0:
        y = y * alpha
    if c is None:
        return y
    return y + (c if beta == 1.0 else beta * c)


@op("Einsum")
def einsum(ctx: Context, attrs: Attrs, *tensors: Tensor) -> Tensor:
    """Sum of products by index notation."""
    return torch.einsum(attrs["equation"].replace(" ", ""), *tensors)
