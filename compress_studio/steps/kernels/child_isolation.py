"""In the process that runs the user's code, before anything of it is loaded: what it cannot reach or use up.

On Linux, as far as the system lets an ordinary user do it: no network, no reach into other processes, writing only in
its own folder. Reading stays possible everywhere, as libraries lie anywhere. Elsewhere there are only limits.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from compress_studio.steps.kernels.child_filter import install_filter

NETWORK, PROCESSES, FILES = "network", "processes", "files"
"""What the code may be kept from: any network, memory and signals of other processes, writing outside its folder."""
PR_SET_PDEATHSIG, SIGKILL = 1, 9
PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 24, 38
CLONE_NEWIPC, CLONE_NEWUSER, CLONE_NEWNET = 0x08000000, 0x10000000, 0x40000000
CAPABILITY_VERSION = 0x20080522
READ_ANY = 1 << 1 | 1 << 2
"""The two capabilities by which root reaches files of others; Landlock decides what may be written."""
CAPABILITIES = 64
CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
ASK_VERSION, PATH_BENEATH = 1, 1
WRITE_FILE, TRUNCATE, USE_DEVICE = 1 << 1, 1 << 14, 1 << 15
CHANGES = WRITE_FILE | sum(1 << bit for bit in range(4, 13))
REFER = 1 << 13
SCOPES = 1 << 0 | 1 << 1
"""Abstract sockets and signals."""
SCOPES_SINCE = 6


class _Ruleset(ctypes.Structure):
    _fields_ = (("files", ctypes.c_uint64), ("net", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class _Beneath(ctypes.Structure):
    _pack_ = 1
    _layout_ = "ms"
    _fields_ = (("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32))


def isolate(folder: Path) -> list[str]:
    """Shut this process in, for ever; what it is kept from, of NETWORK, PROCESSES and FILES.

    Only folder can be written to. Must be called while there is one thread. Never raises: what the system refuses is
    missing in the answer.
    """
    if not sys.platform.startswith("linux"):
        return []
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall.restype = ctypes.c_long
    libc.prctl.argtypes = [ctypes.c_int, *[ctypes.c_ulong] * 4]
    apart, networkless = _own_namespaces(libc)
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    fewer = _drop_capabilities(libc)
    version = _confine_writing(libc, folder)
    filtered = install_filter(libc, signals=version < SCOPES_SINCE)
    # Afterwards: a change of credentials forgets it.
    libc.prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0)
    found: list[str] = []
    if networkless or filtered:
        found.append(NETWORK)
    if (version and (filtered or version >= SCOPES_SINCE)) or (filtered and (apart or (fewer and os.geteuid() == 0))):
        found.append(PROCESSES)
    if version:
        found.append(FILES)
    return found


def _own_namespaces(libc: ctypes.CDLL) -> tuple[bool, bool]:
    """Whether the process is now among users of its own, and whether it is in a network of its own.

    Root keeps its users, as files of others could not be read any more.
    """
    user, group = os.geteuid(), os.getegid()
    if user == 0:
        return False, libc.unshare(CLONE_NEWNET | CLONE_NEWIPC) == 0
    if libc.unshare(CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWIPC) != 0:
        return False, False
    # Without these lines the process runs on as nobody, which only changes names.
    with contextlib.suppress(OSError):
        Path("/proc/self/setgroups").write_text("deny", "utf-8")
        Path("/proc/self/uid_map").write_text(f"{user} {user} 1", "utf-8")
        Path("/proc/self/gid_map").write_text(f"{group} {group} 1", "utf-8")
    return True, True


def _drop_capabilities(libc: ctypes.CDLL) -> bool:
    """Give up all that root may do, but for reading files; whether that was possible."""
    for one in range(CAPABILITIES):
        if not READ_ANY >> one & 1:
            libc.prctl(PR_CAPBSET_DROP, one, 0, 0, 0)
    kept = READ_ANY if os.geteuid() == 0 else 0
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION, 0)
    before = (ctypes.c_uint32 * 6)()
    if libc.capget(header, before) != 0:
        return False
    kept &= before[1]
    return libc.capset(header, (ctypes.c_uint32 * 6)(kept, kept, 0, 0, 0, 0)) == 0


def _confine_writing(libc: ctypes.CDLL, folder: Path) -> int:
    """Let only folder be written to (Landlock), which also keeps other processes from being looked into.

    Gives the version of Landlock, 0 when there is none.
    """
    version = libc.syscall(CREATE_RULESET, None, ctypes.c_size_t(0), ASK_VERSION)
    if version < 1:
        return 0
    changes = CHANGES
    for since, bit in ((2, REFER), (3, TRUNCATE), (5, USE_DEVICE)):
        changes |= bit if version >= since else 0
    rules = _Ruleset(changes, 0, SCOPES if version >= SCOPES_SINCE else 0)
    size = 24 if version >= SCOPES_SINCE else 8
    ruleset = libc.syscall(CREATE_RULESET, ctypes.byref(rules), ctypes.c_size_t(size), 0)
    if ruleset < 0:
        return 0
    try:
        allowed = [(folder, changes), (Path(os.devnull), changes & (WRITE_FILE | TRUNCATE | USE_DEVICE))]
        for path, rights in allowed:
            place = os.open(path, os.O_PATH | os.O_CLOEXEC)  # pyright: ignore[reportAttributeAccessIssue]
            try:
                rule = _Beneath(rights, place)
                if libc.syscall(ADD_RULE, ruleset, PATH_BENEATH, ctypes.byref(rule), 0) != 0:
                    return 0
            finally:
                os.close(place)
        return version if libc.syscall(RESTRICT_SELF, ruleset, 0) == 0 else 0
    except OSError:
        return 0
    finally:
        os.close(ruleset)


def limit(request: Mapping[str, Any]) -> None:
    """Limits of memory and time that the code cannot lift, as far as the system has them."""
    if sys.platform == "win32":
        return
    import resource

    limits = [(resource.RLIMIT_CORE, 0), (resource.RLIMIT_CPU, int(request["cpu_seconds"]))]
    if sys.platform.startswith("linux") and request["memory_bytes"]:
        limits.append((resource.RLIMIT_AS, int(request["memory_bytes"])))
    for kind, most in limits:
        _, hard = resource.getrlimit(kind)
        value = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (value, value))


def watch_parent(parent: int, studio: int) -> None:
    """End this process when the studio's ends, on systems that do not do it themselves."""
    if sys.platform == "win32":
        # The number of the parent stays when it ends, and may be that of a program that only starts this one.
        import psutil

        try:
            psutil.Process(studio).wait()
        except psutil.AccessDenied:
            return
        except psutil.NoSuchProcess:
            pass
    else:
        while os.getppid() == parent:
            time.sleep(0.5)
    os._exit(77)
