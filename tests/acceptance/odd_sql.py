#!/usr/bin/python3
"""Statements of good grammar and little sense: the server may refuse them, but lives on, and answers in time.

    odd_sql.py [SECONDS [SEED]]      without arguments: a few seconds, and a seed that is always the same

Where like_sqlite.py minds types and compares answers, this one mixes everything with everything: values at the edges of their
types, names that are ambiguous or not there, subqueries and aggregates wherever an expression may stand, columns named twice,
tables and indexes that come, go and change their names, inside transactions and out. What ended the server is printed.
"""
import os
import random
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from trefoil import ReplyError, Server  # noqa: E402

SECONDS = 6
SEED = 20261121
ROUND = 400  # statements over the same tables
TIMEOUT_MS = 2000  # of a statement
TABLES = ["t", "u", "v"]
COLUMNS = ["id", "a", "b", "s", "x", "bo", "d", "ts", "j", "vec", "bl", "sm", "big"]
TYPES = ["int", "bigint", "smallint", "text", "varchar(3)", "double precision", "boolean", "date", "timestamp", "json", "vector(2)", "bytea"]
LITERALS = ["0", "1", "2", "-1", "5", "2147483647", "2147483648", "-2147483648", "9223372036854775807", "-9223372036854775808", "32768", "0.5",
            "1e308", "1e-308", "-0.0", "'a'", "''", "'ab%'", "'_'", "'\\'", "'1'", "'NaN'", "'Infinity'", "NULL", "NULL", "TRUE", "FALSE",
            "'{\"a\": [1, {\"b\": null}]}'", "'[1, 2]'", "[0, 0]", "'\\x00ff'", "'2024-02-29'", "'0001-01-01'", "'290000-12-31 23:59:59'", "'ä€😀'",
            "'a long text that does not fit inline'", "date '2024-01-31'", "'{}'::json", "'[1, 2]'::vector", "'\\xff'::bytea", "'NaN'::float8"]
FUNCTIONS = ["abs", "ceil", "round", "trunc", "sqrt", "exp", "ln", "length", "lower", "initcap", "trim", "reverse", "ascii", "chr", "json_typeof",
             "json_array_length", "l2_norm", "vector_dims", "to_timestamp", "count", "sum", "avg", "min", "max", "bool_or", "stddev", "mod", "power",
             "substr", "left", "right", "replace", "repeat", "strpos", "concat", "concat_ws", "lpad", "split_part", "date_part", "date_trunc",
             "make_date", "nullif", "coalesce", "greatest", "least", "string_agg", "cosine_distance", "inner_product"]
OPERATORS = ["+", "-", "*", "/", "%", "^", "||", "=", "<>", "<", "<=", ">", ">=", "AND", "OR", "->", "->>", "<=>", "<->", "<#>",
             "IS DISTINCT FROM", "LIKE", "NOT ILIKE"]
JOINS = ["JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN", "CROSS JOIN", "NATURAL JOIN", "NATURAL FULL JOIN", ","]
FUNCTION_TABLES = ["kv('*')", "hash('h')", "zset('z') p", "list('l')", "set('s') q", "trefoil_tables()", "trefoil_columns()", "trefoil_schema()"]


