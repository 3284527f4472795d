# SPDX-License-Identifier: GPL-2.0-only
"""A redis-server that benchmarks checkpoint: of our own, and without persistence of its own accord."""
import os
import subprocess

from measure import run, wait_until
from results import ROOT

SERVER = ROOT / "build" / "redis" / "redis-server"
VALUE_BYTES = 1024
START_SECONDS = 30


class Redis:
    """On a Unix socket in the directory, and on a port of this machine if one is given."""

    def __init__(self, directory, keys, port=0, environ=None):
        self.socket, self.port, self.keys = directory / "redis.sock", port, keys
        self.process = subprocess.Popen(
            [SERVER, "--port", str(port), "--bind", "127.0.0.1", "--unixsocket", self.socket,
             "--save", "", "--dir", directory, "--enable-debug-command", "yes"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True, env=dict(os.environ, **(environ or {})))
        self.pid = self.process.pid
        if not wait_until(self.socket.exists, START_SECONDS):
            raise RuntimeError("redis-server did not start")
        self.ask("DEBUG", "POPULATE", keys, "key", VALUE_BYTES)

    def ask(self, *words):
        return run(["redis-cli", "-s", self.socket, *words])

    def end(self):
        self.process.kill()
        self.process.wait()
