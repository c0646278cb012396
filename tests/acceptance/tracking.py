#!/usr/bin/python3
"""Client-side caching over real connections: the same conversations with Trefoil and with a real redis-server, and the same bytes
back, type for type, in RESP2 and RESP3. Then what Redis has no counterpart for (SQL, BEGIN), expiry and eviction, clients that hang
up, and caches of clients that many write behind.

Meant to differ: what is broadcast to its own author comes behind each answer, not behind those of a whole pipeline; a commit is told
of as a whole, so what EXEC reads of a key behind its own change is forgotten with this; a broadcast and a flush keep their order.
"""
import os
import re
import shlex
import shutil
import sys
import tempfile
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from redis_server import Redis, Tagged  # noqa: E402
from trefoil import Connection, Server  # noqa: E402

# One line a conversation: steps of clients, each a pipeline of commands; $b is client b's number. A step is over when all of it is
# answered.
CONVERSATIONS = r"""
a: CLIENT TRACKING / CLIENT TRACKING x / CLIENT TRACKING ON x / CLIENT TRACKING ON REDIRECT / CLIENT TRACKING ON PREFIX / CLIENT TRACKING OFF x
a: CLIENT TRACKING ON REDIRECT x / CLIENT TRACKING ON REDIRECT 0 / CLIENT TRACKING ON REDIRECT -1 / CLIENT TRACKING ON REDIRECT 99999999
a: CLIENT TRACKING ON REDIRECT $b REDIRECT $b / CLIENT TRACKING OFF REDIRECT 99999999 / CLIENT TRACKINGINFO
a: CLIENT TRACKING ON PREFIX x / CLIENT TRACKING ON BCAST OPTIN / CLIENT TRACKING ON BCAST OPTOUT / CLIENT TRACKING ON OPTIN OPTOUT
a: CLIENT TRACKING ON BCAST PREFIX a PREFIX ab / CLIENT TRACKING ON BCAST PREFIX ab PREFIX a / CLIENT TRACKING ON BCAST PREFIX a PREFIX a
a: CLIENT TRACKING ON BCAST PREFIX foo PREFIX bar / CLIENT TRACKING ON BCAST PREFIX foobar / CLIENT TRACKING ON BCAST PREFIX f / CLIENT TRACKING ON BCAST PREFIX fob / CLIENT TRACKINGINFO
a: CLIENT TRACKING ON BCAST / CLIENT TRACKING ON BCAST / CLIENT TRACKING ON BCAST PREFIX x / CLIENT TRACKING ON / CLIENT TRACKINGINFO
a: CLIENT TRACKING ON / CLIENT TRACKING ON BCAST / CLIENT TRACKING ON / CLIENT TRACKING ON OPTIN / CLIENT TRACKING ON OPTOUT / CLIENT TRACKING ON / CLIENT TRACKINGINFO
a: CLIENT TRACKING on optin noloop / CLIENT TRACKINGINFO / CLIENT CACHING yes / CLIENT TRACKINGINFO / CLIENT CACHING no / PING / CLIENT TRACKINGINFO
a: CLIENT TRACKING ON OPTOUT / CLIENT CACHING YES / CLIENT CACHING NO / CLIENT TRACKINGINFO / CLIENT CACHING x / CLIENT CACHING / CLIENT CACHING no x
a: CLIENT CACHING YES / CLIENT CACHING x / CLIENT TRACKING ON / CLIENT CACHING YES / CLIENT CACHING NO / CLIENT TRACKING ON BCAST
a: CLIENT TRACKINGINFO / CLIENT GETREDIR / CLIENT TRACKING ON / CLIENT GETREDIR / CLIENT TRACKING ON REDIRECT $b / CLIENT GETREDIR / CLIENT TRACKINGINFO / CLIENT TRACKING OFF / CLIENT GETREDIR / CLIENT TRACKINGINFO
a: CLIENT TRACKINGINFO x / CLIENT GETREDIR x / CLIENT LIST / CLIENT TRACKING ON / CLIENT INFO / CLIENT TRACKING ON REDIRECT $b / CLIENT INFO / CLIENT TRACKING OFF / CLIENT INFO
a: CLIENT TRACKING ON BCAST PREFIX z PREFIX a PREFIX m / CLIENT TRACKINGINFO / CLIENT INFO / RESET / CLIENT TRACKINGINFO / CLIENT INFO
a: CLIENT TRACKING ON / GET k ; b: SET k 1 / SET k 2 ; a: PING / GET k ; b: DEL k ; a: PING
a: CLIENT TRACKING ON / MGET k l k / EXISTS m n / STRLEN l ; b: MSET k 1 l 2 x 3 ; a: PING ; b: SET m 1 / SET n 1 ; a: PING
a: CLIENT TRACKING ON / GET k / HELLO 3 / GET l / HELLO 2 ; b: SET k 1 ; a: HELLO 3 ; b: SET l 1 ; a: PING
a: CLIENT TRACKING ON / GET k / CLIENT TRACKING OFF ; b: SET k 1 ; a: CLIENT TRACKING ON ; b: SET k 2 ; a: PING
a: CLIENT TRACKING ON / GET k / SET k 1 / GET k / SET k 2 / PING
a: CLIENT TRACKING ON NOLOOP / GET k / SET k 1 / GET k ; b: SET k 2 ; a: PING
a: CLIENT TRACKING ON / GET k / MULTI / SET k 1 / SET k 2 / EXEC / GET k
a: CLIENT TRACKING ON / MULTI / GET k / GET l / EXEC ; b: SET k 1 / SET l 1 ; a: PING
a: CLIENT TRACKING ON / MULTI / GET k / SET k 1 / GET k / EXEC / PING / GET k ; b: SET k 2 ; a: PING
a: CLIENT TRACKING ON / MULTI / GET k / DISCARD ; b: SET k 1 ; a: PING
a: CLIENT TRACKING ON / GET k / GET l ; b: MULTI / SET k 1 / SET l 1 / SET k 2 / EXEC ; a: PING
a: CLIENT TRACKING ON OPTIN / GET k / CLIENT CACHING YES / GET l / GET m ; b: SET k 1 / SET l 1 / SET m 1 ; a: PING
a: CLIENT TRACKING ON OPTIN / CLIENT CACHING YES / CLIENT ID / GET k ; b: SET k 1 ; a: PING
a: CLIENT TRACKING ON OPTIN / CLIENT CACHING YES / NOSUCH / GET k ; b: SET k 1 ; a: PING
a: CLIENT TRACKING ON OPTIN / CLIENT CACHING YES / GET / GET k ; b: SET k 1 ; a: PING
a: CLIENT TRACKING ON OPTIN / CLIENT CACHING YES / MULTI / GET k / GET l / EXEC / GET m ; b: SET k 1 / SET l 1 / SET m 1 ; a: PING
a: CLIENT TRACKING ON OPTIN / MULTI / GET k / CLIENT CACHING YES / GET l / GET m / EXEC / GET n ; b: MSET k 1 l 1 m 1 n 1 ; a: PING
a: CLIENT TRACKING ON OPTIN / CLIENT CACHING YES / MULTI / GET k / DISCARD / GET l ; b: SET k 1 / SET l 1 ; a: PING
a: CLIENT TRACKING ON OPTOUT / GET k / CLIENT CACHING NO / GET l / GET m ; b: SET k 1 / SET l 1 / SET m 1 ; a: PING
a: CLIENT TRACKING ON OPTOUT / CLIENT CACHING NO / MULTI / GET k / EXEC / GET l ; b: SET k 1 / SET l 1 ; a: PING
a: MULTI / CLIENT TRACKING ON / GET k / CLIENT TRACKINGINFO / EXEC ; b: SET k 1 ; a: PING
a: CLIENT TRACKING ON / GET k / SELECT 1 / GET l ; b: SELECT 2 / SET k 1 / SET l 1 ; a: PING / SELECT 0
a: CLIENT TRACKING ON / GET k ; b: SET x 1 / FLUSHALL ; a: PING ; b: SET k 1 ; a: PING
a: CLIENT TRACKING ON ; b: SET x 1 / FLUSHDB ; a: PING / GET k ; b: SELECT 1 / SET x 1 / FLUSHDB / SELECT 0 ; a: PING
a: CLIENT TRACKING ON NOLOOP / SET x 1 / FLUSHALL / PING
a: CLIENT TRACKING ON BCAST PREFIX x ; b: FLUSHALL ; a: PING ; b: SET x 1 ; a: PING ; b: FLUSHALL ; a: PING
a: CLIENT TRACKING ON BCAST ; b: SET k 1 ; a: PING ; b: MSET z 1 a 1 m 1 a 2 ; a: PING ; b: DEL k z nosuch ; a: PING
a: CLIENT TRACKING ON BCAST PREFIX k: PREFIX l: ; b: MSET l:2 1 k:1 1 l:1 2 m:1 1 ; a: PING ; b: SET k 1 ; a: PING ; b: SET k: 1 ; a: PING
a: CLIENT TRACKING ON BCAST ; b: CLIENT TRACKING ON BCAST PREFIX k ; c: SET k 1 ; a: PING ; b: PING ; c: SET l 1 ; a: PING ; b: PING
a: CLIENT TRACKING ON BCAST NOLOOP / SET k 1 ; a: PING ; b: SET k 2 ; a: PING
a: CLIENT TRACKING ON BCAST / CLIENT TRACKING OFF ; b: SET k 1 ; a: PING
a: CLIENT TRACKING ON BCAST ; b: MULTI / SET k 1 / SET l 1 / DEL k / EXEC ; a: PING
b: SUBSCRIBE __redis__:invalidate ; a: CLIENT TRACKING ON REDIRECT $b / GET k ; c: SET k 1 ; b: PING ; a: PING / GET k ; c: SET x 1 / FLUSHALL ; b: PING
b: SUBSCRIBE other ; a: CLIENT TRACKING ON REDIRECT $b / GET k / CLIENT INFO ; c: SET k 1 ; b: PING
b: PING ; a: CLIENT TRACKING ON REDIRECT $b / GET k ; c: SET k 1 ; b: PING ; a: GET k ; b: SUBSCRIBE x ; c: SET k 2 ; b: PING
b: SUBSCRIBE x ; a: CLIENT TRACKING ON BCAST PREFIX k REDIRECT $b ; c: MSET k2 1 k1 1 l 1 ; b: PING
a: CLIENT TRACKING ON REDIRECT $a / GET k ; b: SET k 1 ; a: PING / CLIENT INFO
b: PING ; a: CLIENT TRACKING ON REDIRECT $b / GET k ; b: QUIT ; c: SET k 1 ; a: PING / CLIENT TRACKINGINFO / CLIENT INFO / CLIENT GETREDIR / CLIENT TRACKING ON / CLIENT TRACKINGINFO / CLIENT INFO
b: PING ; a: CLIENT TRACKING ON REDIRECT $b / GET k ; b: QUIT ; a: SET k 1 / PING
b: SUBSCRIBE x ; a: CLIENT TRACKING ON NOLOOP REDIRECT $b / GET k / SET k 1 / GET k ; c: SET k 2 ; b: PING
a: CLIENT TRACKING ON / SET k 1 / EXPIRE k 100 / GET k ; b: EXPIRE k 200 ; a: PING / TTL k ; b: PERSIST k ; a: PING / GETRANGE k 0 1 ; b: RENAME k l ; a: PING
a: CLIENT TRACKING ON / GET k / GET l ; b: SET k 1 / COPY k l ; a: PING / TYPE l / OBJECT ENCODING k ; b: INCRBY l 1 / APPEND k x ; a: PING
a: CLIENT TRACKING ON / LRANGE q 0 -1 / HGETALL h / SMEMBERS s / ZRANGE z 0 -1 ; b: RPUSH q 1 / HSET h f 1 / SADD s 1 / ZADD z 1 m ; a: PING / LLEN q / HGET h f / SISMEMBER s 1 / ZSCORE z m ; b: LPOP q / HDEL h f / SREM s 1 / ZREM z m ; a: PING
a: CLIENT TRACKING ON / SINTER s t / SDIFF u v ; b: SADD t 1 / SADD v 1 / SUNIONSTORE s t v ; a: PING
a: CLIENT TRACKING ON / GETEX k / GETDEL l / SETNX m 1 ; b: SET k 1 / SET l 1 / DEL m ; a: PING
a: CLIENT TRACKING ON / SET k 1 / LRANGE k 0 1 ; b: SET k 2 ; a: PING
a: CLIENT TRACKING ON / GET k ; b: SET k 1 XX / GETDEL k / DEL k / SETNX k 1 / SETNX k 2 ; a: PING / GET k ; b: SADD k 1 / INCRBY k 1 ; a: PING
a: CLIENT TRACKING ON / LLEN q ; c: RPUSH p 1 ; b: BLPOP q 0.01 / BLMOVE p q LEFT LEFT 0 ; a: PING
a: CLIENT TRACKING ON / GET k / CLIENT REPLY OFF ; b: SET k 1
a: CLIENT TRACKING ON / GET k / RESET ; b: SET k 1 ; a: PING
a: CLIENT TRACKING ON / SUBSCRIBE x / UNSUBSCRIBE / GET k ; b: SET k 1 ; a: PING
b: CONFIG SET tracking-table-max-keys 1 / CONFIG GET tracking-table-max-keys ; a: CLIENT TRACKING ON / GET k / GET l ; b: CONFIG SET tracking-table-max-keys -1 / CONFIG SET tracking-table-max-keys 1000000
a: CLIENT TRACKING ON / SCAN 0 / KEYS x* / DBSIZE / RANDOMKEY ; b: SET k 1 ; a: PING
"""


