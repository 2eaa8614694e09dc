/*
 * wasi.h - the imports of WASI 0.2 that small apps use, as C declarations.
 *
 * Each declaration spells the flattened signature that the canonical ABI gives
 * the WIT function: a string or list is (pointer, length), a handle is int32_t,
 * and a result that does not fit one core value is written where the last
 * argument points.  A wrong signature is an error when the component is made.
 * Only what an app calls becomes an import of it.
 */
#ifndef VYOMA_SDK_WASI_H
#define VYOMA_SDK_WASI_H

#include "sdk/std.h"

#define IMPORT(interface, function)                                            \
    __attribute__((import_module(interface), import_name(function)))
/* The app's entry: world export wasi:cli/run.  Returns 0 for ok, 1 for err. */
#define APP_RUN __attribute__((export_name("wasi:cli/run@0.2.12#run")))
int app_run(void);

typedef int32_t handle; /* of a resource; -1 is none */

/* ---- wasi:io ---- */

#define IO_POLL "wasi:io/poll@0.2.12"
#define IO_STREAMS "wasi:io/streams@0.2.12"
#define IO_ERROR "wasi:io/error@0.2.12"

typedef struct ready_list {
    const uint32_t *items; /* indices into the polled list */
    size_t len;
} ready_list;

IMPORT(IO_POLL, "poll")
void wasi_poll(const handle *pollables, size_t count, ready_list *ready);
IMPORT(IO_POLL, "[method]pollable.block") void pollable_block(handle self);
IMPORT(IO_POLL, "[method]pollable.ready") bool pollable_ready(handle self);
IMPORT(IO_POLL, "[resource-drop]pollable") void pollable_drop(handle self);

/* result<_, stream-error>; of an error only the handle matters: drop it */
typedef struct stream_status {
    uint8_t is_err;
    uint8_t pad[3];
    uint8_t closed; /* 1: closed, 0: last-operation-failed(error) */
    uint8_t pad2[3];
    handle error;
} stream_status;

/* result<list<u8>, stream-error> */
typedef struct stream_read {
    uint8_t is_err;
    uint8_t pad[3];
    union {
        str data;
        struct {
            uint8_t closed;
            uint8_t pad2[3];
            handle error;
        };
    };
} stream_read;

/* result<u64, stream-error> */
typedef struct stream_room {
    uint8_t is_err;
    uint8_t pad[7];
    union {
        uint64_t room;
        struct {
            uint8_t closed;
            uint8_t pad2[3];
            handle error;
        };
    };
} stream_room;

IMPORT(IO_ERROR, "[resource-drop]error") void io_error_drop(handle self);
IMPORT(IO_STREAMS, "[method]input-stream.read")
void input_read(handle self, uint64_t len, stream_read *out);
IMPORT(IO_STREAMS, "[method]input-stream.blocking-read")
void input_blocking_read(handle self, uint64_t len, stream_read *out);
IMPORT(IO_STREAMS, "[method]input-stream.subscribe")
handle input_subscribe(handle self);
IMPORT(IO_STREAMS, "[resource-drop]input-stream") void input_drop(handle self);
IMPORT(IO_STREAMS, "[method]output-stream.check-write")
void output_check_write(handle self, stream_room *out);
IMPORT(IO_STREAMS, "[method]output-stream.write")
void output_write(handle self, const char *data, size_t len,
                  stream_status *out);
IMPORT(IO_STREAMS, "[method]output-stream.flush")
void output_flush(handle self, stream_status *out);
IMPORT(IO_STREAMS, "[method]output-stream.blocking-write-and-flush")
void output_blocking_write(handle self, const char *data, size_t len,
                           stream_status *out); /* at most 4096 bytes */
IMPORT(IO_STREAMS, "[method]output-stream.subscribe")
handle output_subscribe(handle self);
IMPORT(IO_STREAMS, "[resource-drop]output-stream")
void output_drop(handle self);

/* Writes all of `data`; false when the stream is closed or failed. */
bool output_write_all(handle stream, str data);

/* ---- wasi:cli ---- */

typedef struct str_list {
    const str *items;
    size_t len;
} str_list;

