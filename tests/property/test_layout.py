"""Whatever the pipeline: nodes never overlap, lines lead to the right, and it is quick."""

from __future__ import annotations

import time

from hypothesis import given
from hypothesis import strategies as st

from compress_studio.gui.canvas.layout import arrange, tidied
from compress_studio.project.pipeline import Edge, Node, Pipeline
from compress_studio.project.places import free_offset, free_place, overlap
from compress_studio.project.project import Project

SPOTS = st.tuples(st.integers(-20, 20), st.integers(-20, 20)).map(lambda spot: (spot[0] * 20.0, spot[1] * 20.0))


@st.composite
def pipelines(draw: st.DrawFn) -> Pipeline:
    count = draw(st.integers(1, 30))
    nodes = tuple(Node(f"n{number}", "step") for number in range(count))
    edges: list[Edge] = []
    for number in range(1, count):
        for port in ("network", "teacher", "other"):
            src = draw(st.one_of(st.none(), st.integers(0, number - 1)))
            if src is not None:
                edges.append(Edge(f"n{src}", "network", f"n{number}", port))
    shuffled = draw(st.permutations(range(count)))
    return Pipeline(tuple(nodes[place] for place in shuffled), tuple(edges))


@given(pipelines())
def test_nodes_never_overlap_and_lie_on_the_grid(pipeline: Pipeline) -> None:
    places = arrange(pipeline)
    assert places.keys() == {node.id for node in pipeline}
    spots = list(places.values())
    assert not any(overlap(one, other) for place, one in enumerate(spots) for other in spots[:place])
    assert all(x % 20 == 0 and y % 20 == 0 for x, y in spots)


@given(pipelines())
def test_every_line_leads_to_the_right(pipeline: Pipeline) -> None:
    places = arrange(pipeline)
    assert all(places[edge.src][0] < places[edge.dst][0] for edge in pipeline.edges)


@given(pipelines())
def test_arranging_twice_changes_nothing(pipeline: Pipeline) -> None:
    assert arrange(pipeline) == arrange(pipeline)


def test_a_chain_is_a_straight_line() -> None:
    nodes = tuple(Node(f"n{number}", "step") for number in range(5))
    edges = tuple(Edge(f"n{number}", "network", f"n{number + 1}", "network") for number in range(4))
    places = arrange(Pipeline(nodes, edges))
    assert {y for _, y in places.values()} == {0.0}
    assert [x for x, _ in places.values()] == [0, 220, 440, 660, 880]


def test_a_line_to_the_teacher_bends_nothing() -> None:
    nodes = tuple(Node(name, "step") for name in ("model", "prune", "distil"))
    edges = (
        Edge("model", "network", "prune", "network"),
        Edge("prune", "network", "distil", "network"),
        Edge("model", "network", "distil", "teacher"),
    )
    assert {y for _, y in arrange(Pipeline(nodes, edges)).values()} == {0.0}


def test_two_hundred_nodes_take_less_than_a_tenth_of_a_second() -> None:
    nodes = tuple(Node(f"n{number}", "step") for number in range(200))
    edges = tuple(Edge(f"n{(number - 1) // 2}", "network", f"n{number}", "network") for number in range(1, 200))
    pipeline = Pipeline(nodes, edges)
    took: list[float] = []
    for _ in range(5):
        began = time.perf_counter()
        arrange(pipeline)
        took.append(time.perf_counter() - began)
    assert min(took) < 0.1


def test_only_a_project_whose_nodes_lie_on_each_other_is_tidied() -> None:
    heap = Project(Pipeline((Node("a", "step"), Node("b", "step")), (Edge("a", "network", "b", "network"),)))
    assert tidied(heap).pipeline.node("b").pos == (220.0, 0.0)
    own = Project(Pipeline((Node("a", "step"), Node("b", "step", pos=(33.0, 7.0)))))
    assert tidied(own) is own


@given(st.lists(SPOTS, max_size=20), SPOTS)
def test_a_free_place_is_free(taken: list[tuple[float, float]], wanted: tuple[float, float]) -> None:
    found = free_place(taken, wanted)
    assert not any(overlap(found, one) for one in taken)
    assert found[0] == wanted[0]
    assert found[1] >= wanted[1]


@given(st.lists(SPOTS, max_size=10), st.lists(SPOTS, min_size=1, max_size=4))
def test_a_group_is_moved_together_to_where_it_is_free(
    taken: list[tuple[float, float]], group: list[tuple[float, float]]
) -> None:
    x, y = free_offset(taken, group, (0.0, 140.0))
    assert x == 0.0
    assert not any(overlap((one[0] + x, one[1] + y), other) for one in group for other in taken)
