#!/usr/bin/python3
"""Random types and values go from one component into another and back, here and
in another engine: both must see the same bytes in the end, or both trap.

    differential.py [--seed N] [--count N] [--scalars] [--python PYTHON]

Component A has a value of a random type in its memory, written by this program
and sometimes damaged, and calls B with it; B answers with another.  Each sums
up all that was put into its memory and the core values it was given.  String
encodings, the sizes of addresses and whether values are spilled are random too.
PYTHON is one that has wasmtime (`make bench-host-peers` installs it, pinned).
"""
import argparse
import os
import random
import struct
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
BUILD = os.environ.get("BUILD", os.path.join(ROOT, "build"))
OUT = os.path.join(BUILD, "canon", "differential")

# ---- types: (kind, parts) ----------------------------------------------------

INTS = {"u8": 1, "s8": 1, "u16": 2, "s16": 2, "u32": 4, "s32": 4, "u64": 8,
        "s64": 8}
SCALARS = {**INTS, "bool": 1, "char": 4, "f32": 4, "f64": 8}
TEXTS = ("", "a", "hello, world", "naïve", "€", "\U0001f600 x", "ÿ\x80",
         "plain text that is somewhat longer", "mixed é 中 \U0001d11e")


def random_type(r, depth=0):
    if depth >= 3 or r.random() < 0.35:
        return (r.choice(list(SCALARS) + ["string", "string"]), ())
    kind = r.choice(("list", "list", "record", "tuple", "variant", "enum",
                     "option", "result", "flags"))
    sub = lambda: random_type(r, depth + 1)
    if kind in ("list", "option"):
        return (kind, (sub(),))
    if kind in ("record", "tuple"):
        return (kind, tuple(sub() for _ in range(r.randint(1, 5))))
    if kind == "variant":
        return (kind, tuple(sub() if r.random() < 0.7 else None
                            for _ in range(r.choice((1, 2, 3, 4, 260)))))
    if kind == "result":
        return (kind, tuple(sub() if r.random() < 0.7 else None
                            for _ in range(2)))
    counts = (1, 3, 8, 9, 16, 17, 32) if kind == "flags" else (1, 2, 257)
    return (kind, r.choice(counts))


def scalar_type(r, depth=0):
    """Of what goes the short way between components (vm/cm_direct.c)."""
    if not depth and r.random() < 0.4:
        elem = r.choice(list(INTS) + ["f32", "f64"])
        return r.choice((("string", ()), ("list", ((elem, ()),)), (
            "list", (("tuple", (("u8", ()), (elem, ()))),))))
    if depth or r.random() < 0.6:
        return (r.choice(list(SCALARS)), ())
    kind = r.choice(("record", "tuple", "enum", "flags"))
    if kind in ("record", "tuple"):
        return (kind, tuple(scalar_type(r, 1) for _ in range(r.randint(1, 4))))
    return (kind, r.choice((1, 3, 8, 9, 17, 31, 32) if kind == "flags"
                           else (1, 2, 257)))


def cases(t):
    """The payloads of something like a variant, or None."""
    kind, parts = t
    return {"variant": lambda: parts, "result": lambda: parts,
            "option": lambda: (None, parts[0]),
            "enum": lambda: (None,) * parts}.get(kind, lambda: None)()


def disc_size(n):
    return 1 if n <= 256 else 2 if n <= 65536 else 4


def flags_size(n):
    return 1 if n <= 8 else 2 if n <= 16 else 4


def align_to(n, a):
    return (n + a - 1) // a * a


def layout(t, p):
    """(alignment, size); p: bytes of a pointer."""
    kind, parts = t
    if kind in SCALARS:
        return SCALARS[kind], SCALARS[kind]
    if kind in ("string", "list"):
        return p, 2 * p
    if kind == "flags":
        return flags_size(parts), flags_size(parts)
    if kind in ("record", "tuple"):
        size, align = 0, 1
        for part in parts:
            a, s = layout(part, p)
            size, align = align_to(size, a) + s, max(align, a)
        return align, align_to(size, align)
    inner = [layout(c, p) for c in cases(t) if c]
    disc = disc_size(len(cases(t)))
    most = max([a for a, _ in inner], default=1)
    align = max(disc, most)
    return align, align_to(align_to(disc, most)
                           + max([s for _, s in inner], default=0), align)


def join(a, b):
    return a if a == b else "i32" if {a, b} == {"i32", "f32"} else "i64"


