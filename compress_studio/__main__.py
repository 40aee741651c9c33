"""The entry point of the program. `--version` answers without importing anything else."""

from __future__ import annotations

import sys
from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program with the given arguments (those of the process when None); returns the exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    if words in (["--version"], ["-V"]):
        from compress_studio import __version__

        sys.stdout.write(f"compress-studio {__version__}\n")
        return 0
    from compress_studio.cli.main import main as command_line

    return command_line(words)


if __name__ == "__main__":
    sys.exit(main())
