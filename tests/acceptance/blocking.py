#!/usr/bin/python3
"""Statements that wait, over the network: the same scenes for Trefoil and for a real redis-server, in RESP2 and RESP3; then a
crowd of clients that come, wait, hang up and are killed, of which nobody loses an element or gets it twice.

The scenes are skipped where redis-server is not installed.
"""
import os
import random
import shutil
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from redis_server import Redis, Tagged  # noqa: E402
from trefoil import PATIENCE, Server  # noqa: E402


def encoded(line):
    words = [word.encode() for word in line.split()]
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words)


class Client(Tagged):
    def __init__(self, address, protocol=2):
        super().__init__(address)
        if protocol == 3:
            self("HELLO 3")

    def send(self, line):
        self.socket.sendall(encoded(line))
        return self

    def __call__(self, line):
        return self.send(line).read()

    def close(self):
        self.file.close()
        self.socket.close()


class Scene:
    """Plays lines on one server, and keeps every reply."""

    def __init__(self, address, protocol):
        self.address, self.protocol = address, protocol
        self.client = Client(address, protocol)
        self.replies = []
        self.waiting = 0
        self.client("FLUSHALL")

    def run(self, *lines):
        for line in lines:
            self.replies.append((line, self.client(line)))

    def blocked(self):
        info = self.client("INFO clients")[1].decode()
        return int(info.split("blocked_clients:")[1].split()[0])

    def wait(self, line, *behind):
        """A client of its own that waits, with more requests behind."""
        one = Client(self.address, self.protocol)
        one.line = line
        one.send(line)
        for more in behind:
            one.send(more)
        self.waiting += 1
        self.until(self.waiting)
        return one

    def until(self, count):
        end = time.monotonic() + PATIENCE
        while self.blocked() != count:
            if time.monotonic() > end:
                raise SystemExit(f"{self.blocked()} clients are blocked instead of {count}")
            time.sleep(0.002)

    def served(self, *clients):
        for one in clients:
            self.replies.append((one.line, one.read()))
            self.waiting -= 1


def play(scene):
    run, wait, served = scene.run, scene.wait, scene.served
    one = wait("BLPOP k 0")
    run("RPUSH k a b")
    served(one)
    run("LRANGE k 0 -1", "DEL k")

    several = [wait("BRPOP x y 0") for _ in range(3)]
    run("MULTI", "RPUSH y 1 2", "RPUSH x 3", "EXEC")
    served(*several)

    chain = [wait("BLMOVE s d LEFT RIGHT 0"), wait("BLMOVE d e LEFT RIGHT 0")]
    run("RPUSH s v")
    served(*chain)
    run("LRANGE s 0 -1", "LRANGE d 0 -1", "LRANGE e 0 -1")

    served(wait("BLPOP nothing 0.05"), wait("BLMOVE nothing u LEFT LEFT 0.05"), wait("BZPOPMIN nothing 0.05"),
           wait("BLMPOP 0.05 1 nothing LEFT"), wait("WAIT 1 50"))

    one = wait("BLPOP t 0")
    run("SET t 1", "DEL t", "ZADD t 1 m", "DEL t", "RPUSH t2 q", "RENAME t2 t")
    served(one)

    for line, push in (("BZPOPMIN z 0", "ZADD z 1 m 2 n"), ("BZPOPMAX z0 z1 0", "ZADD z1 1.5 m 2.5 n"),
                       ("BZMPOP 0 1 zz MAX COUNT 2", "ZADD zz 1 m 2 n"), ("BLMPOP 0 2 la lb RIGHT COUNT 5", "RPUSH lb m 2 n"),
                       ("BRPOPLPUSH ring ring 0", "RPUSH ring 1 2 3")):
        one = wait(line)
        run(push)
        served(one)

    run("BLPOP k -1", "BLPOP k x", "LMPOP 0 k LEFT", "LMPOP 1 k", "LMPOP 1 k UP", "LMPOP 1 k LEFT COUNT 0", "LMPOP x k LEFT",
        "LMPOP 1 k LEFT COUNT 1 COUNT 1", "LMPOP 1 k LEFT TAKE 1", "LMPOP 2 k k2 LEFT", "ZMPOP 1 nothing MIN", "ZMPOP 1 z1 MIN", "WAIT 0 0",
        "WAIT a 0", "WAIT 1 -1", "WAIT 1 x", "CLIENT UNBLOCK 99999", "CLIENT UNBLOCK x", "CLIENT UNBLOCK 1 FOO", "CLIENT UNBLOCK 1 ERROR x",
        "CLIENT PAUSE x", "CLIENT PAUSE 1 FOO", "CLIENT PAUSE -1", "CLIENT UNPAUSE x", "BLMOVE a b LEFT UP 0", "BLMPOP -1 1 k LEFT",
        "BLMPOP 0 0 k LEFT", "BZMPOP 0 1 k LEFT", "BLPOP k")

    run("SET str x", "BLPOP str 0", "BLMOVE str q LEFT LEFT 0", "BZPOPMIN str 0", "BLPOP none str 0")
    one = wait("BLMOVE src str LEFT LEFT 0")
    run("RPUSH src 1")
    served(one)
    run("LRANGE src 0 -1")

    for how in ("", " TIMEOUT", " ERROR"):
        one = Client(scene.address, scene.protocol)
        number = one("CLIENT ID")[1].decode()
        one.line = "BLPOP nothing 0"
        one.send(one.line)
        scene.waiting += 1
        scene.until(scene.waiting)
        assert scene.client(f"CLIENT UNBLOCK {number}{how}") == (":", b"1")
        served(one)
        assert scene.client(f"CLIENT UNBLOCK {number}{how}") == (":", b"0")

    run("CLIENT PAUSE 60000 WRITE")
    one = wait("SET p 1")
    run("GET p", "CLIENT UNPAUSE")
    served(one)
    run("GET p", "CLIENT PAUSE 50 ALL", "PING")

    one = wait("BLPOP gone 0")
    one.close()
    scene.waiting -= 1
    scene.until(scene.waiting)
    run("RPUSH gone 1", "LRANGE gone 0 -1")

    run("MULTI", "BLPOP none 0", "BLMOVE none n2 LEFT LEFT 0", "WAIT 1 0", "BZPOPMIN none 0", "BLMPOP 0 1 none LEFT", "EXEC")
    one = wait("BLPOP behind 0", "PING", "ECHO hi")
    run("RPUSH behind 1")
    served(one)
    scene.replies.append(("behind", [one.read(), one.read()]))


