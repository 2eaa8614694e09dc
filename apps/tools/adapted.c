/*
 * adapted.c - the start of a C program that the preview 1 adapter makes a
 * component of, in place of wasi-libc's crt1: link with -nostartfiles.
 *
 * It exports an allocator, so that the adapter asks the program's own heap for
 * its stack and state.  Without one the adapter grows the memory, and a
 * wasi-libc without __heap_end (Debian bookworm's) takes all pages that there
 * are for its heap at the first malloc, the adapter's among them.  That
 * __wasm_call_ctors is called by name keeps the linker from running all
 * constructors and destructors around each call of an export.
 */
#include <stdlib.h>
#include <unistd.h>

#define EXPORT(name) __attribute__((export_name(name)))

void __wasm_call_ctors(void);
void __wasm_call_dtors(void);
int __main_void(void); /* gets the arguments and calls main */

EXPORT("_start") void _start(void);
EXPORT("cabi_realloc")
void *cabi_realloc(void *old, size_t old_size, size_t align, size_t size);

void _start(void)
{
    __wasm_call_ctors();
    int status = __main_void();
    __wasm_call_dtors();
    if (status)
        _exit(status);
}

void *cabi_realloc(void *old, size_t old_size, size_t align, size_t size)
{
    (void)old_size, (void)align; /* malloc aligns for every type */
    return realloc(old, size);
}
