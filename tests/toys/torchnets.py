"""Four small networks in PyTorch: convolutions, depthwise convolutions, a transformer, an LSTM; also given as code.

Imported as a file of the user by tests that open weights: it needs nothing but torch.
"""

from __future__ import annotations

import torch


class Plain(torch.nn.Module):
    """Convolutions with batch norms."""

    def __init__(self, classes: int = 5) -> None:
        super().__init__()
        self.conv = torch.nn.Conv2d(1, 4, 3)
        self.norm = torch.nn.BatchNorm2d(4)
        self.head = torch.nn.Linear(144, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(torch.relu(self.norm(self.conv(x))).flatten(1))


class Depthwise(torch.nn.Module):
    """A depthwise and a pointwise convolution."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = torch.nn.Conv2d(3, 8, 3, 2, 1)
        self.depth = torch.nn.Conv2d(8, 8, 3, 1, 1, groups=8)
        self.point = torch.nn.Conv2d(8, 12, 1)
        self.norm = torch.nn.BatchNorm2d(12)
        self.head = torch.nn.Linear(12, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.nn.functional.hardswish(self.norm(self.point(self.depth(self.stem(x)))))
        return self.head(x.mean((2, 3)))


class Attention(torch.nn.Module):
    """A transformer over numbers of words, with a tied embedding."""

    def __init__(self, words: int = 20, width: int = 16) -> None:
        super().__init__()
        self.emb = torch.nn.Embedding(words, width)
        self.layer = torch.nn.TransformerEncoderLayer(width, 2, 32, batch_first=True)
        self.out = torch.nn.Linear(width, words, bias=False)
        self.out.weight = self.emb.weight

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        return self.out(self.layer(self.emb(ids)))


class Recurrent(torch.nn.Module):
    """An LSTM in both directions."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn = torch.nn.LSTM(6, 8, batch_first=True, bidirectional=True)
        self.head = torch.nn.Linear(16, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.rnn(x)[0].mean(1))


def broken() -> torch.nn.Module:
    """Code that fails."""
    raise ValueError("no such thing")
