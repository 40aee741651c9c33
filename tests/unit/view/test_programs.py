"""Single operators exported as programs compute what the view computes."""

from __future__ import annotations

import dataclasses

import numpy as np
import onnx_ir as ir
import pytest
import torch

from compress_studio.outputs.kernels.source_code import write_source
from compress_studio.view.ops import find
from compress_studio.view.programs import arguments, export_program
from tests.unit.view import test_ops_layers, test_ops_pointwise, test_ops_shapes
from tests.unit.view.cases import Case, by_view

MODULES = (test_ops_shapes, test_ops_layers, test_ops_pointwise)
EVERY = 5
RECURRENT = {"LSTM", "GRU", "RNN"}
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")


def cases() -> list[Case]:
    """Some of the cases of the view, with settings stored as networks store them."""
    found = [one for module in MODULES for rows in vars(module).values() if isinstance(rows, list) for one in rows]
    known = [one for one in found if isinstance(one, Case)]
    picked = [one for at, one in enumerate(known) if at % EVERY == 0 or one.op in RECURRENT or one.note == "one"]
    return [_stored(one) for one in {id(each): each for each in picked}.values()]


def _stored(case: Case) -> Case:
    operator = find(case.domain, case.op)
    host = operator.host if operator is not None else frozenset()
    kept = {index for index in host if index < len(case.inputs) and case.inputs[index] is not None}
    return dataclasses.replace(case, stored=sorted({*case.stored, *kept}))


@pytest.mark.parametrize("case", cases(), ids=str)
def test_an_operator_in_a_program_computes_what_the_view_computes(case: Case) -> None:
    proto, feeds = case.model(), case.feeds()
    model = ir.from_proto(proto)
    program = export_program(model, feeds)
    assert write_source(program, "one operator", []).text
    with torch.no_grad():
        found = program.program.module()(*arguments([value.name or "" for value in model.graph.inputs], feeds))
    for mine, right in zip([found] if isinstance(found, torch.Tensor) else found, by_view(proto, feeds), strict=False):
        assert tuple(mine.shape) == right.shape
        np.testing.assert_allclose(mine.numpy(), right, atol=1e-4, rtol=1e-4)
