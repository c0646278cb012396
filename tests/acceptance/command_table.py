#!/usr/bin/python3
"""COMMAND and its subcommands, in RESP2 and RESP3, about every command that both Trefoil and a real redis-server have: the same
answers, type for type. Also the errors about subcommands and numbers of arguments.

Meant to differ:
  * commands and subcommands that only one of the two has (SQL, SEARCH, CHECKPOINT, USE, CLIENT ATTRIBUTES …);
  * what Redis has learned since 7.0, which Debian 12 has, and Trefoil has, too: NEWER;
  * DOCS: `summary`, `complexity`, `history` (its versions are Redis's) and `notes` of key specifications are in Trefoil's words,
    `since` is its version; what Redis calls deprecated since when is left out, so is `since` of arguments; MONITOR has a complexity;
  * the texts of HELP are Trefoil's, their form is Redis's.

Skipped where redis-server is not installed.
"""
import os
import re
import shlex
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from redis_server import Redis, Tagged  # noqa: E402
from trefoil import Server, skip  # noqa: E402

# Options and numbers of arguments that 7.2 has and 7.0 has not.
NEWER = {"zrank", "zrevrank", "client|kill", "command|getkeys", "command|getkeysandflags"}

CALLS = """
    GET a | GET | GET a b | SET a b | SET a b GET | SET a b get EX 1 | SET a | MGET a b c | MSET a b c d | MSET a b c | MSETNX a 1 b 2
    DEL a b | UNLINK a | COPY a b | COPY a b DB 1 REPLACE | RENAME a b | SMOVE a b c | LMOVE a b LEFT RIGHT | RPOPLPUSH a b
    SDIFFSTORE d a b | SINTERSTORE d a | SUNIONSTORE d | ZADD z 1 a | ZADD z | OBJECT ENCODING k | object encoding k | OBJECT NOSUCH k | OBJECT FREQ k | MEMORY USAGE k | MEMORY STATS
    OBJECT HELP | OBJECT ENCODING | WATCH a b | PING a | KEYS a | NOSUCH x | CLIENT KILL x | CLIENT NOSUCH x | CONFIG GET x
    COMMAND COUNT | COMMAND NOSUCH x | SCAN 0 x | FLUSHALL x | EXEC x | EXPIRE k 1 NX | TOUCH a b c | EXISTS a a | GETEX k PERSIST
    HSET h f v | HSET h | PSETEX k 1 v | GETDEL k | INCRBY k 1 | APPEND k v | SETRANGE k 0 v | LPOP k | LREM k 1 v | SPOP s | SPOP s 2
""".replace("\n", " | ")

OTHERS = r"""
    COMMAND LIST FILTERBY | COMMAND LIST FILTERBY ACLCAT | COMMAND LIST FILTERBY NOSUCH x | COMMAND LIST x | COMMAND LIST x y z
    COMMAND LIST FILTERBY ACLCAT nosuch | COMMAND LIST FILTERBY MODULE x | COMMAND LIST FILTERBY PATTERN nosuch* | COMMAND list filterby module x y
    COMMAND LIST FILTERBY PATTERN CLIENT|GETN* | command list filterby PATTERN hge[tx]
    COMMAND LIST FILTERBY PATTERN x FILTERBY PATTERN y
    COMMAND INFO nosuch | COMMAND INFO get nosuch GET | COMMAND INFO client|nosuch | COMMAND INFO get| | COMMAND INFO |get | COMMAND INFO config|GET
    COMMAND INFO get|x | COMMAND INFO object|encoding object|help | COMMAND INFO '' | COMMAND INFO 'client id'
    COMMAND DOCS nosuch | COMMAND DOCS nosuch nosuch | COMMAND NOSUCH | COMMAND NOSUCH x y | COMMAND COUNT x | COMMAND HELP x | command|info get
    CLIENT | CLIENT NOSUCH | CLIENT id x | CLIENT NO-EVICT | CLIENT SETNAME | CLIENT HELP x | CLIENT '' | CLIENT CLIENT|ID | CLIENT KILL
    CONFIG | CONFIG NOSUCH | CONFIG GET | CONFIG SET | CONFIG SET x | CONFIG HELP x | OBJECT | OBJECT ENCODING | OBJECT ENCODING a b | OBJECT x
    OBJECT HELP x | COMMAND GETKEYS | COMMAND GETKEYSANDFLAGS | client|id | CONFIG|GET x
    MULTI | CLIENT NOSUCH | EXEC | MULTI | OBJECT ENCODING | EXEC | MULTI | CONFIG GET | EXEC | MULTI | COMMAND COUNT x | EXEC
""".strip().replace("\n", " | ")


