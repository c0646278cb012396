#!/usr/bin/python3
"""`trefoil connect` is the same shell on a server: the same statements, embedded and served, print the same in every mode."""
import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from trefoil import Server, run  # noqa: E402

TABLES = r"""
CREATE TABLE kinds (id INTEGER PRIMARY KEY, s SMALLINT, big BIGINT, d DOUBLE PRECISION, t TEXT, v VARCHAR(9), b BOOLEAN, day DATE,
  at TIMESTAMP, raw BYTEA, j JSON, e VECTOR(3));
INSERT INTO kinds VALUES
  (1, -5, 9223372036854775807, 1.5, 'plain', 'short', true, '2024-02-29', '2024-02-29 12:34:56.789', '\x00ff41', '{"a": [1, 2]}',
   '[1,2.5,-3]'),
  (2, 32767, -9223372036854775808, 'NaN', '', '', false, '0001-01-01', '1999-12-31 23:59:59', '\x', 'null', '[0,0,1]'),
  (3, 0, 0, '-Infinity', E'two\nlines\tand a tab', 'ü', NULL, '9999-12-31', '0001-01-01 00:00:00', '\xc3bc', '"text"', '[1e-9,1,1]'),
  (4, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
  (5, 1, 1, 1e300, 'NULL', 'NULL', true, '2000-01-01', '2000-01-01 00:00:00', 'NULL', '[
 1 ]', '[3,2,1]'),
  (6, 1, 1, -0.0, E'\x1b[31mred \u202e', '日本', true, '2000-01-01', '2000-01-01 00:00:00.000001', '\x1b5b', E'{"k":"\u0080"}', '[3,2,1]');
CREATE INDEX by_e ON kinds USING hnsw (e vector_cosine_ops);
"""
QUERIES = r"""
SELECT * FROM kinds ORDER BY id;
SELECT id, e FROM kinds ORDER BY id LIMIT 0;
SELECT count(*), sum(big), avg(d), min(day), max(at) FROM kinds WHERE id < 2;
SELECT NULL AS nothing, 'x' AS "Odd name", 1 + 1, true AND NULL, '\x41'::bytea AS b;
SELECT id AS a, t AS a FROM kinds WHERE id = 1;
SELECT j -> 'a' AS inner_json, j ->> 'a' AS inner_text FROM kinds WHERE id = 1;
SELECT e <=> '[1,2,3]' AS distance FROM kinds ORDER BY distance, id;
SEARCH kinds e [1,2,3] 2
SEARCH kinds e [1,2] 2
SEARCH nowhere e [1,2] 2
VALUES (1, 'a'), (2, NULL);
EXPLAIN SELECT * FROM kinds WHERE id = 3;
SHOW statement_timeout;
WITH w AS (SELECT 1 AS one) SELECT * FROM w;
INSERT INTO kinds (id, t) VALUES (7, 'new') RETURNING id, t, raw;
UPDATE kinds SET t = 'newer' WHERE id = 7 RETURNING *;
UPDATE kinds SET t = 'newest' WHERE id > 100;
DELETE FROM kinds WHERE id = 7;
SELECT name FROM trefoil_tables();
.tables
.schema
.schema kinds
.mode
SELECT * FORM kinds;
SELECT * FROM nowhere;
SELECT nonsense FROM kinds WHERE 'äöü' = 'x';
INSERT INTO kinds (id) VALUES (1);
INSERT INTO kinds (id) VALUES (NULL);
INSERT INTO kinds (id, v) VALUES (9, 'much too long a text');
SELECT 1 / (3 - id) FROM kinds;
SELECT 'a' || E'\x1b[2J', '\xzz'::bytea;
SELECT unknown_function(1);
SELECT 1 +;
PING
ECHO "two\nlines \x1b \xff"
SET k "v"
SET
GET k
GET none
GET k extra
NOSUCH command
INCR n
INCR k
LPUSH k x
APPEND k more
RPUSH list a b "c d" ""
LRANGE list 0 -1
LRANGE none 0 -1
SADD members one
SMEMBERS members
SMEMBERS none
HSET h f 1 g ""
HGETALL h
HGETALL none
HGET h f
HMGET h f none g
ZADD z 1 a 2.5 b inf c
ZRANGE z 0 -1
ZRANGE z 0 -1 WITHSCORES
ZRANGEBYSCORE z -inf +inf WITHSCORES LIMIT 0 2
ZSCORE z b
ZSCORE z none
ZINCRBY z 1.5 a
ZPOPMIN z
ZPOPMAX z 2
SCAN 0 COUNT 1000 TYPE hash
TYPE h
OBJECT ENCODING n
SETEX s 1000 x
EXPIRE k 100
TTL none
DBSIZE
COMMAND COUNT
CONFIG GET appendfsync
CLIENT GETNAME
CLIENT SETNAME me
CLIENT GETNAME
MULTI
SET k w
INCR k
HGETALL h
ZRANGE z 0 -1 WITHSCORES
SQL "SELECT id, d, b, raw, j, e, at FROM kinds ORDER BY id"
SQL "UPDATE kinds SET s = 3 WHERE id = 4"
SQL "SELECT 1 +"
EXEC
EXEC
MULTI
NOSUCH
EXEC
BEGIN;
INSERT INTO kinds (id) VALUES (8);
SET k x
SAVEPOINT p;
DELETE FROM kinds;
ROLLBACK TO p;
SELECT count(*) FROM kinds;
COMMIT;
COMMIT;
ROLLBACK;
SET statement_timeout = 77;
SHOW statement_timeout;
SELECT key, type, value FROM kv('*') ORDER BY key;
SELECT * FROM hash('h');
SELECT * FROM zset('z');
SELECT * FROM list('list');
USE 1
DBSIZE
USE 99
DBSIZE
USE 0
DBSIZE
RESET
DBSIZE
HELLO 4
"k
GET "k
DROP TABLE kinds;
"""


class SameShell(unittest.TestCase):
    def both(self, script, *arguments):
        embedded = run(script, *arguments)
        with Server() as server:
            served = run(script, "connect", f"redis://127.0.0.1:{server.port}", *arguments)
        return embedded, served

    def test_the_same_statements_print_the_same(self):
        for mode in ("table", "raw", "csv", "json"):
            with self.subTest(mode=mode):
                embedded, served = self.both(TABLES + QUERIES, "--mode", mode, "--continue-on-error")
                self.assertEqual(served[0], embedded[0])
                for ours, theirs in zip(served[1:], embedded[1:]):
                    self.assertEqual(ours.splitlines(), theirs.splitlines())
                self.assertGreater(len(embedded[1].splitlines()), 90)
                self.assertGreater(len(embedded[2].splitlines()), 40)

    def test_many_rows(self):
        embedded, served = self.both("SELECT i, i * 0.5, 'text ' || i FROM generate_series(1, 100000) g(i);\n")
        self.assertEqual(served, embedded)
        self.assertEqual(embedded[1].count("\n"), 100000)


if __name__ == "__main__":
    unittest.main(verbosity=1, warnings="ignore")
