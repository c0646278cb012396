#!/usr/bin/python3
"""The disk is full, or fails, and stays so for a while: writes are refused and everything else is answered, INFO and the server's log
say what is wrong, and all of it is over when the disk is. By every policy; with faults from outside, and where tests may mount
one, on a small disk that is really full."""
import atexit
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import faults  # noqa: E402
from trefoil import Directory, ReplyError, Server, skip  # noqa: E402

POLICIES = ("everysec", "always", "no")


class SwitchedFault:
    """Calls fail while a file is there."""

    def __init__(self, parent, call, what):
        self.directory = os.path.join(parent, f"data-{call}-{what}")
        self.switch = os.path.join(parent, "faulty")
        self.what = what
        self.env = faults.environment(self.directory, f"{call}:1:{what}:0", only_while=self.switch)

    def begin(self):
        with open(self.switch, "w", encoding="ascii"):
            pass

    def end(self):
        os.remove(self.switch)


class SmallDisk:
    """A file system of some megabytes, which ballast fills."""
    what = "ENOSPC"
    env = None

    def __init__(self, mounted, policy):
        self.directory = os.path.join(mounted, policy)
        self.ballast = os.path.join(mounted, "ballast")

    def begin(self):
        with open(self.ballast, "wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(4096))
            except OSError:
                pass

    def end(self):
        os.remove(self.ballast)


def info(connection):
    lines = connection.ok("INFO", "persistence").decode().split("\r\n")
    return dict(line.split(":", 1) for line in lines if ":" in line)


def await_line(server, text, since):
    """In the server's log, behind so many lines."""
    until = time.monotonic() + 10
    while not any(text in line for line in server.log[since:]):
        assert time.monotonic() < until, f"no new line {text!r} in the log:\n" + "".join(server.log)
        time.sleep(0.05)


def fail_one_write(connection, disk, policy):
    """Writes until one hits the full disk. Returns its key, if it was taken and nobody knows what will become of it."""
    for n in range(2000):
        key = f"hit:{n}"
        reply = connection.call("SET", key, bytes(50_000))
        if isinstance(reply, ReplyError):
            break
    else:
        raise AssertionError(f"{policy}: the disk is never full")
    kind = str(reply).split(" ", 1)[0]
    assert kind in ("UNKNOWN", "MISCONF"), reply
    assert disk.what in ("ENOSPC", "EIO")
    return key if kind == "UNKNOWN" else None


def is_refused(reply):
    assert isinstance(reply, ReplyError) and str(reply).startswith("MISCONF"), f"{reply!r}"


def check_answers(connection, policy, hit):
    """What reads what is on disk, or no data, is answered as ever."""
    call = connection.call
    assert call("PING") == "PONG"
    assert call("GET", "old") == b"1"
    assert call("CONFIG", "GET", "appendfsync")[1] == policy.encode()
    assert call("SELECT", "0") == "OK"
    assert call("EXISTS", "old", "never") == 1
    assert call("TYPE", "old") == "string"
    assert call("SQL", "SELECT v FROM t WHERE id = 1") == [[b"v"], [b"row"]]
    assert call("SQL", "SELECT count(*) FROM t") == [[b"count"], [1]]
    assert call("SHOW statement_timeout") == [[b"0"]]
    assert call("MULTI") == "OK"
    assert call("GET", "old") == "QUEUED"
    assert call("EXEC") == [b"1"]
    assert call("WATCH", "old") == "OK" and call("UNWATCH") == "OK"
    assert call("BEGIN") == "OK"
    assert call("GET", "old") == b"1"
    assert call("SELECT v FROM t") == [[b"row"]]
    assert call("ROLLBACK") == "OK"
    assert call("BEGIN") == "OK"
    assert call("COMMIT") == "OK"
    assert call("CLIENT", "ID") > 0
    is_refused(call("SET", "old", "2"))
    is_refused(call("DEL", "old"))
    is_refused(call("EXPIRE", "old", "1000"))
    is_refused(call("INSERT INTO t VALUES (2, 'x')"))
    is_refused(call("UPDATE t SET v = 'x'"))
    is_refused(call("CREATE TABLE u (a int)"))
    assert call("MULTI") == "OK"
    assert call("SET", "old", "2") == "QUEUED"
    reply = str(call("EXEC"))
    assert reply.startswith("EXECABORT") and "MISCONF" in reply, reply
    assert call("BEGIN") == "OK"
    is_refused(call("SET", "old", "3"))
    is_refused(call("INSERT INTO t VALUES (2, 'x')"))
    assert call("ROLLBACK") == "OK"
    assert call("GET", "old") == b"1"
    assert call("GET", "expires") is None  # it has expired since: nobody can remove it now, and nobody sees it
    if hit is not None:
        check_doubt(connection, policy, hit)


def check_doubt(connection, policy, hit):
    """What is in memory and not on disk: under `always` nobody is told of it, and writes of it are refused like any."""
    for command in (("GET", hit), ("MGET", "old", hit), ("DBSIZE",), ("KEYS", "hit:*")):
        reply = connection.call(*command)
        unknown = isinstance(reply, ReplyError) and str(reply).startswith("UNKNOWN")
        assert unknown == (policy == "always"), f"{policy}: {command}: {reply}"
    is_refused(connection.call("SET", hit, "x"))
    # In one pipeline.
    connection.send(b"".join(connection.encode(*words) for words in (("PING",), ("GET", "old"))))
    assert connection.read() == "PONG" and connection.read() == b"1"


def check_restored(server, connection, disk, hit):
    seen = len(server.log)
    disk.end()
    until = time.monotonic() + 15
    while isinstance(reply := connection.call("SET", "again", "1"), ReplyError):
        is_refused(reply)
        assert time.monotonic() < until, "".join(server.log)
        time.sleep(0.05)
    await_line(server, "writes are accepted", seen)
    if hit is not None:
        assert len(connection.ok("GET", hit)) == 50_000
    state = info(connection)
    assert state["aof_last_write_status"] == "ok" and state["log_error"] == "", state
    assert connection.ok("INSERT INTO t VALUES (3, 'y')") == 1 and connection.ok("DELETE FROM t WHERE id = 3") == 1


def run(disk, policy, name):
    options = ("--appendfsync", policy, "--log-segment-size", "1mb", "--threads", "2")
    server = Server(*options, directory=disk.directory, env=disk.env, check_exit=False)
    with server.connect() as one, server.connect() as other:
        assert one.ok("SET", "old", "1") == "OK"
        assert one.ok("SET", "expires", "1", "PX", "100") == "OK"
        assert one.ok("CREATE TABLE t (id int PRIMARY KEY, v text)") == "OK"
        assert one.ok("INSERT INTO t VALUES (1, 'row')") == 1
        assert one.ok("CHECKPOINT") == "OK"
        for _ in range(2):
            seen = len(server.log)
            disk.begin()
            hit = fail_one_write(one, disk, policy)
            await_line(server, "writes are refused", seen)
            state = info(one)
            assert state["aof_last_write_status"] == "err", state
            reason = "No space left" if disk.what == "ENOSPC" else "Input/output error"
            assert reason in state["log_error"], state
            with server.connect() as fresh:
                for connection in (one, other, fresh):
                    check_answers(connection, policy, hit)
            check_restored(server, one, disk, hit)
            one.ok("FLUSHDB")
            assert one.ok("MSET", "old", "1", "keep", "1") == "OK"
            assert one.ok("CHECKPOINT") == "OK"
        disk.begin()
        hit = fail_one_write(one, disk, policy)
    code = server.stop(signal.SIGTERM)
    if hit is not None:
        assert code == 1 and "may be lost" in server.log[-1], (name, code, server.log[-3:])
    atexit.unregister(server._bury)  # it has said what it had to say
    disk.end()
    with Server(*options, directory=disk.directory) as again, again.connect() as connection:
        assert connection.call("MGET", "old", "keep") == [b"1", b"1"]
        assert connection.call("SQL", "SELECT v FROM t")[1:] == [[b"row"]]


def main():
    if faults.library() is None:
        skip("no C compiler")
    for call, what in (("pwrite", "ENOSPC"), ("pwrite", "EIO"), ("fdatasync", "EIO"), ("any", "ENOSPC")):
        for policy in POLICIES:
            if call == "fdatasync" and policy == "no":
                continue  # nobody syncs
            with Directory() as parent:
                run(SwitchedFault(parent, call, what), policy, f"{call} {what} {policy}")
            print(f"{call} {what}, {policy}: writes refused, reads answered", flush=True)
    with Directory() as mounted:
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "trefoil-test", mounted], capture_output=True).returncode != 0:
            print("no small disk: this test may not mount one")
            return
        try:
            for policy in POLICIES:
                disk = SmallDisk(mounted, policy)
                run(disk, policy, f"small disk {policy}")
                shutil.rmtree(disk.directory)
                print(f"a small disk, {policy}: writes refused, reads answered", flush=True)
        finally:
            subprocess.run(["umount", "--lazy", mounted], check=False)


if __name__ == "__main__":
    main()
