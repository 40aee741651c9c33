"""What comes from PyTorch is compared with ONNX Runtime on the user's own samples too, before it counts as opened."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from compress_studio.artifacts.codefiles import allowed_by
from compress_studio.base.errors import BadInput
from compress_studio.engine import consents
from compress_studio.engine.channel import current
from compress_studio.engine.keys import Surroundings, action_key
from compress_studio.engine.work import WorkContext, WorkSetting
from compress_studio.spec.data import Part
from compress_studio.spec.runtime import BUILT_IN
from compress_studio.spec.step import spec_of
from compress_studio.steps.kernels import torch_import
from compress_studio.steps.kernels.proving import difference_by_sample
from compress_studio.steps.source_model import SourceModelParams, asks_data, source_model
from tests.toys.context import ToyContext, ToyData

LARGE = 7.0
"""A value that no made-up input has."""
CODE = """
import torch

class Branching(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = torch.nn.Linear(4, 2)

    def forward(self, x):
        y = self.linear(x)
        return y * 2 if bool(x.detach().numpy().max() > 6) else y
"""


class Branching(torch.nn.Module):
    """Gives something else for large values, by a branch that a trace does not keep."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = torch.nn.Linear(4, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.linear(x)
        return y * 2 if bool(x.detach().numpy().max() > 6) else y


@pytest.fixture(autouse=True)
def _guard(monkeypatch: pytest.MonkeyPatch) -> None:  # pyright: ignore[reportUnusedFunction]
    monkeypatch.setenv(torch_import.GUARD, "1")


def samples(*, large: bool = False, count: int = 40) -> ToyData:
    rows = np.random.default_rng(0).uniform(-1, 1, (count, 4)).astype(np.float32)
    if large:
        rows[:, 1] = LARGE
    return ToyData({"x": rows})


def opened(tmp_path: Path, path: Path, data: ToyData | None, **words: str) -> ToyContext:
    ctx = ToyContext(tmp_path)
    ctx.real = data
    source_model(ctx, SourceModelParams(path=str(path), **words))
    return ctx


def weights(tmp_path: Path) -> tuple[Path, dict[str, str]]:
    code, path = tmp_path / "net.py", tmp_path / "weights.pt"
    code.write_text(CODE)
    torch.save(Branching().state_dict(), path)
    consents.give(*allowed_by(str(code)))
    return path, {"architecture": f"{code}:Branching", "dims": "x=Nx4"}


def exported(tmp_path: Path) -> Path:
    net = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 2)).eval()
    shapes = ({0: torch.export.Dim("batch")},)
    program = torch.export.export(net, (torch.zeros(3, 4),), dynamic_shapes=shapes, strict=False)
    torch.export.save(program, tmp_path / "net.pt2")
    return tmp_path / "net.pt2"


def test_a_branch_that_only_real_samples_take_is_found_in_code_with_weights(tmp_path: Path) -> None:
    path, words = weights(tmp_path)
    ctx = opened(tmp_path, path, samples(), **words)
    assert ctx.facts["compared_samples"] == 8
    assert ctx.facts["conversion_difference_on_data"] <= 1e-4  # pyright: ignore[reportOperatorIssue]
    assert any("On 8 samples of the data set the outputs equal" in line for line in ctx.log)
    with pytest.raises(BadInput, match=r"for the sample number \d \(calibrate\) \(they differ by \d.* is allowed"):
        opened(tmp_path, path, samples(large=True), **words)
    ctx = opened(tmp_path, path, None, **words)
    assert "compared_samples" not in ctx.facts


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
def test_programs_are_compared_on_samples_that_are_not_test_samples(tmp_path: Path) -> None:
    data = samples()
    net = torch.nn.Linear(4, 2).eval()
    torch.jit.trace(net, torch.zeros(2, 4)).save(str(tmp_path / "net.pt"))
    # The names of inputs are those of the program; a data set in memory feeds exactly what it is asked for.
    for path, name in ((tmp_path / "net.pt", "input"), (exported(tmp_path), "input")):
        data = ToyData({name: samples().inputs["x"]})
        ctx = opened(tmp_path, path, data)
        assert ctx.facts["compared_samples"] == 8
        assert Part.TEST not in data.asked


def test_a_pickled_network_is_compared_on_samples(tmp_path: Path) -> None:
    path = tmp_path / "net.pt"
    torch.save(torch.nn.Linear(4, 2).eval(), path)
    consents.give(*allowed_by(str(path)))
    ctx = opened(tmp_path, path, ToyData({"input": samples().inputs["x"]}), dims="input=Nx4")
    assert ctx.facts["compared_samples"] == 8


def test_data_that_do_not_fit_are_a_warning_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: ToyContext, network: Path) -> None:
        raise BadInput("rows.npz has 5 columns.", "Give other data.")

    monkeypatch.setattr(ToyContext, "joined_data", refuse)
    ctx = opened(tmp_path, exported(tmp_path), samples())
    assert "not_compared_on_data" in ctx.codes
    assert "compared_samples" not in ctx.facts


def test_the_engine_joins_the_data_of_the_project(tmp_path: Path) -> None:
    np.savez(tmp_path / "data.npz", x=samples(count=60).inputs["x"], y=np.arange(60) % 2)
    path = exported(tmp_path)
    work = WorkContext(WorkSetting(BUILT_IN, str(tmp_path / "data.npz")), tmp_path / "scratch", current())
    work.scratch.mkdir()
    source_model(work, SourceModelParams(path=str(path)))
    assert work.report.facts["compared_samples"] == 8, work.report
    bare = WorkContext(WorkSetting(BUILT_IN), tmp_path / "scratch", current())
    assert not bare.has_data
    assert bare.joined_data(path) is None


def test_the_data_are_part_of_the_key_only_where_they_are_used(tmp_path: Path) -> None:
    spec = spec_of(source_model)
    network = Path(shutil.copy(exported(tmp_path), tmp_path / "copy.pt2"))
    params = SourceModelParams(path=str(network))
    assert asks_data(params)

    def key(data: str, *, given: bool) -> str:
        return action_key(spec, params, {}, Surroundings(data=data, data_given=given))

    assert key("one", given=True) != key("two", given=True)
    assert key("one", given=False) == key("two", given=False) != key("one", given=True)
    assert not asks_data(SourceModelParams(path=str(tmp_path / "missing.onnx")))


def test_the_difference_is_found_in_the_sample_where_it_is() -> None:
    one = np.ones((4, 3), np.float32)
    two = one.copy()
    two[2, 1] = 1.5
    assert difference_by_sample(one, two, 4).tolist() == [0, 0, 0.5, 0]
    two[1] = np.nan
    assert difference_by_sample(one, two, 4)[1] == np.inf
    assert difference_by_sample(two, two, 4).max() == 0
    assert difference_by_sample(np.float32(2.0), np.float32(1.0), 3).tolist() == [0.5] * 3
