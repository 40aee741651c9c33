"""Which code the user has allowed to run, by the digest of its files; never anything in general."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from compress_studio.base.paths import data_dir, write_text

FILE = "consent.json"
DIGEST = re.compile(r"[0-9a-f]{40}")


def given(digest: str) -> bool:
    """Whether the user has allowed code of this digest."""
    return digest in known()


def give(digest: str, what: str) -> None:
    """Remember that the user allows code of this digest; what is a description for the list of consents.

    Raises ValueError for anything that is no digest.
    """
    if not DIGEST.fullmatch(digest):
        raise ValueError(f"{digest!r} is no digest")
    rows = known() | {digest: {"what": what, "given": datetime.now(UTC).isoformat(timespec="seconds")}}
    write_text(_file(), json.dumps(rows, indent=2, ensure_ascii=False) + "\n")


def take_back(digest: str) -> None:
    """Forget a consent."""
    rows = known()
    if rows.pop(digest, None) is not None:
        write_text(_file(), json.dumps(rows, indent=2, ensure_ascii=False) + "\n")


def known() -> dict[str, dict[str, str]]:
    """All consents: "what" and the time "given", by digest. A file that cannot be read holds none."""
    try:
        rows: Any = json.loads(_file().read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(rows, dict):
        return {}
    found = cast("dict[str, Any]", rows)
    return {key: value for key, value in found.items() if DIGEST.fullmatch(key) and isinstance(value, dict)}


def _file() -> Path:
    return data_dir() / FILE
