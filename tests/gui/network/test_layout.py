"""Where boxes and lines go."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compress_studio.base.errors import Cancelled
from compress_studio.gui.network.inside import Network
from compress_studio.gui.network.layout import Placed, TooMuchError, place
from compress_studio.gui.network.levels import find_layers, settle


def network(
    edges: Sequence[tuple[int, int]], groups: Sequence[int] = (), parents: Sequence[int] = (-1,), count: int = 0
) -> Network:
    """Operators in groups; all in the outermost one unless groups says otherwise."""
    count = count or 1 + max((max(edge) for edge in edges), default=0)
    nodes: list[dict[str, Any]] = [
        {"name": f"n{one}", "path": f"n{one}", "op": "Relu", "layer": "", "group": groups[one] if groups else 0}
        | {"inputs": [], "outputs": [f"t{one}"], "weights": [], "attributes": [], "bytes": 0, "parameters": 0}
        | {"bits": None, "sparsity": None, "domain": ""}
        for one in range(count)
    ]
    rows = [
        {"name": f"g{number}" if parent >= 0 else "", "parent": parent, "kind": "scope", "text": "", "count": 1}
        for number, parent in enumerate(parents)
    ]
    return Network.read("d", {"nodes": nodes, "edges": list(edges), "groups": rows, "tensors": {}, "hidden": 0})


def everything(one: Network) -> frozenset[int]:
    return frozenset(range(len(one.groups)))


def overlaps(placed: Placed) -> list[tuple[int, int]]:
    """Pairs of boxes that cover each other, open groups apart."""
    rects = placed.rects[placed.opened :]
    left, top, right, bottom = rects[:, 0], rects[:, 1], rects[:, 0] + rects[:, 2], rects[:, 1] + rects[:, 3]
    beside = (right[:, None] <= left[None] + 0.01) | (bottom[:, None] <= top[None] + 0.01)
    both = ~(beside | beside.T)
    np.fill_diagonal(both, False)
    return [(int(a), int(b)) for a, b in np.argwhere(both)]


def test_a_chain_runs_down_and_across() -> None:
    one = network([(0, 1), (1, 2), (2, 3)])

    down, across = place(one, everything(one)), place(one, everything(one), across=True)

    assert np.all(np.diff(down.rects[:, 1]) > 0)
    assert np.all(np.diff(across.rects[:, 0]) > 0)


def test_a_skip_connection_runs_beside_the_boxes() -> None:
    placed = place(one := network([(0, 1), (1, 2), (2, 3), (0, 3)]), everything(one))

    box = placed.rects[placed.box_of(node=1)]
    straight = [row for row in placed.curves if row[1] < box[1] + box[3] / 2 < row[7]]
    assert len(straight) == 1, "only the skip connection passes the layer of the box"
    assert not box[0] <= straight[0][0] <= box[0] + box[2]


def test_a_long_chain_is_folded_so_that_it_fills_a_page() -> None:
    placed = place(one := network([(at, at + 1) for at in range(200)]), everything(one))

    wide, high = (placed.rects[:, :2] + placed.rects[:, 2:]).max(0)
    assert 0.3 < wide / high < 3
    assert not overlaps(placed)


def test_circles_are_cut_and_shown() -> None:
    placed = place(one := network([(0, 1), (1, 2), (2, 0), (2, 3)]), everything(one))

    assert len(placed.rects) == 4
    assert not overlaps(placed)
    assert len(placed.curves) >= 4


def test_an_open_group_holds_its_operators() -> None:
    one = network([(0, 1), (1, 2), (2, 3)], groups=(0, 1, 1, 0), parents=(-1, 0))

    placed = place(one, everything(one))

    outer = placed.rects[placed.box_of(group=1)]
    for node in (1, 2):
        inner = placed.rects[placed.box_of(node=node)]
        assert outer[0] < inner[0]
        assert outer[1] < inner[1]
        assert inner[0] + inner[2] < outer[0] + outer[2]
        assert inner[1] + inner[3] < outer[1] + outer[3]


def test_a_closed_group_stands_for_what_is_in_it() -> None:
    one = network([(0, 1), (1, 2), (2, 3)], groups=(0, 1, 1, 0), parents=(-1, 0))

    placed = place(one, frozenset({0}))

    assert len(placed.rects) == 3
    assert placed.box_of(node=1) == placed.box_of(node=2) == placed.box_of(group=1)


def test_lines_enter_and_leave_groups_without_a_gap() -> None:
    one = network([(0, 1), (1, 2), (2, 3), (0, 2)], groups=(0, 1, 1, 0), parents=(-1, 0))

    placed = place(one, everything(one))

    ends = {(round(float(x), 1), round(float(y), 1)) for x, y in placed.curves[:, 6:8]}
    rects = placed.rects[placed.opened :]
    for x, y in placed.curves[:, :2]:
        at_box = np.any(
            (np.abs(rects[:, 1] + rects[:, 3] - y) < 0.2) & (rects[:, 0] <= x) & (x <= rects[:, 0] + rects[:, 2])
        )
        assert at_box or (round(float(x), 1), round(float(y), 1)) in ends


@given(st.lists(st.tuples(st.integers(0, 25), st.integers(0, 25)), max_size=60), st.booleans())
def test_boxes_never_cover_each_other(pairs: list[tuple[int, int]], across: bool) -> None:
    groups = [number % 4 for number in range(26)]
    one = network([(a, b) for a, b in pairs if a < b], groups=groups, parents=(-1, 0, 1, 0), count=26)

    placed = place(one, everything(one), across=across)

    assert len(placed.rects) == 29
    assert not overlaps(placed)
    assert np.isfinite(placed.curves).all()


@given(st.lists(st.tuples(st.floats(-100, 100), st.floats(0.5, 40), st.floats(0.1, 9)), min_size=1, max_size=20))
def test_positions_keep_order_and_distance(rows: list[tuple[float, float, float]]) -> None:
    wanted, distances, weights = [row[0] for row in rows], [row[1] for row in rows[1:]], [row[2] for row in rows]

    found = settle(distances, wanted, weights)

    for before, after, distance in zip(found, found[1:], distances, strict=False):
        assert after - before >= distance - 1e-6


def test_a_layer_is_below_everything_that_it_needs() -> None:
    keys = [(0, one) for one in range(5)]
    pairs = {(keys[0], keys[1]), (keys[1], keys[3]), (keys[0], keys[3]), (keys[2], keys[4])}

    layers = find_layers(keys, {key: key[1] for key in keys}, pairs)

    assert all(layers[a] < layers[b] for a, b in pairs)


def test_too_many_boxes_are_refused_in_words() -> None:
    one = network([(at, at + 1) for at in range(7000)])

    with pytest.raises(TooMuchError, match="boxes would be visible"):
        place(one, everything(one))


def test_a_layout_that_nobody_wants_any_more_stops() -> None:
    def stop() -> None:
        raise Cancelled

    one = network([(0, 1)])
    with pytest.raises(Cancelled):
        place(one, everything(one), check=stop)


def test_five_thousand_operators_are_laid_out_in_time() -> None:
    groups = [1 + number // 10 for number in range(5000)]
    parents = (-1, *([0] * 500))
    one = network([(at, at + 1) for at in range(4999)], groups=groups, parents=parents)
    begin = time.monotonic()

    placed = place(one, everything(one))

    assert time.monotonic() - begin < 8
    assert len(placed.rects) == 5500
