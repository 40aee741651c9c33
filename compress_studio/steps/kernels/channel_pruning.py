"""The work of prune.channels, in the order in which it is done: find, choose, cut and prove, repair, tell."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from fnmatch import fnmatchcase
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from compress_studio.base.errors import BadInput, Refused
from compress_studio.graph import channels
from compress_studio.graph.channels.links import Links, key_of
from compress_studio.graph.channels.removal import removed_indices
from compress_studio.graph.layers import weight_layers
from compress_studio.graph.session import open_session, run
from compress_studio.graph.shapes import trace
from compress_studio.spec.data import Batch
from compress_studio.spec.portion import Portion
from compress_studio.steps.kernels import channel_alignment, channel_plan, channel_repair, channel_scores
from compress_studio.steps.kernels.channel_costs import mac_model
from compress_studio.steps.kernels.layer_names import values_by_layer
from compress_studio.steps.kernels.presence import require_layers
from compress_studio.steps.kernels.samples import to_fit

if TYPE_CHECKING:
    import onnx_ir as ir

    from compress_studio.graph.channels import Group, Proof
    from compress_studio.spec.ports import OnnxNet
    from compress_studio.spec.step import StepContext
    from compress_studio.steps.prune_channels import PruneChannelsParams

BATCH = 32
ELEMENTS = 1 << 26
"""Numbers in all tensors of one batch together, 256 MB: large images come in smaller batches."""
PROOF_SAMPLES = 4
JUDGED = 64
"""Samples on which outputs after the repair must be numbers."""
MANY = 16
"""Samples from which on the statistics of a batch stand for those of the data."""
ONE_BY_ONE = 1 << 32
"""Numbers in all tensors of all passes together, when layers are aligned one by one: some tens of seconds."""
FEWEST = 8


class Pruner:
    """One run of prune.channels on one network."""

    def __init__(self, ctx: StepContext, params: PruneChannelsParams, network: OnnxNet, model: ir.Model) -> None:
        self.ctx = ctx
        self.params = params
        self.network = network
        self.model = model
        self.total = len(weight_layers(model))
        self.frozen: dict[str, str] = {}
        self.groups: list[Group] = []
        self.scores: dict[Group, np.ndarray] = {}
        self.selection: dict[Group, np.ndarray] = {}
        self.changed: set[str] = set()

    def find(self) -> None:
        """Find the groups that may be pruned; raises Refused when there are none."""
        self.ctx.progress(0.02, "Looking for channels that can go together")
        require_layers(self.model)
        self.shapes = trace(self.model)
        computed = [size for name, size in self.shapes.sizes.items() if name not in self.model.graph.initializers]
        per_sample = sum(math.prod(size) for size in computed) / max(self.shapes.batch, 1)
        self.per_sample = per_sample
        self.batch = max(1, min(BATCH, int(ELEMENTS / max(per_sample, 1))))
        found = channels.find_groups(self.model, self.shapes)
        self.links: Links = found.structure.links
        self.frozen = {row["layer"]: row["reason"] for row in found.frozen}
        names = [layer.name for layer in weight_layers(self.model)]
        for pattern in self.params.skip:
            if not any(fnmatchcase(name, pattern) for name in names):
                raise BadInput(f"skip={pattern}: there is no such layer.", f"Layers are: {', '.join(names[:12])}.")
        for group in found.groups:
            reason = self._left_alone(group)
            if reason:
                self._freeze(group, reason)
            else:
                self.groups.append(group)
        self.require_groups()

    def choose(self) -> None:
        """Score the units and find how many of each group go."""
        self.ctx.progress(0.1, "Scoring the channels")
        self.score()
        self.require_groups()
        self.macs = mac_model(self.links.costs, self.links.shapes, self.groups)
        wanted = (
            channel_plan.uniform([group.size for group in self.groups], self.params.minimum)
            if self.params.scope.value == "uniform"
            else channel_plan.overall([self.scores[group] for group in self.groups])
        )
        sizes = [group.size for group in self.groups]
        plan = channel_plan.find_plan(self.macs, sizes, self._choices(), self.params.amount, wanted)
        self.selection = {
            group: channel_plan.weakest(self.scores[group], int(count))
            for group, count in zip(self.groups, plan.keep, strict=True)
            if count < group.size
        }

    def cut(self) -> None:
        """Remove, prove, and repair. Groups that fail the proof are left alone."""
        self.ctx.progress(0.3, "Proving that removal is right")
        self.proof = self._proved()
        if self.params.repair.value != "none" and self.selection and self.ctx.data.synthetic:
            self.ctx.warn(
                "synthetic_data",
                "The loss of channels was not repaired, because there are no data to repair it with. "
                "Give data that look like real use.",
            )
        original = self.model.clone()
        self._shorten(original, take_over=True)
        if self._repair_with_data() and self._broke(original):
            self._without_repair(original)

    def _shorten(self, original: ir.Model, *, take_over: bool, align: bool = True) -> None:
        """Remove the channels, with the parts of the repair that were asked for."""
        gone = removed_indices(self.selection)
        items = self._take_over(gone) if take_over and self._repair_with_data() else []
        channels.remove(self.model, self.selection)
        channel_repair.cut_new_biases(items, gone)
        if align and self._repair_with_data():
            self._align(original, gone)

    def _without_repair(self, original: ir.Model) -> None:
        """Leave out what of the repair makes outputs that are not numbers, such as sums that a Log reads negative."""
        for align in (True, False):
            self.model = original.clone()
            self._shorten(original, take_over=False, align=align)
            if not self._broke(original):
                break
        self.ctx.warn(
            "repair_left_out",
            "The repair would have given outputs that are not numbers, so "
            + ("only the statistics were realigned." if align else "the channels were removed without it."),
        )

    def _broke(self, original: ir.Model) -> bool:
        """Whether the shorter network gives outputs that are not finite where the original's are."""
        before, after = open_session(original), open_session(self.model)
        for batch in self._batches(self.batch, JUDGED):
            self.ctx.check()
            want, got = run(before, batch.inputs), run(after, batch.inputs)
            for name, array in want.items():
                if array.dtype.kind == "f" and (np.isfinite(array) & ~np.isfinite(got[name])).any():
                    return True
        return False

    def tell(self) -> None:
        """Report what was done."""
        before, after = self._macs()
        self.ctx.fact("groups", len(self.groups))
        self.ctx.fact("removed", {group.id: [len(units), group.size] for group, units in self.selection.items()})
        self.ctx.fact("macs_before", before)
        self.ctx.fact("macs_after", after)
        self.ctx.fact("proof_difference", self.proof.difference)
        self.ctx.fact("proof_scale", self.proof.scale)
        for layer, reason in self.frozen.items():
            self.ctx.skip(layer, reason)
        changed = {name for group in self.selection for name in (*group.layers, *group.consumers)}
        self.ctx.changed(len(changed), self.total)
        share = 1 - after / before if before else 0.0
        if share < self.params.amount - channel_plan.SLACK - 1e-9:
            self.ctx.warn(
                "amount_not_reached",
                f"removed {share:.0%} of the MACs, not {self.params.amount:.0%}: {self._why_not(share)}",
            )

    def _left_alone(self, group: Group) -> str:
        for name in (*group.layers, group.id):
            if any(fnmatchcase(name, pattern) for pattern in self.params.skip):
                return "left alone by choice"
        return "it has a single channel" if group.size < 2 else ""

    def _freeze(self, group: Group, reason: str) -> None:
        for name in group.layers:
            self.frozen[name] = reason

    def require_groups(self) -> None:
        """Raise Refused with the most frequent reason when nothing can go."""
        if self.groups:
            return
        reasons = Counter(self.frozen.values()).most_common(1)
        most = f"most often because {reasons[0][0]}" if reasons else "it has no layers with plain float weights"
        raise Refused(
            f"No channels of this network can be removed; {most}.",
            "Put this step before any quantization. For what cannot lose channels, factorize.lowrank, cluster.weights "
            "or quantize.weights make the network smaller.",
        )

    def score(self) -> None:
        """Say how much each unit matters; groups for which that cannot be said are left alone."""
        criterion = self.params.criterion.value
        if criterion == "bn":
            self.scores, without = channel_scores.batch_norm(self.model, self.groups)
            for group in without:
                self._freeze(group, channel_scores.NO_BATCH_NORM)
            self.groups = [group for group in self.groups if group in self.scores]
        elif criterion == "taylor":
            from compress_studio.view.gradients import importance

            self._warn_synthetic()
            slopes = importance(self.network, self.ctx.data, self.params.samples, Portion(self.ctx, 0.1, 0.3))
            for group in self.groups:
                if not any(member.initializer and member.tensor in slopes for member in group.members):
                    self._freeze(group, "no gradient reaches it")
            self.groups = [group for group in self.groups if any(one.tensor in slopes for one in group.members)]
            self.scores = channel_scores.taylor(self.model, self.groups, slopes)
        else:
            self.scores = channel_scores.magnitude(self.model, self.groups, 1 if criterion == "l1" else 2)

    def shape_of(self, group: Group) -> tuple[int, bool]:
        """Channels that one unit of a group takes, and whether a convolution makes or reads them."""
        nodes = {layer.name: layer.op for layer in weight_layers(self.model)}
        convolution = any(nodes.get(name) in channel_plan.CONVOLUTIONS for name in (*group.layers, *group.consumers))
        widths = [member.indices.shape[1] for member in group.members if member.initializer]
        return max(widths, default=1), convolution

    def _choices(self) -> list[list[int]]:
        """How many units each group may keep: one number where the user named it."""
        names = [layer.name for layer in weight_layers(self.model)]
        own = values_by_layer(names, self.params.layers)
        for name in own:
            if not any(name in group.layers for group in self.groups):
                reason = self.frozen.get(name, "nothing of it can go")
                self.ctx.warn("layer_stays", f"{name} keeps its channels although it has a share of its own: {reason}.")
        multiple = self.params.multiple or channel_plan.lanes()
        found: list[list[int]] = []
        for group in self.groups:
            width, convolution = self.shape_of(group)
            counts = channel_plan.allowed(group.size, width, multiple, self.params.minimum, convolution=convolution)
            found.append(channel_plan.fixed(counts, [own[name] for name in group.layers if name in own]))
        return found

    def _proved(self) -> Proof:
        inputs = dict(next(iter(self._batches(PROOF_SAMPLES, PROOF_SAMPLES))).inputs)
        proof = self._prove(self.selection, inputs)
        if proof.ok:
            return proof
        for group, units in list(self.selection.items()):
            self.ctx.check()
            alone = self._prove({group: units}, inputs)
            if not alone.ok:
                del self.selection[group]
                self._freeze(group, f"its removal could not be proved right: {alone.reason}")
        proof = self._prove(self.selection, inputs)
        if not proof.ok or not self.selection:
            raise Refused(
                f"The removal of channels could not be proved right: {proof.reason or 'no group passed'}.",
                "Leave layers alone with skip=…, or use factorize.lowrank instead.",
            )
        return proof

    def _prove(self, selection: dict[Group, np.ndarray], inputs: dict[str, np.ndarray]) -> Proof:
        shorter = self.model.clone()
        channels.remove(shorter, selection)
        return channels.prove(shorter, channels.mask(self.model, selection), inputs)

    def _repair_with_data(self) -> bool:
        if self.params.repair.value == "none" or not self.selection:
            return False
        return not self.ctx.data.synthetic

    def _take_over(self, gone: dict[tuple[str, int], np.ndarray]) -> list[channel_repair.Repairable]:
        if self.params.repair.value != "least_squares":
            return []
        self.ctx.progress(0.5, "Letting the remaining channels take over")
        items, large = channel_repair.repairable(self.model, self.links, gone)
        for name in large:
            self.ctx.note(f"{name} has too many channels for least squares; its statistics are realigned only.")
        channel_repair.least_squares(self.model, items, self._calibration, self.ctx)
        return items

    def _align(self, original: ir.Model, gone: dict[tuple[str, int], np.ndarray]) -> None:
        self.ctx.progress(0.75, "Realigning statistics")
        ranks = {key: len(shape) for node in self.model.graph if (shape := self.shapes.of(key := key_of(node)))}
        layers = channel_alignment.alignable(self.model, ranks)
        if len(next(iter(self._calibration()))) >= MANY:
            channel_alignment.align(self.model, original, layers, gone, self._calibration, self.ctx)
            return
        numbers = max(self.per_sample * len(layers), 1)
        limit = min(self.params.samples, max(FEWEST, int(ONE_BY_ONE / numbers)))
        batches = partial(self._batches, self.batch, limit)
        channel_alignment.align_one_by_one(self.model, original, layers, gone, batches, self.ctx)

    def _calibration(self) -> Iterable[Batch]:
        return self._batches(self.batch, self.params.samples)

    def _batches(self, size: int, limit: int) -> Iterable[Batch]:
        return to_fit(self.ctx, size, limit)

    def _warn_synthetic(self) -> None:
        if self.ctx.data.synthetic:
            self.ctx.warn("synthetic_data", "Channels were scored on random inputs, because there are no data.")

    def _macs(self) -> tuple[int, int]:
        lost = np.array([len(self.selection.get(group, ())) for group in self.groups])
        batch = max(self.shapes.batch, 1)
        return round(self.macs(np.zeros(len(lost))) / batch), round(self.macs(lost) / batch)

    def _why_not(self, share: float) -> str:
        if self.frozen and share < self.params.amount:
            reason = Counter(self.frozen.values()).most_common(1)[0][0]
            return f"{len(self.frozen)} layers must stay, most often because {reason}."
        return "every group keeps its minimum; lower minimum or multiple to remove more."
