#!/usr/bin/env python3
"""How long others wait while one client sends commands on very many keys, or very much of one, in a loop.

Trefoil and redis-server take turns, round by round, in one run. One client sends PING all the time, one GET, one SET of 10,000 keys of
their own; each is a process and keeps every gap between two answers. Meanwhile another sends the big command for SECONDS; what it
needs it makes, and removes, in pieces of 500. The same without a big command is the machine's own noise. Waits are the worst of all rounds.
    bench/big_commands.py [SECONDS [ROUNDS [COMMANDS]]]     defaults: 3 2 nothing,mset,del,spop,sunionstore,exec,commit,append
    TREFOIL=path of the program (default: build/release/trefoil)    THREADS=1,2 (Trefoil's event loops)
"""

import os
import subprocess
import sys
import tempfile
import time

from resp import Client, Server, encode, need_programs

KEYS = 200_000
COMMANDS = "nothing,mset,del,spop,sunionstore,exec,commit,append"

WORKER = r"""
import sys, threading, time
sys.path.insert(0, sys.argv[1])
from resp import Client
client, kind = Client(int(sys.argv[2])), sys.argv[3]
def words(i):
    return (b"PING",) if kind == "ping" else (b"GET", b"own:%d" % (i % 10000)) if kind == "get" else (b"SET", b"own:%d" % (i % 10000), b"value")
print("ready", flush=True)
sys.stdin.readline()
waits, running = [], True
threading.Thread(target=lambda: (sys.stdin.readline(), globals().update(running=False)), daemon=True).start()
while running:
    begin = time.perf_counter()
    client(*words(len(waits)))
    waits.append(time.perf_counter() - begin)
waits.sort()
print(len(waits), waits[-1 - len(waits) // 1000] * 1000, waits[-1] * 1000)
"""


class Big:
    """One big command: prepare() is done before each, run() is what others must not feel."""

    def __init__(self, name, trefoil):
        self.name, self.trefoil = name, trefoil
        self.mset = encode([b"MSET"] + [b"big:%d" % i if half == 0 else b"value" for i in range(KEYS) for half in (0, 1)])
        self.delete = encode([b"DEL"] + [b"big:%d" % i for i in range(KEYS)])
        self.sets = b"".join(encode((b"SET", b"big:%d" % i, b"value")) for i in range(KEYS // 2))

    def once(self, client):
        send = client.socket.sendall
        if self.name == "mset":
            send(self.mset)
            client.receive()
        elif self.name == "del":
            client.pipeline([b"MSET"] + [b"big:%d" % j if half == 0 else b"value" for j in range(i, i + 500) for half in (0, 1)]
                            for i in range(0, KEYS, 500))
            send(self.delete)
            client.receive()
        elif self.name in ("spop", "sunionstore"):
            client.pipeline([b"SADD", b"set"] + [b"member:%d" % j for j in range(i, i + 500)] for i in range(0, KEYS // 2, 500))
            client(*((b"SPOP", b"set", b"%d" % (KEYS // 2 - 1)) if self.name == "spop" else (b"SUNIONSTORE", b"union", b"set")))
        elif self.name == "append":
            client(b"SETRANGE", b"long", b"104857600", b"x")
            client(b"APPEND", b"long", b"y")
            client(b"DEL", b"long")
        elif self.name in ("exec", "commit"):
            send(encode([b"MULTI" if self.name == "exec" or not self.trefoil else b"BEGIN"]))
            client.receive()
            for begin in range(0, len(self.sets), 1 << 16):
                send(self.sets[begin:begin + (1 << 16)])
            for _ in range(KEYS // 2):
                client.receive()
            client(b"EXEC" if self.name == "exec" or not self.trefoil else b"COMMIT")


def observe(server, big, seconds):
    here = os.path.dirname(os.path.abspath(__file__))
    workers = {kind: subprocess.Popen([sys.executable, "-c", WORKER, here, str(server.port), kind], stdin=subprocess.PIPE,
                                      stdout=subprocess.PIPE, text=True) for kind in ("ping", "get", "set")}
    for worker in workers.values():
        worker.stdout.readline()
    for worker in workers.values():
        worker.stdin.write("go\n")
        worker.stdin.flush()
    client, count, end = Client(server.port), 0, time.perf_counter() + seconds
    while time.perf_counter() < end:
        if big.name == "nothing":
            time.sleep(0.1)
        else:
            big.once(client)
            count += 1
    return count, {kind: [float(word) for word in worker.communicate("stop\n")[0].split()[1:]] for kind, worker in workers.items()}


def main():
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 3
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 2
    commands = (sys.argv[3] if len(sys.argv) > 3 else COMMANDS).split(",")
    need_programs()
    peers = [f"trefoil, {threads} loop{'s' * (threads != '1')}" for threads in os.environ.get("THREADS", "1,2").split(",")]
    print("longest (99.9 %) wait in ms; the big commands that were answered")
    with tempfile.TemporaryDirectory() as folder:
        servers = {peer: Server("trefoil", os.path.join(folder, peer[9]), "--threads", peer[9]) for peer in peers}
        servers["redis-server"] = Server("redis", os.path.join(folder, "redis"))
        for command in commands:
            worst = {peer: (0, {}) for peer in servers}
            for _ in range(rounds):
                for peer, server in servers.items():
                    count, waits = observe(server, Big(command, peer != "redis-server"), seconds)
                    before, known = worst[peer]
                    worst[peer] = (before + count, {kind: [max(pair) for pair in zip(known.get(kind, (0, 0)), waits[kind])] for kind in waits})
            for peer, (count, waits) in worst.items():
                text = ", ".join(f"{kind} {longest:.1f} ({common:.1f})" for kind, (common, longest) in waits.items())
                print(f"{command:12} {peer:16} {count:4} {text}", flush=True)
        for server in servers.values():
            server.kill()


if __name__ == "__main__":
    main()
