"""When the dialog of weights is offered beside a failure of a model, and what is said then. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath

from compress_studio.engine.records import Cause
from compress_studio.project.files import SOURCE_PATH
from compress_studio.project.pipeline import SOURCE_STEP, Node

HOLDERS = frozenset({".pt", ".pth", ".bin", ".ckpt", ".safetensors", ".json", ".py", ".pkl", ".tar"})
"""Endings under which weights are kept; any other file is asked about when its code is named."""
COMMANDS = ("compress-studio ", "--allow-code", "--step")


@dataclass(frozen=True, slots=True)
class Offer:
    """A button beside a failure."""

    label: str
    hint: str
    """In place of a hint that speaks of the command line."""

    def hint_for(self, hint: str) -> str:
        """What to say as the next thing to do."""
        return self.hint if any(word in hint for word in COMMANDS) else hint


REVIEW = Offer("Review the code…", "Look at what would run, and allow it if you trust it.")
CHOOSE = Offer("Choose its network…", "Name the code that makes its network.")


def offer_for(node: Node, cause: Cause) -> Offer | None:
    """What to offer when a model cannot be opened for a cause; None when the dialog would not help."""
    if node.step != SOURCE_STEP:
        return None
    if cause is Cause.CONSENT:
        return REVIEW
    return CHOOSE if holds_weights(node) and cause in {Cause.BAD_INPUT, Cause.USER} else None


def holds_weights(node: Node) -> bool:
    """Whether a node probably opens weights or code: by the name of its file, which is not looked into."""
    suffix = PurePath(str(node.params.get(SOURCE_PATH, ""))).suffix.lower()
    return node.step == SOURCE_STEP and (bool(node.params.get("architecture")) or suffix in HOLDERS)
