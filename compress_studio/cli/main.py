"""Words on the command line to commands, and errors to messages and exit codes.

Exit codes: 0 done, 1 the work failed, 2 bad usage or bad input, 130 stopped by the user. Results go to stdout,
everything else to stderr. Importing this module loads the standard library only.
"""

from __future__ import annotations

import argparse
import errno
import os
import signal
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import NoReturn

from compress_studio.base.errors import BadInput, Cancelled, UserError

DESCRIPTION = "Make a neural network smaller and faster, and prove it."
STOPPED = 130
EXAMPLES = """the window:
  compress-studio                            open the window
  compress-studio model.onnx data.npz        open files in it: a model, data, a project (.cstudio)
  compress-studio --sample fashion           open a bundled sample in it
  compress-studio --theme light FILE         in another theme: system, dark or light
  compress-studio --shot out.png --size 1440x900 --open FILE
                                             a picture of it; also --scale, --select NODE, --tab NAME, --run

examples:
  compress-studio info model.onnx
  compress-studio run model.onnx --step prune.channels:amount=0.5 --step quantize.static --data data.npz --out small
  compress-studio run small/project.cstudio --set prune1.amount=0.3
  compress-studio measure small/model.onnx --reference model.onnx --data data.npz
"""


class Parser(argparse.ArgumentParser):
    """A parser whose mistakes are reported like all others."""

    def error(self, message: str) -> NoReturn:
        raise BadInput(f"{message[:1].upper()}{message[1:]}.", f"See {self.prog} --help.")


def main(argv: Sequence[str]) -> int:
    """Run one command; returns the exit code and never raises for what a user did."""
    as_json = "--json" in argv
    _survive_closed_streams()
    _survive_narrow_encodings()
    try:
        parser = make_parser()
        if not argv:
            sys.stdout.write(parser.format_help())
            return BadInput.exit_code
        options = parser.parse_args(list(argv))
        _stop_when_asked()
        return _command(options.command)(options)
    except SystemExit as done:  # --help ends this way
        return done.code if isinstance(done.code, int) else 0
    except UserError as error:
        return _report(error.message, error.hint, error.exit_code, as_json)
    except (Cancelled, KeyboardInterrupt):
        return _report("Stopped.", "Finished steps are kept: the same command goes on from there.", STOPPED, as_json)
    except BrokenPipeError:
        # Whoever read our output has gone; give the interpreter nothing to complain about when it flushes.
        _forget_stdout()
        return UserError.exit_code
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM}:
            return _report(*_no_access(error), UserError.exit_code, as_json)
        return _bug(error, as_json)
    except Exception as error:  # noqa: BLE001 - the last resort: a bug becomes one line and a log
        return _bug(error, as_json)


def make_parser() -> Parser:
    """All commands with their arguments."""
    parser = Parser(
        prog="compress-studio",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", "-V", action="version", version=_version())
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=Parser)
    _add_info(commands)
    _add_steps(commands)
    _add_run(commands)
    _add_measure(commands)
    _add_export(commands)
    _add_formats(commands)
    _add_samples(commands)
    return parser


Commands = argparse._SubParsersAction  # argparse gives the type no public name


def _add_info(commands: Commands[Parser]) -> None:
    one = commands.add_parser("info", help="what is in a model file", description="Show what is in a model file.")
    one.add_argument("model", metavar="MODEL", help="an ONNX or PyTorch file")
    _add_json(one)


def _add_steps(commands: Commands[Parser]) -> None:
    text = "List the steps, or show one with its parameters, their ranges and defaults."
    one = commands.add_parser("steps", help="the steps there are, and their parameters", description=text)
    one.add_argument("step", metavar="STEP_ID", nargs="?", help="show this step only")
    _add_json(one)


