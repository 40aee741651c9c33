"""Errors that a user can act on. Anything that is not one of these is a bug and is shown as one."""

from __future__ import annotations


class UserError(Exception):
    """Something the user can understand and mend.

    The message names what is wrong (with the file or the layer), the hint says what to do next.
    """

    exit_code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        """One sentence: what is wrong, naming the file or layer."""
        self.hint = hint
        """One sentence: the next thing to do; may be empty."""

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()

    def __reduce__(self) -> tuple[type[UserError], tuple[str, str]]:
        return (type(self), (self.message, self.hint))


class BadInput(UserError):  # noqa: N818 - reads as a sentence where it is raised
    """A file, a value or an argument that cannot be used as it is (exit code 2)."""

    exit_code = 2


class ConsentNeeded(BadInput):
    """Code or a pickle that would have to run, which nobody has allowed; the message names what and its digest."""


class Refused(UserError):  # noqa: N818 - reads as a sentence where it is raised
    """A step that does not apply to this network or these data; the message gives the reason."""


class Cancelled(Exception):  # noqa: N818 - not an error: the user asked for it
    """The user stopped the work."""
