/* module.c - engines, and modules from loading to release. */
#include "vm/module.h"

#include "vm/decode.h"
#include "vm/image.h"
#include "vm/lines.h"

#include <stdlib.h>
#include <string.h>

vm_engine *vm_engine_create(const vm_options *options)
{
    vm_engine *engine = calloc(1, sizeof *engine);
    if (!engine)
        return NULL;
    if (options)
        engine->options = *options;
    if (!vm_types_init(&engine->types)) {
        free(engine);
        return NULL;
    }
    return engine;
}

void vm_engine_destroy(vm_engine *engine)
{
    if (!engine)
        return;
    vm_types_finish(&engine->types);
    free(engine);
}

static void destroy(vm_module *m)
{
    if (m->code_free)
        m->code_free(m);
    vm_image_free(m);
    vm_names_free(m);
    vm_lines_free(m);
    vm_arena_finish(&m->arena);
    free(m);
}

vm_status vm_module_load(vm_engine *engine, const uint8_t *bytes, size_t len,
                         vm_module **out, vm_error *err)
{
    if (len > VM_MAX_MODULE_BYTES) {
        vm_error_set(err, VM_PHASE_DECODE, SIZE_MAX,
                     "module of %zu bytes, at most %u are supported", len,
                     VM_MAX_MODULE_BYTES);
        return VM_INVALID;
    }
    vm_module *m = calloc(1, sizeof *m);
    if (!m)
        return VM_NO_MEMORY;
    m->engine = engine;
    m->bytes = bytes;
    m->size = len;
    m->start = m->data_count = UINT32_MAX;
    atomic_init(&m->refs, 1);
    vm_status status = vm_module_decode(m, err);
    if (status == VM_OK)
        status = vm_module_validate(m, err);
    if (status == VM_OK)
        *out = m;
    else
        destroy(m);
    return status;
}

vm_module *vm_module_retain(vm_module *m)
{
    atomic_fetch_add_explicit(&m->refs, 1, memory_order_relaxed);
    return m;
}

void vm_module_release(vm_module *m)
{
    if (m && atomic_fetch_sub_explicit(&m->refs, 1, memory_order_acq_rel) == 1)
        destroy(m);
}

const vm_import *vm_module_imports(const vm_module *m, size_t *count)
{
    *count = m->nimports;
    return m->imports;
}

const vm_export *vm_module_exports(const vm_module *m, size_t *count)
{
    *count = m->nexports;
    return m->exports;
}

const vm_section *vm_module_custom(const vm_module *m, const char *name,
                                   uint32_t n)
{
    size_t len = strlen(name);
    for (uint32_t i = 0; i < m->nsections; i++) {
        const vm_section *s = &m->sections[i];
        if (s->id == 0 && s->name.len == len &&
            !memcmp(s->name.data, name, len) && n-- == 0)
            return s;
    }
    return NULL;
}
