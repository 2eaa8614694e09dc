/*
 * cm_wit_parse.c - WIT text to syntax trees: recursive descent over the
 * grammar of WIT.md, one function per production, names as there.  Here are the
 * packages, worlds and interfaces; what interfaces consist of is in
 * cm_wit_def.c.
 *
 * Gates (@since, @unstable, @deprecated) and @external-id are read and
 * ignored: a host offers everything it has code for.
 */
#include "vm/cm_wit_parser.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { MAX_TEXT = 1 << 28 };

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

/* ---- small things --------------------------------------------------------
 */

vm_status wit_unexpected(wit_parser *p, const char *wanted)
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
vm_status wit_parse_id(wit_parser *p, vm_name *out)
{
    const wit_token *token = &p->lex.token;
    if (token->kind != WIT_T_ID)
        return wit_unexpected(p, "a name");
    if (is_keyword(token))
        return wit_fail(p->lex.source, token->pos, p->err,
                        "'%.*s' is a keyword; write %%%.*s to use it as a name",
                        (int)token->text.len, token->text.data,
                        (int)token->text.len, token->text.data);
    *out = token->text;
    wit_lex_next(&p->lex);
    return VM_OK;
}

vm_status wit_no_memory(wit_parser *p)
{
    vm_error_set(p->err, VM_PHASE_LINK, SIZE_MAX,
                 "out of memory while reading %s", p->lex.source->name);
    return VM_NO_MEMORY;
}

