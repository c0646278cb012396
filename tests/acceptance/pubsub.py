#!/usr/bin/python3
"""Publish and subscribe, MONITOR and CLIENT REPLY, over real connections: the same conversations with Trefoil and with a real
redis-server, and the same bytes back, type for type, in RESP2 and RESP3. Then what Redis has no counterpart for: SQL's BEGIN,
limits on output, clients that are killed or hang up, and redis-py and redis-cli as subscribers.

Meant to differ: what EXEC publishes to its own client comes behind EXEC's answer, not inside.
"""
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from redis_server import Redis, Tagged  # noqa: E402
from trefoil import PROGRAM, Connection, ReplyError, Server  # noqa: E402

# One line a conversation: steps of clients a, b, c, each a pipeline of commands. A step is over when all of it is answered.
CONVERSATIONS = r"""
a: SUBSCRIBE x y / PING / PING hi / GET k / get / NOSUCH / UNSUBSCRIBE y / UNSUBSCRIBE / UNSUBSCRIBE / PUNSUBSCRIBE / SUNSUBSCRIBE / GET k
a: UNSUBSCRIBE x y / PUNSUBSCRIBE p / SUNSUBSCRIBE q
a: SUBSCRIBE x / PSUBSCRIBE x* ?y / SSUBSCRIBE s / UNSUBSCRIBE / PUNSUBSCRIBE x* / PUNSUBSCRIBE / SUNSUBSCRIBE
a: SUBSCRIBE x x / SUBSCRIBE x / UNSUBSCRIBE x x
a: SUBSCRIBE / PSUBSCRIBE / SSUBSCRIBE / PUBLISH x / PUBLISH x y z / SPUBLISH x
a: SUBSCRIBE x ; b: PUBLISH x one / PUBLISH y no / PUBLISH x two ; a: UNSUBSCRIBE ; b: PUBLISH x three
a: SUBSCRIBE x ; b: SUBSCRIBE x ; c: PUBLISH x hello / PUBLISH x '' / PUBLISH '' x ; a: PING ; b: PING
a: PSUBSCRIBE x* ; b: PUBLISH xyz 1 / PUBLISH y 2 / PUBLISH x 3 ; a: PUNSUBSCRIBE x* ; b: PUBLISH xyz 4
a: PSUBSCRIBE h[ae]llo ; b: PUBLISH hallo 1 / PUBLISH hillo 2 / PUBLISH h\[ae\]llo 3 / PUBLISH hello '' ; a: PING
a: PSUBSCRIBE * ; b: PUBLISH '' x / PUBLISH x '' ; a: PING
a: SUBSCRIBE x ; a: PSUBSCRIBE x* ; b: PUBLISH x both ; a: PING ; b: PUBSUB NUMSUB x / PUBSUB NUMPAT / PUBSUB CHANNELS
a: SSUBSCRIBE x ; b: SPUBLISH x shard / PUBLISH x no ; a: PING ; b: PUBSUB SHARDCHANNELS / PUBSUB SHARDNUMSUB x y / PUBSUB NUMSUB x
a: SUBSCRIBE x ; b: SPUBLISH x no ; a: PING ; b: PUBSUB CHANNELS y* / PUBSUB CHANNELS ?
a: SUBSCRIBE x / PUBLISH x m / PING
a: SUBSCRIBE x / RESET / GET k / PUBLISH x m
a: SUBSCRIBE x / PSUBSCRIBE y / SSUBSCRIBE z / RESET ; b: PUBSUB CHANNELS / PUBSUB NUMPAT / PUBSUB SHARDCHANNELS
a: SUBSCRIBE x / SELECT 1 / HELLO x / MULTI / DISCARD / UNSUBSCRIBE / SELECT 0
a: MULTI / SUBSCRIBE x y / GET k / EXEC / UNSUBSCRIBE x y / GET k
a: MULTI / SUBSCRIBE x / EXEC / MULTI / EXEC / UNSUBSCRIBE
a: MULTI / SUBSCRIBE x / UNSUBSCRIBE / PSUBSCRIBE y / PUNSUBSCRIBE / EXEC
a: MULTI / SUBSCRIBE x / EXEC ; b: PUBLISH x 1 ; a: PING
a: SUBSCRIBE x ; b: MULTI / PUBLISH x 1 / SET k v / PUBLISH x 2 / EXEC ; a: PING
a: SUBSCRIBE x ; b: MULTI / PUBLISH x 1 / DISCARD ; a: PING
a: SUBSCRIBE x ; b: WATCH k ; c: SET k w ; b: MULTI / PUBLISH x 1 / EXEC ; a: PING
a: SUBSCRIBE x ; b: MULTI / PUBLISH x 1 / NOSUCH / EXEC ; a: PING
a: SUBSCRIBE x ; b: MULTI / PUBLISH x 1 / LPUSH k v / INCR k / EXEC / DEL k ; a: PING
a: PSUBSCRIBE __key* ; b: CONFIG SET notify-keyspace-events KEAn / SET k 1 / SET k 2 / RENAME k l / SET k 3 / RENAME k l / COPY l m / COPY l m REPLACE / DEL l m / RPUSH q 1 2 / LPOP q / EXPIRE q 100 / LMOVE q q LEFT RIGHT / LMOVE q q LEFT LEFT / LMOVE q r RIGHT LEFT / RPOPLPUSH r r / LPOP r / SADD s m / SUNIONSTORE t s / SUNIONSTORE t s / SMOVE s u m / SET k 1 EX 100 / MULTI / SET w 1 / DEL w / SET w 2 / EXEC ; a: PING ; b: CONFIG SET notify-keyspace-events '' / DEL k q t u w
a: PUBSUB NUMSUB / PUBSUB NUMSUB p q / PUBSUB x / PUBSUB / PUBSUB CHANNELS a b / PUBSUB NUMPAT x / PUBSUB SHARDCHANNELS a b
a: SUBSCRIBE x x / SUBSCRIBE y ; b: PUBSUB NUMSUB x y z ; a: UNSUBSCRIBE y
a: SUBSCRIBE x ; b: SUBSCRIBE x ; c: PUBSUB NUMSUB x ; b: QUIT ; a: PING
a: CLIENT REPLY SKIP / PING / ECHO x / CLIENT REPLY x / CLIENT REPLY
a: CLIENT REPLY SKIP / CLIENT REPLY ON / PING
a: CLIENT REPLY SKIP / CLIENT REPLY SKIP / ECHO x / ECHO y
a: CLIENT REPLY OFF / SUBSCRIBE / NOSUCH / SUBSCRIBE x / UNSUBSCRIBE / ECHO x / CLIENT REPLY SKIP / CLIENT REPLY ON / PING
a: CLIENT REPLY OFF / MULTI / SET k v / EXEC / CLIENT REPLY ON / GET k
a: CLIENT REPLY OFF / RESET / PING
a: CLIENT REPLY OFF / MULTI / SUBSCRIBE x / DISCARD / CLIENT REPLY ON
a: MULTI / MONITOR / EXEC
a: MONITOR / GET k / PING / MULTI / RESET / PING
a: MONITOR / MONITOR / SUBSCRIBE x / RESET / PING
a: MONITOR / PUBLISH x y / DBSIZE / KEYS * / MULTI / EXEC / WATCH k / SELECT 1 / OBJECT ENCODING k
a: MONITOR ; b: SET k v / AUTH pw / AUTH u pw / PING / CONFIG GET x / NOSUCH / GET / GET k ; a: RESET
a: MONITOR ; b: MULTI / SET k 'x"' / INCR k / GET k / EXEC / MULTI / SET k / EXEC / MULTI / SET k v / DISCARD ; a: RESET
a: MONITOR ; b: SELECT 3 / SUBSCRIBE q / UNSUBSCRIBE / INFO foo / WATCH k / UNWATCH / CLIENT GETNAME / CLIENT LIST ; a: RESET
a: MONITOR ; b: SET k "\0\xff\r\n\t\a\b\\ '" / EXISTS k ; a: RESET
a: MONITOR ; b: WATCH k ; c: SET k v ; b: MULTI / GET k / EXEC ; a: RESET
a: SUBSCRIBE x ; b: CLIENT LIST TYPE pubsub / CLIENT LIST TYPE master / CLIENT KILL TYPE x / CLIENT LIST TYPE x
a: CONFIG SET client-output-buffer-limit x / CONFIG SET client-output-buffer-limit 'pubsub 32mb 8mb'
a: CONFIG SET client-output-buffer-limit 'foo 32mb 8mb 60' / CONFIG SET client-output-buffer-limit 'master 32mb 8mb 60'
a: CONFIG SET client-output-buffer-limit 'normal 1x 8mb 60' / CONFIG SET client-output-buffer-limit 'normal 1 8mb -1'
a: CONFIG GET client-output-buffer-limit / CONFIG SET client-output-buffer-limit 'pubsub 1gb 1m 5' / CONFIG GET client-output-buffer-limit
a: CONFIG SET client-output-buffer-limit '' / CONFIG SET client-output-buffer-limit 'replica 256mb 64mb 60 pubsub 32mb 8mb 60 normal 0 0 0'
"""


