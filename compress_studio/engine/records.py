"""What the engine keeps and carries: results, measurements and failures, each with a JSON form."""

from __future__ import annotations

import errno
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any, TypeAlias

from compress_studio.base.digest import Json
from compress_studio.base.errors import BadInput, Cancelled, ConsentNeeded, Refused, UserError
from compress_studio.spec.meter import Reading

JsonObject: TypeAlias = Mapping[str, Json]


class Cause(StrEnum):
    """Why something failed: decides how it is shown and what the exit code is."""

    USER = "user"
    """The user can mend it."""
    BAD_INPUT = "bad_input"
    """A file, value or argument that cannot be used."""
    CONSENT = "consent"
    """Code would have to run that nobody has allowed."""
    REFUSED = "refused"
    """The step does not apply; the message gives the reason."""
    CANCELLED = "cancelled"
    MEMORY = "memory"
    CRASH = "crash"
    """The worker process died."""
    BUG = "bug"
    """Anything else; report holds what to send."""


DISK_WORDS = {
    errno.ENOSPC: "The disk is full",
    errno.EDQUOT: "The disk quota is used up",
    errno.EROFS: "The folder cannot be written to",
}
MEMORY_WORDS = ("can't allocate memory", "cannot allocate memory", "bad_alloc", "out of memory", "failed to allocate")


@dataclass(frozen=True, slots=True)
class Failure:
    """An error as it travels between processes and is shown to people."""

    cause: Cause
    message: str
    hint: str = ""
    report: str = ""
    """For bugs and crashes: what a bug report should hold."""

    @classmethod
    def of(cls, error: BaseException, report: str = "") -> Failure:
        """What an exception means to the user. report is kept only when the exception is a bug."""
        if isinstance(error, UserError):
            kinds = ((ConsentNeeded, Cause.CONSENT), (BadInput, Cause.BAD_INPUT), (Refused, Cause.REFUSED))
            cause = next((cause for kind, cause in kinds if isinstance(error, kind)), Cause.USER)
            return cls(cause, error.message, error.hint)
        if isinstance(error, Cancelled):
            return cls(Cause.CANCELLED, "Stopped.")
        if isinstance(error, OSError) and error.errno in DISK_WORDS:
            place = f" ({error.filename})" if error.filename else ""
            hint = "Free some space or choose another folder, and try again."
            return cls(Cause.USER, f"{DISK_WORDS[error.errno]}{place}.", hint)
        if _is_memory(error):
            return cls(
                Cause.MEMORY,
                f"The memory was not enough ({_first_line(error)}).",
                "Close other programs, use a smaller batch or fewer samples, or choose a smaller model.",
                report,
            )
        return cls(
            Cause.BUG,
            f"This is a bug: {type(error).__name__}: {_first_line(error)}",
            "Please send the report below; the other nodes are not affected.",
            report,
        )

    def error(self) -> Exception:
        """The exception that stands for this failure."""
        kinds: dict[Cause, type[UserError]] = {
            Cause.BAD_INPUT: BadInput,
            Cause.CONSENT: ConsentNeeded,
            Cause.REFUSED: Refused,
        }
        if self.cause is Cause.CANCELLED:
            return Cancelled()
        if self.cause is Cause.BUG:
            return RuntimeError(f"{self.message}\n{self.report}")
        return kinds.get(self.cause, UserError)(self.message, self.hint)

    @property
    def exit_code(self) -> int:
        """What the command line ends with: 2 for input that cannot be used, else 1."""
        return BadInput.exit_code if self.cause in {Cause.BAD_INPUT, Cause.CONSENT} else UserError.exit_code

    def to_json(self) -> JsonObject:
        """Plain JSON."""
        return {"cause": self.cause.value, "message": self.message, "hint": self.hint, "report": self.report}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Failure:
        """The failure that to_json wrote."""
        return cls(Cause(value["cause"]), value["message"], value["hint"], value["report"])


@dataclass(frozen=True, slots=True)
class Result:
    """What one action gave: digests by output port, the seconds it took, and its StepReport as JSON."""

    outputs: Mapping[str, str]
    seconds: float
    report: JsonObject = field(default_factory=dict[str, "Json"])


@dataclass(frozen=True, slots=True)
class Measurement:
    """Readings of one meter with their subject and the conditions under which they hold."""

    subject: str
    """Digest of the artifact."""
    meter: str
    version: int
    conditions: JsonObject
    readings: tuple[Reading, ...]
    seconds: float = 0.0


READING_FIELDS = tuple(one.name for one in fields(Reading))


def reading_to_json(reading: Reading) -> JsonObject:
    """Plain JSON; values that are not finite become None, because JSON cannot spell them."""
    row: dict[str, Json] = {one: getattr(reading, one) for one in READING_FIELDS}  # asdict copies every sample
    row["detail"] = dict(reading.detail)
    for name in ("value", "low", "high"):
        number = row[name]
        if isinstance(number, float) and not abs(number) < float("inf"):
            row[name] = None
    return row


def reading_from_json(row: Mapping[str, Any]) -> Reading:
    """The reading that reading_to_json wrote; a missing value is not-a-number."""
    value = float("nan") if row["value"] is None else row["value"]
    return Reading(row["name"], value, row["unit"], row["low"], row["high"], row["n"], dict(row["detail"]))


def _is_memory(error: BaseException) -> bool:
    if isinstance(error, MemoryError):
        return True
    return isinstance(error, RuntimeError | OSError) and any(word in str(error).lower() for word in MEMORY_WORDS)


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
