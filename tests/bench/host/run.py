#!/usr/bin/python3
"""Crossings between guests and hosts, in nanoseconds of CPU time: this engine
beside the peers that `make bench-host-peers` installed.

usage: run.py --driver PROGRAM [--large COMPONENT] [--json] GUEST.wasm
"""
import argparse
import json
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))
KINDS = {
    "clock": "clock now",
    "write-1": "stream write, 1 byte",
    "write-4k": "stream write, 4 KB",
    "write-1m": "stream write, 1 MB",
    "poll-4": "list of 4 handles in, list out",
    "environment": "list of 4 string pairs out",
    "call": "component to component",
    "call-string": "... with a string of 32 bytes",
    "call-records": "... 64 records there and back",
}
UNITS = {
    "small-per-second": "instances per second, 4 KB component",
    "small-bytes": "bytes per instance, 4 KB component",
    "large-per-second": "instances per second, large component",
    "large-bytes": "bytes per instance, large component",
}


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


def wasmtime(guest):
    python = os.path.join(ROOT, "build", "bench", "venv", "bin", "python")
    if not os.path.exists(python):
        return None
    return run([python, os.path.join(HERE, "peer_wasmtime.py"), guest, *KINDS])


def jco(guest):
    program = os.path.join(HERE, "node_modules", ".bin", "jco")
    if not os.path.exists(program):
        return None
    # Beside node_modules, where the transpiled script finds its imports.
    out = os.path.join(HERE, "node_modules", ".guest")
    made = subprocess.run([program, "transpile", guest, "-o", out, "--name",
                           "guest"], capture_output=True, text=True)
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
    parser.add_argument("--json", action="store_true")
    parser.add_argument("guest")
    args = parser.parse_args()
    vyoma = run([args.driver, args.guest] + ([args.large] if args.large
                                             else []))
    if vyoma is None:
        return 1
    results = {"vyoma": vyoma, "wasmtime": wasmtime(args.guest),
               "jco": jco(args.guest)}
    if args.json:
        print(json.dumps(results, indent=1))
        return 0
    print(f"{'ns of CPU time for one':40}"
          + "".join(f"{name:>14}" for name in results))
    for key, label in KINDS.items():
        print(f"{label:40}" + "".join(cell(r, key) for r in results.values()))
    for key, label in UNITS.items():
        if key in vyoma:
            print(f"{label:40}"
                  + "".join(cell(r, key) for r in results.values()))
    return 0


sys.exit(main())
