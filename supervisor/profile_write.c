/*
 * profile_write.c - profiles as text: a table, folded stacks, JSON
 * (docs/profiling.md describes the last).
 */
#include "supervisor/profile.h"

#include "supervisor/json.h"
#include "supervisor/symbols.h"
#include "vm/code.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define TABLE_ROWS 30
#define FEW_BURSTS 20 /* fewer make rough estimates */

static double percent(uint64_t part, uint64_t whole)
{
    return whole ? 100.0 * (double)part / (double)whole : 0;
}

static double milliseconds(uint64_t ns)
{
    return (double)ns / 1e6;
}

/* ---- the table: time --------------------------------------------------------
 */

/* 14 columns; blank where none were counted. */
static void write_count(uint64_t n, FILE *out)
{
    if (n)
        fprintf(out, "%14" PRIu64, n);
    else
        fprintf(out, "%14s", "");
}

static void write_funcs(const profile *p, FILE *out)
{
    fprintf(out, "%10s %6s %10s %6s %14s  %s\n", "self ms", "%", "total ms",
            "%", p->counts ? "calls" : "", "function");
    for (uint32_t i = 0; i < p->nfuncs && i < TABLE_ROWS; i++) {
        const profile_func *f = &p->funcs[i];
        fprintf(out, "%10.1f %6.1f %10.1f %6.1f ", milliseconds(f->self_ns),
                percent(f->self_ns, p->cpu_ns), milliseconds(f->total_ns),
                percent(f->total_ns, p->cpu_ns));
        write_count(f->calls, out);
        fprintf(out, "  %s", f->name);
        if (f->path)
            fprintf(out, " (%s:%u)", f->path, f->line);
        fputc('\n', out);
    }
    if (p->nfuncs > TABLE_ROWS)
        fprintf(out, "%51s  ... %u more functions\n", "",
                p->nfuncs - TABLE_ROWS);
}

static void write_lines(const profile *p, FILE *out)
{
    if (p->nlines)
        fprintf(out, "\n%10s %6s  source line\n", "self ms", "%");
    for (uint32_t i = 0; i < p->nlines && i < TABLE_ROWS / 2; i++)
        fprintf(out, "%10.1f %6.1f  %s:%u\n", milliseconds(p->lines[i].self_ns),
                percent(p->lines[i].self_ns, p->cpu_ns), p->lines[i].name,
                p->lines[i].line);
    if (p->nlines > TABLE_ROWS / 2)
        fprintf(out, "%17s  ... %u more\n", "", p->nlines - TABLE_ROWS / 2);
}

/* Opcodes, or pairs of them. */
static void write_parts(const profile *p, const char *title,
                        const profile_part *parts, uint32_t n, FILE *out)
{
    if (n)
        fprintf(out, "\n%10s %6s %14s %6s  %s\n", "self ms", "%",
                p->counts ? "executed" : "", p->counts ? "%" : "", title);
    for (uint32_t i = 0; i < n && i < TABLE_ROWS; i++) {
        fprintf(out, "%10.1f %6.1f ", milliseconds(parts[i].self_ns),
                percent(parts[i].self_ns, p->cpu_ns));
        write_count(parts[i].count, out);
        if (p->counts)
            fprintf(out, " %6.1f",
                    percent(parts[i].count, p->counts->instructions));
        fprintf(out, "  %s%s%s\n", parts[i].first ? parts[i].first : "",
                parts[i].first ? " " : "", parts[i].name);
    }
    if (n > TABLE_ROWS)
        fprintf(out, "%39s  ... %u more\n", "", n - TABLE_ROWS);
}

/* What the numbers under "executed" and "calls" are. */
static void write_counted(const vm_counts *c, FILE *out)
{
    fprintf(out, "\n%" PRIu64 " instructions executed; ", c->instructions);
    if (c->exact)
        fputs("these counts are exact\n", out);
    else
        fprintf(out,
                "these counts are estimates%s: %.2f%% of all loop turns\n"
                "and calls were counted, the first ones and %" PRIu64
                " bursts (--counts counts all)\n",
                c->bursts < FEW_BURSTS ? ", and rough" : "",
                percent(c->counted_units, c->units), c->bursts);
}

static void write_time(const profile *p, FILE *out)
{
    fprintf(out,
            "%s: %.1f ms of processor time (%.1f ms of wall time), %u samples "
            "at %u Hz",
            p->program, milliseconds(p->cpu_ns), milliseconds(p->wall_ns),
            p->nsamples, p->rate);
    if (p->lost_ns)
        fprintf(out, ", %.1f%% unknown", percent(p->lost_ns, p->cpu_ns));
    fputs("\n\n", out);
    write_funcs(p, out);
    write_lines(p, out);
    write_parts(p, "instruction", p->opcodes, p->nopcodes, out);
    write_parts(p, "pair of instructions (time of the second)", p->pairs,
                p->npairs, out);
    if (p->counts)
        write_counted(p->counts, out);
}

