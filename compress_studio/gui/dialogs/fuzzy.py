"""Finding what was meant from a few letters."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import TypeVar

T = TypeVar("T")
AT_WORD, INSIDE, SCATTERED = 100, 60, 20
"""What a word of the query is worth by where it is found."""


def match(query: str, text: str) -> tuple[float, tuple[int, ...]] | None:
    """How well a text answers a query, and the places of the letters; None when it does not.

    Every word of the query must be found: best at the start of a word, else inside one, else its letters in order,
    the first of them at the start of a word.
    """
    low = text.lower()
    score, places = 0.0, set[int]()
    for word in query.lower().split():
        found = _word(word, low)
        if found is None:
            return None
        score += found[0]
        places.update(found[1])
    return score - len(text) / 100, tuple(sorted(places))


def rank(query: str, items: Iterable[T], texts: Sequence[str]) -> list[tuple[T, tuple[int, ...]]]:
    """The items that answer a query with the places of the letters, best first; all in their order without a query."""
    found = [(item, match(query, text)) for item, text in zip(items, texts, strict=True)]
    kept = [(item, one) for item, one in found if one is not None]
    if query.strip():
        kept.sort(key=lambda pair: -pair[1][0])
    return [(item, one[1]) for item, one in kept]


def _word(word: str, text: str) -> tuple[float, range | tuple[int, ...]] | None:
    best: tuple[float, range] | None = None
    at = text.find(word)
    while at >= 0:
        worth = (AT_WORD if _starts(text, at) else INSIDE) + len(word) - at / 10
        if best is None or worth > best[0]:
            best = (worth, range(at, at + len(word)))
        at = text.find(word, at + 1)
    return best or _scattered(word, text)


def _scattered(word: str, text: str) -> tuple[float, tuple[int, ...]] | None:
    for start, letter in enumerate(text):
        if letter != word[0] or not _starts(text, start):
            continue
        places = [start]
        for one in word[1:]:
            at = _next(text, one, places[-1] + 1)
            if at < 0:
                break
            places.append(at)
        else:
            gaps = sum(after - before > 1 for before, after in pairwise(places))
            return SCATTERED - gaps, tuple(places)
    return None


def _next(text: str, letter: str, begin: int) -> int:
    """The next letter of a word that goes on, or the next one that starts a word."""
    if begin < len(text) and text[begin] == letter:
        return begin
    at = text.find(letter, begin)
    while at >= 0 and not _starts(text, at):
        at = text.find(letter, at + 1)
    return at if at >= 0 else text.find(letter, begin)


def _starts(text: str, at: int) -> bool:
    return at == 0 or not text[at - 1].isalnum()
