"""Every kind of field in every state, for the gallery and for tests of forms."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any

from compress_studio.spec.params import Params, Range, Ui


class Method(StrEnum):
    """Few short choices."""

    FAST = "fast"
    EXACT = "exact"


class Criterion(StrEnum):
    """Several long choices."""

    MAGNITUDE = "magnitude"
    LEAST_SQUARES = "least_squares"
    TAYLOR = "taylor"
    WANDA = "wanda"


class DemoParams(Params):
    """One parameter of every kind."""

    share: Annotated[float, Range(0.0, 0.95, 0.01), Ui("Channels removed", "Share of the channels.")] = 0.3
    percent: Annotated[float, Range(90.0, 100.0, 0.1), Ui("Percentile", "Of the activations.", unit="%")] = 99.9
    rate: Annotated[float, Range(1e-6, 1.0, log=True), Ui("Learning rate", "Size of the first steps.")] = 1e-3
    epochs: Annotated[int, Range(1, 200, 1), Ui("Epochs", "Passes over the data.")] = 5
    count: Annotated[int, Ui("Seed", "Where random numbers begin.")] = 0
    method: Annotated[Method, Ui("Method", "How it is done.")] = Method.FAST
    criterion: Annotated[Criterion, Ui("Criterion", "How much a weight matters.")] = Criterion.MAGNITUDE
    samples: Annotated[
        int,
        Range(8, 4096, 8),
        Ui("Samples", "Behind the criterion.", shown_when={"criterion": frozenset({"taylor", "wanda"})}),
    ] = 256
    repair: Annotated[bool, Ui("Repair", "Let the rest take over.")] = True
    reduced: Annotated[bool | None, Ui("7-bit weights", "For processors that saturate.")] = None
    multiple: Annotated[int | None, Range(1, 64, 1), Ui("Round to", "Channels left are a multiple of this.")] = None
    skip: Annotated[tuple[str, ...], Ui("Leave alone", "Names of layers, or patterns.", per_layer=True)] = ()
    title: Annotated[str, Ui("Name", "What the result is called.", group="Result")] = ""
    floor: Annotated[float, Range(0.0, 1.0, 0.05), Ui("Keep at least", "Of every group.", advanced=True)] = 0.1
    layers: Annotated[
        dict[str, Annotated[float, Range(0.0, 0.95, 0.01)]],
        Ui("Share by layer", "Values of single layers.", per_layer=True),
    ] = {}  # noqa: RUF012 - parameters are frozen


def demo_states() -> dict[str, Mapping[str, Any]]:
    """Values by the name of the state: as declared, everything changed, everything automatic, very long names."""
    long_names = [f"encoder.stage{number}.block.attention.output.projection.weight" for number in range(4)]
    return {
        "defaults": {},
        "changed": {
            "share": 0.75,
            "percent": 95.5,
            "rate": 0.05,
            "epochs": 120,
            "count": 12345,
            "method": "exact",
            "criterion": "wanda",
            "samples": 1024,
            "repair": False,
            "reduced": True,
            "multiple": 16,
            "skip": ["conv1", "head"],
            "title": "My result",
            "floor": 0.5,
        },
        "long names": {"skip": long_names, "title": "A name that is longer than the field has room for, by far"},
    }
