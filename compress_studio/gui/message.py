"""What the user is told in passing."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Message:
    """Something the user should know now."""

    text: str
    hint: str = ""
    level: str = "info"
    """ "info", "success", "warning" or "error"."""
    report: str = ""
    """What a bug report should hold."""
    review: str = ""
    """The source whose code waits to be allowed."""
