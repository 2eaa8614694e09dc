/*
 * net3.c - sockets and lookups of WASI 0.3 on bare imports, a line per step.
 * It is lifted with a stack of its own, so what waits simply waits.
 */
#define HEAP_BYTES (1 << 18)
#include "bare.h"

#define SOCKETS "wasi:sockets/types@0.3.0"
#define STDOUT "wasi:cli/stdout@0.3.0"
#define WRITE "write-via-stream"

typedef long long s64;

IMPORT(STDOUT, WRITE) int write_via_stream(int stream);
IMPORT(STDOUT, "[stream-new-0]" WRITE) s64 stream_new(void);
IMPORT(STDOUT, "[stream-write-0]" WRITE)
int stream_write(int, const void *, int);

/* An ip-socket-address, flattened: the case, the port, and ten numbers. */
#define ADDRESS int, int, int, int, int, int, int, int, int, int, int, int
IMPORT(SOCKETS, "[static]tcp-socket.create") void tcp_create(int, u8 *ret);
IMPORT(SOCKETS, "[method]tcp-socket.bind") void tcp_bind(int, ADDRESS, u8 *ret);
IMPORT(SOCKETS, "[method]tcp-socket.listen") void tcp_listen(int, u8 *ret);
IMPORT(SOCKETS, "[stream-read-0][method]tcp-socket.listen")
int accept_read(int stream, int *to, int max);
IMPORT(SOCKETS, "[method]tcp-socket.connect")
void tcp_connect(int, ADDRESS, u8 *ret);
IMPORT(SOCKETS, "[method]tcp-socket.get-local-address")
void tcp_local(int, u8 *ret);
IMPORT(SOCKETS, "[method]tcp-socket.send") int tcp_send(int, int stream);
IMPORT(SOCKETS, "[stream-new-0][method]tcp-socket.send") s64 send_new(void);
IMPORT(SOCKETS, "[stream-write-0][method]tcp-socket.send")
int send_write(int stream, const void *data, int len);
IMPORT(SOCKETS, "[stream-drop-writable-0][method]tcp-socket.send")
void send_drop(int stream);
IMPORT(SOCKETS, "[method]tcp-socket.receive") void tcp_receive(int, int *ret);
IMPORT(SOCKETS, "[stream-read-0][method]tcp-socket.receive")
int receive_read(int stream, void *to, int max);
IMPORT(SOCKETS, "[future-read-1][method]tcp-socket.receive")
int received_read(int future, u8 *to);
IMPORT(SOCKETS, "[static]udp-socket.create") void udp_create(int, u8 *ret);
IMPORT(SOCKETS, "[method]udp-socket.bind") void udp_bind(int, ADDRESS, u8 *ret);
IMPORT(SOCKETS, "[method]udp-socket.get-local-address")
void udp_local(int, u8 *ret);
IMPORT(SOCKETS, "[method]udp-socket.send")
void udp_send(int self, const void *data, int len, int some, ADDRESS, u8 *ret);
IMPORT(SOCKETS, "[method]udp-socket.receive") void udp_receive(int, u8 *ret);
IMPORT("wasi:sockets/ip-name-lookup@0.3.0", "resolve-addresses")
void resolve(const char *name, int len, u8 *ret);
IMPORT("[export]wasi:cli/run@0.3.0", "[task-return]run") void done(int is_err);

static int out;

/* "name: ok" or "name: error N" */
static int say(const char *name, int code)
{
    char text[3] = {(char)('0' + code / 10), (char)('0' + code % 10), '\n'};
    stream_write(out, name, length(name));
    if (code < 0)
        stream_write(out, ": ok\n", 5);
    else
        stream_write(out, ": error ", 8), stream_write(out, text, 3);
    return code < 0;
}

/* What a result<_, error-code> with its payload at `at` says. */
static int said(const char *name, const u8 *ret, int at)
{
    return say(name, ret[0] ? ret[at] : -1);
}

