#!/usr/bin/python3
"""Two and three servers started on one directory at the same moment: one runs, the others say who it is and leave."""
import atexit
import os
import re
import signal
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from trefoil import PATIENCE, PROGRAM, Connection, Directory, run  # noqa: E402


def first_words(server):
    """What a server says until it accepts connections or ends."""
    said = ""
    for line in server.stderr:
        said += line
        if "Ready to accept" in line:
            break
    return said


def race(directory, count):
    # stderr goes to pipes that are read once the losers have left.
    servers = [subprocess.Popen([PROGRAM, "serve", directory, "--port", "0", "--threads", "1"], stderr=subprocess.PIPE, text=True)
               for _ in range(count)]
    for server in servers:
        atexit.register(server.kill)  # whatever comes of it, none stays behind; one that has ended takes no notice
    lines = {server: first_words(server) for server in servers}
    winners = [server for server in servers if "Ready to accept" in lines[server]]
    assert len(winners) == 1, f"{len(winners)} of {count} servers run: {list(lines.values())}"
    winner = winners[0]
    for server in servers:
        if server is not winner:
            text = lines[server] + server.stderr.read()
            assert server.wait(PATIENCE) not in (0, None), text
            assert "locked by" in text, text
            assert f"process {winner.pid}" in text, f"the owner is {winner.pid}: {text}"
    return winner, int(re.search(r":(\d+)\s*$", lines[winner]).group(1))


def main():
    with Directory() as directory:
        for n in range(1, 13):
            winner, port = race(directory, 2 + n % 2)
            with Connection(port) as connection:
                assert connection.ok("INCR", "starts") == n, "a loser has changed something"
                # Nobody else gets in while it runs, and everybody hears its pid.
                for arguments in (("serve", directory, "--port", "0"), (directory, "-c", "PING"), ("check", directory)):
                    code, _, error = run(None, *arguments)
                    assert code not in (0, None) and f"process {winner.pid}" in error, f"{arguments}: {code} {error}"
                # Nor when somebody removes the file that says so.
                os.remove(os.path.join(directory, "LOCK"))
                for arguments in (("serve", directory, "--port", "0"), ("check", directory)):
                    code, _, error = run(None, *arguments)
                    assert code not in (0, None) and "locked by" in error, f"{arguments}: {code} {error}"
                assert connection.ok("GET", "starts") == str(n).encode()
            winner.send_signal(signal.SIGKILL if n % 3 == 0 else signal.SIGTERM)
            assert winner.wait(PATIENCE) == (-signal.SIGKILL if n % 3 == 0 else 0)
            if n % 3 == 0:  # everysec: make sure that the count goes on
                winner, port = race(directory, 1)
                with Connection(port) as connection:
                    connection.ok("SET", "starts", n)
                winner.terminate()
                assert winner.wait(PATIENCE) == 0
    print("exactly one server each time")


if __name__ == "__main__":
    main()
