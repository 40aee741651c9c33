"""Open four trained networks in every form, compress them, export to every format; print Markdown tables.

    python packaging/dev/input_table.py [--kinds cnn,lstm] [--forms pt2,traced] [--exports] [--folder F] [--out T.md]

First table: a row per network and form. The ONNX form that the studio made is compared here, independently of its own
proof, with the outputs of the network in PyTorch; then it is pruned, distilled from the original, made int8, and its
accuracy is measured on samples that nothing has seen. Second table (--exports): a row per different result, a column
per format that is ready; a fresh process opens the file again and compares it with the compressed network in ONNX
Runtime. Returns 1 when anything differs or broke without a reason.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
OPSETS = (13, 17, 21)
TOLERANCE = 1e-4
LOOSE = 2e-2
"""Of the largest output, for results in 8 bits, which runtimes round differently."""
PRUNING = ("prune.channels:amount=0.3", "prune.weights:sparsity=0.5")
"""The second where nothing comes of the first."""
LAST = {"cnn": "quantize.static", "depthwise": "quantize.static"}
DYNAMIC = "quantize.dynamic"


@dataclass
class Row:
    """What became of one form of one network."""

    kind: str
    form: str
    cells: list[str] = field(default_factory=list)
    result: Path | None = None
    digest: str = ""
    failed: bool = False


def main() -> int:
    """Fill the tables."""
    sys.path.insert(0, str(ROOT))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kinds", default="")
    parser.add_argument("--forms", default="")
    parser.add_argument("--exports", action="store_true")
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--reopen", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.reopen:
        return reopen(options.reopen)
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.folder or Path(scratch)
        os.environ.setdefault("COMPRESS_STUDIO_HOME", str(folder / "home"))
        rows = opened(options, folder)
        tables = [table(("network", "form", "opens", "path", "top-1 →", "bytes ÷", "seconds"), rows)]
        broken = any(row.failed for row in rows)
        if options.exports:
            exported = exports(rows, folder / "exports")
            tables.append(table(("result of", *(name for name, _, _ in columns())), exported))
            broken = broken or any(row.failed for row in exported)
    text = "\n".join(tables)
    if options.out:
        options.out.write_text(text, encoding="utf-8")
    print(text)
    return int(broken)


def opened(options: argparse.Namespace, folder: Path) -> list[Row]:
    """Every form through the whole path, in one engine."""
    import torch

    from compress_studio.cli.execution import loaded_runtime, opened_store
    from compress_studio.engine.runner import Runner
    from compress_studio.engine.settings import RunSettings
    from compress_studio.spec.runtime import BUILT_IN
    from tests.toys import torchforms

    torch.set_num_threads(1)
    kinds = [one for one in torchforms.KINDS if one.name in (options.kinds.split(",") if options.kinds else [one.name])]
    forms = options.forms.split(",") if options.forms else list(torchforms.FORMS)
    rows: list[Row] = []
    runtime = loaded_runtime()
    with opened_store() as store, Runner(store, RunSettings(measure=False, runtime=BUILT_IN), runtime) as runner:
        for kind in kinds:
            place = folder / kind.name
            place.mkdir(parents=True)
            net = torchforms.trained(kind)
            data = torchforms.write_samples(kind, place / "samples.npz")
            for saved in torchforms.saved_forms(kind, net, place, forms):
                rows.append(through(runner, runtime, kind, saved, data))
                print(" | ".join([kind.name, saved.form, *rows[-1].cells]), file=sys.stderr, flush=True)
    return rows


def through(runner: Any, runtime: Any, kind: Any, saved: Any, data: Path) -> Row:
    """One form: opened, compared with PyTorch, pruned, distilled, made int8, judged on fresh samples."""
    from compress_studio.cli.consent import allow

    allow([str(one) for one in saved.allow])
    row = Row(kind.name, saved.form)
    begun = time.perf_counter()
    said: list[str] = []
    for pruning in PRUNING:
        steps = (pruning, "train.distil:epochs=1", LAST.get(kind.name, DYNAMIC))
        state = ran(runner, runtime, saved, steps, data)
        order = list(state.order)
        nodes = [state.nodes[name] for name in order]
        failed = next((one.error for one in nodes if one.error is not None), state.failure)
        if nodes[0].error is not None or state.failure is not None:
            row.cells, row.failed = [f"refused: {failed.message}", "", "", "", ""], True
            return row
        changed = nodes[1].report.get("layers_changed", 0)
        if failed is None and changed:
            break
        reason = failed.message if failed else "; ".join({one["reason"] for one in nodes[1].report["skipped"]})
        said.append(f"{pruning.partition(':')[0]} refused: {reason}")
    else:
        row.cells, row.failed = ["; ".join(said), "", "", "", ""], True
        return row
    difference = compared(kind, saved.net, Path(nodes[0].path))
    row.failed = not difference <= TOLERANCE
    row.result, row.digest = Path(nodes[-1].path), nodes[-1].digest
    before, after = accuracy(kind, saved.net, None), accuracy(kind, None, row.result)
    row.failed = row.failed or after < before - 0.1
    ratio = saved_bytes(Path(nodes[0].path)) / saved_bytes(row.result)
    path = " → ".join([*said, *(step.partition(":")[0] for step in steps)])
    seconds = time.perf_counter() - begun
    row.cells = [f"{difference:.1g}", path, f"{before:.3f} → {after:.3f}", f"{ratio:.2f}", f"{seconds:.1f}"]
    return row


def ran(runner: Any, runtime: Any, saved: Any, steps: tuple[str, ...], data: Path) -> Any:
    """The state of a run of the file through the steps."""
    from compress_studio.cli.building import data_request, from_model
    from compress_studio.project import edits

    words = [f"source.model:{saved.words}"] if saved.words else []
    project = from_model(str(saved.path), (*words, *steps), runtime.steps)
    project = edits.set_data(data_request(str(data)))(project)
    return runner.start(project).wait().state


def saved_bytes(path: Path) -> int:
    """Of a network with its weights."""
    return sum(one.stat().st_size for one in path.parent.glob(f"{path.name}*"))


def compared(kind: Any, net: Any, path: Path) -> float:
    """The largest difference between PyTorch and ONNX Runtime, over the largest output, on fresh samples."""
    import torch

    worst = 0.0
    for count in (1, 7):
        x, _ = kind.samples(count, 9)
        with torch.no_grad():
            expected = net(torch.from_numpy(x)).numpy()
        got = _by_onnx(path, x)
        assert expected.shape == got.shape
        worst = max(worst, float(np.abs(expected - got).max() / np.abs(expected).max()))
    return worst


def accuracy(kind: Any, net: Any, path: Path | None) -> float:
    """Share of right answers on samples that neither training nor the path has seen."""
    import torch

    x, y = kind.samples(1000, 11)
    if path is None:
        with torch.no_grad():
            scores = net(torch.from_numpy(x)).numpy()
    else:
        scores = _by_onnx(path, x)
    return float((scores.argmax(1) == y).mean())


def columns() -> list[tuple[str, str, dict[str, Any]]]:
    """Name, id and parameters of every output that is ready here; ONNX once per opset."""
    from compress_studio.cli.execution import loaded_runtime

    ready = [one for one in loaded_runtime().outputs if not one.missing()]
    found = [(f"onnx, opset {opset}", "onnx", {"opset": opset}) for opset in OPSETS]
    return found + [(one.id, one.id, {}) for one in ready if one.id != "onnx"]


def exports(rows: list[Row], folder: Path) -> list[Row]:
    """Every different result in every format, and what a fresh process says of the files."""
    from compress_studio.base.errors import UserError
    from compress_studio.cli.execution import RUNTIME, loaded_runtime
    from compress_studio.engine.output import OutputRequest, write_output
    from compress_studio.engine.work import WorkSetting
    from compress_studio.engine.worker import Worker, WorkFailed, default_options
    from tests.toys import torchforms

    outputs = loaded_runtime().outputs
    shared: dict[str, list[Row]] = {}
    for row in rows:
        if row.result is not None:
            shared.setdefault(row.digest, []).append(row)
    table: list[Row] = []
    with Worker(default_options("export", nice=False)) as worker:

        def ask(function: str, *arguments: Any) -> Mapping[str, Any]:
            try:
                return worker.call(function, *arguments)
            except WorkFailed as failed:
                raise failed.failure.error() from None

        for digest, group in shared.items():
            first = group[0]
            assert first.result is not None
            place = folder / digest
            place.mkdir(parents=True)
            kind = next(one for one in torchforms.KINDS if one.name == first.kind)
            expect(kind, first.result, place)
            told: dict[str, str] = {}
            for number, (name, output, params) in enumerate(columns()):
                target = place / f"m{number}_{output.replace('.', '_')}{outputs.get(output).suffixes[0]}"
                request = OutputRequest(target, output, params, first.result, digest)
                try:
                    write_output(request, WorkSetting(RUNTIME), ask)
                except UserError as error:
                    told[name] = f"refused: {error.message}"
            again = reopened(place)
            cells = [
                told.get(name) or again.get(f"m{number}", "broke") for number, (name, _, _) in enumerate(columns())
            ]
            forms = ", ".join(row.form for row in group)
            table.append(
                Row(f"{first.kind}: {forms}", cells[0], cells[1:], failed=any("broke" in one for one in cells))
            )
            print(" | ".join([table[-1].kind, *cells]), file=sys.stderr, flush=True)
    return table


def expect(kind: Any, result: Path, place: Path) -> None:
    """Write samples and what the compressed network answers in ONNX Runtime."""
    x, _ = kind.samples(5, 13)
    np.savez(place / "expected.npz", x=x, answer=_by_onnx(result, x))


def reopened(place: Path) -> dict[str, str]:
    """What a fresh process says about the files of a folder, by the beginnings of their names."""
    words = [sys.executable, str(Path(__file__).resolve()), "--reopen", str(place)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        print(done.stderr[-3000:], file=sys.stderr)
        return {}
    return json.loads(done.stdout.splitlines()[-1])


def reopen(place: Path) -> int:
    """Open every file of a folder as its user would, and compare; the program itself is not loaded."""
    with np.load(place / "expected.npz") as rows:
        x, expected = rows["x"], rows["answer"]
    found: dict[str, str] = {}
    for path in sorted(place.iterdir()):
        number, _, _ = path.name.partition("_")
        run = READERS.get(path.suffix)
        if run is None or not path.name.startswith("m"):
            continue
        try:
            got = run(path, x)
        except Exception as error:  # noqa: BLE001 - what a runtime raises for a file that it cannot read is the finding
            found[number] = f"broke: {type(error).__name__} {str(error)[:80]}"
            continue
        worst = float(np.abs(got - expected).max() / np.abs(expected).max())
        found[number] = f"{worst:.1g}" if worst <= LOOSE else f"broke: differs by {worst:.2g}"
    print(json.dumps(found))
    return 0


def _by_onnx(path: Path, x: np.ndarray) -> np.ndarray:
    import onnxruntime as ort

    session = ort.InferenceSession(str(path))
    return np.asarray(session.run(None, {session.get_inputs()[0].name: x})[0])


def _by_program(path: Path, x: np.ndarray) -> np.ndarray:
    import torch

    return _answer(torch.export.load(path).module(), x)


def _by_script(path: Path, x: np.ndarray) -> np.ndarray:
    import torch

    return _answer(torch.jit.load(str(path)), x)


def _by_source(path: Path, x: np.ndarray) -> np.ndarray:
    spec = importlib.util.spec_from_file_location("generated", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return _answer(module.load(), x)


def _by_openvino(path: Path, x: np.ndarray) -> np.ndarray:
    core = importlib.import_module("openvino").Core()
    return next(iter(core.compile_model(core.read_model(str(path)), "CPU")([x]).values()))


def _answer(module: Any, x: np.ndarray) -> np.ndarray:
    import torch

    with torch.no_grad():
        got = module(torch.from_numpy(x))
    return np.asarray(got[0] if isinstance(got, tuple | list) else got)


READERS = {
    ".onnx": _by_onnx,
    ".pt2": _by_program,
    ".pt": _by_script,
    ".py": _by_source,
    ".xml": _by_openvino,
}


def table(head: tuple[str, ...], rows: list[Row]) -> str:
    """Markdown."""
    lines = [head, ("---",) * len(head), *((row.kind, row.form, *row.cells) for row in rows)]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
