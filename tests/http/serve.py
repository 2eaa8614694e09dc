"""`vyoma serve`: guests that misbehave, and clients that want to hurt it."""
import http.client
import json
import os
import random
import shutil
import signal
import socket
import ssl
import subprocess
import threading
import time

from client import ROOT, VYOMA, pattern

HERE = os.path.dirname(os.path.abspath(__file__))
SERVICE = os.path.join(ROOT, "build", "http", "service.wasm")
HOST = b"host: x\r\n"
LAST = b"connection: close\r\n"
GET = b"GET / HTTP/1.1\r\n" + HOST
CLOSE = GET + LAST + b"\r\n"


class Server:
    """`vyoma serve` on a port of its own choosing."""

    def __init__(self, *options, workers=2):
        self.process = subprocess.Popen(
            [VYOMA, "serve", "--addr", "127.0.0.1:0", "--workers",
             str(workers), *options, SERVICE],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        line = self.process.stdout.readline().decode()
        assert line.startswith("Serving HTTP on http"), line
        self.port = int(line.rsplit(":", 1)[1].rstrip("/\n"))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(timeout=30)

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.port), timeout=30)

    def raw(self, data):
        """Sends bytes, reads until the end."""
        with self.connect() as peer:
            peer.sendall(data)
            return read_all(peer)

    def get(self, path, method="GET", body=None, **more):
        connection = http.client.HTTPConnection("127.0.0.1", self.port,
                                                timeout=30)
        connection.request(method, path, body=body, **more)
        answer = connection.getresponse()
        return answer.status, answer.read()


def read_all(peer):
    answer = b""
    while part := peer.recv(65536):
        answer += part
    return answer


def statuses(answer):
    """The final status codes in a stream of responses."""
    found = []
    for part in answer.split(b"HTTP/1.1 ")[1:]:
        if part[:3] != b"100":
            found.append(int(part[:3]))
    return found


def equal(found, expected):
    assert found == expected, f"{found}, expected {expected}"


# ---- guests ------------------------------------------------------------------

GUESTS = [("/", 200, b"hello"), ("/trap", 500, None), ("/spin", 504, None),
          ("/silent", 500, None), ("/error", 500, None),
          ("/glutton", 500, None), ("/twice", 200, b"hello"),
          ("/late-trap", 200, b"hello"), ("/nothing", 204, b""),
          ("/wait?n=50", 200, b"waited"), ("/wait?n=60000", 504, None),
          ("/length?n=5", 200, b"xxxxx"), ("/none", 404, None)]


def guests(report, server):
    for path, status, body in GUESTS:
        def test(path=path, status=status, body=body):
            found = server.get(path)
            equal(found[0], status)
            if body is not None:
                equal(found[1], body)
            equal(server.get("/"), (200, b"hello"))
        report.check(f"serve: {path} is answered with {status}", test)
    for path, text in (("/cut", b"half"), ("/length?n=3", b"xxx")):
        def is_cut(path=path, text=text):
            try:
                server.get(path)
            except (http.client.IncompleteRead, ConnectionError):
                answer = server.raw(b"GET %s HTTP/1.1\r\n" % path.encode()
                                    + HOST + b"\r\n")
                assert text in answer and b"0\r\n\r\n" not in answer, answer
                return
            raise AssertionError("it looks complete")
        report.check(f"serve: {path} does not look complete", is_cut)


# ---- messages ----------------------------------------------------------------

def chunks(*parts):
    return b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in parts)


POST = b"POST /echo HTTP/1.1\r\n" + HOST
CHUNKED = POST + b"transfer-encoding: chunked\r\n"

