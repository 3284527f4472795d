# SPDX-License-Identifier: GPL-2.0-only
"""What the benchmarks in Python share: a dumpee, CRIU's commands, medians, a table that is kept."""
import json
import os
import pathlib
import platform
import re
import shutil
import signal
import statistics
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = pathlib.Path(os.environ.get("BUILD", ROOT / "build")).resolve()
LAUNCHER = BUILD / "bin" / "criu"
ANSWER_SECONDS = 120
START_SECONDS = 120
GONE_SECONDS = 30


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

    def __init__(self, directory, program, *arguments):
        self.status = directory / f"{program}.status"
        self.status.unlink(missing_ok=True)
        self.process = subprocess.Popen(
            [BUILD / "test" / "programs" / program, *map(str, arguments), "--status", self.status],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True)
        self.pid = self.process.pid
        if not wait_until(lambda: "ready" in self.lines(), START_SECONDS):
            raise RuntimeError(f"{program} did not start")

    def lines(self):
        return self.status.read_text() if self.status.exists() else ""

    def verify(self):
        """Lets it check its memory; returns its longest stall since the last time, in ms."""
        before = self.lines().count("\n")
        os.kill(self.pid, signal.SIGUSR1)
        if not wait_until(lambda: self.lines().count("\n") > before, ANSWER_SECONDS):
            raise RuntimeError("no answer from the dumpee")
        line = self.lines().splitlines()[-1]
        if not line.startswith("ok "):
            raise RuntimeError(f"memory is not intact: {line}")
        return int(re.search(r"stall_us (\d+)", line)[1]) / 1000

    def end(self):
        self.process.kill()
        self.process.wait()


class Directory:
    """A temporary directory that goes again, with the images in it."""

    def __enter__(self):
        self.path = pathlib.Path(tempfile.mkdtemp(prefix="lazy-wp-bench."))
        return self.path

    def __exit__(self, *_):
        shutil.rmtree(self.path, ignore_errors=True)


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


def cached_mib():
    """The page cache, without what is shared memory."""
    text = pathlib.Path("/proc/meminfo").read_text()
    cached, shared = (int(re.search(rf"^{name}:\s*(\d+)", text, re.M)[1])
                      for name in ("Cached", "Shmem"))
    return (cached - shared) / 1024


def criu(action, pid, directory, *options, binary=LAUNCHER):
    directory.mkdir()
    return run([binary, action, "-t", pid, "-D", directory, "-o", "log", "-v2", *options])


def stats(directory):
    """CRIU's numbers, times in ms."""
    text = run([ROOT / "scripts" / "stats", directory / "stats-dump"])
    numbers = dict(line.split("=") for line in text.split())
    return {name: int(value) / (1000 if name.endswith("_time") else 1)
            for name, value in numbers.items()}


def our_stats(directory):
    return json.loads((directory / "lazy-wp-stats.json").read_text())


def keeper_kib(root):
    """Resident memory of the tree's keeper: its own, and with that of files."""
    text = run([BUILD / "bin" / "criu-lazy-wp", "status", "--json"])
    pid = next(tree["keeper"] for tree in json.loads(text)["trees"] if tree["root"] == root)
    return status_kib(pid, "RssAnon"), status_kib(pid, "VmRSS")


def spread(values):
    return f"{statistics.median(values):.1f} ({min(values):.1f}-{max(values):.1f})"


def machine():
    cpu = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") >> 30
    version = run([CRIU, "--version"]).splitlines()[0].split()[-1]
    return {"kernel": platform.release(), "machine": platform.machine(),
            "cpu": cpu[1] if cpu else "?", "cpus": os.cpu_count(), "memory_gib": memory,
            "criu": version, "date": time.strftime("%Y-%m-%d")}


class Results:
    """Named rows of numbers; printed as they come, and kept in build/bench/NAME.json."""

    def __init__(self, name):
        self.name, self.rows, self.about = name, {}, machine()
        print("# " + ", ".join(f"{key} {value}" for key, value in self.about.items()), flush=True)

    def add(self, row, **numbers):
        for column, value in numbers.items():
            self.rows.setdefault(row, {}).setdefault(column, []).append(value)
        print(f"  {row}: " + ", ".join(f"{column} {value:.1f}"
                                       for column, value in numbers.items()), flush=True)

    def values(self, row, column):
        return self.rows[row][column]

    def median(self, row, column):
        return statistics.median(self.rows[row][column])

    def save(self):
        directory = BUILD / "bench"
        directory.mkdir(exist_ok=True)
        (directory / f"{self.name}.json").write_text(
            json.dumps({"machine": self.about, "rows": self.rows}, indent=1) + "\n")
        print(f"\nmedians (least-most) of {self.name}:")
        for row, columns in self.rows.items():
            print(f"  {row:34} " + ", ".join(f"{column} {spread(values)}"
                                             for column, values in columns.items()))
