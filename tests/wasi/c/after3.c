/* after3.c - a command of WASI 0.3 that goes on after it has answered, and in
 * the end waits for what will never come: that is no failure any more. */
#define IMPORT(module, name)                                                   \
    __attribute__((import_module(module), import_name(name))) extern
#define STDOUT "wasi:cli/stdout@0.3.0"

typedef long long s64;

IMPORT(STDOUT, "write-via-stream") int write_via_stream(int stream);
IMPORT(STDOUT, "[stream-new-0]write-via-stream") s64 stream_new(void);
IMPORT(STDOUT, "[stream-write-0]write-via-stream")
int stream_write(int stream, const void *data, int len);
IMPORT(STDOUT, "[future-read-1]write-via-stream")
int written_read(int future, unsigned char *to);
IMPORT("wasi:clocks/monotonic-clock@0.3.0", "wait-for") void wait_for(s64 ns);
IMPORT("[export]wasi:cli/run@0.3.0", "[task-return]run") void done(int is_err);

__attribute__((export_name("cabi_realloc"))) void *
cabi_realloc(void *old, unsigned old_size, unsigned align, unsigned size)
{
    __builtin_trap();
}

__attribute__((export_name("[async-lift-stackful]wasi:cli/run@0.3.0#run"))) void
run(void)
{
    s64 ends = stream_new();
    int written = write_via_stream((int)ends);
    unsigned char result[2];
    done(0);
    wait_for(1000000);
    stream_write((int)(ends >> 32), "after the answer\n", 17);
    written_read(written, result); /* the stream is still open */
}
