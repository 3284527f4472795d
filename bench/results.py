#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""The one format of all benchmarks: build/bench/NAME.tsv for people, build/bench/NAME.json for
bench/report and bench/check, both with a description of the machine.

A row is one quantity of one variant at one point: "frozen", "stock full dump", "mib=4096 hot=2".
Its values are kept in the order in which they were measured, so those of two variants that ran
in turns are pairs. For a shell script:
	bench/results.py NAME [--here] <LINES	each "VARIANT<tab>AT<tab>COLUMN<tab>VALUE"
With --here a benchmark runs in a guest (bench/in-guest), where nothing is kept: it prints its
rows as JSON, which bench/results.py --from-guest reads here, as NAME-guest.
"""
import json
import os
import pathlib
import platform
import re
import shlex
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = pathlib.Path(os.environ.get("BUILD", ROOT / "build")).resolve()
# The end of a column's name tells its unit; the first that fits.
UNITS = (("_mib_per_second", "MiB/s"), ("_per_second", "1/s"), ("_ns_per_page", "ns/page"),
         ("_cpu_s_per_gib", "s/GiB"), ("_ns", "ns"), ("_us", "us"), ("_ms", "ms"), ("_s", "s"),
         ("_bytes", "B"), ("_kib", "KiB"), ("_mib", "MiB"), ("_percent", "%"), ("_pages", "pages"))
HERE = "--here" in sys.argv
# The variables that this run was given, as a shell takes them.
GIVEN = []
ABOUT, ROW = "about: ", "row: "
HEADER = ("benchmark", "quantity", "variant", "at", "median", "min", "max", "n", "unit")


def length():
    """How long this run may take, by the variables QUICK and FULL; guests are slow."""
    if HERE:
        return "guest"
    for name in ("QUICK", "FULL"):
        if os.environ.get(name, "0") not in ("", "0"):
            return name.lower()
    return "usual"


def setting(name, usual, quick, full=None):
    """The environment's NAME, else what the length of this run asks for. Lists have blanks."""
    guest = usual if name == "ROUNDS" else quick
    chosen = {"quick": quick, "full": usual if full is None else full, "usual": usual,
              "guest": guest}[length()]
    if name not in os.environ:
        return chosen
    text = os.environ[name]
    GIVEN.append(f"{name}={shlex.quote(text)}")
    if isinstance(usual, list):
        return [type(usual[0])(word) for word in text.split()]
    return type(usual)(text)


def output_of(*command):
    try:
        return subprocess.run(list(map(str, command)), stdout=subprocess.PIPE, text=True,
                              stderr=subprocess.DEVNULL, cwd=ROOT, check=False).stdout.strip()
    except OSError:
        return ""


def project():
    return {"version": output_of("cat", "VERSION") or "?",
            "commit": output_of("git", "describe", "--always", "--dirty") or "?"}


def machine():
    cpu = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") >> 30
    criu = re.search(r"Version: (\S+)", output_of(output_of(ROOT / "scripts/find-criu"), "--version"))
    return {"kernel": platform.release(), "machine": platform.machine(),
            "cpu": cpu[1] if cpu else "?", "cpus": os.cpu_count(), "memory_gib": memory,
            "criu": criu[1] if criu else "?", **project(), "date": time.strftime("%Y-%m-%d"), "length": length(),
            "load": round(os.getloadavg()[0], 1),
            **({"settings": " ".join(GIVEN)} if GIVEN else {})}


def quantity_of(column):
    """The name of a column without its unit, and that."""
    for end, unit in UNITS:
        if column.endswith(end):
            return column[:-len(end)], unit
    return column, ""


def at(**point):
    """Where on its axes something was measured, as one word a parameter."""
    return " ".join(f"{name}={value}" for name, value in point.items())


def spread(values):
    return f"{statistics.median(values):.4g} ({min(values):.4g}-{max(values):.4g})"


