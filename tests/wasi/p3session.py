"""One preview 3 program of wasi-testsuite under its JSON file's list of
operations: a command under `vyoma run`, or a service under `vyoma serve` with
the servers it talks to.  What goes wrong is an AssertionError."""
import http.client
import http.server
import signal
import socket
import subprocess
import threading


# ---- the servers that a program talks to ---------------------------------------

class Endpoint(http.server.BaseHTTPRequestHandler):
    """Answers as `self.server.routes` says, by method and target."""
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def body(self):
        """The body and the trailers of the request."""
        if self.headers.get("transfer-encoding", "").lower() != "chunked":
            size = int(self.headers.get("content-length", 0))
            return self.rfile.read(size), []
        parts = []
        while size := int(self.rfile.readline().split(b";")[0] or b"0", 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        trailers = []
        while line := self.rfile.readline().strip():
            name, value = line.decode().split(":", 1)
            trailers.append((name.strip(), value.strip()))
        return b"".join(parts), trailers

    def answer(self, status, fields, chunks, trailers=None):
        """One chunk goes by its length, a list of them in chunks."""
        whole = isinstance(chunks, bytes)
        self.send_response(status)
        for name, value in fields:
            self.send_header(name, value)
        self.send_header(*(("content-length", str(len(chunks))) if whole
                           else ("transfer-encoding", "chunked")))
        self.send_header("connection", "close")
        self.end_headers()
        self.close_connection = True
        if self.command == "HEAD":
            return
        if whole:
            self.wfile.write(chunks)
            return
        for chunk in chunks:
            self.wfile.write(f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n")
        lines = [f"{name}: {value}\r\n" for name, value in (trailers or {}).items()]
        self.wfile.write(("0\r\n" + "".join(lines) + "\r\n").encode())

    def serve(self):
        route = self.server.routes.get((self.command, self.path))
        body, trailers = self.body()
        if not route:
            self.answer(404, [], b"")
        elif route.get("mode") == "echo-body":
            self.answer(200, [], body)
        elif route.get("mode") == "echo-headers":
            fields = [("x-request-method", self.command),
                      ("x-request-path", self.path)]
            fields += [("x-echo-" + n, v) for n, v in self.headers.items()]
            fields += [("x-trailer-" + n, v) for n, v in trailers]
            self.answer(200, fields, b"")
        else:
            wanted = route["response"]
            chunks = [part.encode() for part in wanted.get("chunks", [])]
            self.answer(wanted["status"], wanted.get("headers", {}).items(),
                        chunks or wanted.get("body", "").encode(),
                        wanted.get("trailers"))

    do_GET = do_POST = do_PUT = do_DELETE = serve
    do_PATCH = do_OPTIONS = do_HEAD = serve


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass  # a client that goes away is part of a test


def start_server(spec):
    server = Server(("127.0.0.1", 0), Endpoint)
    server.routes = {(e["method"], e["path"]): e for e in spec["endpoints"]}
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def closed_port():
    """One that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as gone:
        return gone.getsockname()[1]


# ---- the session ----------------------------------------------------------------

class Session:
    def __init__(self, vyoma, program, spec, args):
        self.vyoma, self.program, self.args = vyoma, program, args
        self.spec, self.process, self.port = spec, None, None
        self.is_service = spec.get("world") == "wasi:http/service"
        self.peers, self.servers = {}, []
        self.operations = spec.get("operations") or [
            {"type": "run", **spec}, {"type": "wait", **spec}]

    def play(self):
        try:
            for operation in self.operations:
                getattr(self, "do_" + operation["type"])(operation)
        finally:
            for peer in self.peers.values():
                peer.close()
            for server in self.servers:
                server.shutdown()
                server.server_close()
            if self.process and self.process.poll() is None:
                self.process.kill()
                self.process.communicate()

    def environment(self, operation):
        env = dict(operation.get("env", {}))
        for spec in self.spec.get("servers", []):
            name = "HTTP_SERVER_" + spec["name"].upper()
            if spec.get("kind") == "closed":
                port = closed_port()
            else:
                self.servers.append(start_server(spec))
                port = self.servers[-1].server_address[1]
            env[name] = f"127.0.0.1:{port}"
        return [f"--env={key}={value}" for key, value in env.items()]

    def do_run(self, operation):
        options = [*self.args, *self.environment(operation)]
        if self.is_service:
            command = ["serve", "--addr", "127.0.0.1:0", *options, self.program]
        else:
            command = ["run", *options, self.program,
                       *operation.get("args", [])]
        self.process = subprocess.Popen(
            [self.vyoma, *command], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if self.is_service:
            line = self.process.stdout.readline().decode()
            assert "http://" in line, line
            self.port = int(line.rstrip("/\n").rsplit(":", 1)[1])

    def do_request(self, operation):
        connection = http.client.HTTPConnection("127.0.0.1", self.port,
                                                timeout=60)
        connection.request(operation["method"], operation["path"],
                           operation.get("body", "").encode() or None,
                           operation.get("headers", {}))
        answer = connection.getresponse()
        body = answer.read().decode()
        connection.close()
        wanted = operation["response"]
        fields = {name: answer.headers.get(name)
                  for name in wanted.get("headers", {})}
        got = answer.status, fields, body
        if got != (wanted["status"], wanted.get("headers", {}),
                   wanted.get("body", "")):
            self.process.terminate()
            said = self.process.communicate()[1].decode()[-1500:]
            raise AssertionError(f"answered {got}, expected {wanted}\n{said}")

    def do_kill(self, operation):
        self.process.send_signal(getattr(signal, operation["signal"]))

    def do_write(self, operation):
        self.process.stdin.write(operation["payload"].encode())
        self.process.stdin.close()
        self.process.stdin = None

    def do_read(self, operation):
        stream = getattr(self.process, operation["id"])
        wanted = operation["payload"].encode()
        got = stream.read(len(wanted))
        assert got == wanted, (operation["id"], got, wanted)

    def do_connect(self, operation):
        host, port = self.process.stdout.readline().decode().rsplit(":", 1)
        self.peers[operation["id"]] = socket.create_connection(
            (host, int(port)), timeout=60)

    def do_send(self, operation):
        self.peers[operation["id"]].sendall(operation["payload"].encode())

    def do_recv(self, operation):
        wanted, got = operation["payload"].encode(), b""
        while len(got) < len(wanted):
            part = self.peers[operation["id"]].recv(4096)
            assert part, (got, wanted)
            got += part
        assert got == wanted, (got, wanted)

    def do_wait(self, operation):
        out, err = self.process.communicate(timeout=60)
        status = operation.get("exit_code", 0)
        assert self.process.returncode == status, (
            f"exit status {self.process.returncode}, expected {status}\n"
            f"stdout: {out.decode()[-1000:]}\nstderr: {err.decode()[-1500:]}")
