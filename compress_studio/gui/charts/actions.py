"""The actions of this part of the window."""

from __future__ import annotations

from compress_studio.gui.action import Action

ACTIONS: tuple[Action, ...] = ()
