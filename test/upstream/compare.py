#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Runs CRIU's zdtm.py in one mode after the other and compares with what stock CRIU does.

For each flavour (h: host, ns: namespaces, uns: user namespace too) stock CRIU runs all tests first,
without pre-dumps. A test that it passes must be run and passed by ours in each mode. One that is not
is run once more by both, stock with all options of the mode but the pre-dumps:
  stock fails as well     the mode is what it cannot, and so it is counted as "as stock"
  ours passes this time   flaky: reported and counted as that
  else                    a regression
Our own tests (lazy_wp_*) are about pre-dumps, and some cannot be dumped before they have seen one: where they
are told of pre-dumps they must pass, whatever stock does with them.
Started by scripts/check-zdtm, which prepares CRIU's tree and the namespaces.
"""
import argparse
import collections
import glob
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time

sys.dont_write_bytecode = True
import table  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
EXCLUDED = os.path.join(HERE, "excluded")
BUILD = os.environ["BUILD"]
WORK = os.path.join(BUILD, "zdtm")
TESTS = os.path.join(WORK, "tree", "test")
LOGS = os.path.join(WORK, "logs")
RESULTS = os.path.join(WORK, "results")
FLAVOURS = ("h", "ns", "uns")
SECONDS_A_RUN = 3600
TESTS_AT_ONCE = 3 * os.cpu_count()  # they mostly wait

# Whose pre-dumps (see test/upstream/criu), zdtm.py's options for stock, and those that are added.
Mode = collections.namedtuple("Mode", "criu options pre what")
STOCK = Mode("stock", [], [], "stock CRIU, without pre-dumps")
PRE = ["--pre", "2"]
MODES = {
    "live": Mode("live", [], PRE, "two live pre-dumps, a dump"),
    "pre": Mode("splice", [], PRE, "two pre-dumps by CRIU, a dump"),
    "read": Mode("splice", [], PRE + ["--pre-dump-mode", "read"], "the same, by process_vm_readv()"),
    "dump": Mode("live", [], [], "a dump in one command, with its own live rounds"),
    "snaps": Mode("splice", [], PRE + ["--snaps"], "two dumps that leave it running, a dump"),
    "rpc": Mode("splice", ["--rpc"], PRE, "two pre-dumps and a dump by RPC"),
    "page-server": Mode("splice", ["--page-server"], PRE, "`pre` to a page server; each takes all memory,"
                        " only live ones are incremental there"),
    "live-page-server": Mode("live", ["--page-server"], PRE, "`live` to a page server"),
    "dedup": Mode("splice", ["--noauto-dedup"], PRE, "`pre`, and `criu dedup` after each"),
    "auto-dedup": Mode("splice", ["--dedup"], PRE, "`pre` with `--auto-dedup`"),
    "live-auto-dedup": Mode("live", ["--dedup"], PRE, "`live` with `--auto-dedup`"),
}

# Where no dump leaves pages to its parents, or the wrapper does not see it.
NOT_INCREMENTAL = ("stock", "page-server", "rpc")

# passed: names; failed: {name: where}; skipped: {name: reason}; pages that the last dumps of the tests
# wrote, and left to parents, and of how many tests: as far as the wrapper could see (not by RPC).
Run = collections.namedtuple("Run", "passed failed skipped pages")


def applies(wanted, name):
    return wanted == "all" or name in wanted.split(",")


def excluded(flavour, mode):
    """{test: reason} of test/upstream/excluded: lines "TEST FLAVOURS MODES REASON", # comments."""
    found = {}
    with open(EXCLUDED, encoding="utf-8") as file:
        for line in file:
            fields = line.split("#")[0].split(None, 3)
            if len(fields) == 4 and applies(fields[1], flavour) and applies(fields[2], mode):
                found["zdtm/" + fields[0]] = fields[3].strip()
    return found


def clean():
    subprocess.run([os.path.join(HERE, "clean"), TESTS], check=True)


