/*
 * validate_ref.c - the validator's checks of references, tables, casts and
 * heap objects (sections 3.4.7 to 3.4.10): one small function per instruction,
 * found through the table at the end.
 */
#include "vm/validate.h"

#include <string.h>

#define NULLABLE_REF(heap) (VM_REF | VM_NULLABLE | (heap))

static vm_type defined_ref(const vm_deftype *def)
{
    return VM_REF | def->id;
}

/* ---- immediates --------------------------------------------------------- */

/* A defined type of the given kind; NULL after an error. */
static const vm_deftype *read_type(vm_validator *v, vm_comp_kind kind)
{
    static const char *const names[] = {"function", "structure", "array"};
    uint32_t index = vm_reader_u32(&v->r);
    if (!vm_validate_index(v, index, v->m->ntypes, "type"))
        return NULL;
    if (v->m->types[index]->kind == kind)
        return v->m->types[index];
    vm_validate_fail(v, "type mismatch: type %u is not a%s %s type", index,
                     kind == VM_COMP_ARRAY ? "n" : "", names[kind]);
    return NULL;
}

static const vm_tabledecl *read_table(vm_validator *v)
{
    uint32_t index = vm_reader_u32(&v->r);
    return vm_validate_index(v, index, v->m->ntables, "table")
               ? &v->m->tables[index]
               : NULL;
}

static const vm_elemdecl *read_elem(vm_validator *v)
{
    uint32_t index = vm_reader_u32(&v->r);
    return vm_validate_index(v, index, v->m->nelems, "elem segment")
               ? &v->m->elems[index]
               : NULL;
}

static vm_type address_type(const vm_tabledecl *table)
{
    return table->limits.is64 ? VM_I64 : VM_I32;
}

static void require_match(vm_validator *v, vm_type got, vm_type want)
{
    if (!vm_type_matches(v->types, got, want))
        vm_validate_mismatch(v, want, got);
}

/* ---- plain references --------------------------------------------------- */

static void check_ref_null(vm_validator *v, vm_op op)
{
    uint32_t heap = vm_decode_heaptype(&v->r, &v->scope);
    vm_push(v, NULLABLE_REF(heap));
}

static void check_ref_is_null(vm_validator *v, vm_op op)
{
    (void)vm_pop_ref(v);
    vm_push(v, VM_I32);
}

/* In bodies, only functions that the module mentions outside of them. */
static void check_ref_func(vm_validator *v, vm_op op)
{
    uint32_t index = vm_reader_u32(&v->r);
    if (!vm_validate_index(v, index, v->m->nfuncs, "function"))
        return;
    uint8_t *byte = &v->declared[index / 8], bit = 1u << index % 8;
    if (!v->type)
        *byte |= bit;
    else if (!(*byte & bit))
        vm_validate_fail(v,
                         "undeclared function reference: function %u is in "
                         "no export, global or element segment",
                         index);
    vm_push(v, defined_ref(v->m->funcs[index].type));
}

static void check_ref_eq(vm_validator *v, vm_op op)
{
    vm_pop(v, NULLABLE_REF(VM_HEAP_EQ));
    vm_pop(v, NULLABLE_REF(VM_HEAP_EQ));
    vm_push(v, VM_I32);
}

static void check_as_non_null(vm_validator *v, vm_op op)
{
    vm_push(v, vm_pop_ref(v) & ~VM_NULLABLE);
}

static void check_br_on_null(vm_validator *v, vm_op op)
{
    const vm_ctrl *label = vm_validate_label(v);
    vm_type ref = vm_pop_ref(v);
    if (!label)
        return;
    uint32_t n;
    const vm_type *types = vm_label_types(label, &n);
    vm_pop_types(v, types, n);
    vm_push_types(v, types, n);
    vm_push(v, ref & ~VM_NULLABLE);
}

/* The label's last type, which must be a reference; NULL after an error. */
static const vm_type *ref_label(vm_validator *v, uint32_t *n)
{
    const vm_ctrl *label = vm_validate_label(v);
    if (!label)
        return NULL;
    const vm_type *types = vm_label_types(label, n);
    if (*n && vm_type_is_ref(types[*n - 1]))
        return types;
    vm_validate_fail(v, "type mismatch: the label takes no reference");
    return NULL;
}

static void check_br_on_non_null(vm_validator *v, vm_op op)
{
    uint32_t n;
    const vm_type *types = ref_label(v, &n);
    vm_type ref = vm_pop_ref(v) & ~VM_NULLABLE;
    if (!types)
        return;
    require_match(v, ref, types[n - 1]);
    vm_pop_types(v, types, n - 1);
    vm_push_types(v, types, n - 1);
}

