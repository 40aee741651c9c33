"""Programs of PyTorch become ONNX files: loaded without unpickling, exported, and proved equal on random inputs.

Loading runs what is in the file as far as PyTorch's own interpreter goes, so it belongs into a worker process. The
file must have been looked at before (artifacts.torchfiles.look).
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# (PyTorch's exporters come without complete type information.)

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import io
import logging
import os
import threading
import warnings
from collections.abc import Callable, Generator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from compress_studio.base.errors import BadInput, Refused
from compress_studio.spec.step import StepContext
from compress_studio.steps.kernels.proving import TOLERANCE, compare_on_samples, real_inputs
from compress_studio.steps.kernels.torch_inputs import Layout

if TYPE_CHECKING:
    import onnx_ir as ir
    import torch

GUARD = "TORCH_FORCE_WEIGHTS_ONLY_LOAD"
OPSET = 17
"""The newest that the exporter of TorchScript knows well."""
BATCHES = (2, 3)
LENGTH = 16
"""Size of a free dimension besides the batch while a program is recorded, where none is given."""
LIMIT = 64 << 20
"""Bytes of weights above which they are written beside the network, from where they are mapped instead of read."""
RECIPE = 'Export it to ONNX where it was made: torch.onnx.export(net, (example_input,), "model.onnx", dynamo=True).'

Call = Callable[[Mapping[str, np.ndarray]], list[np.ndarray]]
"""The program in PyTorch: arrays by input name to the flat list of its outputs."""


class Script:
    """A TorchScript program, loaded."""

    def __init__(self, path: Path) -> None:
        import torch

        self.name = path.name
        try:
            with _quiet():
                self.module = torch.jit.load(str(path), map_location="cpu").eval()
        except Exception as error:
            # The reader raises many types for files that are damaged or made by another version.
            raise BadInput(f"{path.name} cannot be loaded by PyTorch: {_line(error)}.", RECIPE) from error
        if not self.module._c._has_method("forward"):  # pyright: ignore[reportPrivateUsage]
            raise BadInput(f"{path.name} holds no function forward, so it is no network that can be run.", RECIPE)
        graph = self.module.inlined_graph
        for node in ("aten::save", "aten::from_file"):
            if graph.findAllNodes(node, True):
                raise Refused(f"{path.name} was not opened: it uses {node}, which reaches files.", RECIPE)

    @property
    def inputs(self) -> list[str]:
        """Names of the tensors that it takes. Raises BadInput when it takes anything else that must be given."""
        found: list[str] = []
        for argument in self.module.forward.schema.arguments[1:]:
            kind = str(argument.type)
            if kind == "Tensor":
                found.append(argument.name)
            elif not argument.has_default_value():
                raise BadInput(f"{self.name}: its input {argument.name} is of type {kind}, not a tensor.", RECIPE)
        return found

    def convert(self, layout: Layout, target: Path, sizes: Mapping[str, int], *, follow: bool = False) -> Call:
        """Write the program as ONNX for these inputs; returns the program itself.

        follow: its graph is followed in Python instead, for operators that the exporter of TorchScript does not know.
        Raises BadInput with PyTorch's reason when it does not run for them or cannot be exported.
        """
        import torch

        names = self.inputs
        call = _caller(self.module, names)
        try:
            runs = [call(_examples(names, layout, count, sizes)) for count in _counts(layout)]
        except Exception as error:
            # A program raises anything for inputs that it was not made for.
            raise BadInput(
                f"{self.name} does not run for {layout.text(names)}: {_reason(error)}.",
                f"Say the shape that it takes as the first step: --step source.model:dims={layout.option(names)} with"
                " other sizes (N for a free batch).",
            ) from error
        outputs = ["output"] if len(runs[0]) == 1 else [f"output_{place}" for place in range(len(runs[0]))]
        free = {
            name: {axis: str(size) for axis, size in enumerate(shape) if isinstance(size, str)}
            for name, shape in zip(names, layout.shapes, strict=True)
        }
        batch = next((str(shape[0]) for shape in layout.shapes if shape and isinstance(shape[0], str)), "N")
        for name, one, two in zip(outputs, runs[0], runs[-1], strict=True):
            pairs = enumerate(zip(one.shape, two.shape, strict=False))
            free[name] = {axis: batch for axis, (first, second) in pairs if first != second}
        arrays = _examples(names, layout, _counts(layout)[0], sizes)
        defaults = self.module.forward.schema.arguments[1 + len(names) :]
        examples = (*(torch.from_numpy(arrays[name]) for name in names), *(one.default_value for one in defaults))
        with _exporting(self.name):
            if follow:
                from compress_studio.steps.kernels.script_program import write_followed

                write_followed(self.module, examples, (names, outputs), layout, target)
            else:
                torch.onnx.export(
                    self.module,
                    examples,
                    str(target),
                    dynamo=False,
                    opset_version=OPSET,
                    input_names=names,
                    output_names=outputs,
                    dynamic_axes={name: axes for name, axes in free.items() if axes},
                )

        def complete(arrays: Mapping[str, np.ndarray]) -> list[np.ndarray]:
            # Inputs that nothing reads are not in the exported network.
            count = next((len(one) for one in arrays.values() if one.ndim), BATCHES[0])
            return call({**_examples(names, layout, count, sizes), **arrays})

        return complete


class Exported:
    """A program of torch.export, loaded."""

    def __init__(self, path: Path) -> None:
        import torch

        if os.environ.get(GUARD, "").lower() not in {"1", "y", "yes", "true"}:
            raise Refused(f"{path.name} was not opened: this process may unpickle anything.", f"Set {GUARD}=1.")
        self.name = path.name
        try:
            with _quiet(), path.open("rb") as stream:
                self.program = torch.export.load(cast("io.BytesIO", stream))
        except Exception as error:
            # The reader raises many types for files that are damaged or made by another version.
            raise BadInput(f"{path.name} cannot be loaded by PyTorch: {_line(error)}.", RECIPE) from error
        # Checks on inputs are Python code in the file; the inputs made here fit anyway.
        self.program._guards_code = []  # pyright: ignore[reportPrivateUsage]

    def convert(self, target: Path) -> Call:
        """Write the program as ONNX with the names and free dimensions that it has; returns the program itself."""
        import torch

        _let_bars_share_a_lock()
        with _exporting(self.name):
            program = torch.onnx.export(self.program, (), dynamo=True, verbose=False)
            assert program is not None
            weights = self.program.state_dict.values()
            large = sum(one.numel() * one.element_size() for one in weights) > LIMIT
            program.save(str(target), external_data=large)
            for value in program.model.graph.initializers.values():
                value.const_value = None  # the exporter's rewriting rules keep the last network that they matched
        with _quiet():
            module = self.program.module(check_guards=False)
        return self._caller(module)

    def _caller(self, module: torch.nn.Module) -> Call:
        import torch
        from torch.utils import _pytree as pytree

        wanted = self.program.graph_signature.user_inputs
        names = [one for one in wanted if isinstance(one, str)]
        nesting = self.program.call_spec.in_spec
        assert nesting is not None

        def call(arrays: Mapping[str, np.ndarray]) -> list[np.ndarray]:
            named = arrays if set(names) <= set(arrays) else dict(zip(names, arrays.values(), strict=False))
            if not set(names) <= set(named):
                raise BadInput(f"{self.name} has other inputs as ONNX than in PyTorch.", RECIPE)
            flat = [torch.from_numpy(named[one]) if isinstance(one, str) else one for one in wanted]
            args, kwargs = pytree.tree_unflatten(flat, nesting)
            with torch.no_grad(), _quiet():
                return _arrays(module(*args, **kwargs))

        return call


def prove(
    model: ir.Model, path: Path, call: Call, sizes: Mapping[str, int], name: str, ctx: StepContext | None = None
) -> float:
    """Compare an exported network with its program on random inputs of two batch sizes; returns the difference.

    With ctx also on samples of the user, if there are data; that difference is said there.

    It is the largest absolute difference of an output over its largest value. Raises BadInput with the figure when it
    is above 1e-4 or when shapes differ.
    """
    from compress_studio.graph.samples import synthetic
    from compress_studio.graph.session import open_session, run

    session = open_session(path, optimize=False)  # its optimizations keep several copies of all weights
    worst = 0.0
    for count in BATCHES:
        arrays = synthetic(model, count, count, dict(sizes))
        try:
            expected = call(arrays)
        except BadInput:
            raise
        except Exception as error:
            raise BadInput(f"{name} does not run in PyTorch: {_reason(error)}.", RECIPE) from error
        got = list(run(session, arrays).values())
        if [one.shape for one in got] != [one.shape for one in expected]:
            raise BadInput(
                f"{name}: exported to ONNX its outputs have other shapes for {count} samples: it was recorded for one"
                " batch size or length only.",
                RECIPE,
            )
        worst = max([worst, *(difference(one, two) for one, two in zip(expected, got, strict=True))])
    if not worst <= TOLERANCE:
        raise BadInput(
            f"{name}: exported to ONNX it gives other outputs than in PyTorch (they differ by {worst:.2g} of the"
            f" largest output, {TOLERANCE:g} is allowed).",
            RECIPE,
        )
    real = real_inputs(ctx, path) if ctx is not None else None
    if ctx is not None and real is not None:
        compare_on_samples(ctx, path, real, call, name)
    return worst


def difference(expected: np.ndarray, got: np.ndarray) -> float:
    """The largest absolute difference over the largest value; infinite where what is not finite differs."""
    one, two = expected.astype(np.float64), got.astype(np.float64)
    if not one.size or np.array_equal(one, two, equal_nan=True):
        return 0.0
    finite = np.isfinite(one) & np.isfinite(two)
    if not np.array_equal(one[~finite], two[~finite], equal_nan=True):
        return float("inf")
    return float(np.abs(one - two)[finite].max() / max(float(np.abs(one)[finite].max()), 1e-6))


def _caller(module: Any, names: Sequence[str]) -> Call:
    import torch

    def call(arrays: Mapping[str, np.ndarray]) -> list[np.ndarray]:
        with torch.no_grad(), _quiet():
            return _arrays(module(*(torch.from_numpy(arrays[name]) for name in names)))

    return call


def _arrays(result: Any) -> list[np.ndarray]:
    from torch.utils import _pytree as pytree

    return [
        np.asarray(one.detach()) if hasattr(one, "detach") else np.asarray(one) for one in pytree.tree_leaves(result)
    ]


def _counts(layout: Layout) -> tuple[int, ...]:
    free = any(isinstance(size, str) for shape in layout.shapes for size in shape[:1])
    return BATCHES if free else BATCHES[:1]


def _examples(names: Sequence[str], layout: Layout, count: int, sizes: Mapping[str, int]) -> dict[str, np.ndarray]:
    """Inputs to record a program with: normal floats; ones, which every table and mask knows, for whole numbers."""
    import onnx_ir as ir

    rng = np.random.default_rng(0)
    arrays: dict[str, np.ndarray] = {}
    for name, shape, dtype in zip(names, layout.shapes, layout.dtypes, strict=True):
        real = tuple(
            size if isinstance(size, int) else sizes.get(size, count if axis == 0 else LENGTH)
            for axis, size in enumerate(shape)
        )
        kind = ir.DataType[dtype].numpy()
        floating = np.issubdtype(kind, np.floating)
        arrays[name] = rng.standard_normal(real).astype(kind) if floating else np.ones(real, kind)
    return arrays


@contextlib.contextmanager
def _exporting(name: str) -> Generator[None]:
    """Turn what the exporters raise into one sentence."""
    try:
        with _quiet():
            yield
    except Exception as error:
        # The exporters raise their own, PyTorch's and Python's errors for what they do not know.
        raise BadInput(f"PyTorch cannot export {name} to ONNX: {_reason(error)}.", RECIPE) from error


@contextlib.contextmanager
def _quiet() -> Generator[None]:
    """Keep warnings, log lines and prints of PyTorch away: what matters is said in one sentence."""
    level = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with (
            warnings.catch_warnings(),
            contextlib.redirect_stdout(io.StringIO()),
            contextlib.redirect_stderr(io.StringIO()),
        ):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)


def _let_bars_share_a_lock() -> None:
    """PyTorch makes hidden progress bars, whose own lock is for several processes and outlives a worker."""
    if importlib.util.find_spec("tqdm") is not None:
        importlib.import_module("tqdm").tqdm.set_lock(threading.RLock())


def _reason(error: BaseException) -> str:
    """What an exporter or a program complains about: the innermost cause, one line."""
    while error.__cause__ is not None:
        error = error.__cause__
    return _line(error)


def _line(error: BaseException) -> str:
    """The line of an error that says what is wrong; a program's own trace comes before it."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    told = [line for line in lines if line.startswith(("RuntimeError:", "torch.onnx.errors"))]
    text = (told[-1:] or lines[:1] or [type(error).__name__])[0]
    return text.removeprefix("RuntimeError: ").rstrip(".")[:300]
