"""The client's tests: what fetch says of each kind of server."""
import os
import ssl
import subprocess
import warnings

import authority
import peer

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
VYOMA = os.environ.get("VYOMA", os.path.join(ROOT, "build", "vyoma"))
FETCH = os.path.join(ROOT, "build", "e2e", "fetch", "fetch.wasm")
V12, V13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3

# Of error-code, by number.
REFUSED, TERMINATED, CONNECT_TIMEOUT, READ_TIMEOUT = 6, 7, 8, 9
PROTOCOL, CERTIFICATE, ALERT, INCOMPLETE = 12, 13, 14, 25
HEAD_SIZE, BODY_CODING, UPGRADE, NOT_HTTP = 26, 31, 34, 35


def fnv(data):
    total = 2166136261
    for byte in data:
        total = (total ^ byte) * 16777619 & 0xffffffff
    return total


def pattern(size):
    """What fetch sends."""
    return bytes((i * 7 + (i >> 8)) & 255 for i in range(size))


def status(body=b"hello", code=200):
    return f"fetch: status={code} bytes={len(body)} sum={fnv(body):08x}"


def error(which, more=""):
    return f"fetch: error={which}{more}"


def fetch(*args, ca=None, env=None):
    """fetch's lines without the last, which must be there."""
    options = ["--ca", ca] if ca else []
    run = subprocess.run([VYOMA, "run", "-S", "http", *options, FETCH, *args],
                         capture_output=True, timeout=120, check=False,
                         env={**os.environ, **(env or {})})
    lines = run.stdout.decode().splitlines()
    assert run.returncode == 0 and lines and lines[-1] == "fetch: end", \
        f"{run.returncode} {lines} {run.stderr.decode()[-2000:]}"
    return lines[:-1]


