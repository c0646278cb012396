#!/usr/bin/python3
"""Clients that mean no good, or do not know better: random bytes, broken frames, absurd announcements, statements of nonsense and of
great depth, thousands of idle connections and more than there may be, readers that do not read, much that is sent and then left. The server stays alive, its memory bounded,
and others are answered.

  hostile_clients.py [SECONDS [SEED]]      for each kind of fuzz"""
import errno
import os
import random
import socket
import struct
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from trefoil import Connection, ReplyError, Server, allow_many_files  # noqa: E402

COMMANDS = """PING ECHO GET SET SETEX GETDEL MGET MSET INCR DECR INCRBY DECRBY APPEND STRLEN DEL EXISTS TYPE EXPIRE PEXPIRE EXPIREAT TTL
PTTL PERSIST KEYS SCAN DBSIZE FLUSHDB RENAME LPUSH RPUSH LPOP RPOP LRANGE LLEN LINDEX LSET LTRIM LREM LINSERT HSET HGET HDEL HGETALL HLEN
HINCRBY HMGET HEXISTS SADD SREM SMEMBERS SISMEMBER SCARD SPOP SRANDMEMBER SINTER SUNION ZADD ZREM ZRANGE ZSCORE ZRANK ZCARD ZINCRBY
ZRANGEBYSCORE ZPOPMIN MULTI EXEC DISCARD WATCH UNWATCH BEGIN COMMIT ROLLBACK SAVEPOINT SQL SELECT INSERT UPDATE DELETE CREATE DROP EXPLAIN
CONFIG INFO CLIENT COMMAND HELLO RESET GETRANGE SETRANGE COPY OBJECT""".split()
WORDS = [b"", b"0", b"1", b"-1", b"9223372036854775807", b"-9223372036854775808", b"9223372036854775808", b"1e400", b"nan", b"inf", b"-inf",
         b"3.5", b"*", b"a", b"b", b"list", b"hash", b"set", b"zset", b"NX", b"XX", b"EX", b"PX", b"KEEPTTL", b"GET", b"WITHSCORES", b"LIMIT",
         b"COUNT", b"MATCH", b"BYSCORE", b"BYLEX", b"REV", b"(1", b"[a", b"+", b"-", b"\x00\xff\xfe", b"x" * 5000, b"t", b"TABLE", b"FROM",
         b"INTO", b"VALUES", b"WHERE", b"SELECT 1", b"$1", b"'", b'"', b";", b"--", b"/*", b"\r\n", "ünïcödé".encode(), b"%s%n", b"[" * 100]
TOKENS = """SELECT FROM WHERE GROUP BY HAVING ORDER LIMIT OFFSET DISTINCT INSERT INTO VALUES UPDATE SET DELETE CREATE TABLE INDEX DROP JOIN LEFT ON
USING AS AND OR NOT NULL IS IN BETWEEN LIKE CASE WHEN THEN ELSE END CAST UNION ALL EXCEPT INTERSECT EXISTS RETURNING PRIMARY KEY UNIQUE CHECK
DEFAULT INTEGER BIGINT TEXT DOUBLE BOOLEAN TIMESTAMP DATE JSON VECTOR BLOB t u id v d e count sum avg min max abs length lower upper substr
coalesce nullif round now kv hash zset list ( ) ( ) , , . * + - / % = <> < > <= >= || :: <=> [ ] 0 1 2 3.5 -1 9223372036854775807 1e308 'a'
'2024-01-01' '[1,2,3]' '{"a":1}' 'x''y' "id" $1 $2 ? true false ; EXPLAIN WITH RECURSIVE interval '' ''' " ~ ! @ # -- /* */ $$ \\ é""".split()


