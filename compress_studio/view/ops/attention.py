"""Attention as ONNX Runtime fuses it, rotary positions, and the embeddings of BERT."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from compress_studio.view.ops.registry import MICROSOFT, Attrs, Context, op

LOWEST = torch.finfo(torch.float32).min


def _heads(x: Tensor, count: int) -> Tensor:
    """[batch, steps, features] → [batch, heads, steps, features of one]."""
    return x.reshape(x.shape[0], x.shape[1], count, -1).transpose(1, 2)


def _attend(attrs: Attrs, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, bias: Tensor | None) -> Tensor:
    """softmax(q kᵀ · scale + bias + mask) v, laid out as [batch, steps, features]."""
    scale = attrs.get("scale", 0.0) or q.shape[-1] ** -0.5
    scores = q @ k.mT * scale
    if attrs.get("unidirectional", 0):
        rows, columns = scores.shape[-2:]
        later = torch.ones(rows, columns, dtype=torch.bool, device=q.device).triu(1 + columns - rows)
        scores = scores.masked_fill(later, LOWEST)
    if mask is not None:
        scores = scores + mask
    if bias is not None:
        scores = scores + bias
    y = torch.softmax(scores, -1) @ v
    return y.transpose(1, 2).flatten(2)


def _padding(attrs: Attrs, mask: Tensor | None, steps: int) -> Tensor | None:
    """What is added to scores: nothing for keys that count, a large negative number for the others."""
    if mask is None:
        return None
    low = attrs.get("mask_filter_value", -10000.0)
    if mask.dim() == 1:
        mask = torch.arange(steps, device=mask.device)[None] < mask[:, None]
    shape = {2: (mask.shape[0], 1, 1, -1), 3: (mask.shape[0], 1, *mask.shape[1:])}.get(mask.dim(), mask.shape)
    return torch.where(mask.reshape(shape) > 0, 0.0, low)


def _with_past(attrs: Attrs, inputs: int) -> str:
    if attrs.get("do_rotary", 0):
        return "rotary positions"
    return "past keys" if inputs > 6 else ""


def _sized_past(attrs: Attrs, inputs: int) -> str:
    return "past keys" if inputs > 6 else ""


@op("Attention", domain=MICROSOFT, refuses=_with_past)
def attention(
    ctx: Context,
    attrs: Attrs,
    x: Tensor,
    weights: Tensor,
    bias: Tensor | None = None,
    mask: Tensor | None = None,
    past: Tensor | None = None,
    added: Tensor | None = None,
) -> Tensor | tuple[Tensor, Tensor]:
    """Projections to queries, keys and values, and attention among them."""
    projected = x @ weights if bias is None else x @ weights + bias
    sizes = attrs.get("qkv_hidden_sizes") or [projected.shape[-1] // 3] * 3
    q, k, v = (_heads(one, attrs["num_heads"]) for one in projected.split(list(sizes), -1))
    if past is not None:
        k, v = torch.cat((past[0], k), 2), torch.cat((past[1], v), 2)
    if mask is not None and mask.dim() == 1 and mask.shape[0] == 2 * x.shape[0]:
        steps = torch.arange(k.shape[2], device=x.device)[None]
        ends, starts = mask[: x.shape[0], None], mask[x.shape[0] :, None]
        mask = (steps >= starts) & (steps < ends)
    y = _attend(attrs, q, k, v, _padding(attrs, mask, k.shape[2]), added)
    return (y, torch.stack((k, v))) if ctx.outputs > 1 else y


@op("MultiHeadAttention", domain=MICROSOFT, refuses=_sized_past)
def multi_head_attention(
    ctx: Context,
    attrs: Attrs,
    query: Tensor,
    key: Tensor | None = None,
    value: Tensor | None = None,
    bias: Tensor | None = None,
    mask: Tensor | None = None,
    added: Tensor | None = None,
) -> Tensor | tuple[Tensor, ...]:
    """Attention of queries to keys and values, which come apart, packed or already split into heads."""
    heads = attrs["num_heads"]
    if key is None or value is None:
        packed = query if key is None else key
        if key is None:
            parts = packed.unbind(3)
            query, key, value = (one.flatten(2) for one in parts)
        else:
            key, value = (one.flatten(2) for one in packed.unbind(3))
    widths = [query.shape[-1], *(one.shape[-1] if one.dim() == 3 else 0 for one in (key, value))]
    if bias is not None:
        own = widths[0] if not widths[1] else widths[1]
        pieces = bias.split([widths[0], own, bias.shape[0] - widths[0] - own])
        query = query + pieces[0]
        key = key + pieces[1] if key.dim() == 3 else key
        value = value + pieces[2] if value.dim() == 3 else value
    q = _heads(query, heads)
    k, v = (_heads(one, heads) if one.dim() == 3 else one for one in (key, value))
    y = _attend(attrs, q, k, v, _padding(attrs, mask, k.shape[2]), added)
    return (y, k, v)[: ctx.outputs] if ctx.outputs > 1 else y


def _rotated(attrs: Attrs, x: Tensor, cos: Tensor, sin: Tensor, width: int) -> Tensor:
    """Pairs of features of x [batch, steps, heads, features] turned by angles [batch, steps, pairs]."""
    cos, sin = cos[..., : width // 2].unsqueeze(2), sin[..., : width // 2].unsqueeze(2)
    turned, rest = x[..., :width], x[..., width:]
    if attrs.get("interleaved", 0):
        a, b = turned[..., 0::2], turned[..., 1::2]
        return torch.cat((torch.stack((a * cos - b * sin, a * sin + b * cos), -1).flatten(-2), rest), -1)
    a, b = turned.chunk(2, -1)
    return torch.cat((a * cos - b * sin, a * sin + b * cos, rest), -1)


def _rotary(attrs: Attrs, x: Tensor, cos: Tensor, sin: Tensor, size: int) -> Tensor:
    width = attrs.get("rotary_embedding_dim", 0)
    if x.dim() == 4:
        y = _rotated(attrs, x.transpose(1, 2), cos, sin, width or x.shape[-1])
        return y.transpose(1, 2)
    apart = x.reshape(*x.shape[:2], -1, size)
    return _rotated(attrs, apart, cos, sin, width or size).reshape(x.shape)


@op("RotaryEmbedding")
def rotary(ctx: Context, attrs: Attrs, x: Tensor, cos: Tensor, sin: Tensor, places: Tensor | None = None) -> Tensor:
    """Features turned by angles of their position (Su 2021)."""
    if places is not None:
        cos, sin = cos[places.long()], sin[places.long()]
    size = x.shape[-1] // (attrs.get("num_heads", 0) or 1)
    return _rotary(attrs, x, cos, sin, size)


def _packed(attrs: Attrs, inputs: int) -> str:
    if attrs.get("is_packed_batching", 0):
        return "packed batches"
    return "a scale" if attrs.get("scale", 1.0) != 1.0 else ""


@op("RotaryEmbedding", domain=MICROSOFT, refuses=_packed)
def rotary_fused(ctx: Context, attrs: Attrs, x: Tensor, places: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """The same with positions second: of every step, or of the first one."""
    steps = x.shape[1] if x.dim() == 3 else x.shape[2]
    if places.dim() == 1:
        places = (places + torch.arange(steps, device=x.device)).unsqueeze(0)
    width = attrs.get("rotary_embedding_dim", 0)
    heads = attrs.get("num_heads", 0)
    size = x.shape[-1] // heads if width and heads else 2 * cos.shape[-1]
    return _rotary(attrs, x, cos[places.long()], sin[places.long()], size)


@op("EmbedLayerNormalization", domain=MICROSOFT)
def embed_layer_norm(
    ctx: Context,
    attrs: Attrs,
    ids: Tensor,
    segments: Tensor | None,
    words: Tensor,
    positions: Tensor,
    kinds: Tensor | None,
    scale: Tensor,
    shift: Tensor,
    mask: Tensor | None = None,
    places: Tensor | None = None,
) -> tuple[Tensor, ...]:
    """Embeddings of words, positions and segments, added and normalized."""
    steps = torch.arange(ids.shape[1], device=ids.device)[None] if places is None else places.long()
    total = words[ids.long()] + positions[steps]
    if segments is not None and kinds is not None:
        total = total + kinds[segments.long()]
    y = F.layer_norm(total, scale.shape, scale, shift, attrs.get("epsilon", 1e-12))
    counted = torch.zeros(ids.shape[0], dtype=torch.int32, device=ids.device)
    lengths = counted if mask is None else mask.sum(1, dtype=torch.int32)
    return (y, lengths, total)[: ctx.outputs]


@op("SkipSimplifiedLayerNormalization", domain=MICROSOFT)
def skip_rms_norm(
    ctx: Context, attrs: Attrs, x: Tensor, skip: Tensor, scale: Tensor, bias: Tensor | None = None
) -> tuple[Tensor | None, ...]:
    """A sum divided by the root of its mean square; the second and third output are never filled."""
    total = x + skip if bias is None else x + skip + bias
    y = total * torch.rsqrt(total.square().mean(-1, keepdim=True) + attrs.get("epsilon", 1e-12)) * scale
    return (y, None, None, total)[: ctx.outputs]
