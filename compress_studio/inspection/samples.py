"""A few samples of a data set as they lie on disk, and what is declared about it: to recognise and to correct."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compress_studio.spec.data import DataRequest, Part, Task

if TYPE_CHECKING:
    import numpy as np

    from compress_studio.data.source import Joined, Source

MOST = 8
SIDE = 64
"""Pixels of the longer side of a picture."""
NUMBERS = 4
"""Of one row that are shown."""
CHANNELS = (1, 3, 4)


def look(runtime: str, path: str, options: str, seed: int, network: str, count: int = MOST) -> dict[str, Any]:
    """Up to eight samples for the data card.

    "kind" is "pictures", "rows" or "none"; a sample has "name", "label" and either "pixels" (height × width × 3,
    8 bits, plain bytes with "height" and "width") or "values" (text of its first numbers).
    """
    from compress_studio.engine.opened_data import open_data

    source: Any = open_data(runtime, path, options, seed, network)
    return of_source(source, min(count, MOST))


def of_source(source: Source, count: int) -> dict[str, Any]:
    """The first test samples of a data set, one of each class as far as possible."""
    import numpy as np

    part: Any = source.parts[Part.TEST]
    joined: Joined | None = getattr(part, "joined", None)
    if joined is None or not len(part):
        return {"kind": "none", "samples": [], "columns": []}
    places = _varied(joined, np.asarray(part.index), count)
    name, feed = next(iter(joined.feeds.items()))
    names = [joined.table.name(int(one)) for one in places]
    labels = [_label(source, joined, int(one)) for one in places]
    raw = [np.asarray(feed.rows.take(np.asarray([one])))[0] for one in places]
    pictures = [_picture(one, feed.rows.picture) for one in raw]
    if all(one is not None for one in pictures):
        samples = [
            {"name": name, "label": label, "height": one.shape[0], "width": one.shape[1], "pixels": one.tobytes()}
            for name, label, one in zip(names, labels, pictures, strict=True)
            if one is not None
        ]
        return {"kind": "pictures", "samples": samples, "input": name}
    samples = [
        {"name": name, "label": label, "values": _numbers(joined, one)}
        for name, label, one in zip(names, labels, places, strict=True)
    ]
    return {"kind": "rows", "samples": samples, "input": name}


def declared(path: str, options: str) -> dict[str, Any]:
    """What the data.toml of a path says and what the options of the project add, as plain values."""
    from compress_studio.data.options import read_options, toml_of

    given: dict[str, Any] = json.loads(options)
    read_options(DataRequest(path, given))
    toml = toml_of(Path(path).expanduser()) if path else None
    values: dict[str, Any] = {}
    if toml is not None:
        import tomllib

        values = tomllib.loads(toml.read_text(encoding="utf-8-sig"))
        values.pop("path", None)
    return {"file": values, "toml": "" if toml is None else str(toml)}


def _varied(joined: Joined, index: np.ndarray, count: int) -> list[int]:
    """Rows of different classes first, then the first ones."""
    first = [int(one) for one in index[: 64 * count]]
    if joined.labels is None or joined.labels.ndim != 1 or joined.labels.dtype.kind == "f":
        return first[:count]
    seen: dict[int, int] = {}
    for one in first:
        seen.setdefault(int(joined.labels[one]), one)
    chosen = list(seen.values())[:count]
    return (chosen + [one for one in first if one not in set(chosen)])[:count]


def _label(source: Source, joined: Joined, row: int) -> str:
    if joined.labels is None or source.task is Task.NONE:
        return ""
    value = joined.labels[row]
    if getattr(value, "ndim", 0):
        return ", ".join(f"{float(one):.3g}" for one in value.reshape(-1)[:NUMBERS])
    if source.task is Task.REGRESS:
        return f"{float(value):.4g}"
    number = int(value)
    return source.classes[number] if 0 <= number < len(source.classes) else str(number)


def _picture(raw: np.ndarray, certain: bool) -> np.ndarray | None:
    """The sample as 8-bit colours of at most 64 pixels; None when it does not look like a picture."""
    import numpy as np

    if raw.dtype.kind not in "uif" or raw.ndim not in {2, 3}:
        return None
    if raw.ndim == 3 and raw.shape[-1] not in CHANNELS:
        if raw.shape[0] not in CHANNELS:
            return None
        raw = np.moveaxis(raw, 0, -1)
    height, width = raw.shape[:2]
    if not certain and min(height, width) < 8:
        return None
    step = max(1, -(-max(height, width) // SIDE))
    small = raw[::step, ::step].astype(np.float32)
    if raw.dtype != np.uint8:
        low, high = float(np.nanmin(small)), float(np.nanmax(small))
        small = (small - low) * (255.0 / (high - low) if high > low else 0.0)
    small = np.nan_to_num(small)
    if small.ndim == 2:
        small = small[:, :, None]
    small = small[:, :, :1].repeat(3, axis=2) if small.shape[2] in {1, 2} else small[:, :, :3]
    return np.ascontiguousarray(small.clip(0, 255).astype(np.uint8))


def _numbers(joined: Joined, row: int) -> str:
    """The first values of a row, whichever columns they come from."""
    import numpy as np

    found: list[str] = []
    for feed in joined.feeds.values():
        flat = np.asarray(feed.rows.take(np.asarray([row])))[0].reshape(-1)
        found += [str(one)[:12] if flat.dtype.kind in "OUS" else f"{float(one):.3g}" for one in flat[: NUMBERS + 1]]
    return "  ".join(found[:NUMBERS]) + ("  …" if len(found) > NUMBERS else "")