def words_of(text):
    for line in text.split(" | "):
        if line.strip():
            yield shlex.split(line)


def table(reply):
    """A map, or RESP2's array of its names and values, as a dict."""
    kind, value = reply
    pairs = value if kind == "%" else zip(value[::2], value[1::2])
    return {name[1].decode(): answer for name, answer in pairs}


def unordered(reply):
    """Of sets, all the way down: their order is each server's own."""
    kind, value = reply
    return kind, sorted(map(unordered, value), key=repr) if isinstance(value, list) and kind != "%" else value


class Comparison:
    def __init__(self, trefoil, redis, protocol):
        self.ours, self.theirs = Tagged(("127.0.0.1", trefoil.port)), Tagged(redis.address)
        self.differences = []
        self.where = f"RESP{protocol}"
        for connection in (self.ours, self.theirs):
            connection.call("HELLO", protocol)

    def both(self, *words):
        return self.ours.call(*words), self.theirs.call(*words)

    def same(self, what, ours, theirs):
        if ours != theirs:
            self.differences.append(f"{self.where} {what}\n  trefoil: {ours}\n  redis:   {theirs}")

    def names(self):
        """Of commands, or "command|subcommand", that both have."""
        ours, theirs = self.both("COMMAND", "LIST")
        self.same("COMMAND LIST's type", ours[0], theirs[0])
        return {name[1].decode() for name in ours[1]} & {name[1].decode() for name in theirs[1]}

    def info(self, what, ours, theirs):
        self.same(f"{what}: number of fields", (ours[0], len(ours[1])), (theirs[0], len(theirs[1])))
        fields = ["name", "arity", "flags", "first key", "last key", "step", "categories", "tips"]
        for field, our, their in zip(fields, ours[1], theirs[1]):
            if field != "arity" or what not in NEWER:
                self.same(f"{what}: {field}", unordered(our), unordered(their))
        specs = [(reply[0], [self.key_spec(spec) for spec in reply[1]]) for reply in (ours[1][8], theirs[1][8])]
        self.same(f"{what}: key specifications", *specs)
        self.same(f"{what}: type of subcommands", ours[1][9][0], theirs[1][9][0])
        our_subcommands, their_subcommands = ({reply[1][0][1].decode(): reply for reply in side[1][9][1]} for side in (ours, theirs))
        for name in our_subcommands.keys() & their_subcommands.keys():
            self.info(name, our_subcommands[name], their_subcommands[name])

    @staticmethod
    def key_spec(reply):
        kind, spec = reply[0], table(reply)
        if "notes" in spec:
            spec["notes"] = spec["notes"][0]
        spec["flags"] = unordered(spec["flags"])
        return kind, sorted(spec.items())

    def docs(self, what, ours, theirs):
        self.same(f"{what}: type of DOCS", ours[0], theirs[0])
        ours, theirs = table(ours), table(theirs)
        texts = [name for name in ("summary", "since", "complexity") if name in theirs]
        self.same(f"{what}: types of texts", [ours[n][0] for n in texts], [theirs[n][0] for n in texts])
        self.same(f"{what}: history", *(self.history(side.get("history")) for side in (ours, theirs)))
        known = [[name for name in side if name in ours and name in theirs] for side in (ours, theirs)]
        self.same(f"{what}: order of fields", *known)
        self.same(f"{what}: group", ours["group"], theirs["group"])
        if what not in NEWER:
            self.same(f"{what}: arguments", *(self.arguments(side.get("arguments")) for side in (ours, theirs)))
        self.same(f"{what}: has subcommands", "subcommands" in ours, "subcommands" in theirs)
        if "subcommands" in ours:
            self.same(f"{what}: type of subcommands", ours["subcommands"][0], theirs["subcommands"][0])
            our_subcommands, their_subcommands = table(ours["subcommands"]), table(theirs["subcommands"])
            for name in our_subcommands.keys() & their_subcommands.keys():
                self.docs(name, our_subcommands[name], their_subcommands[name])

    @staticmethod
    def history(reply):
        """Without the words."""
        return reply and (reply[0], [(kind, version, text[0]) for kind, (version, text) in reply[1]])

    def arguments(self, reply):
        if reply is None:
            return None
        kind, arguments = reply
        described = []
        for argument in arguments:
            fields = table(argument)
            for name in ("since", "deprecated_since", "summary", "display_text"):
                fields.pop(name, None)
            if "flags" in fields:
                fields["flags"] = unordered(fields["flags"])
            if "arguments" in fields:
                fields["arguments"] = self.arguments(fields["arguments"])
            described.append((argument[0], sorted(fields.items())))
        return kind, described

    def lists(self, names):
        categories = [word[1].decode() for word in self.theirs.call("ACL", "CAT")[1]]
        for words in [*(["ACLCAT", name] for name in categories), ["ACLCAT", "DANGEROUS"], ["PATTERN", "*"], ["PATTERN", "*GET*"],
                      ["PATTERN", "client|*"], ["PATTERN", "[a-c]*"], ["MODULE", "x"]]:
            ours, theirs = ((kind, {word[1].decode() for word in found} & names)
                            for kind, found in self.both("COMMAND", "LIST", "FILTERBY", *words))
            self.same(f"COMMAND LIST FILTERBY {words}", ours, theirs)

    def help(self, name):
        ours, theirs = self.both(name, "HELP")
        for who, (kind, lines) in (("trefoil", ours), ("redis", theirs)):
            texts = [text.decode() for _, text in lines]
            form = (kind, {kind for kind, _ in lines}, texts[0], texts[-2:], all(re.match("[A-Z( ]", text) for text in texts))
            expected = ("*", {"+"}, f"{name} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:", ["HELP", "    Prints this help."],
                        True)
            self.same(f"{name} HELP of {who}", form, expected)
        subcommands = {name for name in (line[1].decode().split()[0] for line in ours[1][1:] if not line[1].startswith(b" ")) if name != "(no"}
        info = self.ours.call("COMMAND", "INFO", name)[1][0][1][9][1]
        self.same(f"{name} HELP is complete", subcommands, {row[1][0][1].decode().split("|")[1].upper() for row in info})

    def run(self):
        names = self.names()
        whole = sorted(name for name in names if "|" not in name)
        assert len(whole) > 100 and len(names) > len(whole) + 15, names
        for name, ours, theirs in zip(whole, *(side[1] for side in self.both("COMMAND", "INFO", *whole))):
            self.info(name, ours, theirs)
        for name in sorted(names):
            ours, theirs = self.both("COMMAND", "DOCS", name)
            self.same(f"{name}: type of DOCS's answer", ours[0], theirs[0])
            self.docs(name, table(ours)[name], table(theirs)[name])
        for words in words_of(CALLS):
            for subcommand in ("GETKEYS", "GETKEYSANDFLAGS"):
                if len(words) > 1:  # 7.0 refuses less
                    ours, theirs = self.both("COMMAND", subcommand, *words)
                    self.same(f"COMMAND {subcommand} {words}", ours, theirs)
        for words in words_of(OTHERS):
            ours, theirs = self.both(*words)
            self.same(words, unordered(ours), unordered(theirs))
        self.lists(names)
        for name in ("CLIENT", "COMMAND", "CONFIG", "MEMORY", "OBJECT"):
            self.help(name)
        everything = self.ours.call("COMMAND")
        self.same("COMMAND INFO without names", self.ours.call("COMMAND", "INFO"), everything)
        self.same("COMMAND COUNT", self.ours.call("COMMAND", "COUNT"), (":", str(len(everything[1])).encode()))
        self.same("COMMAND DOCS has all", len(table(self.ours.call("COMMAND", "DOCS"))), len(everything[1]))
        return len(names)


def main():
    if shutil.which("redis-server") is None:
        skip("redis-server is not installed")
    with Server("--threads", "1") as trefoil, Redis() as redis:
        comparisons = [Comparison(trefoil, redis, protocol) for protocol in (2, 3)]
        compared = [comparison.run() for comparison in comparisons]
    differences = [difference for comparison in comparisons for difference in comparison.differences]
    if differences:
        print("\n".join(differences))
        sys.exit(f"{len(differences)} differences")
    print(f"{compared[0]} commands and subcommands, the same answers")


main()
