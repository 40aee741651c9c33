"""Palettes inside a network: packed indices behind operators that ONNX Runtime folds when it loads the file.

The form uses only operators of opset 7, so that the network keeps its own opset: indices are digits of integers,
taken apart by Div and Mod. With opset 21 four bits are a type of their own and need no taking apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from compress_studio.graph.rewrite import used_names
from compress_studio.steps.kernels.opset import opset_of
from compress_studio.steps.kernels.palette import Palette
from compress_studio.steps.kernels.palette_size import bits_each, palette_bytes
from compress_studio.steps.kernels.stored import Chain

if TYPE_CHECKING:
    import onnx_ir as ir

UINT4_OPSET = 21
MOD_OPSET = 10
SLICE_INPUTS_OPSET = 10
DIGITS = {1: (np.uint8, 8), 2: (np.uint8, 4), 3: (np.uint16, 5), 4: (np.uint8, 2), 5: (np.uint16, 3)}
"""By bits: the stored integer and how many indices one of them holds; more bits take one byte each."""


@dataclass(frozen=True, slots=True)
class Form:
    """How the indices of one palette are stored."""

    bits: int
    native: bool
    """Four-bit integers of ONNX."""

    @property
    def digits(self) -> int:
        return 1 if self.native else DIGITS.get(self.bits, (np.uint8, 1))[1]

    @property
    def bits_each(self) -> float:
        """Bits in the file per index."""
        return bits_each(self.bits, native=self.native)


def form_for(palette: Palette, model: ir.Model) -> Form:
    """The smallest form that the opset of the network has."""
    return Form(palette.bits, native=palette.bits == 4 and opset_of(model) >= UINT4_OPSET)


def stored_bytes(form: Form, palette: Palette, scales: int, itemsize: int) -> int:
    """About how many bytes a weight takes in the file afterwards. Args: scales counts them; itemsize of a value."""
    values = len(palette.values)
    return palette_bytes(palette.indices.size, values, form.bits, scales, itemsize, native=form.native)


class PaletteWriter:
    """Puts palettes into one network; constants that all need are stored once."""

    def __init__(self, model: ir.Model) -> None:
        self.model = model
        self.names = used_names(model)
        self.opset = opset_of(model)
        self._constants: dict[str, ir.Value] = {}

    def store(self, value: ir.Value, palette: Palette, form: Form, scales: np.ndarray | None) -> None:
        """Let the initializer value hold indices; its readers read scales · palette.values[indices].

        Args: scales are float16 and broadcast to the shape of the indices; None: no scales. The initializer keeps
        its name, the type that readers see stays.
        """
        import onnx_ir as ir

        assert value.const_value is not None
        read_as = value.const_value.dtype
        # ONNX Runtime folds no Mul in half precision, so that halves are made of float32 at the end.
        dtype = ir.DataType.FLOAT if scales is not None and read_as != ir.DataType.DOUBLE else read_as
        stem = value.name or "weight"
        shape = palette.indices.shape
        chain = Chain(self.model, self.names)
        codebook = chain.constant(f"{stem}_palette", ir.Tensor(palette.values.astype(dtype.numpy())))
        original = ir.TensorType(dtype)
        indices = self._indices(chain, value, palette, form)
        result = chain.op("Gather", [codebook, indices], f"{stem}_gathered", axis=0)
        result.type, result.shape = original, indices.shape
        if form.digits > 1:
            target = chain.constant(f"{stem}_shape", ir.Tensor(np.array(shape, np.int64)))
            result = chain.op("Reshape", [result, target], f"{stem}_shaped")
        result.type, result.shape = original, ir.Shape(shape)
        if scales is not None:
            factor = chain.constant(f"{stem}_scale", ir.Tensor(scales))
            if dtype != factor.dtype:
                factor = chain.op("Cast", [factor], f"{stem}_scale_cast", to=dtype.value)
                factor.type = original
            result = chain.op("Mul", [result, factor], f"{stem}_scaled")
        if dtype != read_as:
            result = chain.op("Cast", [result], f"{stem}_narrow", to=read_as.value)
            result.type = ir.TensorType(read_as)
        chain.replace(value, result)

    def _indices(self, chain: Chain, value: ir.Value, palette: Palette, form: Form) -> ir.Value:
        """The indices as int32: flat where they are packed, else in the shape of the weight."""
        import onnx_ir as ir

        packed = pack(palette.indices, form)
        stem = value.name or "weight"
        value.const_value = _tensor(packed, form, stem)
        value.shape, value.type = ir.Shape(packed.shape), ir.TensorType(value.const_value.dtype)
        whole = chain.op("Cast", [value], f"{stem}_integers", to=ir.DataType.INT32.value)
        whole.type = ir.TensorType(ir.DataType.INT32)
        if form.digits == 1:
            return whole
        base = 1 << form.bits
        powers = self._constant(chain, f"powers_of_{base}", base ** np.arange(form.digits))
        modulus = self._constant(chain, f"digits_below_{base}", np.array(base))
        shifted = chain.op("Div", [whole, powers], f"{stem}_shifted")
        shifted.shape = ir.Shape((len(packed), form.digits))
        digits = self._remainder(chain, shifted, modulus, stem)
        flat = chain.op("Reshape", [digits, self._constant(chain, "flat", np.array([-1]), np.int64)], f"{stem}_flat")
        flat.shape = ir.Shape((packed.size * form.digits,))
        if packed.size * form.digits == palette.indices.size:
            return flat
        return self._first(chain, flat, palette.indices.size, stem)

    def _remainder(self, chain: Chain, shifted: ir.Value, modulus: ir.Value, stem: str) -> ir.Value:
        if self.opset >= MOD_OPSET:
            return chain.op("Mod", [shifted, modulus], f"{stem}_digits")
        again = chain.op("Div", list(shifted.producer().inputs), f"{stem}_again")  # type: ignore[union-attr, arg-type]
        above = chain.op("Div", [again, modulus], f"{stem}_above")
        return chain.op("Sub", [shifted, chain.op("Mul", [above, modulus], f"{stem}_back")], f"{stem}_digits")

    def _first(self, chain: Chain, flat: ir.Value, count: int, stem: str) -> ir.Value:
        """The first count elements of a flat value: the last integer is not full."""
        import onnx_ir as ir

        if self.opset >= SLICE_INPUTS_OPSET:
            begin = self._constant(chain, "begin", np.array([0]), np.int64)
            end = chain.constant(f"{stem}_count", ir.Tensor(np.array([count], np.int64)))
            cut = chain.op("Slice", [flat, begin, end], f"{stem}_cut")
        else:
            cut = chain.op("Slice", [flat], f"{stem}_cut")
            cut.producer().attributes.update(  # type: ignore[union-attr]
                {"starts": ir.AttrInt64s("starts", [0]), "ends": ir.AttrInt64s("ends", [count])}
            )
        cut.shape = ir.Shape((count,))
        return cut

    def _constant(self, chain: Chain, stem: str, array: np.ndarray, dtype: type = np.int32) -> ir.Value:
        import onnx_ir as ir

        if stem not in self._constants:
            self._constants[stem] = chain.constant(f"palette_{stem}", ir.Tensor(np.asarray(array, dtype)))
        return self._constants[stem]


def pack(indices: np.ndarray, form: Form) -> np.ndarray:
    """Indices as stored: unchanged, or one column of integers that each hold form.digits of them, lowest first."""
    if form.digits == 1:
        return indices
    dtype, digits = DIGITS[form.bits]
    rows = -(-indices.size // digits)
    padded = np.zeros(rows * digits, np.uint8)
    padded[: indices.size] = indices.ravel()
    packed = np.zeros(rows, np.uint32)
    for place in range(digits):
        packed |= padded[place::digits].astype(np.uint32) << np.uint32(place * form.bits)
    return packed.astype(dtype).reshape(rows, 1)


def _tensor(packed: np.ndarray, form: Form, name: str) -> ir.TensorProtocol:
    import onnx_ir as ir

    if not form.native:
        return ir.Tensor(packed, name=name)
    import ml_dtypes

    return ir.Tensor(packed.astype(ml_dtypes.uint4), name=name)  # pyright: ignore[reportArgumentType]
