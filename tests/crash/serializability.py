#!/usr/bin/python3
"""Serializability from outside, by list-append as Elle does it (Kingsbury and Alvaro, "Elle: Inferring Isolation Anomalies from
Experimental Observations", VLDB 2020): concurrent sessions run transactions of reads and appends of unique numbers over lists that
live in keys (RPUSH, APPEND) and rows (UPDATE … SET v = v || …). A read shows the order of the appends before it, so write-write,
write-read and read-write dependencies can be told from the answers alone; a cycle among them, or a list that no order explains, is an
anomaly. Beside the lists there are sets that only grow, read by predicates (rows by scan, by index, by a range of the primary key;
members of a SADD set, a hash, a sorted set; KEYS of a pattern): who sees an element comes after its writer, who does not see it comes
before. That finds phantoms. Transactions are BEGIN … COMMIT, MULTI … EXEC, and either of them behind WATCH, where what was read of the
watched keys before counts as read at the end.

  serializability.py [SECONDS [SEED]]      for each mixture"""
import bisect
import os
import random
import sys
import threading
import time
from collections import defaultdict

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from trefoil import Connection, Directory, ReplyError, Server  # noqa: E402

OBJECTS = 5
SESSIONS = 6
RANGE = 1_000_000  # of the primary keys of one object


KEY_KINDS = ("list", "text", "members", "hash", "sorted", "keys")

KEY_TABLES = {"members": "SELECT * FROM set('members:{}')", "hash": "SELECT * FROM hash('hash:{}')", "keys": "SELECT key FROM kv('key:{}:*')",
              "sorted": "SELECT * FROM zset('sorted:{}')"}


class Operations:
    """The kinds of lists. An object is (kind, number)."""

    # Kinds of which a read tells what is there, but not in which order it came.
    SETS = ("members", "hash", "sorted", "keys", "scan", "index", "range")

    @staticmethod
    def append(target, value):
        kind, number = target
        if kind == "members":
            return ("SADD", f"members:{number}", value)
        if kind == "hash":
            return ("HSET", f"hash:{number}", value, "x")
        if kind == "sorted":
            return ("ZADD", f"sorted:{number}", value, value)
        if kind == "keys":
            return ("SET", f"key:{number}:{value}", value)
        if kind in ("scan", "index"):
            return ("SQL", f"INSERT INTO by_{kind} (value, object) VALUES ($1, $2)", value, number)
        if kind == "range":
            return ("SQL", "INSERT INTO by_range (id) VALUES ($1)", number * RANGE + value)
        if kind == "list":
            return ("RPUSH", f"list:{number}", value)
        if kind == "text":
            return ("APPEND", f"text:{number}", f",{value}")
        return ("SQL", "UPDATE rows SET v = v || $1 WHERE id = $2", f",{value}", number)

    @staticmethod
    def read(target, scan=False):
        kind, number = target
        if scan and kind in KEY_TABLES:  # the same through SQL
            return ("SQL", KEY_TABLES[kind].format(number))
        if kind == "members":
            return ("SMEMBERS", f"members:{number}")
        if kind == "hash":
            return ("HGETALL", f"hash:{number}")
        if kind == "sorted":
            return ("ZRANGE", f"sorted:{number}", 0, -1)
        if kind == "keys":
            return ("KEYS", f"key:{number}:*")
        if kind in ("scan", "index"):
            return ("SQL", f"SELECT value FROM by_{kind} WHERE object = $1", number)
        if kind == "range":
            return ("SQL", "SELECT id FROM by_range WHERE id >= $1 AND id < $2", number * RANGE, (number + 1) * RANGE)
        if kind == "list":
            return ("LRANGE", f"list:{number}", 0, -1)
        if kind == "text":
            return ("GET", f"text:{number}")
        # The same row by its key and by a scan of the table.
        return ("SQL", f"SELECT v FROM rows WHERE id {'+ 0 ' if scan else ''}= $1", number)

    @staticmethod
    def parse(target, reply):
        kind = target[0]
        if isinstance(reply, ReplyError):
            raise reply
        if reply and isinstance(reply[0], list) and kind in KEY_TABLES:
            return [int(row[0].split(b":")[-1]) for row in reply[1:]]
        if kind in ("members", "sorted", "list"):
            return [int(value) for value in reply]
        if kind == "hash":
            return [int(value) for value in reply if value != b"x"]
        if kind == "keys":
            return [int(value.split(b":")[-1]) for value in reply]
        if kind in ("scan", "index", "range"):
            return [int(row[0]) % RANGE for row in reply[1:]]
        if kind == "text":
            return [int(value) for value in (reply or b"").decode().split(",") if value]
        return [int(value) for value in reply[1][0].decode().split(",") if value]