def _add_run(commands: Commands[Parser]) -> None:
    text = "Run a model through steps, or a saved project, and measure every result."
    one = commands.add_parser("run", help="compress a model and measure the results", description=text)
    one.add_argument("subject", metavar="MODEL|PROJECT", help="a model file, or a project file (.cstudio)")
    one.add_argument(
        "--step",
        metavar="ID[:KEY=VALUE,...]",
        action="append",
        default=[],
        dest="steps",
        help="a step to apply, in order; see `compress-studio steps`. The first may be source.model:dims=L=128, "
        "which says the sizes of free dimensions of MODEL",
    )
    one.add_argument(
        "--set",
        metavar="NODE.KEY=VALUE",
        action="append",
        default=[],
        dest="changes",
        help="change a parameter of a project for this run",
    )
    _add_source(one)
    one.add_argument("--data", metavar="DATA", help="samples: .npz, .npy, .csv, .parquet, a folder, or data.toml")
    one.add_argument("--out", metavar="DIR", help="write model.onnx, project.cstudio and report.json here")
    _add_consent(one)
    devices = ("auto", "cpu", "cuda", "mps", "xpu")
    one.add_argument("--device", choices=devices, help="where training runs (default: auto)")
    one.add_argument("--seed", type=_count, metavar="N", help="of everything random (default: 0)")
    _add_threads(one)
    _add_json(one)


def _add_measure(commands: Commands[Parser]) -> None:
    text = "Measure models as they are, each against the reference (the first model unless told otherwise)."
    one = commands.add_parser("measure", help="measure models as they are", description=text)
    one.add_argument("models", metavar="MODEL", nargs="+", help="an ONNX or PyTorch file")
    one.add_argument("--reference", metavar="MODEL", help="the model to compare with")
    _add_source(one, with_step=True)
    _add_consent(one)
    one.add_argument("--data", metavar="DATA", help="samples: .npz, .npy, .csv, .parquet, a folder, or data.toml")
    _add_threads(one)
    _add_json(one)


def _add_export(commands: Commands[Parser]) -> None:
    text = "Write the network of a node of a project, or a model file, in any format, and prove the file."
    one = commands.add_parser("export", help="write a network to a file, in any format", description=text)
    one.add_argument("project", metavar="PROJECT|MODEL", help="a project file (.cstudio), or a model file")
    one.add_argument("--node", metavar="NODE", help="its name in the project (default: the last)")
    _add_source(one, with_step=True)
    _add_consent(one)
    one.add_argument("--out", metavar="FILE", required=True, help="the file to write; its ending says the format")
    one.add_argument("--format", metavar="ID", default="", help="see `compress-studio formats`")
    one.add_argument("--opset", type=_positive, metavar="N", help="of an ONNX file (default: as it is)")
    one.add_argument(
        "--set", metavar="KEY=VALUE", action="append", default=[], dest="choices", help="an option of the format"
    )
    _add_threads(one)
    _add_json(one)


def _add_formats(commands: Commands[Parser]) -> None:
    text = "List the formats that can be opened and written, and what is missing to use them."
    one = commands.add_parser("formats", help="file formats in and out", description=text)
    _add_json(one)


def _add_samples(commands: Commands[Parser]) -> None:
    text = "List the bundled samples, or copy one to a folder."
    one = commands.add_parser("samples", help="models and data to try things with", description=text)
    one.add_argument("name", metavar="NAME", nargs="?", help="the sample to copy")
    one.add_argument("--out", metavar="DIR", help="the folder to copy it to (default: one named after it)")
    _add_json(one)


def _add_source(parser: Parser, *, with_step: bool = False) -> None:
    text = "how MODEL is opened: architecture=net.py:make, arguments=, entry= for weights; dims=L=128 for sizes"
    parser.add_argument("--source", metavar="KEY=VALUE", action="append", default=[], help=text)
    if with_step:
        # Hints for `run` say source.model:KEY=VALUE as the first step; the same words are taken here.
        parser.add_argument("--step", action="append", default=[], dest="steps", help=argparse.SUPPRESS)


def _add_consent(parser: Parser) -> None:
    parser.add_argument(
        "--allow-code",
        metavar="FILE_OR_DIGEST",
        action="append",
        default=[],
        help="let this Python file, package:function or pickle run, in a process of its own;"
        " remembered for its content",
    )


