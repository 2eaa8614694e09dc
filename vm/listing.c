/*
 * listing.c - prints WebAssembly beside threaded code (listing.h).
 *
 * The function is compiled once more with `listing` set, so that the compiler
 * notes what it knows of each instruction when it writes its cells: operation,
 * operand kinds, format.  The code's map tells where instructions start and
 * which WebAssembly they come from; the compiler's list of jumps, where they
 * lead.  Threaded code stands below the instruction that caused it, whatever
 * the order of its cells: most WebAssembly instructions cause none.
 */
#include "vm/listing.h"

#include "vm/compile.h"
#include "vm/fuse.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

typedef struct line {
    uint32_t cell, end; /* cells */
    uint32_t offset;    /* in the module's bytes */
} line;

typedef struct listing {
    cc *c;
    FILE *out;
    vm_handler_name name;
    line *lines; /* by offset, then cell */
    uint32_t nlines, next;
} listing;

/* ---- what the compiler notes ------------------------------------------------
 */

void cc_note(cc *c, const insn *in, vm_kind d, uint32_t slot)
{
    c->notes = cc_grow(c, c->notes, c->nnotes, &c->notes_cap, sizeof *c->notes);
    c->notes[c->nnotes++] = (struct cc_noted){*in, d, slot, c->ncells};
}

const struct cc_noted *cc_noted_at(const cc *c, uint32_t cell)
{
    uint32_t lo = 0, hi = c->nnotes;
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (c->notes[mid].cell < cell)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < c->nnotes && c->notes[lo].cell == cell ? &c->notes[lo] : NULL;
}

/* ---- the map ----------------------------------------------------------------
 */

static int by_offset(const void *a, const void *b)
{
    const line *x = a, *y = b;
    if (x->offset != y->offset)
        return x->offset < y->offset ? -1 : 1;
    return (x->cell > y->cell) - (x->cell < y->cell);
}

static bool read_map(listing *l)
{
    const cc *c = l->c;
    uint32_t cell = 0, offset = c->f->body;
    l->lines = calloc(c->nmap + 1, sizeof *l->lines); /* more than enough */
    if (!l->lines)
        return false;
    for (const uint8_t *p = c->map, *end = p + c->nmap; p < end;) {
        cell += vm_read_u32(&p);
        uint32_t delta = vm_read_u32(&p);
        offset += delta >> 1 ^ -(delta & 1);
        if (l->nlines)
            l->lines[l->nlines - 1].end = cell;
        l->lines[l->nlines++] = (line){cell, c->ncells, offset};
    }
    qsort(l->lines, l->nlines, sizeof *l->lines, by_offset);
    return true;
}

/* ---- operands ---------------------------------------------------------------
 */

/* A slot is a local's, the record's or the operand stack's. */
static void print_slot(const listing *l, uint32_t slot)
{
    const cc *c = l->c;
    for (uint32_t i = 0; i < c->nlocals; i++)
        if (c->locals[i].slot == slot && c->locals[i].pin == E_SLOT) {
            fprintf(l->out, "[%u: local %u]", slot, i);
            return;
        }
    fprintf(l->out, "[%u]", slot);
}

/* `letter`: of the operand's type, as in opcodes.def. */
static void print_operand(const listing *l, vm_kind kind, uint32_t slot,
                          uint64_t k, char letter)
{
    bool is_float = letter == 'd' || letter == 'f';
    switch (kind) {
    case VM_K_S: print_slot(l, slot); break;
    case VM_K_K:
        if (is_float)
            fprintf(l->out, "0x%" PRIx64, k);
        else
            fprintf(l->out, "%" PRId64,
                    letter == 'l' ? (int64_t)k : (int64_t)(int32_t)k);
        break;
    case VM_K_A: fputs(is_float ? "facc" : "acc", l->out); break;
    case VM_K_P: fputs(letter == 'd' ? "d0" : "l0", l->out); break;
    case VM_K_Q: fputs("l1", l->out); break;
    case VM_KINDS: break;
    }
}

/* The types of operands and result, for choosing between register files. */
typedef struct letters {
    char a, b, d;
} letters;

