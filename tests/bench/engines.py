"""The engines that are compared: this one, and the peers found here.

`make bench-peers` installs wasmi and node; WASM3 and IWASM name programs.
"""
import os
import platform
import subprocess

import programs
import sources

PEERS = os.path.join(sources.CACHE, "peers")
WASI_SHIM = os.path.join(sources.HERE, "node_wasi.mjs")
# Baseline code only: without this flag hot code is compiled again.
LIFTOFF = ["--no-warnings", "--liftoff-only"]


def node():
    """node from npm, as pinned; else that of the machine; else None."""
    arch = {"x86_64": "x64", "aarch64": "arm64"}.get(platform.machine(), "?")
    path = os.path.join(PEERS, "node_modules", f"node-linux-{arch}", "bin",
                        "node")
    if os.path.exists(path):
        return path
    for folder in os.environ.get("PATH", "").split(os.pathsep):
        if os.access(os.path.join(folder, "node"), os.X_OK):
            return os.path.join(folder, "node")
    return None


def first_line(command):
    done = subprocess.run(command, capture_output=True, text=True)
    lines = (done.stdout + done.stderr).strip().splitlines()
    return lines[0] if lines else "unknown"


def find():
    """{name: (command before the program's path, version)}; native has no
    command.  In the order of the table's columns."""
    vyoma = os.environ.get("VYOMA") or os.path.join(programs.ROOT, "build",
                                                    "vyoma")
    found = {"vyoma": ([vyoma, "run"], "this tree")}
    if os.environ.get("WASM3"):
        path = os.environ["WASM3"]
        found["wasm3"] = ([path], first_line([path, "--version"]))
    path = os.path.join(PEERS, "bin", "wasmi")
    if os.path.exists(path):
        found["wasmi"] = [path, "run"], first_line([path, "--version"])
    if os.environ.get("IWASM"):
        path = os.environ["IWASM"]
        found["iwasm"] = ([path], first_line([path, "--version"]))
    path = node()
    if path:
        version = "node " + first_line([path, "--version"])
        found["liftoff"] = ([path, *LIFTOFF, WASI_SHIM], version)
        found["v8"] = ([path, "--no-warnings", WASI_SHIM], version)
    found["native"] = (None, first_line([programs.CLANG, "--version"])
                       + " -O2")
    return found
