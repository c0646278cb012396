#!/usr/bin/python3
"""HTTP on `http-port`: /health, /ready and /metrics, and how requests are answered that are none."""
import http.client
import os
import re
import shutil
import socket
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from trefoil import Directory, PATIENCE, Server, free_port  # noqa: E402

SAMPLE = re.compile(r'^([a-z_]+?)(_bucket|_sum|_count)?(\{[a-z_]+="((?:[^"\\\n]|\\["\\n])*)"(?:,le="([0-9.]+|\+Inf)")?\})? (\S+)$')


class Http(unittest.TestCase):
    def server(self, *options, **how):
        self.port = free_port()
        return Server("--http-port", str(self.port), *options, **how)

    def get(self, path, method="GET", headers=None, body=None):
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        self.addCleanup(client.close)
        client.request(method, path, headers=headers or {}, body=body)
        response = client.getresponse()
        return response.status, response.read().decode(), response.headers

    def raw(self, data, half_close=True):
        """All that comes back for these bytes, until the end."""
        with socket.create_connection(("127.0.0.1", self.port), PATIENCE) as client:
            client.sendall(data)
            if half_close:
                client.shutdown(socket.SHUT_WR)
            answer = b""
            while more := client.recv(65536):
                answer += more
            return answer

    def metrics(self):
        """{(name, label): value} ({(name, label, bound): value} for a histogram's parts), after a look at the text's form."""
        status, text, headers = self.get("/metrics")
        self.assertEqual((status, headers["Content-Type"]), (200, "text/plain; version=0.0.4; charset=utf-8"))
        found, family = {}, None
        self.assertTrue(text.endswith("\n"))
        lines = text.splitlines()
        for line in lines:
            if line.startswith("# HELP "):
                self.assertNotIn(line.split()[2], {name for name, *_ in found})  # a family is in one place
                family = line.split()[2]
            elif line.startswith("# TYPE "):
                self.assertEqual(line.split()[2], family)
                kind = line.split()[3]
                self.assertIn(kind, ("counter", "gauge", "histogram"))
            else:
                sample = SAMPLE.match(line)
                self.assertTrue(sample, line)
                name, part, _, label, bound, value = sample.groups()
                if kind == "histogram":
                    self.assertEqual(name, family)
                    found[name, label, bound or part] = float(value)
                else:
                    self.assertEqual(name + (part or ""), family)
                    found[name, label] = float(value)
        return found

    def test_health_and_readiness(self):
        with self.server():
            self.assertEqual(self.get("/health")[:2], (200, "ok\n"))
            self.assertEqual(self.get("/ready")[:2], (200, "OK\n"))
            status, body, headers = self.get("/health?verbose=1")
            self.assertEqual((status, body, headers["Content-Length"], headers["Cache-Control"]), (200, "ok\n", "3", "no-store"))
            self.assertTrue(re.fullmatch(r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT", headers["Date"]))

    def test_metrics_say_what_has_happened(self):
        with Directory() as directory, self.server(directory=directory) as server, server.connect() as client:
            before = self.metrics()
            for i in range(10):
                client.ok("SET", f"key:{i}", "x" * 100)
            client.ok("EXPIRE", "key:0", 1000)
            client.send(client.encode("LPUSH", "list", "a") * 300)
            for _ in range(300):
                client.read()
            client.ok("SELECT", "3")
            client.ok("SET", "elsewhere", "1")
            client.ok("SQL", 'CREATE TABLE "odd ""name\\" (id INTEGER PRIMARY KEY)')
            client.ok("SQL", 'INSERT INTO "odd ""name\\" VALUES (1), (2), (3)')
            client.ok("SQL", "CREATE TABLE v (id INTEGER PRIMARY KEY, e VECTOR(2))")
            client.ok("SQL", "INSERT INTO v VALUES (1, '[1,2]')")
            client.ok("SQL", "CREATE INDEX near ON v USING hnsw (e vector_l2_ops)")
            client.ok("CHECKPOINT")
            client.ok("FEED")
            after = self.metrics()
            grown = {key: after[key] - before.get(key, 0) for key in after}
            self.assertEqual(after["trefoil_keys", "0"], 11)
            self.assertEqual(after["trefoil_keys", "3"], 1)
            self.assertEqual(after["trefoil_keys_with_deadline", "0"], 1)
            self.assertEqual(after["trefoil_tables", None], 2)
            self.assertEqual(after["trefoil_vector_index_ready", "near"], 1)
            self.assertEqual(after["trefoil_vector_index_waiting_rows", "near"], 0)
            self.assertEqual(after["trefoil_feeds", None], 1)
            self.assertGreaterEqual(after["trefoil_log_syncs_total", None], 1)
            self.assertGreater(after["trefoil_log_sync_seconds_total", None], 0)
            self.assertEqual(after["trefoil_table_rows", 'odd \\"name\\\\'], 3)
            self.assertEqual(grown["trefoil_operations_total", "string"], 11)
            self.assertEqual(grown["trefoil_operations_total", "list"], 300)
            # The 300 pushes came as some bursts; each ended in some bucket, and buckets are cumulative.
            bursts = {key[2]: after[key] for key in after if key[:2] == ("trefoil_burst_duration_seconds", "list")}
            self.assertTrue(1 <= bursts["_count"] <= 300, bursts)
            self.assertEqual(bursts["+Inf"], bursts["_count"])
            buckets = [bursts[bound] for bound in sorted(set(bursts) - {"+Inf", "_sum", "_count"}, key=float)]
            self.assertEqual(buckets, sorted(buckets))
            self.assertEqual(grown["trefoil_checkpoints_total", "ok"], 1)
            self.assertGreater(grown["trefoil_log_bytes_total", None], 1000)
            self.assertEqual(after["trefoil_log_refuses_writes", None], 0)
            self.assertGreater(after["trefoil_memory_bytes", "keys"], 0)
            self.assertGreater(after["trefoil_memory_resident_bytes", None], after["trefoil_memory_bytes", "keys"])
            self.assertGreaterEqual(after["trefoil_connected_clients", None], 2)
            # Those of sessions that are gone are counted still, and RESP says the same.
            client.close()
            with server.connect() as other:
                text = other.ok("METRICS").decode()
            self.assertRegex(text, r'trefoil_operations_total\{group="list"\} 300\n')

    def test_metrics_of_many_tables_are_a_workers(self):
        with self.server() as server, server.connect() as client:
            for i in range(400):
                client.ok("SQL", f"CREATE TABLE t{i} (id INTEGER PRIMARY KEY)")
            client.ok("SQL", "INSERT INTO t399 VALUES (1)")
            for _ in range(3):
                metrics = self.metrics()
                self.assertEqual((metrics["trefoil_table_rows", "t0"], metrics["trefoil_table_rows", "t399"]), (0, 1))
            # Among others on a connection, and the last of one.
            request = "GET {} HTTP/1.1\r\nHost: h\r\n{}\r\n"
            answer = self.raw((request.format("/health", "") + request.format("/metrics", "") + request.format("/ready", "")
                               + request.format("/metrics", "Connection: close\r\n")).encode(), half_close=False)
            self.assertEqual([answer.count(part) for part in (b"HTTP/1.1 200 OK", b'{table="t399"} 1\n', b"Connection: close")], [4, 2, 1])

    def test_not_ready_while_the_log_refuses_writes(self):
        # A file system of so little room needs a namespace; a log that cannot be written is made by a limit on its size.
        with Directory() as directory:
            wrapper = ("bash", "-c", 'ulimit -f 3000; trap "" XFSZ; exec "$@"', "bash")
            with self.server("--checkpoint-log-size", "0", directory=directory, wrapper=wrapper, check_exit=False) as server, \
                    server.connect() as client:
                self.assertEqual(self.get("/ready")[0], 200)
                deadline = time.monotonic() + PATIENCE
                while (answer := self.get("/ready"))[0] == 200:
                    self.assertLess(time.monotonic(), deadline)
                    client.call("SET", "key", os.urandom(500_000))
                self.assertEqual(answer[0], 503)
                self.assertTrue(answer[1].startswith("MISCONF "), answer)
                self.assertEqual(answer[1].rstrip("\n"), str(client.call("READY")))
                self.assertEqual(self.get("/health")[0], 200)
                self.assertEqual(self.metrics()["trefoil_log_refuses_writes", None], 1)
                server.kill()

    def test_what_is_not_there_and_what_may_not_be_done(self):
        with self.server():
            self.assertEqual(self.get("/nothing")[:2], (404, "Not Found\n"))
            self.assertEqual(self.get("/")[0], 404)
            for method in ("POST", "PUT", "DELETE", "OPTIONS"):
                status, _, headers = self.get("/metrics", method, body="x=1")
                self.assertEqual((status, headers["Allow"]), (405, "GET, HEAD"), method)
            self.assertEqual(self.get("/metrics", "BREW")[0], 501)
            self.assertEqual(self.get("/metrics", headers={"X-Long": "x" * 10_000})[0], 431)
            self.assertTrue(self.raw(b"PING\r\n").startswith(b"HTTP/1.1 400 Bad Request\r\n"))
            self.assertTrue(self.raw(b"GET /health HTTP/1.1\r\n\r\n").startswith(b"HTTP/1.1 400 "))
            self.assertTrue(self.raw(b"GET /health HTTP/3.7\r\nHost: a\r\n\r\n").startswith(b"HTTP/1.1 505 "))
            self.assertTrue(self.raw(b"POST /health HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999\r\n\r\n", half_close=False).startswith(b"HTTP/1.1 413 "))

    def test_head_has_the_head_of_get_and_no_body(self):
        with self.server():
            for path, status in (("/health", 200), ("/ready", 200), ("/nothing", 404)):
                got, head = self.get(path), self.get(path, "HEAD")
                self.assertEqual((head[0], head[1]), (status, ""))
                self.assertEqual(head[2]["Content-Length"], got[2]["Content-Length"])

    def test_connections_are_kept_and_requests_are_answered_in_order(self):
        with self.server():
            client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
            for path, status in (("/health", 200), ("/nothing", 404), ("/metrics", 200), ("/health", 200)) * 5:
                client.request("GET", path)
                response = client.getresponse()
                response.read()
                self.assertEqual(response.status, status)
                local = client.sock.getsockname() if "local" not in locals() else local
                self.assertEqual(client.sock.getsockname(), local)  # the same connection
            client.close()
            requests = [(b"/health", b"200"), (b"/nothing", b"404"), (b"/ready", b"200")] * 200
            answer = self.raw(b"".join(b"GET %s HTTP/1.1\r\nHost: a\r\n\r\n" % path for path, _ in requests))
            self.assertEqual(re.findall(rb"^HTTP/1\.1 (\d+) ", answer, re.M), [status for _, status in requests])
            # What follows a request that ends the connection is not answered.
            closing = b"GET /health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
            answer = self.raw(closing * 2, half_close=False)
            self.assertEqual(answer.count(b"HTTP/1.1"), 1)
            self.assertIn(b"\r\nConnection: close\r\n", answer)
            answer = self.raw(b"GET /health HTTP/1.0\r\n\r\n", half_close=False)
            self.assertIn(b"\r\nConnection: close\r\n", answer)
            answer = self.raw(b"GET /health HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            self.assertIn(b"\r\nConnection: keep-alive\r\n", answer)

    def test_bytes_that_trickle_in_are_a_request(self):
        with self.server(), socket.create_connection(("127.0.0.1", self.port), PATIENCE) as client:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for byte in b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n":
                client.sendall(bytes([byte]))
            self.assertTrue(client.recv(4096).startswith(b"HTTP/1.1 200 OK\r\n"))

    def test_resp_is_not_http_and_keeps_its_words(self):
        with self.server() as server:
            with server.connect() as client:
                client.send(b"POST / HTTP/1.1\r\nHost: a\r\n\r\n")
                self.assertEqual(client.read_to_end(), b"")
            with self.server("--maxclients", "1") as other, other.connect() as only:
                only.ok("PING")
                self.assertEqual(self.get("/health")[0], 503)


unittest.main(verbosity=1, warnings="ignore")