def zdtm(flavour, mode, pre, chosen, log):
    """One run of zdtm.py; chosen are its options that choose tests."""
    clean()
    logs = os.path.join(LOGS, flavour, log)
    shutil.rmtree(logs, ignore_errors=True)
    os.makedirs(logs)
    argv = ["/usr/bin/python3", "./zdtm.py", "run", "-f", flavour, "-p", str(TESTS_AT_ONCE), "--keep-going",
            "--ignore-taint", "-k", "never", "--criu-bin", os.path.join(HERE, "criu"), "--report", logs]
    argv += mode.options + (mode.pre if pre else []) + chosen
    with open(os.path.join(logs, "stdout"), "wb") as stdout:
        process = subprocess.Popen(argv, cwd=TESTS, stdin=subprocess.DEVNULL, stdout=stdout,
                                   stderr=stdout, env=dict(os.environ, UPSTREAM_CRIU=mode.criu,
                                                           UPSTREAM_TRACKED=os.path.join(logs, "tracked")))
        try:
            process.wait(SECONDS_A_RUN)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
    for image in glob.glob(os.path.join(logs, "**", "pages-*.img"), recursive=True):
        os.unlink(image)
    return read_results(logs)


def read_pages(path):
    if not os.path.exists(path):
        return [0, 0, 0]
    with open(path, encoding="utf-8") as file:
        numbers = [[int(field) for field in line.split()[-2:]] for line in file]
    return [sum(written for written, _ in numbers), sum(left for _, left in numbers),
            sum(left > 0 for _, left in numbers)]


def read_results(logs):
    run = Run(set(), {}, {}, read_pages(os.path.join(logs, "tracked")))
    with open(os.path.join(logs, "stdout"), encoding="utf-8", errors="replace") as file:
        output = file.read()
    steps, own_skips = {}, {}
    for name, step, said in re.findall(r" Test (\S+) FAIL at ([^\n]*?) #*\n(?:Test output: =*\n(.*?) <<< )?",
                                       output, re.S):
        steps[name] = step
        skip = re.search(r" SKIP: [^:\n]+:\d+: (.*)", said)
        if skip and "/lazy_wp_" in name:  # zdtm.py knows no such thing: who says why it cannot be run has failed
            own_skips[name] = skip[1]
    for report in glob.glob(os.path.join(logs, "*.tap")):
        with open(report, encoding="utf-8", errors="replace") as file:
            for line in file:
                found = re.match(r"(ok|not ok) \d+ - (\S+)(?: # (SKIP )?(.*))?$", line)
                if not found:
                    continue
                name = found[2]
                if name in own_skips:
                    run.skipped[name] = own_skips[name]
                elif found[1] != "ok":
                    run.failed[name] = steps.get(name, "an exception of zdtm.py")
                elif found[3]:
                    run.skipped[name] = found[4]
                else:
                    run.passed.add(name)
    return run


def choose(names):
    return [argument for name in sorted(names) for argument in ("-t", name)]


def avoid(names):
    return [argument for name in sorted(names) for argument in ("-x", re.escape(name) + "$")]


def is_told(test, mode):
    """Of its pre-dumps: zdtm.py tells no test of a snapshot."""
    return "/lazy_wp_" in test and bool(mode.pre) and "--snaps" not in mode.pre


def judge(flavour, name, mode, stock, ours):
    """What became of each test that ours did not pass and should have: again, both."""
    must = {test for test in ours.failed if test not in stock.failed or is_told(test, mode)}
    lost = {test: ours.failed.get(test, "not run")
            for test in must | (stock.passed - ours.passed - set(ours.skipped))}
    lost.update({test: f"skipped: {reason}" for test, reason in ours.skipped.items()
                 if test in stock.passed and not is_told(test, mode)})
    verdicts = {"as stock": {test: f"{step}; stock without pre-dumps: {stock.failed[test]}"
                             for test, step in ours.failed.items() if test not in lost},
                "flaky": {}, "regression": {}}
    if not lost:
        return verdicts
    stock_again = zdtm(flavour, mode._replace(criu="stock"), False, choose(lost), name + ".stock")
    ours_again = zdtm(flavour, mode, True, choose(lost), name + ".again")
    for test, step in lost.items():
        if test in stock_again.failed and not is_told(test, mode):
            verdicts["as stock"][test] = f"{step}; stock: {stock_again.failed[test]}"
        elif test in ours_again.passed:
            verdicts["flaky"][test] = step
        else:
            verdicts["regression"][test] = step
    return verdicts