# What is sent, and the statuses of the answers until the connection ends.
SHAPES = {
    "pipelined requests": (GET * 1 + b"\r\n" + GET + b"\r\n" + CLOSE,
                           [200, 200, 200]),
    "pipelined after chunks": (CHUNKED + b"\r\n" + chunks(b"ab") +
                               b"0\r\n\r\n" + CLOSE, [200, 200]),
    "chunks with extensions": (CHUNKED + LAST + b"\r\n2;a=b\r\nab\r\n"
                               b"0;x\r\n\r\n", [200]),
    "chunks with trailers": (CHUNKED + b"\r\n" + chunks(b"ab") +
                             b"0\r\nx-sum: 1\r\n\r\n" + CLOSE, [200, 200]),
    "an empty line first": (b"\r\n" + CLOSE, [200]),
    "an absolute target": (b"GET http://y/ HTTP/1.1\r\n" + HOST + LAST +
                           b"\r\n", [200]),
    "HTTP/1.0": (b"GET / HTTP/1.0\r\n\r\n", [200]),
    "HTTP/1.0 that asks to be kept": (
        b"GET / HTTP/1.0\r\nconnection: keep-alive\r\n\r\n", [200]),
    "equal lengths twice": (POST + LAST + b"content-length: 2\r\n"
                            b"content-length: 2\r\n\r\nab", [200]),
    "OPTIONS *": (b"OPTIONS * HTTP/1.1\r\n" + HOST + LAST + b"\r\n", [404]),
    "no version": (b"GET /\r\n\r\n", [400]),
    "version 2.0": (b"GET / HTTP/2.0\r\n" + HOST + b"\r\n", [400]),
    "version 1.2": (b"GET / HTTP/1.2\r\n" + HOST + b"\r\n", [400]),
    "no host": (b"GET / HTTP/1.1\r\n\r\n", [400]),
    "two hosts": (GET + HOST + b"\r\n", [400]),
    "a bad host": (b"GET / HTTP/1.1\r\nhost: a/b\r\n\r\n", [400]),
    "a relative target": (b"GET x HTTP/1.1\r\n" + HOST + b"\r\n", [400]),
    "a target with a fragment": (b"GET /#a HTTP/1.1\r\n" + HOST + b"\r\n",
                                 [400]),
    "a space in the target": (b"GET /a b HTTP/1.1\r\n" + HOST + b"\r\n",
                              [400]),
    "a space before the colon": (GET + b"a : b\r\n\r\n", [400]),
    "a folded field": (GET + b"a: b\r\n c\r\n\r\n", [400]),
    "a field without a name": (GET + b": b\r\n\r\n", [400]),
    "a NUL in a field": (GET + b"a: b\0c\r\n\r\n", [400]),
    "a bare CR in a field": (GET + b"a: b\rc\r\n\r\n", [400]),
    "bare LF between fields": (b"GET / HTTP/1.1\nhost: x\n\n", [400]),
    "bare LF inside a field": (GET + b"a: b\nc: d\r\n\r\n", [400]),
    "bare LF in the empty line": (GET + b"\n", [400]),
    "length and chunks": (CHUNKED + b"content-length: 3\r\n\r\n0\r\n\r\n" +
                          CLOSE, [400]),
    "two lengths": (POST + b"content-length: 1\r\ncontent-length: 2\r\n"
                    b"\r\nab" + CLOSE, [400]),
    "a list of lengths": (POST + b"content-length: 2, 2\r\n\r\nab", [400]),
    "a signed length": (POST + b"content-length: +2\r\n\r\nab", [400]),
    "a negative length": (POST + b"content-length: -2\r\n\r\nab", [400]),
    "a hexadecimal length": (POST + b"content-length: 0x2\r\n\r\nab", [400]),
    "an endless length": (POST + b"content-length: " + b"9" * 30 + b"\r\n\r\n",
                          [400]),
    "an unknown coding": (POST + b"transfer-encoding: gzip\r\n\r\n", [400]),
    "gzip, chunked": (POST + b"transfer-encoding: gzip, chunked\r\n\r\n"
                      b"0\r\n\r\n", [400]),
    "chunked, identity": (POST + b"transfer-encoding: chunked, identity\r\n"
                          b"\r\n0\r\n\r\n", [400]),
    "chunked twice": (CHUNKED + b"transfer-encoding: chunked\r\n\r\n"
                      b"0\r\n\r\n", [400]),
    "a disguised coding": (POST + b"transfer-encoding: \x0bchunked\r\n\r\n"
                           b"0\r\n\r\n", [400]),
    "chunks of HTTP/1.0": (b"POST /echo HTTP/1.0\r\n"
                           b"transfer-encoding: chunked\r\n\r\n0\r\n\r\n",
                           [400]),
    "a chunk without a size": (CHUNKED + b"\r\n\r\nab\r\n0\r\n\r\n", [400]),
    "a chunk size with a sign": (CHUNKED + b"\r\n+2\r\nab\r\n0\r\n\r\n",
                                 [400]),
    "a chunk size with 0x": (CHUNKED + b"\r\n0x2\r\nab\r\n0\r\n\r\n", [400]),
    "a chunk size past 64 bits": (CHUNKED + b"\r\n10000000000000002\r\nab",
                                  [400]),
    "a chunk that is longer": (CHUNKED + b"\r\n2\r\nabc\r\n0\r\n\r\n", [400]),
    "a chunk's bare LF": (CHUNKED + b"\r\n2\nab\n0\n\n", [400]),
    "a bad trailer": (CHUNKED + b"\r\n0\r\na b: c\r\n\r\n", None),
    "no method": (b" / HTTP/1.1\r\n" + HOST + b"\r\n", [400]),
    "TLS where HTTP should be": (b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n",
                                 [400]),
    "an endless target": (b"GET /" + b"a" * 200000, [431]),
    "an endless field": (GET + b"a: " + b"b" * 200000, [431]),
    "endless fields": (GET + b"a: b\r\n" * 40000, [431]),
    "too large a body": (POST + b"content-length: 99999999\r\n\r\n", [413]),
    "too large a chunk": (CHUNKED + b"\r\nfffffff\r\n", [413]),
    "too large together": (CHUNKED + b"\r\n" + chunks(b"a" * 1000) +
                           b"1fffff\r\n", [413]),
    "a bare LF in a chunk's extension": (CHUNKED + b"\r\n1;\nGET / HTTP/1.1\r\n"
                                         b"a\r\n0\r\n\r\n", [400]),
}


