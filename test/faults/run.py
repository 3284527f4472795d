# SPDX-License-Identifier: GPL-2.0-only
"""One run: a self-checking dumpee, its iterations, and what is looked at after each."""
import errno
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import threading

from processes import COMMAND_S, is_gone, keeper_of, kill_and_wait, link_of, status_of, wait_until

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SIZE_MIB = 16
HOT_PERCENT = 5
HOT_PAGES = (SIZE_MIB << 20) * HOT_PERCENT // 100 // os.sysconf("SC_PAGE_SIZE")
COMMANDS = {"live": ["pre-dump"], "splice": ["pre-dump", "--pre-dump-mode", "splice"],
            "dump": ["dump"]}
SIGUSR1_BIT = 1 << (signal.SIGUSR1 - 1)  # which the dumpee itself unblocks for a wait


class Failure(Exception):
    """What was expected and is not so."""


class Run:
    """One dumpee and its iterations."""

    def __init__(self, build, criu, director):
        self.bin = build / "fault" / "bin"
        self.program = build / "test" / "programs" / "hot"
        self.criu = criu
        self.director = director
        self.tmp = pathlib.Path(tempfile.mkdtemp(prefix="lazy-wp-fault."))
        self.status = self.tmp / "status"
        self.environment = dict(os.environ, LAZY_WP_FAULT=director.path, LAZY_WP_CRIU=str(criu))
        self.iteration = 0
        self.good = None  # the newest directory whose command succeeded
        self.notes = []
        self.faults = 0
        self.infected = False
        self.command = None
        self.command_known = threading.Event()

    def start(self):
        self.dumpee = subprocess.Popen(
            [self.program, str(SIZE_MIB), str(HOT_PERCENT), "--rate", "5000", "--aio",
             "--status", self.status],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True)
        self.pid = self.dumpee.pid
        if not wait_until(lambda: "ready" in self.lines(), COMMAND_S):
            raise Failure("the dumpee did not start")
        self.before = self.traces()

    def lines(self):
        return self.status.read_text() if self.status.exists() else ""

    def close(self):
        self.director.disarm()
        for pid in (self.pid, self.command and self.command.pid, keeper_of(self.pid)):
            if pid and not is_gone(pid):
                kill_and_wait(pid)
        subprocess.run(["umount", "-q", *self.tmp.glob("*/")], check=False)
        self.dumpee.poll()
        if self.command:
            self.command.wait()
        shutil.rmtree(self.tmp, ignore_errors=True)

    # Commands

    def criu_command(self, action, directory):
        directory.mkdir()
        command = [self.bin / "criu", *COMMANDS[action], "--lazy-wp", "-t", str(self.pid), "-D",
                   directory, "-o", "log", "-v4"]
        if self.good:
            command += ["--prev-images-dir", f"../{self.good.name}"]
        return command

    def execute(self, command):
        """Returns exit status and stderr."""
        self.command_known.clear()
        with open(self.tmp / "stderr", "w+", encoding="utf-8", errors="replace") as output:
            self.command = subprocess.Popen(command, env=self.environment, stdout=output,
                                            stdin=subprocess.DEVNULL, stderr=output,
                                            start_new_session=True)
            self.command_known.set()
            try:
                code = self.command.wait(COMMAND_S)
            except subprocess.TimeoutExpired:
                raise Failure(f"{command[0]} {command[1]} hangs") from None
            output.seek(0)
            return code, output.read().strip()

    def iterate(self, action, prefix=None):
        """One of COMMANDS; prefix(directory): a command to run it by."""
        self.iteration += 1
        directory = self.tmp / str(self.iteration)
        command = self.criu_command(action, directory)
        code, text = self.execute((prefix(directory) if prefix else []) + command)
        self.notes.append(f"{action} {self.iteration}: exit {code}: {text or '(silent)'}")
        return code, text, directory

    def pages(self, directory):
        output = subprocess.run([ROOT / "scripts" / "stats", directory / "stats-dump"],
                                capture_output=True, text=True, check=True).stdout
        return int(re.search(r"^pages_written=(\d+)", output, re.M)[1])

    def verify(self, directory):
        result = subprocess.run([self.bin / "criu-lazy-wp", "verify", "-t", str(self.pid), "-D",
                                 directory], capture_output=True, text=True, check=False)
        if result.returncode:
            lines = (result.stdout + result.stderr).splitlines()
            raise Failure(f"verify of {directory.name}: {lines[0]} ... {lines[-1]}")

    def succeed(self, action):
        code, text, directory = self.iterate(action)
        if code:
            raise Failure(f"{action} {self.iteration} without a fault fails: exit {code}: {text}"
                          + self.errors_of(directory))
        self.good = directory
        return text, directory

    def errors_of(self, directory):
        log = directory / "log"
        lines = log.read_text(errors="replace").splitlines() if log.exists() else []
        return "".join(f"\n  {line}" for line in lines if "Error" in line or "lazy-wp" in line)

    # Checks

    def tasks_run(self):
        """True also of a dumpee that has ended: whoever asks it for its memory finds out."""
        try:
            tasks = os.listdir(f"/proc/{self.pid}/task")
        except FileNotFoundError:
            return True
        states = [status for status in map(status_of, tasks) if status]
        return all(status["State"][0] in "RSD" and status["TracerPid"] == "0"
                   for status in states)

    def traces(self):
        """What an injection could leave behind: signal mask, descriptors, mappings."""
        status = status_of(self.pid)
        descriptors = pathlib.Path(f"/proc/{self.pid}/fd")
        maps = pathlib.Path(f"/proc/{self.pid}/maps").read_text().splitlines()
        return {"blocked signals": int(status["SigBlk"], 16) & ~SIGUSR1_BIT,
                "seccomp": status["Seccomp"],
                "descriptors": sorted(link for link in map(link_of, descriptors.iterdir())
                                      if link.startswith("anon_inode") or ":[" in link),
                "mappings": [re.sub(r" +", " ", line) for line in maps if " 00:00 0" not in line
                             or "x" in line.split()[1]]}

    def expect_running(self):
        if is_gone(self.pid):
            raise Failure(f"the dumpee ended; it said: {self.lines().splitlines()[-1]}")
        if not wait_until(self.tasks_run):
            raise Failure(f"left stopped or traced: {status_of(self.pid)}")
        self.expect_intact()

    def expect_no_trace(self, infected):
        """infected: CRIU was killed then, which leaves its parasite's mapping, stock as here."""
        self.infected |= infected
        for name, now in self.traces().items():
            if now != self.before[name] and not (self.infected and name == "mappings"):
                raise Failure(f"{name} were {self.before[name]}, now {now}")

    def expect_intact(self):
        before = self.lines().count("\nok")
        if not is_gone(self.pid):
            os.kill(self.pid, signal.SIGUSR1)
        wait_until(lambda: self.lines().count("\nok") > before or "BAD" in self.lines()
                   or "failed" in self.lines() or is_gone(self.pid), COMMAND_S)
        lines = self.lines()
        if lines.count("\nok") <= before:
            raise Failure(f"memory is not intact: {lines.splitlines()[-1]}")

    def rewrites(self):
        self.expect_intact()
        return int(re.findall(r"^ok \d+ (\d+)", self.lines(), re.M)[-1])

    def wait_rewritten(self):
        """Until nearly all of the hot pages have been written once more."""
        enough = self.rewrites() + 4 * HOT_PAGES
        if not wait_until(lambda: self.rewrites() >= enough, COMMAND_S):
            raise Failure("the dumpee does not write")

    def wait_gone(self):
        self.dumpee.wait(COMMAND_S)

    def expect_all_gone(self):
        self.wait_gone()
        if not wait_until(lambda: keeper_of(self.pid) is None):
            raise Failure("the keeper outlives its tree")
        sockets = pathlib.Path("/run/criu-lazy-wp")
        left = list(sockets.glob(f"*-{self.pid}-*")) if sockets.exists() else []
        if left:
            raise Failure(f"left behind: {left}")

    def restore(self):
        code, text = self.execute([self.criu, "restore", "-D", self.good, "-d", "-o",
                                   "restore.log", "-v4"])
        if code:
            raise Failure(f"restore: exit {code}: {text}\n" +
                          (self.good / "restore.log").read_text()[-2000:])
        self.expect_running()

    def has_aio_context(self):
        return "/[aio]" in pathlib.Path(f"/proc/{self.pid}/maps").read_text()

    # Faults

    def victim_action(self, victim):
        def kill():
            self.command_known.wait()
            if victim == "criu":
                kill_and_wait(self.command.pid)
            elif victim == "group":  # as timeout(1) and shells do
                os.killpg(self.command.pid, signal.SIGKILL)
                kill_and_wait(self.command.pid)
            elif victim == "keeper":
                if wait_until(lambda: keeper_of(self.pid)):
                    kill_and_wait(keeper_of(self.pid))
            elif victim == "dumpee":
                kill_and_wait(self.pid)
            elif victim == "aio":
                os.kill(self.pid, signal.SIGWINCH)
                wait_until(self.has_aio_context)
            else:
                return getattr(errno, victim)
            return 0
        return kill

    def fault(self, action, point, nth, victim):
        self.director.arm(point, nth, self.victim_action(victim))
        code, text, directory = self.iterate(action)
        acted = self.director.acted
        self.director.disarm()
        if acted:
            self.faults += 1
            self.notes[-1] = f"{point} {nth} {victim}: {self.notes[-1]}"
        return acted, code, text, directory
