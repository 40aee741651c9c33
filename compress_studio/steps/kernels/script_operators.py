"""What the nodes of a TorchScript graph do, in Python: arithmetic on sizes, and fused operators in plain ones."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownParameterType=false, reportUnknownLambdaType=false
# (The graphs of TorchScript come without type information.)

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn import functional

SKIPPED = frozenset({"prim::Print", "aten::warn"})
"""What only says something."""
PATHS, KEYS = 0, 1
"""Kinds of masks: between places, of places left out as keys; everything else is one per sample and head."""
Operator = Callable[..., Any]
TYPES = {
    0: torch.uint8,
    1: torch.int8,
    2: torch.int16,
    3: torch.int32,
    4: torch.int64,
    5: torch.float16,
    6: torch.float32,
    7: torch.float64,
    9: torch.complex64,
    10: torch.complex128,
    11: torch.bool,
    15: torch.bfloat16,
}
"""The numbers of types (c10/core/ScalarType.h)."""
NUMBERS = {kind: number for number, kind in TYPES.items()}
LAYOUTS = {0: torch.strided}
FORMATS = {0: torch.contiguous_format, 1: torch.preserve_format, 2: torch.channels_last, 3: torch.channels_last_3d}


@dataclass(frozen=True, slots=True)
class Ragged:
    """Sequences of different lengths as fused operators pass them on: padded, with what is real."""

    padded: torch.Tensor
    """Samples × places × width."""
    real: torch.Tensor
    """Samples × places."""


def call_operator(node: Any, given: Sequence[Any]) -> Any:
    """What an aten node gives. Raises ValueError for an operator that is none of PyTorch's own."""
    kind = str(node.kind())
    space, _, name = kind.partition("::")
    own = FUSED.get(kind) or (OF_RAGGED.get(kind) if any(isinstance(one, Ragged) for one in given) else None)
    if own is not None:
        return own(*given)
    plain = PLAIN.get(kind)
    if plain is not None and not any(isinstance(one, torch.Tensor) for one in given):
        return plain(*given)
    if kind in ANY:
        return ANY[kind](*given)
    if space not in {"aten", "prims"} or not hasattr(torch.ops.aten, name):
        raise ValueError(f"the operator {kind} is not known here")
    schema = str(node.schema()).partition("(")[0]
    overload = schema.partition("::")[2].partition(".")[2] or "default"
    packet = getattr(getattr(torch.ops, space), name)
    call = getattr(packet, overload, packet)
    arguments = call._schema.arguments
    values = [_spoken(one.name, value) for one, value in zip(arguments, given, strict=False)]
    named = {one.name: value for one, value in zip(arguments, values, strict=False) if one.kwarg_only}
    return call(*values[: len(values) - len(named)], **named)


def _spoken(name: str, value: Any) -> Any:
    """An argument as Python says it: in TorchScript types and layouts are numbers."""
    if isinstance(value, int) and not isinstance(value, bool):
        words = {"dtype": TYPES, "layout": LAYOUTS, "memory_format": FORMATS}.get(name)
        return words[value] if words is not None else value
    return value


