#!/usr/bin/python3
"""The interactive shell on a pseudo-terminal: prompts, editing, completion, history, interrupts; and `trefoil connect`."""
import os
import pty
import re
import select
import signal
import struct
import sys
import tempfile
import termios
import time
import fcntl
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from trefoil import PATIENCE, PROGRAM, Server  # noqa: E402

# What a terminal would swallow: colours, cursor movements, carriage returns.
CONTROL = re.compile(rb"\x1b\[[0-9;?]*[A-Za-z]|\x1b[()][A-B0-2]|\x1b[=>]|\r|\x07|\x08")


class Shell:
    def __init__(self, *arguments, home, columns=80):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ.update(HOME=home, TERM="xterm", LC_ALL="C.UTF-8")
            os.execv(PROGRAM, [PROGRAM, *arguments])
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
        self.seen = b""

    def expect(self, text, since=0):
        """Reads until `text` has appeared behind position `since` of what was seen; returns what is behind `since`."""
        end = time.monotonic() + PATIENCE
        while text.encode() not in self.seen[since:]:
            if time.monotonic() > end:
                raise AssertionError(f"{text!r} did not come:\n{self.seen[since:].decode(errors='replace')}")
            if select.select([self.fd], [], [], 0.2)[0]:
                try:
                    data = os.read(self.fd, 65536)
                except OSError:
                    data = b""
                if not data:
                    raise AssertionError(f"{text!r} did not come before the end:\n{self.seen[since:].decode(errors='replace')}")
                self.seen += CONTROL.sub(b"", data)
        return self.seen[since:].decode(errors="replace")

    def type(self, text, until="trefoil> "):
        """Types, and returns everything up to the next prompt."""
        since = len(self.seen)
        os.write(self.fd, text.encode())
        return self.expect(until, since)

    def end(self):
        os.write(self.fd, b"\x04")
        try:
            while True:
                if not os.read(self.fd, 65536):
                    break
        except OSError:
            pass
        _, status = os.waitpid(self.pid, 0)
        os.close(self.fd)
        return os.waitstatus_to_exitcode(status)


