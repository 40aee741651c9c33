"""Batches for training: a fixed part is held out, the rest comes in a new order every epoch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from compress_studio.base.errors import UserError
from compress_studio.spec.data import Batch, Split
from compress_studio.view.objectives import Rows

HELD_SHARE = 0.1
HELD_MOST = 2000
HELD_LEAST = 100
"""Fewer say little about which state is best; of a small set up to a quarter is held out for that."""
IN_MEMORY = 400_000_000
"""Bytes up to which all samples stay in memory, with what the teacher says about them."""
POOL = 32
"""Batches that are shuffled together when the samples do not stay in memory."""
FEW = 20
Enrich = Callable[[Mapping[str, np.ndarray]], dict[str, np.ndarray]]


def nothing(inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """No teacher."""
    return {}


class Feed:
    """The tuning part of a data set, read again every epoch.

    The part is read in an order drawn from the seed; the first tenth is held out and never trained on (at most 2,000
    samples; of a small set up to a quarter). With fewer than 20 samples the same ones serve both purposes. Small sets
    stay in memory, of large ones only a pool of batches at a time.

    Args: size is the wanted batch size, limit the number of samples used in all, enrich what the teacher says.
    """

    def __init__(
        self,
        split: Split,
        size: int,
        seed: int,
        *,
        limit: int | None = None,
        enrich: Enrich = nothing,
        check: Callable[[], None] = lambda: None,
    ) -> None:
        self._split = split
        self._size = size
        self._seed = seed
        self._enrich = enrich
        self._check = check
        self.samples = min(len(split), limit) if limit else len(split)
        first = next(iter(split.batches(size, limit=self.samples, shuffle=seed)), None)
        if first is None or len(first) == 0:
            raise UserError("There are no samples to train on.", "Give more data: a batch of them is needed at least.")
        self.size = len(first)
        """Samples per batch, as the network and the data allow it."""
        self.sample = _rows(first, {})
        self.shared = self.samples < max(FEW, 2 * self.size)
        """True when there are too few samples to hold some out."""
        wanted = max(int(self.samples * HELD_SHARE), min(HELD_LEAST, self.samples // 4), 1)
        batches = -(-min(wanted, HELD_MOST) // self.size)
        self._held = self.samples if self.shared else batches * self.size
        self.training = self.samples if self.shared else self.samples - self._held
        self._stays = self.samples * _bytes(first) / self.size <= IN_MEMORY
        self._kept: list[Rows] | None = None

    def held_out(self) -> Iterator[Rows]:
        """The held-out batches, always the same."""
        seen = 0
        for rows in self._batches():
            yield rows
            seen += len(rows)
            if seen >= self._held:
                return

    def epoch(self, number: int) -> Iterator[Rows]:
        """The training batches of one epoch; incomplete ones are left out where there are complete ones."""
        rng = np.random.default_rng((self._seed, number))
        pool: list[Rows] = []
        most = POOL if not self._stays else self.samples
        given = False
        seen = 0
        rest: Rows | None = None
        for rows in self._batches():
            seen += len(rows)
            if not self.shared and seen <= self._held:
                continue
            pool.append(rows)
            if len(pool) >= most:
                for one in _shuffled(pool, self.size, rng):
                    if len(one) == self.size:
                        yield one
                        given = True
                pool = []
        for one in _shuffled(pool, self.size, rng):
            if len(one) == self.size:
                yield one
                given = True
            else:
                rest = one
        if rest is not None and not given:
            yield rest

    def _batches(self) -> Iterator[Rows]:
        if self._kept is not None:
            yield from self._kept
            return
        kept: list[Rows] = []
        for batch in self._split.batches(self._size, limit=self.samples, shuffle=self._seed):
            self._check()
            rows = _rows(batch, self._enrich(batch.inputs))
            if self._stays:
                kept.append(rows)
            yield rows
        if self._stays:
            self._kept = kept


def _rows(batch: Batch, targets: dict[str, np.ndarray]) -> Rows:
    return Rows(batch.inputs, batch.labels, targets)


def _bytes(batch: Batch) -> int:
    return sum(array.nbytes for array in batch.inputs.values())


def _shuffled(pool: Sequence[Rows], size: int, rng: np.random.Generator) -> Iterator[Rows]:
    """Samples of several batches in a new order; where lengths differ, only the batches change places.

    So too where the first axis of an input does not count samples, as that of states of recurrent layers.
    """
    if not pool:
        return
    whole = any(array.ndim > 0 and len(array) != len(rows) for rows in pool for array in rows.inputs.values())
    if whole or len({_shape(rows) for rows in pool}) > 1:
        for index in rng.permutation(len(pool)):
            yield pool[index]
        return
    starts = np.cumsum([0, *(len(rows) for rows in pool)])
    order = rng.permutation(starts[-1])
    for first in range(0, len(order), size):
        yield _picked(pool, starts, order[first : first + size])


def _shape(rows: Rows) -> tuple[tuple[int, ...], ...]:
    arrays = [*rows.inputs.values(), *rows.targets.values()]
    return tuple(array.shape[1:] for array in arrays if array.ndim > 0)


def _picked(pool: Sequence[Rows], starts: np.ndarray, order: np.ndarray) -> Rows:
    """Single samples out of a pool of batches; only these are copied."""
    homes = np.searchsorted(starts, order, side="right") - 1
    places = order - starts[homes]

    def pick(get: Callable[[Rows], np.ndarray]) -> np.ndarray:
        first = get(pool[0])
        result = np.empty((len(order), *first.shape[1:]), first.dtype)
        for home in np.unique(homes):
            here = homes == home
            result[here] = get(pool[home])[places[here]]
        return result

    inputs = {name: pick(lambda rows, name=name: np.asarray(rows.inputs[name])) for name in pool[0].inputs}
    targets = {name: pick(lambda rows, name=name: rows.targets[name]) for name in pool[0].targets}
    labels = pick(lambda rows: np.asarray(rows.labels)) if pool[0].labels is not None else None
    return Rows(inputs, labels, targets)
