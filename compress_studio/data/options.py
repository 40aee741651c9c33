"""How a data set is to be read: data.toml, or the options of a DataRequest; both have the same names.

A `data.toml` lies in the folder of the data, or anywhere when it names them by `path`::

    path = "images"            # relative to this file; left out: the folder of this file
    labels = "klass"           # name of the label array or column; "none": do not use labels
    task = "classify"          # classify, binary, regress or none; left out: guessed from labels and outputs
    classes = ["cat", "dog"]   # names in the order of the network's outputs

    [split]                    # only needed to change the default
    test = 0.5                 # share (below 1) or number of samples, used when the data have no test part
    calibrate = 512            # share or number of samples taken from the rest for calibration

    [input.pixels]             # one table per input of the network
    array = "x"                # name of the array or column that feeds it
    scale = "1/255"            # a number or a fraction: value = (raw × scale − mean) ÷ std; left out: 1/255 for
                               # 8-bit pixels whose mean and std are at most 1, else 1
    mean = [0.485, 0.456, 0.406]
    std = [0.229, 0.224, 0.225]
    layout = "NCHW"            # NCHW or NHWC: what the network wants
    dtype = "float32"          # cast the raw values to this type first
    image = true               # array rows are pictures: colours and size are converted as for image files
    size = [224, 224]          # height and width in pixels, where the network leaves them free
    resize = 256               # short side before the centre crop; left out: the size itself
    crop = true                # false: squeeze to the size instead of cropping
    color = "rgb"              # rgb, bgr or grey

    [dims]                     # free dimensions of the network, for synthetic inputs
    seq = 64

With one input, its keys may stand at the top without `[input.NAME]`. A data.toml beside a data file counts for that
file when its path names it. For tables also `delimiter`, `decimal`,
`encoding` and `header`, each found by itself when left out. `keep_nan = true` keeps rows with not-a-number values.

Standard library only, because the digest of a request is taken in the window's process.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

from compress_studio.base.errors import BadInput
from compress_studio.spec.data import DataRequest, Task

FILE_NAME = "data.toml"
INPUT_KEYS = frozenset({"array", "scale", "mean", "std", "layout", "dtype", "image", "size", "resize", "crop", "color"})
TOP_KEYS = frozenset(
    {"path", "input", "labels", "task", "classes", "split", "dims", "delimiter", "decimal", "encoding", "header"}
    | {"keep_nan"}
)
DTYPES = frozenset(
    {"float16", "float32", "float64", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "bool"}
)


@dataclass(frozen=True, slots=True)
class InputOptions:
    """How one input of the network is fed; None or empty: not declared."""

    array: str = ""
    scale: float | None = None
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    layout: str = ""
    dtype: str = ""
    image: bool = False
    size: tuple[int, int] | None = None
    """Height and width in pixels."""
    resize: int | None = None
    crop: bool = True
    color: str = ""

    @property
    def preprocesses(self) -> bool:
        """True when the values themselves are declared to change, so that nothing needs to be guessed."""
        return self.scale is not None or bool(self.mean) or bool(self.std)


@dataclass(frozen=True, slots=True)
class Options:
    """Everything that may be declared about a data set."""

    path: Path | None = None
    """None: synthetic inputs."""
    inputs: Mapping[str, InputOptions] = field(default_factory=dict[str, InputOptions])
    every: InputOptions = InputOptions()
    """What stands at the top: for every input without a table of its own."""
    labels: str = ""
    task: Task | None = None
    classes: tuple[str, ...] = ()
    test: float | None = None
    calibrate: float | None = None
    dims: Mapping[str, int] = field(default_factory=dict[str, int])
    delimiter: str = ""
    decimal: str = ""
    encoding: str = ""
    header: bool | None = None
    keep_nan: bool = False

    def of(self, name: str) -> InputOptions:
        """The options of one input."""
        return self.inputs.get(name, self.every)


def toml_of(path: Path) -> Path | None:
    """The data.toml behind a path that a user gave.

    The file itself, the one inside a folder, or the one beside a data file when its line path names that file.
    """
    if path.is_dir():
        inside = path / FILE_NAME
        return inside if inside.is_file() else None
    if path.suffix.lower() == ".toml":
        return path
    beside = path.parent / FILE_NAME
    if beside.is_file():
        named = _read_toml(beside).get("path")
        if isinstance(named, str) and (path.parent / named).resolve() == path.resolve():
            return beside
    return None


def read_options(request: DataRequest) -> Options:
    """What the data.toml and the options of a request say together; the request wins.

    Raises BadInput when the path is missing or an option has no meaning.
    """
    values: dict[str, Any] = {}
    path: Path | None = None
    where = "The data options"
    if request.path:
        path = Path(request.path).expanduser()
        if not path.exists():
            raise BadInput(f"The data {path} do not exist.", "Check the path, or leave it out to use synthetic inputs.")
        toml = toml_of(path)
        if toml is not None:
            values, where = _read_toml(toml), toml.name
            path = toml.parent / str(values.pop("path", "."))
    values.update(request.options)
    if "path" in values:
        path = Path(str(values.pop("path"))).expanduser()
    if path is not None and not path.exists():
        raise BadInput(f"{where} names the data {path}, which do not exist.", 'Correct its line path = "…".')
    return _options(values, path, where)


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except UnicodeDecodeError:
        raise BadInput(f"{path} is not UTF-8 text.", "Save it as UTF-8.") from None
    except tomllib.TOMLDecodeError as error:
        raise BadInput(f"{path} is not valid TOML: {error}.", "See the help page on data for an example.") from None


def _options(values: Mapping[str, Any], path: Path | None, where: str) -> Options:
    unknown = sorted(set(values) - TOP_KEYS - INPUT_KEYS)
    if unknown:
        raise BadInput(
            f"{where}: there is no option {unknown[0]}.", f"Known are {', '.join(sorted(TOP_KEYS | INPUT_KEYS))}."
        )
    top = {name: value for name, value in values.items() if name in INPUT_KEYS}
    tables = _table(values.get("input", {}), "input", where)
    split = _table(values.get("split", {}), "split", where)
    return Options(
        path=path,
        inputs={
            name: _input({**top, **_table(one, name, where)}, f"{where}, input {name}") for name, one in tables.items()
        },
        every=_input(top, where),
        labels=str(values.get("labels", "")),
        task=_task(values.get("task"), where),
        classes=tuple(str(one) for one in values.get("classes", ())),
        test=_amount(split.get("test"), "split.test", where),
        calibrate=_amount(split.get("calibrate"), "split.calibrate", where),
        dims={str(name): int(size) for name, size in _table(values.get("dims", {}), "dims", where).items()},
        delimiter=str(values.get("delimiter", "")),
        decimal=str(values.get("decimal", "")),
        encoding=str(values.get("encoding", "")),
        header=None if values.get("header") is None else bool(values["header"]),
        keep_nan=bool(values.get("keep_nan", False)),
    )


def _input(values: Mapping[str, Any], where: str) -> InputOptions:
    unknown = sorted(set(values) - INPUT_KEYS)
    if unknown:
        raise BadInput(f"{where}: there is no option {unknown[0]}.", f"Known are {', '.join(sorted(INPUT_KEYS))}.")
    std = _numbers(values.get("std"), "std", where)
    if any(one == 0 for one in std):
        raise BadInput(f"{where}: std must not be 0.", "Leave std out when nothing is to be divided.")
    return InputOptions(
        array=str(values.get("array", "")),
        scale=None if values.get("scale") is None else _number(values["scale"], "scale", where),
        mean=_numbers(values.get("mean"), "mean", where),
        std=std,
        layout=_word(values.get("layout"), {"NCHW", "NHWC"}, "layout", where, upper=True),
        dtype=_word(values.get("dtype"), DTYPES, "dtype", where),
        image=bool(values.get("image", False)),
        size=_size(values.get("size"), where),
        resize=None if values.get("resize") is None else int(_number(values["resize"], "resize", where)),
        crop=bool(values.get("crop", True)),
        color=_word(values.get("color"), {"rgb", "bgr", "grey"}, "color", where).replace("gray", "grey"),
    )


def _table(value: Any, name: str, where: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise BadInput(f"{where}: {name} must be a table.", f"Write it as [{name}] with one line per option.")
    return value


def _number(value: Any, name: str, where: str) -> float:
    try:
        return float(Fraction(value)) if isinstance(value, str) else float(value)
    except (ValueError, TypeError, ZeroDivisionError):
        raise BadInput(f"{where}: {name} must be a number or a fraction such as 1/255, not {value}.") from None


def _numbers(value: Any, name: str, where: str) -> tuple[float, ...]:
    if value is None:
        return ()
    many = value if isinstance(value, list | tuple) else (value,)
    return tuple(_number(one, name, where) for one in many)


def _size(value: Any, where: str) -> tuple[int, int] | None:
    numbers = [int(one) for one in _numbers(value, "size", where)]
    if not numbers:
        return None
    if len(numbers) > 2 or min(numbers) < 1:
        raise BadInput(f"{where}: size must be one or two positive numbers (height, width), not {value}.")
    return numbers[0], numbers[-1]


def _amount(value: Any, name: str, where: str) -> float | None:
    if value is None:
        return None
    number = _number(value, name, where)
    if number < 0:
        raise BadInput(f"{where}: {name} must be a share below 1 or a number of samples, not {value}.")
    return number


def _word(value: Any, allowed: set[str] | frozenset[str], name: str, where: str, *, upper: bool = False) -> str:
    if value is None or value == "":
        return ""
    word = str(value).upper() if upper else str(value).lower().replace("gray", "grey")
    if word not in allowed:
        raise BadInput(f"{where}: {name} must be one of {', '.join(sorted(allowed))}, not {value}.")
    return word


def _task(value: Any, where: str) -> Task | None:
    word = _word(value, {one.value for one in Task}, "task", where)
    return Task(word) if word else None
