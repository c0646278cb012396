#!/usr/bin/python3
"""`trefoil connect` over TCP, a unix socket and TLS, with redis-cli's names for the options: the same shell, and errors that say why not."""
import os
import shutil
import signal
import socket
import sys
import tempfile
import threading
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from certificates import Authority  # noqa: E402
from terminal import Shell, has_terminals  # noqa: E402
from trefoil import Server, free_port, run  # noqa: E402


class Connect(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.mkdtemp(prefix="trefoil-test-")
        cls.addClassCleanup(shutil.rmtree, cls.directory)
        cls.authority = Authority(cls.directory)
        cls.identity = cls.authority.issue("server")
        cls.client = cls.authority.issue("client")
        cls.tls_port = free_port()
        cls.path = os.path.join(cls.directory, "socket")
        cls.server = Server("--unixsocket", cls.path, *cls.tls_options(cls.tls_port, "optional"), port=free_port())
        cls.addClassCleanup(cls.server.stop)

    @classmethod
    def tls_options(cls, port, auth):
        return ("--tls-port", str(port), "--tls-cert-file", cls.identity[0], "--tls-key-file", cls.identity[1], "--tls-ca-cert-file",
                cls.authority.certificate, "--tls-auth-clients", auth)

    def trust(self):
        return ("--tls", "--cacert", self.authority.certificate)

    def url(self, host="127.0.0.1", scheme="redis"):
        return f"{scheme}://{host}:{self.tls_port}"

    def fails(self, code, text, *arguments):
        """Returns what was said."""
        done = run(None, "connect", *arguments, "-c", "PING")
        self.assertEqual((done[0], done[1]), (code, ""), done)
        self.assertIn(text, done[2])
        return done[2]

    def works(self, *arguments, laddr):
        code, out, err = run("PING\nCLIENT INFO\nSELECT 6 * 7 AS n;\n", "connect", *arguments)
        self.assertEqual((code, err), (0, ""))
        lines = out.splitlines()
        self.assertEqual((lines[0], lines[-1]), ("PONG", "42"))
        self.assertIn(f" laddr={laddr} ", lines[1])

    def test_each_way_leads_to_the_same_server(self):
        self.works(f"redis://127.0.0.1:{self.server.port}", laddr=f"127.0.0.1:{self.server.port}")
        self.works("-s", self.path, laddr=f"{self.path}:0")
        self.works("--socket", self.path, laddr=f"{self.path}:0")
        secure = f"127.0.0.1:{self.tls_port}"
        self.works(self.url(), *self.trust(), laddr=secure)
        self.works(self.url("localhost"), *self.trust(), "--cert", self.client[0], "--key", self.client[1], laddr=secure)
        self.works(self.url(scheme="rediss"), "--cacert", self.authority.certificate, laddr=secure)
        self.works(self.url(), "--tls", "--insecure", laddr=secure)

    def test_a_url_gives_the_database_on_a_unix_socket_too(self):
        code, out, err = run("CLIENT INFO\n", "connect", "-s", self.path, "redis:///3")
        self.assertEqual((code, err), (0, ""))
        self.assertIn(" db=3 ", out)

    def test_large_answers_and_statements(self):
        value = "x" * 3_000_000
        script = (f"SET large {value}\nSTRLEN large\nGET large\n"
                  "SELECT count(*) FROM generate_series(1, 200000) AS g(n);\nSELECT n FROM generate_series(1, 200000) AS g(n);\n")
        expected = None
        for arguments in ((f"redis://127.0.0.1:{self.server.port}",), ("-s", self.path), (self.url(), *self.trust())):
            code, out, err = run(script, "connect", *arguments)
            self.assertEqual((code, err), (0, ""))
            self.assertIn(value, out)
            self.assertTrue(out.endswith("\n200000\n"))
            expected = expected or out
            self.assertEqual(out, expected)

    @unittest.skipUnless(has_terminals(), "there are no pseudo-terminals")
    def test_the_shell_shows_whom_it_talks_to_and_connects_again(self):
        path, port = os.path.join(self.directory, "other"), free_port()
        options = ("--unixsocket", path, *self.tls_options(port, "no"))
        for arguments, name in ((("-s", path), path), ((f"redis://127.0.0.1:{port}", *self.trust()), f"127.0.0.1:{port}")):
            with self.subTest(arguments), tempfile.TemporaryDirectory() as home:
                prompt = name + "> "
                server = Server(*options, port=free_port())
                shell = Shell("connect", *arguments, home=home, columns=200)
                shell.expect(prompt)
                self.assertIn("PONG", shell.type("PING\n", until=prompt))
                server.stop(signal.SIGTERM)
                self.assertIn(f"cannot connect to {name}: ", shell.type("PING\n", until=prompt))
                with Server(*options, port=free_port()):
                    answer = shell.type("PING\n", until=prompt)
                    self.assertIn(f"NOTICE: connected again to {name};", answer)
                    self.assertIn("PONG", answer)
                    self.assertEqual(shell.end(), 0)

    def test_whom_it_does_not_trust(self):
        stranger = Authority(self.directory, "stranger")
        for trust in (("--tls",), ("--tls", "--cacert", stranger.certificate)):
            said = self.fails(1, f"cannot connect to 127.0.0.1:{self.tls_port}: TLS: ", self.url(), *trust)
            self.assertIn("certificate", said)
            self.assertIn("--cacert", said)
        self.fails(1, "TLS: hostname mismatch", self.url(), *self.trust(), "--sni", "elsewhere")
        self.works(self.url(), *self.trust(), "--sni", "localhost", laddr=f"127.0.0.1:{self.tls_port}")
        self.works(self.url(), "--tls", "--insecure", "--sni", "elsewhere", laddr=f"127.0.0.1:{self.tls_port}")

    def test_who_must_show_a_certificate(self):
        port = free_port()
        with Server(*self.tls_options(port, "yes"), port=free_port()):
            url = f"redis://127.0.0.1:{port}"
            self.assertEqual(run(None, "connect", url, *self.trust(), "--cert", self.client[0], "--key", self.client[1], "-c", "PING")[:2],
                             (0, "PONG\n"))
            self.fails(1, "connection lost: ", url, *self.trust())

    def test_who_speaks_something_else(self):
        self.fails(1, "TLS: wrong version number", f"redis://127.0.0.1:{self.server.port}", *self.trust())
        self.assertIn("--tls", self.fails(1, "", self.url()))
        # Who accepts and says nothing is waited for; who hangs up is told of.
        with socket.create_server(("127.0.0.1", 0)) as listener:
            def hang_up():
                listener.accept()[0].close()
            thread = threading.Thread(target=hang_up)
            thread.start()
            self.fails(1, "TLS: the peer has gone", f"redis://127.0.0.1:{listener.getsockname()[1]}", *self.trust())
            thread.join()

    def test_files_that_are_no_good(self):
        for option in ("--cacert", "--cert", "--key"):
            options = {"--cacert": self.authority.certificate, "--cert": self.client[0], "--key": self.client[1], option: "/no/such/file"}
            self.fails(1, f"{option} '/no/such/file': No such file or directory", self.url(), "--tls",
                       *(word for pair in options.items() for word in pair))
        self.fails(1, f"--key '{self.identity[1]}': key values mismatch", self.url(), *self.trust(), "--cert", self.client[0], "--key",
                   self.identity[1])

    def test_sockets_that_are_no_good(self):
        self.fails(1, "cannot connect to /no/such/socket: No such file or directory", "-s", "/no/such/socket")
        self.fails(1, ": the path is too long for a unix socket", "-s", "/" + "x" * 200)
        self.fails(1, ": Connection refused", "-s", self.identity[0])

    def test_words_that_do_not_go_together(self):
        for text, *arguments in (("connect needs a server",), ("connect needs a server", "--tls"),
                                 ("two servers given: 127.0.0.1:1 and the unix socket s", "-s", "s", "redis://127.0.0.1:1"),
                                 ("TLS is spoken over TCP", "-s", "s", "--tls"), ("TLS is spoken over TCP", "-s", "s", "rediss://"),
                                 ("--cert and --key need each other", self.url(), "--tls", "--cert", "c"),
                                 *((f"{option[0]} has a meaning for TLS only", self.url(), *option)
                                   for option in (["--cacert", "c"], ["--sni", "n"], ["--insecure"], ["--cert", "c"], ["--key", "k"]))):
            self.fails(2, text, *arguments)

    def test_a_confirmation_inside_exec_is_an_element_of_its_answer(self):
        code, out, err = run("MULTI\nSUBSCRIBE a\nPUBLISH a x\nINCR n\nEXEC\nPING\n", "connect", f"redis://127.0.0.1:{self.server.port}",
                             "--mode", "json", timeout=20)
        self.assertEqual((code, err), (0, ""))
        self.assertEqual(out.splitlines()[-2:], ['[["subscribe","a",1],1,1]', '"PONG"'])


unittest.main(verbosity=1, warnings="ignore")