class Transaction:
    def __init__(self, number):
        self.number = number
        self.operations = []  # ("read", object, list) or ("append", object, value), as they were answered
        self.outcome = None  # ok, failed, unknown
        self.begun = self.ended = 0.0

    def __repr__(self):
        return f"T{self.number} {self.outcome} " + " ".join(f"{op}{target}{value}" for op, target, value in self.operations)


class Session(threading.Thread):
    def __init__(self, test, number):
        super().__init__(daemon=True)
        self.test, self.rng = test, random.Random(f"{test.seed}/{number}")
        self.done = []
        self.error = None

    def run(self):
        try:
            self.connection = Connection(self.test.port)
            while time.monotonic() < self.test.until:
                transaction = Transaction(self.test.number())
                self.done.append(transaction)
                transaction.begun = time.monotonic()
                way = self.rng.random()
                if way < 0.12:
                    self.autocommit(transaction)
                elif way < 0.24 and self.test.has_keys:
                    self.multi(transaction)
                elif way < 0.36 and self.test.watchable:
                    self.watched(transaction)
                else:
                    self.block(transaction)
                transaction.ended = time.monotonic()
        except Exception as error:  # noqa: BLE001: reported by the test
            self.error = repr(error)

    def target(self, keys_only=False):
        kinds = [kind for kind in self.test.kinds if kind in KEY_KINDS] if keys_only else self.test.kinds
        return self.rng.choice(kinds), self.rng.randrange(OBJECTS)

    def autocommit(self, transaction):
        target = self.target()
        if self.rng.random() < 0.5:
            value = self.test.number()
            reply = self.connection.call(*Operations.append(target, value))
            if isinstance(reply, ReplyError):
                raise reply  # an autocommit statement never conflicts
            transaction.operations.append(("append", target, value))
        else:
            reply = self.connection.call(*Operations.read(target, self.rng.random() < 0.3))
            transaction.operations.append(("read", target, Operations.parse(target, reply)))
        transaction.outcome = "ok"

    def multi(self, transaction):
        steps = [(self.rng.random() < 0.5, self.target(keys_only=True), self.test.number()) for _ in range(self.rng.randint(2, 4))]
        commands = [Operations.append(target, value) if append else Operations.read(target) for append, target, value in steps]
        self.connection.send(b"".join(Connection.encode(*command) for command in (("MULTI",), *commands, ("EXEC",))))
        replies = [self.connection.read() for _ in range(len(commands) + 2)][-1]
        if isinstance(replies, ReplyError):
            raise replies
        for (append, target, value), reply in zip(steps, replies):
            transaction.operations.append(("append", target, value) if append else ("read", target, Operations.parse(target, reply)))
        transaction.outcome = "ok"

    def watched(self, transaction):
        call = self.connection.call
        targets = list({(self.rng.choice(self.test.watchable), self.rng.randrange(OBJECTS)) for _ in range(self.rng.randint(1, 3))})
        assert call("WATCH", *[Operations.append(target, 0)[1] for target in targets]) == "OK"
        for target in targets:
            transaction.operations.append(("read", target, Operations.parse(target, call(*Operations.read(target)))))
        if self.rng.random() < 0.3:
            time.sleep(0.001)
        begin, end = self.rng.choice((("MULTI", "EXEC"), ("BEGIN", "COMMIT")))
        own = [(target, self.test.number()) for target in (*self.rng.sample(targets, 1), self.target(keys_only=True))]
        commands = [Operations.append(target, value) for target, value in own]
        self.connection.send(b"".join(Connection.encode(*command) for command in ((begin,), *commands, (end,))))
        reply = [self.connection.read() for _ in range(len(commands) + 2)][-1]
        if reply is None or isinstance(reply, ReplyError) and str(reply).startswith("CONFLICT"):
            transaction.operations = []  # what it read was of several moments
            transaction.outcome = "failed"
        elif isinstance(reply, ReplyError):
            raise reply
        else:
            transaction.outcome = "ok"
        transaction.operations += [("append", target, value) for target, value in own]

    def block(self, transaction):
        call = self.connection.call
        assert call("BEGIN") == "OK"
        for _ in range(self.rng.randint(2, 5)):
            target = self.target()
            if self.rng.random() < 0.45:
                value = self.test.number()
                reply = call(*Operations.append(target, value))
                if isinstance(reply, ReplyError):
                    raise reply
                transaction.operations.append(("append", target, value))
            else:
                reply = call(*Operations.read(target, self.rng.random() < 0.3))
                transaction.operations.append(("read", target, Operations.parse(target, reply)))
            if self.rng.random() < 0.2:
                time.sleep(0.001)
        if self.rng.random() < 0.07:
            assert call("ROLLBACK") == "OK"
            transaction.outcome = "failed"
            return
        reply = call("COMMIT")
        if isinstance(reply, ReplyError):
            if not str(reply).startswith("CONFLICT"):
                raise reply
            assert any(op == "append" for op, _, _ in transaction.operations), f"a transaction that only read: {reply}"
            transaction.outcome = "failed"
        else:
            transaction.outcome = "ok"


