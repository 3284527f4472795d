# SPDX-License-Identifier: GPL-2.0-only
"""Pictures of what the benchmarks found, drawn by gnuplot. Each takes a file that results.py wrote
and gives nothing back; what was not measured is not drawn."""
import re
import statistics
import subprocess

from results import BUILD

SETTINGS = """set terminal svg noenhanced size {size} dynamic font "sans,13" background "white"
set output "{output}"
set key {key}
set grid lc rgb "#dddddd"
set border 3
set tics nomirror
"""
COLOURS = ("#c0392b", "#1f6fb2", "#2e8b57", "#8e44ad", "#d68910", "#555555", "#16a085", "#aaaaaa")


def parameters(row):
    return dict(re.findall(r"(\S+)=(\S+)", row["at"]))


def select(result, quantity, **wanted):
    for row in result["rows"]:
        found = parameters(row)
        if row["quantity"] == quantity and all(found.get(k) == v for k, v in wanted.items()):
            yield row, found


def gnuplot(output, script, size="900,520", key="outside right top"):
    text = SETTINGS.format(output=output, size=size, key=key) + script
    subprocess.run(["gnuplot"], input=text, text=True, check=True)


def quoted(text):
    return '"' + text.replace('"', "'").replace("\\", "") + '"'


def block(name, lines):
    return f"${name} << EOD\n" + "\n".join(lines) + "\nEOD\n"


def lines_over(result, quantity, axis, scale=1.0, **wanted):
    """A data block for each variant, with median, least and most, and how to plot them."""
    points = {}
    for row, found in select(result, quantity, **wanted):
        if axis in found:
            values = [value * scale for value in row["values"]]
            points.setdefault(row["variant"], []).append(
                (float(found[axis]), statistics.median(values), min(values), max(values)))
    blocks, plots = "", []
    for number, (variant, found) in enumerate(sorted(points.items())):
        name, colour = f"d{number}", COLOURS[number % len(COLOURS)]
        blocks += block(name, ("%g %g %g %g" % point for point in sorted(found)))
        plots.append(f"${name} using 1:2:3:4 with yerrorlines lw 2 pt 7 ps 0.5 lc rgb \"{colour}\" "
                     f"title {quoted(variant)}")
    return blocks, plots


def plot(blocks, plots):
    return blocks + "plot " + ", \\\n ".join(plots) + "\n"


def draw_lines(output, result, quantity, axis, title, ylabel, scale=1.0, **wanted):
    blocks, plots = lines_over(result, quantity, axis, scale, **wanted)
    if plots:
        gnuplot(output, f"set logscale xy\nset title {quoted(title)}\nset xlabel 'memory, MiB'\n"
                f"set ylabel {quoted(ylabel)}\n" + plot(blocks, plots))
    return bool(plots)


def draw_freeze(result, directory):
    return draw_lines(directory / "freeze.svg", result, "pause", "mib",
                      "The longest stall that the program sees, 2 % hot", "ms (median, least, most)",
                      hot="2")


def draw_scan(result, directory):
    return draw_lines(directory / "scan.svg", result, "look", "mib",
                      "Looking for written pages where there are none", "ns a page", kind="4k",
                      dirty="0")


def draw_scale(result, directory):
    """One small picture for each thing of which there are many."""
    script, any_plots = "set multiplot layout 2,2\nset logscale xy\nset ylabel 'ms'\n", False
    for axis in ("mib", "mappings", "tasks", "threads"):
        blocks, plots = lines_over(result, "elapsed", axis)
        if plots:
            any_plots = True
            script += f"set key {'on inside top left' if axis == 'mib' else 'off'}\n"
            script += f"set xlabel {quoted(axis)}\n" + plot(blocks, plots)
    if any_plots:
        gnuplot(directory / "scale.svg", script + "unset multiplot\n", size="1000,800",
                key="off")
    return any_plots


def draw_bars(output, bars, title, ylabel):
    lines = [f"{quoted(name)} {statistics.median(values)} {min(values)} {max(values)}"
             for name, values in bars]
    script = (f"set title {quoted(title)}\nset ylabel {quoted(ylabel)}\n"
              "set style fill solid 0.7\nset yrange [0:*]\nset xtics rotate by -25\n"
              f"set xrange [-0.5:{len(bars) - 0.5}]\nset bmargin 9\nset rmargin 20\n" + block("bars", lines) +
              f"plot $bars using 0:2:3:4:(0.6):xtic(1) with boxerrorbars lc rgb \"{COLOURS[1]}\" notitle\n")
    gnuplot(output, script, key="off")


def draw_move(result, directory):
    bars = [(row["variant"], row["values"]) for row, _ in select(result, "moved")
            if row["unit"] == "MiB/s" and row["variant"] != "floor: memcpy"]
    if bars:
        draw_bars(directory / "move.svg", bars, "From a task's memory to the disk", "MiB/s")
    return bool(bars)


def draw_cost(result, directory):
    """The share of the untracked throughput that is left, by kind of work."""
    shares, variants = {}, []
    for row, found in select(result, "operations"):
        shares.setdefault(found["work"], {})[row["variant"]] = statistics.median(row["values"])
        if row["variant"] not in variants:
            variants.append(row["variant"])
    lines = [" ".join([quoted(work)] + [f"{100 * values[name] / values['untracked']:g}"
                                        if name in values else "NaN" for name in variants])
             for work, values in shares.items() if values.get("untracked")]
    if lines:
        plots = [f"$work using {number + 2}:xtic(1) lc rgb \"{COLOURS[number % len(COLOURS)]}\" "
                 f"title {quoted(name)}" for number, name in enumerate(variants)]
        gnuplot(directory / "cost.svg", "set style data histograms\nset style fill solid 0.7\n"
                "set yrange [0:*]\nset ylabel '% of the untracked throughput'\n" +
                plot(block("work", lines), plots), size="1100,520")
    return bool(lines)


def draw_latency(directory):
    """What the clients of a redis-server see through three pre-dumps and a dump."""
    names = {"live": "live pre-dumps", "splice": "CRIU's own pre-dumps, with our tracking"}
    script, any_series = "set multiplot layout 2,1\nset logscale y\nset key off\n", False
    for name, title in names.items():
        path = BUILD / "bench" / f"cost-{name}.tsv"
        if not path.exists():
            continue
        any_series, text = True, path.read_text()
        for number, (what, begin, end) in enumerate(
                re.findall(r"^# (.*)\t(\d+)\t(\d+)$", text, re.M), 1):
            colour = "#f5b7b1" if what == "dump" else "#d6eaf8"
            script += (f"set object {number} rect from {int(begin) / 1000},graph 0 to "
                       f"{int(end) / 1000},graph 1 behind fc rgb \"{colour}\" fs solid noborder\n")
        lines = [line for line in text.splitlines() if not line.startswith("#")]
        script += (f"set title {quoted('SETs through three ' + title + ' and a dump')}\n"
                   "set xlabel 's'\nset ylabel 'longest of 20 ms, ms'\n" + block(name, lines) +
                   f"plot ${name} using ($1/1000):($4/1000) with lines lc rgb \"{COLOURS[0]}\"\n")
    if any_series:
        gnuplot(directory / "cost-latency.svg", script + "unset multiplot\n", size="1000,700")
    return any_series
