/*
 * lines.c - DWARF line tables, versions 2 to 5 (lines.h).
 *
 * A line table is a program for a small machine that writes rows: from this
 * address on, this line of that file.  All programs of the module are run once
 * and their rows sorted by address; a question is then a binary search.
 * Addresses count from the contents of the code section (WebAssembly's DWARF
 * convention).  Specification: DWARF 5, section 6.2.
 */
#include "vm/lines.h"

#include "vm/leb.h"

#include <stdlib.h>
#include <string.h>

#define MAX_ROWS (4u << 20) /* 64 MB; what comes after has no lines */
#define MAX_FORMATS 16

typedef struct row {
    uint32_t address;
    uint32_t file; /* in files, plus one; 0: the end of what is known */
    uint32_t line, column;
} row;

typedef struct source {
    vm_name dir, name;
} source;

typedef struct vm_lines {
    row *rows;
    uint32_t nrows, rows_cap;
    source *files;
    uint32_t nfiles, files_cap;
} vm_lines;

/* The tables of one unit while its program runs. */
typedef struct unit {
    vm_lines *lines;
    vm_reader r; /* the unit's bytes */
    vm_reader line_strings, strings;
    const uint8_t *program;
    uint16_t version;
    bool is64;
    uint8_t min_length, line_range, opcode_base;
    int8_t line_base;
    const uint8_t *lengths; /* operands of the standard opcodes */
    vm_name *dirs;
    uint32_t ndirs, dirs_cap;
    uint32_t first_file; /* of this unit, in lines->files */
    uint32_t code_size;
} unit;

/* Room for one more; false: out of memory. */
static bool reserve(void *array, uint32_t n, uint32_t *cap, size_t size)
{
    void **at = array;
    if (n < *cap)
        return true;
    uint32_t want = *cap ? *cap * 2 : 64;
    void *grown = want > n ? reallocarray(*at, want, size) : NULL;
    if (!grown)
        return false;
    *at = grown;
    *cap = want;
    return true;
}

/* ---- fixed sizes and strings ----------------------------------------------
 */

static uint64_t fixed(vm_reader *r, unsigned n)
{
    uint64_t v = 0;
    const uint8_t *p = vm_reader_bytes(r, n);
    for (unsigned i = 0; p && i < n && i < 8; i++)
        v |= (uint64_t)p[i] << (8 * i);
    return v;
}

static uint64_t word(vm_reader *r, bool is64)
{
    return fixed(r, is64 ? 8 : 4);
}

static vm_name cstring(vm_reader *r)
{
    const uint8_t *end =
        r->pos < r->end ? memchr(r->pos, 0, (size_t)(r->end - r->pos)) : NULL;
    vm_name name = {(const char *)r->pos, 0};
    if (!end) {
        (void)vm_reader_bytes(r, SIZE_MAX); /* fails */
        return (vm_name){0};
    }
    name.len = (size_t)(end - r->pos);
    r->pos = end + 1;
    return name;
}

static vm_name string_at(vm_reader section, uint64_t offset)
{
    if (offset >= vm_reader_left(&section))
        return (vm_name){0};
    section.pos += offset;
    return cstring(&section);
}

/* ---- headers ----------------------------------------------------------------
 */

static bool add_dir(unit *u, vm_name name)
{
    if (!reserve(&u->dirs, u->ndirs, &u->dirs_cap, sizeof *u->dirs))
        return false;
    u->dirs[u->ndirs++] = name;
    return true;
}

static bool add_file(unit *u, vm_name name, uint64_t dir)
{
    vm_lines *l = u->lines;
    if (!reserve(&l->files, l->nfiles, &l->files_cap, sizeof *l->files))
        return false;
    l->files[l->nfiles++] =
        (source){dir < u->ndirs ? u->dirs[dir] : (vm_name){0}, name};
    return true;
}

