/*
 * profile.c - from a tree of frames to what people ask: which functions, which
 * lines, which instructions (profile.h).
 */
#include "supervisor/profile.h"

#include "vm/code.h"

#include <stdlib.h>
#include <string.h>

/* ---- functions --------------------------------------------------------------
 */

static const char *const special_names[] = {
    [PROFILE_ENGINE] = "[vyoma] load and link",
    [PROFILE_TRUNCATED] = "[truncated]",
    [PROFILE_LOST] = "[unknown]",
};

static bool is_func(const profile *p, const profile_func *f, uint32_t first,
                    const profile_node *n)
{
    const profile_node *of = &p->nodes[first];
    return f->name && of->special == n->special &&
           (n->special != PROFILE_FRAME ||
            vm_sample_same_func(&of->frame, &n->frame));
}

static void describe(profile *p, profile_func *f, const profile_node *n)
{
    char text[400];
    *f = (profile_func){.kind = PROFILE_KIND_ENGINE};
    if (n->special != PROFILE_FRAME) {
        f->name = strdup(special_names[n->special]);
    } else {
        vm_sample_label(&n->frame, text, sizeof text);
        f->name = strdup(text);
        f->kind = n->frame.kind == VM_SAMPLE_COMPILE ? PROFILE_KIND_ENGINE
                                                     : (uint8_t)n->frame.kind;
    }
    p->out_of_memory |= !f->name;
}

static uint64_t func_hash(const profile_node *n)
{
    const vm_sample_frame *f = &n->frame;
    uint64_t h = n->special;
    if (n->special == PROFILE_FRAME && f->kind == VM_SAMPLE_GUEST)
        h = f->code->func ^ (uintptr_t)f->instance * 31;
    else if (n->special == PROFILE_FRAME)
        h = (uintptr_t)f->host + f->kind;
    h *= UINT64_C(0x9e3779b97f4a7c15);
    return h ^ h >> 29;
}

/* Gives each node its function; `firsts` is a node of each. */
static void find_funcs(profile *p, uint32_t *firsts)
{
    uint32_t mask = 1;
    while (mask < 2 * p->nnodes)
        mask *= 2;
    uint32_t *slots = calloc(mask--, sizeof *slots);
    p->out_of_memory |= !slots;
    for (uint32_t i = 1; slots && i < p->nnodes; i++) {
        profile_node *n = &p->nodes[i];
        uint32_t at = (uint32_t)func_hash(n) & mask;
        while (slots[at] &&
               !is_func(p, &p->funcs[slots[at] - 1], firsts[slots[at] - 1], n))
            at = (at + 1) & mask;
        if (!slots[at]) {
            firsts[p->nfuncs] = i;
            describe(p, &p->funcs[p->nfuncs], n);
            slots[at] = ++p->nfuncs;
        }
        n->func = slots[at] - 1;
    }
    free(slots);
}

/* A function counts once for a stack, however often it is in it: `seen` holds
 * the last node for which it was counted. */
static void add_times(profile *p)
{
    uint32_t *seen = calloc(p->nfuncs + 1, sizeof *seen);
    p->out_of_memory |= !seen;
    for (uint32_t i = 1; seen && i < p->nnodes; i++) {
        const profile_node *n = &p->nodes[i];
        if (!n->samples)
            continue;
        p->funcs[n->func].self_ns += n->self_ns;
        p->funcs[n->func].samples += n->samples;
        for (uint32_t up = i; up; up = p->nodes[up].parent) {
            profile_func *f = &p->funcs[p->nodes[up].func];
            if (seen[p->nodes[up].func] == i)
                continue;
            seen[p->nodes[up].func] = i;
            f->total_ns += n->self_ns;
        }
    }
    free(seen);
}

/* ---- positions --------------------------------------------------------------
 */

static int by_text(const void *a, const void *b)
{
    const profile_part *x = a, *y = b;
    int order = strcmp(x->name, y->name);
    if (!order && x->first)
        order = strcmp(x->first, y->first);
    return order ? order : (x->line > y->line) - (x->line < y->line);
}

static int by_self(const void *a, const void *b)
{
    const profile_part *x = a, *y = b;
    return (x->self_ns < y->self_ns) - (x->self_ns > y->self_ns);
}

