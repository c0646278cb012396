#!/usr/bin/env python3
"""The main job on real input: examples/unicode, from the script to the answers, by pipe and over RESP, also after kill -9.

What is expected is computed here, from the same UnicodeData.txt, without trefoil: counts by a loop, neighbours by brute force.
"""

import atexit
import collections
import fractions
import math
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TREFOIL = os.environ["TREFOIL"]
GENERATOR = os.path.join(os.environ["TREFOIL_BUILD"], "example_unicode_script")
DATA = "/usr/share/unicode/UnicodeData.txt"
ALPHA = "GREEK SMALL LETTER ALPHA"
SQL_WORDS = {"CREATE", "INSERT", "SELECT", "UPDATE", "DELETE", "BEGIN", "COMMIT", "ROLLBACK"}


def expect(actual, expected, what):
    if actual != expected:
        sys.exit(f"unicode.py: {what}: expected {expected!r}, got {actual!r}")


def check(condition, what):
    if not condition:
        sys.exit(f"unicode.py: {what}")


# ---- what should come out, computed from the table ----


def embedding(name):
    buckets = [0] * 128
    text = f" {name} ".encode()
    for i in range(len(text) - 2):
        value = 14695981039346656037
        for byte in text[i : i + 3]:
            value = (value ^ byte) * 1099511628211 % 2**64
        buckets[value % 128] += 1 if value >> 32 & 1 else -1
    if not any(buckets):
        buckets[0] = 1
    return buckets


class Reference:
    def __init__(self, path):
        self.rows = []
        with open(path, encoding="utf-8") as lines:
            for line in lines:
                f = line.rstrip("\n").split(";")
                name = f[10] if f[1] == "<control>" and f[10] else f[1]
                script = None if f[1].startswith("<") else f[1].split(" ")[0]
                self.rows.append((int(f[0], 16), name, f[2], script, f[8], f[12]))
        self.by_code = {row[0]: row for row in self.rows}
        self.categories = collections.Counter(row[2] for row in self.rows)
        self.scripts = collections.Counter(row[3] for row in self.rows if row[3])
        self.query = embedding(ALPHA)
        self.distances = {name: self.distance(name) for _, name, *_ in self.rows}

    def distance(self, name):
        other = embedding(name)
        dot = sum(a * b for a, b in zip(self.query, other) if a)
        return 1 - dot / math.sqrt(sum(a * a for a in self.query) * sum(b * b for b in other))

    def nearest(self, count, keep):
        return sorted(self.distances[row[1]] for row in self.rows if keep(row))[:count]

    def board(self, count):
        """Categories by number of characters, as ZRANGE … REV orders them."""
        return sorted(self.categories.items(), key=lambda item: (item[1], item[0]), reverse=True)[:count]


# ---- a client of RESP2, small enough to be trusted ----


class ServerError(Exception):
    pass


class Client:
    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        self.file = self.socket.makefile("rb")

    def __call__(self, *words):
        self.send([words])
        return self.receive()

    def send(self, commands):
        out = bytearray()
        for words in commands:
            out += b"*%d\r\n" % len(words)
            for word in words:
                data = word.encode()
                out += b"$%d\r\n%s\r\n" % (len(data), data)
        self.socket.sendall(out)

    def receive(self):
        line = self.file.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionError("the server closed the connection")
        kind, rest = line[:1], line[1:-2]
        if kind == b"+":
            return rest.decode()
        if kind == b"-":
            raise ServerError(rest.decode())
        if kind == b":":
            return int(rest)
        if kind == b"$":
            size = int(rest)
            return None if size < 0 else self.file.read(size + 2)[:-2].decode()
        if kind == b"*":
            size = int(rest)
            return None if size < 0 else [self.receive() for _ in range(size)]
        raise ConnectionError(f"not RESP2: {line!r}")

    def rows(self, sql):
        return self("SQL", sql)[1:]  # without the column names


