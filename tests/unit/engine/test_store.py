from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from compress_studio.base import digest as digest_module
from compress_studio.base.errors import UserError
from compress_studio.engine import cache as cache_module
from compress_studio.engine.cache import Store
from compress_studio.engine.database import NAME
from compress_studio.engine.records import Measurement, Result
from compress_studio.spec.meter import Reading

ROOT = Path(__file__).resolve().parents[3]
MODEL = "model.onnx"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store(tmp_path / "cache")
    yield made
    made.close()


def kept(store: Store, text: str, key: str = "", seconds: float = 1.0) -> str:
    """Store a network of that text as the result of an action; returns its digest."""
    with store.session.scratch() as folder:
        (folder / MODEL).write_text(text)
        digest = store.put(folder).digest
    store.commit(key or text, Result({"network": digest}, seconds, {"layers_changed": 2}))
    return digest


def test_a_result_is_found_again_after_a_restart(store: Store) -> None:
    digest = kept(store, "one")
    store.close()
    other = Store(store.folder)
    assert other.result("one") == Result({"network": digest}, 1.0, {"layers_changed": 2})
    assert other.result("two") is None
    other.close()


def test_a_missing_artifact_is_a_miss(store: Store) -> None:
    path = store.blobs.path(kept(store, "one"))
    path.chmod(0o644)
    path.unlink()
    assert store.result("one") is None


@pytest.mark.parametrize("damage", ["changed", "truncated", "weights added"])
def test_a_damaged_artifact_is_a_miss_and_can_be_stored_again(store: Store, damage: str) -> None:
    digest = kept(store, "one")
    path = store.blobs.path(digest)
    path.chmod(0o644)
    if damage == "weights added":
        path.with_name(f"{MODEL}.data").write_text("more")
    else:
        path.write_text("onx" if damage == "changed" else "o")
    assert store.result("one") is None
    assert kept(store, "one") == digest
    assert store.result("one") is not None
    assert path.read_text() == "one"


def test_an_artifact_whose_time_changed_but_not_its_bytes_is_a_hit(store: Store) -> None:
    path = store.blobs.path(kept(store, "one"))
    os.utime(path, (1, 1))
    assert store.result("one") is not None


def test_a_damaged_database_is_moved_aside_and_a_new_one_begun(store: Store) -> None:
    kept(store, "one")
    store.close()
    (store.folder / NAME).write_bytes(b"this is not a database at all" * 100)
    other = Store(store.folder)
    assert other.result("one") is None
    assert "damaged" in other.notes[0]
    assert list(store.folder.glob(f"{NAME}.damaged-*"))
    kept(other, "one")
    assert other.result("one") is not None
    other.close()


def test_a_database_damaged_while_it_is_open_does_no_harm(store: Store) -> None:
    for number in range(200):
        kept_nothing = Result({}, float(number), {"log": ["x" * 500]})
        store.commit(f"key{number}", kept_nothing)
    store._database.rows("pragma wal_checkpoint(truncate)")
    path = store.folder / NAME
    with path.open("r+b") as stream:
        stream.seek(4096)
        stream.write(os.urandom(path.stat().st_size - 4096))
    store.close()
    other = Store(store.folder)
    for number in range(200):
        other.result(f"key{number}")
    kept(other, "one")
    assert other.result("one") is not None
    other.close()


def test_a_mistake_in_a_statement_costs_no_results(store: Store) -> None:
    kept(store, "one")
    with pytest.raises(sqlite3.ProgrammingError):
        store._database.rows("select ?", ())
    assert store.result("one") is not None
    assert not list(store.folder.glob("*.damaged*"))


def test_measurements_are_kept_with_their_conditions(store: Store) -> None:
    readings = (Reading("top1", 0.9, "", 0.8, 0.95, 100, {"worst": [1, 2]}), Reading("auc", 0.5))
    taken = Measurement("abcdef01", "accuracy", 1, {"data": "d"}, readings, 2.0)
    store.record("key", taken)
    assert store.measurement("key") == taken
    assert store.measurements("abcdef01") == [taken]
    assert store.measurement("other") is None


def test_a_duration_of_something_alike_is_expected_again(store: Store) -> None:
    store.remember_duration("train", "ten epochs", 1000, 10.0)
    store.remember_duration("train", "one epoch", 1000, 1.0)
    assert store.expected_seconds("train", "ten epochs", 1000) == 10.0
    assert store.expected_seconds("train", "one epoch", 2000) == 2.0
    assert store.expected_seconds("train", "one epoch", 1_000_000) is None
    assert store.expected_seconds("prune", "", 1000) is None