def shapes(report, server):
    for name, (data, expected) in SHAPES.items():
        def test(data=data, expected=expected):
            found = statuses(server.raw(data))
            if expected is None:
                assert all(code < 600 for code in found), found
            elif expected[-1] is None:
                assert not found or found[0] in (expected[0], 500), found
            else:
                equal(found, expected)
        report.check(f"serve: {name}", test)


def exchanges(report, server):
    def bodies():
        for size in (0, 1, 4096, 100000, 1 << 20):
            data = pattern(size)
            equal(server.get("/echo", "POST", data), (200, data))
            parts = iter([data[:7], data[7:70000], data[70000:] or b"."])
            status, body = server.get("/echo", "POST", parts, headers={
                "transfer-encoding": "chunked"}, encode_chunked=True)
            assert (status, body[:size]) == (200, data)
    report.check("serve: bodies by length and in chunks", bodies)

    def head():
        answer = server.raw(b"HEAD /big?n=100000 HTTP/1.1\r\n" + HOST + LAST +
                            b"\r\n")
        assert answer.endswith(b"\r\n\r\n") and b"xxx" not in answer, answer
        equal(statuses(answer), [200])
    report.check("serve: HEAD has no body", head)

    def old():
        answer = server.raw(b"GET /big?n=100000 HTTP/1.0\r\n\r\n")
        assert b"chunked" not in answer
        equal(answer.split(b"\r\n\r\n", 1)[1], b"x" * 100000)
    report.check("serve: HTTP/1.0 gets no chunks", old)

    def expect():
        with server.connect() as peer:
            peer.sendall(POST + LAST + b"content-length: 5\r\n"
                         b"expect: 100-continue\r\n\r\n")
            first = peer.recv(1000)
            equal(first, b"HTTP/1.1 100 Continue\r\n\r\n")
            peer.sendall(b"hello")
            assert read_all(peer).rstrip().endswith(b"hello\r\n0")
    report.check("serve: 100-continue", expect)

    def no_continue():
        with server.connect() as peer:
            peer.sendall(POST + b"content-length: 99999999\r\n"
                         b"expect: 100-continue\r\n\r\n")
            equal(statuses(read_all(peer)), [413])
    report.check("serve: no continue to what is refused", no_continue)

    def date():
        answer = server.raw(CLOSE).lower()
        assert b"\r\ndate: " in answer and b"\r\nconnection: close" in answer
    report.check("serve: Date, and whether the connection is kept", date)

    def authority():
        answer = server.raw(b"GET http://y:1/fields HTTP/1.0\r\n" + HOST +
                            b"a: 1\r\nA: 2\r\nConnection: close\r\n\r\n")
        assert b"y:1" in answer and b"host" not in answer, answer
        assert b"a: 1" in answer and b"A: 2" in answer, answer
    report.check("serve: an absolute target names the authority", authority)

    def half_closed():
        with server.connect() as peer:
            peer.sendall(GET + b"\r\n")
            peer.shutdown(socket.SHUT_WR)
            equal(statuses(read_all(peer)), [200])
    report.check("serve: a client that has said all", half_closed)

    def refused_while_sending():
        with server.connect() as peer:
            peer.sendall(POST + b"content-length: 99999999\r\n\r\n")
            try:
                for _ in range(40):
                    peer.sendall(b"x" * 16384)
            except ConnectionError:
                pass
            equal(statuses(read_all(peer)), [413])
    report.check("serve: a refusal reaches who still sends",
                 refused_while_sending)


