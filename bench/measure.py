# SPDX-License-Identifier: GPL-2.0-only
"""What the benchmarks in Python share beside results.py: a dumpee, CRIU's commands, sizes."""
import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

from results import BUILD, ROOT

LAUNCHER = BUILD / "bin" / "criu"
ANSWER_SECONDS = 120
START_SECONDS = 120
SPARE_MIB = 1024


def find_criu():
    return subprocess.run([ROOT / "scripts" / "find-criu"], capture_output=True, text=True,
                          check=True).stdout.strip()


CRIU = find_criu()


def wait_until(condition, seconds):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


class Dumpee:
    """One of test/programs that reports to a status file, in a session of its own."""

    def __init__(self, directory, program, *arguments, environ=None):
        self.status = directory / f"{program}.status"
        self.status.unlink(missing_ok=True)
        self.process = subprocess.Popen(
            [BUILD / "test" / "programs" / program, *map(str, arguments), "--status", self.status],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True, env=dict(os.environ, **(environ or {})))
        self.pid = self.process.pid
        if not wait_until(lambda: "ready" in self.lines(), START_SECONDS):
            raise RuntimeError(f"{program} did not start")

    def lines(self):
        return self.status.read_text() if self.status.exists() else ""

    def ask(self):
        """Its answer to SIGUSR1."""
        before = self.lines().count("\n")
        os.kill(self.pid, signal.SIGUSR1)
        if not wait_until(lambda: self.lines().count("\n") > before, ANSWER_SECONDS):
            raise RuntimeError("no answer from the dumpee")
        line = self.lines().splitlines()[-1]
        if not line.startswith("ok "):
            raise RuntimeError(f"memory is not intact: {line}")
        return line

    def verify(self):
        """Lets it check its memory; returns its longest stall since the last time, in ms."""
        line = self.ask()
        return int(re.search(r"stall_us (\d+)", line)[1]) / 1000

    def save(self):
        """Lets it fork and the child save its memory (--save), until that is done."""
        saved = self.lines().count("saved")
        os.kill(self.pid, signal.SIGUSR2)
        if not wait_until(lambda: self.lines().count("saved") > saved, ANSWER_SECONDS):
            raise RuntimeError("the dumpee did not save itself")

    def end(self):
        self.process.kill()
        self.process.wait()

    def end_restored(self):
        """CRIU's child now, so not ours to wait for."""
        os.kill(self.pid, signal.SIGKILL)


class Directory:
    """A temporary directory that goes again, with the images in it."""

    def __enter__(self):
        self.path = pathlib.Path(tempfile.mkdtemp(prefix="lazy-wp-bench."))
        return self.path

    def __exit__(self, *_):
        shutil.rmtree(self.path, ignore_errors=True)


@contextlib.contextmanager
def processors_awake(wanted=True):
    """Waking one costs a virtual machine so much that anything which runs beside a program that
    sleeps now and then would make it faster."""
    loops = [subprocess.Popen(["chrt", "--idle", "0", sys.executable, "-c", "while True: pass"])
             for _ in range(os.cpu_count() if wanted else 0)]
    try:
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def environment():
    return dict(os.environ, LAZY_WP_CRIU=CRIU)


def run(command):
    """Runs it to its end; its output."""
    result = subprocess.run(list(map(str, command)), stdout=subprocess.PIPE, text=True,
                            stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                            env=environment(), check=False)
    if result.returncode:
        raise RuntimeError(f"{' '.join(map(str, command))}: exit {result.returncode}: "
                           f"{result.stdout[-2000:]}")
    return result.stdout


def status_kib(pid, field):
    """A number of /proc/PID/status; 0 when it is gone."""
    try:
        text = pathlib.Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    found = re.search(rf"^{field}:\s+(\d+) kB", text, re.M)
    return int(found[1]) if found else 0


def peak_kib(command):
    """Runs it; the most memory of its own that was resident, and the most with that of files
    (programs, libraries), as seen every few milliseconds."""
    own = whole = 0
    with subprocess.Popen(list(map(str, command)), stdout=subprocess.DEVNULL,
                          stdin=subprocess.DEVNULL, env=environment()) as process:
        while process.poll() is None:
            own = max(own, status_kib(process.pid, "RssAnon"))
            whole = max(whole, status_kib(process.pid, "VmHWM"))
            time.sleep(0.005)
    if process.returncode:
        raise RuntimeError(f"{command}: exit {process.returncode}")
    return own, whole


def meminfo_mib(name):
    text = pathlib.Path("/proc/meminfo").read_text()
    return int(re.search(rf"^{name}:\s*(\d+)", text, re.M)[1]) / 1024


def cached_mib():
    """The page cache, without what is shared memory."""
    return meminfo_mib("Cached") - meminfo_mib("Shmem")


def that_fit(results, sizes_mib):
    """Those of the sizes that this machine has memory for; says which it has not."""
    limit = meminfo_mib("MemAvailable") - SPARE_MIB
    for size in sizes_mib:
        if size > limit:
            results.note(f"{size} MiB are left out: {limit:.0f} MiB of memory are available")
    return [size for size in sizes_mib if size <= limit]


def criu(action, pid, directory, *options, binary=LAUNCHER):
    directory.mkdir(parents=True)
    return run([binary, action, "-t", pid, "-D", directory, "-o", "log", "-v2", *options])


def iterate(action, pid, directory, number, *options):
    """The iteration of that number, from 1 on, each the parent of the next."""
    parent = ["--prev-images-dir", f"../{number - 1}"] if number > 1 else []
    return criu(action, pid, directory / str(number), "--lazy-wp", *options, *parent)


def stop_tracking(pid):
    run([BUILD / "bin" / "criu-lazy-wp", "stop", "-t", pid])


def elapsed_ms(function, *arguments, **options):
    begin = time.monotonic()
    function(*arguments, **options)
    return (time.monotonic() - begin) * 1000


def stats(directory):
    """CRIU's numbers, times in ms."""
    text = run([ROOT / "scripts" / "stats", directory / "stats-dump"])
    numbers = dict(line.split("=") for line in text.split())
    return {name: int(value) / (1000 if name.endswith("_time") else 1)
            for name, value in numbers.items()}


def our_stats(directory):
    return json.loads((directory / "lazy-wp-stats.json").read_text())


def keeper_pid(root):
    text = run([BUILD / "bin" / "criu-lazy-wp", "status", "--json"])
    return next(tree["keeper"] for tree in json.loads(text)["trees"] if tree["root"] == root)


def keeper_kib(root):
    """Resident memory of the tree's keeper: its own, and with that of files."""
    pid = keeper_pid(root)
    return status_kib(pid, "RssAnon"), status_kib(pid, "VmRSS")