/* ---- casts -------------------------------------------------------------- */

static bool is_null_variant(vm_op op)
{
    return op == VM_OP_REF_TEST_NULL || op == VM_OP_REF_CAST_NULL;
}

/* Reads the target; pops an operand of the same hierarchy. */
static vm_type read_cast(vm_validator *v, vm_op op)
{
    vm_type heap = vm_decode_heaptype(&v->r, &v->scope);
    if (v->r.failed)
        return VM_BOTTOM;
    vm_pop(v, NULLABLE_REF(vm_heap_top(v->types, heap)));
    return VM_REF | heap | (is_null_variant(op) ? VM_NULLABLE : 0);
}

static void check_ref_test(vm_validator *v, vm_op op)
{
    (void)read_cast(v, op);
    vm_push(v, VM_I32);
}

static void check_ref_cast(vm_validator *v, vm_op op)
{
    vm_push(v, read_cast(v, op));
}

/* Section 3.4.2: rt1 \ rt2 is what is left when the cast to rt2 fails. */
static vm_type type_difference(vm_type rt1, vm_type rt2)
{
    return vm_type_is_nullable(rt2) ? rt1 & ~VM_NULLABLE : rt1;
}

static void check_br_on_cast(vm_validator *v, vm_op op)
{
    const uint8_t *at = v->r.pos;
    uint8_t flags = vm_reader_u8(&v->r);
    if (flags > 3)
        vm_reader_malformed(&v->r, at, "malformed br_on_cast flags 0x%02x",
                            flags);
    uint32_t n = 0;
    const vm_type *types = ref_label(v, &n);
    vm_type from = vm_decode_heaptype(&v->r, &v->scope);
    vm_type to = vm_decode_heaptype(&v->r, &v->scope);
    if (v->r.failed || !types)
        return;
    from |= flags & 1 ? VM_REF | VM_NULLABLE : VM_REF;
    to |= flags & 2 ? VM_REF | VM_NULLABLE : VM_REF;
    require_match(v, to, from);
    vm_type rest = type_difference(from, to);
    bool fails = op == VM_OP_BR_ON_CAST_FAIL;
    require_match(v, fails ? rest : to, types[n - 1]);
    vm_pop(v, from);
    vm_pop_types(v, types, n - 1);
    vm_push_types(v, types, n - 1);
    vm_push(v, fails ? to : rest);
}

/* any.convert_extern, extern.convert_any: nullability is kept. */
static void check_convert(vm_validator *v, vm_op op)
{
    bool to_any = op == VM_OP_ANY_CONVERT_EXTERN;
    vm_type from =
        vm_pop(v, NULLABLE_REF(to_any ? VM_HEAP_EXTERN : VM_HEAP_ANY));
    vm_push(v, VM_REF | (from & VM_NULLABLE) |
                   (to_any ? VM_HEAP_ANY : VM_HEAP_EXTERN));
}

static void check_ref_i31(vm_validator *v, vm_op op)
{
    vm_pop(v, VM_I32);
    vm_push(v, VM_REF | VM_HEAP_I31);
}

static void check_i31_get(vm_validator *v, vm_op op)
{
    vm_pop(v, NULLABLE_REF(VM_HEAP_I31));
    vm_push(v, VM_I32);
}

/* ---- calls through references ------------------------------------------- */

static void check_call_ref(vm_validator *v, vm_op op)
{
    const vm_deftype *def = read_type(v, VM_COMP_FUNC);
    if (!def)
        return;
    vm_pop(v, NULLABLE_REF(def->id));
    if (op == VM_OP_CALL_REF)
        vm_validate_call(v, &def->func);
    else
        vm_validate_tail_call(v, &def->func);
}

static void check_call_indirect(vm_validator *v, vm_op op)
{
    const vm_deftype *def = read_type(v, VM_COMP_FUNC);
    const vm_tabledecl *table = read_table(v);
    if (!def || !table)
        return;
    require_match(v, table->type, VM_FUNCREF);
    vm_pop(v, address_type(table));
    if (op == VM_OP_CALL_INDIRECT)
        vm_validate_call(v, &def->func);
    else
        vm_validate_tail_call(v, &def->func);
}

/* ---- tables ------------------------------------------------------------- */

static void check_table_get(vm_validator *v, vm_op op)
{
    const vm_tabledecl *table = read_table(v);
    if (!table)
        return;
    vm_pop(v, address_type(table));
    vm_push(v, table->type);
}