/* Before version 5: strings up to an empty one; directory 0 is not told. */
static bool old_tables(unit *u)
{
    vm_reader *r = &u->r;
    if (!add_dir(u, (vm_name){0}))
        return false;
    while (!r->failed && vm_reader_peek(r))
        if (!add_dir(u, cstring(r)))
            return false;
    (void)vm_reader_u8(r);
    while (!r->failed && vm_reader_peek(r)) {
        vm_name name = cstring(r);
        uint64_t dir = vm_reader_u64(r);
        (void)vm_reader_u64(r); /* time, length */
        (void)vm_reader_u64(r);
        if (!add_file(u, name, dir))
            return false;
    }
    return !r->failed;
}

enum { CONTENT_PATH = 1, CONTENT_DIR = 2 };

typedef struct format {
    uint64_t content, form;
} format;

/* A value of that form: a string, or a number.  Fails on forms that no line
 * table has. */
static uint64_t form_value(unit *u, uint64_t form, vm_name *string)
{
    vm_reader *r = &u->r;
    switch (form) {
    case 0x08: *string = cstring(r); return 0;
    case 0x1f: *string = string_at(u->line_strings, word(r, u->is64)); return 0;
    case 0x0e: *string = string_at(u->strings, word(r, u->is64)); return 0;
    case 0x0f: return vm_reader_u64(r); /* udata */
    case 0x0b: return fixed(r, 1);
    case 0x05: return fixed(r, 2);
    case 0x06: return fixed(r, 4);
    case 0x07: return fixed(r, 8);
    case 0x1e: return fixed(r, 16);
    case 0x09: (void)vm_reader_bytes(r, vm_reader_u64(r)); return 0;
    default: (void)vm_reader_bytes(r, SIZE_MAX); return 0;
    }
}

/* Version 5: a table of directories or files that describes its own columns. */
static bool new_table(unit *u, bool is_files)
{
    vm_reader *r = &u->r;
    format formats[MAX_FORMATS];
    uint8_t n = vm_reader_u8(r);
    for (uint8_t i = 0; i < n; i++) {
        format f = {vm_reader_u64(r), vm_reader_u64(r)};
        if (i < MAX_FORMATS)
            formats[i] = f;
    }
    uint64_t count = vm_reader_u64(r);
    if (n > MAX_FORMATS || count > vm_reader_left(r))
        return false;
    for (; count && !r->failed; count--) {
        vm_name name = {0};
        uint64_t dir = 0;
        for (uint8_t i = 0; i < n; i++) {
            vm_name string = {0};
            uint64_t value = form_value(u, formats[i].form, &string);
            if (formats[i].content == CONTENT_PATH)
                name = string;
            else if (formats[i].content == CONTENT_DIR)
                dir = value;
        }
        if (!(is_files ? add_file(u, name, dir) : add_dir(u, name)))
            return false;
    }
    return !r->failed;
}

static bool read_header(unit *u)
{
    vm_reader *r = &u->r;
    u->version = (uint16_t)fixed(r, 2);
    if (u->version < 2 || u->version > 5)
        return false;
    if (u->version == 5)
        (void)fixed(r, 2); /* sizes of an address and a segment selector */
    uint64_t length = word(r, u->is64);
    if (length > vm_reader_left(r))
        return false;
    u->program = r->pos + length;
    u->min_length = vm_reader_u8(r);
    if (u->version >= 4)
        (void)vm_reader_u8(r); /* operations per instruction: one */
    (void)vm_reader_u8(r);     /* is_stmt, which no one asks for */
    u->line_base = (int8_t)vm_reader_u8(r);
    u->line_range = vm_reader_u8(r);
    u->opcode_base = vm_reader_u8(r);
    if (!u->line_range || !u->opcode_base)
        return false;
    u->lengths = vm_reader_bytes(r, u->opcode_base - 1u);
    return u->version < 5 ? old_tables(u)
                          : new_table(u, false) && new_table(u, true);
}

/* ---- programs ---------------------------------------------------------------
 */

