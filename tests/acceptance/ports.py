#!/usr/bin/python3
"""CONFIG SET of `port`, `tls-port` and `http-port`: doors open and close while the server runs, those who are inside stay."""
import os
import shutil
import socket
import ssl
import sys
import tempfile
import threading
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from certificates import Authority  # noqa: E402
from trefoil import PATIENCE, Connection, ReplyError, Server, free_port  # noqa: E402


def refused(port):
    try:
        socket.create_connection(("127.0.0.1", port), PATIENCE).close()
    except ConnectionRefusedError:
        return True
    return False


def http(port, path="/health"):
    with socket.create_connection(("127.0.0.1", port), PATIENCE) as client:
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n".encode())
        return client.makefile("rb").readline()


class Ports(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.mkdtemp(prefix="trefoil-test-")
        cls.addClassCleanup(shutil.rmtree, cls.directory)
        cls.authority = Authority(cls.directory)
        cls.certificate, cls.key = cls.authority.issue("server")

    def tls_ping(self, port):
        context = ssl.create_default_context(cafile=self.authority.certificate)
        with socket.create_connection(("127.0.0.1", port), PATIENCE) as raw, \
                context.wrap_socket(raw, server_hostname="localhost") as client:
            client.sendall(b"PING\r\n")
            return client.recv(100)

    def fails(self, admin, name, why, *pairs):
        reply = admin.call("CONFIG", "SET", *pairs)
        self.assertIsInstance(reply, ReplyError)
        self.assertEqual(str(reply), f"ERR CONFIG SET failed (possibly related to argument '{name}') - {why}")

    def test_the_port_moves_and_closes(self):
        with Server("--threads", "2", port=free_port()) as server, server.connect() as old:
            port = free_port()
            old.ok("CONFIG", "SET", "port", port)
            self.assertTrue(refused(server.port))
            self.assertEqual(old.ok("CONFIG", "GET", "port"), [b"port", str(port).encode()])
            self.assertIn(f"tcp_port:{port}\r\n".encode(), old.ok("INFO", "server"))
            with Connection(port) as new:
                self.assertEqual(new.ok("PING"), "PONG")
                new.ok("CONFIG", "SET", "port", 0)
                self.assertTrue(refused(port))
                self.assertEqual((old.ok("PING"), new.ok("PING")), ("PONG", "PONG"))
                new.ok("CONFIG", "SET", "port", server.port)
            with server.connect() as again:
                self.assertEqual(again.ok("PING"), "PONG")
        self.assertTrue(any("The port is closed" in line for line in server.log))

    def test_a_port_that_the_system_chose_stays_until_another_is_named(self):
        with Server() as server, server.connect() as admin:
            admin.ok("CONFIG", "SET", "port", 0)  # as it is set already
            self.assertFalse(refused(server.port))
            port = free_port()
            admin.ok("CONFIG", "SET", "port", port)
            self.assertTrue(refused(server.port))
            self.assertFalse(refused(port))

    def test_http_opens_and_closes(self):
        with Server(port=free_port()) as server, server.connect() as admin:
            first, second = free_port(), free_port()
            admin.ok("CONFIG", "SET", "http-port", first)
            self.assertEqual(http(first), b"HTTP/1.1 200 OK\r\n")
            admin.ok("CONFIG", "SET", "http-port", second)
            self.assertTrue(refused(first))
            self.assertEqual(http(second), b"HTTP/1.1 200 OK\r\n")
            admin.ok("CONFIG", "SET", "http-port", 0)
            self.assertTrue(refused(second))

    def test_tls_begins_while_the_server_runs(self):
        with Server("--tls-auth-clients", "no", port=free_port()) as server, server.connect() as admin:
            port, other = free_port(), free_port()
            self.fails(admin, "tls-port", "tls-cert-file and tls-key-file are needed", "tls-port", port)
            self.fails(admin, "tls-port", "tls-cert-file '/no/such': No such file or directory", "tls-port", port, "tls-cert-file", "/no/such",
                       "tls-key-file", self.key)
            self.assertTrue(refused(port))
            self.assertEqual(admin.ok("CONFIG", "GET", "tls-cert-file"), [b"tls-cert-file", b""])
            admin.ok("CONFIG", "SET", "tls-port", port, "tls-cert-file", self.certificate, "tls-key-file", self.key)
            self.assertEqual(self.tls_ping(port), b"+PONG\r\n")
            admin.ok("CONFIG", "SET", "tls-port", other)
            self.assertTrue(refused(port))
            self.assertEqual(self.tls_ping(other), b"+PONG\r\n")
            self.fails(admin, "tls-cert-file", "tls-cert-file '/no/such': No such file or directory", "tls-cert-file", "/no/such")
            admin.ok("CONFIG", "SET", "tls-port", 0)
            self.assertTrue(refused(other))
            admin.ok("CONFIG", "SET", "tls-port", port)
            self.assertEqual(self.tls_ping(port), b"+PONG\r\n")

    def test_what_cannot_be_bound_changes_nothing(self):
        why = "Unable to listen on this port. Check server logs."
        with Server(port=free_port()) as server, server.connect() as admin, socket.create_server(("127.0.0.1", 0)) as holder:
            taken, free = holder.getsockname()[1], free_port()
            for name in ("port", "http-port"):
                self.fails(admin, name, why, name, taken)
            self.fails(admin, "http-port", why, "port", free, "timeout", 7, "http-port", taken)
            self.fails(admin, "tls-port", why, "tls-cert-file", self.certificate, "tls-key-file", self.key, "tls-auth-clients", "no",
                       "tls-port", taken)
            self.fails(admin, "port", "argument must be between 0 and 65535 inclusive", "port", 65536)
            self.assertTrue(refused(free))
            self.assertEqual(admin.ok("CONFIG", "GET", "timeout"), [b"timeout", b"0"])
            self.assertEqual(admin.ok("CONFIG", "GET", "*port"), [b"http-port", b"0", b"port", str(server.port).encode(), b"tls-port", b"0"])
            with server.connect() as client:
                self.assertEqual(client.ok("PING"), "PONG")
        self.assertTrue(any(f"CONFIG SET http-port {taken}: cannot listen on 127.0.0.1:{taken}: Address already in use" in line
                            for line in server.log))

    def test_clients_come_all_the_while(self):
        with Server("--threads", "2", port=free_port()) as server, server.connect() as admin:
            ports, done, answers = [server.port, free_port()], threading.Event(), [0]

            def visit():
                while not done.is_set():
                    for port in ports:
                        try:
                            with Connection(port) as client:
                                answers[0] += client.ok("PING") == "PONG"
                        except (ConnectionError, EOFError):
                            pass
            threads = [threading.Thread(target=visit) for _ in range(4)]
            for thread in threads:
                thread.start()
            for turn in range(200):
                admin.ok("CONFIG", "SET", "port", ports[(turn + 1) % 2])
            done.set()
            for thread in threads:
                thread.join()
            self.assertGreater(answers[0], 0)
            self.assertEqual(admin.ok("PING"), "PONG")


unittest.main(verbosity=1, warnings="ignore")
