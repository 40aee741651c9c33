"""Looking into archives as if the model in them had been given."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from compress_studio.artifacts.containers import unpack
from compress_studio.artifacts.openable import Way, openable
from compress_studio.artifacts.sniffing import Format, sniff
from compress_studio.base.paths import scratch_dir


@contextmanager
def model_file(path: Path) -> Generator[Path]:
    """The file itself, or of an archive the one model in it, unpacked while the block runs.

    Raises BadInput for an archive that is unsafe, or holds no model or several.
    """
    if sniff(path) is not Format.ZIP:
        yield path
        return
    with scratch_dir() as folder:
        yield unpack(path, folder)


def inside(path: str) -> dict[str, Any]:
    """What an archive holds: the "name" of the one model in it, and whether it "asks" for code or consent.

    Raises BadInput as model_file does, and for a model that cannot be opened.
    """
    with model_file(Path(path)) as model:
        found = openable(model, closely=True)
        if found.way is Way.REFUSED:
            raise found.error()
        return {"name": model.name, "asks": found.way in {Way.WEIGHTS, Way.CODE}}