IMPORT("wasi:cli/stdin@0.2.12", "get-stdin") handle get_stdin(void);
IMPORT("wasi:cli/stdout@0.2.12", "get-stdout") handle get_stdout(void);
IMPORT("wasi:cli/stderr@0.2.12", "get-stderr") handle get_stderr(void);
IMPORT("wasi:cli/environment@0.2.12", "get-arguments")
void get_arguments(str_list *out);

/* Prints to the app's log (stdout); errors are ignored. */
void print(str data);

/* ---- wasi:clocks ---- */

typedef struct datetime {
    uint64_t seconds; /* since 1970-01-01 UTC */
    uint32_t nanoseconds;
    uint32_t pad;
} datetime;

#define CLOCKS_MONOTONIC "wasi:clocks/monotonic-clock@0.2.12"

IMPORT("wasi:clocks/wall-clock@0.2.12", "now") void wall_now(datetime *out);
IMPORT(CLOCKS_MONOTONIC, "now") uint64_t monotonic_now(void);
IMPORT(CLOCKS_MONOTONIC, "subscribe-instant")
handle subscribe_instant(uint64_t when);
IMPORT(CLOCKS_MONOTONIC, "subscribe-duration")
handle subscribe_duration(uint64_t nanoseconds);

#define SECOND 1000000000ull
#define MILLISECOND 1000000ull

typedef struct calendar {
    int year, month, day; /* 2026, 1..12, 1..31 */
    int weekday;          /* 0 is Sunday */
    int hour, minute, second;
} calendar;

/* Civil time of a UTC instant, by the proleptic Gregorian calendar. */
calendar calendar_of(uint64_t seconds);
extern const char weekday_names[7][4], month_names[12][4];

/* ---- wasi:filesystem ---- */

#define FS_TYPES "wasi:filesystem/types@0.2.12"

enum {
    OPEN_CREATE = 1,
    OPEN_DIRECTORY = 2,
    OPEN_EXCLUSIVE = 4,
    OPEN_TRUNCATE = 8
};
enum { MODE_READ = 1, MODE_WRITE = 2, MODE_MUTATE_DIRECTORY = 32 };
enum { FOLLOW_SYMLINKS = 1 };
enum { TYPE_DIRECTORY = 3, TYPE_REGULAR = 6 };

typedef struct preopen {
    handle descriptor;
    str path;
} preopen;

typedef struct preopen_list {
    const preopen *items;
    size_t len;
} preopen_list;

/* result<own<...>, error-code> */
typedef struct handle_result {
    uint8_t is_err;
    uint8_t pad[3];
    union {
        handle value;
        uint8_t error;
    };
} handle_result;

/* result<_, error-code> */
typedef struct status_result {
    uint8_t is_err;
    uint8_t error;
} status_result;

/* result<tuple<list<u8>, bool>, error-code> */
typedef struct read_result {
    uint8_t is_err;
    uint8_t pad[3];
    union {
        struct {
            str data;
            uint8_t at_end;
        };
        uint8_t error;
    };
} read_result;

/* result<filesize, error-code> */
typedef struct size_result {
    uint8_t is_err;
    uint8_t pad[7];
    union {
        uint64_t value;
        uint8_t error;
    };
} size_result;

/* result<option<directory-entry>, error-code> */
typedef struct entry_result {
    uint8_t is_err;
    uint8_t pad[3];
    union {
        struct {
            uint8_t is_some;
            uint8_t pad2[3];
            uint8_t type;
            uint8_t pad3[3];
            str name;
        };
        uint8_t error;
    };
} entry_result;

/* result<descriptor-stat, error-code> */
typedef struct stat_result {
    uint8_t is_err;
    uint8_t pad[7];
    union {
        struct {
            uint8_t type;
            uint8_t pad2[7];
            uint64_t links, size;
            struct {
                uint64_t is_some;
                datetime at;
            } accessed, modified, changed;
        };
        uint8_t error;
    };
} stat_result;

IMPORT("wasi:filesystem/preopens@0.2.12", "get-directories")
void get_directories(preopen_list *out);
IMPORT(FS_TYPES, "[method]descriptor.open-at")
void fs_open_at(handle self, int32_t path_flags, const char *path, size_t len,
                int32_t open_flags, int32_t mode, handle_result *out);
