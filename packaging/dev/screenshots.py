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

ROOT = Path(__file__).resolve().parents[2]
IMAGES = ROOT / "resources" / "help" / "images"
SAMPLE = "fashion"
SIZE = "1440x900"
PICTURES = (
    ("window-dark.png", "dark", "Trade-off", "prune1"),
    ("window-light.png", "light", "Trade-off", "prune1"),
    ("training-dark.png", "dark", "Training", "distil1"),
)
CLOSE_UP = ("window-dark.png", "canvas.png", (500, 140, 2240, 800))
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
    return 0


if __name__ == "__main__":
    sys.exit(main())
