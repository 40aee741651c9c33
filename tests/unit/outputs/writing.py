"""What the tests of output formats share: write a network in a format and prove it, as the work unit does."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnx_ir as ir

from compress_studio.base.errors import Refused
from compress_studio.graph.facts import inspect
from compress_studio.outputs import OUTPUTS
from compress_studio.spec.output import Check, OutputSpec, Written, function_of
from compress_studio.spec.ports import OnnxNet

BY_ID = {spec.id: spec for spec in OUTPUTS}


@dataclass(frozen=True)
class Result:
    """A written network and its proofs."""

    written: Written
    checks: list[Check]
    caution: str

    @property
    def file(self) -> Path:
        return self.written.files[0]

    @property
    def ok(self) -> bool:
        return bool(self.checks) and all(check.ok for check in self.checks)

    @property
    def largest(self) -> float:
        """The largest relative difference to ONNX Runtime."""
        return float(self.checks[-1].detail.split("largest difference ")[1].split(";")[0])


def stored(model: ir.Model, folder: Path) -> Path:
    """The network as a file."""
    path = folder / "network.onnx"
    ir.save(model, path)
    return path


def write(output: str, network: Path, folder: Path, **params: Any) -> Result:
    """Write and prove; raises Refused as the work unit does."""
    spec: OutputSpec = BY_ID[output]
    values = spec.params.read(params)
    verdict = spec.carries(inspect(network), values)
    if not verdict.ok:
        raise Refused(verdict.reason, verdict.hint)
    target = folder / f"small{spec.suffixes[0]}"
    written = function_of(spec.write)(values, OnnxNet(network), target)
    return Result(written, function_of(spec.verify)(values, OnnxNet(network), target), verdict.reason)
