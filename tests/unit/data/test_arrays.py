"""Array files: mapped, inflated once, and never unpickled."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest

from compress_studio.base.errors import BadInput
from compress_studio.base.paths import cache_dir
from compress_studio.data import arrays
from compress_studio.data.arrays import read_arrays


class Trap:
    """Unpickling one would leave a trace."""

    touched = False

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return (setattr, (Trap, "touched", True))


def test_plain_members_are_mapped_not_read(tmp_path: Path) -> None:
    values = np.arange(24.0).reshape(4, 6)
    np.savez(tmp_path / "a.npz", x=values, turned=np.asfortranarray(values), scalar=np.asarray(3))
    found = read_arrays(tmp_path / "a.npz")
    assert isinstance(found["x"], np.memmap)
    np.testing.assert_array_equal(found["x"], values)
    np.testing.assert_array_equal(found["turned"], values)
    assert found["scalar"] == 3


def test_a_large_compressed_member_is_inflated_once_into_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arrays, "IN_MEMORY", 100)
    values = np.arange(1000)
    np.savez_compressed(tmp_path / "a.npz", x=values)
    first = read_arrays(tmp_path / "a.npz")["x"]
    assert isinstance(first, np.memmap)
    np.testing.assert_array_equal(first, values)
    copies = list((cache_dir() / "data").glob("*.npy"))
    assert len(copies) == 1
    read_arrays(tmp_path / "a.npz")
    assert list((cache_dir() / "data").glob("*.npy")) == copies


def test_pickled_objects_are_refused_and_nothing_runs(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.asarray([Trap()], dtype=object), allow_pickle=True)
    with pytest.raises(BadInput, match="pickled"):
        read_arrays(tmp_path / "a.npy")
    np.savez(tmp_path / "b.npz", x=np.asarray([Trap()], dtype=object))
    with pytest.raises(BadInput, match="pickled"):
        read_arrays(tmp_path / "b.npz")
    assert not Trap.touched


@pytest.mark.parametrize("content", [b"", b"not numpy at all", b"\x93NUMPY\x01\x00v\x00"])
def test_a_broken_file_is_refused_in_words(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.npy").write_bytes(content)
    with pytest.raises(BadInput, match=r"a\.npy"):
        read_arrays(tmp_path / "a.npy")
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(BadInput, match=r"a\.npz"):
        read_arrays(tmp_path / "a.npz")


def test_a_cut_off_file_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.zeros(1000))
    whole = (tmp_path / "a.npy").read_bytes()
    (tmp_path / "a.npy").write_bytes(whole[:900])
    with pytest.raises(BadInput, match="cut off"):
        read_arrays(tmp_path / "a.npy")
    np.savez_compressed(tmp_path / "b.npz", x=np.random.default_rng(0).random(1000))
    whole = (tmp_path / "b.npz").read_bytes()
    (tmp_path / "b.npz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(BadInput, match=r"b\.npz"):
        read_arrays(tmp_path / "b.npz")


def test_a_member_that_promises_more_than_it_holds_is_refused_before_memory_is_taken(tmp_path: Path) -> None:
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f8", "fortran_order": False, "shape": (10**12,)})
    with zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.npy", header.getvalue() + b"\0" * 100)
    with pytest.raises(BadInput, match="header says"):
        read_arrays(tmp_path / "a.npz")


def test_a_damaged_compressed_member_is_refused(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "a.npz", x=np.random.default_rng(0).random(5000))
    content = bytearray((tmp_path / "a.npz").read_bytes())
    content[2000:2040] = b"\xff" * 40
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(BadInput, match=r"a\.npz"):
        read_arrays(tmp_path / "a.npz")


def test_a_folder_of_npy_files_is_read_by_file_name(tmp_path: Path) -> None:
    np.save(tmp_path / "x_train.npy", np.zeros((3, 2)))
    np.save(tmp_path / "y_train.npy", np.zeros(3))
    assert set(read_arrays(tmp_path)) == {"x_train", "y_train"}
