"""Runs guest.wat's exports in wasmtime (from PyPI); see driver.c."""
import json
import sys
import time

from wasmtime import Engine, Store, WasiConfig, component

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


def main():
    engine = Engine()
    guest = component.Component.from_file(engine, sys.argv[1])
    linker = component.Linker(engine)
    linker.add_wasip2()
    store, instance = instantiate(engine, linker, guest)
    result = {kind: measure(store, instance.get_func(store, kind))
              for kind in sys.argv[2:]}
    start, made = time.process_time(), 0
    while time.process_time() - start < 0.5:
        instantiate(engine, linker, guest)
        made += 1
    result["small-per-second"] = made / (time.process_time() - start)
    print(json.dumps(result))


main()
