/*
 * cm_wit_def.c - the part of WIT's parser (cm_wit_parse.c) that reads what
 * interfaces consist of: types, resources, functions, uses.
 */
#include "vm/cm_wit_parser.h"

#include <stdio.h>
#include <string.h>

enum { MAX_DEPTH = 100 };

/* ---- types ---------------------------------------------------------------
 */

static vm_status parse_type(wit_parser *p, const wit_type **out);

static const struct {
    const char *name;
    cm_kind kind;
} prims[] = {
    {"bool", CM_BOOL},     {"s8", CM_S8},
    {"u8", CM_U8},         {"s16", CM_S16},
    {"u16", CM_U16},       {"s32", CM_S32},
    {"u32", CM_U32},       {"s64", CM_S64},
    {"u64", CM_U64},       {"f32", CM_F32},
    {"f64", CM_F64},       {"char", CM_CHAR},
    {"string", CM_STRING}, {"error-context", CM_ERROR_CONTEXT},
};

static vm_status new_type(wit_parser *p, uint32_t kind, wit_type **out)
{
    *out = cm_arena_alloc(&p->wit->arena, 1, sizeof **out);
    if (!*out)
        return wit_no_memory(p);
    (*out)->kind = kind;
    (*out)->pos = p->lex.token.pos;
    return VM_OK;
}

static vm_status add_field(wit_parser *p, wit_type *type, vm_name name,
                           wit_field **out)
{
    *out = PUSH(p, type->fields, type->count);
    if (!*out)
        return wit_no_memory(p);
    (*out)->name = name;
    (*out)->pos = p->lex.token.pos;
    return VM_OK;
}

static vm_status add_unnamed(wit_parser *p, wit_type *type)
{
    wit_field *field;
    const wit_type *inner;
    TRY(parse_type(p, &inner));
    TRY(add_field(p, type, (vm_name){0}, &field));
    field->type = inner;
    return VM_OK;
}

/* tuple ::= 'tuple' '<' ty (',' ty)* ','? '>' */
static vm_status parse_tuple(wit_parser *p, wit_type *type)
{
    TRY(expect(p, '<', "'<'"));
    while (!at(p, '>')) {
        TRY(add_unnamed(p, type));
        if (!accept(p, ','))
            break;
    }
    return expect(p, '>', "'>' or ','");
}

/* uint ::= [1-9][0-9]* */
static vm_status parse_length(wit_parser *p, uint32_t *out)
{
    const wit_token *token = &p->lex.token;
    uint64_t value = 0;
    for (size_t i = 0; at(p, WIT_T_INT) && i < token->text.len; i++)
        if (value <= UINT32_MAX)
            value = value * 10 + (uint64_t)(token->text.data[i] - '0');
    if (value == 0 || value > UINT32_MAX)
        return wit_unexpected(p, "a length of 1 to 4294967295");
    *out = (uint32_t)value;
    wit_lex_next(&p->lex);
    return VM_OK;
}

/* list ::= 'list' '<' ty ( ',' uint )? '>' */
static vm_status parse_list(wit_parser *p, wit_type *type)
{
    TRY(expect(p, '<', "'<'"));
    TRY(parse_type(p, &type->elem));
    if (accept(p, ',')) {
        type->kind = CM_FIXED_LIST;
        TRY(parse_length(p, &type->count));
    }
    return expect(p, '>', "'>' or ','");
}

/* option ::= 'option' '<' ty '>' */
static vm_status parse_option(wit_parser *p, wit_type *type)
{
    TRY(expect(p, '<', "'<'"));
    TRY(parse_type(p, &type->elem));
    return expect(p, '>', "'>'");
}

/* future and stream: the payload is optional */
static vm_status parse_stream(wit_parser *p, wit_type *type)
{
    return at(p, '<') ? parse_option(p, type) : VM_OK;
}

