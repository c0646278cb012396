#!/usr/bin/python3
"""The same random statements for Trefoil and for SQLite (Python's own): every row must be the same.

    like_sqlite.py [SECONDS [SEED]]      without arguments: a few seconds, and a seed that is always the same

The two are different dialects, ours is PostgreSQL's. So queries are made with types in mind: comparisons between equal types,
CASE and coalesce of one type, conditions that are conditions, NULLS FIRST or LAST said, and integers so small that nothing
overflows. Where only one of the two ends in an error that depends on the order of evaluation, the query does not count.

Between the queries rows are changed, indexes come and go, and transactions with savepoints end one way or the other; what fails
must fail in both, and after each change the table must hold the same rows, by whichever index it is read.
"""
import os
import random
import sqlite3
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from trefoil import Connection, ReplyError, Server  # noqa: E402

SECONDS = 6
SEED = 20260412
ROUND = 150  # queries over the same tables
CHANGES = 0.25  # of a change before a query
ENOUGH = 8  # differences that are shown
TABLES = {
    "t": {"id": "int", "a": "int", "b": "int", "s": "text", "x": "real"},
    "u": {"id": "int", "c": "int", "d": "int", "w": "text"},
    "e": {"id": "int", "a": "int", "s": "text"},  # empty
}
KEYS = {"u": ("c", "d")}  # UNIQUE beside the primary key: never updated, since the two go through the rows in another order
SQL_TYPES = {"int": "BIGINT", "text": "TEXT", "real": "DOUBLE PRECISION"}
TEXTS = ["", "a", "b", "ab", "abc", "B", "ä", "x_y", "100%", "it''s"]


