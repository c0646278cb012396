#!/usr/bin/python3
"""Statements over a whole table that others overtake all the time: nothing is lost, nothing is done twice, and what the server has
after it was killed is what it had before.

Two sessions count in all rows (`x = x + 1`, `y = y + 1, note = …`), one moves the unique keys of a part, one deletes what is marked, while
others insert, mark, delete, update single rows and give them new vectors. A table without vectors, whose blocks are packed when most of
their rows are gone, is counted up while it is filled and emptied.

  overtaken.py [SECONDS [SEED]]"""
import os
import random
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from trefoil import Connection, Directory, ReplyError, Server  # noqa: E402

ROWS = 6000
SECONDS = float(sys.argv[1]) if len(sys.argv) > 1 else 6
SEED = int(sys.argv[2]) if len(sys.argv) > 2 else random.randrange(1 << 30)


def sql(connection, *words):
    return connection.ok("SQL", *words)


class Work:
    def __init__(self, server):
        self.server = server
        self.end = time.monotonic() + SECONDS
        self.done = {}
        self.lock = threading.Lock()
        self.failures = []

    def run(self, name, step):
        """step(connection, i, rng) again and again; how often it was done is counted."""
        def body():
            rng = random.Random(f"{SEED} {name}")
            count = 0
            try:
                with Connection(self.server.port) as connection:
                    while time.monotonic() < self.end:
                        step(connection, count, rng)
                        count += 1
            except Exception as error:  # noqa: BLE001
                self.failures.append(f"{name}: {error!r}")
            with self.lock:
                self.done[name] = count
        thread = threading.Thread(target=body)
        thread.start()
        return thread


def vector(rng):
    return "[" + ",".join("%.3f" % rng.uniform(-1, 1) for _ in range(4)) + "]"


def everything(connection):
    return sql(connection, "SELECT * FROM t ORDER BY id") + sql(connection, "SELECT * FROM packed ORDER BY id")[1:]


