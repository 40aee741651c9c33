"""Which known architecture weights may belong to, guessed from names and shapes alone, or named beside them.

The names of layers are those of torchvision, timm and transformers, as their documentation and files show them.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Shapes = Mapping[str, tuple[int, ...]]
BLOCKS: Mapping[tuple[int, ...], tuple[str, str]] = {
    (2, 2, 2, 2): ("resnet18", "resnet26"),
    (3, 4, 6, 3): ("resnet34", "resnet50"),
    (3, 4, 23, 3): ("", "resnet101"),
    (3, 8, 36, 3): ("", "resnet152"),
}
"""Blocks per stage of ResNets: the name with basic blocks and with bottlenecks (He et al. 2016)."""
VGG = {8: "vgg11", 10: "vgg13", 13: "vgg16", 16: "vgg19"}
DENSE: Mapping[tuple[int, ...], str] = {
    (6, 12, 24, 16): "densenet121",
    (6, 12, 32, 32): "densenet169",
    (6, 12, 48, 32): "densenet201",
    (6, 12, 36, 24): "densenet161",
}
VIT = {192: "tiny", 384: "small", 768: "base", 1024: "large", 1280: "huge"}
PICTURE = "x=Nx3x224x224"
WORDS = "input_ids=NxL"
CONFIG = (
    "Put its config.json into the folder of the file, which must be called model.safetensors or pytorch_model.bin, and"
    " give the folder: it says everything else about the network."
)
OFFSET = 15
"""A version 2.x of torch goes with version 0.(x + 15) of torchvision, with the same last number."""
CPU_INDEX = "--index-url https://download.pytorch.org/whl/cpu"


@dataclass(frozen=True, slots=True)
class Family:
    """A known architecture."""

    title: str
    package: str
    """The distribution that has it."""
    architecture: str = ""
    """ "module:function" that makes it; empty when only a configuration file can tell."""
    arguments: str = ""
    """As the parameter of source.model takes them."""
    dims: str = ""

    @property
    def installed(self) -> bool:
        """Whether its package can be imported; it is not."""
        return importlib.util.find_spec(self.package) is not None

    @property
    def install(self) -> str:
        """The command that installs it, in the version that goes with the torch that is here."""
        if self.package not in {"torchvision", "timm"}:
            return f"pip install {self.package}"
        last = " && pip install timm" if self.package == "timm" else ""
        return f"{_torchvision_command()}{last}"


def _torchvision_command() -> str:
    """Of torchvision the version for this torch; the wheels of PyPI load only with a torch for graphics cards."""
    try:
        version = importlib.metadata.version("torch")
    except importlib.metadata.PackageNotFoundError:
        return "pip install torchvision"
    found = re.match(r"2\.(\d+)\.(\d+)", version)
    pinned = f"torchvision==0.{int(found[1]) + OFFSET}.{found[2]}" if found else "torchvision"
    return f"pip install {pinned}{f' {CPU_INDEX}' if version.endswith('+cpu') else ''}"


def guess(shapes: Shapes) -> Family | None:
    """The family that names and shapes suggest; None when they are unlike all that are known."""
    for find in (_resnet, _torchvision, _timm, _transformers):
        try:
            family = find(shapes)
        except (KeyError, IndexError, ValueError):
            # Some names are those of a known network, and others of it are missing or of another shape.
            continue
        if family is not None:
            return family
    return None


def configured(weights: Path) -> Family | None:
    """The network that the config.json beside a file of weights names, as transformers writes it; None for others."""
    folder = weights.absolute().parent
    try:
        config: Any = json.loads((folder / "config.json").read_text("utf-8"))
        name = str(config["architectures"][0])
    except (OSError, ValueError, KeyError, TypeError, IndexError):
        return None
    if not name.isidentifier() or re.search("[,;+]", str(folder)):
        return None
    words = f"pretrained_model_name_or_path={folder}"
    return Family(f"{name} of transformers", "transformers", f"transformers:{name}.from_pretrained", words, WORDS)


def likely_dims(shapes: Shapes, name: str = "x") -> str:
    """The input that the first weight wants, with usual sizes where it does not tell, as the parameter dims."""
    return f"{name}={likely_shape(shapes)}"


def likely_shape(shapes: Mapping[str, tuple[int | str, ...]]) -> str:
    """The shape that the first weight wants, such as Nx3x224x224."""
    for name, shape in shapes.items():
        if len(shape) == 4:
            return f"Nx{shape[1]}x224x224"
        if len(shape) == 3:
            return f"Nx{shape[1]}x16000"
        if len(shape) == 2 and "emb" in name.lower():
            return "NxL"
        if len(shape) == 2:
            return f"NxTx{shape[1]}" if "_ih_" in name else f"Nx{shape[1]}"
    return "Nx3x224x224"


def _torch(name: str, shapes: Shapes, head: str, dims: str = PICTURE) -> Family:
    classes = shapes[head][0] if head in shapes else 0
    arguments = f"weights=None+num_classes={classes}" if classes else "weights=None"
    return Family(f"{name} of torchvision", "torchvision", f"torchvision.models:{name}", arguments, dims)


def _made(shapes: Shapes, name: str, head: str) -> Family | None:
    if not name:
        return None
    classes = f"+num_classes={shapes[head][0]}" if head in shapes else ""
    return Family(f"{name} of timm", "timm", "timm:create_model", f"model_name={name}{classes}", PICTURE)


def _timm(shapes: Shapes) -> Family | None:
    patch = shapes.get("patch_embed.proj.weight", ())
    if len(patch) == 4 and "blocks.0.attn.qkv.weight" in shapes and "cls_token" in shapes and patch[0] in VIT:
        distilled = "dist_token" in shapes
        position = shapes.get("pos_embed", (1, 197, patch[0]))
        side = round(max(position[1] - 1 - distilled, 1) ** 0.5) * patch[2]
        kind, more = ("deit", "_distilled") if distilled else ("vit", "")
        return _made(shapes, f"{kind}_{VIT[patch[0]]}{more}_patch{patch[2]}_{side}", "head.weight")
    if "stages.0.blocks.0.conv_dw.weight" in shapes and "stem.0.weight" in shapes:
        size = CONVNEXT.get((shapes["stem.0.weight"][0], _count(shapes, r"stages\.2\.blocks\.(\d+)\.")), "")
        second = "v2" if "stages.0.blocks.0.mlp.grn.weight" in shapes else ""
        return _made(shapes, f"convnext{second}_{size}" if size else "", "head.fc.weight")
    if "conv_stem.weight" in shapes and "blocks.0.0.conv_dw.weight" in shapes and "conv_head.weight" in shapes:
        return _made(shapes, _mobile(shapes), "classifier.weight")
    return None


CONVNEXT: Mapping[tuple[int, ...], str] = {
    (40, 6): "atto", (48, 6): "femto", (64, 6): "pico", (80, 8): "nano", (96, 9): "tiny", (96, 27): "small",
    (128, 27): "base", (192, 27): "large",
}  # fmt: skip
"""Channels of the stem and blocks of the third stage."""
MOBILE3: Mapping[tuple[int, ...], str] = {
    (1280, 960): "large_100", (1280, 720): "large_075", (1024, 576): "small_100", (1024, 432): "small_075",
}  # fmt: skip
"""The last convolution of MobileNetV3."""
EFFICIENT: Mapping[int, str] = {1408: "b2", 1536: "b3", 1792: "b4", 2048: "b5", 2304: "b6", 2560: "b7"}
PLAIN: Mapping[tuple[int, ...], str] = {
    (1, 2, 3, 4, 3, 3, 1): "mobilenetv2_100",
    (1, 2, 2, 3, 3, 4, 1): "efficientnet_lite0",
}
"""Blocks per stage of networks without gates."""


def _mobile(shapes: Shapes) -> str:
    """Which of the networks of depthwise blocks in timm it is; empty for none that is known."""
    out, inside = shapes["conv_head.weight"][:2]
    depths = tuple(_count(shapes, rf"blocks\.{stage}\.(\d+)\.") for stage in range(7))
    if (out, inside) in MOBILE3:
        return f"mobilenetv3_{MOBILE3[out, inside]}"
    if "blocks.0.0.se.conv_reduce.weight" not in shapes:
        return PLAIN.get(depths, "") if (out, inside) == (1280, 320) else ""
    size = EFFICIENT.get(out, "b1" if depths[1] == 3 else "b0" if out == 1280 else "")
    return f"efficientnet_{size}" if size else ""


def _resnet(shapes: Shapes) -> Family | None:
    stem = shapes.get("conv1.weight", ())
    if len(stem) != 4 or "layer1.0.conv1.weight" not in shapes or "fc.weight" not in shapes or stem[2] != 7:
        return None
    blocks = tuple(_count(shapes, rf"layer{stage}\.(\d+)\.") for stage in (1, 2, 3, 4))
    names = BLOCKS.get(blocks)
    bottleneck = "layer1.0.conv3.weight" in shapes
    name = names[bottleneck] if names else ""
    if not name:
        return None
    if bottleneck:
        width, inside = shapes["layer1.0.conv2.weight"][:2]
        if name == "resnet26":
            return _made(shapes, name, "fc.weight")
        if width in {128, 256} and inside == 4:
            name = f"resnext{name[6:]}_{width // 4}x4d"
        elif inside == 8:
            name = f"resnext{name[6:]}_32x8d"
        elif width == 128:
            name = f"wide_{name}_2"
    return _torch(name, shapes, "fc.weight")


def _torchvision(shapes: Shapes) -> Family | None:
    for needed, name, head in RULES:
        if all(one in shapes for one in needed):
            found = name(shapes) if callable(name) else name
            return _torch(found, shapes, head) if found else None
    return None


def _vgg(shapes: Shapes) -> str:
    convolutions = [name for name, shape in shapes.items() if name.startswith("features.") and len(shape) == 4]
    norm = "_bn" if any(name.endswith("running_mean") for name in shapes) else ""
    depth = VGG.get(len(convolutions), "")
    return f"{depth}{norm}" if depth else ""


def _densenet(shapes: Shapes) -> str:
    blocks = tuple(_count(shapes, rf"features\.denseblock{one}\.denselayer(\d+)\.") for one in (1, 2, 3, 4))
    return DENSE.get(blocks, "")


def _vit(shapes: Shapes) -> str:
    patch = shapes["conv_proj.weight"]
    layers = _count(shapes, r"encoder\.layers\.encoder_layer_(\d+)\.")
    size = {12: "b", 24: "l", 32: "h"}.get(layers)
    return f"vit_{size}_{patch[2]}" if size else ""


def _mobilenet3(shapes: Shapes) -> str:
    return "mobilenet_v3_small" if shapes["classifier.0.weight"][1] == 576 else "mobilenet_v3_large"


def _efficientnet(shapes: Shapes) -> str:
    last = shapes["classifier.1.weight"][1]
    if shapes["features.1.0.block.0.0.weight"][1] != 1 or "features.1.0.block.1.fc1.weight" not in shapes:
        return f"efficientnet_v2_{'s' if 'features.8.0.weight' not in shapes else _second(shapes)}"
    names = {1280: "b0", 1408: "b2", 1536: "b3", 1792: "b4", 2048: "b5", 2304: "b6", 2560: "b7"}
    depth = _count(shapes, r"features\.2\.(\d+)\.")
    name = "b1" if last == 1280 and depth == 3 else names.get(last, "")
    return f"efficientnet_{name}" if name else ""


def _second(shapes: Shapes) -> str:
    return "l" if shapes["features.0.0.weight"][0] == 32 else "m"


def _squeezenet(shapes: Shapes) -> str:
    return "squeezenet1_0" if shapes["features.0.weight"][2] == 7 else "squeezenet1_1"


def _shufflenet(shapes: Shapes) -> str:
    widths = {24: "x0_5", 58: "x1_0", 88: "x1_5", 122: "x2_0"}
    width = widths.get(shapes["stage2.0.branch1.2.weight"][0])
    return f"shufflenet_v2_{width}" if width else ""


def _swin(shapes: Shapes) -> str:
    size = {(96, 6): "t", (96, 18): "s", (128, 18): "b"}.get(
        (shapes["features.0.0.weight"][0], _count(shapes, r"features\.5\.(\d+)\."))
    )
    second = "v2_" if "features.1.0.attn.cpb_mlp.0.weight" in shapes else ""
    return f"swin_{second}{size}" if size else ""


def _mnasnet(shapes: Shapes) -> str:
    return {16: "mnasnet0_5", 24: "mnasnet0_75", 32: "mnasnet1_0", 40: "mnasnet1_3"}.get(
        shapes["layers.0.weight"][0], ""
    )


def _convnext(shapes: Shapes) -> str:
    width, deep = shapes["features.0.0.weight"][0], _count(shapes, r"features\.5\.(\d+)\.")
    return {(96, 9): "convnext_tiny", (96, 27): "convnext_small", (128, 27): "convnext_base"}.get(
        (width, deep), "convnext_large"
    )


RULES: tuple[tuple[tuple[str, ...], str | Callable[[Shapes], str], str], ...] = (
    (("features.0.0.weight", "features.18.0.weight", "classifier.1.weight"), "mobilenet_v2", "classifier.1.weight"),
    (("features.0.0.weight", "classifier.0.weight", "classifier.3.weight"), _mobilenet3, "classifier.3.weight"),
    (("features.1.0.layer_scale", "features.0.0.weight"), _convnext, "classifier.2.weight"),
    (("features.1.0.block.0.0.weight", "classifier.1.weight"), _efficientnet, "classifier.1.weight"),
    (("features.denseblock1.denselayer1.norm1.weight",), _densenet, "classifier.weight"),
    (("features.3.squeeze.weight", "classifier.1.weight"), _squeezenet, "classifier.1.weight"),
    (("features.10.weight", "classifier.1.weight", "classifier.6.weight"), "alexnet", "classifier.6.weight"),
    (("features.0.weight", "classifier.0.weight", "classifier.6.weight"), _vgg, "classifier.6.weight"),
    (("conv_proj.weight", "encoder.layers.encoder_layer_0.ln_1.weight"), _vit, "heads.head.weight"),
    (("stage2.0.branch1.0.weight", "conv5.0.weight"), _shufflenet, "fc.weight"),
    (("features.1.0.attn.qkv.weight", "features.0.0.weight", "head.weight"), _swin, "head.weight"),
    (("layers.0.weight", "layers.8.0.layers.0.weight", "classifier.1.weight"), _mnasnet, "classifier.1.weight"),
    (("Mixed_5b.branch1x1.conv.weight", "fc.weight"), "inception_v3", "fc.weight"),
    (("inception3a.branch1.conv.weight", "fc.weight"), "googlenet", "fc.weight"),
)  # fmt: skip
"""Names that must be there, the network of torchvision, and its last layer."""

TRANSFORMERS: tuple[tuple[str, str], ...] = (
    (r"(bert\.)?embeddings\.word_embeddings\.weight", "BERT"),
    (r"roberta\.embeddings\.word_embeddings\.weight", "RoBERTa"),
    (r"(distilbert\.)?transformer\.layer\.0\.attention\.q_lin\.weight", "DistilBERT"),
    (r"(transformer\.)?h\.0\.attn\.c_attn\.weight", "GPT-2"),
    (r"model\.layers\.0\.self_attn\.q_proj\.weight", "Llama, Mistral or Qwen"),
    (r"(encoder|decoder)\.block\.0\.layer\.0\.SelfAttention\.q\.weight", "T5"),
    (r"model\.encoder\.layers\.0\.self_attn\.q_proj\.weight", "Whisper or BART"),
    (r"vision_model\.embeddings\.patch_embedding\.weight", "CLIP"),
    (r"(wav2vec2\.)?feature_extractor\.conv_layers\.0\.conv\.weight", "wav2vec 2.0"),
    (r"(vit\.)?embeddings\.patch_embeddings\.projection\.weight", "ViT"),
)
"""A name that only this family of transformers has."""


def _transformers(shapes: Shapes) -> Family | None:
    for pattern, title in TRANSFORMERS:
        if any(re.fullmatch(pattern, name) for name in shapes):
            return Family(f"{title} of transformers", "transformers")
    return None


def _count(shapes: Shapes, pattern: str) -> int:
    """How many different numbers stand at a place of the names."""
    expression = re.compile(pattern)
    return len({found[1] for name in shapes if (found := expression.match(name))})
