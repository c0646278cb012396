#!/usr/bin/python3
"""FEED over real connections: what it looks like in RESP2 and RESP3; and a client that follows a server which is killed again and
again: it goes on from its last position, and what it has been told is what was acknowledged and what is there, each change once.

  feed.py [ROUNDS [SEED]]
"""
import os
import queue
import random
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from redis_server import Tagged  # noqa: E402
from trefoil import Connection, Directory, ReplyError, Server  # noqa: E402


def shapes():
    with Directory() as directory, Server(directory=directory) as server, server.connect() as writer:
        for protocol in (2, 3):
            with Tagged(("127.0.0.1", server.port)) as feed:
                if protocol == 3:
                    feed.call("HELLO", "3")
                kind, begin = feed.call("FEED", "KEYS", "k*", "VALUES")
                assert kind == "$" and b"-" in begin, (kind, begin)
                writer.ok("SET", "other", "x")
                writer.ok("HSET", "k", "f", "v")
                kind, (word, position, changes) = feed.read()
                assert (kind, word) == (">" if protocol == 3 else "*", ("$", b"feed"))
                assert position[0] == "$" and position[1] != begin
                assert changes[0] == "*" and len(changes[1]) == 1
                kind, change = changes[1][0]
                if protocol == 3:
                    assert kind == "%", kind
                else:
                    assert kind == "*", kind
                    change = list(zip(change[::2], change[1::2]))
                named = {name[1]: value for name, value in change}
                assert named[b"key"] == ("$", b"k") and named[b"event"] == ("$", b"hset") and named[b"db"] == (":", b"0"), named
                fields = ("%", [(("$", b"f"), ("$", b"v"))]) if protocol == 3 else ("*", [("$", b"f"), ("$", b"v")])
                nothing = ("_", b"") if protocol == 3 else ("$", b"-1")
                assert named[b"new"] == fields and named[b"old"] == nothing, named
                kind, text = feed.call("GET", "k")
                if protocol == 2:
                    assert kind == "-" and text.startswith(b"ERR Can't execute 'get': only (P|S)SUBSCRIBE"), text
                else:
                    assert (kind, text) == ("-", text) and text.startswith(b"WRONGTYPE"), text
                assert feed.call("FEED", "STOP") == ("+", b"OK")
                writer.ok("DEL", "k")
                assert feed.call("PING") == ("+", b"PONG")


class Follower:
    """Keeps what a feed says, and goes on behind the last whole commit after each disconnection."""

    def __init__(self, protocol):
        self.protocol = protocol
        self.position = "0"
        self.changes = []  # (key, value), in order
        self.failure = None
        self.ports = queue.Queue()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def connect_to(self, port):
        self.ports.put(port)

    def stop(self):
        self.ports.put(None)

    def run(self):
        while self.failure is None and (port := self.ports.get()) is not None:
            try:
                self.follow(port)
            except (OSError, EOFError):
                pass  # it was killed
            except Exception as failure:
                self.failure = repr(failure)

    def follow(self, port):
        with Connection(port) as connection:
            if self.protocol == 3:
                connection.ok("HELLO", "3")
            connection.ok("FEED", "FROM", self.position, "VALUES")
            pending = []
            while True:
                word, position, changes = connection.read()
                assert word == b"feed", word
                for change in changes:
                    if not isinstance(change, dict):
                        change = dict(zip(change[::2], change[1::2]))
                    pending.append((change[b"key"].decode(), change[b"new"].decode()))
                if position is not None:
                    self.changes += pending
                    pending = []
                    self.position = position.decode()


def write(port, name, begin, acked, stop):
    """SET name n, n + 1, …, and every tenth time two keys in one transaction. Notes the numbers that were acknowledged."""
    number = begin
    try:
        with Connection(port) as connection:
            while not stop.is_set():
                if number % 10 == 0:
                    words = [("MULTI",), ("SET", name, number), ("SET", name + ":too", number), ("EXEC",)]
                else:
                    words = [("SET", name, number)]
                connection.send(b"".join(Connection.encode(*each) for each in words))
                for _ in words:
                    answer = connection.read()
                    assert not isinstance(answer, ReplyError), answer
                acked.append(number)
                number += 1
    except (OSError, EOFError):
        pass


def killed(policy, protocol, rounds, rng):
    acked = {f"w{i}": [] for i in range(3)}
    with Directory() as directory:
        follower = Follower(protocol)
        for _ in range(rounds):
            server = Server("--appendfsync", policy, "--log-segment-size", "1mb", "--checkpoint-log-size", rng.choice(("0", "1mb")),
                            directory=directory)
            follower.connect_to(server.port)
            stop = threading.Event()
            threads = []
            for name, numbers in acked.items():
                begin = numbers[-1] + 1 + rng.randrange(1, 3) if numbers else 1  # one more may be there than was acknowledged
                threads.append(threading.Thread(target=write, args=(server.port, name, begin, numbers, stop)))
                threads[-1].start()
            time.sleep(0.2 + rng.random() * 0.6)
            server.kill()
            stop.set()
            for thread in threads:
                thread.join()
        with Server("--appendfsync", policy, directory=directory) as server, server.connect() as connection:
            follower.connect_to(server.port)
            connection.ok("SET", "end", "1")
            deadline = time.monotonic() + 60
            while not follower.changes or follower.changes[-1][0] != "end":
                assert follower.failure is None, follower.failure
                assert time.monotonic() < deadline, follower.changes[-3:]
                time.sleep(0.01)
            told = {}
            for key, value in follower.changes:
                assert not told.get(key) or int(value) > told[key][-1], f"{key}: {value} after {told[key][-1]}"
                told.setdefault(key, []).append(int(value))
            for name, numbers in acked.items():
                missing = set(numbers) - set(told[name])
                assert not missing, f"{name}: acknowledged and never told: {sorted(missing)[:5]}"
                assert [number for number in told[name] if number % 10 == 0] == told[name + ":too"]
                assert connection.ok("GET", name) == str(told[name][-1]).encode()
            follower.stop()
        return len(follower.changes)


if __name__ == "__main__":
    kills = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    seeded = random.Random(int(sys.argv[2]) if len(sys.argv) > 2 else 7)
    shapes()
    for fsync, resp in (("always", 3), ("everysec", 2)):
        print(f"{fsync}: {killed(fsync, resp, kills, seeded)} changes followed through {kills} kills")
