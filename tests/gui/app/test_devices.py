"""What the device button and dialog say."""

from __future__ import annotations

import pytest
from PySide6.QtWidgets import QRadioButton

from compress_studio.engine.settings import RunSettings
from compress_studio.gui.devices import button_text, make_state, short_name
from compress_studio.gui.dialogs.device import DeviceDialog
from compress_studio.inspection.devices import look

GPU = {
    "devices": [{"id": "cuda", "name": "RTX 4090", "memory": 24_000_000_000}],
    "providers": ["CUDAExecutionProvider", "CPUExecutionProvider"],
    "versions": {},
}
NONE = {"devices": [], "providers": ["CPUExecutionProvider"], "versions": {}}
SETTINGS = RunSettings(compute_threads=4, threads=1)


@pytest.mark.parametrize(
    ("name", "short"),
    [
        ("AMD EPYC 7B13", "AMD EPYC 7B13"),
        ("Intel(R) Xeon(R) Processor", "Intel Xeon"),
        ("AMD Ryzen 9 5950X 16-Core Processor", "AMD Ryzen 9 5950X"),
        ("Intel(R) Core(TM) i7-8550U CPU @ 1.80GHz", "Intel Core i7-8550U"),
        ("Apple M2", "Apple M2"),
        ("Averyveryverylongprocessorname", "Averyveryverylongproce"),
    ],
)
def test_processors_have_the_names_people_use(name: str, short: str) -> None:
    assert short_name(name) == short


def test_a_gpu_that_was_found_is_what_automatic_means() -> None:
    state = make_state("auto", SETTINGS, GPU)
    rows = {row.id: row for row in state.rows}
    assert rows["cuda"].possible
    assert "24.0" in rows["cuda"].note
    assert not rows["mps"].possible
    assert state.uses[0] == ("Training", "NVIDIA GPU (CUDA)")
    assert state.providers == "CUDA, CPU"
    assert button_text("auto", SETTINGS, GPU) == "CUDA · RTX 4090"


def test_without_a_gpu_training_runs_on_the_processor_and_the_others_say_why_not() -> None:
    state = make_state("auto", SETTINGS, NONE)
    assert state.uses == (
        ("Training", "CPU (4 threads)"),
        ("Other steps", "CPU (4 threads)"),
        ("Measuring time", "CPU (1 thread)"),
    )
    assert all(row.note for row in state.rows)
    assert button_text("auto", SETTINGS, NONE).startswith("CPU · ")


def test_while_nothing_is_known_no_gpu_can_be_chosen() -> None:
    state = make_state("auto", SETTINGS, None)
    assert state.waiting
    assert [row.id for row in state.rows if row.possible] == ["auto", "cpu"]


def test_the_look_at_this_machine_gives_plain_json() -> None:
    found = look()
    assert "CPUExecutionProvider" in found["providers"]
    assert set(found["versions"]) == {"torch", "onnxruntime"}


def test_a_choice_is_an_edit_that_can_be_undone(window, session, qtbot) -> None:
    dialog = DeviceDialog(window.commands)
    qtbot.addWidget(dialog)
    dialog.show()
    session.settle()
    cpu = dialog.findChild(QRadioButton, "device:cpu")
    assert cpu is not None
    cpu.click()
    assert session.project.device == "cpu"
    session.undo()
    assert session.project.device == "auto"
    again = [one for one in dialog.findChildren(QRadioButton, "device:auto") if not one.isHidden()]
    assert any(one.isChecked() for one in again)
    session.settle()
    assert window.commands.devices.found is not None
