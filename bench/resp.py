"""What the Python programs of bench/ share: a server as a child process, and a small pipelining RESP2 client."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time

# PINNED=1 (as root): servers go first on processor 0 and everything else has the others, so that what a client waits for is the
# server, not the processor.
PINNED = os.environ.get("PINNED") == "1"
TREFOIL = os.environ.get("TREFOIL", os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "build", "release", "trefoil"))


def need_programs():
    for program in (TREFOIL, "redis-server"):
        if not shutil.which(program):
            sys.exit(f"{program} is not there (build it with scripts/build; scripts/deps --bench installs redis-server)")


def pin_clients():
    """This process and those that it starts from now on."""
    if PINNED:
        os.sched_setaffinity(0, os.sched_getaffinity(0) - {0})


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Client:
    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=120)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.file = self.socket.makefile("rb", buffering=1 << 16)

    def __call__(self, *words):
        self.send([words])
        return self.receive()

    def send(self, commands):
        self.socket.sendall(b"".join(encode(words) for words in commands))

    def receive(self):
        line = self.file.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionError("closed")
        kind, rest = line[:1], line[1:-2]
        if kind == b"-":
            raise RuntimeError(rest.decode())
        if kind == b"$":
            return None if rest == b"-1" else self.file.read(int(rest) + 2)[:-2]
        if kind == b"*":
            return None if rest == b"-1" else [self.receive() for _ in range(int(rest))]
        return int(rest) if kind == b":" else rest

    def pipeline(self, commands, depth=1000):
        """All commands, `depth` at a time; replies are read and dropped, errors raise."""
        batch = []
        for words in commands:
            batch.append(words)
            if len(batch) == depth:
                self.send(batch)
                for _ in batch:
                    self.receive()
                batch.clear()
        self.send(batch)
        for _ in batch:
            self.receive()


def encode(words):
    parts = [b"*%d\r\n" % len(words)]
    for word in words:
        data = word if isinstance(word, bytes) else str(word).encode()
        parts.append(b"$%d\r\n%s\r\n" % (len(data), data))
    return b"".join(parts)


class Server:
    """Started and ready: `ready_seconds` is the time from exec to the first answer that is not an error (-LOADING)."""

    def __init__(self, name, directory, *options):
        self.name, self.port = name, free_port()
        if name == "trefoil":
            command = [TREFOIL, "serve", *([directory] if directory else []), "--port", str(self.port), *options]
        else:
            os.makedirs(directory, exist_ok=True)
            command = ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--dir", directory, "--save", "",
                       "--appendonly", "yes", *options]
        if PINNED:
            command = ["nice", "-n", "-20", "taskset", "-c", "0", *command]
        begin = time.perf_counter()
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while True:
            try:
                Client(self.port)("DBSIZE")
                break
            except (OSError, RuntimeError):
                if self.process.poll() is not None:
                    sys.exit(f"{name} ended with {self.process.returncode}")
                time.sleep(0.001)
        self.ready_seconds = time.perf_counter() - begin

    def cpu_seconds(self):
        """User and system, of all threads."""
        with open(f"/proc/{self.process.pid}/stat", encoding="ascii") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=120)

    def kill(self):
        self.process.kill()
        self.process.wait()


def median(values):
    return sorted(values)[len(values) // 2]
