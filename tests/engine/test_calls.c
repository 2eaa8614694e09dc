/*
 * test_calls.c - calls that stop and go on: host functions that wait, fuel,
 * interruption from a signal and from a thread; and calls that nest.
 */
#include "tests/engine/engine.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/time.h>

/* How the host functions of calls.wat behave. */
typedef struct host {
    vm_store *store;
    vm_instance *instance;
    int waits;      /* times to answer VM_PENDING before each answer */
    int waited;     /* so far */
    int calls;      /* all of them */
    int depth, max; /* of `again`; it stops calling at max, or never */
} host;

/* Answers ten times its argument, having waited. */
static vm_status wait_some(vm_fiber *fiber, void *env, vm_slot *slots)
{
    host *h = env;
    h->calls++;
    assert_ptr_equal(vm_fiber_pending(fiber), h->waited ? h : NULL);
    if (h->waited++ < h->waits) {
        vm_fiber_set_pending(fiber, h);
        return VM_PENDING;
    }
    h->waited = 0;
    vm_fiber_set_pending(fiber, NULL);
    slots[0] = (uint32_t)slots[0] * 10;
    return VM_OK;
}

/* Calls the guest again, which calls this. */
static vm_status again(vm_fiber *fiber, void *env, vm_slot *slots)
{
    host *h = env;
    vm_value in = {.u64 = slots[0]}, out = {0};
    vm_error err = {0};
    if (++h->depth == h->max)
        return VM_OK;
    vm_status status =
        vm_call(h->store, func_of(h->instance, "recurse"), &in, &out, &err);
    if (status == VM_TRAP)
        return vm_trap(fiber, "%s", err.text);
    slots[0] = out.u64;
    return status;
}

static loaded module;

static host *start(host *h)
{
    h->store = new_store(engine, NULL);
    const vm_extern imports[] = {
        {.kind = VM_EXTERN_FUNC,
         .func = host_func(h->store, VM_I32, wait_some, h)},
        {.kind = VM_EXTERN_FUNC, .func = host_func(h->store, VM_I32, again, h)},
    };
    h->instance = instantiate(h->store, &module, imports);
    return h;
}

static vm_fiber *fiber_for(host *h, const char *name, const vm_slot *args)
{
    vm_fiber *fiber;
    vm_error err = {0};
    assert_int_equal(vm_fiber_create(h->store, &fiber), VM_OK);
    assert_int_equal(
        vm_fiber_start(fiber, func_of(h->instance, name), args, &err), VM_OK);
    return fiber;
}

static vm_status run(vm_fiber *fiber)
{
    vm_error err = {0};
    return vm_fiber_run(fiber, &err);
}

/* ---- waiting ---------------------------------------------------------------
 */

static double mixed_result(int32_t a, int64_t b, float c, double d, int lane)
{
    double sum = 0;
    for (int n = 0; n < 5; n++)
        sum += d + a * n + n * 10 + (double)b + (double)c + lane;
    return sum;
}

static void values_survive_waiting(void **state)
{
    host h = {.waits = 3};
    start(&h);
    vm_slot args[6] = {7, 1000};
    const float c = 0.5f;
    const double d = 0.25;
    const uint32_t lanes[4] = {1, 2, 3, 400};
    memcpy(&args[2], &c, 4);
    memcpy(&args[3], &d, 8);
    memcpy(&args[4], lanes, 16);
    vm_fiber *fiber = fiber_for(&h, "mixed", args);
    vm_status status;
    int waits = 0;
    while ((status = run(fiber)) == VM_PENDING)
        waits++;
    assert_int_equal(status, VM_OK);
    assert_int_equal(waits, 15);
    assert_int_equal(h.calls, 20);
    double got;
    memcpy(&got, vm_fiber_results(fiber), sizeof got);
    assert_true(got == mixed_result(7, 1000, c, d, 400));
    assert_int_equal(run(fiber), VM_TRAP); /* there is nothing left to run */
    vm_fiber_destroy(fiber);
    vm_store_destroy(h.store);
}