def attention(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    width: int,
    heads: int,
    qkv_weight: torch.Tensor,
    qkv_bias: torch.Tensor,
    out_weight: torch.Tensor,
    out_bias: torch.Tensor,
    mask: torch.Tensor | None = None,
    need_weights: bool = True,
    average_weights: bool = True,
    mask_kind: int | None = None,
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """aten::_native_multi_head_attention: projections, attention of every head, projection back."""
    if query is key and key is value:
        rows = list(functional.linear(query, qkv_weight, qkv_bias).chunk(3, -1))
    else:
        parts = zip((query, key, value), qkv_weight.chunk(3), qkv_bias.chunk(3), strict=True)
        rows = [functional.linear(*one) for one in parts]
    split = [one.unflatten(-1, (heads, width // heads)).transpose(1, 2) for one in rows]
    keep = None if mask is None else _kept(mask.to(torch.bool), mask_kind)
    weights = None
    if need_weights:
        scores = split[0] @ split[1].transpose(-2, -1) / math.sqrt(width // heads)
        if keep is not None:
            scores = scores.masked_fill(keep.logical_not(), float("-inf"))
        weights = scores.softmax(-1)
        joined = weights @ split[2]
        weights = weights.mean(1) if average_weights else weights
    else:
        joined = functional.scaled_dot_product_attention(*split, attn_mask=keep)
    return functional.linear(joined.transpose(1, 2).flatten(2), out_weight, out_bias), weights


def encoder_layer(
    source: Any,
    width: int,
    heads: int,
    qkv_weight: torch.Tensor,
    qkv_bias: torch.Tensor,
    out_weight: torch.Tensor,
    out_bias: torch.Tensor,
    use_gelu: bool,
    norm_first: bool,
    eps: float,
    *rest: Any,
) -> Any:
    """aten::_transformer_encoder_layer_fwd: attention and two dense layers, each with its norm and its shortcut."""
    norms, dense, (mask, mask_kind) = (rest[0:2], rest[2:4]), rest[4:8], (*rest[8:], None, None)[:2]
    x = source
    if isinstance(source, Ragged):
        x, mask, mask_kind = source.padded, source.real.logical_not(), KEYS

    def norm(value: torch.Tensor, place: int) -> torch.Tensor:
        weight, bias = norms[place]
        return functional.layer_norm(value, [width], weight, bias, eps)

    def attend(value: torch.Tensor) -> torch.Tensor:
        own = (value, value, value, width, heads, qkv_weight, qkv_bias, out_weight, out_bias)
        return attention(*own, mask, False, True, mask_kind)[0]

    def feed(value: torch.Tensor) -> torch.Tensor:
        hidden = functional.linear(value, dense[0], dense[1])
        return functional.linear(functional.gelu(hidden) if use_gelu else hidden.relu(), dense[2], dense[3])

    if norm_first:
        x = x + attend(norm(x, 0))
        x = x + feed(norm(x, 1))
    else:
        x = norm(x + attend(x), 0)
        x = norm(x + feed(x), 1)
    return Ragged(x, source.real) if isinstance(source, Ragged) else x


def _kept(mask: torch.Tensor, kind: int | None) -> torch.Tensor:
    """What may be attended to, for samples × heads × places × places."""
    keep = mask.logical_not()
    if kind == PATHS and keep.ndim == 2:
        return keep[None, None]
    if keep.ndim == 2:
        return keep[:, None, None]
    return keep[:, None] if keep.ndim == 3 else keep


def ragged(padded: torch.Tensor, real: torch.Tensor, check: bool = True) -> Ragged:
    """aten::_nested_tensor_from_mask: as many places of the begin as the mask has."""
    count = real.to(torch.int64).sum(1, keepdim=True)
    return Ragged(padded, torch.arange(padded.shape[1], device=padded.device)[None] < count)


def padded(source: Any, padding: float, size: Sequence[int] | None = None) -> torch.Tensor:
    """aten::to_padded_tensor: the length is that of the mask, as the layers of PyTorch ask for."""
    return source.padded.masked_fill(source.real.logical_not()[..., None], padding)


def _added(one: Any, two: Any, factor: Any = 1) -> Any:
    """A sum of numbers or lists; a traced sum of sizes has a factor of the second."""
    return one + two if factor == 1 else one + factor * two


def _subtracted(one: Any, two: Any, factor: Any = 1) -> Any:
    return one - two if factor == 1 else one - factor * two


def _divided(one: Any, two: Any) -> Any:
    return one / two


def _appended(items: list[Any], one: Any) -> list[Any]:
    items.append(one)
    return items


def _extended(items: list[Any], more: Sequence[Any]) -> list[Any]:
    items.extend(more)
    return items


def _set_item(items: Any, place: Any, one: Any) -> Any:
    items[place] = one
    return items


def _sliced(items: Any, start: int | None = None, end: int | None = None, step: int = 1) -> Any:
    return items[start:end:step]


def _length(one: Any) -> int:
    return one.shape[0] if isinstance(one, torch.Tensor) else len(one)


def _number(one: Any, kind: type) -> Any:
    """A number of TorchScript; sizes stay what they are."""
    if isinstance(one, torch.Tensor):
        return one.item()
    return one if isinstance(one, torch.SymInt | torch.SymFloat) else kind(one)


def _raised(*told: Any) -> Any:
    raise ValueError(f"the program says: {str(told[0])[:200]}")


def _is_plain_number(one: Any) -> bool:
    return isinstance(one, int | float | torch.SymInt | torch.SymFloat)


def _is_instance(node: Any, one: Any) -> bool:
    kinds = {str(kind) for kind in node.tys("types")}
    found = "Tensor" if isinstance(one, torch.Tensor) else type(one).__name__
    return found in kinds or (one is None and "NoneType" in kinds)


FUSED: Mapping[str, Operator] = {
    "aten::_native_multi_head_attention": attention,
    "aten::_transformer_encoder_layer_fwd": encoder_layer,
    "aten::_nested_tensor_from_mask": ragged,
    # The way without ragged sequences gives the same numbers, and for all masks.
    "aten::_nested_tensor_from_mask_left_aligned": lambda *_: False,
}
OF_RAGGED: Mapping[str, Operator] = {"aten::to_padded_tensor": padded}
PLAIN: Mapping[str, Operator] = {
    "aten::add": _added,
    "aten::add_": operator.iadd,
    "aten::sub": _subtracted,
    "aten::mul": operator.mul,
    "aten::div": _divided,
    "aten::floordiv": operator.floordiv,
    "aten::floor_divide": operator.floordiv,
    "aten::remainder": operator.mod,
    "aten::pow": operator.pow,
    "aten::neg": operator.neg,
    "aten::abs": abs,
    "aten::sqrt": math.sqrt,
    "aten::log": math.log,
    "aten::exp": math.exp,
    "aten::floor": math.floor,
    "aten::ceil": math.ceil,
    "aten::round": round,
    "aten::eq": operator.eq,
    "aten::ne": operator.ne,
    "aten::lt": operator.lt,
    "aten::le": operator.le,
    "aten::gt": operator.gt,
    "aten::ge": operator.ge,
    "aten::all": all,
    "aten::any": any,
    "aten::__and__": operator.and_,
    "aten::__or__": operator.or_,
    "aten::slice": _sliced,
    "aten::list": list,
    "aten::copy": lambda one: type(one)(one),
    "aten::dict": dict,
    "aten::keys": list,
    "aten::values": lambda one: list(one.values()),
    "aten::items": lambda one: list(one.items()),
    "aten::lower": lambda one: one.lower(),
    "aten::upper": lambda one: one.upper(),
    "aten::startswith": lambda one, *more: one.startswith(*more),
    "aten::endswith": lambda one, *more: one.endswith(*more),
    "prim::max": max,
    "prim::min": min,
    "prim::abs": abs,
}
"""On numbers, texts and lists; on tensors the operators of PyTorch have these names."""
ANY: Mapping[str, Operator] = {
    "aten::__is__": operator.is_,
    "aten::__isnot__": operator.is_not,
    "aten::__not__": operator.not_,
    "aten::__contains__": operator.contains,
    "aten::__getitem__": operator.getitem,
    "aten::append": _appended,
    "aten::extend": _extended,
    "aten::_set_item": _set_item,
    "aten::len": _length,
    "aten::size": lambda one, *axis: one.size(*axis) if axis else list(one.size()),
    "aten::dim": lambda one: one.dim(),
    "aten::numel": lambda one: one.numel(),
    "aten::Int": lambda one: _number(one, int),
    "aten::Float": lambda one: _number(one, float),
    "aten::Bool": lambda one: _number(one, bool) if not isinstance(one, torch.Tensor) else bool(one),
    "aten::IntImplicit": lambda one: _number(one, int),
    "aten::FloatImplicit": lambda one: _number(one, float),
    "aten::ScalarImplicit": lambda one: one if _is_plain_number(one) else one.item(),
    "aten::item": lambda one: one if _is_plain_number(one) else one.item(),
    "aten::is_grad_enabled": lambda: False,
    "aten::is_autocast_enabled": lambda *_: False,
    "aten::is_autocast_cpu_enabled": lambda: False,
    "aten::is_floating_point": lambda one: one.is_floating_point(),
    "aten::format": lambda text, *given: str(text).format(*given),
    "aten::str": str,
    "aten::percentFormat": lambda text, *given: str(text) % given,
    "aten::contiguous": lambda one, *_: one.contiguous(),
    "aten::dropout": lambda one, *_: one,
    "aten::dropout_": lambda one, *_: one,
    "aten::feature_dropout": lambda one, *_: one,
}
PRIMITIVES: Mapping[str, Operator] = {
    "prim::ListConstruct": lambda node, *given: list(given),
    "prim::TupleConstruct": lambda node, *given: tuple(given),
    "prim::DictConstruct": lambda node, *given: dict(zip(given[::2], given[1::2], strict=True)),
    "prim::TupleIndex": lambda node, one, place: one[place],
    "prim::TupleSlice": lambda node, one: one[node.i("beg") : node.i("end")],
    "prim::NumToTensor": lambda node, one: one,
    "prim::ImplicitTensorToNum": lambda node, one: one,
    "prim::RaiseException": lambda node, *given: _raised(*given),
    "prim::Uninitialized": lambda node: None,
    "prim::unchecked_cast": lambda node, one: one,
    "prim::unchecked_unwrap_optional": lambda node, one: one,
    "aten::_unwrap_optional": lambda node, one: one,
    "prim::device": lambda node, one: one.device,
    "prim::dtype": lambda node, one: NUMBERS[one.dtype],
    "prim::layout": lambda node, one: 0,
    "prim::type": lambda node, one: one.type if isinstance(one, torch.device) else type(one).__name__,
    "prim::data": lambda node, one: one,
    "prim::is_cuda": lambda node, one: False,
    "prim::is_cpu": lambda node, one: True,
    "prim::is_nested": lambda node, one: isinstance(one, Ragged),
    "prim::is_sparse": lambda node, one: False,
    "prim::is_quantized": lambda node, one: False,
    "prim::requires_grad": lambda node, one: False,
    "prim::shape": lambda node, one: list(one.shape),
    "prim::isinstance": _is_instance,
    "prim::min": lambda node, *given: min(*given),
    "prim::max": lambda node, *given: max(*given),
}
"""Given the node and its inputs."""
