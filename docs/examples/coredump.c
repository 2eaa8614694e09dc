/*
 * coredump.c - a guest traps, and leaves a core dump for a debugger.
 *
 *     make libvyoma
 *     cc -I. docs/examples/coredump.c build/x86_64/libvyoma.a -lm -lpthread
 *     ./a.out FILE
 *
 * The standard C API says that and where it trapped; the engine's own writes
 * the dump.  The module is
 *
 *     (module
 *       (memory 1)
 *       (func (export "fail") (param i32)
 *         (i32.store (local.get 0) (i32.const 1))))
 */
#include "vm/coredump.h"
#include "vm/wasm.h"

static const unsigned char binary[] = {
    0,  'a', 's', 'm',  1,   0,    0,   0,          /* header */
    1,  5,   1,   0x60, 1,   0x7f, 0,               /* types */
    3,  2,   1,   0,                                /* functions */
    5,  3,   1,   0,    1,                          /* memory */
    7,  8,   1,   4,    'f', 'a',  'i', 'l',  0, 0, /* exports */
    10, 11,  1,   9,    0,   0x20, 0,   0x41, 1, 0x36, 2, 0, 0x0b, /* code */
};

/* Says where the trap was, and dumps what the guest was then. */
static int report(wasm_store_t *store, const wasm_trap_t *trap,
                  const char *path)
{
    wasm_message_t message;
    wasm_trap_message(trap, &message);
    wasm_frame_t *frame = wasm_trap_origin(trap);
    printf("trap: %s, in function %u at offset 0x%zx\n", message.data,
           frame ? wasm_frame_func_index(frame) : 0,
           frame ? wasm_frame_module_offset(frame) : 0);
    wasm_frame_delete(frame);
    wasm_name_delete(&message);
    FILE *out = fopen(path, "wb");
    bool ok = out && vm_coredump_write(vm_store_of(store), "example", out);
    if (out && fclose(out))
        ok = false;
    if (!ok)
        perror(path);
    return ok ? 0 : 1;
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: %s FILE\n", argv[0]);
        return 2;
    }
    int status = 1;
    wasm_engine_t *engine = wasm_engine_new();
    wasm_store_t *store = wasm_store_new(engine);
    wasm_byte_vec_t bytes = {sizeof binary, (char *)binary};
    wasm_module_t *module = wasm_module_new(store, &bytes);
    wasm_extern_vec_t imports = WASM_EMPTY_VEC, exports = WASM_EMPTY_VEC;
    wasm_instance_t *instance =
        module ? wasm_instance_new(store, module, &imports, NULL) : NULL;
    if (!instance) {
        fprintf(stderr, "the module is not valid\n");
        return status;
    }
    wasm_instance_exports(instance, &exports);
    wasm_val_t address[] = {WASM_I32_VAL(65534)};
    wasm_val_vec_t args = WASM_ARRAY_VEC(address), results = WASM_EMPTY_VEC;
    wasm_trap_t *trap =
        wasm_func_call(wasm_extern_as_func(exports.data[0]), &args, &results);
    if (trap)
        status = report(store, trap, argv[1]);
    wasm_trap_delete(trap);
    wasm_extern_vec_delete(&exports);
    wasm_instance_delete(instance);
    wasm_module_delete(module);
    wasm_store_delete(store);
    wasm_engine_delete(engine);
    return status;
}
