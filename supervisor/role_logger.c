/*
 * role_logger.c - what apps and services write, line by line.
 *
 * One pipe per writer.  Lines go to the console as "[app] line" and into one
 * ring per name, which vyoma:process `log` reads.  Nothing that a writer does
 * can hold up the others or the logger: each turn reads at most one chunk of
 * a pipe; a line is cut at 500 bytes; a writer that floods is muted on the
 * console (its ring still turns); the console is non-blocking with a bounded
 * buffer before it.  Nothing is written to disk, so a full one harms nothing.
 */
#include "supervisor/roles.h"
#include "wasi/msg.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    MAX_SOURCES = 1024,
    MAX_RINGS = 192,
    RING_BYTES = 16384,
    LINE_BYTES = 500,
    CONSOLE_BYTES = 65536,
    LINES_PER_SECOND = 200, /* of one writer on the console */
};

/* Lines of one name, each ended by '\n'; the oldest go first. */
typedef struct ring {
    char name[GRANT_NAME];
    size_t start, used;
    char bytes[RING_BYTES];
} ring;

typedef struct source {
    int fd;
    uint32_t id;
    ring *ring;
    size_t used;
    uint32_t lines, muted; /* in this second */
    time_t second;
    char line[LINE_BYTES];
} source;

static struct logger {
    int control, console, epoll;
    bool console_waits; /* EPOLLOUT is asked for */
    size_t out_used, dropped;
    char out[CONSOLE_BYTES];
    ring *rings[MAX_RINGS];
    source *sources[MAX_SOURCES];
} self;

/* ---- console ------------------------------------------------------- */

static void watch_console(bool wanted)
{
    struct epoll_event e = {.events = EPOLLOUT, .data.ptr = self.out};
    if (wanted == self.console_waits)
        return;
    if (!epoll_ctl(self.epoll, wanted ? EPOLL_CTL_ADD : EPOLL_CTL_DEL,
                   self.console, &e))
        self.console_waits = wanted;
}

static void flush_console(void)
{
    ssize_t done = 0;
    if (self.out_used)
        done = write(self.console, self.out, self.out_used);
    if (done < 0 && errno != EAGAIN)
        done = (ssize_t)self.out_used; /* no console: nobody to tell */
    if (done > 0) {
        self.out_used -= (size_t)done;
        memmove(self.out, self.out + done, self.out_used);
    }
    watch_console(self.out_used > 0);
}

/* All of it or nothing. */
static void console_put(const char *text, size_t len)
{
    if (len > sizeof self.out - self.out_used) {
        self.dropped++;
        return;
    }
    memcpy(self.out + self.out_used, text, len);
    self.out_used += len;
}

static void console_line(const char *name, const char *line, size_t len)
{
    char text[LINE_BYTES + 80];
    if (self.dropped && self.out_used < sizeof self.out / 2) {
        int n = snprintf(text, sizeof text,
                         "[logger] %zu lines did not fit the console\r\n",
                         self.dropped);
        self.dropped = 0;
        console_put(text, (size_t)n);
    }
    /* PID 1's own lines stand as they are: tests wait for them. */
    bool own = !strcmp(name, "vyoma");
    int n = snprintf(text, sizeof text, own ? "%s: %.*s\r\n" : "[%s] %.*s\r\n",
                     name, (int)len, line);
    console_put(text, (size_t)n);
}

/* ---- rings --------------------------------------------------------- */

static ring *ring_for(const char *name, bool create)
{
    for (size_t i = 0; i < MAX_RINGS; i++) {
        ring *r = self.rings[i];
        if (r && !strcmp(r->name, name))
            return r;
        if (r || !create)
            continue;
        if ((r = calloc(1, sizeof *r)))
            strncpy(r->name, name, sizeof r->name - 1);
        return self.rings[i] = r;
    }
    return NULL;
}

static void ring_drop_line(ring *r)
{
    bool ended = false;
    while (r->used && !ended) {
        ended = r->bytes[r->start] == '\n';
        r->start = (r->start + 1) % RING_BYTES;
        r->used--;
    }
}

static void ring_put(ring *r, const char *line, size_t len)
{
    while (r->used + len + 1 > RING_BYTES)
        ring_drop_line(r);
    for (size_t i = 0; i <= len; i++) {
        r->bytes[(r->start + r->used) % RING_BYTES] = i < len ? line[i] : '\n';
        r->used++;
    }
}

/* The last `max` lines, oldest first, to a pipe that must not block us: what
 * does not fit its buffer is left out (a ring is smaller than a pipe). */
static void ring_send(const ring *r, uint32_t max, int fd)
{
    static char text[RING_BYTES];
    size_t from = r->used;
    for (uint32_t lines = 0; from; from--) {
        bool ends = r->bytes[(r->start + from - 1) % RING_BYTES] == '\n';
        if (ends && lines++ == max)
            break;
    }
    for (size_t i = from; i < r->used; i++)
        text[i - from] = r->bytes[(r->start + i) % RING_BYTES];
    fcntl(fd, F_SETFL, O_NONBLOCK);
    (void)!write(fd, text, r->used - from);
}

