"""Train the bundled sample networks from the bundled sample data and export them to ONNX.

Run `python packaging/dev/make_samples.py [fashion] [letters]` from the checkout, with the project installed.
Not needed to use the program: the results are in resources/samples. Training is seeded; other versions of torch
give other digits.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

SAMPLES = Path(__file__).resolve().parents[2] / "resources" / "samples"
MEAN, STD = 0.2860, 0.3530


class Block(nn.Module):
    """Two 3×3 convolutions and a shortcut (He 2016)."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.short = nn.Sequential()
        if stride != 1 or inputs != outputs:
            self.short = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(y + self.short(x))


class FashionNet(nn.Module):
    """A small residual network: float32 N,1,28,28 normalised to logits of ten classes."""

    def __init__(self, widths: tuple[int, ...] = (32, 64, 128)) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, widths[0], 3, 2, 1, bias=False)
        self.norm = nn.BatchNorm2d(widths[0])
        before = (widths[0], *widths[:-1])
        pairs = zip(before, widths, strict=True)
        self.blocks = nn.Sequential(*(Block(i, o, 2 if k else 1) for k, (i, o) in enumerate(pairs)))
        self.head = nn.Linear(widths[-1], 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.blocks(F.relu(self.norm(self.stem(x))))
        return self.head(x.mean((2, 3)))


class LetterNet(nn.Module):
    """A table network: float32 N,16 raw features to logits of 26 letters."""

    def __init__(self, width: int = 256) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(16)
        self.fc1 = nn.Linear(16, width)
        self.fc2 = nn.Linear(width, width)
        self.fc3 = nn.Linear(width, 26)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = F.relu(self.fc1(self.norm(x)))
        return self.fc3(F.dropout(F.relu(self.fc2(x)), 0.1, self.training))


def shifted(x: torch.Tensor) -> torch.Tensor:
    """A batch moved by up to two pixels and mirrored half of the time."""
    dy, dx = (int(v) for v in torch.randint(-2, 3, (2,)))
    x = torch.roll(x, (dy, dx), (2, 3))
    return x.flip(3) if torch.rand(()) < 0.5 else x


def train(net: nn.Module, x: torch.Tensor, y: torch.Tensor, epochs: int, rate: float, augment: bool) -> None:
    optimizer = torch.optim.AdamW(net.parameters(), lr=rate, weight_decay=0.02)
    steps = epochs * (len(x) // 128)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=steps)
    for epoch in range(epochs):
        net.train()
        began, total = time.monotonic(), 0.0
        for rows in torch.randperm(len(x))[: len(x) // 128 * 128].reshape(-1, 128):
            batch = shifted(x[rows]) if augment else x[rows]
            loss = F.cross_entropy(net(batch), y[rows], label_smoothing=0.05)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += float(loss.detach())
        print(
            f"epoch {epoch + 1}/{epochs} loss {total / (len(x) // 128):.4f} {time.monotonic() - began:.1f} s",
            flush=True,
        )


def accuracy(net: nn.Module, x: torch.Tensor, y: torch.Tensor) -> float:
    net.eval()
    with torch.no_grad():
        return float((net(x).argmax(1) == y).float().mean())


def make_fashion() -> None:
    torch.manual_seed(0)
    data = np.load(SAMPLES / "fashion" / "fashion.npz")
    x, xt = ((torch.from_numpy(data[k])[:, None].float() / 255 - MEAN) / STD for k in ("x_train", "x_test"))
    y, yt = (torch.from_numpy(data[k].astype(np.int64)) for k in ("y_train", "y_test"))
    net = FashionNet()
    train(net, x, y, epochs=24, rate=3e-3, augment=True)
    print("fashion accuracy", accuracy(net, xt, yt))
    export(net, torch.zeros(2, 1, 28, 28), "image", SAMPLES / "fashion" / "fashion.onnx")


def make_letters() -> None:
    torch.manual_seed(0)
    data = np.load(SAMPLES / "letters" / "letters.npz")
    x, xt = (torch.from_numpy(data[k]).float() for k in ("x_train", "x_test"))
    y, yt = (torch.from_numpy(data[k].astype(np.int64)) for k in ("y_train", "y_test"))
    net = LetterNet()
    train(net, x, y, epochs=40, rate=3e-3, augment=False)
    print("letters accuracy", accuracy(net, xt, yt))
    export(net, torch.zeros(2, 16), "features", SAMPLES / "letters" / "letters.onnx")


def export(net: nn.Module, example: torch.Tensor, name: str, path: Path) -> None:
    net.eval()
    names = {"input_names": [name], "output_names": ["scores"], "dynamic_axes": {name: {0: "N"}, "scores": {0: "N"}}}
    torch.onnx.export(net, (example,), path, opset_version=17, dynamo=False, **names)
    print(path.name, path.stat().st_size, "bytes")


if __name__ == "__main__":
    wanted = sys.argv[1:] or ["fashion", "letters"]
    if "fashion" in wanted:
        make_fashion()
    if "letters" in wanted:
        make_letters()
