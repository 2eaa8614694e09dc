/*
 * cm_link.c - giving components what they import and finding what they export.
 */
#include "vm/cm_link.h"

#include "vm/cm_names.h"

#include <stdlib.h>
#include <string.h>

/* ---- items ------------------------------------------------------------- */

const cm_item *cm_exports_find(const cm_exports *exports, vm_name name)
{
    const cm_decl *decl = cm_interface_find(exports->type, name.data, name.len);
    return decl ? &exports->items[decl - exports->type->exports] : NULL;
}

void cm_bind(cm_instance *inst, const cm_externtype *type, const cm_item *item)
{
    if (type->sort == CM_SORT_INSTANCE) {
        const cm_interface *iface = type->instance;
        for (uint32_t i = 0; i < iface->count; i++)
            cm_bind(inst, &iface->exports[i].type, &item->instance->items[i]);
        return;
    }
    if (type->sort != CM_SORT_TYPE || type->type.kind != CM_DEF_RESOURCE)
        return;
    cm_resource **slot =
        &inst->view.slots[type->type.resource - inst->view.base];
    if (!*slot)
        *slot = item->resource;
}

bool cm_project(cm_instance *inst, cm_arena *arena, const cm_externtype *type,
                const cm_item *item, cm_item *out)
{
    *out = *item;
    if (type->sort != CM_SORT_INSTANCE ||
        (type->instance == item->instance->type &&
         item->instance->view == &inst->view))
        return true;
    const cm_interface *iface = type->instance;
    cm_exports *made = cm_arena_alloc(arena, 1, sizeof *made);
    cm_item *items = cm_arena_alloc(arena, iface->count, sizeof *items);
    if (!made || !items)
        return false;
    for (uint32_t i = 0; i < iface->count; i++) {
        const cm_decl *decl = &iface->exports[i];
        const cm_item *from = cm_exports_find(item->instance, decl->name);
        /* Subtyping was checked: it is there. */
        if (!cm_project(inst, arena, &decl->type, from, &items[i]))
            return false;
    }
    *made = (cm_exports){iface, &inst->view, items};
    out->instance = made;
    return true;
}

/* ---- imports of a root ------------------------------------------------- */

static vm_status not_given(vm_name name, vm_name *missing, vm_error *err)
{
    if (missing)
        *missing = name;
    if (err && !err->text[0])
        vm_error_set(err, VM_PHASE_LINK, SIZE_MAX,
                     "import `" VM_NAME_FMT "` is not satisfied: no such "
                     "interface is granted, or linked from another component",
                     VM_NAME_ARG(name));
    return VM_INVALID;
}

/*
 * An interface of the linker's WIT that nobody defined, and of which only the
 * types of values are wanted, as `duration` of a clock's by wasi:http: these
 * grant nothing, and are what the importer says.
 */
static bool types_alone(cm_instance *inst, cm_linker *linker, cm_arena *arena,
                        const cm_decl *want, cm_item *out)
{
    const cm_interface *iface = want->type.instance;
    if (want->type.sort != CM_SORT_INSTANCE || !iface->count || !linker ||
        !cm_linker_knows(linker, want->name))
        return false;
    for (uint32_t i = 0; i < iface->count; i++)
        if (iface->exports[i].type.sort != CM_SORT_TYPE ||
            iface->exports[i].type.type.kind == CM_DEF_RESOURCE)
            return false;
    cm_exports *made = cm_arena_alloc(arena, 1, sizeof *made);
    cm_item *items = cm_arena_alloc(arena, iface->count, sizeof *items);
    if (!made || !items)
        return false;
    for (uint32_t i = 0; i < iface->count; i++)
        items[i].sort = CM_SORT_TYPE;
    *made = (cm_exports){iface, &inst->view, items};
    *out = (cm_item){.sort = CM_SORT_INSTANCE, .instance = made};
    return true;
}

vm_status cm_link_imports(cm_instance *inst, cm_linker *linker, cm_arena *arena,
                          cm_item *items, vm_name *missing, vm_error *err)
{
    const cm_componenttype *type = inst->scope->type;
    for (uint32_t i = 0; i < type->nimports; i++) {
        const cm_decl *want = &type->imports[i];
        const cm_view *view = NULL;
        cm_externtype have;
        if (!linker || !cm_linker_lookup(linker, want->name, &items[i], &have,
                                         &view, err)) {
            if (!err->text[0] &&
                types_alone(inst, linker, arena, want, &items[i]))
                continue;
            return not_given(want->name, missing, err);
        }
        if (!cm_type_matches(&have, view, &want->type, &inst->view, want->name,
                             err)) {
            if (missing)
                *missing = want->name;
            return VM_INVALID;
        }
    }
    return VM_OK;
}

/* ---- exports ----------------------------------------------------------- */

static cm_func *func_export(const cm_exports *exports, const char *name)
{
    const cm_item *item =
        cm_exports_find(exports, (vm_name){name, strlen(name)});
    return item && item->sort == CM_SORT_FUNC ? item->func : NULL;
}

cm_func *cm_instance_func(cm_instance *instance, const char *iface,
                          const char *name)
{
    const cm_exports *exports = &instance->exports;
    if (!iface)
        return func_export(exports, name);
    vm_name wanted = {iface, strlen(iface)};
    for (uint32_t i = 0; i < exports->type->count; i++)
        if (exports->items[i].sort == CM_SORT_INSTANCE &&
            cm_name_satisfies(wanted, exports->type->exports[i].name, true))
            return func_export(exports->items[i].instance, name);
    return NULL;
}
