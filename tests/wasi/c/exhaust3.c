/*
 * exhaust3.c - takes of everything in WASI 0.3 without end.  What meets an
 * error returns the case of its error-code, 1000 when there were too few, 2000
 * when things do not work again afterwards; what meets a limit of the engine
 * traps.
 */
#define IMPORT(module, name)                                                   \
    __attribute__((import_module(module), import_name(name))) extern
#define EXPORT(name) __attribute__((export_name(name)))
#define FILES "wasi:filesystem/types@0.3.0"
#define SOCKETS "wasi:sockets/types@0.3.0"
#define HTTP "wasi:http/types@0.3.0"
#define CLOCK "wasi:clocks/monotonic-clock@0.3.0"

typedef unsigned char u8;
typedef unsigned long long u64;

IMPORT("wasi:filesystem/preopens@0.3.0", "get-directories")
void get_directories(int *ret);
IMPORT(FILES, "[method]descriptor.open-at")
void open_at(int self, int path_flags, const char *path, int len, int open,
             int flags, u8 *ret);
IMPORT(FILES, "[resource-drop]descriptor") void drop_descriptor(int self);
IMPORT(SOCKETS, "[static]tcp-socket.create") void tcp_create(int, u8 *ret);
IMPORT(SOCKETS, "[static]udp-socket.create") void udp_create(int, u8 *ret);
IMPORT(SOCKETS, "[resource-drop]tcp-socket") void drop_tcp(int self);
IMPORT(HTTP, "[constructor]fields") int fields_new(void);
IMPORT(HTTP, "[method]fields.append")
void fields_append(int self, const char *name, int name_len, const char *value,
                   int value_len, u8 *ret);
IMPORT(HTTP, "[stream-new-0][static]response.new") u64 stream_new(void);
IMPORT("wasi:random/random@0.3.0", "get-random-bytes")
void random_bytes(u64 len, unsigned *ret);
IMPORT(CLOCK, "[async-lower]wait-for") int wait_for(u64 ns);

static u8 heap[1 << 16];
static unsigned used;

EXPORT("cabi_realloc")
void *cabi_realloc(void *old, unsigned old_size, unsigned align, unsigned size)
{
    used = (used + align - 1) & -align;
    if (size > sizeof heap) {
        unsigned long pages = __builtin_wasm_memory_grow(0, (size >> 16) + 1);
        return (void *)(pages << 16);
    }
    if (size > sizeof heap - used)
        __builtin_trap();
    void *at = heap + used;
    used += size;
    return at;
}

EXPORT("files") int files(void)
{
    static int held[1 << 17];
    _Alignas(4) u8 ret[16] = {0};
    int list[2], n = 0;
    get_directories(list);
    int dir = *(int *)list[0];
    for (;;) {
        open_at(dir, 0, "seed", 4, 0, 1, ret);
        if (ret[0])
            break;
        held[n++] = *(int *)(ret + 4);
    }
    u8 code = ret[4];
    if (n < 8)
        return 1000;
    while (n)
        drop_descriptor(held[--n]);
    open_at(dir, 0, "seed", 4, 0, 1, ret);
    return ret[0] ? 2000 : code;
}

EXPORT("sockets") int sockets(void)
{
    static int held[1 << 17];
    _Alignas(4) u8 ret[32] = {0};
    int n = 0;
    while (tcp_create(n & 1, ret), !ret[0])
        held[n++] = *(int *)(ret + 4);
    u8 code = ret[4];
    udp_create(0, ret);
    if (n < 8 || !ret[0])
        return 1000;
    while (n)
        drop_tcp(held[--n]);
    tcp_create(0, ret);
    return ret[0] ? 2000 : code;
}

/* One value after the other: header-error's size-exceeded is 3. */
EXPORT("fields") int fields(void)
{
    static const char value[1000] = {[0 ... 999] = 'x'};
    _Alignas(4) u8 ret[20] = {0};
    int self = fields_new();
    for (int n = 0; n < 1 << 20; n++) {
        fields_append(self, "name", 4, value, sizeof value, ret);
        if (ret[0])
            return ret[4];
    }
    return 1000;
}

/* Many that are not too large each: all of a guest's count together. */
EXPORT("many-fields") int many_fields(void)
{
    static const char value[1000] = {[0 ... 999] = 'x'};
    _Alignas(4) u8 ret[20] = {0};
    for (int n = 0; n < 1 << 20; n++) {
        fields_append(fields_new(), "name", 4, value, sizeof value, ret);
        if (ret[0])
            return ret[4];
    }
    return 1000;
}

EXPORT("random") int random(u64 len)
{
    unsigned ret[2];
    random_bytes(len, ret);
    return (int)ret[1];
}

EXPORT("handles") int handles(void)
{
    for (;;)
        fields_new();
}

EXPORT("streams") int streams(void)
{
    for (;;)
        stream_new();
}

EXPORT("calls") int calls(void)
{
    for (;;)
        wait_for(1ull << 50);
}
