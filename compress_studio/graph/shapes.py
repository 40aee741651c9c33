"""The shape of every tensor of a network for one batch."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from compress_studio.artifacts.formats import plain_words
from compress_studio.base.errors import BadInput
from compress_studio.graph import inputs as wanted

if TYPE_CHECKING:
    import onnx
    import onnx_ir as ir

FREE_BATCH = 2
SMALL = 1024
"""Initializers with more elements only lend their shape to shape inference."""
OF_SEQUENCES = frozenset({"SequenceConstruct", "SequenceEmpty", "SequenceInsert", "SequenceErase", "SplitToSequence"})
"""Operators whose result is a sequence of tensors, whose shapes nobody asks for."""
CHUNK = 64
"""Tensors that one traced run gives back at a time."""

Size = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Shapes:
    """Sizes and types of tensors of the main graph; initializers and inputs included."""

    sizes: Mapping[str, Size]
    dtypes: Mapping[str, ir.DataType]
    batch: int
    """Samples in the batch for which the sizes hold: 2 where the batch is free, else what the network fixes."""
    binding: Mapping[str, int]
    """Sizes that free dimensions were given."""
    batch_axes: Mapping[str, Size] = field(default_factory=dict[str, Size])
    """Axes that grow with the batch, for tensors that have some."""

    def of(self, name: str | None) -> Size | None:
        """The shape of a tensor, or None when the tensor is unknown (or no tensor)."""
        return self.sizes.get(name or "")

    def dtype(self, name: str | None) -> ir.DataType | None:
        """The element type of a tensor, or None when it is unknown."""
        return self.dtypes.get(name or "")

    def batch_dependent(self, name: str | None) -> bool:
        """Whether a tensor holds one part per sample."""
        return bool(self.batch_axes.get(name or ""))


def trace(model: ir.Model, dims: Mapping[str, int] | None = None) -> Shapes:
    """Find the shape of every tensor of the main graph.

    Shape inference comes first; what it leaves open is found by running the network once in ONNX Runtime.

    Args: dims are sizes of free dimensions by name; what is not given is chosen so that the network runs.
    Raises BadInput naming the input when no shape can be found, or when one tensor is larger than the memory.
    """
    facts = wanted.input_facts(model)
    wanted.require_ranks(facts)
    binding = resolve(model, dims)
    batch_names = wanted.batch_symbols(facts)
    batch = binding[next(iter(batch_names))] if batch_names else wanted.fixed_batch(facts)
    with _light(model) as proto:
        sizes, dtypes = _infer(proto, binding)
        larger = binding | dict.fromkeys(batch_names, batch + 1)
        more, _ = _infer(proto, larger) if batch_names else (sizes, dtypes)
    _refuse_giants(sizes, dtypes)
    missing = [name for name in _tensors(model) if name not in sizes]
    if missing:
        found, kinds = _run_or_explain(model, missing, wanted.fill(model, facts, binding, seed=0))
        sizes |= found
        dtypes |= kinds
        if batch_names:
            more |= _run_or_explain(model, missing, wanted.fill(model, facts, larger, seed=0))[0]
    axes = _axes(sizes, more) if batch_names else _fixed_axes(sizes, batch)
    return Shapes(sizes, dtypes, batch, binding, axes)


def element_types(model: ir.Model) -> Mapping[str, ir.DataType]:
    """Element types of tensors by name, as far as shape inference knows them without running the network."""
    with _light(model) as proto:
        return _infer(proto, {})[1]


def refuse_giants(model: ir.Model, binding: Mapping[str, int]) -> None:
    """Raise BadInput when a tensor is known to be larger than the memory, before anything is run."""
    with _light(model) as proto:
        sizes, dtypes = _infer(proto, binding)
    _refuse_giants(sizes, dtypes)


def resolve(model: ir.Model, dims: Mapping[str, int] | None = None) -> dict[str, int]:
    """Sizes for all free dimensions with which the network runs; what dims names is taken from there.

    Raises BadInput when no sizes can be found.
    """
    facts = wanted.input_facts(model)
    wanted.require_ranks(facts)
    given = dict(dims or {})
    binding = dict.fromkeys(wanted.batch_symbols(facts), FREE_BATCH) | given
    open_names = [name for name in wanted.free_names(facts) if name not in given]
    if not open_names:
        return binding
    candidates = [guess | binding for guess in wanted.guesses(model, facts)]
    with _light(model) as proto:
        for candidate in candidates[:1]:
            if _complete(proto, candidate, model):
                return candidate
    _require_opening(model)
    first: Exception | None = None
    for candidate in [*candidates, *(mentioned | binding for mentioned in wanted.mentioned_sizes(model, open_names))]:
        try:
            _run(model, [value.name or "" for value in model.graph.outputs], wanted.fill(model, facts, candidate, 0))
        except BadInput:
            raise
        except Exception as error:  # noqa: BLE001 - the runtime raises its own types for sizes that do not fit
            first = first or error
            continue
        return candidate
    example = "+".join(f"{name}=SIZE" for name in open_names)
    raise BadInput(
        f"The sizes of {', '.join(open_names)} are not in the file, and no likely size lets the network run:"
        f" {plain_words(first) if first is not None else ''}",
        f"Say those with which it was exported as the first step: --step source.model:dims={example}",
    )


def _require_opening(model: ir.Model) -> None:
    """Raise BadInput for a graph that the runtime refuses whatever the sizes, so that sizes are not blamed."""
    from compress_studio.graph.session import open_tapped

    try:
        open_tapped(model, [])
    except Exception as error:
        raise does_not_run(error) from error


def memory_error(error: BaseException) -> BadInput | None:
    """The sentence for a run that failed because a tensor does not fit into memory; None for other failures."""
    text = str(error)
    if isinstance(error, MemoryError) or "bad allocation" in text or "Failed to allocate memory" in text:
        return BadInput(
            "Running this network needs more memory than there is.",
            "Give smaller sizes for its free dimensions, or use a computer with more memory.",
        )
    return None


def total_memory() -> int:
    """Bytes of memory of this computer."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        import psutil

        return psutil.virtual_memory().total


