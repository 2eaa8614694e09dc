/*
 * test_cm_handles.c - handles: the order of indices, ownership that moves,
 * borrows that must end, destructors; and every way to misuse one.
 *
 * Resource 0 is the host's, resource 1 is guest b's, resource 2 is nobody's.
 */
#include "cm_fixture.h"

#include "vm/cm_stream.h"

static unsigned dropped[8], ndropped;

static void note_drop(void *host, void *rep)
{
    assert_ptr_equal(host, &fx);
    dropped[ndropped++ % 8] = (unsigned)(uintptr_t)rep;
}

static const cm_host_resource host_resource = {"thing", note_drop};
static uint64_t destroyed; /* by b's destructor */
static unsigned ndestroyed;

static vm_status destructor(vm_fiber *fiber, void *env, vm_slot *slots)
{
    destroyed = slots[0];
    ndestroyed++;
    return VM_OK;
}

static const vm_type i32s[] = {0x7f, 0x7f};

static void start(void)
{
    fixture_start(false, false);
    ndropped = ndestroyed = 0;
    fx.resources[0].host = &host_resource;
    fx.resources[0].host_data = &fx;
    fx.resources[1].impl = &fx.b.inst;
    fx.resources[1].dtor = core_func(i32s, 1, 0, destructor, NULL);
    fx.resources[2].impl = &fx.b.inst;
}

/* One body for all, so that the numbers are as above. */
static const cm_functype *type_of(const char *f)
{
    char body[400];
    snprintf(body, sizeof body,
             "resource zero; resource one; resource two; "
             "z: func(a: zero, b: one, c: two); %s",
             f);
    fx.wit.nresources = 0;
    return functype(body);
}

static vm_func *builtin(guest *g, cm_builtin kind, unsigned resource)
{
    cm_builtin_spec spec = {.kind = kind, .resource = &fx.resources[resource]};
    spec.type = (vm_functype){1, kind != CM_RESOURCE_DROP, 1,
                              kind != CM_RESOURCE_DROP, i32s};
    vm_func *func = cm_builtin_create(&g->inst, &spec);
    assert_non_null(func);
    return func;
}

static vm_status call1(vm_func *func, uint64_t *value, vm_error *err)
{
    vm_slot slots[CM_MAX_FLAT_PARAMS + 1] = {*value};
    *err = (vm_error){0};
    vm_status status = vm_call_slots(fx.store, func, slots, err);
    *value = (uint32_t)slots[0];
    return status;
}

static uint32_t new_handle(guest *g, unsigned resource, uint64_t rep)
{
    vm_error err;
    assert_int_equal(call1(builtin(g, CM_RESOURCE_NEW, resource), &rep, &err),
                     VM_OK);
    return (uint32_t)rep;
}

static void drop_ok(guest *g, unsigned resource, uint64_t index)
{
    vm_error err;
    if (call1(builtin(g, CM_RESOURCE_DROP, resource), &index, &err))
        fail_msg("%s", err.text);
}

static void builtin_traps(guest *g, cm_builtin kind, unsigned resource,
                          uint64_t index, const char *text)
{
    vm_error err;
    vm_status status = call1(builtin(g, kind, resource), &index, &err);
    assert_traps(status, &err, text, "built-in");
}

/* ---- the table ------------------------------------------------------------
 */

static void indices_come_back_last_first(void **state)
{
    start();
    for (uint32_t i = 1; i <= 40; i++)
        assert_int_equal(new_handle(&fx.b, 1, 100 + i), i);
    drop_ok(&fx.b, 1, 7);
    drop_ok(&fx.b, 1, 3);
    drop_ok(&fx.b, 1, 39);
    assert_int_equal(new_handle(&fx.b, 1, 1), 39);
    assert_int_equal(new_handle(&fx.b, 1, 1), 3);
    assert_int_equal(new_handle(&fx.b, 1, 1), 7);
    assert_int_equal(new_handle(&fx.b, 1, 1), 41);
    assert_int_equal(cm_handles_count(fx.b.inst.handles), 41);
    fixture_end();
}

