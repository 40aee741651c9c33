"""Which code the user has allowed to run; kept in base, as loading a library for operators asks for it too."""

from __future__ import annotations

from compress_studio.base.consents import DIGEST, give, given, known, take_back

__all__ = ["DIGEST", "give", "given", "known", "take_back"]
