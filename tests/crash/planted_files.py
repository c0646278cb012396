#!/usr/bin/python3
"""A data directory in which somebody has put links: nothing outside it is overwritten, and what is wrong is said. A copy of the
directory by hard links stays what it was."""
import os
import re
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from trefoil import Directory, ReplyError, Server, run  # noqa: E402


def mode(path):
    return os.stat(path).st_mode & 0o777


def next_number(directory):
    with open(os.path.join(directory, "MANIFEST"), encoding="ascii") as manifest:
        return int(re.search(r"^next_file (\d+)$", manifest.read(), re.MULTILINE).group(1))


def content(directory):
    return {name: open(os.path.join(directory, name), "rb").read() for name in sorted(os.listdir(directory)) if name != "LOCK"}


def links_are_refused(parent, directory):
    victim = os.path.join(parent, "victim")
    with open(victim, "w", encoding="ascii") as file:
        file.write("precious")
    number = next_number(directory)
    for name in ("MANIFEST.tmp", "LOCK", f"log-{number}.tfl"):
        path = os.path.join(directory, name)
        if os.path.exists(path):
            os.remove(path)
        os.symlink(victim, path)
        code, _, error = run(None, directory, "-c", "GET key")
        assert code == 1 and path in error and "symbolic link" in error, (name, code, error)
        os.remove(path)
    # One that comes while the server runs: the checkpoint fails, and goes well when the link is gone.
    with Server(directory=directory) as server, server.connect() as connection:
        number = next_number(directory)
        path = os.path.join(directory, f"base-{number}.tfs")
        os.symlink(victim, path)
        reply = connection.call("CHECKPOINT")
        assert isinstance(reply, ReplyError) and "symbolic link" in str(reply), reply
        assert connection.ok("SET", "key", "value") == "OK"
        assert os.path.islink(path)
        os.remove(path)
        assert connection.ok("CHECKPOINT") == "OK"
    with open(victim, encoding="ascii") as file:
        assert file.read() == "precious"


def copies_stay(parent, directory):
    copy = os.path.join(parent, "copy")
    with Server("--log-segment-size", "64mb", directory=directory) as server, server.connect() as connection:
        for n in range(40):
            assert connection.ok("SET", f"large:{n}", bytes(500_000)) == "OK"
        assert connection.ok("CHECKPOINT") == "OK"
    shutil.copytree(directory, copy, copy_function=os.link, ignore=shutil.ignore_patterns("LOCK"))
    before = content(copy)
    assert any(len(data) > 16_000_000 for data in before.values())
    with Server(directory=directory) as server, server.connect() as connection:
        assert connection.ok("FLUSHALL") == "OK"
        for _ in range(2):
            assert connection.ok("CHECKPOINT") == "OK"
    assert content(copy) == before
    with Server(directory=copy) as server, server.connect() as connection:
        assert connection.ok("DBSIZE") == 41


def main():
    with Directory() as parent:
        directory = os.path.join(parent, "new")
        os.umask(0o022)
        with Server(directory=directory) as server, server.connect() as connection:
            assert connection.ok("SET", "key", "value") == "OK"
            assert connection.ok("CHECKPOINT") == "OK"
        assert mode(directory) == 0o700
        for name in os.listdir(directory):
            assert mode(os.path.join(directory, name)) == 0o600, name
        links_are_refused(parent, directory)
        copies_stay(parent, directory)
    print("links are not followed, copies stay")


if __name__ == "__main__":
    main()
