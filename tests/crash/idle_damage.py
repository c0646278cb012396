#!/usr/bin/python3
"""A burst of writes, a pause, kill -9, and then a bit of the log is flipped: opening refuses and says so. Everything had been
acknowledged, and in the pause it came to the disk: a warning about a torn tail would be a loss without a word. By every policy that
syncs; and an idle server writes nothing more."""
import os
import re
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from trefoil import Directory, Server, run  # noqa: E402

KEYS = 2000


def ends(connection):
    lines = connection.ok("INFO", "persistence").decode()
    return tuple(int(re.search(rf"{name}:(\d+)", lines).group(1)) for name in ("log_end_lsn", "log_durable_lsn"))


def await_rest(connection):
    """Until all is on disk and nothing has been written for a while."""
    until = time.monotonic() + 60
    still_since, last = time.monotonic(), None
    while last is None or last[0] != last[1] or time.monotonic() < still_since + 1.5:
        assert time.monotonic() < until, f"the log does not come to rest: end, durable = {last}"
        time.sleep(0.05)
        now = ends(connection)
        if now != last:
            still_since, last = time.monotonic(), now
    return last


def log_files(directory):
    return sorted((name for name in os.listdir(directory) if name.endswith(".tfl")), key=lambda name: int(name[4:-4]))


def flip(path, offset):
    with open(path, "r+b") as file:
        file.seek(offset)
        byte = file.read(1)
        file.seek(offset)
        file.write(bytes([byte[0] ^ 4]))


def main():
    for policy in ("everysec", "always"):
        for bursts in (1, 3):
            with Directory() as directory:
                server = Server("--appendfsync", policy, directory=directory, check_exit=False)
                with server.connect() as connection:
                    for burst in range(bursts):
                        for n in range(KEYS):
                            assert connection.ok("SET", f"key:{burst}:{n}", "v" * 50) == "OK"
                        rest = await_rest(connection)
                    path = os.path.join(directory, log_files(directory)[-1])
                    changed = os.stat(path).st_mtime_ns
                    time.sleep(1.5)
                    assert ends(connection) == rest and os.stat(path).st_mtime_ns == changed, "an idle server writes"
                server.kill()
                with open(path, "rb") as file:
                    data = file.read().rstrip(b"\0")
                last = data.rindex(b"key:%d:%d" % (bursts - 1, KEYS - 1))
                for offset in (len(data) // 3, last):  # somewhere in the log, and in the very last key
                    flip(path, offset)
                    code, _, error = run(None, directory, "-c", "DBSIZE")
                    assert code == 1 and path in error and "trefoil check" in error, (policy, bursts, offset, code, error)
                    flip(path, offset)
                code, out, error = run(None, directory, "-c", "DBSIZE")
                assert code == 0 and str(bursts * KEYS) in out, (code, out, error)
    print("what came to rest is never taken for a torn tail")


if __name__ == "__main__":
    main()
