"""Results are written whole or not at all."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from compress_studio.base.errors import BadInput, UserError
from compress_studio.engine import delivery


def writer(text: str):
    return lambda path: path.write_text(text)


def full(path: Path) -> None:
    path.write_text("half")
    raise OSError(errno.ENOSPC, "No space left on device")


def test_all_files_appear_together(tmp_path: Path) -> None:
    delivery.deliver(tmp_path / "a" / "b", {"x": writer("1"), "y": writer("2")})
    assert sorted(path.name for path in (tmp_path / "a" / "b").iterdir()) == ["x", "y"]


def test_a_full_disk_leaves_no_trace(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be written: No space left") as caught:
        delivery.deliver(tmp_path / "a" / "b", {"x": writer("1"), "y": full})
    assert not isinstance(caught.value, BadInput)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_leaves_what_was_there(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("old")
    with pytest.raises(UserError):
        delivery.deliver(tmp_path, {"x": writer("new"), "y": full})
    assert (tmp_path / "x").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


def test_a_bug_in_a_writer_stays_a_bug(tmp_path: Path) -> None:
    def wrong(path: Path) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        delivery.deliver(tmp_path / "new", {"x": wrong})
    assert not (tmp_path / "new").exists()


def test_a_folder_that_may_not_be_written_is_found_early(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(*_: object, **__: object) -> str:
        raise PermissionError(errno.EACCES, "Permission denied")

    delivery.check_writable(tmp_path / "new" / "er")
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setattr("tempfile.mkdtemp", denied)
    with pytest.raises(UserError, match="cannot be written: Permission denied") as caught:
        delivery.check_writable(tmp_path / "new")
    assert caught.value.exit_code == 1


def stored(tmp_path: Path) -> Path:
    folder = tmp_path / "store"
    folder.mkdir()
    (folder / "model.onnx").write_bytes(b"graph")
    (folder / "model.onnx.data").write_bytes(b"weights")
    for path in folder.iterdir():
        path.chmod(0o444)
    return folder / "model.onnx"


def test_weights_in_a_second_file_are_exported_with_it_and_can_be_changed(tmp_path: Path) -> None:
    model = stored(tmp_path)
    written = delivery.export(model, tmp_path / "out" / "small.onnx")
    assert (tmp_path / "out" / "small.onnx").read_bytes() == b"graph"
    assert (tmp_path / "out" / "model.onnx.data").read_bytes() == b"weights"
    assert delivery.digest_of(written) == delivery.digest_of(delivery.artifact_files(model))
    (tmp_path / "out" / "small.onnx").write_bytes(b"mine")


def test_weights_of_another_model_are_never_replaced(tmp_path: Path) -> None:
    model = stored(tmp_path)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "model.onnx.data").write_bytes(b"other")
    with pytest.raises(UserError, match="belongs to another model"):
        delivery.export(model, tmp_path / "out" / "small.onnx")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["model.onnx.data"]


def test_the_digest_is_that_of_the_store(tmp_path: Path) -> None:
    from compress_studio.artifacts.blobs import Blobs

    folder = tmp_path / "scratch"
    folder.mkdir()
    (folder / "model.onnx").write_bytes(b"graph")
    artifact = Blobs(tmp_path / "blobs").put(folder)
    written = delivery.export(artifact.path, tmp_path / "x.onnx")
    assert delivery.digest_of(written) == artifact.digest
    (tmp_path / "x.onnx").write_bytes(b"graph!")
    assert delivery.digest_of(written) != artifact.digest


def test_what_turns_out_to_be_wrong_is_taken_back(tmp_path: Path) -> None:
    (tmp_path / "x").touch()
    with pytest.raises(UserError), delivery.removed_on_error({"x": tmp_path / "x"}):
        raise UserError("differs")
    assert not (tmp_path / "x").exists()