class Anomaly(AssertionError):
    pass


def check_inside(transaction):
    """Own writes are seen, and a read is repeatable."""
    known = {}
    appended = defaultdict(list)
    for op, target, value in transaction.operations:
        if op == "append":
            appended[target].append(value)
            if target in known and target[0] not in Operations.SETS:
                known[target] = known[target] + [value]
            continue
        if target[0] in Operations.SETS:
            if not set(appended[target]) <= set(value) or len(set(value)) != len(value):
                raise Anomaly(f"own writes {appended[target]} are not in {target}, or something is there twice: {transaction}")
            value = sorted(set(value) - set(appended[target]))
            if known.setdefault(target, value) != value:
                raise Anomaly(f"read {known[target]} and then {value} of {target}: {transaction}")
            continue
        if target in known and known[target] != value:
            raise Anomaly(f"read {known[target]} and then {value} of {target}: {transaction}")
        if target not in known and value[len(value) - len(appended[target]):] != appended[target]:
            raise Anomaly(f"own writes {appended[target]} are not at the end of {target}: {transaction}")
        known[target] = value


def analyse(transactions, final):
    """Raises Anomaly, or returns how many dependencies were found."""
    writer = {}
    for transaction in transactions:
        check_inside(transaction)
        for op, target, value in transaction.operations:
            if op == "append":
                writer[value] = (transaction, target)
    # The order of versions: every read is a prefix of the final list (but for the reader's own appends, if it failed).
    for target, values in final.items():
        if len(set(values)) != len(values):
            raise Anomaly(f"{target} holds a value twice")
        for value in values:
            if value not in writer or writer[value][1] != target:
                raise Anomaly(f"{target} holds {value}, which nobody has appended there")
            if writer[value][0].outcome == "failed":
                raise Anomaly(f"{target} holds {value} of {writer[value][0]}")
    for value, (transaction, target) in writer.items():
        if transaction.outcome == "ok" and value not in final[target]:
            raise Anomaly(f"lost update: {target} does not hold {value} of {transaction}")
    position = {target: {value: at for at, value in enumerate(values)} for target, values in final.items()}

    edges = defaultdict(dict)  # from -> to -> why

    def before(a, b, why):
        if a is not b and b not in edges[a]:
            edges[a][b] = why

    for target, values in final.items():
        if target[0] in Operations.SETS:
            continue
        for left, right in zip(values, values[1:]):
            before(writer[left][0], writer[right][0], f"ww {target} {left} {right}")
    for transaction in transactions:
        own = defaultdict(list)
        for op, target, value in transaction.operations:
            if op == "append":
                own[target].append(value)
                continue
            if target[0] in Operations.SETS:
                seen = set(value) - set(own[target])
                if not seen <= position[target].keys():
                    raise Anomaly(f"dirty read of {seen - position[target].keys()} in {target}: {transaction}")
                if transaction.outcome == "ok":
                    for v in final[target]:
                        if v in seen:
                            before(writer[v][0], transaction, f"wr {target} {v}")
                        else:
                            before(transaction, writer[v][0], f"rw {target} {v}")
                continue
            seen = value[:len(value) - len(own[target])]
            if seen != final[target][:len(seen)]:
                dirty = [v for v in seen if v not in position[target]]
                raise Anomaly(f"{'dirty read of ' + str(dirty) if dirty else 'impossible order'} in {target}: {transaction}")
            if transaction.outcome != "ok":
                continue
            if seen:
                before(writer[seen[-1]][0], transaction, f"wr {target} {seen[-1]}")
            if len(seen) < len(final[target]):
                before(transaction, writer[final[target][len(seen)]][0], f"rw {target} {final[target][len(seen)]}")
    # Real time: what was acknowledged before another began comes first (strict serializability): one node for each end, in order.
    committed = [transaction for transaction in transactions if transaction.outcome == "ok"]
    ends = sorted(committed, key=lambda transaction: transaction.ended)
    marks = [("mark", n) for n in range(len(ends))]
    for n, transaction in enumerate(ends):
        edges[transaction][marks[n]] = "ended"
        if n:
            edges[marks[n - 1]][marks[n]] = "time"
    times = [transaction.ended for transaction in ends]
    for transaction in committed:
        n = bisect.bisect_left(times, transaction.begun)
        if n:
            edges[marks[n - 1]].setdefault(transaction, "began later")
    cycle = find_cycle(edges)
    if cycle:
        raise Anomaly("a cycle:\n" + "\n".join(f"  {node!r}\n    {edges[node][following]}"
                                               for node, following in zip(cycle, cycle[1:] + cycle[:1])))
    return sum(len(targets) for targets in edges.values())


