/*
 * cm_wit_parse.c - WIT text to syntax trees: recursive descent over the
 * grammar of WIT.md, one function per production, names as there.
 *
 * Gates (@since, @unstable, @deprecated) and @external-id are read and
 * ignored: a host offers everything it has code for.
 */
#include "vm/cm_wit_lex.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { MAX_DEPTH = 100, MAX_TEXT = 1 << 28 };

typedef struct parser {
    cm_wit *wit;
    wit_package *package;
    wit_lexer lex;
    unsigned depth; /* of nested types */
    vm_error *err;
} parser;

#define TRY(expression)                                                        \
    do {                                                                       \
        vm_status status_ = (expression);                                      \
        if (status_ != VM_OK)                                                  \
            return status_;                                                    \
    } while (0)

vm_status wit_fail(const wit_source *source, size_t pos, vm_error *err,
                   const char *fmt, ...)
{
    unsigned line = 1, column = 1;
    for (size_t i = 0; i < pos && i < source->len; i++) {
        column = source->text[i] == '\n' ? 1 : column + 1;
        line += source->text[i] == '\n';
    }
    char text[200];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    vm_error_set(err, VM_PHASE_LINK, pos, "%s:%u:%u: %s", source->name, line,
                 column, text);
    return VM_INVALID;
}

void *wit_push(cm_arena *arena, void **items, uint32_t *count, size_t size)
{
    uint32_t n = *count;
    if ((n & (n - 1)) == 0 && n != 1 && n != 2) {
        size_t capacity = n ? 2 * (size_t)n : 4;
        void *grown = cm_arena_alloc(arena, capacity, size);
        if (!grown)
            return NULL;
        if (n)
            memcpy(grown, *items, n * size);
        *items = grown;
    }
    *count = n + 1;
    return (char *)*items + n * size;
}

/* PUSH(p, array, count): a new zeroed element, or NULL. */
#define PUSH(p, array, count)                                                  \
    wit_push(&(p)->wit->arena, (void **)&(array), &(count), sizeof *(array))

/* ---- small things --------------------------------------------------------
 */

static vm_status unexpected(parser *p, const char *wanted)
{
    const wit_token *token = &p->lex.token;
    if (token->kind == WIT_T_BAD)
        return wit_fail(p->lex.source, token->pos, p->err, "%s", p->lex.bad);
    if (token->kind == WIT_T_END)
        return wit_fail(p->lex.source, token->pos, p->err,
                        "expected %s, but the text ends", wanted);
    return wit_fail(p->lex.source, token->pos, p->err,
                    "expected %s, found '%.*s'", wanted, (int)token->text.len,
                    token->text.data);
}

static bool at(const parser *p, int kind)
{
    return p->lex.token.kind == kind;
}

static bool at_keyword(const parser *p, const char *keyword)
{
    return wit_lex_is(&p->lex, keyword);
}

static bool accept(parser *p, int kind)
{
    if (!at(p, kind))
        return false;
    wit_lex_next(&p->lex);
    return true;
}

static bool accept_keyword(parser *p, const char *keyword)
{
    if (!at_keyword(p, keyword))
        return false;
    wit_lex_next(&p->lex);
    return true;
}

static vm_status expect(parser *p, int kind, const char *wanted)
{
    return accept(p, kind) ? VM_OK : unexpected(p, wanted);
}

static bool is_keyword(const wit_token *token)
{
    static const char keywords[][12] = {
        "as",     "async",  "bool",   "borrow",  "char",   "constructor",
        "enum",   "export", "f32",    "f64",     "flags",  "from",
        "func",   "future", "import", "include", "list",   "interface",
        "map",    "option", "own",    "package", "record", "resource",
        "result", "s16",    "s32",    "s64",     "s8",     "static",
        "stream", "string", "tuple",  "type",    "u16",    "u32",
        "u64",    "u8",     "use",    "variant", "with",   "world",
    };
    size_t len = token->text.len;
    if (token->quoted || len >= sizeof keywords[0])
        return false;
    for (size_t i = 0; i < sizeof keywords / sizeof *keywords; i++)
        if (keywords[i][0] == token->text.data[0] && !keywords[i][len] &&
            !memcmp(keywords[i], token->text.data, len))
            return true;
    return false;
}