def flatten(t, p):
    kind, parts = t
    pointer = "i64" if p == 8 else "i32"
    if kind in SCALARS:
        return [{"u64": "i64", "s64": "i64", "f32": "f32",
                 "f64": "f64"}.get(kind, "i32")]
    if kind in ("string", "list"):
        return [pointer, pointer]
    if kind == "flags":
        return ["i32"]
    if kind in ("record", "tuple"):
        return [f for part in parts for f in flatten(part, p)]
    flat = []
    for case in cases(t):
        for i, f in enumerate(flatten(case, p) if case else ()):
            flat[i:i + 1] = [join(flat[i], f) if i < len(flat) else f]
    return ["i32"] + flat


class Names:
    """Types as WAT.  Records and their like need a name in an export or import,
    which is the same in both components."""

    def __init__(self, form):
        self.form, self.text, self.count, self.named = form, "", 0, []

    def of(self, t):
        kind, parts = t
        if kind in SCALARS or kind == "string":
            return kind
        if kind in ("list", "option", "tuple"):
            inner = f"({kind} " + " ".join(self.of(p) for p in parts) + ")"
        elif kind == "result":
            ok, err = parts
            inner = "(result" + (f" {self.of(ok)}" if ok else "") + (
                f" (error {self.of(err)})" if err else "") + ")"
        elif kind in ("enum", "flags"):
            inner = f"({kind} " + " ".join(f'"m{i}"' for i in range(parts)) \
                + ")"
        else:
            word = "field" if kind == "record" else "case"
            inner = f"({kind} " + " ".join(
                f'({word} "m{i}"' + (f" {self.of(p)}" if p else "") + ")"
                for i, p in enumerate(parts)) + ")"
        self.count += 1
        self.text += f"  (type $t{self.count} {inner})\n"
        if kind not in ("record", "variant", "enum", "flags"):
            return f"$t{self.count}"
        self.text += self.form.replace("#", str(self.count)) + "\n"
        self.named.append(self.count)
        return f"$e{self.count}"


EXPORT = '  (export $e# "t#" (type $t#))'
IMPORT = '  (import "t#" (type $e# (eq $t#)))'


# ---- memory --------------------------------------------------------------

