/*
 * cm_print.c - types back to WIT text (cm_print.h).
 *
 * A binary has no names inside types: a function's parameter is a node of the
 * type graph.  The names stand beside them, as type exports of the interface;
 * so each interface is first asked what it calls which node, and a node with a
 * name is printed by that name wherever it appears.
 */
#include "vm/cm_print.h"

#include "vm/cm_component.h"
#include "vm/module.h"

#include <string.h>

typedef struct printer {
    FILE *out;
    const cm_decl *decls; /* whose names hold here */
    uint32_t count;
    unsigned indent;
} printer;

#define NAME(name) (int)(name).len, (name).data

static void line(const printer *p)
{
    fprintf(p->out, "%*s", (int)(4 * p->indent), "");
}

/* ---- names ---------------------------------------------------------------
 */

static const cm_decl *name_of_value(const printer *p, const cm_type *type)
{
    for (uint32_t i = 0; i < p->count; i++) {
        const cm_externtype *t = &p->decls[i].type;
        if (t->sort == CM_SORT_TYPE && t->type.kind == CM_DEF_VALUE &&
            t->type.value == type && type->kind > CM_ERROR_CONTEXT)
            return &p->decls[i];
    }
    return NULL;
}

static void print_resource(const printer *p, uint32_t number)
{
    for (uint32_t i = 0; i < p->count; i++) {
        const cm_externtype *t = &p->decls[i].type;
        if (t->sort == CM_SORT_TYPE && t->type.kind == CM_DEF_RESOURCE &&
            t->type.resource == number) {
            fprintf(p->out, "%.*s", NAME(p->decls[i].name));
            return;
        }
    }
    fprintf(p->out, "resource-%u", number);
}

/* ---- types ---------------------------------------------------------------
 */

static void print_type(const printer *p, const cm_type *type);

static void print_generic(const printer *p, const cm_type *const *types,
                          uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        fputs(i ? ", " : "<", p->out);
        if (types[i])
            print_type(p, types[i]);
        else
            fputc('_', p->out);
    }
    fputc('>', p->out);
}

static void print_result(const printer *p, const cm_type *type)
{
    const cm_type *types[] = {type->fields[0].type, type->fields[1].type};
    fputs("result", p->out);
    if (types[1])
        print_generic(p, types, 2);
    else if (types[0])
        print_generic(p, types, 1);
}

static void print_list(const printer *p, const cm_type *type)
{
    fputs("list<", p->out);
    print_type(p, type->elem);
    if (type->kind == CM_FIXED_LIST)
        fprintf(p->out, ", %u", type->count);
    fputc('>', p->out);
}

/* tuple<...>; of anything else with parts, what stands between the braces. */
static void print_parts(const printer *p, const cm_type *type)
{
    bool tuple = type->kind == CM_TUPLE;
    for (uint32_t i = 0; i < type->count; i++) {
        const cm_field *field = &type->fields[i];
        fprintf(p->out, "%s%.*s", i ? ", " : "", NAME(field->name));
        if (!field->type)
            continue;
        fputs(type->kind == CM_RECORD ? ": " : tuple ? "" : "(", p->out);
        print_type(p, field->type);
        if (type->kind == CM_VARIANT)
            fputc(')', p->out);
    }
}

static void print_structure(const printer *p, const cm_type *type)
{
    const char *name = cm_kind_name((cm_kind)type->kind);
    switch ((cm_kind)type->kind) {
    case CM_LIST:
    case CM_FIXED_LIST: print_list(p, type); break;
    case CM_MAP:
        fputs("map<", p->out);
        print_parts(p, type->elem);
        fputc('>', p->out);
        break;
    case CM_OPTION:
        fputs(name, p->out);
        print_generic(p, &type->fields[1].type, 1);
        break;
    case CM_RESULT: print_result(p, type); break;
    case CM_STREAM:
    case CM_FUTURE:
        fputs(name, p->out);
        if (type->elem)
            print_generic(p, &type->elem, 1);
        break;
    case CM_OWN: print_resource(p, type->resource); break;
    case CM_BORROW:
        fputs("borrow<", p->out);
        print_resource(p, type->resource);
        fputc('>', p->out);
        break;
    default:
        fprintf(p->out, "%s%s", name, type->kind == CM_TUPLE ? "<" : " { ");
        print_parts(p, type);
        fputs(type->kind == CM_TUPLE ? ">" : " }", p->out);
    }
}

static void print_type(const printer *p, const cm_type *type)
{
    const cm_decl *named = name_of_value(p, type);
    if (named)
        fprintf(p->out, "%.*s", NAME(named->name));
    else if (type->kind <= CM_ERROR_CONTEXT)
        fputs(cm_kind_name((cm_kind)type->kind), p->out);
    else
        print_structure(p, type);
}

static void print_func(const printer *p, const cm_functype *func)
{
    fputs(func->is_async ? "async func(" : "func(", p->out);
    for (uint32_t i = 0; i < func->params->count; i++) {
        const cm_field *param = &func->params->fields[i];
        fprintf(p->out, "%s%.*s: ", i ? ", " : "", NAME(param->name));
        print_type(p, param->type);
    }
    fputc(')', p->out);
    if (func->result) {
        fputs(" -> ", p->out);
        print_type(p, func->result);
    }
}

/* ---- declarations --------------------------------------------------------
 */

