#!/usr/bin/python3
"""Keys with a time to live amid crashes: writers that know what they set and until when, kill -9 under `always`, checkpoints, and
restarts that come early or late. No key is there past its time, none vanishes before it, and none comes back.

  expiry.py [ROUNDS [SEED]]      rounds of four crashes on one directory"""
import os
import random
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from trefoil import PATIENCE, Connection, Directory, ReplyError, Server  # noqa: E402

WRITERS = 4
KEYS = 40  # of each writer
CRASHES = 4
TIMES = (1, 5, 30, 80, 200, 500, 1500, 60_000)  # ms to live
MARGIN = 30  # ms around a deadline in which a writer does not ask what depends on it
OPTIONS = ("--appendfsync", "always", "--threads", "2", "--log-segment-size", "1mb")


def now_ms():
    return time.time() * 1000


class State:
    """What a key holds: kind and value, and its deadline, known to lie within [first, last]; None: it has none."""

    def __init__(self, kind, value, first=None, last=None):
        self.kind, self.value, self.first, self.last = kind, value, first, last

    def until(self, first, last):
        return State(self.kind, self.value, first, last)

    def __repr__(self):
        return f"{self.kind} {self.value} until {self.first}..{self.last}"


READS = {"string": ("GET",), "list": ("LRANGE", 0, -1), "hash": ("HGETALL",), "zset": ("ZRANGE", 0, -1)}


def read(connection, key):
    """(kind, value, deadline) of a key as the server tells it, all of one moment; None if it is not there."""
    connection.ok("MULTI")
    for command in (("TYPE", key), ("PEXPIRETIME", key), *[(command, key, *rest) for command, *rest in READS.values()]):
        connection.ok(*command)
    kind, deadline, *values = connection.ok("EXEC")
    if kind == "none":
        assert deadline == -2, deadline
        return None
    value = values[list(READS).index(kind)]
    return kind, value.decode() if kind == "string" else [element.decode() for element in value], deadline


class Writer(threading.Thread):
    def __init__(self, port, number, states, seed):
        super().__init__(daemon=True)
        self.port, self.states, self.rng = port, states, random.Random(seed)
        self.keys = [f"e:{number}:{n}" for n in range(KEYS)]
        self.doubt = None  # (key, state): asked for, not answered
        self.answered = 0
        self.surprise = None

    def run(self):
        try:
            self.connection = Connection(self.port)
            while True:
                self.step()
                self.answered += 1
        except (OSError, EOFError):
            pass
        except Exception as error:  # noqa: BLE001: reported by the test
            self.surprise = repr(error)

    def step(self):
        rng = self.rng
        key = rng.choice(self.keys)
        state = self.states.get(key)
        asked = now_ms()
        if state is not None and state.last is not None and state.last + MARGIN < asked:
            state = None  # dead by now
        sure = state is None or state.first is None or state.first - MARGIN > asked
        life = rng.choice(TIMES)
        value = str(rng.randrange(1000))
        fresh = State("string", value)
        # (command, what the key holds then, its time to live): commands whose outcome does not depend on what is there, and those
        # that are asked only when that is certain.
        ways = [(("SET", key, value), fresh, None), (("SET", key, value, "PX", life), fresh, life), (("SETEX", key, 1, value), fresh, 1000),
                (("DEL", key), None, None)]
        if sure and state is not None:
            ways += [(("PEXPIRE", key, life), state, life), (("PERSIST", key), state.until(None, None), None), (("RENAME", key, key), state, None),
                     (("SET", key, value, "KEEPTTL"), fresh.until(state.first, state.last), None)]
            if state.kind == "string":
                ways += [(("APPEND", key, "x"), State("string", state.value + "x", state.first, state.last), None),
                         (("GETEX", key, "PX", life), state, life)]
            if state.kind == "list":
                ways.append((("RPUSH", key, value), State("list", state.value + [value], state.first, state.last), None))
        elif sure:
            ways += [(("RPUSH", key, value), State("list", [value]), None), (("HSET", key, value, "v"), State("hash", [value, "v"]), None),
                     (("ZADD", key, 1, value), State("zset", [value]), None), (("INCRBY", key, 7), State("string", "7"), None),
                     (("SET", key, value, "NX", "PX", life), fresh, life), (("PEXPIRE", key, life), None, None)]
        command, after, life = rng.choice(ways)
        # A time to live begins at some moment between question and answer.
        self.doubt = (key, after if life is None else after.until(asked + life - 1, float("inf")))
        if self.call(command):
            self.states[key] = after if life is None else after.until(asked + life - 1, now_ms() + life + 1)
        self.doubt = None

    def call(self, command):
        """Alone or in a transaction. False: nothing was done, as the key expired or was swept meanwhile."""
        begin, end = self.rng.choice(((None, None), (None, None), ("BEGIN", "COMMIT"), ("MULTI", "EXEC")))
        if begin is None:
            self.connection.ok(*command)
            return True
        self.connection.send(b"".join(Connection.encode(*one) for one in ((begin,), command, (end,))))
        replies = [self.connection.read() for _ in range(3)]
        errors = [reply for reply in replies + (replies[-1] if isinstance(replies[-1], list) else []) if isinstance(reply, ReplyError)]
        if begin == "BEGIN" and errors and errors[-1] is replies[-1] and str(errors[-1]).startswith("CONFLICT"):
            return False
        assert not errors, (command, errors)
        return True


