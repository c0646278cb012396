#!/usr/bin/python3
"""The k-th call to the file system fails: disk full, I/O error, short write; once, for a while, or from then on for ever. Clients get
an answer soon, errors say what is wrong, reads go on; and after a restart without the fault nothing that was acknowledged is lost
and no transaction is there by half.

  failing_calls.py [ROUNDS [SEED]]      rounds over all kinds of faults"""
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import faults  # noqa: E402
from trefoil import Directory, ReplyError, Server, skip  # noqa: E402
from workload import Counter, KeyRowTransfer, MultiTransfer, RowTransfer, Sequence, Workload  # noqa: E402

# call, what, how many calls fail (0: all that follow)
FAULTS = [("pwrite", "ENOSPC", 1), ("pwrite", "ENOSPC", 5), ("pwrite", "ENOSPC", 0), ("pwrite", "EIO", 1), ("pwrite", "EIO", 0),
          ("pwrite", "short", 0), ("fdatasync", "EIO", 1), ("fdatasync", "EIO", 0), ("fdatasync", "ENOSPC", 1), ("fsync", "EIO", 1),
          ("fsync", "EIO", 0), ("rename", "EIO", 1), ("rename", "ENOSPC", 0), ("open", "EIO", 1), ("open", "ENOSPC", 0),
          ("ftruncate", "EIO", 0), ("unlink", "EIO", 0), ("any", "ENOSPC", 0), ("any", "EIO", 0), ("any", "EIO", 3)]
# A disk that is full is waited for: a second, and then the client is told. The rest is the slow machine's.
ANSWER_SECONDS = 8
OPTIONS = ("--appendfsync", "always", "--threads", "2", "--log-segment-size", "1mb", "--checkpoint-log-size", "1mb")


class SmallLoad(Workload):
    WRITERS = (Counter, Sequence, MultiTransfer, KeyRowTransfer, RowTransfer)


def prepare(directory):
    with Server(*OPTIONS, directory=directory) as server, server.connect() as connection:
        error = SmallLoad.prepare(connection.call)
        assert error is None, error


def wait_for_exit(server, what):
    try:
        return server.process.wait(30)
    except subprocess.TimeoutExpired:
        raise AssertionError(f"{what}: hangs when it is told to stop\n" + "".join(server.log[-20:])) from None


def write_again(server, fault):
    """The fault has passed: sooner or later writes are accepted again."""
    with server.connect() as connection:
        until = time.monotonic() + 15
        while isinstance(reply := connection.call("SET", "again", 1), ReplyError):
            assert time.monotonic() < until, f"{fault}: the fault has passed, and still {reply}\n" + "".join(server.log[-20:])
            time.sleep(0.1)


def begin(directory, fault, count_file, journal):
    """The server, or None if it could not start, for a reason it has given."""
    try:
        return Server(*OPTIONS, directory=directory, env=faults.environment(directory, fault, journal, count_file))
    except RuntimeError as error:
        text = str(error)
        assert directory in text and ("No space left" in text or "Input/output error" in text), f"{fault}: {text}"
        assert "assertion" not in text, f"{fault}: {text}"
        return None


def run_once(template, directory, fault, seed, count_file, seconds):
    shutil.rmtree(directory, ignore_errors=True)
    shutil.copytree(template, directory)
    load = SmallLoad(seed)
    rng = random.Random(seed)
    end = rng.choice((signal.SIGTERM, signal.SIGKILL, "power cut"))
    journal = count_file + ".journal"
    cut = faults.PowerCut(directory)
    server = begin(directory, fault, count_file, journal)
    outcome = "did not start"
    if server is not None:
        load.start(server.port)
        time.sleep(seconds)
        outcome = probe(server, load, fault)
        load.stop(ANSWER_SECONDS)
        slowest = max(writer.slowest for writer in load.writers)
        assert slowest < ANSWER_SECONDS, f"{fault}: an answer took {slowest:.1f} s"
        assert server.alive(), f"{fault}: the server died with {server.process.poll()}\n" + "".join(server.log[-20:])
        if not fault.endswith(":0"):
            write_again(server, fault)
        if end == signal.SIGTERM:
            server.process.send_signal(signal.SIGTERM)
            code = wait_for_exit(server, fault)
            assert code >= 0, f"{fault}: killed by signal {-code} while stopping\n" + "".join(server.log[-20:])
        else:
            server.kill()
    if end == "power cut":
        if os.path.exists(journal):
            cut.follow(journal)
        cut.write(directory)
    if os.path.exists(journal):
        os.remove(journal)
    with Server(*OPTIONS, directory=directory) as again, again.connect() as connection:
        try:
            load.check(connection)
        except AssertionError as error:
            raise AssertionError(f"{fault}, {outcome}: {error}\n" + "".join(server.log[-20:] if server else [])) from None
    return load.acked(), outcome


def probe(server, load, fault):
    """While the load runs (or is being refused): PING, a read and a write are answered in time."""
    with server.connect() as connection:
        for arguments in (("PING",), ("GET", "account:1"), ("SET", "probe", 1), ("SQL", "SELECT balance FROM accounts WHERE id = 1")):
            start = time.monotonic()
            reply = connection.call(*arguments)
            took = time.monotonic() - start
            assert took < ANSWER_SECONDS, f"{fault}: {arguments} took {took:.1f} s"
            if isinstance(reply, ReplyError):
                assert str(reply).split(" ", 1)[0] in ("MISCONF", "UNKNOWN"), f"{fault}: {arguments}: {reply}"
        if isinstance(connection.call("SET", "probe", 2), ReplyError):
            return "refuses"
    return "writes"


def main():
    if faults.library() is None:
        skip("no C compiler")
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 1
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    print(f"seed {seed}")
    if os.access("/dev/shm", os.W_OK):
        tempfile.tempdir = "/dev/shm"
    rng = random.Random(seed)
    with Directory() as parent:
        template, directory, count_file = (os.path.join(parent, name) for name in ("template", "data", "calls"))
        prepare(template)
        totals = {}
        for call in sorted({fault[0] for fault in FAULTS}):
            run_once(template, directory, f"{call}:1000000000:EIO", f"{seed}/{call}", count_file, 0.3)
            with open(count_file) as file:
                totals[call] = int(file.read().split()[0])
        print("calls in a run without a fault:", totals)
        for n in range(rounds):
            for call, what, count in FAULTS:
                # Half of the faults hit the start or the calls soon after it.
                k = rng.randint(1, max(1, totals[call] if rng.random() < 0.5 else min(totals[call], 40)))
                fault = f"{call}:{k}:{what}:{count}"
                acked, outcome = run_once(template, directory, fault, f"{seed}/{n}/{fault}", count_file, 0.3)
                print(f"{fault}: {acked} acknowledged, {outcome}, all promises kept", flush=True)


if __name__ == "__main__":
    main()