def conversations():
    for line in CONVERSATIONS.strip().splitlines():
        steps = []
        for step in line.split(" ; "):
            client, pipeline = step.split(": ", 1)
            steps.append((client, [shlex.split(command) for command in pipeline.split(" / ")]))
        yield line, steps


def normalized(reply, names):
    """With clients' names for their numbers; of CLIENT LIST the flags and where messages go."""
    kind, value = reply
    if isinstance(value, list):
        return kind, [normalized(each, names) if kind != "%" else tuple(normalized(one, names) for one in each) for each in value]
    if isinstance(value, bytes) and kind == ":" and int(value) in names:
        return kind, names[int(value)]
    if value in (b"7.0.15", b"7.2.0"):
        return kind, "version"
    if isinstance(value, bytes) and b"laddr=" in value:
        words = re.findall(rb"flags=(\w+)|redir=(-?\d+)|resp=(\d)", value)
        # Trefoil's clients come over TCP.
        return kind, [(flags.replace(b"U", b"") or b"N", names.get(int(redirect or -2), redirect), protocol)
                      for flags, redirect, protocol in words]
    return kind, value


def held(address, line, steps, protocol):
    """What each step was answered."""
    clients, numbers, answers = {}, {}, []
    for name in sorted({name for name, _ in steps} | set(re.findall(r"\$(\w)", line))):
        clients[name] = Tagged(address)
        clients[name].call("HELLO", protocol)
        numbers[name] = int(clients[name].call("CLIENT", "ID")[1])
    names = {number: name for name, number in numbers.items()}
    for count, (name, pipeline) in enumerate(steps):
        client, token = clients[name], f"token-{count}".encode()
        words = [[str(numbers[word[1:]]) if word.startswith("$") else word for word in command] for command in pipeline]
        client.send(b"".join(Connection.encode(*command) for command in words) + Connection.encode("PING", token))
        got = []
        try:
            while not pipeline[-1] == ["CLIENT", "REPLY", "OFF"] and (
                    not got or got[-1] not in (("$", token), ("*", [("$", b"pong"), ("$", token)]))):
                got.append(normalized(client.read(), names))
        except (EOFError, ConnectionResetError):
            got.append("the end")
        answers.append(got)
    cleaner = Tagged(address)
    cleaner.call("FLUSHALL")
    for client in [*clients.values(), cleaner]:
        client.half_close()
        client.read_to_end()  # the server has forgotten it then: the next CLIENT LIST does not have it
        client.close()
    return answers


