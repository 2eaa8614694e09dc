/*
 * cm_names.c - parsing and comparing the names of imports and exports.
 */
#include "vm/cm_names.h"

#include "vm/cm_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- grammar ----------------------------------------------------------- */

static bool is_lower(char c)
{
    return c >= 'a' && c <= 'z';
}

static bool is_upper(char c)
{
    return c >= 'A' && c <= 'Z';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

bool cm_name_is_kebab(const char *data, size_t len)
{
    if (len == 0 || is_digit(data[0]))
        return false;
    bool lower = false, upper = false, any = false;
    for (size_t i = 0; i < len; i++) {
        char c = data[i];
        if (c == '-') {
            if (!any)
                return false;
            lower = upper = any = false;
            continue;
        }
        lower |= is_lower(c);
        upper |= is_upper(c);
        any = true;
        if (!(is_lower(c) || is_upper(c) || is_digit(c)) || (lower && upper))
            return false;
    }
    return any;
}

/* `words` of the grammar: kebab case without acronyms. */
static bool is_words(vm_name name)
{
    for (size_t i = 0; i < name.len; i++)
        if (is_upper(name.data[i]))
            return false;
    return cm_name_is_kebab(name.data, name.len);
}

/* Where in `name` the first of `chars` stands; name.len when nowhere. */
static size_t find(vm_name name, const char *chars)
{
    for (size_t i = 0; i < name.len; i++)
        if (strchr(chars, name.data[i]) && name.data[i])
            return i;
    return name.len;
}

static vm_name cut(vm_name *name, size_t len)
{
    vm_name head = {name->data, len};
    name->data += len;
    name->len -= len;
    return head;
}

static bool starts_with(vm_name name, const char *prefix)
{
    size_t len = strlen(prefix);
    return name.len >= len && memcmp(name.data, prefix, len) == 0;
}

static bool fail_kebab(vm_name whole, vm_name part, char *why, size_t size)
{
    snprintf(why, size,
             "`" VM_NAME_FMT "` is not a valid extern name: `" VM_NAME_FMT
             "` is not in kebab case",
             VM_NAME_ARG(whole), VM_NAME_ARG(part));
    return false;
}

static bool need_kebab(vm_name whole, vm_name part, char *why, size_t size)
{
    return cm_name_is_kebab(part.data, part.len) ||
           fail_kebab(whole, part, why, size);
}

static bool need_words(vm_name whole, vm_name part, char *why, size_t size)
{
    if (!need_kebab(whole, part, why, size))
        return false;
    if (is_words(part))
        return true;
    snprintf(why, size,
             "`" VM_NAME_FMT "` is not a valid extern name: `" VM_NAME_FMT
             "` must be in lower case",
             VM_NAME_ARG(whole), VM_NAME_ARG(part));
    return false;
}

/* ---- semantic versions ------------------------------------------------- */

typedef struct version {
    vm_name part[3]; /* major, minor, patch: decimal digits; len 0 if absent */
    vm_name pre;
} version;

/* The identifiers after '-' or '+', up to `stop`. */
static const char *read_identifiers(vm_name *rest, char stop, bool is_pre,
                                    vm_name *out)
{
    char stops[2] = {stop, 0};
    vm_name all = cut(rest, find(*rest, stops));
    *out = all;
    for (;;) {
        vm_name id = cut(&all, find(all, "."));
        bool digits = true;
        if (id.len == 0)
            return "empty identifier segment in version";
        for (size_t i = 0; i < id.len; i++) {
            char c = id.data[i];
            digits &= is_digit(c);
            if (!is_digit(c) && !is_lower(c) && !is_upper(c) && c != '-')
                return "unexpected character in version identifier";
        }
        if (is_pre && digits && id.len > 1 && id.data[0] == '0')
            return "invalid leading zero in version identifier";
        if (all.len == 0)
            return NULL;
        cut(&all, 1);
    }
}

static bool version_fail(const char *text, vm_name at, char *why, size_t size)
{
    if (at.len)
        snprintf(why, size, "%s '%c' in version", text, at.data[0]);
    else
        snprintf(why, size, "%s in version", text);
    return false;
}

/* The canonical prefixes `1`, `0.2` and `0.0.3` are versions too. */
static bool version_may_end(const version *v, int parts)
{
    for (int i = 0; i < parts; i++)
        if (!(v->part[i].len == 1 && v->part[i].data[0] == '0'))
            return i == parts - 1;
    return parts == 3;
}

static bool version_parse(vm_name text, version *v, char *why, size_t size)
{
    *v = (version){0};
    if (text.len == 0) {
        snprintf(why, size, "empty string, expected a semver version");
        return false;
    }
    for (int i = 0; i < 3; i++) {
        size_t digits = 0;
        while (digits < text.len && is_digit(text.data[digits]))
            digits++;
        if (digits == 0)
            return text.len
                       ? version_fail("unexpected character", text, why, size)
                       : version_fail("unexpected end of input", text, why,
                                      size);
        if (digits > 1 && text.data[0] == '0')
            return version_fail("invalid leading zero", (vm_name){0}, why,
                                size);
        v->part[i] = cut(&text, digits);
        if (text.len == 0 && version_may_end(v, i + 1))
            return true;
        if (i == 2)
            break;
        if (text.len == 0)
            return version_fail("unexpected end of input", text, why, size);
        if (text.data[0] != '.')
            return version_fail("unexpected character", text, why, size);
        cut(&text, 1);
    }
    const char *problem = NULL;
    vm_name build;
    if (text.len && text.data[0] == '-') {
        cut(&text, 1);
        problem = read_identifiers(&text, '+', true, &v->pre);
    }
    if (!problem && text.len && text.data[0] == '+') {
        cut(&text, 1);
        problem = read_identifiers(&text, '\0', false, &build);
    }
    if (problem) {
        snprintf(why, size, "%s", problem);
        return false;
    }
    return text.len == 0 ||
           version_fail("unexpected character", text, why, size);
}

/*
 * CanonicalInterfaceName: compatible versions have the same first part that
 * is not zero, and the same zeros before it.
 */
static bool version_compatible(const version *a, const version *b)
{
    if (a->pre.len || b->pre.len) {
        for (int i = 0; i < 3; i++)
            if (!vm_name_equal(a->part[i], b->part[i]))
                return false;
        return vm_name_equal(a->pre, b->pre);
    }
    for (int i = 0; i < 3; i++) {
        if (!vm_name_equal(a->part[i], b->part[i]))
            return false;
        if (!(a->part[i].len == 1 && a->part[i].data[0] == '0'))
            return true;
    }
    return true;
}

/* ---- extern names ------------------------------------------------------ */

static bool parse_member(vm_name name, size_t prefix, cm_extern_name *out,
                         char *why, size_t size)
{
    vm_name rest = name;
    cut(&rest, prefix);
    size_t dot = find(rest, ".");
    if (dot == rest.len) {
        snprintf(why, size,
                 "`" VM_NAME_FMT "` is not a valid extern name: failed to "
                 "find `.` character",
                 VM_NAME_ARG(name));
        return false;
    }
    out->resource = cut(&rest, dot);
    cut(&rest, 1);
    out->label = rest;
    return need_kebab(name, out->resource, why, size) &&
           need_kebab(name, out->label, why, size);
}

static bool parse_interface(vm_name name, cm_extern_name *out, char *why,
                            size_t size)
{
    vm_name rest = name;
    out->space = cut(&rest, find(rest, ":"));
    cut(&rest, 1);
    if (!need_words(name, out->space, why, size))
        return false;
    out->package = cut(&rest, find(rest, "/:@"));
    if (!need_words(name, out->package, why, size))
        return false;
    if (rest.len == 0 || rest.data[0] != '/') {
        snprintf(why, size,
                 "`" VM_NAME_FMT "` is not a valid extern name: expected `/` "
                 "after package name",
                 VM_NAME_ARG(name));
        return false;
    }
    cut(&rest, 1);
    out->label = cut(&rest, find(rest, "/@"));
    if (!need_kebab(name, out->label, why, size))
        return false;
    if (rest.len && rest.data[0] == '/') {
        snprintf(why, size,
                 "`" VM_NAME_FMT "` is not a valid extern name: trailing "
                 "characters found: `" VM_NAME_FMT "`",
                 VM_NAME_ARG(name), VM_NAME_ARG(rest));
        return false;
    }
    if (rest.len == 0)
        return true;
    cut(&rest, 1);
    out->version = rest;
    version v;
    char problem[96];
    if (version_parse(rest, &v, problem, sizeof problem))
        return true;
    snprintf(why, size, "`" VM_NAME_FMT "` is not a valid extern name: %s",
             VM_NAME_ARG(name), problem);
    return false;
}

bool cm_name_parse(vm_name name, cm_extern_name *out, char *why, size_t size)
{
    *out = (cm_extern_name){.kind = CM_NAME_LABEL, .label = name};
    if (starts_with(name, "[constructor]")) {
        out->kind = CM_NAME_CONSTRUCTOR;
        out->resource = name;
        cut(&out->resource, strlen("[constructor]"));
        out->label = out->resource;
        return need_kebab(name, out->resource, why, size);
    }
    if (starts_with(name, "[method]")) {
        out->kind = CM_NAME_METHOD;
        return parse_member(name, strlen("[method]"), out, why, size);
    }
    if (starts_with(name, "[static]")) {
        out->kind = CM_NAME_STATIC;
        return parse_member(name, strlen("[static]"), out, why, size);
    }
    if (find(name, ":") < name.len) {
        out->kind = CM_NAME_INTERFACE;
        return parse_interface(name, out, why, size);
    }
    return need_kebab(name, name, why, size);
}

bool cm_name_satisfies(vm_name wanted, vm_name offered, bool lax)
{
    if (vm_name_equal(wanted, offered))
        return true;
    cm_extern_name w, o;
    version wv, ov;
    char why[160];
    if (!cm_name_parse(wanted, &w, why, sizeof why) ||
        !cm_name_parse(offered, &o, why, sizeof why) ||
        w.kind != CM_NAME_INTERFACE || o.kind != CM_NAME_INTERFACE ||
        !vm_name_equal(w.space, o.space) ||
        !vm_name_equal(w.package, o.package) ||
        !vm_name_equal(w.label, o.label))
        return false;
    if (!w.version.len || !o.version.len)
        return lax && !w.version.len;
    return version_parse(w.version, &wv, why, sizeof why) &&
           version_parse(o.version, &ov, why, sizeof why) &&
           version_compatible(&wv, &ov);
}

/* ---- strong uniqueness ------------------------------------------------- */

struct cm_nameset_entry {
    vm_name name; /* as written */
    vm_name key;  /* the part of it that counts, compared without case */
};

static char lower(char c)
{
    return is_upper(c) ? (char)(c - 'A' + 'a') : c;
}

static bool key_equal(vm_name a, vm_name b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (lower(a.data[i]) != lower(b.data[i]))
            return false;
    return true;
}

/* [method]l.l and [static]l.l count as l; other prefixes but [constructor]
 * are stripped. */
static vm_name key_of(vm_name name, bool annotated)
{
    if (!annotated ||
        (!starts_with(name, "[method]") && !starts_with(name, "[static]")))
        return name;
    cut(&name, strlen("[method]"));
    size_t dot = find(name, ".");
    vm_name resource = {name.data, dot};
    if (dot < name.len) {
        vm_name label = {name.data + dot + 1, name.len - dot - 1};
        if (key_equal(resource, label))
            return resource;
    }
    return name;
}

/* Without case, eight bytes at a time. */
static uint32_t key_hash(const cm_nameset *set, vm_name key)
{
    uint64_t h = (uintptr_t)set->slots;
    char part[8];
    for (size_t i = 0; i < key.len; i += sizeof part) {
        size_t n = key.len - i < sizeof part ? key.len - i : sizeof part;
        for (size_t k = 0; k < n; k++)
            part[k] = lower(key.data[i + k]);
        h = cm_hash(part, n, h);
    }
    return (uint32_t)h & set->mask;
}

static uint32_t *set_slot(const cm_nameset *set, vm_name key)
{
    uint32_t at = key_hash(set, key);
    while (set->slots[at] &&
           !key_equal(set->entries[set->slots[at] - 1].key, key))
        at = (at + 1) & set->mask;
    return &set->slots[at];
}

static bool set_grow(cm_nameset *set)
{
    uint32_t room = set->room ? set->room * 2 : 8;
    if (room > UINT32_MAX / 4)
        return false;
    struct cm_nameset_entry *entries =
        realloc(set->entries, room * sizeof *entries);
    if (!entries)
        return false;
    set->entries = entries;
    uint32_t *slots = calloc((size_t)room * 2, sizeof *slots);
    if (!slots)
        return false;
    free(set->slots);
    set->slots = slots;
    set->mask = room * 2 - 1;
    set->room = room;
    for (uint32_t i = 0; i < set->count; i++)
        *set_slot(set, entries[i].key) = i + 1;
    return true;
}

cm_nameset_result cm_nameset_add(cm_nameset *set, vm_name name, bool annotated,
                                 vm_name *previous)
{
    vm_name key = key_of(name, annotated);
    if (set->count == set->room && !set_grow(set))
        return CM_NAMESET_NO_MEMORY;
    uint32_t *slot = set_slot(set, key);
    if (*slot) {
        *previous = set->entries[*slot - 1].name;
        return CM_NAMESET_CONFLICT;
    }
    set->entries[set->count] = (struct cm_nameset_entry){name, key};
    *slot = ++set->count;
    return CM_NAMESET_ADDED;
}

uint32_t cm_nameset_find(const cm_nameset *set, vm_name name)
{
    uint32_t slot = set->slots ? *set_slot(set, name) : 0;
    return slot && vm_name_equal(set->entries[slot - 1].name, name)
               ? slot - 1
               : UINT32_MAX;
}

void cm_nameset_finish(cm_nameset *set)
{
    free(set->slots);
    free(set->entries);
    *set = (cm_nameset){0};
}
