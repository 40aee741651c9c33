"""What is offered for what is dragged over the window."""

from __future__ import annotations

from pathlib import Path

from compress_studio.artifacts.sniffing import Format
from compress_studio.gui.drops import make_offer
from compress_studio.gui.recognizing import Dropped, Kind

MODEL = Dropped(Path("/m/resnet20.onnx"), Kind.MODEL, Format.ONNX)
OTHER = Dropped(Path("/m/teacher.onnx"), Kind.MODEL, Format.ONNX)
DATA = Dropped(Path("/d/photos"), Kind.DATA, Format.FOLDER, "1 204 images in 10 folders")
PROJECT = Dropped(Path("/p/x.cstudio"), Kind.PROJECT)
NOTES = Dropped(Path("/n/notes.pdf"), Kind.REFUSED, reason="notes.pdf is not a model.", hint="Give another.")


def titles(*found: Dropped, open_model: str = "") -> list[str]:
    return [zone.title for zone in make_offer(found, open_model=open_model).zones]


def test_a_model_begins_a_project_when_nothing_is_open() -> None:
    assert titles(MODEL) == ["Open resnet20.onnx as a new project"]


def test_a_model_can_be_three_things_when_a_project_is_open() -> None:
    assert titles(MODEL, open_model="letters.onnx") == ["Replace the model", "New project", "Add as another model"]


def test_the_same_model_is_opened_again() -> None:
    assert titles(MODEL, open_model="resnet20.onnx")[0] == "Open it again"


def test_data_say_how_much_there_is_and_for_what() -> None:
    zone = make_offer([DATA], open_model="letters.onnx").zones[0]
    assert zone.title == "Use photos/ as data (1 204 images in 10 folders)"
    assert zone.detail == "for letters.onnx"
    assert "kept for the model" in make_offer([DATA]).zones[0].detail


def test_a_model_and_data_go_together() -> None:
    offer = make_offer([DATA, MODEL])
    assert offer.zones[0].detail == "with photos/ as data"
    assert (offer.model, offer.data) == (MODEL, DATA)


def test_several_models_become_one_project() -> None:
    offer = make_offer([MODEL, OTHER])
    assert offer.more_models == (OTHER,)
    assert "teacher.onnx" in offer.zones[0].detail
    assert [zone.id for zone in make_offer([MODEL, OTHER], open_model="a.onnx").zones] == ["new", "add"]


def test_a_project_is_opened_alone() -> None:
    offer = make_offer([MODEL, PROJECT])
    assert [zone.title for zone in offer.zones] == ["Open project x.cstudio"]
    assert "resnet20.onnx" in offer.note


def test_what_is_unknown_is_named_and_left_out() -> None:
    assert make_offer([MODEL, NOTES]).note == "Left out: notes.pdf is not a model."
    second = Dropped(Path("/d/more.npz"), Kind.DATA)
    assert make_offer([DATA, second, NOTES]).note == "Left out: more.npz, notes.pdf"


def test_only_unknown_things_give_the_reason_and_the_remedy() -> None:
    offer = make_offer([NOTES, NOTES])
    assert not offer.zones
    assert offer.reason == "notes.pdf is not a model. (and 1 more)"
    assert offer.hint == "Give another."


def test_nothing_at_all_says_what_can_be_dropped() -> None:
    assert "Only files and folders" in make_offer([]).reason


WEIGHTS = Dropped(Path("/m/plain.pth"), Kind.WEIGHTS, Format.CHECKPOINT)
CODE = Dropped(Path("/m/net.py"), Kind.CODE, Format.TEXT)


def test_weights_go_with_the_code_that_came_with_them() -> None:
    offer = make_offer([CODE, WEIGHTS, DATA])
    assert offer.model == WEIGHTS
    assert offer.code == CODE
    assert offer.zones[0].detail == "with net.py as its network and photos/ as data"
    assert make_offer([MODEL, WEIGHTS, CODE]).code == CODE


def test_code_alone_is_opened_and_more_code_is_left_out() -> None:
    offer = make_offer([CODE])
    assert offer.zones[0].title == "Open net.py as a new project"
    second = Dropped(Path("/m/other.py"), Kind.CODE, Format.TEXT)
    assert make_offer([WEIGHTS, CODE, second]).note == "Left out: other.py"
