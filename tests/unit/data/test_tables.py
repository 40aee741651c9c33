"""Tables of any dialect."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from compress_studio.base.errors import BadInput
from compress_studio.data import tables
from compress_studio.data.options import Options
from compress_studio.data.tables import sniff
from compress_studio.spec.data import Part, Task
from tests.unit.data.building import FLOAT, INT64, STRING, everything, network, opened


def written(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    path = folder / "table.csv"
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize(
    ("text", "encoding", "expected"),
    [
        ("a,b,y\n1.5,2,no\n", "utf-8", ("utf-8-sig", ",", ".", True)),
        ("größe;höhe;klasse\n1,5;2,5;ja\n2,5;1,0;nein\n", "latin-1", ("latin-1", ";", ",", True)),
        ("1\t2\t0\n3\t4\t1\n", "utf-8", ("utf-8-sig", "\t", ".", False)),
        ("1|2|a\n3|4|b\n", "utf-8-sig", ("utf-8-sig", "|", ".", False)),
        ("a,b\n1,2\n", "utf-16", ("utf-16", ",", ".", True)),
        ('name,"a, b",y\n1,2,3\n', "utf-8", ("utf-8-sig", ",", ".", True)),
        ("a b  y\n1  2 0\n3 4 1\n", "utf-8", ("utf-8-sig", " ", ".", True)),
        ("# made by hand\na,b,y\n1,2,0\n", "utf-8", ("utf-8-sig", ",", ".", True)),
        ('a,y\n"1,5",0\n"2,25",1\n', "utf-8", ("utf-8-sig", ",", ",", True)),
        ('a,b,y\n"1,000",0.5,0\n', "utf-8", ("utf-8-sig", ",", ".", True)),
    ],
)
def test_the_dialect_is_found(tmp_path: Path, text: str, encoding: str, expected: tuple[object, ...]) -> None:
    found = sniff(written(tmp_path, text, encoding), Options())
    assert (found.encoding, found.delimiter, found.decimal, found.header) == expected


def test_a_european_table_is_read(tmp_path: Path) -> None:
    rows = "".join(f"{at},5;2,5;{'ja' if at % 2 else 'nein'}\n" for at in range(40))
    path = written(tmp_path, "größe;höhe;klasse\n" + rows, "latin-1")
    source = opened(network(tmp_path, {"x": (FLOAT, ["n", 2])}, classes=2), path)
    assert source.classes == ("ja", "nein")
    batch = everything(source, Part.TEST)[0]
    row = int(batch.names[0].split()[-1]) - 1
    np.testing.assert_allclose(batch.inputs["x"][0], [row + 0.5, 2.5])
    assert batch.labels is not None
    assert batch.labels[0] == (0 if row % 2 else 1)


def test_a_table_as_wide_as_the_network_has_no_labels(tmp_path: Path) -> None:
    path = written(tmp_path, "a,b\n" + "1,2\n" * 40)
    source = opened(network(tmp_path, {"x": (FLOAT, ["n", 2])}), path)
    assert source.task is Task.NONE
    assert not source.part(Part.TEST).labelled


def test_labels_are_taken_by_name_before_the_last_column(tmp_path: Path) -> None:
    path = written(tmp_path, "a,y,b\n" + "5,1,7\n" * 40)
    batch = everything(opened(network(tmp_path, {"x": (FLOAT, ["n", 2])}), path), Part.TEST)[0]
    np.testing.assert_array_equal(batch.inputs["x"][0], [5, 7])
    assert batch.labels is not None
    assert batch.labels[0] == 1


def test_one_input_per_column_by_name(tmp_path: Path) -> None:
    net = network(tmp_path, {"age": (FLOAT, ["n", 1]), "city": (STRING, ["n", 1])}, classes=2)
    path = written(tmp_path, "city,age,y\n" + "Rome,3.5,0\nOslo,4,1\n" * 20)
    batch = everything(opened(net, path), Part.TEST)[0]
    assert batch.inputs["age"].shape == (7, 1)
    assert set(batch.inputs["city"][:, 0]) == {"Rome", "Oslo"}


def test_text_among_features_is_refused_with_column_and_value(tmp_path: Path) -> None:
    path = written(tmp_path, "a,color,y\n" + "1,red,0\n" * 40)
    with pytest.raises(BadInput, match=r"column color holds text \(red\)"):
        opened(network(tmp_path, {"x": (FLOAT, ["n", 2])}), path)


def test_a_line_with_another_number_of_columns_is_named(tmp_path: Path) -> None:
    path = written(tmp_path, "a,b,y\n" + "1,2,0\n" * 60 + "1,2\n")
    with pytest.raises(BadInput, match="line 62: 2 columns, expected 3"):
        opened(network(tmp_path, {"x": (FLOAT, ["n", 2])}), path)


def test_missing_cells_are_left_out_with_a_note(tmp_path: Path) -> None:
    path = written(tmp_path, "a,b,y\n" + "1,2,0\n" * 39 + "1,,1\n")
    source = opened(network(tmp_path, {"x": (FLOAT, ["n", 2])}), path)
    assert "row 40" in dict(source.notes)["nan_features"]


def test_train_and_test_tables_of_a_folder_are_the_parts(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "train.csv").write_text("a,b,y\n" + "1,2,0\n" * 60)
    (folder / "letter_test.csv").write_text("a,b,y\n" + "1,2,1\n" * 33)
    source = opened(network(tmp_path, {"x": (FLOAT, ["n", 2])}), folder)
    assert len(source.part(Part.TEST)) == 33


@pytest.mark.parametrize("text", ["", "\n\n", "a,b,y\n"])
def test_an_empty_table_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(BadInput, match=r"table\.csv"):
        opened(network(tmp_path, {"x": (FLOAT, ["n", 2])}), written(tmp_path, text))


def test_a_table_too_large_for_memory_names_the_form_to_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "MEMORY_SHARE", 1e-12)
    with pytest.raises(BadInput) as caught:
        opened(network(tmp_path, {"x": (FLOAT, ["n", 2])}), written(tmp_path, "a,b,y\n" + "1,2,0\n" * 40))
    assert ".npy" in caught.value.hint


@pytest.mark.skipif(
    any(importlib.util.find_spec(one) is not None for one in ("pyarrow", "polars")), reason="a reader is installed"
)
def test_parquet_without_a_reader_names_the_command(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_bytes(b"PAR1")
    with pytest.raises(BadInput) as caught:
        opened(network(tmp_path, {"x": (FLOAT, ["n", 2])}), tmp_path / "a.parquet")
    assert "pip install pyarrow" in caught.value.hint


@pytest.mark.parametrize(
    "line",
    [
        "1.234,5;2;0\n",
        "1234.5 2 0\n",
        "1234.5,2,0,\n",
        "\N{MINUS SIGN}1,2,0\n",
    ],
)
def test_numbers_are_read_as_people_write_them(tmp_path: Path, line: str) -> None:
    source = opened(network(tmp_path, {"x": (FLOAT, ["n", 2])}), written(tmp_path, line * 40))
    fed = everything(source, Part.TEST)[0].inputs["x"][0]
    np.testing.assert_allclose(fed, [-1 if line.startswith("\N{MINUS SIGN}") else 1234.5, 2])


def test_a_column_taken_for_labels_is_said(tmp_path: Path) -> None:
    net = network(tmp_path, {"x": (FLOAT, ["n", 2])})
    guessed = opened(net, written(tmp_path, "a,b,species\n" + "1,2,0\n" * 40))
    assert "species" in dict(guessed.notes)["labels_guessed"]
    named = opened(net, written(tmp_path, "a,b,label\n" + "1,2,0\n" * 40))
    assert "labels_guessed" not in dict(named.notes)


def test_two_columns_of_labels_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="two columns label"):
        opened(network(tmp_path, {"x": (FLOAT, ["n", 2])}), written(tmp_path, "a,label,label\n" + "1,2,0\n" * 40))


def test_a_table_of_another_width_names_its_columns(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"3 columns for samples \(id, a, b\), the network wants 2"):
        opened(network(tmp_path, {"x": (FLOAT, ["n", 2])}), written(tmp_path, "id,a,b,y\n" + "9,1,2,0\n" * 40))


def mixed_network(folder: Path) -> Path:
    return network(folder, {"numeric": (FLOAT, ["n", 3]), "city": (INT64, ["n"])}, classes=2)


def test_an_input_of_several_numbers_takes_the_numbered_columns(tmp_path: Path) -> None:
    rows = "".join(f"{at % 5},{at},{at + 0.5},{at * 2},{at % 2}\n" for at in range(40))
    path = written(tmp_path, "city,numeric_0,numeric_1,numeric_2,label\n" + rows)
    source = opened(mixed_network(tmp_path), path)
    batch = everything(source, Part.TEST)[0]
    row = int(batch.names[0].split()[-1]) - 1
    np.testing.assert_allclose(batch.inputs["numeric"][0], [row, row + 0.5, row * 2])
    assert batch.inputs["numeric"].dtype == np.float32
    assert batch.inputs["city"].dtype == np.int64
    assert batch.inputs["city"][0] == row % 5
    assert source.task is Task.CLASSIFY


def test_the_last_numbered_column_is_not_taken_for_labels(tmp_path: Path) -> None:
    path = written(tmp_path, "city,numeric_0,numeric_1,numeric_2\n" + "1,2,3,4\n" * 40)
    assert opened(mixed_network(tmp_path), path).task is Task.NONE


def test_the_only_open_input_takes_the_columns_that_are_left(tmp_path: Path) -> None:
    path = written(tmp_path, "age,city,height,weight,label\n" + "1,4,2,3,0\n2,4,3,4,1\n" * 40)
    batch = everything(opened(mixed_network(tmp_path), path), Part.TEST)[0]
    np.testing.assert_allclose(batch.inputs["numeric"][0, 1:] - batch.inputs["numeric"][0, 0], [1, 2])


def test_columns_that_are_missing_are_named_with_their_numbers(tmp_path: Path) -> None:
    path = written(tmp_path, "city,age,label\n" + "1,2,0\n" * 40)
    with pytest.raises(BadInput, match="no column numeric, or numeric_0 to numeric_2"):
        opened(mixed_network(tmp_path), path)