static letters letters_of(const insn *in)
{
    static const char by_class[] = {[C_INT] = 'l',
                                    [C_F32] = 'f',
                                    [C_F64] = 'd',
                                    [C_SLOT] = 'l',
                                    [C_NONE] = 'l'};
    char result = by_class[in->result];
    if (in->op >= VM_OP_COUNT)
        return (letters){result, result, result};
    const char *sig = vm_ops[in->op].sig;
    char a = *sig ? *sig : 'l';
    char b = a != ':' && sig[1] && sig[1] != ':' ? sig[1] : a;
    return (letters){a, b, result};
}

static void print_address(const listing *l, const insn *in, bool sum)
{
    uint32_t size = in->op < VM_OP_COUNT ? 1u << vm_ops[in->op].arg : 0;
    fputs("mem[", l->out);
    print_operand(l, (vm_kind)in->ak, in->a, in->k, 'i');
    if (sum) {
        fputs(" + ", l->out);
        print_operand(l, (vm_kind)in->bk, in->b, in->k, 'i');
    }
    fprintf(l->out, " + %u]", in->imm - size);
}

static void print_result(const listing *l, const struct cc_noted *n,
                         char letter)
{
    if (n->in.result == C_NONE)
        return;
    print_operand(l, n->d, n->slot, 0, letter);
    fputs(" = ", l->out);
}

/* By its offset in the instance; perhaps with a constant added. */
static void print_global(const listing *l, const struct cc_noted *n)
{
    const insn *in = &n->in;
    bool set = in->op == VM_X_GLOBAL_SET || in->op == VM_X_GLOBAL_SET_ANY ||
               in->op == VM_X_GLOBAL_SET128 || in->op == VM_X_GLOBAL_SET_ADD;
    if (set) {
        fprintf(l->out, "global@%u = ", in->imm);
        print_operand(l, (vm_kind)in->ak, in->a, in->k, 'l');
    } else {
        print_result(l, n, 'l');
        fprintf(l->out, "global@%u", in->imm);
    }
    if (in->nextra)
        fprintf(l->out, " + %d", (int32_t)in->extra[0]);
}

/* What a noted instruction does with what. */
static void print_noted(const listing *l, const struct cc_noted *n)
{
    const insn *in = &n->in;
    letters t = letters_of(in);
    bool none = in->op < VM_OP_COUNT && vm_ops[in->op].sig[0] == ':';
    bool two = in->op < VM_OP_COUNT && !none && vm_ops[in->op].sig[1] != ':';
    switch ((insn_format)in->format) {
    case FMT_STORE:
    case FMT_SUM_STORE: {
        bool sum = in->format == FMT_SUM_STORE;
        print_address(l, in, sum);
        fputs(" = ", l->out);
        if (sum && in->nextra)
            print_operand(l, VM_K_K, 0, in->extra[0], t.b);
        else if (sum)
            print_slot(l, in->c); /* or the register that the name tells */
        else
            print_operand(l, (vm_kind)in->bk, in->b, in->k2, t.b);
        break;
    }
    case FMT_LOAD:
    case FMT_SUM_LOAD:
        if (in->op >= VM_OP_COUNT) { /* br_table */
            print_operand(l, (vm_kind)in->ak, in->a, in->k, 'i');
            break;
        }
        print_result(l, n, t.d);
        print_address(l, in, in->format == FMT_SUM_LOAD);
        break;
    case FMT_IMM: print_global(l, n); break;
    case FMT_INT:
    case FMT_CELL:
    case FMT_SELECT:
        print_result(l, n, t.d);
        if (!none)
            print_operand(l, (vm_kind)in->ak, in->a, in->k, t.a);
        if (two || in->format == FMT_SELECT) {
            fputs(", ", l->out);
            print_operand(l, (vm_kind)in->bk, in->b,
                          in->format == FMT_SELECT ? in->k2 : in->k, t.b);
        }
        break;
    }
}

