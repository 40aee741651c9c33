"""The inside of a network as the window holds it: operators, groups, and which of them are shown when some are open."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

SMALL = 60
"""Operators up to which everything is shown at once."""
MOST = 0.6
"""Share of all operators from which a group is open at first."""
INPUT, OUTPUT = "Input", "Output"
ROOT = 0


@dataclass(frozen=True, slots=True)
class Group:
    """A box that holds operators and other boxes."""

    name: str
    parent: int
    kind: str
    text: str
    """What is inside, in words."""
    count: int
    """Operators in it, nested ones included."""
    path: tuple[str, ...]
    """Names from the outermost group to this one; the same group of another network has the same path."""
    nodes: tuple[int, ...]
    groups: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Network:
    """A network to be shown; immutable. Nodes are the rows that inspection.structure gives."""

    digest: str
    nodes: tuple[Mapping[str, Any], ...]
    edges: tuple[tuple[int, int], ...]
    groups: tuple[Group, ...]
    tensors: Mapping[str, Sequence[str]]
    hidden: int = 0
    """Operators that only unpack weights and are not shown."""
    by_path: Mapping[tuple[str, ...], int] = field(default_factory=dict[tuple[str, ...], int])

    @classmethod
    def read(cls, digest: str, plain: Mapping[str, Any]) -> Network:
        """From what inspection.structure:structure gives."""
        rows: list[Mapping[str, Any]] = plain["groups"]
        nodes: list[list[int]] = [[] for _ in rows]
        inner: list[list[int]] = [[] for _ in rows]
        for number, node in enumerate(plain["nodes"]):
            nodes[node["group"]].append(number)
        for number, row in enumerate(rows):
            if row["parent"] >= 0:
                inner[row["parent"]].append(number)
        groups: list[Group] = []
        by_path: dict[tuple[str, ...], int] = {}
        for number, row in enumerate(rows):
            path: tuple[str, ...] = () if row["parent"] < 0 else (*groups[row["parent"]].path, row["name"])
            base, again = path, 1
            while path in by_path:
                again += 1
                path = (*base, f"#{again}")
            by_path[path] = number
            words = (row["name"], row["parent"], row["kind"], row["text"], row["count"])
            groups.append(Group(*words, path, tuple(nodes[number]), tuple(inner[number])))
        edges = tuple((int(a), int(b)) for a, b in plain["edges"])
        return cls(digest, tuple(plain["nodes"]), edges, tuple(groups), plain["tensors"], plain["hidden"], by_path)

    @property
    def operators(self) -> int:
        """How many operators are shown when everything is open."""
        return sum(1 for node in self.nodes if node["op"] not in {INPUT, OUTPUT})

    def first_open(self) -> frozenset[int]:
        """The groups that are open at first: all of a small network, else the outermost, and those that hold most."""
        if len(self.nodes) <= SMALL:
            return frozenset(range(len(self.groups)))
        found, here = {ROOT}, ROOT
        while self.groups[here].groups:
            here = max(self.groups[here].groups, key=lambda one: self.groups[one].count)
            if self.groups[here].count < MOST * self.groups[ROOT].count:
                break
            found.add(here)
        return frozenset(found)

    def around(self, node: int) -> list[int]:
        """The groups that a node is in, the outermost first."""
        return self.above(self.nodes[node]["group"])

    def above(self, group: int) -> list[int]:
        """A group and those that it is in, the outermost first."""
        found = [group]
        while self.groups[found[-1]].parent >= 0:
            found.append(self.groups[found[-1]].parent)
        return found[::-1]

    def inside(self, group: int) -> list[int]:
        """All operators of a group, nested ones included."""
        found: list[int] = []
        todo = [group]
        while todo:
            one = self.groups[todo.pop()]
            found += one.nodes
            todo += one.groups
        return found

    def opened(self, paths: Iterable[tuple[str, ...]]) -> frozenset[int]:
        """The groups of these paths that this network has."""
        return frozenset(self.by_path[path] for path in paths if path in self.by_path) | {ROOT}

    def lines(self, node: int) -> tuple[str, str]:
        """What stands in the box of an operator: its type, and its name or the shape of what it gives."""
        row = self.nodes[node]
        if row["name"] != row["op"] and row["name"]:
            return row["op"], row["name"]
        return row["op"], next((self.tensors[one][1] for one in row["outputs"] if one in self.tensors), "")

    def search(self, text: str) -> list[int]:
        """Operators whose name, type or layer has a text in it, in the order of the network."""
        words = text.lower().split()
        return [number for number, node in enumerate(self.nodes) if words and _has(node, words)]

    def find_layer(self, name: str) -> int | None:
        """The operator of a layer, by the layer's name; else one whose name ends like it."""
        for number, node in enumerate(self.nodes):
            if node["layer"] == name:
                return number
        for number, node in enumerate(self.nodes):
            layer = node["layer"]
            if layer and (layer.startswith(f"{name}.") or layer.startswith(f"{name}#") or node["path"] == name):
                return number
        return None


def _has(node: Mapping[str, Any], words: Sequence[str]) -> bool:
    text = f"{node['op']} {node['name']} {node['layer']} {node['path']}".lower()
    return all(word in text for word in words)
