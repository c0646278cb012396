#!/usr/bin/python3
"""Damaged data directories: the log truncated at every byte, and bits flipped anywhere. The server starts with a prefix of what was
written, or refuses with file, offset and the `trefoil check` command; it never crashes and never answers something else.

  damage.py [FLIPS [SEED]]"""
import os
import random
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from trefoil import PATIENCE, PROGRAM, Directory, Server  # noqa: E402

STEPS = 12


def write_history(connection, first, last):
    """Step n sets a key, pushes n onto a list, and inserts a row n, all in one transaction; every third step also deletes."""
    for n in range(first, last + 1):
        connection.ok("BEGIN")
        connection.ok("SET", f"k:{n}", f"value {n} " + "z" * (7 * n))
        connection.ok("RPUSH", "list", n)
        connection.ok("SQL", "INSERT INTO t VALUES ($1, $2, $3)", n, f"row {n} " + "y" * (5 * n), n / 4)
        if n % 3 == 0:
            connection.ok("DEL", f"k:{n - 1}")
            connection.ok("SQL", "UPDATE t SET v = v || '!' WHERE id < $1", n)
        connection.ok("COMMIT")


def model(n):
    """What a database holds after n steps."""
    keys, rows = {}, {}
    for i in range(1, n + 1):
        keys[f"k:{i}"] = f"value {i} " + "z" * (7 * i)
        rows[i] = f"row {i} " + "y" * (5 * i)
        if i % 3 == 0:
            keys.pop(f"k:{i - 1}")
            for id in range(1, i):
                rows[id] += "!"
    return keys, rows, list(range(1, n + 1))


# One process of the shell reads the directory: that is quicker than a server, and recovery is the same.


def read_all(directory, extra=""):
    done = subprocess.run([PROGRAM, directory, "--mode", "csv"], input="MGET " + " ".join(f"k:{i}" for i in range(1, STEPS + 1)) +
                          "\nLRANGE list 0 -1\nDBSIZE\nSELECT id, v, d FROM t ORDER BY id;\n" + extra, capture_output=True, text=True,
                          timeout=PATIENCE, errors="replace")
    return done.returncode, done.stdout, done.stderr


