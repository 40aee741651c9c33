"""Reading and writing networks so that the result opens anywhere.

Caps: from above what ONNX Runtime 1.31 opens (IR version 13, opset 26), from below the first IR version in which
weights need not be inputs.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from compress_studio.base.errors import UserError
from compress_studio.base.paths import atomic_path
from compress_studio.graph import streamed

if TYPE_CHECKING:
    import onnx
    import onnx_ir as ir

MAX_IR_VERSION = 13
MIN_IR_VERSION = 4
"""Below, every initializer would have to be listed as an input too."""
MAX_OPSET = 26
EXTERNAL_ABOVE = 1_800_000_000
"""Bytes of weights above which they go to a second file: protobuf ends at 2 GiB."""


def load(path: Path) -> ir.Model:
    """Read a network that is known to be good (from the store). Weights in a second file are mapped, not read.

    Files from users go through artifacts.formats, which explains what is wrong with them.
    """
    import onnx_ir as ir

    return ir.load(path)


def save(model: ir.Model, path: Path, *, verify: bool = True) -> Path:
    """Write a network, check it with the ONNX checker and open it once in ONNX Runtime.

    Brings the IR version within the caps; raises UserError naming the cause when the result is not a valid network,
    and then leaves no file behind.
    """
    import onnx_ir as ir

    model.ir_version = min(max(model.ir_version, MIN_IR_VERSION), MAX_IR_VERSION)
    data = path.with_name(path.name + ".data")
    large = weight_bytes(model) > EXTERNAL_ABOVE
    checked: onnx.ModelProto | None = None
    streaming = [] if large else streamed.large_initializers(model)
    try:
        with atomic_path(path) as part:
            if large:
                ir.save(model, part, external_data=data.name)
            elif streaming:
                checked = streamed.write(model, part, streaming)
            else:
                ir.external_data.load_to_model(model)
                proto = ir.to_proto(model)
                # Recorded shapes of inner tensors are stale after most edits, and stop the tools of others.
                del proto.graph.value_info[:]
                part.write_bytes(proto.SerializeToString())
                del proto  # it holds a copy of all weights
            if verify:
                _verify(part, checked)
    except BaseException:
        if large:
            data.unlink(missing_ok=True)
        raise
    return path


def _verify(part: Path, checked: onnx.ModelProto | None) -> None:
    import onnx

    try:
        onnx.checker.check_model(str(part) if checked is None else checked)
        open_once(part)
    except Exception as error:
        raise UserError(
            f"The compressed network would not be valid: {first_line(error)}",
            "This is a fault of the step, not of your model. Leave this step out, and please report it.",
        ) from error


def weight_bytes(model: ir.Model) -> int:
    """Bytes of all initializers, sub-graphs included."""
    return sum(
        value.const_value.nbytes
        for graph in model.graphs()
        for value in graph.initializers.values()
        if value.const_value is not None
    )


def open_once(path: Path) -> None:
    """Prove that ONNX Runtime opens a file; raises what it raises."""
    from compress_studio.graph.session import open_session

    open_session(path, optimize=False)


def first_line(error: BaseException) -> str:
    """The first line of an error's text without the runtime's prefixes."""
    text = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return text.split(" : ", 3)[-1] if text.startswith("[ONNXRuntimeError]") else text
