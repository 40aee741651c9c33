"""LSTM, GRU and plain recurrent layers.

Where the node asks for what torch's fused layers compute, those are used (training is then as fast as by hand); other
activations, peepholes, clipping and coupled gates are computed step by step.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from compress_studio.view.ops.registry import Attrs, Context, ints, op

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "relu": F.relu,
    "hardsigmoid": lambda x: torch.clamp(0.2 * x + 0.5, 0, 1),
    "softsign": F.softsign,
    "softplus": F.softplus,
    "elu": F.elu,
    "leakyrelu": lambda x: F.leaky_relu(x, 0.01),
}
DEFAULTS = {"LSTM": ["sigmoid", "tanh", "tanh"], "GRU": ["sigmoid", "tanh"], "RNN": ["tanh"]}
TO_TORCH = {"LSTM": [0, 2, 3, 1], "GRU": [1, 0, 2], "RNN": [0]}
"""Order of the gates: iofc becomes ifgo, zrh becomes rzn."""
FUSED: dict[str, Callable[..., tuple[Tensor, ...]]] = {
    "LSTM": torch.lstm,
    "GRU": torch.gru,
    "RNN": torch.rnn_tanh,
    "RNN relu": torch.rnn_relu,
}


@dataclass(slots=True)
class Packing:
    """Whether sequences of known lengths may be packed, which a program cannot hold; they are stepped through then."""

    allowed: bool = True


PACKING = Packing()
State = tuple[Tensor, ...]
Cell = Callable[[Tensor, State], State]


@dataclass(frozen=True, slots=True)
class Layer:
    """One recurrent node on tensors laid out (time, batch, features), states (directions, batch, hidden)."""

    kind: str
    attrs: Attrs
    x: Tensor
    w: Tensor
    r: Tensor
    b: Tensor
    lengths: list[int]
    """Steps of each sequence; empty when all are whole."""
    state: State
    peepholes: Tensor | None = None

    @property
    def directions(self) -> int:
        return self.w.shape[0]

    @property
    def hidden(self) -> int:
        return self.r.shape[-1]

    def activations(self, direction: int) -> list[str]:
        """Names of the activation functions of one direction."""
        names = [name.lower() for name in self.attrs.get("activations") or DEFAULTS[self.kind] * self.directions]
        count = len(DEFAULTS[self.kind])
        return names[direction * count : (direction + 1) * count]

    def fusible(self) -> bool:
        """True when torch's fused layer computes the same."""
        plain = all(self.activations(one) == self.activations(0) for one in range(self.directions))
        known = self.activations(0) == DEFAULTS[self.kind] or (self.kind == "RNN" and self.activations(0) == ["relu"])
        odd = self.attrs.get("clip", 0) or self.attrs.get("input_forget", 0)
        if self.kind == "GRU" and not self.attrs.get("linear_before_reset", 0):
            return False
        packs = not self.lengths or PACKING.allowed
        return plain and known and not odd and packs and self.peepholes is None and 0 not in self.lengths


def _refused(attrs: Attrs, inputs: int) -> str:
    unknown = [name for name in attrs.get("activations") or [] if name.lower() not in ACTIVATIONS]
    if unknown:
        return "activation " + ", ".join(unknown)
    return "activation_alpha or activation_beta" if {"activation_alpha", "activation_beta"} & set(attrs) else ""


def _prepare(kind: str, attrs: Attrs, x: Tensor, w: Tensor, r: Tensor, *rest: Tensor | None) -> Layer:
    b, lengths, h, c, peepholes = [*rest, *[None] * (5 - len(rest))]
    if attrs.get("layout", 0):
        x = x.transpose(0, 1)
        h = None if h is None else h.transpose(0, 1)
        c = None if c is None else c.transpose(0, 1)
    steps, batch = x.shape[:2]
    empty = x.new_zeros(w.shape[0], batch, r.shape[-1])
    state: State = (empty if h is None else h,)
    if kind == "LSTM":
        state = (*state, empty if c is None else c)
    bias = x.new_zeros(w.shape[0], 2 * w.shape[1]) if b is None else b
    sizes = ints(lengths)
    sizes = [] if all(size == steps for size in sizes) else sizes
    return Layer(kind, attrs, x, w, r, bias, sizes, state, peepholes)