# ---- packets ---------------------------------------------------------------------

def packets(report, server):
    def one():
        """Head, body and end in one: a single receive has them all."""
        with server.connect() as peer:
            for _ in range(20):
                peer.sendall(GET + b"\r\n")
                answer = peer.recv(65536)
                assert answer.endswith(b"0\r\n\r\n"), answer
    report.check("serve: a small answer is one packet", one)

    def drip():
        """What was said before a wait arrives before it ends; once of thrice,
        should this process have been away for as long."""
        begun = []
        for _ in range(3):
            with server.connect() as peer:
                peer.sendall(b"GET /drip?n=150 HTTP/1.1\r\n" + HOST + LAST
                             + b"\r\n")
                answer = b""
                while b"begun" not in answer:
                    answer += peer.recv(65536)
                begun.append(b"ended" not in answer)
                answer += read_all(peer)
                assert b"begun" in answer and b"ended" in answer, answer
        assert any(begun), "it came with the rest"
    report.check("serve: nothing is kept back while the guest waits", drip)


# ---- time ----------------------------------------------------------------------

def timing(report):
    with Server("--header-timeout", "400ms", "--body-timeout", "500ms",
                "--idle-timeout", "300ms", "-W", "timeout=2s") as server:
        def within(seconds, test):
            start = time.monotonic()
            test()
            took = time.monotonic() - start
            assert took < seconds, f"{took} s"

        def slow_head(peer):
            peer.sendall(b"GET / HT")
            equal(statuses(read_all(peer)), [408])

        def dripping_head(peer):
            """A byte at a time must not extend the time."""
            end = time.monotonic() + 5
            peer.settimeout(0.05)
            answer = b""
            peer.sendall(b"GET / HTTP/1.1\r\n")
            while time.monotonic() < end:
                try:
                    peer.sendall(b"a")
                    part = peer.recv(1000)
                    answer += part
                    if not part:
                        break
                except TimeoutError:
                    pass
                except ConnectionError:
                    break
            equal(statuses(answer), [408])

        def slow_body(peer):
            peer.sendall(POST + b"content-length: 10\r\n\r\nhel")
            equal(statuses(read_all(peer)), [408])

        def idle(peer):
            equal(read_all(peer), b"")

        def idle_again(peer):
            peer.sendall(GET + b"\r\n")
            equal(statuses(read_all(peer)), [200])

        def not_reading(peer):
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            peer.sendall(b"GET /big?n=90000000 HTTP/1.1\r\n" + HOST + b"\r\n")
            with server.connect() as other:
                other.sendall(CLOSE)
                equal(statuses(read_all(other)), [200])
        for name, test in (("half a head", slow_head),
                           ("a head by drips", dripping_head),
                           ("half a body", slow_body),
                           ("an idle connection", idle),
                           ("an idle one, after a request", idle_again),
                           ("a client that does not read", not_reading)):
            def run(test=test):
                with server.connect() as peer:
                    within(4, lambda: test(peer))
            report.check(f"serve: {name} holds nothing up", run)

        def many_slow():
            peers = [server.connect() for _ in range(300)]
            for peer in peers:
                peer.sendall(b"GET / HT")
            within(3, lambda: equal(server.get("/"), (200, b"hello")))
            for peer in peers:
                peer.close()
        report.check("serve: 300 slow heads at once", many_slow)

        def held_up():
            """More guests that wait than there are processes."""
            peers = [server.connect() for _ in range(6)]
            for peer in peers:
                peer.sendall(b"GET /wait?n=1500 HTTP/1.1\r\n" + HOST + LAST +
                             b"\r\n")
            within(1.4, lambda: equal(server.get("/"), (200, b"hello")))
            for peer in peers:
                equal(statuses(read_all(peer)), [200])
                peer.close()
        report.check("serve: guests that wait hold no others up", held_up)


