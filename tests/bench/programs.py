"""The benchmark programs: what they are made of, and how they are built, for
wasm32-wasi and for this machine, by clang-19 -O2 from the same sources.
"""
import os
import subprocess
import sys

import sources

HERE = sources.HERE
ROOT = os.path.dirname(os.path.dirname(HERE))
OUT = os.path.join(ROOT, "build", "bench")
CLANG = "clang-19"
# The same arithmetic everywhere: no fused multiply-add where C has two steps.
FLAGS = ["-std=gnu17", "-O2", "-w", "-ffp-contract=off"]
WASI = ["--target=wasm32-wasi", "-D_WASI_EMULATED_SIGNAL",
        "-D_WASI_EMULATED_PROCESS_CLOCKS"]
WASI_LIBS = ["-lwasi-emulated-signal", "-lwasi-emulated-process-clocks"]

# Lua's files that need a system: not built.
LUA_WITHOUT = {"lua", "luac", "linit", "liolib", "loslib", "loadlib",
               "ldblib", "lcorolib"}


def here(*parts):
    return os.path.join(HERE, "programs", *parts)


def c_files(folder, names=None, without=()):
    found = sorted(n for n in os.listdir(folder) if n.endswith(".c")
                   and n[:-2] not in without
                   and (names is None or n[:-2] in names))
    return [os.path.join(folder, n) for n in found]


def coremark():
    folder = sources.find("COREMARK")
    return (["-DITERATIONS=1500", "-I" + folder, "-I" + here("coremark")],
            c_files(folder) + [here("coremark", "core_portme.c")])


def lua():
    folder = sources.find("LUA")
    return (["-I" + here("lua"), "-I" + folder],
            c_files(folder, without=LUA_WITHOUT) + [here("lua.c")])


def quickjs():
    folder = sources.find("QUICKJS")
    return (["-D_GNU_SOURCE", "-I" + folder],
            c_files(folder, {"quickjs", "libregexp", "libunicode", "dtoa"})
            + [here("quickjs.c")])


def sqlite():
    folder = sources.find("SQLITE")
    return (["-DSQLITE_OS_OTHER=1", "-DSQLITE_THREADSAFE=0",
             "-DSQLITE_OMIT_LOAD_EXTENSION", "-DSQLITE_DEFAULT_MEMSTATUS=0",
             "-I" + folder],
            [os.path.join(folder, "sqlite3.c"), here("sqlite.c")])


REAL = {"coremark": coremark, "lua": lua, "quickjs": quickjs,
        "sqlite": sqlite}


def kernels():
    folder = os.path.join(HERE, "kernels")
    return [os.path.basename(n)[:-2] for n in c_files(folder)]


def newest(paths):
    return max(os.path.getmtime(p) for p in paths)


def compile_to(target, flags, files, libs):
    # Scripts are embedded: everything beside the sources counts.
    beside = [os.path.join(os.path.dirname(files[-1]), n)
              for n in os.listdir(os.path.dirname(files[-1]))]
    if os.path.exists(target) and (os.path.getmtime(target)
                                   > newest(files + beside + [__file__])):
        return
    print(f"  BENCH   {os.path.relpath(target, ROOT)}", file=sys.stderr,
          flush=True)
    os.makedirs(os.path.dirname(target), exist_ok=True)
    partial = target + ".partial"
    subprocess.run([CLANG, *flags, "-o", partial, *files, *libs, "-lm"],
                   check=True)
    os.rename(partial, target)


def recipe(name):
    if name in REAL:
        return REAL[name]()
    folder = "programs" if name == "empty" else "kernels"
    return [], [os.path.join(HERE, folder, name + ".c")]


def build(names):
    """Builds; returns {name: (wasm, native)} and {name: why it is left out}.
    A program of our own that does not compile ends the run."""
    built, missing = {}, {}
    for name in names:
        try:
            flags, files = recipe(name)
        except OSError as error:
            missing[name] = str(error)
            continue
        wasm = os.path.join(OUT, name + ".wasm")
        native = os.path.join(OUT, "native", name)
        compile_to(wasm, FLAGS + WASI + flags, files, WASI_LIBS)
        compile_to(native, FLAGS + flags, files, [])
        built[name] = (wasm, native)
    return built, missing
