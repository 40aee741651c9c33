"""Removal of channels: what goes together, what must stay and why, the removal itself and its proof."""

from compress_studio.graph.channels.components import Channels, Group, Member, find_groups
from compress_studio.graph.channels.masks import mask
from compress_studio.graph.channels.proof import Proof, prove
from compress_studio.graph.channels.removal import Selection, remove, removed_indices

__all__ = [
    "Channels",
    "Group",
    "Member",
    "Proof",
    "Selection",
    "find_groups",
    "mask",
    "prove",
    "remove",
    "removed_indices",
]