static void rep_gives_what_new_took(void **state)
{
    vm_error err;
    start();
    uint64_t value = new_handle(&fx.b, 1, 0xffffffff);
    assert_int_equal(call1(builtin(&fx.b, CM_RESOURCE_REP, 1), &value, &err),
                     VM_OK);
    assert_int_equal(value, 0xffffffff);
    fixture_end();
}

static void a_full_table_traps(void **state)
{
    start();
    cm_handle entry = {.kind = CM_HANDLE_RESOURCE,
                       .resource = &fx.resources[1]};
    uint32_t index, n = 0;
    while (cm_handles_add(fx.b.inst.handles, &entry, &index))
        n++;
    assert_true(n > 100000);
    builtin_traps(&fx.b, CM_RESOURCE_NEW, 1, 5, "handle table is full");
    fixture_end();
}

static void misused_indices_trap(void **state)
{
    static const cm_builtin kinds[] = {CM_RESOURCE_DROP, CM_RESOURCE_REP};
    for (size_t i = 0; i < 2; i++) {
        start();
        uint32_t index = new_handle(&fx.b, 1, 5);
        builtin_traps(&fx.b, kinds[i], 1, 0, "unknown handle index 0");
        builtin_traps(&fx.b, kinds[i], 1, 2, "unknown handle index 2");
        builtin_traps(&fx.b, kinds[i], 1, 0xffffffff,
                      "unknown handle index 4294967295");
        builtin_traps(&fx.b, kinds[i], 2, index, "used with the wrong type");
        builtin_traps(&fx.b, kinds[i], 0, index, "expected thing");
        drop_ok(&fx.b, 1, index);
        builtin_traps(&fx.b, kinds[i], 1, index, "unknown handle index 1");
        fixture_end();
    }
}

static void builtins_cannot_leave_in_realloc(void **state)
{
    start();
    uint32_t index = new_handle(&fx.b, 1, 5);
    fx.b.inst.may_leave = false;
    builtin_traps(&fx.b, CM_RESOURCE_NEW, 1, 1, "cannot leave");
    builtin_traps(&fx.b, CM_RESOURCE_DROP, 1, index, "cannot leave");
    fixture_end();
}

/* ---- destructors ----------------------------------------------------------
 */

static void dropping_destroys(void **state)
{
    start();
    uint32_t index = new_handle(&fx.b, 1, 1234);
    drop_ok(&fx.b, 1, index);
    assert_int_equal(destroyed, 1234);
    assert_int_equal(ndestroyed, 1);
    index = new_handle(&fx.a, 0, 77); /* a host resource in guest a */
    drop_ok(&fx.a, 0, index);
    assert_int_equal(ndropped, 1);
    assert_int_equal(dropped[0], 77);
    fixture_end();
}

/* Guest a drops what b defined: b is entered. */
static void a_destructor_enters_its_instance(void **state)
{
    start();
    uint32_t index = new_handle(&fx.a, 1, 5);
    fx.b.inst.may_enter = false;
    builtin_traps(&fx.a, CM_RESOURCE_DROP, 1, index,
                  "cannot enter component instance");
    fixture_end();
}

static void the_end_of_a_table_drops_what_is_left(void **state)
{
    start();
    new_handle(&fx.a, 0, 11);
    new_handle(&fx.a, 1, 22); /* the guest's own die silently */
    new_handle(&fx.a, 0, 33);
    fixture_end();
    assert_int_equal(ndropped, 2);
    assert_int_equal(dropped[0], 11);
    assert_int_equal(dropped[1], 33);
    assert_int_equal(ndestroyed, 0);
}

/* ---- handles in calls: a calls the host ------------------------------------
 */

static uint64_t got[4];
static vm_func *reenter;
static uint64_t reenter_index;
static char inner_text[320];

static vm_status host_takes(cm_call *call, void *host, const cm_value *args,
                            cm_value *result)
{
    got[0] = args[0].u;
    if (reenter) {
        vm_error err;
        uint64_t index = reenter_index;
        inner_text[0] = '\0';
        if (call1(reenter, &index, &err) != VM_OK)
            memcpy(inner_text, err.text, sizeof inner_text);
    }
    return VM_OK;
}

