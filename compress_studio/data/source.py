"""A data set joined to a network: batches of fitted samples, part by part."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from compress_studio.base.errors import BadInput, Refused
from compress_studio.data.facts import words
from compress_studio.data.rows import VARYING
from compress_studio.spec.data import Batch, Part, Split, Task

if TYPE_CHECKING:
    import numpy as np

    from compress_studio.base.digest import Json
    from compress_studio.data.fitting import Fit
    from compress_studio.data.rows import Rows, Table


@dataclass(frozen=True, slots=True)
class Feed:
    """One input with the rows that feed it."""

    rows: Rows
    fit: Fit
    crop: bool = False
    """True: padded rows that are cut to the true length of the samples of a batch."""
    batch_axis: int = 0
    """Where the network has the axis that counts samples."""


@dataclass(frozen=True, slots=True)
class Joined:
    """One table joined to all inputs of a network."""

    table: Table
    feeds: Mapping[str, Feed]
    constants: Mapping[str, np.ndarray]
    """Inputs that are the same for every sample."""
    labels: np.ndarray | None

    def read(self, index: np.ndarray) -> tuple[dict[str, np.ndarray], np.ndarray | None]:
        """The inputs and labels of these samples, which are of one length."""
        import numpy as np

        length = None if self.table.lengths is None else int(self.table.lengths[index[0]])
        inputs: dict[str, np.ndarray] = {}
        # Whoever counts the samples of a batch looks at the first axis of the first input.
        for name, feed in sorted(self.feeds.items(), key=lambda item: item[1].batch_axis != 0):
            raw = feed.rows.take(index)
            if feed.crop and length is not None:
                raw = raw[:, :length]
            try:
                inputs[name] = np.moveaxis(feed.fit(raw), 0, feed.batch_axis)
            except BadInput as error:
                where = self.table.name(int(index[0]))
                raise BadInput(f"{error.message} (samples from {where} on)", error.hint) from error
        labels = None if self.labels is None else self.labels[index]
        if (
            labels is not None
            and labels.ndim == 2
            and length is not None
            and any(one.crop for one in self.feeds.values())
        ):
            labels = labels[:, :length]
        return {**inputs, **self.constants}, labels


@dataclass(frozen=True, slots=True)
class JoinedSplit:
    """One part of a data set."""

    joined: Joined
    index: np.ndarray
    """Numbers of its samples in the table."""
    part: Part
    fixed: int | None = None
    """The batch size that the network insists on."""

    @property
    def labelled(self) -> bool:
        return self.joined.labels is not None

    def __len__(self) -> int:
        return len(self.index)

    def batches(self, size: int, limit: int | None = None, shuffle: int | None = None) -> Iterator[Batch]:
        """See spec.data.Split. Raises Refused when the part has not one full batch."""
        size = self.fixed or max(1, size)
        if len(self.index) < (self.fixed or 1):
            purpose = {Part.CALIBRATE: "calibrate", Part.TUNE: "train", Part.TEST: "test"}[self.part]
            have = f"{len(self.index)} of {len(self.joined.table)} samples are left"
            raise Refused(
                f"There are too few samples to {purpose} with: {have}"
                + (f", the network takes exactly {self.fixed} at a time." if self.fixed else "."),
                "Give more samples; those for tests are never used for anything else.",
            )
        return self._run(size, limit, shuffle)

    def _run(self, size: int, limit: int | None, shuffle: int | None) -> Iterator[Batch]:
        for positions in self._plan(size, limit, shuffle):
            index = self.index[positions]
            inputs, labels = self.joined.read(index)
            names = tuple(self.joined.table.name(int(one)) for one in index)
            yield Batch(inputs, labels, int(positions[0]), names)

    def _plan(self, size: int, limit: int | None, shuffle: int | None) -> list[np.ndarray]:
        """Positions within the part, batch by batch; samples of different length never share one."""
        import numpy as np

        order = np.arange(len(self.index))
        generator = None if shuffle is None else np.random.default_rng([shuffle, 2])
        if generator is not None:
            order = generator.permutation(order)
        if limit is not None:
            order = order[: max(limit, self.fixed or 1)]
        lengths = self.joined.table.lengths
        groups = [order]
        if lengths is not None:
            own = lengths[self.index[order]]
            groups = [order[own == length] for length in np.unique(own)]
        pieces = [group[at : at + size] for group in groups for at in range(0, len(group), size)]
        if self.fixed is not None:
            pieces = [piece for piece in pieces if len(piece) == self.fixed]
        if generator is not None and lengths is not None:
            pieces = [pieces[at] for at in generator.permutation(len(pieces))]
        return pieces


@dataclass(frozen=True, slots=True)
class Source:
    """Implements spec.data.DataSource."""

    digest: str
    synthetic: bool
    task: Task
    classes: tuple[str, ...]
    notes: tuple[tuple[str, str], ...]
    parts: Mapping[Part, Split]
    description: Mapping[str, Json] = field(default_factory=dict[str, "Json"])

    def part(self, part: Part) -> Split:
        return self.parts[part]

    def describe(self) -> Mapping[str, Json]:
        """Name, sizes of the parts, preprocessing per input, task, output that the labels are about, notes."""
        return {
            **self.description,
            "synthetic": self.synthetic,
            "task": self.task.value,
            "classes": list(self.classes),
            "parts": {part.value: len(split) for part, split in self.parts.items()},
            "notes": [{"code": code, "message": message} for code, message in self.notes],
        }


def row_text(shape: tuple[int, ...]) -> str:
    """The shape of a sample for people; lengths that vary are shown as *."""
    return words((None, *(None if one == VARYING else one for one in shape)))