static void every_kind_of_call_can_wait(void **state)
{
    static const struct {
        const char *name;
        vm_slot args[2];
        int32_t result;
    } cases[] = {
        {"indirect", {0, 5}, 150}, /* the import, from the table */
        {"indirect", {1, 4}, 174}, /* which a function calls, four deep */
        {"deep", {1000}, 1070},     {"tail", {6}, 60},
        {"tail-indirect", {6}, 60},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        host h = {.waits = 2};
        start(&h);
        vm_fiber *fiber = fiber_for(&h, cases[i].name, cases[i].args);
        assert_int_equal(run(fiber), VM_PENDING);
        /* meanwhile, something else runs to its end */
        h.waits = h.waited = 0;
        vm_fiber *other = fiber_for(&h, "deep", (vm_slot[]){10});
        assert_int_equal(run(other), VM_OK);
        vm_fiber_destroy(other);
        h.waits = h.waited = 1;
        assert_int_equal(run(fiber), VM_OK);
        assert_int_equal((int32_t)*vm_fiber_results(fiber), cases[i].result);
        vm_fiber_destroy(fiber);
        vm_store_destroy(h.store);
    }
}

/* A thousand at once, resumed in another order than they stopped in. */
static void many_wait_at_once(void **state)
{
    enum { N = 1000 };
    static vm_fiber *fibers[N];
    host h = {.waits = 1};
    start(&h);
    for (int i = 0; i < N; i++) {
        fibers[i] = fiber_for(&h, "deep", (vm_slot[]){(vm_slot)i % 50});
        h.waited = 0;
        assert_int_equal(run(fibers[i]), VM_PENDING);
    }
    for (int k = 0; k < N; k++) {
        int i = (k * 7 + 3) % N;
        h.waited = 1;
        if (i % 10) {
            assert_int_equal(run(fibers[i]), VM_OK);
            assert_int_equal(*vm_fiber_results(fibers[i]), 70 + i % 50);
        }
        vm_fiber_destroy(fibers[i]); /* every tenth while it waits */
    }
    vm_store_destroy(h.store);
}

static void nested_calls_cannot_wait(void **state)
{
    host h = {.waits = 1};
    start(&h);
    vm_value in = {.i32 = 1}, out;
    vm_error err = {0};
    assert_int_equal(
        vm_call(h.store, func_of(h.instance, "tail"), &in, &out, &err),
        VM_TRAP);
    assert_string_equal(err.text, "a nested call cannot wait for the host");
    vm_store_destroy(h.store);

    loaded l = load(engine, "start-wait");
    h = (host){.waits = 1, .store = new_store(engine, NULL)};
    const vm_extern import = {.kind = VM_EXTERN_FUNC,
                              .func =
                                  host_func(h.store, VM_I32, wait_some, &h)};
    vm_instance *instance;
    err = (vm_error){0};
    assert_int_equal(
        vm_instance_create(h.store, l.module, &import, &instance, &err),
        VM_TRAP);
    vm_store_destroy(h.store);
    unload(&l);
}

/* ---- fuel ------------------------------------------------------------------
 */

/* In steps of one, and in large ones: the result is the same. */
static void fuel_runs_out_and_resumes(void **state)
{
    static const uint64_t portions[] = {1, 7, 1000, 100000};
    for (int i = 0; i < 4; i++) {
        host h = {0};
        start(&h);
        uint64_t target = portions[i] * 50, stops = 0;
        vm_fiber *fiber = fiber_for(&h, "count-to", &target);
        vm_status status;
        vm_store_set_fuel(h.store, portions[i]);
        while ((status = run(fiber)) == VM_INTERRUPTED) {
            assert_int_equal(vm_store_fuel(h.store), 0);
            assert_true(++stops < 200);
            vm_store_set_fuel(h.store, portions[i]);
        }
        assert_int_equal(status, VM_OK);
        assert_int_equal(*vm_fiber_results(fiber), target);
        assert_in_range(stops, 40, 60);
        vm_fiber_destroy(fiber);
        vm_store_destroy(h.store);
    }
}

