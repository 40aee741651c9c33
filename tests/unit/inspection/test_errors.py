"""Where a result differs from its source."""

from __future__ import annotations

from pathlib import Path

import onnx_ir as ir
import pytest

from compress_studio.base.errors import Refused
from compress_studio.graph.layers import set_array, weight_layers
from compress_studio.inspection.errors import EQUAL_DB, layer_errors
from compress_studio.spec.runtime import BUILT_IN
from tests.toys import networks


def compared(result: Path, source: Path) -> list[dict]:
    return layer_errors(BUILT_IN, "", {}, 0, str(source), str(result), str(source), 4)


def saved(model: ir.Model, path: Path) -> Path:
    ir.save(model, path)
    return path


def test_a_network_does_not_differ_from_itself(tmp_path: Path) -> None:
    path = saved(networks.residual_net(), tmp_path / "a.onnx")

    rows = compared(path, path)

    assert rows
    assert all(row["sqnr_db"] == EQUAL_DB and row["relative"] == 0 for row in rows)


def test_the_difference_begins_at_the_layer_that_was_changed(tmp_path: Path) -> None:
    source = saved(networks.mlp(), tmp_path / "a.onnx")
    model = networks.mlp()
    layer = weight_layers(model)[-1]
    set_array(layer.weight, layer.array * 1.1)

    rows = compared(saved(model, tmp_path / "b.onnx"), source)

    changed = [row for row in rows if row["sqnr_db"] < EQUAL_DB]
    assert changed[0]["layer"] == layer.name
    assert rows.index(changed[0]) > 0
    assert 0 < changed[0]["relative"] < 0.2
    assert changed[0]["cosine"] > 0.9


def test_networks_that_share_no_tensor_are_refused_with_a_reason(tmp_path: Path) -> None:
    source = saved(networks.mlp(), tmp_path / "a.onnx")
    model = networks.mlp()
    for node in model.graph:
        for value in node.outputs:
            value.name = f"other_{value.name}"

    with pytest.raises(Refused, match="shares no inner tensor"):
        compared(saved(model, tmp_path / "b.onnx"), source)


@pytest.mark.parametrize("make", [networks.if_net, networks.lstm_net, networks.transformer, networks.depthwise_net])
def test_all_kinds_of_networks_can_be_compared(tmp_path: Path, make) -> None:
    path = saved(make(), tmp_path / "a.onnx")

    assert compared(path, path)
