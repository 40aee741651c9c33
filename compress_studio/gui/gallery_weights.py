"""The dialog of weights in all its states, made up, for the gallery and for tests."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from compress_studio.artifacts.factories import Factory
from compress_studio.artifacts.families import Family
from compress_studio.engine.records import Cause, Failure
from compress_studio.gui.weights.state import (
    ArchitectureChoice,
    CodeLook,
    Distribution,
    EntryRow,
    Kind,
    Misfit,
    Need,
    Outcome,
    Phase,
    TensorRow,
    Way,
    WeightsLook,
    WeightsState,
)

LONG = "encoder.transformer.layers.11.attention.self_attention.query_key_value_projection.lora_adapter.default.weight"
CODE = "import torch\n\n\nclass Net(torch.nn.Module):\n    ...\n\n\ndef make(classes=10):\n    return Net(classes)\n"
DIGEST = "3f9a2c1b7d5e80f4a6b2c3d4e5f60718293a4b5c"
SHOWN = ("unreadable", "family", "consent", "trying", "misfits", "fits", "pickled", "long")
"""What the gallery shows; the other states look like one of these."""


def weights_states() -> dict[str, WeightsState]:
    """Every state by its name."""
    path = Path("/models/resnet18-f37072fd.pth")
    reading = WeightsState(path)
    network = "ResNetForImageClassification"
    family = Family(f"{network} of transformers", "transformers", f"transformers:{network}.from_pretrained")
    look = _look()
    looked = replace(reading, look=look, family=family, proposed="x=Nx3x224x224",
                     choice=ArchitectureChoice(dims="x=Nx3x224x224"))  # fmt: skip
    choice = ArchitectureChoice("/models/net.py:make", "classes=10", "", "x=Nx3x32x32")
    need = Need(DIGEST, "make() in net.py")
    code = CodeLook(choice, _factories(), (("net.py", CODE),), DIGEST, complete=True, needs=(need,))
    asking = replace(looked, family=None, choice=choice, code=code)
    allowed = replace(asking, code=replace(code, needs=(replace(need, given=True),)))
    wrong = Outcome(choice, False, 117, _misfits(), "module. was taken off the names of the file", (("x", ""),))
    error = "make() of net.py failed: ValueError: width must be a multiple of 8 (net.py, line 14)."
    failed = Outcome(choice, False, message=error, hint="Correct the code.")
    fits = Outcome(choice, True, 122, (), "", (("x", "N × 3 × 32 × 32"),))
    pickled = ArchitectureChoice(dims="x=Nx1x28x28")
    imports = ("models.lenet.LeNet", "torch.nn.modules.conv.Conv2d", "os.system")
    pickle = CodeLook(pickled, complete=True, needs=(Need(DIGEST, "the pickle lenet.pt"),), imports=imports)
    failure = Failure(Cause.BAD_INPUT, "resnet.pth is damaged: it ends inside a storage.", "Copy or download it again.")
    return {
        "reading": reading,
        "unreadable": replace(reading, look_failure=failure),
        "family": looked,
        "consent": asking,
        "trusted": replace(asking, trusted=True),
        "trying": replace(allowed, phase=Phase.TRYING),
        "misfits": replace(allowed, outcome=wrong),
        "failed": replace(allowed, outcome=failed),
        "fits": replace(allowed, outcome=fits),
        "pickled": WeightsState(
            Path("/models/lenet.pt"),
            Way.PICKLE,
            pickled,
            replace(look, pickled_class="models.lenet.LeNet"),
            code=pickle,
        ),
        "code": WeightsState(Path("/models/net.py"), choice=choice, code=code),
        "long": _long(asking),
    }


def _long(state: WeightsState) -> WeightsState:
    name = (
        "a_checkpoint_with_a_name_that_only_a_training_script_would_give_epoch_0199_loss_0.0123_final_v17.safetensors"
    )
    choice = ArchitectureChoice(
        f"/projects/{'deep/' * 12}{LONG.partition('.')[0]}_networks.py:make_network",
        "num_classes=1000+hidden_size=4096+layers=32+heads",
        "",
        "tokens=NxL+mask=NxL+x=Nx3x224",
    )
    need = Need(DIGEST, f"make_network() in {LONG.replace('.', '_')}.py, {LONG.replace('.', '_')[::-1]}.py, …")
    code = CodeLook(
        choice,
        (Factory("make_network", (("hidden_size_of_the_encoder", ""), ("layers", "32"))),),
        (("networks.py", CODE), ("blocks/attention.py", CODE)),
        DIGEST,
        complete=True,
        needs=(need,),
    )
    misfit = Misfit(LONG, "4096 × 4096 × 3 × 3 × 3", "", Kind.MISSING)
    message = f"The weights of {name} do not fit the network that make_network() makes."
    outcome = Outcome(
        choice,
        False,
        0,
        (misfit,),
        f"{LONG}. was put before the names of the file",
        (),
        message,
        "Look at the names side by side.",
        (message,),
    )
    look = state.look
    assert look is not None
    rows = (TensorRow(LONG, (4096, 4096, 3, 3, 3), "float8_e4m3fn", 1 << 33), *look.tensors)
    remarks = tuple(
        f"It also holds averaged weights in {LONG} (1,024 tensors, 7,241,732,096 numbers)." for _ in range(6)
    )
    entries = (EntryRow(LONG, "averaged weights", 1024, 1 << 33), *look.entries)
    shown = replace(look, tensors=rows, remarks=remarks, entries=entries, entry=LONG, bytes=1 << 36)
    return replace(state, path=Path(f"/models/{name}"), choice=choice, code=code, look=shown, outcome=outcome)


def _look() -> WeightsLook:
    rows = tuple(_tensors())
    numbers = sum(row.count for row in rows)
    entries = (EntryRow("model", "weights", len(rows), numbers), EntryRow("ema", "averaged weights", 122, numbers),
               EntryRow("optimizer", "optimizer state", 244, 2 * numbers))  # fmt: skip
    remarks = ("The weights are in its entry model.", "It also holds optimizer state in optimizer (244 tensors).")
    return WeightsLook("a PyTorch checkpoint", 4 * numbers, numbers, rows, entries, remarks, (), "model", "", True)


def _tensors() -> Iterator[TensorRow]:
    rng = np.random.default_rng(0)
    shapes: dict[str, tuple[int, ...]] = {"conv1.weight": (64, 3, 7, 7), "bn1.weight": (64,), "bn1.bias": (64,)}
    for stage, width in enumerate((64, 128, 256, 512), 1):
        for block in (0, 1):
            for conv in (1, 2):
                shapes[f"layer{stage}.{block}.conv{conv}.weight"] = (width, width, 3, 3)
                shapes[f"layer{stage}.{block}.bn{conv}.weight"] = (width,)
    shapes |= {"fc.weight": (1000, 512), "fc.bias": (1000,)}
    for place, (name, shape) in enumerate(shapes.items()):
        values = rng.standard_normal(4096) / 20
        counts, edges = np.histogram(values, 64)
        found = Distribution(
            tuple(edges.tolist()),
            tuple(counts.tolist()),
            float(values.min()),
            float(values.max()),
            float(values.mean()),
            float(values.std()),
            12,
            0,
            len(values),
        )
        damaged = place == 5
        yield TensorRow(name, shape, "float32", 4 * int(np.prod(shape)), None if damaged else found, 64 * damaged)


def _factories() -> tuple[Factory, ...]:
    return (Factory("make", (("classes", "10"),), True), Factory("Net", (("classes", ""),), True))


def _misfits() -> tuple[Misfit, ...]:
    rows = [
        Misfit("fc.weight", "10 × 512", "1000 × 512", Kind.DIFFERENT),
        Misfit("fc.bias", "10", "1000", Kind.DIFFERENT),
    ]
    rows += [Misfit(f"layer4.1.attention.{name}", "512 × 512", "", Kind.MISSING) for name in ("query", "key", "value")]
    rows += [Misfit(f"layer4.1.se.{name}.weight", "", "32 × 512 × 1 × 1", Kind.UNEXPECTED) for name in ("down", "up")]
    return tuple(rows)
