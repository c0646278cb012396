#!/usr/bin/python3
"""`unixsocket` and `unixsocketperm`: clients over a unix socket, its file's life, and what CLIENT LIST says of them, as Redis has it."""
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from trefoil import Connection, PATIENCE, Server, free_port  # noqa: E402


class Local(Connection):
    """A connection over a unix socket."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(PATIENCE)
        self.socket.connect(path)
        self.file = self.socket.makefile("rb")


class UnixSocket(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="trefoil-test-")
        self.addCleanup(shutil.rmtree, self.directory)
        self.path = os.path.join(self.directory, "socket")

    def server(self, *options):
        return Server(*options, port=free_port())

    def test_clients_over_it_and_over_tcp_see_the_same(self):
        with self.server("--unixsocket", self.path, "--unixsocketperm", "700") as server, Local(self.path) as local:
            self.assertEqual(stat.S_IMODE(os.stat(self.path).st_mode), 0o700)
            self.assertEqual(local.ok("CONFIG", "GET", "unixsocket*"),
                             [b"unixsocket", self.path.encode(), b"unixsocketperm", b"700"])
            local.ok("SET", "key", "value")
            with server.connect() as remote:
                self.assertEqual(remote.ok("GET", "key"), b"value")
            self.assertIn("can't set immutable config", str(local.call("CONFIG", "SET", "unixsocketperm", "755")))
            # As much as a socket holds, many times, both ways.
            count, value = 2000, b"x" * 4000
            local.send(b"".join(local.encode("SET", f"key:{i}", value) for i in range(count)))
            self.assertEqual([local.read() for _ in range(count)], ["OK"] * count)
            local.send(b"".join(local.encode("GET", f"key:{i}") for i in range(count)))
            self.assertTrue(all(local.read() == value for _ in range(count)))
        self.assertFalse(os.path.exists(self.path))

    def test_client_list_shows_the_path_as_redis_does(self):
        with self.server("--unixsocket", self.path), Local(self.path) as local:
            line = local.ok("CLIENT", "INFO").decode()
            own = local.ok("CLIENT", "ID")
            self.assertIn(f" addr={self.path}:0 laddr={self.path}:0 ", line)
            self.assertIn(" flags=U ", line)
            with Local(self.path) as other:
                self.assertEqual(other.ok("CLIENT", "KILL", "ID", own, "ADDR", f"{self.path}:0"), 1)
            self.assertEqual(local.read_to_end(), b"")

    def test_a_file_that_was_left_behind_is_replaced(self):
        server = self.server("--unixsocket", self.path)
        server.stop(signal.SIGKILL)
        self.assertTrue(os.path.exists(self.path))
        with self.server("--unixsocket", self.path), Local(self.path) as local:
            self.assertEqual(local.ok("PING"), "PONG")

    def test_one_that_somebody_listens_on_is_not(self):
        with self.server("--unixsocket", self.path), Local(self.path) as local:
            with self.assertRaisesRegex(RuntimeError, f"cannot listen on {self.path}: Address already in use"):
                self.server("--unixsocket", self.path)
            self.assertEqual(local.ok("PING"), "PONG")

    def test_permissions_are_octal(self):
        for value, error in (("999", "couldn't be parsed as an octal number"), ("1777", "must be between 0 and 777 inclusive")):
            with self.assertRaisesRegex(RuntimeError, error):
                self.server("--unixsocket", self.path, "--unixsocketperm", value)

    @unittest.skipIf(shutil.which("redis-cli") is None, "redis-tools is not installed")
    def test_redis_cli(self):
        with self.server("--unixsocket", self.path):
            done = subprocess.run(["redis-cli", "-s", self.path, "ping"], capture_output=True, timeout=PATIENCE)
            self.assertEqual(done.stdout, b"PONG\n")


unittest.main(verbosity=1, warnings="ignore")
