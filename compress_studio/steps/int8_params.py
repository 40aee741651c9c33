"""What can be chosen for every step that computes in 8-bit integers."""

from __future__ import annotations

from typing import Annotated

from compress_studio.base.digest import Json
from compress_studio.base.processor import sums_saturate
from compress_studio.spec.params import Params, Ui


class Int8Params(Params):
    """Layers to leave alone, and the width of the weights."""

    keep: Annotated[tuple[str, ...], Ui("Keep in float", "Names of layers that are left alone.", per_layer=True)] = ()
    reduce_range: Annotated[
        bool | None,
        Ui(
            "7-bit weights",
            "For processors without VNNI, whose 8-bit sums overflow. Automatic: looks at this processor.",
            advanced=True,
        ),
    ] = None

    def weight_bits(self) -> int:
        """7 where sums of 8-bit products would overflow, else 8."""
        narrow = sums_saturate() if self.reduce_range is None else self.reduce_range
        return 7 if narrow else 8


def machine(params: Int8Params) -> Json:
    """For the key: left automatic, the width of the weights depends on the processor."""
    return {"weight_bits": params.weight_bits()} if params.reduce_range is None else {}