class Queries:
    def __init__(self, rng):
        self.rng = rng
        self.columns = []  # (text, type) that an expression may name
        self.grouped = None  # in an aggregate query: what stands outside of aggregates
        self.depth = 0

    def chance(self, probability):
        return self.rng.random() < probability

    def pick(self, *choices):
        return self.rng.choice(choices)

    # --- expressions ---

    def literal(self, kind):
        if self.chance(0.08):
            return "CAST(NULL AS " + SQL_TYPES[kind] + ")"
        if self.chance(0.02) and kind == "int":
            return "(NULL + 0)"
        if kind == "int":
            number = self.rng.randint(-9, 20)
            return f"({number})" if number < 0 else str(number)
        if kind == "real":
            return f"CAST({self.rng.randint(-8, 8)} AS DOUBLE PRECISION)" if self.chance(0.5) else self.pick("0.5", "2.25", "1e2", "(-0.125)")
        return "'" + self.rng.choice(TEXTS) + "'"

    def leaf(self, kind):
        fitting = [name for name, of in self.columns if of == kind]
        return self.rng.choice(fitting) if fitting and self.chance(0.7) else self.literal(kind)

    def expression(self, kind, depth=3):
        if depth == 0 or self.chance(0.25):
            return self.leaf(kind)
        one = lambda: self.expression(kind, depth - 1)
        chance = self.rng.random()
        if chance < 0.09:
            return f"CASE WHEN {self.condition(depth - 1)} THEN {one()} " + self.pick("", f"WHEN {self.condition(depth - 1)} THEN {one()} ") \
                + self.pick("", f"ELSE {one()} ") + "END"
        if chance < 0.12:
            of = self.pick("int", "text")
            return f"CASE {self.expression(of, depth - 1)} WHEN {self.leaf(of)} THEN {one()} " \
                + self.pick("", f"WHEN {self.expression(of, depth - 1)} THEN {one()} ") + self.pick("", f"ELSE {one()} ") + "END"
        if chance < 0.22:
            return f"coalesce({one()}, {one()})"
        if chance < 0.3:
            return f"nullif({one()}, {one()})"
        if chance < 0.34 and self.depth < 2 and self.grouped is None:
            return self.scalar_subquery(kind)
        if kind == "int":
            return self.pick(f"(- - {one()})", f"(+ {one()})", f"(- + {one()})", f"({one()} + {one()})", f"({one()} - {one()})", f"(- {one()})", f"abs({one()})", f"({one()} * {self.leaf('int')})",
                             f"({one()} / {self.rng.choice([1, 2, 3, 7])})", f"({one()} % {self.rng.choice([1, 2, 3, 7])})",
                             f"length({self.expression('text', depth - 1)})", f"({one()})")
        if kind == "real":
            return self.pick(f"({one()} + {one()})", f"({one()} - {one()})", f"(- {one()})", f"abs({one()})", f"({one()} * 0.5)",
                             f"CAST({self.expression('int', depth - 1)} AS DOUBLE PRECISION)", f"({one()} / 4.0)")
        count = self.rng.randint(1, 4)
        return self.pick(f"({one()} || {one()})", f"lower({self.ascii()})", f"upper({self.ascii()})", f"substr({one()}, {count}, {count})",
                         f"replace({one()}, 'a', 'zz')", f"trim({one()})", f"ltrim({one()}, 'ab')", f"substr({one()}, {count})",
                         f"CAST({self.expression('int', depth - 1)} AS TEXT)", f"({one()})")

    def ascii(self):
        return self.rng.choice(["'aB'", "'Zz9'", "''"])

    def condition(self, depth=3):
        kind = self.pick("int", "int", "text", "real")
        one = lambda: self.expression(kind, max(depth - 1, 0))
        if depth > 0 and self.chance(0.4):
            return self.pick(f"({self.condition(depth - 1)} AND {self.condition(depth - 1)})", f"({self.condition(depth - 1)} OR {self.condition(depth - 1)})",
                             f"(NOT {self.condition(depth - 1)})")
        chance = self.rng.random()
        if chance < 0.15:
            return f"({one()} IS {self.pick('', 'NOT ')}NULL)"
        if chance < 0.25:
            return f"({one()} {self.pick('', 'NOT ')}BETWEEN {one()} AND {one()})"
        if chance < 0.38:
            return f"({one()} {self.pick('', 'NOT ')}IN ({self.leaf(kind)}{''.join(', ' + one() for _ in range(self.rng.randint(0, 3)))}))"
        if chance < 0.44:
            return f"({one()} IS {self.pick('', 'NOT ')}DISTINCT FROM {one()})"
        if chance < 0.47:
            return f"({self.pick('', 'NOT ')}NULL {self.pick('', 'NOT ')}IN ({self.leaf(kind)}{self.pick('', ', ' + one())}))"
        if chance < 0.5:
            return f"({self.expression('text', max(depth - 1, 0))} {self.pick('', 'NOT ')}LIKE '{self.pattern()}' ESCAPE '!')"
        if chance < 0.56 and self.depth < 2 and self.grouped is None:
            return self.subquery_condition(kind, one())
        return f"({one()} {self.pick('=', '<>', '<', '<=', '>', '>=')} {one()})"

    def pattern(self):
        return "".join(self.pick("a", "b", "ä", "x", "%", "%", "_", "!%", "!_", "!!", "B") for _ in range(self.rng.randint(0, 5)))

    # A query over one table, which may name the columns around it, as (its own columns of a type, FROM and WHERE).
    def inner_source(self, kind):
        table, alias = self.rng.choice(list(TABLES)), f"q{self.depth}"
        inner = Queries(self.rng)
        inner.depth = self.depth + 1
        inner.columns = [(f"{alias}.{name}", of) for name, of in TABLES[table].items()]
        fitting = [name for name, of in inner.columns if of == kind]
        outer = list(self.columns)
        own = list(inner.columns)
        inner.columns = own + outer if self.chance(0.5) else own
        where = f" WHERE {inner.condition(2)}" if self.chance(0.7) else ""
        return fitting, f"FROM {table} {alias}{where}"

    def scalar_subquery(self, kind):
        fitting, source = self.inner_source(kind)
        if kind == "int" and (not fitting or self.chance(0.4)):
            return f"(SELECT count(*) {source})"
        if not fitting:
            return self.leaf(kind)
        column = self.rng.choice(fitting)
        return self.pick(f"(SELECT {self.pick('min', 'max')}({column}) {source})",
                         f"(SELECT {column} {source} ORDER BY 1 {self.pick('ASC', 'DESC')} NULLS {self.pick('FIRST', 'LAST')} LIMIT 1)")

    def subquery_condition(self, kind, value):
        fitting, source = self.inner_source(kind)
        if fitting and self.chance(0.5):
            return f"({value} {self.pick('', 'NOT ')}IN (SELECT {self.rng.choice(fitting)} {source}))"
        if fitting and self.chance(0.4):
            return f"({value} {self.pick('=', '<', '>')} (SELECT {self.pick('min', 'max')}({self.rng.choice(fitting)}) {source}))"
        return f"({self.pick('', 'NOT ')}EXISTS (SELECT 1 {source}))"

    # --- queries ---

    def source(self):
        names = self.rng.sample(["p", "q", "r", "o"], self.pick(1, 1, 1, 2, 2, 2, 3, 4))
        text = ""
        self.columns = []
        # SQLite 3.40 takes constant conditions of an inner join out of it, also from under a FULL JOIN.
        inner = self.chance(0.4)
        for number, alias in enumerate(names):
            table = self.rng.choice(["t", "t", "u", "u", "e"] if self.chance(0.3) else ["t", "u"])
            if self.chance(0.15):
                item = f"(SELECT * FROM {table} WHERE id > {self.rng.randint(0, 8)}) AS {alias}"
            else:
                item = f"{table} AS {alias}"
            new = [(f"{alias}.{name}", of) for name, of in TABLES[table].items()]
            if number == 0:
                text = item
            else:
                last = number + 1 == len(names)  # ON would not see what is before a comma
                join = self.pick("JOIN", "CROSS JOIN", "," if last else "JOIN", "JOIN") if inner else self.pick("JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN")
                if join in ("CROSS JOIN", ","):
                    text += f" {join} {item}"
                else:
                    left, right = (self.rng.choice([name for name, of in columns if of == "int"]) for columns in (self.columns, new))
                    condition = f"{left} = {right}"
                    if inner and self.chance(0.5):
                        self.columns, old = self.columns + new, self.columns
                        condition = self.condition(2) if self.chance(0.5) else f"{condition} AND {self.condition(1)}"
                        self.columns = old
                    text += f" {join} {item} ON {condition}"
            self.columns = self.columns + new
        return text

    def aggregate(self):
        kind = self.pick("int", "int", "real", "text")
        distinct = "DISTINCT " if self.chance(0.2) else ""
        value = self.expression(kind, 2)
        of = [f"count({distinct}{value})", f"min({value})", f"max({value})"]
        if kind == "int":
            of += [f"sum({distinct}{value})", f"avg({distinct}{value})"]
        text = self.pick("count(*)", *of)
        if self.chance(0.2):
            text += f" FILTER (WHERE {self.condition(1)})"
        return text

    def query(self):
        text = self.source()
        wanted = []
        if self.chance(0.3):  # what an index may serve
            for name, of in self.rng.sample(self.columns, min(len(self.columns), self.pick(1, 2, 3))):
                wanted.append(f"{name} {self.pick('=', '=', '<', '<=', '>', '>=')} {self.literal(of)}")
        if self.chance(0.6) or not wanted:
            wanted.append(self.condition())
        where = f" WHERE {' AND '.join(wanted)}" if self.chance(0.8) else ""
        if self.chance(0.35):
            return self.aggregate_query(text, where)
        if self.chance(0.15):
            kinds = [self.pick("int", "text", "real") for _ in range(self.rng.randint(1, 2))]
            parts = [f"SELECT {', '.join(self.expression(kind, 2) for kind in kinds)} FROM {text}{where}"]
            for _ in range(self.rng.randint(1, 2)):
                inner = Queries(self.rng)
                other = inner.source()
                parts.append(f"SELECT {', '.join(inner.expression(kind, 2) for kind in kinds)} FROM {other}")
            # One kind of operation: the two bind INTERSECT differently.
            return f" {self.pick('UNION', 'UNION ALL', 'EXCEPT', 'INTERSECT')} ".join(parts), False
        kinds = [self.pick("int", "text", "real") for _ in range(self.rng.randint(1, 4))]
        items = [self.expression(kind) for kind in kinds]
        if self.chance(0.2):
            items.append(self.condition())
        distinct = "DISTINCT " if self.chance(0.2) else ""
        order = limit = ""
        if self.chance(0.6):
            keys = list(range(1, len(items) + 1))  # all of them: then the order is known
            self.rng.shuffle(keys)
            order = " ORDER BY " + ", ".join(f"{key} {self.pick('ASC', 'DESC')} NULLS {self.pick('FIRST', 'LAST')}" for key in keys)
            if self.chance(0.4):
                limit = f" LIMIT {self.rng.randint(0, 12)}" + self.pick("", f" OFFSET {self.rng.randint(0, 8)}")
        return f"SELECT {distinct}{', '.join(items)} FROM {text}{where}{order}{limit}", order != ""

    def aggregate_query(self, text, where):
        if self.chance(0.35):
            return f"SELECT {', '.join(self.aggregate() for _ in range(self.rng.randint(1, 3)))} FROM {text}{where}", False
        keys = []
        for _ in range(self.rng.randint(1, 2)):
            kind = self.pick("int", "text")
            columns = [name for name, of in self.columns if of == kind]
            key = self.rng.choice(columns)
            if self.chance(0.25):
                key = f"({key} % 3)" if kind == "int" else f"substr({key}, 1, 1)"
            elif self.chance(0.1):
                key = f"CASE WHEN {key} IS NULL THEN {self.leaf(kind)} ELSE {self.rng.choice(columns)} END"
            keys.append((key, kind))
        items = [name for name, _ in keys] + [self.aggregate() for _ in range(self.rng.randint(1, 3))]
        having = ""
        if self.chance(0.4):
            inner = self.aggregate_condition()
            having = f" HAVING {inner}"
        group = ", ".join(name for name, _ in keys)
        order = ""
        if self.chance(0.5):
            order = " ORDER BY " + ", ".join(f"{i} {self.pick('ASC', 'DESC')} NULLS {self.pick('FIRST', 'LAST')}" for i in range(1, len(items) + 1))
            if self.chance(0.4):
                order += f" LIMIT {self.rng.randint(0, 6)}"
        return f"SELECT {', '.join(items)} FROM {text}{where} GROUP BY {group}{having}{order}", order != ""

    def aggregate_condition(self):
        columns = [name for name, of in self.columns if of == "int"]
        value = f"{self.pick('sum', 'min', 'max', 'count')}({self.rng.choice(columns)})"
        simple = f"({value} {self.pick('>', '<', '=', '<>')} {self.rng.randint(-2, 12)})"
        return self.pick(simple, f"(count(*) > {self.rng.randint(0, 3)})", f"({simple} OR {value} IS NULL)",
                         f"(NOT {simple} AND count({self.rng.choice(columns)}) < 4)", f"({value} IN (1, NULL, {self.rng.randint(0, 6)}))")

    # --- changes ---

    # Values that do not grow from one change to the next.
    def bounded(self, kind):
        value = self.expression(kind, 2)
        return f"({value} % 20)" if kind == "int" else f"substr({value}, 1, 6)" if kind == "text" else self.leaf(kind)

    def change(self, table):
        """A statement that changes a table, and the table."""
        columns = TABLES[table]
        self.columns = []
        chance = self.rng.random()
        if chance < 0.45:
            some = ["id"] + [name for name in columns if name != "id" and self.chance(0.8)]
            ids = [self.rng.randint(0, 24) for _ in range(self.pick(1, 1, 2, 3))]
            rows = ", ".join("(" + ", ".join(str(id) if name == "id" else self.bounded(columns[name]) for name in some) + ")" for id in ids)
            rows = f"VALUES {rows}"
            if self.chance(0.2):
                self.columns = [(f"m.{name}", of) for name, of in columns.items()]
                values = ", ".join("m.id + 5" if name == "id" else self.bounded(columns[name]) for name in some)
                rows = f"SELECT {values} FROM {table} m WHERE {self.condition(2)} ORDER BY m.id"
            conflict = ""
            if self.chance(0.4):
                self.columns = [(f"{prefix}.{name}", of) for prefix in (table, "excluded") for name, of in columns.items()]
                free = self.rng.choice([name for name in columns if name != "id" and name not in KEYS.get(table, ())])
                update = f"(id) DO UPDATE SET {free} = {self.bounded(columns[free])}" + (f" WHERE {self.condition(1)}" if self.chance(0.4) else "")
                once = rows.startswith("SELECT") or len(set(ids)) == len(ids)  # SQLite updates a row twice, PostgreSQL refuses
                conflict = " ON CONFLICT " + self.pick("DO NOTHING", "(id) DO NOTHING", update if once else "DO NOTHING")
            return f"INSERT INTO {table} ({', '.join(some)}) {rows}{conflict}"
        self.columns = list(columns.items())
        where = f" WHERE {self.condition(2)}" if self.chance(0.6) else f" WHERE id {self.pick('=', '=', '<', '>')} {self.rng.randint(0, 20)}"
        if chance < 0.75:
            free = [name for name in columns if name != "id" and name not in KEYS.get(table, ())]
            names = self.rng.sample(free, min(len(free), self.pick(1, 1, 2)))
            return f"UPDATE {table} SET {', '.join(f'{name} = {self.bounded(columns[name])}' for name in names)}{where}"
        if chance < 0.9:
            return f"DELETE FROM {table}{where}"
        name = f"{table}_{self.rng.randint(1, 3)}"
        if self.chance(0.4):
            return f"DROP INDEX IF EXISTS {name}"
        keys = self.rng.sample(list(columns), self.rng.randint(1, min(3, len(columns))))
        # By an index that is DESC, SQLite 3.40 overlooks NULLs in x NOT IN (SELECT column …).
        return f"CREATE INDEX IF NOT EXISTS {name} ON {table} ({', '.join(key + (' DESC' if key == 'id' else '') for key in keys)})"


