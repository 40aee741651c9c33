"""The system calls that the process of the user's code cannot make (seccomp), on the processors whose numbers are here.

Everything else stays allowed: the filter closes the ways out of the process, it does not guard the kernel.
"""

from __future__ import annotations

import ctypes
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 22, 2
LOAD, EQUAL, AT_LEAST, RETURN = 0x20, 0x15, 0x35, 0x06
ALLOW, DENY = 0x7FFF0000, 0x00050000 | 1
"""Denied calls fail with EPERM."""
NUMBER_AT, PROCESSOR_AT, FIRST_ARGUMENT_AT, SECOND_ARGUMENT_AT = 0, 4, 16, 24
OWNERS = (8, 15)
"""What fcntl is asked to name the process that is signalled when a file is ready: any process, with any signal."""
OTHER_NUMBERS = 0x40000000
"""From here on the x86 processor's second set of numbers."""


@dataclass(frozen=True, slots=True)
class _Numbers:
    """Of one kind of processor."""

    processor: int
    denied: Mapping[str, int]
    signals: Mapping[str, int]
    """Calls that reach the process whose number is their first argument."""
    control: int
    """The call that does many things with an open file (fcntl)."""
    limits: int
    """The call that changes limits: of this process only (0)."""


COMMON = {
    "pidfd_send_signal": 424,
    "io_uring_setup": 425,
    "io_uring_enter": 426,
    "io_uring_register": 427,
    "pidfd_open": 434,
    "pidfd_getfd": 438,
    "process_madvise": 440,
}
NUMBERS = {
    "x86_64": _Numbers(
        0xC000003E,
        COMMON
        | {"socket": 41, "connect": 42, "bind": 49, "socketpair": 53, "ptrace": 101, "setpgid": 109, "setsid": 112}
        | {"shmget": 29, "shmat": 30, "semget": 64, "msgget": 68, "mount": 165, "umount2": 166, "setns": 308}
        | {"process_vm_readv": 310, "process_vm_writev": 311, "kcmp": 312, "bpf": 321, "perf_event_open": 298}
        | {"add_key": 248, "request_key": 249, "keyctl": 250, "userfaultfd": 323, "open_by_handle_at": 304},
        {"kill": 62, "rt_sigqueueinfo": 129, "tkill": 200, "tgkill": 234, "rt_tgsigqueueinfo": 297},
        72,
        302,
    ),
    "aarch64": _Numbers(
        0xC00000B7,
        COMMON
        | {"socket": 198, "socketpair": 199, "bind": 200, "connect": 203, "ptrace": 117, "setpgid": 154, "setsid": 157}
        | {"shmget": 194, "shmat": 196, "semget": 190, "msgget": 186, "mount": 40, "umount2": 39, "setns": 268}
        | {"process_vm_readv": 270, "process_vm_writev": 271, "kcmp": 272, "bpf": 280, "perf_event_open": 241}
        | {"add_key": 217, "request_key": 218, "keyctl": 219, "userfaultfd": 282, "open_by_handle_at": 265},
        {"kill": 129, "rt_sigqueueinfo": 138, "tkill": 130, "tgkill": 131, "rt_tgsigqueueinfo": 240},
        25,
        261,
    ),
}


class _Instruction(ctypes.Structure):
    _fields_ = (("code", ctypes.c_uint16), ("yes", ctypes.c_uint8), ("no", ctypes.c_uint8), ("value", ctypes.c_uint32))


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_uint16), ("instructions", ctypes.POINTER(_Instruction)))


def install_filter(libc: ctypes.CDLL, *, signals: bool) -> bool:
    """Refuse sockets, looks into other processes and escapes from the group, in this process and all that it starts.

    With signals, also every signal that is not to itself. Whether the system did it; needs "no new privileges".
    """
    numbers = NUMBERS.get(platform.machine())
    if numbers is None or ctypes.sizeof(ctypes.c_void_p) != 8:
        return False
    rows = _rules(numbers, signals=signals, own=os.getpid())
    array = (_Instruction * len(rows))(*(_Instruction(*row) for row in rows))
    program = _Program(len(rows), ctypes.cast(array, ctypes.POINTER(_Instruction)))
    return libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.addressof(program), 0, 0) == 0


def _rules(numbers: _Numbers, *, signals: bool, own: int) -> list[tuple[int, int, int, int]]:
    """The filter as (code, jump when true, jump when false, value)."""
    rows = [
        (LOAD, 0, 0, PROCESSOR_AT),
        (EQUAL, 1, 0, numbers.processor),
        (RETURN, 0, 0, DENY),
        (LOAD, 0, 0, NUMBER_AT),
        (AT_LEAST, 0, 1, OTHER_NUMBERS),
        (RETURN, 0, 0, DENY),
    ]
    for number in numbers.denied.values():
        rows += [(EQUAL, 0, 1, number), (RETURN, 0, 0, DENY)]
    if signals:
        for number in numbers.signals.values():
            rows += _decided(number, FIRST_ARGUMENT_AT, (own,), ALLOW, DENY)
        rows += _decided(numbers.control, SECOND_ARGUMENT_AT, OWNERS, DENY, ALLOW)
    rows += _decided(numbers.limits, FIRST_ARGUMENT_AT, (0, own), ALLOW, DENY)
    return [*rows, (RETURN, 0, 0, ALLOW)]


def _decided(
    number: int, argument: int, values: Sequence[int], listed: int, other: int
) -> list[tuple[int, int, int, int]]:
    """Do with a call one thing when an argument is one of these values, and another when it is not."""
    checks = [(EQUAL, len(values) - place, 0, one) for place, one in enumerate(values)]
    inside = [(LOAD, 0, 0, argument), *checks, (RETURN, 0, 0, other), (RETURN, 0, 0, listed)]
    return [(EQUAL, 0, len(inside), number), *inside]
