/*
 * test_counts.c - counting in bursts: whatever the plan, the guest does what it
 * does otherwise; counting everything counts as an engine does that only
 * counts; and what is estimated from a part is near.
 */
#include "tests/engine/engine.h"

#include "vm/counts.h"

enum { ROUNDS = 5000 };

/* Every other call has to wait. */
static vm_status wait_function(vm_fiber *fiber, void *env, vm_slot *slots)
{
    int *waits = env;
    if (++*waits % 2 == 0)
        return VM_PENDING;
    slots[0] = (uint32_t)slots[0] + 1;
    return VM_OK;
}

static vm_status no_function(vm_fiber *fiber, void *env, vm_slot *slots)
{
    return vm_trap(fiber, "nobody calls this");
}

/* Two instances: one calls into the other.  Returns the one to run. */
static vm_instance *instantiate_both(vm_store *store, const loaded *l,
                                     int *waits)
{
    const vm_type types[] = {VM_I32, VM_I32};
    const vm_functype type = {1, 1, 1, 1, types};
    vm_func *wait = vm_func_create_host(store, &type, wait_function, waits);
    vm_func *none = vm_func_create_host(store, &type, no_function, NULL);
    vm_extern imports[] = {{VM_EXTERN_FUNC, {wait}}, {VM_EXTERN_FUNC, {none}}};
    vm_instance *first = instantiate(store, l, imports);
    imports[1].func = func_of(first, "other");
    return instantiate(store, l, imports);
}

typedef struct outcome {
    int32_t result;
    int stops;
    vm_counts *counts;
} outcome;

/* `fuel`: portions of it; 0: endless. */
static outcome work(vm_engine *in, const loaded *l, const vm_count_plan *plan,
                    uint64_t fuel)
{
    outcome out = {0};
    vm_store *store = new_store(in, NULL);
    int waits = 0;
    vm_fiber *fiber;
    vm_error err = {0};
    vm_status status;
    vm_slot rounds = ROUNDS;
    vm_instance *instance = instantiate_both(store, l, &waits);
    if (fuel)
        vm_store_set_fuel(store, fuel);
    assert_true(!plan || vm_counts_start(store, plan));
    assert_int_equal(vm_fiber_create(store, &fiber), VM_OK);
    assert_int_equal(
        vm_fiber_start(fiber, func_of(instance, "work"), &rounds, &err), VM_OK);
    while ((status = vm_fiber_run(fiber, &err)) == VM_PENDING ||
           status == VM_INTERRUPTED) {
        out.stops++;
        if (status == VM_INTERRUPTED)
            vm_store_set_fuel(store, fuel);
    }
    if (status != VM_OK)
        fail_msg("%s", err.text);
    out.result = (int32_t)*vm_fiber_results(fiber);
    out.counts = vm_counts_collect(store);
    vm_fiber_destroy(fiber);
    vm_store_destroy(store);
    return out;
}

/* By an engine that counts all. */
static outcome exact_outcome(void)
{
    const vm_options options = {.count = true};
    vm_engine *counting = vm_engine_create(&options);
    loaded l = load(counting, "counts");
    outcome exact = work(counting, &l, NULL, 0);
    assert_non_null(exact.counts);
    assert_true(exact.counts->exact);
    unload(&l);
    vm_engine_destroy(counting);
    return exact;
}

static const vm_count_plan everything = {UINT64_MAX, UINT64_MAX, 1, 1};

/* Functions may be counted together with those of other stores of the module,
 * so that each test loads its own. */
