"""Make the pictures of the README and the help pages: the window in both themes, and the canvas close up.

    python packaging/dev/screenshots.py

Runs the bundled sample once, in a home of its own, so that everything that can be seen was really measured here.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
IMAGES = ROOT / "resources" / "help" / "images"
SAMPLE = "fashion"
SIZE = "1440x900"
PICTURES = (
    ("training-dark.png", "dark", "Training", "distil1"),
    ("window-dark.png", "dark", "Trade-off", "prune1"),
    ("window-light.png", "light", "Trade-off", "prune1"),
)
"""The training first: its curves are those of the run that takes place then."""
COLORS = 256
CLOSE_UP = ("window-dark.png", "canvas.png", (534, 152, 2236, 780))
"""A picture, the name of a part of it, and its left, top, right and bottom in pixels."""


def main() -> int:
    """Make all pictures; returns the exit code."""
    from PIL import Image

    IMAGES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="compress-studio-shots-") as home:
        environment = {**os.environ, "COMPRESS_STUDIO_HOME": home}
        for name, theme, tab, node in PICTURES:
            words = ["--shot", str(IMAGES / name), "--theme", theme, "--size", SIZE, "--scale", "2", "--run"]
            command = [sys.executable, "-m", "compress_studio", *words, "--sample", SAMPLE]
            code = subprocess.run([*command, "--tab", tab, "--select", node], env=environment, check=False).returncode
            if code:
                return code
            print(IMAGES / name)
    source, name, box = CLOSE_UP
    with Image.open(IMAGES / source) as picture:
        picture.crop(box).save(IMAGES / name)
    print(IMAGES / name)
    for path in sorted(IMAGES.glob("*.png")):
        _shrink(path)
    return 0


def _shrink(path: Path) -> None:
    """Write a picture with a palette: a third of the bytes, and the eye sees no difference in a window."""
    from PIL import Image

    with Image.open(path) as picture:
        plain = picture.convert("RGB")
    # The surfaces exactly as they are; of the rest a selection that does not leave out rare colours.
    counted: Any = plain.getcolors(plain.width * plain.height) or []
    common = sorted(counted, reverse=True)[: COLORS // 2]
    rare = plain.quantize(COLORS // 2, Image.Quantize.MAXCOVERAGE).getpalette() or []
    palette = Image.new("P", (1, 1))
    palette.putpalette([part for _, color in common for part in color] + rare[: 3 * (COLORS // 2)])
    fewer = plain.quantize(palette=palette, dither=Image.Dither.NONE)
    fewer.save(path, optimize=True)


if __name__ == "__main__":
    sys.exit(main())
