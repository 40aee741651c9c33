"""Keys: equal keys mean equal results, so a result is computed once and found for ever."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from compress_studio.base.digest import Json, digest_json
from compress_studio.spec.meter import MeterSpec
from compress_studio.spec.params import Params
from compress_studio.spec.step import StepSpec

FORMAT = "cs1"
"""Changes when the meaning of a key changes; every old result is then a miss."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a result may depend on besides its inputs and parameters."""

    seed: int = 0
    data: str = ""
    """Digest of the data set."""
    device: str = "cpu"
    """Class of device, resolved."""
    data_given: bool = True
    """Whether the user gave data; made-up samples are not looked at by a source."""


@cache
def version_of(distribution: str) -> str:
    """The installed version of a distribution, found without importing it; "none" when it is not installed."""
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return "none"


def action_key(spec: StepSpec, params: Params, inputs: Mapping[str, str | None], around: Surroundings) -> str:
    """Name the result of a step: inputs by the digest of what arrives, None for an unconnected input.

    Raises BadInput when the fingerprint of a source cannot be taken, such as for a file that is missing.
    """
    asks = around.data_given and spec.asks_data is not None and spec.asks_data(params)
    uses_data = spec.needs_data or asks
    return digest_json(
        {
            "format": FORMAT,
            "step": spec.id,
            "version": spec.version,
            "params": params.canonical(),
            "inputs": dict(inputs),
            "seed": around.seed if spec.random else None,
            "data": around.data if uses_data else None,
            "device": around.device if spec.uses_device else None,
            "versions": {name: version_of(name) for name in spec.depends_on},
            "fingerprint": spec.fingerprint(params) if spec.fingerprint is not None else None,
        }
    )


def meter_key(subject: str, spec: MeterSpec, conditions: Mapping[str, Json]) -> str:
    """Name a measurement: the artifact, the meter and everything that the readings depend on."""
    return digest_json([FORMAT, subject, spec.id, spec.version, dict(conditions)])
