"""The store keeps whole networks, once, and forgets the oldest first."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from compress_studio.artifacts.artifact import MODEL_FILE
from compress_studio.artifacts.blobs import INCOMING, Blobs


def folder_with(path: Path, content: bytes, data: bytes = b"") -> Path:
    path.mkdir(parents=True)
    (path / MODEL_FILE).write_bytes(content)
    if data:
        (path / f"{MODEL_FILE}.data").write_bytes(data)
    return path


def test_a_network_comes_back_with_the_same_bytes_and_cannot_be_written_to(tmp_path: Path) -> None:
    blobs = Blobs(tmp_path / "store")
    artifact = blobs.put(folder_with(tmp_path / "a", b"one", b"weights"))
    found = blobs.get(artifact.digest)
    assert found == artifact
    assert artifact.path.read_bytes() == b"one"
    assert (artifact.path.parent / "model.onnx.data").read_bytes() == b"weights"
    assert artifact.size == 10
    assert artifact.path == blobs.path(artifact.digest)
    assert artifact.path.stat().st_mode & 0o222 == 0


def test_equal_contents_are_kept_once_and_other_contents_have_another_digest(tmp_path: Path) -> None:
    blobs = Blobs(tmp_path / "store")
    first = blobs.put(folder_with(tmp_path / "a", b"one"))
    assert blobs.put(folder_with(tmp_path / "b", b"one")) == first
    assert blobs.put(folder_with(tmp_path / "c", b"two")).digest != first.digest
    assert blobs.put(folder_with(tmp_path / "d", b"one", b"more")).digest != first.digest
    assert list((tmp_path / "store" / INCOMING).iterdir()) == []


def test_other_files_of_the_folder_are_not_stored(tmp_path: Path) -> None:
    folder = folder_with(tmp_path / "a", b"one")
    (folder / "notes.txt").write_text("x")
    artifact = Blobs(tmp_path / "store").put(folder)
    assert [path.name for path in artifact.path.parent.iterdir()] == [MODEL_FILE]


def test_a_folder_without_a_network_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError):
        Blobs(tmp_path / "store").put(tmp_path / "empty")


def test_what_is_not_there_is_none_and_a_text_that_is_no_digest_is_an_error(tmp_path: Path) -> None:
    blobs = Blobs(tmp_path / "store")
    assert blobs.get("0" * 40) is None
    with pytest.raises(ValueError, match="not a digest"):
        blobs.path("../../etc")


def test_a_failure_in_the_middle_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blobs = Blobs(tmp_path / "store")

    def full(*_: object) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("compress_studio.artifacts.blobs.digest_files", full)
    with pytest.raises(OSError, match="No space"):
        blobs.put(folder_with(tmp_path / "a", b"one"))
    assert list((tmp_path / "store").rglob("*.onnx")) == []


def test_a_half_written_entry_of_a_killed_process_is_no_artifact_and_is_cleared_after_a_day(tmp_path: Path) -> None:
    blobs = Blobs(tmp_path / "store")
    old = folder_with(tmp_path / "store" / INCOMING / "killed", b"half")
    young = folder_with(tmp_path / "store" / INCOMING / "running", b"half")
    os.utime(old, (0, 0))
    blobs.sweep((), 10)
    assert not old.exists()
    assert young.exists()


def test_sweeping_removes_the_longest_unused_first_and_keeps_what_is_in_use(tmp_path: Path) -> None:
    blobs = Blobs(tmp_path / "store")
    made = [blobs.put(folder_with(tmp_path / str(i), bytes([i]) * 100)) for i in range(4)]
    for age, artifact in enumerate(made):
        stamp = time.time() - 1000 + age
        os.utime(artifact.path.parent, (stamp, stamp))
    assert blobs.get(made[1].digest) is not None
    assert blobs.sweep({made[0].digest}, 200) == 200
    left = [blobs.get(artifact.digest) is not None for artifact in made]
    assert left == [True, True, False, False]