/* Calls name the callee; of others, the fields and cells as they are. */
static void print_cells(const listing *l, const line *at)
{
    const vm_cell *cells = l->c->cells + at->cell;
    char label[200];
    if (at->cell + 1 >= at->end)
        return;
    uint64_t f = cells[1];
    if (cells[0] == (uintptr_t)vm_simple[VM_X_CALL] ||
        cells[0] == (uintptr_t)vm_simple[VM_X_TAIL_CALL]) {
        const struct vm_code *code =
            (const struct vm_code *)(uintptr_t)cells[2];
        vm_module_func_label(l->c->m, code->func, label, sizeof label);
        fprintf(l->out, "%s, arguments from [%u]", label, (uint16_t)f);
        return;
    }
    if (cells[0] == (uintptr_t)vm_simple[VM_X_CALL_IMPORT]) {
        vm_module_func_label(l->c->m, (uint32_t)cells[3], label, sizeof label);
        fprintf(l->out, "%s, arguments from [%u]", label, (uint16_t)f);
        return;
    }
    fprintf(l->out, "%u, %u, %u, %u", (uint16_t)f, (uint16_t)(f >> 16),
            (uint16_t)(f >> 32), (uint16_t)(f >> 48));
    for (uint32_t i = 2; i < at->end - at->cell && i < 6; i++)
        fprintf(l->out, " | 0x%" PRIx64, cells[i]);
    if (at->end - at->cell > 6)
        fputs(" | ...", l->out);
}

static void print_targets(const listing *l, const line *at)
{
    const char *before = "  -> ";
    for (uint32_t i = 0; i < l->c->njumps; i++) {
        uint32_t value;
        if (l->c->jumps[i].base != at->cell)
            continue;
        memcpy(&value, (const uint32_t *)l->c->cells + l->c->jumps[i].half,
               sizeof value);
        fprintf(l->out, "%s%u", before, at->cell + value);
        before = ", ";
    }
}

static void print_line(const listing *l, const line *at)
{
    char name[120];
    const struct cc_noted *n = cc_noted_at(l->c, at->cell);
    l->name((uintptr_t)l->c->cells[at->cell], name, sizeof name);
    fprintf(l->out, "                %5u: %-32s ", at->cell, name);
    if (n)
        print_noted(l, n);
    else
        print_cells(l, at);
    print_targets(l, at);
    fputc('\n', l->out);
}

/* ---- WebAssembly ------------------------------------------------------------
 */

/* Immediates of one number, by kind: what to call them is seen by position. */
static void print_immediates(const listing *l, vm_op op, const uint8_t *p)
{
    const vm_module *m = l->c->m;
    char label[200];
    switch (vm_ops[op].imm) {
    case VM_IMM_FUNC:
        vm_module_func_label(m, vm_read_u32(&p), label, sizeof label);
        fprintf(l->out, " $%s", label);
        break;
    case VM_IMM_LABEL:
    case VM_IMM_TYPE:
    case VM_IMM_LOCAL:
    case VM_IMM_GLOBAL:
    case VM_IMM_TABLE:
    case VM_IMM_MEMORY:
    case VM_IMM_TAG:
    case VM_IMM_ELEM:
    case VM_IMM_DATA: fprintf(l->out, " %u", vm_read_u32(&p)); break;
    case VM_IMM_LABELS:
        for (uint32_t n = vm_read_u32(&p) + 1; n; n--)
            fprintf(l->out, " %u", vm_read_u32(&p));
        break;
    case VM_IMM_CALL_INDIRECT:
    case VM_IMM_TABLE2:
    case VM_IMM_MEMORY2:
    case VM_IMM_TYPE2:
    case VM_IMM_TABLE_ELEM:
    case VM_IMM_MEMORY_DATA:
    case VM_IMM_TYPE_FIELD:
    case VM_IMM_TYPE_LEN:
    case VM_IMM_TYPE_DATA:
    case VM_IMM_TYPE_ELEM: {
        uint32_t first = vm_read_u32(&p);
        fprintf(l->out, " %u %u", first, vm_read_u32(&p));
        break;
    }
    case VM_IMM_MEMARG:
    case VM_IMM_MEMARG_LANE: {
        vm_memarg arg = vm_read_memarg(&p);
        if (arg.memory)
            fprintf(l->out, " %u", arg.memory);
        fprintf(l->out, " offset=%" PRIu64, arg.offset);
        break;
    }
    case VM_IMM_I32: fprintf(l->out, " %d", vm_read_s32(&p)); break;
    case VM_IMM_I64: fprintf(l->out, " %" PRId64, vm_read_s64(&p)); break;
    case VM_IMM_F32: {
        uint32_t bits = vm_read_fixed32(&p);
        float value;
        memcpy(&value, &bits, sizeof value);
        fprintf(l->out, " %.9g", (double)value);
        break;
    }
    case VM_IMM_F64: {
        uint64_t bits = vm_read_fixed64(&p);
        double value;
        memcpy(&value, &bits, sizeof value);
        fprintf(l->out, " %.17g", value);
        break;
    }
    case VM_IMM_LANE: fprintf(l->out, " %u", *p); break;
    default: break;
    }
}

