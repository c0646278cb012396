"""A real redis-server beside ours, and connections that read replies with their types."""
import os
import shutil
import socket
import subprocess
import tempfile
import time

from trefoil import Connection


class Tagged(Connection):
    """Replies with their types: ('+', 'OK'), ('$', b'value'), ('*', [...]), ('_', None) ..."""

    def __init__(self, address):
        family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        self.socket.settimeout(60)
        self.socket.connect(address)
        self.file = self.socket.makefile("rb")

    def read(self):
        line = self.file.readline()
        if not line.endswith(b"\r\n"):
            raise EOFError(line)
        kind, rest = line[:1].decode(), line[1:-2]
        if kind in "$=" and rest != b"-1":
            return kind, self.file.read(int(rest) + 2)[:-2]
        if kind in "*~>" and rest != b"-1":
            return kind, [self.read() for _ in range(int(rest))]
        if kind == "%":
            return kind, [(self.read(), self.read()) for _ in range(int(rest))]
        return kind, rest


class Redis:
    """A redis-server of our own, on a socket in a directory of its own."""

    def __enter__(self):
        self.directory = tempfile.mkdtemp(prefix="trefoil-redis-")
        self.address = os.path.join(self.directory, "socket")
        command = ["redis-server", "--port", "0", "--unixsocket", self.address, "--save", "", "--appendonly", "no", "--dir",
                   self.directory, "--loglevel", "warning"]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(500):
            try:
                Tagged(self.address).socket.close()  # its path is there before it listens
                return self
            except (FileNotFoundError, ConnectionRefusedError):
                time.sleep(0.01)
        raise RuntimeError("redis-server did not start")

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(60)
        shutil.rmtree(self.directory, ignore_errors=True)