/* id: any label but a keyword (unless written %keyword). */
static vm_status parse_id(parser *p, vm_name *out)
{
    const wit_token *token = &p->lex.token;
    if (token->kind != WIT_T_ID)
        return unexpected(p, "a name");
    if (is_keyword(token))
        return wit_fail(p->lex.source, token->pos, p->err,
                        "'%.*s' is a keyword; write %%%.*s to use it as a name",
                        (int)token->text.len, token->text.data,
                        (int)token->text.len, token->text.data);
    *out = token->text;
    wit_lex_next(&p->lex);
    return VM_OK;
}

static vm_status no_memory(parser *p)
{
    vm_error_set(p->err, VM_PHASE_LINK, SIZE_MAX,
                 "out of memory while reading %s", p->lex.source->name);
    return VM_NO_MEMORY;
}

/* gate ::= ( '@' id '(' ... ')' )*, skipped. */
static vm_status skip_gates(parser *p)
{
    while (accept(p, '@')) {
        if (!at(p, WIT_T_ID))
            return unexpected(p, "since, unstable, deprecated or external-id");
        wit_lex_next(&p->lex);
        TRY(expect(p, '(', "'('"));
        while (!at(p, ')')) {
            if (at(p, WIT_T_END))
                return unexpected(p, "')'");
            if (accept(p, '='))
                (void)wit_lex_version(&p->lex);
            else
                wit_lex_next(&p->lex);
        }
        wit_lex_next(&p->lex);
    }
    return VM_OK;
}

/* ( '@' valid-semver )? */
static vm_status parse_version(parser *p, vm_name *out)
{
    if (!at(p, '@'))
        return VM_OK;
    wit_lex_next(&p->lex);
    uint32_t pos = p->lex.token.pos;
    *out = wit_lex_version(&p->lex);
    if (out->len)
        return VM_OK;
    return wit_fail(p->lex.source, pos, p->err,
                    "expected a version such as 0.2.0 after '@'");
}

static vm_name span(vm_name first, vm_name last)
{
    return (vm_name){first.data, (size_t)(last.data + last.len - first.data)};
}

/* use-path ::= id | id ':' id '/' id ('@' valid-semver)?.  `first`, if not
 * NULL, was read already. */
static vm_status parse_path_rest(parser *p, vm_name first, wit_path *out)
{
    if (!accept(p, ':')) {
        out->item = first;
        return VM_OK;
    }
    vm_name last;
    TRY(parse_id(p, &last));
    while (accept(p, ':'))
        TRY(parse_id(p, &last));
    out->package = span(first, last);
    if (!at(p, '/'))
        return unexpected(p, "'/' and the name of an interface");
    wit_lex_next(&p->lex);
    TRY(parse_id(p, &out->item));
    return parse_version(p, &out->version);
}

static vm_status parse_path(parser *p, wit_path *out)
{
    vm_name first;
    out->pos = p->lex.token.pos;
    TRY(parse_id(p, &first));
    return parse_path_rest(p, first, out);
}

/* ---- types ---------------------------------------------------------------
 */

static vm_status parse_type(parser *p, const wit_type **out);

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

static vm_status new_type(parser *p, uint32_t kind, wit_type **out)
{
    *out = cm_arena_alloc(&p->wit->arena, 1, sizeof **out);
    if (!*out)
        return no_memory(p);
    (*out)->kind = kind;
    (*out)->pos = p->lex.token.pos;
    return VM_OK;
}

static vm_status add_field(parser *p, wit_type *type, vm_name name,
                           wit_field **out)
{
    *out = PUSH(p, type->fields, type->count);
    if (!*out)
        return no_memory(p);
    (*out)->name = name;
    (*out)->pos = p->lex.token.pos;
    return VM_OK;
}

