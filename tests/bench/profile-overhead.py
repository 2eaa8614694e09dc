#!/usr/bin/python3
"""What sampling costs: the processor time of `vyoma profile`, its sampling
thread included, over that of `vyoma run`, round by round in turn.

usage: tests/bench/profile-overhead.py [--rounds N] [--rate HZ] PROGRAM.wasm...
"""
import argparse
import os
import resource
import statistics
import subprocess

VYOMA = os.environ.get("VYOMA", "build/vyoma")


def seconds(command):
    """User and system time of a child."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime - before.ru_utime -
            before.ru_stime)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--rate", default="250")
    parser.add_argument("programs", nargs="+")
    options = parser.parse_args()
    print(f"{'program':20} {'run':>8} {'profile':>8} {'overhead':>9} "
          f"{'counting':>9}")
    for program in options.programs:
        commands = {
            "run": [VYOMA, "run", program],
            "profile": [VYOMA, "profile", "-o", os.devnull, "--format", "json",
                        "--rate", options.rate, program],
            "counting": [VYOMA, "profile", "-o", os.devnull, "--counts",
                         program]}
        times = {name: [] for name in commands}
        for _ in range(options.rounds):
            for name, command in commands.items():
                times[name].append(seconds(command))
        run, profile, count = (statistics.median(times[n]) for n in commands)
        print(f"{os.path.basename(program):20} {run:7.3f}s {profile:7.3f}s "
              f"{profile / run - 1:8.1%} {count / run:8.2f}x")


main()