class Memory:
    """What a component's data segment is to hold."""

    def __init__(self, r, p, encoding):
        self.r, self.p, self.encoding = r, p, encoding
        self.bytes = bytearray(r.randbytes(64))
        self.damageable = []

    def room(self, align, size):
        at = align_to(len(self.bytes), align)
        self.bytes += self.r.randbytes(at + size - len(self.bytes))
        return at

    def put(self, at, value, size, fragile=True):
        self.bytes[at:at + size] = (value % (1 << 8 * size)).to_bytes(
            size, "little")
        if fragile:
            self.damageable += range(at, at + size)

    def put_text(self):
        text = self.r.choice(TEXTS)
        units = None
        if self.encoding == "utf8":
            data, align = text.encode(), 1
            units = len(data)
        elif self.encoding == "latin1+utf16" and max(
                map(ord, text), default=0) < 256 and self.r.random() < 0.6:
            data, align = text.encode("latin-1"), 2
            units = len(data)
        else:
            data, align = text.encode("utf-16-le"), 2
            units = len(data) // 2
            if self.encoding != "utf16":
                units |= 1 << (8 * self.p - 1)
        at = self.room(align, len(data))
        self.bytes[at:at + len(data)] = data
        self.damageable += range(at, at + len(data))
        return at, units

    def store(self, t, at):
        kind, parts = t
        r, p = self.r, self.p
        if kind in INTS:
            self.put(at, r.getrandbits(64), INTS[kind])
        elif kind == "bool":
            self.put(at, r.choice((0, 1, 1, 2, 255)), 1)
        elif kind == "char":
            self.put(at, r.choice((0, 65, 0xd7ff, 0xe000, 0x10ffff)), 4)
        elif kind in ("f32", "f64"): # no NaNs: which one comes out is free
            value = r.choice((0.0, -0.0, 1.5, -1e30, float("inf")))
            data = struct.pack("<f" if kind == "f32" else "<d", value)
            self.put(at, int.from_bytes(data, "little"), len(data), False)
        elif kind == "string":
            ptr, units = self.put_text()
            self.put(at, ptr, p)
            self.put(at + p, units, p)
        elif kind == "list":
            align, size = layout(parts[0], p)
            n = r.choice((0, 1, 2, 3, 7))
            ptr = self.room(align, n * size)
            for i in range(n):
                self.store(parts[0], ptr + i * size)
            self.put(at, ptr, p)
            self.put(at + p, n, p)
        elif kind == "flags":
            self.put(at, r.getrandbits(32), flags_size(parts))
        elif kind in ("record", "tuple"):
            for part in parts:
                align, size = layout(part, p)
                at = align_to(at, align)
                self.store(part, at)
                at += size
        else:
            self.store_variant(t, at)

    def store_variant(self, t, at):
        every = cases(t)
        size = disc_size(len(every))
        i = self.r.randrange(len(every))
        self.put(at, i, size)
        most = max((layout(c, self.p)[0] for c in every if c), default=1)
        if every[i]:
            self.store(every[i], align_to(at + size, most))

    def flat(self, t):
        """The same as core values: constants to call with."""
        kind, parts = t
        r, p = self.r, self.p
        pointer = "i64" if p == 8 else "i32"
        if kind in ("f32", "f64"):
            return [(kind, r.choice(("0", "-0", "1.5", "-1e30", "inf")))]
        if kind in SCALARS:
            if kind == "char":
                value = r.choice((65, 0xd7ff, 0xe000, 0x10ffff, 0x10ffff))
                if r.random() < 0.03:
                    value = r.choice((0xd800, 0x110000))
            else:
                value = r.getrandbits(64 if kind in ("u64", "s64") else 32)
            return [("i64" if kind in ("u64", "s64") else "i32", value)]
        if kind == "flags":
            return [("i32", r.getrandbits(32))]
        if kind in ("string", "list"):
            at = self.room(8, 2 * p)
            self.store(t, at)
            whole = int.from_bytes(self.bytes[at:at + p], "little"), \
                int.from_bytes(self.bytes[at + p:at + 2 * p], "little")
            return [(pointer, v) for v in whole]
        if kind in ("record", "tuple"):
            return [v for part in parts for v in self.flat(part)]
        every = cases(t)
        i = r.randrange(len(every))
        values = self.flat(every[i]) if every[i] else []
        wanted = flatten(t, p)[1:]
        out = [("i32", i if r.random() < 0.98 else i + len(every))]
        for k, want in enumerate(wanted):
            have, v = values[k] if k < len(values) else (want, 0)
            out.append((want, as_core(have, v, want)))
        return out

    def damage(self):
        for _ in range(self.r.choice((0, 0, 0, 0, 1, 1, 3))):
            if self.damageable:
                at = self.r.choice(self.damageable)
                self.bytes[at] ^= 1 << self.r.randrange(8)


def as_core(have, value, want):
    """A core value in a joined slot."""
    if have == want:
        return value
    if have in ("f32", "f64"):
        data = struct.pack("<f" if have == "f32" else "<d", float(value))
        return int.from_bytes(data, "little")
    return value


# ---- components --------------------------------------------------------------

def constant(core, value):
    if core[0] == "f" or not isinstance(value, int):
        return f"({core}.const {value})"
    bits = 64 if core == "i64" else 32
    return f"({core}.const {value % (1 << bits)})"


def mix(core, expression):
    as64 = {"i32": "(i64.extend_i32_u {})", "i64": "{}",
            "f32": "(i64.extend_i32_u (i32.reinterpret_f32 {}))",
            "f64": "(i64.reinterpret_f64 {})"}[core].format(expression)
    return f"(call $mix {as64})"


def escaped(data):
    return "".join(f"\\{b:02x}" for b in data)


def libc(p, memory):
    """Memory with data, realloc above it, and the sum of what came."""
    i, data = ("i64" if p == 8 else "i32"), bytes(memory.bytes)
    begin = align_to(len(data), 64) + 64
    return f"""
  (core module $Libc
    (memory (export "mem") {"i64" if p == 8 else ""} 4)
    (data ({i}.const 0) "{escaped(data)}")
    (global $sum (mut i64) (i64.const 14695981039346656037))
    (global $next (mut {i}) ({i}.const {begin}))
    (func $mix (export "mix") (param i64)
      (global.set $sum (i64.rotl (i64.mul (i64.const 1099511628211)
        (i64.xor (global.get $sum) (local.get 0))) (i64.const 17))))
    (func (export "realloc") (param {i} {i} {i} {i}) (result {i})
      (local $to {i})
      (global.set $next ({i}.and
        ({i}.add (global.get $next) ({i}.sub (local.get 2) ({i}.const 1)))
        ({i}.sub ({i}.const 0) (local.get 2))))
      (local.set $to (global.get $next))
      (global.set $next ({i}.add (global.get $next) (local.get 3)))
      (memory.copy (local.get $to) (local.get 0)
        (select (local.get 1) (local.get 3)
          ({i}.lt_u (local.get 1) (local.get 3))))
      ;; what is left of attempts with too little room is nobody's business
      (memory.fill (local.get 0) (i32.const 0) (local.get 1))
      (local.get $to))
    (func (export "sum") (result i64)
      (local $at {i})
      (local.set $at ({i}.const {begin}))
      (block $done (loop $more
        (br_if $done ({i}.ge_u (local.get $at) (global.get $next)))
        (call $mix (i64.load8_u (local.get $at)))
        (local.set $at ({i}.add (local.get $at) ({i}.const 1)))
        (br $more)))
      (global.get $sum)))
  (core instance $libc (instantiate $Libc))
"""


