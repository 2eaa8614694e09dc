"""Makes the programs that tests run, from tests/wasi's sources: C by clang,
components by build.mjs (npm), kept under build/wasi-tests until a source
changes.  tests/supervisor uses it too."""
import hashlib
import os
import shutil
import subprocess
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
CACHE = os.path.join(ROOT, "build", "wasi-tests")

temporary = []


def scratch():
    folder = tempfile.mkdtemp(prefix="vyoma-wasi-")
    temporary.append(folder)
    return folder


def npm():
    """None when node and the packages are there, else why not."""
    if not shutil.which("npm") or not shutil.which("node"):
        return "npm is not installed"
    modules = os.path.join(HERE, "node_modules")
    lock = os.path.join(HERE, "package-lock.json")
    stamp = os.path.join(modules, ".lock-used")
    if os.path.exists(stamp) and open(stamp).read() == open(lock).read():
        return None
    run = subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit",
                          "--no-fund"], cwd=HERE, capture_output=True)
    if run.returncode:
        return "npm ci failed: " + run.stderr.decode()[-200:].replace("\n", " ")
    shutil.copy(lock, stamp)
    return None


def cached(name, sources, build):
    """Builds CACHE/NAME-HASH unless the sources are the same as last time."""
    digest = hashlib.sha256()
    for source in sources:
        digest.update(open(source, "rb").read())
    out = os.path.join(CACHE, f"{name}-{digest.hexdigest()[:16]}.wasm")
    if not os.path.exists(out):
        os.makedirs(CACHE, exist_ok=True)
        part = f"{out}.{os.getpid()}"
        build(part)
        os.replace(part, out)
    return out


def must_run(command):
    run = subprocess.run(command, capture_output=True)
    if run.returncode:
        raise OSError(f"{' '.join(command)}: "
                      + (run.stderr + run.stdout).decode()[-1500:])


def node(*args):
    must_run(["node", os.path.join(HERE, "build.mjs"), *args])


TOOLS = [os.path.join(HERE, "build.mjs"),
         os.path.join(HERE, "package-lock.json")]


def adapted(core):
    return cached("p2-" + os.path.basename(core)[:-5], [core, *TOOLS],
                  lambda out: node("adapt", core, out))


def wit_files(version="0.2"):
    top = os.path.join(ROOT, "wasi", "wit" if version == "0.2" else "wit-0.3")
    return sorted(os.path.join(folder, file)
                  for folder, _, files in os.walk(top)
                  for file in files if file.endswith(".wit")
                  and not folder.endswith("vyoma"))


def wit_folder(world, version="0.2"):
    """A folder with the world and, in deps, the official packages."""
    folder = scratch()
    shutil.copy(world, folder)
    for file in wit_files(version):
        package = os.path.basename(os.path.dirname(file))
        to = os.path.join(folder, "deps", package)
        os.makedirs(to, exist_ok=True)
        # without a function, componentize-js forgets the interface's class
        text = open(file).read().replace(
            "@unstable(feature = network-error-code)", "")
        open(os.path.join(to, os.path.basename(file)), "w").write(text)
    return folder


def javascript(name):
    source = os.path.join(HERE, "js", name + ".js")
    world = os.path.join(HERE, "js", name + ".wit")
    return cached(name, [source, world, *wit_files(), *TOOLS], lambda out:
                  node("js", source, wit_folder(world), name, out))


def c_component(name, version="0.2"):
    """A C program on bare imports, with the world of the same name."""
    world = os.path.join(HERE, "c", name + ".wit")
    core = c_core(name)
    return cached(name, [core, world, *wit_files(version), *TOOLS], lambda out:
                  node("embed", core, wit_folder(world, version), name, out))


def clang_for_wasi():
    if not shutil.which("clang-19"):
        return "clang-19 is not installed"
    if not os.path.exists("/usr/include/wasm32-wasi/stdio.h"):
        return "wasi-libc is not installed"
    return None


def c_program(name, *flags):
    source = os.path.join(HERE, "c", name + ".c")
    bare = os.path.join(HERE, "c", "bare.h")
    return cached("c-" + name, [source, bare, __file__], lambda out: must_run(
        ["clang-19", *flags, "-O1", "-o", out, source]))


def c_wasi(name):
    return c_program(name, "--target=wasm32-wasi")


def c_core(name):
    return c_program(name, "--target=wasm32", "-nostdlib", "-Wl,--no-entry")


def wat(name):
    source = os.path.join(HERE, "wat", name + ".wat")
    return cached(name, [source, *TOOLS], lambda out: node("wat", source, out))


def clean():
    for folder in temporary:
        shutil.rmtree(folder, ignore_errors=True)