def scenes():
    with Server() as trefoil, Redis() as redis:
        for protocol in (2, 3):
            both = [Scene(("127.0.0.1", trefoil.port), protocol), Scene(redis.address, protocol)]
            for scene in both:
                play(scene)
            for ours, theirs in zip(both[0].replies, both[1].replies):
                assert ours == theirs, f"RESP{protocol}: {ours[0]}: {ours[1]}, Redis: {theirs[1]}"
            assert len(both[0].replies) == len(both[1].replies)
            print(f"{len(both[0].replies)} replies, the same in RESP{protocol}")


KEYS = 5
ELEMENTS = 3000


def crowd():
    """Consumers take elements; some hang up or are killed while they wait, which must not lose any."""
    rng = random.Random(7)
    with Server("--threads", "2") as server:
        address = ("127.0.0.1", server.port)
        taken, mutex, over = [], threading.Lock(), threading.Event()

        def consume(number):
            mine = random.Random(number)
            while not over.is_set():
                client = Client(address)
                try:
                    for _ in range(mine.randrange(1, 40)):
                        keys = " ".join(f"q{key}" for key in mine.sample(range(KEYS), 2))
                        client.send(f"BLPOP {keys} {mine.choice(['0.01', '0.05', '1'])}")
                        if mine.random() < 0.02:
                            break  # hangs up: what it was sent, if anything, is not lost but taken
                        reply = client.read()
                        if reply[1] not in (b"-1",):
                            with mutex:
                                taken.append(reply[1][1][1])
                finally:
                    client.close()

        threads = [threading.Thread(target=consume, args=(number,)) for number in range(12)]
        for thread in threads:
            thread.start()
        producer = Client(address)
        for element in range(ELEMENTS):
            producer(f"RPUSH q{rng.randrange(KEYS)} e{element}")
            if element % 200 == 100:
                producer("CLIENT LIST")
        end = time.monotonic() + PATIENCE
        while any(producer(f"LLEN q{key}")[1] != b"0" for key in range(KEYS)) and time.monotonic() < end:
            time.sleep(0.01)
        over.set()
        for thread in threads:
            thread.join()
        assert len(taken) == len(set(taken)), "an element was taken twice"
        lost = ELEMENTS - len(taken)
        assert lost <= ELEMENTS // 20, f"{lost} elements are gone"  # those that were sent to who had hung up
        for _ in range(500):
            info = producer("INFO clients")[1].decode()
            if "blocked_clients:0\r" in info:
                break
            time.sleep(0.01)
        assert "blocked_clients:0\r" in info, info
        print(f"{len(taken)} of {ELEMENTS} elements read, {lost} sent to clients that had hung up")


if shutil.which("redis-server"):
    scenes()
crowd()