IMPORT(FS_TYPES, "[method]descriptor.read")
void fs_read(handle self, uint64_t len, uint64_t offset, read_result *out);
IMPORT(FS_TYPES, "[method]descriptor.write")
void fs_write(handle self, const char *data, size_t len, uint64_t offset,
              size_result *out);
IMPORT(FS_TYPES, "[method]descriptor.sync")
void fs_sync(handle self, status_result *out);
IMPORT(FS_TYPES, "[method]descriptor.stat")
void fs_stat(handle self, stat_result *out);
IMPORT(FS_TYPES, "[method]descriptor.stat-at")
void fs_stat_at(handle self, int32_t path_flags, const char *path, size_t len,
                stat_result *out);
IMPORT(FS_TYPES, "[method]descriptor.rename-at")
void fs_rename_at(handle self, const char *from, size_t from_len, handle to_dir,
                  const char *to, size_t to_len, status_result *out);
IMPORT(FS_TYPES, "[method]descriptor.unlink-file-at")
void fs_unlink_at(handle self, const char *path, size_t len,
                  status_result *out);
IMPORT(FS_TYPES, "[method]descriptor.read-directory")
void fs_read_directory(handle self, handle_result *out);
IMPORT(FS_TYPES, "[method]directory-entry-stream.read-directory-entry")
void fs_next_entry(handle stream, entry_result *out);
IMPORT(FS_TYPES, "[resource-drop]directory-entry-stream")
void fs_stream_drop(handle stream);
IMPORT(FS_TYPES, "[resource-drop]descriptor") void fs_drop(handle self);

const char *fs_error_name(uint8_t code); /* "no such file or directory" */

/* The granted directory that holds `path`, and the rest of the path below it
 * ("." for the directory itself); -1 when no grant covers it. */
handle fs_resolve(str path, str *below);
/* The first granted folder, for apps that have just one; -1 without any. */
handle fs_root(void);
/* Reads a file, as far as it fits, into `buffer`; false with *error set. */
bool fs_load(handle dir, str path, char *buffer, size_t size, size_t *len,
             uint8_t *error);
/* Replaces a file so that a power cut leaves the old or the new content:
 * writes NAME.new, syncs it, renames it over NAME, syncs the directory. */
bool fs_save(handle dir, str path, str data, uint8_t *error);

/* ---- wasi:sockets (TCP over IPv4) ---- */

#define TCP "wasi:sockets/tcp@0.2.12"

/* result<tuple<own<tcp-socket>, input-stream, output-stream>, error-code> */
typedef struct accept_result {
    uint8_t is_err;
    uint8_t pad[3];
    union {
        struct {
            handle socket, input, output;
        };
        uint8_t error;
    };
} accept_result;

enum { SOCKET_WOULD_BLOCK = 8 };

IMPORT("wasi:sockets/instance-network@0.2.12", "instance-network")
handle instance_network(void);
IMPORT("wasi:sockets/tcp-create-socket@0.2.12", "create-tcp-socket")
void create_tcp_socket(int32_t family, handle_result *out);
/* The address is the flattened variant ip-socket-address. */
IMPORT(TCP, "[method]tcp-socket.start-bind")
void tcp_start_bind(handle self, handle network, int32_t family, int32_t port,
                    int32_t a, int32_t b, int32_t c, int32_t d, int32_t,
                    int32_t, int32_t, int32_t, int32_t, int32_t,
                    status_result *out);
IMPORT(TCP, "[method]tcp-socket.finish-bind")
void tcp_finish_bind(handle self, status_result *out);
IMPORT(TCP, "[method]tcp-socket.start-listen")
void tcp_start_listen(handle self, status_result *out);
IMPORT(TCP, "[method]tcp-socket.finish-listen")
void tcp_finish_listen(handle self, status_result *out);
IMPORT(TCP, "[method]tcp-socket.accept")
void tcp_accept(handle self, accept_result *out);
IMPORT(TCP, "[method]tcp-socket.subscribe") handle tcp_subscribe(handle self);
IMPORT(TCP, "[resource-drop]tcp-socket") void tcp_drop(handle self);

#endif