/* result ::= 'result' ( '<' ( ty | '_' ) ( ',' ty )? '>' )? */
static vm_status parse_result(wit_parser *p, wit_type *type)
{
    wit_field *ok, *error;
    TRY(add_field(p, type, (vm_name){"ok", 2}, &ok));
    TRY(add_field(p, type, (vm_name){"error", 5}, &error));
    if (!accept(p, '<'))
        return VM_OK;
    bool only_error = accept(p, '_');
    if (!only_error)
        TRY(parse_type(p, &ok->type));
    if (only_error && !at(p, ','))
        return wit_unexpected(p, "',' and the error's type");
    if (accept(p, ','))
        TRY(parse_type(p, &error->type));
    return expect(p, '>', "'>' or ','");
}

/* map ::= 'map' '<' kt ',' ty '>' */
static vm_status parse_map(wit_parser *p, wit_type *type)
{
    TRY(expect(p, '<', "'<'"));
    TRY(add_unnamed(p, type));
    TRY(expect(p, ',', "','"));
    TRY(add_unnamed(p, type));
    return expect(p, '>', "'>'");
}

/* handle ::= id | ( 'borrow' | 'own' ) '<' id '>' */
static vm_status parse_handle(wit_parser *p, wit_type *type)
{
    TRY(expect(p, '<', "'<'"));
    TRY(wit_parse_id(p, &type->name));
    return expect(p, '>', "'>'");
}

static const struct {
    const char *name;
    cm_kind kind;
    vm_status (*parse)(wit_parser *p, wit_type *type);
} generics[] = {
    {"tuple", CM_TUPLE, parse_tuple},    {"list", CM_LIST, parse_list},
    {"option", CM_OPTION, parse_option}, {"result", CM_RESULT, parse_result},
    {"map", CM_MAP, parse_map},          {"borrow", CM_BORROW, parse_handle},
    {"own", CM_OWN, parse_handle},       {"stream", CM_STREAM, parse_stream},
    {"future", CM_FUTURE, parse_stream},
};

static vm_status parse_type_inner(wit_parser *p, wit_type *type)
{
    for (size_t i = 0; i < sizeof prims / sizeof *prims; i++)
        if (accept_keyword(p, prims[i].name)) {
            type->kind = prims[i].kind;
            return VM_OK;
        }
    for (size_t i = 0; i < sizeof generics / sizeof *generics; i++)
        if (accept_keyword(p, generics[i].name)) {
            type->kind = generics[i].kind;
            return generics[i].parse(p, type);
        }
    if (!at(p, WIT_T_ID))
        return wit_unexpected(p, "a type");
    return wit_parse_id(p, &type->name);
}

static vm_status parse_type(wit_parser *p, const wit_type **out)
{
    wit_type *type;
    if (p->depth == MAX_DEPTH)
        return wit_fail(p->lex.source, p->lex.token.pos, p->err,
                        "types are nested more than %d deep", MAX_DEPTH);
    TRY(new_type(p, WIT_NAME, &type));
    p->depth++;
    vm_status status = parse_type_inner(p, type);
    p->depth--;
    *out = type;
    return status;
}

/* ---- definitions ---------------------------------------------------------
 */

static vm_status add_def(wit_parser *p, wit_interface *iface, vm_name name,
                         uint32_t pos, wit_def **out)
{
    for (uint32_t i = 0; i < iface->ndefs; i++)
        if (vm_name_equal(iface->defs[i].name, name))
            return wit_fail(p->lex.source, pos, p->err,
                            "the name '%.*s' is defined already", (int)name.len,
                            name.data);
    *out = PUSH(p, iface->defs, iface->ndefs);
    if (!*out)
        return wit_no_memory(p);
    (*out)->name = name;
    (*out)->pos = pos;
    return VM_OK;
}

/* A field of a record, case of a variant, label of an enum or flags. */
static vm_status parse_member(wit_parser *p, wit_type *type)
{
    vm_name name;
    wit_field *field;
    TRY(wit_parse_id(p, &name));
    TRY(add_field(p, type, name, &field));
    if (type->kind == CM_RECORD) {
        TRY(expect(p, ':', "':' and the field's type"));
        return parse_type(p, &field->type);
    }
    if (type->kind != CM_VARIANT || !accept(p, '('))
        return VM_OK;
    TRY(parse_type(p, &field->type));
    return expect(p, ')', "')'");
}

