# SPDX-License-Identifier: GPL-2.0-only
"""What is made to fail, and what must be so afterwards."""
import re
import shutil
import signal
import subprocess

import cgroup
from processes import is_gone
from run import SIZE_MIB, Failure

ALL_PAGES = SIZE_MIB * 256
FEW_PAGES = ALL_PAGES // 4

# In the order in which an iteration passes them. Only the first one starts a keeper and injects.
POINTS = ("start-before", "start-after", "begin-before", "keeper-begin-before",
          "keeper-begin-after", "begin-after", "attach-before", "attach-after", "inject-before",
          "inject-entry", "inject-after", "release-after", "keep-before", "keep-after",
          "register-before", "register-after", "seize-after", "take-before",
          "keeper-take-before", "keeper-take-after", "take-after", "arm-before", "arm-after",
          "settle-after", "pages-before", "copy", "reset", "hidden-before", "hidden-after",
          "image-write-before", "image-write-after", "sync-before", "sync-after",
          "commit-before", "keeper-commit-before", "keeper-commit-after", "commit-after")
FIRST_ONLY = ("start-before", "start-after") + POINTS[POINTS.index("attach-before"):
                                                      POINTS.index("register-before")]
LIVE_ONLY, CRIU_ONLY = ("settle-after", "pages-before"), ("seize-after", "copy", "reset")
DUMP_ONLY = ("hidden-before", "hidden-after")
INJECTING = POINTS[POINTS.index("attach-after"):POINTS.index("keep-before")]
AFTER_DUMP = POINTS[POINTS.index("image-write-before"):]  # a dump has ended its tasks by then
IN_KEEPER_AFTER_DUMP = ("keeper-commit-before", "keeper-commit-after")
ERRORS = {"start-before": "EAGAIN", "begin-before": "ETIMEDOUT", "attach-before": "EMFILE",
          "keep-before": "ENOSPC", "register-before": "ENOMEM", "take-before": "ETIMEDOUT",
          "arm-before": "ENOMEM", "pages-before": "ENOSPC", "hidden-before": "ENOSPC",
          "image-write-before": "ENOSPC", "sync-before": "ENODATA", "commit-before": "ETIMEDOUT"}


def position(point):
    return POINTS.index(point)


def passes(action, point):
    if point in DUMP_ONLY:
        return action == "dump"
    return point not in (CRIU_ONLY if action == "live" else LIVE_ONLY)


def infects(action, point, victim):
    """CRIU is killed while its parasite is in the task."""
    return action != "live" and victim in ("criu", "group") and \
        position("seize-after") <= position(point) < position("image-write-before")


def victims_of(point):
    yield from ("criu", "dumpee")
    if point != "start-before":
        yield "keeper"
    if point in INJECTING:
        yield "group"  # CRIU's process group
    if point in ERRORS:
        yield ERRORS[point]


def next_reason(point, victim, action):
    """Why the iteration after the fault takes all memory: a regular expression; None: it need not."""
    what = "dump" if action == "dump" else "pre-dump"
    not_completed = f"the last {what} \\(by process \\d+\\) was not completed"
    if victim == "keeper":
        return "tracking has only just begun"
    if victim in ("criu", "group"):
        if position("keeper-take-before") <= position(point) < position("keeper-commit-before"):
            return not_completed
        if position(point) >= position("keeper-commit-before"):
            return "the parent directory is iteration \\d+, the last one was \\d+"
    elif position(point) >= position("image-write-before"):
        return not_completed
    elif point == "take-before":
        return "it was made without tracking"
    return None


def check_command(victim, code, text, may_be_silent, said_before=0):
    """What the command with the fault said; said_before: lines that an earlier fault may add."""
    if victim in ("criu", "group"):
        if code != -signal.SIGKILL:
            raise Failure(f"exit {code} in the place of SIGKILL")
    elif code == -signal.SIGABRT and victim == "dumpee":
        pass  # BUG at criu/cgroup.c: what CRIU 4.2 itself says to a root that died as it was seized
    elif code:
        if "lazy-wp: Error: " not in text:
            raise Failure(f"exit {code} without an error line: {text!r}")
    elif not may_be_silent and "lazy-wp: Warn: " not in text:
        raise Failure(f"no word of it: {text!r}")
    words = [line for line in text.splitlines() if not line.startswith("round ")]
    if len(words) > (1 if victim == "dumpee" else 2) + said_before:
        raise Failure(f"too many words: {text}")


def check_next(run, action, reason):
    given = run.good is not None
    text, directory = run.succeed(action)
    pages = run.pages(directory)
    if (reason or not given) and pages < ALL_PAGES:
        raise Failure(f"the next one took only {pages} pages")
    if given and reason and not re.search(f"all memory is taken: .*{reason}", text):
        raise Failure(f"the next one does not say '{reason}': {text!r}")
    run.verify(directory)


def finish(run):
    """The dump and the restore; pages that nobody wrote are not taken again."""
    _, directory = run.succeed("dump")
    run.wait_gone()
    pages = run.pages(directory)
    if pages > FEW_PAGES:
        raise Failure(f"the dump took {pages} pages")
    run.restore()


def pass_point(run, action, point, victim):
    acted, code, text, directory = run.fault(action, point, 1, victim)
    if not acted:
        raise Failure(f"{action} {run.iteration} does not pass {point}")
    return code, text, directory


def pre_dump_case(run, action, point, victim):
    """A fault in the second pre-dump, or in the first where only that passes the point."""
    if point not in FIRST_ONLY:
        run.succeed(action)
    code, text, directory = pass_point(run, action, point, victim)
    check_command(victim, code, text, victim == "dumpee" or point == "commit-after")
    if not code:
        run.good = directory
    if victim == "dumpee":
        run.expect_all_gone()
        return
    run.expect_running()
    run.expect_no_trace(infects(action, point, victim))
    check_next(run, action, next_reason(point, victim, action))
    finish(run)


