"""The teacher of train.distil: what it answers, and how the student is compared with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir
import torch

from compress_studio.base.errors import Refused
from compress_studio.graph.saving import load
from compress_studio.graph.statistics import Probe
from compress_studio.spec.data import Part
from compress_studio.spec.ports import OnnxNet
from compress_studio.spec.step import StepContext
from compress_studio.steps.train_distil import Compare, DistilParams
from compress_studio.view.heads import Head, Kind, compared
from compress_studio.view.objectives import Distillation
from compress_studio.view.training import measuring_batches

if TYPE_CHECKING:
    from compress_studio.steps.kernels.training import Lesson

MOST_FEATURES = 8
SMALLEST = 1e-12


@dataclass(slots=True)
class Teaching:
    """A teacher in ONNX Runtime: faster than with gradients, and it may be any network, quantized ones included."""

    params: DistilParams
    probe: Probe
    features: list[str]

    def answers(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """The teacher's outputs and matched hidden tensors for a batch, in float32."""
        values = self.probe(inputs)
        return {name: value.astype(np.float32) for name, value in values.items() if value.dtype.kind not in "biuOSU"}

    def objective(self, lesson: Lesson) -> Distillation:
        """The loss against this teacher. Refused when its outputs do not fit the student's."""
        heads = [self._as_asked(head) for head in lesson.heads]
        sample = self.answers(lesson.feed.sample.inputs)
        names = [*[head.tensor for head in heads], *[head.output for head in heads], *self.features]
        with torch.no_grad():
            found = lesson.view(lesson.view.tensors(lesson.feed.sample.inputs), list(dict.fromkeys(names)))
        _require_fit(heads, {name: tuple(value.shape) for name, value in found.items()}, sample)
        fits = [name for name in self.features if tuple(found[name].shape) == sample[name].shape]
        fits = _spread(fits, MOST_FEATURES)
        spreads = self._spreads(lesson, [*(head.output for head in heads if head.kind is Kind.VALUES), *fits])
        return Distillation(
            heads,
            temperature=self.params.temperature,
            label_mix=self.params.label_mix,
            features={name: spreads[name] for name in fits},
            variances={head.output: spreads[head.output] for head in heads if head.kind is Kind.VALUES},
            cosine=self.params.compare is Compare.COSINE,
        )

    def _as_asked(self, head: Head) -> Head:
        """Read an output as the user wants it compared."""
        if self.params.compare in {Compare.SQUARES, Compare.COSINE}:
            return replace(head, tensor=head.output, kind=Kind.VALUES, outer=Kind.VALUES)
        if self.params.compare is Compare.DIVERGENCE and head.kind is Kind.VALUES:
            return replace(head, kind=Kind.LOGITS, outer=Kind.LOGITS)
        return head

    def _spreads(self, lesson: Lesson, names: Sequence[str]) -> dict[str, float]:
        """Variance of the teacher's values around the mean of each feature."""
        values: dict[str, list[np.ndarray]] = {name: [] for name in names}
        for inputs in measuring_batches(lesson.feed) if names else []:
            answers = self.answers(inputs)
            for name in names:
                values[name].append(answers[name])
        result: dict[str, float] = {}
        for name, parts in values.items():
            same = len({part.shape[1:] for part in parts}) == 1
            spread = (
                float(np.concatenate(parts).var(axis=0).mean()) if same else float(np.mean([p.var() for p in parts]))
            )
            result[name] = spread if spread > SMALLEST else 1.0
        return result


def make_teaching(ctx: StepContext, params: DistilParams, network: OnnxNet, teacher: OnnxNet) -> Teaching:
    """Open the teacher. Refused when it has other outputs, or when labels are asked for and missing."""
    if params.label_mix > 0 and not ctx.data.part(Part.TUNE).labelled:
        raise Refused(
            "A share of labels is asked for, and these data have none.", "Set label_mix to 0, or give labels."
        )
    original, student = load(teacher.path), load(network.path)
    outputs = [value.name or "" for value in student.graph.outputs]
    theirs = {value.name for value in original.graph.outputs}
    missing = [name for name in outputs if name not in theirs]
    if missing:
        raise Refused(
            f"The teacher has no output {', '.join(missing)} (it has {', '.join(sorted(str(one) for one in theirs))}).",
            "Choose a teacher with the same outputs: usually the original network.",
        )
    wanted = compared(student)
    known = {value.name for node in original.graph for value in node.outputs}
    lost = [name for name in wanted if name not in outputs and name not in known]
    if lost:
        raise Refused(
            f"The results of this network are chosen from {', '.join(lost)}, which the teacher does not have.",
            "Choose a teacher with the same tensors: usually the original network.",
        )
    features = _shared_tensors(student, original) if params.features else []
    return Teaching(params, Probe(original, list(dict.fromkeys([*wanted, *features])), threads=ctx.threads), features)


def _shared_tensors(student: ir.Model, teacher: ir.Model) -> list[str]:
    """Hidden results of layers that both networks have under the same name."""
    known = {value.name for node in teacher.graph for value in node.outputs}
    outputs = {value.name for value in student.graph.outputs}
    kinds = {"Conv", "ConvTranspose", "Gemm", "MatMul", "Add", "Relu", "LayerNormalization", "BatchNormalization"}
    names = [node.outputs[0].name for node in student.graph if node.op_type in kinds]
    return [name for name in names if name and name in known and name not in outputs]


def _require_fit(
    heads: Sequence[Head], shapes: Mapping[str, tuple[int, ...]], sample: Mapping[str, np.ndarray]
) -> None:
    for head in heads:
        theirs = sample.get(head.output)
        if theirs is None or theirs.shape != shapes[head.output]:
            what = "no fractions" if theirs is None else f"shape {theirs.shape}"
            raise Refused(
                f"Output {head.output} has shape {shapes[head.output]}, that of the teacher {what}.",
                "Choose a teacher with the same outputs: usually the original network.",
            )


def _spread(names: Sequence[str], most: int) -> list[str]:
    """At most so many names, evenly taken from the whole depth."""
    if len(names) <= most:
        return list(names)
    return [names[int(index)] for index in np.linspace(0, len(names) - 1, most).round()]
