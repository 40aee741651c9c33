"""How a data set is to be read: data.toml, or the options of a DataRequest; both have the same names.

A `data.toml` lies in the folder of the data, or anywhere when it names them by `path`::

    path = "photos.npz"        # relative to this file; left out: the folder of this file
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

import difflib
import math
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
SPLIT_KEYS = frozenset({"test", "calibrate"})
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
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror or error}.", "Check its permissions.") from error
    except UnicodeDecodeError:
        raise BadInput(f"{path} is not UTF-8 text.", "Save it as UTF-8.") from None
    except tomllib.TOMLDecodeError as error:
        raise BadInput(f"{path} is not valid TOML: {error}.", "See the help page on data for an example.") from None


def _options(values: Mapping[str, Any], path: Path | None, where: str) -> Options:
    _known(values, TOP_KEYS | INPUT_KEYS, where)
    top = {name: value for name, value in values.items() if name in INPUT_KEYS}
    tables = _table(values.get("input", {}), "input", where)
    split = _table(values.get("split", {}), "split", where)
    _known(split, SPLIT_KEYS, f"{where}, table split")
    return Options(
        path=path,
        inputs={
            name: _input({**top, **_table(one, f"input.{name}", where)}, f"{where}, input {name}")
            for name, one in tables.items()
        },
        every=_input(top, where),
        labels=_text(values.get("labels"), "labels", where),
        task=_task(values.get("task"), where),
        classes=_classes(values.get("classes"), where),
        test=_amount(split.get("test"), "split.test", where),
        calibrate=_amount(split.get("calibrate"), "split.calibrate", where),
        dims={
            str(name): _count(size, f"dims.{name}", where)
            for name, size in _table(values.get("dims", {}), "dims", where).items()
        },
        delimiter=_sign(values.get("delimiter"), "delimiter", where),
        decimal=_word(values.get("decimal"), {".", ","}, "decimal", where),
        encoding=_text(values.get("encoding"), "encoding", where),
        header=None if values.get("header") is None else _flag(values["header"], "header", where),
        keep_nan=_flag(values.get("keep_nan", False), "keep_nan", where),
    )


def _input(values: Mapping[str, Any], where: str) -> InputOptions:
    _known(values, INPUT_KEYS, where)
    std = _numbers(values.get("std"), "std", where)
    if any(one == 0 for one in std):
        raise BadInput(f"{where}: std must not be 0.", "Leave std out when nothing is to be divided.")
    scale = None if values.get("scale") is None else _number(values["scale"], "scale", where)
    if scale == 0:
        raise BadInput(f"{where}: scale must not be 0: all values would become the same.", 'Write 1, or "1/255".')
    return InputOptions(
        array=_text(values.get("array"), "array", where),
        scale=scale,
        mean=_numbers(values.get("mean"), "mean", where),
        std=std,
        layout=_word(values.get("layout"), {"NCHW", "NHWC"}, "layout", where, upper=True),
        dtype=_word(values.get("dtype"), DTYPES, "dtype", where),
        image=_flag(values.get("image", False), "image", where),
        size=_size(values.get("size"), where),
        resize=None if values.get("resize") is None else _count(values["resize"], "resize", where),
        crop=_flag(values.get("crop", True), "crop", where),
        color=_word(values.get("color"), {"rgb", "bgr", "grey"}, "color", where),
    )


def _known(values: Mapping[str, Any], known: frozenset[str], where: str) -> None:
    """Raise BadInput for the first name that means nothing, with the names that are near it."""
    for name in sorted(set(values) - known):
        near = difflib.get_close_matches(name, sorted(known), n=2, cutoff=0.6)
        hint = f"Known are {', '.join(sorted(known))}."
        raise BadInput(
            f"{where}: there is no option {name}.", f"Did you mean {' or '.join(near)}? {hint}" if near else hint
        )


def _table(value: Any, name: str, where: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise BadInput(f"{where}: {name} must be a table.", f"Write it as [{name}] with one line per option.")
    return value


def _number(value: Any, name: str, where: str) -> float:
    cause = BadInput(f"{where}: {name} must be a number or a fraction such as 1/255, not {value}.")
    if isinstance(value, bool):
        raise cause
    try:
        number = float(Fraction(value)) if isinstance(value, str) else float(value)
    except (ValueError, TypeError, ZeroDivisionError, OverflowError):
        raise cause from None
    if not math.isfinite(number):
        raise cause
    return number


def _numbers(value: Any, name: str, where: str) -> tuple[float, ...]:
    if value is None:
        return ()
    many = value if isinstance(value, list | tuple) else (value,)
    return tuple(_number(one, name, where) for one in many)


def _count(value: Any, name: str, where: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise BadInput(f"{where}: {name} must be a whole number, 1 or more, not {value}.")
    return value


def _size(value: Any, where: str) -> tuple[int, int] | None:
    if value is None:
        return None
    many = value if isinstance(value, list | tuple) else [value]
    if not 1 <= len(many) <= 2:
        raise BadInput(f"{where}: size must be one or two numbers (height, width), not {value}.")
    numbers = [_count(one, "size", where) for one in many]
    return numbers[0], numbers[-1]


def _amount(value: Any, name: str, where: str) -> float | None:
    if value is None:
        return None
    number = _number(value, name, where)
    if number <= 0 or (number >= 1 and not isinstance(value, int)):
        raise BadInput(
            f"{where}: {name} must be a share between 0 and 1 or a whole number of samples, not {value}.",
            f"Leave {name} out for the usual share.",
        )
    return number


def _text(value: Any, name: str, where: str) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise BadInput(
            f"{where}: {name} must be text, not {value}.", f'Write it in quotation marks: {name} = "{value}".'
        )
    return value


def _sign(value: Any, name: str, where: str) -> str:
    text = _text(value, name, where)
    if len(text) > 1 or text in {'"', "\n", "\r"}:
        raise BadInput(
            f"{where}: {name} must be a single character, not {text!r}.", f"Leave {name} out to have it found."
        )
    return text


def _flag(value: Any, name: str, where: str) -> bool:
    if not isinstance(value, bool):
        raise BadInput(f"{where}: {name} must be true or false, not {value}.", "Write it without quotation marks.")
    return value


def _classes(value: Any, where: str) -> tuple[str, ...]:
    if value is None:
        return ()
    many = value if isinstance(value, list | tuple) else None
    if many is None or any(isinstance(one, list | dict) for one in many):
        raise BadInput(f"{where}: classes must be a list of names.", 'Write classes = ["cat", "dog"].')
    names = tuple(str(one) for one in many)
    twice = next((one for at, one in enumerate(names) if one in names[:at]), None)
    if twice is not None:
        raise BadInput(f"{where}: classes names {twice} twice.", "Every output of the network needs a name of its own.")
    return names


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