@contextmanager
def _light(model: ir.Model) -> Iterator[onnx.ModelProto]:
    """The network without large weights and without recorded shapes, for shape inference."""
    import onnx_ir as ir

    graph = model.graph
    large = {
        name: value
        for name, value in graph.initializers.items()
        if value.const_value is not None and value.const_value.size > SMALL
    }
    inputs = list(graph.inputs)
    known = set(map(id, inputs))
    try:
        for name, value in large.items():
            del graph.initializers[name]
            if value.shape is None or value.type is None:
                assert value.const_value is not None
                value.shape = ir.Shape(value.const_value.shape.numpy())
                value.type = ir.TensorType(value.const_value.dtype)
            if id(value) not in known:
                graph.inputs.append(value)
        proto = ir.to_proto(model)
    finally:
        while len(graph.inputs) > len(inputs):
            graph.inputs.pop()  # not del: that would leave the values marked as inputs
        for name, value in large.items():
            graph.initializers[name] = value
    del proto.graph.value_info[:]
    for output in proto.graph.output:
        if output.type.HasField("tensor_type"):
            output.type.tensor_type.ClearField("shape")
    yield proto


def _infer(
    proto: onnx.ModelProto, binding: Mapping[str, int], *, strict: bool = False
) -> tuple[dict[str, Size], dict[str, ir.DataType]]:
    """Shape inference with bound dimensions; only complete shapes are returned."""
    import onnx
    import onnx_ir as ir

    bound = onnx.ModelProto()
    bound.CopyFrom(proto)
    for value in bound.graph.input:
        for axis, dim in enumerate(value.type.tensor_type.shape.dim):
            if not dim.HasField("dim_value"):
                name = dim.dim_param or f"{value.name}_{axis}"
                if name in binding:
                    dim.dim_value = binding[name]
    bound = onnx.shape_inference.infer_shapes(bound, strict_mode=strict, data_prop=True)
    sizes: dict[str, Size] = {}
    dtypes: dict[str, ir.DataType] = {}
    for value in [*bound.graph.input, *bound.graph.value_info, *bound.graph.output]:
        kind = value.type.tensor_type
        if kind.elem_type:
            dtypes[value.name] = ir.DataType(kind.elem_type)
        if kind.HasField("shape") and all(dim.HasField("dim_value") for dim in kind.shape.dim):
            size = tuple(dim.dim_value for dim in kind.shape.dim)
            if all(each >= 0 for each in size):
                sizes[value.name] = size
    for tensor in bound.graph.initializer:
        sizes[tensor.name] = tuple(tensor.dims)
        dtypes[tensor.name] = ir.DataType(tensor.data_type)
    return sizes, dtypes