def chance(answers):
    """Which of several keys is forgotten is left to it."""
    return [[("invalidated",) if str(reply).find("invalidate") >= 0 else reply for reply in got] for got in answers]


def like_redis(server):
    with Redis() as redis:
        ours_at = ("127.0.0.1", server.port)
        for address in (redis.address, ours_at):
            for _ in range(1000):  # so that no number of a client is one of anything else
                with Tagged(address) as client:
                    client.call("PING")
        differences = 0
        for protocol in (2, 3):
            for line, steps in conversations():
                theirs, ours = held(redis.address, line, steps, protocol), held(ours_at, line, steps, protocol)
                if "max-keys" in line:
                    theirs, ours = chance(theirs), chance(ours)
                if ours != theirs:
                    differences += 1
                    print(f"RESP{protocol}  {line}")
                    for step, their, our in zip(steps, theirs, ours):
                        if their != our:
                            print(f"  {step}\n    redis   {their}\n    trefoil {our}")
        assert differences == 0, f"{differences} conversations differ"


def figure(client, name):
    return int(re.search(rb"%s:(\d+)" % name.encode(), client.ok("INFO"))[1])


def hang_up(server):
    """Whoever is gone is told of nothing, takes no room, and breaks what was redirected to it."""
    speaker = server.connect()
    clients = [server.connect() for _ in range(200)]
    for number, client in enumerate(clients):
        client.ok("HELLO", "3")
        client.ok("CLIENT", "TRACKING", "ON", *(["BCAST", "PREFIX", f"p{number}"] if number % 2 else []))
        client.ok("MGET", "k", f"own{number}")
    stays = server.connect()
    stays.ok("HELLO", "3")
    stays.ok("CLIENT", "TRACKING", "ON", "REDIRECT", clients[0].ok("CLIENT", "ID"))
    stays.ok("GET", "k")
    assert figure(speaker, "tracking_clients") == 201 and figure(speaker, "tracking_total_prefixes") == 100
    for client in clients:
        client.close()
    while figure(speaker, "tracking_clients") != 1:
        pass
    assert figure(speaker, "tracking_total_prefixes") == 0
    speaker.ok("SET", "k", "1")
    assert stays.read()[0] == b"tracking-redir-broken"
    assert b"flags=tR " in stays.ok("CLIENT", "INFO")
    stays.close()
    while figure(speaker, "tracking_clients") != 0:
        pass
    assert figure(speaker, "tracking_total_keys") == figure(speaker, "tracking_total_items") == 0


