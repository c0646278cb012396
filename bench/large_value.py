#!/usr/bin/env python3
"""What a SET, and a GET, of one very large value costs: CPU seconds of the server, and how long the client waits for its answer.

Trefoil and redis-server, both without a log, take turns, round by round, in one run; medians. The first SET makes the key, the others
replace it.
    bench/large_value.py [MEGABYTES [ROUNDS]]     defaults: 512 5
    TREFOIL=path of the program (default: build/release/trefoil)
"""

import os
import statistics
import sys
import tempfile
import time

from resp import Client, Server, need_programs


def measured(server, action):
    cpu, begin = server.cpu_seconds(), time.perf_counter()
    action()
    waited = time.perf_counter() - begin
    time.sleep(0.3)  # what is freed in the background is part of it
    return server.cpu_seconds() - cpu, waited


def main():
    size = (int(sys.argv[1]) if len(sys.argv) > 1 else 512) << 20
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    need_programs()
    value = memoryview(b"x" * size)
    head = b"*3\r\n$3\r\nSET\r\n$5\r\nlarge\r\n$%d\r\n" % size
    with tempfile.TemporaryDirectory() as folder:
        servers = {"trefoil": Server("trefoil", None), "redis-server": Server("redis", os.path.join(folder, "redis"), "--appendonly", "no")}
        clients = {name: Client(server.port) for name, server in servers.items()}
        figures = {(name, what): [] for name in servers for what in ("SET", "GET")}

        def set_value(client):
            for piece in (head, value, b"\r\n"):
                client.socket.sendall(piece)
            assert client.receive() == b"OK"

        def get_value(client):
            assert len(client(b"GET", b"large")) == size

        for _ in range(rounds):
            for name, server in servers.items():
                figures[name, "SET"].append(measured(server, lambda: set_value(clients[name])))
                figures[name, "GET"].append(measured(server, lambda: get_value(clients[name])))
        for what in ("SET", "GET"):
            cpu, waited = ({name: statistics.median(one[i] for one in figures[name, what]) for name in servers} for i in (0, 1))
            print(f"{what} of {size >> 20} MB  CPU s: redis {cpu['redis-server']:.2f}  trefoil {cpu['trefoil']:.2f}  "
                  f"ratio {cpu['trefoil'] / cpu['redis-server']:.2f}   answer after s: redis {waited['redis-server']:.2f}  "
                  f"trefoil {waited['trefoil']:.2f}  ratio {waited['trefoil'] / waited['redis-server']:.2f}")
        for server in servers.values():
            server.kill()


if __name__ == "__main__":
    main()