def late_aio(run, action, point):
    """A device could write, from now on, into pages that are being armed: nothing is clean."""
    run.succeed(action)
    code, text, directory = pass_point(run, action, point, "aio")
    if not run.has_aio_context():
        raise Failure("no AIO context was made")
    if code or "Linux AIO" not in text or run.pages(directory) < ALL_PAGES:
        raise Failure(f"exit {code}, {run.pages(directory)} pages: {text}")
    run.expect_running()


def dump_case(run, point, victim):
    run.succeed("live")
    code, text, directory = pass_point(run, "dump", point, victim)
    # Nothing is to be built on a dump, so losing the keeper in its course is no loss.
    check_command(victim, code, text, point != "sync-before" or victim != "ENODATA")
    if victim == "dumpee":
        run.expect_all_gone()
        return
    if code and not is_gone(run.pid):
        run.expect_running()
        run.expect_no_trace(infects("dump", point, victim))
        run.succeed("dump")
    else:
        run.good = directory
    run.wait_gone()
    run.restore()


def resource_case(run, action, prefix, may_be_right):
    """prefix(directory): a command that runs CRIU with too little of something."""
    run.succeed(action)
    run.wait_rewritten()  # 800 KiB: no disk here has room for that
    code, text, directory = run.iterate(action, prefix)
    run.faults += 1
    if code > 0 and not text and not run.errors_of(directory):
        raise Failure(f"exit {code} without a word")
    run.notes[-1] += run.errors_of(directory).replace("\n", "\n#   ")
    if not code and not may_be_right:
        raise Failure("nothing failed")
    if not code and "lazy-wp: " not in text:
        run.good = directory
    run.expect_running()
    run.expect_no_trace(code == -signal.SIGKILL)
    _, directory = run.succeed(action)
    run.verify(directory)
    finish(run)


def full_disk(kib):
    def prefix(directory):
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={kib}k", "tmpfs", directory],
                       check=True)
        return []
    return prefix


def broken_disk(call, file):
    """strace without -f: only CRIU itself, and only what it does to this file of the images."""
    def prefix(directory):
        only = ["-P", directory / file] if file else []
        return ["strace", "-qq", "-o", "/dev/null", *only, "-e", f"trace={call}",
                "-e", f"inject={call}:error=EIO"]
    return prefix


def address_space(mib):
    return lambda directory: ["prlimit", f"--as={mib << 20}"]


def memory(kib):
    return lambda directory: cgroup.prefix(kib)


def resource_cases(action):
    for kib in (8, 64, 512):
        yield f"disk of {kib} KiB", full_disk(kib), False
    if shutil.which("strace"):
        write = "pwritev,pwrite64,write,writev" if action == "live" else "splice"
        yield "disk EIO for pages", broken_disk(write, "pages-1.img"), False
        yield "disk EIO fsync", broken_disk("fsync", None), False
    for mib in (8, 12, 16, 17, 18, 19):
        yield f"address space of {mib} MiB", address_space(mib), True
    if cgroup.is_available():
        for kib in (1024, 2048, 2304, 2560, 2816, 3072):
            yield f"memory of {kib} KiB", memory(kib), True


def dump_passes(point, victim):
    if point in FIRST_ONLY or point in IN_KEEPER_AFTER_DUMP or not passes("dump", point):
        return False
    return victim not in ("keeper", "dumpee") or point not in AFTER_DUMP


def all_cases():
    for point in POINTS:
        for victim in victims_of(point):
            for action in ("live", "splice"):
                if passes(action, point):
                    yield f"{action} {point} {victim}", pre_dump_case, action, point, victim
            if dump_passes(point, victim):
                yield f"dump {point} {victim}", dump_case, point, victim
    for action in ("live", "splice"):
        yield f"{action} register-after aio", late_aio, action, "register-after"
        for name, *arguments in resource_cases(action):
            yield f"{action} {name}", resource_case, action, *arguments


def is_tracked(text):
    """Else the pages written since cannot be told from wrong ones: there is nothing to verify."""
    return not re.search("not tracked|does not answer|cannot be built upon|Cannot allocate", text)


def random_fault(run, dice, action):
    """True if the dumpee is still to be dumped."""
    point = dice.choice(POINTS)
    victim = dice.choice([v for v in victims_of(point) if v != "dumpee" or dice.random() < 0.2])
    acted, code, text, directory = run.fault(action, point, dice.choice((1, 1, 1, 2, 3, 8)), victim)
    if acted:
        # A dump without a parent may be a round and a dump, each with its own words.
        check_command(victim, code, text, True, said_before=3 if action == "dump" else 1)
    elif code:
        raise Failure(f"{action} {run.iteration} without a fault fails: exit {code}: {text}"
                      + run.errors_of(directory))
    if acted and victim == "dumpee":
        run.expect_all_gone()
        return False
    if is_gone(run.pid):
        run.wait_gone()
        run.good = directory
        run.restore()
        return False
    run.expect_running()
    run.expect_no_trace(acted and infects(action, point, victim))
    if not code:
        run.good = directory
    if not code and is_tracked(text):
        run.verify(directory)
    return True


def random_case(run, dice):
    for _ in range(dice.randint(1, 4)):
        if not random_fault(run, dice, dice.choice(("live", "splice"))):
            return
    if dice.random() < 0.3 and not random_fault(run, dice, "dump"):
        return
    _, directory = run.succeed("dump")
    run.wait_gone()
    run.restore()
