#!/usr/bin/python3
"""Statements that want more memory than there is: with a small query-memory, with maxmemory, and in an address space that ends. Each is
an error or, where it needs little, succeeds; nothing of a failed one is there; the next statement works; the process lives.

  out_of_memory.py"""
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from trefoil import PATIENCE, PROGRAM, Connection, ReplyError, Server, skip  # noqa: E402

ROWS = "generate_series(1, {n}) g(i)"
OTHERS = "generate_series(1, {n}) h(j)"
COLLECTING = [
    "SELECT i, repeat('z', 100) FROM " + ROWS,
    "SELECT i, repeat('z', 100) FROM " + ROWS + " ORDER BY i % 10, i",
    "SELECT i, count(*) FROM " + ROWS + " GROUP BY i",
    "SELECT i, max(repeat('z', 100)) FROM " + ROWS + " GROUP BY i",
    "SELECT DISTINCT i FROM " + ROWS,
    "SELECT count(DISTINCT i) FROM " + ROWS,
    "SELECT count(*) FROM " + ROWS + " JOIN " + OTHERS + " ON i = j",
    "SELECT count(*) FROM generate_series(1, 10) x(k) WHERE k IN (SELECT i FROM " + ROWS + ")",
    "SELECT i FROM " + ROWS + " UNION SELECT j FROM " + OTHERS,
    "SELECT i FROM " + ROWS + " EXCEPT SELECT j FROM " + OTHERS,
    "SELECT i % 100, string_agg(repeat('z', 100), ',') FROM " + ROWS + " GROUP BY 1",
    "INSERT INTO t SELECT i, repeat('z', 100) FROM " + ROWS,
]


def is_out_of_memory(reply):
    return isinstance(reply, ReplyError) and "out of memory" in str(reply)


def check_alive(connection, rows=0):
    assert connection.call("PING") == "PONG"
    reply = connection.call("SQL", "SELECT count(*) FROM t")
    assert reply == [["count"], [rows]] or reply == [[b"count"], [rows]], reply
    assert connection.call("SET", "small", "value") == "OK"


def collecting(connection, count):
    for statement in COLLECTING:
        reply = connection.call("SQL", statement.replace("{n}", str(count)))
        assert is_out_of_memory(reply), f"{statement}: {str(reply)[:300]}"
        assert "DETAIL" in str(reply) and "HINT" in str(reply), reply
        check_alive(connection)


def small_query_memory():
    with Server("--query-memory", "8mb", "--threads", "2") as server, server.connect() as connection:
        connection.call("SQL", "CREATE TABLE t (id int PRIMARY KEY, name text)")
        before = server.rss_kib()
        collecting(connection, 2_000_000)
        assert server.rss_kib() < before + (128 << 10), f"{before} -> {server.rss_kib()} KiB"
        memory = dict(line.split(":", 1) for line in text(connection.call("INFO", "memory")).splitlines() if ":" in line)
        assert int(memory["used_memory_queries"]) < 1 << 20, memory
        assert int(memory["used_memory_transactions"]) < 1 << 20, memory
        staging(connection)


def text(reply):
    return reply.decode() if isinstance(reply, bytes) else reply


def staging(connection):
    """BEGIN with endless INSERTs: what was let in is committed, the rest is refused."""
    assert connection.call("SQL", "BEGIN") == "OK"
    inserted = 0
    for step in range(1000):
        reply = connection.call("SQL", f"INSERT INTO t SELECT i, repeat('z', 100) FROM generate_series({step * 10000 + 1}, {step * 10000 + 10000}) g(i)")
        if reply != 10000:
            assert is_out_of_memory(reply), reply
            break
        inserted += reply
    else:
        raise AssertionError("a transaction stages without end")
    assert connection.call("SQL", "COMMIT") == "OK"
    check_alive(connection, inserted)
    assert connection.call("SQL", "DELETE FROM t") in (inserted,), inserted


