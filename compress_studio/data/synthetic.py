"""Random inputs for a network without data; every result that depends on them must say so."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from compress_studio.spec.data import Batch

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    import onnx_ir as ir

    from compress_studio.graph.inputs import InputFact

COUNT = 256
"""Samples per part."""
BLOCK = 16
"""Samples that are drawn at once; a block has its own seed, so that the batch size changes no sample."""


@dataclass(slots=True)
class SyntheticSplit:
    """Random samples, drawn block by block and forgotten again."""

    model: ir.Model
    facts: list[InputFact]
    binding: Mapping[str, int]
    """Sizes of the free dimensions."""
    symbols: frozenset[str]
    """The free dimensions that count samples."""
    seed: int
    number: int
    """Of the part, so that the parts differ."""
    fixed: int | None
    per_sample: Mapping[str, int]
    """The axis that counts samples, which for states of recurrent layers is not the first, of the inputs that have one;
    the others are the same for all samples."""
    count: int = COUNT
    labelled: bool = field(default=False, init=False)

    def __len__(self) -> int:
        return self.count

    def batches(self, size: int, limit: int | None = None, shuffle: int | None = None) -> Iterator[Batch]:
        """See spec.data.Split; random samples are the same in any order, so shuffle changes only the seed."""
        size = self.fixed or max(1, size)
        total = self.count if limit is None else min(self.count, max(limit, size if self.fixed else 1))
        seed = self.seed if shuffle is None else self.seed + 7919 * (shuffle + 1)
        first = 0
        while first < total:
            take = min(size, total - first)
            if self.fixed is not None and take < self.fixed:
                return
            yield Batch(self._slice(first, take, seed), None, first)
            first += take

    def _slice(self, first: int, take: int, seed: int) -> dict[str, np.ndarray]:
        import numpy as np

        block = self.fixed or BLOCK
        blocks = [self._block(at, block, seed) for at in range(first // block, (first + take - 1) // block + 1)]
        skip = first % block
        joined: dict[str, np.ndarray] = {}
        for name, value in blocks[0].items():
            if name in self.per_sample:
                axis = self.per_sample[name]
                rows = np.concatenate([one[name] for one in blocks], axis)
                joined[name] = rows[(slice(None),) * axis + (slice(skip, skip + take),)]
            else:
                joined[name] = value
        # Whoever counts the samples of a batch looks at the first axis of the first input.
        return {name: joined[name] for name in sorted(joined, key=lambda one: self.per_sample.get(one, -1) != 0)}

    def _block(self, at: int, block: int, seed: int) -> dict[str, np.ndarray]:
        from compress_studio.graph.inputs import fill

        sizes = {**self.binding, **dict.fromkeys(self.symbols, block)}
        return fill(self.model, self.facts, sizes, (seed * 3 + self.number) * 1_000_003 + at)


def synthetic_splits(network: Path, parts: int, seed: int, dims: Mapping[str, int]) -> list[SyntheticSplit]:
    """Random samples for the parts of the data of a network.

    Raises BadInput when no sizes of free dimensions let the network run.
    """
    from compress_studio.graph.inputs import batch_symbols, fixed_batch, input_facts
    from compress_studio.graph.saving import load
    from compress_studio.graph.shapes import resolve

    model = load(network)
    facts = input_facts(model)
    binding = resolve(model, dims)
    symbols = batch_symbols(facts)
    axes = {
        one.name: next(axis for axis, dim in enumerate(one.dims or ()) if dim in symbols)
        for one in facts
        if symbols.intersection(one.dims or ())
    }
    fixed: int | None = None
    if 0 not in axes.values():
        fixed = 1 if symbols else fixed_batch(facts)
        axes = {one.name: 0 for one in facts if one.dims and one.dims[0] == fixed}
    count = COUNT if fixed is None else max(fixed, COUNT // fixed * fixed)
    return [SyntheticSplit(model, facts, binding, symbols, seed, number, fixed, axes, count) for number in range(parts)]