static vm_status call_host_with(const char *f, vm_slot index, vm_error *err)
{
    cm_func callee = host_func(type_of(f), host_takes, NULL);
    vm_slot slots[CM_MAX_FLAT_PARAMS + 1] = {index};
    *err = (vm_error){0};
    return vm_call_slots(fx.store, import_into(&fx.a, &callee), slots, err);
}

static void own_moves_to_the_host(void **state)
{
    vm_error err;
    start();
    reenter = NULL;
    uint32_t index = new_handle(&fx.a, 0, 99);
    assert_int_equal(call_host_with("f: func(x: zero);", index, &err), VM_OK);
    assert_int_equal(got[0], 99);
    assert_int_equal(cm_handles_count(fx.a.inst.handles), 0);
    assert_int_equal(ndropped, 0); /* the host has it */
    assert_traps(call_host_with("f: func(x: zero);", index, &err), &err,
                 "unknown handle index", "used after it moved");
    fixture_end();
    assert_int_equal(ndropped, 0);
}

static void a_lent_handle_cannot_go(void **state)
{
    vm_error err;
    start();
    uint32_t index = new_handle(&fx.a, 0, 99);
    reenter = builtin(&fx.a, CM_RESOURCE_DROP, 0);
    reenter_index = index;
    assert_int_equal(call_host_with("f: func(x: borrow<zero>);", index, &err),
                     VM_OK);
    assert_non_null(
        strstr(inner_text, "cannot remove owned resource while borrowed"));
    reenter = NULL;
    drop_ok(&fx.a, 0, index); /* it may, once the call is over */
    assert_int_equal(ndropped, 1);
    fixture_end();
}

/* Passed on by the same call that borrows it. */
static void a_lent_handle_cannot_be_passed_on(void **state)
{
    vm_error err = {0};
    start();
    uint32_t index = new_handle(&fx.a, 0, 99);
    cm_func callee = host_func(type_of("f: func(x: borrow<zero>, y: zero);"),
                               host_takes, NULL);
    vm_slot slots[CM_MAX_FLAT_PARAMS + 1] = {index, index};
    assert_traps(
        vm_call_slots(fx.store, import_into(&fx.a, &callee), slots, &err), &err,
        "cannot remove owned resource while borrowed", "lent and given");
    fixture_end();
    assert_int_equal(ndropped, 1);
}

static void a_borrow_is_no_own(void **state)
{
    vm_error err;
    uint32_t index;
    start();
    cm_handle borrow = {
        .kind = CM_HANDLE_RESOURCE, .resource = &fx.resources[0], .rep = 5};
    assert_true(cm_handles_add(fx.a.inst.handles, &borrow, &index));
    assert_traps(call_host_with("f: func(x: zero);", index, &err), &err,
                 "is a borrow", "own from a borrow");
    assert_traps(call_host_with("f: func(x: one);", index, &err), &err,
                 "wrong type", "wrong type");
    assert_traps(call_host_with("f: func(x: borrow<one>);", index, &err), &err,
                 "wrong type", "wrong type");
    assert_traps(call_host_with("f: func(x: borrow<zero>);", 7, &err), &err,
                 "unknown handle index 7", "no handle");
    assert_int_equal(call_host_with("f: func(x: borrow<zero>);", index, &err),
                     VM_OK); /* borrowing a borrow is fine */
    fixture_end();
}

/* A call that fails while its arguments are lifted loses nothing. */
static void a_failing_call_drops_what_it_took(void **state)
{
    vm_error err;
    start();
    uint32_t index = new_handle(&fx.a, 0, 42);
    cm_func callee =
        host_func(type_of("f: func(x: zero, c: char);"), host_takes, NULL);
    vm_slot slots[CM_MAX_FLAT_PARAMS + 1] = {index, 0x110000};
    err = (vm_error){0};
    assert_traps(
        vm_call_slots(fx.store, import_into(&fx.a, &callee), slots, &err), &err,
        "invalid `char`", "bad second argument");
    assert_int_equal(ndropped, 1);
    assert_int_equal(dropped[0], 42);
    fixture_end();
    assert_int_equal(ndropped, 1);
}

/* ---- results: the host gives --------------------------------------------- */

static vm_status host_gives(cm_call *call, void *host, const cm_value *args,
                            cm_value *result)
{
    static cm_value items[2];
    items[0].u = 1;
    items[1].u = 2;
    result->list.items = items;
    result->list.len = 2;
    return VM_OK;
}