/* 127.0.0.1 */
#define LOCAL(port) 0, port, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0
/* ::ffff:127.0.0.1 */
#define MAPPED(port) 1, port, 0, 0, 0, 0, 0, 0, 0xffff, 0x7f00, 1, 0

static int port_of(void (*local)(int, u8 *), int socket)
{
    _Alignas(4) u8 ret[40];
    local(socket, ret);
    return ret[0] ? 0 : *(unsigned short *)(ret + 8);
}

static void tcp(void)
{
    _Alignas(4) u8 ret[40];
    int pair[2], accepted;
    char text[8] = "";
    tcp_create(0, ret);
    if (!said("tcp create", ret, 4))
        return;
    int server = *(int *)(ret + 4);
    tcp_create(0, ret);
    int client = *(int *)(ret + 4);
    tcp_bind(server, LOCAL(0), ret);
    said("tcp bind", ret, 4);
    tcp_bind(server, LOCAL(0), ret);
    said("tcp bind again", ret, 4);
    tcp_listen(server, ret);
    int listens = said("tcp listen", ret, 4), stream = *(int *)(ret + 4);
    tcp_connect(client, MAPPED(80), ret);
    said("tcp connect mapped", ret, 4);
    tcp_connect(client, LOCAL(port_of(tcp_local, server)), ret);
    if (!said("tcp connect", ret, 4) || !listens)
        return;
    say("tcp accept", accept_read(stream, &accepted, 1) >> 4 == 1 ? -1 : 0);
    s64 ends = send_new();
    tcp_send(client, (int)ends);
    send_write((int)(ends >> 32), "hello", 5);
    send_drop((int)(ends >> 32));
    tcp_receive(accepted, pair);
    say("tcp read",
        receive_read(pair[0], text, 8) >> 4 == 5 && text[4] == 'o' ? -1 : 0);
    say("tcp end", (receive_read(pair[0], text, 8) & 15) == 1 ? -1 : 0);
    received_read(pair[1], ret);
    said("tcp received", ret, 4);
}

static void udp(void)
{
    _Alignas(4) u8 ret[64];
    udp_create(0, ret);
    if (!said("udp create", ret, 4))
        return;
    int server = *(int *)(ret + 4);
    udp_create(0, ret);
    int client = *(int *)(ret + 4);
    udp_receive(server, ret);
    said("udp receive unbound", ret, 4);
    udp_bind(server, LOCAL(0), ret);
    said("udp bind", ret, 4);
    udp_send(client, "ping", 4, 1, MAPPED(9), ret);
    said("udp send mapped", ret, 4);
    udp_send(client, "ping", 4, 1, LOCAL(port_of(udp_local, server)), ret);
    said("udp send", ret, 4);
    udp_receive(server, ret);
    said("udp receive", ret, 4);
    int from = *(unsigned short *)(ret + 16);
    say("udp source",
        *(int *)(ret + 8) == 4 && from == port_of(udp_local, client) ? -1 : 0);
    udp_send(server, "pong", 4, 1, LOCAL(from), ret);
    said("udp answer", ret, 4);
    udp_receive(client, ret);
    said("udp answered", ret, 4);
}

static void lookup(const char *name, const char *text)
{
    _Alignas(4) u8 ret[32];
    resolve(text, length(text), ret);
    if (said(name, ret, 4) && !*(int *)(ret + 8))
        say("no address", 0);
}

__attribute__((export_name("[async-lift-stackful]wasi:cli/run@0.3.0#run"))) void
run(void)
{
    s64 ends = stream_new();
    write_via_stream((int)ends);
    out = (int)(ends >> 32);
    tcp();
    udp();
    lookup("literal", "192.0.2.7");
    lookup("literal v6", "2001:db8::7");
    lookup("local name", "localhost");
    lookup("no name", "not a name");
    lookup("mapped", "::ffff:192.0.2.7");
    done(0);
}