def make(directory, checkpoint):
    """A directory as kill -9 leaves it: STEPS steps, with a checkpoint in the middle if asked for."""
    server = Server("--appendfsync", "always", "--threads", "1", directory=directory)
    with server.connect() as connection:
        connection.ok("SQL", "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT, d DOUBLE)")
        connection.ok("SQL", "CREATE INDEX t_d ON t (d)")
        if checkpoint:
            write_history(connection, 1, STEPS // 2)
            connection.ok("CHECKPOINT")
            write_history(connection, STEPS // 2 + 1, STEPS)
        else:
            write_history(connection, 1, STEPS)
    server.kill()
    # Of the zeros that are kept ahead of the log some are enough.
    path = os.path.join(directory, log_files(directory)[-1])
    with open(path, "r+b") as file:
        file.truncate(len(file.read().rstrip(b"\0")) + 100)


def reference_answers(parent):
    """What the program prints for each prefix; checked against the model, which knows nothing of logs."""
    answers = {}
    for n in range(STEPS + 1):
        directory = os.path.join(parent, f"reference-{n}")
        server = Server("--threads", "1", directory=directory)
        with server.connect() as connection:
            connection.ok("SQL", "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT, d DOUBLE)")
            connection.ok("SQL", "CREATE INDEX t_d ON t (d)")
            write_history(connection, 1, n)
            keys, rows, pushed = model(n)
            assert {key.decode() for key in connection.ok("KEYS", "k:*")} == set(keys)
            assert all(connection.ok("GET", key).decode() == value for key, value in keys.items())
            assert [int(value) for value in connection.ok("LRANGE", "list", 0, -1)] == pushed
            assert {id: v.decode() for id, v in connection.ok("SQL", "SELECT id, v FROM t")[1:]} == rows
        server.stop()
        code, out, error = read_all(directory)
        assert code == 0, error
        answers[out] = n
        shutil.rmtree(directory)
    assert len(answers) == STEPS + 1
    return answers


class Judge:
    def __init__(self, answers):
        self.answers = answers
        self.started = self.refused = 0

    def judge(self, directory, what, at_least=0, may_refuse=True):
        """Opens the damaged directory. Returns the number of steps that are there, or None if it was refused."""
        code, out, error = read_all(directory)
        assert code >= 0, f"{what}: killed by signal {-code}\n{error}"
        if out in self.answers and code == 0:
            self.started += 1
            steps = self.answers[out]
            assert steps >= at_least, f"{what}: silently only {steps} of {at_least} promised steps\n{error}"
            return steps
        if "CREATE" not in error and code != 0 and 'relation "t" does not exist' in error and at_least == 0:
            self.started += 1  # cut before the table was made
            return 0
        assert may_refuse, f"{what}: refused\n{error}"
        assert code != 0 and out == "", f"{what}: exit code {code}\n{out}\n{error}"
        assert "trefoil check" in error and directory in error, f"{what}: {error!r} does not help"
        self.refused += 1
        return None


def check(directory, *options):
    done = subprocess.run([PROGRAM, "check", *options, directory], capture_output=True, text=True, timeout=PATIENCE,
                          errors="replace")
    assert done.returncode >= 0, f"check: killed by signal {-done.returncode}\n{done.stderr}"
    return done.returncode, done.stdout + done.stderr


def log_files(directory):
    return sorted((name for name in os.listdir(directory) if name.startswith("log-")), key=lambda name: int(name[4:-4]))


def copy(original, directory):
    shutil.rmtree(directory, ignore_errors=True)
    shutil.copytree(original, directory)


def truncations(original, parent, judge, stride):
    directory = os.path.join(parent, "truncated")
    name = log_files(original)[-1]
    size = os.path.getsize(os.path.join(original, name))
    steps_seen = []
    for length in [*range(size, 0, -stride), 0]:
        copy(original, directory)
        with open(os.path.join(directory, name), "r+b") as file:
            file.truncate(length)
        what = f"{name} cut to {length} of {size} bytes"
        sound, text = check(directory)
        steps = judge.judge(directory, what)
        assert (sound == 0) == (steps is not None), f"{what}: check says {text}"
        if steps is not None:
            steps_seen.append(steps)
            assert read_all(directory)[0] in (0, 1)
            assert judge.judge(directory, what + ", second start", may_refuse=False) == steps
    assert steps_seen == sorted(steps_seen, reverse=True), steps_seen
    return steps_seen


def flips(original, parent, judge, count, rng):
    directory = os.path.join(parent, "flipped")
    sizes = {name: os.path.getsize(os.path.join(original, name)) for name in sorted(os.listdir(original)) if name != "LOCK"}
    for _ in range(count):
        copy(original, directory)
        name = rng.choice(sorted(sizes))
        path = os.path.join(directory, name)
        with open(path, "r+b") as file:
            content = bytearray(file.read())
            offset = rng.randrange(len(content))
            bit = rng.randrange(8)
            content[offset] ^= 1 << bit
            file.seek(0)
            file.write(content)
        what = f"{name}: bit {bit} of byte {offset} flipped"
        sound, text = check(directory)
        # Each step was synced before the next, and a mark says so: only the very end may be taken for a torn tail.
        steps = judge.judge(directory, what, at_least=STEPS - 2)
        if steps is None:
            assert sound != 0 and name in text, f"{what}: refused, but check says {text}"
            repaired, text = check(directory, "--repair")
            if "repaired" in text and repaired == 0:
                after = judge.judge(directory, what + ", repaired", may_refuse=False)
                assert after is not None
                sound, text = check(directory)
                assert sound == 0, f"{what}, repaired: {text}"


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 40
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    print(f"seed {seed}")
    if os.access("/dev/shm", os.W_OK):
        tempfile.tempdir = "/dev/shm"  # thousands of starts, each with its syncs
    rng = random.Random(seed)
    with Directory() as parent:
        answers = reference_answers(parent)
        for checkpoint in (False, True):
            original = os.path.join(parent, "original")
            shutil.rmtree(original, ignore_errors=True)
            make(original, checkpoint)
            judge = Judge(answers)
            # Every byte takes minutes: without an argument every 41st.
            steps = truncations(original, parent, judge, 1 if len(sys.argv) > 1 else 41)
            print(f"checkpoint {checkpoint}: truncations: {judge.started} started, {judge.refused} refused, steps {steps[0]}..{steps[-1]}")
            judge = Judge(answers)
            flips(original, parent, judge, count, rng)
            print(f"checkpoint {checkpoint}: flips: {judge.started} started, {judge.refused} refused", flush=True)


if __name__ == "__main__":
    main()
