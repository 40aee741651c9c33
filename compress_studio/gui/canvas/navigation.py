"""From one node to the next with the keyboard. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from compress_studio.project.pipeline import NodeId, Point

ASIDE = 2.0
"""How much a step to the side counts against a step straight ahead."""


def nearest(places: Mapping[NodeId, Point], start: NodeId, way: Point) -> NodeId | None:
    """The nearest node in a direction, given as a unit vector along an axis; None when there is none."""
    x, y = places[start]
    best, found = float("inf"), None
    for name, (there_x, there_y) in places.items():
        across, down = there_x - x, there_y - y
        ahead = across * way[0] + down * way[1]
        aside = abs(across * way[1]) + abs(down * way[0])
        if name == start or ahead <= 0 or aside > 2 * ahead + 1:
            continue
        if ahead + ASIDE * aside < best:
            best, found = ahead + ASIDE * aside, name
    return found
