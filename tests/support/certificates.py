"""A certificate authority for tests, made by the `openssl` program: keys and certificates in a directory of its own."""
import os
import shutil
import subprocess

from trefoil import skip

if shutil.which("openssl") is None:
    skip("openssl is not installed")


class Authority:
    def __init__(self, directory, name="ca"):
        self.directory = directory
        self.name = name
        self.certificate = self.path(f"{name}.crt")
        self.key = self.path(f"{name}.key")
        self._openssl("req", "-x509", *self._new_key(self.key), "-out", self.certificate, "-days", "3650", "-subj", f"/CN={name}")

    def path(self, name):
        return os.path.join(self.directory, name)

    def issue(self, name, password=None, key="ec"):
        """A key and a certificate for localhost that this authority has signed; returns their paths."""
        key_file, request, certificate = (self.path(f"{name}.{end}") for end in ("key", "csr", "crt"))
        self._openssl("req", "-new", *self._new_key(key_file, password, key), "-out", request, "-subj", f"/CN={name}",
                      "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1")
        self._openssl("x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self.key, "-CAcreateserial", "-out",
                      certificate, "-days", "3650", "-copy_extensions", "copy")
        return certificate, key_file

    @staticmethod
    def _new_key(file, password=None, key="ec"):
        kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"] if key == "ec" else ["-newkey", key]
        return [*kind, "-keyout", file, *(["-passout", f"pass:{password}"] if password else ["-noenc"])]

    @staticmethod
    def _openssl(*arguments):
        subprocess.run(["openssl", *arguments], check=True, capture_output=True, timeout=60)