class Statements:
    def __init__(self, seed):
        self.rng = random.Random(seed)

    def pick(self, *choices):
        return self.rng.choice(choices)

    def some(self, make, most, separator=", "):
        return separator.join(make() for _ in range(self.rng.randint(1, most)))

    def table(self):
        return self.rng.choice(TABLES)

    def column(self):
        name = self.rng.choice(COLUMNS[:5] if self.rng.random() < 0.5 else COLUMNS)
        return name if self.rng.random() < 0.7 else f"{self.pick('t', 'u', 'p', 'q', 'excluded')}.{name}"

    def expression(self, depth=2):
        if depth <= 0 or self.rng.random() < 0.2:
            return self.rng.choice(LITERALS) if self.rng.random() < 0.5 else self.column()
        one = lambda: self.expression(depth - 1)
        maybe_not = self.pick("", "NOT ")
        return self.rng.choice([
            lambda: f"({one()} {self.rng.choice(OPERATORS)} {one()})",
            lambda: f"({one()} {self.rng.choice(OPERATORS)} {one()})",
            lambda: f"{self.rng.choice(FUNCTIONS)}({self.pick('', '', '', 'DISTINCT ')}{self.some(one, 3)})" + self.pick("", "", "", f" FILTER (WHERE {one()})"),
            lambda: f"CAST({one()} AS {self.rng.choice(TYPES)})",
            lambda: f"CASE {self.pick('', one())} WHEN {one()} THEN {one()} {self.pick('', 'ELSE ' + one())} END",
            lambda: f"({one()} {maybe_not}IN ({self.some(one, 4)}))",
            lambda: f"({one()} {maybe_not}IN ({self.query(depth - 1)}))",
            lambda: f"({one()} {maybe_not}BETWEEN {one()} AND {one()})",
            lambda: f"({one()} IS {maybe_not}{self.pick('NULL', 'TRUE', 'UNKNOWN')})",
            lambda: f"(SELECT {one()}{self.pick('', self.source())}{self.pick('', ' LIMIT 1')})",
            lambda: f"{maybe_not}EXISTS ({self.query(depth - 1)})",
            lambda: f"{self.pick('-', '+', 'NOT ')}{one()}",
            lambda: self.pick("count(*)", "random()", "now()", "current_date"),
            lambda: f"({one()} + INTERVAL '{self.pick('1 day', '-1 month', '290000 years')}')",
        ])()

    def item(self):
        value = lambda: self.expression(0)
        return self.rng.choice([
            lambda: f"{self.table()} {self.pick('', 'AS p', 'q', 'AS t', 'AS q(id, a)')}",
            lambda: f"{self.table()} {self.pick('', 'AS p', 'q', 'AS t', 'AS q(id, a)')}",
            lambda: f"(SELECT {self.pick('*', self.expression(1) + ' AS a, 1 AS id')} FROM {self.table()}) AS {self.pick('p', 'q')}",
            lambda: f"generate_series({value()}, {self.pick('3', '-2', value())}{self.pick('', ', 0', ', -1')}) {self.pick('AS a', 'q(id)')}",
            lambda: f"(VALUES ({value()}, {value()}), ({value()}, {value()})) AS {self.pick('p', 'q')}(id, a)",
            lambda: self.rng.choice(FUNCTION_TABLES),
        ])()

    def source(self):
        text = f" FROM {self.item()}"
        for _ in range(self.pick(0, 0, 1, 1, 2)):
            join = self.rng.choice(JOINS)
            text += f" {join} {self.item()}"
            if join.endswith(" JOIN") and join.split()[0] in ("LEFT", "RIGHT", "FULL") or join == "JOIN":
                text += self.pick(f" USING ({self.some(lambda: self.rng.choice(COLUMNS[:4]), 2)})", f" ON {self.expression(1)}")
        return text

    def order(self):
        key = lambda: self.pick(str(self.rng.randint(0, 3)), self.expression(1), f"vec <-> {self.pick(chr(39) + '[1, 2]' + chr(39), self.expression(0))}") \
            + self.pick("", " DESC", " NULLS FIRST")
        text = f" ORDER BY {self.some(key, 2)}" if self.rng.random() < 0.4 else ""
        count = lambda: self.pick("0", "1", "5", "NULL", "9223372036854775807", self.expression(1))
        return text + self.pick("", "", f" LIMIT {count()}") + self.pick("", "", "", f" OFFSET {count()}")

    def query(self, depth=2):
        kind = self.rng.random()
        if depth > 0 and kind < 0.08:
            operation = self.pick("UNION", "UNION ALL", "INTERSECT", "EXCEPT", "EXCEPT ALL")
            return f"{self.pick(self.query(depth - 1), '(' + self.query(depth - 1) + ')')} {operation} ({self.query(depth - 1)}){self.order()}"
        if kind < 0.16:
            return f"VALUES {self.some(lambda: f'({self.expression(1)}, {self.expression(1)})', 3)}{self.order()}"
        if depth > 0 and kind < 0.24:
            return f"WITH p AS ({self.query(depth - 1)}), q(id, a) AS (SELECT 1, NULL) {self.query(depth - 1)}"
        item = lambda: self.pick("*", "t.*", self.expression(depth), self.expression(depth) + " AS a", self.rng.choice(COLUMNS))
        text = f"SELECT {self.pick('', '', '', 'DISTINCT ')}{self.some(item, 3)}"
        text += self.source() if self.rng.random() < 0.9 else ""
        text += f" WHERE {self.expression(depth)}" if self.rng.random() < 0.5 else ""
        text += f" GROUP BY {self.some(lambda: self.pick(self.column(), self.expression(1), '1'), 2)}" if self.rng.random() < 0.2 else ""
        text += f" HAVING {self.expression(1)}" if self.rng.random() < 0.1 else ""
        return text + self.order()

    def returning(self):
        return self.pick("", "", " RETURNING *", f" RETURNING {self.expression(2)}, {self.column()}")

    def where(self):
        return self.pick("", f" WHERE id = {self.rng.randint(0, 20)}", f" WHERE {self.expression(2)}")

    def insert(self):
        columns = self.rng.sample(COLUMNS, self.rng.randint(1, 4))
        value = lambda: self.pick(self.rng.choice(LITERALS), self.expression(1), "DEFAULT", str(self.rng.randint(0, 20)))
        values = "VALUES " + self.some(lambda: "(" + ", ".join(value() for _ in columns) + ")", 3)
        update = f" ON CONFLICT (id) DO UPDATE SET {self.some(self.assignment, 2)}" + self.pick("", f" WHERE {self.expression(1)}")
        conflict = self.pick("", "", " ON CONFLICT DO NOTHING", update)
        return f"INSERT INTO {self.table()} ({', '.join(columns)}) {self.pick(values, values + self.order(), self.query(1))}{conflict}{self.returning()}"

    def assignment(self):
        return f"{self.rng.choice(COLUMNS)} = {self.pick(self.expression(2), 'DEFAULT', self.rng.choice(LITERALS))}"

    def create(self, table):
        constraint = lambda: self.pick("", f" DEFAULT {self.expression(2)}", f" CHECK ({self.expression(1)})", " UNIQUE", " NOT NULL")
        last = self.pick("", f", CHECK ({self.expression(2)})", f", UNIQUE ({self.some(lambda: self.rng.choice(COLUMNS[:8]), 2)})")
        return f"CREATE TABLE {table} (id {self.pick('int PRIMARY KEY', 'int', 'bigint UNIQUE')}, a int{constraint()}, b int, s text{constraint()}, " \
               f"x double precision, bo boolean, d date, ts timestamp, j json, vec vector(2), bl bytea, sm smallint, big bigint{last})"

    def statement(self):
        index = lambda: self.pick("i1", "i2")
        return self.rng.choice([
            *[lambda: self.query(3)] * 8,
            *[self.insert] * 4,
            *[lambda: f"UPDATE {self.table()} SET {self.some(self.assignment, 2)}{self.pick('', '', self.source())}{self.where()}{self.returning()}"] * 3,
            lambda: f"DELETE FROM {self.table()}{self.pick('', ' USING ' + self.item())}{self.where()}{self.returning()}",
            lambda: f"CREATE {self.pick('', 'UNIQUE ')}INDEX {self.pick('', index())} ON {self.table()} ({self.some(lambda: self.rng.choice(COLUMNS), 3)})",
            lambda: f"CREATE INDEX ON {self.table()} USING hnsw (vec {self.pick('vector_l2_ops', 'vector_cosine_ops')})",
            lambda: f"DROP INDEX {self.pick('', 'IF EXISTS ')}{self.some(index, 2)}",
            *[lambda: self.pick("BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT s", "ROLLBACK TO s", "RELEASE s")] * 3,
            lambda: f"EXPLAIN {self.pick('', 'ANALYZE ')}{self.pick(self.query(2), 'DELETE FROM t' + self.where())}",
            lambda: self.pick("SELECT 1", f"TRUNCATE {self.some(self.table, 2)}", f"ALTER TABLE {self.table()} RENAME TO {self.table()}"),
            lambda: self.create(self.table()),
        ])()


