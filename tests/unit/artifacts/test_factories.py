"""Functions that may make a network are found by reading a file; a template begins one."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from compress_studio.artifacts.factories import Factory, factories, likeliest
from compress_studio.artifacts.starting_code import starting_code
from compress_studio.base.errors import BadInput

CODE = """
raise SystemExit("importing this would end the program")
import torch
class Base(torch.nn.Module):
    def __init__(self, width):
        self.stem = 1
class Net(Base):
    def __init__(self, classes=10, *, width=0.5):
        self.conv = self.head = 1
class Options: pass
def helper(x): return x
def _hidden() -> torch.nn.Module: ...
def small(width: int = 4) -> "Net": ...
def make(classes): ...
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "net.py"
    path.write_text(CODE)
    return path


def test_functions_and_networks_are_found_without_running_the_file_the_likely_ones_first(file: Path) -> None:
    found = {one.name: one for one in factories(file)}
    assert "_hidden" not in found
    assert "Options" not in found
    assert list(found)[-1] == "helper"
    assert found["Net"].signature == "Net(classes=10, width=0.5)"
    assert found["Base"].needed == ("width",)
    assert found["small"].network
    assert found["Net"].attributes == {"conv", "head"}


def test_the_likeliest_has_a_usual_name_or_the_layers_of_the_weights(file: Path) -> None:
    found = factories(file)
    assert _likeliest(found, "conv.weight", "head.bias") == "Net"
    ready = [Factory("build"), *found]
    assert _likeliest(ready, "conv.weight") == "build"
    needing = [one for one in found if one.needed]
    assert _likeliest(needing, "other.weight") == "make"
    assert likeliest([], ["x"]) is None


def _likeliest(found: list[Factory], *names: str) -> str:
    chosen = likeliest(found, names)
    assert chosen is not None
    return chosen.name


def test_a_file_that_is_no_python_says_in_which_line(tmp_path: Path) -> None:
    path = tmp_path / "net.py"
    path.write_text("import torch\ndef make(:\n")
    with pytest.raises(BadInput, match="line 2"):
        factories(path)
    with pytest.raises(BadInput, match="cannot be read"):
        factories(tmp_path / "none.py")


def test_a_template_can_be_imported_and_names_the_first_and_last_weights() -> None:
    shapes = {f"layers.{number}.weight": (8, 8) for number in range(30)}
    text = starting_code("w.pth", {"emb.weight": (100, 8), **shapes, "head.weight": (4, 8, 3, 3)})
    ast.parse(text)
    assert "emb.weight        100 × 8" in text
    assert "self.emb = torch.nn.Embedding(100, 8)" in text
    assert "self.head = torch.nn.Conv2d(8, 4, 3, bias=False)" in text
    assert "20 more" in text
    assert "layers.15.weight" not in text


def test_names_in_a_file_of_a_stranger_cannot_end_the_text_of_a_template() -> None:
    hostile = 'a"""\nimport os\nos.system("x")\n"""\\.weight'
    text = starting_code('"""\nimport os', {hostile: (2, 2)}, pickled_class='x.Net"')
    tree = ast.parse(text)
    imported = [node for node in ast.walk(tree) if isinstance(node, ast.Import)]
    assert [one.names[0].name for one in imported] == ["torch"]


def test_the_class_of_a_pickled_network_is_what_has_to_be_written() -> None:
    assert "class LeNet(torch.nn.Module):" in starting_code("w.pt", {}, pickled_class="models.lenet.LeNet")
