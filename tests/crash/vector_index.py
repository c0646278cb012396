#!/usr/bin/python3
"""A vector index beside writers and through kill -9: writers insert, update, delete, roll back; searches go on meanwhile; the server is
killed at any moment, with and without a checkpoint before, and started again. Whatever the index answers is compared with the exact
answer of the same instant: always as many rows, never one that is not there, and nearly always the nearest.

  vector_index.py [ROUNDS [SEED]]"""
import os
import random
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from trefoil import Directory, ReplyError, Server  # noqa: E402

DIMENSION, IDS, RECALL = 16, 4000, 0.95


def vector(rng):
    centre = random.Random(rng.randrange(40))
    return "[" + ",".join("%.4f" % (centre.uniform(-1, 1) + rng.gauss(0, 0.15)) for _ in range(DIMENSION)) + "]"


def write(server, seed, stop, failures):
    rng = random.Random(seed)
    try:
        with server.connect() as c:
            while not stop.is_set():
                ids = rng.randrange(IDS)
                try:
                    choice = rng.randrange(6)
                    if choice == 0:
                        c.ok("SQL", "DELETE FROM v WHERE id = $1", ids)
                    elif choice < 3:
                        c.ok("SQL", "INSERT INTO v VALUES ($1, $2, $3) ON CONFLICT (id) DO UPDATE SET e = excluded.e", ids, ids % 10, vector(rng))
                    elif choice == 3:
                        c.ok("SQL", "UPDATE v SET e = NULL WHERE id = $1", ids)
                    elif choice == 4:
                        c.ok("SQL", "UPDATE v SET e = $1 WHERE id = $2", vector(rng), ids)
                    else:
                        c.ok("BEGIN")
                        c.ok("SQL", "UPDATE v SET e = $1 WHERE id >= $2 AND id < $3", vector(rng), ids, ids + 5)
                        c.ok("SQL", "INSERT INTO v VALUES ($1, 1, $2)", IDS + rng.randrange(10**9), vector(rng))
                        c.ok(rng.choice(("COMMIT", "ROLLBACK")))
                except ReplyError as error:
                    if "CONFLICT" not in str(error) and "duplicate key" not in str(error):
                        raise
                    try:
                        c.ok("ROLLBACK")
                    except ReplyError:
                        pass  # the transaction is over already
    except (ConnectionError, EOFError, OSError, BrokenPipeError):
        pass  # the server was killed
    except Exception as error:  # noqa: BLE001
        failures.append(repr(error))


def compare(c, rng, queries, floor):
    """Both answers inside BEGIN, so of one instant."""
    wanted = right = 0
    for n in range(queries):
        where = ("", "WHERE g < 5", "WHERE g = 3", "WHERE id < 100")[n % 4]
        q, k = vector(rng), rng.choice((1, 10, 10, 50))
        c.ok("BEGIN")
        found = c.ok("SQL", f"SELECT id, e <-> $1 FROM v {where} ORDER BY e <-> $1 LIMIT {k}", q)[1:]
        exact = c.ok("SQL", f"SELECT id, e <-> $1 FROM v {where} ORDER BY (e <-> $1) + 0.0 LIMIT {k}", q)[1:]
        c.ok("COMMIT")
        assert len(found) == len(exact), (where, k, len(found), len(exact))
        assert len({row[0] for row in found}) == len(found), "a row comes twice"
        truth = {row[0]: row[1] for row in exact}
        for row in found:
            assert row[0] not in truth or truth[row[0]] == row[1], ("a distance differs", row, truth[row[0]])
        wanted += len(truth)
        right += len(truth.keys() & {row[0] for row in found})
    assert right >= floor * wanted, f"recall {right / max(1, wanted):.3f}"
    return right / max(1, wanted)


def main(rounds, seed):
    rng = random.Random(seed)
    print(f"vector_index: seed {seed}")
    with Directory() as directory:
        with Server(directory=directory) as server, server.connect() as c:
            c.ok("SQL", f"CREATE TABLE v (id BIGINT PRIMARY KEY, g INTEGER, e VECTOR({DIMENSION}))")
            for start in range(0, 3000, 250):
                c.ok("SQL", "INSERT INTO v VALUES " + ",".join(f"({i}, {i % 10}, '{vector(rng)}')" for i in range(start, start + 250)))
            c.ok("SQL", "CREATE INDEX ON v USING hnsw (e vector_l2_ops) WITH (m = 16, ef_construction = 100)")
            compare(c, rng, 20, RECALL)
        for n in range(rounds):
            with Server(directory=directory, check_exit=False) as server, server.connect() as c:
                recall = compare(c, rng, 20, RECALL)
                stop, failures = threading.Event(), []
                writers = [threading.Thread(target=write, args=(server, rng.randrange(10**9), stop, failures)) for _ in range(3)]
                for thread in writers:
                    thread.start()
                busy = compare(c, rng, 24, 0.9)
                if n % 2 == 0:
                    c.ok("CHECKPOINT")
                    busy = min(busy, compare(c, rng, 12, 0.9))
                time.sleep(rng.random() * 0.2)
                server.kill()
                stop.set()
                for thread in writers:
                    thread.join()
                assert not failures, failures
            print(f"round {n}: recall {recall:.3f} after the start, {busy:.3f} beside writers")
        with Server(directory=directory) as server, server.connect() as c:
            compare(c, rng, 40, RECALL)
            # All rows, so the exact answer: index and table agree about what there is.
            rows = int(c.ok("SQL", "SELECT count(*) FROM v")[1][0])
            assert len(c.ok("SQL", f"SELECT id FROM v ORDER BY e <-> $1 LIMIT {rows + 10}", vector(rng))[1:]) == rows


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 4, int(sys.argv[2]) if len(sys.argv) > 2 else random.randrange(10**6))
