"""Work units: plain functions on plain values, files in and files out, so that they run in any process."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from compress_studio.artifacts.artifact import MODEL_FILE
from compress_studio.base.digest import Json, canonical_json
from compress_studio.base.errors import Refused, UserError
from compress_studio.engine.channel import Channel, CurvePoint, Line, Progress, current
from compress_studio.engine.opened_data import open_data
from compress_studio.engine.records import JsonObject, reading_to_json
from compress_studio.spec.data import DataRequest, DataSource, SampleShape
from compress_studio.spec.output import function_of
from compress_studio.spec.ports import OnnxNet
from compress_studio.spec.runtime import Runtime, load_runtime
from compress_studio.spec.step import StepReport, StepSpec


@dataclass(frozen=True, slots=True)
class WorkSetting:
    """What a work unit may use besides its inputs."""

    runtime: str
    data_path: str = ""
    data_options: JsonObject = field(default_factory=dict[str, "Json"])
    data_seed: int = 0
    data_network: str = ""
    """Path of the network that the data are joined to: the source of the pipeline."""
    seed: int = 0
    threads: int = 1
    device: str = "cpu"


@dataclass(frozen=True, slots=True)
class StepAnswer:
    """What a step gave."""

    report: JsonObject
    seconds: float
    same_as: str = ""
    """Set when the result is the network that arrived at this port, unchanged."""


class WorkContext:
    """The StepContext and MeterContext of a worker process."""

    def __init__(self, setting: WorkSetting, scratch: Path, channel: Channel) -> None:
        self._setting = setting
        self._scratch = scratch
        self._channel = channel
        self._changed = False
        self.report = StepReport()

    @property
    def scratch(self) -> Path:
        return self._scratch

    @property
    def seed(self) -> int:
        return self._setting.seed

    @property
    def threads(self) -> int:
        return self._setting.threads

    @property
    def device(self) -> str:
        return self._setting.device

    @property
    def data(self) -> DataSource:
        setting = self._setting
        if not setting.data_network:
            raise UserError("There is no network to join the data to.", "Put a source in front of this step.")
        options = canonical_json(setting.data_options).decode()
        source = open_data(setting.runtime, setting.data_path, options, setting.data_seed, setting.data_network)
        known = {warning["code"] for warning in self.report.warnings}
        for code, message in source.notes:
            if code not in known:
                self.warn(code, message)
        return source

    def sample_shapes(self, inputs: Sequence[str]) -> Mapping[str, SampleShape]:
        setting = self._setting
        if not setting.data_path:
            return {}
        return _runtime(setting.runtime).sample_shapes(_request(setting), inputs)

    @property
    def has_data(self) -> bool:
        return bool(self._setting.data_path)

    def joined_data(self, network: Path) -> DataSource | None:
        if not self.has_data:
            return None
        return _runtime(self._setting.runtime).open_data(_request(self._setting), network)

    def progress(self, fraction: float, note: str = "") -> None:
        self._channel.check()
        self._channel.send(Progress(float(fraction), note))

    def check(self) -> None:
        self._channel.check()

    def point(self, series: str, x: float, y: float) -> None:
        self._channel.send(CurvePoint(series, float(x), float(y)))

    def note(self, text: str) -> None:
        self.report.log.append(text)
        self._channel.send(Line(text))

    def changed(self, layers: int, total: int) -> None:
        self._changed = True
        self.report.layers_changed, self.report.layers_total = int(layers), int(total)

    def skip(self, layer: str, reason: str) -> None:
        self.report.skipped.append({"layer": layer, "reason": reason})

    def warn(self, code: str, message: str) -> None:
        self.report.warnings.append({"code": code, "message": message})

    def fact(self, name: str, value: Json) -> None:
        self.report.facts[name] = value


def run_step(
    setting: WorkSetting,
    step: str,
    params: Mapping[str, Json],
    inputs: Mapping[str, tuple[str, str] | None],
    out_dir: str,
) -> StepAnswer:
    """Do one step: inputs by port as (path, digest), the result as model.onnx in out_dir.

    Raises what the step raises; Refused when it says that it does not apply to the network.
    """
    runtime = _runtime(setting.runtime)
    spec = runtime.steps.get(step)
    values = spec.params.read(params)
    networks = {port: None if one is None else OnnxNet(Path(one[0]), one[1]) for port, one in inputs.items()}
    _refuse_when_it_does_not_apply(setting.runtime, spec, values, networks)
    stamps = {port: _stamp(one.path) for port, one in networks.items() if one is not None}
    channel = current()
    begun = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="step-", dir=out_dir, ignore_cleanup_errors=True) as scratch:
        context = WorkContext(setting, Path(scratch), channel)
        result = spec.run(context, values, **networks)
        channel.check()
        for port, stamp in stamps.items():
            network = networks[port]
            if network is not None and _stamp(network.path) != stamp:
                raise RuntimeError(f"{step} wrote to the network that arrived at its input {port}")
        same = next((port for port, one in networks.items() if one is not None and one.path == result.path), "")
        if not same:
            _deliver(result.path, Path(scratch), Path(out_dir))
    return StepAnswer(_as_json(asdict(context.report)), time.perf_counter() - begun, same)


def run_meter(
    setting: WorkSetting,
    meter: str,
    params: Mapping[str, Json],
    subjects: tuple[tuple[str, str], ...],
    reference: tuple[str, str],
    scratch: str,
) -> list[list[JsonObject]]:
    """Measure subjects, each (path, digest), against the reference; one list of readings per subject."""
    spec = _runtime(setting.runtime).meters.get(meter)
    with tempfile.TemporaryDirectory(prefix="meter-", dir=scratch, ignore_cleanup_errors=True) as folder:
        context = WorkContext(setting, Path(folder), current())
        networks = [OnnxNet(Path(path), digest) for path, digest in subjects]
        rows = spec.run(context, networks, OnnxNet(Path(reference[0]), reference[1]))
    if len(rows) != len(subjects):
        raise RuntimeError(f"{meter} gave readings for {len(rows)} of {len(subjects)} networks")
    return [[_as_json(reading_to_json(one)) for one in readings] for readings in rows]


def run_output(
    setting: WorkSetting,
    output: str,
    params: Mapping[str, Json],
    network: tuple[str, str],
    out_dir: str,
    name: str,
) -> JsonObject:
    """Write a network, given as (path, digest), as a file of that name in out_dir, and prove it by opening it again.

    Gives {"files": names in out_dir, "notes": sentences, "checks": rows {"name", "ok", "detail"}}.

    Raises UserError when a package is missing, Refused when the format cannot carry the network.
    """
    spec = _runtime(setting.runtime).outputs.get(output)
    spec.require()
    values = spec.params.read(params)
    net = OnnxNet(Path(network[0]), network[1])
    verdict = spec.carries(_facts(setting.runtime, network[0]), values)
    if not verdict.ok:
        raise Refused(verdict.reason, verdict.hint)
    channel = current()
    channel.send(Progress(0.1, f"Writing {name}"))
    written = function_of(spec.write)(values, net, Path(out_dir) / name)
    channel.check()
    channel.send(Progress(0.6, f"Opening {name} again"))
    checks = function_of(spec.verify)(values, net, Path(out_dir) / name)
    notes = [*([verdict.reason] if verdict.reason else []), *written.notes]
    return {
        "files": [path.name for path in written.files],
        "notes": _plain(notes),
        "checks": [_as_json(asdict(one)) for one in checks],
    }


def judge_output(setting: WorkSetting, output: str, params: Mapping[str, Json], network: str) -> JsonObject:
    """Whether a format can carry the network of that path, before anything is written.

    Gives {"ok", "reason", "hint"}; a reason beside ok is something to know. Raises BadInput for wrong parameters.
    """
    spec = _runtime(setting.runtime).outputs.get(output)
    return _as_json(asdict(spec.carries(_facts(setting.runtime, network), spec.params.read(params))))


def inspect(runtime: str, path: str) -> Mapping[str, Any]:
    """The facts of a file."""
    return _runtime(runtime).inspect(Path(path))


def describe(runtime: str, path: str, options: str, seed: int, network: str) -> Mapping[str, Any]:
    """What a data set says about itself when it is joined to a network: parts, task, preprocessing."""
    return dict(open_data(runtime, path, options, seed, network).describe())


def devices(runtime: str) -> tuple[str, ...]:
    """The classes of devices that work here."""
    return _runtime(runtime).devices()


def _request(setting: WorkSetting) -> DataRequest:
    return DataRequest(setting.data_path, setting.data_options, setting.data_seed)


@lru_cache(maxsize=2)
def _runtime(name: str) -> Runtime:
    return load_runtime(name)


@lru_cache(maxsize=16)
def _facts(runtime: str, path: str) -> Mapping[str, Any]:
    return _runtime(runtime).inspect(Path(path))


def _refuse_when_it_does_not_apply(
    runtime: str, spec: StepSpec, params: Any, networks: Mapping[str, OnnxNet | None]
) -> None:
    first = networks.get(spec.inputs[0].name) if spec.inputs else None
    if spec.applies is None or first is None:
        return
    try:
        facts = _facts(runtime, str(first.path))
    except UserError:
        # A network whose facts cannot be found is left to the step to judge.
        return
    verdict = spec.applies(facts, params)
    if not verdict.ok:
        raise Refused(verdict.reason, verdict.hint)


def _deliver(path: Path, scratch: Path, out_dir: Path) -> None:
    """Move the result and its external weights to out_dir under the name that stored networks have."""
    if not path.is_file():
        raise RuntimeError(f"the step returned {path.name}, which does not exist")
    if not path.resolve().is_relative_to(scratch.resolve()):
        raise RuntimeError(f"the step returned {path}, which is not in its scratch folder")
    weights = [one for one in path.parent.glob(f"{path.name}.*") if one.is_file()]
    if weights and path.name != MODEL_FILE:
        raise RuntimeError(f"a network with weights beside it must be named {MODEL_FILE}, not {path.name}")
    for one in weights:
        shutil.move(one, out_dir / one.name)
    shutil.move(path, out_dir / MODEL_FILE)


def _stamp(path: Path) -> tuple[int, int]:
    facts = path.stat()
    return facts.st_size, facts.st_mtime_ns


def _as_json(value: Any) -> JsonObject:
    """The value as plain JSON; numpy numbers become numbers, what is not finite becomes None."""
    return _plain(value)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        rows: Mapping[Any, Any] = value  # pyright: ignore[reportUnknownVariableType]
        return {str(key): _plain(one) for key, one in rows.items()}
    if isinstance(value, list | tuple | set | frozenset):
        items: Any = value  # pyright: ignore[reportUnknownVariableType]
        return [_plain(one) for one in items]
    if isinstance(value, bool | str) or value is None:
        return value
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value) if abs(value) < float("inf") else None
    return str(value)
