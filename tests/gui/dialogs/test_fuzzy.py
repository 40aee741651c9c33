"""A few letters find what was meant."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from compress_studio.gui.dialogs.fuzzy import match, rank

TITLES = [
    "Open model or project…",
    "Save as…",
    "Run to the selected node",
    "Add: Prune weights",
    "Add: Remove channels",
]


def best(query: str) -> str:
    return rank(query, TITLES, TITLES)[0][0]


def test_without_a_query_everything_is_there_in_its_order() -> None:
    assert [title for title, _ in rank("", TITLES, TITLES)] == TITLES


def test_the_start_of_a_word_is_found() -> None:
    assert best("chan") == "Add: Remove channels"


def test_words_are_found_in_any_order() -> None:
    assert best("weights add") == "Add: Prune weights"


def test_initials_are_found() -> None:
    assert best("rsn") == "Run to the selected node"


def test_what_is_not_there_is_not_found() -> None:
    assert rank("xyzzy", TITLES, TITLES) == []


def test_the_start_of_a_word_goes_before_its_inside() -> None:
    titles = ["Import", "Export port"]
    assert rank("port", titles, titles)[0][0] == "Export port"


@given(st.text(max_size=8), st.text(max_size=40))
def test_the_letters_found_are_letters_of_the_text(query: str, text: str) -> None:
    found = match(query, text)
    if found is not None:
        assert all(0 <= place < max(len(text.lower()), 1) for place in found[1])
