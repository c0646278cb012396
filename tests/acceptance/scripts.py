#!/usr/bin/python3
"""Scripts through standard input and -c: what is a statement, output modes, errors with their place, exit codes."""
import csv
import io
import json
import os
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from trefoil import Directory, run  # noqa: E402

TABLE = """CREATE TABLE fruit (id INTEGER PRIMARY KEY, name TEXT, price DOUBLE PRECISION, fresh BOOLEAN);
INSERT INTO fruit VALUES (1, 'apple', 0.5, true), (2, 'fig; or "two"', NULL, false),
  (3, '', 12.25, NULL);
"""


class Scripts(unittest.TestCase):
    def check(self, script, expected, *arguments):
        code, out, err = run(script, *arguments)
        self.assertEqual((out, err, code), (expected, "", 0))

    def test_statements_of_both_languages(self):
        self.check(TABLE + """
-- a comment; with a semicolon
SET greeting "hello world"
GET greeting
/* a /* nested */ comment ; */ SELECT name
  FROM fruit -- which?
  WHERE id = 1; SELECT 1 + 1;
LPUSH list a b c
LRANGE list 0 -1
GET nothing
select count(*) from fruit
""", "OK\nhello world\napple\n2\n3\nc\nb\na\n\n3\n")

    def test_words_that_both_languages_know(self):
        self.check("SET a 1\nSET statement_timeout = 5000;\nGET a\nSHOW statement_timeout;\nset b 2\nget b", "OK\n1\n5s\nOK\n2\n")
        self.check("BEGIN\nSET k v\nROLLBACK\nGET k\nBEGIN; SET k w\nCOMMIT;\nGET k\n", "OK\n\nOK\nw\n")

    def test_a_transaction_over_both(self):
        self.check(TABLE + "BEGIN;\nDELETE FROM fruit WHERE id = 1;\nSADD gone apple\nROLLBACK;\n"
                   "SELECT count(*) FROM fruit; SCARD gone\n", "1\n3\n0\n")

    def test_the_last_statement_needs_no_semicolon(self):
        self.check("SELECT 1", "1\n")
        self.check(None, "1\n", "-c", "SELECT 1")
        self.check(None, "OK\nv\n2\n", "-c", "SET k v\nGET k", "-c", "SELECT 2")
        self.check("", "")
        self.check("  \n-- nothing\n", "")

    def test_raw_mode_is_the_default(self):
        self.check(TABLE + "SELECT * FROM fruit ORDER BY id;", '1|apple|0.5|t\n2|fig; or "two"||f\n3||12.25|\n')

    def test_csv(self):
        code, out, _ = run(TABLE + ".mode csv\nSELECT * FROM fruit ORDER BY id;\nHGETALL none\nECHO \"a,b\"\n")
        self.assertEqual(code, 0)
        rows = list(csv.reader(io.StringIO(out)))
        self.assertEqual(rows[0], ["id", "name", "price", "fresh"])
        self.assertEqual(rows[2], ["2", 'fig; or "two"', "", "f"])
        self.assertEqual(rows[-1], ["a,b"])

    def test_json(self):
        code, out, _ = run(TABLE + 'SELECT * FROM fruit ORDER BY id;\n', "--mode", "json")
        self.assertEqual(code, 0)
        self.assertEqual(json.loads(out)[1], {"id": 2, "name": 'fig; or "two"', "price": None, "fresh": False})
        code, out, _ = run('SET k "\\xff\\n\\"\\x01"\nGET k\nRPUSH l a 1\nLRANGE l 0 9\nGET none\n', "--mode", "json")
        self.assertEqual([json.loads(line) for line in out.splitlines()], ["OK", "\xff\n\"\x01", 2, ["a", "1"], None])

    def test_json_is_json_whatever_the_values(self):
        code, out, _ = run("SELECT 'NaN'::double precision AS a, 'Infinity'::double precision AS b, '-Infinity'::double precision AS c,"
                           ' \'{"k":\n [1,\t"\x7f\u0085\u202e\u2028"]}\'::json AS j, E\'\\x01\\x7f\\r\\n\' AS t;\n'
                           "ZADD z inf a\nZSCORE z a\n", "--mode", "json")
        self.assertEqual(code, 0)
        lines = out.splitlines()
        self.assertEqual(json.loads(lines[0]), [{"a": "NaN", "b": "Infinity", "c": "-Infinity", "j": {"k": [1, "\x7f\x85\u202e\u2028"]},
                                                 "t": "\x01\x7f\r\n"}])
        self.assertTrue(all(" " <= character < "\x7f" for character in lines[0]), lines[0])
        self.assertEqual(lines[1:], ["1", '"Infinity"'])

    def test_a_query_that_fails_leaves_nothing_in_json_and_csv(self):
        for mode, answer in (("json", '[{"one":1}]\n'), ("csv", "one\n1\n")):
            for query in ("SELECT 1/(i-3) AS x FROM generate_series(1, 5) s(i);", "SELECT 1/(i-90000) AS x FROM generate_series(1, 99999) s(i);",
                          "WITH w AS (SELECT 1/(i-3) AS x FROM generate_series(1, 5) s(i)) SELECT * FROM w;"):
                code, out, err = run(f"SELECT 1 AS one;\n{query}\nSELECT 1 AS one;\n", "--mode", mode, "--continue-on-error")
                self.assertEqual((code, out), (1, answer * 2))
                self.assertIn("division by zero", err)

    def test_null_is_not_the_text_null(self):
        self.check("SELECT NULL AS a, 'NULL' AS b, '''NULL''' AS c, 'NULL''' AS d;\n",
                   " a    | b      | c        | d\n------+--------+----------+-------\n NULL | 'NULL' | ''NULL'' | NULL'\n(1 row)\n",
                   "--mode", "table")

    def test_errors_do_not_drive_the_terminal(self):
        _, _, err = run("CREATE TABLE t (a TEXT PRIMARY KEY);\nINSERT INTO t VALUES ('\x1b[2J\u202e');\nINSERT INTO t VALUES ('\x1b[2J\u202e');\n")
        self.assertIn("DETAIL: Key (a)=(\\x1b[2J\\u202e) already exists.", err)
        for arguments in (["\x1b[2J"], ["connect", "\x1b[2J"], ["--\x1b[2J"], ["-c", ".read \x1b[2J"], ["check", "\x1b[2J"]):
            self.assertNotIn("\x1b", "".join(run("", *arguments)[1:]), arguments)

    def test_table(self):
        self.check(TABLE + "SELECT * FROM fruit ORDER BY id;\nSELECT name FROM fruit WHERE id = 9;\n",
                   " id | name          | price | fresh\n"
                   "----+---------------+-------+-------\n"
                   "  1 | apple         |   0.5 | t\n"
                   '  2 | fig; or "two" |  NULL | f\n'
                   "  3 |               | 12.25 | NULL\n"
                   "(3 rows)\n"
                   " name\n------\n(0 rows)\n", "--mode", "table")

    def test_table_knows_the_width_of_characters(self):
        code, out, _ = run("SELECT '日本' AS a, 1 AS b; SELECT 'e\u0301' AS a, 1 AS b;", "--mode", "table")
        self.assertEqual(code, 0)
        self.assertEqual(out, " a    | b\n------+---\n 日本 | 1\n(1 row)\n a | b\n---+---\n e\u0301 | 1\n(1 row)\n")

    def test_replies_of_commands_as_redis_cli_shows_them(self):
        self.check('SET k "a\\tb\\"é"\nGET k\nINCR n\nGET none\nRPUSH l a b\nLRANGE l 0 -1\nDEL l\nLRANGE l 0 -1\n',
                   'OK\n"a\\tb\\"é"\n(integer) 1\n(nil)\n(integer) 2\n1) "a"\n2) "b"\n(integer) 1\n(empty array)\n', "--mode", "table")

    def test_shell_commands_in_scripts(self):
        with tempfile.NamedTemporaryFile("w", suffix=".sql") as inner:
            inner.write("SELECT 'from inside';\nSELECT nonsense;\n")
            inner.flush()
            code, out, err = run(f".mode\n.read {inner.name}\nSELECT 2;\n", "--continue-on-error")
            self.assertEqual((code, out), (1, "raw\nfrom inside\n2\n"))
            self.assertTrue(err.startswith(f"{inner.name}:2:8: "), err)
        code, out, err = run(TABLE + "CREATE INDEX by_name ON fruit (name);\n.tables\n.schema fruit\n")
        self.assertEqual((code, err), (0, ""))
        self.assertTrue(out.startswith("fruit\nCREATE TABLE fruit (\n  id integer NOT NULL,\n  name text,"), out)
        self.assertIn("CREATE INDEX by_name ON fruit (name);\n", out)
        self.check("SELECT 1;\n.quit\nSELECT 2;\n", "1\n")
        code, _, err = run(".nonsense\n")
        self.assertEqual((code, err.splitlines()[0]), (1, "stdin:1:1: unknown command .nonsense; .help lists what there is"))
        code, _, err = run("\\d fruit\n")
        self.assertEqual((code, err.splitlines()[0]), (1, "stdin:1:1: unknown command \\d; .help lists what there is"))
        for word in ("exit", "exit;", "EXIT;"):
            self.check(f"SELECT 1;\n{word}\nSELECT 2;\n", "1\n")
        self.check("quit;\nSELECT 2;\n", "OK\n")
        self.assertIn(".help", run("help;\n")[1])

    def test_a_byte_order_mark_is_no_part_of_the_script(self):
        self.check("\ufeffSELECT 1;\n", "1\n")
        self.check("\ufeff", "")
        _, _, err = run("\ufeffSELECT nonsense;\n")
        self.assertTrue(err.startswith("stdin:1:8: "), err)
        with tempfile.NamedTemporaryFile("w", suffix=".sql") as inner:
            inner.write("\ufeffSET a 1\n")
            inner.flush()
            self.check(f".read {inner.name}\nGET a\n", "OK\n1\n")

    def test_windows_line_ends(self):
        self.check("SET a 1\r\nGET a\r\nSELECT 1;\r\n.mode\r\n", "OK\n1\n1\nraw\n")

    def test_a_schema_makes_itself_again(self):
        script = ('CREATE TABLE "Odd" (a INTEGER DEFAULT 7, "b c" VARCHAR(5) NOT NULL UNIQUE, v VECTOR(3), PRIMARY KEY (a), '
                  "CHECK (a > 0));\n" 'CREATE INDEX odd_index ON "Odd" ("b c", a);\n.schema\n')
        code, first, err = run(script)
        self.assertEqual((code, err), (0, ""))
        code, second, err = run(first + ".schema\n")
        self.assertEqual((code, err, second), (0, "", first))


