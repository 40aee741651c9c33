"""The architecture that names and shapes of weights suggest, and the command that installs its package."""

from __future__ import annotations

import importlib.metadata

import pytest

from compress_studio.artifacts.families import Family, guess


def resnet(blocks: int, *middle: int) -> dict[str, tuple[int, ...]]:
    """The names by which a ResNet of torchvision is known; a bottleneck with the shape of its middle convolution."""
    shapes: dict[str, tuple[int, ...]] = {"conv1.weight": (64, 3, 7, 7), "fc.weight": (7, 512)}
    for stage, count in enumerate({18: (2, 2, 2, 2), 50: (3, 4, 6, 3), 101: (3, 4, 23, 3)}[blocks], 1):
        for block in range(count):
            shapes[f"layer{stage}.{block}.conv1.weight"] = (64, 64, 3, 3)
    if middle:
        shapes |= {"layer1.0.conv3.weight": (256, 64, 1, 1), "layer1.0.conv2.weight": (*middle, 3, 3)}
    return shapes


@pytest.mark.parametrize(
    ("shapes", "title"),
    [
        (resnet(18), "resnet18 of torchvision"),
        (resnet(50, 64, 64), "resnet50 of torchvision"),
        (resnet(50, 128, 4), "resnext50_32x4d of torchvision"),
        (resnet(101, 256, 4), "resnext101_64x4d of torchvision"),
        (resnet(101, 256, 8), "resnext101_32x8d of torchvision"),
        (resnet(50, 128, 128), "wide_resnet50_2 of torchvision"),
        (resnet(18, 64, 64), "resnet26 of timm"),
    ],
)
def test_residual_networks_are_told_apart(shapes: dict[str, tuple[int, ...]], title: str) -> None:
    found = guess(shapes)
    assert found is not None
    assert found.title == title
    assert "num_classes=7" in found.arguments


def mobile(head: tuple[int, int], depths: tuple[int, ...], *, gates: bool = False) -> dict[str, tuple[int, ...]]:
    """The names by which networks of depthwise blocks of timm are known."""
    shapes: dict[str, tuple[int, ...]] = {
        "conv_stem.weight": (32, 3, 3, 3),
        "conv_head.weight": (*head, 1, 1),
        "classifier.weight": (7, head[0]),
    }
    for stage, count in enumerate(depths):
        shapes |= {f"blocks.{stage}.{block}.conv_dw.weight": (32, 1, 3, 3) for block in range(count)}
    return shapes | ({"blocks.0.0.se.conv_reduce.weight": (8, 32, 1, 1)} if gates else {})


@pytest.mark.parametrize(
    ("shapes", "title"),
    [
        (mobile((1024, 576), (1, 2, 3, 2, 3, 1)), "mobilenetv3_small_100 of timm"),
        (mobile((1280, 960), (1, 2, 3, 4, 2, 3, 1)), "mobilenetv3_large_100 of timm"),
        (mobile((1280, 320), (1, 2, 3, 4, 3, 3, 1)), "mobilenetv2_100 of timm"),
        (mobile((1280, 320), (1, 2, 2, 3, 3, 4, 1)), "efficientnet_lite0 of timm"),
        (mobile((1280, 320), (1, 2, 2, 3, 3, 4, 1), gates=True), "efficientnet_b0 of timm"),
        (mobile((1280, 320), (2, 3, 3, 4, 4, 5, 2), gates=True), "efficientnet_b1 of timm"),
        (mobile((1536, 384), (2, 3, 3, 5, 5, 6, 2), gates=True), "efficientnet_b3 of timm"),
    ],
)
def test_networks_of_depthwise_blocks_are_told_apart(shapes: dict[str, tuple[int, ...]], title: str) -> None:
    found = guess(shapes)
    assert found is not None
    assert found.title == title


def test_some_names_of_a_known_network_are_not_enough() -> None:
    assert guess({"features.3.squeeze.weight": (16, 64, 1, 1), "classifier.1.weight": (10, 512, 1, 1)}) is None
    assert guess({"stage2.0.branch1.0.weight": (24, 1, 3, 3), "conv5.0.weight": (10, 5, 1, 1)}) is None


def test_a_size_that_is_not_known_is_not_guessed() -> None:
    assert guess(mobile((1000, 123), (1, 1, 1, 1, 1, 1, 1))) is None
    assert guess({"stages.0.blocks.0.conv_dw.weight": (7, 1, 7, 7), "stem.0.weight": (7, 3, 4, 4)}) is None


@pytest.mark.parametrize(
    ("torch", "command"),
    [
        ("2.13.0+cpu", "pip install torchvision==0.28.0 --index-url https://download.pytorch.org/whl/cpu"),
        ("2.13.0", "pip install torchvision==0.28.0"),
    ],
)
def test_the_package_is_installed_in_the_version_that_goes_with_torch(
    torch: str, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.metadata, "version", lambda name: torch)
    assert Family("", "torchvision").install == command
    assert Family("", "timm").install == f"{command} && pip install timm"
    assert Family("", "transformers").install == "pip install transformers"
