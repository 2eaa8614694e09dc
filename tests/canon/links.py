"""One component's import from another's export, `vyoma run --link`: which
versions fit, and which types."""

F = '(export "f" (func (param "x" u32) (result u32)))'
LIFTED = """(core module $M
    (func (export "f") (param i32) (result i32)
      (i32.add (local.get 0) (i32.const 1)))
    (func (export "none") (param i32))
    (func (export "id") (param i32) (result i32) (local.get 0)))
  (core instance $m (instantiate $M))
  (func $f (param "x" u32) (result u32) (canon lift (core func $m "f")))
"""
ONE = LIFTED + '(instance $i (export "f" (func $f)))'
MORE = LIFTED + '(instance $i (export "f" (func $f)) (export "g" (func $f)))'
OTHER_NAME = LIFTED + '(instance $i (export "g" (func $f)))'
OTHER_TYPE = LIFTED + """
  (func $g (param "x" s32) (result u32) (canon lift (core func $m "f")))
  (instance $i (export "f" (func $g)))"""
NO_RESULT = LIFTED + """
  (func $g (param "x" u32) (canon lift (core func $m "none")))
  (instance $i (export "f" (func $g)))"""
OTHER_PARAM = LIFTED + """
  (func $g (param "y" u32) (result u32) (canon lift (core func $m "f")))
  (instance $i (export "f" (func $g)))"""

# A resource, made and used through the interface; x + 1 comes back.
RESOURCE = """(core module $M (import "" "new" (func $new (param i32) (result i32)))
    (func (export "make") (param i32) (result i32) (call $new (local.get 0)))
    (func (export "get") (param i32) (result i32)
      (i32.add (local.get 0) (i32.const 1))))
  (component $C
    (type $r (resource (rep i32)))
    (core func $new (canon resource.new $r))
    (alias outer $O $M (core module $M'))
    (core instance $m (instantiate $M'
      (with "" (instance (export "new" (func $new))))))
    (export $R "r" (type $r))
    (func (export "[constructor]r") (param "x" u32) (result (own $R))
      (canon lift (core func $m "make")))
    (func (export "[method]r.get") (param "self" (borrow $R)) (result u32)
      (canon lift (core func $m "get"))))
  (instance $i (instantiate $C))"""
USES = """
    (export "r" (type $r (sub resource)))
    (export "[constructor]r" (func (param "x" u32) (result (own $r))))
    (export "[method]r.get" (func (param "self" (borrow $r)) (result u32)))"""
# the same with a type that is no resource
ALIAS = '(type $u u32) (export "r" (type $r (eq $u)))'

CASES = (
    # what, the import, its type, the export, its definition, words or None
    ("an older version", "t:p/i@0.2.3", F, "t:p/i@0.2.6", ONE, None),
    ("a newer version", "t:p/i@0.2.6", F, "t:p/i@0.2.3", ONE, None),
    ("of version 1, any", "t:p/i@1.2.0", F, "t:p/i@1.0.9", ONE, None),
    ("another minor of version 0", "t:p/i@0.2.3", F, "t:p/i@0.3.0", ONE,
     "missing expected export"),
    ("another major", "t:p/i@1.0.0", F, "t:p/i@2.0.0", ONE,
     "missing expected export"),
    ("another patch of 0.0", "t:p/i@0.0.1", F, "t:p/i@0.0.2", ONE,
     "missing expected export"),
    ("another pre-release", "t:p/i@1.0.0-a", F, "t:p/i@1.0.0-b", ONE,
     "missing expected export"),
    ("the same pre-release", "t:p/i@1.0.0-a", F, "t:p/i@1.0.0-a", ONE, None),
    ("another interface", "t:p/i@1.0.0", F, "t:p/j@1.0.0", ONE,
     "missing expected export"),
    ("more than is wanted", "t:p/i@1.0.0", F, "t:p/i@1.0.0", MORE, None),
    ("a function is missing", "t:p/i@1.0.0", F, "t:p/i@1.0.0", OTHER_NAME,
     "missing expected export `f`"),
    ("a parameter's type", "t:p/i@1.0.0", F, "t:p/i@1.0.0", OTHER_TYPE,
     "type mismatch in function parameter `x`"),
    ("a parameter's name", "t:p/i@1.0.0", F, "t:p/i@1.0.0", OTHER_PARAM,
     "expected parameter named `x`"),
    ("no result", "t:p/i@1.0.0", F, "t:p/i@1.0.0", NO_RESULT,
     "function results differ"),
    ("a resource", "t:p/i@1.0.0", USES, "t:p/i@1.0.0", RESOURCE, None),
    ("a resource is no number", "t:p/i@1.0.0", ALIAS, "t:p/i@1.0.0", RESOURCE,
     "type mismatch in instance export `r`"),
)


def exporter(name, definition):
    return f'(component $O {definition} (export "{name}" (instance $i)))'


def importer(name, wanted):
    """Exports go: calls f, or makes an r and asks it."""
    lowered, core = "", "(i32.const 0)"
    if wanted == F:
        lowered = "(core func $f (canon lower (func $i \"f\")))"
        core = "(call $f (local.get 0))"
    elif wanted == USES:
        lowered = """(core func $f (canon lower (func $i "[constructor]r")))
  (core func $g (canon lower (func $i "[method]r.get")))"""
        core = "(call $g (call $f (local.get 0)))"
    names = [n for n in ("f", "g") if f"${n} " in lowered]
    imports = "".join(f'(import "" "{n}" (func ${n} (param i32) (result i32)))'
                      for n in names)
    given = "".join(f'(export "{n}" (func ${n}))' for n in names)
    return f"""(component (import "{name}" (instance $i {wanted})) {lowered}
  (core module $M {imports}
    (func (export "go") (param i32) (result i32) {core}))
  (core instance $m (instantiate $M (with "" (instance {given}))))
  (func (export "go") (param "x" u32) (result u32)
    (canon lift (core func $m "go"))))"""
