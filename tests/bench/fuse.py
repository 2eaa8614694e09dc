#!/usr/bin/python3
"""Chooses the sequences of instructions that get a handler of their own, and
writes vm/fuse.def.

usage: tests/bench/fuse.py [--keep N] [--unused] SYMBOLS COUNTS... >vm/fuse.def

COUNTS are what programs wrote under the counting build (vm/count.c), one file
per program; SYMBOLS is what `nm` says of that build.  With --unused: prints the
handlers of rows that no program ran instead.

Every program weighs the same, except that those named in HEAVY, which are real
ones, weigh more.  A sequence's gain is the share of dispatches that it saves,
given the ones that are chosen already: it is recomputed after each batch, since
a handler that starts with a sequence takes the place of another that overlaps.
"""
import argparse
import collections
import os
import re
import sys

HEAVY = {"coremark": 4, "lua": 4, "quickjs": 4, "sqlite": 4}
BATCH = 12

HEADER = """\
/*
 * fuse.def - the sequences of instructions that have a handler of their own:
 * classes and arguments as in bodies.h.
 *
 * Written by tests/bench/fuse.py from what the benchmark programs run: see
 * there.  They save %.1f%% of the dispatches of an average program.
 */
"""

FLOATS = "ADD|SUB|MUL|DIV|MIN|MAX|COPYSIGN"
INTS = "ADD|SUB|MUL|AND|OR|XOR|SHL|SHR_S|SHR_U|ROTL|ROTR"
TESTS = "EQ|NE|LT_S|LT_U|GT_S|GT_U|LE_S|LE_U|GE_S|GE_U"
UNARY = (r"I32_CLZ|I32_CTZ|I32_POPCNT|I64_CLZ|I64_CTZ|I64_POPCNT|"
         r"I..?_EXTEND\w*")

# Symbol, class, arguments made of the groups.
SHAPES = [(re.compile(shape + "$"), name, arguments) for shape, name, arguments
          in (
    (rf"(I(32|64)_(?:{INTS}|{TESTS}))_([SAPQK])([SAPQK])([SAPQ])", "INT",
     (2, 1, 3, 4, 5)),
    (rf"({UNARY})_([SAPQ])([SAPQ])", "UNARY", (1, 2, 3)),
    (r"shl_add_([SAPQ])([SPQK])([SAPQ])", "SHL_ADD", (1, 2, 3)),
    (rf"((F)(32|64)_(?:{FLOATS}))_([SAPK])([SAPK])([SAP])", "FLOAT",
     ("f3", 1, 4, 5, 6)),
    (r"([IF]..?_LOAD\w*)_([SAPQK])([SAPQ])", "LOAD", (1, 2, 3)),
    (r"([IF]..?_STORE\w*)_([SAPQK])([SAPQK])", "STORE", (1, 2, 3)),
    (r"([IF]..?_LOAD\w*)_([SPQ])([SPQK])([SAPQ])", "SUM_LOAD", (1, 2, 3, 4)),
    (r"([IF]..?_STORE\w*)_([SPQ])([SPQK])([SAPQK])", "SUM_STORE",
     (1, 2, 3, 4)),
    (r"move_([SAPQK])([SAPQ])", "MOVE", (1, 2)),
    (r"move2_([SPQK])([SPQK])", "MOVE2", (1, 2)),
    (r"fmove_(f..)_([SAPK])([SAP])", "FMOVE", (1, 2, 3)),
    (r"select_([SAPQ])_([SPQK])([SPQK])([SAPQ])", "SELECT", (1, 2, 3, 4)),
    (r"global_get_([SAPQ])", "GLOBAL_GET", (1,)),
    (r"global_set_([SAPQK])", "GLOBAL_SET", (1,)),
    (r"global_add_([SAPQ])", "GLOBAL_ADD", (1,)),
    (r"global_set_add_([SPQ])", "GLOBAL_SET_ADD", (1,)),
    (r"br_(I\w*|BR_TRUE|BR_FALSE)_([SAPQ])([SPQK])_([fb])", "BRANCH",
     (1, 2, 3, 4)),
    (r"br_((F)(32|64)_\w*)_([SAP])([SAPK])_(n?[fb])", "FBRANCH",
     ("f3", 1, 4, 5, 6)),
    (r"br_table_([SAPQ])", "TABLE", (1,)),
    (r"ret_(f..)_([SAPK])", "FRET", (1, 2)),
    (r"ret_([SAPQK])", "RET", (1,)),
    (r"vm_x_(MOVE3|ZERO1|ZERO2|BR|BR_BACK|CALL|RET_SLOTS)", None, ()),
)]
LAST_ONLY = {"BR", "BR_BACK", "TABLE", "CALL", "RET", "FRET", "RET_SLOTS"}


def shape(symbol):
    """(class, arguments) of a handler in bodies.h, or None."""
    for pattern, name, arguments in SHAPES:
        m = pattern.match(symbol)
        if m:
            values = tuple("f" + m[int(g[1])] if isinstance(g, str) else m[g]
                           for g in arguments)
            return (name or m[1], values)
    return None


