/* decode_imports.c - limits, table and global types, and the import section. */
#include "vm/decode.h"

/*
 * Limits (section 5.3.12, and the threads and custom page size proposals).
 * Flags: 1 has a maximum, 2 shared, 4 64-bit addresses, 8 page size follows.
 */
vm_limits vm_decode_limits(vm_reader *r, bool is_memory)
{
    vm_limits limits = {.max = UINT64_MAX,
                        .page_size_log2 = is_memory ? 16 : 0};
    const uint8_t *at = r->pos;
    uint8_t flags = vm_reader_u8(r);
    if (flags > (is_memory ? 15 : 7) || (!is_memory && (flags & 2))) {
        vm_reader_malformed(r, at, "malformed limits flags 0x%02x", flags);
        return limits;
    }
    limits.shared = flags & 2;
    limits.is64 = flags & 4;
    limits.min = vm_reader_u64(r);
    if (flags & 1)
        limits.max = vm_reader_u64(r);
    if (flags & 8) {
        at = r->pos;
        uint32_t log2 = vm_reader_u32(r);
        if (log2 >= 64)
            vm_reader_malformed(r, at, "invalid custom page size 2^%u", log2);
        limits.page_size_log2 = (uint8_t)log2;
    }
    if (limits.shared && !(flags & 1))
        vm_reader_invalid(r, at, "shared memory must have maximum");
    return limits;
}

static void read_global_type(vm_decoder *d, vm_type *type, bool *is_mutable)
{
    vm_typescope scope = vm_module_scope(d->m);
    *type = vm_decode_valtype(&d->r, &scope);
    const uint8_t *at = d->r.pos;
    uint8_t mut = vm_reader_u8(&d->r);
    if (mut > 1)
        vm_reader_malformed(&d->r, at,
                            "malformed mutability: 0x%02x, not 0 or 1", mut);
    *is_mutable = mut;
}

static void read_import_func(vm_decoder *d, vm_externtype *type)
{
    vm_typescope scope = vm_module_scope(d->m);
    const vm_deftype *def = vm_decode_functype(&d->r, &scope);
    if (!def)
        return;
    type->func = &def->func;
    type->typeid = def->id;
}

static void read_import_tag(vm_decoder *d, vm_externtype *type)
{
    const uint8_t *at = d->r.pos;
    if (vm_reader_u8(&d->r) != 0)
        vm_reader_malformed(&d->r, at, "malformed tag attribute, not 0");
    read_import_func(d, type);
}

static void read_import_table(vm_decoder *d, vm_externtype *type)
{
    vm_typescope scope = vm_module_scope(d->m);
    type->table.type = vm_decode_reftype(&d->r, &scope);
    type->table.limits = vm_decode_limits(&d->r, false);
}

static void read_import(vm_decoder *d, vm_import *import)
{
    vm_reader *r = &d->r;
    import->module = vm_reader_name(r);
    import->name = vm_reader_name(r);
    const uint8_t *at = r->pos;
    uint8_t kind = vm_reader_u8(r);
    import->type.kind = (vm_extern_kind)kind;
    import->type.typeid = VM_NO_TYPE;
    switch (kind) {
    case VM_EXTERN_FUNC: read_import_func(d, &import->type); break;
    case VM_EXTERN_TABLE: read_import_table(d, &import->type); break;
    case VM_EXTERN_MEMORY:
        import->type.memory = vm_decode_limits(r, true);
        break;
    case VM_EXTERN_GLOBAL:
        read_global_type(d, &import->type.global.type,
                         &import->type.global.is_mutable);
        break;
    case VM_EXTERN_TAG: read_import_tag(d, &import->type); break;
    case 0x20:
        vm_reader_malformed(r, at, VM_NO_DESCRIPTORS ": exact import");
        break;
    default: vm_reader_malformed(r, at, "malformed import kind 0x%02x", kind);
    }
}

void vm_decode_imports(vm_decoder *d)
{
    vm_module *m = d->m;
    uint32_t *counts[] = {&m->nfunc_imports, &m->ntable_imports,
                          &m->nmemory_imports, &m->nglobal_imports,
                          &m->ntag_imports};
    uint32_t n = vm_reader_count(&d->r, 3, "imports");
    m->imports = vm_decode_alloc(d, n, sizeof *m->imports);
    for (uint32_t i = 0; i < n && !d->r.failed; i++) {
        read_import(d, &m->imports[i]);
        if (!d->r.failed)
            ++*counts[m->imports[i].type.kind];
    }
    m->nimports = n;
}
