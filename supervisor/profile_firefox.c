/*
 * profile_firefox.c - profiles for profiler.firefox.com: its "processed"
 * format, version 70, as described by the profiler's docs-developer and
 * src/types/profile.ts.
 *
 * Tables are columns of equal length: a stack is a frame and how far before it
 * its caller's stack stands; a frame is a function and a position in it.  One
 * node of the profile becomes one stack and one frame.
 */
#include "supervisor/profile.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FORMAT_VERSION 70
#define GECKO_VERSION 36

/* Strings of the profile: names of functions, paths of sources, PAIR. */
typedef struct strings {
    const char **paths; /* distinct, in order */
    uint32_t npaths;
    /* By vm_op: its subcategory, which is 1 + its place in profile.opcodes; 0
     * where none was sampled. */
    uint32_t subcategories[VM_OP_COUNT];
} strings;

#define PAIR "Opcode pair" /* what its markers are called */
#define MAX_PAIRS 200

/* ---- columns ----------------------------------------------------------------
 */

/* "key": [..] of n values, each written by `write`. */
typedef void (*write_item)(const profile *p, const strings *s, uint32_t i,
                           FILE *out);

static void column(const char *key, const profile *p, const strings *s,
                   uint32_t n, write_item write, FILE *out)
{
    fprintf(out, "\"%s\":[", key);
    for (uint32_t i = 0; i < n; i++) {
        if (i)
            fputc(',', out);
        write(p, s, i, out);
    }
    fputs("],", out);
}

#define ITEM(name)                                                             \
    static void name(const profile *p, const strings *s, uint32_t i, FILE *out)

ITEM(null_item)
{
    fputs("null", out);
}

ITEM(zero_item)
{
    fputc('0', out);
}

ITEM(minus_one)
{
    fputs("-1", out);
}

ITEM(false_item)
{
    fputs("false", out);
}

ITEM(index_item)
{
    fprintf(out, "%u", i);
}

static void number_or_null(uint32_t value, FILE *out)
{
    if (value)
        fprintf(out, "%u", value);
    else
        fputs("null", out);
}

/* ---- stacks and frames: node i + 1 ------------------------------------------
 */

ITEM(stack_prefix)
{
    uint32_t parent = p->nodes[i + 1].parent;
    fprintf(out, "%u", parent ? i + 1 - parent : 0);
}

ITEM(frame_address)
{
    uint32_t offset = p->positions[i + 1].offset;
    if (offset)
        fprintf(out, "%u", offset);
    else
        fputs("-1", out);
}

/* In the order of `categories` below. */
ITEM(frame_category)
{
    static const int categories[] = {
        [VM_SAMPLE_GUEST] = 1, [VM_SAMPLE_HOST] = 2, [PROFILE_KIND_ENGINE] = 0};
    fprintf(out, "%d", categories[p->funcs[p->nodes[i + 1].func].kind]);
}

/* What a sample was at, so that categories break down by opcode. */
ITEM(frame_subcategory)
{
    uint16_t op = p->positions[i + 1].op;
    fprintf(out, "%u", op ? s->subcategories[op - 1] : 0);
}

ITEM(frame_func)
{
    fprintf(out, "%u", p->nodes[i + 1].func);
}

ITEM(frame_line)
{
    number_or_null(p->positions[i + 1].line, out);
}

ITEM(frame_column)
{
    number_or_null(p->positions[i + 1].column, out);
}

static void stacks_and_frames(const profile *p, const strings *s, FILE *out)
{
    uint32_t n = p->nnodes ? p->nnodes - 1 : 0;
    fputs("\"stackTable\":{", out);
    column("frame", p, NULL, n, index_item, out);
    column("prefixOffset", p, NULL, n, stack_prefix, out);
    fprintf(out, "\"length\":%u},\n\"frameTable\":{", n);
    column("address", p, NULL, n, frame_address, out);
    column("lib", p, NULL, n, minus_one, out);
    column("inlineDepth", p, NULL, n, zero_item, out);
    column("category", p, NULL, n, frame_category, out);
    column("subcategory", p, s, n, frame_subcategory, out);
    column("func", p, NULL, n, frame_func, out);
    column("nativeSymbol", p, NULL, n, null_item, out);
    column("innerWindowID", p, NULL, n, null_item, out);
    column("line", p, NULL, n, frame_line, out);
    column("column", p, NULL, n, frame_column, out);
    column("originalLocation", p, NULL, n, null_item, out);
    fprintf(out, "\"length\":%u},\n", n);
}

/* ---- functions and sources --------------------------------------------------
 */

ITEM(func_source)
{
    const char *path = p->funcs[i].path;
    uint32_t k = 0;
    while (path && k < s->npaths && strcmp(s->paths[k], path))
        k++;
    if (path && k < s->npaths)
        fprintf(out, "%u", k);
    else
        fputs("null", out);
}

