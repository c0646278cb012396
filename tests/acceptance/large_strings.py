#!/usr/bin/python3
"""Strings of a megabyte and more. On their way from the socket to the keyspace they are not copied where that can be helped: a request's
block becomes the key's entry. So: however they arrive (alone, in a pipeline, in pieces, in EXEC, in a block), and whatever is done to
them afterwards, reads, snapshots, the log and a checkpoint say the same, and the account of memory comes back to where it was.

    large_strings.py [SEED]"""
import os
import random
import signal
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from trefoil import PATIENCE, Connection, Directory, ReplyError, Server  # noqa: E402

MB = 1 << 20


def value(rng, size):
    return rng.randbytes(1000) * (size // 1000) + rng.randbytes(size % 1000)


def memory(connection):
    lines = connection.ok("INFO", "memory").decode().splitlines()
    fields = dict(line.split(":", 1) for line in lines if ":" in line)
    return int(fields["used_memory_keys"]), int(fields["used_memory_transactions"]), int(fields["used_memory_clients"])


def await_memory(connection, expected):
    """What is freed is freed by others, and threads keep a page's worth of numbers to themselves."""
    until = time.monotonic() + PATIENCE
    while any(abs(have - want) > MB // 2 for have, want in zip(memory(connection), expected)):
        assert time.monotonic() < until, (memory(connection), expected)
        time.sleep(0.05)


def setting(connection, rng):
    """Every command that sets a string, and what may be done to it afterwards."""
    for size in (MB - 1, MB, MB + 1, 3 * MB + 7, 9 * MB):
        v, w = value(rng, size), value(rng, size)
        assert connection.ok("SET", "k", v) == "OK"
        assert connection.ok("GET", "k") == v
        assert connection.ok("GETSET", "k", w) == v
        assert connection.ok("SET", "k", v, "GET") == w
        assert connection.ok("SET", "k", w, "NX") is None
        assert connection.ok("SET", "k", w, "XX", "EX", 1000) == "OK"
        assert connection.ok("TTL", "k") in (999, 1000)
        assert connection.ok("SET", "k", v, "KEEPTTL") == "OK"
        assert connection.ok("TTL", "k") in (998, 999, 1000)
        assert connection.ok("GET", "k") == v
        assert connection.ok("SETEX", "e", 1000, v) == "OK" and connection.ok("TTL", "e") in (999, 1000)
        assert connection.ok("PSETEX", "e", 1000000, w) == "OK" and connection.ok("GET", "e") == w
        assert connection.ok("PERSIST", "e") == 1 and connection.ok("GET", "e") == w
        assert connection.ok("EXPIRE", "e", 1000) == 1 and connection.ok("EXPIRE", "e", 2000) == 1 and connection.ok("GET", "e") == w
        assert connection.ok("SETNX", "n", v) == 1 and connection.ok("SETNX", "n", w) == 0 and connection.ok("GET", "n") == v
        assert connection.ok("MSET", "a", v, "b", "small", "c", w) == "OK"
        assert connection.ok("MGET", "a", "b", "c") == [v, b"small", w]
        assert connection.ok("MSET", "a", v, "a", w) == "OK" and connection.ok("GET", "a") == w
        assert connection.ok("MSETNX", "a", v, "d", v) == 0 and connection.ok("MSETNX", "d", v) == 1 and connection.ok("GET", "d") == v
        assert connection.ok("RENAME", "n", "m") == "OK" and connection.ok("GET", "m") == v
        assert connection.ok("COPY", "m", "n") == 1 and connection.ok("GET", "n") == v
        assert connection.ok("STRLEN", "k") == size and connection.ok("TYPE", "k") == "string"
        assert connection.ok("OBJECT", "ENCODING", "k") == b"raw"
        assert connection.ok("GETRANGE", "k", size - 5, -1) == v[-5:]
        assert connection.ok("SET", "k", v) == "OK"
        assert connection.ok("APPEND", "k", "end") == size + 3 and connection.ok("APPEND", "k", w) == 2 * size + 3
        assert connection.ok("GET", "k") == v + b"end" + w
        assert connection.ok("SET", "k", v) == "OK"
        assert connection.ok("SETRANGE", "k", 10, "inside") == size and connection.ok("SETRANGE", "k", size + 10, "behind") == size + 16
        assert connection.ok("GET", "k") == v[:10] + b"inside" + v[16:] + bytes(10) + b"behind"
        assert connection.ok("SET", "k", "short") == "OK" and connection.ok("GET", "k") == b"short"
        assert connection.ok("HSET", "h", "field", v) == 1 and connection.ok("HGET", "h", "field") == v
        assert connection.ok("RPUSH", "l", v, w) == 2 and connection.ok("LRANGE", "l", 0, -1) == [v, w]
        assert isinstance(connection.call("APPEND", "h", v), ReplyError) and isinstance(connection.call("LPUSH", "k", v), ReplyError)
        long_key = value(rng, 70_000)
        assert connection.ok("SET", long_key, v) == "OK" and connection.ok("GET", long_key) == v
        assert connection.ok("SET", v, "small") == "OK" and connection.ok("GET", v) == b"small"
        assert connection.ok("DEL", "k", "e", "m", "n", "a", "b", "c", "d", "h", "l", long_key, v) == 12
        assert connection.ok("DBSIZE") == 0


def arriving(connection, rng):
    """The same bytes, cut anywhere."""
    big = [value(rng, rng.choice((MB, MB + 77, 2 * MB, 5 * MB))) for _ in range(6)]
    words = []
    for number, one in enumerate(big):
        words += [("SET", f"p{number}", one), ("PING",), ("SET", "small", number), ("SET", f"q{number}", one, "PX", 10**7)]
    stream = b"".join(Connection.encode(*each) for each in words)
    for longest in (10**9, 3 * MB, 100_000):
        at = 0
        while at < len(stream):
            size = rng.randrange(1, min(longest, len(stream)) + 1)
            connection.send(stream[at:at + size])
            at += size
        assert [connection.read() for _ in words] == ["OK", "PONG", "OK", "OK"] * len(big)
        for number, one in enumerate(big):
            assert connection.ok("MGET", f"p{number}", f"q{number}") == [one, one]
        assert connection.ok("FLUSHALL") == "OK"


def together(server, connection, rng):
    """In EXEC, in a block, beside a block that reads an older state."""
    v, w, x = (value(rng, 2 * MB + number) for number in range(3))
    other = server.connect()
    assert connection.ok("SET", "k", v) == "OK"
    assert other.ok("BEGIN") == "OK" and other.ok("GET", "k") == v
    assert connection.ok("SET", "k", w) == "OK" and connection.ok("SET", "new", w) == "OK"
    assert other.ok("MGET", "k", "new") == [v, None]
    assert connection.ok("MULTI") == "OK"
    for command in (("SET", "k", x), ("GET", "k"), ("APPEND", "k", "tail"), ("SETEX", "e", 1000, x), ("MSET", "y", x, "z", v), ("GET", "k")):
        assert connection.ok(*command) == "QUEUED"
    assert connection.ok("EXEC") == ["OK", x, len(x) + 4, "OK", "OK", x + b"tail"]
    assert connection.ok("MGET", "k", "e", "y", "z") == [x + b"tail", x, x, v]
    assert other.ok("MGET", "k", "new", "e") == [v, None, None]
    assert other.ok("SET", "k", x) == "OK" and other.ok("GET", "k") == x
    assert isinstance(other.call("COMMIT"), ReplyError) and other.ok("GET", "k") == x + b"tail"
    assert other.ok("BEGIN") == "OK" and other.ok("SET", "k", w) == "OK" and other.ok("GETSET", "k", v) == w
    assert connection.ok("GET", "k") == x + b"tail" and other.ok("SAVEPOINT", "s") == "OK"
    assert other.ok("MSET", "k", x, "y", w) == "OK" and other.ok("ROLLBACK", "TO", "s") == "OK"
    assert other.ok("MGET", "k", "y") == [v, x] and other.ok("COMMIT") == "OK" and connection.ok("MGET", "k", "y") == [v, x]
    assert connection.ok("WATCH", "k") == "OK" and other.ok("SET", "k", w) == "OK" and connection.ok("MULTI") == "OK"
    assert connection.ok("SET", "k", x) == "QUEUED" and connection.ok("EXEC") is None and connection.ok("GET", "k") == w
    assert connection.ok("FLUSHALL") == "OK"


def contested(server, rng):
    """Commits that conflict run again, on the words that they were given."""
    clients, rounds = 4, 12
    values = {bytes([65 + number]) * 20 + value(rng, MB + number) for number in range(clients)}
    failures = []

    def work(own):
        try:
            connection = server.connect()
            for _ in range(rounds):
                before = connection.ok("SET", "k", own, "GET")
                assert before is None or before in values
                assert connection.ok("MSET", "k", own, "other", "x") == "OK"
        except BaseException as failure:  # noqa: B902: told by the main thread
            failures.append(failure)

    threads = [threading.Thread(target=work, args=(own,)) for own in values]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    assert server.connect().ok("GET", "k") in values


def main():
    seed = int(sys.argv[1]) if len(sys.argv) > 1 else random.randrange(10**9)
    print("seed", seed, flush=True)
    rng = random.Random(seed)
    with Directory() as directory:
        with Server("--threads", "2", directory=directory, check_exit=False) as server:
            connection = server.connect()
            before = memory(connection)
            setting(connection, rng)
            await_memory(connection, before)
            arriving(connection, rng)
            together(server, connection, rng)
            await_memory(connection, before)
            contested(server, rng)
            for number in range(5):
                connection.ok("SET", f"kept{number}", value(rng, rng.randrange(MB, 4 * MB)), *(("EX", 100000) if number % 2 else ()))
            assert connection.ok("APPEND", "kept0", value(rng, MB)) > 2 * MB
            held = connection.ok("DIGEST")
            server.process.send_signal(signal.SIGKILL)
        for says in ("the log", "a checkpoint"):
            with Server(directory=directory) as server, server.connect() as connection:
                found = connection.ok("DIGEST")
                assert found == held, f"{says} says {found}, memory held {held}"
                connection.ok("CHECKPOINT")
    with Server("--threads", "2", "--maxmemory", "64mb") as server, server.connect() as connection:
        v = value(rng, 18 * MB)
        assert connection.ok("SET", "a", v) == "OK" and connection.ok("SET", "b", v) == "OK"
        assert connection.ok("SET", "c", v) == "OK"  # what is there and what has arrived are less
        refused = connection.call("SET", "d", v)
        assert isinstance(refused, ReplyError) and "OOM" in str(refused), refused
        assert connection.ok("MGET", "a", "b", "c", "d") == [v, v, v, None]
        assert connection.ok("DEL", "a") == 1 and connection.ok("SET", "d", v) == "OK" and connection.ok("GET", "d") == v


main()
