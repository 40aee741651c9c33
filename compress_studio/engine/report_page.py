"""The report of an export as one HTML page: no scripts, nothing from the network, readable for ever."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from compress_studio.engine.summary import LABELS, QUALITY, SHARES

STYLE = """
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .35rem .6rem; border-bottom: 1px solid #8884; vertical-align: top; }
th { font-weight: 600; } .chosen td { font-weight: 600; } .warn { color: #a86400; } code { font-size: .9em; }
svg text { font: 12px system-ui, sans-serif; fill: currentColor; }
"""
BAR_WIDTH, BAR_HEIGHT, NAME_WIDTH, TEXT_WIDTH = 360, 18, 170, 170


def report_page(report: Mapping[str, Any], node: str) -> str:
    """The page of a report (see build_report) for the export of one of its nodes."""
    nodes: Sequence[Mapping[str, Any]] = report["nodes"]
    quality = next((name for name in QUALITY if any(name in one["metrics"] for one in nodes)), "")
    parts = [
        f"<h1>{escape(str(report.get('title') or 'Compressed model'))}</h1>",
        f"<p>Made by Compress Studio {escape(str(report['app']))}. Every number was measured on the files.</p>",
        _table(nodes, node, quality),
        _plots(nodes, quality),
        _warnings(nodes),
        _parameters(nodes),
        _mapping("Data", report["data"]),
        _mapping("Environment", report["environment"]),
    ]
    head = f'<meta charset="utf-8"><title>{escape(str(report.get("title") or "Report"))}</title><style>{STYLE}</style>'
    return f"<!doctype html><html lang=en><head>{head}</head><body>{''.join(parts)}</body></html>\n"


def _table(nodes: Sequence[Mapping[str, Any]], chosen: str, quality: str) -> str:
    heads = ("result", LABELS.get(quality, "quality"), "bytes", "zipped", "latency", "speed-up", "MACs", "layers")
    rows: list[str] = []
    for one in nodes:
        latency: Mapping[str, Any] = one["latency"] or {}
        cells = (
            f"{escape(one['id'])} <small>{escape(one['step'])}</small>",
            _metric(quality, one["metrics"].get(quality)),
            _number(one["bytes"]),
            _number(one["zipped_bytes"]),
            "–" if latency.get("median_ms") is None else f"{latency['median_ms']:.4g} ms",
            _ratio(latency),
            _number(one["macs"]),
            f"{one['layers_changed']} of {one['layers_total']}" if one["layers_total"] else "–",
        )
        kind = ' class="chosen"' if one["id"] == chosen else ""
        rows.append(f"<tr{kind}>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>")
    return f"<h2>Results</h2><table><tr>{''.join(f'<th>{head}</th>' for head in heads)}</tr>{''.join(rows)}</table>"


def _plots(nodes: Sequence[Mapping[str, Any]], quality: str) -> str:
    """Bars of what was measured, one picture per quantity."""
    pictures = [
        _bars("Size on disk (bytes)", [(one["id"], one["bytes"], None) for one in nodes]),
        _bars("Latency (ms)", [(one["id"], _median(one), None) for one in nodes]),
    ]
    if quality:
        rows = [(one["id"], one["metrics"].get(quality, {}).get("value"), one["metrics"].get(quality)) for one in nodes]
        pictures.append(_bars(LABELS.get(quality, quality), rows))
    return "".join(pictures)


def _median(node: Mapping[str, Any]) -> float | None:
    latency: Mapping[str, Any] = node["latency"] or {}
    return latency.get("median_ms")


def _bars(title: str, rows: Sequence[tuple[str, float | None, Mapping[str, Any] | None]]) -> str:
    known = [(name, value, metric) for name, value, metric in rows if value is not None]
    largest = max((value for _, value, _ in known), default=0)
    if not known or largest <= 0:
        return ""
    lines: list[str] = []
    for place, (name, value, metric) in enumerate(known):
        y = place * (BAR_HEIGHT + 6)
        width = max(1.0, BAR_WIDTH * max(value, 0) / largest)
        text = f"{value:,.6g}" if metric is None or metric.get("low") is None else (
            f"{value:.4g} ({metric['low']:.4g} – {metric['high']:.4g})"
        )  # fmt: skip
        lines.append(
            f'<text x="0" y="{y + 13}">{escape(name)}</text>'
            f'<rect x="{NAME_WIDTH}" y="{y}" width="{width:.1f}" height="{BAR_HEIGHT}" rx="3" fill="#5aa5f5"/>'
            f'<text x="{NAME_WIDTH + width + 6:.1f}" y="{y + 13}">{text}</text>'
        )
    height = len(known) * (BAR_HEIGHT + 6)
    size = f'width="{NAME_WIDTH + BAR_WIDTH + TEXT_WIDTH}" height="{height}"'
    return f"<h2>{escape(title)}</h2><svg {size} role=img>{''.join(lines)}</svg>"


def _warnings(nodes: Sequence[Mapping[str, Any]]) -> str:
    rows = [
        f"<li class=warn><b>{escape(one['id'])}</b>: {escape(row['message'])}</li>"
        for one in nodes
        for row in one["warnings"]
    ]
    return f"<h2>Said about these results</h2><ul>{''.join(rows)}</ul>" if rows else ""


def _parameters(nodes: Sequence[Mapping[str, Any]]) -> str:
    parts = ["<h2>Recipe</h2>"]
    for one in nodes:
        rows = "".join(
            f"<tr><td>{escape(name)}</td><td><code>{escape(str(value))}</code></td></tr>"
            for name, value in one["params"].items()
        )
        parts.append(
            f"<details><summary>{escape(one['id'])}: {escape(one['step'])}</summary><table>{rows}</table></details>"
        )
    return "".join(parts)


def _mapping(title: str, values: Mapping[str, Any]) -> str:
    rows = "".join(
        f"<tr><td>{escape(str(name))}</td><td>{escape(_plain(value))}</td></tr>" for name, value in values.items()
    )
    return f"<h2>{title}</h2><details open><summary>{len(values)} facts</summary><table>{rows}</table></details>"


def _plain(value: Any) -> str:
    if isinstance(value, Mapping):
        rows: Mapping[Any, Any] = value  # pyright: ignore[reportUnknownVariableType]
        return ", ".join(f"{name}: {_plain(one)}" for name, one in rows.items())
    if isinstance(value, list | tuple):
        items: Any = value  # pyright: ignore[reportUnknownVariableType]
        return ", ".join(_plain(one) for one in items)
    return "–" if value is None else str(value)


def _metric(name: str, metric: Mapping[str, Any] | None) -> str:
    if metric is None:
        return "–"
    scale, unit = (100.0, " %") if name in SHARES else (1.0, "")
    text = f"{metric['value'] * scale:.4g}{unit}"
    if metric.get("low") is None or metric.get("high") is None:
        return text
    return f"{text} <small>({metric['low'] * scale:.4g} – {metric['high'] * scale:.4g})</small>"


def _ratio(latency: Mapping[str, Any]) -> str:
    if latency.get("ratio") is None:
        return "–"
    text = f"÷ {latency['ratio']:.2f}"
    if latency.get("ratio_low") is None:
        return text
    return f"{text} <small>({latency['ratio_low']:.2f} – {latency['ratio_high']:.2f})</small>"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:,.0f}"