def fill(rng, connection, lite):
    for table, columns in TABLES.items():
        connection.call("SQL", f"DROP TABLE IF EXISTS {table}")
        lite.execute(f"DROP TABLE IF EXISTS {table}")
        definition = ", ".join(f"{name} {SQL_TYPES[of]}{' PRIMARY KEY' if name == 'id' else ''}" for name, of in columns.items())
        if table in KEYS:
            definition += f", UNIQUE ({', '.join(KEYS[table])})"
        connection.ok("SQL", f"CREATE TABLE {table} ({definition})")
        lite.execute(f"CREATE TABLE {table} ({definition})")
        for name in columns:
            if name != "id" and rng.random() < 0.3:
                connection.ok("SQL", f"CREATE INDEX {table}_{name} ON {table} ({name})")
        for i in range(0 if table == "e" else rng.randint(1, 14)):
            values = []
            for name, of in columns.items():
                if name == "id":
                    values.append(str(i))
                elif rng.random() < 0.2:
                    values.append("NULL")
                else:
                    values.append(str(rng.randint(-3, 8)) if of == "int" else str(rng.randint(-16, 16) / 8) if of == "real"
                                  else "'" + rng.choice(TEXTS) + "'")
            insert = f"INSERT INTO {table} VALUES ({', '.join(values)})"
            try:
                lite.execute(insert)
            except sqlite3.IntegrityError:
                continue
            connection.ok("SQL", insert)


