"""One network of one node, run by the view, by ONNX Runtime and by the reference evaluator of onnx."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
import torch
from onnx import helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from compress_studio.graph.session import open_session, run
from compress_studio.view.network import TorchView

DOMAINS = {"": 17, "com.microsoft": 1}


@dataclass(frozen=True)
class Case:
    """An operator with attributes and inputs: arrays are fed, those in stored are initializers, None is left out."""

    op: str
    inputs: Sequence[np.ndarray | None]
    attrs: Mapping[str, Any] = field(default_factory=dict)
    opset: int = 17
    outputs: int = 1
    stored: Sequence[int] = ()
    domain: str = ""
    reference: bool = True
    """Compare with onnx.reference too; False where that does not know the setting (older versions, groups, lengths)."""
    runtime: bool = True
    """Compare with ONNX Runtime."""
    note: str = ""
    tolerance: float = 2e-5

    def __str__(self) -> str:
        shown = ",".join(
            f"{name}={value}" for name, value in self.attrs.items() if isinstance(value, int | float | str)
        )
        return "-".join(part for part in (self.op, str(self.opset), self.note or shown) if part)

    def model(self) -> onnx.ModelProto:
        """The network of this one node."""
        names = [f"i{index}" if array is not None else "" for index, array in enumerate(self.inputs)]
        while names and not names[-1]:
            names.pop()
        outs = [f"o{index}" for index in range(self.outputs)]
        node = helper.make_node(self.op, names, outs, name="the_node", domain=self.domain, **self.attrs)
        fed, kept = [], []
        for index, (name, array) in enumerate(zip(names, self.inputs, strict=False)):
            if array is None:
                continue
            if index in self.stored:
                kept.append(numpy_helper.from_array(array, name))
            else:
                kind = helper.np_dtype_to_tensor_dtype(array.dtype)
                fed.append(helper.make_tensor_value_info(name, kind, array.shape))
        results = [onnx.ValueInfoProto(name=name) for name in outs]
        graph = helper.make_graph([node], "g", fed, results, kept)
        imports = [helper.make_opsetid("", self.opset)]
        if self.domain:
            imports.append(helper.make_opsetid(self.domain, 1))
        return helper.make_model(graph, opset_imports=imports, ir_version=8 if self.opset < 22 else 10)

    def feeds(self) -> dict[str, np.ndarray]:
        """The arrays that are not stored."""
        pairs = enumerate(self.inputs)
        return {f"i{index}": array for index, array in pairs if array is not None and index not in self.stored}


def by_view(proto: onnx.ModelProto, feeds: Mapping[str, np.ndarray]) -> list[np.ndarray]:
    """Outputs of the view."""
    view = TorchView(ir.from_proto(proto))
    with torch.no_grad():
        return [value.numpy() for value in view(view.tensors(feeds)).values()]


def by_runtime(proto: onnx.ModelProto, feeds: Mapping[str, np.ndarray]) -> list[np.ndarray]:
    """Outputs of ONNX Runtime."""
    return list(run(open_session(proto.SerializeToString(), optimize=False), feeds).values())


def by_reference(proto: onnx.ModelProto, feeds: Mapping[str, np.ndarray]) -> list[np.ndarray]:
    """Outputs of the reference evaluator."""
    return [np.asarray(one) for one in ReferenceEvaluator(proto).run(None, dict(feeds))]


def check(case: Case) -> None:
    """The view says what the others say: shapes alike, values close, whole numbers and truth equal."""
    proto, feeds = case.model(), case.feeds()
    found = by_view(proto, feeds)
    others = {"ONNX Runtime": by_runtime} if case.runtime else {}
    if case.reference:
        others["the reference"] = by_reference
    for name, other in others.items():
        for mine, right in zip(found, other(proto, feeds), strict=True):
            assert mine.shape == right.shape, f"{case} against {name}: {mine.shape} is not {right.shape}"
            if right.dtype.kind in "biu":
                np.testing.assert_array_equal(mine, right, err_msg=f"{case} against {name}")
            else:
                scale = float(np.nanmax(np.abs(np.where(np.isfinite(right), right, 0)), initial=1.0))
                np.testing.assert_allclose(
                    mine, right, rtol=case.tolerance, atol=case.tolerance * scale, err_msg=f"{case} against {name}"
                )