ITEM(func_line)
{
    number_or_null(p->funcs[i].line, out);
}

ITEM(source_name)
{
    fprintf(out, "%u", p->nfuncs + i);
}

ITEM(one_item)
{
    fputc('1', out);
}

ITEM(string_item)
{
    uint32_t path = i - p->nfuncs;
    profile_write_string(i < p->nfuncs      ? p->funcs[i].name
                         : path < s->npaths ? s->paths[path]
                                            : PAIR,
                         out);
}

static void functions(const profile *p, const strings *s, FILE *out)
{
    uint32_t n = p->nfuncs;
    fputs("\"funcTable\":{", out);
    column("name", p, s, n, index_item, out);
    column("isJS", p, s, n, false_item, out);
    column("relevantForJS", p, s, n, false_item, out);
    column("resource", p, s, n, minus_one, out);
    column("source", p, s, n, func_source, out);
    column("lineNumber", p, s, n, func_line, out);
    column("columnNumber", p, s, n, null_item, out);
    column("originalLocation", p, s, n, null_item, out);
    fprintf(out, "\"length\":%u},\n\"sources\":{", n);
    column("id", p, s, s->npaths, null_item, out);
    column("filename", p, s, s->npaths, source_name, out);
    column("startLine", p, s, s->npaths, one_item, out);
    column("startColumn", p, s, s->npaths, one_item, out);
    column("sourceMapURL", p, s, s->npaths, null_item, out);
    column("content", p, s, s->npaths, null_item, out);
    fprintf(out, "\"length\":%u},\n", s->npaths);
    column("stringArray", p, s, n + s->npaths + 1, string_item, out);
    fputs("\n\"resourceTable\":{\"name\":[],\"host\":[],\"type\":[],"
          "\"length\":0},\n"
          "\"nativeSymbols\":{\"libIndex\":[],\"address\":[],\"name\":[],"
          "\"functionSize\":[],\"length\":0},\n"
          "\"sourceLocationTable\":{\"source\":[],\"line\":[],\"column\":[],"
          "\"length\":0}",
          out);
}

/* ---- samples ----------------------------------------------------------------
 */

ITEM(sample_stack)
{
    uint32_t node = p->samples[i].node;
    if (node)
        fprintf(out, "%u", node - 1);
    else
        fputs("null", out);
}

ITEM(sample_time)
{
    fprintf(out, "%.3f", (double)p->samples[i].time_ns / 1e6);
}

ITEM(sample_cpu)
{
    fprintf(out, "%u", p->samples[i].weight_ns);
}

/* Every sample counts for the processor time since the one before. */
ITEM(sample_weight)
{
    fprintf(out, "%.6f", (double)p->samples[i].weight_ns / 1e6);
}

/* ---- markers: pairs of opcodes ----------------------------------------------
 */

ITEM(pair_data)
{
    const profile_part *pair = &p->pairs[i];
    double ns = (double)pair->self_ns;
    fprintf(out,
            "{\"type\":\"" PAIR "\",\"first\":\"%s\",\"second\":\"%s\","
            "\"self\":%.6f,\"share\":%.6f,\"executed\":%" PRIu64 "}",
            pair->first, pair->name, ns / 1e6,
            p->cpu_ns ? ns / (double)p->cpu_ns : 0, pair->count);
}

ITEM(pair_name)
{
    fprintf(out, "%u", p->nfuncs + s->npaths);
}

ITEM(guest_category)
{
    fputc('1', out);
}

static void markers(const profile *p, const strings *s, FILE *out)
{
    uint32_t n = p->npairs < MAX_PAIRS ? p->npairs : MAX_PAIRS;
    fputs("\"markers\":{", out);
    column("data", p, s, n, pair_data, out);
    column("name", p, s, n, pair_name, out);
    column("startTime", p, s, n, zero_item, out);
    column("endTime", p, s, n, null_item, out);
    column("phase", p, s, n, zero_item, out); /* an instant */
    column("category", p, s, n, guest_category, out);
    fprintf(out, "\"length\":%u}", n);
}

/* How the marker table shows them. */
static void marker_schema(FILE *out)
{
    fputs("\"markerSchema\":[{\"name\":\"" PAIR "\","
          "\"display\":[\"marker-table\"],"
          "\"tableLabel\":\"{marker.data.first} {marker.data.second}: "
          "{marker.data.self}, {marker.data.share}\","
          "\"description\":\"Processor time of an instruction that comes "
          "behind another, by samples, and how often\",\"fields\":["
          "{\"key\":\"first\",\"label\":\"First\",\"format\":\"string\"},"
          "{\"key\":\"second\",\"label\":\"Second\",\"format\":\"string\"},"
          "{\"key\":\"self\",\"label\":\"Time\","
          "\"format\":\"milliseconds\"},"
          "{\"key\":\"share\",\"label\":\"Share\","
          "\"format\":\"percentage\"},"
          "{\"key\":\"executed\",\"label\":\"Executed (estimate)\","
          "\"format\":\"integer\"}]}],",
          out);
}

