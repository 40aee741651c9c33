"""What a network wants to be fed: names, types, sizes, and values that make sense."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from compress_studio.base.errors import BadInput

if TYPE_CHECKING:
    import onnx_ir as ir

Binding: TypeAlias = Mapping[str, int]
"""Sizes of free dimensions by name; a dimension without a name is called after its input and axis: "x_2"."""

BATCH_NAME = re.compile(r"^(n|b|bs|bsz|batch.*|.*batch|.*batch_size|unk__.*|none|\?)$", re.IGNORECASE)
TIME_NAME = re.compile(r"(seq|len|time|frames|tokens|steps)|^[tl]$", re.IGNORECASE)
PASSING = frozenset(
    {"Cast", "Identity", "Reshape", "Unsqueeze", "Squeeze", "Transpose", "Flatten", "Slice", "Concat", "Expand", "Tile"}
)
IMAGE_SIZES = (224, 128, 64, 32, 256, 320, 512, 640)
SEQUENCE_SIZES = (16, 32, 64, 128, 8, 4, 1, 256, 512, 1024, 4096, 16000)
SIZE_READERS = frozenset({"Reshape", "Expand", "ConstantOfShape", "Tile", "Slice", "Concat", "Split", "Resize"})
"""Operators whose integer constants may hold a size that an exporter wrote into the graph."""
LONGEST = 1 << 20
MENTIONED = 12
"""Sizes read off the graph that are tried at most."""
WORDS = ("a", "the", "network", "small", "fast", "proof", "layer", "weight")


@dataclass(frozen=True, slots=True)
class InputFact:
    """One input of a network."""

    name: str
    dtype: str
    """Name of the ONNX type: FLOAT, INT64, STRING, …"""
    dims: tuple[int | str, ...] | None
    """Sizes; a free one is its name. None: not even the number of dimensions is known."""


def input_facts(model: ir.Model) -> list[InputFact]:
    """The inputs that must be fed, in order; those with a default value are left out."""
    facts: list[InputFact] = []
    for value in model.graph.inputs:
        if value.name in model.graph.initializers:
            continue
        dims: tuple[int | str, ...] | None = None
        if value.shape is not None:
            dims = tuple(
                size if isinstance(size, int) else (size.value or f"{value.name}_{axis}")
                for axis, size in enumerate(value.shape)
            )
        facts.append(InputFact(value.name or "", value.dtype.name if value.dtype is not None else "", dims))
    return facts


def batch_symbol(facts: list[InputFact]) -> str | None:
    """The name of the free dimension that counts samples, or None when the batch size is fixed.

    A dimension with a telling name wins; else the first axis of the first input, unless its name tells of time.
    """
    firsts = [fact.dims[0] for fact in facts if fact.dims]
    symbols = [dim for fact in facts for dim in fact.dims or () if isinstance(dim, str)]
    for symbol in [dim for dim in firsts if isinstance(dim, str)] + symbols:
        if BATCH_NAME.match(symbol):
            return symbol
    for dim in firsts:
        if isinstance(dim, str) and not TIME_NAME.search(dim):
            return dim
    return None


def batch_symbols(facts: list[InputFact]) -> frozenset[str]:
    """All names that must have the size of the batch: the batch's own and nameless first axes of other inputs."""
    first = batch_symbol(facts)
    if first is None:
        return frozenset()
    nameless = {fact.dims[0] for fact in facts if fact.dims and fact.dims[0] == f"{fact.name}_0"}
    same = {dim for fact in facts for dim in (fact.dims or ())[:1] if isinstance(dim, str) and BATCH_NAME.match(dim)}
    return frozenset({first, *same, *(dim for dim in nameless if isinstance(dim, str))})


def fixed_batch(facts: list[InputFact]) -> int:
    """Samples per run of a network whose batch size is fixed: the first axis where all inputs agree on it, else 1."""
    firsts = {fact.dims[0] for fact in facts if fact.dims is not None and len(fact.dims) > 1}
    only = next(iter(firsts)) if len(firsts) == 1 else 1
    return only if isinstance(only, int) and only > 0 else 1


def free_names(facts: list[InputFact]) -> list[str]:
    """Names of the free dimensions besides the batch, in the order in which they appear."""
    batch = batch_symbols(facts)
    names = [dim for fact in facts for dim in fact.dims or () if isinstance(dim, str) and dim not in batch]
    return list(dict.fromkeys(names))


def require_ranks(facts: list[InputFact]) -> None:
    """Raise BadInput naming the inputs of which not even the number of dimensions is known."""
    unknown = [fact.name for fact in facts if fact.dims is None]
    if unknown:
        raise BadInput(
            f"The input {', '.join(unknown)} has no shape in the file.",
            f"Say it as the first step: --step source.model:dims={unknown[0]}=Nx3x224x224 (N for a free batch).",
        )