def unescape(word):
    return re.sub(rb"\\(x..|[0rntab\\])", lambda found: bytes([int(found[1][1:], 16)]) if found[1][:1] == b"x" else
                  {b"0": b"\0", b"r": b"\r", b"n": b"\n", b"t": b"\t", b"a": b"\a", b"b": b"\b", b"\\": b"\\"}[found[1]],
                  word.encode("latin1"))


def conversations():
    for line in CONVERSATIONS.strip().splitlines():
        steps = []
        for step in line.split(" ; "):
            client, pipeline = step.split(": ", 1)
            steps.append((client, [[unescape(word) for word in shlex.split(command)] for command in pipeline.split(" / ")]))
        yield line, steps


def normalized(reply):
    """Without times, and without what CLIENT LIST and the ports say."""
    kind, value = reply
    if isinstance(value, list):
        return kind, [normalized(each) if kind != "%" else tuple(map(normalized, each)) for each in value]
    if isinstance(value, bytes):
        value = re.sub(rb"^\d+\.\d{6} \[(\d+) [^\]]*\]", rb"TIME [\1 ADDRESS]", value)
        if b"laddr=" in value:
            value = b" ".join(re.findall(rb"flags=\w+|[ps]*sub=\d+", value)).replace(b"U ", b" ").replace(b"=N ", b"= ")
    return kind, value