def limited_address_space():
    """The default of query-memory is half of what the process may have; beyond it the system refuses."""
    wrapper = ("bash", "-c", 'ulimit -v 2000000; exec "$@"', "limited")
    with Server("--threads", "2", "--client-query-buffer-limit", "4gb", "--proto-max-bulk-len", "3gb", wrapper=wrapper) as server:
        connection = server.connect()
        connection.call("SQL", "CREATE TABLE t (id int PRIMARY KEY, name text)")
        collecting(connection, 100_000_000)
        # Where the limit of one statement does not help, the system's refusal does.
        assert connection.call("CONFIG", "SET", "query-memory", "100gb") == "OK"
        collecting(connection, 100_000_000)
        endless_queue(server)
        await_freed(server)
        huge_argument(server)
        await_freed(server)
        endless_pipeline(server)
        check_alive(connection)
        fill(server, connection)


def await_freed(server):
    """What a session leaves behind is given back beside the others; until it is, the system goes on to refuse memory."""
    until = time.monotonic() + PATIENCE
    while server.rss_kib() > 300 << 10:
        assert time.monotonic() < until, server.rss_kib()
        time.sleep(0.1)


def endless_queue(server):
    connection = server.connect()
    assert connection.call("MULTI") == "OK"
    value = b"v" * 1_000_000
    reply = "QUEUED"
    for _ in range(4000):
        reply = connection.call("SET", "large", value)
        if reply != "QUEUED":
            break
    assert isinstance(reply, ReplyError), reply
    assert isinstance(connection.call("EXEC"), ReplyError)
    check_alive(connection)


def huge_argument(server):
    connection = server.connect()
    assert connection.call("PING") == "PONG"
    size = 2_500_000_000
    try:
        connection.send(b"*3\r\n$3\r\nSET\r\n$5\r\nlarge\r\n$%d\r\n" % size)
        for _ in range(size // 1_000_000):
            connection.send(b"v" * 1_000_000)
        raise AssertionError("an argument of more than the address space was taken")
    except OSError:
        pass
    check_alive(server.connect())


def endless_pipeline(server):
    """Answers pile up for a client that does not read: its commands are no longer read, and all others go on."""
    connection = server.connect()
    assert connection.call("SET", "megabyte", b"v" * 1_000_000) == "OK"
    connection.socket.settimeout(3)
    try:
        for _ in range(1000):
            connection.send(connection.encode("GET", "megabyte") * 100)
    except OSError:
        pass
    check_alive(server.connect())
    connection.socket.close()


def fill(server, connection):
    """Keys until the system refuses: an error, whatever was acknowledged is there, and deleting helps."""
    value = b"v" * 100_000
    stored = 0
    for number in range(30_000):
        reply = connection.call("SET", f"key{number}", value)
        if reply != "OK":
            assert isinstance(reply, ReplyError), reply
            break
        stored += 1
    else:
        raise AssertionError("more was stored than the address space holds")
    assert stored > 1000, stored
    assert connection.call("GET", f"key{stored - 1}") in (value, value.decode())
    assert connection.call("DBSIZE") >= stored
    assert connection.call("FLUSHALL") == "OK"
    for _ in range(200):  # the memory of so many keys is freed behind the scenes
        if connection.call("SET", "small", "value") == "OK":
            break
        time.sleep(0.1)
    check_alive(connection)


def shell():
    """The embedded shell under the same limit: errors, and the script goes on."""
    statements = "".join(f"{statement};\n".replace("{n}", "2000000") for statement in COLLECTING[1:])
    script = "CREATE TABLE t (id int PRIMARY KEY, name text);\n" + statements + "SELECT 'alive';\n"
    done = subprocess.run(["bash", "-c", 'ulimit -v 2000000; exec "$@"', "limited", PROGRAM, "--query-memory", "8mb"], input=script,
                          capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode >= 0, (done.returncode, done.stderr[-1000:])
    assert "out of memory" in done.stdout + done.stderr, done.stderr[-1000:]


def main():
    small_query_memory()
    if os.environ.get("TREFOIL_BUILD", "").rstrip("/").endswith(("asan", "tsan", "fuzz")):
        return  # a sanitizer's address space has no limit
    shell()
    limited_address_space()


main()