def options(encoding):
    return (f'string-encoding={encoding} (memory $libc "mem") '
            '(realloc (func $libc "realloc"))')


IMPORTS = '(import "libc" "mix" (func $mix (param i64)))'


def callee(r, p, encoding, params, result):
    """B: mixes what it is given, answers with a value of its own."""
    memory, names = Memory(r, p, encoding), Names(EXPORT)
    pointer = "i64" if p == 8 else "i32"
    flat = [f for t in params for f in flatten(t, p)]
    if len(flat) > 16:
        flat = [pointer]
    returned = flatten(result, p)
    if len(returned) > 1:
        align, size = layout(result, p)
        at = memory.room(align, size)
        memory.store(result, at)
        answer, core = constant(pointer, at), pointer
    else:
        [(core, value)] = memory.flat(result)
        answer = constant(core, value)
    memory.damage()
    types = " ".join(f'(param "p{i}" {names.of(t)})'
                     for i, t in enumerate(params))
    types += f" (result {names.of(result)})"
    body = "\n".join(mix(f, f"(local.get {i})") for i, f in enumerate(flat))
    return f"""(component $B {libc(p, memory)}
  (core module $Core {IMPORTS}
    (func (export "f") (param {" ".join(flat)}) (result {core})
      {body} {answer}))
  (core instance $core (instantiate $Core (with "libc" (instance $libc))))
{names.text}
  (func (export "f") {types}
    (canon lift (core func $core "f") {options(encoding)}))
  (func (export "sum") (result u64) (canon lift (core func $libc "sum"))))"""


def caller(r, p, encoding, params, result):
    """A: calls f, mixes the answer, adds up both sums."""
    memory, names = Memory(r, p, encoding), Names(IMPORT)
    pointer = "i64" if p == 8 else "i32"
    flat = [f for t in params for f in flatten(t, p)]
    if len(flat) > 16:
        whole = ("tuple", tuple(params))
        align, size = layout(whole, p)
        at = memory.room(align, size)
        memory.store(whole, at)
        flat, arguments = [pointer], [constant(pointer, at)]
    else:
        arguments = [constant(c, v) for t in params for c, v in memory.flat(t)]
    returned = flatten(result, p)
    answers = returned[0] if len(returned) == 1 else None
    signature = f'(param {" ".join(flat)}' + (
        f") (result {answers})" if answers else f" {pointer})")
    call = "(call $f " + " ".join(arguments)
    if answers:
        call = mix(answers, call + ")")
    else:
        align, size = layout(result, p)
        # the last that is in memory: after it comes what realloc gives out
        at = memory.room(max(align, 64), size + 64)
        memory.bytes[at:] = bytes(len(memory.bytes) - at)
        call += f" {constant(pointer, at)})\n" + "\n".join(
            mix("i64", f"(i64.load8_u {constant(pointer, at + i)})")
            for i in range(size))
    memory.damage()
    types = " ".join(f'(param "p{i}" {names.of(t)})'
                     for i, t in enumerate(params))
    types += f" (result {names.of(result)})"
    given = "".join(f' (with "t{i}" (type $b "t{i}"))' for i in names.named)
    return given, f"""(component $A
{names.text}
  (import "f" (func $f {types}))
  (import "sum" (func $sum (result u64))) {libc(p, memory)}
  (core func $f' (canon lower (func $f) {options(encoding)}))
  (core func $sum' (canon lower (func $sum)))
  (core module $Core {IMPORTS}
    (import "libc" "mem" (memory {"i64" if p == 8 else ""} 4))
    (import "libc" "sum" (func $own (result i64)))
    (import "b" "f" (func $f {signature}))
    (import "b" "sum" (func $sum (result i64)))
    (func (export "run") (result i64)
      {call}
      (i64.xor (call $own) (i64.rotl (call $sum) (i64.const 1)))))
  (core instance $core (instantiate $Core (with "libc" (instance $libc))
    (with "b" (instance (export "f" (func $f')) (export "sum" (func $sum'))))))
  (func (export "run") (result u64) (canon lift (core func $core "run"))))"""