class Fuzz:
    def __init__(self, server, seconds, seed):
        self.server, self.seconds, self.seed = server, seconds, seed
        self.witness = server.connect()

    def ping(self, what):
        start = time.monotonic()
        try:
            reply = self.witness.call("PING")
        except (OSError, EOFError):
            time.sleep(0.3)
            raise AssertionError(f"{what}: the server is gone: {self.server.process.poll()}\n" + "".join(self.server.log[-20:])) from None
        assert reply == "PONG", f"{what}: {reply}"
        took = time.monotonic() - start
        assert took < 10, f"{what}: PING took {took:.1f} s"

    def rounds(self, what, one):
        rng = random.Random(f"{self.seed}/{what}")
        until = time.monotonic() + self.seconds
        count = 0
        while time.monotonic() < until:
            case = one(rng)
            count += 1
            self.ping(f"{what} {case!r:.2000}")
        print(f"{what}: {count} rounds", flush=True)

    def raw(self, data, read=True):
        """Sends bytes on a connection of their own and reads what comes until the server closes or has nothing more to say."""
        connection = socket.create_connection(("127.0.0.1", self.server.port), 20)
        try:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            while read and connection.recv(65536):
                pass
        except OSError as error:
            if error.errno not in (errno.ECONNRESET, errno.EPIPE, errno.ENOTCONN):  # closed by the server, as it should be
                raise
        finally:
            connection.close()

    def random_bytes(self, rng):
        alphabet = rng.choice((bytes(range(256)), b"*$0123456789-\r\n:+ab ", b"*$1\r\n"))
        data = bytes(rng.choice(alphabet) for _ in range(rng.randint(1, 400)))
        self.raw(data)
        return data

    def broken_frames(self, rng):
        frames = b"".join(Connection.encode(*self.command(rng)) for _ in range(rng.randint(1, 20)))
        data = bytearray(frames)
        for _ in range(rng.randint(0, 5)):
            at = rng.randrange(len(data))
            how = rng.randrange(3)
            if how == 0:
                data[at] = rng.randrange(256)
            elif how == 1:
                del data[at:at + rng.randint(1, 5)]
            else:
                data[at:at] = rng.choice((b"\r\n", b"*1000000\r\n", b"$99999999\r\n", b"$-1\r\n", b"*-1\r\n", b"\x00"))
            if not data:
                break
        self.raw(bytes(data[:rng.randint(0, len(data))]))
        return bytes(data)

    def command(self, rng):
        return [rng.choice(COMMANDS).encode()] + [rng.choice(WORDS) for _ in range(rng.randint(0, 6))]

    def arguments(self, rng):
        commands = [self.command(rng) for _ in range(30)]
        with self.server.connect() as connection:
            connection.socket.settimeout(20)
            try:
                connection.send(b"".join(Connection.encode(*command) for command in commands))
                for command in commands:
                    connection.read()
            except socket.timeout:
                raise AssertionError(f"no answer to one of {commands}") from None
            except (EOFError, ConnectionResetError, BrokenPipeError):
                pass
        return commands

    def sql(self, rng):
        with self.server.connect() as connection:
            connection.socket.settimeout(30)
            statements = []
            for _ in range(20):
                statements.append(self.statement(rng))
                try:
                    connection.call("SQL", statements[-1], *[rng.choice(WORDS) for _ in range(rng.choice((0, 0, 1, 2)))])
                except socket.timeout:
                    raise AssertionError(f"no answer to {statements[-1]}") from None
                except EOFError:
                    self.ping(statements)
                    raise AssertionError(f"the connection was closed after {statements[-1]}") from None
        return statements

    SEEDS = ["SELECT id, v FROM t WHERE id = 1 AND d < 2.5 ORDER BY v DESC LIMIT 3 OFFSET 1",
             "SELECT grp, count(*), sum(d), min(v) FROM u GROUP BY grp HAVING count(*) > 1 ORDER BY 2",
             "SELECT t.id, u.v FROM t LEFT JOIN u ON t.id = u.id WHERE t.v LIKE 'a%' OR u.v IS NULL",
             "INSERT INTO t (id, v, d) VALUES (1000, 'x', 1.5), (1001, NULL, -0.0) RETURNING id",
             "UPDATE t SET v = v || 'x', d = d * 2 WHERE id BETWEEN 1 AND 5", "DELETE FROM t WHERE id > 900",
             "CREATE TABLE w (a INTEGER PRIMARY KEY, b VARCHAR(5) UNIQUE, c DOUBLE DEFAULT 1.0 CHECK (c > 0))", "DROP TABLE IF EXISTS w",
             "SELECT CASE WHEN id % 2 = 0 THEN 'even' ELSE CAST(id AS TEXT) END FROM t", "CREATE INDEX i ON t (v)",
             "SELECT id FROM e ORDER BY emb <=> '[1,0,0]' LIMIT 2", "SELECT substr(v, 0, -5), round(d, 400), length(v) FROM t",
             "SELECT DATE '2024-02-30', TIMESTAMP '2024-01-01 10:00:00' + INTERVAL '1 day'", "EXPLAIN SELECT * FROM t, u WHERE t.id = u.id",
             "SELECT * FROM kv('*') k", "SELECT (SELECT max(id) FROM t), id IN (SELECT id FROM u), EXISTS (SELECT 1 FROM u) FROM t",
             "SELECT 9223372036854775807 + 1, -9223372036854775808 / -1, 1 / 0, 5 % 0, 1e308 * 10"]

    def statement(self, rng):
        if rng.random() < 0.3:
            return " ".join(rng.choice(TOKENS) for _ in range(rng.randint(1, 25)))
        words = rng.choice(self.SEEDS).split(" ")
        for _ in range(rng.randint(0, 4)):
            at = rng.randrange(len(words))
            how = rng.randrange(4)
            if how == 0:
                words[at] = rng.choice(TOKENS)
            elif how == 1 and len(words) > 1:
                del words[at]
            elif how == 2:
                words.insert(at, rng.choice(TOKENS))
            else:
                other = rng.choice(self.SEEDS).split(" ")
                words[at:at + 2] = other[rng.randrange(len(other)):][:4]
        return " ".join(words)


