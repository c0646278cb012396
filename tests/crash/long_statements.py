#!/usr/bin/python3
"""Nobody takes the server from others: statements that cost much or never end, on a server whose connections share one network
thread. While they run, others are answered: PING, keys, short queries, DDL, CHECKPOINT. Each ends by its timeout, by CLIENT KILL, with
its client, and with the server. What an answer came before is seen in what still runs behind it, not by the clock.

  long_statements.py"""
import os
import socket
import struct
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from trefoil import Directory, ReplyError, Server  # noqa: E402

HANG = 120  # seconds after which something that should end counts as one that does not

# Expressions that cost much, with a chunk's values within what one statement may hold.
COSTLY = {
    "strpos": "strpos(repeat('a', 30000) || 'c' || i, repeat('a', 1000) || 'b') > 0",
    "split_part": "split_part(repeat('a', 30000) || 'c' || i, repeat('a', 1000) || 'b', 2) = 'x'",
    "replace": "replace(repeat('a', 30000) || 'c' || i, repeat('a', 1000) || 'b', 'x') = 'x'",
    "nested replace": "replace(replace(repeat('a', 30) || i, 'a', repeat('b', 1000)), 'b', 'cd') = 'x'",
    "nested repeat": "repeat(repeat('a' || i, 100), 20) = 'x'",
    "LIKE": f"repeat('a', 30000) || i LIKE '{'%a_' * 33_000}b'",
    "ILIKE": f"repeat('a', 30000) || i ILIKE '{'a%' * 50_000}b'",
}
# The same by themselves, of the size that one value may have.
ONCE = {
    "SELECT strpos(repeat('a', 30000000) || 'c', repeat('a', 1000000) || 'b')": 0,
    "SELECT length(split_part(repeat('a', 30000000) || 'c', repeat('a', 1000000) || 'b', 1))": 30_000_001,
    "SELECT length(replace(repeat('a', 30000000) || 'c', repeat('a', 1000000) || 'b', 'x'))": 30_000_001,
    "SELECT length(replace(replace(repeat('a', 3000), 'a', repeat('b', 1000)), 'b', repeat('c', 10)))": 30_000_000,
    "SELECT length(repeat(repeat(repeat('a', 300), 100), 1000))": 30_000_000,
    f"SELECT count(*) FROM t WHERE repeat('a', 1000000) LIKE '{'%a_' * 33_000}b'": 0,
    f"SELECT count(*) FROM t WHERE repeat('a', 1000000) LIKE '{'%a_' * 33_000}'": 3,
}
SERIES = "generate_series(1, 1000000000000) g(i)"
ENDLESS = {
    "a cross join": "SELECT count(*) FROM generate_series(1, 1000000) a(i), generate_series(1, 1000000) b(j) WHERE i + j < 0",
    "count(DISTINCT)": f"SELECT count(DISTINCT i % 1000) FROM {SERIES}",
    "exact KNN": "SELECT count(*) FROM v a, v b, v c WHERE (SELECT d.id FROM v d ORDER BY d.v <-> a.v LIMIT 1) + b.id + c.id < 0",
    "distances": "SELECT count(*) FROM v a, v b, v c, v d WHERE (a.v <-> b.v) + (c.v <-> d.v) < 0",
    "a sort": f"SELECT i FROM {SERIES} WHERE i % 100000000 = 0 ORDER BY i % 7 LIMIT 3",
    "an INSERT": f"INSERT INTO t SELECT i, 'x' FROM {SERIES} WHERE i < 0",
    **{what: f"SELECT count(*) FROM {SERIES} WHERE {expression}" for what, expression in COSTLY.items()},
}
TIMED_OUT = "ERR canceling statement due to statement timeout"
CANCELLED = "ERR canceling statement due to user request"
KILLED = "ERR terminating connection due to administrator command"