def compare(flavour, name, stock, options):
    mode, started = MODES[name], time.monotonic()
    out = excluded(flavour, name)
    ours = zdtm(flavour, mode, True, options.chosen + avoid(out), name)
    expected = stock._replace(passed=stock.passed - set(out))
    verdicts = judge(flavour, name, mode, expected, ours)
    skipped = {test: reason for test, reason in ours.skipped.items()
               if test not in out and test not in verdicts["regression"]}
    return {"flavour": flavour, "mode": name, "passed": sorted(ours.passed), "skipped": skipped, "pages": ours.pages,
            "excluded": {test: reason for test, reason in out.items() if test in stock.passed},
            "seconds": round(time.monotonic() - started), **verdicts}


def report(number, result):
    untracked = result["mode"] not in NOT_INCREMENTAL and not result["pages"][1]
    bad = bool(result["regression"]) or not result["passed"] or untracked
    print("{}ok {} - {} {}: {}".format("not " if bad else "", number, result["flavour"], result["mode"],
                                       table.counts(result)))
    for verdict in ("as stock", "flaky", "regression"):
        for test, step in sorted(result[verdict].items()):
            print(f"# {verdict}: {test}: {step}")
    if not result["passed"]:
        print("# no test has passed: was any run?")
    if untracked:
        print("# no dump left a page to its parents: was anything tracked?")
    sys.stdout.flush()
    return bad


def result_path(flavour, mode):
    return os.path.join(RESULTS, f"{flavour}.{mode}.json")


def last_stock(flavour):
    with open(result_path(flavour, "stock"), encoding="utf-8") as file:
        result = json.load(file)
    return Run(set(result["passed"]), result["as stock"], result["skipped"], result["pages"]), result


def run_stock(flavour, options):
    if options.last_stock:
        return last_stock(flavour)
    started = time.monotonic()
    run = zdtm(flavour, STOCK, False, options.chosen, "stock")
    result = {"flavour": flavour, "mode": "stock", "passed": sorted(run.passed), "skipped": run.skipped,
              "excluded": {}, "pages": run.pages, "as stock": run.failed, "flaky": {}, "regression": {},
              "seconds": round(time.monotonic() - started)}
    return run, result


def save(result, options):
    if result["mode"] == "stock" and options.last_stock:
        return
    result.update(commit=os.environ.get("UPSTREAM_COMMIT", ""), date=time.strftime("%Y-%m-%d"))
    if options.all_tests:
        os.makedirs(RESULTS, exist_ok=True)
        with open(result_path(result["flavour"], result["mode"]), "w", encoding="utf-8") as file:
            json.dump(result, file, indent=1)


def parse_options():
    parser = argparse.ArgumentParser(prog="scripts/check-zdtm", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-f", "--flavour", action="append", choices=FLAVOURS, help="may be repeated; default: all")
    parser.add_argument("-m", "--mode", action="append", choices=MODES, help="may be repeated; default: all")
    parser.add_argument("-t", "--test", action="append", metavar="NAME", default=[],
                        help="only this, static/maps00 for example; may be repeated")
    parser.add_argument("-T", "--tests", metavar="REGEX", help="only those")
    parser.add_argument("--last-stock", action="store_true",
                        help="stock CRIU is not run first: its last results of all tests are taken")
    parser.add_argument("--table", action="store_true",
                        help="only write docs/zdtm.md from the last results of all tests")
    options = parser.parse_args()
    options.chosen = choose("zdtm/" + test for test in options.test) or \
        (["-T", options.tests] if options.tests else ["-a"])
    options.all_tests = options.chosen == ["-a"]
    return options


def main():
    options = parse_options()
    flavours, modes = options.flavour or FLAVOURS, options.mode or list(MODES)
    if options.table:
        return table.write(RESULTS, FLAVOURS, MODES, excluded)
    print(f"1..{len(flavours) * (len(modes) + 1)}", flush=True)
    number, bad, sums = 0, 0, collections.Counter()
    for flavour in flavours:
        stock, result = run_stock(flavour, options)
        for mode in [None] + list(modes):
            if mode:
                result = compare(flavour, mode, stock, options)
                sums.update(table.sums(result))
            number += 1
            bad += report(number, result)
            save(result, options)
    clean()
    if options.all_tests and len(flavours) == len(FLAVOURS) and len(modes) == len(MODES):
        table.write(RESULTS, FLAVOURS, MODES, excluded)
    print("{} passed, {} failed, {} skipped".format(sums["passed"], sums["failed"], sums["skipped"]))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
