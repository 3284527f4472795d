# SPDX-License-Identifier: GPL-2.0-only
"""A memory cgroup of a given size for one command, version 1 or 2."""
import atexit
import os
import pathlib

V1 = pathlib.Path("/sys/fs/cgroup/memory")
V2 = pathlib.Path("/sys/fs/cgroup")


def parent():
    """Where a group can be made, and the name of its limit; None without the controller."""
    if (V1 / "memory.limit_in_bytes").exists():
        return V1, "memory.limit_in_bytes"
    subtree = V2 / "cgroup.subtree_control"
    if subtree.exists() and "memory" in subtree.read_text().split():
        return V2, "memory.max"
    return None


def is_available():
    place = parent()
    return place is not None and os.access(place[0], os.W_OK)


def remove(path):
    try:
        path.rmdir()
    except OSError:
        pass  # not made, or something in it still ends: tried again later


def prefix(kib):
    """A command that runs its arguments in a group that may have so much memory."""
    top, limit = parent()
    path = top / f"lazy-wp-faults-{os.getpid()}"
    remove(path)
    path.mkdir(exist_ok=True)
    atexit.register(remove, path)
    (path / limit).write_text(str(kib << 10))
    return ["sh", "-c", 'echo $$ >"$0" && exec "$@"', path / "cgroup.procs"]