def test_a_file_is_read_once_until_it_changes(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "big.bin"
    path.write_bytes(b"1" * 1000)
    os.utime(path, (1, 1))
    read: list[Path] = []

    def counted(one: Path) -> str:
        read.append(one)
        return digest_module.read_digest(one)

    monkeypatch.setattr(cache_module, "read_digest", counted)
    with store.remembering_files():
        first = digest_module.digest_file(path)
        assert digest_module.digest_file(path) == first
        assert read == [path]
        path.write_bytes(b"2" * 1000)
        assert digest_module.digest_file(path) != first
    assert len(read) == 2


def test_a_file_that_was_written_just_now_is_not_trusted(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "small.bin"
    path.write_bytes(b"1")
    stamp = time.time_ns()
    os.utime(path, ns=(stamp, stamp))
    first = store.file_digest(path)
    path.write_bytes(b"2")
    os.utime(path, ns=(stamp, stamp))
    assert store.file_digest(path) != first


def test_what_saved_the_least_time_per_byte_makes_room_first(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache_module, "IN_USE_SECONDS", 0.0)
    cheap = kept(store, "a" * 1000, "cheap", seconds=0.1)
    dear = kept(store, "b" * 1000, "dear", seconds=100.0)
    pinned = kept(store, "c" * 1000, "pinned", seconds=0.0)
    store.pin([pinned])
    assert store.evict(2500) == 1000
    assert [store.artifact(one) is not None for one in (cheap, dear, pinned)] == [False, True, True]
    assert store.result("cheap") is None
    store.evict(0)
    assert [store.artifact(one) is not None for one in (cheap, dear, pinned)] == [False, False, True]


def test_what_was_found_a_moment_ago_is_not_evicted(store: Store) -> None:
    digest = kept(store, "one")
    assert store.evict(0) == 0
    assert store.artifact(digest) is not None


def test_clearing_removes_everything_but_what_is_at_work(store: Store) -> None:
    gone, pinned = kept(store, "one"), kept(store, "two")
    store.pin([pinned])
    store.clear()
    assert store.result("one") is None
    assert store.artifact(gone) is None
    assert store.artifact(pinned) is not None


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="file/cache"):
        Store(tmp_path / "file" / "cache")


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="the administrator may write anywhere")
def test_a_read_only_folder_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    folder.mkdir(mode=0o555)
    with pytest.raises(UserError, match=r"cache.*cannot be"):
        Store(folder)


def test_a_full_disk_is_named(store: Store) -> None:
    pages = store._database.rows("pragma page_count")[0][0]
    store._database.rows(f"pragma max_page_count={pages}")
    with pytest.raises(UserError, match=r"cache.* is full"):
        store.commit("key", Result({}, 1.0, {"log": ["x" * 100_000]}))


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (sqlite3.OperationalError("attempt to write a readonly database"), "cannot be written to"),
        (sqlite3.OperationalError("unable to open database file"), "cannot be written to"),
        (OSError(28, "No space left on device"), "is full"),
        (OSError(5, "Input/output error"), "does not work"),
    ],
)
def test_errors_of_the_disk_are_told_in_words(store: Store, error: Exception, words: str) -> None:
    told = store._database.trouble(error)
    assert words in told.message
    assert str(store.folder) in told.message
    assert told.hint


def test_threads_may_share_a_store(store: Store) -> None:
    def work(number: int) -> None:
        for count in range(20):
            store.commit(f"{number}-{count}", Result({}, 1.0))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert all(store.result(f"{number}-{count}") for number in range(4) for count in range(20))


WRITER = """
import sys
sys.path.insert(0, {root!r})
from pathlib import Path
from compress_studio.engine.cache import Store
from compress_studio.engine.records import Result
store = Store(Path({folder!r}))
for count in range(60):
    with store.session.scratch() as folder:
        (folder / "model.onnx").write_text(f"network {{count}}")
        digest = store.put(folder).digest
    store.commit(f"key{{count}}", Result({{"network": digest}}, 1.0))
    assert store.result(f"key{{count}}") is not None
store.close()
"""


def test_several_processes_may_begin_and_fill_one_store_at_once(tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    script = WRITER.format(root=str(ROOT), folder=str(folder))
    writers = [subprocess.Popen([sys.executable, "-c", script], stderr=subprocess.PIPE, text=True) for _ in range(3)]
    for one in writers:
        _, errors = one.communicate(timeout=120)
        assert one.returncode == 0, errors
    store = Store(folder)
    assert all(store.result(f"key{count}") is not None for count in range(60))
    assert store.notes == []
    assert not list(folder.glob("*.damaged*"))
    store.close()


DYING = """
import sys, os, signal
sys.path.insert(0, {root!r})
from pathlib import Path
from compress_studio.engine.cache import Store
store = Store(Path({folder!r}))
store.pin(["0123456789abcdef"])
with store.session.scratch() as folder:
    (folder / "half.onnx").write_text("half")
    print(store.session.folder, flush=True)
    os._exit(9)
"""


def test_what_a_dead_process_left_is_swept_and_what_a_living_one_uses_is_not(store: Store, tmp_path: Path) -> None:
    script = DYING.format(root=str(ROOT), folder=str(store.folder))
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    dead = Path(done.stdout.strip())
    assert dead.is_dir()
    assert "0123456789abcdef" in store._pinned()
    other = Store(store.folder)
    assert not dead.exists()
    assert store.session.folder.is_dir()
    assert store._pinned() == set()
    other.close()


def test_without_room_what_can_be_found_out_again_is_not_remembered(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "old.txt"
    path.write_text("1 2 3")
    os.utime(path, (1, 1))
    rows = store._database.rows

    def full(statement: str, values: Sequence[Any] = ()) -> list[Any]:
        if statement.startswith("insert"):
            raise UserError("The disk is full.", "Free some space.")
        return rows(statement, values)

    monkeypatch.setattr(store._database, "rows", full)
    assert store.file_digest(path) == digest_module.read_digest(path)
    store.remember_fact("devices", "{}")
    assert store.fact("devices") is None
