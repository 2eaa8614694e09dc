"""Builds the components that tests/canon tries the canonical ABI with.

A case gives the body of one core function; around it comes a component in which
every canonical built-in is at hand under its own name, with a few types:

    stream.*, future.*       of u8            also NAME-sync, the blocking form
    stream16.*, future16.*   of u16
    texts.*, text.*          stream and future of string
    resource.*               of a resource that the component defines
    other.*                  of another such resource

The shapes (TEMPLATES) differ in how the function is lifted, and in whether it
is given functions of a second component to call.
"""

FAMILIES = (
    ("stream", "stream", "u8"), ("stream16", "stream", "u16"),
    ("texts", "stream", "string"), ("future", "future", "u8"),
    ("future16", "future", "u16"), ("text", "future", "string"),
)
TYPES = """
  (type $R (resource (rep i32)))
  (type $Q (resource (rep i32)))
""" + "\n".join(f"  (type ${n} ({kind} {elem}))" for n, kind, elem in FAMILIES)

MEMORY = '(memory $libc "mem")'
OPTIONS = MEMORY + ' (realloc (func $libc "realloc"))'
I, IR, II, III = "(param i32)", "(param i32) (result i32)", \
    "(param i32 i32)", "(param i32 i32 i32)"


def builtins():
    """name -> (canonical definition, core signature)"""
    made = {}
    for name, kind, _ in FAMILIES:
        t = f"${name}"
        count = III if kind == "stream" else II
        made[f"{name}.new"] = (f"{kind}.new {t}", "(result i64)")
        for way in ("read", "write"):
            for suffix, is_async in (("", " async"), ("-sync", "")):
                made[f"{name}.{way}{suffix}"] = (
                    f"{kind}.{way} {t}{is_async} {OPTIONS}",
                    count + " (result i32)")
                made[f"{name}.cancel-{way}{suffix}"] = (
                    f"{kind}.cancel-{way} {t}{is_async}", IR)
        for way in ("readable", "writable"):
            made[f"{name}.drop-{way}"] = (f"{kind}.drop-{way} {t}", I)
    for name, t in (("resource", "$R"), ("other", "$Q")):
        made[f"{name}.new"] = (f"resource.new {t}", IR)
        made[f"{name}.drop"] = (f"resource.drop {t}", I)
        made[f"{name}.rep"] = (f"resource.rep {t}", IR)
    made |= {
        "backpressure.inc": ("backpressure.inc", ""),
        "backpressure.dec": ("backpressure.dec", ""),
        "context.get": ("context.get i32 0", "(result i32)"),
        "context.set": ("context.set i32 0", I),
        "context.get1": ("context.get i32 1", "(result i32)"),
        "context.set1": ("context.set i32 1", I),
        "task.return": ("task.return", ""),
        "task.return-u32": ("task.return (result u32)", I),
        "task.return-utf16": ("task.return string-encoding=utf16", ""),
        "task.cancel": ("task.cancel", ""),
        "subtask.cancel": ("subtask.cancel async", IR),
        "subtask.cancel-sync": ("subtask.cancel", IR),
        "subtask.drop": ("subtask.drop", I),
        "waitable-set.new": ("waitable-set.new", "(result i32)"),
        "waitable-set.wait": (f"waitable-set.wait {MEMORY}",
                              "(param i32 i32) (result i32)"),
        "waitable-set.wait-cancellable": (
            f"waitable-set.wait cancellable {MEMORY}",
            "(param i32 i32) (result i32)"),
        "waitable-set.poll": (f"waitable-set.poll {MEMORY}",
                              "(param i32 i32) (result i32)"),
        "waitable-set.drop": ("waitable-set.drop", I),
        "waitable.join": ("waitable.join", II),
        "thread.index": ("thread.index", "(result i32)"),
        "thread.new": ('thread.new-indirect $start (table $libc "table")',
                       "(param i32 i32) (result i32)"),
        "thread.resume-later": ("thread.resume-later", I),
        "thread.suspend": ("thread.suspend", "(result i32)"),
        "thread.suspend-cancellable": ("thread.suspend cancellable",
                                       "(result i32)"),
        "thread.yield": ("thread.yield", "(result i32)"),
        "thread.yield-cancellable": ("thread.yield cancellable",
                                     "(result i32)"),
        "error.new": (f"error-context.new {OPTIONS}",
                      "(param i32 i32) (result i32)"),
        "error.message": (f"error-context.debug-message {OPTIONS}", II),
        "error.drop": ("error-context.drop", I),
    }
    for way in ("suspend-then-resume", "yield-then-resume",
                "suspend-then-promote", "yield-then-promote"):
        made[f"thread.{way}"] = (f"thread.{way}", IR)
    return made


BUILTINS = builtins()
LIBC = """
  (core module $Libc
    (memory (export "mem") 1)
    (table (export "table") 8 funcref)
    (global $next (mut i32) (i32.const 32768))
    (func (export "realloc") (param i32 i32 i32 i32) (result i32)
      (global.set $next (i32.and (i32.add (global.get $next) (i32.const 7))
                                 (i32.const -8)))
      (global.get $next)
      (global.set $next (i32.add (global.get $next) (local.get 3)))))
  (core instance $libc (instantiate $Libc))
  (core type $start (func (param i32)))
"""


def used(body):
    """The built-ins that a body mentions: the rest stays away."""
    return [n for n in BUILTINS
            if f"${n} " in body or f"${n})" in body or f"${n}\n" in body]