static vm_status add_unnamed(parser *p, wit_type *type)
{
    wit_field *field;
    const wit_type *inner;
    TRY(parse_type(p, &inner));
    TRY(add_field(p, type, (vm_name){0}, &field));
    field->type = inner;
    return VM_OK;
}

/* tuple ::= 'tuple' '<' ty (',' ty)* ','? '>' */
static vm_status parse_tuple(parser *p, wit_type *type)
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
static vm_status parse_length(parser *p, uint32_t *out)
{
    const wit_token *token = &p->lex.token;
    uint64_t value = 0;
    for (size_t i = 0; at(p, WIT_T_INT) && i < token->text.len; i++)
        if (value <= UINT32_MAX)
            value = value * 10 + (uint64_t)(token->text.data[i] - '0');
    if (value == 0 || value > UINT32_MAX)
        return unexpected(p, "a length of 1 to 4294967295");
    *out = (uint32_t)value;
    wit_lex_next(&p->lex);
    return VM_OK;
}

/* list ::= 'list' '<' ty ( ',' uint )? '>' */
static vm_status parse_list(parser *p, wit_type *type)
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
static vm_status parse_option(parser *p, wit_type *type)
{
    TRY(expect(p, '<', "'<'"));
    TRY(parse_type(p, &type->elem));
    return expect(p, '>', "'>'");
}

/* future and stream: the payload is optional */
static vm_status parse_stream(parser *p, wit_type *type)
{
    return at(p, '<') ? parse_option(p, type) : VM_OK;
}

/* result ::= 'result' ( '<' ( ty | '_' ) ( ',' ty )? '>' )? */
static vm_status parse_result(parser *p, wit_type *type)
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
        return unexpected(p, "',' and the error's type");
    if (accept(p, ','))
        TRY(parse_type(p, &error->type));
    return expect(p, '>', "'>' or ','");
}

/* map ::= 'map' '<' kt ',' ty '>' */
static vm_status parse_map(parser *p, wit_type *type)
{
    TRY(expect(p, '<', "'<'"));
    TRY(add_unnamed(p, type));
    TRY(expect(p, ',', "','"));
    TRY(add_unnamed(p, type));
    return expect(p, '>', "'>'");
}

/* handle ::= id | ( 'borrow' | 'own' ) '<' id '>' */
static vm_status parse_handle(parser *p, wit_type *type)
{
    TRY(expect(p, '<', "'<'"));
    TRY(parse_id(p, &type->name));
    return expect(p, '>', "'>'");
}

static const struct {
    const char *name;
    cm_kind kind;
    vm_status (*parse)(parser *p, wit_type *type);
} generics[] = {
    {"tuple", CM_TUPLE, parse_tuple},    {"list", CM_LIST, parse_list},
    {"option", CM_OPTION, parse_option}, {"result", CM_RESULT, parse_result},
    {"map", CM_MAP, parse_map},          {"borrow", CM_BORROW, parse_handle},
    {"own", CM_OWN, parse_handle},       {"stream", CM_STREAM, parse_stream},
    {"future", CM_FUTURE, parse_stream},
};

static vm_status parse_type_inner(parser *p, wit_type *type)
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
        return unexpected(p, "a type");
    return parse_id(p, &type->name);
}

static vm_status parse_type(parser *p, const wit_type **out)
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

static vm_status add_def(parser *p, wit_interface *iface, vm_name name,
                         uint32_t pos, wit_def **out)
{
    for (uint32_t i = 0; i < iface->ndefs; i++)
        if (vm_name_equal(iface->defs[i].name, name))
            return wit_fail(p->lex.source, pos, p->err,
                            "the name '%.*s' is defined already", (int)name.len,
                            name.data);
    *out = PUSH(p, iface->defs, iface->ndefs);
    if (!*out)
        return no_memory(p);
    (*out)->name = name;
    (*out)->pos = pos;
    return VM_OK;
}