static void counting_everything_is_exact(void **state)
{
    static const uint64_t fuel[] = {0, 1000};
    outcome exact = exact_outcome();
    for (int i = 0; i < 2; i++) {
        loaded l = load(engine, "counts");
        outcome got = work(engine, &l, &everything, fuel[i]);
        assert_non_null(got.counts);
        assert_true(got.counts->exact);
        assert_int_equal(got.result, exact.result);
        assert_true(got.stops > 5);
        assert_int_equal(got.counts->instructions, exact.counts->instructions);
        assert_memory_equal(got.counts->opcodes, exact.counts->opcodes,
                            VM_OP_COUNT * sizeof(uint64_t));
        assert_memory_equal(got.counts->pairs, exact.counts->pairs,
                            (size_t)VM_OP_COUNT * VM_OP_COUNT *
                                sizeof(uint64_t));
        assert_int_equal(got.counts->nfuncs, exact.counts->nfuncs);
        vm_counts_free(got.counts);
        unload(&l);
    }
    vm_counts_free(exact.counts);
}

static void near(uint64_t got, uint64_t want, const char *what)
{
    if (got < want - want / 8 || got > want + want / 8)
        fail_msg("%s: %lu, not about %lu", what, got, want);
}

static void estimates_are_near_and_nothing_changes(void **state)
{
    static const vm_count_plan plans[] = {
        {0, 0, 1, 1},          {0, 0, 7, 2},
        {1, UINT64_MAX, 3, 3}, {100, UINT64_MAX, 50, 10},
        {1000, 1, 40, 15},     {0, 0, 0, 1},
        {500, 500, 200, 40},
    };
    outcome exact = exact_outcome();
    for (size_t i = 0; i < sizeof plans / sizeof *plans; i++) {
        loaded l = load(engine, "counts");
        outcome got = work(engine, &l, &plans[i], i % 2 * 5000);
        assert_int_equal(got.result, exact.result);
        assert_non_null(got.counts);
        assert_false(got.counts->exact);
        assert_true(got.counts->bursts > 50);
        near(got.counts->instructions, exact.counts->instructions, "all");
        for (uint32_t op = 0; op < VM_OP_COUNT; op++)
            if (exact.counts->opcodes[op] > exact.counts->instructions / 50)
                near(got.counts->opcodes[op], exact.counts->opcodes[op],
                     vm_ops[op].text);
        vm_counts_free(got.counts);
        unload(&l);
    }
    vm_counts_free(exact.counts);
}

/* A trap in a burst has the frames that it has otherwise; then it goes on. */
static void traps_in_bursts_have_their_frames(void **state)
{
    loaded l = load(engine, "calls");
    const vm_type types[] = {VM_I32, VM_I32};
    const vm_functype type = {1, 1, 1, 1, types};
    size_t depth[2];
    uint32_t offset[2];
    for (int counted = 0; counted < 2; counted++) {
        vm_store *store = new_store(engine, NULL);
        vm_func *none = vm_func_create_host(store, &type, no_function, NULL);
        const vm_extern imports[] = {{VM_EXTERN_FUNC, {none}},
                                     {VM_EXTERN_FUNC, {none}}};
        vm_instance *in = instantiate(store, &l, imports);
        const vm_count_plan plan = {0, 0, 5, 20};
        assert_true(!counted || vm_counts_start(store, &plan));
        for (int i = 0; i < 20; i++) {
            vm_frame frames[VM_TRACE_FRAMES];
            vm_value arg = {.i32 = 20 + i}, out;
            vm_error err = {0};
            assert_int_equal(
                vm_call(store, func_of(in, "deep"), &arg, &out, &err), VM_TRAP);
            size_t n = vm_store_trace(store, frames, VM_TRACE_FRAMES);
            assert_int_equal(n, 21 + i);
            depth[counted] = n;
            offset[counted] = frames[n - 1].offset;
        }
        vm_store_destroy(store);
    }
    assert_int_equal(depth[0], depth[1]);
    assert_int_equal(offset[0], offset[1]);
    unload(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counting_everything_is_exact),
        cmocka_unit_test(estimates_are_near_and_nothing_changes),
        cmocka_unit_test(traps_in_bursts_have_their_frames),
    };
    engine = vm_engine_create(NULL);
    int failed = cmocka_run_group_tests_name("counts", tests, NULL, NULL);
    vm_engine_destroy(engine);
    return failed;
}
