"""The edge over TLS, seen by openssl s_client: versions, ciphers, client certificates, and certificates that are renewed while it is connected."""

import pathlib
import re
import signal
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))

import node
from secure import Authority
from stage import Stage, check, wait_until

NET = 61

# Seconds that openssl may take for one handshake.
PATIENCE = 10

# Listeners of TLS by name: port, and what stands in their section beside the files.
LISTENERS = {
    "usual": (5061, ""),
    "newest": (5062, 'tls_min = "1.3"\n'),
    "picky": (5063, 'ciphers = ["TLS_AES_128_GCM_SHA256", "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"]\n'),
    "mutual": (5064, 'client_ca = "{folder}/ca.pem"\n'),
}


def configuration(stage, listeners=LISTENERS):
    address, folder = stage.address(1), stage.directory
    files = f'cert = "{folder}/tandem.pem"\nkey = "{folder}/tandem.key"\nca = "{folder}/ca.pem"\n'
    sections = [
        f'[[listen]]\nname = "{name}"\ntransport = "tls"\nbind = "{address}:{port}"\n{files}{more.format(folder=folder)}\n'
        for name, (port, more) in listeners.items()
    ]
    # The stage itself is somebody: what openssl does here is no reason for a ban.
    allow = f'[abuse]\nallow = ["{address}/24"]\n'.replace(".1/24", ".0/24")
    mutual = ("desk", 'match = { tls_name = "desk.test" }\n')
    echo = ("echo", "to = '^echo$'\ndo = { answer = \"echo\" }\n")
    return node.config(stage, listen="\n".join([*sections, allow]), trunks=[mutual], routes=[echo])


def s_client(stage, name, *arguments, text=""):
    """What openssl says of a connection, and what came over it."""
    port = LISTENERS[name][0]
    command = ["openssl", "s_client", "-connect", f"{stage.address(1)}:{port}", "-CAfile", stage.directory / "ca.pem", "-verify_return_error"]
    done = subprocess.run(
        [*map(str, command), *map(str, arguments)], input=text.encode(), capture_output=True, timeout=PATIENCE, check=False
    )  # fmt: skip
    return done.returncode, (done.stdout + done.stderr).decode("utf-8", "replace")


def spoken(text):
    """Version and cipher of the connection."""
    # The version before the cipher is the one that the cipher comes from.
    cipher, version = re.search(r"New, .*Cipher is (\S+)", text), re.search(r"Protocol *: (\S+)|New, (TLSv1\.3)", text)
    return (version[1] or version[2], cipher[1]) if cipher and cipher[1] != "(NONE)" and version else None


def options(stage, name, uri="sip:tandem.test"):
    return (
        f"OPTIONS {uri} SIP/2.0\r\nVia: SIP/2.0/TLS {stage.address(9)}:5061;branch=z9hG4bKs-client-{name}\r\nMax-Forwards: 70\r\n"
        f"From: <sip:openssl@desk.test>;tag=1\r\nTo: <{uri}>\r\nCall-ID: s-client-{name}\r\nCSeq: 1 OPTIONS\r\n"
        f"Contact: <sip:openssl@{stage.address(9)}:5061;transport=tls>\r\nContent-Length: 0\r\n\r\n"
    )


def versions(stage):
    for name, flag, version in [
        ("usual", "-tls1_2", "TLSv1.2"),
        ("usual", "-tls1_3", "TLSv1.3"),
        ("usual", "-tls1_1", None),
        ("newest", "-tls1_3", "TLSv1.3"),
        ("newest", "-tls1_2", None),
    ]:
        with stage.case(f"{flag} to the listener `{name}` is {version or 'refused'}"):
            # openssl itself thinks little of TLS 1.1.
            _, text = s_client(stage, name, flag, *(["-cipher", "ALL:@SECLEVEL=0"] if flag == "-tls1_1" else []))
            got = spoken(text)
            check((got and got[0]) == version, f"{got}: {text}")


def ciphers(stage):
    for name, arguments, cipher in [
        ("usual", ["-tls1_3"], "TLS_AES_256_GCM_SHA384"),
        ("usual", ["-tls1_2", "-cipher", "ECDHE-RSA-CHACHA20-POLY1305"], "ECDHE-RSA-CHACHA20-POLY1305"),
        ("usual", ["-tls1_2", "-cipher", "AES128-SHA:AES256-GCM-SHA384:@SECLEVEL=0"], None),
        ("picky", ["-tls1_3"], "TLS_AES_128_GCM_SHA256"),
        ("picky", ["-tls1_3", "-ciphersuites", "TLS_AES_256_GCM_SHA384"], None),
        ("picky", ["-tls1_2"], "ECDHE-RSA-AES256-GCM-SHA384"),
        ("picky", ["-tls1_2", "-cipher", "ECDHE-RSA-AES128-GCM-SHA256"], None),
    ]:
        with stage.case(f"`{name}` with {' '.join(arguments)}: {cipher or 'refused'}"):
            _, text = s_client(stage, name, *arguments)
            got = spoken(text)
            check((got and got[1]) == cipher, f"{got}: {text}")


