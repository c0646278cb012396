#!/usr/bin/python3
"""What a server answers after a restart is what it answered before: random commands and statements over all types, in transactions
and alone, then everything is read, the server is killed (or stopped, with or without a checkpoint), and everything is read again.

  same_after_restart.py [ROUNDS [SEED]]"""
import os
import random
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from trefoil import Directory, ReplyError, Server  # noqa: E402

KEYS = [f"k{n}" for n in range(14)]
TABLES = ("t", "u")


class Chaos:
    def __init__(self, connection, rng):
        self.connection, self.rng = connection, rng
        self.open = None

    def value(self):
        rng = self.rng
        return rng.choice((str(rng.randint(-5, 5)), str(rng.randint(-10**18, 10**18)), "x" * rng.choice((0, 1, 40, 3000)), "a", "b", "c",
                           "%.3f" % rng.uniform(-9, 9), b"\x00\xff\r\n", "m%d" % rng.randrange(600)))

    def command(self):
        rng = self.rng
        key, other, v = rng.choice(KEYS), rng.choice(KEYS), self.value
        many = lambda: [v() for _ in range(rng.choice((1, 2, 5, 150)))]  # noqa: E731
        index = lambda: rng.choice((0, 1, -1, -2, 3, 100))  # noqa: E731
        score = lambda: rng.choice((0, 1, -1, 2.5, 1e300, "inf", "-inf", rng.randrange(100)))  # noqa: E731
        return rng.choice((
            lambda: ("SET", key, v()), lambda: ("SET", key, v(), "NX"), lambda: ("SET", key, v(), "XX", "KEEPTTL"),
            lambda: ("SET", key, v(), "EX", 100000), lambda: ("GETDEL", key), lambda: ("MSET", key, v(), other, v()),
            lambda: ("INCRBY", key, rng.randint(-9, 9)), lambda: ("APPEND", key, v()), lambda: ("DEL", key, other),
            lambda: ("EXPIRE", key, 100000), lambda: ("PEXPIREAT", key, 1), lambda: ("PERSIST", key), lambda: ("RENAME", key, other),
            lambda: ("RPUSH", key, *many()), lambda: ("LPUSH", key, *many()), lambda: ("LPOP", key), lambda: ("RPOP", key, rng.randint(1, 9)),
            lambda: ("LSET", key, index(), v()), lambda: ("LTRIM", key, index(), index()), lambda: ("LREM", key, index(), v()),
            lambda: ("HSET", key, v(), v(), v(), v()), lambda: ("HSET", key, *[v() for _ in range(200)]), lambda: ("HDEL", key, v(), v()),
            lambda: ("HINCRBY", key, v(), 3), lambda: ("SADD", key, *many()), lambda: ("SREM", key, *many()), lambda: ("SPOP", key),
            lambda: ("ZADD", key, score(), v(), score(), v()), lambda: ("ZADD", key, *[x for _ in range(150) for x in (score(), v())]),
            lambda: ("ZADD", key, rng.choice(("NX", "XX", "GT", "LT", "CH")), score(), v()), lambda: ("ZREM", key, v(), v()),
            lambda: ("ZINCRBY", key, score(), v()), lambda: ("SETRANGE", key, rng.randrange(50), v()), lambda: ("HINCRBYFLOAT", key, v(), 1.5),
            lambda: ("INCRBYFLOAT", key, 0.1), lambda: ("COPY", key, other, "REPLACE"), lambda: ("SMOVE", key, other, v()),
            lambda: ("ZPOPMIN", key, 2), lambda: ("LMOVE", key, other, "LEFT", "RIGHT"), lambda: ("SINTERSTORE", key, other, key)))()

    def statement(self):
        rng = self.rng
        table, id = rng.choice(TABLES), rng.randrange(40)
        text = lambda: rng.choice(("a", "b", "it''s", "long " * rng.randint(1, 60), "")).replace("''", "'")  # noqa: E731
        number = lambda: rng.choice((0, -1, 7, 2**62, rng.randrange(100)))  # noqa: E731
        return rng.choice((
            lambda: (f"INSERT INTO {table} (id, v, n) VALUES ($1, $2, $3)", id, text(), number()),
            lambda: (f"INSERT INTO {table} (id, v, d, e) VALUES ($1, $2, 1.5, '[{rng.randrange(9)},2,3]'), ({id + 1000}, NULL, -0.25, NULL)",
                     id, text()),
            lambda: (f"UPDATE {table} SET v = v || $1 WHERE id % 5 = $2", text(), id % 5), lambda: (f"DELETE FROM {table} WHERE id = $1", id),
            lambda: (f"UPDATE {table} SET n = n + 1, d = n * 0.5 WHERE id = $1", id), lambda: (f"UPDATE {table} SET id = id + 50 WHERE id = $1", id),
            lambda: (f"UPDATE {table} SET e = '[{rng.randrange(9)},1,1]', b = NOT b WHERE id < $1", id), lambda: (f"DELETE FROM {table} WHERE n > $1", number()),
            lambda: (f"INSERT INTO {table} (id, v) SELECT id + 100, v FROM {rng.choice(TABLES)} WHERE id < $1", id),
            lambda: (f"CREATE INDEX i{rng.randrange(3)} ON {table} ({rng.choice('vnd')})",), lambda: (f"DROP INDEX i{rng.randrange(3)}",),
            lambda: (f"CREATE TABLE x{rng.randrange(3)} (a INTEGER PRIMARY KEY, s TEXT UNIQUE, CHECK (a > 0))",), lambda: (f"DROP TABLE x{rng.randrange(3)}",),
            lambda: (f"INSERT INTO x{rng.randrange(3)} VALUES ($1, $2)", id, str(id % 7))))()

    def step(self):
        rng = self.rng
        if self.open is None and rng.random() < 0.08:
            self.open = rng.choice(("BEGIN", "MULTI"))
            self.call(self.open)
        elif self.open == "BEGIN" and rng.random() < 0.15:
            self.call(("SQL", rng.choice(("SAVEPOINT s", "ROLLBACK TO SAVEPOINT s"))))
        if self.open is not None and rng.random() < 0.15:
            self.call({"BEGIN": rng.choice(("COMMIT", "COMMIT", "ROLLBACK")), "MULTI": rng.choice(("EXEC", "EXEC", "DISCARD"))}[self.open])
            self.open = None
        elif self.open != "MULTI" and rng.random() < 0.4:
            self.call(("SQL", *self.statement()))
        else:
            self.call(self.command())

    def finish(self):
        if self.open is not None:
            self.call("COMMIT" if self.open == "BEGIN" else "EXEC")
            self.open = None

    def call(self, words):
        return self.connection.call(*((words,) if isinstance(words, str) else words))


