"""Letters by which lines of menus are chosen."""

from __future__ import annotations

from compress_studio.gui.mnemonics import plain_text, with_keys


def _letters(texts: list[str]) -> list[str]:
    return [text.replace("&&", "")[text.replace("&&", "").index("&") + 1].casefold() for text in texts]


def test_every_line_has_a_letter_of_its_own() -> None:
    found = with_keys(["File", "Edit", "View", "Pipeline", "Run", "Window", "Help"])
    assert found[0] == "&File"
    assert len(set(_letters(found))) == 7


def test_a_mark_in_a_name_is_kept_as_it_is() -> None:
    assert with_keys(["R&D"]) == ["&R&&D"]
    assert plain_text("&R&&D") == "R&D"


def test_the_menus_of_the_window_are_reached_by_alt_and_their_lines_by_letters(window, qtbot) -> None:
    texts = [one.text() for one in window.menuBar().actions()]
    assert all("&" in text for text in texts)
    menu = window.menuBar().actions()[0].menu()
    menu.aboutToShow.emit()
    lines = [one.text() for one in menu.actions() if not one.isSeparator()]
    assert len(set(_letters(lines))) == len(lines)
    menu.aboutToShow.emit()
    assert [one.text() for one in menu.actions() if not one.isSeparator()] == lines
