"""Toy steps and meters on tiny text "networks" (a list of numbers), and the runtime that holds them."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from compress_studio.base.digest import Json, digest_file, digest_json
from compress_studio.base.errors import BadInput, Refused
from compress_studio.spec.data import DataRequest, DataSource
from compress_studio.spec.meter import MeterContext, MeterSpec, Reading
from compress_studio.spec.params import NoParams, Params, Range, Ui
from compress_studio.spec.ports import OnnxNet
from compress_studio.spec.registry import Registry, load_outputs
from compress_studio.spec.runtime import Runtime
from compress_studio.spec.step import Group, StepContext, Verdict, spec_of, step

RUNTIME = "tests.toys.steps:make_runtime"
JOURNAL = "TOY_JOURNAL"
"""Environment variable: a file that gets one line per step and meter that really ran."""


def numbers(path: Path) -> list[float]:
    """The contents of a toy network."""
    return [float(word) for word in path.read_text().split()]


def write(ctx: StepContext, values: Sequence[float]) -> OnnxNet:
    """Write a toy network into the scratch folder."""
    path = ctx.scratch / "model.onnx"
    path.write_text(" ".join(f"{value:g}" for value in values))
    return OnnxNet(path)


def journal(text: str) -> None:
    """Leave a trace outside the process."""
    name = os.environ.get(JOURNAL)
    if name:
        with Path(name).open("a") as stream:
            stream.write(f"{text} {os.getpid()}\n")


class File(Params):
    path: Annotated[str, Ui("File")] = ""


def _fingerprint(params: File) -> Json:
    path = Path(params.path)
    if not path.is_file():
        raise BadInput(f"{path} does not exist.", "Choose another file.")
    return digest_file(path)


@step(id="source.model", version=1, title="Open", group=Group.SOURCE, fingerprint=_fingerprint)
def source(ctx: StepContext, params: File) -> OnnxNet:
    """Opens a file of numbers."""
    journal("source")
    ctx.changed(0, 1)
    return write(ctx, numbers(Path(params.path)))


class Factor(Params):
    by: Annotated[float, Range(0, 100), Ui("Factor")] = 2.0
    comment: Annotated[str, Ui("Comment", changes_result=False)] = ""


@step(id="toy.double", version=1, title="Double", group=Group.CUSTOM)
def double(ctx: StepContext, params: Factor, network: OnnxNet) -> OnnxNet:
    """Multiplies every number."""
    journal("double")
    values = numbers(network.path)
    for place in range(len(values)):
        ctx.progress((place + 1) / len(values), "doubling")
        ctx.point("loss", place, 1.0 / (place + 1))
    ctx.changed(len(values), len(values))
    ctx.skip("bias", "nothing to double")
    ctx.warn("toy", "only a toy")
    ctx.note("doubled")
    return write(ctx, [value * params.by for value in values])


class Amount(Params):
    amount: Annotated[float, Range(-100, 100), Ui("Amount")] = 1.0


@step(id="toy.add", version=1, title="Add", group=Group.CUSTOM)
def add(ctx: StepContext, params: Amount, network: OnnxNet, teacher: OnnxNet | None = None) -> OnnxNet:
    """Adds an amount, or another network."""
    journal("add")
    values = numbers(network.path)
    others = [params.amount] * len(values) if teacher is None else numbers(teacher.path)
    ctx.changed(1, 1)
    return write(ctx, [a + b for a, b in zip(values, others, strict=True)])


@step(id="toy.same", version=1, title="Same", group=Group.CUSTOM)
def same(ctx: StepContext, params: NoParams, network: OnnxNet) -> OnnxNet:
    """Gives back what arrives."""
    journal("same")
    ctx.changed(0, 1)
    return network


class Failing(Params):
    how: Annotated[str, Ui("How")] = "user"


@step(id="toy.fail", version=1, title="Fail", group=Group.CUSTOM)
def fail(ctx: StepContext, params: Failing, network: OnnxNet) -> OnnxNet:
    """Fails in the way that is asked for."""
    journal("fail")
    if params.how == "user":
        raise Refused("The layer conv1 is too small.", "Choose another one.")
    if params.how == "memory":
        raise MemoryError("cannot allocate 160 GB")
    if params.how == "allocate":
        bytearray(1 << 44)
    if params.how == "write":
        network.path.chmod(0o644)
        network.path.write_text("spoiled")
        return write(ctx, [1.0])
    if params.how == "nothing":
        return OnnxNet(ctx.scratch / "missing.onnx")
    raise ValueError("a mistake in the toy")


class Slowness(Params):
    seconds: Annotated[float, Range(0, 600), Ui("Seconds")] = 60.0
    listens: Annotated[bool, Ui("Listens")] = True
    busy: Annotated[bool, Ui("Holds the interpreter")] = False


@step(id="toy.slow", version=1, title="Slow", group=Group.CUSTOM)
def slow(ctx: StepContext, params: Slowness, network: OnnxNet) -> OnnxNet:
    """Takes its time; asks whether to go on only when it listens."""
    journal("slow")
    ctx.progress(0.0, "begun")
    end = time.monotonic() + params.seconds
    while time.monotonic() < end:
        if params.busy:
            sum(range(50_000_000))
        elif params.listens:
            ctx.progress(1 - max(0.0, end - time.monotonic()) / max(params.seconds, 1e-9))
        time.sleep(0.01)
    journal("slow-end")
    return write(ctx, numbers(network.path))


@step(id="toy.noisy", version=1, title="Noisy", group=Group.CUSTOM, random=True, needs_data=True)
def noisy(ctx: StepContext, params: NoParams, network: OnnxNet) -> OnnxNet:
    """Prints, and adds the seed."""
    journal("noisy")
    os.write(1, b"native noise\n")
    print("python noise")
    return write(ctx, [value + ctx.seed for value in numbers(network.path)])


class Crash(Params):
    how: Annotated[str, Ui("How")] = "exit"


@step(id="toy.crash", version=1, title="Crash", group=Group.CUSTOM)
def crash(ctx: StepContext, params: Crash, network: OnnxNet) -> OnnxNet:
    """Takes the whole process down."""
    journal("crash")
    if params.how == "segv":
        os.kill(os.getpid(), signal.SIGSEGV)
    if params.how == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    os._exit(13)


@step(
    id="toy.picky",
    version=1,
    title="Picky",
    group=Group.CUSTOM,
    applies=lambda facts, params: Verdict.yes() if facts["count"] > 5 else Verdict.no("Too few numbers.", "Add some."),
)
def picky(ctx: StepContext, params: NoParams, network: OnnxNet) -> OnnxNet:
    """Wants more than five numbers."""
    return write(ctx, numbers(network.path))


@step(id="toy.device", version=1, title="Device", group=Group.CUSTOM, uses_device=True)
def on_device(ctx: StepContext, params: NoParams, network: OnnxNet) -> OnnxNet:
    """Tells its device."""
    ctx.fact("device", ctx.device)
    ctx.fact("threads", ctx.threads)
    ctx.fact("guard", os.environ.get("TORCH_FORCE_WEIGHTS_ONLY_LOAD", ""))
    return write(ctx, numbers(network.path))


def _count(ctx: MeterContext, subjects: Sequence[OnnxNet], reference: OnnxNet) -> list[list[Reading]]:
    journal("count")
    return [[Reading("count", float(len(numbers(one.path))))] for one in subjects]


def _ratio(ctx: MeterContext, subjects: Sequence[OnnxNet], reference: OnnxNet) -> list[list[Reading]]:
    journal(f"ratio-{len(subjects)}")
    ctx.progress(0.5, "timing")
    base = sum(numbers(reference.path))
    return [[Reading("ratio", sum(numbers(one.path)) / base, "×", 0.9, 1.1, 7)] for one in subjects]


def _broken(ctx: MeterContext, subjects: Sequence[OnnxNet], reference: OnnxNet) -> list[list[Reading]]:
    raise ValueError("a mistake in the meter")


def _unfit(ctx: MeterContext, subjects: Sequence[OnnxNet], reference: OnnxNet) -> list[list[Reading]]:
    raise Refused("There are no labels.")


COUNT = MeterSpec("count", 1, "Count", "How many numbers.", _count)
RATIO = MeterSpec("ratio", 1, "Ratio", "Sum against the source.", _ratio, together=True, per_machine=True)
BROKEN = MeterSpec("broken", 1, "Broken", "Fails.", _broken)
UNFIT = MeterSpec("unfit", 1, "Unfit", "Does not apply.", _unfit)


def toy_data_digest(request: DataRequest) -> str:
    """Names the data; the path must exist."""
    if request.path and not Path(request.path).exists():
        raise BadInput(f"{request.path} does not exist.", "Choose other data.")
    return digest_json(["toy", request.path, dict(request.options), request.seed])


def toy_open_data(request: DataRequest, network: Path) -> DataSource:
    """A data set without samples."""
    raise BadInput("The toy has no data.")


def toy_inspect(path: Path) -> Mapping[str, Any]:
    """The facts of a toy network."""
    if not path.is_file():
        raise BadInput(f"{path} does not exist.", "Choose another file.")
    return {"count": len(numbers(path))}


def make_runtime() -> Runtime:
    """A runtime of toys."""
    steps = Registry("step")
    for one in (source, double, add, same, fail, slow, noisy, crash, picky, on_device):
        steps.add(spec_of(one))
    meters = Registry("meter")
    for meter in (COUNT, RATIO, BROKEN, UNFIT):
        meters.add(meter)
    outputs = load_outputs()
    return Runtime(steps, meters, toy_data_digest, toy_open_data, toy_inspect, lambda: ("cuda", "cpu"), outputs=outputs)