def depth(server, fuzz):
    """Nesting without end, in each grammar: an error, not a stack overflow."""
    n = 100_000
    statements = ["SELECT " + "(" * n + "1" + ")" * n, "SELECT " + "-" * 1 + " -" * n + "1", "SELECT " + "NOT " * n + "true",
                  "SELECT 1" + " + 1" * n, "SELECT " + "CASE WHEN true THEN " * n + "1" + " END" * n, "SELECT " + "abs(" * n + "1" + ")" * n,
                  "SELECT * FROM " + "(SELECT * FROM " * n + "t" + ")" * n, "SELECT 1" + " UNION ALL SELECT 1" * n,
                  "SELECT 'a'" + " || 'a'" * n, "SELECT true" + " AND true" * n, "SELECT 1" + "::text::integer" * n, "/*" * n,
                  "SELECT " + "1," * n + "1", "SELECT 1 IN (" + "1," * n + "1)", "SELECT '" + "[" * n + "'::json",
                  "SELECT 1 WHERE " + "EXISTS (SELECT 1 WHERE " * n + "true" + ")" * n, "EXPLAIN " * n + "SELECT 1",
                  "SELECT * FROM t" + " JOIN t" * 5000, "WITH a AS (" * n + "SELECT 1" + ")" * n, "SELECT " + "x." * n + "y",
                  "SELECT '" + '{"a":' * n + "1" + "}" * n + "'::json"]
    for statement in statements:
        with server.connect() as connection:
            connection.socket.settimeout(60)
            connection.call("SQL", statement)
        fuzz.ping(statement[:60])
    fuzz.raw(b"*1\r\n" * n)
    fuzz.raw(b"(" * n + b"\r\n")
    fuzz.raw(b'"' * n + b"\r\n")
    fuzz.ping("deep frames")
    with server.connect() as connection:  # more words than any command has
        assert isinstance(connection.call("GET", *["x"] * n), ReplyError)
        assert connection.call("MSET", *["x"] * n) == "OK"
        assert connection.call("KEYS", "*a" * 500 + "none") == [], "a pattern of many stars"
    print("depth: done", flush=True)


