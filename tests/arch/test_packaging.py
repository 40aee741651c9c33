"""The wheel carries what the program needs, and everything bundled says where it comes from."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_wheel_holds_the_resources_and_the_entry_points(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert "compress_studio/_resources/samples/index.json" in names
    assert "compress_studio/_resources/samples/fashion/fashion.onnx" in names
    assert "compress_studio/py.typed" in names
    assert any(name.endswith("entry_points.txt") for name in names)
    assert not any(name.startswith("tests/") for name in names)


def test_every_bundled_sample_file_is_listed_with_its_licence() -> None:
    samples = ROOT / "resources" / "samples"
    entries = json.loads((samples / "index.json").read_text(encoding="utf-8"))["samples"]
    listed = {name for entry in entries for name in entry["files"]}
    there = {path.relative_to(samples).as_posix() for path in samples.rglob("*") if path.is_file()} - {"index.json"}
    assert there == listed
    assert all(entry["licence"] for entry in entries)


def test_every_dependency_is_pinned_to_a_tested_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    pins = {
        re.split("==", line)[0].lower().replace("_", "-")
        for line in (ROOT / "packaging" / "constraints.txt").read_text(encoding="utf-8").splitlines()
        if "==" in line and not line.startswith("#")
    }
    wanted = [*project["dependencies"], *project["optional-dependencies"]["test"]]
    names = {re.split(r"[<>=!\[; ]", text)[0].lower().replace("_", "-") for text in wanted}
    assert not names - pins
