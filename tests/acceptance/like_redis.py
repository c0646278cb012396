#!/usr/bin/python3
"""The same random commands for Trefoil and for a real redis-server: every reply must be the same, type for type and byte for
byte, in RESP2 and RESP3, error texts included.

    like_redis.py [SECONDS [SEED]]      without arguments: a few seconds, and a seed that is always the same

What is known to differ is in `normalized()` and nowhere else. Skipped where redis-server is not installed.
"""
import os
import random
import re
import shlex
import shutil
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from redis_server import Redis, Tagged  # noqa: E402
from trefoil import Server, skip  # noqa: E402

SECONDS = 6
SEED = 20260411
ROUND = 300  # commands until the keyspace is compared as a whole and begun anew
SHOWN = 30  # commands before a difference that are shown with it
ENOUGH = 10  # differences


# Redis has learned more about these since the version that Debian 12 has.
NEWER = {"ZRANK", "ZREVRANK"}
# With one more word it is SQL.
SQL_TOO = {"SELECT"}

# --- Commands ---------------------------------------------------------------------------------------------------------------


class Maker:
    """Makes random commands: mostly sensible ones on few keys, so that they meet, and some with arguments that are wrong."""

    WORDS = ["a", "b", "c", "aa", "ab", "abc", "foo", "bar", "10", "3", "-5", "2.5", "", "x" * 70, "\0bin\xff\r\n", "ä"]
    # Around the lengths at which an encoding ends.
    LENGTHS = [19, 20, 21, 43, 44, 45, 63, 64, 65, 127, 128, 129, 255, 256, 2000, 4080, 4096, 8192, 16384, 70000]
    INTEGERS = ["0", "1", "-1", "2", "-2", "3", "5", "10", "-10", "100", "-100"]
    CURSORS = ["", " 0", "0 ", "x", "-1x", "+0", "00", "99999999999999999999999", "0x", "1.5"]  # all of them wrong, or 0
    ODD_NUMBERS = ["", " ", "abc", "1.5", "-0", "+1", " 1", "1 ", "01", "0x10", "1e3", "9223372036854775807", "-9223372036854775808",
                   "9223372036854775808", "99999999999999999999", "4294967296", "2147483648", "-2147483649", "nan", "inf", "-inf",
                   "1\0", "--1", "1e400", ".5", "5.", "-9223372036854775809", "18446744073709551615", "18446744073709551616", "-nan",
                   "NaN", "Infinity", "infinit", "1e-400", "5e-324", "1.7976931348623157e308", "-1.7976931348623157e308", "0x1p4", "1e",
                   "e1", "1_0", "1,5", "\t1", "1\n", "9" * 400, "0." + "1" * 400, "1" * 5200]
    FLOATS = ["0", "1", "-1", "1.5", "-2.25", "3.14159", "1e2", "100", "inf", "-inf", "+inf", "1e-7", "123456789.125", "0.1", "17",
              "0.30000000000000004", "1e17", "12345678901234567", "-0", "1e300", "4503599627370497.5"]
    PATTERNS = ["*", "a*", "?", "k?", "[ab]*", "[^a]*", "k[1-3]", "\\*", "", "*b*", "a", "[", "[a", "**a", "[b-a]*", "x*"]

    def __init__(self, rng):
        self.rng = rng
        pick = self.pick
        # Each a function that gives the arguments behind the name.
        k, w, i, f = self.key, self.word, self.integer, self.floating
        several = self.several
        self.commands = {
            "APPEND": lambda: [k(), w()], "DECR": lambda: [k()], "INCR": lambda: [k()], "DECRBY": lambda: [k(), i()],
            "INCRBY": lambda: [k(), i()], "INCRBYFLOAT": lambda: [k(), f()], "GET": lambda: [k()], "GETDEL": lambda: [k()],
            "GETEX": lambda: [k(), *self.expiry(["PERSIST"]), *(self.expiry(["PERSIST"]) if self.rng.random() < 0.05 else [])], "GETRANGE": lambda: [k(), i(), i()], "SUBSTR": lambda: [k(), i(), i()],
            "GETSET": lambda: [k(), w()], "MGET": lambda: several(k), "MSET": lambda: several(k, w), "MSETNX": lambda: several(k, w),
            "SET": lambda: [k(), self.value(), *self.options("NX", "XX", "GET", "KEEPTTL"), *self.expiry(),
                            *(self.expiry() if self.rng.random() < 0.05 else [])],
            "SETEX": lambda: [k(), self.seconds(), w()], "PSETEX": lambda: [k(), self.seconds() + "000", w()],
            "SETNX": lambda: [k(), w()], "SETRANGE": lambda: [k(), self.offset(), w()], "STRLEN": lambda: [k()],

            "DEL": lambda: several(k), "UNLINK": lambda: several(k), "EXISTS": lambda: several(k), "TOUCH": lambda: several(k),
            "TYPE": lambda: [k()], "RENAME": lambda: [k(), k()], "RENAMENX": lambda: [k(), k()],
            "COPY": lambda: [k(), k(), *self.options("REPLACE"), *pick([[], [], [], ["DB", "0"], ["DB", "1"], ["DB"], ["DB", "99"], ["DB", "-1"], ["DB", "x"]])],
            "EXPIRE": lambda: [k(), self.seconds(), *self.options("NX", "XX", "GT", "LT")],
            "PEXPIRE": lambda: [k(), self.seconds() + "000", *self.options("NX", "XX", "GT", "LT")],
            "EXPIREAT": lambda: [k(), self.moment(), *self.options("NX", "XX", "GT", "LT")],
            "PEXPIREAT": lambda: [k(), self.moment() + "000", *self.options("NX", "XX", "GT", "LT")],
            "TTL": lambda: [k()], "PTTL": lambda: [k()], "EXPIRETIME": lambda: [k()], "PEXPIRETIME": lambda: [k()],
            "PERSIST": lambda: [k()], "KEYS": lambda: [pick(self.PATTERNS)], "DBSIZE": lambda: [],
            "SCAN": lambda: [self.cursor(), *self.scan_options(),
                             *pick([[], [], ["TYPE", pick(["string", "hash", "list", "set", "zset", "x", "String", "ZSET", ""])], ["TYPE"]])],
            "OBJECT": lambda: pick([["ENCODING", f"no{k()}"], ["encoding"], ["NOSUCH", k()], ["ENCODING", k(), k()]]),
            "RANDOMKEY": lambda: [],

            "LPUSH": lambda: [k(), *several(w)], "RPUSH": lambda: [k(), *several(w)], "LPUSHX": lambda: [k(), *several(w)],
            "RPUSHX": lambda: [k(), *several(w)], "LPOP": lambda: [k(), *pick([[], [i()]])], "RPOP": lambda: [k(), *pick([[], [i()]])],
            "LRANGE": lambda: [k(), i(), i()], "LTRIM": lambda: [k(), i(), i()], "LINDEX": lambda: [k(), i()], "LLEN": lambda: [k()],
            "LSET": lambda: [k(), i(), w()], "LREM": lambda: [k(), i(), w()], "LINSERT": lambda: [k(), pick(["BEFORE", "after", "x"]), w(), w()],
            "LMOVE": lambda: [k(), k(), pick(["LEFT", "right", "x"]), pick(["left", "RIGHT"])], "RPOPLPUSH": lambda: [k(), k()],

            "HSET": lambda: [k(), *several(w, w)], "HMSET": lambda: [k(), *several(w, w)], "HSETNX": lambda: [k(), w(), w()],
            "HGET": lambda: [k(), w()], "HMGET": lambda: [k(), *several(w)], "HGETALL": lambda: [k()], "HKEYS": lambda: [k()],
            "HVALS": lambda: [k()], "HLEN": lambda: [k()], "HDEL": lambda: [k(), *several(w)], "HEXISTS": lambda: [k(), w()],
            "HSTRLEN": lambda: [k(), w()], "HINCRBY": lambda: [k(), w(), i()], "HINCRBYFLOAT": lambda: [k(), w(), f()],
            "HSCAN": lambda: [k(), self.cursor(), *self.scan_options()],

            "SADD": lambda: [k(), *several(w)], "SREM": lambda: [k(), *several(w)], "SCARD": lambda: [k()], "SMEMBERS": lambda: [k()],
            "SISMEMBER": lambda: [k(), w()], "SMISMEMBER": lambda: [k(), *several(w)], "SMOVE": lambda: [k(), k(), w()],
            "SPOP": lambda: [k(), pick(["0", "1000", "-1", "x"])], "SRANDMEMBER": lambda: [k(), pick(["0", "100", "x", "5"])],
            "SDIFF": lambda: several(k), "SINTER": lambda: several(k), "SUNION": lambda: several(k),
            "SDIFFSTORE": lambda: [k(), *several(k)], "SINTERSTORE": lambda: [k(), *several(k)], "SUNIONSTORE": lambda: [k(), *several(k)],
            "SSCAN": lambda: [k(), self.cursor(), *self.scan_options()],

            "ZADD": lambda: [k(), *self.options("NX", "XX", "GT", "LT", "CH", "INCR"), *several(f, w)] if self.rng.random() < 0.7
            else [self.named(), *several(lambda: "0", w)],
            "ZINCRBY": lambda: [k(), f(), w()], "ZCARD": lambda: [k()], "ZCOUNT": lambda: [k(), self.score(), self.score()],
            "ZLEXCOUNT": lambda: [self.named(), self.name(), self.name()], "ZSCORE": lambda: [k(), w()], "ZMSCORE": lambda: [k(), *several(w)],
            "ZRANK": lambda: [k(), w()], "ZREVRANK": lambda: [k(), w()], "ZREM": lambda: [k(), *several(w)],
            "ZPOPMIN": lambda: [k(), *pick([[], [i()]])], "ZPOPMAX": lambda: [k(), *pick([[], [i()]])],
            "ZRANGE": self.zrange, "ZREVRANGE": lambda: [k(), i(), i(), *self.options("WITHSCORES")],
            "ZRANGEBYSCORE": lambda: [k(), self.score(), self.score(), *self.options("WITHSCORES"), *self.limit()],
            "ZREVRANGEBYSCORE": lambda: [k(), self.score(), self.score(), *self.options("WITHSCORES"), *self.limit()],
            "ZRANGEBYLEX": lambda: [self.named(), self.name(), self.name(), *self.limit()],
            "ZREVRANGEBYLEX": lambda: [self.named(), self.name(), self.name(), *self.limit()],
            "ZREMRANGEBYRANK": lambda: [k(), i(), i()], "ZREMRANGEBYSCORE": lambda: [k(), self.score(), self.score()],
            "ZREMRANGEBYLEX": lambda: [self.named(), self.name(), self.name()], "ZSCAN": lambda: [k(), self.cursor(), *self.scan_options()],

            "MULTI": lambda: [], "EXEC": lambda: [], "DISCARD": lambda: [], "WATCH": lambda: several(k), "UNWATCH": lambda: [],
            "ECHO": lambda: [w()], "PING": lambda: pick([[], [w()], [w(), w()]]), "SELECT": lambda: [pick(["0", "0", "1", "99", "-1"])],
            "FLUSHALL": lambda: pick([[], ["ASYNC"], ["SYNC", "SYNC"], ["x"]]), "RESET": lambda: [], "CLIENT": self.client,
            "FLUSHDB": lambda: pick([[], ["ASYNC"], ["SYNC"], ["x"]]), "NOSUCH": lambda: several(self.printable), "no\r\nsuch": lambda: several(self.printable),
        }
        self.names = list(self.commands)
        rare = {"FLUSHDB": 0.1, "FLUSHALL": 0.05, "RESET": 0.05, "CLIENT": 0.3, "MULTI": 0.5, "DISCARD": 0.2, "SELECT": 0.3, "DBSIZE": 0.3, "KEYS": 0.3, "DEL": 0.5, "UNLINK": 0.3,
                "EXEC": 3, "HSET": 3, "ZADD": 5, "SADD": 3, "RPUSH": 3, "SET": 2, "ZRANGE": 3}
        self.weights = [rare.get(name, 1) for name in self.names]

    def pick(self, choices):
        return self.rng.choice(choices)

    def key(self):
        return f"k{self.rng.randrange(8)}"

    def named(self):
        """Of sorted sets whose scores are all 0: over others, ranges of names are not specified."""
        return f"n{self.rng.randrange(3)}"

    def word(self):
        chance = self.rng.random()
        if chance < 0.02:
            return self.pick("yz") * self.pick(self.LENGTHS)
        return f"w{self.rng.randrange(400)}" if chance < 0.07 else self.pick(self.WORDS)

    def cursor(self):
        return "0" if self.rng.random() < 0.95 else self.pick(self.CURSORS)

    def client(self):
        return self.pick([["GETNAME"], ["SETNAME", self.pick(["me", "", "with blank", "line\n", "ä"])], ["SETNAME"], ["GETNAME", "x"],
                          ["NO-EVICT", self.pick(["on", "OFF", "x"])], ["NOSUCH"]])

    def printable(self):
        """For what may be shown in an error, where Redis, in C, stops at the first NUL."""
        return self.word().replace("\0", "")

    def value(self):
        return self.word() if self.rng.random() < 0.6 else self.integer()

    def integer(self):
        return self.pick(self.ODD_NUMBERS if self.rng.random() < 0.1 else self.INTEGERS)

    def floating(self):
        return self.pick(self.ODD_NUMBERS if self.rng.random() < 0.1 else self.FLOATS)

    def offset(self):
        return self.pick(["0", "1", "5", "20", "64", "-1", "x", "536870912", "9223372036854775807", "9223372036854775808"])

    def seconds(self):
        if self.rng.random() < 0.6:
            return str(self.rng.randrange(1, 100000) * 1000)  # never nearly the same twice: the two clocks are not one
        return self.pick(["-1", "0", "x", "9223372036854775807", "-9223372036854775808", "1.5", "9223372036854775", "9223372036854776",
                          "-9223372036854775", "-9223372036854776", "9223370000000000", ""])

    def moment(self):
        return self.pick(["4000000000", "4000001000", "4000002000", "1", "-1", "0", "x", "9223372036854775807", "", "9223372036854775",
                          "9223372036854776", "-9223372036854775", "-9223372036854776", "-9223372036854775808"])

    def several(self, *parts):
        words = []
        chance = self.rng.random()
        if chance < 0.015:  # as much as a compact encoding holds, or more
            for number in range(self.pick([127, 128, 129, 150, 600])):
                words += [part() if part == self.floating else f"w{number}" for part in parts]
        for _ in range(0 if chance > 0.97 else self.pick([1, 1, 2, 3, 4])):
            words += [part() for part in parts]
        if len(parts) > 1 and words and self.rng.random() < 0.05:
            words.pop()
        return words

    def options(self, *names):
        chosen = [name for name in names if self.rng.random() < 0.15]
        if self.rng.random() < 0.03:
            chosen.append("BOGUS")
        self.rng.shuffle(chosen)
        return [name.lower() if self.rng.random() < 0.3 else name for name in chosen]

    def expiry(self, more=()):
        if self.rng.random() < 0.6:
            return []
        kind = self.pick(["EX", "PX", "EXAT", "PXAT", *more])
        if kind == "PERSIST":
            return [kind]
        # Not in the past: when a key that was born expired leaves DBSIZE is each server's own.
        value = self.pick(["4000000000", "4000001000", "0", "-1", "x", ""]) if kind.endswith("AT") else self.seconds()
        return [kind] if self.rng.random() < 0.03 else [kind, value + ("000" if kind.startswith("P") else "")]

    def scan_options(self):
        # One step goes through all: the order and the cursors are each server's own.
        return ["COUNT", self.pick(["1000", "1000", "1000", "0", "x", "-1"]), *self.pick([[], [], ["MATCH", self.pick(self.PATTERNS)], ["MATCH"]])]

    def score(self):
        text = self.floating()
        return "(" + text if self.rng.random() < 0.25 else text

    def name(self):
        return self.pick(["-", "+", "[a", "(a", "[b", "(b", "[ab", "(abc", "[", "(", "a", "", "[x"])

    def limit(self):
        return self.pick([[], [], [], ["LIMIT", self.integer(), self.integer()], ["LIMIT", "1"]])

    def zrange(self):
        how = self.pick([[], [], ["BYSCORE"], ["BYLEX"], ["BYSCORE", "BYLEX"]])
        bound = self.score if how[:1] == ["BYSCORE"] else self.name if how else self.integer
        return [self.named() if "BYLEX" in how else self.key(), bound(), bound(), *how, *self.options("REV", "WITHSCORES"), *self.limit()]

    def command(self):
        name = self.rng.choices(self.names, self.weights)[0]
        words = self.commands[name]()
        chance = self.rng.random()
        if chance < 0.01 and words and name != "SPOP":
            words.pop()
        elif chance < 0.02 and name not in NEWER | SQL_TOO:
            words.append(self.printable())
        return [name.lower() if self.rng.random() < 0.3 else name, *words]


