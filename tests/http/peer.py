"""Servers for the client's tests: TLS or plain, honest or not."""
import socket
import ssl
import threading


class Peer:
    """Listens on 127.0.0.1; each connection goes to `handle` in a thread.

    With `context` the handshake has been made when `handle` is called; a
    client that breaks it off is noted in `refused`.
    """

    def __init__(self, handle, context=None):
        self.handle, self.context = handle, context
        self.refused = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.connections = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.close()

    def _accept(self):
        while True:
            try:
                peer, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=[peer],
                             daemon=True).start()

    def _serve(self, peer):
        peer.settimeout(60)
        try:
            if self.context:
                peer = self.context.wrap_socket(peer, server_side=True)
            self.handle(peer)
        except ssl.SSLError as error:
            self.refused.append(error.reason or str(error))
        except OSError:
            pass  # it has gone: what it printed will tell
        finally:
            peer.close()


def context(certificate, **more):
    """A server's; more: minimum_version, maximum_version, and so on."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(certificate)
    for name, value in more.items():
        setattr(made, name, value)
    return made


# ---- handlers ----------------------------------------------------------------

def read_request(peer):
    """(head, body) of one request, by either framing; None at the end."""
    data = b""
    while b"\r\n\r\n" not in data:
        part = peer.recv(65536)
        if not part:
            return None
        data += part
    head, body = data.split(b"\r\n\r\n", 1)
    lower = head.lower()
    if b"transfer-encoding: chunked" in lower:
        while not body.endswith(b"0\r\n\r\n"):
            body += peer.recv(65536)
        return head, unchunk(body)
    length = 0
    for line in lower.split(b"\r\n"):
        if line.startswith(b"content-length:"):
            length = int(line.split(b":")[1])
    while len(body) < length:
        body += peer.recv(65536)
    return head, body


def unchunk(data):
    body = b""
    while True:
        size, data = data.split(b"\r\n", 1)
        size = int(size, 16)
        if not size:
            return body
        body, data = body + data[:size], data[size + 2:]


def echo(peer):
    """Answers as often as it is asked: the body, or "hello"."""
    while (request := read_request(peer)) is not None:
        body = request[1] or b"hello"
        peer.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n"
                     % len(body) + body)


def bye(peer):
    """TLS's goodbye, then the end."""
    if isinstance(peer, ssl.SSLSocket):
        try:
            peer.unwrap()
        except (ssl.SSLError, OSError):
            pass


def until_close(goodbye):
    """A body that ends with the connection, with or without the goodbye."""
    def handle(peer):
        read_request(peer)
        peer.sendall(b"HTTP/1.1 200 OK\r\n\r\nall there is")
        if goodbye:
            bye(peer)
    return handle


def cut_after_length(peer):
    read_request(peer)
    peer.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello")


def cut_in_body(peer):
    read_request(peer)
    peer.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\nhello")
    bye(peer)


def answers(data):
    def handle(peer):
        peer.recv(65536)
        peer.sendall(data)
        peer.recv(65536)
    return handle


def says(data):
    """Whatever it is asked; then its end, once the client has heard all."""
    def handle(peer):
        read_request(peer)
        try:
            peer.sendall(data)
            peer.shutdown(socket.SHUT_WR)
            peer.recv(65536)
        except OSError:
            pass
    return handle


def silent(peer):
    """Takes what comes and never answers."""
    while peer.recv(65536):
        pass


# ---- between client and server -------------------------------------------------

def relay(port, change, step=65536):
    """A handler that passes bytes to and from 127.0.0.1:port, `step` at a time;
    what the server says goes through `change`."""
    def pump(source, sink, convert):
        try:
            while data := source.recv(step):
                sink.sendall(convert(data))
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def handle(peer):
        with socket.create_connection(("127.0.0.1", port)) as server:
            server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            up = threading.Thread(target=pump, daemon=True,
                                  args=[peer, server, lambda data: data])
            up.start()
            pump(server, peer, change)
            up.join(60)
    return handle


class Flip:
    """Flips a bit of the byte at a position in what passes."""

    def __init__(self, position):
        self.left = position

    def __call__(self, data):
        at, self.left = self.left, self.left - len(data)
        if not 0 <= at < len(data):
            return data
        return data[:at] + bytes([data[at] ^ 1]) + data[at + 1:]