/* ---- counts -----------------------------------------------------------------
 */

typedef struct ranked {
    uint32_t first, second; /* vm_op; second only of pairs */
    uint64_t count;
} ranked;

static int by_count(const void *a, const void *b)
{
    const ranked *x = a, *y = b;
    if (x->count != y->count)
        return x->count < y->count ? 1 : -1;
    return x->first != y->first
               ? (x->first > y->first) - (x->first < y->first)
               : (x->second > y->second) - (x->second < y->second);
}

/* What was executed at all, the most frequent first; to be freed. */
static ranked *rank(const uint64_t *counts, size_t n, uint32_t *kept)
{
    size_t used = 0;
    for (size_t i = 0; i < n; i++)
        used += counts[i] != 0;
    ranked *list = calloc(used + 1, sizeof *list);
    *kept = 0;
    for (size_t i = 0; list && i < n; i++)
        if (counts[i])
            list[(*kept)++] = (ranked){(uint32_t)(i / VM_OP_COUNT),
                                       (uint32_t)(i % VM_OP_COUNT), counts[i]};
    if (list)
        qsort(list, *kept, sizeof *list, by_count);
    return list;
}

static void write_ops(const vm_counts *c, bool pairs, FILE *out)
{
    uint32_t n;
    ranked *list = pairs ? rank(c->pairs, (size_t)VM_OP_COUNT * VM_OP_COUNT, &n)
                         : rank(c->opcodes, VM_OP_COUNT, &n);
    fprintf(out, "\n%14s %6s  %s\n", "executed", "%",
            pairs ? "pair of instructions" : "instruction");
    for (uint32_t i = 0; list && i < n && i < TABLE_ROWS; i++)
        fprintf(out, "%14" PRIu64 " %6.1f  %s%s%s\n", list[i].count,
                percent(list[i].count, c->instructions),
                pairs ? vm_ops[list[i].first].text : "", pairs ? " " : "",
                vm_ops[list[i].second].text);
    if (n > TABLE_ROWS)
        fprintf(out, "%21s  ... %u more\n", "", n - TABLE_ROWS);
    free(list);
}

static void write_handlers(const vm_counts *c, bool pairs, FILE *out)
{
    const vm_handler_count *list = pairs ? c->handler_pairs : c->handlers;
    uint32_t n = pairs ? c->nhandler_pairs : c->nhandlers;
    fprintf(out, "\n%14s %6s  %s\n", "dispatched", "%",
            pairs ? "pair of handlers" : "handler");
    for (uint32_t i = 0; i < n && i < TABLE_ROWS; i++) {
        char name[100], before[100] = "";
        symbol_name(list[i].handler, name, sizeof name);
        if (pairs)
            symbol_name(list[i].before, before, sizeof before);
        fprintf(out, "%14" PRIu64 " %6.1f  %s%s%s\n", list[i].count,
                percent(list[i].count, c->dispatches), before, pairs ? " " : "",
                name);
    }
    if (n > TABLE_ROWS)
        fprintf(out, "%21s  ... %u more\n", "", n - TABLE_ROWS);
}

static void write_counts(const profile *p, FILE *out)
{
    const vm_counts *c = p->counts;
    fprintf(out,
            "%s: %" PRIu64 " instructions executed, in %" PRIu64
            " dispatches (%.2f for each)\n\n%14s %6s %14s  function\n",
            p->program, c->instructions, c->dispatches,
            c->instructions ? (double)c->dispatches / (double)c->instructions
                            : 0,
            "executed", "%", "calls");
    for (uint32_t i = 0; i < c->nfuncs && i < TABLE_ROWS; i++)
        fprintf(out, "%14" PRIu64 " %6.1f %14" PRIu64 "  %s\n",
                c->funcs[i].instructions,
                percent(c->funcs[i].instructions, c->instructions),
                c->funcs[i].calls, p->count_names[i]);
    if (c->nfuncs > TABLE_ROWS)
        fprintf(out, "%36s  ... %u more functions\n", "",
                c->nfuncs - TABLE_ROWS);
    write_ops(c, false, out);
    write_ops(c, true, out);
    write_handlers(c, false, out);
    write_handlers(c, true, out);
}

void profile_write_table(const profile *p, FILE *out)
{
    if (p->timed)
        write_time(p, out);
    else
        write_counts(p, out);
}

/* ---- folded stacks ----------------------------------------------------------
 */

/* A frame's name: semicolons would divide it. */
static void write_folded_name(const char *name, FILE *out)
{
    for (; *name; name++)
        fputc(*name == ';' ? ':' : *name, out);
}