static void owned_results_get_handles(void **state)
{
    vm_error err = {0};
    uint32_t indices[2];
    start();
    cm_func callee =
        host_func(type_of("f: func() -> tuple<zero, zero>;"), host_gives, NULL);
    vm_slot slots[CM_MAX_FLAT_PARAMS + 1] = {64};
    assert_int_equal(
        vm_call_slots(fx.store, import_into(&fx.a, &callee), slots, &err),
        VM_OK);
    memcpy(indices, vm_memory_data(fx.a.memory) + 64, 8);
    assert_int_equal(indices[0], 1);
    assert_int_equal(indices[1], 2);
    fixture_end();
    assert_int_equal(ndropped, 2);
}

static void results_that_do_not_arrive_are_dropped(void **state)
{
    vm_error err = {0};
    start();
    cm_func callee =
        host_func(type_of("f: func() -> list<zero>;"), host_gives, NULL);
    vm_slot slots[CM_MAX_FLAT_PARAMS + 1] = {64};
    fx.a.plan.traps = true;
    assert_traps(
        vm_call_slots(fx.store, import_into(&fx.a, &callee), slots, &err), &err,
        "realloc gave up", "realloc");
    assert_int_equal(ndropped, 2);
    fixture_end();
    assert_int_equal(ndropped, 2);
}

/* ---- between components: a calls b -----------------------------------------
 */

static vm_func *b_does; /* with the handle it got */
static bool b_keeps;

static vm_status core_of_b(vm_fiber *fiber, void *env, vm_slot *slots)
{
    vm_error err;
    uint64_t index = slots[0];
    got[0] = (uint32_t)slots[0];
    if (b_keeps)
        return VM_OK;
    if (call1(b_does, &index, &err) != VM_OK)
        return vm_trap(fiber, "%s", err.text);
    return VM_OK;
}

static vm_status call_b_with(const char *f, vm_slot index, vm_error *err)
{
    cm_func callee = export_of(&fx.b, type_of(f), core_of_b, NULL);
    vm_slot slots[CM_MAX_FLAT_PARAMS + 1] = {index};
    *err = (vm_error){0};
    return vm_call_slots(fx.store, import_into(&fx.a, &callee), slots, err);
}

static void the_implementer_sees_its_rep(void **state)
{
    vm_error err;
    start();
    b_keeps = true;
    uint32_t index = new_handle(&fx.a, 1, 4711);
    assert_int_equal(call_b_with("f: func(x: borrow<one>);", index, &err),
                     VM_OK);
    assert_int_equal(got[0], 4711);
    assert_int_equal(cm_handles_count(fx.b.inst.handles), 0);
    fixture_end();
}

static void borrows_must_be_dropped(void **state)
{
    vm_error err;
    start();
    b_keeps = false;
    b_does = builtin(&fx.b, CM_RESOURCE_DROP, 0);
    uint32_t index = new_handle(&fx.a, 0, 5);
    if (call_b_with("f: func(x: borrow<zero>);", index, &err))
        fail_msg("%s", err.text);
    assert_int_equal(ndropped, 0); /* a borrow's end is no destruction */
    b_keeps = true;
    assert_traps(call_b_with("f: func(x: borrow<zero>);", index, &err), &err,
                 "borrow handles still remain at the end of the call", "kept");
    fixture_end();
}

static void own_crosses(void **state)
{
    vm_error err;
    start();
    b_keeps = true;
    uint32_t index = new_handle(&fx.a, 0, 5);
    assert_int_equal(call_b_with("f: func(x: zero);", index, &err), VM_OK);
    assert_int_equal(cm_handles_count(fx.a.inst.handles), 0);
    assert_int_equal(cm_handles_count(fx.b.inst.handles), 1);
    drop_ok(&fx.b, 0, got[0]);
    assert_int_equal(ndropped, 1);
    fixture_end();
    assert_int_equal(ndropped, 1);
}

/* ---- a stream of resources to the host ------------------------------------
 *
 * The guest's buffer holds three pairs of handles; the host makes it wait,
 * takes one pair, makes it wait again, and wants no more.
 */