static void check_table_set(vm_validator *v, vm_op op)
{
    const vm_tabledecl *table = read_table(v);
    if (!table)
        return;
    vm_pop(v, table->type);
    vm_pop(v, address_type(table));
}

static void check_table_size(vm_validator *v, vm_op op)
{
    const vm_tabledecl *table = read_table(v);
    if (table)
        vm_push(v, address_type(table));
}

static void check_table_grow(vm_validator *v, vm_op op)
{
    const vm_tabledecl *table = read_table(v);
    if (!table)
        return;
    vm_pop(v, address_type(table));
    vm_pop(v, table->type);
    vm_push(v, address_type(table));
}

static void check_table_fill(vm_validator *v, vm_op op)
{
    const vm_tabledecl *table = read_table(v);
    if (!table)
        return;
    vm_pop(v, address_type(table));
    vm_pop(v, table->type);
    vm_pop(v, address_type(table));
}

static void check_table_copy(vm_validator *v, vm_op op)
{
    const vm_tabledecl *to = read_table(v), *from = read_table(v);
    if (!to || !from)
        return;
    require_match(v, from->type, to->type);
    vm_type a = address_type(to), b = address_type(from);
    vm_pop(v, a == b ? a : VM_I32);
    vm_pop(v, b);
    vm_pop(v, a);
}

static void check_table_init(vm_validator *v, vm_op op)
{
    const vm_elemdecl *elem = read_elem(v);
    const vm_tabledecl *table = read_table(v);
    if (!elem || !table)
        return;
    require_match(v, elem->type, table->type);
    vm_pop(v, VM_I32);
    vm_pop(v, VM_I32);
    vm_pop(v, address_type(table));
}

/* ---- structures --------------------------------------------------------- */

/* What a field's value is on the operand stack. */
static vm_type unpacked(vm_type type)
{
    return type == VM_I8 || type == VM_I16 ? VM_I32 : type;
}

static void check_struct_new(vm_validator *v, vm_op op)
{
    const vm_deftype *def = read_type(v, VM_COMP_STRUCT);
    if (!def)
        return;
    for (uint32_t i = def->st.nfields; i-- && !v->r.failed;)
        vm_pop(v, unpacked(def->st.fields[i].type));
    vm_push(v, defined_ref(def));
}

static void check_struct_new_default(vm_validator *v, vm_op op)
{
    const vm_deftype *def = read_type(v, VM_COMP_STRUCT);
    if (!def)
        return;
    for (uint32_t i = 0; i < def->st.nfields; i++)
        if (!vm_type_is_defaultable(def->st.fields[i].type))
            vm_validate_fail(v, "field type is not defaultable: field %u", i);
    vm_push(v, defined_ref(def));
}

static const vm_field *read_field(vm_validator *v, const vm_deftype **def)
{
    *def = read_type(v, VM_COMP_STRUCT);
    uint32_t index = vm_reader_u32(&v->r);
    if (!*def || !vm_validate_index(v, index, (*def)->st.nfields, "field"))
        return NULL;
    return &(*def)->st.fields[index];
}

/* Packed fields are read with _s or _u, others without. */
static void check_packing(vm_validator *v, const vm_field *field, bool extends)
{
    bool packed = field->type != unpacked(field->type);
    if (packed != extends)
        vm_validate_fail(v, "field is %spacked: %s", packed ? "" : "un",
                         packed ? "use the _s or _u form"
                                : "use the form without _s or _u");
}

static void check_struct_get(vm_validator *v, vm_op op)
{
    const vm_deftype *def;
    const vm_field *field = read_field(v, &def);
    if (!field)
        return;
    check_packing(v, field, op != VM_OP_STRUCT_GET);
    vm_pop(v, NULLABLE_REF(def->id));
    vm_push(v, unpacked(field->type));
}

static void require_mutable(vm_validator *v, const vm_field *field,
                            const char *what)
{
    if (!field->is_mutable)
        vm_validate_fail(v, "immutable %s", what);
}

static void check_struct_set(vm_validator *v, vm_op op)
{
    const vm_deftype *def;
    const vm_field *field = read_field(v, &def);
    if (!field)
        return;
    require_mutable(v, field, "field");
    vm_pop(v, unpacked(field->type));
    vm_pop(v, NULLABLE_REF(def->id));
}

/* ---- arrays ------------------------------------------------------------- */

