"""Files of weights are described from their bytes: nothing is unpickled, imported or read into memory."""

from __future__ import annotations

import io
import json
import pickle
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from compress_studio.artifacts import families
from compress_studio.artifacts.checkpoints import look
from compress_studio.artifacts.sniffing import Format, sniff
from compress_studio.artifacts.tensors import read
from compress_studio.artifacts.weight_groups import Group, Kind, choose, groups, remarks
from compress_studio.base.errors import BadInput
from compress_studio.graph.facts import inspect
from compress_studio.inspection.checkpoint_look import look as look_closely

BASE = torch.arange(24, dtype=torch.float32).reshape(4, 6)
TENSORS: dict[str, torch.Tensor] = {
    "plain": BASE,
    "again": BASE,
    "turned": BASE.t(),
    "part": BASE[1:, 2:],
    "half": BASE.half(),
    "brain": BASE.bfloat16(),
    "whole": torch.arange(5),
    "none": torch.zeros(0, 3),
    "one": torch.tensor(7.5),
    "flags": torch.tensor([True, False]),
}


def chosen(path: Path, entry: str = "") -> Group:
    return choose(groups(look(path)), path.name, entry)


def told(path: Path) -> str:
    checkpoint = look(path)
    found = groups(checkpoint)
    return " ".join(remarks(checkpoint, found, choose(found, path.name)))


@pytest.mark.parametrize("form", ["zip", "legacy", "packed"])
def test_every_tensor_is_found_with_its_numbers(tmp_path: Path, form: str) -> None:
    path = tmp_path / "w.pt"
    torch.save(TENSORS, path, _use_new_zipfile_serialization=form != "legacy")
    if form == "packed":
        with zipfile.ZipFile(path) as old, zipfile.ZipFile(tmp_path / "p.pt", "w", zipfile.ZIP_DEFLATED) as new:
            for name in old.namelist():
                new.writestr(name, old.read(name))
        path = tmp_path / "p.pt"
    group = chosen(path)
    assert list(group.tensors) == list(TENSORS)
    for name, tensor in TENSORS.items():
        one = group.tensors[name]
        assert one.shape == tuple(tensor.shape)
        assert f"torch.{one.dtype}" == str(tensor.dtype)
        assert one.bytes == tensor.numel() * tensor.element_size()
        np.testing.assert_array_equal(read(one), tensor.float().numpy() if name == "brain" else tensor.numpy())
    assert ["plain", "again"] in group.shared


def first_form(path: Path, tensor: np.ndarray) -> Path:
    """A file as the first versions of PyTorch wrote it: a tar of pickles."""

    class Pointing(pickle.Pickler):
        def persistent_id(self, obj: Any) -> Any:
            return 7 if obj is tensor else None

    storages = io.BytesIO()
    pickle.dump(1, storages, 2)
    pickle.dump((3, "cpu", torch.FloatStorage), storages, 2)
    storages.write(struct.pack("<q", tensor.size) + tensor.tobytes())
    pickle.dump([], storages, 2)
    tensors = io.BytesIO()
    pickle.dump(1, tensors, 2)
    pickle.dump((7, 3, torch.FloatTensor), tensors, 2)
    tensors.write(struct.pack("<q", 2) + struct.pack("<4q", *tensor.shape, tensor.shape[1], 1) + struct.pack("<q", 0))
    whole = io.BytesIO()
    Pointing(whole, 2).dump({"fc.weight": tensor})
    with tarfile.open(path, "w") as archive:
        for name, content in (("sys_info", b""), ("pickle", whole.getvalue()), ("tensors", tensors.getvalue())):
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
        info = tarfile.TarInfo("storages")
        info.size = storages.tell()
        archive.addfile(info, io.BytesIO(storages.getvalue()))
    return path


def test_the_first_form_of_pytorch_is_read(tmp_path: Path) -> None:
    numbers = np.arange(6, dtype=np.float32).reshape(2, 3)
    path = first_form(tmp_path / "old.pt", numbers)
    assert sniff(path) is Format.CHECKPOINT
    np.testing.assert_array_equal(read(chosen(path).tensors["fc.weight"]), numbers)
    np.testing.assert_array_equal(torch.load(path, weights_only=False)["fc.weight"].numpy(), numbers)


def test_safetensors_and_the_index_of_several_files_are_read(tmp_path: Path) -> None:
    save_file({"a": BASE, "b": BASE.bfloat16()}, tmp_path / "one.safetensors")
    save_file({"c": torch.ones(3)}, tmp_path / "two.safetensors")
    index = tmp_path / "model.safetensors.index.json"
    index.write_text(
        json.dumps({"weight_map": {"a": "one.safetensors", "b": "one.safetensors", "c": "two.safetensors"}})
    )
    assert sniff(index) is Format.SHARDS
    group = chosen(index)
    assert list(group.tensors) == ["a", "b", "c"]
    np.testing.assert_array_equal(read(group.tensors["b"]), BASE.numpy())
    index.write_text(json.dumps({"weight_map": {"a": "../secret.safetensors"}}))
    with pytest.raises(BadInput, match="outside its own folder"):
        look(index)


