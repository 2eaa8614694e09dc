#!/usr/bin/python3
"""Crossings between guests and hosts, in nanoseconds of CPU time: this engine
beside the peers that `make bench-host-peers` installed.

usage: run.py --driver PROGRAM [--large COMPONENT] [--json FILE] GUEST.wasm

A small component is made of C with the preview 1 adapter, a large one of
JavaScript with its engine: both by what `make bench-host-peers` installed.  The host functions of "string in" and "records" are C in vyoma,
JavaScript under jco, and Python under wasmtime, whose own part is the less.
"""
import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))
KINDS = {
    "clock": "clock now",
    "write-1": "stream write, 1 byte",
    "write-4k": "stream write, 4 KB",
    "write-1m": "stream write, 1 MB",
    "string-in": "string of 32 bytes in",
    "records-16": "list of 16 records in and out",
    "poll-4": "list of 4 handles in, list out",
    "environment": "list of 4 string pairs out",
    "call": "component to component",
    "call-string": "... with a string of 32 bytes",
    "call-records": "... 64 records there and back",
}
UNITS = {"per-second": "instances per second", "bytes": "bytes per instance"}
JCO = os.path.join(HERE, "node_modules", ".bin", "jco")
OUT = os.path.join(ROOT, "build", "bench")


def run(command, stream="stdout"):
    """The JSON object that a program prints last; None when it fails."""
    done = subprocess.run(command, capture_output=True, text=True,
                          errors="replace",
                          env={**os.environ, "A": "1", "B": "2"})
    lines = getattr(done, stream).strip().splitlines()
    if done.returncode or not lines:
        print(f"{command[0]}: {done.stderr.strip()[-300:]}", file=sys.stderr)
        return None
    return json.loads(lines[-1])


# ---- components to make instances of ----------------------------------------

def official_wit(folder):
    """Copies the official packages to `folder`/deps."""
    official = os.path.join(ROOT, "wasi", "wit")
    for package in os.listdir(official):
        source = os.path.join(official, package)
        if os.path.isdir(source) and package != "vyoma":
            shutil.copytree(source, os.path.join(folder, "deps", package))


def small():
    """hello.c through the adapter."""
    core, out = (os.path.join(OUT, n) for n in ("small.core.wasm",
                                                "small.wasm"))
    if not os.path.exists(out):
        subprocess.run(["clang-19", "--target=wasm32-wasi", "-Os", "-Wl,-s",
                        "-o", core, os.path.join(HERE, "..", "load",
                                                 "hello.c")], check=True)
        subprocess.run([JCO, "new", core, "--wasi-command", "-o", out],
                       check=True, stdout=subprocess.DEVNULL)
    return out


def large():
    """A greeting in JavaScript, with its engine."""
    out = os.path.join(OUT, "large.wasm")
    if not os.path.exists(out):
        js = os.path.join(ROOT, "tests", "wasi", "js")
        with tempfile.TemporaryDirectory() as wit:
            shutil.copy(os.path.join(js, "greeting.wit"), wit)
            official_wit(wit)
            subprocess.run(["node", os.path.join(js, "..", "build.mjs"), "js",
                            os.path.join(js, "greeting.js"), wit, "greeting",
                            out], check=True, stdout=subprocess.DEVNULL)
    return out


# ---- engines -----------------------------------------------------------------

def wasmtime(guest, components):
    python = os.path.join(ROOT, "build", "bench", "venv", "bin", "python")
    if not os.path.exists(python):
        return None
    return run([python, os.path.join(HERE, "peer_wasmtime.py"), guest,
                ",".join(KINDS), *components])


def jco(guest):
    if not os.path.exists(JCO):
        return None
    # Beside node_modules, where the transpiled script finds its imports.
    out = os.path.join(HERE, "node_modules", ".guest")
    made = subprocess.run([JCO, "transpile", guest, "-o", out, "--name",
                           "guest", "--map",
                           "bench:host/calls=../../calls.mjs"],
                          capture_output=True, text=True)
    if made.returncode:
        print(f"jco: {made.stderr[-300:]}", file=sys.stderr)
        return None
    command = ["node", os.path.join(HERE, "peer_jco.mjs"),
               os.path.join(out, "guest.js"), *KINDS]
    with open(os.devnull, "w") as null:
        done = subprocess.run(command, stdout=null, stderr=subprocess.PIPE,
                              text=True)
    lines = done.stderr.strip().splitlines()
    return json.loads(lines[-1]) if not done.returncode and lines else None


def cell(results, key):
    value = (results or {}).get(key)
    return f"{value:14,.0f}" if value is not None else f"{'-':>14}"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--driver", required=True)
    parser.add_argument("--large")
    parser.add_argument("--json", metavar="FILE")
    parser.add_argument("guest")
    args = parser.parse_args()
    components = [small(), args.large or large()] if os.path.exists(JCO) else []
    vyoma = run([args.driver, args.guest, *components])
    if vyoma is None:
        return 1
    results = {"vyoma": vyoma,
               "wasmtime": wasmtime(args.guest, components),
               "jco": jco(args.guest)}
    if args.json:
        with open(args.json, "w") as file:
            json.dump(results, file, indent=1)
    print(f"{'ns of CPU time for one':40}"
          + "".join(f"{name:>14}" for name in results))
    for key, label in KINDS.items():
        print(f"{label:40}" + "".join(cell(r, key) for r in results.values()))
    for name, path in zip(("small", "large"), components):
        size = os.path.getsize(path) / 1e3
        for key, label in UNITS.items():
            print(f"{f'{label}, {size:,.0f} KB':40}"
                  + "".join(cell(r, f"{name}-{key}")
                            for r in results.values()))
    return 0


sys.exit(main())