class Observer:
    """A connection that sees what all others do."""

    def __init__(self, server):
        self.server = server
        self.connection = server.connect()
        self.connection.socket.settimeout(HANG)

    def call(self, *words):
        return self.connection.ok(*words)

    def sessions(self):
        """By id: what CLIENT LIST says of each session, having compared it with trefoil_sessions()."""
        lines = [dict(word.split("=", 1) for word in line.split(" ")) for line in self.call("CLIENT", "LIST").decode().splitlines()]
        return {int(line["id"]): line for line in lines}

    def states(self):
        return {row[0]: row[4].decode() for row in self.call("SQL", "SELECT * FROM trefoil_sessions()")[1:]}

    def until(self, what, condition):
        end = time.monotonic() + HANG
        while not condition():
            assert time.monotonic() < end, f"{what}: does not come about; sessions: {self.sessions()}"
            time.sleep(0.005)

    def until_runs(self, statement):
        self.until(f"{statement.what} runs", lambda: self.states().get(statement.id) == "running")

    def until_gone(self, statement, how):
        self.until(f"{statement.what} ended by {how}",
                   lambda: statement.id not in self.sessions() and statement.id not in self.states())

    def is_running(self, statement):
        return self.sessions()[statement.id]["state"] == "running" and self.states()[statement.id] == "running"

    def until_quiet(self):
        self.until("nothing runs on", lambda: b"slow_lane_pending:0\r\n" in self.call("INFO", "clients"))


class Statement:
    """A connection of its own that runs a statement of ENDLESS."""

    def __init__(self, observer, what, settings=()):
        self.what = what
        self.connection = observer.server.connect()
        self.connection.socket.settimeout(HANG)
        self.id = self.connection.ok("CLIENT", "ID")
        self.address = "%s:%d" % self.connection.socket.getsockname()
        for setting in settings:
            self.connection.ok("SQL", setting)
        self.connection.send(self.connection.encode("SQL", ENDLESS[what]))

    def answer(self):
        """Of the statement: an error's text."""
        reply = self.connection.read()
        assert isinstance(reply, ReplyError), f"{self.what}: {reply!r:.200}"
        return str(reply)

    def is_closed(self):
        try:
            return self.connection.file.readline() in (b"", f"-{KILLED}\r\n".encode()) and self.connection.read_to_end() == b""
        except ConnectionResetError:
            return True

    def reset(self):
        self.connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.file.close()
        self.connection.socket.close()


def others_are_answered(observer, other, number):
    """By the network thread and by workers of either kind."""
    other.ok("SQL", f"CREATE TABLE made{number} (id int PRIMARY KEY)")
    assert other.ok("SQL", f"INSERT INTO made{number} SELECT i FROM generate_series(1, 1000) g(i)") == 1000
    assert other.ok("SQL", f"SELECT count(*) FROM made{number}") == [[b"count"], [1000]]
    other.ok("SQL", f"CREATE INDEX ON made{number} (id)")
    other.ok("SQL", f"DROP TABLE made{number}")
    assert other.ok("SQL", "SELECT id FROM t WHERE id = 1") == [[b"id"], [1]]
    assert other.ok("SET", "key", number) == "OK" and other.ok("GET", "key") == str(number).encode()
    assert other.ok("KEYS", "key*") == [b"key"]
    other.ok("CHECKPOINT")
    assert other.ok("PING") == "PONG"


def beside_each(observer):
    """Others on the same network thread while it runs; ended by pg_cancel_backend, after which its session goes on."""
    with observer.server.connect() as other:
        other.socket.settimeout(HANG)
        for number, what in enumerate(ENDLESS):
            statement = Statement(observer, what)
            observer.until_runs(statement)
            for _ in range(3):
                assert other.ok("PING") == "PONG"
            assert other.ok("SQL", "SELECT id FROM t WHERE id = 1") == [[b"id"], [1]]
            assert observer.is_running(statement), f"{what}: has ended before others were answered"
            assert observer.call("SQL", f"SELECT * FROM pg_cancel_backend({statement.id})")[1] == [True]
            answer = statement.answer()
            assert answer == CANCELLED, f"{what}: {answer:.300}"
            assert statement.connection.ok("PING") == "PONG"
            assert observer.states()[statement.id] == "idle"
            statement.connection.close()
    print(f"beside {len(ENDLESS)} statements, one at a time: others are answered", flush=True)


def once(observer):
    """All at once; others are answered, and each has its answer."""
    connections = [observer.server.connect() for _ in ONCE]
    for connection, statement in zip(connections, ONCE):
        connection.socket.settimeout(HANG)
        connection.send(connection.encode("SQL", statement))
    with observer.server.connect() as other:
        for number in range(3):
            others_are_answered(observer, other, number)
    for connection, (statement, expected) in zip(connections, ONCE.items()):
        reply = connection.read()
        assert isinstance(reply, list) and reply[1:] == [[expected]], f"{statement:.100}: {reply!r:.300}"
        connection.close()
    observer.until_quiet()


