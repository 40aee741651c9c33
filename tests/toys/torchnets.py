"""Small networks in PyTorch: convolutions, depthwise convolutions, transformers, LSTMs; also given as code.

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


class Pictures(torch.nn.Module):
    """Convolutions with batch norms for pictures of 16 × 16."""

    def __init__(self, classes: int = 4) -> None:
        super().__init__()
        self.body = torch.nn.Sequential(
            torch.nn.Conv2d(1, 16, 3, padding=1),
            torch.nn.BatchNorm2d(16),
            torch.nn.ReLU(),
            torch.nn.MaxPool2d(2),
            torch.nn.Conv2d(16, 32, 3, padding=1, bias=False),
            torch.nn.BatchNorm2d(32),
            torch.nn.ReLU(),
            torch.nn.AdaptiveAvgPool2d(2),
        )
        self.head = torch.nn.Linear(128, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.body(x).flatten(1))


class Excite(torch.nn.Module):
    """Squeeze and excitation: channels are scaled by what all of them say together."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.less = torch.nn.Conv2d(width, width // 4, 1)
        self.more = torch.nn.Conv2d(width // 4, width, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        told = torch.nn.functional.adaptive_avg_pool2d(x, 1)
        return x * torch.nn.functional.hardsigmoid(self.more(torch.relu(self.less(told))))


class Inverted(torch.nn.Module):
    """Wide, depthwise, excited, narrow, with a shortcut, as in MobileNetV3 (Howard 2019)."""

    def __init__(self, width: int, inside: int) -> None:
        super().__init__()
        self.wide = torch.nn.Conv2d(width, inside, 1, bias=False)
        self.norm1 = torch.nn.BatchNorm2d(inside)
        self.depth = torch.nn.Conv2d(inside, inside, 3, padding=1, groups=inside, bias=False)
        self.norm2 = torch.nn.BatchNorm2d(inside)
        self.excite = Excite(inside)
        self.narrow = torch.nn.Conv2d(inside, width, 1, bias=False)
        self.norm3 = torch.nn.BatchNorm2d(width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = torch.nn.functional.hardswish(self.norm1(self.wide(x)))
        y = self.excite(torch.nn.functional.hardswish(self.norm2(self.depth(y))))
        return x + self.norm3(self.narrow(y))


class Mobile(torch.nn.Module):
    """Two inverted blocks for pictures of 16 × 16."""

    def __init__(self, classes: int = 4) -> None:
        super().__init__()
        self.stem = torch.nn.Conv2d(1, 16, 3, 2, 1)
        self.norm = torch.nn.BatchNorm2d(16)
        self.blocks = torch.nn.Sequential(Inverted(16, 32), Inverted(16, 48))
        self.head = torch.nn.Linear(64, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.blocks(torch.nn.functional.hardswish(self.norm(self.stem(x))))
        return self.head(torch.nn.functional.adaptive_avg_pool2d(x, 2).flatten(1))


class Reader(torch.nn.Module):
    """A transformer over numbers of words: two encoder layers, and attention of its own behind them."""

    def __init__(self, words: int = 20, width: int = 32, classes: int = 4) -> None:
        super().__init__()
        self.emb = torch.nn.Embedding(words, width)
        layer = torch.nn.TransformerEncoderLayer(width, 4, 64, batch_first=True, activation="gelu")
        self.layers = torch.nn.TransformerEncoder(layer, 2)
        self.attention = torch.nn.MultiheadAttention(width, 4, batch_first=True)
        self.head = torch.nn.Linear(width, classes)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        x = self.layers(self.emb(ids))
        return self.head((x + self.attention(x, x, x, need_weights=False)[0]).mean(1))


class Listener(torch.nn.Module):
    """An LSTM over numbers of words."""

    def __init__(self, words: int = 20, width: int = 24, classes: int = 4) -> None:
        super().__init__()
        self.emb = torch.nn.Embedding(words, width)
        self.rnn = torch.nn.LSTM(width, 32, batch_first=True)
        self.head = torch.nn.Linear(32, classes)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        return self.head(self.rnn(self.emb(ids))[0].mean(1))
