#!/usr/bin/python3
"""Start, loading, and memory per instance.

usage: run.py --driver PROGRAM [--rounds N] [--json FILE] [MODULE ...]

Start is the CPU time of a whole process that prints "hello", each command in
turns, median and spread.  Loading is decoding and validating all of a module,
with the file in the page cache, by one thread; targets are those of the
project.  An instance's memory is that of the guest's pages which its data
segments or start function wrote, and all else.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))
sys.path.insert(0, os.path.dirname(HERE))

import bench  # noqa: E402
import engines  # noqa: E402
import programs  # noqa: E402
import sources  # noqa: E402

MODULES = os.path.join(sources.CACHE, "load", "node_modules")
# file below MODULES: milliseconds that the project allows, or None
LARGE = {
    "esbuild-wasm/esbuild.wasm": 60,
    "@ruby/3.4-wasm-wasi/dist/ruby.wasm": None,
    "@ruby/3.4-wasm-wasi/dist/ruby+stdlib.wasm": 100,
    "pandoc-wasm/src/pandoc.wasm": None,
}
PANDOC = "pandoc-wasm/src/pandoc.wasm"
KB_ALLOWED = 40


def hello():
    """(module, component)"""
    module = os.path.join(programs.OUT, "hello.wasm")
    component = os.path.join(programs.OUT, "hello.component.wasm")
    programs.compile_to(module, programs.FLAGS + programs.WASI,
                        [os.path.join(HERE, "hello.c")], [])
    subprocess.run(["node", os.path.join(ROOT, "tests/tools/wat2wasm.mjs"),
                    os.path.join(HERE, "hello.wat"), component], check=True)
    return module, component


def start_times(rounds):
    """{label: [CPU milliseconds]}"""
    module, component = hello()
    found = engines.find()
    commands = {"vyoma, module": found["vyoma"][0] + [module],
                "vyoma, component": found["vyoma"][0] + [component]}
    for name, (prefix, _) in found.items():
        if name not in ("vyoma", "native", "v8"):
            commands[f"{name}, module"] = prefix + [module]
    times = {label: [] for label in commands}
    order = list(commands)
    for _ in range(rounds):
        order.append(order.pop(0))
        for label in order:
            command = commands[label]
            seconds, output, failure = bench.cpu(command)
            if failure or output != b"hello\n":
                raise bench.Wrong(f"{label}: {failure or output}")
            times[label].append(seconds * 1e3)
    return times


def load(driver, path):
    done = subprocess.run([driver, path], capture_output=True, text=True)
    if done.returncode:
        raise bench.Wrong(done.stderr.strip())
    return json.loads(done.stdout)


def pandoc(path):
    """CPU seconds of `pandoc --version`, and its first line."""
    vyoma = engines.find()["vyoma"][0]
    seconds, output, failure = bench.cpu(vyoma + [path, "--version"])
    if failure:
        raise bench.Wrong(f"pandoc: {failure}")
    return seconds, output.decode().splitlines()[0]


def verdict(value, allowed):
    if allowed is None:
        return ""
    return f" (of {allowed})" if value <= allowed else f" (MISSED {allowed})"


def print_loads(results):
    print(f"\n{'loading':20}{'MB':>6}{'CPU ms':>18}"
          f"{'instance ms':>13}{'touched KB':>12}{'other KB':>19}")
    for path, r in results.items():
        allowed = next((ms for tail, ms in LARGE.items()
                        if path.endswith(tail)), None)
        print(f"{os.path.basename(path):20}{r['bytes'] / 1e6:6.1f}"
              f"{r['cpu_ms']:8.1f}{verdict(r['cpu_ms'], allowed):10}"
              f"{r['instance_ms']:13.2f}{r['memory_kb']:12.0f}"
              f"{r['other_kb']:8.1f}{verdict(r['other_kb'], KB_ALLOWED)}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--driver", required=True)
    parser.add_argument("--rounds", type=int, default=41)
    parser.add_argument("--json", metavar="FILE")
    parser.add_argument("modules", nargs="*")
    options = parser.parse_args()
    starts = start_times(options.rounds)
    print("start and end of a hello, CPU ms")
    for label, times in starts.items():
        print(f"{label:20}{statistics.median(times):8.2f} "
              f"({min(times):.2f}-{max(times):.2f})")
    paths = options.modules or [os.path.join(MODULES, p) for p in LARGE]
    loads = {}
    for path in paths:
        loads[path] = dict(load(options.driver, path),
                           bytes=os.path.getsize(path))
    print_loads(loads)
    result = {"start_ms": starts, "loads": loads}
    for path in paths:
        if path.endswith(PANDOC):
            seconds, line = pandoc(path)
            result["pandoc"] = {"seconds": seconds, "says": line}
            print(f"\npandoc --version: {line}, {seconds:.2f} s of CPU")
    if options.json:
        with open(options.json, "w") as file:
            json.dump(result, file, indent=1)


if __name__ == "__main__":
    try:
        main()
    except bench.Wrong as wrong:
        sys.exit(f"bench-load: {wrong}")