def test_entries_and_wrappings_are_told_in_words(tmp_path: Path) -> None:
    net = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.Linear(3, 2))
    optimizer = torch.optim.Adam(net.parameters())
    net(torch.ones(1, 4)).sum().backward()
    optimizer.step()
    wrapped = {f"module.{name}": one.half() for name, one in net.state_dict().items()}
    path = tmp_path / "w.pt"
    torch.save({"epoch": 3, "state_dict": wrapped, "optimizer": optimizer.state_dict(), "ema": net.state_dict()}, path)
    group = chosen(path)
    assert (group.name, group.wrapping) == ("state_dict", "module.")
    assert list(group.tensors) == list(net.state_dict())
    kinds = {one.name: one.kind for one in groups(look(path))}
    assert kinds == {"state_dict": Kind.WEIGHTS, "optimizer": Kind.OPTIMIZER, "ema": Kind.AVERAGE}
    text = told(path)
    assert "begins with module." in text
    assert "optimizer state in optimizer" in text
    assert "averaged weights in ema" in text
    assert "half precision" in text
    assert chosen(path, "ema").kind is Kind.AVERAGE
    with pytest.raises(BadInput, match=r"no entry nothing .*known: state_dict, optimizer, ema"):
        chosen(path, "nothing")


def test_parts_in_dictionaries_of_their_own_are_one_network(tmp_path: Path) -> None:
    path = tmp_path / "w.pt"
    torch.save({"encoder": {"w": torch.ones(2)}, "decoder": {"w": torch.ones(3)}}, path)
    assert list(chosen(path).tensors) == ["encoder.w", "decoder.w"]


@pytest.mark.parametrize("new", [True, False])
def test_a_pickled_network_gives_its_weights_and_class_without_being_unpickled(tmp_path: Path, new: bool) -> None:
    net = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.Sequential(torch.nn.BatchNorm2d(2)))
    path = tmp_path / "net.pt"
    torch.save({"model": net, "epoch": 1}, path, _use_new_zipfile_serialization=new)
    group = chosen(path)
    assert group.pickled_class == "torch.nn.modules.container.Sequential"
    assert list(group.tensors) == list(net.state_dict())
    for name, tensor in net.state_dict().items():
        np.testing.assert_array_equal(read(group.tensors[name]), tensor.numpy())
    assert "torch.nn.modules.conv.Conv2d" in look(path).foreign


class Payload:
    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Callable[..., None], tuple[Path]]:
        return Path.touch, (self.marker,)


@pytest.mark.parametrize("new", [True, False])
def test_code_beside_weights_is_named_and_not_run(tmp_path: Path, new: bool) -> None:
    marker = tmp_path / "marker"
    path = tmp_path / "w.pt"
    torch.save({"w": torch.ones(2), "x": Payload(marker)}, path, _use_new_zipfile_serialization=new)
    facts = inspect(path)
    assert "getattr" in str(facts["imports"])
    look_closely(str(path))
    assert not marker.exists()


def test_a_list_that_holds_itself_again_and_again_ends(tmp_path: Path) -> None:
    value: list[Any] = [0]
    for _ in range(60):
        value = [value, value, value]
    path = tmp_path / "w.pt"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("m/data.pkl", pickle.dumps(value, protocol=2))
    assert look(path).tensors == ()


@pytest.mark.parametrize("share", [0.2, 0.6, 0.95])
@pytest.mark.parametrize("form", ["zip", "legacy", "safetensors"])
def test_a_file_that_is_cut_off_is_called_damaged(tmp_path: Path, share: float, form: str) -> None:
    path = tmp_path / "w.pt"
    if form == "safetensors":
        save_file({"a": torch.ones(400)}, path)
    else:
        torch.save({"a": torch.ones(400)}, path, _use_new_zipfile_serialization=form == "zip")
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(BadInput) as caught:
        inspect(path)
    assert "w.pt" in caught.value.message


def test_the_look_tells_what_to_do_next_with_histograms(tmp_path: Path) -> None:
    path = tmp_path / "w.pt"
    torch.save({"conv.weight": torch.randn(4, 3, 5, 5), "nan": torch.tensor([1.0, float("nan")])}, path)
    facts = look_closely(str(path))
    first, second = facts["tensors"]
    assert sum(first["counts"]) == 300
    assert len(first["edges"]) == len(first["counts"]) + 1
    assert second["not_a_number"] == 1
    assert "dims=x=Nx3x224x224" in facts["next"][-1]


def shapes(**named: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
    return {name.replace("__", "."): shape for name, shape in named.items()}


def resnet(blocks: tuple[int, ...], bottleneck: bool) -> dict[str, tuple[int, ...]]:
    found: dict[str, tuple[int, ...]] = {"conv1.weight": (64, 3, 7, 7), "fc.weight": (10, 512)}
    for stage, count in enumerate(blocks, 1):
        for block in range(count):
            for place in range(3 if bottleneck else 2):
                found[f"layer{stage}.{block}.conv{place + 1}.weight"] = (64, 64, 3, 3)
    return found


def test_families_are_guessed_from_names_and_shapes() -> None:
    small = families.guess(resnet((2, 2, 2, 2), bottleneck=False))
    assert small is not None
    assert (small.architecture, small.arguments) == ("torchvision.models:resnet18", "weights=None+num_classes=10")
    large = families.guess(resnet((3, 4, 6, 3), bottleneck=True))
    assert large is not None
    assert large.title == "resnet50 of torchvision"
    picture = families.guess(
        shapes(
            patch_embed__proj__weight=(384, 3, 16, 16),
            blocks__0__attn__qkv__weight=(1152, 384),
            cls_token=(1, 1, 384),
            pos_embed=(1, 197, 384),
            head__weight=(10, 384),
        )
    )
    assert picture is not None
    assert picture.arguments == "model_name=vit_small_patch16_224+num_classes=10"
    text = families.guess(shapes(bert__embeddings__word_embeddings__weight=(30522, 768)))
    assert text is not None
    assert text.package == "transformers"
    assert families.guess(shapes(fc__weight=(3, 4))) is None
