"""Sketches of networks for previews: the worker's side."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from compress_studio.base.errors import Refused
from compress_studio.engine.channel import current
from compress_studio.engine.work import WorkContext, WorkSetting
from compress_studio.inspection.naming import known_runtime, named
from compress_studio.spec.ports import OnnxNet

if TYPE_CHECKING:
    from compress_studio.base.digest import Json
    from compress_studio.spec.preview import Sketch


def make_sketch(
    setting: WorkSetting, step: str, params: Mapping[str, Json], network: str, digest: str, scratch: str
) -> Sketch:
    """The sketch of a network that arrives at a step with these parameters.

    Args: scratch is a folder in which files may be made; they are gone afterwards. Raises Refused with the reason
    of the step when it does not apply to the network, and what the step's sketch raises.
    """
    spec = known_runtime(setting.runtime).steps.get(step)
    if not spec.sketch:
        raise Refused(f"{spec.title} has no preview.", "Run it to see what it does.")
    values = spec.params.read(params)
    with tempfile.TemporaryDirectory(prefix="sketch-", dir=scratch, ignore_cleanup_errors=True) as folder:
        context = WorkContext(setting, Path(folder), current())
        return named(spec.sketch)(context, values, OnnxNet(Path(network), digest))