def find_cycle(edges):
    state = {}
    for root in list(edges):
        if root in state:
            continue
        path, work = [], [(root, iter(edges.get(root, ())))]
        state[root] = 1
        path.append(root)
        while work:
            node, following = work[-1]
            for other in following:
                if state.get(other) == 1:
                    return path[path.index(other):]
                if other not in state:
                    state[other] = 1
                    path.append(other)
                    work.append((other, iter(edges.get(other, ()))))
                    break
            else:
                state[node] = 2
                path.pop()
                work.pop()
    return None


class Test:
    def __init__(self, server, kinds, seconds, seed, checkpoints):
        self.port, self.kinds, self.seed = server.port, kinds, seed
        self.has_keys = any(kind in KEY_KINDS for kind in kinds)
        self.watchable = [kind for kind in kinds if kind in KEY_KINDS and kind != "keys"]  # that is one key
        self.counter, self.lock = 0, threading.Lock()
        with server.connect() as connection:
            connection.ok("FLUSHDB")
            connection.ok("SQL", "DROP TABLE IF EXISTS rows")
            connection.ok("SQL", "CREATE TABLE rows (id INTEGER PRIMARY KEY, v TEXT NOT NULL)")
            for table, columns in (("by_scan", "value BIGINT, object INTEGER"), ("by_index", "value BIGINT, object INTEGER"),
                                   ("by_range", "id BIGINT PRIMARY KEY")):
                connection.ok("SQL", f"DROP TABLE IF EXISTS {table}")
                connection.ok("SQL", f"CREATE TABLE {table} ({columns})")
            connection.ok("SQL", "CREATE INDEX by_index_object ON by_index (object)")
            for number in range(OBJECTS):
                connection.ok("SQL", "INSERT INTO rows VALUES ($1, '')", number)
            self.until = time.monotonic() + seconds
            sessions = [Session(self, number) for number in range(SESSIONS)]
            for session in sessions:
                session.start()
            while checkpoints and time.monotonic() < self.until:
                time.sleep(0.2)
                connection.ok("CHECKPOINT")
            for session in sessions:
                session.join(seconds + 60)
                assert not session.is_alive(), "a session hangs"
                assert session.error is None, session.error
            self.final = {}
            for kind in kinds:
                for number in range(OBJECTS):
                    target = (kind, number)
                    self.final[target] = Operations.parse(target, connection.ok(*Operations.read(target)))
        self.transactions = [transaction for session in sessions for transaction in session.done]

    def number(self):
        with self.lock:
            self.counter += 1
            return self.counter