typedef struct machine {
    uint64_t address, file, line, column;
    uint32_t first_row; /* of the sequence */
} machine;

static machine reset(const unit *u)
{
    return (machine){.file = 1, .line = 1, .first_row = u->lines->nrows};
}

static bool add_row(unit *u, const machine *m, bool end)
{
    vm_lines *l = u->lines;
    uint64_t file = m->file - (u->version < 5);
    uint32_t nfiles = l->nfiles - u->first_file;
    if (l->nrows >= MAX_ROWS ||
        !reserve(&l->rows, l->nrows, &l->rows_cap, sizeof *l->rows))
        return false;
    row *row = &l->rows[l->nrows++];
    row->address = (uint32_t)m->address;
    row->file = end || file >= nfiles ? 0 : u->first_file + (uint32_t)file + 1;
    row->line = (uint32_t)m->line;
    row->column = (uint32_t)m->column;
    return true;
}

/* Functions that the linker dropped leave sequences behind whose addresses
 * lie nowhere: at 0, where the section has its count, or beyond its end. */
static void end_sequence(unit *u, machine *m)
{
    vm_lines *l = u->lines;
    uint32_t start =
        m->first_row < l->nrows ? l->rows[m->first_row].address : 0;
    if (start == 0 || m->address > u->code_size)
        l->nrows = m->first_row;
    *m = reset(u);
}

static bool extended(unit *u, machine *m)
{
    vm_reader *r = &u->r;
    uint64_t size = vm_reader_u64(r);
    const uint8_t *bytes = vm_reader_bytes(r, size);
    if (!bytes || !size)
        return false;
    vm_reader op = *r;
    op.pos = bytes;
    op.end = bytes + size;
    switch (vm_reader_u8(&op)) {
    case 1:
        if (!add_row(u, m, true))
            return false;
        end_sequence(u, m);
        break;
    case 2:
        m->address = fixed(&op, size - 1 < 8 ? (unsigned)size - 1 : 8);
        break;
    default: break;
    }
    return true;
}

static bool standard(unit *u, machine *m, uint8_t op)
{
    vm_reader *r = &u->r;
    switch (op) {
    case 1: return add_row(u, m, false);
    case 2: m->address += vm_reader_u64(r) * u->min_length; return true;
    case 3: m->line += (uint64_t)vm_reader_sleb(r, 64); return true;
    case 4: m->file = vm_reader_u64(r); return true;
    case 5: m->column = vm_reader_u64(r); return true;
    case 8: /* as the special opcode 255 moves on */
        m->address +=
            (uint64_t)((255 - u->opcode_base) / u->line_range) * u->min_length;
        return true;
    case 9: m->address += fixed(r, 2); return true;
    default:
        for (uint8_t n = u->lengths[op - 1]; n; n--)
            (void)vm_reader_u64(r);
        return true;
    }
}

static bool special(unit *u, machine *m, uint8_t op)
{
    unsigned n = op - u->opcode_base;
    m->address += (uint64_t)(n / u->line_range) * u->min_length;
    m->line += (uint64_t)(int64_t)(u->line_base + (int)(n % u->line_range));
    return add_row(u, m, false);
}

static void run_program(unit *u)
{
    machine m = reset(u);
    bool ok = true;
    u->r.pos = u->program;
    while (ok && !u->r.failed && u->r.pos < u->r.end) {
        uint8_t op = vm_reader_u8(&u->r);
        ok = op == 0               ? extended(u, &m)
             : op < u->opcode_base ? standard(u, &m, op)
                                   : special(u, &m, op);
    }
    u->lines->nrows = m.first_row; /* only whole sequences count */
}

/* ---- modules ----------------------------------------------------------------
 */

static vm_reader section(const vm_module *m, const char *name)
{
    const vm_section *s = vm_module_custom(m, name, 0);
    vm_reader r = vm_reader_start(m->bytes, 0, NULL);
    if (s) {
        r.pos = m->bytes + s->offset;
        r.end = r.pos + s->size;
    }
    return r;
}

