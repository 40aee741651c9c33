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