/* Adds up parts of the same name and line; the largest first. */
static uint32_t merge(profile_part *parts, uint32_t n)
{
    uint32_t kept = 0;
    qsort(parts, n, sizeof *parts, by_text);
    for (uint32_t i = 0; i < n; i++) {
        if (kept && !by_text(&parts[kept - 1], &parts[i]))
            parts[kept - 1].self_ns += parts[i].self_ns;
        else
            parts[kept++] = parts[i];
    }
    qsort(parts, kept, sizeof *parts, by_self);
    return kept;
}

/* Paths are kept once per function and file: most are the function's own. */
static const char *keep_path(profile *p, uint32_t node, const char *path)
{
    profile_func *f = &p->funcs[p->nodes[node].func];
    if (f->path && !strcmp(f->path, path))
        return f->path;
    char *copy = strdup(path);
    p->out_of_memory |= !copy;
    if (!f->path)
        f->path = copy;
    else if (p->npaths < p->nnodes)
        p->paths[p->npaths++] = copy;
    return copy;
}

/* A sampled instruction, for finding the one before it. */
typedef struct timed_place {
    const vm_module *module;
    uint32_t func, offset;
    uint16_t op;
    uint64_t self_ns;
} timed_place;

static void locate(profile *p, uint32_t i, timed_place *places)
{
    char path[1000];
    vm_sample_place place;
    const profile_node *n = &p->nodes[i];
    profile_func *f = &p->funcs[n->func];
    if (n->special != PROFILE_FRAME || n->frame.kind != VM_SAMPLE_GUEST)
        return;
    vm_sample_locate(&n->frame, &place);
    f->index = place.func;
    f->start = place.start;
    p->positions[i].offset = place.offset;
    if (place.has_line) {
        vm_line_path(&place.line, path, sizeof path);
        p->positions[i].path = keep_path(p, i, path);
        p->positions[i].line = place.line.line;
        p->positions[i].column = place.line.column;
        if (!f->line || place.line.line < f->line)
            f->line = place.line.line;
    }
    p->positions[i].op = (uint16_t)(place.op + 1);
    if (!n->self_ns)
        return;
    places[p->nopcodes] = (timed_place){place.module, place.func, place.offset,
                                        place.op, n->self_ns};
    p->opcodes[p->nopcodes++] =
        (profile_part){.name = vm_ops[place.op].text, .self_ns = n->self_ns};
    if (p->positions[i].path)
        p->lines[p->nlines++] = (profile_part){.name = p->positions[i].path,
                                               .line = place.line.line,
                                               .self_ns = n->self_ns};
}

/* ---- pairs ------------------------------------------------------------------
 */

static int by_offset(const void *a, const void *b)
{
    const timed_place *x = a, *y = b;
    if (x->module != y->module)
        return (uintptr_t)x->module < (uintptr_t)y->module ? -1 : 1;
    return (x->offset > y->offset) - (x->offset < y->offset);
}

/* In the order of the code, so that it is read once. */
static void find_pairs(profile *p, timed_place *places)
{
    vm_sample_cursor cursor = {0};
    qsort(places, p->nopcodes, sizeof *places, by_offset);
    for (uint32_t i = 0; i < p->nopcodes; i++) {
        const timed_place *at = &places[i];
        uint32_t before =
            vm_sample_before(&cursor, at->module, at->func, at->offset);
        if (before)
            p->pairs[p->npairs++] =
                (profile_part){.first = vm_ops[before - 1].text,
                               .name = vm_ops[at->op].text,
                               .self_ns = at->self_ns};
    }
}

/* ---- the order of functions -------------------------------------------------
 */

typedef struct ranked {
    profile_func func;
    uint32_t was;
} ranked;

static int by_time(const void *a, const void *b)
{
    const profile_func *x = &((const ranked *)a)->func;
    const profile_func *y = &((const ranked *)b)->func;
    if (x->self_ns != y->self_ns)
        return x->self_ns < y->self_ns ? 1 : -1;
    if (x->total_ns != y->total_ns)
        return x->total_ns < y->total_ns ? 1 : -1;
    return (x->instructions < y->instructions) -
           (x->instructions > y->instructions);
}

