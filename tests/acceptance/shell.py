#!/usr/bin/python3
"""The interactive shell on a pseudo-terminal: prompts, editing, completion, history, interrupts; and `trefoil connect`."""
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from terminal import Shell, has_terminals  # noqa: E402
from trefoil import PROGRAM, Directory, Server  # noqa: E402


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
        shell.type("/* a comment\n", until="/*..> ")
        self.assertNotIn("\\r", shell.type("of lines */ INFO server\n"))
        shell.type("SELECT nonsense\n", until="...> ")
        self.assertIn("does not exist", shell.type("FROM t;\n"))
        self.assertIn("division by zero", shell.type("SELECT 1/0; SELECT 40 + 2;\n", until=" 42\n"))
        self.assertEqual(shell.end(), 0)

    def test_it_says_where_data_lives(self):
        shell = self.shell()
        self.assertIn("NOTICE: this database lives in memory", shell.seen.decode())
        self.assertEqual(shell.end(), 0)
        directory = os.path.join(self.home.name, "shop")
        for notices in (1, 0):
            shell = self.shell(directory)
            self.assertEqual(shell.seen.decode().count(f"NOTICE: '{directory}' is a new database"), notices)
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
        self.assertIn("NO-EVICT", shell.type("CLIENT NO-\t", until="NO-TOUCH"))
        shell.type("E\t", until="EVICT ")
        shell.type("\x15", until="")
        shell.type("SET k v kee\t", until="keepttl ")
        self.assertIn("[NX | XX]", shell.type("\t", until="Sets a key's string."))
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
            self.assertEqual(shell.end(), 0)

    def test_statements_are_confirmed_the_same_on_a_server(self):
        statements = ("CREATE TABLE t (id INTEGER PRIMARY KEY);", "INSERT INTO t VALUES (1), (2), (3);", "UPDATE t SET id = 4 WHERE id = 3;",
                      "WITH w AS (SELECT 5 AS id) INSERT INTO t SELECT id FROM w;", "DELETE FROM t WHERE id > 3;", "CREATE INDEX i ON t (id);",
                      "BEGIN", "SAVEPOINT s", "TRUNCATE t;", "ROLLBACK TO s", "RELEASE s", "COMMIT", "BEGIN;", "SET k v", "ROLLBACK;",
                      "SET statement_timeout = 0;", "ALTER TABLE t RENAME TO u;", "DROP INDEX i;", "DROP TABLE u;", "DROP TABLE u;",
                      "DROP TABLE IF EXISTS u;", "MULTI", "DISCARD")
        screens = []
        with Server() as server:
            for arguments, name in (((), "trefoil"), (("connect", f"redis://127.0.0.1:{server.port}"), f"127.0.0.1:{server.port}")):
                shell = self.shell(*arguments, prompt=name + "> ")
                begun = len(shell.seen)
                for statement in statements:
                    since = len(shell.seen)
                    os.write(shell.fd, statement.encode() + b"\n")
                    shell.expect("> ", since + len(statement))
                screens.append(shell.seen[begun:].decode().replace(name, ""))
                shell.end()
        self.assertEqual(screens[0], screens[1])
        self.assertIn("INSERT 3\n", screens[0])

    def test_connect_outlives_a_restart_of_the_server(self):
        with Directory() as directory:
            with Server(directory=directory) as server:
                port = server.port
                prompt = f"127.0.0.1:{port}> "
                shell = self.shell("connect", f"redis://127.0.0.1:{port}/2", prompt=prompt)
                shell.type("SET k two\n", until=prompt)
                shell.type("BEGIN;\n", until=f"127.0.0.1:{port}*> ")
            self.assertIn("connection to the server is lost, and the open transaction with it", shell.type("SET k lost\n", until=prompt))
            self.assertIn("cannot connect to 127.0.0.1:", shell.type("GET k\n", until=prompt))
            with Server(port=port, directory=directory):
                answer = shell.type("GET k\n", until=prompt)
                self.assertIn("NOTICE: connected again", answer)
                self.assertIn('"two"', answer)
                self.assertNotIn("NOTICE", shell.type("GET k\n", until=prompt))
                self.assertEqual(shell.end(), 0)

    def test_the_next_connection_is_told_what_the_last_one_knew(self):
        # A server that answers OK to everything and hangs up at QUIET.
        told = []
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)

        def serve():
            while True:
                try:
                    connection = listener.accept()[0]
                except OSError:
                    return
                told.append([])
                with connection, connection.makefile("rb") as file:
                    while line := file.readline():
                        words = []
                        for _ in range(int(line[1:])):
                            words.append(file.read(int(file.readline()[1:])).decode())
                            file.read(2)
                        told[-1].append(" ".join(words))
                        if words == ["QUIET"]:
                            break
                        connection.sendall(b"+OK\r\n")

        threading.Thread(target=serve, daemon=True).start()
        prompt = f"127.0.0.1:{listener.getsockname()[1]}> "
        shell = self.shell("connect", f"redis://u:p%40@{prompt[:-2]}/2", prompt=prompt)
        shell.type("QUIET\n", until=prompt)
        shell.type("PING\n", until=prompt)
        shell.type("USE 3\n", until=prompt)
        shell.type("AUTH v q\n", until=prompt)
        shell.type("QUIET\n", until=prompt)
        shell.type("PING\n", until=prompt)
        self.assertEqual(shell.end(), 0)
        attributes = "CLIENT ATTRIBUTES ON"
        self.assertEqual(told, [["HELLO 3 AUTH u p@", attributes, "SELECT 2", "QUIET"],
                                ["HELLO 3 AUTH u p@", attributes, "SELECT 2", "PING", "USE 3", "AUTH v q", "HELLO 3 AUTH v q", attributes,
                                 "SELECT 3", "QUIET"],
                                ["HELLO 3 AUTH v q", attributes, "SELECT 3", "PING"]])

    def test_a_script_does_not_go_on_without_its_connection(self):
        with Server() as server:
            script = subprocess.Popen([PROGRAM, "connect", f"redis://127.0.0.1:{server.port}", "--continue-on-error"], text=True,
                                      stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            script.stdin.write("CLIENT SETNAME script\n")
            script.stdin.flush()
            with server.connect() as observer:
                while b"name=script" not in observer.call("CLIENT", "LIST"):
                    time.sleep(0.05)
            server.stop()
            out, err = script.communicate("GET k\nGET k\n")
            self.assertEqual((script.returncode, out), (1, "OK\n"))
            self.assertEqual(err.count("server closed the connection"), 1)

    def test_interrupt_stops_a_statement_on_the_server(self):
        with Server() as server:
            prompt = f"127.0.0.1:{server.port}> "
            inside = f"127.0.0.1:{server.port}*> "
            shell = self.shell("connect", f"redis://127.0.0.1:{server.port}", prompt=prompt)
            shell.type("USE 3\n", until=prompt)
            shell.type("SET where three\n", until=prompt)
            shell.type("BEGIN;\n", until=inside)
            shell.type("SET where nowhere\n", until=inside)
            os.write(shell.fd, b"SELECT count(*) FROM generate_series(1, 1000000) a, generate_series(1, 1000000) b; PING\n")
            time.sleep(0.5)
            answer = shell.type("\x03", until=prompt)
            self.assertIn("ERROR: canceling statement due to user request", answer)
            self.assertIn("the open transaction is rolled back", answer)
            self.assertNotIn("PONG", answer)
            self.assertIn('"three"', shell.type("GET where\n", until=prompt))
            self.assertEqual(shell.end(), 0)

    def test_the_shell_keeps_speaking_its_protocol(self):
        with Server() as server:
            prompt = f"127.0.0.1:{server.port}> "
            shell = self.shell("connect", f"redis://127.0.0.1:{server.port}", prompt=prompt)
            for command in ("HELLO 2", "RESET"):
                shell.type(command + "\n", until=prompt)
                self.assertIn(" b\n------\n \\x00\n(1 row)", shell.type("SELECT '\\x00'::bytea AS b;\n", until=prompt))
            self.assertEqual(shell.end(), 0)

    def test_no_data_drives_the_terminal(self):
        evil = "\x1b]0;title\x07\x1b[31m\x9b2J\u202eright\x7f"
        with Server() as server:
            for arguments, name in (((), "trefoil"), (("connect", f"redis://127.0.0.1:{server.port}"), f"127.0.0.1:{server.port}")):
                prompt = name + "> "
                shell = self.shell(*arguments, prompt=prompt)
                script = os.path.join(self.home.name, "evil.sql")
                with open(script, "w") as file:
                    file.write(f"CREATE TABLE evil (\"{evil}\" TEXT PRIMARY KEY, j JSON);\nINSERT INTO evil VALUES ('{evil}');\n"
                               f"INSERT INTO evil VALUES ('{evil}');\nSELECT * FROM \"{evil}\";\nSELECT * FROM evil;\n"
                               f'SET "{evil}" "{evil}"\nGET "{evil}"\nECHO "{evil}"\nLRANGE "{evil}" x y\n{evil}\n.read {evil}\n'
                               f"SELECT '{evil}'::integer;\n.schema evil\nSELECT '\"\u202e\x7f\"'::json;\n.{evil}\n")
                begun = len(shell.raw)
                for mode in ("table", "raw", "csv", "json"):
                    shell.type(f".mode {mode}\n", until=prompt)
                    shell.type(f".read {script}\n", until=prompt)
                self.assertIn("duplicate key value", shell.raw.decode())
                for bad in (b"\x1b]", b"\x1b[31m", b"\xc2\x9b", "\u202e".encode(), b"\x7f"):
                    self.assertNotIn(bad, shell.raw[begun:])
                self.assertEqual(shell.end(), 0)

    def test_numbers_are_never_cut(self):
        shell = self.shell(columns=40)
        answer = shell.type("SELECT 1000000000 + i AS number, repeat('x', 100) AS t, 'n' || 1 AS u, '100000' AS digits, repeat('y', 99) AS v, "
                            "DATE '2024-01-02' AS d FROM generate_series(1, 2) s(i);\n")
        for whole in ("1000000001", "100000", "2024-01-02"):
            self.assertIn(f" {whole}", answer)
        self.assertIn("\u2026", answer)
        self.assertEqual(shell.end(), 0)

    def test_interrupt_stops_the_output(self):
        for mode in ("table", "raw", "csv", "json"):
            with self.subTest(mode=mode):
                shell = self.shell()
                shell.type(f".mode {mode}\n")
                since = len(shell.seen)
                os.write(shell.fd, b"SELECT i, 'row ' || i FROM generate_series(1, 1000000) s(i); PING\n")
                shell.expect("row 100", since)
                os.write(shell.fd, b"\x03")
                answer = shell.expect("trefoil> ", since)
                self.assertNotIn("row 999999", answer)
                self.assertNotIn("PONG", answer)
                self.assertIn("7", shell.type("SELECT 3 + 4;\n"))
                self.assertEqual(shell.end(), 0)


if __name__ == "__main__":
    if not has_terminals():
        print("SKIP: no pseudo-terminals here")
        sys.exit(77)
    unittest.main(verbosity=1, warnings="ignore")
