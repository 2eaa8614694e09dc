/*
 * serve.c - a desktop to be led by a test in another language: one command a
 * line on standard input, one line of JSON for an answer.  checks.py knows
 * them.
 */
#include "tests/desktop/session.h"

#include <linux/input-event-codes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct session session;

struct words {
    char *at[16]; /* the last is the rest of the line */
    int n;
};

static void fail(const char *why)
{
    printf("{\"error\": \"%s\"}\n", why);
}

static void ok(bool done, const char *why)
{
    if (done)
        printf("{}\n");
    else
        fail(why);
}

static long number(const struct words *w, int i)
{
    return i < w->n ? strtol(w->at[i], NULL, 0) : 0;
}

static struct run *run_of(const struct words *w, int i)
{
    return i < w->n ? session_run(&session, w->at[i]) : NULL;
}

/* ---- input and looking ---- */

static void do_input(const struct words *w)
{
    static const struct {
        const char *name;
        uint32_t type;
    } kinds[] = {{"key", GFX_CONTROL_KEY},
                 {"pointer", GFX_CONTROL_POINTER},
                 {"button", GFX_CONTROL_BUTTON},
                 {"scroll", GFX_CONTROL_SCROLL}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (!strcmp(w->at[0], kinds[i].name))
            desk_send(&session.desk, kinds[i].type, (int)number(w, 1),
                      (int)number(w, 2));
    printf("{}\n");
}

static void do_sync(const struct words *w)
{
    desk_sync(&session.desk);
    printf("{}\n");
}

static void do_state(const struct words *w)
{
    for (const char *p = desk_state(&session.desk); *p; p++)
        putchar(*p == '\n' ? ' ' : *p);
    putchar('\n');
}

static void do_shot(const struct words *w)
{
    if (w->n > 1)
        desk_save(&session.desk, w->at[1]);
    desk_look(&session.desk);
    printf("{}\n");
}

/* find FONT SIZE X Y W H TEXT, in the last picture taken */
static void do_find(const struct words *w)
{
    struct gfx_rect r = gfx_rect_of((int)number(w, 3), (int)number(w, 4),
                                    (int)number(w, 5), (int)number(w, 6));
    struct found f =
        find_text(&session.desk.screen, r, (enum gfx_font)number(w, 1),
                  strtof(w->at[2], NULL), w->at[7]);
    printf("{\"score\": %.3f, \"x\": %d, \"y\": %d, \"w\": %d, \"ink\": %u}\n",
           (double)f.score, f.x, f.y, f.width, f.ink);
}

/* pixels X Y W H: rows of 0xRRGGBB */
static void do_pixels(const struct words *w)
{
    const struct gfx_image *s = &session.desk.screen;
    int x0 = (int)number(w, 1), y0 = (int)number(w, 2);
    const char *separator = "[";
    for (int y = y0; y < y0 + (int)number(w, 4); y++)
        for (int x = x0; x < x0 + (int)number(w, 3); x++) {
            bool in = x >= 0 && y >= 0 && x < s->width && y < s->height;
            printf("%s%u", separator,
                   in ? s->pixels[(size_t)y * s->stride + x] : 0);
            separator = ",";
        }
    printf("]\n");
}

/* A redraw of everything must give the same picture. */
static void do_differs(const struct words *w)
{
    printf("{\"pixels\": %d}\n", desk_redraw_differs(&session.desk));
}

/* ---- apps ---- */

static void do_install(const struct words *w)
{
    session_install(&session, w->at[1], w->at[3], (uint32_t)number(w, 2));
    printf("{}\n");
}

static void do_start(const struct words *w)
{
    ok(session_launch(&session, w->at[1]), "no such app");
}

static void do_signal(const struct words *w)
{
    struct run *r = run_of(w, 1);
    int sig = (int)number(w, 2);
    if (r && r->puppet && (sig == SIGSTOP || sig == SIGCONT))
        r->puppet->frozen = sig == SIGSTOP;
    else if (r)
        session_end(&session, r, sig);
    ok(r, "it does not run");
}

static void do_running(const struct words *w)
{
    const char *separator = "";
    printf("{\"power\": \"%s\", \"apps\": {", session.power);
    for (int i = 0; i < RUNS_MAX; i++) {
        const struct run *r = &session.runs[i];
        if (!r->id)
            continue;
        printf("%s\"%s\": {\"id\": %u, \"ready\": %s, \"pid\": %d}", separator,
               r->grant->name, r->id, r->ready ? "true" : "false", r->pid);
        separator = ", ";
    }
    printf("}}\n");
}

static void do_crash(const struct words *w)
{
    session_crash(&session, (uint32_t)number(w, 1));
    printf("{}\n");
}

/* ---- puppets ---- */

/* open APP W H COLOR FLAGS TITLE */
static void do_open(const struct words *w)
{
    const char *why = "it does not run";
    struct run *r = run_of(w, 1);
    ok(r && puppet_open(r, w->at[6], (int)number(w, 2), (int)number(w, 3),
                        (uint32_t)number(w, 4), (uint32_t)number(w, 5), &why),
       why);
}

static void do_close(const struct words *w)
{
    const char *why = "it does not run";
    struct run *r = run_of(w, 1);
    ok(r && puppet_close(r, w->at[2], &why), why);
}

/* fill APP COLOR TITLE */
static void do_fill(const struct words *w)
{
    const char *why = "it does not run";
    struct run *r = run_of(w, 1);
    ok(r && puppet_fill(r, w->at[3], (uint32_t)number(w, 2), &why), why);
}

/* menus APP TITLE SPEC: the title may have no blanks */
static void do_menus(const struct words *w)
{
    const char *why = "it does not run";
    struct run *r = run_of(w, 1);
    ok(r && puppet_menus(r, w->at[2], w->at[3], &why), why);
}

static void do_attention(const struct words *w)
{
    const char *why = "it does not run";
    struct run *r = run_of(w, 1);
    ok(r && puppet_ask(r, w->at[2], GFX_REQ_ATTENTION, &why), why);
}

static void do_events(const struct words *w)
{
    const char *why = "it does not run";
    struct run *r = run_of(w, 1);
    if (r && puppet_events(r, w->at[2], stdout, &why))
        putchar('\n');
    else
        fail(why);
}

/* ---- the loop ---- */

static const struct {
    const char *name;
    int words; /* with the command; the last takes the rest of the line */
    void (*run)(const struct words *w);
} commands[] = {
    {"key", 3, do_input},       {"pointer", 3, do_input},
    {"button", 3, do_input},    {"scroll", 3, do_input},
    {"sync", 1, do_sync},       {"state", 1, do_state},
    {"shot", 2, do_shot},       {"find", 8, do_find},
    {"pixels", 5, do_pixels},   {"differs", 1, do_differs},
    {"install", 4, do_install}, {"start", 2, do_start},
    {"signal", 3, do_signal},   {"running", 1, do_running},
    {"crash", 2, do_crash},     {"open", 7, do_open},
    {"close", 3, do_close},     {"fill", 4, do_fill},
    {"menus", 4, do_menus},     {"attention", 3, do_attention},
    {"events", 3, do_events},
};

static void split(char *line, int max, struct words *w)
{
    w->n = 0;
    while (*line && w->n < max) {
        w->at[w->n++] = line;
        if (w->n == max)
            return;
        line += strcspn(line, " ");
        if (*line)
            *line++ = 0;
    }
}

static void obey(char *line)
{
    struct words w;
    size_t len = strcspn(line, " ");
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        if (strlen(commands[i].name) != len ||
            strncmp(commands[i].name, line, len) != 0)
            continue;
        split(line, commands[i].words, &w);
        if (w.n == commands[i].words || (w.n == 1 && !strcmp(w.at[0], "shot")))
            commands[i].run(&w);
        else
            fail("too few words");
        return;
    }
    fail("no such command");
}

/* Lines are read without a buffer that poll would not see. */
static bool read_line(char *line, size_t size)
{
    for (size_t n = 0; n < size; n++) {
        if (read(STDIN_FILENO, line + n, 1) != 1)
            return false;
        if (line[n] == '\n') {
            line[n] = 0;
            return true;
        }
    }
    return false;
}

int main(void)
{
    static char line[4096];
    signal(SIGPIPE, SIG_IGN);
    session_start(&session);
    for (;;) {
        session_serve(&session, STDIN_FILENO);
        if (!read_line(line, sizeof line))
            break;
        obey(line);
        fflush(stdout);
    }
    session_stop(&session);
    return 0;
}
