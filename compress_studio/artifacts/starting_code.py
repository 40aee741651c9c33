"""The beginning of a Python file with the network of some weights: what has to be there, and what the weights tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

SHOWN = 6
"""Weights that are named at the beginning and at the end."""
WIDEST = 60

Shapes = Mapping[str, tuple[int, ...]]


def starting_code(file: str, shapes: Shapes, *, pickled_class: str = "") -> str:
    """Python text to be completed by hand; it can be imported as it is.

    pickled_class: the class whose network was pickled, which is then what has to be written.
    """
    name = pickled_class.rpartition(".")[2]
    name = name if name.isidentifier() else "Network"
    lines = [
        f'"""The network of {_plain(file)}: write its layers below.',
        "",
        "Every weight is named after the attribute that holds its layer: self.conv1 holds conv1.weight.",
        *_listing(shapes),
        '"""',
        "",
        "import torch",
        "",
        "",
        f"class {name}(torch.nn.Module):",
        "    def __init__(self) -> None:",
        "        super().__init__()",
        *(f"        # {line}" for line in _proposals(shapes)),
        "",
        "    def forward(self, x: torch.Tensor) -> torch.Tensor:",
        "        # What the layers compute, one after the other.",
        "        return x",
        "",
        "",
        "def make() -> torch.nn.Module:",
        f"    return {name}()",
        "",
    ]
    return "\n".join(lines)


def shape_text(shape: Sequence[int]) -> str:
    """ "64 × 3 × 7 × 7", "one number"."""
    return " × ".join(map(str, shape)) or "one number"


def _listing(shapes: Shapes) -> list[str]:
    rows = list(shapes.items())
    if not rows:
        return []
    first, last = (rows, []) if len(rows) <= 2 * SHOWN else (rows[:SHOWN], rows[-SHOWN:])
    width = min(WIDEST, max(len(name) for name, _ in (*first, *last)))
    lines = ["", f"The file holds {len(rows)} tensors:"]
    lines += [f"    {_plain(name).ljust(width)}  {shape_text(shape)}" for name, shape in first]
    if last:
        lines.append(f"    … {len(rows) - 2 * SHOWN} more …")
        lines += [f"    {_plain(name).ljust(width)}  {shape_text(shape)}" for name, shape in last]
    return lines


def _proposals(shapes: Shapes) -> list[str]:
    """Layers that the first and the last weight may belong to, as comments."""
    weights = [(name, shape) for name, shape in shapes.items() if name.endswith(".weight") and len(shape) > 1]
    chosen = [*weights[:1], *weights[-1:]] if len(weights) > 1 else weights
    lines: list[str] = []
    for place, (name, shape) in enumerate(chosen):
        layer, bias = name.removesuffix(".weight"), f"{name.removesuffix('.weight')}.bias" in shapes
        which = "first" if place == 0 else "last"
        lines.append(f"The {which} layer, {_plain(name)} of {shape_text(shape)}, may be:")
        lines.append(f"self.{_plain(layer)} = {_layer(name, shape, bias=bias)}")
    return lines or ["self.layer = torch.nn.Linear(10, 10)"]


def _layer(name: str, shape: Sequence[int], *, bias: bool) -> str:
    end = "" if bias else ", bias=False"
    if len(shape) == 2:
        if "emb" in name.lower() and not bias:
            return f"torch.nn.Embedding({shape[0]}, {shape[1]})"
        return f"torch.nn.Linear({shape[1]}, {shape[0]}{end})"
    if len(shape) > 5:
        return f"torch.nn.Parameter(torch.zeros({tuple(shape)}))"
    kernel = str(shape[2]) if len(set(shape[2:])) == 1 else str(tuple(shape[2:]))
    return f"torch.nn.Conv{len(shape) - 2}d({shape[1]}, {shape[0]}, {kernel}{end})"


def _plain(text: str) -> str:
    """Text of a stranger that can stand in a docstring or comment: printable, one line, no quotes, no backslashes."""
    return "".join(one if one.isprintable() and one not in "\"'\\" else "?" for one in text)
