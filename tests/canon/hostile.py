"""Small components that ask for much: types that double at each step, instances
that double, long chains.  Each is named, with the words it is refused with, or
None when there is nothing wrong with it."""

LIMIT = "exceeds the limit"


def chain(prefix, n, form):
    """u8, then n - 1 types each made of the one before."""
    return f"(type ${prefix}0 u8)" + "".join(
        "\n" + form(f"${prefix}{i}", f"${prefix}{i - 1}")
        for i in range(1, n))


def twice(a, b):
    return f"(type {a} (tuple {b} {b}))"


def cases_of(a, b):
    return f'(type {a} (variant (case "x" {b}) (case "y" {b})))'


def lists(a, b):
    return f"(type {a} (tuple (list {b}) (list {b})))"


def nested_list(a, b):
    return f"(type {a} (list {b}))"


def instance_types(n):
    made = '(type $i0 (instance (export "t" (type (sub resource)))))'
    for i in range(1, n):
        made += f"""
      (type $i{i} (instance (alias outer $O $i{i - 1} (type $q))
        (export "x" (instance (type $q))) (export "y" (instance (type $q)))))"""
    return made + f'\n (import "i" (instance (type $i{n - 1})))'


def component_types(scope, n):
    made = "(type $i0 (component))"
    for i in range(1, n):
        made += f"""
      (type $i{i} (component (alias outer {scope} $i{i - 1} (type $q))
        (import "x" (component (type $q))) (export "y" (component (type $q)))))
      """
    return made


def doubling_instances(n):
    made = "(component $c0)"
    for i in range(1, n):
        made += f"""
      (component $c{i} (alias outer $O $c{i - 1} (component $d))
        (instance (instantiate $d)) (instance (instantiate $d)))"""
    return made + f"\n (instance (instantiate $c{n - 1}))"


def matched(form, n):
    """A function's type held against an equal one that is another."""
    return f"""
    (component $c {chain("b", n, form)}
      (import "f" (func (param "p" $b{n - 1}))))
    {chain("a", n, form)}
    (import "f" (func $f (param "p" $a{n - 1})))
    (instance (instantiate $c (with "f" (func $f))))"""


def matched_components(n):
    return f"""
    (component $c {component_types("$c", n)}
      (import "i" (component (type $i{n - 1}))))
    {component_types("$O", n)}
    (import "i" (component $k (type $i{n - 1})))
    (instance (instantiate $c (with "i" (component $k))))"""


def many(n, line):
    return "\n".join(line.replace("#", str(i)) for i in range(n))


CASES = (
    # name, text inside (component $O ...), the words of the refusal
    ("tuples double", chain("a", 60, twice), LIMIT),
    ("variants double", chain("a", 60, cases_of), LIMIT),
    ("lists double", chain("a", 60, lists), LIMIT),
    ("tuples that double are matched", matched(twice, 40), LIMIT),
    ("lists nest, and are matched", matched(nested_list, 60), None),
    ("lists nest too deeply", chain("a", 200, nested_list), "nest"),
    ("instance types double", instance_types(30), LIMIT),
    ("component types double", component_types("$O", 60), LIMIT),
    ("component types that double are matched", matched_components(40), LIMIT),
    ("component types are matched", matched_components(8), None),
    ("many types", many(20000, "(type (list u8))"), None),
    ("many imports", many(5000, '(import "f#" (func))'), None),
    ("a long name", f'(import "{"a" * 50000}" (func))', None),
    ("many fields", "(type (record" + many(
        2000, '(field "f#" u8)') + "))", None),
)

# instances that double: found out when it runs
RUN = ("instances double", doubling_instances(30), "too many component")


def text(inside):
    return f"(component $O {inside})"