def ending(report):
    def graceful():
        with Server() as server, server.connect() as peer, \
                server.connect() as idle:
            idle.sendall(GET + b"\r\n")
            assert idle.recv(1000).startswith(b"HTTP/1.1 200")
            peer.sendall(b"GET /wait?n=700 HTTP/1.1\r\n" + HOST + b"\r\n")
            wait_until_busy(server)
            server.process.send_signal(signal.SIGTERM)
            answer = read_all(peer)
            equal(statuses(answer), [200])
            assert b"waited" in answer
            equal(server.process.wait(timeout=10), 0)
    report.check("serve: SIGTERM lets what has begun be answered", graceful)

    def early():
        for n in range(64):
            with Server(workers=16) as server:
                while len(children(server.process.pid)) < n % 16:
                    pass
                server.process.terminate()
                equal(server.process.wait(timeout=10) in (0, -15), True)
    report.check("serve: SIGTERM while processes are being started", early)

    def killed_worker():
        with Server(workers=1) as server:
            equal(server.get("/"), (200, b"hello"))
            for _ in range(5):
                for pid in children(server.process.pid):
                    os.kill(pid, signal.SIGKILL)
                equal(server.get("/"), (200, b"hello"))
    report.check("serve: a killed process is replaced", killed_worker)


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return [int(word) for word in file.read().split()]


def wait_until_busy(server):
    """The request is with its guest: its process has drained the socket."""
    deadline = time.monotonic() + 5
    pattern_ = f":{server.port:04X} "
    while time.monotonic() < deadline:
        with open("/proc/net/tcp", encoding="ascii") as file:
            rows = [line.split() for line in file if pattern_ in line]
        waiting = [row for row in rows if row[1].endswith(pattern_.strip())
                   and row[3] == "01" and not row[4].endswith(":00000000")]
        if len([r for r in rows if r[3] == "01"]) >= 4 and not waiting:
            return


# ---- TLS -----------------------------------------------------------------------

def tls(report, signer):
    both = signer.leaf("server", "DNS:localhost,IP:127.0.0.1")
    trust = ssl.create_default_context(cafile=signer.root)

    def get(server, method="GET", path="/", body=None, context=trust):
        connection = http.client.HTTPSConnection(
            "127.0.0.1", server.port, timeout=30, context=context)
        connection.request(method, path, body=body)
        answer = connection.getresponse()
        return answer.status, answer.read()

    with Server("--tls-cert", both) as server:
        report.check("serve: HTTPS", lambda: equal(
            get(server), (200, b"hello")))
        data = pattern(1 << 20)
        report.check("serve: a megabyte up and down over TLS", lambda: equal(
            get(server, "POST", "/echo", data), (200, data)))

        def versions():
            for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
                context = ssl.create_default_context(cafile=signer.root)
                context.minimum_version = context.maximum_version = version
                context.set_alpn_protocols(["h2", "http/1.1"])
                with context.wrap_socket(server.connect(),
                                         server_hostname="localhost") as peer:
                    equal(peer.selected_alpn_protocol(), "http/1.1")
                    equal(peer.version(), version.name.replace("_", "."))
                    peer.sendall(CLOSE)
                    equal(statuses(read_all(peer)), [200])
        report.check("serve: TLS 1.2 and 1.3, with ALPN and a goodbye",
                     versions)

        def refused():
            context = ssl.create_default_context(cafile=signer.root)
            with context.wrap_socket(server.connect(),
                                     server_hostname="localhost") as peer:
                peer.sendall(GET + b"a: b\r\n c\r\n\r\n")
                equal(statuses(read_all(peer)), [400])
        report.check("serve: a refusal over TLS", refused)

        def plain():
            with server.connect() as peer:
                peer.sendall(CLOSE)
                assert b"HTTP/1.1 2" not in read_all(peer)
            equal(get(server), (200, b"hello"))
        report.check("serve: HTTP where TLS should be", plain)

    def bad_files():
        run = subprocess.run([VYOMA, "serve", "--tls-cert", VYOMA, SERVICE],
                             capture_output=True, check=False, timeout=30)
        assert run.returncode == 1 and b"PEM" in run.stderr, run
    report.check("serve: --tls-cert of something else", bad_files)


# ---- against another parser ------------------------------------------------------

