"""The fixed parts of a generated module, and how it is put together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

HEAD = '''"""{title}

{described}

    network = load()
    with torch.no_grad():
        result = network({arguments})

It needs torch and nothing else. The weights lie beside this file under the same name with the ending .safetensors.
"""

from __future__ import annotations

import json
import math
import struct
from pathlib import Path

import torch
from torch import Tensor, nn

TYPES = {{
    "F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16, "I64": torch.int64,
    "I32": torch.int32, "I16": torch.int16, "I8": torch.int8, "U8": torch.uint8, "BOOL": torch.bool,
}}


class Network(nn.Module):
    """The network; load() gives it its weights."""

    def __init__(self) -> None:
        super().__init__()
'''
TAIL = '''

def read_tensors(path: str | Path) -> dict[str, Tensor]:
    """The tensors of a safetensors file by name."""
    tensors: dict[str, Tensor] = {}
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        for name, entry in header.items():
            if name == "__metadata__":
                continue
            begin, end = entry["data_offsets"]
            dtype, shape = TYPES[entry["dtype"]], entry["shape"]
            if begin == end:
                tensors[name] = torch.empty(shape, dtype=dtype)
                continue
            file.seek(8 + length + begin)
            tensors[name] = torch.frombuffer(bytearray(file.read(end - begin)), dtype=dtype).reshape(shape)
    return tensors


def load(path: str | Path | None = None) -> Network:
    """The network with its weights, ready to run; path is another file with weights."""
    network = Network()
    network.load_state_dict(read_tensors(path or Path(__file__).with_suffix(".safetensors")))
    return network.eval()
'''


def module(
    *,
    title: str,
    described: Sequence[str],
    tensors: Mapping[str, str],
    learned: frozenset[str],
    inputs: Sequence[str],
    body: Sequence[str],
    returned: str,
    kind: str,
) -> str:
    """The whole text.

    Args: tensors are expressions that make empty ones, by attribute name; learned are those that become parameters.
    """
    text = HEAD.format(title=_quoted(title), described="\n".join(map(_quoted, described)), arguments=", ".join(inputs))
    for name, made in tensors.items():
        if name in learned:
            text += f"        self.{name} = nn.Parameter({made}, requires_grad=False)\n"
        else:
            text += f'        self.register_buffer("{name}", {made})\n'
    arguments = "".join(f", {name}: Tensor" for name in inputs)
    text += f"\n    def forward(self{arguments}) -> {kind}:\n"
    text += '        """Outputs in the order of the network."""\n'
    text += "".join(f"        {line}\n" for line in body)
    return f"{text}        return {returned}\n{TAIL}"


def _quoted(text: str) -> str:
    """Words of a file as part of a docstring: no quotes and no escapes of their own."""
    plain = "".join(one for one in text if one.isprintable())
    return plain.replace("\\", "/").replace('"', "'")
