#!/usr/bin/env python3
"""What a published message costs with very many subscribers of one channel, and how long others wait meanwhile.

Trefoil and redis-server take turns in one run. SUBSCRIBERS connections, all of one process, listen to a channel; a client publishes
messages of 100 bytes one after the other, each when all have got the one before; another process sends PING all the time and keeps its
longest wait. CPU is the server's own, seconds a message. The same with no subscriber is what PUBLISH costs that nobody hears.
    bench/pubsub.py [SUBSCRIBERS [MESSAGES [ROUNDS]]]     defaults: 10000 100 2
    TREFOIL=path of the program (default: build/release/trefoil)    THREADS=1,2 (Trefoil's event loops)
    PINNED=1 (as root): the server has a processor for itself, and who sends PING goes before all other clients
"""

import os
import resource
import subprocess
import sys
import tempfile
import time

from resp import Client, Server, median, need_programs, pin_clients

PAYLOAD = b"m" * 100
MESSAGE = len(b"*3\r\n$7\r\nmessage\r\n$2\r\nch\r\n$100\r\n\r\n") + len(PAYLOAD)

LISTENERS = r"""
import select, socket, sys
port, count, size = map(int, sys.argv[1:])
poll, sockets = select.epoll(), {}
request = b"*2\r\n$9\r\nSUBSCRIBE\r\n$2\r\nch\r\n"
for _ in range(count):
    each = socket.create_connection(("127.0.0.1", port))
    each.sendall(request)
    each.recv(4096)
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
    if got >= count * size:
        got -= count * size
        print("all", flush=True)
"""

PINGS = r"""
import os, sys, threading, time
if os.environ.get("PINNED") == "1":
    os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(10))
sys.path.insert(0, sys.argv[1])
from resp import Client
client = Client(int(sys.argv[2]))
print("ready", flush=True)
sys.stdin.readline()
waits, running = [], True
threading.Thread(target=lambda: (sys.stdin.readline(), globals().update(running=False)), daemon=True).start()
while running:
    begin = time.perf_counter()
    client(b"PING")
    waits.append(time.perf_counter() - begin)
    time.sleep(0.0002)
waits.sort()
print(waits[-1 - len(waits) // 1000] * 1000, waits[-1] * 1000)
"""


def start(code, *arguments):
    process = subprocess.Popen([sys.executable, "-c", code, *map(str, arguments)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    process.stdout.readline()
    return process


def round_of(server, messages):
    """CPU and wall seconds a message, the 99.9 % and the longest wait of a PING in ms."""
    pings = start(PINGS, os.path.dirname(os.path.abspath(__file__)), server.port)
    client = Client(server.port)
    pings.stdin.write("go\n")
    pings.stdin.flush()
    before, begin = server.cpu_seconds(), time.perf_counter()
    for _ in range(messages):
        if client(b"PUBLISH", b"ch", PAYLOAD) != server.count:
            sys.exit(f"{server.name} has lost subscribers")
        server.listeners.stdout.readline()
    wall, cpu = time.perf_counter() - begin, server.cpu_seconds() - before
    waits = [float(word) for word in pings.communicate("stop\n")[0].split()]
    return cpu / messages, wall / messages, *waits


def unheard(server, count=200_000):
    client, before = Client(server.port), server.cpu_seconds()
    client.pipeline(((b"PUBLISH", b"nobody", PAYLOAD) for _ in range(count)), 100)
    return (server.cpu_seconds() - before) / count * 1e6


def main():
    subscribers, messages, rounds = (int(word) for word in (sys.argv[1:] + ["10000", "100", "2"][len(sys.argv) - 1:]))
    need_programs()
    pin_clients()
    wanted = subscribers + 1000
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(max(soft, wanted), hard), hard))
    peers = [f"trefoil, {threads} loop{'s' * (threads != '1')}" for threads in os.environ.get("THREADS", "1,2").split(",")]
    with tempfile.TemporaryDirectory() as folder:
        for peer in [*peers, "redis-server"]:
            options = ("--maxclients", str(wanted))
            server = (Server("redis", os.path.join(folder, "redis"), *options) if peer == "redis-server"
                      else Server("trefoil", os.path.join(folder, peer[9]), "--threads", peer[9], *options))
            alone = unheard(server)
            server.count = subscribers
            server.listeners = start(LISTENERS, server.port, subscribers, MESSAGE)
            results = [round_of(server, messages) for _ in range(rounds)]
            cpu, wall = median([result[0] for result in results]), median([result[1] for result in results])
            print(f"{peer:16} {subscribers} subscribers: {cpu * 1000:.1f} ms of CPU and {wall * 1000:.1f} ms a message; PING at most "
                  f"{max(result[3] for result in results):.1f} ms (99.9 %: {max(result[2] for result in results):.1f}); "
                  f"unheard {alone:.2f} us", flush=True)
            server.listeners.kill()
            server.listeners.wait()
            server.kill()


if __name__ == "__main__":
    main()
