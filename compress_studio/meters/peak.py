"""A process of its own that loads a network, runs it once and prints its peak memory as JSON.

Usage: python -m compress_studio.meters.peak NETWORK SAMPLE.npz NAMES.json THREADS
"""

from __future__ import annotations

import json
import sys
from pathlib import Path


def main(arguments: list[str]) -> int:
    """Measure; what is printed is {"empty", "loaded", "peak"} in bytes, the last two above the first."""
    import numpy as np

    from compress_studio.graph.session import open_session
    from compress_studio.meters.running import feed_for

    network, sample, names, threads = arguments
    told = json.loads(Path(names).read_text(encoding="utf-8"))
    with np.load(sample, allow_pickle=False) as arrays:
        feed = {name: arrays[f"a{at}"] for at, name in enumerate(told["arrays"])}
    feed.update({name: np.asarray(value, dtype=object) for name, value in told["text"].items()})
    _warm()
    empty = _now()
    _reset_peak()
    session = open_session(Path(network), threads=int(threads))
    loaded = _peak()
    session.run(None, feed_for(session, feed))
    sys.stdout.write(json.dumps({"empty": empty, "loaded": max(0, loaded - empty), "peak": max(0, _peak() - empty)}))
    return 0


def _warm() -> None:
    """Import the runtime, so that its own code does not count as the network's."""
    import onnxruntime

    onnxruntime.SessionOptions()


def _now() -> int:
    """Resident bytes now."""
    import psutil

    return int(psutil.Process().memory_info().rss)


def _reset_peak() -> None:
    """Forget the peak of the imports, where the system can."""
    if sys.platform == "linux":
        try:
            Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
        except OSError:  # not allowed in some containers; the peak of the imports is below that of most networks
            return


def _peak() -> int:
    """The largest resident size so far, in bytes."""
    if sys.platform == "linux":
        for line in Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    if sys.platform == "win32":
        import psutil

        return int(getattr(psutil.Process().memory_info(), "peak_wset", 0))
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(peak if sys.platform == "darwin" else peak * 1024)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
