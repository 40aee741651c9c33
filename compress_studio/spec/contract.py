"""What every step promises, as checks: for the steps of this project and for those of plug-ins.

Each check raises AssertionError with a sentence that says which promise is broken. Try the steps of a package with

    python -m compress_studio.spec.contract my_package
"""

from __future__ import annotations

import importlib
import inspect
import json
import re
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from compress_studio.base.digest import canonical_json, digest_file
from compress_studio.base.errors import BadInput, Cancelled, Refused, UserError
from compress_studio.spec.data import DataSource
from compress_studio.spec.params import Field, Params, Range
from compress_studio.spec.ports import OnnxNet
from compress_studio.spec.registry import API
from compress_studio.spec.step import Group, StepSpec
from compress_studio.spec.trial import TrialContext

ID_FORM = re.compile(r"^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+$")
CODE_FORM = re.compile(r"^[a-z][a-z0-9_]*$")
NOT_A_VALUE = "no such value"
COSTLY = frozenset({"epochs", "samples", "steps", "minutes", "rounds", "batch", "batch_size"})
"""Parameters that only cost time at their upper end; they are tried at their lower end only."""
TRIAL_NETWORKS = "compress_studio.steps.trial_networks"
"""Named, not imported: making networks needs packages that this layer does not know."""

Interface = Mapping[str, Any]
"""What a network looks like from outside: names, types and shapes of inputs and outputs."""


@dataclass(frozen=True, slots=True)
class Bench:
    """What a step is tried with."""

    folder: Path
    """For scratch folders."""
    data: Callable[[Path], DataSource]
    """Samples for a network."""
    interface: Callable[[Path], Interface]
    """Opens a network in the checker and in ONNX Runtime and tells its inputs and outputs; raises when it does not
    open."""


@dataclass(frozen=True, slots=True)
class Trial:
    """What one run of a step gave."""

    ctx: TrialContext
    result: OnnxNet | None
    """None when the step refused."""
    refusal: UserError | None = None


def require(kept: object, sentence: str) -> None:
    """Raise AssertionError with the sentence when a promise is not kept; unlike assert it also works under -O."""
    if not kept:
        raise AssertionError(sentence)


# The declaration ------------------------------------------------------------------------------------------------


def check_declaration(spec: StepSpec) -> None:
    """Everything people see is there: title, summary, help, ports."""
    require(ID_FORM.match(spec.id), f"{spec.id}: an id looks like family.operation, in small letters")
    require(spec.version >= 1, f"{spec.id}: versions begin at 1")
    require(spec.title and spec.title[0].isupper(), f"{spec.id}: the title is missing or begins with a small letter")
    require(spec.summary.endswith("."), f"{spec.id}: the first line of the docstring is not one full sentence")
    require(len(spec.help) > 80, f"{spec.id}: the docstring has no help after its first line")
    require(len(spec.outputs) == 1, f"{spec.id}: a step has one output")
    require(spec.inputs or spec.group is Group.SOURCE, f"{spec.id}: only sources have no input")
    names = [port.name for port in spec.inputs]
    require(len(set(names)) == len(names), f"{spec.id}: two inputs have the same name")
    require(not inspect.iscoroutinefunction(spec.run), f"{spec.id}: a step is an ordinary function")


def check_parameters(spec: StepSpec) -> None:
    """Every parameter has a label, a help text and, for numbers, a range that holds the default."""
    fields = list(spec.params.fields())
    by_name = {one.name: one for one in fields}
    for one in fields:
        where = f"{spec.id}, {one.name}"
        require(one.ui.label, f"{where}: it has no label")
        require(one.ui.help, f"{where}: it has no help")
        if one.kind in {"int", "float"}:
            if one.range is None:
                raise AssertionError(f"{where}: numbers need a Range")
            require(
                one.default is None or one.range.lo <= one.default <= one.range.hi, f"{where}: default out of range"
            )
            require(not one.range.log or one.range.lo > 0, f"{where}: a logarithmic range begins above 0")
            if one.default is not None:
                snapped = one.range.snap(one.default)
                require(
                    abs(snapped - one.default) <= 1e-9 * max(1.0, abs(snapped)), f"{where}: default is off the grid"
                )
        for other, values in one.ui.shown_when.items():
            require(other in by_name, f"{where}: shown_when names {other}, which does not exist")
            unknown = values - _words(by_name[other])
            require(not unknown, f"{where}: {other} is never {', '.join(sorted(unknown))}")


def check_defaults(spec: StepSpec) -> None:
    """The defaults are valid and their canonical form is stable."""
    params = spec.params.read({})
    again = spec.params.read(params.plain())
    require(again == params, f"{spec.id}: reading the written parameters gives others")
    backwards = dict(reversed(list(params.plain().items())))
    require(
        canonical_json(spec.params.read(backwards).canonical()) == canonical_json(params.canonical()),
        f"{spec.id}: the canonical form depends on the order of the parameters",
    )
    for one in spec.params.fields():
        text = _as_word(getattr(params, one.name))
        if text is not None:
            value = spec.params.read({**params.plain(), one.name: one.parse(text)})
            require(value == params, f"{spec.id}, {one.name}: the word {text} is not read as the default")


