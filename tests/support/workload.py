"""Writers whose promises can be checked after a crash: what was acknowledged, and what must always hold together.

Each writer has its own thread, connection and keys, so that it knows the order of its own writes; the transfers share accounts.
An error reply is counted; those that say that a transaction was not applied (CONFLICT, or that writes are refused) are normal."""
import random
import threading
import time

from trefoil import Connection, ReplyError

ACCOUNTS = 8
BALANCE = 1000


def text(value):
    return value.decode() if isinstance(value, bytes) else value


class Writer(threading.Thread):
    def __init__(self, load, number):
        super().__init__(daemon=True)
        self.load, self.number = load, number
        self.rng = random.Random(f"{load.seed}/{type(self).__name__}/{number}")
        self.steps = 0  # that were answered, with whatever
        self.sent = self.acked = 0  # in units of step()
        self.acked_at = []  # (when the step began, when it ended, acked): to know what was acknowledged when
        self.conflicts = self.refused = self.unknown = 0
        self.surprise = None
        self.slowest = 0.0

    def run(self):
        try:
            self.connection = Connection(self.load.port)
            while not self.load.stopping:
                begin = time.monotonic()
                self.step()
                now = time.monotonic()
                self.steps += 1
                self.slowest = max(self.slowest, now - begin)
                if not self.acked_at or self.acked_at[-1][2] != self.acked:
                    self.acked_at.append((begin, now, self.acked))
        except (OSError, EOFError):
            pass
        except Exception as error:  # noqa: BLE001: reported by the test
            self.surprise = f"{type(self).__name__} {self.number}: {error!r}"

    def acked_before(self, moment):
        return max((acked for _, ended, acked in self.acked_at if ended < moment), default=0)

    def acked_within(self, intervals):
        """The last step that was begun and acknowledged within one of the (from, to)."""
        return max((acked for begun, ended, acked in self.acked_at if any(first <= begun and ended <= last for first, last in intervals)),
                   default=0)

    def call(self, *arguments):
        return self.connection.call(*arguments)

    def batch(self, *commands):
        """All in one write; a list of replies."""
        self.connection.send(b"".join(Connection.encode(*command) for command in commands))
        return [self.connection.read() for _ in commands]

    def failed(self, reply):
        """Whether `reply` is an error; an unexpected one is raised."""
        if isinstance(reply, list):
            return any([self.failed(one) for one in reply])
        if not isinstance(reply, ReplyError):
            return False
        word = str(reply).split(" ", 1)[0]
        if word == "CONFLICT":
            self.conflicts += 1
        elif word in ("MISCONF", "EXECABORT"):
            self.refused += 1
            time.sleep(0.002)
        elif word == "UNKNOWN":
            self.unknown += 1
        else:
            raise reply
        return True

    def done(self, reply):
        if not self.failed(reply):
            self.acked = self.sent
        return reply


class Counter(Writer):
    """INCR: the value is at least what was acknowledged and at most what was sent."""

    def step(self):
        self.sent += 1
        reply = self.call("INCR", f"counter:{self.number}")
        if not self.failed(reply):
            # After a refusal the value lags behind what was sent.
            assert isinstance(reply, int) and self.acked < reply <= self.sent, (reply, self.acked, self.sent)
            self.acked = self.sent = reply

    def check(self, call, least):
        value = int(call("GET", f"counter:{self.number}") or 0)
        assert least <= value <= self.sent, f"counter {self.number}: {value}, acknowledged {least}, sent {self.sent}"


