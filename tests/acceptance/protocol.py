#!/usr/bin/python3
"""RESP over raw sockets: framing, limits, order, back-pressure, hostile input."""
import os
import random
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from trefoil import Connection, ReplyError, Server, allow_many_files  # noqa: E402

SEED = 20260301


class Protocol(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server("--threads", "2")

    @classmethod
    def tearDownClass(cls):
        assert cls.server.stop() == 0, "".join(cls.server.log[-40:])

    def answer(self, request):
        """Everything the server says to `request`, until it closes because we do."""
        with self.server.connect() as connection:
            connection.send(request)
            connection.half_close()
            return connection.read_to_end()

    def test_frames_split_at_every_byte(self):
        request = (Connection.encode("SET", "split", "hello\r\nworld") + b"PING\r\n" + Connection.encode("GET", "split")
                   + b'ECHO "a b"\r\n' + Connection.encode("DEL", "split"))
        expected = b"+OK\r\n+PONG\r\n$12\r\nhello\r\nworld\r\n$3\r\na b\r\n:1\r\n"
        with self.server.connect() as connection:
            for cut in range(len(request) + 1):
                connection.send(request[:cut])
                time.sleep(0.0005)
                connection.send(request[cut:])
                self.assertEqual(connection.file.read(len(expected)), expected, f"cut at {cut}")

    def test_one_byte_at_a_time(self):
        with self.server.connect() as connection:
            for byte in Connection.encode("ECHO", "drip") + b"PING\r\n":
                connection.send(bytes([byte]))
            self.assertEqual(connection.read(), b"drip")
            self.assertEqual(connection.read(), "PONG")

    def test_a_long_pipeline_is_answered_in_order(self):
        with self.server.connect() as connection:
            connection.send(b"".join(Connection.encode("ECHO", i) for i in range(20000)))
            for i in range(20000):
                self.assertEqual(connection.read(), str(i).encode())

    def test_slow_statements_keep_their_place(self):
        with self.server.connect() as connection:
            connection.ok("SQL", "CREATE TABLE slow_place (a INTEGER)")
            connection.ok("SQL", "INSERT INTO slow_place VALUES (1), (2), (3)")
            request = b""
            for i in range(50):
                request += Connection.encode("ECHO", i) + Connection.encode("SQL", "SELECT count(*) FROM slow_place")
                request += Connection.encode("KEYS", "no such *")
            connection.send(request)
            for i in range(50):
                self.assertEqual(connection.read(), str(i).encode())
                self.assertEqual(connection.read(), [[b"count"], [3]])
                self.assertEqual(connection.read(), [])

    def test_what_takes_long_does_not_hold_up_others(self):
        values = ",".join(f"({i})" for i in range(2000))
        with Server("--threads", "1", "--statement-timeout", "1000") as server, server.connect() as setup:
            setup.ok("SQL", "CREATE TABLE few (i INTEGER)")
            setup.ok("SQL", f"INSERT INTO few VALUES {values}")
            for query in ("SELECT count(*) FROM generate_series(1, 100000) a, generate_series(1, 100000) b",
                          "SELECT count(*) FROM generate_series(1, 10000000000) a",
                          "SELECT count(*) FROM few a, few b, few c",
                          "SELECT (SELECT count(*) FROM few b, few c WHERE b.i + c.i > a.i) FROM few a",
                          f"WITH v AS (VALUES {values}) SELECT count(*) FROM v a, v b, v c"):
                with server.connect() as long, server.connect() as short:
                    long.send(Connection.encode("SQL", query))
                    time.sleep(0.05)
                    begin = time.monotonic()
                    self.assertEqual(short.call("PING"), "PONG")
                    self.assertLess(time.monotonic() - begin, 0.5, query)
                    self.assertIn("timeout", str(long.read()), query)

    def test_a_large_transaction_ends_on_a_worker(self):
        with self.server.connect() as connection:
            connection.ok("SQL", "CREATE TABLE large_transaction (t TEXT)")
            for end, rows in (("ROLLBACK", 0), ("COMMIT", 40)):
                connection.send(b"BEGIN\r\n" + Connection.encode("SQL", f"INSERT INTO large_transaction VALUES ('{'x' * 20000}')") * 40
                                + end.encode() + b"\r\n" + Connection.encode("SQL", "SELECT count(*) FROM large_transaction"))
                self.assertEqual(connection.read(), "OK")
                self.assertEqual([connection.read() for _ in range(40)], [1] * 40)
                self.assertEqual(connection.read(), "OK")
                self.assertEqual(connection.read(), [[b"count"], [rows]])

    def test_a_client_that_closes_its_side_still_gets_its_answers(self):
        reply = self.answer(b"PING\r\n" + Connection.encode("KEYS", "none*") + b"PING\r\n")
        self.assertEqual(reply, b"+PONG\r\n*0\r\n+PONG\r\n")

    def test_where_an_error_is_counts_characters(self):
        self.assertEqual(self.answer(Connection.encode("SQL", "SELECT 'é', nope")),
                         b'-ERR column "nope" does not exist at character 13\r\n')
        attributes = self.answer(b"HELLO 3\r\nCLIENT ATTRIBUTES ON\r\n" + Connection.encode("SQL", "SELECT 'é', nope"))
        self.assertIn(b"position\r\n:12\r\n", attributes)

    def test_inline_commands(self):
        self.assertEqual(self.answer(b"\r\n  \r\nPING\r\nping\n"), b"+PONG\r\n+PONG\r\n")
        self.assertEqual(self.answer(b"SET inline \"a\\tb\\x41\"\r\nGET inline\r\n"), b"+OK\r\n$4\r\na\tbA\r\n")
        self.assertEqual(self.answer(b"SET 'unbalanced\r\n"), b"-ERR Protocol error: unbalanced quotes in request\r\n")
        self.assertEqual(self.answer(b"x" * 70000), b"-ERR Protocol error: too big inline request\r\n")

    def test_protocol_errors_have_redis_texts_and_end_the_connection(self):
        cases = {
            b"*abc\r\n": b"-ERR Protocol error: invalid multibulk length\r\n",
            b"*99999999999\r\n": b"-ERR Protocol error: invalid multibulk length\r\n",
            b"*1\r\n:5\r\n": b"-ERR Protocol error: expected '$', got ':'\r\n",
            b"*1\r\n$abc\r\n": b"-ERR Protocol error: invalid bulk length\r\n",
            b"*1\r\n$-5\r\n": b"-ERR Protocol error: invalid bulk length\r\n",
            b"*1\r\n$600000000\r\n": b"-ERR Protocol error: invalid bulk length\r\n",
            b"*" + b"1" * 70000: b"-ERR Protocol error: too big mbulk count string\r\n",
            b"*1\r\n$" + b"1" * 70000: b"-ERR Protocol error: too big bulk count string\r\n",
        }
        for request, expected in cases.items():
            with self.server.connect() as connection:
                connection.send(b"PING\r\n" + request)
                self.assertEqual(connection.read(), "PONG")
                self.assertEqual(connection.read_to_end(), expected, request[:40])

    def test_empty_and_null_frames_are_no_statements(self):
        self.assertEqual(self.answer(b"*0\r\n*-1\r\nPING\r\n"), b"+PONG\r\n")

    def test_what_a_client_sends_breaks_no_frame_of_its_errors(self):
        for request, expected in {
            ("NO\r\n+PE", "a"): b"-ERR unknown command 'NO  +PE', with args beginning with: 'a' \r\n",
            ("CLIENT", "NO\r\nPE"): b"-ERR unknown subcommand 'NO  PE'. Try CLIENT HELP.\r\n",
            ("CONFIG", "SET", "a\r\nb", "1"): b"-ERR Unknown option or number of arguments for CONFIG SET - 'a  b'\r\n",
            ("SQL", 'SELECT "a\r\nb"'): b'-ERR column "a  b" does not exist at character 8\r\n',
        }.items():
            self.assertEqual(self.answer(Connection.encode(*request) + b"PING\r\n"), expected + b"+PONG\r\n")

    def test_web_requests_are_cut_off(self):
        self.assertNotIn(b"OK", self.answer(b"POST / HTTP/1.1\r\nHost: localhost\r\n\r\nSET a b\r\n"))

    def test_quit_answers_and_closes(self):
        self.assertEqual(self.answer(b"PING\r\nQUIT\r\nPING\r\n"), b"+PONG\r\n+OK\r\n")

    def test_hello_changes_the_protocol_in_the_middle_of_a_pipeline(self):
        with self.server.connect() as connection:
            get = Connection.encode("GET", "nothing here")
            connection.send(get + Connection.encode("HELLO", "3") + get + Connection.encode("HELLO", "2") + get)
            self.assertEqual(connection.file.read(5), b"$-1\r\n")
            hello = connection.read()
            self.assertEqual(hello[b"proto"], 3)
            self.assertEqual(connection.file.read(3), b"_\r\n")
            self.assertIn(b"proto", connection.read())
            self.assertEqual(connection.file.read(5), b"$-1\r\n")
            self.assertTrue(connection.call("HELLO", "9").args[0].startswith("NOPROTO"))

    def test_a_large_argument(self):
        value = random.Random(SEED).randbytes(20_000_000)
        with self.server.connect() as connection:
            self.assertEqual(connection.call("SET", "large", value), "OK")
            self.assertEqual(connection.call("GET", "large"), value)
            connection.ok("DEL", "large")

    def test_announced_bytes_cost_nothing_until_they_come(self):
        before = self.server.rss_kib()
        connections = [self.server.connect() for _ in range(20)]
        for connection in connections:
            connection.send(b"*2\r\n$3\r\nGET\r\n$500000000\r\nabc")
        with self.server.connect() as connection:
            self.assertEqual(connection.call("PING"), "PONG")
        self.assertLess(self.server.rss_kib() - before, 50_000)
        for connection in connections:
            connection.close()

    def test_a_client_that_does_not_read_is_not_served_on(self):
        with self.server.connect() as writer:
            writer.ok("SET", "fat", b"x" * 1_000_000)
        before = self.server.rss_kib()
        sleepers = [self.server.connect() for _ in range(10)]
        for sleeper in sleepers:
            sleeper.send(Connection.encode("GET", "fat") * 500)  # 5 GB of answers in all
        with self.server.connect() as connection:
            for _ in range(100):
                self.assertEqual(connection.call("PING"), "PONG")
            time.sleep(0.5)
            self.assertLess(self.server.rss_kib() - before, 200_000)
            for sleeper in sleepers[1:]:
                sleeper.close()
            # One that begins to read after all gets everything, in order.
            for _ in range(500):
                self.assertEqual(len(sleepers[0].read()), 1_000_000)
            sleepers[0].close()
            connection.ok("DEL", "fat")

    def test_refusals_nobody_reads_are_not_piled_up(self):
        # What a client may do before it is known: be refused, as often as it likes, and read none of it.
        before = self.server.rss_kib()
        sleepers = [self.server.connect() for _ in range(10)]
        requests = (Connection.encode("AUTH", "nobody", "nothing") + Connection.encode("HELLO", "9") + b"NOPE\r\n") * 10_000
        for sleeper in sleepers:
            sleeper.socket.setblocking(False)
            try:
                while sleeper.socket.send(requests):
                    pass
            except BlockingIOError:
                pass
        with self.server.connect() as connection:
            self.assertEqual(connection.call("PING"), "PONG")
            self.assertLess(self.server.rss_kib() - before, 50_000)
        for sleeper in sleepers:
            sleeper.close()

    def test_many_idle_connections(self):
        count = 5000
        if not allow_many_files(count + 200):
            count = 800
        before = self.server.rss_kib()
        connections = [self.server.connect() for _ in range(count)]
        for connection in connections:
            connection.send(b"PING\r\n")
        for connection in connections:
            self.assertEqual(connection.read(), "PONG")
        self.assertLess(self.server.rss_kib() - before, count * 16)
        for connection in connections:
            connection.close()

    def test_fuzz(self):
        """Mutated requests: whatever comes, the server answers others and stays."""
        rng = random.Random(SEED)
        seeds = [Connection.encode("SET", "fuzz", "value"), Connection.encode("GET", "fuzz"), b"PING\r\n",
                 Connection.encode("SQL", "SELECT 1, 'a' WHERE $1 > 2", "3"), Connection.encode("MULTI"), Connection.encode("EXEC"),
                 Connection.encode("ZADD", "fuzzed set", "1.5", "member"), Connection.encode("HELLO", "3"), b"*0\r\n", b"$5\r\nab\r\n",
                 Connection.encode("CLIENT", "SETNAME", "x"), Connection.encode("COMMAND", "DOCS", "get")]
        tokens = [b"\r\n", b"*", b"$", b"-1", b"99999999999999999999", b"\0", b"\xff\xfe", b'"', b"'", b" ", b":", b"0", b"*3\r\n"]
        end = time.monotonic() + 4
        rounds = 0
        while time.monotonic() < end:
            data = bytearray(b"".join(rng.choice(seeds) for _ in range(rng.randint(1, 6))))
            for _ in range(rng.randint(0, 5)):
                at = rng.randrange(len(data) + 1)
                kind = rng.randrange(4)
                if kind == 0 and at < len(data):
                    data[at] = rng.randrange(256)
                elif kind == 1:
                    data[at:at] = rng.choice(tokens)
                elif kind == 2:
                    del data[at:at + rng.randint(1, 8)]
                else:
                    data[at:at] = rng.randbytes(rng.randint(1, 20))
            with self.server.connect() as connection:
                connection.socket.settimeout(20)
                try:
                    connection.send(bytes(data))
                    connection.half_close()
                    connection.read_to_end()
                except (BrokenPipeError, ConnectionResetError):
                    pass
            rounds += 1
            self.assertTrue(self.server.alive(), f"round {rounds}, seed {SEED}: {bytes(data)!r}")
        with self.server.connect() as connection:
            self.assertEqual(connection.call("PING"), "PONG")


class Limits(unittest.TestCase):
    def test_clients_beyond_the_limit_are_refused(self):
        with Server("--maxclients", "3") as server:
            connections = [server.connect() for _ in range(3)]
            for connection in connections:
                self.assertEqual(connection.call("PING"), "PONG")
            with server.connect() as refused:
                self.assertEqual(refused.read_to_end(), b"-ERR max number of clients reached\r\n")
            connections.pop().close()
            for _ in range(200):
                with server.connect() as again:
                    try:
                        if again.call("PING") == "PONG":
                            break
                    except (EOFError, ConnectionError):
                        pass
                time.sleep(0.02)
            else:
                self.fail("a place that became free was not given to anybody")

    def test_an_idle_client_is_closed_when_told_so(self):
        with Server("--timeout", "1") as server, server.connect() as idle, server.connect() as busy:
            self.assertEqual(idle.call("PING"), "PONG")
            for _ in range(12):
                self.assertEqual(busy.call("PING"), "PONG")
                time.sleep(0.5)
            self.assertEqual(idle.read_to_end(), b"")

    def test_an_idle_client_is_closed_when_told_so_later(self):
        with Server("--threads", "3") as server:
            idle = [server.connect() for _ in range(6)]
            for connection in idle:
                self.assertEqual(connection.call("PING"), "PONG")
            with server.connect() as connection:
                connection.ok("CONFIG", "SET", "timeout", "1")
            for connection in idle:
                self.assertEqual(connection.read_to_end(), b"")
                connection.close()

    def test_a_server_stops_though_a_statement_would_never_end(self):
        with Server("--threads", "2") as server, server.connect() as connection:
            connection.send(Connection.encode("SQL", "SELECT count(*) FROM generate_series(1, 1000000) a, generate_series(1, 1000000) b"))
            time.sleep(0.2)
            self.assertEqual(server.stop(), 0)

    def test_a_shorter_bulk_limit_is_respected(self):
        with Server("--proto-max-bulk-len", "1mb") as server, server.connect() as connection:
            self.assertEqual(connection.call("ECHO", "x" * 1_000_000), b"x" * 1_000_000)
            connection.send(b"*2\r\n$4\r\nECHO\r\n$2000000\r\n")
            self.assertEqual(connection.read_to_end(), b"-ERR Protocol error: invalid bulk length\r\n")

    def test_shutdown_command_and_signals_end_with_zero(self):
        with Server() as server:
            with server.connect() as connection:
                connection.send(Connection.encode("SHUTDOWN", "NOSAVE"))
                connection.read_to_end()
            self.assertEqual(server.process.wait(30), 0)
        import signal
        for how in (signal.SIGTERM, signal.SIGINT):
            server = Server()
            connection = server.connect()
            connection.send(b"PING\r\n")
            self.assertEqual(connection.read(), "PONG")
            self.assertEqual(server.stop(how), 0)
            self.assertEqual(connection.read_to_end(), b"")


if __name__ == "__main__":
    unittest.main(verbosity=1, warnings="ignore")
