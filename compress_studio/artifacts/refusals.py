"""One clear sentence, and what to do next, for each kind of file that cannot be opened."""

from __future__ import annotations

import zipfile
from pathlib import Path

from compress_studio.artifacts import pickles
from compress_studio.artifacts.converters import WEIGHTS, Converter, find
from compress_studio.artifacts.sniffing import Format
from compress_studio.base.errors import BadInput

LARGEST_GROWTH = 100
BOMB_BYTES = 256 << 20
EXPORT = 'torch.onnx.export(net, (example_input,), "model.onnx", dynamo=True)'
CONVERT = "Open it as the first step of a run: compress-studio run FILE --step source.model --out FOLDER."
HINTS = {
    Format.HDF5: (
        "It holds no network of Keras, at most weights: save the whole model where it was made with"
        " model.save('model.keras'), and open that file."
    ),
    Format.ORT: (
        "ONNX Runtime has already optimized and packed it for one version and kind of processor, which cannot be taken"
        " back: open the .onnx file from which it was made."
    ),
    Format.OPENVINO: "Open the model from which it was made.",
    Format.GGUF: (
        "Its weights are quantized for llama.cpp and its architecture is in that program: open the PyTorch or"
        " safetensors model from which it was made."
    ),
    Format.TORCHSCRIPT: CONVERT,
    Format.PT2: CONVERT,
    Format.EMPTY: "Copy or download it again.",
    Format.DAMAGED_ZIP: "Copy or download it again.",
    Format.FOLDER: "Give the model file itself.",
    Format.ZIP: "Unpack it and give the model file itself.",
}
DATA = frozenset({Format.NPZ, Format.NPY, Format.PARQUET, Format.IMAGE, Format.CSV})


def refuse(path: Path, kind: Format) -> BadInput:
    """The error for a file that is no ONNX model. Looks into PyTorch files without running anything from them."""
    name = path.name
    converter = find(path, kind)
    if converter is not None and kind not in WEIGHTS:
        return _refuse_convertible(path, kind, converter)
    if kind in {Format.CHECKPOINT, Format.PICKLE, Format.SAFETENSORS, Format.SHARDS}:
        return _refuse_weights(path)
    if kind in {Format.TORCHSCRIPT, Format.PT2}:
        refusal = bomb(path)
        if refusal is not None:
            return refusal
        return BadInput(f"{name} is {kind.value}, which has to be converted to ONNX first.", HINTS[kind])
    if kind in DATA:
        return BadInput(
            f"{name} is {kind.value}: that is data, not a model.", "Give a model (.onnx), and this as --data."
        )
    if kind in {Format.EMPTY, Format.DAMAGED_ZIP, Format.UNKNOWN, Format.TEXT}:
        hint = HINTS.get(kind, "Give an ONNX model (.onnx).")
        return BadInput(f"{name} is {kind.value}, not a model.", hint)
    hint = HINTS.get(kind, "")
    return BadInput(f"{name} is {kind.value}, which cannot be opened.", hint)


def _refuse_convertible(path: Path, kind: Format, converter: Converter) -> BadInput:
    """Where a network is needed that is ready: it has to be converted, and for that perhaps its package installed."""
    if not converter.installed:
        return missing(converter)
    what = "a folder of Hugging Face" if kind is Format.FOLDER else kind.value
    return BadInput(f"{path.name} is {what}, which has to be converted to ONNX first.", CONVERT)


def missing(converter: Converter) -> BadInput:
    """The error that says which command installs the converter of a file."""
    return BadInput(converter.sentence.rpartition(": ")[0] + ".", f"Install it: {' && '.join(converter.commands)}")


def damaged(path: Path) -> BadInput:
    """The error for an archive that cannot be read to its end."""
    return refuse(path, Format.DAMAGED_ZIP)


def bomb(path: Path) -> BadInput | None:
    """The refusal of an archive that grows far beyond its size when unpacked, from its table of contents."""
    try:
        unpacked = pickles.unpacked_size(path)
    except (zipfile.BadZipFile, OSError):
        return refuse(path, Format.DAMAGED_ZIP)
    packed = max(path.stat().st_size, 1)
    if unpacked > BOMB_BYTES and unpacked > LARGEST_GROWTH * packed:
        return BadInput(
            f"{path.name} has {packed / 1e6:.1f} MB but would unpack to {unpacked / 1e9:.1f} GB, which no model does.",
            "Do not open it; get the model from its source again.",
        )
    return None


def _refuse_weights(path: Path) -> BadInput:
    """Weights need an architecture; a pickle that is no checkpoint is refused altogether."""
    from compress_studio.artifacts.advice import next_step
    from compress_studio.artifacts.checkpoints import look
    from compress_studio.artifacts.families import guess
    from compress_studio.artifacts.weight_groups import choose, groups

    try:
        checkpoint = look(path)
        group = choose(groups(checkpoint), path.name) if checkpoint.tensors else None
    except BadInput as error:
        return error
    foreign = checkpoint.foreign
    what = (
        "is"
        if not checkpoint.modules
        else f"is a pickled network ({next(iter(checkpoint.modules.values()))}), so it is"
    )
    runs_code = (
        f"{path.name} was not opened: it {what} a Python pickle that would run code from the file"
        f" ({', '.join(foreign[:3])}{', …' if len(foreign) > 3 else ''})."
    )
    if group is None:
        if foreign:
            return BadInput(
                runs_code, f"If you trust it, open it in PyTorch yourself and export the network: {EXPORT}."
            )
        return BadInput(
            f"{path.name} holds only weights, no architecture, and no tensors can be found in it.",
            f"Give the file that holds the network, or export it where it was made: {EXPORT}.",
        )
    advice = " ".join(next_step(checkpoint, group, guess(group.shapes)))
    if group.pickled_class:
        return BadInput(runs_code, advice)
    rows = group.shapes.items()
    listed = [f"{key} {'×'.join(map(str, shape)) or 'scalar'}" for key, shape in rows]
    inside = f" ({len(listed)} tensors: {', '.join(listed[:6])}{', …' if len(listed) > 6 else ''})"
    return BadInput(f"{path.name} holds only weights, no architecture{inside}.", advice)