def prepare(statements, connection):
    connection.call("SQL", "ROLLBACK")
    for table in TABLES:
        connection.ok("SQL", f"DROP TABLE IF EXISTS {table}")
        while isinstance(connection.call("SQL", statements.create(table)), ReplyError):
            pass  # a DEFAULT or CHECK that makes no sense
        for i in range(12):
            connection.call("SQL", f"INSERT INTO {table} (id, a, b, s, x, vec) VALUES ({i}, {i % 5}, 1, 'text {i % 3}', {i} / 2.0, '[{i}, 1]')")


def main():
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else SECONDS
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else SEED if len(sys.argv) == 1 else random.SystemRandom().randrange(10**9)
    print(f"seed {seed}", flush=True)
    count = refused = 0
    statement = ""
    with Server("--threads", "1") as server, server.connect() as connection:
        connection.ok("SQL", f"SET statement_timeout = {TIMEOUT_MS}")
        for command in (["HSET", "h", "f", "v"], ["ZADD", "z", "1", "m"], ["RPUSH", "l", "x"], ["SADD", "s", "q"], ["SET", "k", "1"]):
            connection.call(*command)
        end = time.monotonic() + seconds
        try:
            while time.monotonic() < end:
                statements = Statements(seed + count)
                statement = "(the tables)"
                prepare(statements, connection)
                for _ in range(ROUND):
                    statement = statements.statement()
                    begin = time.monotonic()
                    refused += isinstance(connection.call("SQL", statement), ReplyError)
                    if time.monotonic() - begin > 2 * TIMEOUT_MS / 1000:
                        sys.exit(f"took {time.monotonic() - begin:.1f} s: {statement}")
                    count += 1
        except (EOFError, OSError) as error:
            sys.exit(f"seed {seed + count // ROUND * ROUND}: {error!r} after: {statement}")
    print(f"{count} statements, {refused} of them refused")


main()
