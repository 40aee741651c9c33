"""The numbers of a tensor in a file of weights, read where they lie; nothing is unpickled."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import math
import zipfile
from typing import TYPE_CHECKING

from compress_studio.artifacts.checkpoints import AGAIN, COMPRESSED, Scale, Tensor
from compress_studio.base.errors import BadInput

if TYPE_CHECKING:
    import numpy as np

PLAIN = {"qint8": "int8", "quint8": "uint8", "qint32": "int32", "bfloat16": "uint16"}
"""Types that NumPy does not know, by the integers that hold them."""


def read(tensor: Tensor) -> np.ndarray:
    """The numbers of a tensor with its shape: mapped from the file, or unpacked when they are compressed.

    bfloat16 becomes float32, and so do the integers of quantized tensors, with their scales. Raises BadInput for types
    that cannot be read and for files that changed meanwhile.
    """
    import numpy as np

    try:
        kind = np.dtype(PLAIN.get(tensor.dtype, tensor.dtype)).newbyteorder(">" if tensor.big_endian else "<")
    except TypeError:
        raise BadInput(f"{tensor.name} is of type {tensor.dtype}, which cannot be read here.") from None
    if not math.prod(tensor.shape):
        return np.zeros(tensor.shape, _kept(tensor, kind))
    pairs = zip(tensor.shape, tensor.strides, strict=True)
    count = 1 + sum((size - 1) * stride for size, stride in pairs)
    try:
        if tensor.start == COMPRESSED:
            flat = np.frombuffer(_unpacked(tensor, count * kind.itemsize), kind)
        else:
            flat = np.memmap(tensor.file, kind, "r", tensor.start, (count,))
    except (ValueError, OSError, zipfile.BadZipFile) as error:
        raise BadInput(f"{tensor.file.name} is damaged or changed while it was read.", AGAIN) from error
    strides = tuple(stride * kind.itemsize for stride in tensor.strides)
    array = np.lib.stride_tricks.as_strided(flat, tensor.shape, strides, writeable=False)
    if tensor.dtype == "bfloat16":
        return (array.astype(np.uint32) << 16).view(np.float32)
    return array if tensor.scale is None else _scaled(array, tensor.scale)


def _scaled(array: np.ndarray, told: Scale) -> np.ndarray:
    """(integer - zero) * scale, computed as PyTorch does."""
    import numpy as np

    shape = [1] * array.ndim
    parts: list[np.ndarray] = []
    for one in (told.scale, told.zero):
        values = read(one).astype(np.float64) if isinstance(one, Tensor) else np.full(1, one, np.float64)
        if values.size > 1:
            shape[told.axis] = values.size
        parts.append(values.reshape(shape))
    return ((array.astype(np.float64) - parts[1]) * parts[0]).astype(np.float32)


def _kept(tensor: Tensor, kind: np.dtype) -> np.dtype:
    import numpy as np

    return np.dtype(np.float32) if tensor.dtype == "bfloat16" or tensor.scale is not None else kind


def _unpacked(tensor: Tensor, count: int) -> bytes:
    """The bytes of a tensor in a packed archive entry."""
    with zipfile.ZipFile(tensor.file) as archive:
        ending = f"/data/{tensor.storage}"
        info = next(one for one in archive.infolist() if one.filename.endswith(ending))
        with archive.open(info) as stream:
            stream.read(tensor.offset)
            return stream.read(count)