class Sequence(Writer):
    """SET of new keys, then of a marker: no key may be missing below the last one that is there (the log has no holes)."""

    def step(self):
        self.sent += 1
        n = self.sent
        replies = self.batch(("SET", f"seq:{self.number}:{n}", f"value {n} " + "x" * (n % 300)), ("SET", f"last:{self.number}", n))
        self.done(replies)

    def check(self, call, least):
        last = int(call("GET", f"last:{self.number}") or 0)
        assert last >= least, f"sequence {self.number}: ends at {last}, acknowledged {least}"
        if self.refused or self.unknown:
            return  # holes where writes were refused
        keys = {text(key) for key in call("KEYS", f"seq:{self.number}:*")}
        expected = {f"seq:{self.number}:{n}" for n in range(1, last + 1)}
        extra = keys - expected
        assert not expected - keys, f"sequence {self.number}: {last} is there, {sorted(expected - keys)[:5]} are not"
        assert extra <= {f"seq:{self.number}:{last + 1}"}, f"sequence {self.number}: {sorted(extra)[:5]} behind {last}"
        for n in (1, last // 2, last):
            if 0 < n <= last:
                value, expected = text(call("GET", f"seq:{self.number}:{n}")), f"value {n} " + "x" * (n % 300)
                assert value == expected, f"sequence {self.number}: at {n} of {last} there is {value!r}"


class MultiTransfer(Writer):
    """MULTI: one account loses what another gains; a counter says how often."""

    def step(self):
        self.sent += 1
        amount = self.rng.randint(1, 50)
        source, target = self.rng.sample(range(ACCOUNTS), 2)
        replies = self.batch(("MULTI",), ("DECRBY", f"account:{source}", amount), ("INCRBY", f"account:{target}", amount),
                             ("SET", f"multi:{self.number}", self.sent), ("EXEC",))
        self.done([reply for reply in replies if isinstance(reply, ReplyError)] or replies[-1])

    def check(self, call, least):
        value = int(call("GET", f"multi:{self.number}") or 0)
        assert least <= value <= self.sent, f"multi {self.number}: {value}, acknowledged {least}, sent {self.sent}"


class KeyRowTransfer(Writer):
    """BEGIN: money goes between a key and a row, and a key, a row and a list get the same number."""

    def step(self):
        self.sent += 1
        n, amount = self.sent, self.rng.randint(1, 50)
        key, row = self.rng.randrange(ACCOUNTS), self.rng.randrange(ACCOUNTS)
        replies = self.batch(
            ("BEGIN",), ("DECRBY", f"mixed:{key}", amount),
            ("SQL", "UPDATE mixed SET balance = balance + $1 WHERE id = $2", amount, row),
            ("SET", f"both:{self.number}", n), ("RPUSH", f"list:{self.number}", n),
            ("SQL", "INSERT INTO history (writer, n, note) VALUES ($1, $2, $3)", self.number, n, "note " * (n % 40)),
            ("SQL", "UPDATE both_rows SET n = $1 WHERE id = $2", n, self.number), ("COMMIT",))
        failed = self.failed([reply for reply in replies if isinstance(reply, ReplyError)])
        if not failed:
            self.acked = n
        elif replies[0] == "OK" and isinstance(replies[-1], ReplyError):
            self.call("ROLLBACK")  # answers an error if the failed COMMIT has ended it already

    def check(self, call, least):
        value = int(call("GET", f"both:{self.number}") or 0)
        assert least <= value <= self.sent, f"both {self.number}: {value}, acknowledged {least}, sent {self.sent}"
        row = call("SQL", "SELECT n FROM both_rows WHERE id = $1", self.number)[1][0]
        assert row == value, f"both {self.number}: the key says {value}, the row {row}"
        pushed = [int(n) for n in call("LRANGE", f"list:{self.number}", 0, -1)]
        rows = call("SQL", "SELECT n FROM history WHERE writer = $1 ORDER BY n", self.number)[1:]
        assert pushed == [n for n, in rows], f"history {self.number}: {len(pushed)} in the list, {len(rows)} rows"
        assert pushed[-1:] == ([value] if value else []), f"history {self.number} ends at {pushed[-1:]}, the key says {value}"


class RowTransfer(Writer):
    """One UPDATE statement that changes two rows."""

    def step(self):
        self.sent += 1
        amount = self.rng.randint(1, 50)
        source, target = self.rng.sample(range(ACCOUNTS), 2)
        self.done(self.call("SQL", "UPDATE accounts SET balance = balance + CASE id WHEN $1 THEN 0 - $3 ELSE $3 END, "
                            "changes = changes + 1 WHERE id IN ($1, $2)", source, target, amount))

    def check(self, call, least):
        pass  # the sum of `changes` is checked by Workload


class Bulk(Writer):
    """BEGIN with more than a record holds: it goes to the log in parts, and counts as a whole or not at all."""
    KEYS = 5

    def step(self):
        self.sent += 1
        n = self.sent
        size = self.rng.choice((1_000, 100_000, 500_000))
        replies = self.batch(("BEGIN",), *[("SET", f"bulk:{self.number}:{key}", f"{n}:" + "b" * size) for key in range(self.KEYS)],
                             ("SQL", "DELETE FROM bulk"), ("SQL", "INSERT INTO bulk SELECT value, $1 FROM generate_series(1, 3000) AS s(value)", n),
                             ("COMMIT",))
        if not self.failed([reply for reply in replies if isinstance(reply, ReplyError)]):
            self.acked = n
        elif replies[0] == "OK" and isinstance(replies[-1], ReplyError):
            self.call("ROLLBACK")

    def check(self, call, least):
        found = {(call("GET", f"bulk:{self.number}:{key}") or b"0:").split(b":")[0] for key in range(self.KEYS)}
        assert len(found) == 1, f"bulk {self.number}: the keys come from {found}"
        n = int(found.pop())
        assert least <= n <= self.sent, f"bulk {self.number}: {n}, acknowledged {least}, sent {self.sent}"
        rows = call("SQL", "SELECT count(*), min(n), max(n) FROM bulk")[1]
        assert rows == ([3000, n, n] if n else [0, None, None]), f"bulk {self.number}: the keys say {n}, the rows {rows}"


class Checkpoints(Writer):
    def step(self):
        time.sleep(self.rng.random() * 0.15)
        reply = self.call(self.rng.choice(("CHECKPOINT", "BGREWRITEAOF")))
        if isinstance(reply, ReplyError):
            self.refused += 1

    def check(self, call, least):
        pass


class Workload:
    WRITERS = (Counter, Counter, Sequence, MultiTransfer, MultiTransfer, KeyRowTransfer, KeyRowTransfer, RowTransfer, RowTransfer, Bulk)

    def __init__(self, seed, checkpoints=True):
        self.seed = seed
        self.writers = [kind(self, number) for number, kind in enumerate(self.WRITERS)]
        if checkpoints:
            self.writers.append(Checkpoints(self, len(self.writers)))
        self.stopping = False
        self.port = None

    @classmethod
    def prepare(cls, call):
        """Fills an empty database; returns the first error reply."""
        statements = [("SQL", "CREATE TABLE accounts (id INTEGER PRIMARY KEY, balance BIGINT NOT NULL, changes BIGINT NOT NULL)"),
                      ("SQL", "CREATE TABLE mixed (id INTEGER PRIMARY KEY, balance BIGINT NOT NULL)"),
                      ("SQL", "CREATE TABLE both_rows (id INTEGER PRIMARY KEY, n BIGINT NOT NULL)"),
                      ("SQL", "CREATE TABLE history (writer INTEGER, n BIGINT, note TEXT, PRIMARY KEY (writer, n))"),
                      ("SQL", "CREATE TABLE bulk (id INTEGER PRIMARY KEY, n BIGINT)"),
                      ("SQL", "CREATE INDEX history_n ON history (n)")]
        for n in range(ACCOUNTS):
            statements += [("SET", f"account:{n}", BALANCE), ("SET", f"mixed:{n}", BALANCE),
                           ("SQL", "INSERT INTO accounts VALUES ($1, $2, 0)", n, BALANCE),
                           ("SQL", "INSERT INTO mixed VALUES ($1, $2)", n, BALANCE)]
        statements += [("SQL", "INSERT INTO both_rows VALUES ($1, 0)", n) for n in range(len(cls.WRITERS))]
        for statement in statements:
            reply = call(*statement)
            if isinstance(reply, ReplyError):
                return reply
        return None

    def start(self, port):
        self.port = port
        for writer in self.writers:
            writer.start()

    def stop(self, patience=30):
        """Waits for the writers (the server may be gone already) and raises what surprised them."""
        self.stopping = True
        for writer in self.writers:
            writer.join(patience)
            assert not writer.is_alive(), f"{type(writer).__name__} {writer.number} got no answer"
            assert writer.surprise is None, writer.surprise

    def acked(self):
        return sum(writer.acked for writer in self.writers)

    def check(self, connection, promised=lambda writer: writer.acked):
        """`promised(writer)`: how many of its steps must be there; what came later may be gone. By default all that was acknowledged."""
        def call(*arguments):
            return connection.ok(*arguments)

        row_changes = 0
        for writer in self.writers:
            least = promised(writer)
            writer.check(call, least)
            if isinstance(writer, RowTransfer):
                row_changes += least
        total = sum(int(call("GET", f"account:{n}")) for n in range(ACCOUNTS))
        assert total == ACCOUNTS * BALANCE, f"MULTI: the accounts hold {total}"
        balances = call("SQL", "SELECT sum(balance), sum(changes), count(*) FROM accounts")[1]
        assert int(balances[0]) == ACCOUNTS * BALANCE, f"UPDATE: the accounts hold {balances[0]}"
        assert int(balances[1]) % 2 == 0 and int(balances[1]) >= 2 * (row_changes if not self.lossy() else 0), \
            f"UPDATE: {balances[1]} changes of rows, {row_changes} statements acknowledged"
        keys = sum(int(call("GET", f"mixed:{n}")) for n in range(ACCOUNTS))
        rows = int(call("SQL", "SELECT sum(balance) FROM mixed")[1][0])
        assert keys + rows == 2 * ACCOUNTS * BALANCE, f"BEGIN: keys hold {keys}, rows {rows}"

    def lossy(self):
        """Some statements were refused, so that `acked` of a RowTransfer is not the number of those that succeeded."""
        return any(writer.refused or writer.unknown or writer.conflicts for writer in self.writers if isinstance(writer, RowTransfer))
