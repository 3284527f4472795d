# SPDX-License-Identifier: GPL-2.0-only
"""The other end of util/fault.h."""
import collections
import socket
import struct
import threading


class Director(threading.Thread):
    """Answers the points: counts them, and acts when the armed one is passed for the Nth time."""

    def __init__(self, path):
        super().__init__(daemon=True)
        self.path = path
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.bind(path)
        self.socket.listen(16)
        self.disarm()
        self.start()

    def arm(self, point, nth, action):
        self.passed = collections.Counter()
        self.acted = False
        self.armed = (point, nth, action)

    def disarm(self):
        self.armed = (None, 0, None)
        self.passed = collections.Counter()
        self.acted = False

    def run(self):
        while True:
            connection, _ = self.socket.accept()
            with connection:
                self.answer(connection)

    def answer(self, connection):
        point = connection.recv(64).decode()
        self.passed[point] += 1
        code = 0
        wanted, nth, action = self.armed
        if point == wanted and self.passed[point] == nth:
            self.acted = True
            code = action()
        try:
            connection.send(struct.pack("i", code))
        except OSError:
            pass  # it is dead
