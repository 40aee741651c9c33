"""Labels beside dots cover neither each other nor other dots."""

from __future__ import annotations

from compress_studio.gui.charts.labels import along, place_labels


def overlap(a: tuple[float, float, float, float], b: tuple[float, float, float, float]) -> bool:
    return a[0] < b[0] + b[2] and b[0] < a[0] + a[2] and a[1] < b[1] + b[3] and b[1] < a[1] + a[3]


def test_labels_of_neighbours_do_not_cover_each_other() -> None:
    dots = [(100.0, 100.0, 6.0), (110.0, 104.0, 6.0), (104.0, 92.0, 6.0)]
    sizes = [(60.0, 14.0)] * 3
    corners = place_labels(dots, sizes, (400.0, 300.0))
    boxes = [(left, top, *size) for (left, top), size in zip(corners, sizes, strict=True)]
    assert not any(overlap(boxes[a], boxes[b]) for a in range(3) for b in range(a))


def test_a_label_stays_inside_the_drawing() -> None:
    (left, top), *_ = place_labels([(395.0, 4.0, 6.0)], [(80.0, 14.0)], (400.0, 300.0))
    assert 0 <= left <= 320
    assert 0 <= top <= 286


def test_dots_without_labels_are_avoided() -> None:
    alone = place_labels([(100.0, 100.0, 5.0)], [(50.0, 14.0)], (400.0, 300.0))[0]
    other = (alone[0] + 25.0, alone[1] + 7.0, 5.0)
    moved = place_labels([(100.0, 100.0, 5.0), other], [(50.0, 14.0)], (400.0, 300.0))[0]
    assert not overlap((*moved, 50.0, 14.0), (other[0] - 5, other[1] - 5, 10.0, 10.0))


def test_boxes_along_a_line_reach_from_end_to_end() -> None:
    found = along([(0.0, 0.0), (60.0, 0.0), (60.0, 30.0)])
    assert found[0][:2] == (-3.0, -3.0)
    assert found[-1][:2] == (57.0, 27.0)
    assert all(box[2:] == (6.0, 6.0) for box in found)
