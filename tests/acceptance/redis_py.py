#!/usr/bin/python3
"""The Python client that people have (python3-redis): data types, pipelines, transactions, scripts of SQL, RESP2 and RESP3."""
import os
import sys
import threading
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from trefoil import Server, skip  # noqa: E402

try:
    import redis
except ImportError:
    skip("python3-redis is not installed")


class RedisPy(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server("--threads", "2")

    @classmethod
    def tearDownClass(cls):
        assert cls.server.stop() == 0, "".join(cls.server.log[-40:])

    def setUp(self):
        self.client = redis.Redis(port=self.server.port, decode_responses=True)
        self.client.flushdb()

    def tearDown(self):
        self.client.close()

    def test_strings(self):
        client = self.client
        self.assertTrue(client.ping())
        self.assertTrue(client.set("k", "v", ex=100))
        self.assertEqual(client.get("k"), "v")
        self.assertIsNone(client.set("k", "other", nx=True))
        self.assertIn(client.ttl("k"), (99, 100))
        self.assertEqual(client.incrby("n", 41), 41)
        self.assertEqual(client.incr("n"), 42)
        self.assertTrue(client.mset({"a": 1, "b": 2}))
        self.assertEqual(client.mget("a", "none", "b"), ["1", None, "2"])
        self.assertEqual(client.delete("a", "b", "none"), 2)
        with self.assertRaisesRegex(redis.ResponseError, "not an integer"):
            client.incr("k")

    def test_collections(self):
        client = self.client
        client.rpush("l", *range(5))
        self.assertEqual(client.lrange("l", 1, -2), ["1", "2", "3"])
        self.assertEqual(client.lpop("l"), "0")
        client.hset("h", mapping={"name": "ann", "age": 7})
        self.assertEqual(client.hgetall("h"), {"name": "ann", "age": "7"})
        client.sadd("s", "x", "y")
        self.assertEqual(client.smembers("s"), {"x", "y"})
        client.zadd("z", {"one": 1, "two": 2.5})
        self.assertEqual(client.zrange("z", 0, -1, withscores=True), [("one", 1.0), ("two", 2.5)])
        self.assertEqual(client.zincrby("z", 3, "one"), 4.0)
        with self.assertRaisesRegex(redis.ResponseError, "WRONGTYPE"):
            client.get("l")

    def test_scan_sees_every_key(self):
        client = self.client
        with client.pipeline(transaction=False) as pipe:
            for i in range(5000):
                pipe.set(f"key:{i}", i)
            pipe.execute()
        self.assertEqual(client.dbsize(), 5000)
        self.assertEqual(set(client.scan_iter(count=100)), {f"key:{i}" for i in range(5000)})

    def test_transactions(self):
        client = self.client
        with client.pipeline() as pipe:
            pipe.set("a", 1).incr("a").get("a")
            self.assertEqual(pipe.execute(), [True, 2, "2"])
        with client.pipeline() as pipe:
            pipe.watch("a")
            client.set("a", 10)
            pipe.multi()
            pipe.incr("a")
            with self.assertRaises(redis.WatchError):
                pipe.execute()
        self.assertEqual(client.get("a"), "10")

        def increment(counter):
            for _ in range(50):
                counter.transaction(lambda pipe: (pipe.multi(), pipe.incr("counter")), "counter")

        client.set("counter", 0)
        threads = [threading.Thread(target=increment, args=(redis.Redis(port=self.server.port),)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(client.get("counter"), "200")

    def test_sql(self):
        client = self.client
        sql = lambda text, *parameters: client.execute_command("SQL", text, *parameters)  # noqa: E731
        self.assertEqual(sql("CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, score DOUBLE PRECISION, ok BOOLEAN)"), "OK")
        self.assertEqual(sql("INSERT INTO users VALUES (1, 'ann', 1.5, true), (2, 'bob', NULL, false)"), 2)
        self.assertEqual(sql("INSERT INTO users VALUES ($1, $2, $3, $4)", 3, "cy", "2.25", "true"), 1)
        self.assertEqual(sql("SELECT * FROM users ORDER BY id"),
                         [["id", "name", "score", "ok"], [1, "ann", "1.5", 1], [2, "bob", None, 0], [3, "cy", "2.25", 1]])
        self.assertEqual(client.execute_command("SELECT name FROM users WHERE id = 1"), [["ann"]])
        with self.server.connect() as raw:
            self.assertEqual(raw.ok("SELECT", "name", "FROM", "users", "WHERE", "id", "=", "2"), [[b"bob"]])
        self.assertEqual(sql("UPDATE users SET score = 0 WHERE id > 1"), 2)
        self.assertEqual(sql("SELECT name FROM users WHERE id = 99"), [["name"]])
        self.assertEqual(sql("DELETE FROM users WHERE id = ?", 3), 1)
        with self.assertRaisesRegex(redis.ResponseError, 'duplicate key value violates unique constraint "users_pkey"'):
            sql("INSERT INTO users VALUES (1, 'again', 0, true)")
        with self.assertRaisesRegex(redis.ResponseError, 'syntax error at or near "FORM"'):
            sql("SELECT * FORM users")
        self.assertEqual(sql("DROP TABLE users"), "OK")

    def test_one_transaction_over_keys_and_rows(self):
        client = redis.Redis(port=self.server.port, decode_responses=True, single_connection_client=True)
        other = self.client
        client.execute_command("SQL", "CREATE TABLE accounts (id INTEGER PRIMARY KEY, amount INTEGER)")
        client.execute_command("SQL", "INSERT INTO accounts VALUES (1, 100)")
        client.set("moved", 0)
        self.assertEqual(client.execute_command("SQL", "BEGIN"), "OK")
        client.execute_command("SQL", "UPDATE accounts SET amount = amount - 30 WHERE id = 1")
        client.incrby("moved", 30)
        self.assertEqual(other.get("moved"), "0")
        self.assertEqual(other.execute_command("SQL", "SELECT amount FROM accounts")[1:], [[100]])
        self.assertEqual(client.execute_command("SQL", "COMMIT"), "OK")
        self.assertEqual(other.get("moved"), "30")
        self.assertEqual(other.execute_command("SQL", "SELECT amount FROM accounts")[1:], [[70]])
        client.execute_command("SQL", "DROP TABLE accounts")
        client.close()

    def test_databases_and_client_state(self):
        one = redis.Redis(port=self.server.port, db=1, client_name="tester", decode_responses=True)
        one.set("only here", 1)
        self.assertIsNone(self.client.get("only here"))
        self.assertEqual(one.client_getname(), "tester")
        self.assertIn("tester", [entry["name"] for entry in self.client.client_list()])
        one.flushdb()
        self.assertGreater(self.client.command_count(), 50)
        self.assertEqual(self.client.config_get("maxclients"), {"maxclients": "10000"})
        self.assertIn("redis_version", self.client.info())

    def test_resp3_types(self):
        with self.server.connect() as connection:
            self.assertEqual(connection.ok("HELLO", "3")[b"proto"], 3)
            connection.ok("HSET", "h3", "f", "v")
            self.assertEqual(connection.ok("HGETALL", "h3"), {b"f": b"v"})
            connection.ok("ZADD", "z3", "1.5", "m")
            self.assertEqual(connection.ok("ZSCORE", "z3", "m"), 1.5)
            self.assertIsNone(connection.ok("GET", "none"))
            self.assertEqual(connection.ok("SQL", "SELECT 1 AS i, 1.5::double precision AS d, true AS b, NULL AS n, 'x' AS t"),
                             [[b"i", b"d", b"b", b"n", b"t"], [1, 1.5, True, None, b"x"]])


if __name__ == "__main__":
    unittest.main(verbosity=1, warnings="ignore")
