"""Measure steps on many models through the command line and print one Markdown table.

    python packaging/dev/step_table.py CASES.toml [--step ID[:key=value]]… [--out TABLE.md]

CASES.toml lists what to measure: `[[case]]` with `model`, optional `data` and `name`; paths relative to the file.
A row per model and step: the metric before and after, bytes ÷, latency ÷ with its interval, layers changed,
warnings, or the reason of the refusal. Nothing is hidden: a run that fails is a row too.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

STEPS = (
    "quantize.static",
    "quantize.dynamic",
    "quantize.weights",
    "graph.fp16",
    "cluster.weights:bits=4",
    "factorize.lowrank:ratio=0.5",
    "prune.channels:amount=0.3",
)
QUALITY = ("top1", "auc", "r2", "agreement", "cosine")
HEAD = ("model", "step", "metric", "before → after", "bytes ÷", "latency ÷ (95 %)", "changed", "warnings")


def main() -> int:
    """Run every case with every step; returns 1 when a run broke (neither a result nor a reasoned refusal)."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", type=Path)
    parser.add_argument("--step", action="append")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    cases = tomllib.loads(options.cases.read_text(encoding="utf-8"))["case"]
    rows: list[tuple[str, ...]] = []
    broken = 0
    for case in cases:
        for step in options.step or STEPS:
            code, report = measure(options.cases.parent, case, step)
            broken += code not in {0, 1, 2} or not report
            rows.append(row(case, step, report))
            print(" | ".join(rows[-1]), file=sys.stderr, flush=True)
    text = "\n".join("| " + " | ".join(cells) + " |" for cells in [HEAD, ("---",) * len(HEAD), *rows]) + "\n"
    if options.out:
        options.out.write_text(text, encoding="utf-8")
    print(text)
    return int(broken > 0)


def measure(folder: Path, case: dict[str, str], step: str) -> tuple[int, dict[str, Any]]:
    """Run one step on one model; the exit code and the report, empty when it printed none."""
    command = [sys.executable, "-m", "compress_studio", "run", str(folder / case["model"]), "--step", step, "--json"]
    if "data" in case:
        command += ["--data", str(folder / case["data"])]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        return done.returncode, json.loads(done.stdout)
    except json.JSONDecodeError:
        print(done.stderr[-3000:], file=sys.stderr)
        return done.returncode, {}


def row(case: dict[str, str], step: str, report: dict[str, Any]) -> tuple[str, ...]:
    """The cells of one run."""
    name = case.get("name", Path(case["model"]).stem)
    nodes = report.get("nodes", [])
    if len(nodes) < 2 or nodes[-1].get("bytes") is None:
        error = report.get("error") or next((node["error"] for node in nodes if node.get("error")), {})
        return (name, step, "", "", "", "", "", f"refused: {error.get('message', 'no report')} {error.get('hint', '')}")
    source, last = nodes[0], nodes[-1]
    metric = next((one for one in QUALITY if one in last["metrics"]), "")
    after = last["metrics"].get(metric, {}).get("value")
    before = source["metrics"].get(metric, {}).get("value", 1.0 if metric in {"agreement", "cosine"} else None)
    latency = last.get("latency") or {}
    ratio = f"{latency['ratio']:.2f} ({latency['ratio_low']:.2f}–{latency['ratio_high']:.2f})" if latency else ""
    quality = f"{before:.4f} → {after:.4f}" if before is not None and after is not None else ""
    warnings = ", ".join(warning["code"] for warning in last["warnings"])
    smaller = f"{source['bytes'] / last['bytes']:.2f}"
    return (name, step, metric, quality, smaller, ratio, f"{last['layers_changed']}/{last['layers_total']}", warnings)


if __name__ == "__main__":
    sys.exit(main())
