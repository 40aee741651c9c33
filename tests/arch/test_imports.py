"""Start-up stays light: what a module imports is checked in a fresh interpreter."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("torch", "onnx", "onnx_ir", "onnxruntime", "onnxscript", "PySide6", "pyqtgraph")


def loaded(statement: str) -> set[str]:
    """The heavy packages that are loaded after a statement."""
    code = f"{statement}\nimport sys\nprint(*[name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize(
    "module",
    [
        "compress_studio.cli.main",
        "compress_studio.__main__",
        "compress_studio.engine.runner",
        "compress_studio.project.files",
        "compress_studio.artifacts.formats",
        "compress_studio.data.identity",
    ],
)
def test_importing_what_the_command_line_starts_with_loads_no_network_library(module: str) -> None:
    assert loaded(f"import {module}") == set()


def test_listing_the_steps_loads_no_network_library() -> None:
    assert (
        loaded("from compress_studio.spec.runtime import load_runtime; assert len(load_runtime().steps) >= 12") == set()
    )


def test_graph_surgery_needs_no_torch() -> None:
    assert "torch" not in loaded("import compress_studio.graph.facts, compress_studio.graph.channels")


def test_the_whole_window_needs_no_network_library() -> None:
    names = "studio, main_window, shot, charts.panel, panels.inspector, dialogs.settings, dialogs.device"
    modules = ", ".join(f"compress_studio.gui.{name}" for name in names.split(", "))
    assert not loaded(f"import {modules}") & {"torch", "onnx", "onnx_ir", "onnxruntime"}


def test_what_the_window_is_first_seen_with_needs_no_charts() -> None:
    code = "import sys; import compress_studio.gui.studio; sys.exit('pyqtgraph' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
