"""What to do next with a file that holds weights but no network, as exact commands."""

from __future__ import annotations

import shlex

from compress_studio.artifacts.checkpoints import Checkpoint
from compress_studio.artifacts.families import CONFIG, Family, configured, guess, likely_dims
from compress_studio.artifacts.hub import hub_folder
from compress_studio.artifacts.weight_groups import Group, choose, groups

SIGNATURE = "def make() -> torch.nn.Module"
FACTORY = "net.py"


def next_step(checkpoint: Checkpoint, group: Group, family: Family | None) -> list[str]:
    """Sentences that say how to open the weights: the guessed family first, then a factory of one's own."""
    name = checkpoint.path.name
    told: list[str] = []
    config = _configured(checkpoint)
    if config:
        told.append(config)
    elif family is not None and not family.architecture:
        told.append(f"The names are those of {family.title}. {CONFIG}")
        if not family.installed:
            told[-1] += f" It needs the package: {family.install}"
    elif family is not None and family.installed:
        words = f"architecture={family.architecture},arguments={family.arguments},dims={family.dims}"
        told.append(f"The names and shapes are those of {family.title}: {command(name, words, family.architecture)}")
    elif family is not None:
        told.append(f"The names and shapes are those of {family.title}; to use it: {family.install}")
    dims = family.dims if family is not None and family.dims else likely_dims(group.shapes)
    if group.pickled_class and not name.endswith(".py"):
        told.append(
            f"The pickled network can be opened when its class {group.pickled_class} can be imported:"
            f" {command(name, f'dims={dims}', name)}"
        )
    told.append(
        f"With your own code: write {SIGNATURE} into a file, such as {FACTORY}, and run"
        f" {command(name, f'architecture={FACTORY}:make,dims={dims}', FACTORY)}"
    )
    return told


def _configured(checkpoint: Checkpoint) -> str:
    """How to open the weights of a folder of transformers, whose config.json names the class; empty for others."""
    family = configured(checkpoint.path)
    if family is None:
        return ""
    words = f"architecture={family.architecture},arguments={family.arguments},dims={family.dims}"
    install = "" if family.installed else f"{family.install}, then "
    hub = hub_folder(checkpoint.path)
    if hub is not None and not hub.remote_code:
        line = f"compress-studio run {shlex.quote(str(checkpoint.path))} --step graph.optimize --out result"
        return f"Its config.json names the class {family.title}: {install}{line}"
    line = command(str(checkpoint.path), words, family.architecture)
    return f"Its config.json names the class {family.title}: {install}{line}"


def command(file: str, words: str, code: str) -> str:
    """A command that opens a file with the help of code."""
    return (
        f"compress-studio run {shlex.quote(file)} --step {shlex.quote(f'source.model:{words}')}"
        f" --allow-code {shlex.quote(code)} --step graph.optimize --out result"
    )


def opening_of(checkpoint: Checkpoint) -> list[str]:
    """The same for the weights that would be chosen. Raises BadInput when there are none."""
    group = choose(groups(checkpoint), checkpoint.path.name)
    return next_step(checkpoint, group, guess(group.shapes))
