"""Export models in every format through the command line and print one Markdown table.

    python packaging/dev/format_table.py MODEL… [--data DATA] [--step ID[:key=value]]… [--out TABLE.md]

A row per model (after the steps, when there are any), a column per format that is ready: the largest difference to ONNX
Runtime and the size of the files, or the reason of the refusal. Returns 1 when an export broke without a reason.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

OPSETS = (13, 17, 21)


def main() -> int:
    """Fill the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", type=Path)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--step", action="append", default=[])
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    formats = [row for row in called("formats")["out"] if row["ready"]]
    columns = [(f"onnx, opset {opset}", ".onnx", ["--opset", str(opset)]) for opset in OPSETS]
    columns += [(row["id"], row["endings"][0], []) for row in formats if row["id"] != "onnx"]
    rows = [("model", *(name for name, _, _ in columns)), ("---",) * (len(columns) + 1)]
    broken = 0
    with tempfile.TemporaryDirectory() as folder:
        for number, model in enumerate(options.models):
            subject, name = prepared(model, options, Path(folder) / f"run{number}")
            cells = [name]
            for index, (_, ending, words) in enumerate(columns):
                target = Path(folder) / f"m{number}_{index}{ending}"
                answer = called("export", str(subject), "--out", str(target), *words)
                broken += not answer
                cells.append(cell(answer))
            rows.append(tuple(cells))
            print(" | ".join(cells), file=sys.stderr, flush=True)
    text = "\n".join("| " + " | ".join(cells) + " |" for cells in rows) + "\n"
    if options.out:
        options.out.write_text(text, encoding="utf-8")
    print(text)
    return int(broken > 0)


def prepared(model: Path, options: argparse.Namespace, folder: Path) -> tuple[Path, str]:
    """What is exported: the model itself, or the project that the steps make of it; and its name."""
    if not options.step:
        return model, model.stem
    words = [part for step in options.step for part in ("--step", step)]
    words += ["--data", str(options.data)] if options.data else []
    called("run", str(model), *words, "--out", str(folder))
    return folder / "project.cstudio", f"{model.stem} {' '.join(options.step)}"


def called(*words: str) -> dict[str, Any]:
    """What a command prints as JSON; nothing when it printed none."""
    command = [sys.executable, "-m", "compress_studio", *words, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        return json.loads(done.stdout)
    except json.JSONDecodeError:
        print(done.stderr[-3000:], file=sys.stderr)
        return {}


def cell(answer: dict[str, Any]) -> str:
    """One export in few words."""
    if not answer:
        return "broke"
    if not answer["ok"]:
        return f"refused: {answer['error']['message']}"
    detail = answer["checks"][-1]["detail"] if answer.get("checks") else ""
    found = re.search(r"largest difference (\S+?)(;|$)", detail)
    size = f"{answer['bytes'] / 1000:,.0f} kB"
    return f"{found[1]}, {size}" if found else size


if __name__ == "__main__":
    sys.exit(main())