# --- Scenes -----------------------------------------------------------------------------------------------------------------

# What chance meets too seldom: lines of commands for two connections (0: and 1:), each scene on an empty keyspace.
SCENES = {
    "maxmemory: nothing is queued": """
        0: SET foo 1 | CONFIG SET maxmemory 1 | MULTI | GET foo | SET x 1 | DEL foo | CLIENT GETNAME | EXEC
        0: SET x 1 | DEL foo | MULTI | SET x 1 | DISCARD | MULTI | NOSUCH | EXEC | CONFIG SET maxmemory 0""",
    "maxmemory: crossed before EXEC": """
        0: SET foo 1 | MULTI | DEL foo | SET x 1
        1: CONFIG SET maxmemory 1
        0: EXEC | EXISTS foo x | EXEC
        1: CONFIG SET maxmemory 0
        0: MULTI | DEL foo | GET foo
        1: CONFIG SET maxmemory 1
        0: EXEC | MULTI | EXEC
        1: CONFIG SET maxmemory 0
        0: WATCH foo | MULTI | SET x 1
        1: SET foo 2 | CONFIG SET maxmemory 1
        0: EXEC
        1: CONFIG SET maxmemory 0
        0: MULTI | NOSUCH | SET x 1
        1: CONFIG SET maxmemory 1
        0: EXEC
        1: CONFIG SET maxmemory 0
        0: MULTI | CONFIG SET maxmemory 1 | SET y 1 | EXEC | CONFIG SET maxmemory 0""",
    "AUTH without a password": """
        0: AUTH x | AUTH default x | AUTH bob x | AUTH a b c | AUTH | AUTH '' | AUTH default '' | AUTH DEFAULT x
        0: HELLO 2 AUTH bob x | HELLO 2 AUTH default | HELLO 2 AUTH | HELLO 2 AUTH default x SETNAME | HELLO 2 AUTH default x SETNAME 'a b'
        0: HELLO 1 | HELLO 4 | HELLO x | HELLO '' | HELLO 02 | HELLO 2.5 | HELLO +2 | HELLO -1 | HELLO 4294967298 | HELLO 9223372036854775808 | HELLO AUTH default x
        0: HELLO 2 SETNAME | HELLO 2 SETNAME 'a b' | HELLO 2 NOSUCH a b | HELLO 2 AUTH default x AUTH bob x | HELLO SETNAME a | CLIENT GETNAME
        0: HELLO 4 AUTH default x | MULTI | AUTH default x | AUTH x | AUTH bob x | AUTH | EXEC | CLIENT GETNAME""",
    "SHUTDOWN that does not": """
        0: SHUTDOWN x | SHUTDOWN SAVE NOSAVE | SHUTDOWN ABORT | SHUTDOWN ABORT ABORT | SHUTDOWN ABORT NOW | SHUTDOWN NOW x
        0: MULTI | SHUTDOWN | SHUTDOWN NOSAVE | SHUTDOWN x | EXEC | PING""",
    "SELECT": """
        0: SELECT abc | SELECT +1 | SELECT 0 x | SELECT | SELECT 16 | SELECT -1 | SELECT 01 | SELECT 99999999999999999999 | SELECT ''
        0: SELECT -x | SELECT a b | MULTI | SELECT abc | SELECT 0 x | EXEC""",
    "who is connected": """
        0: CLIENT KILL | CLIENT KILL x | CLIENT KILL 127.0.0.1:1 | CLIENT KILL '' | CLIENT KILL a b c | CLIENT KILL ID | CLIENT KILL ID x | CLIENT KILL ID 0
        0: CLIENT KILL ID -1 | CLIENT KILL ID 1.5 | CLIENT KILL ID '' | CLIENT KILL ID 999999 | CLIENT kill id 999999 skipme no | CLIENT KILL ID 999999 ADDR
        0: CLIENT KILL ADDR 1.2.3.4:5 | CLIENT KILL LADDR 1.2.3.4:5 | CLIENT KILL USER bob | CLIENT KILL USER default ID 999999 | CLIENT KILL TYPE x
        0: CLIENT KILL TYPE pubsub | CLIENT KILL TYPE replica | CLIENT KILL TYPE slave | CLIENT KILL TYPE master | CLIENT KILL TYPE normal ID 999999
        0: CLIENT KILL SKIPME | CLIENT KILL SKIPME x | CLIENT KILL SKIPME yes ID 999999 | CLIENT KILL ID 999999 SKIPME maybe | CLIENT KILL NOSUCH 1
        0: CLIENT LIST x | CLIENT LIST TYPE | CLIENT LIST TYPE x | CLIENT LIST TYPE normal x | CLIENT LIST TYPE pubsub | CLIENT LIST TYPE master
        0: CLIENT LIST ID | CLIENT LIST ID x | CLIENT LIST ID 0 | CLIENT LIST ID -1 | CLIENT LIST ID 999999 | CLIENT LIST ID 999999 x | CLIENT INFO x | CLIENT ID x
        0: CLIENT GETNAME | CLIENT SETNAME | CLIENT SETNAME a b | CLIENT SETNAME 'a b' | CLIENT SETNAME me | CLIENT GETNAME | CLIENT SETNAME '' | CLIENT GETNAME
        0: CLIENT NO-EVICT | CLIENT NO-EVICT x | CLIENT NO-EVICT on | CLIENT NO-EVICT off | CLIENT NO-EVICT on x | CLIENT | CLIENT x | CLIENT x y | CLIENT HELP x
        0: MULTI | CLIENT KILL x | CLIENT LIST x | CLIENT SETNAME 'a b' | CLIENT GETNAME | CLIENT KILL ID 999999 | CLIENT NOSUCH | EXEC""",
    "MULTI and what is wrong in it": """
        0: MULTI | MULTI | EXEC | MULTI | SET a 1 | MULTI | GET a | EXEC | EXEC | DISCARD | GET a | MULTI x | EXEC x | DISCARD x | WATCH | UNWATCH x | multi | exec
        0: MULTI | WATCH a | EXEC | MULTI | WATCH | EXEC | MULTI | UNWATCH | EXEC | MULTI | DISCARD x | EXEC | MULTI | EXEC x | DISCARD | MULTI | EXEC x | EXEC
        0: MULTI | NOSUCH a b | SET a | EXEC | MULTI | SET a 1 | LPUSH a 1 | GET a | EXEC | MULTI | INCR a x | DISCARD | MULTI | PING a b | ECHO a b | EXEC
        0: MULTI | RESET | EXEC | MULTI | SET q 1 EX -1 | SELECT 1 | SET z 1 | SELECT 0 | EXEC | EXISTS z | MULTI | HELLO x | ECHO | PING a b | EXEC | DISCARD
        0: WATCH a | WATCH b
        1: SET b 1
        0: MULTI | SET c 1 | EXEC | EXISTS c | WATCH a | MULTI | GET a | DISCARD
        1: SET a 2
        0: MULTI | GET a | EXEC | WATCH a | UNWATCH
        1: SET a 3
        0: MULTI | GET a | EXEC | WATCH q | SET q 1 | MULTI | GET q | EXEC""",
    "settings": """
        0: CONFIG | CONFIG x | CONFIG x y | CONFIG GET | CONFIG GET nosuch | CONFIG GET maxmemory nosuch | CONFIG GET MAXMEMORY | CONFIG GET maxmemory MAXMEMORY
        0: CONFIG GET TimeOut | CONFIG HELP x | CONFIG SET | CONFIG SET maxmemory | CONFIG SET nosuch 1 | CONFIG SET maxmemory x | CONFIG SET maxmemory -1
        0: CONFIG SET maxmemory 1 maxmemory 2 | CONFIG SET maxmemory 1 nosuch 2 | CONFIG SET maxmemory 100mb nosuch | CONFIG SET maxmemory 0 maxclients x
        0: CONFIG SET maxmemory 1.5mb | CONFIG SET maxmemory ' 1' | CONFIG SET timeout -1 | CONFIG SET timeout x | CONFIG GET timeout | CONFIG SET databases 3
        0: CONFIG SET MAXMEMORY 100mb | CONFIG GET maxmemory | CONFIG SET maxmemory 1g | CONFIG GET maxmemory | CONFIG SET maxmemory 1gb | CONFIG GET maxmemory""",
    "how keys are used, and what memory they take": """
        0: SET k v | OBJECT FREQ k | OBJECT FREQ nosuch | OBJECT IDLETIME nosuch | OBJECT IDLETIME k | OBJECT REFCOUNT k | OBJECT REFCOUNT nosuch
        0: OBJECT FREQ | OBJECT FREQ k k | OBJECT IDLETIME | OBJECT REFCOUNT k k | CONFIG SET maxmemory-policy allkeys-lfu | OBJECT IDLETIME k
        0: OBJECT IDLETIME nosuch | SET fresh v | OBJECT FREQ fresh | GET fresh | OBJECT FREQ fresh | MULTI | OBJECT FREQ fresh | OBJECT IDLETIME k | EXEC
        0: CONFIG SET lfu-log-factor 0 | GET fresh | GET fresh | TOUCH fresh | OBJECT FREQ fresh | TYPE fresh | EXISTS fresh | TTL fresh | OBJECT FREQ fresh
        0: CONFIG SET lfu-log-factor 10 lfu-decay-time 1 | CONFIG SET lfu-log-factor -1 | CONFIG SET lfu-decay-time x | CONFIG GET lfu-log-factor | CONFIG GET lfu-decay-time
        0: CONFIG SET maxmemory-policy volatile-lru | OBJECT FREQ k | CONFIG SET maxmemory-policy x | CONFIG GET maxmemory-policy
        0: CONFIG SET maxmemory-samples 0 | CONFIG SET maxmemory-samples 7 | CONFIG GET maxmemory-samples | CONFIG SET maxmemory-samples 5
        0: MEMORY | MEMORY x | MEMORY USAGE | MEMORY USAGE nosuch | MEMORY USAGE k SAMPLES | MEMORY USAGE k SAMPLES x | MEMORY USAGE k SAMPLES -1
        0: MEMORY USAGE nosuch SAMPLES 5 | MEMORY USAGE k x 1 | MEMORY USAGE nosuch x | MEMORY STATS x | MEMORY DOCTOR x | MEMORY PURGE x | MEMORY PURGE
        0: CONFIG SET maxmemory-clients x | CONFIG SET maxmemory-clients 101% | CONFIG SET maxmemory-clients -1% | CONFIG SET maxmemory-clients 5%x
        0: CONFIG SET maxmemory-clients % | CONFIG SET maxmemory-clients 5% | CONFIG GET maxmemory-clients | CONFIG SET maxmemory-clients 10mb
        0: CONFIG GET maxmemory-clients | CONFIG SET maxmemory-clients 0 | CONFIG SET maxmemory-policy noeviction""",
    "nothing to evict": """
        0: SET k v | CONFIG SET maxmemory-policy volatile-lru | CONFIG SET maxmemory 1 | SET a b | GET k | APPEND k v | LPUSH l x | MULTI | SET a b | EXEC
        0: DEL k | CONFIG SET maxmemory 0 | CONFIG SET maxmemory-policy noeviction | DBSIZE""",
    "what is no command": """
        0: NOSUCH | NOSUCH a | nosuch 'a b' c | NOSUCH '' | '' | '' a | GET | GET a b | get | set a | SET | ECHO | OBJECT | OBJECT x | OBJECT x y | OBJECT ENCODING
        0: COMMAND x | COMMAND COUNT x | COMMAND INFO nosuch | COMMAND GETKEYS NOSUCH a | COMMAND GETKEYS GET a | COMMAND GETKEYS MSET a b c d | INFO nosuch
        0: RANDOMKEY x | DBSIZE x | KEYS | KEYS a b | MSET a b c | SCAN | SCAN x | SCAN 0 x | SCAN 0 COUNT | TIME x | FLUSHALL x""",
    "deadlines at the end of time": """
        0: SET k v | PEXPIREAT k 9223372036854775807 | EXPIRETIME k | TTL k | PERSIST k | PEXPIREAT k 9223372036854775807 NX
        0: PEXPIREAT k 5000000000000 GT | PEXPIREAT k 9223372036854775807 GT | PEXPIREAT k 9223372036854775807 LT | EXPIREAT k 9223372036854775
        0: PEXPIRETIME k | EXPIREAT k 9223372036854775807 | EXPIREAT k 9223372036854776 | PEXPIRE k 9223372036854775807 | EXPIRE k 9223372036854775
        0: EXPIRE k -9223372036854775808 | SET k v PXAT 9223372036854775807 | EXPIRETIME k | SET k v EXAT 9223372036854775807
        0: SET k v EXAT 9223372036854775 | SET k v PX 9223372036854775807 | PSETEX k 9223372036854775807 v | GETEX k PXAT 9223372036854775807
        0: TTL k | COPY k other | EXPIRETIME other | RENAME k new | EXPIRETIME new | PEXPIREAT new -9223372036854775808 | EXISTS new
        0: SET k v | EXPIREAT k -9223372036854775 | EXISTS k | SET k v | EXPIREAT k -9223372036854776 | EXISTS k | PEXPIREAT k 0 | EXISTS k""",
}