/* A field of a record, case of a variant, label of an enum or flags. */
static vm_status parse_member(parser *p, wit_type *type)
{
    vm_name name;
    wit_field *field;
    TRY(parse_id(p, &name));
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
static vm_status parse_members(parser *p, wit_type *type)
{
    TRY(expect(p, '{', "'{'"));
    while (!at(p, '}')) {
        TRY(skip_gates(p));
        TRY(parse_member(p, type));
        if (!accept(p, ','))
            break;
    }
    return expect(p, '}', "'}' or ','");
}

/* func-type ::= 'async'? 'func' '(' params ')' ( '->' ty )? */
static vm_status parse_params(parser *p, wit_func *func)
{
    TRY(expect(p, '(', "'('"));
    while (!at(p, ')')) {
        wit_field *param = PUSH(p, func->params, func->nparams);
        if (!param)
            return no_memory(p);
        param->pos = p->lex.token.pos;
        TRY(parse_id(p, &param->name));
        TRY(expect(p, ':', "':' and the parameter's type"));
        TRY(parse_type(p, &param->type));
        if (!accept(p, ','))
            break;
    }
    return expect(p, ')', "')' or ','");
}

static vm_status parse_func_type(parser *p, wit_func *func)
{
    func->is_async = accept_keyword(p, "async");
    if (!accept_keyword(p, "func"))
        return unexpected(p, "func");
    TRY(parse_params(p, func));
    if (accept(p, WIT_T_ARROW))
        TRY(parse_type(p, &func->result));
    return expect(p, ';', "';'");
}

static vm_status add_func(parser *p, wit_interface *iface, vm_name name,
                          uint32_t pos, wit_func **out)
{
    for (uint32_t i = 0; i < iface->nfuncs; i++)
        if (vm_name_equal(iface->funcs[i].name, name))
            return wit_fail(p->lex.source, pos, p->err,
                            "the function '%.*s' is defined already",
                            (int)name.len, name.data);
    *out = PUSH(p, iface->funcs, iface->nfuncs);
    if (!*out)
        return no_memory(p);
    (*out)->name = name;
    (*out)->pos = pos;
    return VM_OK;
}

/* "[method]file.read" and the like. */
static vm_status member_name(parser *p, const char *prefix, vm_name resource,
                             vm_name name, vm_name *out)
{
    size_t size = strlen(prefix) + resource.len + name.len + 2;
    char *text = cm_arena_alloc(&p->wit->arena, size, 1);
    if (!text)
        return no_memory(p);
    int len =
        snprintf(text, size, "%s%.*s%s%.*s", prefix, (int)resource.len,
                 resource.data, name.len ? "." : "", (int)name.len, name.data);
    *out = (vm_name){text, (size_t)len};
    return VM_OK;
}

static vm_status handle_to(parser *p, cm_kind kind, vm_name resource,
                           const wit_type **out)
{
    wit_type *type;
    TRY(new_type(p, kind, &type));
    type->name = resource;
    *out = type;
    return VM_OK;
}

/* 'constructor' params ( '->' ty )? ';' */
static vm_status parse_constructor(parser *p, wit_interface *iface,
                                   vm_name resource, uint32_t pos)
{
    vm_name name;
    wit_func *func;
    TRY(member_name(p, "[constructor]", resource, (vm_name){0}, &name));
    TRY(add_func(p, iface, name, pos, &func));
    TRY(parse_params(p, func));
    if (accept(p, WIT_T_ARROW))
        TRY(parse_type(p, &func->result));
    else
        TRY(handle_to(p, CM_OWN, resource, &func->result));
    return expect(p, ';', "';'");
}

/* id ':' 'static'? func-type */
static vm_status parse_method(parser *p, wit_interface *iface, vm_name resource)
{
    uint32_t pos = p->lex.token.pos;
    vm_name id, name;
    wit_func *func;
    if (accept_keyword(p, "constructor"))
        return parse_constructor(p, iface, resource, pos);
    TRY(parse_id(p, &id));
    TRY(expect(p, ':', "':'"));
    bool is_static = accept_keyword(p, "static");
    TRY(member_name(p, is_static ? "[static]" : "[method]", resource, id,
                    &name));
    TRY(add_func(p, iface, name, pos, &func));
    if (!is_static) {
        wit_field *self = PUSH(p, func->params, func->nparams);
        if (!self)
            return no_memory(p);
        self->pos = pos;
        self->name = (vm_name){"self", 4};
        TRY(handle_to(p, CM_BORROW, resource, &self->type));
    }
    return parse_func_type(p, func);
}

/* resource-item ::= 'resource' id ( ';' | '{' ( gate method )* '}' ) */
static vm_status parse_resource(parser *p, wit_interface *iface, uint32_t pos)
{
    vm_name name;
    wit_def *def;
    wit_type *type;
    TRY(parse_id(p, &name));
    TRY(new_type(p, WIT_RESOURCE, &type));
    TRY(add_def(p, iface, name, pos, &def));
    def->type = type;
    def->owns_resource = true;
    if (accept(p, ';'))
        return VM_OK;
    TRY(expect(p, '{', "'{' or ';'"));
    while (!accept(p, '}')) {
        TRY(skip_gates(p));
        TRY(parse_method(p, iface, name));
    }
    return VM_OK;
}

/* type-item ::= 'type' id '=' ty ';' */
static vm_status parse_alias(parser *p, wit_interface *iface, uint32_t pos)
{
    vm_name name;
    wit_def *def;
    const wit_type *type;
    TRY(parse_id(p, &name));
    TRY(expect(p, '=', "'='"));
    TRY(parse_type(p, &type));
    TRY(add_def(p, iface, name, pos, &def));
    def->type = type;
    return expect(p, ';', "';'");
}

static vm_status parse_composite(parser *p, wit_interface *iface, uint32_t pos,
                                 cm_kind kind)
{
    vm_name name;
    wit_def *def;
    wit_type *type;
    TRY(parse_id(p, &name));
    TRY(new_type(p, kind, &type));
    TRY(parse_members(p, type));
    TRY(add_def(p, iface, name, pos, &def));
    def->type = type;
    return VM_OK;
}

static vm_status parse_used_name(parser *p, wit_interface *iface,
                                 const wit_path *path)
{
    uint32_t pos = p->lex.token.pos;
    vm_name name, from_name;
    wit_def *def;
    TRY(parse_id(p, &from_name));
    name = from_name;
    if (accept_keyword(p, "as"))
        TRY(parse_id(p, &name));
    TRY(add_def(p, iface, name, pos, &def));
    def->from = *path;
    def->from_name = from_name;
    return VM_OK;
}

/* use-item ::= 'use' use-path '.' '{' names '}' ';' */
static vm_status parse_use(parser *p, wit_interface *iface)
{
    wit_path path = {0};
    TRY(parse_path(p, &path));
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
static vm_status parse_def(parser *p, wit_interface *iface, bool *found)
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

/* ---- interfaces and worlds -----------------------------------------------
 */

static vm_status new_interface(parser *p, vm_name name, wit_interface **out)
{
    wit_interface *iface = cm_arena_alloc(&p->wit->arena, 1, sizeof *iface);
    if (!iface)
        return no_memory(p);
    iface->name = name;
    iface->pos = p->lex.token.pos;
    iface->source = p->lex.source;
    iface->package = p->package;
    *out = iface;
    return VM_OK;
}

/* '{' interface-items* '}' */
static vm_status parse_interface_body(parser *p, wit_interface *iface)
{
    TRY(expect(p, '{', "'{'"));
    while (!accept(p, '}')) {
        bool found;
        TRY(skip_gates(p));
        TRY(parse_def(p, iface, &found));
        if (found)
            continue;
        uint32_t pos = p->lex.token.pos;
        vm_name name;
        wit_func *func;
        TRY(parse_id(p, &name));
        TRY(expect(p, ':', "':'"));
        TRY(add_func(p, iface, name, pos, &func));
        TRY(parse_func_type(p, func));
    }
    return VM_OK;
}

static vm_status check_new_item(parser *p, vm_name name, uint32_t pos)
{
    const wit_package *package = p->package;
    bool known = false;
    for (uint32_t i = 0; i < package->ninterfaces; i++)
        known |= vm_name_equal(package->interfaces[i]->name, name);
    for (uint32_t i = 0; i < package->nworlds; i++)
        known |= vm_name_equal(package->worlds[i]->name, name);
    if (!known)
        return VM_OK;
    return wit_fail(p->lex.source, pos, p->err,
                    "package %.*s has an interface or world '%.*s' already",
                    (int)package->id.len, package->id.data, (int)name.len,
                    name.data);
}

/* interface-item ::= 'interface' id '{' interface-items* '}' */
static vm_status parse_interface(parser *p)
{
    uint32_t pos = p->lex.token.pos;
    vm_name name;
    wit_interface *iface;
    TRY(parse_id(p, &name));
    TRY(check_new_item(p, name, pos));
    TRY(new_interface(p, name, &iface));
    TRY(parse_interface_body(p, iface));
    wit_interface **slot =
        PUSH(p, p->package->interfaces, p->package->ninterfaces);
    if (!slot)
        return no_memory(p);
    *slot = iface;
    return VM_OK;
}

static vm_status parse_named_item(parser *p, wit_item *item)
{
    item->func.name = item->name;
    item->func.pos = p->lex.token.pos;
    if (at_keyword(p, "func") || at_keyword(p, "async")) {
        item->kind = WIT_ITEM_FUNC;
        return parse_func_type(p, &item->func);
    }
    if (accept_keyword(p, "interface")) {
        item->kind = WIT_ITEM_INTERFACE;
        TRY(new_interface(p, item->name, &item->iface));
        return parse_interface_body(p, item->iface);
    }
    TRY(parse_path(p, &item->path));
    return expect(p, ';', "';'");
}

/* ( 'import' | 'export' ) ( id ':' extern-type | use-path ';' ).  Without a
 * space, as in a:b/c, the colon belongs to a path. */
static vm_status parse_extern(parser *p, wit_item *item)
{
    vm_name first;
    item->path.pos = p->lex.token.pos;
    TRY(parse_id(p, &first));
    if (at(p, ':')) {
        bool glued = p->lex.token.glued;
        wit_lexer saved = p->lex;
        wit_lex_next(&p->lex);
        glued &= p->lex.token.glued && !at_keyword(p, "func") &&
                 !at_keyword(p, "async") && !at_keyword(p, "interface");
        item->name = first;
        if (!glued)
            return parse_named_item(p, item);
        item->name = (vm_name){0};
        p->lex = saved;
    }
    TRY(parse_path_rest(p, first, &item->path));
    return expect(p, ';', "';'");
}

/* include-item ::= 'include' use-path ( 'with' '{' id 'as' id, ... '}' )? ';'?
 */
static vm_status parse_include(parser *p, wit_item *item)
{
    item->kind = WIT_ITEM_INCLUDE;
    TRY(parse_path(p, &item->path));
    if (!accept_keyword(p, "with"))
        return expect(p, ';', "';' or with");
    TRY(expect(p, '{', "'{'"));
    while (!at(p, '}')) {
        vm_name name;
        TRY(parse_id(p, &name));
        if (!accept_keyword(p, "as"))
            return unexpected(p, "as");
        TRY(parse_id(p, &name));
        if (!accept(p, ','))
            break;
    }
    TRY(expect(p, '}', "'}' or ','"));
    accept(p, ';');
    return VM_OK;
}

static vm_status parse_world_item(parser *p, wit_world *world)
{
    bool found;
    TRY(skip_gates(p));
    TRY(parse_def(p, world->types, &found));
    if (found)
        return VM_OK;
    wit_item *item = PUSH(p, world->items, world->nitems);
    if (!item)
        return no_memory(p);
    if (accept_keyword(p, "include"))
        return parse_include(p, item);
    item->is_export = at_keyword(p, "export");
    if (!accept_keyword(p, "import") && !accept_keyword(p, "export"))
        return unexpected(p, "import, export, include, use or a type");
    return parse_extern(p, item);
}

/* world-item ::= 'world' id '{' world-items* '}' */
static vm_status parse_world(parser *p)
{
    uint32_t pos = p->lex.token.pos;
    wit_world *world = cm_arena_alloc(&p->wit->arena, 1, sizeof *world);
    if (!world)
        return no_memory(p);
    world->pos = pos;
    TRY(parse_id(p, &world->name));
    TRY(check_new_item(p, world->name, pos));
    TRY(new_interface(p, world->name, &world->types));
    TRY(expect(p, '{', "'{'"));
    while (!accept(p, '}'))
        TRY(parse_world_item(p, world));
    wit_world **slot = PUSH(p, p->package->worlds, p->package->nworlds);
    if (!slot)
        return no_memory(p);
    *slot = world;
    return VM_OK;
}

/* toplevel-use-item ::= 'use' use-path ( 'as' id )? ';' */
static vm_status parse_toplevel_use(parser *p)
{
    wit_alias *alias = PUSH(p, p->package->aliases, p->package->naliases);
    if (!alias)
        return no_memory(p);
    TRY(parse_path(p, &alias->path));
    alias->name = alias->path.item;
    if (accept_keyword(p, "as"))
        TRY(parse_id(p, &alias->name));
    return expect(p, ';', "';'");
}

static vm_status parse_region(parser *p)
{
    while (!at(p, WIT_T_END)) {
        TRY(skip_gates(p));
        if (accept_keyword(p, "interface"))
            TRY(parse_interface(p));
        else if (accept_keyword(p, "world"))
            TRY(parse_world(p));
        else if (accept_keyword(p, "use"))
            TRY(parse_toplevel_use(p));
        else
            return unexpected(p, "interface, world, use or package");
    }
    return VM_OK;
}

vm_status wit_parse_package(cm_wit *wit, wit_package *package, vm_error *err)
{
    if (package->state != WIT_FRESH)
        return VM_OK;
    package->state = WIT_BUSY;
    for (uint32_t i = 0; i < package->nregions; i++) {
        parser p = {.wit = wit, .package = package, .err = err};
        wit_lex_init(&p.lex, &package->regions[i]);
        TRY(parse_region(&p));
    }
    package->state = WIT_DONE;
    return VM_OK;
}

/* ---- finding the packages in a text --------------------------------------
 */

/* package-decl ::= 'package' ( id ':' )+ id ( '@' valid-semver )? */
static vm_status parse_package_decl(parser *p, vm_name *id, vm_name *version)
{
    vm_name last;
    TRY(parse_id(p, id));
    if (!at(p, ':'))
        return unexpected(p, "':' (a package is named namespace:name)");
    while (accept(p, ':'))
        TRY(parse_id(p, &last));
    *id = span(*id, last);
    *version = (vm_name){0};
    return parse_version(p, version);
}

static wit_package *package_of(cm_wit *wit, vm_name id, vm_name version)
{
    wit_package **link = &wit->packages;
    for (; *link; link = &(*link)->next)
        if (vm_name_equal((*link)->id, id) &&
            vm_name_equal((*link)->version, version))
            return *link;
    *link = cm_arena_alloc(&wit->arena, 1, sizeof **link);
    if (*link) {
        (*link)->id = id;
        (*link)->version = version;
    }
    return *link;
}

static vm_status add_region(parser *p, wit_package *package, size_t start,
                            size_t end)
{
    if (package->state != WIT_FRESH)
        return wit_fail(p->lex.source, start, p->err,
                        "package %.*s is in use already; add all of its text "
                        "first",
                        (int)package->id.len, package->id.data);
    wit_region *region = PUSH(p, package->regions, package->nregions);
    if (!region)
        return no_memory(p);
    *region = (wit_region){p->lex.source, start, end};
    return VM_OK;
}

/* Moves on by a token; a version is one. */
static void skip_token(parser *p)
{
    bool version = at(p, '@') || at(p, '=');
    wit_lex_next(&p->lex);
    if (version && at(p, WIT_T_INT))
        (void)wit_lex_version(&p->lex);
}

/* Skips what stands in the braces that begin here. */
static vm_status skip_braces(parser *p, size_t *end)
{
    uint32_t pos = p->lex.token.pos;
    if (wit_lex_skip_braces(&p->lex, end))
        return VM_OK;
    return wit_fail(p->lex.source, pos, p->err,
                    "expected a '}' that closes this '{'");
}

/*
 * A text is cut at its package statements.  What follows `package a:b;` is
 * a:b's, up to the next such statement; what stands before the first one is
 * its too (files of one package, put together in any order); a block
 * `package c:d { }` is cut out of what surrounds it.
 */
typedef struct cut {
    wit_package *current;
    size_t start; /* of the region being read */
    bool loose;   /* something stands before the first package statement */
} cut;

static vm_status cut_block(parser *p, wit_package *package)
{
    size_t start = p->lex.token.pos + 1, end;
    TRY(skip_braces(p, &end));
    return add_region(p, package, start, end);
}

static vm_status cut_at_package(parser *p, cut *cut, size_t keyword)
{
    vm_name id, version;
    TRY(parse_package_decl(p, &id, &version));
    wit_package *package = package_of(p->wit, id, version);
    if (!package)
        return no_memory(p);
    bool block = at(p, '{');
    if (!block && !at(p, ';'))
        return unexpected(p, "';' or '{'");
    if (!block && !cut->current)
        cut->current = package;
    if (cut->current)
        TRY(add_region(p, cut->current, cut->start, keyword));
    else if (cut->loose)
        return wit_fail(p->lex.source, keyword, p->err,
                        "what stands before this belongs to no package");
    if (block) {
        TRY(cut_block(p, package));
    } else {
        wit_lex_next(&p->lex);
        cut->current = package;
    }
    cut->start = p->lex.token.pos;
    return VM_OK;
}

static vm_status cut_text(parser *p, cut *cut)
{
    while (!at(p, WIT_T_END)) {
        size_t pos = p->lex.token.pos, end;
        if (at(p, WIT_T_BAD))
            return unexpected(p, "a token");
        if (accept_keyword(p, "package")) {
            TRY(cut_at_package(p, cut, pos));
            continue;
        }
        cut->loose = true;
        if (at(p, '{'))
            TRY(skip_braces(p, &end));
        else
            skip_token(p);
    }
    return VM_OK;
}

vm_status cm_wit_add(cm_wit *wit, const char *name, const char *text,
                     size_t len, vm_error *err)
{
    wit_source *source = cm_arena_alloc(&wit->arena, 1, sizeof *source);
    if (!source)
        return VM_NO_MEMORY;
    *source = (wit_source){name, text, len};
    if (len > MAX_TEXT)
        return wit_fail(source, 0, err, "the text is longer than 256 MiB");
    parser p = {.wit = wit, .err = err};
    cut cut = {0};
    wit_lex_init(&p.lex, &(wit_region){source, 0, len});
    TRY(cut_text(&p, &cut));
    if (!cut.current && (cut.loose || !wit->packages))
        return wit_fail(source, 0, err,
                        "there is no package statement, such as 'package "
                        "a:b;'");
    return cut.current ? add_region(&p, cut.current, cut.start, len) : VM_OK;
}