def check_the_checker():
    """Made-up histories with an anomaly must be found out."""
    def transaction(number, outcome, *operations, begun=0.0, ended=9.0):
        made = Transaction(number)
        made.operations, made.outcome, made.begun, made.ended = list(operations), outcome, begun, ended
        return made

    x, y = ("list", 0), ("row", 1)
    skew = [transaction(1, "ok", ("read", x, []), ("append", y, 11)), transaction(2, "ok", ("read", y, []), ("append", x, 12))]
    lost = [transaction(1, "ok", ("append", x, 11)), transaction(2, "ok", ("append", x, 12))]
    dirty = [transaction(1, "failed", ("append", x, 11)), transaction(2, "ok", ("read", x, [11]))]
    stale = [transaction(1, "ok", ("append", x, 11), ended=1.0), transaction(2, "ok", ("read", x, []), begun=2.0)]
    unrepeatable = [transaction(1, "ok", ("append", x, 11)), transaction(2, "ok", ("read", x, []), ("read", x, [11]))]
    z = ("scan", 0)
    phantom = [transaction(1, "ok", ("read", z, []), ("append", z, 11)), transaction(2, "ok", ("read", z, []), ("append", z, 12))]
    for history, final in ((phantom, {z: [11, 12]}), (skew, {x: [12], y: [11]}), (lost, {x: [12]}), (dirty, {x: []}), (stale, {x: [11]}),
                           (unrepeatable, {x: [11]})):
        try:
            analyse(history, final)
        except Anomaly:
            continue
        raise AssertionError(f"not noticed: {history}")
    analyse(skew[:1] + [transaction(2, "ok", ("read", y, [11]), ("append", x, 12))], {x: [12], y: [11]})


def main():
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 1.2
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    print(f"seed {seed}")
    check_the_checker()
    with Server("--threads", "4") as server:
        for kinds in (["list", "text"], ["row"], ["list", "text", "row"], ["members", "hash", "sorted", "keys"], ["scan", "index", "range"],
                      ["index", "range", "keys", "list", "row"]):
            test = Test(server, kinds, seconds, f"{seed}/{kinds}", checkpoints=False)
            report(test)
    with Directory() as directory, Server("--threads", "4", "--appendfsync", "always", directory=directory) as server:
        report(Test(server, ["list", "row", "keys", "index"], seconds, f"{seed}/durable", checkpoints=True))


def report(test):
    dependencies = analyse(test.transactions, test.final)
    committed = sum(transaction.outcome == "ok" for transaction in test.transactions)
    print(f"{'+'.join(test.kinds)}: {committed} committed, {len(test.transactions) - committed} not, {dependencies} dependencies, "
          "serializable", flush=True)


if __name__ == "__main__":
    main()