def scene_commands(text):
    for line in text.strip().splitlines():
        who, commands = line.strip().split(":", 1)
        for command in commands.split(" | "):
            yield int(who), shlex.split(command)


# --- Comparing --------------------------------------------------------------------------------------------------------------

UNORDERED = {"KEYS", "SMEMBERS", "HKEYS", "HVALS", "HGETALL", "SDIFF", "SINTER", "SUNION", "SPOP"}
RANDOM = {"SRANDMEMBER", "RANDOMKEY"}
SECONDS_AND_MILLISECONDS = {"TTL": 1, "EXPIRETIME": 1, "PTTL": 1000, "PEXPIRETIME": 1000}


def ordered(reply):
    kind, value = reply
    if kind == "*" and isinstance(value, list):
        return kind, sorted(map(repr, value))
    return (kind, sorted(map(repr, value))) if isinstance(value, list) else reply


def with_numbers(reply):
    """Redis before 7.2 writes scores with 17 digits, we (and Redis since) the fewest that mean the same number."""
    kind, value = reply
    if isinstance(value, list):
        return kind, [with_numbers(item) for item in value]
    if kind in "$," and re.fullmatch(rb"-?[0-9]+(\.[0-9]+)?(e[-+]?[0-9]+)?", value):
        return kind, float(value) + 0.0  # small sorted sets of Redis know no -0
    return reply