def check_refused_values(spec: StepSpec) -> None:
    """Every wrong value is refused with a sentence that names the parameter."""
    for one in spec.params.fields():
        for bad in _wrong_values(one):
            try:
                spec.params.read({one.name: bad})
            except BadInput as error:
                require(one.name in error.message, f"{spec.id}: the message about {one.name}={bad} does not name it")
            else:
                raise AssertionError(f"{spec.id}: {one.name}={bad} is accepted")
    try:
        spec.params.read({"no_such_parameter": 1})
    except BadInput as error:
        require("no_such_parameter" in error.message, f"{spec.id}: the message does not name the unknown parameter")
    else:
        raise AssertionError(f"{spec.id}: unknown parameters are accepted")


def check_rendering(spec: StepSpec) -> None:
    """The schema and the values can be written as JSON, and expectations as words."""
    json.dumps(spec.params.model_json_schema())
    canonical_json(spec.params.read({}).plain())
    for one in spec.params.fields():
        require(one.expects(), f"{spec.id}, {one.name}: nothing says what it expects")


def check_applies(spec: StepSpec, facts: Mapping[str, Any]) -> None:
    """When a step says that it does not apply, it says why and what to do."""
    if spec.applies is None:
        return
    verdict = spec.applies(facts, spec.params.read({}))
    require(verdict.ok or (verdict.reason and verdict.hint), f"{spec.id}: says no without a reason and a hint")


# Running --------------------------------------------------------------------------------------------------------


def small(spec: StepSpec, **values: Any) -> Params:
    """The default parameters with the least work, and with values on top."""
    little = {
        one.name: int(max(one.range.lo, 1)) if one.kind == "int" else one.range.lo
        for one in spec.params.fields()
        if one.name in COSTLY and one.range is not None
    }
    return spec.params.read({**little, **values})


def try_step(
    spec: StepSpec, params: Params, network: Path, bench: Bench, *, seed: int = 0, cancel_at: int | None = None
) -> Trial:
    """Run a step by itself. Optional inputs stay empty, but for a teacher: that is the network, as on appending.

    Raises AssertionError when the input file was touched or the refusal says nothing; Cancelled as the step raises it.
    """
    ctx = TrialContext(bench.folder, bench.data(network), seed)
    ctx.cancel_at = cancel_at
    before = {path: digest_file(path) for path in network.parent.iterdir() if path.is_file()}
    left_open = {port.name for port in spec.inputs if port.optional and port.name != "teacher"}
    inputs = {port.name: None if port.name in left_open else OnnxNet(network) for port in spec.inputs}
    try:
        result, refusal = spec.run(ctx, params, **inputs), None
    except UserError as error:
        result, refusal = None, error
    after = {path: digest_file(path) for path in network.parent.iterdir() if path.is_file()}
    require(after == before, f"{spec.id}: the folder of the input was written to")
    if refusal is not None:
        require(refusal.message and refusal.hint, f"{spec.id}: refused without a reason and a hint ({refusal})")
    return Trial(ctx, result, refusal)


def check_trial(spec: StepSpec, trial: Trial, network: Path, bench: Bench) -> None:
    """What a run said is complete, and what it wrote opens and has the interface of the input."""
    _check_said(spec, trial.ctx)
    if trial.result is None:
        return
    ctx = trial.ctx
    require(len(ctx.changes) == 1, f"{spec.id}: changed was called {len(ctx.changes)} times instead of once")
    changed, total = ctx.changes[0]
    require(0 <= changed <= total, f"{spec.id}: {changed} layers changed of {total}")
    path = trial.result.path
    require(path.is_relative_to(ctx.scratch), f"{spec.id}: the result lies outside of scratch")
    require(bench.interface(path) == bench.interface(network), f"{spec.id}: inputs or outputs are not what they were")


def _check_said(spec: StepSpec, ctx: TrialContext) -> None:
    outside = [one for one in ctx.fractions if not 0 <= one <= 1]
    require(not outside, f"{spec.id}: progress went to {outside[:3]}")
    falls = [pair for pair in zip(ctx.fractions, ctx.fractions[1:], strict=False) if pair[1] < pair[0]]
    require(not falls, f"{spec.id}: progress went back: {falls[:1]}")
    for layer, reason in ctx.skipped:
        require(layer and reason, f"{spec.id}: the layer {layer or '?'} was skipped without a name or a reason")
    for code, message in ctx.warnings:
        require(CODE_FORM.match(code) and message, f"{spec.id}: the warning {code or '?'} has no code word or message")
    canonical_json(ctx.facts)


def check_repeatable(spec: StepSpec, network: Path, bench: Bench) -> None:
    """The same seed gives the same bytes."""
    if not spec.deterministic:
        return
    results = [try_step(spec, small(spec), network, bench, seed=3).result for _ in range(2)]
    digests = {"" if one is None else digest_file(one.path) for one in results}
    require(len(digests) == 1, f"{spec.id}: two runs with one seed gave different files; is it deterministic?")


