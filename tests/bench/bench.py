#!/usr/bin/python3
"""Compares engines on the benchmark programs: user CPU time, interleaved,
medians, net of the engine's start (an empty program).

usage: tests/bench/bench.py [--rounds N] [--json FILE] [PROGRAM ...]

Engines: VYOMA (default build/vyoma), WASM3 and IWASM when these variables name
a program.  Programs are tests/bench/kernels/*.c, and any *.wasm in the folder
that PROGRAMS names, built with clang-19 and wasi-libc into build/bench.
"""
import argparse
import json
import math
import os
import statistics
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
OUT = os.path.join(ROOT, "build", "bench")
CC = ["clang-19", "--target=wasm32-wasi", "-O2"]
EMPTY = "int main(void) { return 0; }\n"


def build():
    """Returns {name: path} of the programs."""
    os.makedirs(OUT, exist_ok=True)
    empty = os.path.join(OUT, "empty.c")
    with open(empty, "w") as f:
        f.write(EMPTY)
    sources = [empty]
    folder = os.path.join(HERE, "kernels")
    sources += [os.path.join(folder, n) for n in sorted(os.listdir(folder))
                if n.endswith(".c")]
    programs = {}
    for source in sources:
        name = os.path.basename(source)[:-2]
        target = os.path.join(OUT, name + ".wasm")
        if not os.path.exists(target) or (os.path.getmtime(target)
                                          < os.path.getmtime(source)):
            subprocess.run(CC + ["-o", target, source, "-lm"], check=True)
        programs[name] = target
    extra = os.environ.get("PROGRAMS")
    for n in sorted(os.listdir(extra)) if extra else []:
        if n.endswith(".wasm"):
            programs[n[:-5]] = os.path.join(extra, n)
    return programs


def engines():
    found = {"vyoma": [os.environ.get("VYOMA",
                                      os.path.join(ROOT, "build/vyoma")),
                       "run"]}
    for name, variable in (("wasm3", "WASM3"), ("iwasm", "IWASM")):
        if variable in os.environ:
            found[name] = [os.environ[variable]]
    return found


def cpu(command):
    """User seconds, and what was printed."""
    read, write = os.pipe()
    pid = os.fork()
    if not pid:
        os.dup2(write, 1)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        os.execv(command[0], command)
    os.close(write)
    output = b""
    while chunk := os.read(read, 65536):
        output += chunk
    os.close(read)
    _, status, usage = os.wait4(pid, 0)
    return usage.ru_utime, output if not status else b"failed"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json")
    parser.add_argument("programs", nargs="*")
    options = parser.parse_args()
    programs, table = build(), {}
    names = options.programs or [n for n in programs if n != "empty"]
    runners = engines()
    for name in ["empty"] + names:
        times = {e: [] for e in runners}
        outputs = {}
        for _ in range(options.rounds):
            for engine, command in runners.items():
                t, outputs[engine] = cpu(command + [programs[name]])
                times[engine].append(t)
        table[name] = {e: statistics.median(t) for e, t in times.items()}
        if name == "empty":
            continue
        row = {e: max(t - table["empty"][e], 1e-4)
               for e, t in table[name].items()}
        table[name] = row
        if len(set(outputs.values())) > 1:
            sys.exit(f"{name}: engines disagree: {outputs}")
        print(f"{name:12}" + "".join(f" {e} {t:6.3f}" for e, t in row.items())
              + "".join(f"  {row['vyoma'] / row[e]:.2f} x {e}"
                        for e in row if e != "vyoma"), flush=True)
    for engine in runners:
        if engine != "vyoma":
            logs = [math.log(table[n]["vyoma"] / table[n][engine])
                    for n in names]
            print(f"geometric mean: {math.exp(sum(logs) / len(logs)):.3f} "
                  f"x {engine}")
    if options.json:
        with open(options.json, "w") as f:
            json.dump(table, f, indent=1)


main()
