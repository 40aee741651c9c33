"""A data set in words, found in a worker process, because opening one needs heavy packages."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from compress_studio.spec.data import DataRequest
from compress_studio.spec.runtime import load_runtime


def describe(runtime: str, path: str, options: str, seed: int, network: str) -> dict[str, Any]:
    """What a data set says about itself when it is joined to a network: parts, task, preprocessing."""
    request = DataRequest(path, json.loads(options), seed)
    return dict(load_runtime(runtime).open_data(request, Path(network)).describe())