static void write_path(const profile *p, uint32_t node, FILE *out)
{
    uint32_t depth = 0, path[VM_SAMPLE_FRAMES + 2];
    for (; node; node = p->nodes[node].parent)
        path[depth++] = node;
    while (depth--) {
        write_folded_name(profile_node_name(p, path[depth]), out);
        if (depth)
            fputc(';', out);
    }
}

/* Nodes tell calls from different lines apart, stacks of functions do not:
 * the first node of each stack gets the time of all. */
static uint64_t *fold(const profile *p)
{
    uint32_t *same = calloc(p->nnodes + 1, sizeof *same);
    uint64_t *self = calloc(p->nnodes + 1, sizeof *self);
    uint32_t mask = 1;
    while (mask < 2 * p->nnodes)
        mask *= 2;
    uint32_t *slots = calloc(mask--, sizeof *slots);
    for (uint32_t i = 1; same && self && slots && i < p->nnodes; i++) {
        const profile_node *n = &p->nodes[i];
        uint32_t parent = same[n->parent];
        uint32_t at = (parent * 2654435761u ^ n->func * 40503u) & mask;
        while (slots[at] && (same[p->nodes[slots[at]].parent] != parent ||
                             p->nodes[slots[at]].func != n->func))
            at = (at + 1) & mask;
        if (!slots[at])
            slots[at] = i;
        same[i] = slots[at];
        self[same[i]] += n->self_ns;
    }
    free(same);
    free(slots);
    return self;
}

void profile_write_folded(const profile *p, FILE *out)
{
    uint64_t *self = fold(p);
    for (uint32_t i = 1; self && i < p->nnodes; i++) {
        uint64_t us = (self[i] + 500) / 1000;
        if (!us)
            continue;
        write_path(p, i, out);
        fprintf(out, " %" PRIu64 "\n", us);
    }
    free(self);
}

/* ---- JSON -------------------------------------------------------------------
 */

void profile_write_string(const char *text, FILE *out)
{
    json_write_string(text, strlen(text), out);
}

static const char *const kinds[] = {[VM_SAMPLE_GUEST] = "wasm",
                                    [VM_SAMPLE_HOST] = "host",
                                    [PROFILE_KIND_ENGINE] = "engine"};

static void json_funcs(const profile *p, FILE *out)
{
    fputs(",\n\"functions\": [", out);
    for (uint32_t i = 0; i < p->nfuncs; i++) {
        const profile_func *f = &p->funcs[i];
        fprintf(out, "%s\n  {\"name\": ", i ? "," : "");
        profile_write_string(f->name, out);
        fprintf(out, ", \"kind\": \"%s\"", kinds[f->kind]);
        if (f->kind == VM_SAMPLE_GUEST)
            fprintf(out, ", \"index\": %u, \"offset\": %u", f->index, f->start);
        if (f->path) {
            fputs(", \"file\": ", out);
            profile_write_string(f->path, out);
            fprintf(out, ", \"line\": %u", f->line);
        }
        fprintf(out,
                ", \"self_ns\": %" PRIu64 ", \"total_ns\": %" PRIu64
                ", \"samples\": %u",
                f->self_ns, f->total_ns, f->samples);
        if (p->counts && f->kind == VM_SAMPLE_GUEST)
            fprintf(out, ", \"calls\": %" PRIu64 ", \"instructions\": %" PRIu64,
                    f->calls, f->instructions);
        fputc('}', out);
    }
    fputs("]", out);
}

static void json_parts(const profile *p, const char *key, const char *of,
                       const profile_part *parts, uint32_t n, FILE *out)
{
    fprintf(out, ",\n\"%s\": [", key);
    for (uint32_t i = 0; i < n; i++) {
        fprintf(out, "%s\n  {", i ? "," : "");
        if (parts[i].first)
            fprintf(out, "\"first\": \"%s\", ", parts[i].first);
        fprintf(out, "\"%s\": ", of);
        profile_write_string(parts[i].name, out);
        if (parts[i].line)
            fprintf(out, ", \"line\": %u", parts[i].line);
        else if (p->counts)
            fprintf(out, ", \"count\": %" PRIu64, parts[i].count);
        fprintf(out, ", \"self_ns\": %" PRIu64 "}", parts[i].self_ns);
    }
    fputs("]", out);
}

