#!/usr/bin/python3
"""Compares engines on the benchmark programs: CPU time (user and system), net
of the engine's start, which is that of an empty program.  All engines run a
program in turns, the order rotated from round to round, and have to print
what the native program prints.

usage: tests/bench/bench.py [--rounds N] [--json FILE] [--chart FILE]
                            [--engines A,B] [PROGRAM ...]
"""
import argparse
import json
import math
import os
import platform
import statistics
import subprocess
import sys

import chart
import engines
import programs

LEAST = 1e-4  # seconds; nothing that ran took less


def cpu(command):
    """CPU seconds, what was printed, and None or how it failed."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE,
                               stdin=subprocess.DEVNULL)
    with process.stdout, process.stderr:
        output = process.stdout.read()
        errors = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    failure = None
    if process.returncode:
        lines = errors.decode(errors="replace").strip().splitlines()
        failure = lines[0][:100] if lines else f"exit {process.returncode}"
    return usage.ru_utime + usage.ru_stime, output, failure


def command_of(engine, found, paths):
    prefix, _ = found[engine]
    return [paths[1]] if prefix is None else prefix + [paths[0]]


class Wrong(Exception):
    """An engine computed something else: the benchmark is void."""


def measure(name, paths, found, rounds, start):
    """{engine: [net seconds by round]}, {engine: why it has none}"""
    times, failed, expected = {}, {}, None
    order = list(found)
    for turn in range(rounds):
        for engine in order[turn % len(order):] + order[:turn % len(order)]:
            if engine in failed:
                continue
            seconds, output, failure = cpu(command_of(engine, found, paths))
            if failure and engine in ("vyoma", "native"):
                raise Wrong(f"{name}: {engine}: {failure}")
            if failure:
                failed[engine] = failure
                times.pop(engine, None)
                continue
            if expected is None:
                expected = engine, output
            if output != expected[1]:
                raise Wrong(f"{name}: {engine} and {expected[0]} disagree:\n"
                            f"{output[:300]}\n{expected[1][:300]}")
            net = max(seconds - start.get(engine, 0), LEAST)
            times.setdefault(engine, []).append(net)
    return times, failed


def ratios(times, engine):
    """vyoma's time by an engine's, round by round."""
    return [a / b for a, b in zip(times["vyoma"], times[engine])]


def cell(times, engine):
    if engine not in times:
        return f"{'-':>12}"
    values = sorted(ratios(times, engine))
    spread = (values[-1] - values[0]) / 2
    return f"{statistics.median(values):7.2f} ±{spread:4.2f}"


def geometric(values):
    return math.exp(sum(map(math.log, values)) / len(values))


def means(table, peers):
    """{peer: (geometric mean of the medians, how many programs)}"""
    result = {}
    for peer in peers:
        medians = [statistics.median(ratios(times, peer))
                   for times in table.values() if peer in times]
        if medians:
            result[peer] = geometric(medians), len(medians)
    return result


def print_table(table, failures, peers, write=print):
    write(f"{'CPU time':12}{'vyoma':>9}"
          + "".join(f"{'x ' + p:>13}" for p in peers))
    for name, times in table.items():
        write(f"{name:12}{statistics.median(times['vyoma']):8.3f}s "
              + " ".join(cell(times, p) for p in peers))
    total = means(table, peers)
    write(f"{'geometric':21}"
          + "".join(f"{total[p][0]:8.3f}     " if p in total else f"{'-':>13}"
                    for p in peers))
    write(f"{'mean over':21}"
          + "".join(f"{total[p][1]:8d}     " if p in total else " " * 13
                    for p in peers))
    for (name, engine), why in failures.items():
        write(f"- {engine} does not run {name}: {why}")


def machine():
    try:
        with open("/proc/cpuinfo") as file:
            for line in file:
                if line.startswith("model name"):
                    return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.machine()


def report(options, found, table, failures, missing, start):
    peers = [e for e in found if e != "vyoma"]
    if options.json:
        data = {"machine": machine(), "rounds": options.rounds,
                "engines": {e: v for e, (_, v) in found.items()},
                "start": start, "programs": table,
                "failures": [[n, e, why]
                             for (n, e), why in failures.items()],
                "missing": missing,
                "geometric": {p: {"mean": m, "programs": n} for p, (m, n)
                              in means(table, peers).items()}}
        text = json.dumps(data, indent=1) + "\n"
        if options.json == "-":
            sys.stdout.write(text)
        else:
            with open(options.json, "w") as file:
                file.write(text)
    if options.chart:
        with open(options.chart, "w") as file:
            file.write(chart.draw(table, found))


def parse():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", metavar="FILE", help="'-': standard output")
    parser.add_argument("--chart", metavar="FILE")
    parser.add_argument("--engines", help="only these, with commas")
    parser.add_argument("programs", nargs="*")
    return parser.parse_args()


def main():
    options = parse()
    known = programs.kernels() + list(programs.REAL)
    names = options.programs or known
    for name in names:
        if name not in known:
            sys.exit(f"no program '{name}': {' '.join(known)}")
    found = engines.find()
    if options.engines:
        wanted = {"vyoma", *options.engines.split(",")}
        found = {e: v for e, v in found.items() if e in wanted}
    write = print if options.json != "-" else (
        lambda *text: print(*text, file=sys.stderr))
    built, missing = programs.build(["empty"] + names)
    for name, why in missing.items():
        write(f"- without {name}: {why}")
    write("; ".join(f"{e}: {v}" for e, (_, v) in found.items()))
    empty, failed = measure("empty", built.pop("empty"), found,
                            max(options.rounds, 5), {})
    for engine, why in failed.items():
        write(f"- without {engine}: {why}")
        del found[engine]
    start = {e: statistics.median(t) for e, t in empty.items()}
    write("start, ms: " + ", ".join(f"{e} {t * 1e3:.1f}"
                                    for e, t in start.items()))
    table, failures = {}, {}
    for name, paths in built.items():
        table[name], failed = measure(name, paths, found, options.rounds,
                                      start)
        failures.update({(name, e): why for e, why in failed.items()})
        print(f"  RUN     {name}", file=sys.stderr, flush=True)
    print_table(table, failures, [e for e in found if e != "vyoma"], write)
    report(options, found, table, failures, missing, start)


if __name__ == "__main__":
    try:
        main()
    except Wrong as wrong:
        sys.exit(f"bench: {wrong}")
