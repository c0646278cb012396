#!/usr/bin/env python3
"""Client-side caching: what a tracked read costs, a write beside it, an invalidation of many clients, and the table of what was read.

Trefoil and redis-server take turns in one run. CPU is the server's own, microseconds an operation, medians of ROUNDS:
  - GET, pipelined by 100, over KEYS keys: not tracked; tracked for the first time; tracked again
  - SET of a key that nobody has read: while nobody tracks; while somebody does
  - CLIENTS connections, all of one process, read one key, each again when it is told of the key's change: a read and its invalidation
  - the resident memory that remembering the KEYS keys of one client takes; and with tracking-table-max-keys at a tenth of them
    bench/tracking.py [CLIENTS [KEYS [ROUNDS]]]     defaults: 1000 500000 3
    TREFOIL=path of the program (default: build/release/trefoil)    THREADS=1,2 (Trefoil's event loops)
"""

import os
import sys
import tempfile

from pubsub import start
from resp import Client, Server, median, need_programs

READERS = r"""
import select, socket, sys
port, count = map(int, sys.argv[1:])
poll, sockets = select.epoll(), {}
read = b"*2\r\n$3\r\nGET\r\n$3\r\nhot\r\n"
for _ in range(count):
    each = socket.create_connection(("127.0.0.1", port))
    each.sendall(b"*2\r\n$5\r\nHELLO\r\n$1\r\n3\r\n*3\r\n$6\r\nCLIENT\r\n$8\r\nTRACKING\r\n$2\r\nON\r\n")
    got = b""
    while not got.endswith(b"+OK\r\n"):
        got += each.recv(4096)
    each.sendall(read)
    got = b""
    while not got.endswith(b"\r\nv\r\n"):
        got += each.recv(4096)
    sockets[each.fileno()] = each
    poll.register(each.fileno(), select.EPOLLIN)
print("ready", flush=True)
answers = 0
while True:
    for descriptor, _ in poll.poll():
        data = sockets[descriptor].recv(65536)
        if not data:
            sys.exit()
        if b"invalidate" in data:
            sockets[descriptor].sendall(read)
        answers += data.count(b"\r\nv\r\n")
    if answers == count:
        answers = 0
        print("all", flush=True)
"""


def cost(server, client, commands, count):
    before = server.cpu_seconds()
    client.pipeline(commands, 100)
    return (server.cpu_seconds() - before) / count * 1e6


def reads(server, keys, rounds):
    """Untracked, first and repeated reads, in turn."""
    plain, costs = Client(server.port), ([], [], [])

    def gets():
        return ((b"GET", b"k%07d" % i) for i in range(keys))

    plain.pipeline(((b"SET", b"k%07d" % i, b"v") for i in range(keys)), 100)
    for _ in range(rounds):
        tracked = Client(server.port)
        costs[0].append(cost(server, plain, gets(), keys))
        tracked(b"CLIENT", b"TRACKING", b"ON")
        costs[1].append(cost(server, tracked, gets(), keys))
        costs[2].append(cost(server, tracked, gets(), keys))
        tracked(b"CLIENT", b"TRACKING", b"OFF")
        plain.pipeline(((b"SET", b"k%07d" % i, b"v") for i in range(keys)), 100)  # redis remembers what those have read who are gone
        plain(b"FLUSHALL")
        plain.pipeline(((b"SET", b"k%07d" % i, b"v") for i in range(keys)), 100)
    return [median(each) for each in costs]


def writes(server, count, rounds):
    client, tracker, costs = Client(server.port), Client(server.port), ([], [])
    for _ in range(rounds):
        for tracks, each in enumerate(costs):
            tracker(b"CLIENT", b"TRACKING", b"ON" if tracks else b"OFF")
            each.append(cost(server, client, ((b"SET", b"w%07d" % i, b"v") for i in range(count)), count))
    return [median(each) for each in costs]


def invalidations(server, clients, rounds, times=20):
    client = Client(server.port)
    client(b"SET", b"hot", b"v")
    readers, costs = start(READERS, server.port, clients), []
    for _ in range(rounds):
        before = server.cpu_seconds()
        for _ in range(times):
            client(b"SET", b"hot", b"v")
            readers.stdout.readline()
        costs.append((server.cpu_seconds() - before) / times / clients * 1e6)
    readers.kill()
    readers.wait()
    return median(costs)


def resident(server):
    with open(f"/proc/{server.process.pid}/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGESIZE")


def memory(server, keys, most):
    """Bytes a key that was read and does not exist; the names are as long as those of redis's own tests."""
    client = Client(server.port)
    client(b"CONFIG", b"SET", b"tracking-table-max-keys", most)
    client(b"CLIENT", b"TRACKING", b"ON")
    before = resident(server)
    client.pipeline(((b"GET", b"key:%012d" % i) for i in range(keys)), 100)
    return (resident(server) - before) / 2**20


def main():
    clients, keys, rounds = (int(word) for word in (sys.argv[1:] + ["1000", "500000", "3"][len(sys.argv) - 1:]))
    need_programs()
    peers = [f"trefoil, {threads} loop{'s' * (threads != '1')}" for threads in os.environ.get("THREADS", "1,2").split(",")]
    with tempfile.TemporaryDirectory() as folder:
        def server_of(peer):
            return (Server("redis", os.path.join(folder, "redis"), "--appendonly", "no") if peer == "redis-server"
                    else Server("trefoil", None, "--threads", peer[9]))

        for peer in [*peers, "redis-server"]:
            server = server_of(peer)
            plain, first, again = reads(server, keys, rounds)
            unfollowed, followed = writes(server, keys, rounds)
            told = invalidations(server, clients, rounds)
            server.kill()
            sizes = []
            for most in (0, keys // 10):
                server = server_of(peer)
                sizes.append(memory(server, keys, most))
                server.kill()
            print(f"{peer:16} GET {plain:.2f} us, tracked {first:.2f}, again {again:.2f}; SET {unfollowed:.2f} us, beside a tracker {followed:.2f}; "
                  f"read and invalidation of {clients} clients {told:.1f} us each; {keys} keys remembered {sizes[0]:.0f} MiB, a tenth {sizes[1]:.0f} MiB",
                  flush=True)


if __name__ == "__main__":
    main()