def expired_and_evicted(server):
    client, broadcast, speaker = (server.connect() for _ in range(3))
    speaker.ok("FLUSHALL")
    for each, words in ((client, []), (broadcast, ["BCAST", "NOLOOP"])):
        each.ok("HELLO", "3")
        each.ok("CLIENT", "TRACKING", "ON", *words)
    speaker.ok("SET", "k", "v", "PX", "50")
    assert broadcast.read() == [b"invalidate", [b"k"]]
    client.ok("GET", "k")
    assert client.read() == broadcast.read() == [b"invalidate", [b"k"]]
    speaker.ok("SET", "k", "v")
    assert broadcast.read() == [b"invalidate", [b"k"]]
    client.ok("GET", "k")
    speaker.ok("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
    speaker.ok("CONFIG", "SET", "maxmemory", "1")
    speaker.call("SET", "l", "v")
    assert client.read() == broadcast.read() == [b"invalidate", [b"k"]]
    speaker.ok("CONFIG", "SET", "maxmemory", "0")


def sql(server):
    """COMMIT is told of as EXEC is; what is read inside BEGIN is told of at once."""
    client, speaker = server.connect(), server.connect()
    client.ok("HELLO", "3")
    client.ok("CLIENT", "TRACKING", "ON")
    client.ok("GET", "k")
    speaker.ok("SQL", "BEGIN")
    speaker.ok("SET", "k", "1")
    assert client.ok("PING") == "PONG"
    speaker.ok("SQL", "COMMIT")
    assert client.read() == [b"invalidate", [b"k"]]
    client.ok("SQL", "BEGIN")
    client.send(Connection.encode("GET", "k") + Connection.encode("SQL", "COMMIT"))
    assert [client.read() for _ in range(3)] == [b"1", [b"invalidate", [b"k"]], "OK"]


def never_stale(server):
    """A cache is asked behind the answer to a change, when it has taken its messages: also while commands go to workers."""
    keys, answered, running = [f"c{number}" for number in range(8)], [0] * 8, [True]
    value = b"." * 100_000  # of a list's element: its range is read by a worker

    def write():
        client, number = server.connect(), 0
        while running[0]:
            number += 1
            at = number % len(keys)
            client.send(Connection.encode("LSET" if at % 2 else "SET", keys[at], *([0] if at % 2 else []), number))
            assert client.read() == "OK"
            answered[at] = number

    setup = server.connect()
    for at in range(1, len(keys), 2):
        setup.ok("RPUSH", keys[at], "0", *[value] * 30)
    writer = threading.Thread(target=write)
    writer.start()
    try:
        client, cache, hits = server.connect(), {}, 0
        client.ok("HELLO", "3")
        client.ok("CLIENT", "TRACKING", "ON")

        def answer(*words):
            client.send(Connection.encode(*words))
            while True:
                reply = client.read()
                if not (isinstance(reply, list) and len(reply) == 2 and reply[0] == b"invalidate"):
                    return reply
                for key in reply[1]:
                    cache.pop(key.decode(), None)

        looked = 0
        while hits < 500:
            at = looked // 4 % len(keys)  # several times each: the writer is quick
            looked += 1
            least = answered[at]
            assert answer("PING") == "PONG"
            if keys[at] in cache:
                hits += 1
                assert cache[keys[at]] >= least, (keys[at], cache[keys[at]], least)
            else:
                reply = answer("LRANGE", keys[at], 0, -1) if at % 2 else answer("GET", keys[at])
                cache[keys[at]] = int((reply[0] if at % 2 else reply) or 0)
    finally:
        running[0] = False
        writer.join()


def redis_py(server):
    """Its own cache, if it is new enough to have one."""
    try:
        import redis
        from redis.cache import CacheConfig
    except ImportError:
        return
    client = redis.Redis(port=server.port, protocol=3, cache_config=CacheConfig())
    other = redis.Redis(port=server.port)
    for number in range(5):
        other.set("cached", number)
        assert client.get("cached") == client.get("cached") == str(number).encode()


def main():
    with Server() as server:
        if shutil.which("redis-server") is not None:
            like_redis(server)
        for check in (hang_up, sql, never_stale, redis_py, expired_and_evicted):
            check(server)
    for policy in ("always", "everysec"):
        with tempfile.TemporaryDirectory() as directory, Server("--appendfsync", policy, directory=directory) as server:
            sql(server)
            never_stale(server)


main()