def held(address, steps, protocol):
    """What each step was answered."""
    clients, answers = {}, []
    for number, (name, pipeline) in enumerate(steps):
        if name not in clients:
            clients[name] = Tagged(address)
            clients[name].call("HELLO", protocol)
        client = clients[name]
        token = f"token-{number}".encode()
        client.send(b"".join(Connection.encode(*words) for words in pipeline) + Connection.encode("PING", token))
        got = []
        try:
            while not got or got[-1] not in (("$", token), ("*", [("$", b"pong"), ("$", token)])):
                got.append(normalized(client.read()))
        except (EOFError, ConnectionResetError):
            got.append("the end")
        # A monitor sees the PINGs as well, and one that monitors its own.
        answers.append([reply for reply in got if not isinstance(reply[1], bytes) or b"token-" not in reply[1]])
    for client in clients.values():
        client.half_close()
        client.read_to_end()  # it is no subscriber any more then
        client.close()
    return answers


def like_redis(server):
    with Redis() as redis:
        differences = 0
        for protocol in (2, 3):
            for line, steps in conversations():
                theirs, ours = held(redis.address, steps, protocol), held(("127.0.0.1", server.port), steps, protocol)
                if ours != theirs:
                    differences += 1
                    print(f"RESP{protocol}  {line}")
                    for step, their, our in zip(steps, theirs, ours):
                        if their != our:
                            print(f"  {step}\n    redis   {their}\n    trefoil {our}")
        assert differences == 0, f"{differences} conversations differ"