static void fuel_is_given_back(void **state)
{
    host h = {0};
    start(&h);
    vm_store_set_fuel(h.store, 1000000);
    assert_int_equal(call_i32(h.store, h.instance, "deep", 100), 170);
    uint64_t used = 1000000 - vm_store_fuel(h.store);
    assert_in_range(used, 100, 110);
    assert_true(vm_store_spend(h.store, 1000));
    assert_int_equal(vm_store_fuel(h.store), 999000 - used);
    assert_false(vm_store_spend(h.store, 1000000));
    vm_store_destroy(h.store);
}

static void the_start_function_uses_fuel(void **state)
{
    loaded l = load(engine, "start");
    vm_store *store = new_store(engine, NULL);
    vm_instance *instance;
    vm_error err = {0};
    vm_store_set_fuel(store, 100000);
    assert_int_equal(vm_instance_create(store, l.module, NULL, &instance, &err),
                     VM_INTERRUPTED);
    assert_string_equal(err.text, "interrupted: out of fuel or time");
    vm_store_destroy(store);
    unload(&l);
}

static void recursion_uses_fuel(void **state)
{
    host h = {0};
    start(&h);
    vm_value out;
    vm_error err = {0};
    vm_store_set_fuel(h.store, 1000);
    assert_int_equal(
        vm_call(h.store, func_of(h.instance, "endless"), NULL, &out, &err),
        VM_INTERRUPTED);
    vm_store_destroy(h.store);
}

/*
 * Instructions that do much cost much: a unit for each 64 bytes.  With less
 * fuel they wait at the instruction, which is then done once, and paid for
 * once.
 */
static void bulk_instructions_use_fuel(void **state)
{
    static const struct {
        const char *name;
        int32_t count;
        uint32_t element; /* bytes */
    } cases[] = {
        {"memory.fill", 2000000, 1},     {"memory.copy", 2000000, 1},
        {"memory.init", 128, 1},         {"table.fill", 100000, 8},
        {"table.copy", 100000, 8},       {"table.init", 16, 8},
        {"table.grow", 900000, 8},       {"array.new", 100000, 8},
        {"array.new_default", 90000, 8}, {"array.new_data", 128, 1},
        {"array.new_elem", 16, 8},       {"array.fill", 1000000, 1},
        {"array.copy", 1000000, 1},      {"array.init_data", 130, 1},
        {"array.init_elem", 16, 8},
    };
    loaded l = load(engine, "bulk");
    vm_store *store = new_store(engine, NULL);
    vm_instance *in = instantiate(store, &l, NULL);
    call_i32(store, in, "prepare", 1000000);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *name = cases[i].name;
        uint64_t units = (uint64_t)cases[i].count * cases[i].element / 64;
        vm_store_set_fuel(store, 10000000);
        int32_t got = call_i32(store, in, name, cases[i].count);
        uint64_t used = 10000000 - vm_store_fuel(store);
        if (got != 7 || used < units || used > units + 3)
            fail_msg("%s: %d, %lu units, not %lu", name, got, used, units);

        uint64_t portion = units / 10 ? units / 10 : 1, stops = 0;
        vm_fiber *fiber;
        vm_error err = {0};
        vm_slot count = (vm_slot)cases[i].count;
        assert_int_equal(vm_fiber_create(store, &fiber), VM_OK);
        assert_int_equal(vm_fiber_start(fiber, func_of(in, name), &count, &err),
                         VM_OK);
        vm_store_set_fuel(store, portion);
        while (run(fiber) == VM_INTERRUPTED) {
            assert_int_equal(vm_store_fuel(store), 0);
            assert_true(++stops < 20);
            vm_store_set_fuel(store, portion);
        }
        assert_true(stops >= units / portion - 1);
        assert_int_equal((int32_t)*vm_fiber_results(fiber), 7);
        vm_fiber_destroy(fiber);
    }
    vm_store_set_fuel(store, 100);
    assert_int_equal(call_i32(store, in, "grow-too-far", -2), -1);
    assert_in_range(vm_store_fuel(store), 90, 100);
    vm_store_destroy(store);
    unload(&l);
}

/* ---- interruption
 * ------------------------------------------------------------ */

static _Atomic(vm_store *) to_interrupt;

