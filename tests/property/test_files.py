"""Any project survives being written and read."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compress_studio.base.errors import BadInput
from compress_studio.project import files
from compress_studio.project.pipeline import Edge, Node, Pipeline
from compress_studio.project.project import Goal, MeterUse, Project
from compress_studio.spec.data import DataRequest

FOLDER = Path("/projects/mine").absolute()
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
NAME = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
NUMBER = st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | NUMBER | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
VALUES = st.dictionaries(TEXT, JSON, max_size=4)
KNOWN = set(files.NodeRow.model_fields) | set(files.ProjectRow.model_fields)
EXTRA = st.dictionaries(TEXT.filter(lambda name: name not in KNOWN), JSON, max_size=2)


@st.composite
def pipelines(draw: st.DrawFn) -> Pipeline:
    names = draw(st.lists(NAME, max_size=6, unique=True))
    nodes = tuple(
        Node(
            name,
            draw(NAME),
            draw(VALUES),
            (draw(NUMBER), draw(NUMBER)),
            draw(st.booleans()),
            draw(st.booleans()),
            draw(st.integers(1, 9)),
            draw(EXTRA),
        )
        for name in names
    )
    edges = [
        Edge(names[draw(st.integers(0, place - 1))], draw(TEXT), name, draw(TEXT))
        for place, name in enumerate(names)
        if place and draw(st.booleans())
    ]
    return Pipeline(nodes, tuple(edges))


PROJECTS = st.builds(
    Project,
    pipeline=pipelines(),
    data=st.builds(DataRequest, st.just(""), VALUES, st.integers(0, 9)),
    meters=st.lists(st.builds(MeterUse, NAME, VALUES), max_size=3).map(tuple),
    goals=st.lists(st.builds(Goal, NAME, NUMBER), max_size=3).map(tuple),
    title=TEXT,
    seed=st.integers(0, 2**63),
    device=NAME,
    extra=EXTRA,
)


@given(PROJECTS)
def test_a_project_reads_back_equal(project: Project) -> None:
    text = files.dump(project, FOLDER).encode()
    again = files.parse(text, FOLDER / "a.cstudio")
    assert again == project
    assert files.dump(again, FOLDER).encode() == text


@given(st.binary(max_size=60))
def test_no_bytes_raise_anything_but_a_readable_refusal(content: bytes) -> None:
    with pytest.raises(BadInput, match=r"^a\.cstudio"):
        files.parse(content, FOLDER / "a.cstudio")


@given(PROJECTS, st.data())
def test_a_file_cut_anywhere_is_refused_not_half_read(project: Project, data: st.DataObject) -> None:
    text = files.dump(project, FOLDER).encode()
    cut = text[: data.draw(st.integers(0, len(text) - 3))]
    with pytest.raises(BadInput, match=r"a\.cstudio"):
        files.parse(cut, FOLDER / "a.cstudio")
