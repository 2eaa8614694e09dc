#!/usr/bin/python3
"""Requests per second and latency of a component that says hello, under wrk,
beside jco's server on node, which `make bench-host-peers` installed.

usage: serve.py [--seconds N] [--json FILE]

The component is tests/wasi/c/http.c, at its path "/".  wrk uses two threads
and 64 connections.  CPU time per request is that of the server alone: on a
busy machine it says more than the rate.
"""
import argparse
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))
OUT = os.path.join(ROOT, "build", "bench")
SOURCE = os.path.join(ROOT, "tests", "wasi", "c", "http.c")
WORLD = os.path.join(ROOT, "tests", "wasi", "c", "http.wit")
JCO = os.path.join(HERE, "node_modules", ".bin", "jco")
HELLO = b"Hello from a component!\n"
UNITS = {"us": 1e-3, "ms": 1.0, "s": 1e3, "m": 6e4}


def build():
    """The component's path."""
    core = os.path.join(OUT, "http.core.wasm")
    out = os.path.join(OUT, "http.wasm")
    if os.path.exists(out) and (os.path.getmtime(out)
                                > os.path.getmtime(SOURCE)):
        return out
    subprocess.run(["clang-19", "--target=wasm32-wasi", "-O2", "-nostdlib",
                    "-mexec-model=reactor", "-Wl,--no-entry", "-Wl,-s",
                    "-o", core, SOURCE], check=True)
    with tempfile.TemporaryDirectory() as wit:
        shutil.copy(WORLD, wit)
        official = os.path.join(ROOT, "wasi", "wit")
        for package in os.listdir(official):
            folder = os.path.join(official, package)
            if os.path.isdir(folder) and package != "vyoma":
                shutil.copytree(folder, os.path.join(wit, "deps", package))
        subprocess.run(["node", os.path.join(ROOT, "tests", "wasi",
                                             "build.mjs"),
                        "embed", core, wit, "http", out], check=True)
    return out


# ---- servers -----------------------------------------------------------------

def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """A server process; `cpu` is its seconds and its children's, at the end.
    """

    def __init__(self, command, port):
        self.url = f"http://127.0.0.1:{port}/"
        self.log = tempfile.TemporaryFile()
        self.cpu = None
        self.process = subprocess.Popen(command, stdout=self.log,
                                        stderr=self.log, cwd=OUT)

    def __enter__(self):
        until = time.monotonic() + 60
        while time.monotonic() < until and self.process.poll() is None:
            try:
                with urllib.request.urlopen(self.url, timeout=10) as answer:
                    if answer.read() == HELLO:
                        return self
                break
            except OSError:
                time.sleep(0.2)  # somebody else's server says nothing
        self.__exit__()
        self.log.seek(0)
        raise OSError(f"{self.process.args[0]} does not serve: "
                      + self.log.read().decode(errors="replace")[-500:])

    def __exit__(self, *unused):
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGTERM)
            _, status, usage = os.wait4(self.process.pid, 0)
            self.process.returncode = status
            self.cpu = usage.ru_utime + usage.ru_stime


def servers(component):
    """{name: (command, port)}"""
    port = free_port()
    vyoma = os.environ.get("VYOMA") or os.path.join(ROOT, "build", "vyoma")
    found = {"vyoma": ([vyoma, "serve", component, "--addr",
                        f"127.0.0.1:{port}"], port)}
    if os.path.exists(JCO):
        # With --help as the component's argument it would only print.
        port = free_port()
        found["jco"] = (["node", os.path.realpath(JCO), "serve", component,
                         "--port", str(port), "--host", "127.0.0.1"], port)
    return found


# ---- wrk ---------------------------------------------------------------------

def milliseconds(text):
    number, unit = re.fullmatch(r"([\d.]+)([a-z]+)", text).groups()
    return float(number) * UNITS[unit]


def wrk(url, seconds):
    done = subprocess.run(["wrk", "-t2", "-c64", f"-d{seconds}s", "--latency",
                           url], capture_output=True, text=True, check=True)
    text = done.stdout

    def find(pattern):
        found = re.search(pattern, text)
        return found.groups() if found else None

    latency = {p: milliseconds(find(rf"\n\s+{p}%\s+(\S+)")[0])
               for p in (50, 99)}
    errors = sum(map(int, find(r"Socket errors: connect (\d+), read (\d+), "
                               r"write (\d+), timeout (\d+)") or ()))
    bad = find(r"Non-2xx or 3xx responses: (\d+)")
    return {"requests": int(find(r"(\d+) requests in")[0]),
            "per_second": float(find(r"Requests/sec:\s+([\d.]+)")[0]),
            "p50_ms": latency[50], "p99_ms": latency[99],
            "errors": errors + int(bad[0] if bad else 0)}


def measure(command, port, seconds):
    server = Server(command, port)
    with server:
        result = wrk(server.url, seconds)
    result["cpu_us"] = server.cpu * 1e6 / max(result["requests"], 1)
    return result


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=int, default=30)
    parser.add_argument("--json", metavar="FILE")
    options = parser.parse_args()
    if not shutil.which("wrk"):
        sys.exit("serve.py: wrk is not installed (Debian package wrk)")
    component = build()
    results = {}
    print(f"{'hello over HTTP':16}{'requests/s':>12}{'p50 ms':>9}"
          f"{'p99 ms':>9}{'errors':>8}{'CPU us each':>13}")
    for name, (command, port) in servers(component).items():
        try:
            r = results[name] = measure(command, port, options.seconds)
        except OSError as error:
            print(f"- {name}: {error}")
            if name == "vyoma":
                return 1
            continue
        print(f"{name:16}{r['per_second']:12,.0f}{r['p50_ms']:9.2f}"
              f"{r['p99_ms']:9.2f}{r['errors']:8}{r['cpu_us']:13.1f}",
              flush=True)
    if options.json:
        with open(options.json, "w") as file:
            json.dump(results, file, indent=1)
    return 1 if results["vyoma"]["errors"] else 0


if __name__ == "__main__":
    sys.exit(main())
