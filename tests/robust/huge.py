"""Modules and components that are small and ask for much, or nest deeply: each
gets an answer, in a second or so and in little memory.  Bytes by hand, since no
tool makes them."""
import os
import resource
import subprocess
import tempfile
import time

CORE = b"\0asm\1\0\0\0"
COMPONENT = b"\0asm\x0d\0\1\0"
MOST = b"\xff\xff\xff\xff\x0f"  # 2^32 - 1


def leb(n):
    out = bytearray()
    while n >= 128:
        out.append(n & 127 | 128)
        n >>= 7
    return bytes(out + bytes([n]))


def section(number, data):
    return bytes([number]) + leb(len(data)) + data


def function(body, local_groups=b"\0"):
    """A module whose one function, of no type, has this body."""
    code = local_groups + body + b"\x0b"
    return CORE + section(1, b"\1\x60\0\0") + section(3, b"\1\0") + section(
        7, b"\1\6_start\0\0") + section(10, b"\1" + leb(len(code)) + code)


def component(n):
    """Components in components."""
    data = b""
    for _ in range(n):
        data = section(4, COMPONENT + data)
    return COMPONENT + data


# What, the bytes, and words of the refusal; None where it is valid and runs.
CASES = (
    ("a million blocks in one another",
     function(b"\2\x40" * 10**6 + b"\x0b" * 10**6), None),
    ("a million ifs in one another",
     function(b"\x41\0\4\x40" * 10**6 + b"\x0b" * 10**6), None),
    ("a million blocks that do not end", function(b"\2\x40" * 10**6), "end"),
    ("a br_table of 2^32 - 1 labels",
     function(b"\x41\0\x0e" + MOST + b"\0"), ""),
    ("2^32 - 1 locals", function(b"", b"\1" + MOST + b"\x7f"), "locals"),
    ("2^32 - 1 groups of locals", function(b"", MOST), ""),
    ("a function of 50,001 locals", function(b"", b"\1" + leb(50001) + b"\x7f"),
     "locals"),
    *((f"2^32 - 1 entries of section {n}", CORE + section(n, MOST), "")
      for n in range(1, 12)),
    ("a name of 2^32 - 1 bytes", CORE + section(0, MOST), ""),
    ("a hundred thousand components in one another", component(10**5), "nest"),
    *((f"2^32 - 1 entries of a component's section {n}",
       COMPONENT + section(n, MOST), "") for n in (2, 3, 5, 6, 7, 8, 10, 11)),
)


def run(vyoma, data):
    """(status, what it said, seconds)"""
    def limits():
        resource.setrlimit(resource.RLIMIT_STACK, (8 << 20, 8 << 20))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with tempfile.NamedTemporaryFile(suffix=".wasm") as file:
        file.write(data)
        file.flush()
        start = time.monotonic()
        done = subprocess.run([vyoma, "run", file.name], text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              preexec_fn=limits, check=False)
        return done.returncode, done.stdout, time.monotonic() - start


def check(vyoma):
    """Prints TAP; whether all is well."""
    good = True
    for name, data, words in CASES:
        status, said, seconds = run(vyoma, data)
        ok = (status == 0 if words is None else status == 1 and words in said)
        ok = ok and seconds < 30
        good &= ok
        print(f"{'ok' if ok else 'not ok'} - huge: {name}")
        if not ok:
            print(f"# status {status}, {seconds:.1f} s: {said[:300]}")
    return good


if __name__ == "__main__":
    check(os.environ.get("VYOMA", "build/vyoma"))