def cells(kind):
    """Length of an instruction; 0 if nothing follows it."""
    name, values = kind
    if name in LAST_ONLY:
        return 0
    if name == "INT":
        return 2 + (values[0] == "64" and "K" in values[2:4])
    if name in ("FLOAT", "SHL_ADD", "BRANCH", "FBRANCH", "SUM_LOAD"):
        return 2 + ("K" in values)
    if name == "STORE":
        return 2 + (values[2] == "K")
    if name == "SUM_STORE":
        return 2 + (values[2] == "K") + (values[3] == "K")
    if name in ("MOVE", "FMOVE", "GLOBAL_SET"):
        return 2 + ("K" in values)
    if name == "MOVE2":
        return 2 + 2 * ("K" in values)
    if name == "SELECT":
        return 2 + 2 * ("K" in values[1:3])
    if name in ("GLOBAL_ADD", "GLOBAL_SET_ADD"):
        return 3
    return 2


class Program:
    """kinds: by cell; after: the cell that follows; flow: how often it did,
    by cell; jumps: how often a cell was led to otherwise."""

    def __init__(self, path, symbols, shapes):
        self.name = os.path.basename(path)
        self.kinds, self.after, self.flow = {}, {}, collections.Counter()
        self.jumps, self.runs = collections.Counter(), collections.Counter()
        self.total = 0
        for line in open(path):
            h1, c1, h2, c2, n = line.split()
            c1, c2, n = int(c1, 16), int(c2, 16), int(n)
            symbol = symbols.get(int(h2, 16), "?")
            self.runs[symbol] += n
            self.total += n
            self.kinds[c2] = shapes.setdefault(symbol, shape(symbol))
            first = shapes.get(symbols.get(int(h1, 16)))
            if first is None and int(h1, 16) in symbols:
                s = symbols[int(h1, 16)]
                first = shapes.setdefault(s, shape(s))
            length = cells(first) if first else 0
            if length and c1 + 8 * length == c2:
                self.after[c1] = c2
                self.flow[c1] += n
            else:
                self.jumps[c2] += n
        self.weight = HEAVY.get(self.name, 1) / self.total
        self.order = sorted(self.kinds)
        self.count = collections.Counter(self.jumps)
        for a, b in self.after.items():
            self.count[b] += self.flow[a]

    def simulate(self, chosen):
        """Dispatches, and the gain of candidates given what is chosen."""
        landings = collections.Counter(self.jumps)
        gain, used = collections.Counter(), collections.Counter()
        dispatches = 0
        for a in self.order:
            n = landings[a]
            if not n:
                continue
            dispatches += n
            path, rate, rates = [a], 1.0, [1.0]
            while len(path) < 3 and path[-1] in self.after:
                at = path[-1]
                rate *= self.flow[at] / self.count[at]
                path.append(self.after[at])
                rates.append(rate)
            kinds = [self.kinds[p] for p in path]
            if None in kinds:
                kinds = kinds[:kinds.index(None)]
            best = 1
            for k in (3, 2):
                if len(kinds) >= k and tuple(kinds[:k]) in chosen:
                    best = k
                    used[tuple(kinds[:k])] += n
                    break
            saved = sum(rates[1:best]) * n
            for k in range(best + 1, len(kinds) + 1):
                gain[tuple(kinds[:k])] += sum(rates[1:k]) * n - saved
            for i in range(best): # where it leaves the sequence
                if path[i] not in self.after:
                    continue
                if i == best - 1:
                    landings[self.after[path[i]]] += \
                        n * rates[i] * self.flow[path[i]] / self.count[path[i]]
        return dispatches, gain, used


def choose(programs, keep):
    chosen = set()
    while True:
        gain, saved = collections.Counter(), 0.0
        for p in programs:
            d, g, _ = p.simulate(chosen)
            saved += (1 - d / p.total) * p.weight * p.total
            for k, v in g.items():
                gain[k] += v * p.weight
        weights = sum(p.weight * p.total for p in programs)
        print(f"{len(chosen)} sequences save {100 * saved / weights:.1f}%",
              file=sys.stderr)
        if len(chosen) >= keep:
            return chosen, 100 * saved / weights
        for k, _ in gain.most_common(min(BATCH, keep - len(chosen))):
            chosen.add(k)


def text(sequence):
    parts = ", ".join(f"{n}, ({', '.join(a)})" for n, a in sequence)
    return f"SEQUENCE{len(sequence)}({parts})"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--keep", type=int, default=400)
    parser.add_argument("--unused", action="store_true")
    parser.add_argument("symbols")
    parser.add_argument("counts", nargs="+")
    options = parser.parse_args()
    symbols, shapes = {}, {}
    for line in open(options.symbols):
        fields = line.split()
        if len(fields) == 3 and fields[1] in "tT":
            symbols[int(fields[0], 16)] = fields[2]
    programs = [Program(p, symbols, shapes) for p in options.counts]
    if options.unused:
        runs = collections.Counter()
        for p in programs:
            for s, n in p.runs.items():
                runs[s] += n * p.weight
        for s in sorted(set(symbols.values())):
            if shape(s):
                print(f"{1e6 * runs[s]:12.3f} {s}")
        return
    chosen, saved = choose(programs, options.keep)
    print(HEADER % saved)
    for s in sorted(chosen):
        print(text(s))


main()