def certificates(stage, tandem, authority, stranger):
    own = authority.issue("desk", "URI:sip:desk.test")
    other = stranger.issue("other-desk", "URI:sip:desk.test")
    for title, files, why in [
        ("who has no certificate", None, "it has shown no certificate"),
        ("who has one of another authority", other, "its certificate comes from an issuer that is not trusted here"),
    ]:
        with stage.case(f"mutual TLS: {title} is refused"):
            shown = ["-cert", files[0], "-key", files[1]] if files else []
            _, text = s_client(stage, "mutual", *shown, text=options(stage, "refused"))
            # With TLS 1.3 a client may be gone before the alert comes: who refused says why.
            check("SIP/2.0" not in text, text)
            tandem.process.line(why, 5)
    with stage.case("mutual TLS: who has a good one is heard"):
        connected = Connected(stage, "mutual", ["-cert", own[0], "-key", own[1]])
        got = connected.answers(1, options(stage, "heard"))
        connected.close()
        check(got == ["200"], f"{got}")


class Connected:
    """openssl, connected for as long as we like."""

    def __init__(self, stage, name, arguments=()):
        port = LISTENERS[name][0]
        command = ["openssl", "s_client", "-connect", f"{stage.address(1)}:{port}", "-CAfile", stage.directory / "ca.pem", "-quiet", *arguments]
        self.stage, self.name = stage, name
        self.lines = stage.directory / f"s_client-{name}-{len(stage.processes)}-{id(self)}.out"
        self.output = open(self.lines, "wb")
        self.child = subprocess.Popen([*map(str, command)], stdin=subprocess.PIPE, stdout=self.output, stderr=subprocess.STDOUT)

    def answers(self, count, text):
        """Sends, and gives the statuses that have come by then, waited for."""
        self.child.stdin.write(text.encode())
        self.child.stdin.flush()
        statuses = lambda: re.findall(r"^SIP/2\.0 (\d+)", self.lines.read_text(errors="replace"), re.M)
        wait_until(lambda: len(statuses()) >= count or self.child.poll() is not None, PATIENCE, f"answer number {count}")
        return statuses()

    def close(self):
        self.child.kill()
        self.child.wait(5)
        self.output.close()


def serial(stage, name):
    _, text = s_client(stage, name)
    found = re.search(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", text, re.S)
    check(found, f"no certificate was shown: {text}")
    return found[0]


def renewed(stage, tandem, authority):
    with stage.case("SIGHUP with a new certificate, and another lowest version: who is connected stays, who connects sees them"):
        connected = Connected(stage, "usual")
        check(connected.answers(1, options(stage, "before")) == ["403"], "no answer before")
        before = serial(stage, "usual")
        authority.issue("tandem", "DNS:tandem.test,IP:127.0.61.1")
        changed = {**LISTENERS, "usual": (LISTENERS["usual"][0], 'tls_min = "1.3"\n')}
        tandem.path.write_text(configuration(stage, changed), encoding="utf-8")
        tandem.process.signal(signal.SIGHUP)
        tandem.process.line("new rules are in force", 5)
        check(serial(stage, "usual") != before, "who connects now is shown the old certificate")
        check(spoken(s_client(stage, "usual", "-tls1_2")[1]) is None, "TLS 1.2 is still spoken")
        check(connected.answers(2, options(stage, "after")) == ["403", "403"], "who was connected is heard no more")
        connected.close()
    with stage.case("a bad certificate is refused whole, and the one before stays"):
        good = (stage.directory / "tandem.pem").read_text(encoding="ascii")
        now = serial(stage, "usual")
        (stage.directory / "tandem.pem").write_text("nothing\n", encoding="ascii")
        tandem.process.signal(signal.SIGHUP)
        tandem.process.line("the configuration was not reloaded", 5)
        check(serial(stage, "usual") == now, "another certificate is shown")
        (stage.directory / "tandem.pem").write_text(good, encoding="ascii")


def named(stage):
    with stage.case("tandem check names a cipher that is not spoken, its line, and those that are"):
        path = stage.directory / "bad.toml"
        text = configuration(stage).replace("TLS_AES_128_GCM_SHA256", "TLS_RSA_WITH_RC4_128_MD5")
        line = next(number for number, line in enumerate(text.splitlines(), 1) if line.startswith("ciphers = "))
        path.write_text(text, encoding="utf-8")
        status, said = node.check_command(path)
        check(status == 2 and f"bad.toml:{line}:" in said and "TLS_AES_256_GCM_SHA384" in said, f"{status}: {said}")


def main():
    with Stage("edge", NET) as stage:
        authority, stranger = Authority(stage.directory, "ca"), Authority(stage.directory, "strange")
        authority.issue("tandem", "DNS:tandem.test,IP:127.0.61.1")
        tandem = node.Tandem(stage, configuration(stage))
        versions(stage)
        ciphers(stage)
        certificates(stage, tandem, authority, stranger)
        named(stage)
        renewed(stage, tandem, authority)
        with stage.case("nothing is left"):
            tandem.process.signal(signal.SIGTERM)
            check(tandem.process.wait(node.QUIET_END) == 0, "it did not end well")
            bad = [line for line in tandem.process.lines if "panicked" in line]
            check(not bad, f"the log has: {bad[:3]}")


main()