def check_cancel(spec: StepSpec, network: Path, bench: Bench) -> None:
    """A step stops at the first cancel point after the user asked, wherever that is."""
    points = try_step(spec, small(spec), network, bench).ctx.checks
    for wanted in sorted({0, points // 2, max(points - 1, 0)}):
        try:
            trial = try_step(spec, small(spec), network, bench, cancel_at=wanted)
        except Cancelled:
            continue
        require(trial.refusal is not None and points <= wanted, f"{spec.id}: did not stop at cancel point {wanted + 1}")


def extremes(spec: StepSpec) -> Iterator[Params]:
    """Parameter sets that each have one value at an end of its range, or another choice."""
    for one in spec.params.fields():
        values: list[Any] = [word for word in one.choices if word != str(one.default)]
        if one.kind == "bool":
            values = [not one.default]
        elif one.range is not None:
            ends = [one.range.lo] if one.name in COSTLY else [one.range.lo, one.range.hi]
            values = [int(end) if one.kind == "int" else end for end in ends] if one.kind != "map" else []
        if one.optional and one.default is not None:
            values.append(None)
        for value in values:
            yield small(spec, **_visible(spec, one), **{one.name: value})


# Helpers --------------------------------------------------------------------------------------------------------


def _visible(spec: StepSpec, one: Field) -> dict[str, Any]:
    """Values of other parameters at which one matters."""
    needed: dict[str, Any] = {}
    for other, values in one.ui.shown_when.items():
        field = spec.params.field_named(other)
        if field is not None and _as_word(field.default) not in values:
            needed[other] = field.parse(min(values))
    return needed


def _words(one: Field) -> frozenset[str]:
    """The words that shown_when may use for the values of a parameter; empty choices: any."""
    if one.kind == "bool":
        return frozenset({"true", "false"})
    return frozenset(one.choices)


def _as_word(value: Any) -> str | None:
    """A value as it is written on the command line; None for values that have no word."""
    if value is None:
        return "auto"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return "+".join(str(one) for one in value)  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    if isinstance(value, Mapping):
        return "+".join(f"{name}:{one}" for name, one in value.items())  # pyright: ignore[reportUnknownVariableType]
    return str(value)


def _wrong_values(one: Field) -> list[Any]:
    if one.kind in {"int", "float"}:
        span = one.range or Range(-1e9, 1e9)
        wrong: list[Any] = [NOT_A_VALUE, float("nan"), float("inf"), span.lo - 1, span.hi + 1]
        return [*wrong, (span.lo + span.hi) / 2 + 0.123] if one.kind == "int" else wrong
    if one.kind == "str":
        return [1.5]
    if one.kind == "list":
        return [NOT_A_VALUE, [1.5]]
    if one.kind == "map":
        wrong = [NOT_A_VALUE, ["name"], {"name": NOT_A_VALUE}, {"name": float("nan")}]
        return wrong + ([{"name": one.range.lo - 1}, {"name": one.range.hi + 1}] if one.range is not None else [])
    return [NOT_A_VALUE]


def check_step(spec: StepSpec, networks: Mapping[str, Path], bench: Bench) -> Iterator[str]:
    """Check all promises of one step; yields what was checked."""
    for check in (check_declaration, check_parameters, check_defaults, check_refused_values, check_rendering):
        check(spec)
        yield check.__name__
    if spec.group is Group.SOURCE:
        return
    ran = 0
    for name, network in networks.items():
        trial = try_step(spec, small(spec), network, bench)
        check_trial(spec, trial, network, bench)
        ran += trial.result is not None
        yield f"run on {name}: {trial.refusal or 'ok'}"
    if not ran:
        yield "refuses every trial network, so that nothing more could be tried"
        return
    first = next(iter(networks.values()))
    check_repeatable(spec, first, bench)
    check_cancel(spec, first, bench)
    for params in extremes(spec):
        check_trial(spec, try_step(spec, params, first, bench), first, bench)
    yield "repeat, cancel, extreme values"


def main(arguments: Iterable[str]) -> int:
    """Check the steps of packages named on the command line; 0 when every promise is kept."""
    names = list(arguments)
    if not names:
        print("Usage: python -m compress_studio.spec.contract PACKAGE ...", file=sys.stderr)  # noqa: T201
        return 2
    broken = 0
    with tempfile.TemporaryDirectory(prefix="cs-") as folder:
        networks, bench = importlib.import_module(TRIAL_NETWORKS).make_bench(Path(folder))
        for name in names:
            module = importlib.import_module(name)
            require(getattr(module, "API", None) == API, f"{name}: API is not {API}")
            for spec in module.STEPS:
                try:
                    count = sum(1 for _ in check_step(spec, networks, bench))
                    print(f"{spec.id}: {count} checks passed")  # noqa: T201
                except (AssertionError, Refused) as error:
                    broken += 1
                    print(f"{spec.id}: {error}")  # noqa: T201
    return 1 if broken else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
