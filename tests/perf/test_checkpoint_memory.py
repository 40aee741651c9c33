"""Looking at and opening weights takes little memory beside them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch

SIZE = 60 << 20
PROBE = """
import resource, sys
from compress_studio.inspection.checkpoint_look import look
import onnx, onnx_ir, onnxruntime
scale = 1024 if sys.platform != "darwin" else 1
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * scale
facts = look(sys.argv[1])
assert facts["tensors_total"] == 6
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * scale - before)
"""


@pytest.mark.perf
@pytest.mark.skipif(sys.platform == "win32", reason="the peak of a process is read from the system")
@pytest.mark.parametrize("new", [True, False])
def test_a_look_takes_at_most_the_size_of_the_file_and_a_third(tmp_path: Path, new: bool) -> None:
    path = tmp_path / "w.pt"
    tensors = {f"w{place}": torch.randn(SIZE // 4 // 6 // 512, 512) for place in range(6)}
    torch.save(tensors, path, _use_new_zipfile_serialization=new)
    done = subprocess.run([sys.executable, "-c", PROBE, str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) <= 1.3 * path.stat().st_size


OPENING = """
import os, sys, threading, time
from pathlib import Path
os.environ["TORCH_FORCE_WEIGHTS_ONLY_LOAD"] = "1"
import numpy, onnx, onnxruntime, torch
from compress_studio.artifacts.formats import open_onnx
from compress_studio.base.memory import give_back
from compress_studio.graph.canonical import canonicalize
from compress_studio.graph.saving import save
from compress_studio.graph.samples import synthetic
from compress_studio.steps.kernels import torch_import

def held():
    rows = dict(line.split(":", 1) for line in open("/proc/self/status"))
    return int(rows["RssAnon"].split()[0]) << 10

def opened(path, folder):
    folder.mkdir()
    program = torch_import.Exported(path)
    call = program.convert(folder / "model.onnx")
    model = open_onnx(folder / "model.onnx")
    torch_import.prove(model, folder / "model.onnx", call, {}, path.name)
    del program, call
    give_back()
    canonicalize(model, synthetic(model, 2, 0, {}))
    save(model, folder / "result.onnx")
    del model
    give_back()

def program(width, depth, path):
    layers = [one for _ in range(depth) for one in (torch.nn.Linear(width, width), torch.nn.ReLU())]
    free = ({0: torch.export.Dim("n")},)
    made = torch.export.export(torch.nn.Sequential(*layers), (torch.randn(2, width),), dynamic_shapes=free)
    torch.export.save(made, path)

folder = Path(sys.argv[1])
program(8, 2, folder / "small.pt2")
opened(folder / "small.pt2", folder / "small")
program(1024, 40, folder / "large.pt2")
give_back()
before, most = held(), [0]
def watch():
    while True:
        most[0] = max(most[0], held())
        time.sleep(0.002)
threading.Thread(target=watch, daemon=True).start()
opened(folder / "large.pt2", folder / "large")
print(most[0] - before)
"""


@pytest.mark.perf
@pytest.mark.skipif(sys.platform != "linux", reason="what a process holds is read from Linux")
def test_a_program_is_opened_in_little_more_memory_than_its_weights(tmp_path: Path) -> None:
    command = [sys.executable, "-c", OPENING, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    size = (tmp_path / "large.pt2").stat().st_size
    assert size > 150 << 20
    assert int(done.stdout.split()[-1]) <= 1.3 * size, f"{int(done.stdout.split()[-1]) / size:.2f} times its size"
