"""TLS: certificates made with openssl, and a phone that speaks over it."""

import socket
import ssl
import subprocess

from stage import check
from stream import StreamPhone

DAYS = "30"


class Authority:
    """Who issues certificates, with a folder for them."""

    def __init__(self, folder, name):
        self.folder, self.name = folder, name
        self.cert, self.key = folder / f"{name}.pem", folder / f"{name}.key"
        _openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", DAYS, "-subj", f"/CN={name}", "-keyout", self.key, "-out", self.cert)

    def issue(self, name, names):
        """Writes `name.pem` and `name.key`; `names` as openssl has them: `DNS:host,IP:127.0.0.1,URI:sip:domain`."""
        cert, key, request, extensions = (self.folder / f"{name}.{kind}" for kind in ("pem", "key", "csr", "ext"))
        extensions.write_text(f"subjectAltName={names}\n", encoding="ascii")
        _openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}", "-keyout", key, "-out", request)
        _openssl("x509", "-req", "-in", request, "-CA", self.cert, "-CAkey", self.key, "-CAcreateserial", "-days", DAYS, "-extfile", extensions, "-out", cert)
        return cert, key


def _openssl(*arguments):
    done = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True, timeout=60, check=False)
    check(done.returncode == 0, f"openssl {arguments[0]}: {done.stderr}")


class SecurePhone(StreamPhone):
    """A phone with one connection of TLS, which it makes. `own` is its certificate and key, if it has one."""

    transport = "TLS"

    def __init__(self, host, node, ca, name, own=None):
        context = ssl.create_default_context(cafile=ca)
        if own:
            context.load_cert_chain(*own)
        plain = socket.create_connection(node, timeout=5, source_address=(host, 0))
        super().__init__(context.wrap_socket(plain, server_hostname=name))

    def certificate(self):
        """What the other end has shown."""
        return self.socket.getpeercert(binary_form=True)

    def is_refused(self):
        """Whether the other end ends the connection: in TLS 1.3 who is refused learns of it with the first thing that it reads."""
        self.socket.settimeout(5)
        try:
            return self.socket.recv(1) == b""
        except TimeoutError:
            return False
        except OSError:
            return True
