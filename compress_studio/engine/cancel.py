"""Asking work to stop."""

from __future__ import annotations

import threading

from compress_studio.base.errors import Cancelled


class CancelToken:
    """A switch that is thrown once; safe to throw from any thread."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def cancel(self) -> None:
        """Ask whoever holds this token to stop."""
        self._event.set()

    @property
    def cancelled(self) -> bool:
        """Whether somebody asked."""
        return self._event.is_set()

    def check(self) -> None:
        """Raise Cancelled when somebody asked."""
        if self._event.is_set():
            raise Cancelled