class Tests:
    def __init__(self, report, signer):
        self.report, self.signer, self.ca = report, signer, signer.root
        self.good = signer.leaf("good", "DNS:localhost,IP:127.0.0.1")

    def one(self, name, handle, context, expected, *args, host="127.0.0.1",
            scheme="https", path="/", ca=True):
        """One server, one request, one line."""
        def test():
            with peer.Peer(handle, context) as server:
                lines = fetch(*args, f"{scheme}://{host}:{server.port}{path}",
                              ca=self.ca if ca is True else ca)
            assert lines == [expected], \
                f"{lines}, expected {expected}; server: {server.refused}"
        self.report.check("client: " + name, test)

    def honest(self):
        context, echo = peer.context, peer.echo
        self.one("plain HTTP", echo, None, status(), scheme="http")
        for version in (V12, V13):
            self.one(version.name, echo, context(
                self.good, minimum_version=version, maximum_version=version),
                status())
        self.one("a name", echo, context(self.good), status(),
                 host="localhost")
        rsa = self.signer.leaf("rsa", "IP:127.0.0.1", kind="rsa")
        self.one("an RSA key", echo, context(rsa), status())
        chained = self.signer.leaf("chained", "IP:127.0.0.1", issuer="middle")
        self.one("an intermediate authority", echo, context(chained), status())
        self.one("a megabyte up and down", echo, context(self.good),
                 status(pattern(1 << 20)), f"send={1 << 20}")
        self.one("the body until the goodbye", peer.until_close(True),
                 context(self.good), status(b"all there is"))
        self.one("no goodbye after the length", peer.cut_after_length,
                 context(self.good), status())

    def host_name(self):
        """SNI and the certificate's names are those of the URL."""
        seen = []
        context = peer.context(self.good)
        context.sni_callback = lambda _socket, name, _context: \
            seen.append(name)
        self.one("SNI is sent", peer.echo, context, status(),
                 host="localhost")
        self.one("SNI is no address", peer.echo, context, status())
        self.report.check("client: SNI is the host",
                          lambda: self.same(seen, ["localhost", None]))
        chosen = []
        context = peer.context(self.good)
        context.set_alpn_protocols(["h2", "http/1.1"])

        def note(connection):
            chosen.append(connection.selected_alpn_protocol())
            peer.echo(connection)
        self.one("ALPN", note, context, status())
        self.report.check("client: ALPN is HTTP/1.1",
                          lambda: self.same(chosen, ["http/1.1"]))

    @staticmethod
    def same(found, expected):
        assert found == expected, f"{found}, expected {expected}"

    def certificates(self):
        """Each of these must be refused, before a byte of the request."""
        got = []

        def note(connection):
            got.append(connection.recv(65536))
        leaf = self.signer.leaf
        usage = "extendedKeyUsage = clientAuth"
        other = authority.Authority("Another CA")
        bad = {
            "another name": leaf("other", "DNS:example.org"),
            "another address": leaf("address", "IP:127.0.0.2"),
            "a name for an address": leaf("dns", "DNS:127.0.0.1"),
            "an expired one": leaf("old", "IP:127.0.0.1", days=-1),
            "one signed by itself": leaf("selfish", "IP:127.0.0.1",
                                         issuer=None),
            "another authority's": other.leaf("x", "IP:127.0.0.1"),
            "one signed by a leaf": leaf("grandchild", "IP:127.0.0.1",
                                         issuer="good"),
            "a client's": leaf("client", "IP:127.0.0.1", more=usage),
        }
        for name, file in bad.items():
            self.one(f"certificate: {name}", note, peer.context(file),
                     error(CERTIFICATE))
        self.one("certificate: without --ca", note, peer.context(self.good),
                 error(CERTIFICATE), ca=None)
        self.one("certificate: with another --ca", note,
                 peer.context(self.good), error(CERTIFICATE), ca=other.root)
        self.report.check("client: no refused server saw a request",
                          lambda: self.same([g for g in got if g], []))
        other.close()

    def old_versions(self):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            context = peer.context(self.good)
            context.set_ciphers("ALL:@SECLEVEL=0")
            context.minimum_version = ssl.TLSVersion.TLSv1
            context.maximum_version = ssl.TLSVersion.TLSv1_1
        self.one("TLS 1.1 is too old", peer.echo, context,
                 error(ALERT, " alert=70 text=protocol version"))

    def alerts(self):
        for version in (V12, V13):
            context = peer.context(self.good, minimum_version=version,
                                   maximum_version=version)
            context.load_verify_locations(self.ca)
            context.verify_mode = ssl.CERT_REQUIRED
            expected = (" alert=40 text=handshake failure" if version == V12
                        else " alert=116 text=unknown")
            self.one(f"{version.name}: a server that wants our certificate",
                     peer.echo, context, error(ALERT, expected))

    def broken(self):
        self.one("HTTP where TLS should be", peer.answers(
            b"HTTP/1.1 400 Bad Request\r\n\r\n"), None, error(PROTOCOL))
        self.one("noise where TLS should be", peer.answers(
            bytes(range(255, 0, -1)) * 40), None, error(PROTOCOL))
        self.one("a handshake that ends", lambda c: c.recv(9), None,
                 error(TERMINATED))
        self.one("a handshake that stalls", peer.silent, None,
                 error(CONNECT_TIMEOUT), "wait=300")
        self.one("an answer that never comes", peer.silent,
                 peer.context(self.good), error(READ_TIMEOUT), "wait=300")
        self.one("an end instead of an answer", lambda c: c.recv(9),
                 peer.context(self.good), error(INCOMPLETE))
        self.one("a body cut short", peer.cut_in_body,
                 peer.context(self.good),
                 f"fetch: body-error={INCOMPLETE} after=5")
        self.one("the body until the end without a goodbye",
                 peer.until_close(False), peer.context(self.good),
                 f"fetch: body-error={INCOMPLETE} after=12")

    def between(self):
        """Someone in the middle, who delays, cuts or changes."""
        with peer.Peer(peer.echo, peer.context(self.good)) as server:
            self.one("a byte at a time", peer.relay(
                server.port, lambda data: data, 1), None,
                status(pattern(3000)), "send=3000")
            for at in (0, 5, 40, 90, 200, 700):
                self.changed(server, at)

    def changed(self, server, at):
        """Whatever bit is flipped, no wrong answer comes of it."""
        def test():
            with peer.Peer(peer.relay(server.port, peer.Flip(at))) as middle:
                lines = fetch("wait=2000", "send=2000",
                              f"https://127.0.0.1:{middle.port}/", ca=self.ca)
            assert len(lines) == 1 and "error=" in lines[0], lines
        self.report.check(f"client: byte {at} of the server's is changed",
                          test)

    def responses(self):
        """Plain HTTP that is wrong, or only unusual, and then the end."""
        ok, five = b"HTTP/1.1 200 OK\r\n", b"content-length: 5\r\n"
        chunked = ok + b"transfer-encoding: chunked\r\n"
        said = {
            "no reason": (b"HTTP/1.1 200\r\n" + five + b"\r\nhello",
                          status()),
            "HTTP/1.0": (b"HTTP/1.0 200 OK\r\n\r\nhello", status()),
            "an early hint": (b"HTTP/1.1 103 Early\r\na: b\r\n\r\n" + ok +
                              five + b"\r\nhello", status()),
            "chunks": (chunked + b"\r\n2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\n"
                       b"a: b\r\n\r\n", status()),
            "204 has no body": (b"HTTP/1.1 204 No\r\n" + five + b"\r\nhello",
                                status(b"", 204)),
            "more than the length": (ok + five + b"\r\nhello, world", status()),
            "nonsense": (b"hello\r\n\r\n", error(NOT_HTTP)),
            "another version": (b"HTTP/2.0 200 OK\r\n\r\n", error(NOT_HTTP)),
            "a status of two digits": (b"HTTP/1.1 20 OK\r\n\r\n",
                                       error(NOT_HTTP)),
            "a status below 100": (b"HTTP/1.1 099 OK\r\n\r\n",
                                   error(NOT_HTTP)),
            "switching protocols": (b"HTTP/1.1 101 Sw\r\n\r\n",
                                    error(UPGRADE)),
            "a folded field": (ok + b"a: b\r\n c\r\n\r\n", error(NOT_HTTP)),
            "a NUL in a field": (ok + b"a: b\0\r\n\r\n", error(NOT_HTTP)),
            "two lengths": (ok + five + b"content-length: 6\r\n\r\nhello",
                            error(NOT_HTTP)),
            "length and chunks": (chunked + five + b"\r\n0\r\n\r\n",
                                  error(BODY_CODING)),
            "an unknown coding": (ok + b"transfer-encoding: gzip\r\n\r\n",
                                  error(BODY_CODING)),
            "endless fields": (ok + b"a: b\r\n" * 20000, error(HEAD_SIZE)),
            "half a head": (ok + b"a: b\r\n", error(INCOMPLETE)),
            "half a body": (ok + five + b"\r\nhe",
                            f"fetch: body-error={INCOMPLETE} after=2"),
            "half a chunk": (chunked + b"\r\n5\r\nhe",
                             f"fetch: body-error={INCOMPLETE} after=2"),
            "no last chunk": (chunked + b"\r\n2\r\nhe\r\n",
                              f"fetch: body-error={INCOMPLETE} after=2"),
            "a chunk without a size": (chunked + b"\r\nhello\r\n",
                                       f"fetch: body-error={NOT_HTTP} after=0"),
            "a bare LF in a chunk's line": (
                chunked + b"\r\n2;\n\r\nhe\r\n0\r\n\r\n",
                f"fetch: body-error={NOT_HTTP} after=0"),
            "a chunk that is longer": (
                chunked + b"\r\n2\r\nhello\r\n0\r\n\r\n",
                f"fetch: body-error={NOT_HTTP} after=2"),
        }
        for name, (data, expected) in said.items():
            self.one(f"a response: {name}", peer.says(data), None, expected,
                     scheme="http")

    def options(self):
        def bad_file():
            run = subprocess.run([VYOMA, "run", "--ca", FETCH, FETCH],
                                 capture_output=True, check=False)
            assert run.returncode == 2 and b"no certificate" in run.stderr, run
        self.report.check("client: --ca of a file without a certificate",
                          bad_file)

        def by_variable():
            with peer.Peer(peer.echo, peer.context(self.good)) as server:
                self.same(fetch(f"https://127.0.0.1:{server.port}/",
                                env={"SSL_CERT_FILE": self.ca}), [status()])
        self.report.check("client: SSL_CERT_FILE", by_variable)


def run(report, signer):
    if not os.path.exists(FETCH):
        report.skip("client", "fetch.wasm is not built (make e2e-apps)")
        return
    tests = Tests(report, signer)
    for group in (tests.honest, tests.host_name, tests.certificates,
                  tests.old_versions, tests.alerts, tests.broken,
                  tests.between, tests.responses, tests.options):
        group()
