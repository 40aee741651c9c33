"""A report as text: one table, a row per node, with honest marks, and the warnings below."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from compress_studio.cli.console import table
from compress_studio.engine.summary import LABELS, QUALITY, SHARES
from compress_studio.engine.verdicts import SAME_SPEED
from compress_studio.project.pipeline import SOURCE_STEP

TASKS = {"classify": "classes", "binary": "yes or no", "regress": "numbers"}
NAMES_SHOWN = 3
NOTHING = "–"


def report_text(report: Mapping[str, Any], columns: int | None = None) -> str:
    """The table with everything a person should know below it, for a terminal of so many columns."""
    nodes: Sequence[Mapping[str, Any]] = report["nodes"]
    if not nodes:
        return "Nothing was run."
    quality = quality_of(nodes)
    heading = (
        "node",
        "model or step",
        LABELS.get(quality, "quality"),
        "size ÷",
        "zipped ÷",
        "latency ÷",
        "MACs ÷",
        "layers",
    )
    named = _named(nodes)
    rows = [heading, *(_row(node, base_of(node, nodes), quality, named[node["id"]]) for node in nodes)]
    below = [*_warnings(nodes), *_skipped(nodes)]
    parts = [table(rows, left=(0, 1), columns=columns)]
    if below:
        parts += ["", *below]
    parts += ["", *_reading(report["data"]), _conditions(report, quality, nodes)]
    return "\n".join(parts)


def quality_of(nodes: Sequence[Mapping[str, Any]]) -> str:
    """The name of the metric that is shown; empty when nothing was measured."""
    for name in QUALITY:
        if any(name in node["metrics"] for node in nodes):
            return name
    return ""


def base_of(node: Mapping[str, Any], nodes: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """The node that a node is compared with."""
    return next((one for one in nodes if one["id"] == node["reference"]), nodes[0])


def metric_text(name: str, metric: Mapping[str, Any] | None) -> str:
    """A metric with its interval: "91.9 ± 0.5 %", "0.982 ± 0.004"."""
    if metric is None:
        return NOTHING
    scale, unit = (100.0, " %") if name in SHARES else (1.0, "")
    value = scale * metric["value"]
    digits = 1 if unit else 3
    low, high = metric.get("low"), metric.get("high")
    if low is None or high is None:
        return f"{value:.{digits}f}{unit}"
    spread = max(high - metric["value"], metric["value"] - low) * scale
    return f"{value:.{digits}f} ± {spread:.{digits}f}{unit}"


def factor_text(before: float | None, after: float | None, worse: str = "bigger") -> str:
    """How many times smaller: "3.95"; what got bigger is called that."""
    if before is None or after is None or not after or not before:
        return NOTHING
    factor = before / after
    return f"{factor:.2f}" if factor >= 0.995 else f"{factor:.2f}, {worse}"


def latency_text(latency: Mapping[str, Any] | None) -> str:
    """How many times faster: "2.13 ± 0.05", "0.6×, slower", "1.01 ± 0.03, the same"."""
    if latency is None or latency["ratio"] is None:
        return NOTHING
    ratio, low, high = latency["ratio"], latency["ratio_low"], latency["ratio_high"]
    if low is None or high is None:
        return f"{ratio:.2f}×, slower" if ratio < 1 else f"{ratio:.2f}"
    spread = max(high - ratio, ratio - low)
    same = low <= 1 <= high or abs(ratio - 1) <= SAME_SPEED
    if high < 1 and not same:
        return f"{ratio:.2f}×, slower"
    text = f"{ratio:.2f} ± {spread:.2f}"
    return f"{text}, the same" if same else text


def _named(nodes: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """What was done in each node: its step, or the file that was opened, by the whole path where names are the same."""
    files = {node["id"]: str(node.get("path") or "") for node in nodes if node["step"] == SOURCE_STEP}
    short = {node: Path(path).name for node, path in files.items()}
    names = list(short.values())
    shown = {node: files[node] if names.count(name) > 1 else name for node, name in short.items()}
    return {node["id"]: shown.get(node["id"]) or node["step"] for node in nodes}


def _row(node: Mapping[str, Any], source: Mapping[str, Any], quality: str, name: str) -> tuple[str, ...]:
    if node["state"] not in {"done", "off"}:
        return (node["id"], name, node["state"], *[NOTHING] * 5)
    first = node is source
    return (
        node["id"],
        name,
        metric_text(quality, node["metrics"].get(quality)),
        size_text(node["bytes"]) if first else factor_text(source["bytes"], node["bytes"]),
        size_text(node["zipped_bytes"]) if first else factor_text(source["zipped_bytes"], node["zipped_bytes"]),
        _milliseconds(node["latency"]) if first else latency_text(node["latency"]),
        count_text(node["macs"]) if first else factor_text(source["macs"], node["macs"], "more"),
        NOTHING if node["step"] == SOURCE_STEP else f"{node['layers_changed']} of {node['layers_total']}",
    )


def size_text(count: float | None) -> str:
    """Bytes for people: "1.73 MB"."""
    if count is None:
        return NOTHING
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000 or unit == "GB":
            break
        count /= 1000
    return f"{count:.0f} B" if unit == "B" else f"{count:.3g} {unit}"


def count_text(count: float | None) -> str:
    """A large number for people: "41.3 M"."""
    if count is None:
        return NOTHING
    for unit in ("", " k", " M", " G", " T"):
        if count < 1000 or unit == " T":
            break
        count /= 1000
    return f"{count:.3g}{unit}"


def _milliseconds(latency: Mapping[str, Any] | None) -> str:
    return NOTHING if latency is None or latency["median_ms"] is None else f"{latency['median_ms']:.3g} ms"


def _warnings(nodes: Sequence[Mapping[str, Any]]) -> list[str]:
    """Errors and warnings; what is said of several nodes is said once."""
    lines = [
        f"✗ {node['id']}: {node['error']['message']} {node['error']['hint']}".rstrip()
        for node in nodes
        if node["error"] is not None
    ]
    said: dict[tuple[str, str], list[str]] = {}
    for node in nodes:
        for one in node["warnings"]:
            said.setdefault((one["code"], one["message"]), []).append(node["id"])
    return lines + [f"! {', '.join(dict.fromkeys(names))}: {message}" for (_, message), names in said.items()]


def _skipped(nodes: Sequence[Mapping[str, Any]]) -> list[str]:
    """Layers that were left alone, by reason."""
    lines: list[str] = []
    for node in nodes:
        reasons: dict[str, list[str]] = {}
        for one in node["skipped"]:
            reasons.setdefault(one["reason"], []).append(one["layer"])
        for reason, layers in reasons.items():
            more = f" and {len(layers) - NAMES_SHOWN} more" if len(layers) > NAMES_SHOWN else ""
            lines.append(f"· {node['id']} left alone {', '.join(layers[:NAMES_SHOWN])}{more}: {reason}")
    return lines


def _reading(data: Mapping[str, Any]) -> list[str]:
    """How the data were understood, in one line; nothing for random inputs."""
    fed: Mapping[str, str] = data.get("preprocessing") or {}
    if data["synthetic"] or not fed:
        return []
    shown = [f"{name}: {how}" for name, how in list(fed.items())[:NAMES_SHOWN]]
    shown += [f"{len(fed) - NAMES_SHOWN} more inputs"] if len(fed) > NAMES_SHOWN else []
    task = TASKS.get(data.get("task", ""), "labels not used or not given")
    order = f", their order {data['class_order']}" if data.get("class_order") else ""
    output = f" by output {data['output']}" if data.get("output") else ""
    return [f"Data read as {'; '.join(shown)}. Task: {task}{output}{order}."]


def _conditions(report: Mapping[str, Any], quality: str, nodes: Sequence[Mapping[str, Any]]) -> str:
    """What the numbers were measured on, in one line."""
    data = report["data"]
    counts = [node["metrics"][quality]["n"] for node in nodes if quality in node["metrics"]]
    where = "random inputs, because no data were given" if data["synthetic"] else data["path"]
    parts = [f"{max(counts)} test samples of {where}" if counts else where]
    sizes = data.get("parts")
    if sizes and not data["synthetic"]:
        parts.append("split " + ", ".join(f"{name} {count}" for name, count in sizes.items()))
    if any(node["latency"] for node in nodes):
        threads = report["threads"]
        parts.append(f"timed on {report['environment']['cpu']}, {threads} thread{'s' if threads > 1 else ''}")
    return "Measured on " + "; ".join(parts) + "."
