"""Writing a network for PyTorch: an exported program, TorchScript, or the source of a module with its weights."""

from __future__ import annotations

import importlib.util
import keyword
import logging
import sys
import warnings
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import onnx_ir as ir
import torch
from safetensors.torch import save_file

from compress_studio.base.errors import Refused, UserError
from compress_studio.graph.inputs import batch_symbols, input_facts
from compress_studio.graph.samples import synthetic
from compress_studio.graph.saving import load
from compress_studio.graph.shapes import resolve
from compress_studio.outputs.kernels.source_code import Source, write_source
from compress_studio.spec.output import Written
from compress_studio.view.portable import HINT
from compress_studio.view.programs import TorchProgram, export_program

if TYPE_CHECKING:
    from compress_studio.outputs.torch_params import TorchParams
    from compress_studio.spec.ports import OnnxNet

LONG_TEXT = 0.5
"""Share of the weights above which the description of a program is worth a sentence."""
SHORT_TEXT = 100_000
"""Bytes of it that need none."""
SIZES = (3, 5, 7, 11)
"""Batch sizes to look at a network with: one that no other free size has, so that the two are not taken for one."""


def made(params: TorchParams, network: OnnxNet, *, pack: bool = False) -> TorchProgram:
    """The exported program of a network. Raises Refused with the reason.

    Args: pack lays stored numbers of 4 bits two in a byte.
    """
    model = load(network.path)
    facts = input_facts(model)
    batch = frozenset(batch_symbols(facts))
    binding = resolve(model)
    others = {size for name, size in binding.items() if name not in batch}
    count = params.batch or next(size for size in SIZES if size not in others)
    feeds = synthetic(model, count, seed=0)
    with _quiet():
        program = export_program(model, feeds, batch if params.batch else frozenset(), pack=pack)
    lost = [text for text in program.fixed if text.split(" of ")[0] in batch]
    if lost and not params.batch:
        raise Refused(
            f"As a PyTorch program this network runs with one batch size only: {lost[0]}.",
            "Choose the batch size: batch=1, for example.",
        )
    return program


def notes(program: TorchProgram) -> tuple[str, ...]:
    """What the user should know about the program."""
    return tuple(f"A size that is free in the network is fixed in the file: {text}." for text in program.fixed)


def write_program(params: TorchParams, network: OnnxNet, target: Path) -> Written:
    """A .pt2 file."""
    program = made(params, network, pack=True)
    with _quiet():
        torch.export.save(program.program, target)
    return Written((target,), (*notes(program), *_text_share(program, target)))


def _text_share(program: TorchProgram, target: Path) -> tuple[str, ...]:
    """What to know about a file that is made of its description more than of weights."""
    held = [*program.program.state_dict.values(), *program.program.constants.values()]
    weights = sum(one.nbytes for one in held if isinstance(one, torch.Tensor))
    text = target.stat().st_size - weights
    if text < max(LONG_TEXT * weights, SHORT_TEXT):
        return ()
    return (f"{text / 1000:.0f} kB of the file describe the program, its weights take {weights / 1000:.0f} kB.",)


def write_module(params: TorchParams, network: OnnxNet, target: Path) -> Written:
    """A .py file and its weights beside it."""
    program = made(params, network, pack=True)
    weights = _write_module(program, network, target)
    return Written((target, weights), (*notes(program), *_name_note(target)))


def _name_note(module: Path) -> tuple[str, ...]:
    """What to know about a file whose name Python cannot import, such as net.int8.py."""
    if module.stem.isidentifier() and not keyword.iskeyword(module.stem):
        return ()
    text = f"Python cannot import a file named {module.name}: rename it and its weights alike, or load it by its path."
    return (text,)


def write_script(params: TorchParams, network: OnnxNet, target: Path) -> Written:
    """A .pt file, compiled from the generated source, so that it has no sizes built in."""
    program = made(params, network, pack=True)
    module = target.with_name(f"{target.stem}_source.py")
    weights = _write_module(program, network, module)
    try:
        loaded = load_source(module)
        with _quiet():
            script = torch.jit.script(loaded)
            torch.jit.save(script, str(target))
    except UserError:
        raise
    except Exception as error:
        line = next((one.strip() for one in str(error).splitlines() if one.strip()), type(error).__name__)
        raise Refused(f"TorchScript cannot hold this network: {line[:200].rstrip('.')}.", HINT) from error
    finally:
        module.unlink(missing_ok=True)
        weights.unlink(missing_ok=True)
    return Written((target,), notes(program))


def _write_module(program: TorchProgram, network: OnnxNet, target: Path) -> Path:
    source: Source = write_source(program, f"{target.stem}: a network for PyTorch.", described(load(network.path)))
    target.write_text(source.text, encoding="utf-8")
    weights = target.with_suffix(".safetensors")
    save_file(dict(source.tensors), weights, metadata={"format": "pt"})
    weights.chmod(target.stat().st_mode & 0o777)  # as readable as the text, which belongs to it
    return weights


def described(model: ir.Model) -> list[str]:
    """The inputs and outputs of a network, a line each."""
    lines = [f"Input {_value(value)}" for value in model.graph.inputs]
    return [*lines, *(f"Output {_value(value)}" for value in model.graph.outputs)]


def _value(value: ir.Value) -> str:
    sizes: list[str] = []
    if value.shape is not None:
        sizes = [str(size) if isinstance(size, int) else (size.value or "?") for size in value.shape]
    kind = value.dtype.name.lower() if value.dtype is not None else "unknown"
    return f"{value.name}: {kind} [{', '.join(sizes)}]"


def load_source(path: Path) -> torch.nn.Module:
    """The network of a generated module, which is this program's own text."""
    name = f"_generated_{abs(hash(str(path)))}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module: Any = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    before = sys.dont_write_bytecode
    sys.dont_write_bytecode = True
    try:
        spec.loader.exec_module(module)
        return module.load()
    finally:
        sys.dont_write_bytecode = before
        del sys.modules[name]


@contextmanager
def _quiet() -> Generator[None]:
    """Keep warnings and log lines of PyTorch away: what matters is said in one sentence."""
    level = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)