def beside_many(observer):
    """More of them at once than there are workers."""
    statements = [Statement(observer, what) for what in ("a cross join", "count(DISTINCT)", "exact KNN", "strpos", "an INSERT", "LIKE")]
    for statement in statements:
        observer.until_runs(statement)
    with observer.server.connect() as other:
        other.socket.settimeout(HANG)
        for number in range(5):
            others_are_answered(observer, other, number)
    assert all(observer.is_running(statement) for statement in statements), observer.states()
    shown = observer.sessions()[statements[0].id]
    assert shown["cmd"] == "sql" or shown["cmd"] == "select", shown
    assert shown["statement"].startswith("SELECT%20count(*)%20FROM%20generate_series"), shown
    # A setting reaches what runs, but where a session has its own.
    own = Statement(observer, "a cross join", ["SET statement_timeout = 0"])
    observer.until_runs(own)
    observer.call("CONFIG", "SET", "statement-timeout", "100")
    for statement in statements:
        answer = statement.answer()
        assert answer == TIMED_OUT, f"{statement.what}: {answer:.300}"
    observer.call("CONFIG", "SET", "statement-timeout", "0")
    assert observer.is_running(own)
    own.reset()
    observer.until_gone(own, "a reset")
    observer.until_quiet()
    print("beside many at once: keys, short queries, DDL and CHECKPOINT; statement-timeout reaches them", flush=True)


def ends(observer):
    """Each way to end each."""
    ways = {
        "a reset": lambda statement: statement.reset(),
        "a hang-up": lambda statement: statement.connection.close(),
        "CLIENT KILL ID": lambda statement: observer.call("CLIENT", "KILL", "ID", statement.id),
        "CLIENT KILL ADDR": lambda statement: observer.call("CLIENT", "KILL", "ADDR", statement.address),
        "CLIENT KILL address": lambda statement: observer.call("CLIENT", "KILL", statement.address),
        "CLIENT KILL TYPE": lambda statement: observer.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"),
        "pg_terminate_backend": lambda statement: observer.call("SQL", f"SELECT * FROM pg_terminate_backend({statement.id})"),
    }
    for how, end in ways.items():
        statements = [Statement(observer, what) for what in ENDLESS]
        for statement in statements:  # also what may still wait for its turn
            observer.until(f"{statement.what} is at work", lambda: observer.states().get(statement.id) != "idle")
        for statement in statements:
            if how != "CLIENT KILL TYPE":
                end(statement)
            elif statement is statements[0]:
                assert end(statement) == len(statements)
        for statement in statements:
            observer.until_gone(statement, how)
            if how not in ("a reset", "a hang-up"):
                assert statement.is_closed(), f"{statement.what} and {how}"
        observer.until_quiet()
    for what in ENDLESS:
        statement = Statement(observer, what, ["SET statement_timeout = 50"])
        answer = statement.answer()
        assert answer == TIMED_OUT, f"{what}: {answer:.300}"
        statement.connection.close()
    assert observer.call("SQL", "SELECT count(*) FROM t") == [[b"count"], [3]]
    print(f"{len(ENDLESS)} statements end in {len(ways) + 1} ways", flush=True)


def prepare(observer):
    observer.call("SQL", "CREATE TABLE t (id bigint PRIMARY KEY, s text)")
    observer.call("SQL", "INSERT INTO t VALUES (1, 'a'), (2, 'b'), (3, 'c')")
    observer.call("SQL", "CREATE TABLE v (id int PRIMARY KEY, v vector(8))")
    observer.call("SQL", "INSERT INTO v SELECT i, ('[' || i || ',1,2,3,4,5,6,7]')::vector FROM generate_series(1, 3000) g(i)")


def main():
    with Directory() as directory, Server("--threads", "1", "--slow-lane-threads", "2", directory=directory) as server:
        observer = Observer(server)
        prepare(observer)
        beside_each(observer)
        once(observer)
        beside_many(observer)
        ends(observer)
        # SIGTERM, which Server sends at the end and then wants an exit code of 0, finds all of them at work.
        left = [Statement(observer, what) for what in ENDLESS]
        for statement in left:
            observer.until(f"{statement.what} is at work", lambda: observer.states().get(statement.id) != "idle")
    print("SIGTERM ends all of them", flush=True)


if __name__ == "__main__":
    main()
