"""The entry point of the program. `--version` answers without importing anything else."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

COMMANDS = frozenset({"info", "steps", "run", "measure", "export", "formats", "samples"})
"""Words that mean the command line; anything else that is no option is a file for the window."""
CODE_WORD = "--run-code"
WINDOW_OPTIONS = ("--shot", "--open", "--sample", "--theme", "--size", "--scale", "--select", "--tab")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program with the given arguments (those of the process when None); returns the exit code."""
    if getattr(sys, "frozen", False):
        # First of all: in a packaged program the worker processes start here too.
        from multiprocessing import freeze_support

        freeze_support()
    words = list(sys.argv[1:] if argv is None else argv)
    if words[:1] == [CODE_WORD]:
        # A packaged program has no interpreter beside it: the process for the user's own code starts here too.
        from compress_studio.steps.kernels.code_child import main as run_code

        return run_code(Path(words[1]))
    if words in (["--version"], ["-V"]):
        from compress_studio import __version__

        sys.stdout.write(f"compress-studio {__version__}\n")
        return 0
    if opens_window(words):
        from compress_studio.gui.app import main as window

        code = window(words)
        if argv is None:
            _leave(code)
        return code
    from compress_studio.cli.main import main as command_line

    return command_line(words)


def _leave(code: int) -> NoReturn:
    """End the process of the window now that everything is closed.

    A thread that still loads a library would otherwise meet the interpreter and Qt while they are torn down, which
    ends in a crash after the work is done.
    """
    import logging

    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
    os._exit(code)


def opens_window(words: Sequence[str]) -> bool:
    """Whether the arguments ask for the window: none at all, files to open, or an option of the window."""
    if not words:
        return True
    if "--json" in words:
        return False
    first = words[0]
    if first.startswith("-"):
        return first.split("=")[0] in WINDOW_OPTIONS
    return first not in COMMANDS and looks_like_a_file(first)


def looks_like_a_file(word: str) -> bool:
    """Whether a word is a file, or the name of one that is not there; a mistyped command is neither."""
    return os.path.exists(word) or bool(os.path.dirname(word) or os.path.splitext(word)[1])  # noqa: PTH110, PTH120, PTH122 - pathlib takes time to load


if __name__ == "__main__":
    sys.exit(main())
