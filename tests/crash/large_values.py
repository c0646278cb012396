#!/usr/bin/python3
"""Large values, changed by several clients at once, alone, in EXEC and in blocks, beside checkpoints: what memory holds at the end is what
the log says (DIGEST before and after a kill), and what a checkpoint says. Transactions put private copies of such values in place, which
must be what their effects would have made.

  large_values.py [SECONDS [SEED]]"""
import os
import random
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from trefoil import ReplyError, Server  # noqa: E402

CLIENTS = 5


def change(connection, rng):
    def call(*words):
        answer = connection.call(*words)
        if isinstance(answer, ReplyError):
            assert str(answer).split()[0] in ("CONFLICT", "ERR", "EXECABORT"), answer

    def key(kind):
        return f"{kind}{rng.randrange(6)}"

    def numbers(count, below=20000):
        return [rng.randrange(below) for _ in range(count)]

    def scored(count):
        return [word for number in numbers(count, 9000) for word in (number % 100, number)]

    def block():
        call("BEGIN")
        for _ in range(rng.randrange(5)):
            call("SADD", key("set"), *numbers(3000))
            call("APPEND", key("text"), "z" * 1000)
            call("LPOP", key("list"), 5)
        call(rng.choice(("COMMIT", "COMMIT", "ROLLBACK")))

    def queue():
        call("MULTI")
        call("SADD", key("set"), 1, 2, 3)
        call("INCR", key("number"))
        call("SPOP", key("set"), 2)
        call("EXEC")

    rng.choice((
        lambda: call("APPEND", key("text"), "x" * rng.choice((10, 1000, 400_000))),
        lambda: call("SETRANGE", key("text"), rng.choice((0, 100, 3_000_000)), "y" * rng.choice((1, 1000))),
        lambda: call("EXPIRE", key("text"), 1000), lambda: call("PERSIST", key("text")),
        lambda: call("SADD", key("set"), *numbers(rng.choice((1, 5000)))), lambda: call("SPOP", key("set"), rng.choice((1, 3000))),
        lambda: call("SUNIONSTORE", key("set"), key("set"), key("set")),
        lambda: call("RPUSH", key("list"), *numbers(rng.choice((1, 4000)), 9)), lambda: call("LPOP", key("list"), rng.choice((1, 2000))),
        lambda: call("LTRIM", key("list"), rng.choice((0, 100)), rng.choice((10, 20_000))),
        lambda: call("RENAME", key("list"), key("list")),
        lambda: call("ZADD", key("zset"), *scored(rng.choice((1, 3000)))),
        lambda: call("ZREMRANGEBYRANK", key("zset"), 0, rng.choice((0, 2000))),
        lambda: call("HSET", key("hash"), *numbers(2 * rng.choice((1, 3000)), 9000)),
        lambda: call("COPY", key("hash"), key("hash"), "REPLACE"),
        lambda: call("DEL", key("text"), key("set"), key("list"), key("zset"), key("hash")),
        lambda: call("FLUSHDB") if rng.randrange(15) == 0 else None,
        block, block, queue))()


def main():
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 6
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else random.randrange(10**9)
    print("seed", seed, flush=True)
    failures = []

    def work(server, number, until):
        rng = random.Random(seed * CLIENTS + number)
        connection = server.connect()
        try:
            while time.monotonic() < until:
                change(connection, rng)
                if number == 0 and rng.randrange(10) == 0:
                    connection.call("CHECKPOINT")
        except BaseException as failure:  # noqa: B902: told by the main thread
            failures.append(failure)

    with tempfile.TemporaryDirectory() as directory:
        with Server("--threads", "2", directory=directory, check_exit=False) as server:
            until = time.monotonic() + seconds
            threads = [threading.Thread(target=work, args=(server, number, until)) for number in range(CLIENTS)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            if failures:
                raise failures[0]
            held = server.connect().call("DIGEST")
            server.process.kill()  # the kernel has the log: nothing that was answered is lost
        for says in ("the log", "a checkpoint"):
            with Server(directory=directory) as server:
                found = server.connect().call("DIGEST")
                assert found == held, f"{says} says {found}, memory held {held}"
                server.connect().call("CHECKPOINT")


main()
