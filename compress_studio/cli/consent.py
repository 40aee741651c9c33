"""The option --allow-code: what the user allows to run, remembered by the digest of its content."""

from __future__ import annotations

from collections.abc import Sequence

from compress_studio.artifacts.codefiles import allowed_by
from compress_studio.engine import consents


def allow(words: Sequence[str]) -> None:
    """Give the consents that the words ask for. Raises BadInput for a file or package that is not there."""
    for word in words:
        digest, what = allowed_by(word)
        consents.give(digest, what)
