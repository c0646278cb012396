#!/usr/bin/python3
"""examples/: what their READMEs tell people to type works as it is written, in the project and in projects of their own."""
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from trefoil import PATIENCE, skip  # noqa: E402

ROOT = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
BUILD = os.environ["TREFOIL_BUILD"]
BUILDING = 15 * PATIENCE
UNICODE_DATA = "/usr/share/unicode/UnicodeData.txt"


def blocks(example, language):
    with open(os.path.join(ROOT, "examples", example, "README.md"), encoding="utf-8") as file:
        return re.findall(rf"```{language}\n(.*?)```", file.read(), re.DOTALL)


class Checkout(unittest.TestCase):
    """A folder that looks like a clone of the project; what it builds goes where this test's own program was built."""

    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix="trefoil-examples-")
        self.addCleanup(scratch.cleanup)
        self.here = scratch.name
        for name in ("scripts", "examples", "src", "CMakeLists.txt", "CMakePresets.json"):
            os.symlink(os.path.join(ROOT, name), os.path.join(self.here, name))
        os.mkdir(os.path.join(self.here, "build"))
        os.symlink(BUILD, os.path.join(self.here, "build", "release"))
        self.programs = os.path.join(self.here, "bin")
        os.mkdir(self.programs)
        self.program("apt-get", "exit 1")  # packages are installed by hand, not by a test

    def program(self, name, script):
        path = os.path.join(self.programs, name)
        with open(path, "w") as file:
            file.write(f"#!/bin/sh\n{script}\n")
        os.chmod(path, 0o755)

    def shell(self, block, **options):
        return subprocess.run(["bash", "-e", "-c", block], cwd=self.here, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, timeout=BUILDING,
                              env={**os.environ, "PATH": self.programs + ":" + os.environ["PATH"]}, **options)

    def run_block(self, block):
        built = re.findall(r"scripts/build release (.*?)(?:#|$)", block, re.MULTILINE)
        for name in re.findall(r"build/release/(\w+)", block):
            self.assertIn(name, " ".join(built).split(), "used, but not built before")
        done = self.shell(block)
        complaints = [line for line in done.stderr.splitlines() if not line.startswith("-- ")]  # those are CMake's
        self.assertEqual((done.returncode, complaints), (0, []), done.stdout[-2000:])
        return done.stdout


class Examples(Checkout):
    def test_embedded(self):
        output = self.run_block(blocks("embedded", "sh")[0])
        self.assertEqual(output.count("best seller: "), 2)
        self.assertTrue(os.path.isdir(os.path.join(self.here, "fruit.db")))

    def test_unicode(self):
        if not os.path.exists(UNICODE_DATA):
            self.skipTest(f"no {UNICODE_DATA} (package unicode-data)")
        load, serve, ask, vector = blocks("unicode", "sh")
        self.assertIn("GREEK SMALL LETTER ALPHA", self.run_block(load))
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        client = shutil.which("redis-cli")
        if client is not None:
            self.program("redis-cli", f'exec {client} -p {port} "$@"')
            self.assertEqual(serve.count("--port 6379"), 1)
            server = subprocess.Popen(["bash", "-c", "exec " + serve.replace("--port 6379", f"--port {port}")], cwd=self.here,
                                      stderr=subprocess.PIPE, text=True)
            try:
                while "Ready to accept" not in (line := server.stderr.readline()):
                    self.assertNotEqual(line, "", "the server did not start")
                output = self.run_block(ask)
                self.assertIn("GREEK SMALL LETTER ALPHA", output)
                self.assertNotIn("ERR", output)
            finally:
                server.terminate()
                server.communicate(timeout=PATIENCE)
            self.assertEqual(server.returncode, 0)
        done = self.shell(vector)
        self.assertEqual((done.returncode, done.stderr, done.stdout.count(",")), (0, "", 127))

    def test_the_generator_says_when_there_is_nothing_to_generate_from(self):
        for path, content in (("missing", None), ("empty", ""), ("folder", None), ("wrong", "0041;LATIN\n"),
                              ("half", "0041;LATIN CAPITAL LETTER A;Lu;0;L;;;;;N;;;;0061;\nnonsense\n")):
            if path == "folder":
                os.mkdir(os.path.join(self.here, path))
            elif content is not None:
                with open(os.path.join(self.here, path), "w") as file:
                    file.write(content)
            done = subprocess.run([os.path.join(BUILD, "example_unicode_script"), path], cwd=self.here, stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, text=True)
            self.assertEqual((done.returncode, done.stdout), (1, ""), path)
            self.assertIn(path, done.stderr)


class Embedding(Checkout):
    """A project of one's own, with the CMakeLists.txt of the README."""

    def setUp(self):
        super().setUp()
        self.app = os.path.join(self.here, "app")
        os.mkdir(self.app)
        shutil.copy(os.path.join(ROOT, "examples", "embedded", "embedded.cpp"), os.path.join(self.app, "app.cpp"))

    def configure(self, text, *options):
        with open(os.path.join(self.app, "CMakeLists.txt"), "w") as file:
            file.write(text)
        self.call("cmake", "-G", "Ninja", "-B", "build", "-DCMAKE_BUILD_TYPE=Release", *options)

    def call(self, *command):
        done = subprocess.run(command, cwd=self.app, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, timeout=BUILDING)
        self.assertEqual(done.returncode, 0, f"{command}\n{done.stdout[-4000:]}")
        return done.stdout

    def cmake_lists(self, word):
        return next(block for block in blocks("embedded", "cmake") if word in block)

    def test_with_an_installation(self):
        with open(os.path.join(BUILD, "CMakeCache.txt")) as cache:
            if not re.search(r"^TREFOIL_SANITIZE:\w+=$", cache.read(), re.MULTILINE):
                self.skipTest("libraries with a sanitizer in them are not to be linked so")
        prefix = os.path.join(self.here, "installed")
        self.call("cmake", "--install", BUILD, "--prefix", prefix)
        self.configure(self.cmake_lists("find_package"), f"-DCMAKE_PREFIX_PATH={prefix}")
        self.call("cmake", "--build", "build")
        self.assertIn("best seller: ", self.call("build/app"))
        self.assertRegex(self.call(os.path.join(prefix, "bin", "trefoil"), "--version"), "^trefoil ")

    def test_with_a_clone(self):
        """Configured as a whole; of the engine the lowest floor is built, as all of it takes minutes."""
        os.symlink(ROOT, os.path.join(self.app, "trefoil"))
        self.configure(self.cmake_lists("add_subdirectory"))
        targets = self.call("ninja", "-C", "build", "-t", "targets", "all")
        self.assertNotIn("_tests:", targets)
        self.call("ninja", "-C", "build", "trefoil_base", "CMakeFiles/app.dir/app.cpp.o")
        self.assertIn("libtrefoil_engine.a", self.call("ninja", "-C", "build", "-t", "query", "app"))


if __name__ == "__main__":
    if shutil.which("cmake") is None or shutil.which("ninja") is None:
        skip("no cmake and ninja")
    unittest.main(verbosity=1, warnings="ignore")
