/*
 * session.h - a whole desktop in a test: the compositor (harness.h), the real
 * components in processes of their own, and this program in the place of PID 1
 * (session.c) and of apps whose every move a test decides (puppets.c).
 * serve.c reads a test's commands.
 */
#ifndef TESTS_DESKTOP_SESSION_H
#define TESTS_DESKTOP_SESSION_H

#include "supervisor/proto.h"
#include "tests/desktop/harness.h"

#define RUNS_MAX 64
#define APPS_MAX 48
#define PUPPET_WINDOWS 8

/* A native app: it reads its events only when asked to. */
struct puppet {
    struct gfx_display *display;
    bool frozen; /* it does not even answer the compositor */
    struct gfx_surface *windows[PUPPET_WINDOWS];
    char titles[PUPPET_WINDOWS][64];
};

struct run {
    uint32_t id; /* 0: free */
    const app_grant *grant;
    pid_t pid; /* 0: a puppet */
    bool ready, killed;
    int process, status; /* PID 1's ends; -1 */
    int changes;         /* eventfd; -1 */
    int display_end;     /* the compositor's; -1 */
    struct puppet *puppet;
};

struct session {
    struct desk desk;
    struct vm_engine *engine;
    struct cm_linker *linker;
    app_grant apps[APPS_MAX];
    bool puppets[APPS_MAX]; /* which of them are native */
    int napps;
    struct run runs[RUNS_MAX];
    char data[64]; /* the folder that is /data */
    char power[16];
};

/* session.c */
void session_start(struct session *s);
void session_stop(struct session *s);
/* An app of the manifests, or one made by session_install; NULL: no such. */
struct run *session_launch(struct session *s, const char *app);
void session_install(struct session *s, const char *name, const char *title,
                     uint32_t color);
struct run *session_run(struct session *s, const char *app); /* NULL */
void session_end(struct session *s, struct run *r, int signal);
/* The compositor is killed; its successor gets the apps that survive that.
 * damage: 0, or SESSION_TORN, as if it had died while it wrote the places of
 * windows, or another number, from which nonsense is made in their place. */
#define SESSION_TORN 1
void session_crash(struct session *s, uint32_t damage);
/* Answers what apps have asked until `fd` has something to read. */
void session_serve(struct session *s, int fd);

/* puppets.c; each answers false with a reason in *why */
bool puppet_open(struct run *r, const char *title, int w, int h, uint32_t color,
                 uint32_t flags, const char **why);
bool puppet_close(struct run *r, const char *title, const char **why);
bool puppet_fill(struct run *r, const char *title, uint32_t color,
                 const char **why);
/* "File;7:s:0:0:Save;8:o:0:1:Off|Edit;..." : id, key, modifiers, flags */
bool puppet_menus(struct run *r, const char *title, char *spec,
                  const char **why);
bool puppet_ask(struct run *r, const char *title, uint32_t request,
                const char **why);
/* Writes the events since the last time as a JSON list. */
bool puppet_events(struct run *r, const char *title, FILE *out,
                   const char **why);
void puppet_dispatch(struct run *r);
void puppet_destroy(struct puppet *p);

/* find.c: where a text stands on the screen, by correlation with the text
 * drawn anew.  1 is a perfect match. */
struct found {
    float score;
    int x, y, width; /* pen, baseline */
    uint32_t ink;    /* mean colour where the text covers fully */
};
struct found find_text(const struct gfx_image *screen, struct gfx_rect within,
                       enum gfx_font font, float size, const char *text);

#endif
