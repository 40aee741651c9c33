"""Peak memory: what a fresh process needs to load a network and run it once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from compress_studio.base.errors import UserError
from compress_studio.spec.data import Part
from compress_studio.spec.meter import MeterContext, MeterSpec, Reading
from compress_studio.spec.ports import OnnxNet

WAIT = 0.02
LONGEST = 600.0
"""Seconds after which a child is given up."""


def measure(ctx: MeterContext, subjects: Sequence[OnnxNet], reference: OnnxNet) -> list[list[Reading]]:
    """Peak resident memory of every subject above that of a process that has loaded nothing."""
    import numpy as np

    batch = next(ctx.data.part(Part.TEST).batches(1, limit=1), None)
    if batch is None:
        raise UserError("There is no test sample to run the networks with.", "Give at least one sample.")
    plain = {name: value for name, value in batch.inputs.items() if value.dtype != object}
    text = {name: value.tolist() for name, value in batch.inputs.items() if value.dtype == object}
    sample = ctx.scratch / "sample.npz"
    np.savez(sample, allow_pickle=False, **{f"a{at}": value for at, value in enumerate(plain.values())})
    names = ctx.scratch / "sample.json"
    names.write_text(json.dumps({"arrays": list(plain), "text": text}), encoding="utf-8")
    readings: list[list[Reading]] = []
    for number, subject in enumerate(subjects):
        ctx.progress(number / len(subjects))
        found = _child(ctx, subject.path, sample, names)
        detail = {"loaded_bytes": found["loaded"], "empty_bytes": found["empty"], "batch": len(batch)}
        readings.append([Reading("peak_bytes", float(found["peak"]), "bytes", n=1, detail=dict(detail))])
    return readings


def _child(ctx: MeterContext, network: Path, sample: Path, names: Path) -> dict[str, int]:
    command = [sys.executable, "-m", "compress_studio.meters.peak", str(network), str(sample), str(names)]
    out, err = ctx.scratch / "peak.out", ctx.scratch / "peak.err"
    with out.open("wb") as stdout, err.open("wb") as stderr:
        child = subprocess.Popen(
            [*command, str(ctx.threads)],
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(one for one in sys.path if one)},
        )
        deadline = time.monotonic() + LONGEST
        try:
            while child.poll() is None:
                ctx.check()
                if time.monotonic() > deadline:
                    raise UserError(f"{network.name} did not run once within {LONGEST:.0f} s.", "Leave memory out.")
                time.sleep(WAIT)
        finally:
            if child.poll() is None:
                child.kill()
            child.wait()
    if child.returncode != 0:
        last = (err.read_text(encoding="utf-8", errors="replace").strip().splitlines() or ["no message"])[-1]
        raise UserError(f"The process that measures memory ended with {child.returncode}: {last}", "Try again.")
    return json.loads(out.read_text(encoding="utf-8"))


METER = MeterSpec(
    id="memory",
    version=1,
    title="Peak memory",
    summary="Memory that a fresh process needs to load the network and run it once.",
    run=measure,
    needs_data=True,
    per_machine=True,
    depends_on=("onnxruntime",),
)