def matches(found, state, asked, answered):
    if found is None:
        return state is None or (state.first is not None and state.first <= answered)
    if state is None:
        return False
    kind, value, deadline = found
    if (kind, value) != (state.kind, state.value):
        return False
    if state.first is None:
        return deadline == -1
    return state.first <= deadline <= state.last and deadline >= asked - 1


def verify(connection, states, doubts):
    """Reads all keys and puts what is there into `states`."""
    for key in [key for number in range(WRITERS) for key in (f"e:{number}:{n}" for n in range(KEYS))]:
        allowed = [states.get(key)] + [state for doubtful, state in doubts if doubtful == key]
        asked = now_ms()
        found = read(connection, key)
        answered = now_ms()
        assert any(matches(found, state, asked, answered) for state in allowed), \
            f"{key} is {found}, should be one of {allowed}; asked at {asked:.0f}, answered at {answered:.0f}"
        if found is None:
            states.pop(key, None)
        else:
            kind, value, deadline = found
            states[key] = State(kind, value, *((None, None) if deadline == -1 else (deadline, deadline)))


def verify_lists(connection, states):
    """KEYS and kv() show what lives and nothing else; in the end what is dead is gone from memory, too."""
    asked = now_ms()
    shown = {key.decode() for key in connection.ok("KEYS", "e:*")}
    queried = {row[0].decode() for row in connection.ok("SQL", "SELECT key FROM kv('e:*')")[1:]}
    answered = now_ms()
    for key, state in states.items():
        if state.first is None or state.first > answered:
            assert key in shown and key in queried, f"{key}, {state}, is missing"
        elif state.last < asked:
            assert key not in shown and key not in queried, f"{key}, {state}, is shown at {asked}"
    assert shown | queried <= states.keys(), (shown | queried) - states.keys()


def verify_sweep(connection, states):
    until = time.monotonic() + PATIENCE
    while True:
        asked = now_ms()
        living = sum(state.last is None or state.last >= asked for state in states.values())
        size = connection.ok("DBSIZE")
        if size <= living:
            return
        assert time.monotonic() < until, f"DBSIZE is {size}, {living} keys live"
        time.sleep(0.02)


def run_round(rng, seed):
    states, doubts, answered = {}, [], 0
    with Directory() as directory:
        for crash in range(CRASHES):
            server = Server(*OPTIONS, directory=directory)
            with server.connect() as connection:
                verify(connection, states, doubts)
                verify_lists(connection, states)
                writers = [Writer(server.port, number, states, f"{seed}/{crash}/{number}") for number in range(WRITERS)]
                for writer in writers:
                    writer.start()
                for _ in range(rng.randrange(3)):
                    time.sleep(0.2 + rng.random() * 0.4)
                    connection.ok("CHECKPOINT")
                time.sleep(rng.random())
            server.kill()
            for writer in writers:
                writer.join(PATIENCE)
                assert not writer.is_alive() and writer.surprise is None, writer.surprise
            doubts = [writer.doubt for writer in writers if writer.doubt is not None]
            answered += sum(writer.answered for writer in writers)
            time.sleep(rng.choice((0.0, 0.1, 0.7)))  # some deadlines pass while nobody is there
        with Server(*OPTIONS, directory=directory) as server, server.connect() as connection:
            verify(connection, states, doubts)
            verify_lists(connection, states)
            verify_sweep(connection, states)
    return answered


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    print(f"seed {seed}")
    rng = random.Random(seed)
    for n in range(rounds):
        print(f"round {n + 1}: {run_round(rng, f'{seed}/{n}')} commands answered, {CRASHES} crashes, every key in its time", flush=True)


if __name__ == "__main__":
    main()
