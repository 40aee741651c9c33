"""Written files opened again as their users will, and compared with the network."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from compress_studio.base.errors import UserError
from compress_studio.graph.saving import load
from compress_studio.outputs.kernels.comparing import Arrays, Reference, judge, reference
from compress_studio.outputs.kernels.torch_files import load_source
from compress_studio.spec.output import Check
from compress_studio.view.programs import arguments

if TYPE_CHECKING:
    from compress_studio.outputs.onnx_file import OnnxParams
    from compress_studio.outputs.torch_params import TorchParams
    from compress_studio.spec.ports import OnnxNet

FOREIGN = ("compress_studio", "onnx", "onnx_ir", "onnxruntime", "onnxscript", "safetensors", "numpy", "pydantic")
"""Packages that a generated module must not need."""
SECONDS = 300.0
ALONE = """
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {foreign!r}:
            raise ImportError(name + " is not there")
        return None

import torch
own = set(sys.modules)
sys.meta_path.insert(0, Blocked())
sys.dont_write_bytecode = True
import importlib.util
# By its path, as the name of the file may be none that Python imports.
spec = importlib.util.spec_from_file_location("exported", {module!r})
module = sys.modules["exported"] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
network = module.load()
results = []
with torch.no_grad():
    for feed in torch.load({inputs!r}, weights_only=True):
        found = network(*feed)
        results.append([found] if isinstance(found, torch.Tensor) else list(found))
torch.save(results, {outputs!r})
"""


def verify_program(params: TorchParams, network: OnnxNet, target: Path) -> list[Check]:
    """A .pt2 file, loaded with code in pickles forbidden."""

    def run(feeds: Sequence[tuple[Tensor, ...]]) -> list[Any]:
        with _no_code(), _silent():
            module = torch.export.load(target).module()
            return [module(*feed) for feed in feeds]

    return _verified(params, network, f"Opened again in PyTorch {torch.__version__}", run)


def verify_script(params: TorchParams, network: OnnxNet, target: Path) -> list[Check]:
    """A TorchScript file."""

    def run(feeds: Sequence[tuple[Tensor, ...]]) -> list[Any]:
        with _silent():
            module = torch.jit.load(str(target))
            return [module(*feed) for feed in feeds]

    return _verified(params, network, f"Opened again with torch.jit.load {torch.__version__}", run)


def verify_module(params: TorchParams, network: OnnxNet, target: Path) -> list[Check]:
    """Generated source, run by a Python of its own that has only torch."""

    def run(feeds: Sequence[tuple[Tensor, ...]]) -> list[Any]:
        if getattr(sys, "frozen", False):
            # A packaged program has no Python to start; the module is loaded here.
            module = load_source(target)
            return [module(*feed) for feed in feeds]
        return _alone(target, feeds)

    return _verified(params, network, "Opened again by Python with only torch", run)


def verify_onnx(params: OnnxParams, network: OnnxNet, target: Path) -> list[Check]:
    """An ONNX file: the checker, the runtime, and the outputs, which must not differ where nothing was converted."""
    from compress_studio.graph.session import open_session
    from compress_studio.graph.session import run as run_session

    checks = [_step("The checker of ONNX passed", lambda: _checked(target))]
    expected = reference(network.path)
    found: list[Arrays] = []

    def opened() -> str:
        import onnxruntime

        session = open_session(target, optimize=False)
        found.extend(run_session(session, feed) for feed in expected.inputs)
        return f"onnxruntime {onnxruntime.__version__}, opset {load(target).opset_imports.get('')}"

    checks.append(_step("Opened again in ONNX Runtime", opened))
    if checks[-1].ok:
        checks.append(judge(expected, found))
    return checks


def _checked(target: Path) -> str:
    import onnx

    onnx.checker.check_model(str(target))
    return f"onnx {onnx.__version__}"


def _verified(
    params: TorchParams, network: OnnxNet, opening: str, run: Callable[[Sequence[tuple[Tensor, ...]]], list[Any]]
) -> list[Check]:
    expected = reference(network.path, params.batch)
    names = [value.name or "" for value in load(network.path).graph.inputs]
    feeds = [arguments(names, each) for each in expected.inputs]
    found: list[Any] = []

    def opened() -> str:
        with torch.no_grad():
            found.extend(run(feeds))
        return f"{len(found)} batches"

    checks = [_step(opening, opened)]
    if checks[0].ok:
        checks.append(judge(expected, [_named(expected, one) for one in found]))
    return checks


def _named(expected: Reference, found: Any) -> Arrays:
    values = [found] if isinstance(found, Tensor) else list(found)
    return {name: one.detach().cpu().numpy() for name, one in zip(expected.outputs[0], values, strict=True)}


def _step(name: str, work: Callable[[], str]) -> Check:
    try:
        return Check(name, ok=True, detail=work())
    except Exception as error:  # noqa: BLE001 - whatever is wrong with the file is what the row says
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        return Check(name, ok=False, detail=lines[0] if lines else type(error).__name__)


def _alone(target: Path, feeds: Sequence[tuple[Tensor, ...]]) -> list[Any]:
    """Run a generated module in a fresh interpreter in which foreign packages cannot be imported."""
    with tempfile.TemporaryDirectory(prefix="cs-alone-") as folder:
        inputs, outputs = Path(folder) / "inputs.pt", Path(folder) / "outputs.pt"
        torch.save([tuple(feed) for feed in feeds], inputs)
        places = {"inputs": str(inputs), "outputs": str(outputs), "module": str(target)}
        code = ALONE.format(foreign=frozenset(FOREIGN) - {"numpy"}, **places)
        done = subprocess.run(
            [sys.executable, "-I", "-c", code],
            capture_output=True,
            text=True,
            timeout=SECONDS,
            cwd=folder,
            check=False,
        )
        if done.returncode != 0:
            raise UserError((done.stderr.strip().splitlines() or ["it ended without a word"])[-1])
        return torch.load(outputs, weights_only=True)


@contextmanager
def _no_code() -> Generator[None]:
    """Pickles may hold tensors only."""
    name = "TORCH_FORCE_WEIGHTS_ONLY_LOAD"
    before = os.environ.get(name)
    os.environ[name] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


@contextmanager
def _silent() -> Generator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
