#!/usr/bin/python3
"""The power fails in the middle of writes and checkpoints: bytes that were not synced, and names whose directory was not, are gone,
or only some of them reached the disk, torn between sectors. The same promises as in kill_loop.py.

  power_cut.py [ROUNDS [SEED]]"""
import os
import random
import shutil
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import faults  # noqa: E402
from trefoil import Directory, Server, run, skip  # noqa: E402
from workload import Workload  # noqa: E402


def options(policy, rng):
    return ["--appendfsync", policy, "--threads", "2", "--log-segment-size", rng.choice(("1mb", "64mb")),
            "--checkpoint-log-size", rng.choice(("0", "4mb")), "--log-buffer-size", rng.choice(("1mb", "16mb"))]


def run_round(policy, rng, seed):
    with Directory() as parent:
        directory, journal = os.path.join(parent, "data"), os.path.join(parent, "journal")
        os.makedirs(directory)
        cut = faults.PowerCut(directory)
        server = Server(*options(policy, rng), directory=directory, env=faults.environment(directory, journal=journal))
        with server.connect() as connection:
            error = Workload.prepare(connection.call)
            assert error is None, error
            connection.ok("CHECKPOINT")
        load = Workload(seed)
        load.start(server.port)
        time.sleep(0.2 + rng.random() * (1.0 if policy == "always" else 2.5))
        killed_at = time.monotonic()
        server.kill()
        load.stop()

        def promised(writer):
            return writer.acked if policy == "always" else writer.acked_before(killed_at - 2)

        cut.follow(journal)
        for how in (None, random.Random(seed), random.Random(seed + "again")):
            cut.write(directory, how)
            for again in range(2):  # what was dropped at the first start does not come back at the second
                server = Server(*options(policy, rng), directory=directory)
                with server.connect() as connection:
                    load.check(connection, promised)
                    size = connection.ok("DBSIZE")
                    assert again == 0 or size == first_size, f"{size} keys after another start, there were {first_size}"
                    first_size = size
                server.kill() if again == 0 else server.stop()
            code, out, error = run(None, "check", directory)
            assert code == 0, out + error
        shutil.rmtree(directory)
        return load.acked()


def main():
    if faults.library() is None:
        skip("no C compiler")
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 4
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    print(f"seed {seed}")
    rng = random.Random(seed)
    for n in range(rounds):
        for policy in ("always", "everysec"):
            acked = run_round(policy, rng, f"{seed}/{n}/{policy}")
            print(f"round {n + 1} {policy}: {acked} acknowledged, all promises kept", flush=True)


if __name__ == "__main__":
    main()