/* '{' member ( ',' member )* ','? '}' */
static vm_status parse_members(wit_parser *p, wit_type *type)
{
    TRY(expect(p, '{', "'{'"));
    while (!at(p, '}')) {
        TRY(wit_skip_gates(p));
        TRY(parse_member(p, type));
        if (!accept(p, ','))
            break;
    }
    return expect(p, '}', "'}' or ','");
}

/* func-type ::= 'async'? 'func' '(' params ')' ( '->' ty )? */
static vm_status parse_params(wit_parser *p, wit_func *func)
{
    TRY(expect(p, '(', "'('"));
    while (!at(p, ')')) {
        wit_field *param = PUSH(p, func->params, func->nparams);
        if (!param)
            return wit_no_memory(p);
        param->pos = p->lex.token.pos;
        TRY(wit_parse_id(p, &param->name));
        TRY(expect(p, ':', "':' and the parameter's type"));
        TRY(parse_type(p, &param->type));
        if (!accept(p, ','))
            break;
    }
    return expect(p, ')', "')' or ','");
}

vm_status wit_parse_func_type(wit_parser *p, wit_func *func)
{
    func->is_async = accept_keyword(p, "async");
    if (!accept_keyword(p, "func"))
        return wit_unexpected(p, "func");
    TRY(parse_params(p, func));
    if (accept(p, WIT_T_ARROW))
        TRY(parse_type(p, &func->result));
    return expect(p, ';', "';'");
}

vm_status wit_add_func(wit_parser *p, wit_interface *iface, vm_name name,
                       uint32_t pos, wit_func **out)
{
    for (uint32_t i = 0; i < iface->nfuncs; i++)
        if (vm_name_equal(iface->funcs[i].name, name))
            return wit_fail(p->lex.source, pos, p->err,
                            "the function '%.*s' is defined already",
                            (int)name.len, name.data);
    *out = PUSH(p, iface->funcs, iface->nfuncs);
    if (!*out)
        return wit_no_memory(p);
    (*out)->name = name;
    (*out)->pos = pos;
    return VM_OK;
}

/* "[method]file.read" and the like. */
static vm_status member_name(wit_parser *p, const char *prefix,
                             vm_name resource, vm_name name, vm_name *out)
{
    size_t size = strlen(prefix) + resource.len + name.len + 2;
    char *text = cm_arena_alloc(&p->wit->arena, size, 1);
    if (!text)
        return wit_no_memory(p);
    int len =
        snprintf(text, size, "%s%.*s%s%.*s", prefix, (int)resource.len,
                 resource.data, name.len ? "." : "", (int)name.len, name.data);
    *out = (vm_name){text, (size_t)len};
    return VM_OK;
}

static vm_status handle_to(wit_parser *p, cm_kind kind, vm_name resource,
                           const wit_type **out)
{
    wit_type *type;
    TRY(new_type(p, kind, &type));
    type->name = resource;
    *out = type;
    return VM_OK;
}

/* 'constructor' params ( '->' ty )? ';' */
static vm_status parse_constructor(wit_parser *p, wit_interface *iface,
                                   vm_name resource, uint32_t pos)
{
    vm_name name;
    wit_func *func;
    TRY(member_name(p, "[constructor]", resource, (vm_name){0}, &name));
    TRY(wit_add_func(p, iface, name, pos, &func));
    TRY(parse_params(p, func));
    if (accept(p, WIT_T_ARROW))
        TRY(parse_type(p, &func->result));
    else
        TRY(handle_to(p, CM_OWN, resource, &func->result));
    return expect(p, ';', "';'");
}

/* id ':' 'static'? func-type */
static vm_status parse_method(wit_parser *p, wit_interface *iface,
                              vm_name resource)
{
    uint32_t pos = p->lex.token.pos;
    vm_name id, name;
    wit_func *func;
    if (accept_keyword(p, "constructor"))
        return parse_constructor(p, iface, resource, pos);
    TRY(wit_parse_id(p, &id));
    TRY(expect(p, ':', "':'"));
    bool is_static = accept_keyword(p, "static");
    TRY(member_name(p, is_static ? "[static]" : "[method]", resource, id,
                    &name));
    TRY(wit_add_func(p, iface, name, pos, &func));
    if (!is_static) {
        wit_field *self = PUSH(p, func->params, func->nparams);
        if (!self)
            return wit_no_memory(p);
        self->pos = pos;
        self->name = (vm_name){"self", 4};
        TRY(handle_to(p, CM_BORROW, resource, &self->type));
    }
    return wit_parse_func_type(p, func);
}