static int depth_change(vm_op op)
{
    switch (op) {
    case VM_OP_BLOCK:
    case VM_OP_LOOP:
    case VM_OP_IF:
    case VM_OP_TRY:
    case VM_OP_TRY_TABLE: return 1;
    case VM_OP_END:
    case VM_OP_DELEGATE: return -1;
    default: return 0;
    }
}

static void print_body(listing *l)
{
    const vm_module *m = l->c->m;
    const uint8_t *p = m->bytes + l->c->f->body;
    const uint8_t *end = p + l->c->f->body_size;
    int depth = 0;
    while (p < end) {
        uint32_t offset = (uint32_t)(p - m->bytes);
        vm_op op = vm_read_op(&p);
        const uint8_t *immediates = p;
        vm_skip_immediates(m, op, &p);
        int change = depth_change(op);
        bool outwards = change < 0 || op == VM_OP_ELSE || op == VM_OP_CATCH ||
                        op == VM_OP_CATCH_ALL;
        int indent = depth - outwards < 0 ? 0 : depth - outwards;
        fprintf(l->out, "  0x%06x  %*s%s", offset, 2 * (indent % 20), "",
                vm_ops[op].text);
        print_immediates(l, op, immediates);
        fputc('\n', l->out);
        depth += change;
        for (; l->next < l->nlines && l->lines[l->next].offset <= offset;
             l->next++)
            print_line(l, &l->lines[l->next]);
    }
}

/* ---- the function -----------------------------------------------------------
 */

static void print_types(const vm_type *types, uint32_t n, const char *what,
                        FILE *out)
{
    char name[80];
    if (!n)
        return;
    fprintf(out, " (%s", what);
    for (uint32_t i = 0; i < n; i++)
        fprintf(out, " %s", vm_type_name(types[i], name, sizeof name));
    fputc(')', out);
}

static void print_head(const vm_module *m, uint32_t func, FILE *out)
{
    char label[200];
    const vm_functype *type = &m->funcs[func].type->func;
    vm_module_func_label(m, func, label, sizeof label);
    fprintf(out, "func[%u] %s", func, label);
    print_types(type->types, type->nparams, "param", out);
    print_types(type->types + type->nparams, type->nresults, "result", out);
}

static void print_pins(const listing *l)
{
    static const char *const names[] = {
        [E_P] = "l0", [E_Q] = "l1", [E_D0] = "d0"};
    char type[80];
    for (uint32_t i = 0; i < l->c->nlocals; i++) {
        const local *local = &l->c->locals[i];
        if (local->pin != E_SLOT)
            fprintf(l->out, "  pinned: %s = local %u (%s)\n", names[local->pin],
                    i, vm_type_name(local->type, type, sizeof type));
    }
    for (uint32_t i = 0; i < l->c->neh; i++) {
        const vm_eh *e = &l->c->eh[i];
        fprintf(l->out, "  exceptions in cells %u-%u -> %u\n", e->start, e->end,
                e->target);
    }
}

static void print_compiled(listing *l)
{
    const cc *c = l->c;
    fprintf(l->out,
            ": 0x%x-0x%x, %u bytes -> %u cells\n"
            "  frame: %u slots, %u of locals, record at [%u]\n",
            c->f->body, c->f->body + c->f->body_size, c->f->body_size,
            c->ncells, c->max_slot, c->f->local_slots, vm_rec_slot(c->f));
    print_pins(l);
    print_body(l);
    fputc('\n', l->out);
}

vm_status vm_listing_print(vm_module *m, uint32_t func, vm_handler_name name,
                           FILE *out, vm_error *err)
{
    if (func < m->nfunc_imports) {
        print_head(m, func, out);
        fputs(": imported\n\n", out);
        return VM_OK;
    }
    struct vm_code *code = vm_code_get(m, func);
    cc *c = code ? cc_listing(code, 0, err) : NULL;
    if (!c)
        return err->text[0] ? VM_TRAP : VM_NO_MEMORY;
    listing l = {.c = c, .out = out, .name = name};
    vm_status status = read_map(&l) ? VM_OK : VM_NO_MEMORY;
    if (status == VM_OK) {
        print_head(m, func, out);
        print_compiled(&l);
    }
    free(l.lines);
    cc_listing_free(c);
    return status;
}