static void sort_funcs(profile *p)
{
    ranked *order = calloc(p->nfuncs + 1, sizeof *order);
    uint32_t *now = calloc(p->nfuncs + 1, sizeof *now);
    p->out_of_memory |= !order || !now;
    for (uint32_t i = 0; order && i < p->nfuncs; i++)
        order[i] = (ranked){p->funcs[i], i};
    if (order && now) {
        qsort(order, p->nfuncs, sizeof *order, by_time);
        for (uint32_t i = 0; i < p->nfuncs; i++) {
            p->funcs[i] = order[i].func;
            now[order[i].was] = i;
        }
        for (uint32_t i = 1; i < p->nnodes; i++)
            p->nodes[i].func = now[p->nodes[i].func];
    }
    free(order);
    free(now);
}

/* ---- counts -----------------------------------------------------------------
 */

static uint32_t op_of(const char *text)
{
    uint32_t op = 0;
    while (vm_ops[op].text != text)
        op++;
    return op;
}

static int by_self_and_count(const void *a, const void *b)
{
    const profile_part *x = a, *y = b;
    int order = by_self(a, b);
    return order ? order : (x->count < y->count) - (x->count > y->count);
}

/* Adds to the parts, of opcodes or of pairs, how often they were executed, and
 * those that were only executed.  `counts` has n rows of VM_OP_COUNT; a pair's
 * first opcode is the row. */
static void add_counts(profile *p, profile_part **parts, uint32_t *nparts,
                       const uint64_t *counts, uint32_t n)
{
    size_t size = (size_t)n * VM_OP_COUNT, total = *nparts;
    uint64_t *self = calloc(size, sizeof *self);
    for (uint32_t i = 0; self && i < *nparts; i++) {
        const profile_part *part = &(*parts)[i];
        uint32_t row = part->first ? op_of(part->first) : 0;
        self[row * VM_OP_COUNT + op_of(part->name)] = part->self_ns;
    }
    for (size_t i = 0; self && i < size; i++)
        total += counts[i] && !self[i];
    profile_part *all = self ? calloc(total + 1, sizeof *all) : NULL;
    if (!all) {
        p->out_of_memory = true;
        free(self);
        return;
    }
    uint32_t kept = 0;
    for (size_t i = 0; i < size; i++)
        if (self[i] || counts[i])
            all[kept++] = (profile_part){
                .first = n > 1 ? vm_ops[i / VM_OP_COUNT].text : NULL,
                .name = vm_ops[i % VM_OP_COUNT].text,
                .self_ns = self[i],
                .count = counts[i]};
    qsort(all, kept, sizeof *all, by_self_and_count);
    free(self);
    free(*parts);
    *parts = all;
    *nparts = kept;
}

static int by_place(const void *a, const void *b)
{
    const vm_func_count *x = a, *y = b;
    const vm_module *m = vm_instance_module(x->instance);
    const vm_module *n = vm_instance_module(y->instance);
    if (m != n)
        return (uintptr_t)m < (uintptr_t)n ? -1 : 1;
    return (x->func > y->func) - (x->func < y->func);
}

/* A function that was executed and never sampled. */
static void add_func(profile *p, const vm_func_count *count)
{
    char text[400];
    const vm_module *m = vm_instance_module(count->instance);
    vm_func_label(count->instance, count->func, text, sizeof text);
    profile_func *f = &p->funcs[p->nfuncs++];
    *f = (profile_func){.name = strdup(text),
                        .kind = VM_SAMPLE_GUEST,
                        .index = count->func,
                        .start = m->funcs[count->func].locals,
                        .calls = count->calls,
                        .instructions = count->instructions};
    p->out_of_memory |= !f->name;
}

/* Those that were sampled; `found` says which they are of the n sorted. */
static void count_sampled(profile *p, const uint32_t *firsts,
                          const vm_func_count *sorted, uint32_t n, bool *found)
{
    for (uint32_t i = 0; i < p->nfuncs; i++) {
        const vm_sample_frame *frame = &p->nodes[firsts[i]].frame;
        if (p->funcs[i].kind != VM_SAMPLE_GUEST)
            continue;
        const vm_func_count key = {.instance = frame->instance,
                                   .func = frame->code->func};
        const vm_func_count *count =
            bsearch(&key, sorted, n, sizeof *sorted, by_place);
        if (!count)
            continue;
        found[count - sorted] = true;
        p->funcs[i].calls = count->calls;
        p->funcs[i].instructions = count->instructions;
    }
}