static void on_alarm(int signal)
{
    vm_store *store = atomic_load(&to_interrupt);
    if (store)
        vm_store_interrupt(store);
}

/* The guest counts for ever; each signal stops it, and it goes on. */
static void signals_interrupt(void **state)
{
    host h = {0};
    start(&h);
    const struct sigaction action = {.sa_handler = on_alarm};
    const struct itimerval tick = {{0, 5000}, {0, 5000}}, none = {0};
    vm_global *count = export_of(h.instance, "count").global;
    vm_fiber *fiber = fiber_for(&h, "forever", NULL);
    uint64_t before = 0;
    atomic_store(&to_interrupt, h.store);
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &tick, NULL);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(run(fiber), VM_INTERRUPTED);
        uint64_t now = vm_global_get(count).u64;
        assert_true(now >= before);
        before = now;
    }
    assert_true(before > 0);
    setitimer(ITIMER_REAL, &none, NULL);
    atomic_store(&to_interrupt, NULL);
    vm_fiber_destroy(fiber);
    vm_store_destroy(h.store);
}

static void *interrupt_from_thread(void *store)
{
    vm_store_interrupt(store);
    return NULL;
}

static void threads_interrupt(void **state)
{
    host h = {0};
    start(&h);
    vm_error err = {0};
    for (int i = 0; i < 20; i++) {
        pthread_t thread;
        assert_int_equal(
            pthread_create(&thread, NULL, interrupt_from_thread, h.store), 0);
        assert_int_equal(
            vm_call(h.store, func_of(h.instance, "forever"), NULL, NULL, &err),
            VM_INTERRUPTED);
        pthread_join(thread, NULL);
    }
    vm_store_destroy(h.store);
}

/* ---- nesting
 * ------------------------------------------------------------------ */

static void host_and_guest_recurse(void **state)
{
    host h = {.max = 100};
    start(&h);
    assert_int_equal(call_i32(h.store, h.instance, "recurse", 5), 105);
    h.max = h.depth = 0;
    vm_value in = {.i32 = 5}, out;
    vm_error err = {0};
    assert_int_equal(
        vm_call(h.store, func_of(h.instance, "recurse"), &in, &out, &err),
        VM_TRAP);
    assert_string_equal(err.text, "call stack exhausted");
    assert_true(h.depth > 100);
    h.max = 100;
    h.depth = 0; /* nothing was lost */
    assert_int_equal(call_i32(h.store, h.instance, "recurse", 5), 105);
    vm_store_destroy(h.store);
}

static void guests_recurse(void **state)
{
    host h = {0};
    start(&h);
    vm_value args[8] = {0}, out;
    static const char *const names[] = {"endless", "many"};
    for (int i = 0; i < 20; i++) {
        vm_error err = {0};
        assert_int_equal(vm_call(h.store, func_of(h.instance, names[i % 2]),
                                 args, &out, &err),
                         VM_TRAP);
        assert_string_equal(err.text, "call stack exhausted");
    }
    assert_int_equal(call_i32(h.store, h.instance, "deep", 20000), 20070);
    vm_store_destroy(h.store);
}

static int up(void **state)
{
    if (engine_up(state))
        return -1;
    module = load(engine, "calls");
    return 0;
}

static int down(void **state)
{
    unload(&module);
    return engine_down(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_survive_waiting),
        cmocka_unit_test(every_kind_of_call_can_wait),
        cmocka_unit_test(many_wait_at_once),
        cmocka_unit_test(nested_calls_cannot_wait),
        cmocka_unit_test(fuel_runs_out_and_resumes),
        cmocka_unit_test(fuel_is_given_back),
        cmocka_unit_test(the_start_function_uses_fuel),
        cmocka_unit_test(recursion_uses_fuel),
        cmocka_unit_test(bulk_instructions_use_fuel),
        cmocka_unit_test(signals_interrupt),
        cmocka_unit_test(threads_interrupt),
        cmocka_unit_test(host_and_guest_recurse),
        cmocka_unit_test(guests_recurse),
    };
    return cmocka_run_group_tests_name("engine_calls", tests, up, down);
}