/* record r { ... }, or type t = ...; its own name must not be used in it. */
static void print_typedef(const printer *p, const cm_decl *decl)
{
    const cm_typedef *def = &decl->type.type;
    if (def->kind == CM_DEF_RESOURCE) {
        fprintf(p->out, "resource %.*s;\n", NAME(decl->name));
        return;
    }
    if (def->kind != CM_DEF_VALUE) {
        fprintf(p->out, "type %.*s;\n", NAME(decl->name));
        return;
    }
    const cm_type *type = def->value;
    const cm_decl *named = name_of_value(p, type);
    bool braces = type->kind == CM_RECORD || type->kind == CM_VARIANT ||
                  type->kind == CM_ENUM || type->kind == CM_FLAGS;
    if (braces && named == decl) {
        fprintf(p->out, "%s %.*s { ", cm_kind_name((cm_kind)type->kind),
                NAME(decl->name));
        print_parts(p, type);
        fputs(" }\n", p->out);
        return;
    }
    fprintf(p->out, "type %.*s = ", NAME(decl->name));
    if (named && named != decl)
        fprintf(p->out, "%.*s", NAME(named->name));
    else if (type->kind <= CM_ERROR_CONTEXT)
        fputs(cm_kind_name((cm_kind)type->kind), p->out);
    else
        print_structure(p, type);
    fputs(";\n", p->out);
}

static void print_interface(printer *p, const cm_interface *iface);

static void print_decl(printer *p, const char *keyword, const cm_decl *decl)
{
    line(p);
    if (decl->type.sort == CM_SORT_TYPE) {
        print_typedef(p, decl);
        return;
    }
    fprintf(p->out, "%s%.*s: ", keyword, NAME(decl->name));
    switch (decl->type.sort) {
    case CM_SORT_FUNC:
        print_func(p, decl->type.func);
        fputs(";\n", p->out);
        break;
    case CM_SORT_INSTANCE: print_interface(p, decl->type.instance); break;
    default: fprintf(p->out, "%s;\n", cm_sort_name(decl->type.sort));
    }
}

static void print_interface(printer *p, const cm_interface *iface)
{
    printer inner = {p->out, iface->exports, iface->count, p->indent + 1};
    fputs("interface {\n", p->out);
    for (uint32_t i = 0; i < iface->count; i++)
        print_decl(&inner, "", &iface->exports[i]);
    line(p);
    fputs("}\n", p->out);
}

void cm_print_world(const cm_component *component, FILE *out)
{
    const cm_componenttype *type = component->root->type;
    printer p = {out, type->imports, type->nimports, 1};
    fputs("world root {\n", out);
    for (uint32_t i = 0; i < type->nimports; i++)
        print_decl(&p, "import ", &type->imports[i]);
    for (uint32_t i = 0; i < type->exports->count; i++)
        print_decl(&p, "export ", &type->exports->exports[i]);
    fputs("}\n", out);
}

/* ---- parts ---------------------------------------------------------------
 */

static void print_scope(const cm_scope *scope, unsigned depth, FILE *out)
{
    for (uint32_t i = 0; i < scope->nsteps; i++) {
        const cm_step *step = &scope->steps[i];
        if (step->kind == CM_STEP_MODULE)
            fprintf(out,
                    "%*score module: %zu bytes, %u functions, %u imports, %u "
                    "exports\n",
                    (int)(2 * depth), "", step->module->size,
                    step->module->nfuncs - step->module->nfunc_imports,
                    step->module->nimports, step->module->nexports);
        if (step->kind != CM_STEP_COMPONENT || depth > CM_MAX_DEPTH)
            continue;
        fprintf(out, "%*scomponent: %u imports, %u exports\n", (int)(2 * depth),
                "", step->scope->type->nimports,
                step->scope->type->exports->count);
        print_scope(step->scope, depth + 1, out);
    }
}

void cm_print_parts(const cm_component *component, FILE *out)
{
    print_scope(component->root, 0, out);
}

vm_module *const *cm_component_modules(const cm_component *component,
                                       uint32_t *count)
{
    *count = component->nmodules;
    return component->modules;
}

/* ---- core modules --------------------------------------------------------
 */

static void print_types(const vm_type *types, uint32_t count, FILE *out)
{
    char name[80];
    for (uint32_t i = 0; i < count; i++)
        fprintf(out, "%s%s", i ? ", " : "",
                vm_type_name(types[i], name, sizeof name));
}

static void print_limits(const vm_limits *limits, FILE *out)
{
    fprintf(out, " %llu..", (unsigned long long)limits->min);
    if (limits->max != UINT64_MAX)
        fprintf(out, "%llu", (unsigned long long)limits->max);
    if (limits->is64)
        fputs(" (64-bit)", out);
    if (limits->shared)
        fputs(" shared", out);
}

void cm_print_externtype(const vm_externtype *type, FILE *out)
{
    char name[80];
    switch (type->kind) {
    case VM_EXTERN_FUNC:
    case VM_EXTERN_TAG:
        fputs(type->kind == VM_EXTERN_TAG ? "tag (" : "func (", out);
        print_types(type->func->types, type->func->nparams, out);
        fputs(") -> (", out);
        print_types(type->func->types + type->func->nparams,
                    type->func->nresults, out);
        fputc(')', out);
        break;
    case VM_EXTERN_TABLE:
        fputs("table", out);
        print_limits(&type->table.limits, out);
        fprintf(out, " %s", vm_type_name(type->table.type, name, sizeof name));
        break;
    case VM_EXTERN_MEMORY:
        fputs("memory", out);
        print_limits(&type->memory, out);
        break;
    case VM_EXTERN_GLOBAL:
        fprintf(out, "global %s%s", type->global.is_mutable ? "mut " : "",
                vm_type_name(type->global.type, name, sizeof name));
        break;
    }
}
