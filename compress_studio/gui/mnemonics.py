"""Letters to choose lines of menus by: each line of a menu gets one of its own. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence


def with_keys(titles: Sequence[str]) -> list[str]:
    """The titles with an ampersand before a letter that no other title has: the first of a word where possible."""
    taken: set[str] = set()
    marked: list[str] = []
    for title in titles:
        place = next((one for one in _places(title) if title[one].casefold() not in taken), None)
        if place is None:
            marked.append(_doubled(title))
            continue
        taken.add(title[place].casefold())
        marked.append(f"{_doubled(title[:place])}&{title[place]}{_doubled(title[place + 1 :])}")
    return marked


def plain_text(text: str) -> str:
    """A text of a menu without its mark."""
    return re.sub(r"&(.)", r"\1", text)


def _places(title: str) -> list[int]:
    """Where a mark could stand, best first: the first letter, first letters of words, any letter."""
    letters = [place for place, one in enumerate(title) if one.isascii() and one.isalnum()]
    first = [place for place in letters if place == 0 or not title[place - 1].isalnum()]
    return [*first, *letters]


def _doubled(text: str) -> str:
    return text.replace("&", "&&")