/* resource-item ::= 'resource' id ( ';' | '{' ( gate method )* '}' ) */
static vm_status parse_resource(wit_parser *p, wit_interface *iface,
                                uint32_t pos)
{
    vm_name name;
    wit_def *def;
    wit_type *type;
    TRY(wit_parse_id(p, &name));
    TRY(new_type(p, WIT_RESOURCE, &type));
    TRY(add_def(p, iface, name, pos, &def));
    def->type = type;
    def->owns_resource = true;
    if (accept(p, ';'))
        return VM_OK;
    TRY(expect(p, '{', "'{' or ';'"));
    while (!accept(p, '}')) {
        TRY(wit_skip_gates(p));
        TRY(parse_method(p, iface, name));
    }
    return VM_OK;
}

/* type-item ::= 'type' id '=' ty ';' */
static vm_status parse_alias(wit_parser *p, wit_interface *iface, uint32_t pos)
{
    vm_name name;
    wit_def *def;
    const wit_type *type;
    TRY(wit_parse_id(p, &name));
    TRY(expect(p, '=', "'='"));
    TRY(parse_type(p, &type));
    TRY(add_def(p, iface, name, pos, &def));
    def->type = type;
    return expect(p, ';', "';'");
}

static vm_status parse_composite(wit_parser *p, wit_interface *iface,
                                 uint32_t pos, cm_kind kind)
{
    vm_name name;
    wit_def *def;
    wit_type *type;
    TRY(wit_parse_id(p, &name));
    TRY(new_type(p, kind, &type));
    TRY(parse_members(p, type));
    TRY(add_def(p, iface, name, pos, &def));
    def->type = type;
    return VM_OK;
}

static vm_status parse_used_name(wit_parser *p, wit_interface *iface,
                                 const wit_path *path)
{
    uint32_t pos = p->lex.token.pos;
    vm_name name, from_name;
    wit_def *def;
    TRY(wit_parse_id(p, &from_name));
    name = from_name;
    if (accept_keyword(p, "as"))
        TRY(wit_parse_id(p, &name));
    TRY(add_def(p, iface, name, pos, &def));
    def->from = *path;
    def->from_name = from_name;
    return VM_OK;
}

/* use-item ::= 'use' use-path '.' '{' names '}' ';' */
static vm_status parse_use(wit_parser *p, wit_interface *iface)
{
    wit_path path = {0};
    TRY(wit_parse_path(p, &path));
    TRY(expect(p, '.', "'.' and the names to use in braces"));
    TRY(expect(p, '{', "'{'"));
    do {
        if (at(p, '}'))
            break;
        TRY(parse_used_name(p, iface, &path));
    } while (accept(p, ','));
    TRY(expect(p, '}', "'}' or ','"));
    return expect(p, ';', "';'");
}

/* A typedef-item or use-item, if one begins here. */
vm_status wit_parse_def(wit_parser *p, wit_interface *iface, bool *found)
{
    static const struct {
        const char *keyword;
        cm_kind kind;
    } composites[] = {{"record", CM_RECORD},
                      {"variant", CM_VARIANT},
                      {"enum", CM_ENUM},
                      {"flags", CM_FLAGS}};
    uint32_t pos = p->lex.token.pos;
    *found = true;
    for (size_t i = 0; i < sizeof composites / sizeof *composites; i++)
        if (accept_keyword(p, composites[i].keyword))
            return parse_composite(p, iface, pos, composites[i].kind);
    if (accept_keyword(p, "resource"))
        return parse_resource(p, iface, pos);
    if (accept_keyword(p, "type"))
        return parse_alias(p, iface, pos);
    if (accept_keyword(p, "use"))
        return parse_use(p, iface);
    *found = false;
    return VM_OK;
}