/* gate ::= ( '@' id '(' ... ')' )*, skipped. */
vm_status wit_skip_gates(wit_parser *p)
{
    while (accept(p, '@')) {
        if (!at(p, WIT_T_ID))
            return wit_unexpected(p,
                                  "since, unstable, deprecated or external-id");
        wit_lex_next(&p->lex);
        TRY(expect(p, '(', "'('"));
        while (!at(p, ')')) {
            if (at(p, WIT_T_END))
                return wit_unexpected(p, "')'");
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
static vm_status parse_version(wit_parser *p, vm_name *out)
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
static vm_status parse_path_rest(wit_parser *p, vm_name first, wit_path *out)
{
    if (!accept(p, ':')) {
        out->item = first;
        return VM_OK;
    }
    vm_name last;
    TRY(wit_parse_id(p, &last));
    while (accept(p, ':'))
        TRY(wit_parse_id(p, &last));
    out->package = span(first, last);
    if (!at(p, '/'))
        return wit_unexpected(p, "'/' and the name of an interface");
    wit_lex_next(&p->lex);
    TRY(wit_parse_id(p, &out->item));
    return parse_version(p, &out->version);
}

vm_status wit_parse_path(wit_parser *p, wit_path *out)
{
    vm_name first;
    out->pos = p->lex.token.pos;
    TRY(wit_parse_id(p, &first));
    return parse_path_rest(p, first, out);
}

/* ---- interfaces and worlds -----------------------------------------------
 */

static vm_status new_interface(wit_parser *p, vm_name name, wit_interface **out)
{
    wit_interface *iface = cm_arena_alloc(&p->wit->arena, 1, sizeof *iface);
    if (!iface)
        return wit_no_memory(p);
    iface->name = name;
    iface->pos = p->lex.token.pos;
    iface->source = p->lex.source;
    iface->package = p->package;
    *out = iface;
    return VM_OK;
}

/* '{' interface-items* '}' */
static vm_status parse_interface_body(wit_parser *p, wit_interface *iface)
{
    TRY(expect(p, '{', "'{'"));
    while (!accept(p, '}')) {
        bool found;
        TRY(wit_skip_gates(p));
        TRY(wit_parse_def(p, iface, &found));
        if (found)
            continue;
        uint32_t pos = p->lex.token.pos;
        vm_name name;
        wit_func *func;
        TRY(wit_parse_id(p, &name));
        TRY(expect(p, ':', "':'"));
        TRY(wit_add_func(p, iface, name, pos, &func));
        TRY(wit_parse_func_type(p, func));
    }
    return VM_OK;
}

static vm_status check_new_item(wit_parser *p, vm_name name, uint32_t pos)
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
static vm_status parse_interface(wit_parser *p)
{
    uint32_t pos = p->lex.token.pos;
    vm_name name;
    wit_interface *iface;
    TRY(wit_parse_id(p, &name));
    TRY(check_new_item(p, name, pos));
    TRY(new_interface(p, name, &iface));
    TRY(parse_interface_body(p, iface));
    wit_interface **slot =
        PUSH(p, p->package->interfaces, p->package->ninterfaces);
    if (!slot)
        return wit_no_memory(p);
    *slot = iface;
    return VM_OK;
}

static vm_status parse_named_item(wit_parser *p, wit_item *item)
{
    item->func.name = item->name;
    item->func.pos = p->lex.token.pos;
    if (at_keyword(p, "func") || at_keyword(p, "async")) {
        item->kind = WIT_ITEM_FUNC;
        return wit_parse_func_type(p, &item->func);
    }
    if (accept_keyword(p, "interface")) {
        item->kind = WIT_ITEM_INTERFACE;
        TRY(new_interface(p, item->name, &item->iface));
        return parse_interface_body(p, item->iface);
    }
    TRY(wit_parse_path(p, &item->path));
    return expect(p, ';', "';'");
}

/* ( 'import' | 'export' ) ( id ':' extern-type | use-path ';' ).  Without a
 * space, as in a:b/c, the colon belongs to a path. */
static vm_status parse_extern(wit_parser *p, wit_item *item)
{
    vm_name first;
    item->path.pos = p->lex.token.pos;
    TRY(wit_parse_id(p, &first));
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
static vm_status parse_include(wit_parser *p, wit_item *item)
{
    item->kind = WIT_ITEM_INCLUDE;
    TRY(wit_parse_path(p, &item->path));
    if (!accept_keyword(p, "with"))
        return expect(p, ';', "';' or with");
    TRY(expect(p, '{', "'{'"));
    while (!at(p, '}')) {
        vm_name name;
        TRY(wit_parse_id(p, &name));
        if (!accept_keyword(p, "as"))
            return wit_unexpected(p, "as");
        TRY(wit_parse_id(p, &name));
        if (!accept(p, ','))
            break;
    }
    TRY(expect(p, '}', "'}' or ','"));
    accept(p, ';');
    return VM_OK;
}

static vm_status parse_world_item(wit_parser *p, wit_world *world)
{
    bool found;
    TRY(wit_skip_gates(p));
    TRY(wit_parse_def(p, world->types, &found));
    if (found)
        return VM_OK;
    wit_item *item = PUSH(p, world->items, world->nitems);
    if (!item)
        return wit_no_memory(p);
    if (accept_keyword(p, "include"))
        return parse_include(p, item);
    item->is_export = at_keyword(p, "export");
    if (!accept_keyword(p, "import") && !accept_keyword(p, "export"))
        return wit_unexpected(p, "import, export, include, use or a type");
    return parse_extern(p, item);
}

/* world-item ::= 'world' id '{' world-items* '}' */
static vm_status parse_world(wit_parser *p)
{
    uint32_t pos = p->lex.token.pos;
    wit_world *world = cm_arena_alloc(&p->wit->arena, 1, sizeof *world);
    if (!world)
        return wit_no_memory(p);
    world->pos = pos;
    TRY(wit_parse_id(p, &world->name));
    TRY(check_new_item(p, world->name, pos));
    TRY(new_interface(p, world->name, &world->types));
    TRY(expect(p, '{', "'{'"));
    while (!accept(p, '}'))
        TRY(parse_world_item(p, world));
    wit_world **slot = PUSH(p, p->package->worlds, p->package->nworlds);
    if (!slot)
        return wit_no_memory(p);
    *slot = world;
    return VM_OK;
}

/* toplevel-use-item ::= 'use' use-path ( 'as' id )? ';' */
static vm_status parse_toplevel_use(wit_parser *p)
{
    wit_alias *alias = PUSH(p, p->package->aliases, p->package->naliases);
    if (!alias)
        return wit_no_memory(p);
    TRY(wit_parse_path(p, &alias->path));
    alias->name = alias->path.item;
    if (accept_keyword(p, "as"))
        TRY(wit_parse_id(p, &alias->name));
    return expect(p, ';', "';'");
}

static vm_status parse_region(wit_parser *p)
{
    while (!at(p, WIT_T_END)) {
        TRY(wit_skip_gates(p));
        if (accept_keyword(p, "interface"))
            TRY(parse_interface(p));
        else if (accept_keyword(p, "world"))
            TRY(parse_world(p));
        else if (accept_keyword(p, "use"))
            TRY(parse_toplevel_use(p));
        else
            return wit_unexpected(p, "interface, world, use or package");
    }
    return VM_OK;
}

vm_status wit_parse_package(cm_wit *wit, wit_package *package, vm_error *err)
{
    if (package->state != WIT_FRESH)
        return VM_OK;
    package->state = WIT_BUSY;
    for (uint32_t i = 0; i < package->nregions; i++) {
        wit_parser p = {.wit = wit, .package = package, .err = err};
        wit_lex_init(&p.lex, &package->regions[i]);
        TRY(parse_region(&p));
    }
    package->state = WIT_DONE;
    return VM_OK;
}

/* ---- finding the packages in a text --------------------------------------
 */

/* package-decl ::= 'package' ( id ':' )+ id ( '@' valid-semver )? */
static vm_status parse_package_decl(wit_parser *p, vm_name *id,
                                    vm_name *version)
{
    vm_name last;
    TRY(wit_parse_id(p, id));
    if (!at(p, ':'))
        return wit_unexpected(p, "':' (a package is named namespace:name)");
    while (accept(p, ':'))
        TRY(wit_parse_id(p, &last));
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

static vm_status add_region(wit_parser *p, wit_package *package, size_t start,
                            size_t end)
{
    if (package->state != WIT_FRESH)
        return wit_fail(p->lex.source, start, p->err,
                        "package %.*s is in use already; add all of its text "
                        "first",
                        (int)package->id.len, package->id.data);
    wit_region *region = PUSH(p, package->regions, package->nregions);
    if (!region)
        return wit_no_memory(p);
    *region = (wit_region){p->lex.source, start, end};
    return VM_OK;
}

/* Moves on by a token; a version is one. */
static void skip_token(wit_parser *p)
{
    bool version = at(p, '@') || at(p, '=');
    wit_lex_next(&p->lex);
    if (version && at(p, WIT_T_INT))
        (void)wit_lex_version(&p->lex);
}

/* Skips what stands in the braces that begin here. */
static vm_status skip_braces(wit_parser *p, size_t *end)
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

static vm_status cut_block(wit_parser *p, wit_package *package)
{
    size_t start = p->lex.token.pos + 1, end;
    TRY(skip_braces(p, &end));
    return add_region(p, package, start, end);
}

static vm_status cut_at_package(wit_parser *p, cut *cut, size_t keyword)
{
    vm_name id, version;
    TRY(parse_package_decl(p, &id, &version));
    wit_package *package = package_of(p->wit, id, version);
    if (!package)
        return wit_no_memory(p);
    bool block = at(p, '{');
    if (!block && !at(p, ';'))
        return wit_unexpected(p, "';' or '{'");
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

static vm_status cut_text(wit_parser *p, cut *cut)
{
    while (!at(p, WIT_T_END)) {
        size_t pos = p->lex.token.pos, end;
        if (at(p, WIT_T_BAD))
            return wit_unexpected(p, "a token");
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
    wit_parser p = {.wit = wit, .err = err};
    cut cut = {0};
    wit_lex_init(&p.lex, &(wit_region){source, 0, len});
    TRY(cut_text(&p, &cut));
    if (!cut.current && (cut.loose || !wit->packages))
        return wit_fail(source, 0, err,
                        "there is no package statement, such as 'package "
                        "a:b;'");
    return cut.current ? add_region(&p, cut.current, cut.start, len) : VM_OK;
}
