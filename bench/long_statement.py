#!/usr/bin/env python3
"""How long others wait while one statement goes through a whole table: UPDATE of all rows, indexes built and dropped, DELETE of half.

A table of ROWS rows (4,000,000). One client sends PING all the time, one SET, one INSERT into the same table, one SELECTs and one
updates single rows of it by their key; each is a process of its own and keeps the gaps between two answers. The same without the
statement is the machine's own noise.
    bench/long_statement.py [ROWS [OTHERS]]     OTHERS: of ping, set, insert, select, update, by commas (default: ping,set,insert)
    TREFOIL=path of the program (default: build/release/trefoil)
"""

import os
import subprocess
import sys
import tempfile
import time

from resp import TREFOIL, Client, Server

WORKER = r"""
import random, sys, time
sys.path.insert(0, sys.argv[1])
from resp import Client
client, kind, rows = Client(int(sys.argv[2])), sys.argv[3], int(sys.argv[4])
def words(i):
    if kind == "ping":
        return (b"PING",)
    if kind == "set":
        return (b"SET", b"key:%d" % (i % 10000), b"value")
    if kind == "insert":
        return (b"SQL", b"INSERT INTO t VALUES (%d, 0, %d)" % (time.time_ns(), time.time_ns()))
    if kind == "select":
        return (b"SQL", b"SELECT k FROM t WHERE id = %d" % random.randint(1, rows))
    return (b"SQL", b"UPDATE t SET k = k + 1 WHERE id = %d" % random.randint(1, rows))
print("ready", flush=True)
sys.stdin.readline()
waits, stop = [], time.perf_counter() + 3600
import threading
threading.Thread(target=lambda: (sys.stdin.readline(), globals().update(stop=0)), daemon=True).start()
while time.perf_counter() < stop:
    begin = time.perf_counter()
    client(*words(len(waits)))
    waits.append(time.perf_counter() - begin)
waits.sort()
print(len(waits), waits[-1] * 1000, waits[-1 - len(waits) // 1000] * 1000)
"""


def observe(server, rows, kinds, statement):
    here = os.path.dirname(os.path.abspath(__file__))
    workers = {kind: subprocess.Popen([sys.executable, "-c", WORKER, here, str(server.port), kind, str(rows)], stdin=subprocess.PIPE,
                                      stdout=subprocess.PIPE, text=True) for kind in kinds}
    for worker in workers.values():
        worker.stdout.readline()
    for worker in workers.values():
        worker.stdin.write("go\n")
        worker.stdin.flush()
    time.sleep(0.3)
    begin = time.perf_counter()
    client = Client(server.port)
    changed = client("SQL", statement) if statement else time.sleep(2)
    took = time.perf_counter() - begin
    answers = {kind: worker.communicate("stop\n")[0].split() for kind, worker in workers.items()}
    waits = ", ".join(f"{kind} {float(longest):.1f} ({float(common):.1f})" for kind, (_, longest, common) in answers.items())
    print(f"{statement or 'nothing':45} {took * 1000:7.0f} ms, {changed}; longest (99.9 %) wait in ms: {waits}", flush=True)


def main():
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 4_000_000
    kinds = (sys.argv[2] if len(sys.argv) > 2 else "ping,set,insert").split(",")
    with tempfile.TemporaryDirectory() as folder:
        server = Server("trefoil", os.path.join(folder, "data"))
        client = Client(server.port)
        client("SQL", "CREATE TABLE t (id bigint PRIMARY KEY, x bigint, k bigint)")
        client("SQL", f"INSERT INTO t SELECT i, 0, i FROM generate_series(1, {rows}) g(i)")
        print(f"{TREFOIL}: {rows} rows")
        for statement in (None, "UPDATE t SET x = x + 1", "CREATE INDEX by_x ON t (x)", "CREATE UNIQUE INDEX by_k ON t (k)",
                          "DROP INDEX by_k", f"DELETE FROM t WHERE id <= {rows} AND id % 2 = 0"):
            observe(server, rows, kinds, statement)
        server.kill()


if __name__ == "__main__":
    main()