def _complete(proto: onnx.ModelProto, binding: Mapping[str, int], model: ir.Model) -> bool:
    """Whether strict inference accepts the sizes and knows every tensor, none of them empty."""
    try:
        sizes, _ = _infer(proto, binding, strict=True)
    except Exception:  # noqa: BLE001 - an inference error of any kind only means that these sizes do not fit
        return False
    return all(name in sizes and min(sizes[name], default=1) > 0 for name in _tensors(model))


def _tensors(model: ir.Model) -> list[str]:
    return [value.name for node in model.graph for value in node.outputs if value.name and _is_tensor(value)]


def _is_tensor(value: ir.Value) -> bool:
    import onnx_ir as ir

    node = value.producer()
    if value.type is None and node is not None and node.op_type in OF_SEQUENCES:
        return False
    return value.type is None or isinstance(value.type, ir.TensorType)


def does_not_run(error: BaseException) -> BadInput:
    """The sentence for a network that ONNX Runtime cannot run."""
    refusal = memory_error(error)
    if refusal is not None:
        return refusal
    return BadInput(
        f"The network does not run: {plain_words(error)}",
        "Check the sizes of its inputs, or export the model again.",
    )


def _run_or_explain(
    model: ir.Model, names: list[str], feeds: Mapping[str, np.ndarray]
) -> tuple[dict[str, Size], dict[str, ir.DataType]]:
    try:
        return _run(model, names, feeds)
    except BadInput:
        raise
    except Exception as error:
        raise does_not_run(error) from error


def _run(
    model: ir.Model, names: list[str], feeds: Mapping[str, np.ndarray]
) -> tuple[dict[str, Size], dict[str, ir.DataType]]:
    """Run once with the named tensors as outputs; their shapes and types."""
    import onnx_ir as ir

    from compress_studio.graph.session import open_tapped, run

    sizes: dict[str, Size] = {}
    dtypes: dict[str, ir.DataType] = {}
    session = open_tapped(model, names)
    for first in range(0, len(names), CHUNK):
        try:
            results = run(session, feeds, names[first : first + CHUNK])
        except Exception as error:
            refusal = memory_error(error)
            if refusal is not None:
                raise refusal from error
            raise
        for name, array in results.items():
            sizes[name] = tuple(array.shape)
            dtypes[name] = ir.DataType.STRING if array.dtype == object else ir.DataType.from_numpy(array.dtype)
    return sizes, dtypes


def _axes(sizes: Mapping[str, Size], more: Mapping[str, Size]) -> dict[str, Size]:
    found: dict[str, Size] = {}
    for name, size in sizes.items():
        other = more.get(name, size)
        if len(other) == len(size):
            axes = tuple(axis for axis in range(len(size)) if size[axis] != other[axis])
            if axes:
                found[name] = axes
    return found


def _fixed_axes(sizes: Mapping[str, Size], batch: int) -> dict[str, Size]:
    return {name: (0,) for name, size in sizes.items() if size and size[0] == batch} if batch > 1 else {}


def _refuse_giants(sizes: Mapping[str, Size], dtypes: Mapping[str, ir.DataType]) -> None:
    memory = total_memory()
    for name, size in sizes.items():
        dtype = dtypes.get(name)
        bits = 64 if dtype is None or dtype.name == "STRING" else dtype.bitwidth
        needed = int(np.prod(size, dtype=object)) * bits // 8 if size else 0
        if needed > memory:
            raise BadInput(
                f"Running this network needs more memory than there is: the tensor {name} alone takes"
                f" {needed / 1e9:,.0f} GB of {memory / 1e9:,.0f} GB.",
                "Give smaller sizes for its free dimensions, or use a computer with more memory.",
            )
