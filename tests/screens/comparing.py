"""Comparing pictures: how many pixels are the same within a small tolerance, and where they are not."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

TOLERANCE = 2
"""Of 255, in every channel."""
ENOUGH = 0.997
"""Share of pixels that must be the same."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """What two pictures have in common."""

    same: float
    """Share of equal pixels; 0 for pictures of different sizes."""
    reason: str = ""

    @property
    def ok(self) -> bool:
        """Whether they may pass for the same."""
        return self.same >= ENOUGH


def read(path: Path, shrink: int = 1) -> np.ndarray:
    """A picture as rows × columns × RGB, every shrink × shrink pixels averaged to one."""
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB").reduce(shrink), dtype=np.int16)


def differing(actual: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """Where two pictures of the same size differ."""
    return (np.abs(actual - expected) > TOLERANCE).any(axis=2)


def compare(actual: np.ndarray, expected: np.ndarray) -> Comparison:
    """Compare two pictures."""
    if actual.shape != expected.shape:
        return Comparison(0.0, f"the size is {actual.shape[1::-1]}, it was {expected.shape[1::-1]}")
    wrong = differing(actual, expected)
    same = 1.0 - float(wrong.mean())
    if same >= ENOUGH:
        return Comparison(same)
    rows, columns = np.nonzero(wrong)
    box = (columns.min(), rows.min(), columns.max(), rows.max())
    return Comparison(same, f"{100 * (1 - same):.2f} % of the pixels differ, inside {tuple(int(one) for one in box)}")


def write_evidence(folder: Path, name: str, actual: np.ndarray, expected: np.ndarray) -> None:
    """Write actual, expected and diff side by side for somebody to look at; differences are red on a pale copy."""
    folder.mkdir(parents=True, exist_ok=True)
    write(folder / f"{name}-actual.png", actual)
    write(folder / f"{name}-expected.png", expected)
    if actual.shape == expected.shape:
        pale = (actual // 3 + 150).clip(0, 255)
        pale[differing(actual, expected)] = (230, 0, 0)
        write(folder / f"{name}-diff.png", pale)


def write(path: Path, pixels: np.ndarray) -> None:
    """Write a picture as small as PNG gets."""
    Image.fromarray(pixels.astype(np.uint8)).save(path, optimize=True)
