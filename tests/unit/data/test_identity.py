"""What the digest of a request names, and how options are read."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from compress_studio.base.errors import BadInput
from compress_studio.data.identity import data_digest
from compress_studio.data.options import read_options
from compress_studio.spec.data import DataRequest, Part, Task
from tests.unit.data.building import codes, everything, network, opened


def test_contents_options_and_seed_are_in_the_digest(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    np.savez(path, x=np.zeros(3))
    first = data_digest(DataRequest(str(path)))
    assert first == data_digest(DataRequest(str(path)))
    assert first != data_digest(DataRequest(str(path), seed=1))
    assert first != data_digest(DataRequest(str(path), {"task": "none"}))
    assert first != data_digest(DataRequest())
    copy = tmp_path / "b.npz"
    copy.write_bytes(path.read_bytes())
    assert first == data_digest(DataRequest(str(copy)))
    np.savez(path, x=np.ones(3))
    assert first != data_digest(DataRequest(str(path)))


def test_a_file_in_a_folder_that_changes_changes_the_digest(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    picture = tmp_path / "a" / "1.png"
    picture.write_bytes(b"1")
    first = data_digest(DataRequest(str(tmp_path)))
    os.utime(picture, ns=(1, 1))
    assert data_digest(DataRequest(str(tmp_path))) != first


def test_missing_data_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="do not exist"):
        data_digest(DataRequest(str(tmp_path / "nothing.npz")))


def test_the_digest_needs_no_heavy_package() -> None:
    code = (
        "import sys, compress_studio.data.identity as i; from compress_studio.spec.data import DataRequest; "
        "i.data_digest(DataRequest()); print([m for m in ('numpy', 'onnx', 'torch', 'PIL') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_data_toml_says_how_to_preprocess(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    np.savez(folder / "pictures.npz", raw=np.full((40, 6, 6), 255, np.uint8), kind=np.arange(40) % 4)
    toml = folder / "data.toml"
    toml.write_text(
        'path = "pictures.npz"\nlabels = "kind"\ntask = "classify"\nclasses = ["a", "b", "c", "d"]\n'
        '[split]\ntest = 0.25\ncalibrate = 10\n[input.x]\narray = "raw"\nscale = "1/255"\nmean = [0.5]\nstd = [0.25]\n'
    )
    net = network(tmp_path)
    digests = set()
    for path in (folder, toml, folder / "pictures.npz"):
        source = opened(net, path)
        assert source.describe()["parts"] == {"calibrate": 10, "tune": 20, "test": 10}
        assert source.task is Task.CLASSIFY
        assert source.classes == ("a", "b", "c", "d")
        assert (everything(source, Part.TEST)[0].inputs["x"] == 2.0).all()
        assert "preprocessing_guessed" not in codes(source)
        digests.add(source.digest)
    assert len(digests) == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("scael = 1\n", "no option scael"),
        ("scale = 'big'\n", "scale must be a number or a fraction"),
        ("[input.x]\nlayout = 'CHWN'\n", "layout must be one of"),
        ("std = [0.0]\n", "std must not be 0"),
        ("task = 'guess'\n", "task must be one of"),
        ("path = 'nowhere.npz'\n", "do not exist"),
        ("path = \n", "not valid TOML"),
        ("[split]\ntset = 0.5\n", "no option tset"),
        ("[split]\ntest = 1.0\n", "share between 0 and 1"),
        ("[split]\ntest = nan\n", "split.test must be a number"),
        ("[dims]\nseq = 'a'\n", "dims.seq must be a whole number"),
        ("classes = 5\n", "classes must be a list"),
        ("classes = 'cat'\n", "classes must be a list"),
        ("classes = ['a', 'a']\n", "names a twice"),
        ("header = 'no'\n", "header must be true or false"),
        ("crop = 'no'\n", "crop must be true or false"),
        ("resize = -5\n", "resize must be a whole number"),
        ("scale = 0\n", "scale must not be 0"),
        ("delimiter = ';;'\n", "delimiter must be a single character"),
        ("decimal = 'comma'\n", "decimal must be one of"),
    ],
)
def test_a_wrong_data_toml_is_refused_with_the_line_to_mend(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "data.toml").write_text(text)
    with pytest.raises(BadInput, match=words):
        read_options(DataRequest(str(tmp_path)))


def test_a_misspelt_option_is_answered_with_the_one_near_it(tmp_path: Path) -> None:
    (tmp_path / "data.toml").write_text("[split]\ncalibration = 10\n")
    with pytest.raises(BadInput) as caught:
        read_options(DataRequest(str(tmp_path)))
    assert "Did you mean calibrate?" in caught.value.hint


def test_an_input_that_the_network_does_not_have_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    np.savez(folder / "a.npz", x=np.zeros((40, 6, 6), np.float32))
    (folder / "data.toml").write_text("[input.pixels]\nscale = 2\n")
    with pytest.raises(BadInput, match="input pixels that the network does not have") as caught:
        opened(network(tmp_path), folder)
    assert "x" in caught.value.hint


def test_the_request_overrides_the_file(tmp_path: Path) -> None:
    (tmp_path / "data.toml").write_text("scale = 2.0\n")
    assert read_options(DataRequest(str(tmp_path), {"scale": 3})).every.scale == 3.0


def test_a_data_toml_that_may_not_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "data.toml").write_text("scale = 1")

    def refused(path: Path, **_: object) -> str:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_text", refused)
    with pytest.raises(BadInput, match=r"data\.toml cannot be read: Permission denied"):
        read_options(DataRequest(str(tmp_path)))
