/*
 * component.c - a component in a program of yours: an interface that the host
 * implements, limits, and a call with strings both ways.
 *
 *     make libvyoma
 *     node tests/tools/wat2wasm.mjs docs/examples/greet.wat greet.wasm
 *     cc -I. docs/examples/component.c build/x86_64/libvyoma.a -lm -lpthread
 *     ./a.out greet.wasm
 */
#include "vm/component.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What the component may import: the types in WIT, the code in a table. */
static const char wit[] = "package example:greeter;"
                          "interface host { log: func(text: string); }";

static vm_status log_text(cm_call *call, void *host, const cm_value *args,
                          cm_value *result)
{
    (void)call, (void)result; /* it traps nothing and answers nothing */
    fprintf(host, "log: %.*s\n", (int)args[0].str.len, args[0].str.data);
    return VM_OK;
}

static const cm_host_func functions[] = {{"log", log_text}, {NULL, NULL}};
static const cm_host_interface interface = {"example:greeter/host", functions,
                                            NULL};

static uint8_t *read_file(const char *path, size_t *len)
{
    FILE *f = fopen(path, "rb");
    if (!f)
        return NULL;
    fseek(f, 0, SEEK_END);
    *len = (size_t)ftell(f);
    rewind(f);
    uint8_t *bytes = malloc(*len + 1);
    if (bytes && fread(bytes, 1, *len, f) != *len)
        *len = 0; /* then it is no component */
    fclose(f);
    return bytes;
}

static vm_status greet(cm_instance *instance, vm_error *err)
{
    cm_func *func = cm_instance_func(instance, NULL, "greet");
    const cm_value name = {.str = {"world", 5}};
    cm_result result = {0};
    if (!func)
        return VM_INVALID;
    vm_status status = cm_func_call(func, &name, &result, err);
    if (status == VM_OK) {
        printf("%.*s\n", (int)result.value.str.len, result.value.str.data);
        cm_result_free(&result);
    }
    return status;
}

int main(int argc, char **argv)
{
    size_t len = 0;
    uint8_t *bytes = argc == 2 ? read_file(argv[1], &len) : NULL;
    const vm_store_limits limits = {.memory_bytes = 1 << 20, .instances = 10};
    vm_error err = {0};
    vm_store *store = NULL;
    cm_component *component = NULL;
    cm_instance *instance;
    vm_engine *engine = vm_engine_create(NULL);
    cm_linker *linker = cm_linker_create(engine);
    vm_status status =
        bytes ? vm_store_create(engine, &limits, &store) : VM_INVALID;
    if (status == VM_OK) {
        vm_store_set_fuel(store, 1000000); /* loop turns and calls */
        status = cm_linker_add_wit(linker, "host", wit, strlen(wit), &err);
    }
    if (status == VM_OK)
        status = cm_linker_define(linker, &interface, stdout, &err);
    if (status == VM_OK)
        status = cm_component_load(engine, bytes, len, &component, &err);
    if (status == VM_OK)
        status =
            cm_instantiate(linker, component, store, &instance, NULL, &err);
    if (status == VM_OK)
        status = greet(instance, &err);
    if (status != VM_OK)
        fprintf(stderr, "component: %s\n",
                err.text[0] ? err.text : "usage: component FILE");

    vm_store_destroy(store); /* the order matters: users before used */
    cm_component_release(component);
    cm_linker_destroy(linker);
    vm_engine_destroy(engine);
    free(bytes);
    return status != VM_OK;
}