/* ---- the thread and the process ---------------------------------------------
 */

static void thread(const profile *p, const strings *s, FILE *out)
{
    double end = (double)p->wall_ns / 1e6;
    fprintf(out,
            "{\"processType\":\"default\",\"processStartupTime\":0,"
            "\"processShutdownTime\":%.3f,\"registerTime\":0,"
            "\"unregisterTime\":%.3f,\"pausedRanges\":[],\"name\":\"guest\","
            "\"isMainThread\":true,\"processName\":",
            end, end);
    profile_write_string(p->program, out);
    fprintf(out, ",\"pid\":\"%d\",\"tid\":%d,\n\"samples\":{", getpid(),
            getpid());
    column("stack", p, NULL, p->nsamples, sample_stack, out);
    column("time", p, NULL, p->nsamples, sample_time, out);
    column("weight", p, NULL, p->nsamples, sample_weight, out);
    column("threadCPUDelta", p, NULL, p->nsamples, sample_cpu, out);
    fprintf(out, "\"weightType\":\"tracing-ms\",\"length\":%u},\n",
            p->nsamples);
    markers(p, s, out);
    fputc('}', out);
}

ITEM(opcode_name)
{
    fprintf(out, "\"%s\"", i ? p->opcodes[i - 1].name : "Other");
}

static void categories(const profile *p, FILE *out)
{
    fputs("\"categories\":["
          "{\"name\":\"Engine\",\"color\":\"grey\",\"subcategories\":"
          "[\"Other\"]},"
          "{\"name\":\"WebAssembly\",",
          out);
    column("subcategories", p, NULL, p->nopcodes + 1, opcode_name, out);
    fputs("\"color\":\"yellow\"},"
          "{\"name\":\"Host\",\"color\":\"blue\",\"subcategories\":"
          "[\"Other\"]}]",
          out);
}

static void meta(const profile *p, FILE *out)
{
    fprintf(out,
            "{\"interval\":%.6f,\"startTime\":%" PRIu64 ",\"endTime\":%" PRIu64
            ",\"processType\":0,\"product\":\"VyomaOS\",\"stackwalk\":1,"
            "\"version\":%d,\"preprocessedProfileVersion\":%d,"
            "\"symbolicated\":true,\"symbolicationNotSupported\":true,"
            "\"usesOnlyOneStackType\":true,"
            "\"sourceCodeIsNotOnSearchfox\":true,"
            "\"sampleUnits\":{\"time\":\"ms\",\"eventDelay\":\"ms\","
            "\"threadCPUDelta\":\"ns\"},\"importedFrom\":\"vyoma profile\","
            "\"arguments\":",
            1000.0 / p->rate, p->start_ms, p->start_ms + p->wall_ns / 1000000,
            GECKO_VERSION, FORMAT_VERSION);
    profile_write_string(p->program, out);
    fputc(',', out);
    marker_schema(out);
    categories(p, out);
    fputc('}', out);
}

/* ---- the whole --------------------------------------------------------------
 */

static void find_paths(const profile *p, strings *s)
{
    s->paths = calloc(p->nfuncs + 1, sizeof *s->paths);
    for (uint32_t i = 0; s->paths && i < p->nfuncs; i++) {
        uint32_t k = 0;
        const char *path = p->funcs[i].path;
        while (path && k < s->npaths && strcmp(s->paths[k], path))
            k++;
        if (path && k == s->npaths)
            s->paths[s->npaths++] = path;
    }
}

/* p->opcodes has names; those of p->positions have numbers. */
static void find_subcategories(const profile *p, strings *s)
{
    for (uint32_t op = 0; op < VM_OP_COUNT; op++)
        for (uint32_t i = 0; i < p->nopcodes; i++)
            if (!strcmp(p->opcodes[i].name, vm_ops[op].text))
                s->subcategories[op] = i + 1;
}

void profile_write_firefox(const profile *p, FILE *out)
{
    strings s = {0};
    find_paths(p, &s);
    find_subcategories(p, &s);
    fputs("{\"meta\":", out);
    meta(p, out);
    fputs(",\n\"libs\":[],\n\"shared\":{\n", out);
    stacks_and_frames(p, &s, out);
    functions(p, &s, out);
    fputs("},\n\"threads\":[", out);
    thread(p, &s, out);
    fputs("]}\n", out);
    free(s.paths);
}
