"""Runs guest.wat's exports in wasmtime (from PyPI); see driver.c."""
import json
import os
import sys
import time

from wasmtime import (Engine, Store, WasiConfig, WasmtimeError,
                      component)

REPEATS = 5


def instantiate(engine, linker, guest):
    store = Store(engine)
    config = WasiConfig()
    config.env = [(name, str(i)) for i, name in enumerate("ABCD")]
    config.stdout_file = "/dev/null"
    store.set_wasi(config)
    return store, linker.instantiate(store, guest)


def call(store, func, n):
    start = time.process_time()
    func(store, n)
    func.post_return(store)
    return time.process_time() - start


def measure(store, func):
    n = 16
    while call(store, func, n) < 0.1:
        n *= 2
    times = sorted(call(store, func, n) / n for _ in range(REPEATS))
    return times[REPEATS // 2] * 1e9


def take(store, text):
    return len(text)


def points(store, items):
    return items


def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def instances(engine, linker, path, name):
    many, made = 50, 0
    guest = component.Component.from_file(engine, path)
    start = time.process_time()
    while time.process_time() - start < 0.5:
        instantiate(engine, linker, guest)
        made += 1
    rate = made / (time.process_time() - start)
    before = resident()
    kept = [instantiate(engine, linker, guest) for _ in range(many)]
    return {f"{name}-per-second": rate,
            f"{name}-bytes": (resident() - before) / len(kept)}


def main():
    engine = Engine()
    guest = component.Component.from_file(engine, sys.argv[1])
    linker = component.Linker(engine)
    linker.add_wasip2()
    with linker.root() as root:
        with root.add_instance("bench:host/calls@1.0.0") as calls:
            calls.add_func("take", take)
            calls.add_func("points", points)
    store, instance = instantiate(engine, linker, guest)
    result = {kind: measure(store, instance.get_func(store, kind))
              for kind in sys.argv[2].split(",")}
    for name, path in zip(("small", "large"), sys.argv[3:]):
        try:
            result.update(instances(engine, linker, path, name))
        except WasmtimeError as error:  # it has no wasi:http, say
            print(f"wasmtime: {name}: {error}", file=sys.stderr)
    print(json.dumps(result))


main()