class Results:
    """Named rows of numbers; printed as they come, and kept by save()."""

    def __init__(self, name):
        self.name, self.rows, self.notes, self.about = name, {}, [], machine()
        print("# " + ", ".join(f"{key} {value}" for key, value in self.about.items()), flush=True)

    def add(self, variant, point="", **numbers):
        columns = self.rows.setdefault((point, variant), {})
        for column, value in numbers.items():
            columns.setdefault(column, []).append(value)
        print(f"  {variant}{', ' * bool(point)}{point}: " +
              ", ".join(f"{column} {value:.4g}" for column, value in numbers.items()), flush=True)

    def add_lines(self, lines):
        """What a shell script or a program in C found: VARIANT, AT, COLUMN, VALUE; # and a note."""
        for line in lines:
            if line.startswith("#"):
                self.note(line[1:].strip())
                continue
            variant, point, column, value = line.rstrip("\n").split("\t")
            self.add(variant, point, **{column: float(value)})

    def note(self, text):
        """What could not be measured here and why, or what a reader must know."""
        if text not in self.notes:
            self.notes.append(text)
            print(f"# {text}", flush=True)

    def values(self, variant, column, point=""):
        return self.rows[point, variant][column]

    def median(self, variant, column, point=""):
        return statistics.median(self.values(variant, column, point))

    def has(self, variant, point=""):
        return (point, variant) in self.rows

    def records(self):
        for (point, variant), columns in self.rows.items():
            for column, values in columns.items():
                quantity, unit = quantity_of(column)
                yield {"quantity": quantity, "variant": variant, "at": point, "unit": unit,
                       "values": values}

    def save(self):
        whole = {"benchmark": self.name, "machine": self.about, "notes": self.notes}
        if HERE:
            print(ABOUT + json.dumps(whole))
            for row in self.records():
                print(ROW + json.dumps(row))
            return
        keep(dict(whole, rows=list(self.records())))
        self.show()

    def show(self):
        print(f"\nmedians (least-most) of {self.name}:")
        for (point, variant), columns in self.rows.items():
            print(f"  {variant}{', ' * bool(point)}{point}: " + ", ".join(
                f"{column} {spread(values)}" for column, values in columns.items()))


def tsv_line(name, row):
    values = row["values"]
    numbers = (statistics.median(values), min(values), max(values))
    return "\t".join((name, row["quantity"], row["variant"], row["at"],
                      *(f"{number:.6g}" for number in numbers), str(len(values)), row["unit"]))


def keep(result):
    directory, name = BUILD / "bench", result["benchmark"]
    directory.mkdir(exist_ok=True)
    (directory / f"{name}.json").write_text(json.dumps(result, indent=1) + "\n")
    lines = [f"# {key}\t{value}" for key, value in result["machine"].items()]
    lines += [f"# {note}" for note in result["notes"]] + ["\t".join(HEADER)]
    lines += [tsv_line(name, row) for row in result["rows"]]
    (directory / f"{name}.tsv").write_text("\n".join(lines) + "\n")


def keep_from_guest(lines):
    """Those of what a guest said that are results; how many benchmarks they are."""
    results = []
    for line in lines:
        line = line.removeprefix("# ")
        if line.startswith(ABOUT):
            results.append(dict(json.loads(line.removeprefix(ABOUT)), rows=[]))
            results[-1]["benchmark"] += "-guest"
            results[-1]["machine"].update(project())  # the guest has a copy of it, without git
        elif line.startswith(ROW):
            results[-1]["rows"].append(json.loads(line.removeprefix(ROW)))
    for result in results:
        keep(result)
    return len(results)


def load(name):
    """What NAME left, or None."""
    path = BUILD / "bench" / f"{name}.json"
    return json.loads(path.read_text()) if path.exists() else None


def line_through(points):
    """Least squares: what y is at 0, and how much it grows by each x."""
    xs, ys = zip(*points)
    slope, start = statistics.linear_regression(xs, ys)
    return start, slope


def main():
    if sys.argv[1] == "--from-guest":
        sys.exit(0 if keep_from_guest(sys.stdin) else "results: the guest told none")
    results = Results(sys.argv[1])
    results.add_lines(sys.stdin)
    results.save()


if __name__ == "__main__":
    main()
