#!/usr/bin/python3
"""kill -9 in the middle of writes, transactions and checkpoints, again and again; then the promises are checked.

  kill_loop.py [ROUNDS [SEED]]      rounds for each policy

Nothing acknowledged is lost, under any policy (the kernel has it; power_cut.py is about what a machine loses); no transaction is
ever there by half, and there are no holes."""
import os
import random
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from trefoil import PROGRAM, Directory, Server  # noqa: E402
from workload import Workload  # noqa: E402


def options(policy, rng):
    return ["--appendfsync", policy, "--threads", "2", "--log-segment-size", rng.choice(("1mb", "4mb", "64mb")),
            "--checkpoint-log-size", rng.choice(("0", "4mb")), "--log-buffer-size", rng.choice(("1mb", "16mb"))]


def kill_recoveries(directory, policy, rng):
    """Servers that are killed before they are ready, more or less."""
    for _ in range(3):
        process = subprocess.Popen([PROGRAM, "serve", directory, "--port", "0", *options(policy, rng)], stderr=subprocess.DEVNULL)
        time.sleep(rng.random() * 0.08)
        process.kill()
        process.wait()


def run_round(policy, rng, seed):
    """Two crashes on one directory: the second run goes on where the first one was killed."""
    with Directory() as directory:
        server = Server(*options(policy, rng), directory=directory)
        with server.connect() as connection:
            error = Workload.prepare(connection.call)
            assert error is None, error
            connection.ok("CHECKPOINT")
        load = Workload(seed)
        load.start(server.port)
        time.sleep(0.2 + rng.random() * (1.0 if policy == "always" else 2.5))
        server.kill()
        load.stop()

        def promised(writer):
            return writer.acked

        kill_recoveries(directory, policy, rng)
        for again in range(2):
            server = Server(*options(policy, rng), directory=directory)
            with server.connect() as connection:
                load.check(connection, promised)
            if again == 0:
                server.kill()  # a recovery that is killed as soon as it is done
        assert server.stop() == 0, "".join(server.log[-40:])
        return load.acked()


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    print(f"seed {seed}")
    rng = random.Random(seed)
    for n in range(rounds):
        for policy in ("always", "everysec", "no"):
            acked = run_round(policy, rng, f"{seed}/{n}/{policy}")
            print(f"round {n + 1} {policy}: {acked} acknowledged, all promises kept", flush=True)


if __name__ == "__main__":
    main()