def overtake(server):
    with Connection(server.port) as connection:
        sql(connection, "CREATE TABLE t (id bigint PRIMARY KEY, u bigint UNIQUE, x bigint, y bigint, k bigint, mark bigint, note text, v vector(4))")
        sql(connection, "CREATE INDEX ON t (x)")
        sql(connection, "CREATE INDEX ON t (note, k)")
        sql(connection, "CREATE INDEX ON t USING hnsw (v vector_l2_ops)")
        sql(connection, f"INSERT INTO t SELECT i, i, 0, 0, 0, 0, 'a note of row number ' || i, NULL FROM generate_series(1, {ROWS}) g(i)")
        sql(connection, "CREATE TABLE packed (id bigint PRIMARY KEY, x bigint, note text)")
        sql(connection, f"INSERT INTO packed SELECT i, 0, 'a note of row number ' || i FROM generate_series(1, {ROWS}) g(i)")
    work = Work(server)
    own = 10_000_000

    def insert(connection, i, rng):
        sql(connection, f"INSERT INTO t VALUES ({own + i}, {own + i}, 0, 0, 0, 0, 'an inserted row, number ' || {i}, '{vector(rng)}')")

    def mark(connection, i, rng):
        sql(connection, f"UPDATE t SET mark = 1 WHERE id = {own + rng.randrange(i + 20)}")

    def delete_marked(connection, i, rng):
        begun = [row[0] for row in sql(connection, "SELECT id FROM t WHERE mark = 1")[1:]]
        sql(connection, "DELETE FROM t WHERE mark = 1")
        left = {row[0] for row in sql(connection, f"SELECT id FROM t WHERE mark = 1 AND id >= {own}")[1:]}
        assert not left.intersection(begun), "a marked row was not deleted"

    def add(connection, i, rng):
        assert sql(connection, f"UPDATE t SET k = k + 1, v = '{vector(rng)}' WHERE id = {rng.randint(1, ROWS)}") == 1

    def add_in_block(connection, i, rng):
        sql(connection, "BEGIN")
        for row in rng.sample(range(1, ROWS + 1), 3):
            sql(connection, f"UPDATE t SET k = k + 1, note = 'touched, for the time number {i}' WHERE id = {row}")
        return 0 if isinstance(connection.call("SQL", "COMMIT"), ReplyError) else 3

    blocks = [0]

    def count_blocks(connection, i, rng):
        blocks[0] += add_in_block(connection, i, rng)

    def whole_x(connection, i, rng):
        assert sql(connection, "UPDATE t SET x = x + 1") >= ROWS

    def whole_y(connection, i, rng):
        assert sql(connection, "UPDATE t SET y = y + 1, note = 'y was counted up to ' || (y + 1) WHERE u > 0") >= ROWS

    def move(connection, i, rng):  # there and back: each key is moved onto one that is free
        sign = 1 if i % 2 == 0 else -1
        assert sql(connection, f"UPDATE t SET u = u + {sign * 1_000_000} WHERE id <= {ROWS} AND id % 3 = 0") == ROWS // 3

    def count_packed(connection, i, rng):
        assert sql(connection, "UPDATE packed SET x = x + 1, note = 'counted up to ' || (x + 1)") >= ROWS // 10

    def shrink(connection, i, rng):  # what was there in the beginning, to a tenth
        sql(connection, f"DELETE FROM packed WHERE id <= {min(ROWS, i * 300)} AND id % 10 <> 0")

    def churn(connection, i, rng):
        first = own + i * 3000
        sql(connection, f"INSERT INTO packed SELECT i, 0, 'comes and goes' FROM generate_series({first}, {first + 2999}) g(i)")
        sql(connection, f"DELETE FROM packed WHERE id >= {own} AND id % {rng.choice((20, 1000000))} <> 0")

    steps = {"insert": insert, "mark": mark, "delete marked": delete_marked, "add": add, "blocks": count_blocks, "x": whole_x, "y": whole_y,
             "move": move, "count packed": count_packed, "shrink": shrink, "churn": churn}
    for thread in [work.run(name, step) for name, step in steps.items()]:
        thread.join()
    assert not work.failures, work.failures
    print(" ".join(f"{name}: {count}" for name, count in sorted(work.done.items())), "added in blocks:", blocks[0], flush=True)
    with Connection(server.port) as connection:
        done = work.done
        got = sql(connection, f"SELECT count(*), min(x), max(x), min(y), max(y), sum(k) FROM t WHERE id <= {ROWS}")[1]
        assert got == [ROWS, done["x"], done["x"], done["y"], done["y"], done["add"] + blocks[0]], (got, done, blocks)
        moved = 1_000_000 * (done["move"] % 2)
        assert sql(connection, f"SELECT count(*) FROM t WHERE id <= {ROWS} AND u = id + CASE WHEN id % 3 = 0 THEN {moved} ELSE 0 END")[1] == [ROWS]
        got = sql(connection, f"SELECT count(*), min(x), max(x) FROM packed WHERE id <= {ROWS} AND id % 10 = 0")[1]
        assert got == [ROWS // 10, done["count packed"], done["count packed"]], (got, done)
        for row in random.Random(SEED).sample(range(1, ROWS + 1), 50):  # by each index, and by none
            x, note, k = sql(connection, f"SELECT x, note, k FROM t WHERE id = {row}")[1]
            found = sql(connection, "SELECT count(*) FROM t WHERE note = $1 AND k = $2 AND id = $3", note, k, row)[1]
            assert found == [1], (row, found)
        near = sql(connection, "SELECT id FROM t WHERE v IS NOT NULL ORDER BY v <-> '[0.1,0.2,0.3,0.4]' LIMIT 5")
        exact = sql(connection, "SELECT id FROM t WHERE v IS NOT NULL ORDER BY (v <-> '[0.1,0.2,0.3,0.4]') + 0 LIMIT 5")
        assert near == exact, (near, exact)
        return everything(connection)


def main():
    print(f"seed {SEED}")
    with Directory() as directory:
        server = Server("--threads", "2", directory=directory)
        before = overtake(server)
        server.kill()
        with Server(directory=directory) as server, Connection(server.port) as connection:
            after = everything(connection)
            assert after == before, next((a, b) for a, b in zip(before, after) if a != b)
            near = sql(connection, "SELECT id FROM t WHERE v IS NOT NULL ORDER BY v <-> '[0.1,0.2,0.3,0.4]' LIMIT 5")
            exact = sql(connection, "SELECT id FROM t WHERE v IS NOT NULL ORDER BY (v <-> '[0.1,0.2,0.3,0.4]') + 0 LIMIT 5")
            assert near == exact, (near, exact)
    print(f"OK: {len(before) - 1} rows are the same after the restart")


if __name__ == "__main__":
    main()
