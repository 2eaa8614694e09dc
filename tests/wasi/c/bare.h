/*
 * bare.h - what programs on bare imports have in common, which know no libc: a
 * heap of HEAP_BYTES that only grows, for what the canonical ABI puts into
 * memory, and strings.
 */
#define IMPORT(module, name)                                                   \
    __attribute__((import_module(module), import_name(name))) extern

typedef unsigned char u8;

static u8 heap[HEAP_BYTES];
static unsigned used;

__attribute__((export_name("cabi_realloc"))) void *
cabi_realloc(void *old, unsigned old_size, unsigned align, unsigned size)
{
    used = (used + align - 1) & -align;
    if (size > sizeof heap - used)
        __builtin_trap();
    void *at = heap + used;
    used += size;
    return at;
}

static int length(const char *text)
{
    int n = 0;
    while (text[n])
        n++;
    return n;
}
