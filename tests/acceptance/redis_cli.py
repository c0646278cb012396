#!/usr/bin/python3
"""redis-cli and redis-benchmark of Debian's redis-tools against the server."""
import os
import shutil
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from trefoil import Connection, PATIENCE, Server, skip  # noqa: E402

if shutil.which("redis-cli") is None:
    skip("redis-tools is not installed")


class RedisCli(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server("--threads", "2")

    @classmethod
    def tearDownClass(cls):
        assert cls.server.stop() == 0, "".join(cls.server.log[-40:])

    def cli(self, *arguments, stdin=None):
        done = subprocess.run(["redis-cli", "-p", str(self.server.port), *arguments], input=stdin, capture_output=True,
                              timeout=PATIENCE)
        return done.stdout.decode()

    def test_commands(self):
        self.assertEqual(self.cli("ping"), "PONG\n")
        self.assertEqual(self.cli("set", "k", "v w"), "OK\n")
        self.assertEqual(self.cli("--no-raw", "get", "k"), '"v w"\n')
        self.assertEqual(self.cli("-3", "--no-raw", "hello").splitlines()[0], '1# "server" => "redis"')
        self.assertEqual(self.cli("-n", "3", "--no-raw", "get", "k"), "(nil)\n")
        self.assertIn("unknown command", self.cli("nosuchcommand", "a"))
        self.assertEqual(self.cli(stdin=b"set a 1\nincr a\nget a\n"), "OK\n2\n2\n")

    def test_sql_as_bare_words(self):
        self.assertEqual(self.cli("CREATE TABLE words (id INTEGER PRIMARY KEY, word TEXT)"), "OK\n")
        self.assertEqual(self.cli("sql", "INSERT INTO words VALUES (1, 'one'), (2, 'two')"), "2\n")
        self.assertEqual(self.cli("--no-raw", "SELECT word FROM words ORDER BY id"), '1) 1) "one"\n2) 1) "two"\n')
        self.assertEqual(self.cli("--no-raw", "sql", "SELECT id, word FROM words WHERE id = $1", "2"),
                         '1) 1) "id"\n   2) "word"\n2) 1) (integer) 2\n   2) "two"\n')
        self.assertEqual(self.cli("DROP TABLE words"), "OK\n")

    def test_quotes_around_bare_words_are_kept_where_they_can_be(self):
        self.cli("CREATE TABLE quoted (id INTEGER PRIMARY KEY, word TEXT)")
        typed = b"""INSERT INTO quoted VALUES (1, "'plain'" )
INSERT INTO quoted VALUES "(2, 'two words')"
INSERT INTO quoted VALUES (3, "O'Neill & sons" )
INSERT INTO quoted VALUES (4, '' )
SELECT id FROM quoted WHERE word = 'two words'
SELECT id FROM quoted WHERE word = "O'Neill & sons"
SELECT id FROM quoted WHERE word = ""
"""
        self.assertEqual(self.cli(stdin=typed), "1\n1\n1\n1\n2\n3\n4\n")
        lost = self.cli(stdin=b"SELECT id FROM quoted WHERE word = 'plain'\n")
        self.assertIn('column "plain" does not exist', lost)
        self.assertIn("HINT: If this was a text", lost)
        self.cli("DROP TABLE quoted")

    def test_mass_insertion(self):
        data = b"".join(Connection.encode("SET", f"mass:{i}", "x" * 50) for i in range(50000))
        self.assertIn("errors: 0, replies: 50000", self.cli("--pipe", stdin=data))
        self.assertEqual(self.cli("get", "mass:49999"), "x" * 50 + "\n")

    def test_command_docs(self):
        self.assertIn("summary", self.cli("command", "docs", "get"))
        self.assertGreater(int(self.cli("command", "count")), 50)

    def test_benchmark_program(self):
        if shutil.which("redis-benchmark") is None:
            return
        done = subprocess.run(["redis-benchmark", "-p", str(self.server.port), "-t", "set,get,incr,lpush,sadd,hset,zadd", "-n", "4000",
                               "-c", "20", "-P", "8", "-q"], capture_output=True, text=True, timeout=PATIENCE)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual(done.stdout.count("requests per second"), 7, done.stdout)
        self.assertNotIn("Error", done.stdout + done.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=1, warnings="ignore")
