"""What samples look like before there is a network to join them to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from compress_studio.base.errors import BadInput
from compress_studio.data.facts import NetworkFacts, TensorFact
from compress_studio.data.finding import find
from compress_studio.data.naming import NO_LABELS, assign
from compress_studio.data.options import read_options
from compress_studio.data.pictures import PictureRows
from compress_studio.spec.data import DataRequest, SampleShape


def sample_shapes(request: DataRequest, inputs: Sequence[str]) -> dict[str, SampleShape]:
    """What one sample for each input of a network that is not there yet looks like; empty without a data set.

    Raises BadInput when the data set cannot be read or holds nothing for an input.
    """
    import numpy as np

    options = read_options(request)
    if options.path is None or not inputs:
        return {}
    facts = NetworkFacts(tuple(TensorFact(name, np.dtype(np.float32), None) for name in inputs), ())
    table = next(iter(find(options.path, facts, options).tables.values()))
    matched, _, _ = assign(list(table.columns), facts.inputs, replace(options, labels=NO_LABELS))
    rows = {name: table.columns[column] for name, column in matched.items()}
    return {
        name: SampleShape(_first_picture(one) if isinstance(one, PictureRows) else one.shape, one.dtype.name)
        for name, one in rows.items()
    }


def _first_picture(rows: PictureRows) -> tuple[int, ...]:
    """Height, width and channels of the first picture as it is stored."""
    from PIL import Image

    if not rows.files:
        return rows.shape
    try:
        with Image.open(rows.files[0]) as image:
            return (image.height, image.width, 1 if image.mode in {"1", "L", "I", "F", "I;16"} else 3)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise BadInput(f"The picture {rows.files[0]} cannot be read: {error}", "Replace or remove it.") from error