class Node:
    """strict.mjs, which knows nothing of us."""

    def __init__(self):
        self.process = subprocess.Popen(
            ["node", os.path.join(HERE, "strict.mjs")], stdout=subprocess.PIPE)
        self.port = int(self.process.stdout.readline())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


def send(port, data):
    """Sends all, and our end; what comes back until theirs."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as peer:
        peer.sendall(data)
        peer.shutdown(socket.SHUT_WR)
        try:
            return read_all(peer)
        except ConnectionError:
            return b""


def bodies_of(answer):
    """Of each complete response of 200 or 404."""
    found = []
    while answer:
        head, _, answer = answer.partition(b"\r\n\r\n")
        if head.startswith(b"HTTP/1.1 1"):
            continue
        if b"chunked" not in head:
            break  # one of our own: a refusal, the last
        body = b""
        while True:
            size, _, answer = answer.partition(b"\r\n")
            size = int(size or b"0", 16)
            body, answer = body + answer[:size], answer[size + 2:]
            if not size:
                break
        found.append(body.decode("latin1"))
    return found


def what_node_saw(node):
    """As the bodies with which the service would have answered."""
    connection = http.client.HTTPConnection("127.0.0.1", node.port, timeout=30)
    connection.request("GET", "/--seen")
    seen = json.loads(connection.getresponse().read())
    answers = {"/": lambda body: "hello", "/echo": lambda body: body}
    return [answers.get(target, lambda body: "no such path")(body)
            for target, body in seen]


def mutations(seed, count):
    """Requests, whole, followed by another, and then with a byte or line
    changed: the kind of difference that smuggles."""
    rng = random.Random(seed)
    inserts = [b"\r", b"\n", b"\r\n", b" ", b"\t", b"\0", b":", b",", b";",
               b"0", b"1", b"a", b"\x80", b"chunked", b"content-length: 1\r\n",
               b"transfer-encoding: chunked\r\n", b"transfer-encoding: x\r\n",
               b"host: y\r\n", b"expect: 100-continue\r\n",
               b"connection: close\r\n"]
    seeds = [GET + b"\r\n", POST + b"content-length: 5\r\n\r\nhello",
             CHUNKED + b"\r\n" + chunks(b"he", b"llo") + b"0\r\n\r\n",
             CHUNKED + b"\r\n" + chunks(b"hello") + b"0\r\na: b\r\n\r\n"]
    for _ in range(count):
        data = rng.choice(seeds)
        for _ in range(rng.choice((1, 1, 2))):
            at = rng.randrange(len(data))
            size = rng.choice((0, 0, 1, 2))
            data = data[:at] + rng.choice(inserts) + data[at + size:]
        yield data + CLOSE


def differential(report, server):
    """Two strict parsers: as far as both take what comes, they must see the
    same requests, with the same bodies."""
    if not shutil.which("node"):
        report.skip("serve: against node's parser", "node is not installed")
        return

    def test():
        found, both = [], 0
        count = int(os.environ.get("HTTP_MUTATIONS", "400"))
        with Node() as node:
            for data in mutations(1857, count):
                ours = bodies_of(send(server.port, data))
                send(node.port, data)
                theirs = what_node_saw(node)
                common = min(len(ours), len(theirs))
                both += common
                if ours[:common] != theirs[:common]:
                    found.append((data, ours, theirs))
        assert not found, "\n".join(map(repr, found[:15]))
        assert both > count // 10, f"only {both} requests compared"
    report.check("serve: node's parser sees the same requests", test)


def load(report, server):
    """Many clients at once, each request answered, none refused."""
    def test():
        failures = []

        def client():
            connection = http.client.HTTPConnection("127.0.0.1", server.port,
                                                    timeout=30)
            for _ in range(50):
                connection.request("GET", "/")
                if connection.getresponse().read() != b"hello":
                    failures.append(1)
        threads = [threading.Thread(target=client) for _ in range(30)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        equal(failures, [])
    report.check("serve: 30 clients at once", test)


def run(report, signer):
    if not os.path.exists(SERVICE):
        report.skip("serve", "service.wasm is not built (make test)")
        return
    with Server("--max-body", "2M", "-W",
                "timeout=700ms,max-memory-size=32M") as server:
        guests(report, server)
        packets(report, server)
        shapes(report, server)
        exchanges(report, server)
        load(report, server)
        differential(report, server)
    timing(report)
    ending(report)
    tls(report, signer)