/* Nodes by number, a parent always before its children. */
static void json_nodes(const profile *p, FILE *out)
{
    fputs(",\n\"stacks\": [", out);
    for (uint32_t i = 1; i < p->nnodes; i++) {
        const profile_node *n = &p->nodes[i];
        fprintf(out, "%s\n  {\"parent\": ", i > 1 ? "," : "");
        if (n->parent)
            fprintf(out, "%u", n->parent - 1);
        else
            fputs("null", out);
        fprintf(out, ", \"function\": %u", n->func);
        if (p->positions[i].offset)
            fprintf(out, ", \"offset\": %u", p->positions[i].offset);
        if (p->positions[i].line)
            fprintf(out, ", \"line\": %u", p->positions[i].line);
        fprintf(out, ", \"self_ns\": %" PRIu64 "}", n->self_ns);
    }
    fputs("]", out);
}

static void json_time(const profile *p, FILE *out)
{
    fprintf(out,
            ",\n\"cpu_ns\": %" PRIu64 ", \"wall_ns\": %" PRIu64
            ", \"unknown_ns\": %" PRIu64 ", \"samples\": %u, \"rate_hz\": %u",
            p->cpu_ns, p->wall_ns, p->lost_ns, p->nsamples, p->rate);
    if (p->counts)
        fprintf(out,
                ",\n\"counts\": {\"exact\": %s, \"instructions\": %" PRIu64
                ", \"units\": %" PRIu64 ", \"counted_units\": %" PRIu64
                ", \"bursts\": %" PRIu64 "}",
                p->counts->exact ? "true" : "false", p->counts->instructions,
                p->counts->units, p->counts->counted_units, p->counts->bursts);
    json_funcs(p, out);
    json_parts(p, "lines", "file", p->lines, p->nlines, out);
    json_parts(p, "opcodes", "opcode", p->opcodes, p->nopcodes, out);
    json_parts(p, "pairs", "second", p->pairs, p->npairs, out);
    json_nodes(p, out);
}

static void json_ops(const vm_counts *c, bool pairs, FILE *out)
{
    uint32_t n;
    ranked *list = pairs ? rank(c->pairs, (size_t)VM_OP_COUNT * VM_OP_COUNT, &n)
                         : rank(c->opcodes, VM_OP_COUNT, &n);
    fprintf(out, ",\n\"%s\": [", pairs ? "pairs" : "opcodes");
    for (uint32_t i = 0; list && i < n; i++) {
        fputs(i ? ",\n  {" : "\n  {", out);
        if (pairs)
            fprintf(out, "\"first\": \"%s\", \"second\": \"%s\"",
                    vm_ops[list[i].first].text, vm_ops[list[i].second].text);
        else
            fprintf(out, "\"opcode\": \"%s\"", vm_ops[list[i].second].text);
        fprintf(out, ", \"count\": %" PRIu64 "}", list[i].count);
    }
    fputs("]", out);
    free(list);
}

static void json_handlers(const vm_counts *c, bool pairs, FILE *out)
{
    const vm_handler_count *list = pairs ? c->handler_pairs : c->handlers;
    uint32_t n = pairs ? c->nhandler_pairs : c->nhandlers;
    fprintf(out, ",\n\"%s\": [", pairs ? "handler_pairs" : "handlers");
    for (uint32_t i = 0; i < n; i++) {
        char name[100];
        fputs(i ? ",\n  {" : "\n  {", out);
        if (pairs) {
            symbol_name(list[i].before, name, sizeof name);
            fprintf(out, "\"first\": \"%s\", ", name);
        }
        symbol_name(list[i].handler, name, sizeof name);
        fprintf(out, "\"%s\": \"%s\", \"count\": %" PRIu64 "}",
                pairs ? "second" : "handler", name, list[i].count);
    }
    fputs("]", out);
}

static void json_counts(const profile *p, FILE *out)
{
    const vm_counts *c = p->counts;
    fprintf(out, ",\n\"instructions\": %" PRIu64 ", \"dispatches\": %" PRIu64,
            c->instructions, c->dispatches);
    fputs(",\n\"functions\": [", out);
    for (uint32_t i = 0; i < c->nfuncs; i++) {
        fprintf(out, "%s\n  {\"name\": ", i ? "," : "");
        profile_write_string(p->count_names[i], out);
        fprintf(out,
                ", \"index\": %u, \"calls\": %" PRIu64
                ", \"instructions\": %" PRIu64 "}",
                c->funcs[i].func, c->funcs[i].calls, c->funcs[i].instructions);
    }
    fputs("]", out);
    json_ops(c, false, out);
    json_ops(c, true, out);
    json_handlers(c, false, out);
    json_handlers(c, true, out);
}

void profile_write_json(const profile *p, FILE *out)
{
    fprintf(out,
            "{\"format\": \"vyoma-profile\", \"version\": 1, \"kind\": "
            "\"%s\", \"program\": ",
            p->timed ? "time" : "counts");
    profile_write_string(p->program, out);
    if (p->timed)
        json_time(p, out);
    else
        json_counts(p, out);
    fputs("}\n", out);
}