static uint32_t code_size(const vm_module *m)
{
    for (uint32_t i = 0; i < m->nsections; i++)
        if (m->sections[i].offset == m->code_offset)
            return m->sections[i].size;
    return 0;
}

static int by_address(const void *a, const void *b)
{
    const row *x = a, *y = b;
    if (x->address != y->address)
        return x->address < y->address ? -1 : 1;
    /* where one function ends another may start: the start counts */
    return (x->file != 0) - (y->file != 0);
}

static void read_lines(const vm_module *m, vm_lines *lines)
{
    vm_reader all = section(m, ".debug_line");
    bool sorted = true;
    while (all.pos < all.end) {
        unit u = {.lines = lines,
                  .r = all,
                  .line_strings = section(m, ".debug_line_str"),
                  .strings = section(m, ".debug_str"),
                  .first_file = lines->nfiles,
                  .code_size = code_size(m)};
        uint64_t length = fixed(&all, 4);
        u.is64 = length == UINT32_MAX;
        if (u.is64)
            length = fixed(&all, 8);
        u.r.pos = vm_reader_bytes(&all, length);
        if (!u.r.pos)
            break;
        u.r.end = u.r.pos + length;
        if (read_header(&u))
            run_program(&u);
        free(u.dirs);
    }
    for (uint32_t i = 1; i < lines->nrows && sorted; i++)
        sorted = by_address(&lines->rows[i - 1], &lines->rows[i]) <= 0;
    if (!sorted)
        qsort(lines->rows, lines->nrows, sizeof *lines->rows, by_address);
}

/* ---- answers ----------------------------------------------------------------
 */

static const vm_lines *get_lines(const vm_module *module)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    vm_module *m = (vm_module *)module; /* only the cache is written */
    vm_lines *lines = atomic_load_explicit(&m->lines, memory_order_acquire);
    if (lines)
        return lines;
    pthread_mutex_lock(&lock);
    lines = atomic_load_explicit(&m->lines, memory_order_relaxed);
    if (!lines && (lines = calloc(1, sizeof *lines))) {
        read_lines(m, lines);
        atomic_store_explicit(&m->lines, lines, memory_order_release);
    }
    pthread_mutex_unlock(&lock);
    return lines;
}

void vm_lines_free(vm_module *m)
{
    vm_lines *lines = atomic_load_explicit(&m->lines, memory_order_acquire);
    if (lines) {
        free(lines->rows);
        free(lines->files);
    }
    free(lines);
}

bool vm_module_line(const vm_module *m, uint32_t offset, vm_line *out)
{
    const vm_lines *lines = get_lines(m);
    if (!lines || offset < m->code_offset)
        return false;
    uint32_t address = offset - m->code_offset, lo = 0, hi = lines->nrows;
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (lines->rows[mid].address <= address)
            lo = mid + 1;
        else
            hi = mid;
    }
    const row *row = lo ? &lines->rows[lo - 1] : NULL;
    if (!row || !row->file || !row->line) /* 0: code without a source */
        return false;
    const source *file = &lines->files[row->file - 1];
    *out = (vm_line){file->dir, file->name, row->line, row->column};
    return true;
}

void vm_line_path(const vm_line *line, char *buf, size_t size)
{
    bool whole = !line->dir.len || (line->file.len && *line->file.data == '/');
    size_t n = 0;
    for (size_t i = 0; !whole && i < line->dir.len && n + 1 < size; i++)
        buf[n++] = line->dir.data[i];
    if (!whole && n + 1 < size)
        buf[n++] = '/';
    for (size_t i = 0; i < line->file.len && n + 1 < size; i++)
        buf[n++] = line->file.data[i];
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)buf[i] < ' ' || buf[i] == 0x7f)
            buf[i] = '?';
    if (size)
        buf[n] = '\0';
}
