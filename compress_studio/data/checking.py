"""Looks at samples before anything runs: not-a-number rows, and what the outputs look like."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from compress_studio.base.errors import BadInput
from compress_studio.data.facts import TensorFact
from compress_studio.data.rows import ArrayRows
from compress_studio.data.source import Joined

if TYPE_CHECKING:
    import numpy as np

LOOKED_AT = 1_000_000_000
"""Bytes of an array that are looked at; more would make opening slow."""
PIECE = 32_000_000


def rows_with_nan(joined: Joined) -> np.ndarray:
    """Numbers of the rows of floating-point arrays that hold NaN or infinity, in order."""
    import numpy as np

    bad: list[np.ndarray] = []
    for feed in joined.feeds.values():
        if isinstance(feed.rows, ArrayRows) and feed.rows.dtype.kind == "f":
            bad += _bad_rows(feed.rows.array)
    return np.unique(np.concatenate(bad)) if bad else np.zeros(0, np.int64)


def _bad_rows(array: np.ndarray) -> list[np.ndarray]:
    import numpy as np

    per_row = max(1, array.nbytes // max(1, len(array)))
    step = max(1, PIECE // per_row)
    found: list[np.ndarray] = []
    for start in range(0, min(len(array), max(1, LOOKED_AT // per_row)), step):
        piece = array[start : start + step]
        good = np.isfinite(piece.reshape(len(piece), -1)).all(axis=1)
        found.append(np.flatnonzero(~good) + start)
    return found


def first_batch_outputs(
    network: Path, outputs: Sequence[TensorFact], joined: Joined, batch: int | None
) -> tuple[TensorFact, ...]:
    """Outputs with the shapes that a first batch gives, where the file leaves them open.

    Raises BadInput when the network does not run on the data.
    """
    import numpy as np

    inputs, _ = joined.read(_first(joined, batch or 2))
    names = [one.name for one in outputs if one.dtype is not None]
    values = try_run(network, [inputs], names)[0]
    shapes = {name: np.shape(value) for name, value in values.items()}
    return tuple(
        TensorFact(one.name, one.dtype, tuple(shapes[one.name])) if one.name in shapes else one for one in outputs
    )


def try_run(
    network: Path, feeds: Iterable[Mapping[str, np.ndarray]], outputs: Sequence[str]
) -> list[dict[str, np.ndarray]]:
    """The outputs for each feed. Raises BadInput when the network does not run on the data."""
    from compress_studio.graph.saving import first_line
    from compress_studio.graph.session import open_session, run

    try:
        session = open_session(network)
        return [run(session, feed, outputs) for feed in feeds]
    except BadInput:
        raise
    except Exception as error:
        raise BadInput(
            f"The network does not run on the data: {first_line(error)}",
            "Check that shapes, ids and ranges of the data are what the network was made for.",
        ) from error


def _first(joined: Joined, count: int) -> np.ndarray:
    import numpy as np

    lengths = joined.table.lengths
    if lengths is None:
        return np.arange(min(count, len(joined.table)))
    return np.flatnonzero(lengths == lengths[0])[:count]