def own_exec(server):
    """Behind EXEC's answer, in both protocols."""
    for protocol in (2, 3):
        client = server.connect()
        client.ok("HELLO", protocol)
        for words in (["MULTI"], ["SUBSCRIBE", "own"], ["PUBLISH", "own", "m"]):
            client.ok(*words)
        client.send(Connection.encode("EXEC") + Connection.encode("PING", "end"))
        assert client.read() == [[b"subscribe", b"own", 1], 1]
        assert client.read() == [b"message", b"own", b"m"]
        assert client.read() in (b"end", [b"pong", b"end"])


def blocks(server):
    """PUBLISH inside BEGIN is said at COMMIT; SUBSCRIBE there is refused."""
    listener, speaker = server.connect(), server.connect()
    listener.ok("SUBSCRIBE", "x")
    assert speaker.ok("SQL", "BEGIN") == "OK"
    assert speaker.call("PUBLISH", "x", "1") == 1
    assert speaker.ok("SQL", "SAVEPOINT s") == "OK"
    assert speaker.call("PUBLISH", "x", "undone") == 1
    assert speaker.ok("SQL", "ROLLBACK TO s") == "OK"
    assert speaker.call("PUBLISH", "x", "2") == 1
    for command in ("SUBSCRIBE", "PSUBSCRIBE", "SSUBSCRIBE"):
        assert str(speaker.call(command, "y")) == f"ERR {command} inside BEGIN is not allowed"
    assert str(speaker.call("MONITOR")) == "ERR MONITOR inside BEGIN is not allowed"
    assert listener.call("PING") == [b"pong", b""]  # nothing yet
    assert speaker.ok("SQL", "COMMIT") == "OK"
    assert listener.read() == [b"message", b"x", b"1"]
    assert listener.read() == [b"message", b"x", b"2"]
    assert speaker.ok("SQL", "BEGIN") == "OK"
    assert speaker.call("PUBLISH", "x", "never") == 1
    assert speaker.ok("SQL", "ROLLBACK") == "OK"
    assert listener.call("PING") == [b"pong", b""]
    # One that the transaction could not keep.
    assert speaker.ok("SET", "k", "1") == "OK" and speaker.ok("SQL", "BEGIN") == "OK" and speaker.ok("GET", "k") == b"1"
    assert server.connect().ok("SET", "k", "2") == "OK"
    assert speaker.ok("SET", "other", "1") == "OK" and speaker.call("PUBLISH", "x", "never") == 1
    assert isinstance(speaker.call("SQL", "COMMIT"), ReplyError)
    assert listener.call("PING") == [b"pong", b""]


def limits(server):
    """A subscriber that does not read is closed; others get everything."""
    speaker = server.connect()
    speaker.ok("CONFIG", "SET", "client-output-buffer-limit", "pubsub 4mb 0 0")
    deaf, awake = server.connect(), server.connect()
    deaf.ok("SUBSCRIBE", "x")
    awake.ok("SUBSCRIBE", "x")
    message = b"m" * 100_000
    sent = 0
    while sent < 1000:
        receivers = speaker.ok("PUBLISH", "x", message)
        assert awake.read() == [b"message", b"x", message]
        sent += 1
        if receivers == 1:
            break
    assert receivers == 1, "the one that does not read was not closed"
    got = deaf.read_to_end()
    assert len(got) < sent * 100_100
    # A soft limit takes its seconds, and none for one that reads again.
    speaker.ok("CONFIG", "SET", "client-output-buffer-limit", "pubsub 0 1mb 1")
    deaf = server.connect()
    deaf.ok("SUBSCRIBE", "y")
    while speaker.ok("PUBLISH", "y", message) == 1:
        pass
    # Answers of others are held against their own class.
    speaker.ok("CONFIG", "SET", "client-output-buffer-limit", "normal 1mb 0 0 pubsub 32mb 8mb 60")
    greedy = server.connect()
    number = greedy.ok("CLIENT", "ID")
    speaker.ok("SET", "large", b"v" * 1_000_000)
    greedy.send(Connection.encode("GET", "large") * 64)
    while f"id={number} ".encode() in speaker.ok("CLIENT", "LIST"):
        pass
    assert len(greedy.read_to_end()) < 64 * 1_000_000
    speaker.ok("CONFIG", "SET", "client-output-buffer-limit", "normal 0 0 0")
    for reply in (speaker.ok("PING"), awake.call("PING")):
        assert reply in ("PONG", [b"pong", b""])