def cell(value):
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, float):
        return float(f"{value:.12g}") + 0.0  # sums may be added up in any order; 0.0 and -0.0 are equal
    return value


def rows_of(rows, ordered):
    made = [tuple(cell(value) for value in row) for row in rows]
    return made if ordered else sorted(made, key=repr)


def compare(query, ordered, connection, lite):
    """What is wrong, or None."""
    ours = connection.call("SQL", query)
    try:
        theirs = lite.execute(query).fetchall()
    except sqlite3.Error as error:
        return None if isinstance(ours, ReplyError) else f"sqlite: {error}"
    if isinstance(ours, ReplyError):
        return f"trefoil: {ours}"
    ours, theirs = rows_of(ours[1:], ordered), rows_of(theirs, ordered)
    # A sum of integers is a float for us only where it is one for PostgreSQL; equal numbers are equal.
    return None if ours == theirs else f"trefoil: {ours}\nsqlite:  {theirs}"


class Changes:
    """Changes the tables of both, in transactions or not, and says where they differ."""

    def __init__(self, rng, connection, lite):
        self.rng, self.connection, self.lite = rng, connection, lite
        self.savepoints = None  # in a transaction: those that are set

    def run(self, statement):
        ours = self.connection.call("SQL", statement)
        try:
            theirs = self.lite.execute(statement).rowcount
        except sqlite3.Error as error:
            return None if isinstance(ours, ReplyError) else f"sqlite: {error}, trefoil: {ours}"
        if isinstance(ours, ReplyError):
            return f"trefoil: {ours}"
        return None if theirs < 0 or ours == theirs else f"trefoil changes {ours} rows, sqlite {theirs}"

    def step(self):
        """A statement and what is wrong with it, or None."""
        if self.rng.random() < 0.3:
            statement = self.control()
            wrong = self.run(statement)
            tables = list(TABLES)
        else:
            table = self.rng.choice([name for name in TABLES if name != "e"])
            statement = Queries(self.rng).change(table)
            wrong = self.run(statement)
            tables = [table]
        for table in tables:
            wrong = wrong or compare(f"SELECT * FROM {table} ORDER BY id", True, self.connection, self.lite)
        return statement, wrong

    def control(self):
        if self.savepoints is None:
            self.savepoints = []
            return "BEGIN"
        chance = self.rng.random()
        if chance < 0.4:
            self.savepoints.append(f"s{len(self.savepoints)}")
            return f"SAVEPOINT {self.savepoints[-1]}"
        if chance < 0.7 and self.savepoints:
            place = self.rng.randrange(len(self.savepoints))
            release = self.rng.random() < 0.2
            name = self.savepoints[place]
            del self.savepoints[place + (0 if release else 1):]
            return f"RELEASE {name}" if release else f"ROLLBACK TO {name}"
        self.savepoints = None
        return self.rng.choice(["COMMIT", "ROLLBACK", "ROLLBACK"])

    def end(self):
        if self.savepoints is not None:
            self.savepoints = None
            self.run("COMMIT")


