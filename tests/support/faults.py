"""Faults from outside the program: faults.c, preloaded, makes calls fail and keeps a journal of all changes to the data directory,
from which PowerCut builds what a machine without power would have on its disk."""
import os
import re
import shutil
import struct
import subprocess
import tempfile

from trefoil import PROGRAM

_library = None


def library():
    """The path of the compiled faults.c; None where there is no C compiler."""
    global _library
    if _library is None:
        compiler = next((found for name in (os.environ.get("CC", "cc"), "cc", "gcc", "clang") if (found := shutil.which(name))), None)
        if compiler is None:
            return None
        directory = tempfile.mkdtemp(prefix="trefoil-faults-")
        _library = os.path.join(directory, "faults.so")
        source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "faults.c")
        subprocess.run([compiler, "-O1", "-Wall", "-shared", "-fPIC", "-o", _library, source, "-lpthread"], check=True)
    return _library


def _sanitizers():
    """The runtimes of a sanitized program: they want to be loaded before any other library, and then call ours."""
    listed = subprocess.run(["ldd", PROGRAM], capture_output=True, text=True, check=True).stdout
    return re.findall(r"=> (\S*/lib[at]san\.so\S*)", listed)


def environment(directory, fault=None, journal=None, count=None, only_while=None):
    """For the server's process: `fault` as faults.c describes it."""
    env = {"LD_PRELOAD": " ".join([*_sanitizers(), library()]), "FAULT_DIR": directory}
    for name, value in (("FAULT", fault), ("FAULT_WHILE", only_while), ("FAULT_JOURNAL", journal), ("FAULT_COUNT", count)):
        if value is not None:
            env[name] = value
    return env


class _File:
    def __init__(self, content=b""):
        self.durable = bytearray(content)
        self.pending = []  # (offset, data) or (size, None) for a truncation, since the last sync

    def current(self):
        content = bytearray(self.durable)
        for change in self.pending:
            _apply(content, *change)
        return content


def _apply(content, offset, data):
    if data is None:
        del content[offset:]
        content.extend(b"\0" * (offset - len(content)))
        return
    if len(content) < offset:
        content.extend(b"\0" * (offset - len(content)))
    content[offset:offset + len(data)] = data


class PowerCut:
    """Follows the journal of one run that began on the directory's present content, which counts as safely on disk.

    The strictest reading of POSIX: bytes are safe after fdatasync of their file, names after fsync of the directory."""
    BLOCK = 512

    def __init__(self, directory):
        self.directory = directory
        self.files = {}
        for name in os.listdir(directory):
            with open(os.path.join(directory, name), "rb") as file:
                self.files[name] = _File(file.read())
        self.names = dict(self.files)  # durable; self.files is what the running system sees
        self.name_changes = []
        self.open = {}

    def follow(self, journal):
        with open(journal, "rb") as file:
            data = file.read()
        head = struct.Struct("=BiqII")
        at = 0
        while at + head.size <= len(data):
            kind, fd, offset, name_size, size = head.unpack_from(data, at)
            at += head.size
            if at + name_size + size > len(data):
                break
            name = data[at:at + name_size].decode()
            at += name_size
            self._step(chr(kind), fd, offset, name, data[at:at + size])
            at += size

    def _step(self, kind, fd, offset, name, data):
        base = os.path.basename(name)
        if kind in "oO":
            if name == self.directory or name == self.directory + "/":
                self.open[fd] = self
                return
            if base not in self.files:
                self._rename(base, _File())
            self.open[fd] = self.files[base]
            if kind == "O":
                self.files[base].pending.append((0, None))
        elif kind == "w":
            self.open[fd].pending.append((offset, data))
        elif kind == "t":
            self.open[fd].pending.append((offset, None))
        elif kind == "s":
            what = self.open[fd]
            if what is self:
                self.names = dict(self.files)
                self.name_changes = []
            else:
                what.durable = what.current()
                what.pending = []
        elif kind == "f":
            # A failed sync marks the pages clean all the same: what was pending never gets to the disk, and no later sync says so.
            if self.open[fd] is not self:
                self.open[fd].pending = []
        elif kind == "r":
            moved = self.files[base]
            self._rename(base, None)
            self._rename(os.path.basename(data.decode()), moved)
            # A rename happens as a whole or not at all.
            self.name_changes[-2:] = [self.name_changes[-2] + self.name_changes[-1]]
        elif kind == "u":
            self._rename(base, None)

    def _rename(self, name, file):
        if file is None:
            self.files.pop(name, None)
        else:
            self.files[name] = file
        self.name_changes.append([(name, file)])

    def write(self, directory, rng=None):
        """The directory after the cut: nothing of what was not synced (rng None), or a random part of it, torn between blocks."""
        shutil.rmtree(directory, ignore_errors=True)
        os.makedirs(directory)
        names = dict(self.names)
        if rng is not None:
            for change in self.name_changes[:rng.randint(0, len(self.name_changes))]:
                for name, file in change:
                    if file is None:
                        names.pop(name, None)
                    else:
                        names[name] = file
        contents = {}
        for name, file in names.items():
            if file not in contents:
                contents[file] = bytes(file.durable) if rng is None else self._torn(file, rng)
            with open(os.path.join(directory, name), "wb") as out:
                out.write(contents[file])

    def _torn(self, file, rng):
        content = bytearray(file.durable)
        keep = rng.choice((0.0, 0.5, 0.9, 1.0))
        for offset, data in file.pending:
            if data is None:
                if rng.random() < keep:
                    _apply(content, offset, None)
                continue
            at = 0
            while at < len(data):
                edge = min(len(data), at + self.BLOCK - (offset + at) % self.BLOCK)
                if rng.random() < keep:
                    _apply(content, offset + at, data[at:edge])
                at = edge
        return bytes(content)
