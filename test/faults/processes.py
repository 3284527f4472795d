# SPDX-License-Identifier: GPL-2.0-only
"""Processes as /proc shows them, and ending one so that it is dead when the call returns."""
import os
import select
import signal
import time

SETTLE_S = 3    # until a task is let go, a process gone
COMMAND_S = 30  # no command may take longer


def status_of(pid):
    """The fields of /proc/PID/status, or None."""
    try:
        with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as file:
            return dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
    except (FileNotFoundError, ProcessLookupError):
        return None


def is_gone(pid):
    status = status_of(pid)
    return status is None or status["State"][0] in "ZX"


def link_of(path):
    try:
        return os.readlink(path)
    except FileNotFoundError:
        return ""


def wait_until(condition, seconds=SETTLE_S):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.005)
    return True


def kill_and_wait(pid):
    """SIGKILL; returns when the process is dead."""
    try:
        pidfd = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        signal.pidfd_send_signal(pidfd, signal.SIGKILL)
        select.select([pidfd], [], [], COMMAND_S)
    except ProcessLookupError:
        pass
    finally:
        os.close(pidfd)


def keeper_of(root):
    prefix = b"lazy-wpd\0%d\0" % root
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/cmdline", "rb") as file:
                    if file.read().startswith(prefix) and not is_gone(int(entry)):
                        return int(entry)
            except OSError:
                pass
    return None
