/*
 * count.c - the counting build (make FLAVOUR=count VM_COUNT=1): how often each
 * instruction ran after which other, for tests/bench/fuse.py to choose the
 * sequences of fuse.def from.
 *
 * NEXT() calls vm_count with the cell that is run next.  When the program ends,
 * what was counted goes to the file that the variable VM_COUNT_FILE names, a
 * line per pair of cells: handler and cell of the first, of the second, count.
 */
#ifdef VM_COUNT

#include "vm/interp.h"

#include <stdio.h>
#include <stdlib.h>

#define SIZE (1u << 22)

typedef struct edge {
    const vm_cell *from, *to;
    vm_cell from_handler, to_handler;
    uint64_t count;
} edge;

static edge edges[SIZE];
static const vm_cell *last;
static vm_cell last_handler;

static void write_counts(void)
{
    const char *name = getenv("VM_COUNT_FILE");
    FILE *f = name ? fopen(name, "w") : NULL;
    if (!f)
        return;
    for (uint32_t i = 0; i < SIZE; i++)
        if (edges[i].count)
            fprintf(f, "%lx %lx %lx %lx %lu\n", (long)edges[i].from_handler,
                    (long)(uintptr_t)edges[i].from, (long)edges[i].to_handler,
                    (long)(uintptr_t)edges[i].to, (long)edges[i].count);
    fclose(f);
}

void vm_count(const vm_cell *pc)
{
    if (!last)
        atexit(write_counts);
    uint64_t h = (uintptr_t)last * 0x9e3779b97f4a7c15 ^
                 (uintptr_t)pc * 0xc2b2ae3d27d4eb4f;
    edge *e = &edges[h >> 42];
    while (e->count && (e->from != last || e->to != pc))
        e = e == &edges[SIZE - 1] ? edges : e + 1;
    e->from = last;
    e->to = pc;
    e->from_handler = last_handler;
    e->to_handler = *pc;
    e->count++;
    last = pc;
    last_handler = *pc;
}

#endif
