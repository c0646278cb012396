#!/usr/bin/env python3
"""What a pop costs that somebody has waited for, with very many who wait, and how long others wait meanwhile.

Trefoil and redis-server take turns in one run. WAITING connections, all of one process, wait with BLPOP, spread over KEYS lists, and
wait again when they are served; a client pushes elements, 100 in a batch, PUSHES for each that waits; another process sends PING all the
time and keeps its longest wait. CPU is the server's own, microseconds a push and the pop that it serves.
    bench/blocking.py [WAITING [KEYS [PUSHES [ROUNDS]]]]     defaults: 10000 1000 3 2
    TREFOIL=path of the program (default: build/release/trefoil)    THREADS=1,2 (Trefoil's event loops)
    PINNED=1 (as root): the server has a processor for itself, and who sends PING goes before all other clients
"""

import os
import resource
import sys
import tempfile
import time

from pubsub import PINGS, start
from resp import Client, Server, median, need_programs, pin_clients

WAITERS = r"""
import select, socket, sys
port, count, keys, size = map(int, sys.argv[1:])
poll, sockets, requests = select.epoll(), {}, {}
for i in range(count):
    key = b"k%07d" % (i % keys)
    each = socket.create_connection(("127.0.0.1", port))
    requests[each.fileno()] = b"*3\r\n$5\r\nBLPOP\r\n$8\r\n%s\r\n$1\r\n0\r\n" % key
    each.sendall(requests[each.fileno()])
    sockets[each.fileno()] = each
    poll.register(each.fileno(), select.EPOLLIN)
print("ready", flush=True)
got = 0
while True:
    for descriptor, _ in poll.poll():
        data = sockets[descriptor].recv(65536)
        if not data:
            sys.exit()
        got += len(data)
        sockets[descriptor].sendall(requests[descriptor])
    if got >= count * size:
        got -= count * size
        print("all", flush=True)
"""
ANSWER = len(b"*2\r\n$8\r\nk0000000\r\n$1\r\nv\r\n")


def blocked(client):
    info = client(b"INFO", b"clients").decode()
    return int(info.split("blocked_clients:")[1].split()[0])


def round_of(server, waiting, keys, pushes):
    """CPU microseconds a served pop, and the 99.9 % and the longest wait of a PING in ms."""
    pings = start(PINGS, os.path.dirname(os.path.abspath(__file__)), server.port)
    client = Client(server.port)
    while blocked(client) != waiting:
        time.sleep(0.01)
    pings.stdin.write("go\n")
    pings.stdin.flush()
    before = server.cpu_seconds()
    for _ in range(pushes):
        client.pipeline(((b"RPUSH", b"k%07d" % (i % keys), b"v") for i in range(waiting)), 100)
        server.waiters.stdout.readline()
    cpu = server.cpu_seconds() - before
    waits = [float(word) for word in pings.communicate("stop\n")[0].split()]
    return cpu / pushes / waiting * 1e6, *waits


def main():
    waiting, keys, pushes, rounds = (int(word) for word in (sys.argv[1:] + ["10000", "1000", "3", "2"][len(sys.argv) - 1:]))
    need_programs()
    pin_clients()
    wanted = waiting + 1000
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(max(soft, wanted), hard), hard))
    peers = [f"trefoil, {threads} loop{'s' * (threads != '1')}" for threads in os.environ.get("THREADS", "1,2").split(",")]
    with tempfile.TemporaryDirectory() as folder:
        for peer in [*peers, "redis-server"]:
            options = ("--maxclients", str(wanted))
            server = (Server("redis", os.path.join(folder, "redis"), "--appendonly", "no", *options) if peer == "redis-server"
                      else Server("trefoil", None, "--threads", peer[9], *options))
            server.waiters = start(WAITERS, server.port, waiting, keys, ANSWER)
            results = [round_of(server, waiting, keys, pushes) for _ in range(rounds)]
            print(f"{peer:16} {waiting} waiting for {keys} keys: {median([result[0] for result in results]):.1f} us of CPU a push and its pop; "
                  f"PING at most {max(result[2] for result in results):.1f} ms (99.9 %: {max(result[1] for result in results):.1f})", flush=True)
            server.waiters.kill()
            server.waiters.wait()
            server.kill()


if __name__ == "__main__":
    main()