def _add_json(parser: Parser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON instead of text")


def _add_threads(parser: Parser) -> None:
    parser.add_argument("--threads", type=_positive, metavar="N", help="processor threads for timing (default: 1)")


def _count(word: str) -> int:
    number = int(word)
    if not 0 <= number < 2**63:
        raise argparse.ArgumentTypeError("must be a whole number, 0 or more")
    return number


def _positive(word: str) -> int:
    number = int(word)
    if not 1 <= number <= 1024:
        raise argparse.ArgumentTypeError("must be a whole number from 1 to 1024")
    return number


_count.__name__ = _positive.__name__ = "whole number"


def _version() -> str:
    from compress_studio import __version__

    return f"compress-studio {__version__}"


def _command(name: str) -> Callable[[argparse.Namespace], int]:
    """The function of a command; only its own module is imported."""
    import importlib

    return importlib.import_module(MODULES[name]).command


MODULES: Mapping[str, str] = {
    "info": "compress_studio.cli.info",
    "steps": "compress_studio.cli.steps",
    "run": "compress_studio.cli.run",
    "measure": "compress_studio.cli.measure",
    "export": "compress_studio.cli.export",
    "formats": "compress_studio.cli.formats",
    "samples": "compress_studio.cli.samples",
}


def _report(message: str, hint: str, code: int, as_json: bool) -> int:
    from compress_studio.cli.console import print_error

    try:
        print_error(message, hint, code, as_json=as_json)
    except OSError:
        # The message is on stderr already; only stdout, which is full or gone, cannot take it.
        _forget_stdout()
    return code


def _no_access(error: OSError) -> tuple[str, str]:
    """What the system refused, and what to do about it."""
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        where = f"{error.filename}: " if error.filename else ""
        return f"Writing failed: {where}{error.strerror}.", "Make room, or choose another folder."
    what = str(error.filename) if error.filename else "A file or folder"
    return f"{what} cannot be used: {error.strerror}.", "Check its permissions, or choose another one."


def _bug(error: Exception, as_json: bool) -> int:
    """Put the traceback into the log; the user gets one line and its place."""
    import logging

    from compress_studio.base.logs import set_up
    from compress_studio.base.paths import log_dir

    name = type(error).__name__
    try:
        path = set_up(log_dir())
        logging.getLogger("compress_studio.cli").error("The command failed", exc_info=error)
    except (OSError, UserError):
        return _report(f"This is a bug: {name}: {error}.", "Please report it.", UserError.exit_code, as_json)
    first = (str(error).strip().splitlines() or [""])[0]
    hint = f"Please report it with the log {path}."
    return _report(f"This is a bug: {name}: {first}", hint, UserError.exit_code, as_json)


def _stop_when_asked() -> None:
    """A request to end from the system or a closed terminal stops the work in order, as Ctrl-C does."""
    if threading.current_thread() is not threading.main_thread():
        return
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, signal.default_int_handler)


def _forget_stdout() -> None:
    """Send what stdout still holds to nowhere, so that the interpreter does not stumble over it at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _survive_closed_streams() -> None:
    """A stream that was closed before the start swallows what it is given."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115, PTH123 - lives to the end


def _survive_narrow_encodings() -> None:
    """A terminal that cannot show ÷ shows / instead of ending the program."""
    import codecs
    import io

    codecs.register_error("compress_studio", _in_ascii)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="compress_studio")


IN_ASCII = {
    "÷": "/", "×": "x", "±": "+-", "–": "-", "─": "-", "…": "...", "·": "-", "✗": "x", "█": "#", "░": ".", "²": "2",
    "−": "-", "→": "->", "≤": "<=", "≥": ">=",
}  # fmt: skip


def _in_ascii(error: UnicodeError) -> tuple[str, int]:
    """What stands for characters that the encoding of the terminal lacks."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(IN_ASCII.get(one, "?") for one in error.object[error.start : error.end]), error.end