static void check_array_new(vm_validator *v, vm_op op)
{
    const vm_deftype *def = read_type(v, VM_COMP_ARRAY);
    if (!def)
        return;
    vm_pop(v, VM_I32);
    vm_pop(v, unpacked(def->array.type));
    vm_push(v, defined_ref(def));
}

static void check_array_new_default(vm_validator *v, vm_op op)
{
    const vm_deftype *def = read_type(v, VM_COMP_ARRAY);
    if (!def)
        return;
    if (!vm_type_is_defaultable(def->array.type))
        vm_validate_fail(v, "array type is not defaultable");
    vm_pop(v, VM_I32);
    vm_push(v, defined_ref(def));
}

static void check_array_new_fixed(vm_validator *v, vm_op op)
{
    const vm_deftype *def = read_type(v, VM_COMP_ARRAY);
    uint32_t n = vm_reader_u32(&v->r);
    if (!def)
        return;
    vm_type type = unpacked(def->array.type);
    if (n > VM_MAX_OPERANDS)
        vm_validate_fail(v, "array.new_fixed of %u operands, at most %u", n,
                         VM_MAX_OPERANDS);
    for (uint32_t i = 0; i < n && !v->r.failed; i++)
        vm_pop(v, type);
    vm_push(v, defined_ref(def));
}

static void require_data(vm_validator *v)
{
    uint32_t index = vm_reader_u32(&v->r);
    if (v->m->data_count == UINT32_MAX)
        vm_reader_malformed(&v->r, v->at, "data count section required");
    vm_validate_index(v, index, v->m->ndatas, "data segment");
}

static void require_plain_element(vm_validator *v, const vm_deftype *def)
{
    if (vm_type_is_ref(def->array.type))
        vm_validate_fail(v, "array type is not numeric or vector");
}

static void check_array_new_data(vm_validator *v, vm_op op)
{
    const vm_deftype *def = read_type(v, VM_COMP_ARRAY);
    require_data(v);
    if (!def)
        return;
    require_plain_element(v, def);
    vm_pop(v, VM_I32);
    vm_pop(v, VM_I32);
    vm_push(v, defined_ref(def));
}

static void check_array_new_elem(vm_validator *v, vm_op op)
{
    const vm_deftype *def = read_type(v, VM_COMP_ARRAY);
    const vm_elemdecl *elem = read_elem(v);
    if (!def || !elem)
        return;
    require_match(v, elem->type, def->array.type);
    vm_pop(v, VM_I32);
    vm_pop(v, VM_I32);
    vm_push(v, defined_ref(def));
}

static void check_array_get(vm_validator *v, vm_op op)
{
    const vm_deftype *def = read_type(v, VM_COMP_ARRAY);
    if (!def)
        return;
    check_packing(v, &def->array, op != VM_OP_ARRAY_GET);
    vm_pop(v, VM_I32);
    vm_pop(v, NULLABLE_REF(def->id));
    vm_push(v, unpacked(def->array.type));
}

static void check_array_set(vm_validator *v, vm_op op)
{
    const vm_deftype *def = read_type(v, VM_COMP_ARRAY);
    if (!def)
        return;
    require_mutable(v, &def->array, "array");
    vm_pop(v, unpacked(def->array.type));
    vm_pop(v, VM_I32);
    vm_pop(v, NULLABLE_REF(def->id));
}

static void check_array_len(vm_validator *v, vm_op op)
{
    vm_pop(v, NULLABLE_REF(VM_HEAP_ARRAY));
    vm_push(v, VM_I32);
}

static void check_array_fill(vm_validator *v, vm_op op)
{
    const vm_deftype *def = read_type(v, VM_COMP_ARRAY);
    if (!def)
        return;
    require_mutable(v, &def->array, "array");
    vm_pop(v, VM_I32);
    vm_pop(v, unpacked(def->array.type));
    vm_pop(v, VM_I32);
    vm_pop(v, NULLABLE_REF(def->id));
}

static void check_array_copy(vm_validator *v, vm_op op)
{
    const vm_deftype *to = read_type(v, VM_COMP_ARRAY);
    const vm_deftype *from = read_type(v, VM_COMP_ARRAY);
    if (!to || !from)
        return;
    require_mutable(v, &to->array, "array");
    if (!vm_type_matches(v->types, from->array.type, to->array.type))
        vm_validate_fail(v, "array types do not match");
    vm_pop(v, VM_I32);
    vm_pop(v, VM_I32);
    vm_pop(v, NULLABLE_REF(from->id));
    vm_pop(v, VM_I32);
    vm_pop(v, NULLABLE_REF(to->id));
}

