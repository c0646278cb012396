#!/usr/bin/python3
"""What is typed and pasted into the shell, and what its history keeps."""
import os
import signal
import stat
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from terminal import Shell, has_terminals  # noqa: E402
from trefoil import Server  # noqa: E402

UP = "\x1b[A"


def pasted(text):
    return f"\x1b[200~{text}\x1b[201~"


class Input(unittest.TestCase):
    def setUp(self):
        home = tempfile.TemporaryDirectory()
        self.addCleanup(home.cleanup)
        self.home = home.name
        self.history = os.path.join(self.home, ".trefoil_history")

    def shell(self, *arguments, prompt="trefoil> "):
        shell = Shell(*arguments, home=self.home)
        shell.expect(prompt)
        return shell

    def entries(self):
        with open(self.history) as file:
            return file.read().splitlines()


class Typing(Input):
    def test_a_nul_is_no_character(self):
        """A Ctrl-D that comes before the prompt arrives as one."""
        shell = self.shell()
        os.write(shell.fd, b"\0")
        self.assertIn("PONG", shell.type("PI\0NG\n"))
        os.write(shell.fd, b"\0")
        self.assertEqual(shell.end(), 0)


class Pasting(Input):
    def test_a_pasted_tab_is_a_character(self):
        shell = self.shell()
        shell.type("CREATE TABLE tabs (a TEXT);\n")
        self.assertIn("\x1b[?2004h", shell.raw.decode())
        self.assertIn(" EXPI\\tRE", shell.type(pasted("SELECT 'EXPI\tRE' AS a;") + "\n", until="(1 row)"))
        self.assertIn(" tab\\ts", shell.type(pasted("SELECT 'tab\ts' AS a;\n"), until="(1 row)"))
        self.assertIn("5", shell.type(pasted("SELECT\t2\t+ 3;\n"), until="(1 row)"))
        self.assertIn('"a\\tb"', shell.type(pasted('ECHO "a\tb"\n'), until='\\tb"'))
        self.assertEqual(shell.end(), 0)

    def test_a_tab_in_quotes_is_a_character_wherever_it_comes_from(self):
        shell = self.shell()
        self.assertIn(" SEL\\tx", shell.type("SELECT 'SEL\tx' AS a;\n", until="(1 row)"))
        self.assertIn("6", shell.type("SELECT\t2\t+ 4;\n", until="(1 row)"))
        shell.type("SELECT 'begun\n", until="'..> ")
        self.assertIn(" begun\\nSEL\\tx", shell.type("SEL\tx' AS a;\n", until="(1 row)"))
        self.assertEqual(shell.end(), 0)

    def test_lines_are_pasted_as_lines(self):
        shell = self.shell()
        for ends in ("\n", "\r"):
            begun = len(shell.seen)
            shell.type(pasted(ends.join(["SET k 'äöü'", "SELECT 'two", "lines\x07' AS t, '\x1b[31m' AS u;", "GET k", "GET"])) + " none\n",
                       until="(nil)")
            answer = shell.seen[begun:].decode()
            self.assertIn(" two\\nlines\\x07 | \\x1b[31m\n", answer)
            self.assertIn('"äöü"', answer)
        self.assertEqual(shell.end(), 0)

    def test_an_interrupt_forgets_what_was_pasted(self):
        shell = self.shell()
        shell.type("\x1b[200~SET a 1\nSET b 2\nSET c", until="")
        shell.type("\x03")
        self.assertIn("(integer) 0", shell.type("DBSIZE\n"))
        self.assertEqual(shell.end(), 0)


class History(Input):
    def test_it_is_kept_when_the_window_closes(self):
        for how, code in ((signal.SIGHUP, 128 + signal.SIGHUP), (signal.SIGTERM, 128 + signal.SIGTERM), (signal.SIGKILL, -signal.SIGKILL)):
            shell = self.shell()
            shell.type(f"SET by {int(how)}\n")
            os.kill(shell.pid, how)
            self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(shell.pid, 0)[1]), code)
            os.close(shell.fd)
            self.assertEqual(self.entries()[-1], f"SET by {int(how)}")
        self.assertEqual(stat.S_IMODE(os.stat(self.history).st_mode), 0o600)

    def test_shells_share_it(self):
        one, two = self.shell(), self.shell()
        one.type("SET from one\n")
        two.type("SET from two\n")
        one.type("SET from one again\n")
        self.assertEqual(one.end(), 0)
        self.assertEqual(two.end(), 0)
        self.assertEqual(self.entries(), ["SET from one", "SET from two", "SET from one again"])

    def test_entries_of_several_lines_and_odd_characters(self):
        shell = self.shell()
        shell.type(pasted("SELECT 'a\tb\\c\n\x7f' AS t;\n"), until="(1 row)")
        self.assertEqual(shell.end(), 0)
        self.assertEqual(self.entries(), ["SELECT 'a\\011b\\134c\\012\\177' AS t;"])
        shell = self.shell()
        self.assertIn(" a\\tb\\c\\n\\x7f", shell.type(UP + "\n", until="(1 row)"))
        self.assertEqual(shell.end(), 0)

    def test_secrets_are_not_kept(self):
        with Server() as server:
            prompt = f"127.0.0.1:{server.port}> "
            shell = self.shell("connect", f"redis://127.0.0.1:{server.port}", prompt=prompt)
            for line in ("AUTH geheim", "auth user geheim", "HELLO 3 AUTH default geheim SETNAME me", "CONFIG SET requirepass geheim",
                         "CONFIG SET timeout 0 masterauth geheim", '"AUTH" geheim', "ACL SETUSER u on >geheim", "SELECT 1; AUTH geheim",
                         "CREATE USER u PASSWORD 'geheim';", "/* c */ AUTH geheim", "MIGRATE h 1 k 0 9 AUTH geheim",
                         "CREATE ROLE u\nWITH PASSWORD 'geheim';", "ECHO redis://me:geheim@host"):
                first, *more = line.split("\n")
                if more:
                    shell.type(first + "\n", until="...> ")
                shell.type((more or [first])[0] + "\n", until=prompt)
            for line in ("SELECT 'password' AS authentic;", "CONFIG SET timeout 0", "GET auth"):
                shell.type(line + "\n", until=prompt)
            shell.type(UP * 3 + "\n", until=prompt)
            self.assertEqual(shell.end(), 0)
        self.assertEqual(self.entries(), ["SELECT 'password' AS authentic;", "CONFIG SET timeout 0", "GET auth",
                                          "SELECT 'password' AS authentic;"])

    def test_it_stays_within_bounds_and_its_owners(self):
        with open(self.history, "w") as file:
            file.write("_HiStOrY_V2_\n" + "".join(f"PING\\040{i}\n" for i in range(20_002)))
        os.chmod(self.history, 0o644)
        shell = self.shell()
        self.assertEqual(len(self.entries()), 10_000)
        self.assertIn("20001", shell.type(UP + "\n", until='"20001"'))
        self.assertEqual(shell.end(), 0)
        self.assertEqual(self.entries()[0], "PING\\04010002")
        self.assertEqual(stat.S_IMODE(os.stat(self.history).st_mode), 0o600)

    def test_a_history_that_cannot_be_kept_is_no_hindrance(self):
        os.mkdir(self.history)
        shell = self.shell()
        self.assertIn("PONG", shell.type("PING\n"))
        self.assertIn("PONG", shell.type(UP + "\n"))
        self.assertEqual(shell.end(), 0)


if __name__ == "__main__":
    if not has_terminals():
        print("SKIP: no pseudo-terminals here")
        sys.exit(77)
    unittest.main(verbosity=1, warnings="ignore")
