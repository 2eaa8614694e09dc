/*
 * wasm_api_trap.c - the standard C API's traps: a message, and the frames of
 * guest code that it came through.
 */
#include "vm/wasm_api.h"

#include <stdlib.h>
#include <string.h>

#define REF(p) ((wasm_ref_t *)(p))
#define CONST_REF(p) ((const wasm_ref_t *)(p))

/* ---- frames ---------------------------------------------------------------
 */

struct wasm_frame_t {
    wasm_store_t *store;
    vm_frame frame;
};

static wasm_frame_t *frame_of(const wasm_ref_t *trap, size_t i)
{
    wasm_frame_t *frame = malloc(sizeof *frame);
    if (frame)
        *frame = (wasm_frame_t){trap->store, trap->frames[i]};
    return frame;
}

wasm_frame_t *wasm_frame_copy(const wasm_frame_t *frame)
{
    wasm_frame_t *copy = malloc(sizeof *copy);
    if (copy)
        *copy = *frame;
    return copy;
}

void wasm_frame_delete(wasm_frame_t *frame)
{
    free(frame);
}

/* The instance's owner keeps it: NULL when no one does any more. */
struct wasm_instance_t *wasm_frame_instance(const wasm_frame_t *frame)
{
    wasm_ref_t *ref =
        wasm_ref_find(frame->store, WASM_REF_INSTANCE, frame->frame.instance);
    if (ref)
        ref->owners--;
    return (wasm_instance_t *)ref;
}

uint32_t wasm_frame_func_index(const wasm_frame_t *frame)
{
    return frame->frame.func;
}

size_t wasm_frame_func_offset(const wasm_frame_t *frame)
{
    return frame->frame.func_offset;
}

size_t wasm_frame_module_offset(const wasm_frame_t *frame)
{
    return frame->frame.offset;
}

/* ---- traps ----------------------------------------------------------------
 */

wasm_trap_t *wasm_trap_of(wasm_store_t *store, const char *text)
{
    wasm_ref_t *ref = wasm_ref_create(store, WASM_REF_TRAP, NULL);
    if (ref)
        wasm_bytes_set(&ref->bytes, text, strlen(text) + 1);
    return (wasm_trap_t *)ref;
}

/* Frames that do not fit in memory are left out. */
static void take_frames(wasm_ref_t *trap)
{
    size_t n = vm_store_trace(trap->store->vm, NULL, 0);
    n = n < VM_TRACE_FRAMES ? n : VM_TRACE_FRAMES;
    trap->frames = n ? calloc(n, sizeof *trap->frames) : NULL;
    if (!trap->frames)
        return;
    (void)vm_store_trace(trap->store->vm, trap->frames, n);
    trap->nframes = n;
}

wasm_trap_t *wasm_trap_of_status(wasm_store_t *store, vm_status status,
                                 const vm_error *err)
{
    static const char *const texts[] = {
        [VM_TRAP] = "trap",
        [VM_THROWN] = "uncaught exception",
        [VM_PENDING] = "a host function would block",
        [VM_INTERRUPTED] = "interrupted",
        [VM_EXIT] = "exit",
        [VM_INVALID] = "invalid",
        [VM_NO_MEMORY] = "out of memory",
    };
    wasm_trap_t *trap =
        wasm_trap_of(store, *err->text ? err->text : texts[status]);
    if (trap && (status == VM_TRAP || status == VM_THROWN))
        take_frames(REF(trap));
    return trap;
}

/* The message ends with a NUL, but one is added when the caller forgot. */
wasm_trap_t *wasm_trap_new(wasm_store_t *store, const wasm_message_t *message)
{
    wasm_ref_t *ref = wasm_ref_create(store, WASM_REF_TRAP, NULL);
    size_t n = message->size;
    if (!ref)
        return NULL;
    wasm_byte_vec_new_uninitialized(&ref->bytes, n + 1);
    if (ref->bytes.size && n)
        memcpy(ref->bytes.data, message->data, n);
    if (ref->bytes.size && n && !message->data[n - 1])
        ref->bytes.size = n;
    return (wasm_trap_t *)ref;
}

void wasm_trap_message(const wasm_trap_t *trap, wasm_message_t *out)
{
    wasm_byte_vec_copy(out, &CONST_REF(trap)->bytes);
}

wasm_frame_t *wasm_trap_origin(const wasm_trap_t *trap)
{
    const wasm_ref_t *ref = CONST_REF(trap);
    return ref->nframes ? frame_of(ref, 0) : NULL;
}

void wasm_trap_trace(const wasm_trap_t *trap, wasm_frame_vec_t *out)
{
    const wasm_ref_t *ref = CONST_REF(trap);
    wasm_frame_vec_new_uninitialized(out, ref->nframes);
    for (size_t i = 0; i < out->size; i++)
        out->data[i] = frame_of(ref, i);
}
