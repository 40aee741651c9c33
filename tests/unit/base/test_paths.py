"""Files are written whole or not at all, and have reached the disk before they take a name."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from compress_studio.base.paths import atomic_path, flush, write_text


def test_a_file_has_reached_the_disk_before_it_takes_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "project.cstudio"
    target.write_text("old")
    seen: list[tuple[str, str]] = []

    def remember(descriptor: int) -> None:
        seen.append((Path(f"/proc/self/fd/{descriptor}").resolve().read_text(), target.read_text()))

    if not Path("/proc/self/fd").exists():
        pytest.skip("the system does not tell which file a descriptor is of")
    monkeypatch.setattr(os, "fsync", remember)
    write_text(target, "new")
    assert seen == [("new", "old")]
    assert target.read_text() == "new"


def test_all_files_of_a_folder_are_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    for name in ("one", "a/two", "a/b/three"):
        (tmp_path / name).write_text(name)
    count: list[int] = []
    monkeypatch.setattr(os, "fsync", count.append)
    flush(tmp_path)
    assert len(count) == 3


def test_a_failure_leaves_the_old_file_and_nothing_beside_it(tmp_path: Path) -> None:
    target = tmp_path / "kept"
    target.write_text("old")

    def fail() -> None:
        with atomic_path(target) as part:
            part.write_text("half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert [one.name for one in tmp_path.iterdir()] == ["kept"]
    assert target.read_text() == "old"
