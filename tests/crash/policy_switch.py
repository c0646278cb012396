#!/usr/bin/python3
"""CONFIG SET appendfsync while writers run, then kill -9 or a power cut: whatever was asked and acknowledged while `always` was in
force is there, no transaction is there by half, and no switch leaves anybody without an answer.

  policy_switch.py [ROUNDS [SEED]]"""
import os
import random
import shutil
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import faults  # noqa: E402
from trefoil import Connection, Directory, Server  # noqa: E402
from workload import Counter, Workload  # noqa: E402

POLICIES = ("always", "everysec", "no")
ANSWER_SECONDS = 20  # of a sanitized server on a busy machine; a lost wake-up waits for ever


class Switches(threading.Thread):
    """Switches at random until the server is gone, and notes when `always` was in force for certain."""

    def __init__(self, port, rng):
        super().__init__(daemon=True)
        self.connection, self.rng = Connection(port), rng
        self.always = []  # (from, to)
        self.surprise = None

    def run(self):
        since = time.monotonic()  # None: `always` may not be in force
        try:
            while True:
                time.sleep(self.rng.choice((0.0, 0.002, 0.05, 0.3)) * self.rng.random())
                wanted = self.rng.choice(POLICIES)
                if since is not None and wanted != "always":
                    self.always.append((since, time.monotonic()))
                    since = None
                reply = self.connection.call("CONFIG", "SET", "appendfsync", wanted)
                if reply != "OK":
                    self.surprise = reply
                    return
                if since is None and wanted == "always":
                    since = time.monotonic()
        except (OSError, EOFError):
            if since is not None:
                self.always.append((since, float("inf")))


def options(rng):
    return ["--appendfsync", "always", "--threads", "2", "--log-segment-size", rng.choice(("1mb", "64mb")),
            "--log-buffer-size", rng.choice(("1mb", "16mb"))]


def wait_for_steps(load, what):
    """Each writer begins a step now and gets its answer."""
    begun = {writer: writer.steps for writer in load.writers}
    until = time.monotonic() + ANSWER_SECONDS
    while any(writer.steps < before + 2 for writer, before in begun.items()):
        stuck = [type(writer).__name__ for writer, before in begun.items() if writer.steps < before + 2]
        assert time.monotonic() < until, f"{what}: no answer for {stuck}"
        time.sleep(0.002)


class Counters(Workload):
    WRITERS = (Counter,) * 8  # so little that nothing else makes the log sync


def leave_always(rng, seed):
    """Answers that wait for the disk when nobody promises to sync any more must still leave."""
    with Directory() as directory, Server("--threads", "2", directory=directory) as server, server.connect() as connection:
        load = Counters(seed, checkpoints=False)
        load.start(server.port)
        for _ in range(40):
            connection.ok("CONFIG", "SET", "appendfsync", "always")
            time.sleep(rng.random() * 0.03)
            policy = rng.choice(("no", "no", "everysec"))
            connection.ok("CONFIG", "SET", "appendfsync", policy)
            wait_for_steps(load, f"from always to {policy}")
        load.stop()


def run_round(rng, seed):
    with Directory() as parent:
        directory, journal = os.path.join(parent, "data"), os.path.join(parent, "journal")
        os.makedirs(directory)
        cut = faults.PowerCut(directory) if faults.library() else None
        server = Server(*options(rng), directory=directory, env=faults.environment(directory, journal=journal) if cut else None)
        load = Workload(seed, checkpoints=rng.random() < 0.5)
        with server.connect() as connection:
            error = Workload.prepare(connection.call)
            assert error is None, error
            load.start(server.port)
        switches = Switches(server.port, rng)
        switches.start()
        time.sleep(0.5 + rng.random() * 2)
        server.kill()
        load.stop()
        switches.join(ANSWER_SECONDS)
        assert not switches.is_alive() and switches.surprise is None, switches.surprise

        def promised(writer):
            return writer.acked_within(switches.always)

        counts = [sum(promised(writer) for writer in load.writers), load.acked()]
        for how in ("kill -9", "power cut") if cut else ("kill -9",):
            if how == "power cut":
                cut.follow(journal)
                cut.write(directory)
            for again in range(2):
                after = Server(*options(rng), directory=directory)
                with after.connect() as connection:
                    try:
                        load.check(connection, promised)
                    except AssertionError as error:
                        raise AssertionError(f"{how}: {error}\n" + "".join(after.log[-20:])) from None
                after.kill() if again == 0 else after.stop()
            if how == "kill -9":
                shutil.rmtree(directory)
        return counts


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 4
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    print(f"seed {seed}")
    rng = random.Random(seed)
    for n in range(rounds):
        leave_always(rng, f"{seed}/{n}/leave")
        promised, acked = run_round(rng, f"{seed}/{n}")
        print(f"round {n + 1}: {promised} of {acked} acknowledged under always, all promises kept", flush=True)


if __name__ == "__main__":
    main()
