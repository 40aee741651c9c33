"""Element types: which torch type stands for an ONNX type in the view.

Half-precision floats are held as float32: gradients of fp16 weights vanish on the processor. Casts to half still round.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

FLOAT, FLOAT16, DOUBLE, BFLOAT16, STRING = 1, 10, 11, 16, 8

TORCH: dict[int, torch.dtype] = {
    FLOAT: torch.float32,
    2: torch.uint8,
    3: torch.int8,
    4: torch.int32,  # uint16
    5: torch.int16,
    6: torch.int32,
    7: torch.int64,
    9: torch.bool,
    FLOAT16: torch.float32,
    DOUBLE: torch.float64,
    12: torch.int64,  # uint32
    13: torch.int64,  # uint64
    BFLOAT16: torch.float32,
    17: torch.float32,  # the four 8-bit floats
    18: torch.float32,
    19: torch.float32,
    20: torch.float32,
    21: torch.uint8,  # uint4
    22: torch.int8,  # int4
}
HALVES = {FLOAT16: torch.float16, BFLOAT16: torch.bfloat16}
WIDER = {"uint16": np.int32, "uint32": np.int64, "uint64": np.int64, "uint4": np.uint8, "int4": np.int8}


def to_tensor(array: np.ndarray) -> Tensor:
    """A tensor of the view from an array of any ONNX element type; raises TypeError for text.

    The values are copied: arrays out of files are read-only and stay as they are.
    """
    array = np.asarray(array)
    kind = array.dtype
    if kind.kind in "OSU":
        raise TypeError("text has no tensor in torch")
    if kind.name in WIDER:
        array = array.astype(WIDER[kind.name])
    elif kind == np.float16 or kind.kind == "V" or kind.name.startswith(("bfloat", "float8", "float4")):
        array = array.astype(np.float32)
    return torch.from_numpy(np.array(array, order="C", copy=True))


def to_array(tensor: Tensor, dtype: np.dtype) -> np.ndarray:
    """The values of a tensor in the element type in which they are stored."""
    return tensor.detach().cpu().numpy().astype(dtype)
