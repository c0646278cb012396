#!/usr/bin/python3
"""Memory and its limits, seen from outside: MEMORY and INFO beside redis-server, eviction under load and over a restart, and
connections that are closed because of maxmemory-clients."""
import os
import shutil
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from redis_server import Redis, Tagged  # noqa: E402
from trefoil import Connection, Directory, PATIENCE, Server  # noqa: E402

MEGABYTE = 1 << 20


def info(connection):
    lines = connection.ok("INFO").decode().splitlines()
    return dict(line.split(":", 1) for line in lines if ":" in line)


def wait_for(condition):
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "it does not happen"
        time.sleep(0.02)


def pairs(reply):
    """A map, or RESP2's array of its names and values, as pairs."""
    kind, value = reply
    if kind == "%":
        return value
    return list(zip(value[::2], value[1::2]))


class LikeRedis(unittest.TestCase):
    def setUp(self):
        if shutil.which("redis-server") is None:
            self.skipTest("redis-server is not installed")

    def test_shapes(self):
        with Server("--threads", "1") as server, Redis() as redis:
            for protocol in (2, 3):
                ours, theirs = Tagged(("127.0.0.1", server.port)), Tagged(redis.address)
                for connection in (ours, theirs):
                    connection.call("HELLO", protocol)
                    connection.call("SET", "k", "v")
                for command in (["MEMORY", "DOCTOR"], ["MEMORY", "MALLOC-STATS"], ["MEMORY", "PURGE"], ["MEMORY", "USAGE", "k"],
                                ["MEMORY", "USAGE", "k", "SAMPLES", "0"], ["MEMORY", "STATS"], ["OBJECT", "REFCOUNT", "k"]):
                    our, their = ours.call(*command), theirs.call(*command)
                    self.assertEqual(our[0], their[0], command)
                    if command[1] == "STATS":
                        self.compare_stats(our, their)

    def compare_stats(self, our, their):
        """What Redis tells comes first, in its order; numbers are of the same kind."""
        def shapes(reply):
            return [(name[1], value[0], [n[1] for n, _ in pairs(value)] if isinstance(value[1], list) else None)
                    for name, value in pairs(reply)]
        their_shapes = shapes(their)
        self.assertEqual(shapes(our)[:len(their_shapes)], their_shapes)
        for field in (b"rows.bytes", b"indexes.bytes", b"vectors.bytes", b"plans.bytes", b"queries.bytes", b"keys.snapshots"):
            self.assertIn(field, [name for name, *_ in shapes(our)])

    def test_info_names(self):
        with Server("--threads", "1") as server, Redis() as redis:
            ours = info(server.connect())
            theirs = Tagged(redis.address).call("INFO")[1].decode()
            for name in ("used_memory", "used_memory_peak", "used_memory_startup", "used_memory_rss", "maxmemory", "maxmemory_policy",
                         "used_memory_human", "used_memory_peak_human", "used_memory_rss_human", "maxmemory_human",
                         "mem_fragmentation_ratio", "mem_allocator",
                         "expired_keys", "evicted_keys", "evicted_clients", "keyspace_hits", "keyspace_misses",
                         "total_connections_received", "total_commands_processed"):
                self.assertIn(name, ours)
                self.assertIn(f"\n{name}:", theirs)


class Eviction(unittest.TestCase):
    def test_load_of_many_times_maxmemory_and_a_restart(self):
        with Directory() as directory:
            with Server("--threads", "2", directory=directory) as server:
                control = server.connect()
                limit = int(info(control)["used_memory"]) + 16 * MEGABYTE
                control.ok("CONFIG", "SET", "maxmemory", limit, "maxmemory-policy", "allkeys-lru")
                failures = []

                def load(who):
                    with server.connect() as client:
                        for burst in range(100):
                            keys = [f"{who}:{burst}:{i}" for i in range(200)]
                            client.send(b"".join(client.encode("SET", key, key + "." * 800) for key in keys))
                            failures.extend(reply for reply in (client.read() for _ in keys) if reply != "OK")

                threads = [threading.Thread(target=load, args=(who,)) for who in range(4)]
                for thread in threads:
                    thread.start()
                while any(thread.is_alive() for thread in threads):
                    self.assertLess(int(info(control)["used_memory"]), limit + 16 * MEGABYTE)
                    time.sleep(0.01)
                for thread in threads:
                    thread.join()
                self.assertEqual(failures, [])
                wait_for(lambda: int(info(control)["used_memory"]) < limit + MEGABYTE)
                self.assertGreater(int(info(control)["evicted_keys"]), 40_000)
                control.ok("CONFIG", "SET", "maxmemory", "0")
                size, digest = control.ok("DBSIZE"), control.ok("DIGEST")
                self.assertGreater(size, 5000)
            with Server("--threads", "2", directory=directory) as server:
                control = server.connect()
                self.assertEqual(control.ok("DBSIZE"), size)
                self.assertEqual(control.ok("DIGEST"), digest)


class Clients(unittest.TestCase):
    def test_those_with_most_memory_are_closed(self):
        with Server("--threads", "2") as server:
            control = server.connect()
            control.ok("CLIENT", "NO-EVICT", "ON")  # it would be next, as the one that is spared has more than all may have
            small = server.connect()
            small.send(b"*2\r\n$4\r\nECHO\r\n$100000\r\n" + b"x" * 50_000)
            spared = server.connect()
            spared.ok("CLIENT", "NO-EVICT", "ON")
            spared.ok("CLIENT", "SETNAME", "spared")
            spared.send(b"*2\r\n$4\r\nECHO\r\n$9000000\r\n" + b"x" * 8_000_000)
            large = [server.connect() for _ in range(3)]
            sizes = [500_000, 2_000_000, 8_000_000]  # so far apart that their buffers differ, too
            for number, client in enumerate(large):
                client.ok("CLIENT", "SETNAME", f"large{number}")
                size = sizes[number]
                client.send(b"*2\r\n$4\r\nECHO\r\n$%d\r\n" % (size + 1) + b"x" * size)

            def lines():
                found = {}
                for line in control.ok("CLIENT", "LIST").decode().splitlines():
                    fields = dict(field.split("=", 1) for field in line.split(" "))
                    found[fields["name"] or fields["id"]] = fields
                return found

            # Its buffers are known when all has come.
            wait_for(lambda: int(lines()["spared"]["qbuf"]) > 8_000_000 and
                     all(int(lines()[f"large{number}"]["qbuf"]) > size for number, size in enumerate(sizes)))
            self.assertIn("e", lines()["spared"]["flags"])
            held = sum(int(line["tot-mem"]) for line in lines().values())
            control.ok("CONFIG", "SET", "maxmemory-clients", held - 1_000_000)
            self.assertEqual(large[2].read_to_end(), b"")
            wait_for(lambda: "large2" not in lines())
            self.assertTrue({"large0", "large1", "spared"} <= set(lines()))
            control.ok("CONFIG", "SET", "maxmemory-clients", "1mb")
            for client in large[:2]:
                self.assertEqual(client.read_to_end(), b"")
            wait_for(lambda: int(info(control)["evicted_clients"]) >= 3)
            spared.send(b"x" * 1_000_000 + b"\r\n")
            self.assertEqual(len(spared.read()), 9_000_000)
            control.ok("CONFIG", "SET", "maxmemory-clients", "0")


if __name__ == "__main__":
    unittest.main()