def killed(server):
    speaker, listener, other = server.connect(), server.connect(), server.connect()
    listener.ok("SUBSCRIBE", "x")
    assert speaker.ok("CLIENT", "KILL", "TYPE", "pubsub") >= 1
    assert listener.read_to_end() == b""
    assert other.ok("PING") == "PONG"
    for _ in range(500):  # its end is noticed in its own time
        if speaker.ok("PUBLISH", "x", "m") == 0:
            break
    assert speaker.ok("PUBSUB", "NUMSUB", "x") == [b"x", 0]


def many_channels(server):
    """More than a loop does in one go: a worker does it."""
    client, speaker = server.connect(), server.connect()
    names = [f"many:{number}" for number in range(3000)]
    client.send(Connection.encode("SUBSCRIBE", *names))
    for number, name in enumerate(names):
        assert client.read() == [b"subscribe", name.encode(), number + 1]
    assert len(speaker.ok("PUBSUB", "CHANNELS", "many:*")) == len(names)
    assert speaker.ok("PUBLISH", names[-1], "m") == 1
    assert client.read() == [b"message", names[-1].encode(), b"m"]
    client.send(Connection.encode("UNSUBSCRIBE"))
    assert {bytes(client.read()[1]).decode() for _ in names} == set(names)
    client.send(Connection.encode("SUBSCRIBE", *names))
    for _ in names:
        client.read()
    client.close()
    for _ in range(2000):
        if speaker.ok("PUBSUB", "NUMSUB", names[0]) == [names[0].encode(), 0]:
            return
    raise AssertionError("a client that hung up still subscribes")


def many_listeners(server):
    """More listeners than a loop tells itself; all of them get all, in order."""
    speakers = [server.connect() for _ in range(2)]
    listeners = [server.connect() for _ in range(700)]
    for listener in listeners:
        listener.ok("SUBSCRIBE", "crowd")
    for number in range(5):
        for speaker in speakers:
            speaker.send(Connection.encode("PUBLISH", "crowd", number) + Connection.encode("PING"))
    for speaker in speakers:
        for _ in range(5):
            assert speaker.read() == len(listeners) and speaker.read() == "PONG"
    order = [listeners[0].read()[2] for _ in range(10)]
    assert sorted(order) == sorted([b"0", b"1", b"2", b"3", b"4"] * 2)
    for listener in listeners[1:]:
        assert [listener.read()[2] for _ in range(10)] == order
    for client in listeners + speakers:
        client.close()


def fences(server):
    """Behind what its publisher has committed: with a directory a message comes out as surely as the answer."""
    listener, speaker = server.connect(), server.connect()
    listener.ok("SUBSCRIBE", "x")
    for number in range(50):
        speaker.send(Connection.encode("SET", "k", number) + Connection.encode("PUBLISH", "x", number))
        assert listener.read() == [b"message", b"x", str(number).encode()]
        assert speaker.read() == "OK" and speaker.read() == 1


