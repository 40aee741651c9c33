"""Edits that keep nodes out of each other's way, and the ones that the canvas composes."""

from __future__ import annotations

import pytest

from compress_studio.base.errors import UserError
from compress_studio.project import edits
from compress_studio.project.pipeline import Edge, Node, Pipeline
from compress_studio.project.project import Project


def line(src: str, dst: str) -> Edge:
    return Edge(src, "network", dst, "network")


def chain() -> Project:
    nodes = (Node("a", "source.model"), Node("b", "x", pos=(220.0, 0.0)), Node("c", "x", pos=(440.0, 0.0)))
    return Project(Pipeline(nodes, (line("a", "b"), line("b", "c"))))


def test_a_second_follower_is_put_below_the_first() -> None:
    project = edits.append_step("graph.fp16", after="a")(chain())
    assert project.pipeline.node("fp16_1").pos == (220.0, 140.0)


def test_a_wanted_place_is_taken_when_it_is_free() -> None:
    project = edits.append_step("graph.fp16", after="a", pos=(300.0, 300.0))(chain())
    assert project.pipeline.node("fp16_1").pos == (300.0, 300.0)


def test_what_follows_makes_room_for_an_inserted_step() -> None:
    project = edits.insert_on_edge(line("a", "b"), "graph.fp16")(chain())
    assert [node.pos[0] for node in project.pipeline.order()] == [0.0, 220.0, 440.0, 660.0]


def test_nothing_moves_where_there_is_room() -> None:
    wide = edits.move({"b": (500.0, 0.0), "c": (720.0, 0.0)})(chain())
    project = edits.insert_on_edge(line("a", "b"), "graph.fp16")(wide)
    assert project.pipeline.node("b").pos == (500.0, 0.0)
    assert project.pipeline.node("fp16_1").pos == (240.0, 0.0)


def test_a_loose_node_is_put_into_a_connection() -> None:
    loose = edits.add_node("graph.fp16", pos=(0.0, 300.0))(chain())
    project = edits.insert_node(line("a", "b"), "fp16_1")(loose)
    assert set(project.pipeline.edges) == {line("a", "fp16_1"), line("fp16_1", "b"), line("b", "c")}


def test_a_node_is_not_put_into_a_connection_that_is_gone() -> None:
    loose = edits.add_node("graph.fp16", pos=(0.0, 300.0))(chain())
    with pytest.raises(UserError, match="not there any more"):
        edits.insert_node(line("a", "c"), "fp16_1")(loose)


def test_a_variant_lies_below_what_is_in_its_way() -> None:
    occupied = edits.add_node("graph.fp16", pos=(220.0, 140.0))(chain())
    project = edits.duplicate_branch("b")(occupied)
    assert project.pipeline.node("x1").pos == (220.0, 260.0)
    assert project.pipeline.node("x2").pos == (440.0, 260.0)


def test_edits_together_are_one_and_all_or_nothing() -> None:
    before = chain()
    both = edits.together(edits.cut([line("b", "c")]), edits.connect(line("a", "c")))
    assert set(both(before).pipeline.edges) == {line("a", "b"), line("a", "c")}
    with pytest.raises(UserError, match="circle"):
        edits.together(edits.cut([line("b", "c")]), edits.connect(line("b", "a")))(before)