def guesses(model: ir.Model, facts: list[InputFact]) -> list[dict[str, int]]:
    """Plausible sizes of the free dimensions besides the batch, the most plausible first."""
    forced = _forced_by_weights(model, facts)
    names = [name for name in free_names(facts) if name not in forced]
    images = {
        dim
        for fact in facts
        for axis, dim in enumerate(fact.dims or ())
        if isinstance(dim, str) and len(fact.dims or ()) == 4 and axis >= 1
    }
    if not names:
        return [forced]
    found: list[dict[str, int]] = []
    count = max(len(IMAGE_SIZES) if images & set(names) else 0, len(SEQUENCE_SIZES) if set(names) - images else 0)
    for turn in range(count):
        image = IMAGE_SIZES[min(turn, len(IMAGE_SIZES) - 1)]
        length = SEQUENCE_SIZES[min(turn, len(SEQUENCE_SIZES) - 1)]
        found.append(forced | {name: image if name in images else length for name in names})
    return found


def mentioned_sizes(model: ir.Model, names: Sequence[str]) -> list[dict[str, int]]:
    """The named dimensions at sizes that stand in the graph itself, the most frequent first.

    Tracing exporters leave a dimension free at the input and write the size of their example into the graph.
    """
    counts: Counter[int] = Counter()
    for node in model.graph:
        if node.op_type not in SIZE_READERS:
            continue
        for value in node.inputs:
            array = _constant(value)
            if array is not None and array.dtype.kind == "i" and array.size <= MENTIONED:
                counts.update({int(each) for each in array.reshape(-1) if 1 < each <= LONGEST})
    return [dict.fromkeys(names, size) for size, _ in counts.most_common(MENTIONED)]


def fill(model: ir.Model, facts: list[InputFact], binding: Binding, seed: int) -> dict[str, np.ndarray]:
    """One array for each input, of the sizes that the binding gives to free dimensions.

    Floats are standard normal, integers stay within the tables that they index, masks are ones, texts are words.
    Raises BadInput for an input that is no tensor.
    """
    rng = np.random.default_rng(seed)
    by_name = {value.name: value for value in model.graph.inputs}
    arrays: dict[str, np.ndarray] = {}
    for fact in facts:
        if fact.dims is None:
            require_ranks([fact])
        shape = tuple(dim if isinstance(dim, int) else binding[dim] for dim in fact.dims or ())
        arrays[fact.name] = _values(by_name[fact.name], fact, shape, rng)
    return arrays


def _values(value: ir.Value, fact: InputFact, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    if fact.dtype == "STRING":
        return rng.choice(np.asarray(WORDS, dtype=object), size=shape)
    if not fact.dtype or value.dtype is None:
        raise BadInput(f"The input {fact.name} is not a tensor.", "Only networks whose inputs are tensors can be run.")
    kind = value.dtype.numpy()
    if fact.dtype == "BOOL":
        return rng.integers(0, 2, shape).astype(bool)
    if value.dtype.is_integer():
        lo, hi = integer_range(value)
        return rng.integers(lo, hi, shape).astype(kind)
    if value.dtype.name.startswith("COMPLEX"):
        return (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)).astype(kind)
    return rng.standard_normal(shape).astype(kind)


def integer_range(value: ir.Value) -> tuple[int, int]:
    """The integers (from, to, exclusive) that a network can take at an input.

    Followed downstream: the length of a table that is indexed, the constants that it is compared with. Without any
    trace of a bound, bytes take their whole range, masks and lengths are 1, the rest is 0 or 1.
    """
    lows: list[int] = []
    highs: list[int] = []
    compared: list[int] = []
    _follow(value, 0, lows, highs, compared, set())
    if highs:
        low = max([0, *lows])
        return low, max(min(highs), low + 1)
    if compared and max(compared) > 1:
        few = len(compared) == 1
        return (compared[0], compared[0] + 1) if few else (max(0, min(compared)), max(compared) + 1)
    if value.dtype is not None and value.dtype.name in {"UINT8", "INT8"}:
        return (0, 256) if value.dtype.name == "UINT8" else (-128, 128)
    rank = len(value.shape) if value.shape is not None else 0
    if rank < 2 or "mask" in (value.name or "").lower():
        return 1, 2
    return 0, 2