class Errors(unittest.TestCase):
    def test_place_line_and_caret(self):
        code, out, err = run("SELECT 1;\nSELECT 2,\n   nonsense FROM nowhere;\nSELECT 3;\n")
        self.assertEqual((code, out), (1, "1\n"))
        lines = err.splitlines()
        self.assertRegex(lines[0], r"^stdin:\d+:\d+: .*does not exist")
        line, column = (int(part) for part in lines[0].split(":")[1:3])
        self.assertEqual(line, 3)
        self.assertEqual(lines[2].index("^") + 1, column)
        self.assertTrue(lines[1][column - 1:].startswith(("nonsense", "nowhere")), err)

    def test_syntax_error(self):
        code, _, err = run("\n\n  SELECT * FORM t;")
        self.assertEqual(code, 1)
        self.assertIn('syntax error at or near "FORM"', err.splitlines()[0])
        self.assertTrue(err.startswith("stdin:3:12: "), err)
        self.assertEqual(err.splitlines()[1:3], ["SELECT * FORM t", "         ^"])

    def test_a_comment_that_does_not_end(self):
        code, out, err = run("SELECT 1;\n /* SELECT 2;\nSELECT 3;\n")
        self.assertEqual((code, out), (1, "1\n"))
        self.assertTrue(err.startswith("stdin:2:2: unterminated /* comment"), err)

    def test_output_that_cannot_be_written(self):
        with open("/dev/full", "w") as full:
            code, _, err = run(None, "-c", "SELECT 1", stdout=full)
        self.assertEqual((code, err), (1, "stdout: No space left on device\n"))

    def test_columns_count_characters(self):
        _, _, err = run("SELECT 'äöü', nonsense;")
        self.assertTrue(err.startswith("stdin:1:15: "), err)
        self.assertEqual(err.splitlines()[1:3], ["SELECT 'äöü', nonsense", " " * 14 + "^"])

    def test_a_literal_that_is_no_value_of_its_type(self):
        for statement in ("SELECT * FROM fruit WHERE id = 'x1'", "SELECT * FROM fruit WHERE id = 'x2'",
                          "INSERT INTO fruit VALUES (4, 'pear', 'x3', true)"):
            _, _, err = run(TABLE + statement + ";")
            self.assertIn("invalid input syntax for type ", err)
            self.assertEqual(err.splitlines()[2], " " * statement.index("'x") + "^", err)

    def test_errors_of_commands(self):
        code, out, err = run("SET k v\nLPUSH k x\nGET k\n")
        self.assertEqual((code, out), (1, "OK\n"))
        self.assertEqual(err, "stdin:2:1: WRONGTYPE Operation against a key holding the wrong kind of value\nLPUSH k x\n^\n")
        _, _, err = run("GET\n")
        self.assertTrue(err.startswith("stdin:1:1: ERR wrong number of arguments for 'get' command\n"), err)
        _, _, err = run("NOSUCH a\n")
        self.assertTrue(err.startswith("stdin:1:1: ERR unknown command 'NOSUCH'"), err)
        _, _, err = run('SET a "b\n')
        self.assertTrue(err.startswith("stdin:1:7: unbalanced quotes"), err)

    def test_continue_on_error(self):
        code, out, err = run("SELECT 1;\nSELECT x;\nNOSUCH\nSELECT 2;\n", "--continue-on-error")
        self.assertEqual((code, out), (1, "1\n2\n"))
        self.assertEqual([line.split(":")[1] for line in err.splitlines() if line.startswith("stdin:")], ["2", "3"])

    def test_continue_on_error_with_several_statements_of_the_command_line(self):
        code, out, _ = run(None, "-c", "SELECT x", "-c", "SELECT 2", "--continue-on-error")
        self.assertEqual((code, out), (1, "2\n"))
        code, out, _ = run(None, "-c", "SELECT x", "-c", "SELECT 2")
        self.assertEqual((code, out), (1, ""))

    def test_the_timer_is_no_part_of_the_answers(self):
        code, out, err = run(".timer on\nSELECT 1 AS a;\nPING\n", "--mode", "json")
        self.assertEqual((code, [json.loads(line) for line in out.splitlines()]), (0, [[{"a": 1}], "PONG"]))
        self.assertEqual(err.count("Time: "), 2)

    def test_detail_is_shown(self):
        _, _, err = run("CREATE TABLE t (id INTEGER PRIMARY KEY);\nINSERT INTO t VALUES (1);\nINSERT INTO t VALUES (1);\n")
        self.assertIn('duplicate key value violates unique constraint "t_pkey"', err)
        self.assertIn("DETAIL: Key (id)=(1) already exists.", err)

    def test_a_statement_that_failed_changed_nothing(self):
        code, out, _ = run("CREATE TABLE t (id INTEGER PRIMARY KEY);\nINSERT INTO t VALUES (1), (2), (1);\nSELECT count(*) FROM t;\n",
                           "--continue-on-error")
        self.assertEqual((code, out), (1, "0\n"))

    def test_wrong_command_lines(self):
        for arguments in (["--nonsense"], ["serve", "--port", "x"], ["connect"], ["--mode", "xml"], ["serve", "--port", "99999"],
                          ["a", "--dir", "b"]):
            code, out, err = run("", *arguments)
            self.assertEqual((code, out), (2, ""), arguments)
            self.assertNotEqual(err, "", arguments)
        self.assertEqual(run(None, "connect", "redis://127.0.0.1:1")[0], 1)
        for url, error in (("redis://127.0.0.1:1x", "expected a port, not ':1x'"), ("redis://127.0.0.1:1/x", "number of a database")):
            self.assertIn(error, run(None, "connect", url)[2])
        self.assertEqual(run(None, "check", "/nonexistent/directory")[0], 1)
        code, out, _ = run(None, "--version")
        self.assertEqual(code, 0)
        self.assertRegex(out, r"^trefoil \d+\.\d+")