def redis_py(server):
    try:
        import redis
    except ImportError:
        return
    client = redis.Redis(port=server.port, decode_responses=True)
    with client.pubsub() as listener:
        heard = []
        listener.subscribe("news", **{"called": heard.append})
        listener.psubscribe("n?ws")
        for _ in range(3):
            assert listener.get_message(timeout=30)["type"] in ("subscribe", "psubscribe")
        assert client.publish("news", "one") == 2 and client.publish("called", "two") == 1
        got = [listener.get_message(timeout=30) for _ in range(2)]
        assert [each["type"] for each in got] == ["message", "pmessage"] and {each["data"] for each in got} == {"one"}
        assert listener.get_message(timeout=30) is None and heard[0]["data"] == "two"
        listener.ping()
        assert listener.get_message(timeout=30)["type"] == "pong"
        listener.unsubscribe()
        listener.punsubscribe()
        assert {listener.get_message(timeout=30)["type"] for _ in range(3)} == {"unsubscribe", "punsubscribe"}
    with client.monitor() as monitor:
        client.set("seen", "x")
        assert monitor.next_command()["command"] == "SET seen x"


def redis_cli(server):
    if shutil.which("redis-cli") is None:
        return
    for words, first, said in ((["SUBSCRIBE", "x"], b"subscribe", b"message"), (["MONITOR"], b"OK", b'"PUBLISH" "x" "hello"')):
        client = subprocess.Popen(["redis-cli", "-p", str(server.port), *words], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
        try:
            line = b""
            while first not in line:
                line = client.stdout.readline()
            speaker = server.connect()
            while words[0] == "SUBSCRIBE" and speaker.ok("PUBSUB", "NUMSUB", "x") != [b"x", 1]:
                pass
            speaker.ok("PUBLISH", "x", "hello")
            while said not in line:
                line = client.stdout.readline()
                assert line, "redis-cli has ended"
        finally:
            client.send_signal(signal.SIGTERM)
            client.wait(60)


def shell(server):
    """`trefoil` shows its own messages behind each statement, `trefoil connect` shows what comes until it is stopped."""
    done = subprocess.run([PROGRAM, "--mode", "raw"], input="SUBSCRIBE x y\nPUBLISH x hello\nUNSUBSCRIBE\nPING\n", text=True,
                          capture_output=True, timeout=60)
    assert done.stdout.split() == ("subscribe x 1 subscribe y 2 1 message x hello unsubscribe x 1 unsubscribe y 0 PONG").split(), done
    client = subprocess.Popen([PROGRAM, "connect", f"redis://127.0.0.1:{server.port}", "--mode", "raw"], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE)
    try:
        client.stdin.write(b"SUBSCRIBE x y\n")
        client.stdin.flush()
        assert [client.stdout.readline().strip() for _ in range(6)] == b"subscribe x 1 subscribe y 2".split()
        server.connect().ok("PUBLISH", "y", "hello")
        assert [client.stdout.readline().strip() for _ in range(3)] == b"message y hello".split()
    finally:
        client.send_signal(signal.SIGTERM)
        client.wait(60)


def idle(server):
    """`timeout` is not for those who listen."""
    speaker, listener, silent = server.connect(), server.connect(), server.connect()
    listener.ok("SUBSCRIBE", "x")
    speaker.ok("CONFIG", "SET", "timeout", "1")
    assert silent.read_to_end() == b""  # its second is over
    waker = server.connect()
    assert waker.ok("PUBLISH", "x", "still there") == 1
    waker.ok("CONFIG", "SET", "timeout", "0")
    assert listener.read() == [b"message", b"x", b"still there"]


def main():
    with Server() as server:
        if shutil.which("redis-server") is not None:
            like_redis(server)
        for check in (own_exec, blocks, killed, many_channels, many_listeners, redis_py, redis_cli, shell, idle, limits):
            check(server)
    import tempfile
    for policy in ("always", "everysec"):
        with tempfile.TemporaryDirectory() as directory, Server("--appendfsync", policy, directory=directory) as server:
            fences(server)
            blocks(server)


main()