def main():
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else SECONDS
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else SEED if len(sys.argv) == 1 else random.SystemRandom().randrange(10**9)
    print(f"seed {seed}, sqlite {sqlite3.sqlite_version}", flush=True)
    count = changed = differences = rounds = 0
    lite = sqlite3.connect(":memory:", isolation_level=None)
    lite.execute("PRAGMA case_sensitive_like = ON")
    with Server("--threads", "1") as server, server.connect() as connection:
        connection.ok("HELLO", "3")
        end = time.monotonic() + seconds
        while (rounds == 0 or time.monotonic() < end) and differences < ENOUGH:
            rng = random.Random(seed + rounds)
            fill(rng, connection, lite)
            changes = Changes(rng, connection, lite)
            for _ in range(ROUND):
                wrong = None
                if rng.random() < CHANGES:
                    query, wrong = changes.step()
                    changed += 1
                if wrong is None:
                    query, ordered = Queries(rng).query()
                    wrong = compare(query, ordered, connection, lite)
                    count += 1
                if wrong is not None:
                    differences += 1
                    print(f"seed {seed + rounds}: {query}\n{wrong}\n")
                    break  # what follows is over other rows, perhaps
            changes.end()
            rounds += 1
    if differences > 0:
        sys.exit(f"{differences} differences")
    print(f"{count} queries and {changed} changes, the same rows")


main()