def component(seed, wide, scalars):
    r = random.Random(seed)
    of = scalar_type if scalars else random_type
    params = [of(r) for _ in range(r.choice((1, 1, 2, 3, 8)))]
    result = of(r, 1) if scalars and r.random() < 0.8 else of(r)
    encodings = ("utf8", "utf16", "latin1+utf16")
    if scalars and r.random() < 0.8:
        encodings = ("utf8",)
    sides = [(8 if wide and r.random() < 0.5 else 4, r.choice(encodings))
             for _ in range(2)]
    given, a = caller(r, *sides[0], params, result)
    b = callee(r, *sides[1], params, result)
    return f"""(component
{a}
{b}
  (instance $b (instantiate $B))
  (instance $a (instantiate $A (with "f" (func $b "f"))
    (with "sum" (func $b "sum")){given}))
  (func (export "run") (alias export $a "run")))"""


# ---- running -------------------------------------------------------------

def ours(path):
    run = subprocess.run([os.path.join(BUILD, "vyoma"), "run", "--invoke",
                          "run()", path], stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE, text=True)
    if run.returncode == 0:
        return run.stdout.strip()
    return "trap" if run.returncode == 134 else f"error: {run.stderr.strip()}"


# The other engine's side, run by a Python that has it: paths in, answers out.
THEIRS = r"""
import sys
from wasmtime import Config, Engine, Store, WasmtimeError, Trap
from wasmtime.component import Component, Linker
config = Config()
config.wasm_memory64 = True
engine = Engine(config)
for line in sys.stdin:
    try:
        component = Component(engine, open(line.strip(), "rb").read())
    except Exception as e:
        print("error:", str(e).replace("\n", " "), flush=True)
        continue
    store = Store(engine)
    instance = Linker(engine).instantiate(store, component)
    try:
        value = instance.get_func(store, "run")(store)
        print(value % (1 << 64), flush=True)
    except Exception as e:
        print("trap", str(e).replace("\n", " ")[-200:], file=sys.stderr)
        print("trap", flush=True)
"""


def compare(paths, python):
    """Yields (path, ours, theirs) where the two differ; counts traps."""
    theirs = subprocess.run([python, "-c", THEIRS], text=True,
                            input="\n".join(paths) + "\n",
                            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    answers = theirs.stdout.splitlines()
    for path, answer in zip(paths, answers + ["ended"] * len(paths)):
        yield path, ours(path), answer


def main():
    options_ = argparse.ArgumentParser()
    options_.add_argument("--seed", type=int, default=1)
    options_.add_argument("--count", type=int, default=200)
    options_.add_argument("--python", default=os.path.join(
        ROOT, "build/bench/venv/bin/python"))
    options_.add_argument("--wide", action="store_true",
                          help="64-bit memories too")
    options_.add_argument("--scalars", action="store_true",
                          help="numbers, and records of them, alone")
    o = options_.parse_args()
    os.makedirs(OUT, exist_ok=True)
    scripts = []
    for i in range(o.count):
        scripts.append(os.path.join(OUT, f"{o.seed + i}.wast"))
        with open(scripts[-1], "w") as f:
            f.write(component(o.seed + i, o.wide, o.scalars))
    subprocess.run(["node", os.path.join(ROOT, "tests/tools/wast2json.mjs"),
                    "--batch", OUT], input="\n".join(scripts) + "\n",
                   text=True, check=True, stdout=subprocess.DEVNULL)
    paths = [os.path.join(OUT, f"{i}.0.wasm") for i in range(o.count)]
    traps = bad = 0
    for i, (path, us, them) in enumerate(compare(paths, o.python)):
        traps += us == "trap"
        # with 64-bit memories, which engines do not all have in components
        if us != them and not (o.wide and them.startswith("error")
                               and not us.startswith("error")):
            bad += 1
            print(f"# {scripts[i]}: {us}, elsewhere {them}")
    good = not bad and traps < o.count // 2
    print(f"{'ok' if good else 'not ok'} 1 - {o.count} random calls between "
          f"components as in another engine: {traps} traps, {bad} differ")
    return not good


if __name__ == "__main__":
    sys.exit(main())
