# SPDX-License-Identifier: GPL-2.0-only
"""Counts of scripts/check-zdtm, and docs/zdtm.md from the results that it keeps."""
import collections
import json
import os

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TABLE = os.path.join(ROOT, "docs", "zdtm.md")
HEAD = """# CRIU's own tests

By `make check-zdtm`{commits}, CRIU {criu}, kernel {kernel}. CRIU's zdtm.py runs its own tests and ours (`lazy_wp_*`,
from test/zdtm) in the flavours h (the host's namespaces), ns (its own) and uns (a user namespace, too): once with
stock CRIU without pre-dumps, and then with our launcher in each mode.

| mode | |
|---|---|
{modes}
A test that stock CRIU passes and ours does not is run once more by both, stock with all options of the mode except
the pre-dumps. "As stock": stock CRIU fails as well. "Flaky": passed the second time. Else it is a regression. Our own
tests are about pre-dumps: where zdtm.py tells them of one they must pass, whatever stock CRIU does. "Excluded": by
test/upstream/excluded, for reasons that are stock CRIU's as well.

"Left": the tests whose last dump, before the restore, left pages to its parents; the share of all their pages that
it left (by RPC the script cannot see it).

| flavour | mode | passed | regressions | as stock | flaky | excluded | skipped | left | minutes |
|---|---|---|---|---|---|---|---|---|---|
{rows}"""


def sums(result):
    return {"passed": len(result["passed"]), "failed": len(result["regression"]),
            "skipped": len(result["skipped"]) + len(result["excluded"]) + len(result["as stock"]) +
            len(result["flaky"])}


def counts(result):
    words = [("passed", "passed"), ("regression", "regressions"), ("as stock", "fail as stock"),
             ("flaky", "flaky"), ("excluded", "excluded"), ("skipped", "skipped")]
    text = ", ".join(f"{len(result[key])} {word}" for key, word in words)
    written, in_parents, tests = result["pages"]
    return f"{text}; {tests} tests left {in_parents} pages to parents, wrote {written}; {result['seconds']} s"


def left(pages):
    return f"{pages[2]}: {pages[1] / (pages[0] + pages[1]):.0%}" if pages[1] else ""


def row(result):
    keys = ("passed", "regression", "as stock", "flaky", "excluded", "skipped")
    fields = [result["flavour"], result["mode"]] + [str(len(result[key])) for key in keys]
    return "| " + " | ".join(fields + [left(result["pages"]), str(round(result["seconds"] / 60))]) + " |\n"


def gather(results, key):
    """(test, reason): where it is so; the same reason is told once."""
    found = collections.OrderedDict()
    for result in results:
        for test, reason in result[key].items():
            found.setdefault((test, reason), []).append(result["flavour"] + " " + result["mode"])
    return found


def listing(title, results, key):
    found = gather(results, key)
    if not found:
        return ""
    text = f"\n## {title}\n\n| test | in | |\n|---|---|---|\n"
    for (test, reason), places in sorted(found.items()):
        where = ", ".join(places) if len(places) <= 4 else f"{len(places)} runs"
        text += f"| {test[len('zdtm/'):]} | {where} | {reason} |\n"
    return text


def skips(results):
    """What stock skips, by reason; ours skips the same, else it would be missing."""
    text = "\n## Skipped by zdtm.py\n\n"
    for result in results:
        if result["mode"] != "stock":
            continue
        reasons = collections.Counter(result["skipped"].values())
        text += f"* {result['flavour']}: " + ", ".join(f"{number} {reason}" for reason, number in
                                                       reasons.most_common()) + "\n"
    return text


def load(directory, flavours, modes):
    results = []
    for flavour in flavours:
        for mode in ["stock"] + list(modes):
            path = os.path.join(directory, f"{flavour}.{mode}.json")
            if os.path.exists(path):
                with open(path, encoding="utf-8") as file:
                    results.append(json.load(file))
    return results


def leave_out(result, out):
    """What is excluded now counts as that, also in a run that still had it."""
    for key in ("passed", "regression", "flaky", "as stock"):
        for test in set(result[key]) & set(out):
            result["excluded"][test] = out[test]
    result["passed"] = [test for test in result["passed"] if test not in out]
    for key in ("regression", "flaky", "as stock"):
        result[key] = {test: step for test, step in result[key].items() if test not in out}


def write(directory, flavours, modes, excluded):
    """excluded(flavour, mode): {test: reason}."""
    results = load(directory, flavours, modes)
    for result in results:
        if result["mode"] != "stock":
            leave_out(result, excluded(result["flavour"], result["mode"]))
    text = HEAD.format(
        criu=os.environ.get("UPSTREAM_CRIU_VERSION", ""), kernel=os.uname().release.split("-")[0],
        commits=" (" + ", ".join(sorted({result["commit"] for result in results})) + ")",
        modes="".join(f"| {name} | {mode.what} |\n" for name, mode in modes.items()),
        rows="".join(row(result) for result in results))
    ours = [result for result in results if result["mode"] != "stock"]
    text += listing("Regressions", ours, "regression")
    text += listing("Excluded", ours, "excluded")
    text += listing("Flaky", ours, "flaky")
    text += listing("As stock", results, "as stock")
    text += skips(results)
    with open(TABLE, "w", encoding="utf-8") as file:
        file.write(text)
    print(f"# {TABLE} written")
    return 0