static unsigned asked, ended;
static vm_status takes_some(void *state, cm_call *call, const void *values,
                            size_t n, size_t *taken)
{
    const cm_value *pair = values;
    assert_int_equal(n, 1); /* one at a time */
    *taken = 0;
    if (asked++ % 2 == 0)
        return VM_PENDING;
    if (asked > 2)
        return VM_OK;
    got[0] = pair->list.items[0].u;
    got[1] = pair->list.items[1].u;
    *taken = 1;
    return VM_OK;
}

static void end_taking(void *state, bool complete)
{
    ended++;
}

static cm_end writer_of(const cm_type *type, cm_shared *s, uint32_t length)
{
    return (cm_end){.shared = s,
                    .type = type,
                    .inst = &fx.a.inst,
                    .is_writer = true,
                    .state = CM_END_COPYING,
                    .options = fx.a.options,
                    .ptr = 64,
                    .length = length};
}

static void what_the_host_does_not_take_stays(void **state)
{
    static const cm_sink_ops sink = {takes_some, end_taking};
    start();
    asked = ended = 0;
    const cm_functype *f = type_of("f: func(s: stream<tuple<zero, zero>>);");
    uint32_t handles[6];
    for (unsigned i = 0; i < 6; i++)
        handles[i] = new_handle(&fx.a, 0, 100 + i);
    memcpy(vm_memory_data(fx.a.memory) + 64, handles, sizeof handles);
    cm_store *store = cm_store_get(fx.store);
    cm_shared *s = cm_shared_create(store, false, 2);
    cm_end e = writer_of(f->params->fields[0].type, s, 3);
    cm_call *call = cm_call_begin(store, NULL);
    assert_int_equal(
        cm_stream_to_host(call, &(cm_value){.rep = s}, &sink, NULL), VM_OK);
    for (unsigned i = 0; i < 2; i++) { /* waits, and is tried again */
        s->pending = NULL;
        assert_int_equal(cm_host_copy(call, &e), VM_OK);
        assert_ptr_equal(s->pending, i ? NULL : &e);
        assert_int_equal(cm_handles_count(fx.a.inst.handles), i ? 4 : 6);
    }
    assert_int_equal(got[0], 100);
    assert_int_equal(got[1], 101);
    assert_int_equal(e.progress, 1);
    for (unsigned i = 0; i < 2; i++) {
        s->pending = NULL;
        assert_int_equal(cm_host_copy(call, &e), VM_OK);
        assert_int_equal(cm_handles_count(fx.a.inst.handles), 4);
        for (unsigned k = 2; k < 6; k++)
            assert_int_equal(cm_handles_get(fx.a.inst.handles, handles[k])->rep,
                             100 + k);
    }
    assert_int_equal(e.result, CM_COPY_DROPPED);
    assert_int_equal(ended, 1);
    cm_call_end(call);
    assert_int_equal(ndropped, 0);
    fixture_end();
    assert_int_equal(ndropped, 4); /* the guest's; the host has the others */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(indices_come_back_last_first),
        cmocka_unit_test(rep_gives_what_new_took),
        cmocka_unit_test(a_full_table_traps),
        cmocka_unit_test(misused_indices_trap),
        cmocka_unit_test(builtins_cannot_leave_in_realloc),
        cmocka_unit_test(dropping_destroys),
        cmocka_unit_test(a_destructor_enters_its_instance),
        cmocka_unit_test(the_end_of_a_table_drops_what_is_left),
        cmocka_unit_test(own_moves_to_the_host),
        cmocka_unit_test(a_lent_handle_cannot_go),
        cmocka_unit_test(a_lent_handle_cannot_be_passed_on),
        cmocka_unit_test(a_borrow_is_no_own),
        cmocka_unit_test(a_failing_call_drops_what_it_took),
        cmocka_unit_test(owned_results_get_handles),
        cmocka_unit_test(results_that_do_not_arrive_are_dropped),
        cmocka_unit_test(the_implementer_sees_its_rep),
        cmocka_unit_test(borrows_must_be_dropped),
        cmocka_unit_test(own_crosses),
        cmocka_unit_test(what_the_host_does_not_take_stays),
    };
    return cmocka_run_group_tests_name("cm_handles", tests, NULL, NULL);
}
