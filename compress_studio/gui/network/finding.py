"""What was looked for, and finding again in one network what was selected in another. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace

from compress_studio.gui.network.inside import Network


@dataclass(frozen=True, slots=True)
class Matches:
    """Operators that a search found, and which of them is shown."""

    nodes: tuple[int, ...] = ()
    at: int = -1
    """Place of the shown one; −1: none yet."""

    @property
    def node(self) -> int | None:
        """The shown one."""
        return self.nodes[self.at] if 0 <= self.at < len(self.nodes) else None

    def stepped(self, step: int) -> Matches:
        """At the next one (1) or the one before (−1), round and round."""
        if not self.nodes:
            return self
        if self.at < 0:
            return replace(self, at=0 if step > 0 else len(self.nodes) - 1)
        return replace(self, at=(self.at + step) % len(self.nodes))


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is selected, in words that hold for a result and for its source."""

    layer: str = ""
    path: str = ""
    group: tuple[str, ...] | None = None

    @classmethod
    def of(cls, network: Network, node: int | None, group: int | None) -> Wanted:
        """The words for what is selected in a network."""
        if node is not None:
            row = network.nodes[node]
            return cls(layer=row["layer"], path=row["path"] or row["name"])
        return cls(group=network.groups[group].path if group is not None else None)

    def find(self, network: Network) -> tuple[int | None, int | None]:
        """The operator or the group that it is in another network; (None, None) when it is not there."""
        if self.group is not None:
            return None, network.by_path.get(self.group)
        layer = network.find_layer(self.layer) if self.layer else None
        if layer is not None:
            return layer, None
        same = (number for number, row in enumerate(network.nodes) if (row["path"] or row["name"]) == self.path)
        return next(same, None), None
