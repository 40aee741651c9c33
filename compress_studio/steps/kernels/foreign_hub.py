"""Inside the process for code: networks of Hugging Face transformers, by way of the exporter of PyTorch."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportMissingTypeStubs=false, reportMissingImports=false
# (transformers is not installed everywhere.)

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compress_studio.artifacts.hub import HubFolder, hub_folder
from compress_studio.base.errors import BadInput
from compress_studio.steps.kernels.foreign_child import BATCHES, Entry, Original, draw
from compress_studio.steps.kernels.foreign_torch import write_module

if TYPE_CHECKING:
    import torch

WAY = "transformers and torch.onnx"
SIDE = 224
"""Height and width of pictures where the configuration has none."""
SOUND = 16000
"""Samples of sound with which a network is tried first."""
MASKS = ("attention_mask",)
TEXTS = ("input_ids", "decoder_input_ids")
CACHES = ("use_cache",)


def open_original(request: Mapping[str, Any]) -> Original:
    """The network that the configuration names, in float32, without a cache of earlier words."""
    import torch

    torch.set_num_threads(int(request["threads"]))
    hub = hub_folder(Path(request["path"]))
    assert hub is not None
    model = _loaded(hub, request)
    for name in CACHES:
        for config in (
            model.config,
            getattr(model.config, "decoder", None),
            getattr(model.config, "text_config", None),
        ):
            if config is not None and hasattr(config, name):
                setattr(config, name, False)
    entries = _entries(model, hub, request["shapes"])
    whole, names = _whole(model, entries)

    def run(arrays: Sequence[Any]) -> list[Any]:
        with torch.no_grad():
            return [one.detach().numpy().copy() for one in whole(*map(torch.from_numpy, arrays))]

    return Original(entries, names, run, lambda target: write_module(whole, entries, target), WAY)


def _loaded(hub: HubFolder, request: Mapping[str, Any]) -> Any:
    """The network with its weights; weights that are missing in the file would be random, so they are an error."""
    import torch
    import transformers

    transformers.logging.set_verbosity_error()
    kind: Any = getattr(transformers, hub.architecture, None) if hub.architecture else transformers.AutoModel
    if kind is None or not hasattr(kind, "from_pretrained"):
        raise BadInput(
            f"{request['name']} is a {hub.architecture}, which transformers {transformers.__version__} does not know.",
            "Install a newer one: pip install --upgrade transformers",
        )
    model, told = kind.from_pretrained(
        str(hub.folder),
        local_files_only=True,
        trust_remote_code=False,
        use_safetensors=hub.weights.name.startswith("model.safetensors"),
        attn_implementation="eager",
        dtype=torch.float32,
        output_loading_info=True,
    )
    missing = sorted(told["missing_keys"])
    if missing:
        raise BadInput(
            f"{hub.weights.name} lacks weights of {type(model).__name__}: {', '.join(missing[:4])}.",
            "Correct the class in architectures of config.json.",
        )
    return model.eval()


def _entries(model: Any, hub: HubFolder, shapes: Mapping[str, Sequence[int | str]]) -> list[Entry]:
    """The inputs: text with its mask, pictures or sound, as the main input of the class says."""
    accepted = inspect.signature(model.forward).parameters
    config = model.config
    vocabulary = _number(config, "vocab_size") or 2
    found: list[Entry] = []
    main = model.main_input_name
    names = [name for name in ("input_ids", "pixel_values") if name in accepted] if main == "input_ids" else [main]
    for name in names:
        if name == "input_ids":
            found.append(Entry(name, ("N", "L"), "int64", vocabulary))
            found += [Entry(one, ("N", "L"), "int64", -1) for one in MASKS if one in accepted]
        elif name == "pixel_values":
            found.append(Entry(name, ("N", *_picture(config)), "float32"))
        elif name == "input_values":
            found.append(Entry(name, ("N", "T"), "float32", likely={"T": SOUND}))
        elif name == "input_features":
            frames = 2 * (_number(config, "max_source_positions") or 1500)
            found.append(Entry(name, ("N", _number(config, "num_mel_bins") or 80, frames), "float32"))
        elif name not in shapes:
            raise BadInput(
                f"{hub.folder.name} takes {name}, whose shape nothing tells.",
                f"Give it in the first step: --step source.model:dims={name}=Nx3x224x224 with its sizes.",
            )
    if "decoder_input_ids" in accepted and config.is_encoder_decoder:
        found.append(Entry("decoder_input_ids", ("N", "M"), "int64", vocabulary))
    known = {one.name for one in found}
    found += [Entry(name, tuple(shape), "float32") for name, shape in shapes.items() if name not in known]
    return [replace(one, shape=tuple(shapes.get(one.name, one.shape))) for one in found]


def _picture(config: Any) -> tuple[int, int, int]:
    """Channels, height and width of pictures."""
    inner = getattr(config, "vision_config", None) or config
    side: Any = getattr(inner, "image_size", None) or SIDE
    height, width = (side, side) if isinstance(side, int) else tuple(side)
    return int(getattr(inner, "num_channels", None) or 3), int(height), int(width)


def _number(config: Any, name: str) -> int:
    inner = getattr(config, "text_config", None)
    found: Any = getattr(config, name, None) or getattr(inner, name, None)
    return found if isinstance(found, int) else 0


def _whole(model: Any, entries: Sequence[Entry]) -> tuple[torch.nn.Module, list[str]]:
    """A module with inputs by position that gives the tensors of the answer, and the names of those."""
    import torch

    keys = [one.name for one in entries]

    def answered(rows: Sequence[Any]) -> dict[str, torch.Tensor]:
        answer = model(**dict(zip(keys, rows, strict=True)), return_dict=True)
        return {name: value for name, value in answer.items() if isinstance(value, torch.Tensor)}

    with torch.no_grad():
        names = list(answered([torch.from_numpy(draw(one, BATCHES[0], {})) for one in entries]))

    class Whole(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, *rows: torch.Tensor) -> tuple[torch.Tensor, ...]:
            found = answered(rows)
            return tuple(found[name] for name in names)

    return Whole().eval(), names
