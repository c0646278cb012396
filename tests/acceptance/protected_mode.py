#!/usr/bin/python3
"""Protected mode: a client from elsewhere is refused until it is switched off. "Elsewhere" is a second address in a network namespace
of our own; skipped where the system gives none.
"""
import os
import shutil
import socket
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from trefoil import Connection, Server, skip  # noqa: E402

ELSEWHERE = "10.9.9.9"


def answer_from(address, port):
    with socket.create_connection((address, port), 60) as client:
        received = b""
        try:
            client.sendall(Connection.encode("PING"))
            client.shutdown(socket.SHUT_WR)
        except OSError:  # who is refused may find it closed already, the answer in front
            pass
        try:
            while more := client.recv(4096):
                received += more
        except ConnectionResetError:  # closed with our PING unread
            pass
        return received


class ProtectedMode(unittest.TestCase):
    def test_only_this_machine_may_connect_until_it_is_switched_off(self):
        with Server("--bind", "0.0.0.0") as server:
            self.assertTrue(any("clients from other machines are refused" in line for line in server.log), server.log)
            self.assertTrue(answer_from(ELSEWHERE, server.port).startswith(b"-DENIED "))
            self.assertEqual(answer_from("127.0.0.1", server.port), b"+PONG\r\n")
            with server.connect() as connection:
                self.assertEqual(connection.call("CONFIG", "GET", "protected-mode"), [b"protected-mode", b"yes"])
                connection.ok("CONFIG", "SET", "protected-mode", "no")
            self.assertEqual(answer_from(ELSEWHERE, server.port), b"+PONG\r\n")

    def test_without_it_the_log_warns(self):
        with Server("--bind", "0.0.0.0", "--protected-mode", "no") as server:
            self.assertTrue(any("whoever reaches it can read and change everything" in line for line in server.log), server.log)
            self.assertEqual(answer_from(ELSEWHERE, server.port), b"+PONG\r\n")

    def test_nothing_is_said_of_loopback(self):
        with Server() as server:
            self.assertFalse(any("listening on" in line for line in server.log), server.log)


def main():
    if os.environ.get("TREFOIL_IN_NAMESPACE"):
        return unittest.main(verbosity=1, warnings="ignore")
    if not shutil.which("unshare") or not shutil.which("ip") or subprocess.run(["unshare", "-rn", "true"], check=False).returncode != 0:
        skip("no network namespace")
    inside = f"ip link set lo up && ip addr add {ELSEWHERE}/32 dev lo && exec {sys.executable} {os.path.abspath(__file__)}"
    return sys.exit(subprocess.run(["unshare", "-rn", "sh", "-c", inside], env={**os.environ, "TREFOIL_IN_NAMESPACE": "1"},
                                   check=False).returncode)


main()
