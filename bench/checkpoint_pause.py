#!/usr/bin/env python3
"""How long a client waits for PING while a checkpoint of 1 GB is written and others write; beside redis-server's fork.

1,000,000 keys with values of 1000 bytes. One thread sends PING all the time and keeps the gaps; another writes batches of 16 SETs;
BGREWRITEAOF runs meanwhile. The same without the rewrite is the machine's own noise.
    bench/checkpoint_pause.py [KEYS]     TREFOIL=path of the program (default: build/release/trefoil)
"""

import os
import random
import re
import subprocess
import sys
import tempfile
import threading
import time

from resp import Client, Server, need_programs

PINGER = r"""
import socket, sys, time
connection = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
gaps, stop = [], time.perf_counter() + float(sys.argv[2])
while time.perf_counter() < stop:
    begin = time.perf_counter()
    connection.sendall(b"*1\r\n$4\r\nPING\r\n")
    connection.recv(64)
    gaps.append(time.perf_counter() - begin)
gaps.sort()
print(len(gaps), gaps[-1] * 1000, gaps[int(len(gaps) * 0.999)] * 1000)
"""


# Neither rewrites before it is asked to.
NONE_OF_ITS_OWN = {"redis-server": ("auto-aof-rewrite-percentage", "0"), "trefoil": ("checkpoint-log-size", "0")}


def write_load(port, keys, stop):
    client, value = Client(port), b"w" * 1000
    while not stop.is_set():
        client.pipeline([(b"SET", b"key:%012d" % random.randrange(keys), value) for _ in range(16)], 16)


def observe(server, keys, seconds, rewrite):
    stop = threading.Event()
    writer = threading.Thread(target=write_load, args=(server.port, keys, stop))
    writer.start()
    pinger = subprocess.Popen([sys.executable, "-c", PINGER, str(server.port), str(seconds)], stdout=subprocess.PIPE, text=True)
    took = 0.0
    if rewrite:
        time.sleep(0.5)
        client, begin = Client(server.port), time.perf_counter()
        client("BGREWRITEAOF")
        while re.search(rb"aof_rewrite_in_progress:1", client("INFO", "persistence")):
            time.sleep(0.02)
        took = time.perf_counter() - begin
    count, worst, nearly = pinger.communicate()[0].split()
    stop.set()
    writer.join()
    return int(count), float(worst), float(nearly), took


def main():
    need_programs()
    keys = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    value = b"v" * 1000
    for name in ("redis-server", "trefoil"):
        with tempfile.TemporaryDirectory() as folder:
            server = Server(name, os.path.join(folder, "data"))
            Client(server.port)("CONFIG", "SET", *NONE_OF_ITS_OWN[name])
            Client(server.port).pipeline(((b"SET", b"key:%012d" % i, value) for i in range(keys)), 500)
            quiet = observe(server, keys, 6, rewrite=False)
            during = observe(server, keys, 12, rewrite=True)
            print(f"{name}: PING while {keys * 1016 / 1e9:.2f} GB are rewritten in {during[3]:.1f} s under load: "
                  f"longest {during[1]:.1f} ms, 99.9 % within {during[2]:.2f} ms ({during[0]} PINGs); "
                  f"without the rewrite: longest {quiet[1]:.1f} ms, 99.9 % within {quiet[2]:.2f} ms", flush=True)
            server.kill()


if __name__ == "__main__":
    main()
