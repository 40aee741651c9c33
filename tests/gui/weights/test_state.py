"""What the dialog of weights shows and allows follows from plain values."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from compress_studio.engine import consents
from compress_studio.gui.gallery_weights import weights_states
from compress_studio.gui.weights.answers import read_look, read_outcome
from compress_studio.gui.weights.consent_card import lines
from compress_studio.gui.weights.examining import LONGEST, examine, guess_family, with_needs
from compress_studio.gui.weights.form import expected_signature
from compress_studio.gui.weights.outcome_card import headline, outcome_notices
from compress_studio.gui.weights.state import (
    ArchitectureChoice,
    Kind,
    Phase,
    Way,
    absolute_code,
    first_way,
    join_architecture,
    split_architecture,
    wrong_arguments,
)
from compress_studio.gui.weights.view import advice

CHOICE = ArchitectureChoice("/x/net.py:make", "classes=3", "", "x=Nx8")


def test_nothing_can_be_tried_before_it_is_trusted_and_nothing_opened_before_it_was_tried() -> None:
    states = weights_states()
    assert not states["consent"].can_try
    assert states["consent"].needs_consent
    assert states["trusted"].can_try
    assert not states["trusted"].can_open
    assert states["fits"].can_open
    assert not states["misfits"].can_open
    assert not states["failed"].can_open


def test_a_change_after_the_trial_asks_for_another_one() -> None:
    fits = weights_states()["fits"]
    changed = replace(fits, choice=replace(fits.choice, dims="x=Nx3x64x64"))
    assert not changed.can_open
    assert changed.can_try
    other = replace(fits, choice=replace(fits.choice, architecture="/models/other.py:make"))
    assert not other.can_try, "what it would run is not known yet"


def test_nothing_can_be_tried_with_arguments_that_cannot_be_read_or_while_something_runs() -> None:
    ready = weights_states()["trusted"]
    assert not replace(ready, choice=replace(ready.choice, arguments="10")).can_try
    assert not replace(ready, phase=Phase.TRYING).can_try
    assert wrong_arguments("classes=10+width=0.5") == ""
    assert wrong_arguments("ten") == "ten cannot be read. Write num_classes=10+width=0.5."


@pytest.mark.parametrize(
    ("text", "where", "function"),
    [
        ("/x/net.py:make", "/x/net.py", "make"),
        ("/x/net.py", "/x/net.py", ""),
        ("torchvision.models:resnet18", "torchvision.models", "resnet18"),
        ("timm:models.Net.build", "timm", "models.Net.build"),
        ("/x/ne", "/x/ne", ""),
        ("C:\\nets\\ne", "C:\\nets\\ne", ""),
        ("C:\\nets\\net.py:make", "C:\\nets\\net.py", "make"),
        ("", "", ""),
    ],
)
def test_an_architecture_is_split_and_joined(text: str, where: str, function: str) -> None:
    assert split_architecture(text) == (where, function)
    assert join_architecture(where, function) == text


def test_a_file_beside_the_weights_gets_its_whole_path(tmp_path: Path) -> None:
    near = str(tmp_path / "net.py")
    assert absolute_code("net.py:make", tmp_path / "w.pt") == f"{near}:make"
    assert absolute_code("torchvision.models:resnet18", tmp_path / "w.pt") == "torchvision.models:resnet18"
    assert absolute_code("", tmp_path / "w.pt") == ""


def test_the_dialog_begins_with_what_was_chosen_or_what_the_file_suggests() -> None:
    assert first_way(ArchitectureChoice(), pickled=False) is Way.FILE
    assert first_way(ArchitectureChoice(), pickled=True) is Way.PICKLE
    assert first_way(ArchitectureChoice("timm:create_model"), pickled=True) is Way.PACKAGE
    assert first_way(ArchitectureChoice("/x/net.py:make"), pickled=True) is Way.FILE
    assert first_way(ArchitectureChoice("/x/net.py"), pickled=True) is Way.PICKLE


def test_answers_of_workers_become_values() -> None:
    row = {"name": "a", "shape": [2, 3], "dtype": "float32", "bytes": 24}
    counted = {**row, "edges": [0.0, 1.0, 2.0], "counts": [4, 1], "min": 0.0, "max": 2.0, "mean": 0.5, "std": 0.1,
               "zeros": 2, "not_a_number": 1}  # fmt: skip
    remark = "It also holds averaged weights in ema (9 tensors); choose them with entry=ema."
    entries = [{"entry": "(outermost)", "holds": "weights", "tensors": 1, "parameters": 6}]
    look = read_look({"tensors": [row, counted], "remarks": [remark], "entries": entries})
    assert look.tensors[0].distribution is None
    assert look.tensors[1].distribution is not None
    assert look.tensors[1].distribution.counted == 6
    assert look.remarks == ("It also holds averaged weights in ema (9 tensors).",)
    assert look.entries[0].name == ""
    found = {"ok": False, "fits": 3, "renamed": "", "notes": [], "error": {"message": "m", "hint": "h"},
             "rows": [{"name": "w", "network": [5, 4], "file": None, "kind": "missing"},
                      {"name": "v", "network": "64×3", "file": "scalar", "kind": "different"}],
             "inputs": [{"name": "x", "shape": "Nx3xH0x8"}]}  # fmt: skip
    outcome = read_outcome(found, CHOICE)
    assert [(one.network, one.file) for one in outcome.rows] == [("5 × 4", ""), ("64 × 3", "scalar")]
    assert outcome.inputs == (("x", "N × 3 × H0 × 8"),)
    assert outcome.count(Kind.MISSING) == 1


def test_hints_of_the_command_line_are_said_in_the_words_of_the_dialog() -> None:
    hint = "Give it in the first step: dims=x=Nx3x224x224 (N for a free batch), or a data set: --data."
    told = read_outcome({"error": {"message": "m", "hint": hint}}, CHOICE).hint
    assert told.startswith("Write into Input, for example: x=Nx3x224x224 (N for a free batch).")
    assert "--data" not in told
    hint = "Say the shape that it takes in the first step: --step source.model:…,dims=x=Nx3x8x8 with other sizes."
    found = read_outcome({"error": {"message": "dims=x cannot be read.", "hint": hint}}, CHOICE)
    assert (found.message, found.hint) == ("x cannot be read.", "Write other sizes into Input than x=Nx3x8x8.")
    hint = "Give the file that holds its classes as the first step: --step source.model:architecture=FILE.py"
    told = read_outcome({"error": {"message": "m", "hint": hint}}, CHOICE).hint
    assert told == "Give the file that holds its classes under File."
    told = read_outcome({"error": {"message": "m", "hint": "Write dims=a=NxL+b=NxAxB."}}, CHOICE).hint
    assert told == "Write into Input, for example: a=NxL+b=NxAxB (N for a free batch)."


def test_the_outcome_is_said_in_one_line() -> None:
    states = {name: one.outcome for name, one in weights_states().items() if one.outcome is not None}
    assert headline(states["fits"]) == ("All 122 weights fit", "good")
    assert headline(states["misfits"]) == ("117 of 122 weights of the network fit", "bad")
    assert headline(states["failed"])[0].endswith("(net.py, line 14).")
    told = [one.text for one in outcome_notices(states["misfits"])]
    assert told[0] == "3 missing in the file, 2 of another shape, 2 only in the file."


def test_the_consent_names_what_runs_its_digest_and_what_a_pickle_imports() -> None:
    states = weights_states()
    code = states["consent"].code
    assert code is not None
    assert lines(code)[0][0] == "make() in net.py · digest\u00a03f9a2c1b7d5e"
    pickle = states["pickled"].code
    assert pickle is not None
    assert lines(pickle)[1][0].endswith("os.system")


def test_the_next_thing_to_do_is_said() -> None:
    states = weights_states()
    assert advice(states["reading"])[0] == "Choose the code that makes the network."
    known = replace(states["family"], installed=True)
    assert advice(known)[0] == "Use the network that it looks like, or choose code."
    assert advice(states["consent"])[0] == "Read what would run, and allow it if you trust it."
    assert advice(states["fits"]) == ("It can be opened.", "good")


def test_the_expected_function_has_the_arguments_that_are_given() -> None:
    assert expected_signature("", "") == "def make() -> torch.nn.Module"
    assert expected_signature("net", "classes=3+width=0.5") == "def net(classes=3, width=0.5) -> torch.nn.Module"


def test_code_is_examined_without_running_it(tmp_path: Path) -> None:
    code = tmp_path / "net.py"
    code.write_text("raise SystemExit\ndef make(): ...\n")
    weights = tmp_path / "w.pt"
    found = examine(weights, ArchitectureChoice(str(code)), Way.FILE)
    assert [one.name for one in found.factories] == ["make"]
    assert not found.complete
    whole = examine(weights, ArchitectureChoice(f"{code}:make"), Way.FILE)
    assert whole.complete
    assert not whole.ready, "what would run is asked first"
    assert whole.files == (("net.py", code.read_text()),)
    row = {"digest": whole.digest, "what": "make()", "allowed": False}
    asked = with_needs(whole, {"needs": [row], "imports": []})
    assert asked.ready
    assert asked.lacking
    assert not consents.given(whole.digest)


def test_code_too_long_to_show_says_so_above_its_beginning(tmp_path: Path) -> None:
    path = tmp_path / "net.py"
    path.write_text("def make(): pass\n" + "#" * LONGEST + "\nhidden = 1\n")
    found = examine(tmp_path / "w.pt", ArchitectureChoice(f"{path}:make"), Way.FILE)
    ((_, text),) = found.files
    assert text.startswith("# The last 29 letters of this file are not shown here")
    assert "def make" in text
    assert "hidden" not in text


def test_what_cannot_be_used_says_why(tmp_path: Path) -> None:
    weights, empty = tmp_path / "w.pt", tmp_path / "empty.py"
    empty.write_text("x = 1\n")

    def said(architecture: str, way: Way) -> str:
        found = examine(weights, ArchitectureChoice(architecture), way)
        assert not found.complete
        return f"{found.message} {found.hint}".strip()

    assert said("", Way.FILE) == ""
    assert said(str(tmp_path / "no.py"), Way.FILE).startswith("There is no file")
    assert "no function that could make a network" in said(str(empty), Way.FILE)
    assert "has no function make" in said(f"{empty}:make", Way.FILE)
    assert said("net", Way.FILE) == "Choose a file whose name ends with .py."
    assert said("torchvision.models", Way.PACKAGE).startswith("Write package.module:function")
    assert "pip install no_such_package_here" in said("no_such_package_here:make", Way.PACKAGE)


def test_a_known_network_is_guessed_and_sizes_are_proposed(tmp_path: Path) -> None:
    path = tmp_path / "w.pt"
    assert guess_family(path, {"a.weight": (4, 3, 3, 3)}) == (None, False, "x=Nx3x224x224")
    assert guess_family(path, {}) == (None, False, "")


def test_a_configuration_beside_the_weights_names_the_network(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"architectures": ["BertModel"]}')
    family, _, dims = guess_family(tmp_path / "model.safetensors", {"a.weight": (4, 3)})
    assert family is not None
    assert family.architecture == "transformers:BertModel.from_pretrained"
    assert family.arguments == f"pretrained_model_name_or_path={tmp_path}"
    assert dims == "input_ids=NxL"
    for text in ('{"architectures": ["os; evil"]}', "[]", "{", '{"architectures": []}'):
        (tmp_path / "config.json").write_text(text)
        assert guess_family(tmp_path / "model.safetensors", {"a.weight": (4, 3)})[0] is None