/* `firsts` is a node of each function that was sampled. */
static void count_funcs(profile *p, const uint32_t *firsts)
{
    uint32_t n = p->counts->nfuncs;
    vm_func_count *sorted = calloc(n + 1, sizeof *sorted);
    bool *found = calloc(n + 1, sizeof *found);
    profile_func *funcs =
        realloc(p->funcs, (p->nfuncs + (size_t)n + 1) * sizeof *funcs);
    if (funcs)
        p->funcs = funcs;
    p->out_of_memory |= !sorted || !found || !funcs;
    if (n && sorted && found && funcs) {
        memcpy(sorted, p->counts->funcs, n * sizeof *sorted);
        qsort(sorted, n, sizeof *sorted, by_place);
        count_sampled(p, firsts, sorted, n, found);
        for (uint32_t k = 0; k < n; k++)
            if (!found[k])
                add_func(p, &sorted[k]);
    }
    free(sorted);
    free(found);
}

static void name_counted(profile *p)
{
    uint32_t n = p->counts->nfuncs;
    p->count_names = calloc(n + 1, sizeof *p->count_names);
    if (!p->count_names) {
        p->out_of_memory = true;
        p->counts->nfuncs = 0;
        return;
    }
    for (uint32_t i = 0; i < n; i++) {
        char text[400];
        const vm_func_count *f = &p->counts->funcs[i];
        vm_func_label(f->instance, f->func, text, sizeof text);
        p->count_names[i] = strdup(text);
        if (!p->count_names[i]) {
            p->out_of_memory = true;
            p->counts->nfuncs = i;
            return;
        }
    }
}

/* ---- the whole --------------------------------------------------------------
 */

void profile_finish(profile *p)
{
    uint32_t n = p->nnodes + 1;
    if (p->counts && !p->timed)
        name_counted(p);
    uint32_t *firsts = calloc(n, sizeof *firsts);
    p->funcs = calloc(n, sizeof *p->funcs);
    p->positions = calloc(n, sizeof *p->positions);
    p->lines = calloc(n, sizeof *p->lines);
    p->opcodes = calloc(n, sizeof *p->opcodes);
    p->pairs = calloc(n, sizeof *p->pairs);
    p->paths = calloc(n, sizeof *p->paths);
    timed_place *places = calloc(n, sizeof *places);
    if (!firsts || !p->funcs || !p->positions || !p->lines || !p->opcodes ||
        !p->pairs || !p->paths || !places) {
        p->out_of_memory = true;
        p->nnodes = 0;
    } else if (p->nnodes) {
        find_funcs(p, firsts);
        add_times(p);
        for (uint32_t i = 1; i < p->nnodes; i++)
            locate(p, i, places);
        find_pairs(p, places);
        p->nlines = merge(p->lines, p->nlines);
        p->nopcodes = merge(p->opcodes, p->nopcodes);
        p->npairs = merge(p->pairs, p->npairs);
    }
    if (p->counts && p->timed && !p->out_of_memory)
        count_funcs(p, firsts);
    if (p->nfuncs)
        sort_funcs(p);
    if (p->counts && p->timed && !p->out_of_memory) {
        add_counts(p, &p->opcodes, &p->nopcodes, p->counts->opcodes, 1);
        add_counts(p, &p->pairs, &p->npairs, p->counts->pairs, VM_OP_COUNT);
    }
    free(firsts);
    free(places);
}

const char *profile_node_name(const profile *p, uint32_t node)
{
    return p->funcs[p->nodes[node].func].name;
}

void profile_free(profile *p)
{
    for (uint32_t i = 0; i < p->nfuncs; i++) {
        free(p->funcs[i].name);
        free(p->funcs[i].path);
    }
    for (uint32_t i = 0; i < p->npaths; i++)
        free(p->paths[i]);
    free(p->funcs);
    free(p->paths);
    free(p->positions);
    free(p->lines);
    free(p->opcodes);
    free(p->pairs);
    free(p->nodes);
    free(p->slots);
    free(p->samples);
    for (uint32_t i = 0; p->count_names && i < p->counts->nfuncs; i++)
        free(p->count_names[i]);
    free(p->count_names);
    vm_counts_free(p->counts);
}