class CommandLine(unittest.TestCase):
    def test_a_word_that_is_something_else_makes_no_database(self):
        with Directory() as parent:
            before = os.getcwd()
            os.chdir(parent)
            try:
                self.words_in(parent)
            finally:
                os.chdir(before)

    def words_in(self, parent):
        os.mkdir("thesis")
        for name in ("script.sql", "thesis/chapter.tex"):
            open(name, "w").close()
        left = sorted(os.listdir("."))
        for words, hint in ((["redis://host", "-c", "PING"], "trefoil connect redis://host"), (["-c", "SELECT 1", "SELECT 2"], "-c"),
                            (["sreve"], "trefoil serve"), (["Conect"], "trefoil connect"), (["serve", "chek"], "trefoil check"),
                            (["PING"], "-c 'PING'"), (["select"], "-c 'select'"), (["shell"], "--help"), (["a\x1b"], "--dir"),
                            (["script.sql"], "< script.sql"), (["typo/database"], "nor is there"), ([""], "in memory"),
                            (["--dir", ""], "in memory"), (["-c", "PING", "serve", "shop"], "-c belongs to the shell")):
            code, out, err = run("", *words)
            self.assertEqual((code, out), (2, ""), words)
            self.assertIn(hint, err, words)
        for words in (["thesis"], ["--dir", "thesis"], ["serve", "thesis", "--port", "0"]):
            code, out, err = run("", *words)
            self.assertEqual((code, out), (1, ""))
            self.assertIn("'thesis' holds no database, but other files: 'chapter.tex'", err)
        for words in (["check", "nothing"], ["check", "thesis"]):
            self.assertEqual(run("", *words)[0], 1)
        for words, first in ((["help"], "Trefoil: "), (["help", "serve"], "Serves a database"), (["version"], "trefoil ")):
            code, out, err = run("", *words)
            self.assertEqual((code, err), (0, ""))
            self.assertTrue(out.startswith(first), out)
        self.assertEqual((sorted(os.listdir(".")), os.listdir("thesis")), (left, ["chapter.tex"]))
        os.mkdir("PING")
        for words in (["shop"], ["./help"], ["--dir", "SELECT 2"], ["PING"], [os.path.join(parent, "typo")], ["sub/"]):
            self.assertEqual(run("SET k v\n", *words), (0, "OK\n", ""), words)
            self.assertEqual(run("GET k\n", *words), (0, "v\n", ""), words)


class Durable(unittest.TestCase):
    def test_a_directory_keeps_what_scripts_did(self):
        with Directory() as parent:
            directory = os.path.join(parent, "data")
            code, _, err = run(TABLE + "SET k v\nZADD z 1 a 2 b\n", directory)
            self.assertEqual((code, err), (0, ""))
            code, out, err = run("SELECT name FROM fruit WHERE id = 1;\nGET k\nZRANGE z 0 -1\n", "--dir", directory)
            self.assertEqual((code, out, err), (0, "apple\nv\na\nb\n", ""))
            code, out, _ = run(None, "check", directory)
            self.assertEqual(code, 0, out)

    def test_appendfsync_always(self):
        with Directory() as parent:
            directory = os.path.join(parent, "data")
            code, out, err = run("SET k 1\nINCR k\nGET k\n", directory, "--appendfsync", "always")
            self.assertEqual((code, out, err), (0, "OK\n2\n2\n", ""))


if __name__ == "__main__":
    unittest.main(verbosity=1, warnings="ignore")
