"""Running the built program from tests: servers, raw connections, scripts.

The program is $TREFOIL. Every test picks no port itself: `serve --port 0` says in its log which one the system chose.
"""
import atexit
import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import warnings

PROGRAM = os.environ.get("TREFOIL") or sys.exit("TREFOIL is not set: the path of the program to test")
# Sanitizer builds are several times slower; every wait is generous, and a test that hangs fails in its own time.
PATIENCE = 60
# Tests drop connections on purpose, and leave closing them to the end of the process.
warnings.simplefilter("ignore", ResourceWarning)


def skip(reason):
    print(f"SKIP: {reason}")
    sys.exit(77)


def free_port():
    """For a server that does not say which one the system chose."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """A running `trefoil serve`. As a context manager it is stopped at the end, and must then exit with 0."""

    def __init__(self, *options, directory=None, env=None, check_exit=True, wrapper=(), port=0):
        """`wrapper`: words before the program's name, of a command that turns into it."""
        command = [*wrapper, PROGRAM, "serve", *([directory] if directory else []), "--port", str(port), *options]
        self.check_exit = check_exit
        self.log = []
        self.port = None
        self.reader = None
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env={**os.environ, **(env or {})})
        atexit.register(self._bury)
        for line in self.process.stderr:
            self.log.append(line)
            found = re.search(r"Ready to accept connections on \S*:(\d+)", line)
            if found:
                self.port = int(found.group(1))
                break
        if self.port is None:
            raise RuntimeError("the server did not start:\n" + "".join(self.log))
        self.reader = threading.Thread(target=self._drain, daemon=True)
        self.reader.start()

    def _bury(self):
        """A test that fails leaves no server behind, and says what one that died on its own account had to say."""
        try:
            code = self.process.wait(1)  # perhaps it is still saying what it died of
        except subprocess.TimeoutExpired:
            self.process.kill()
            return
        if self.reader is not None and code not in (0, -signal.SIGKILL, -signal.SIGTERM):
            self.reader.join(PATIENCE)
            print(f"a server has ended with {code}:\n" + "".join(self.log[-150:]), file=sys.stderr)

    def _drain(self):
        for line in self.process.stderr:
            self.log.append(line)

    def connect(self):
        return Connection(self.port)

    def rss_kib(self):
        with open(f"/proc/{self.process.pid}/status") as status:
            return int(re.search(r"VmRSS:\s+(\d+)", status.read()).group(1))

    def alive(self):
        return self.process.poll() is None

    def stop(self, how=signal.SIGTERM):
        if self.alive():
            self.process.send_signal(how)
        code = self.process.wait(PATIENCE)
        self._read_log()
        return code

    def kill(self):
        self.process.kill()
        self.process.wait(PATIENCE)
        self._read_log()

    def _read_log(self):
        """To its end; what a sanitizer has found is a failure however the server has ended."""
        self.reader.join(PATIENCE)
        for number, line in enumerate(self.log):
            assert "Sanitizer" not in line and "runtime error:" not in line, "".join(self.log[number:number + 100])

    def __enter__(self):
        return self

    def __exit__(self, kind, *rest):
        code = self.stop()
        if kind is None and self.check_exit:
            assert code == 0, f"exit code {code}\n" + "".join(self.log[-40:])


class ReplyError(Exception):
    pass


class Connection:
    """A raw RESP connection: bytes out, replies in as Python values. Error replies are returned, not raised, unless asked."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), PATIENCE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.file = self.socket.makefile("rb")

    def send(self, data):
        self.socket.sendall(data)

    @staticmethod
    def encode(*arguments):
        out = [b"*%d\r\n" % len(arguments)]
        for argument in arguments:
            if not isinstance(argument, bytes):
                argument = str(argument).encode()
            out.append(b"$%d\r\n%s\r\n" % (len(argument), argument))
        return b"".join(out)

    def read(self):
        line = self.file.readline()
        if not line.endswith(b"\r\n"):
            raise EOFError(line)
        kind, rest = line[:1], line[1:-2]
        if kind == b"+":
            return rest.decode(errors="backslashreplace")
        if kind == b"-":
            return ReplyError(rest.decode(errors="backslashreplace"))
        if kind == b":":
            return int(rest)
        if kind in b"$=":
            size = int(rest)
            if size < 0:
                return None
            data = self.file.read(size + 2)
            if len(data) < size + 2:
                raise EOFError(data)
            return data[4:-2] if kind == b"=" else data[:-2]
        if kind in b"*~>":
            return None if int(rest) < 0 else [self.read() for _ in range(int(rest))]
        if kind == b"%":
            return {self._key(self.read()): self.read() for _ in range(int(rest))}
        if kind == b"_":
            return None
        if kind == b"#":
            return rest == b"t"
        if kind == b",":
            return float(rest)
        raise AssertionError(f"no RESP: {line!r}")

    @staticmethod
    def _key(value):
        return tuple(value) if isinstance(value, list) else value

    def call(self, *arguments):
        self.send(self.encode(*arguments))
        return self.read()

    def ok(self, *arguments):
        """call(), with an error reply as an exception."""
        reply = self.call(*arguments)
        if isinstance(reply, ReplyError):
            raise reply
        return reply

    def read_to_end(self):
        try:
            return self.file.read()
        except ConnectionResetError:
            return b""

    def half_close(self):
        self.socket.shutdown(socket.SHUT_WR)

    def close(self):
        self.file.close()
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Directory:
    """A temporary data directory."""

    def __enter__(self):
        self.path = tempfile.mkdtemp(prefix="trefoil-test-")
        return self.path

    def __exit__(self, *_):
        shutil.rmtree(self.path, ignore_errors=True)


def run(script=None, *arguments, timeout=PATIENCE, stdout=subprocess.PIPE):
    """Runs the program with `script` on standard input. Returns (exit code, stdout, stderr)."""
    done = subprocess.run([PROGRAM, *arguments], input=script, stdout=stdout, stderr=subprocess.PIPE, text=True,
                          errors="backslashreplace", timeout=timeout,
                          stdin=subprocess.DEVNULL if script is None else None)
    return done.returncode, done.stdout, done.stderr


def allow_many_files(count):
    """Raises this process's limit of open files; False if the system does not let us."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < count:
        if hard != resource.RLIM_INFINITY and hard < count:
            return False
        resource.setrlimit(resource.RLIMIT_NOFILE, (count, hard))
    return True
