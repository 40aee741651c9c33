"""Which tensors of a checkpoint are the weights of the network, and what the others are, told in words."""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from compress_studio.artifacts.checkpoints import Checkpoint, Tensor
from compress_studio.artifacts.pickles import MODULE_STATE
from compress_studio.base.errors import BadInput

WEIGHTS = re.compile(
    r"(model_?)?(state_?dict|state|weights|params)|model|net(work)?|module|generator|_?g_ema|student", re.IGNORECASE
)
OPTIMIZER = re.compile(r"optim|scheduler|scaler|adam|sgd|momentum", re.IGNORECASE)
AVERAGE = re.compile(r"(^|[_.])(ema|swa|shadow|averag\w*|teacher)([_.]|$)|_ema$", re.IGNORECASE)
MOMENTS = frozenset({"exp_avg", "exp_avg_sq", "momentum_buffer", "square_avg", "max_exp_avg_sq", "step", "sum"})
WRAPPINGS = ("module.", "_orig_mod.")
"""What DataParallel and torch.compile put in front of every name."""
OTHER_FORMS = (
    (
        ("_orig",),
        "_mask",
        "was made by torch.nn.utils.prune, which keeps a weight and a mask: call torch.nn.utils.prune.remove(layer,"
        ' "weight") for each pruned layer and save again, or let the function prune its layers too.',
    ),
    (
        ("_orig",),
        "_u",
        "was made by spectral normalization, which keeps a weight and its direction: remove it from the layers"
        " (torch.nn.utils.remove_spectral_norm) and save again, or let the function apply it too.",
    ),
    (
        ("weight_g", ".original0"),
        "",
        "was made by weight normalization, which keeps a length and a direction: remove it from the layers"
        " (remove_weight_norm, remove_parametrizations) and save again, or let the function apply it too.",
    ),
    (
        ("_packed_params.0",),
        "",
        "belongs to a network that PyTorch quantized, whose layers are others: give the weights of the float network"
        " from which it was made; int8 is what quantize.static and quantize.dynamic make here.",
    ),
)
"""Endings of names that only a network in another form has, what is there with another ending, and what to do."""
HALVES = frozenset({"float16", "bfloat16"})
SHOWN = 3


class Kind(StrEnum):
    """What a group of tensors is."""

    WEIGHTS = "weights"
    AVERAGE = "averaged weights"
    OPTIMIZER = "optimizer state"
    OTHER = "other tensors"


