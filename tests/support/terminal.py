"""The program on a pseudo-terminal, for tests of what people see and type."""
import fcntl
import os
import pty
import re
import select
import struct
import termios
import time

from trefoil import PATIENCE, PROGRAM

# What a terminal would swallow: colours, cursor movements, carriage returns.
CONTROL = re.compile(rb"\x1b\[[0-9;?]*[A-Za-z]|\x1b[()][A-B0-2]|\x1b[=>]|\r|\x07|\x08")


class Shell:
    def __init__(self, *arguments, home, columns=80):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ.update(HOME=home, TERM="xterm", LC_ALL="C.UTF-8")
            os.execv(PROGRAM, [PROGRAM, *arguments])
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
        self.seen = b""  # as a reader sees it
        self.raw = b""

    def expect(self, text, since=0):
        """Reads until `text` has appeared behind position `since` of what was seen; returns what is behind `since`."""
        end = time.monotonic() + PATIENCE
        while text.encode() not in self.seen[since:]:
            if time.monotonic() > end:
                raise AssertionError(f"{text!r} did not come:\n{self.seen[since:].decode(errors='replace')}")
            if select.select([self.fd], [], [], 0.2)[0]:
                try:
                    data = os.read(self.fd, 65536)
                except OSError:
                    data = b""
                if not data:
                    raise AssertionError(f"{text!r} did not come before the end:\n{self.seen[since:].decode(errors='replace')}")
                self.raw += data
                self.seen += CONTROL.sub(b"", data)
        return self.seen[since:].decode(errors="replace")

    def type(self, text, until="trefoil> "):
        """Types, and returns everything up to the next prompt."""
        since = len(self.seen)
        os.write(self.fd, text.encode())
        return self.expect(until, since)

    def end(self):
        try:
            while True:
                os.write(self.fd, b"\x04")  # again and again: one that comes before the prompt is lost
                while select.select([self.fd], [], [], 1)[0]:
                    if not os.read(self.fd, 65536):
                        raise EOFError
        except (OSError, EOFError):
            pass
        _, status = os.waitpid(self.pid, 0)
        os.close(self.fd)
        return os.waitstatus_to_exitcode(status)


def has_terminals():
    """A bare root without /dev/pts has none."""
    try:
        for fd in pty.openpty():
            os.close(fd)
        return True
    except OSError:
        return False
