#!/usr/bin/python3
"""TLS: `tls-port` and its settings, with python3's ssl module and redis-cli as clients, and peers that misbehave in the handshake."""
import os
import re
import select
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from trefoil import Connection, PATIENCE, PROGRAM, ReplyError, Server, free_port  # noqa: E402
from certificates import Authority  # noqa: E402

HANDSHAKE_SECONDS = 10  # TlsHandshakes::Limits


class Tls(Connection):
    def __init__(self, port, context):
        raw = socket.create_connection(("127.0.0.1", port), PATIENCE)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket = context.wrap_socket(raw, server_hostname="localhost", suppress_ragged_eofs=False)
        self.file = self.socket.makefile("rb")

    def exchange(self, request, size):
        """Sends and receives as both become possible; for an answer of so many bytes. (An SSL object is no matter for two threads.)"""
        request, answer = memoryview(request), bytearray()
        self.socket.setblocking(False)
        while len(answer) < size:
            moved = False
            try:
                if request:
                    request = request[self.socket.send(request[:1 << 20]):]
                    moved = True
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
                pass
            try:
                part = self.socket.recv(1 << 20)
                if not part:
                    break
                answer += part
                moved = True
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
                pass
            if not moved:
                select.select([self.socket], [self.socket] if request else [], [], PATIENCE)
        self.socket.settimeout(PATIENCE)
        return bytes(answer)

    def serial(self):
        return self.socket.getpeercert()["serialNumber"]


class TlsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.mkdtemp(prefix="trefoil-test-")
        cls.addClassCleanup(shutil.rmtree, cls.directory)
        cls.authority = Authority(cls.directory)
        cls.certificate, cls.key = cls.authority.issue("server")
        cls.client_certificate = cls.authority.issue("client")

    def context(self, certificate=None, version=None):
        context = ssl.create_default_context(cafile=self.authority.certificate)
        if certificate:
            context.load_cert_chain(*certificate)
        if version:
            context.minimum_version = context.maximum_version = version
        return context

    def server(self, *options, auth="no", certificate=None, key=None, **how):
        self.tls_port = free_port()
        return Server("--tls-port", str(self.tls_port), "--tls-cert-file", certificate or self.certificate, "--tls-key-file",
                      key or self.key, "--tls-ca-cert-file", self.authority.certificate, "--tls-auth-clients", auth, *options,
                      **{"port": free_port(), **how})

    def connect(self, **how):
        return Tls(self.tls_port, self.context(**how))

    def refuses(self, **how):
        """Under TLS 1.3 a client learns only by reading that its certificate is not liked."""
        try:
            with self.connect(**how) as client:
                client.call("PING")
        except (ssl.SSLError, ConnectionError, EOFError):
            return True
        return False

    def only_client(self, admin):
        """Waits until nobody but `admin` is there."""
        deadline = time.monotonic() + PATIENCE
        while b"connected_clients:1\r\n" not in (clients := admin.ok("INFO", "clients")):
            self.assertLess(time.monotonic(), deadline, clients)
            time.sleep(0.02)

    def test_both_versions_and_plain_tcp_see_the_same(self):
        with self.server() as server:
            for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
                with self.connect(version=version) as client:
                    self.assertEqual(client.socket.version(), version.name.replace("_", "."))
                    client.ok("SET", "key", version.name)
                    with server.connect() as plain:
                        self.assertEqual(plain.ok("GET", "key").decode(), version.name)
                    self.assertIn(f"laddr=127.0.0.1:{self.tls_port} ", client.ok("CLIENT", "INFO").decode())

    def test_what_openssl_has_is_in_the_account_of_memory(self):
        def tls_bytes(client):
            found = re.search(rb"used_memory_tls:(\d+)\r\n", client.ok("INFO", "memory"))
            return int(found.group(1))
        with Server() as server, server.connect() as plain:
            self.assertEqual(tls_bytes(plain), 0)
        with self.server() as server, server.connect() as plain:
            before = tls_bytes(plain)
            self.assertGreater(before, 100_000)  # tables and names, certificates
            self.assertGreater(int(re.search(rb"used_memory:(\d+)", plain.ok("INFO", "memory")).group(1)), before)
            clients = [self.connect() for _ in range(100)]
            for client in clients:
                client.ok("PING")
            connected = tls_bytes(plain)
            self.assertGreater(connected - before, 100 * 5_000)
            self.assertIn(f'trefoil_memory_bytes{{account="tls"}} ', plain.ok("METRICS").decode())
            stats = plain.ok("MEMORY", "STATS")
            self.assertGreater(stats[stats.index(b"tls.bytes") + 1], before)
            for client in clients:
                client.close()
            self.only_client(plain)
            self.assertLess(tls_bytes(plain) - before, (connected - before) // 4)

    def test_large_pipelines_both_ways(self):
        with self.server() as server:
            value = os.urandom(100_000)
            count = 300
            with self.connect() as client:
                answer = b"$%d\r\n%s\r\n" % (len(value), value)
                self.assertEqual(client.exchange(client.encode("ECHO", value) * count, len(answer) * count), answer * count)
                small = 20_000
                client.send(client.encode("PING") * small)
                self.assertEqual([client.read() for _ in range(small)], ["PONG"] * small)
                huge = os.urandom(20_000_000)
                client.ok("SET", "huge", huge)
                self.assertEqual(client.ok("GET", "huge"), huge)
                # More answers than what the server and the sockets hold lie unread; then they are fetched.
                client.send(client.encode("GET", "huge") * 5)
                time.sleep(0.3)
                self.assertEqual([client.read() == huge for _ in range(5)], [True] * 5)
                # Bytes that trickle in are one request all the same.
                for byte in client.encode("ECHO", "slow"):
                    client.send(bytes([byte]))
                self.assertEqual(client.read(), b"slow")

    def test_many_clients_at_once(self):
        with self.server("--threads", "2"):
            def work(number):
                for turn in range(5):
                    with self.connect() as client:
                        for i in range(50):
                            if client.ok("ECHO", f"{number}:{turn}:{i}") != f"{number}:{turn}:{i}".encode():
                                return
                done.append(number)
            done = []
            threads = [threading.Thread(target=work, args=(number,)) for number in range(12)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            self.assertEqual(sorted(done), list(range(12)))

    def test_client_certificates(self):
        stranger = Authority(self.directory, "other-ca").issue("stranger")
        with self.server(auth="yes"):
            self.assertFalse(self.refuses(certificate=self.client_certificate))
            self.assertTrue(self.refuses())
            self.assertTrue(self.refuses(certificate=stranger))
            # A session that was resumed is that of a client with a certificate.
            context = self.context(certificate=self.client_certificate, version=ssl.TLSVersion.TLSv1_2)
            with Tls(self.tls_port, context) as first:
                first.ok("PING")
                session = first.socket.session
            raw = socket.create_connection(("127.0.0.1", self.tls_port), PATIENCE)
            with context.wrap_socket(raw, server_hostname="localhost", session=session) as second:
                self.assertTrue(second.session_reused)
                second.sendall(b"PING\r\n")
                self.assertEqual(second.recv(100), b"+PONG\r\n")
        with self.server(auth="optional"):
            self.assertFalse(self.refuses())
            self.assertFalse(self.refuses(certificate=self.client_certificate))
            self.assertTrue(self.refuses(certificate=stranger))

    def test_protocols_and_ciphers(self):
        with self.server("--tls-protocols", "TLSv1.3", "--tls-ciphersuites", "TLS_CHACHA20_POLY1305_SHA256") as server:
            self.assertTrue(self.refuses(version=ssl.TLSVersion.TLSv1_2))
            with self.connect() as client:
                self.assertEqual(client.socket.cipher()[0], "TLS_CHACHA20_POLY1305_SHA256")
            with server.connect() as admin:
                admin.ok("CONFIG", "SET", "tls-protocols", "TLSv1.2", "tls-ciphers", "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256",
                         "tls-prefer-server-ciphers", "yes")
                self.assertTrue(self.refuses(version=ssl.TLSVersion.TLSv1_3))
                context = self.context()
                context.set_ciphers("ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384")
                with Tls(self.tls_port, context) as client:
                    self.assertEqual(client.socket.cipher()[0], "ECDHE-ECDSA-AES256-GCM-SHA384")
                for name, value in (("tls-protocols", "SSLv3"), ("tls-ciphers", "nonsense"), ("tls-ciphersuites", "nonsense")):
                    self.assertIsInstance(admin.call("CONFIG", "SET", name, value), ReplyError, name)
                with Tls(self.tls_port, context) as client:
                    self.assertEqual(client.ok("PING"), "PONG")

    def test_reload_without_restart(self):
        files = [shutil.copy(file, os.path.join(self.directory, f"live{i}")) for i, file in enumerate((self.certificate, self.key))]
        with self.server(certificate=files[0], key=files[1]) as server, self.connect() as old, server.connect() as admin:
            other = self.authority.issue("renewed", password="secret")
            # Another certificate alone does not fit the key; nothing changes.
            for name, value in (("tls-cert-file", other[0]), ("tls-cert-file", "/no/such/file"), ("tls-key-file", other[1]),
                                ("tls-ca-cert-file", self.key), ("tls-cert-file", "")):
                reply = admin.call("CONFIG", "SET", name, value)
                self.assertTrue(str(reply).startswith(f"ERR CONFIG SET failed (possibly related to argument '{name}') - "), reply)
                with self.connect() as client:
                    self.assertEqual(client.serial(), old.serial())
            self.assertEqual(admin.ok("CONFIG", "GET", "tls-cert-file")[1].decode(), files[0])
            admin.ok("CONFIG", "SET", "tls-cert-file", other[0], "tls-key-file", other[1], "tls-key-file-pass", "secret")
            with self.connect() as client:
                self.assertNotEqual(client.serial(), old.serial())
            # Files of the same names with new content, as certbot leaves them.
            third = self.authority.issue("third")
            admin.ok("CONFIG", "SET", "tls-cert-file", files[0], "tls-key-file", files[1], "tls-key-file-pass", "")
            shutil.copy(third[0], files[0])
            shutil.copy(third[1], files[1])
            admin.ok("CONFIG", "SET", "tls-cert-file", files[0])
            with self.connect() as client:
                self.assertNotEqual(client.serial(), old.serial())
            self.assertEqual(old.ok("PING"), "PONG")  # who is connected stays

    def test_what_cannot_be_served_is_said_at_the_start(self):
        locked = self.authority.issue("locked", password="secret")
        for options, error in ((dict(certificate="/no/such"), "tls-cert-file '/no/such': No such file or directory"),
                               (dict(certificate=locked[0], key=locked[1]), "tls-key-file '.*': "),
                               (dict(certificate=self.client_certificate[0]), "tls-key-file '.*': key values mismatch")):
            with self.assertRaisesRegex(RuntimeError, error):
                self.server(**options)
        with self.assertRaisesRegex(RuntimeError, "tls-ca-cert-file or tls-ca-cert-dir is needed when tls-auth-clients is yes"):
            Server("--tls-port", str(free_port()), "--tls-cert-file", self.certificate, "--tls-key-file", self.key)

    def test_port_zero_leaves_tls_alone(self):
        self.tls_port = free_port()
        process = subprocess.Popen([PROGRAM, "serve", "--port", "0", "--tls-port", str(self.tls_port), "--tls-cert-file", self.certificate,
                                    "--tls-key-file", self.key, "--tls-auth-clients", "no"], stderr=subprocess.PIPE, text=True)
        try:
            ready = next(line for line in process.stderr if "Ready" in line)
            self.assertIn(f"Ready to accept TLS connections on 127.0.0.1:{self.tls_port}", ready)
            with self.connect() as client:
                self.assertEqual(client.ok("PING"), "PONG")
        finally:
            process.terminate()
            self.assertNotIn("Ready", process.communicate(timeout=PATIENCE)[1])

    def test_plain_text_on_the_tls_port_and_tls_on_the_plain_one(self):
        with self.server() as server:
            for hello in (b"PING\r\n", b"*1\r\n$4\r\nPING\r\n", b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01" + b"x" * 500, os.urandom(2000)):
                with socket.create_connection(("127.0.0.1", self.tls_port), PATIENCE) as client:
                    client.sendall(hello)
                    answer = b""
                    try:
                        while more := client.recv(4096):
                            answer += more
                    except ConnectionResetError:
                        pass
                    self.assertNotIn(b"PONG", answer)
            with self.assertRaises((ssl.SSLError, ConnectionError)):
                Tls(server.port, self.context())
            with self.connect() as client:
                self.assertEqual(client.ok("PING"), "PONG")

    def test_who_stalls_in_the_handshake_is_nobodys_trouble(self):
        with self.server("--maxclients", "50", "--threads", "1") as server, server.connect() as admin:
            before = server.rss_kib()
            # More than maxclients, and more than may be half-open at once; each with half a greeting.
            stalled = []
            for _ in range(600):
                client = socket.create_connection(("127.0.0.1", self.tls_port), PATIENCE)
                client.sendall(b"\x16\x03\x01\x02\x00\x01")
                stalled.append(client)
            began = time.monotonic()
            with self.connect() as client:
                self.assertEqual(client.ok("PING"), "PONG")
            self.assertLess(time.monotonic() - began, 5)
            self.only_client(admin)
            self.assertLess(server.rss_kib() - before, 64 << 10)
            # The oldest went when there were too many, the others when their time was over.
            stalled[0].settimeout(5)
            self.assertEqual(stalled[0].recv(1), b"")
            stalled[-1].settimeout(HANDSHAKE_SECONDS + 20)
            self.assertEqual(stalled[-1].recv(1), b"")
            for client in stalled:
                client.close()
            self.assertEqual(admin.ok("PING"), "PONG")

    def test_half_closed_connections(self):
        with self.server() as server:
            for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
                # Who says that it sends no more gets its answers, and then the end, said in TLS.
                with self.connect(version=version) as client:
                    client.send(client.encode("PING") * 1000)
                    socket.socket.shutdown(client.socket, socket.SHUT_WR)  # of TCP; Python's own would end TLS, too
                    self.assertEqual([client.read() for _ in range(1000)], ["PONG"] * 1000)
                    self.assertEqual(client.file.read(), b"")
            # Who is gone in the middle of anything leaves nothing behind.
            for _ in range(50):
                client = self.connect()
                client.send(client.encode("ECHO", "x" * 1000) * 100)
                client.close()
            with server.connect() as admin:
                self.only_client(admin)

    def test_maxclients_is_said_in_tls(self):
        with self.server("--maxclients", "1") as server, server.connect() as admin:
            admin.ok("PING")
            with self.connect() as client:
                self.assertEqual(str(client.read()), "ERR max number of clients reached")

    def test_quit_ends_with_a_word_of_tls(self):
        with self.server(), self.connect() as client:
            self.assertEqual(client.call("QUIT"), "OK")
            self.assertEqual(client.file.read(), b"")  # a ragged end would raise

    @unittest.skipIf(shutil.which("redis-cli") is None, "redis-tools is not installed")
    def test_redis_cli(self):
        with self.server(auth="yes"):
            certificate, key = self.client_certificate
            done = subprocess.run(["redis-cli", "--tls", "-p", str(self.tls_port), "--cacert", self.authority.certificate, "--cert", certificate,
                                   "--key", key], input=b"set k v\nget k\n", capture_output=True, timeout=PATIENCE)
            self.assertEqual(done.stdout, b"OK\nv\n", done.stderr)


unittest.main(verbosity=1, warnings="ignore")