READS = {"string": ("GET",), "list": ("LRANGE", 0, -1), "hash": ("HGETALL",), "set": ("SMEMBERS",), "zset": ("ZRANGE", 0, -1, "WITHSCORES")}


def dump(connection):
    everything = {"size": connection.ok("DBSIZE")}
    for key in sorted(connection.ok("KEYS", "*")):
        kind = connection.ok("TYPE", key)
        command, *rest = READS[kind]
        value = connection.ok(command, key, *rest)
        if kind == "set":
            value = sorted(value)
        if kind == "hash":
            value = sorted(zip(value[::2], value[1::2]))
        everything[key] = (kind, value, connection.ok("TTL", key) >= 0)
    for table in (*TABLES, "x0", "x1", "x2"):
        rows = connection.call("SQL", f"SELECT * FROM {table} ORDER BY 1")
        everything[table] = str(rows) if isinstance(rows, ReplyError) else rows
        query = "SELECT id FROM {} WHERE n = 7 ORDER BY 1" if table in TABLES else "SELECT a FROM {} WHERE s = '3' ORDER BY 1"
        everything[table + " by index"] = str(connection.call("SQL", query.format(table)))
    return everything


def compare(before, after, what):
    for key in before.keys() | after.keys():
        assert before.get(key) == after.get(key), f"{what}: {key} was\n  {before.get(key)!r:.1500}\nand is\n  {after.get(key)!r:.1500}"


def run_round(rng):
    with Directory() as directory:
        server = Server("--appendfsync", "always", "--threads", "1", directory=directory)
        with server.connect() as connection:
            for table in TABLES:
                connection.ok("SQL", f"CREATE TABLE {table} (id INTEGER PRIMARY KEY, v TEXT, n BIGINT DEFAULT 5, d DOUBLE, b BOOLEAN DEFAULT true, e VECTOR(3))")
        changes = 0
        for _ in range(6):
            with server.connect() as connection:
                chaos = Chaos(connection, rng)
                for _ in range(rng.randint(20, 250)):
                    chaos.step()
                    changes += 1
                chaos.finish()
                before = dump(connection)
                if rng.random() < 0.5:
                    connection.ok("CHECKPOINT")
                    if rng.random() < 0.5:
                        for _ in range(rng.randint(1, 30)):
                            chaos.step()
                        chaos.finish()
                        before = dump(connection)
            how = rng.choice(("killed", "stopped"))
            server.kill() if how == "killed" else server.stop()
            server = Server("--appendfsync", "always", "--threads", "1", directory=directory)
            with server.connect() as connection:
                compare(before, dump(connection), how)
        assert server.stop() == 0
        return changes


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 4
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    print(f"seed {seed}")
    if os.access("/dev/shm", os.W_OK):
        tempfile.tempdir = "/dev/shm"
    rng = random.Random(seed)
    for n in range(rounds):
        print(f"round {n + 1}: {run_round(rng)} steps, six restarts, the same answers", flush=True)


if __name__ == "__main__":
    main()
