"""The zipped size is that of a zip program, whatever the size of the file."""

from __future__ import annotations

import random
import zlib
from pathlib import Path

import pytest

from compress_studio.base.errors import Cancelled
from compress_studio.base.zipping import PIECE, deflated_bytes


def test_a_small_file_is_as_large_as_zlib_makes_it(tmp_path: Path) -> None:
    content = b"weights " * 1000
    (tmp_path / "a").write_bytes(content)
    assert deflated_bytes([tmp_path / "a"]) == len(zlib.compress(content, 6))


def test_pieces_of_a_large_file_add_up_to_one_stream_within_a_thousandth(tmp_path: Path) -> None:
    content = bytes(random.Random(0).choices(range(40), k=2 * PIECE + 12345))
    (tmp_path / "a").write_bytes(content)
    assert deflated_bytes([tmp_path / "a"]) == pytest.approx(len(zlib.compress(content, 6)), rel=1e-3)


def test_measuring_stops_when_asked(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(bytes(PIECE))

    def stop() -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        deflated_bytes([tmp_path / "a"], stop)