static void pop_array_init(vm_validator *v, const vm_deftype *def)
{
    require_mutable(v, &def->array, "array");
    vm_pop(v, VM_I32);
    vm_pop(v, VM_I32);
    vm_pop(v, VM_I32);
    vm_pop(v, NULLABLE_REF(def->id));
}

static void check_array_init_data(vm_validator *v, vm_op op)
{
    const vm_deftype *def = read_type(v, VM_COMP_ARRAY);
    require_data(v);
    if (!def)
        return;
    require_plain_element(v, def);
    pop_array_init(v, def);
}

static void check_array_init_elem(vm_validator *v, vm_op op)
{
    const vm_deftype *def = read_type(v, VM_COMP_ARRAY);
    const vm_elemdecl *elem = read_elem(v);
    if (!def || !elem)
        return;
    require_match(v, elem->type, def->array.type);
    pop_array_init(v, def);
}

/* ---- the table ---------------------------------------------------------- */

const vm_op_check vm_ref_checks[VM_OP_COUNT] = {
    [VM_OP_TABLE_GET] = check_table_get,
    [VM_OP_TABLE_SET] = check_table_set,
    [VM_OP_TABLE_SIZE] = check_table_size,
    [VM_OP_TABLE_GROW] = check_table_grow,
    [VM_OP_TABLE_FILL] = check_table_fill,
    [VM_OP_TABLE_COPY] = check_table_copy,
    [VM_OP_TABLE_INIT] = check_table_init,
    [VM_OP_CALL_INDIRECT] = check_call_indirect,
    [VM_OP_RETURN_CALL_INDIRECT] = check_call_indirect,
    [VM_OP_CALL_REF] = check_call_ref,
    [VM_OP_RETURN_CALL_REF] = check_call_ref,
    [VM_OP_REF_NULL] = check_ref_null,
    [VM_OP_REF_IS_NULL] = check_ref_is_null,
    [VM_OP_REF_FUNC] = check_ref_func,
    [VM_OP_REF_EQ] = check_ref_eq,
    [VM_OP_REF_AS_NON_NULL] = check_as_non_null,
    [VM_OP_BR_ON_NULL] = check_br_on_null,
    [VM_OP_BR_ON_NON_NULL] = check_br_on_non_null,
    [VM_OP_REF_TEST] = check_ref_test,
    [VM_OP_REF_TEST_NULL] = check_ref_test,
    [VM_OP_REF_CAST] = check_ref_cast,
    [VM_OP_REF_CAST_NULL] = check_ref_cast,
    [VM_OP_BR_ON_CAST] = check_br_on_cast,
    [VM_OP_BR_ON_CAST_FAIL] = check_br_on_cast,
    [VM_OP_ANY_CONVERT_EXTERN] = check_convert,
    [VM_OP_EXTERN_CONVERT_ANY] = check_convert,
    [VM_OP_REF_I31] = check_ref_i31,
    [VM_OP_I31_GET_S] = check_i31_get,
    [VM_OP_I31_GET_U] = check_i31_get,
    [VM_OP_STRUCT_NEW] = check_struct_new,
    [VM_OP_STRUCT_NEW_DEFAULT] = check_struct_new_default,
    [VM_OP_STRUCT_GET] = check_struct_get,
    [VM_OP_STRUCT_GET_S] = check_struct_get,
    [VM_OP_STRUCT_GET_U] = check_struct_get,
    [VM_OP_STRUCT_SET] = check_struct_set,
    [VM_OP_ARRAY_NEW] = check_array_new,
    [VM_OP_ARRAY_NEW_DEFAULT] = check_array_new_default,
    [VM_OP_ARRAY_NEW_FIXED] = check_array_new_fixed,
    [VM_OP_ARRAY_NEW_DATA] = check_array_new_data,
    [VM_OP_ARRAY_NEW_ELEM] = check_array_new_elem,
    [VM_OP_ARRAY_GET] = check_array_get,
    [VM_OP_ARRAY_GET_S] = check_array_get,
    [VM_OP_ARRAY_GET_U] = check_array_get,
    [VM_OP_ARRAY_SET] = check_array_set,
    [VM_OP_ARRAY_LEN] = check_array_len,
    [VM_OP_ARRAY_FILL] = check_array_fill,
    [VM_OP_ARRAY_COPY] = check_array_copy,
    [VM_OP_ARRAY_INIT_DATA] = check_array_init_data,
    [VM_OP_ARRAY_INIT_ELEM] = check_array_init_elem,
};