class Interactive(unittest.TestCase):
    def setUp(self):
        self.home = tempfile.TemporaryDirectory()
        self.shells = []

    def tearDown(self):
        self.home.cleanup()

    def shell(self, *arguments, prompt="trefoil> ", **options):
        shell = Shell(*arguments, home=self.home.name, **options)
        shell.expect(prompt)
        return shell

    def test_statements_and_prompts(self):
        shell = self.shell()
        self.assertIn("CREATE TABLE", shell.type("CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT);\n"))
        self.assertIn("INSERT 2", shell.type("INSERT INTO t VALUES (1, 'ann'), (2, 'bob');\n"))
        shell.type("SELECT id,\n", until="...> ")
        shell.type("'a;\n", until="'..> ")
        shell.type("b' AS text,\n", until="...> ")
        shell.type("(1\n", until="(..> ")
        self.assertIn(" id | text  | one\n----+-------+-----\n  1 | a;\\nb |   1\n  2 | a;\\nb |   1\n(2 rows)",
                      shell.type(") AS one FROM t ORDER BY id;\n"))
        self.assertIn("OK", shell.type("SET greeting 'hello'\n"))
        self.assertIn('"hello"', shell.type("GET greeting\n"))
        shell.type("BEGIN;\n", until="trefoil*> ")
        shell.type("DELETE FROM t;\n", until="trefoil*> ")
        shell.type("ROLLBACK;\n")
        self.assertIn("2", shell.type("SELECT count(*) FROM t;\n"))
        self.assertIn('ERROR: syntax error at or near "FORM"', shell.type("SELECT * FORM t;\n"))
        self.assertEqual(shell.end(), 0)

    def test_a_wide_table_is_cut_to_the_terminal(self):
        shell = self.shell(columns=40)
        answer = shell.type("SELECT 1 AS id, repeat('x', 100) AS a, repeat('y', 100) AS b;\n")
        lines = [line for line in answer.splitlines() if "\u2026" in line]
        self.assertEqual(len(lines), 1, answer)
        self.assertLessEqual(len(lines[0]), 40)
        self.assertEqual(shell.end(), 0)

    def test_completion_and_hints(self):
        shell = self.shell()
        shell.type("CREATE TABLE customers (id INTEGER, favourite TEXT);\n")
        self.assertIn("EXPIRE", shell.type("EXPI\t", until="EXPIRE"))
        shell.type("\x15", until="")
        shell.type("select favo\t", until="favourite")
        shell.type(" from cust\t", until="customers")
        self.assertIn("(0 rows)", shell.type(";\n"))
        self.assertIn("milliseconds", shell.type("PEXPIRE \t", until="milliseconds").lower())
        shell.type("\x15", until="")
        self.assertIn(".timer", shell.type(".ti\t", until=".timer"))
        shell.type("\x15", until="")
        self.assertEqual(shell.end(), 0)

    def test_completion_of_names_beyond_ascii(self):
        shell = self.shell()
        shell.type('CREATE TABLE größen (xgräb INTEGER, xgröb INTEGER);\n')
        shell.type("SELECT 1 AS eins, 2 AS zwei FROM größ\t", until="größen")
        self.assertIn("(0 rows)", shell.type(";\n"))
        shell.type("SELECT xg\t", until="xgr")  # what both columns begin with, and no half of the next character
        self.assertIn(" xgröb\n", shell.type("öb FROM größen;\n", until="(0 rows)"))
        self.assertEqual(shell.end(), 0)

    def test_interrupt_drops_the_begun_statement(self):
        shell = self.shell()
        shell.type("SELECT 'never\n", until="'..> ")
        shell.type("\x03")
        self.assertIn("7", shell.type("SELECT 7;\n"))
        self.assertEqual(shell.end(), 0)

    def test_interrupt_cancels_the_running_statement(self):
        shell = self.shell()
        os.write(shell.fd, b"SELECT count(*) FROM generate_series(1, 1000000) a, generate_series(1, 1000000) b;\n")
        time.sleep(0.5)
        self.assertIn("canceling statement due to user request", shell.type("\x03"))
        self.assertIn("7", shell.type("SELECT 7;\n"))
        self.assertEqual(shell.end(), 0)

    def test_interrupt_ends_the_script_that_is_read(self):
        shell = self.shell()
        script = os.path.join(self.home.name, "long")
        with open(script, "w") as file:
            file.write("INCR n\n" * 1_000_000)
        os.write(shell.fd, f".mode csv\n.read {script}\n".encode())
        shell.expect("100\n")
        self.assertIn("long: canceled", shell.type("\x03"))
        self.assertNotIn("1000000", shell.type("GET n\n"))
        self.assertEqual(shell.end(), 0)

    def test_history_outlives_the_shell(self):
        shell = self.shell()
        shell.type("SET remember\n")
        shell.type("SELECT 40 + 2;\n")
        self.assertEqual(shell.end(), 0)
        history = os.path.join(self.home.name, ".trefoil_history")
        self.assertEqual(os.stat(history).st_mode & 0o077, 0)
        shell = self.shell()
        self.assertIn("42", shell.type("\x1b[A\n", until="(1 row)"))
        shell.expect("trefoil> ", since=shell.seen.rindex(b"(1 row)"))  # Ctrl-D before the next question would be lost
        self.assertEqual(shell.end(), 0)

    def test_history_keeps_the_lines_of_a_statement(self):
        shell = self.shell()
        shell.type("SELECT 40 -- a comment ends with its line\n", until="...> ")
        self.assertIn("42", shell.type("+ 2;\n"))
        self.assertIn("42", shell.type("\x1b[A\n", until="(1 row)"))
        shell.expect("trefoil> ", since=shell.seen.rindex(b"(1 row)"))
        self.assertEqual(shell.end(), 0)

    def test_shell_commands(self):
        shell = self.shell()
        self.assertIn(".schema", shell.type(".help\n"))
        self.assertIn("table", shell.type(".mode\n"))
        shell.type(".mode csv\n")
        self.assertIn("a,b\n1,2\n", shell.type("SELECT 1 AS a, 2 AS b;\n"))
        shell.type(".timer on\n")
        self.assertRegex(shell.type("SELECT 1;\n"), r"Time: \d+\.\d+ ms")
        os.write(shell.fd, b".quit\n")
        _, status = os.waitpid(shell.pid, 0)
        self.assertEqual(os.waitstatus_to_exitcode(status), 0)

    def test_connect_is_the_same_shell_on_a_server(self):
        with Server() as server:
            prompt = f"127.0.0.1:{server.port}> "
            shell = self.shell("connect", f"redis://127.0.0.1:{server.port}", prompt=prompt)
            shell.type("CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT, price DOUBLE PRECISION);\n", until=prompt)
            self.assertIn("INSERT 2", shell.type("INSERT INTO t VALUES (1, 'ann', 1.5), (2, NULL, 2);\n", until=prompt))
            self.assertIn("  1 | ann  |   1.5\n  2 | NULL |     2\n(2 rows)", shell.type("SELECT * FROM t ORDER BY id;\n", until=prompt))
            self.assertIn("(integer) 1", shell.type("INCR n\n", until=prompt))
            self.assertIn('ERROR: syntax error at or near "FORM"\nSELECT * FORM t\n         ^\nDETAIL: ',
                          shell.type("SELECT * FORM t;\n", until=prompt))
            self.assertIn("CREATE TABLE t (", shell.type(".schema\n", until=prompt))
            self.assertEqual(server.stop(signal.SIGTERM), 0)
            os.write(shell.fd, b"INCR n\n")
            shell.expect("ERROR: ")
            os.close(shell.fd)
            os.waitpid(shell.pid, 0)


def has_terminals():
    """A bare root without /dev/pts has none."""
    try:
        for fd in pty.openpty():
            os.close(fd)
        return True
    except OSError:
        return False


if __name__ == "__main__":
    if not has_terminals():
        print("SKIP: no pseudo-terminals here")
        sys.exit(77)
    unittest.main(verbosity=1, warnings="ignore")
