"""Proof that an exported file is the network that was measured: opened again, checked and compared."""

from __future__ import annotations

from pathlib import Path
from typing import Any

BATCHES = 3
SEED = 20_26


def verify(path: str, measured: str) -> list[dict[str, Any]]:
    """Checks of an exported file against the stored network that was measured.

    Returns rows {"name", "ok", "detail"} in the order in which they were done; a check that fails does not stop those
    that can still be done. Runs in a worker process.
    """
    rows = [_row("The checker of ONNX passed", _check, path)]
    rows.append(_row("Opened again in ONNX Runtime", _open, path))
    rows.append(_row("Outputs equal the measured model", lambda one: _equal(one, measured), path))
    return rows


def _row(name: str, check: Any, path: str) -> dict[str, Any]:
    try:
        detail = check(path)
    except Exception as error:  # noqa: BLE001 - whatever is wrong with the file is what the row says
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        return {"name": name, "ok": False, "detail": first}
    return {"name": name, "ok": True, "detail": detail}


def _check(path: str) -> str:
    import onnx

    onnx.checker.check_model(path)
    return f"onnx {onnx.__version__}"


def _open(path: str) -> str:
    import onnxruntime

    from compress_studio.graph.session import open_session

    session = open_session(Path(path))
    names = ", ".join(one.name for one in session.get_outputs())
    return f"onnxruntime {onnxruntime.__version__}; gives {names}"


def _equal(path: str, measured: str) -> str:
    """Run both on the same inputs; every output must have the same bits (not-a-number at the same places)."""
    import numpy as np

    from compress_studio.graph.samples import synthetic
    from compress_studio.graph.saving import load
    from compress_studio.graph.session import open_session, run

    one, other = open_session(Path(path)), open_session(Path(measured))
    inputs = [dict(synthetic(load(Path(measured)), 2, SEED + turn)) for turn in range(BATCHES)]
    count = 0
    for feed in inputs:
        mine, theirs = run(one, feed), run(other, feed)
        for name in theirs:
            a, b = np.asarray(mine[name]), np.asarray(theirs[name])
            if a.shape != b.shape or a.dtype != b.dtype or not np.array_equal(a, b, equal_nan=a.dtype.kind == "f"):
                raise ValueError(f"the output {name} differs")
            count += a.size
    return f"{count} numbers compared, all equal"
