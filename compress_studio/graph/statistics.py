"""Statistics of the tensors inside a network, streamed: one batch in memory at a time, never all samples.

Everything here runs a copy of the network in ONNX Runtime that has the wanted tensors of the main graph as outputs.
Sub-graphs stay as they are; tensors inside them cannot be asked for.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from compress_studio.base.errors import UserError
from compress_studio.graph.saving import EXTERNAL_ABOVE, MAX_IR_VERSION, first_line, weight_bytes
from compress_studio.graph.session import open_session

if TYPE_CHECKING:
    import onnx
    import onnx_ir as ir
    import onnxruntime as ort

    from compress_studio.spec.data import Batch

Feeds: TypeAlias = "Batch | Mapping[str, np.ndarray]"
Rows: TypeAlias = "Callable[[np.ndarray], np.ndarray]"
"""Turns one batch of a tensor into a matrix: a row per position, a column per feature."""

ROWS_AT_ONCE = 1 << 24
"""Elements of the row matrix of one piece of a batch: 64 MB of float32."""


def stream(
    model: ir.Model,
    tensors: Iterable[str],
    batches: Iterable[Feeds],
    visit: Callable[[dict[str, np.ndarray]], None],
    threads: int = 1,
    check: Callable[[], None] | None = None,
) -> int:
    """Show the values of tensors to a visitor, batch by batch, and keep nothing.

    Args: tensors are names of any tensors of the main graph, inputs and initializers included; visit is called once
    per batch with {tensor: array}, the batch axis being where the network has it; check is called before every batch
    and may raise to stop. Returns the number of samples seen. Raises ValueError for a name the main graph has not,
    UserError when the network does not run on a batch.
    """
    names = list(dict.fromkeys(tensors))
    computed = _computed(model, names)
    constant = {
        name: value.const_value.numpy()
        for name, value in model.graph.initializers.items()
        if name in names and value.const_value is not None
    }
    run = Probe(model, computed, threads=threads)

    def one(feeds: Mapping[str, np.ndarray]) -> None:
        values = run(feeds)
        visit({name: values[name] if name in values else feeds.get(name, constant.get(name)) for name in names})  # type: ignore[misc]

    return _each(batches, one, check)


def extremes(
    model: ir.Model,
    tensors: Iterable[str],
    batches: Iterable[Feeds],
    threads: int = 1,
    check: Callable[[], None] | None = None,
) -> dict[str, tuple[float, float]]:
    """The smallest and the largest value of float tensors over all batches.

    The reductions happen inside the runtime, so that two numbers leave it per tensor and batch.
    """
    names = list(dict.fromkeys(tensors))
    inside = _computed(model, names)
    run = Probe(model, inside, threads=threads, reduce=("ReduceMin", "ReduceMax"))
    lows, highs = dict.fromkeys(names, math.inf), dict.fromkeys(names, -math.inf)

    def one(feeds: Mapping[str, np.ndarray]) -> None:
        values = run(feeds)
        for name in names:
            if name in feeds:
                low, high = float(feeds[name].min()), float(feeds[name].max())
            else:
                low, high = float(values[f"{name}/ReduceMin"]), float(values[f"{name}/ReduceMax"])
            lows[name], highs[name] = min(lows[name], low), max(highs[name], high)

    _each(batches, one, check)
    return {name: (lows[name], highs[name]) for name in names}


@dataclass(slots=True)
class Moments:
    """Sums over all rows that were seen; float64."""

    count: int
    """Rows: samples times positions."""
    total: np.ndarray
    """Σ x, shape (features,)."""
    second: np.ndarray
    """Σ x xᵀ, shape (features, features)."""

    @property
    def mean(self) -> np.ndarray:
        """Mean of each feature."""
        return self.total / max(self.count, 1)

    @property
    def covariance(self) -> np.ndarray:
        """Centred second moment per row, shape (features, features)."""
        return self.second / max(self.count, 1) - np.outer(self.mean, self.mean)


def second_moments(
    model: ir.Model,
    rows: Mapping[str, Rows | int],
    batches: Iterable[Feeds],
    threads: int = 1,
    check: Callable[[], None] | None = None,
) -> dict[str, Moments]:
    """Σ x xᵀ and Σ x of tensors over all samples and positions: for output PCA, least squares and OBS.

    Args: rows gives, by tensor name, either the channel axis or a function such as patch_rows(...).
    Memory: one matrix of features × features per tensor and one batch.
    """
    makers: dict[str, Rows] = {
        name: channel_rows(maker) if isinstance(maker, int) else maker for name, maker in rows.items()
    }
    found: dict[str, Moments] = {}

    def visit(values: dict[str, np.ndarray]) -> None:
        for name, array in values.items():
            for matrix in _pieces(array, makers[name]):
                features = matrix.shape[1]
                if name not in found:
                    found[name] = Moments(0, np.zeros(features), np.zeros((features, features)))
                one = found[name]
                one.count += len(matrix)
                one.total += matrix.sum(axis=0, dtype=np.float64)
                one.second += matrix.T @ matrix

    stream(model, makers, batches, visit, threads, check)
    return found


def channel_norms(
    model: ir.Model,
    axes: Mapping[str, int],
    batches: Iterable[Feeds],
    threads: int = 1,
    check: Callable[[], None] | None = None,
) -> dict[str, np.ndarray]:
    """‖x‖₂ of every channel of tensors over all samples and positions, float64 (for Wanda, Sun 2023).

    Args: axes gives the channel axis by tensor name.
    """
    sums: dict[str, np.ndarray] = {}

    def visit(values: dict[str, np.ndarray]) -> None:
        for name, array in values.items():
            axis = axes[name] % array.ndim
            others = tuple(one for one in range(array.ndim) if one != axis)
            squares = np.square(array, dtype=np.float32).sum(axis=others, dtype=np.float64)
            sums[name] = sums[name] + squares if name in sums else squares

    stream(model, axes, batches, visit, threads, check)
    return {name: np.sqrt(total) for name, total in sums.items()}


def channel_rows(axis: int) -> Rows:
    """Rows of a tensor whose features lie along one axis."""

    def rows(array: np.ndarray) -> np.ndarray:
        return np.moveaxis(array, axis, -1).reshape(-1, array.shape[axis])

    return rows


def patch_rows(
    kernel: Sequence[int],
    strides: Sequence[int] | None = None,
    pads: Sequence[int] | None = None,
    dilations: Sequence[int] | None = None,
) -> Rows:
    """Rows of what a convolution sees: one per output position, features in the order (channel, *kernel).

    Args: as the attributes of Conv; pads are all beginnings, then all ends, already resolved from auto_pad. The
    product with weight.reshape(out, -1).T is the convolution without its bias (one group).
    """
    rank = len(kernel)
    steps, gaps = tuple(strides or [1] * rank), tuple(dilations or [1] * rank)
    edges = tuple(pads or [0] * (2 * rank))

    def rows(array: np.ndarray) -> np.ndarray:
        padded = np.pad(array, [(0, 0), (0, 0), *((edges[axis], edges[axis + rank]) for axis in range(rank))])
        reach = [(size - 1) * gap + 1 for size, gap in zip(kernel, gaps, strict=True)]
        windows = np.lib.stride_tricks.sliding_window_view(padded, reach, axis=tuple(range(2, 2 + rank)))
        windows = windows[(..., *(slice(None, None, one) for one in steps), *([slice(None)] * rank))]
        windows = windows[(..., *(slice(None, None, one) for one in gaps))]
        order = (0, *range(2, 2 + rank), 1, *range(2 + rank, 2 + 2 * rank))
        return windows.transpose(order).reshape(-1, array.shape[1] * math.prod(kernel))

    rows.growth = math.prod(kernel)  # type: ignore[attr-defined]
    return rows


class Probe:
    """A network in ONNX Runtime whose outputs are the wanted tensors, or reductions of them."""

    def __init__(
        self, model: ir.Model, tensors: Sequence[str], *, threads: int = 1, reduce: Sequence[str] = ()
    ) -> None:
        """Open the copy. Args: reduce names operators such as ReduceMax; outputs are then called tensor/ReduceMax."""
        self.names = [f"{name}/{op}" for name in tensors for op in reduce] if reduce else list(tensors)
        self.session = _open(model, tensors, reduce, threads) if tensors else None

    def __call__(self, feeds: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """The tensors by name for one batch. Raises UserError when the network does not run on it."""
        if self.session is None:
            return {}
        known = {one.name for one in self.session.get_inputs()}
        try:
            values = self.session.run(self.names, {name: array for name, array in feeds.items() if name in known})
        except Exception as error:
            raise UserError(
                f"The network does not run on these data: {first_line(error)}",
                "Check that the data fit the inputs of the network (names, shapes, types).",
            ) from error
        return {name: np.asarray(value) for name, value in zip(self.names, values, strict=True)}


def _open(model: ir.Model, tensors: Sequence[str], reduce: Sequence[str], threads: int) -> ort.InferenceSession:
    import onnx_ir as ir

    external = any(isinstance(value.const_value, ir.ExternalTensor) for value in model.graph.initializers.values())
    if not external and weight_bytes(model) <= EXTERNAL_ABOVE:
        proto = ir.to_proto(model)
        _expose(proto, tensors, reduce)
        return open_session(proto.SerializeToString(), threads=threads)
    import onnx

    with tempfile.TemporaryDirectory(prefix="cs-") as folder:
        path = Path(folder) / "probe.onnx"
        ir.save(model, path, external_data="probe.data")
        proto = onnx.load(path, load_external_data=False)
        _expose(proto, tensors, reduce)
        path.write_bytes(proto.SerializeToString())
        return open_session(path, threads=threads)


def _expose(proto: onnx.ModelProto, tensors: Sequence[str], reduce: Sequence[str]) -> None:
    """Make the tensors, or their reductions, the only outputs, so that nothing else is computed."""
    import onnx

    proto.ir_version = min(proto.ir_version, MAX_IR_VERSION)
    del proto.graph.output[:]
    for name in tensors:
        for op in reduce:
            proto.graph.node.append(onnx.helper.make_node(op, [name], [f"{name}/{op}"], keepdims=0))
        proto.graph.output.extend(
            onnx.ValueInfoProto(name=one) for one in ([f"{name}/{op}" for op in reduce] if reduce else [name])
        )


def _computed(model: ir.Model, names: Iterable[str]) -> list[str]:
    """The names that nodes of the main graph compute. Raises ValueError for names it has not."""
    inside = {value.name for node in model.graph for value in node.outputs if value.name}
    given = {value.name for value in model.graph.inputs} | set(model.graph.initializers)
    unknown = [name for name in names if name not in inside and name not in given]
    if unknown:
        raise ValueError(f"no such tensor in the main graph: {', '.join(unknown)}")
    return [name for name in names if name in inside]


def _each(
    batches: Iterable[Feeds], one: Callable[[Mapping[str, np.ndarray]], None], check: Callable[[], None] | None
) -> int:
    seen = 0
    for batch in batches:
        if check is not None:
            check()
        feeds = batch if isinstance(batch, Mapping) else batch.inputs
        one(feeds)
        seen += len(next(iter(feeds.values()))) if feeds else 0
    return seen


def _pieces(array: np.ndarray, maker: Rows) -> Iterator[np.ndarray]:
    """The rows of a batch in float32, in pieces along the first axis that stay within ROWS_AT_ONCE."""
    growth = getattr(maker, "growth", 0)
    if not growth or array.ndim == 0:
        yield maker(array).astype(np.float32, copy=False)
        return
    per_sample = max(array[0].size * growth, 1)
    step = max(1, ROWS_AT_ONCE // per_sample)
    for first in range(0, len(array), step):
        yield maker(array[first : first + step]).astype(np.float32, copy=False)