def normalized(command, reply):
    """What may differ between the two is taken out of a reply."""
    name = command[0].upper()
    if name.startswith("Z"):
        reply = with_numbers(reply)
    kind, value = reply
    if not isinstance(value, list):
        if name == "OBJECT" and kind == "$":
            return kind, None  # encodings are each server's own
        if name in SECONDS_AND_MILLISECONDS and kind == ":" and int(value) > 0:
            # The clock went on between the two. Times to live are multiples of a thousand seconds.
            return kind, round(int(value) / SECONDS_AND_MILLISECONDS[name], -2)
        if name in RANDOM and kind == "$":
            return kind, b"" if value == b"-1" else None
        return reply
    if name == "HGETALL" and kind == "*":
        return kind, sorted((repr(value[i]), repr(value[i + 1])) for i in range(0, len(value), 2))
    if name in UNORDERED:
        return ordered(reply)
    if name in RANDOM:
        return kind, len(value)
    if name in ("SCAN", "SSCAN"):
        return kind, [value[0], ordered(value[1])]
    if name in ("HSCAN", "ZSCAN"):
        items = value[1][1]
        return kind, [value[0], sorted((repr(items[i]), repr(items[i + 1])) for i in range(0, len(items), 2))]
    return reply


class Difference(Exception):
    pass


