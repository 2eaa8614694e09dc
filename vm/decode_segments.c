/* decode_segments.c - the element and data sections (sections 5.5.12, .14). */
#include "vm/decode.h"

/* Skips `n` items; indices are checked by the validator. */
static void skip_items(vm_decoder *d, vm_elemdecl *elem)
{
    elem->items = (uint32_t)vm_reader_offset(&d->r);
    for (uint32_t i = 0; i < elem->count && !d->r.failed; i++) {
        if (elem->is_indices)
            (void)vm_reader_u32(&d->r);
        else
            (void)vm_decode_expr(d);
    }
}

/* The element kind byte, or the reference type, when flags say it is there. */
static void read_elem_type(vm_decoder *d, uint32_t flags, vm_elemdecl *elem)
{
    vm_reader *r = &d->r;
    vm_typescope scope = vm_module_scope(d->m);
    bool implied = !(flags & 3); /* the short forms 0 and 4 */
    if (elem->is_indices) {
        const uint8_t *at = r->pos;
        if (!implied && vm_reader_u8(r) != 0)
            vm_reader_malformed(r, at, "malformed element kind, not 0");
        elem->type = VM_REF | VM_HEAP_FUNC;
    } else {
        elem->type = implied ? VM_FUNCREF : vm_decode_reftype(r, &scope);
    }
}

/*
 * Flags: bit 0 passive or declared, bit 1 an explicit table (or declared),
 * bit 2 items are expressions.
 */
static void read_elem(vm_decoder *d, vm_elemdecl *elem)
{
    vm_reader *r = &d->r;
    const uint8_t *at = r->pos;
    uint32_t flags = vm_reader_u32(r);
    if (flags > 7) {
        vm_reader_malformed(r, at, "malformed elements segment kind %u", flags);
        return;
    }
    elem->is_indices = !(flags & 4);
    if (flags & 1) {
        elem->mode = flags & 2 ? VM_SEGMENT_DECLARED : VM_SEGMENT_PASSIVE;
    } else {
        elem->mode = VM_SEGMENT_ACTIVE;
        elem->table = flags & 2 ? vm_reader_u32(r) : 0;
        elem->start = vm_decode_expr(d);
    }
    read_elem_type(d, flags, elem);
    elem->count = vm_reader_count(r, 1, "elements");
    skip_items(d, elem);
}

void vm_decode_elems(vm_decoder *d)
{
    vm_module *m = d->m;
    uint32_t n = vm_reader_count(&d->r, 3, "element segments");
    m->elems = vm_decode_alloc(d, n, sizeof *m->elems);
    for (uint32_t i = 0; i < n && !d->r.failed; i++)
        read_elem(d, &m->elems[i]);
    m->nelems = n;
}

static void read_data(vm_decoder *d, vm_datadecl *data)
{
    vm_reader *r = &d->r;
    const uint8_t *at = r->pos;
    uint32_t flags = vm_reader_u32(r);
    if (flags > 2) {
        vm_reader_malformed(r, at, "malformed data segment kind %u", flags);
        return;
    }
    data->mode = flags == 1 ? VM_SEGMENT_PASSIVE : VM_SEGMENT_ACTIVE;
    if (flags == 2)
        data->memory = vm_reader_u32(r);
    if (flags != 1)
        data->start = vm_decode_expr(d);
    data->size = vm_reader_u32(r);
    data->offset = (uint32_t)vm_reader_offset(r);
    (void)vm_reader_bytes(r, data->size);
}

void vm_decode_datas(vm_decoder *d)
{
    vm_module *m = d->m;
    const uint8_t *at = d->r.pos;
    uint32_t n = vm_reader_count(&d->r, 2, "data segments");
    if (m->data_count != UINT32_MAX && m->data_count != n && !d->r.failed)
        vm_reader_malformed(&d->r, at,
                            "data count and data section have inconsistent "
                            "lengths: %u and %u",
                            m->data_count, n);
    m->datas = vm_decode_alloc(d, n, sizeof *m->datas);
    for (uint32_t i = 0; i < n && !d->r.failed; i++)
        read_data(d, &m->datas[i]);
    m->ndatas = n;
}