def core(body, extra=()):
    """Core module and instance, `extra` being (name, core signature) of
    functions defined before under $lower-NAME."""
    names = used(body)
    canon = "\n".join(f"  (core func $canon-{n} (canon {BUILTINS[n][0]}))"
                      for n in names)
    wanted = [(n, BUILTINS[n][1], f"canon-{n}") for n in names]
    wanted += [(n, sig, f"lower-{n}") for n, sig in extra]
    imports = "\n".join(f'    (import "" "{n}" (func ${n} {sig}))'
                        for n, sig, _ in wanted)
    given = "\n".join(f'    (export "{n}" (func ${f}))'
                      for n, _, f in wanted)
    return f"""{canon}
  (core module $Core
    (import "libc" "mem" (memory 1))
    (import "libc" "table" (table 8 funcref))
{imports}
{body})
  (core instance $core (instantiate $Core (with "libc" (instance $libc))
    (with "" (instance
{given}))))"""


def function(name, signature, body):
    return f"""    (func ${name} (export "{name}") {signature}
      (local $a i32) (local $b i32) (local $c i32) (local $both i64)
{body})"""


LIFTS = {
    # name: (component type, core result, canonical options)
    "async": ("async", "", "async"),
    "u32": ("async (result u32)", "", "async"),
    "memory": ("async (result u32)", "", f"async {MEMORY}"),
    "callback": ("async", "(result i32)",
                 'async (callback (func $core "callback"))'),
    "sync": ("", "", ""),
    "blocking": ("async", "", ""),
    "post": ("(result u32)", "(result i32)",
             '(post-return (func $core "post"))'),
}


def single(lift, parts):
    """One component; `parts`: body, and perhaps funcs, callback, start."""
    kind, result, options = LIFTS[lift]
    run, funcs = parts["body"], parts.get("funcs", "")
    if lift == "callback":
        funcs += function("callback", "(param i32 i32 i32) (result i32)",
                          parts.get("callback", "(i32.const 0)"))
    if lift == "post":
        funcs += function("post", "(param i32)", run)
        run = "(i32.const 7)"
    body = funcs + "\n" + function("run", result, run)
    exports = f"""
  (func (export "run") {kind} (canon lift (core func $core "run") {options}))"""
    for line in parts.get("also", "").split():
        name, lifted = line.split(":")
        kind, _, options = LIFTS[lifted]
        exports += f"""
  (func (export "{name}") {kind}
    (canon lift (core func $core "{name}") {options}))"""
    return f"(component{TYPES}{LIBC}{core(body)}{exports})"


OWNER = """
  (component $B
    (type $R (resource (rep i32)))
    (core func $new (canon resource.new $R))
    (core module $Make (import "" "new" (func $new (param i32) (result i32)))
      (func (export "make") (result i32) (call $new (i32.const 1))))
    (core instance $make (instantiate $Make
      (with "" (instance (export "new" (func $new))))))
    (export $T "t" (type $R))
    (func (export "make") (result (own $T))
      (canon lift (core func $make "make"))))"""


def pair(signature, lift, parts):
    """A callee C with function f, whose component type is `signature`, and a
    caller D that has it as $f (lowered async) and $f-sync.  Both know resource
    T of a third component, which D can $make and $drop."""
    params, flat = signature
    kind, result, own = LIFTS[lift]
    extra = parts.get("funcs", "")
    if lift == "callback":
        extra += function("callback", "(param i32 i32 i32) (result i32)",
                          parts.get("callback", "(i32.const 0)"))
    callee = core(extra + "\n" + function("f", flat + " " + result,
                                          parts.get("callee", "")))
    caller = core(parts.get("caller", "") + function("run", "", parts["body"]),
                  (("f", flat + " (result i32)"), ("f-sync", flat),
                   ("make", "(result i32)"), ("drop", I)))
    return f"""(component{OWNER}
  (component $C
    (import "t" (type $T (sub resource))){TYPES}{LIBC}{callee}
    (func (export "f") {kind} {params}
      (canon lift (core func $core "f") {own})))
  (component $D
    (import "t" (type $T (sub resource)))
    (import "make" (func $make-t (result (own $T))))
    (import "f" (func $f {kind} {params})){TYPES}{LIBC}
    (core func $lower-f (canon lower (func $f) async {OPTIONS}))
    (core func $lower-f-sync (canon lower (func $f) {OPTIONS}))
    (core func $lower-make (canon lower (func $make-t)))
    (core func $lower-drop (canon resource.drop $T))
{caller}
    (func (export "run") async (canon lift (core func $core "run") async)))
  (instance $b (instantiate $B))
  (alias export $b "t" (type $T))
  (instance $c (instantiate $C (with "t" (type $T))))
  (instance $d (instantiate $D (with "t" (type $T))
    (with "make" (func $b "make")) (with "f" (func $c "f"))))
  (func (export "run") (alias export $d "run")))"""


SIGNATURES = {
    # name: (component type, core type)
    "none": ("", ""),
    "stream": ('(param "s" (stream u8))', I),
    "error": ('(param "e" error-context)', I),
    "own": ('(param "r" (own $T))', I),
    "borrow": ('(param "r" (borrow $T))', I),
}


def build(shape, parts):
    """The text of a component; shape is LIFT or SIGNATURE/LIFT."""
    if "/" not in shape:
        return single(shape, parts)
    signature, lift = shape.split("/")
    return pair(SIGNATURES[signature], lift, parts)