class Comparison:
    def __init__(self, trefoil, redis, protocol):
        self.pairs = [(Tagged(("127.0.0.1", trefoil.port)), Tagged(redis.address)) for _ in range(2)]
        self.protocol = protocol
        self.queued = [None, None]  # of each connection: the commands since MULTI
        self.any_expired = False
        self.history = []
        for pair in self.pairs:
            for connection in pair:
                connection.call("HELLO", protocol)

    def both(self, who, command):
        words = [word.encode("latin-1") if isinstance(word, str) else word for word in command]
        ours, theirs = (connection.call(*words) for connection in self.pairs[who])
        self.history.append((who, command))
        name = command[0].upper()
        if name == "EXEC" and self.queued[who] is not None and ours[0] == "*" and isinstance(ours[1], list) \
                and isinstance(theirs[1], list) and len(ours[1]) == len(self.queued[who]):
            for one, our, their in zip(self.queued[who], ours[1], theirs[1]):
                self.compare(one, our, their)
        else:
            self.compare(command, ours, theirs)
        if name == "MULTI" and ours[0] == "+":
            self.queued[who] = []
        elif name in ("EXEC", "DISCARD") and len(command) == 1:
            self.queued[who] = None
        elif ours == ("+", b"RESET"):
            self.queued[who] = None
            for connection in self.pairs[who]:
                connection.call("HELLO", self.protocol)
        elif ours == ("+", b"QUEUED"):
            self.queued[who].append(command)
        return ours

    def compare(self, command, ours, theirs):
        if self.any_expired and command[0].upper() == "DBSIZE" and ours[0] == theirs[0] == ":":
            return
        if normalized(command, ours) != normalized(command, theirs):
            raise Difference(f"RESP{self.protocol} {command}\n  trefoil: {ours}\n  redis:   {theirs}")

    def begin(self):
        """Both servers, and all connections, as they were in the beginning."""
        for who in range(2):
            for connection in self.pairs[who]:
                connection.call("DISCARD")
                connection.call("UNWATCH")
                connection.call("FLUSHALL")
                connection.call("SELECT", 0)
        self.queued = [None, None]
        self.any_expired = False
        self.history.clear()

    def watched(self, who, command):
        """Whether the command counts as a change of its first key."""
        key = next((word for word in command if word[:1] in "kn" and word[1:].isdigit()), "k0")
        for other_command in (["UNWATCH"], ["WATCH", key]):
            self.both(1 - who, other_command)
        self.both(who, command)
        for other_command in (["MULTI"], ["PING"], ["EXEC"]):
            self.both(1 - who, other_command)

    def expire(self, key):
        """Lets the key pass its deadline. When it leaves DBSIZE is each server's own."""
        self.both(0, ["PEXPIRE", key, "1"])
        time.sleep(0.003)
        self.any_expired = True

    def scene(self, text):
        self.begin()
        try:
            for who, command in scene_commands(text):
                self.both(who, command)
        finally:
            for connection in self.pairs[0]:
                connection.call("DISCARD")
                connection.call("CONFIG", "SET", "maxmemory", "0")

    def round(self, maker):
        self.begin()
        for _ in range(ROUND):
            if maker.rng.random() < 0.03 and self.queued == [None, None]:
                self.expire(maker.key())
            who, command = maker.rng.randrange(2), maker.command()
            if maker.rng.random() < 0.1 and self.queued == [None, None]:
                self.watched(who, command)
            else:
                self.both(who, command)
        for who in range(2):
            if self.queued[who] is not None:
                self.both(who, ["EXEC"])
            self.both(who, ["UNWATCH"])
        readers = {b"string": ["GET"], b"list": ["LRANGE", "0", "-1"], b"hash": ["HGETALL"], b"set": ["SMEMBERS"],
                   b"zset": ["ZRANGE", "0", "-1", "WITHSCORES"]}
        for db in ("0", "1"):
            self.both(0, ["SELECT", db])
            self.both(0, ["KEYS", "*"])
            for key in [f"k{number}" for number in range(8)] + [f"n{number}" for number in range(3)]:
                name, *more = readers.get(self.both(0, ["TYPE", key])[1], ["EXISTS"])
                self.both(0, [name, key, *more])
                self.both(0, ["PTTL", key])


def main():
    if shutil.which("redis-server") is None:
        skip("redis-server is not installed")
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else SECONDS
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else SEED if len(sys.argv) == 1 else random.SystemRandom().randrange(10**9)
    print(f"seed {seed}", flush=True)
    rounds = 0
    differences = 0
    with Server("--threads", "1") as trefoil, Redis() as redis:
        comparisons = [Comparison(trefoil, redis, protocol) for protocol in (2, 3)]
        for name, text in SCENES.items():
            for comparison in comparisons:
                try:
                    comparison.scene(text)
                except Difference as difference:
                    differences += 1
                    print(f"{name}: {difference}")
        end = time.monotonic() + seconds
        while rounds == 0 or time.monotonic() < end:
            comparison = comparisons[rounds % 2]
            try:
                comparison.round(Maker(random.Random(seed + rounds)))
            except Difference as difference:
                differences += 1
                print("".join(f"  {who}: {command}\n" for who, command in comparison.history[-SHOWN:]) + str(difference))
                if differences == ENOUGH:
                    break
            rounds += 1
    if differences > 0:
        sys.exit(f"{differences} differences")
    print(f"{rounds * ROUND} commands, the same answers")


main()