def _follow(
    value: ir.Value, offset: int, lows: list[int], highs: list[int], compared: list[int], seen: set[int]
) -> None:
    """Walk down from an integer tensor that holds the input plus offset; collect what limits the input."""
    if id(value) in seen:
        return
    seen.add(id(value))
    for use in value.uses():
        node, position = use.node, use.idx
        size = _indexed(node, position)
        if size is not None:
            highs.append(size - offset)
            lows.append(-offset)
        elif node.op_type in PASSING and position == 0:
            _follow(node.outputs[0], offset, lows, highs, compared, seen)
        elif node.op_type in {"Add", "Sub"}:
            other = _constant(node.inputs[1 - position])
            if other is not None and other.size and (node.op_type == "Add" or position == 0):
                shift = int(other.max()) * (1 if node.op_type == "Add" else -1)
                _follow(node.outputs[0], offset + shift, lows, highs, compared, seen)
        elif node.op_type == "Equal":
            other = _constant(node.inputs[1 - position])
            if other is not None and other.size:
                compared.extend(int(each) for each in {other.min(), other.max()})


def _indexed(node: ir.Node, position: int) -> int | None:
    """Length of the table that a node looks up with this input."""
    if node.op_type in {"Gather", "GatherBlockQuantized", "GatherElements"} and position == 1:
        axis = node.attributes.get_int("axis", node.attributes.get_int("gather_axis", 0))
        shape = _table_shape(node.inputs[0])
        return shape[axis] if shape is not None else None
    if node.op_type == "OneHot" and position == 0:
        depth = _constant(node.inputs[1])
        return int(depth.reshape(-1)[0]) if depth is not None else None
    if node.op_type == "EmbedLayerNormalization" and position in {0, 1}:
        shape = _table_shape(node.inputs[2 if position == 0 else 4])
        return shape[0] if shape is not None else None
    return None


def _table_shape(value: ir.Value | None) -> tuple[int, ...] | None:
    """The shape of a table, also of one that is stored quantized, in half precision or as a palette."""
    while value is not None:
        if value.const_value is not None:
            return tuple(value.const_value.shape.numpy())
        producer = value.producer()
        if producer is not None and producer.op_type == "Constant":
            import onnx_ir as ir

            tensor = ir.convenience.get_const_tensor(value)
            return tuple(tensor.shape.numpy()) if tensor is not None else None
        if producer is None or producer.op_type not in {"Cast", "DequantizeLinear", "Identity", "Gather"}:
            return None
        value = producer.inputs[1 if producer.op_type == "Gather" else 0]
    return None


def _constant(value: ir.Value | None) -> np.ndarray | None:
    if value is None:
        return None
    if value.const_value is None:
        producer = value.producer()
        if producer is None or producer.op_type not in {"Constant", "Cast", "Identity"}:
            return None
        if producer.op_type != "Constant":
            return _constant(producer.inputs[0])
        import onnx_ir as ir

        tensor = ir.convenience.get_const_tensor(value)
        return None if tensor is None else tensor.numpy()
    return value.const_value.numpy() if value.const_value.size <= 1_000_000 else None


def _forced_by_weights(model: ir.Model, facts: list[InputFact]) -> dict[str, int]:
    """Free dimensions whose size follows from the weight that the input meets first."""
    by_name = {value.name: value for value in model.graph.inputs}
    forced: dict[str, int] = {}
    batch = batch_symbols(facts)
    for fact in facts:
        for axis, size in _met(by_name[fact.name]).items():
            dims = fact.dims or ()
            if len(dims) > 1 and -len(dims) <= axis < len(dims):
                dim = dims[axis]
                if isinstance(dim, str) and dim not in batch:
                    forced.setdefault(dim, size)
    return forced


def _met(value: ir.Value) -> dict[int, int]:
    """Axes of an input with the size that the first weights downstream want there."""
    wanted: dict[int, int] = {}
    for use in value.uses():
        node = use.node
        weight = _table_shape(node.inputs[1]) if len(node.inputs) > 1 and use.idx == 0 else None
        if node.op_type in {"Cast", "Identity", "BatchNormalization", "QuantizeLinear", "DequantizeLinear"}:
            wanted |= _met(node.outputs[0])
        elif weight is None or len(weight) < 2:
            continue
        elif node.op_type == "Conv":
            wanted[1] = weight[1] * node.attributes.get_int("group", 1)
        elif node.op_type == "MatMul":
            wanted[-1] = weight[-2]
        elif node.op_type == "Gemm" and node.attributes.get_int("transA", 0) == 0:
            wanted[-1] = weight[1 if node.attributes.get_int("transB", 0) else 0]
        elif node.op_type in {"LSTM", "GRU", "RNN"}:
            wanted[2] = weight[2]
    return wanted