def _run(ctx: Context, layer: Layer) -> tuple[Tensor, ...]:
    y, state = _fused(layer) if layer.fusible() else _stepped(layer)
    if layer.attrs.get("layout", 0):
        y = y.permute(2, 0, 1, 3)
        state = tuple(one.transpose(0, 1) for one in state)
    return (y, *state)[: max(ctx.outputs, 1)]


def _reversed(x: Tensor, lengths: Sequence[int]) -> Tensor:
    """The steps of each sequence in the opposite order, padding left behind."""
    if not lengths:
        return x.flip(0)
    steps = torch.arange(x.shape[0], device=x.device)[:, None]
    ends = torch.tensor(lengths, device=x.device)[None]
    places = torch.where(steps < ends, ends - 1 - steps, steps)
    return torch.gather(x, 0, places[:, :, None].expand_as(x))


def _fused(layer: Layer) -> tuple[Tensor, State]:
    backwards = layer.attrs.get("direction", "forward") == "reverse"
    x = _reversed(layer.x, layer.lengths) if backwards else layer.x
    out, state = _fused_call(layer, x)
    if backwards:
        out = _reversed(out, layer.lengths)
    steps, batch = layer.x.shape[:2]
    return out.reshape(steps, batch, layer.directions, layer.hidden).permute(0, 2, 1, 3), state


def _fused_call(layer: Layer, x: Tensor) -> tuple[Tensor, State]:
    rectified = layer.kind == "RNN" and layer.activations(0) == ["relu"]
    function = FUSED["RNN relu" if rectified else layer.kind]
    weights = _torch_weights(layer)
    both = layer.directions == 2
    packed = pack_padded_sequence(x, torch.tensor(layer.lengths), enforce_sorted=False) if layer.lengths else None
    state = layer.state
    if packed is not None and packed.sorted_indices is not None:
        state = tuple(one.index_select(1, packed.sorted_indices) for one in state)
    hx = state if layer.kind == "LSTM" else state[0]
    # has_biases, layers, dropout, train (gradients need it), bidirectional
    options = (True, 1, 0.0, torch.is_grad_enabled(), both)
    if packed is None:
        out, *last = function(x, hx, weights, *options, False)
        return out, tuple(last)
    data, *last = function(packed.data, packed.batch_sizes, hx, weights, *options)
    whole = PackedSequence(data, packed.batch_sizes, packed.sorted_indices, packed.unsorted_indices)
    out, _ = pad_packed_sequence(whole, total_length=x.shape[0])
    order = packed.unsorted_indices
    return out, tuple(one.index_select(1, order) if order is not None else one for one in last)


def _torch_weights(layer: Layer) -> list[Tensor]:
    """Weights in torch's order of gates: per direction input, recurrent, and the two biases."""
    order, hidden = TO_TORCH[layer.kind], layer.hidden
    gates = len(order)

    def ordered(value: Tensor) -> Tensor:
        parts = value.reshape(gates, hidden, *value.shape[1:])
        return torch.cat([parts[gate] for gate in order])

    weights: list[Tensor] = []
    for one in range(layer.directions):
        first, second = layer.b[one].split(gates * hidden)
        weights += [ordered(layer.w[one]), ordered(layer.r[one]), ordered(first), ordered(second)]
    return weights


def _stepped(layer: Layer) -> tuple[Tensor, State]:
    results: list[Tensor] = []
    finals: list[State] = []
    for one in range(layer.directions):
        backwards = layer.attrs.get("direction", "forward") == "reverse" or one == 1
        x = _reversed(layer.x, layer.lengths) if backwards else layer.x
        y, state = _scan(x, layer.lengths, tuple(part[one] for part in layer.state), CELLS[layer.kind](layer, one))
        results.append(_reversed(y, layer.lengths) if backwards else y)
        finals.append(state)
    return torch.stack(results, 1), tuple(torch.stack(parts) for parts in zip(*finals, strict=True))


def _scan(x: Tensor, lengths: Sequence[int], state: State, cell: Cell) -> tuple[Tensor, State]:
    """Step through time; a sequence that has ended keeps its state and gives zeros."""
    ends = torch.tensor(lengths, device=x.device)[:, None] if lengths else None
    rows: list[Tensor] = []
    for step in range(x.shape[0]):
        new = cell(x[step], state)
        if ends is not None:
            alive = step < ends
            new = tuple(torch.where(alive, after, before) for after, before in zip(new, state, strict=True))
            rows.append(torch.where(alive, new[0], torch.zeros_like(new[0])))
        else:
            rows.append(new[0])
        state = new
    return torch.stack(rows), state