def announcements(server, fuzz):
    """600 MB are announced by each of many, and never sent."""
    before = server.rss_kib()
    held = []
    for n in range(50):
        connection = socket.create_connection(("127.0.0.1", server.port), 20)
        connection.sendall((b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$629145600\r\n" if n % 2 else b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$536870000\r\n") + b"x" * 1000)
        held.append(connection)
    for n in range(50):
        connection = socket.create_connection(("127.0.0.1", server.port), 20)
        connection.sendall(b"*1000000\r\n$3\r\nDEL\r\n" if n % 2 else b"*2147483647\r\n$629145600\r\n")
        held.append(connection)
    time.sleep(0.5)
    fuzz.ping("announcements")
    grown = server.rss_kib() - before
    assert grown < 100_000, f"announcements alone took {grown} KiB"
    for connection in held:
        connection.close()
    with server.connect() as connection:  # too long for the setting: said at once, and the connection is closed
        connection.send(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$629145600\r\n")
        reply = connection.read()
        assert isinstance(reply, ReplyError) and "invalid bulk length" in str(reply), reply
        assert connection.read_to_end() == b""
    print(f"announcements: {grown} KiB more", flush=True)


def large_argument(server, fuzz, megabytes):
    """What was announced does come, while others are served."""
    fuzz.witness.ok("CONFIG", "SET", "proto-max-bulk-len", "1gb")
    piece = b"0123456789abcdef" * 65536
    with server.connect() as connection:
        connection.send(b"*3\r\n$3\r\nSET\r\n$5\r\nlarge\r\n$%d\r\n" % (megabytes * len(piece)))
        for _ in range(megabytes):
            connection.send(piece)
            fuzz.ping("a large argument")
        connection.send(b"\r\n")
        assert connection.read() == "OK"
        assert connection.ok("STRLEN", "large") == megabytes * len(piece)
        assert connection.ok("GETRANGE", "large", -20, -1) == piece[-20:]
        assert connection.ok("DEL", "large") == 1
    fuzz.ping("a large argument is gone")
    print(f"an argument of {megabytes} MiB: done", flush=True)


def used_memory(connection):
    return int(connection.ok("INFO", "memory").split(b"used_memory:")[1].split(b"\r\n")[0])


def memory_comes_back(server, fuzz, what, one, rounds):
    """After each round of one(): what is accounted is as little as before, and what the process has as little as after the first."""
    def settle(describe, most, measure):
        until = time.monotonic() + 120  # the allocator gives back what is free after some seconds
        while measure() > most:
            assert time.monotonic() < until, f"{what}: {describe} {measure()}, and not below {most}"
            time.sleep(0.02)
    accounted = used_memory(fuzz.witness)
    resident = []
    for _ in range(rounds):
        one()
        settle("used_memory", accounted + 500_000, lambda: used_memory(fuzz.witness))
        fuzz.ping(what)
        resident.append(server.rss_kib())
    settle("resident KiB", resident[0] + 50_000, server.rss_kib)
    print(f"{what}, {rounds} times: resident after each {', '.join(str(kib >> 10) for kib in resident)} MiB", flush=True)


def half_a_request(server, megabytes):
    with server.connect() as connection:
        connection.send(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$%d\r\n" % (2 * megabytes << 20))
        for _ in range(megabytes):
            connection.send(b"v" * (1 << 20))


def left_in_multi(server, count):
    """All are queued, and then the client is gone."""
    with server.connect() as connection:
        connection.ok("MULTI")
        step = 10_000
        writer = threading.Thread(target=lambda: [connection.send(Connection.encode("SET", "key", "value") * step) for _ in range(count // step)])
        writer.start()
        expected = b"+QUEUED\r\n" * step
        for _ in range(count // step):
            answers = connection.file.read(len(expected))
            assert answers == expected, answers[:200]
        writer.join()


def too_many(server, fuzz, most):
    """One more than may be is told so; when somebody leaves there is room again."""
    held = [server.connect() for _ in range(most - 1)]  # the witness is one, too
    assert all(connection.call("PING") == "PONG" for connection in held)
    for _ in range(300):
        with server.connect() as refused:
            reply = refused.read()
            assert isinstance(reply, ReplyError) and str(reply) == "ERR max number of clients reached", reply
            assert refused.read_to_end() == b""
    fuzz.ping("too many clients")
    held.pop().close()
    until = time.monotonic() + 20
    while True:
        with server.connect() as connection:
            try:
                if connection.call("PING") == "PONG":
                    break
            except (OSError, EOFError):  # refused: closed before it had read the question
                pass
        assert time.monotonic() < until, "somebody has left, and still there is no room"
        time.sleep(0.01)
    for connection in held:
        connection.close()
    print(f"more than {most} clients: told so", flush=True)


def idle_and_slow(server, fuzz, idle):
    before = server.rss_kib()
    held = [socket.create_connection(("127.0.0.1", server.port), 20) for _ in range(idle)]
    for connection in held[::7]:
        connection.sendall(b"*2\r\n$4\r\nEC")  # half a command
    fuzz.ping("idle connections")
    per = (server.rss_kib() - before) / idle
    assert per < 40, f"{per} KiB for an idle connection"
    # Readers that ask for much and read nothing.
    fuzz.witness.ok("SET", "large", b"y" * 1_000_000)
    slow = []
    for _ in range(6):
        connection = socket.socket()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(("127.0.0.1", server.port))
        connection.setblocking(False)
        slow.append(connection)
    request = Connection.encode("GET", "large") * 2000
    for connection in slow:
        try:
            connection.send(request)
        except BlockingIOError:
            pass
    peak = 0
    until = time.monotonic() + 2
    while time.monotonic() < until:
        fuzz.ping("slow readers")
        peak = max(peak, server.rss_kib() - before)
        time.sleep(0.02)
    assert peak < 200_000, f"slow readers made the server grow by {peak} KiB"
    # A connection that dies with half a reply on its way.
    for connection in slow:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()
    fuzz.ping("dead readers")
    for connection in held:
        connection.close()
    fuzz.ping("closed connections")
    print(f"{idle} idle connections: {per:.1f} KiB each; slow readers: {peak} KiB", flush=True)


def main():
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 2.5
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    print(f"seed {seed}")
    with Server("--threads", "2") as server:
        fuzz = Fuzz(server, seconds, seed)
        for statement in ("CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT, d DOUBLE)",
                          "CREATE TABLE u (id INTEGER PRIMARY KEY, v TEXT, grp INTEGER, d DOUBLE)",
                          "CREATE TABLE e (id INTEGER PRIMARY KEY, emb VECTOR(3))",
                          "INSERT INTO t VALUES (1, 'a', 1.5), (2, 'ab', NULL), (3, NULL, -1)",
                          "INSERT INTO u VALUES (1, 'a', 1, 1.5), (2, 'b', 1, 2), (3, NULL, NULL, NULL)",
                          "INSERT INTO e VALUES (1, '[1,2,3]'), (2, '[0,0,1]'), (3, NULL)"):
            fuzz.witness.ok("SQL", statement)
        fuzz.witness.ok("RPUSH", "list", 1, 2, 3)
        fuzz.witness.ok("HSET", "hash", "a", 1)
        fuzz.witness.ok("SADD", "set", 1, "a")
        fuzz.witness.ok("ZADD", "zset", 1, "a", 2, "b")
        for what in ("random_bytes", "broken_frames", "arguments", "sql"):
            fuzz.rounds(what, getattr(fuzz, what))
        depth(server, fuzz)
        size = server.rss_kib()
        assert size < 1_500_000, f"{size} KiB at the end of the fuzzing"
    # Servers of their own, so that what the others left in the allocator hides nothing.
    with Server("--threads", "2") as server:
        announcements(server, Fuzz(server, seconds, seed))
        large_argument(server, Fuzz(server, seconds, seed), 600 if len(sys.argv) > 1 else 64)
    with Server("--threads", "2") as server:
        fuzz = Fuzz(server, seconds, seed)
        memory_comes_back(server, fuzz, "half a request of 200 MB", lambda: half_a_request(server, 100), 4)
        queued = 1_000_000 if len(sys.argv) > 1 else 200_000
        memory_comes_back(server, fuzz, f"{queued} SETs in MULTI", lambda: left_in_multi(server, queued), 8)
        assert fuzz.witness.ok("DBSIZE") == 0
    with Server("--threads", "2", "--maxclients", "40") as server:
        too_many(server, Fuzz(server, seconds, seed), 40)
    # What the system allows bounds the clients, too: 128 files are the server's own.
    with Server("--threads", "2", wrapper=("prlimit", "--nofile=200:200")) as server:
        too_many(server, Fuzz(server, seconds, seed), 200 - 128)
    # The server raises its own limit of open files.
    with Server("--threads", "2", wrapper=("prlimit", "--nofile=1024:")) as server:
        if allow_many_files(5500):
            idle_and_slow(server, Fuzz(server, seconds, seed), 5000)


if __name__ == "__main__":
    main()