/* ---- sources ------------------------------------------------------- */

/* Escape sequences of an app must not reach the person's terminal. */
static void make_harmless(char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (((unsigned char)text[i] < 32 && text[i] != '\t') || text[i] == 127)
            text[i] = '?';
}

/* In a new second, says what the last one kept silent about. */
static void begin_second(source *s)
{
    char text[64];
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    if (now.tv_sec == s->second)
        return;
    int n =
        snprintf(text, sizeof text, "(%u more lines, see its log)", s->muted);
    if (s->muted)
        console_line(s->ring->name, text, (size_t)n);
    s->second = now.tv_sec;
    s->lines = s->muted = 0;
}

/* Whether a writer is still to be told about when its second is over. */
static bool any_muted(void)
{
    for (size_t i = 0; i < MAX_SOURCES; i++)
        if (self.sources[i] && self.sources[i]->muted)
            return true;
    return false;
}

static void tell_muted(void)
{
    for (size_t i = 0; i < MAX_SOURCES; i++)
        if (self.sources[i] && self.sources[i]->muted)
            begin_second(self.sources[i]);
}

static bool may_show(source *s)
{
    begin_second(s);
    if (++s->lines <= LINES_PER_SECOND || !strcmp(s->ring->name, "vyoma"))
        return true;
    s->muted++;
    return false;
}

static void end_line(source *s)
{
    size_t len = s->used;
    if (len && s->line[len - 1] == '\r')
        len--;
    make_harmless(s->line, len);
    ring_put(s->ring, s->line, len);
    if (may_show(s))
        console_line(s->ring->name, s->line, len);
    s->used = 0;
}

static void source_close(source *s)
{
    if (s->used)
        end_line(s);
    for (size_t i = 0; i < MAX_SOURCES; i++)
        if (self.sources[i] == s)
            self.sources[i] = NULL;
    /* PID 1 holds the pipe too: closing alone would leave it in epoll. */
    epoll_ctl(self.epoll, EPOLL_CTL_DEL, s->fd, NULL);
    close(s->fd);
    free(s);
}

static void source_read(source *s)
{
    char chunk[4096];
    ssize_t got = read(s->fd, chunk, sizeof chunk);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0) {
        source_close(s);
        return;
    }
    for (ssize_t i = 0; i < got; i++) {
        if (chunk[i] != '\n')
            s->line[s->used++] = chunk[i];
        if (chunk[i] == '\n' || s->used == LINE_BYTES)
            end_line(s);
    }
}

static void source_add(const log_message *message, int fd)
{
    size_t i = 0;
    while (i < MAX_SOURCES && self.sources[i])
        i++;
    source *s = i < MAX_SOURCES ? calloc(1, sizeof *s) : NULL;
    ring *r = ring_for(message->name, true);
    if (!s || !r) {
        free(s);
        close(fd); /* PID 1's tables are smaller: only for lack of memory */
        return;
    }
    *s = (source){.fd = fd, .id = message->id, .ring = r};
    fcntl(fd, F_SETFL, O_NONBLOCK);
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = s};
    epoll_ctl(self.epoll, EPOLL_CTL_ADD, fd, &e);
    self.sources[i] = s;
}

/* ---- PID 1's messages ---------------------------------------------- */

static void on_control(void)
{
    log_message message;
    int fd;
    ssize_t rest = msg_recv(self.control, &message, sizeof message, NULL, 0,
                            &fd, 1, MSG_DONTWAIT);
    if (rest == -EPIPE)
        _exit(0);
    if (rest || fd < 0)
        return;
    message.name[sizeof message.name - 1] = 0;
    if (message.kind == LOG_ADD) {
        source_add(&message, fd);
        return;
    }
    ring *r = ring_for(message.name, false);
    if (message.kind == LOG_QUERY && r)
        ring_send(r, message.max_lines, fd);
    close(fd);
}

static void dispatch(const struct epoll_event *e)
{
    if (e->data.ptr == &self)
        on_control();
    else if (e->data.ptr != self.out)
        source_read(e->data.ptr);
}

int logger_main(int control, const role_options *options)
{
    self.control = control;
    self.console = options->host
                       ? dup(STDERR_FILENO)
                       : open("/dev/console",
                              O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    self.epoll = epoll_create1(EPOLL_CLOEXEC);
    role_enter("logger", ROLE_UID_LOGGER, control);
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = &self};
    epoll_ctl(self.epoll, EPOLL_CTL_ADD, control, &e);
    for (;;) {
        struct epoll_event events[32];
        int n = epoll_wait(self.epoll, events, 32, any_muted() ? 1000 : -1);
        for (int i = 0; i < n; i++)
            dispatch(&events[i]);
        tell_muted();
        flush_console();
    }
}