def _clipped(attrs: Attrs, x: Tensor) -> Tensor:
    limit = attrs.get("clip", 0)
    return x.clamp(-limit, limit) if limit else x


def _lstm_cell(layer: Layer, one: int) -> Cell:
    f, g, h = (ACTIVATIONS[name] for name in layer.activations(one))
    w, r = layer.w[one], layer.r[one]
    first, second = layer.b[one].split(4 * layer.hidden)
    eyes = layer.peepholes[one].split(layer.hidden) if layer.peepholes is not None else (0.0, 0.0, 0.0)
    coupled = layer.attrs.get("input_forget", 0)

    def cell(x: Tensor, state: State) -> State:
        hidden, memory = state
        i, o, forget, c = (x @ w.t() + hidden @ r.t() + first + second).chunk(4, -1)
        i = f(_clipped(layer.attrs, i + eyes[0] * memory))
        forget = 1 - i if coupled else f(_clipped(layer.attrs, forget + eyes[2] * memory))
        memory = forget * memory + i * g(_clipped(layer.attrs, c))
        o = f(_clipped(layer.attrs, o + eyes[1] * memory))
        return o * h(memory), memory

    return cell


def _gru_cell(layer: Layer, one: int) -> Cell:
    f, g = (ACTIVATIONS[name] for name in layer.activations(one))
    w, r = layer.w[one].chunk(3), layer.r[one].chunk(3)
    first, second = layer.b[one].split(3 * layer.hidden)
    wb, rb = first.chunk(3), second.chunk(3)
    late = layer.attrs.get("linear_before_reset", 0)

    def cell(x: Tensor, state: State) -> State:
        (hidden,) = state
        z = f(_clipped(layer.attrs, x @ w[0].t() + hidden @ r[0].t() + wb[0] + rb[0]))
        reset = f(_clipped(layer.attrs, x @ w[1].t() + hidden @ r[1].t() + wb[1] + rb[1]))
        past = reset * (hidden @ r[2].t() + rb[2]) if late else (reset * hidden) @ r[2].t() + rb[2]
        new = g(_clipped(layer.attrs, x @ w[2].t() + wb[2] + past))
        return ((1 - z) * new + z * hidden,)

    return cell


def _rnn_cell(layer: Layer, one: int) -> Cell:
    f = ACTIVATIONS[layer.activations(one)[0]]
    w, r = layer.w[one], layer.r[one]
    first, second = layer.b[one].split(layer.hidden)

    def cell(x: Tensor, state: State) -> State:
        return (f(_clipped(layer.attrs, x @ w.t() + state[0] @ r.t() + first + second)),)

    return cell


CELLS: dict[str, Callable[[Layer, int], Cell]] = {"LSTM": _lstm_cell, "GRU": _gru_cell, "RNN": _rnn_cell}


@op("LSTM", host=(4,), refuses=_refused)
def lstm(ctx: Context, attrs: Attrs, x: Tensor, w: Tensor, r: Tensor, *rest: Tensor | None) -> tuple[Tensor, ...]:
    """Long short-term memory (Hochreiter 1997), gates in the order i, o, f, c."""
    return _run(ctx, _prepare("LSTM", attrs, x, w, r, *rest))


@op("GRU", host=(4,), refuses=_refused)
def gru(ctx: Context, attrs: Attrs, x: Tensor, w: Tensor, r: Tensor, *rest: Tensor | None) -> tuple[Tensor, ...]:
    """Gated recurrent unit (Cho 2014), gates in the order z, r, h."""
    return _run(ctx, _prepare("GRU", attrs, x, w, r, *rest))


@op("RNN", host=(4,), refuses=_refused)
def rnn(ctx: Context, attrs: Attrs, x: Tensor, w: Tensor, r: Tensor, *rest: Tensor | None) -> tuple[Tensor, ...]:
    """A plain recurrent layer."""
    return _run(ctx, _prepare("RNN", attrs, x, w, r, *rest))
