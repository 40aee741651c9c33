"""What the data package must know of a network: its inputs and outputs. Weights are never read."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from compress_studio.base.errors import BadInput

if TYPE_CHECKING:
    import numpy as np
    import onnx


@dataclass(frozen=True, slots=True)
class TensorFact:
    """One input or output of a network."""

    name: str
    dtype: np.dtype | None
    """None: not a tensor (a sequence, a map, …). Text is dtype object."""
    dims: tuple[int | None, ...] | None
    """None in it: free; None as a whole: rank unknown."""
    batch_axis: int = 0
    """The axis that counts samples; not the first one for the states of a recurrent layer (layers × N × width)."""

    @property
    def samples_first(self) -> TensorFact:
        """The same input with the axis that counts samples in front, as data sets hold it."""
        if not self.batch_axis or self.dims is None:
            return self
        at = self.batch_axis
        return replace(self, dims=(self.dims[at], *self.dims[:at], *self.dims[at + 1 :]), batch_axis=0)

    @property
    def floating(self) -> bool:
        import numpy as np

        return self.dtype is not None and (np.issubdtype(self.dtype, np.floating) or self.dtype.name == "bfloat16")

    @property
    def shape_text(self) -> str:
        """The shape as people read it: N × 1 × 28 × 28."""
        if self.dims is None:
            return "any shape"
        return words(self.dims)


@dataclass(frozen=True, slots=True)
class NetworkFacts:
    """Inputs that must be fed, and outputs."""

    inputs: tuple[TensorFact, ...]
    outputs: tuple[TensorFact, ...]


def words(dims: tuple[int | None, ...]) -> str:
    """A shape with × between; the free first dimension is N, other free ones *."""
    parts = [("N" if at == 0 else "*") if one is None or one < 0 else str(one) for at, one in enumerate(dims)]
    return " × ".join(parts) or "a single number"


def network_facts(path: Path) -> NetworkFacts:
    """Inputs without those that have a default, and outputs, of an ONNX file. Raises BadInput when it is not one."""
    import onnx
    from google.protobuf.message import DecodeError

    try:
        graph = onnx.load(str(path), load_external_data=False).graph
    except (DecodeError, OSError) as error:
        raise BadInput(f"{path} is not a readable ONNX file: {error}", "Open it as a model first.") from error
    defaults = {one.name for one in graph.initializer} | {one.values.name for one in graph.sparse_initializer}
    fed = [one for one in graph.input if one.name not in defaults]
    batch = {names[0] for names in map(_symbols, fed) if names and names[0]}
    inputs = tuple(replace(_fact(one), batch_axis=_batch_axis(_symbols(one), batch)) for one in fed)
    return NetworkFacts(inputs, tuple(_fact(one) for one in graph.output))


def _symbols(value: onnx.ValueInfoProto) -> list[str]:
    """The names of the free dimensions of a tensor; empty for the others."""
    return [dim.dim_param for dim in value.type.tensor_type.shape.dim]


def _batch_axis(names: list[str], batch: set[str]) -> int:
    """Where a name that counts samples in another input stands, when it does not stand first."""
    if not names or names[0]:
        return 0
    return next((axis for axis, name in enumerate(names) if name in batch), 0)


def _fact(value: onnx.ValueInfoProto) -> TensorFact:
    import numpy as np
    import onnx

    if value.type.WhichOneof("value") != "tensor_type":
        return TensorFact(value.name, None, None)
    tensor = value.type.tensor_type
    if tensor.elem_type == onnx.TensorProto.STRING:
        dtype: np.dtype | None = np.dtype(object)
    elif tensor.elem_type == onnx.TensorProto.UNDEFINED:
        dtype = None
    else:
        dtype = np.dtype(onnx.helper.tensor_dtype_to_np_dtype(tensor.elem_type))
    if not tensor.HasField("shape"):
        return TensorFact(value.name, dtype, None)
    sizes = tuple(dim.dim_value if dim.WhichOneof("value") == "dim_value" else None for dim in tensor.shape.dim)
    return TensorFact(value.name, dtype, tuple(one if one is None or one > 0 else None for one in sizes))