@dataclass(frozen=True, slots=True)
class Group:
    """Tensors that belong together, by their names inside the group."""

    name: str
    """The entry of the checkpoint; empty for its outermost dictionary."""
    kind: Kind
    tensors: Mapping[str, Tensor]
    wrapping: str = ""
    """What was taken off in front of every name."""
    pickled_class: str = ""
    """The class of a pickled network, "module.name"."""

    @property
    def parameters(self) -> int:
        """Numbers in it; shared tensors count once."""
        return sum({tensor.place: math.prod(tensor.shape) for tensor in self.tensors.values()}.values())

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shapes by name."""
        return {name: tensor.shape for name, tensor in self.tensors.items()}

    @property
    def shared(self) -> list[list[str]]:
        """Names of tensors that are one and the same."""
        names: dict[object, list[str]] = defaultdict(list)
        for name, tensor in self.tensors.items():
            names[tensor.place].append(name)
        return [group for group in names.values() if len(group) > 1]


def groups(checkpoint: Checkpoint) -> list[Group]:
    """The tensors of a checkpoint by the entry in which they lie."""
    found: dict[str, dict[str, Tensor]] = defaultdict(dict)
    classes: dict[str, str] = {}
    for tensor in checkpoint.tensors:
        at = next((path for path in checkpoint.modules if tensor.path[: len(path)] == path), None)
        if at is not None:
            name = ".".join(at)
            classes[name] = checkpoint.modules[at].replace(" ", ".")
            inner = ".".join(part for part in tensor.path[len(at) :] if part not in MODULE_STATE)
        elif len(tensor.path) > 1:
            name, inner = tensor.path[0], ".".join(tensor.path[1:])
        else:
            name, inner = "", tensor.name
        found[name][inner] = tensor
    kinds = {name: Kind.WEIGHTS if name in classes else _kind(name, rows) for name, rows in found.items()}
    named = any(kind is Kind.WEIGHTS for name, kind in kinds.items() if name)
    if named and kinds.get("") is Kind.WEIGHTS and all("." not in inner for inner in found[""]):
        # Numbers of the training beside the weights: the state of a random generator, a best loss.
        kinds[""] = Kind.OTHER
    if len(found) > 1 and not set(kinds.values()) & {Kind.WEIGHTS, Kind.AVERAGE}:
        rest = {name: rows for name, rows in found.items() if kinds[name] is Kind.OTHER}
        found = {name: rows for name, rows in found.items() if name not in rest}
        merged = {tensor.name: tensor for rows in rest.values() for tensor in rows.values()}
        if merged:
            found[""], kinds[""] = merged, Kind.WEIGHTS
    elif len(found) == 1 and Kind.OTHER in kinds.values():
        kinds = dict.fromkeys(kinds, Kind.WEIGHTS)
    return [_unwrapped(name, kinds[name], rows, classes.get(name, "")) for name, rows in found.items()]


def choose(found: Sequence[Group], file: str, entry: str = "") -> Group:
    """The group that holds the weights: the entry that is named, else the largest of weights.

    Raises BadInput when there is no such entry or nothing that can be weights.
    """
    if entry:
        for group in found:
            if group.name == entry:
                return group
        known = ", ".join(group.name or "(outermost)" for group in found) or "it has none"
        raise BadInput(f"{file} has no entry {entry} with tensors (known: {known}).", "Correct entry=….")
    order = (Kind.WEIGHTS, Kind.AVERAGE, Kind.OTHER)
    for kind in order:
        candidates = [group for group in found if group.kind is kind]
        if candidates:
            return max(candidates, key=lambda group: group.parameters)
    raise BadInput(f"{file} holds no weights of a network.", "Give the file that holds them.")


def remarks(checkpoint: Checkpoint, found: Sequence[Group], chosen: Group) -> list[str]:
    """What is worth knowing about the tensors, a sentence each."""
    told: list[str] = []
    if chosen.name:
        told.append(f"The weights are in its entry {chosen.name}.")
    if chosen.pickled_class:
        told.append(f"A whole network was pickled, of the class {chosen.pickled_class}.")
    if chosen.wrapping:
        told.append(f"Every name begins with {chosen.wrapping} (a wrapper such as DataParallel), which is taken off.")
    for group in found:
        if group is chosen:
            continue
        count = f"{len(group.tensors)} tensors, {group.parameters:,} numbers"
        hint = f"; choose them with entry={group.name}" if group.kind is Kind.AVERAGE else ""
        place = f"in {group.name}" if group.name else "beside them"
        told.append(f"It also holds {group.kind.value} {place} ({count}){hint}.")
    types = Counter(tensor.dtype for tensor in chosen.tensors.values())
    if types.keys() & HALVES:
        half = ", ".join(sorted(types.keys() & HALVES))
        told.append(f"Weights are stored in half precision ({half}); the network is opened in float32.")
    scaled = [name for name, tensor in chosen.tensors.items() if tensor.scale is not None]
    if scaled:
        told.append(f"{len(scaled)} tensors are stored in 8 bits with a scale; the network is opened in float32.")
    told += other_forms(checkpoint)
    for names in chosen.shared[:SHOWN]:
        listed = " and ".join([", ".join(names[:-1]), names[-1]])
        told.append(f"{listed} are one tensor.")
    if len(chosen.shared) > SHOWN:
        told.append(f"{len(chosen.shared) - SHOWN} more tensors have several names.")
    if checkpoint.foreign:
        listed = ", ".join(checkpoint.foreign[:5]) + (", …" if len(checkpoint.foreign) > 5 else "")
        told.append(f"Unpickling it would import {listed}: that is never done without your consent.")
    return told


def other_forms(checkpoint: Checkpoint) -> list[str]:
    """What keeps weights from fitting a plain network, a sentence each with what to do where they were made."""
    told: list[str] = []
    if checkpoint.sparse:
        listed = ", ".join(checkpoint.sparse[:SHOWN]) + (", …" if len(checkpoint.sparse) > SHOWN else "")
        told.append(f"Sparse tensors are not read: {listed}. Save them with .to_dense() where they were made.")
    names = dict.fromkeys(one.name for one in checkpoint.tensors)
    for endings, beside, text in OTHER_FORMS:
        fitting = (one for one in names if one.endswith(endings))
        name = next((one for one in fitting if not beside or one.removesuffix(endings[0]) + beside in names), "")
        if name:
            told.append(f"{name} {text}")
    return told


def _kind(name: str, rows: Mapping[str, Tensor]) -> Kind:
    if OPTIMIZER.search(name) or all(inner.rsplit(".", 1)[-1] in MOMENTS for inner in rows):
        return Kind.OPTIMIZER
    if AVERAGE.search(name):
        return Kind.AVERAGE
    return Kind.WEIGHTS if not name or WEIGHTS.fullmatch(name) else Kind.OTHER


def _unwrapped(name: str, kind: Kind, rows: Mapping[str, Tensor], pickled: str) -> Group:
    taken = ""
    names = list(rows)
    while names:
        wrapping = next((one for one in WRAPPINGS if all(each.startswith(one) for each in names)), None)
        if wrapping is None:
            break
        taken += wrapping
        names = [each.removeprefix(wrapping) for each in names]
    return Group(name, kind, dict(zip(names, rows.values(), strict=True)), taken, pickled)
