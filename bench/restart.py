#!/usr/bin/env python3
"""Restart with a million keys (16-byte keys, 64-byte values): from exec to the first answer, beside redis-server loading its AOF.

Twice: from the log as it was written (killed, no rewrite), and from a checkpoint (redis: after BGREWRITEAOF). Rounds alternate; medians.
    bench/restart.py [ROUNDS]            TREFOIL=path of the program (default: build/release/trefoil)
"""

import os
import sys
import tempfile
import time

from resp import Client, Server, median, need_programs

KEYS = 1_000_000


def fill(server):
    value = b"v" * 64
    Client(server.port).pipeline((b"SET", b"key:%012d" % i, value) for i in range(KEYS))


def rewrite(server):
    client = Client(server.port)
    client("BGREWRITEAOF")
    if server.name == "trefoil":
        return
    while b"aof_rewrite_in_progress:0" not in client("INFO", "persistence"):
        time.sleep(0.05)


def main():
    need_programs()
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    with tempfile.TemporaryDirectory() as folder:
        directories = {name: os.path.join(folder, name) for name in ("redis-server", "trefoil")}
        for name, directory in directories.items():
            server = Server(name, directory)
            fill(server)
            server.stop()
        for source in ("the log", "a checkpoint"):
            times = {name: [] for name in directories}
            for _ in range(rounds):
                for name, directory in directories.items():
                    server = Server(name, directory)
                    count = Client(server.port)("DBSIZE")
                    if count != KEYS:
                        sys.exit(f"{name} came back with {count} keys")
                    times[name].append(server.ready_seconds)
                    server.kill()
            redis, trefoil = median(times["redis-server"]), median(times["trefoil"])
            print(f"restart with {KEYS} keys from {source}, medians of {rounds}: redis {redis:.3f} s   trefoil {trefoil:.3f} s   "
                  f"{trefoil / redis:.2f}x the time", flush=True)
            for name, directory in directories.items():
                server = Server(name, directory)
                rewrite(server)
                time.sleep(2 if name == "trefoil" else 0)  # BGREWRITEAOF answers at once
                server.stop()


if __name__ == "__main__":
    main()