class Server:
    running = []

    def __init__(self, directory, *options):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.process = subprocess.Popen([TREFOIL, "serve", directory, "--port", str(self.port), *options],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        Server.running.append(self.process)
        deadline = time.time() + 60
        while True:
            try:
                expect(Client(self.port)("PING"), "PONG", "PING")
                return
            except (ConnectionError, ServerError, OSError):  # not there yet, or still loading
                check(self.process.poll() is None, f"the server ended with {self.process.returncode}")
                check(time.time() < deadline, "the server does not answer")
                time.sleep(0.05)

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        expect(self.process.wait(timeout=60), 0, "exit code after SIGTERM")


# ---- scripts ----


def statements(text):
    """The statements of a script as commands: SQL runs to a ';' at a line's end, everything else is one line."""
    pending = []
    for line in text.split("\n"):
        if not pending and (not line.strip() or line.startswith("--")):
            continue
        if pending or line.split(" ")[0].rstrip(";") in SQL_WORDS:
            pending.append(line)
            if line.endswith(";"):
                yield ["SQL", "\n".join(pending)]
                pending = []
        else:
            yield shlex.split(line)


def vector_of_alpha(questions):
    return re.search(r"'(\[[-0-9,]+\])'", questions).group(1)


# ---- the questions ----


def ask(client, reference, vector):
    """Every model and across them; the answers against the reference."""
    total = len(reference.rows)
    expect(client.rows("SELECT count(*) FROM characters"), [[total]], "number of rows")
    expect(client("GET", "characters:total"), str(total), "the counter")
    expect(client("SELECT", "name", "FROM", "characters", "WHERE", "code", "=", "945"), [[ALPHA]], "a point query in bare words")
    expect(client.rows("SELECT category, count(*) AS n FROM characters GROUP BY category ORDER BY n DESC, category LIMIT 5"),
           [list(item) for item in sorted(reference.categories.items(), key=lambda item: (-item[1], item[0]))[:5]], "GROUP BY")
    greek = [row for row in reference.rows if row[3] == "GREEK"]
    expect(client.rows("SELECT s.name, b.name FROM characters s JOIN characters b ON b.code = s.upper_code "
                       "WHERE s.script = 'GREEK' ORDER BY s.code LIMIT 4"),
           [[row[1], reference.by_code[int(row[5], 16)][1]] for row in greek if row[5]][:4], "a self join")
    expect(client.rows("SELECT count(*), min(code), max(code) FROM characters WHERE script = 'GREEK'"),
           [[len(greek), greek[0][0], greek[-1][0]]], "an indexed column")
    halves = [[row[1]] for row in reference.rows if row[4] and fractions.Fraction(row[4]) == fractions.Fraction(1, 2)]
    expect(client.rows("SELECT name FROM characters WHERE numeric_value = 0.5 ORDER BY code"), halves, "fractions")
    expect(client.rows("SELECT count(*) FROM characters WHERE script IS NULL"),
           [[sum(row[3] is None for row in reference.rows)]], "NULLs")

    board = [part for name, score in reference.board(5) for part in (name, str(score))]
    expect(client("ZRANGE", "categories:board", "0", "4", "REV", "WITHSCORES"), board, "the leaderboard")
    expect(client("ZCARD", "categories:board"), len(reference.categories), "ZCARD")
    everyone = client("ZRANGE", "categories:board", "0", "-1", "WITHSCORES")
    expect(dict(zip(everyone[::2], map(int, everyone[1::2]))), dict(reference.categories), "all of the leaderboard")
    scripts = client("HGETALL", "scripts")
    expect(dict(zip(scripts[::2], map(int, scripts[1::2]))), dict(reference.scripts), "the hash of scripts")
    expect(set(client("SMEMBERS", "scripts:seen")), set(reference.scripts), "the set of scripts")
    expect(client("LLEN", "batches"), (total + 999) // 1000, "the list of batches")

    for keep, condition in ((lambda row: True, ""),
                            (lambda row: row[2] == "Ll" and row[3] != "GREEK", "WHERE category = 'Ll' AND script <> 'GREEK'"),
                            (lambda row: row[3] == "SNOWMAN", "WHERE script = 'SNOWMAN'")):
        found = client.rows(f"SELECT name, embedding <=> '{vector}' AS distance FROM characters {condition} "
                            f"ORDER BY embedding <=> '{vector}' LIMIT 10")
        wanted = reference.nearest(10, keep)
        expect(len(found), len(wanted), f"neighbours {condition}")
        for (name, distance), nearest in zip(found, wanted):
            check(abs(float(distance) - nearest) < 1e-6, f"neighbours {condition}: {name} at {distance} instead of {nearest}")
            check(abs(reference.distances[name] - nearest) < 1e-6, f"neighbours {condition}: {name} is not at {nearest}")

    expect(client.rows("SELECT b.score, g.meaning FROM zset('categories:board') b JOIN categories g ON g.category = b.member "
                       "ORDER BY b.score DESC LIMIT 1"), [["17273", "other letter"]], "a sorted set joined with a table")


def rolled_back(client):
    """A transaction over all three models that is taken back."""
    before = [client.rows("SELECT count(*) FROM characters"), client("GET", "characters:total")]
    client("BEGIN")
    client("SQL", "DELETE FROM characters WHERE script = 'GREEK'")
    client("SQL", "UPDATE characters SET name = 'SOMETHING ELSE' WHERE code = 65")
    client("SET", "characters:total", "0")
    expect(client.rows("SELECT count(*) FROM characters WHERE script = 'GREEK'"), [[0]], "own writes")
    expect(client("GET", "characters:total"), "0", "own writes")
    client("ROLLBACK")
    expect([client.rows("SELECT count(*) FROM characters"), client("GET", "characters:total")], before, "after ROLLBACK")
    expect(client.rows("SELECT name FROM characters WHERE code = 65"), [["LATIN CAPITAL LETTER A"]], "after ROLLBACK")


def consistent(client):
    """The number of characters as rows, as a counter and as the leaderboard's sum: one number, whatever happened."""
    rows = client.rows("SELECT count(*) FROM characters")[0][0]
    expect(client("GET", "characters:total"), str(rows) if rows else None, "counter and rows")
    scores = client("ZRANGE", "categories:board", "0", "-1", "WITHSCORES")[1::2]
    expect(sum(map(int, scores)), rows, "leaderboard and rows")
    return rows


# ---- the tests ----


def piped(directory, script, questions, reference, vector):
    """Script and questions by pipe; then the same database served, killed, and served again."""
    done = subprocess.run([TREFOIL, directory], input=script, capture_output=True, text=True, timeout=300)
    expect((done.returncode, done.stderr), (0, ""), "the script")
    done = subprocess.run([TREFOIL, directory], input=questions, capture_output=True, text=True, timeout=60)
    expect((done.returncode, done.stderr), (0, ""), "the questions")
    for text in (ALPHA, "LATIN SMALL LETTER ALPHA", str(len(reference.rows)), "other letter", "LATIN CAPITAL LETTER A"):
        check(text in done.stdout, f"the questions' answers lack {text!r}")

    server = Server(directory)
    client = Client(server.port)
    ask(client, reference, vector)
    rolled_back(client)
    through_redis_cli(server.port, reference)
    through_redis_py(server.port, reference)
    server.kill()
    server = Server(directory)
    ask(Client(server.port), reference, vector)
    server.stop()


def through_redis_cli(port, reference):
    if not shutil.which("redis-cli"):
        print("unicode.py: no redis-cli here, that part is left out")
        return

    def cli(*words):
        return subprocess.run(["redis-cli", "-p", str(port), *words], capture_output=True, text=True, check=True).stdout.split("\n")[:-1]

    expect(cli("SELECT", "name", "FROM", "characters", "WHERE", "code", "=", "945"), [ALPHA], "redis-cli, bare words")
    expect(cli("SQL", "SELECT count(*) FROM characters"), ["count", str(len(reference.rows))], "redis-cli, SQL")
    expect(cli("ZSCORE", "categories:board", "Lo"), [str(reference.categories["Lo"])], "redis-cli, ZSCORE")


def through_redis_py(port, reference):
    try:
        import redis
    except ImportError:
        print("unicode.py: no Python package redis here, that part is left out")
        return
    connection = redis.Redis(port=port, decode_responses=True)
    expect(int(connection.get("characters:total")), len(reference.rows), "redis-py, GET")
    expect(connection.zrange("categories:board", 0, 0, desc=True, withscores=True), [("Lo", float(reference.categories["Lo"]))], "redis-py")
    expect(connection.execute_command("SQL", "SELECT name FROM characters WHERE code = $1", 945)[1:], [[ALPHA]], "redis-py, SQL")
    connection.close()


def transactions(script):
    """The script's commands, cut after each COMMIT; what stands before the first BEGIN is a piece of its own."""
    piece = []
    for command in statements(script):
        if command == ["SQL", "BEGIN;"] and piece:
            yield piece
            piece = []
        piece.append(command)
    yield piece


def killed_while_loading(directory, script, reference, vector):
    """The same script over RESP under `always`. The server is killed twice with a commit on its way: all of it is there, or nothing."""
    server = Server(directory, "--appendfsync", "always")
    client = Client(server.port)
    for number, commands in enumerate(transactions(script)):
        acknowledged = consistent(client) if number else 0
        if number in (4, 18):
            client.send(commands)
            if number == 18:
                for _ in commands[:-1]:
                    client.receive()
            server.kill()
            server = Server(directory, "--appendfsync", "always")
            client = Client(server.port)
            there = consistent(client)
            check(there in (acknowledged, acknowledged + 1000), f"{there} rows after a kill, {acknowledged} were acknowledged")
            if there > acknowledged:
                continue
        client.send(commands)
        for _ in commands:
            client.receive()
    ask(client, reference, vector)
    server.kill()
    server = Server(directory)
    ask(Client(server.port), reference, vector)
    server.stop()


@atexit.register
def leave_nothing_running():
    for process in Server.running:
        if process.poll() is None:
            process.kill()


def main():
    if not os.path.exists(DATA):
        print(f"unicode.py: {DATA} is not here (package unicode-data), skipped")
        return
    reference = Reference(DATA)
    script = subprocess.run([GENERATOR, DATA], capture_output=True, text=True, check=True).stdout
    with open(os.path.join(ROOT, "examples", "unicode", "questions.trf"), encoding="utf-8") as file:
        questions = file.read()
    vector = vector_of_alpha(questions)
    expect(vector, "[" + ",".join(map(str, reference.query)) + "]", "the vector in questions.trf")
    with tempfile.TemporaryDirectory() as directory:
        piped(os.path.join(directory, "piped"), script, questions, reference, vector)
        killed_while_loading(os.path.join(directory, "killed"), script, reference, vector)
    print("unicode.py: all answers as expected")


if __name__ == "__main__":
    main()
