"""Pipelines are values without circles, and know their order."""

from __future__ import annotations

from itertools import pairwise

import pytest

from compress_studio.base.errors import BadInput
from compress_studio.project.pipeline import SOURCE_STEP, Edge, Node, Pipeline


def line(*names: str) -> Pipeline:
    nodes = tuple(Node(name, SOURCE_STEP if name.startswith("source") else "prune.channels") for name in names)
    edges = (Edge(a, "network", b, "network") for a, b in pairwise(names))
    return Pipeline(nodes, tuple(edges))


def test_the_order_puts_every_node_behind_what_it_takes_in() -> None:
    nodes = (Node("c", "x"), Node("a", "x"), Node("b", "x"))
    pipeline = Pipeline(nodes, (Edge("a", "network", "b", "network"), Edge("b", "network", "c", "network")))
    assert [node.id for node in pipeline.order()] == ["a", "b", "c"]


def test_unrelated_nodes_keep_the_order_in_which_they_were_added() -> None:
    assert [node.id for node in Pipeline((Node("z", "x"), Node("a", "x"))).order()] == ["z", "a"]


def test_above_and_below_reach_through_the_whole_line() -> None:
    pipeline = line("source1", "a", "b", "c")
    assert pipeline.above("b") == ("source1", "a")
    assert pipeline.below("a") == ("b", "c")
    assert pipeline.source_of("c") == "source1"
    assert pipeline.source_of("source1") == "source1"


def test_a_node_without_a_source_above_has_none() -> None:
    assert line("a", "b").source_of("b") is None


def test_the_last_node_is_the_last_that_nothing_depends_on() -> None:
    last = line("source1", "a", "b").last()
    assert last is not None
    assert last.id == "b"
    assert Pipeline().last() is None


@pytest.mark.parametrize(
    ("nodes", "edges", "words"),
    [
        (["a", "a"], [], "same name: a"),
        (["a"], [("a", "ghost")], "ghost, which does not exist"),
        (["a", "b"], [("a", "b"), ("b", "a")], "circle"),
        (["a"], [("a", "a")], "circle"),
        (["a", "b", "c"], [("a", "c"), ("b", "c")], "Two connections lead into network of c"),
    ],
)
def test_what_is_no_pipeline_is_refused_with_the_reason(
    nodes: list[str], edges: list[tuple[str, str]], words: str
) -> None:
    with pytest.raises(BadInput, match=words):
        Pipeline(tuple(Node(name, "x") for name in nodes), tuple(Edge(a, "network", b, "network") for a, b in edges))


@pytest.mark.parametrize(
    ("step", "name"),
    [
        ("prune.channels", "prune1"),
        ("train.distil", "distil1"),
        ("graph.fp16", "fp16_1"),
        ("source.model", "source1"),
        ("acme.squeeze", "squeeze1"),
        ("...", "node1"),
    ],
)
def test_new_nodes_get_readable_names(step: str, name: str) -> None:
    assert Pipeline().fresh_id(step) == name


def test_a_name_is_never_given_twice() -> None:
    pipeline = Pipeline((Node("prune1", "prune.weights"), Node("prune3", "prune.weights")))
    assert pipeline.fresh_id("prune.channels") == "prune2"
    assert pipeline.fresh_id("prune.channels", also=["prune2"]) == "prune4"


def test_an_unknown_node_is_answered_with_those_that_exist() -> None:
    with pytest.raises(BadInput, match=r"no node prune9.*source1, a"):
        line("source1", "a").node("prune9")
