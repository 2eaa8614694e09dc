/* dump.c - the compositor's state as JSON, for tests and bug reports. */
#include "gfx/server.h"

#include <stdio.h>
#include <stdlib.h>

static void put_string(FILE *out, const char *text)
{
    fputc('"', out);
    for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
        if (*p == '"' || *p == '\\')
            fprintf(out, "\\%c", *p);
        else if (*p < 32)
            fprintf(out, "\\u%04x", *p);
        else
            fputc(*p, out);
    }
    fputc('"', out);
}

static void put_rect(FILE *out, const char *name, struct gfx_rect r)
{
    fprintf(out, ", \"%s\": [%d, %d, %d, %d]", name, r.x0, r.y0, r.x1 - r.x0,
            r.y1 - r.y0);
}

static void put_flag(FILE *out, const char *name, bool value)
{
    fprintf(out, ", \"%s\": %s", name, value ? "true" : "false");
}

static void put_surface(FILE *out, const struct server *s,
                        const struct surface *f)
{
    static const char *const layers[] = {"bottom", "top", "overlay"};
    fprintf(out, "{\"id\": %u, \"app\": ", f->global);
    put_string(out, f->client->who.app);
    fprintf(out, ", \"instance\": %u, \"title\": ", f->client->who.instance);
    put_string(out, f->title);
    put_rect(out, "content", gfx_rect_of(f->x, f->y, f->width, f->height));
    put_rect(out, "frame", frame_rect(f));
    put_flag(out, "shown", surface_shown(s, f));
    put_flag(out, "keyboard", s->seat.focus == f);
    if (f->kind == GFX_PANEL) {
        fprintf(out, ", \"layer\": \"%s\", \"exclusive\": %u}",
                layers[f->layer], f->exclusive);
        return;
    }
    put_flag(out, "focused", s->active == f);
    put_flag(out, "minimised", f->minimised);
    put_flag(out, "hidden", f->hidden);
    put_flag(out, "closed", f->closed);
    put_flag(out, "fullscreen", f->fullscreen);
    put_flag(out, "snapped", f->snapped);
    put_flag(out, "attention", f->attention);
    put_flag(out, "unresponsive", f->client->unresponsive);
    put_flag(out, "transformed", f->anim.shown);
    if (f->anim.shown)
        fprintf(out, ", \"seen\": [%.1f, %.1f, %.1f, %.1f]",
                (double)f->anim.now.x, (double)f->anim.now.y,
                (double)f->anim.now.w, (double)f->anim.now.h);
    fprintf(out, ", \"space\": %u}", f->space);
}

/* The surfaces of one kind, bottom to top. */
static void put_surfaces(FILE *out, const struct server *s,
                         enum gfx_surface_kind kind)
{
    const char *separator = "";
    for (int i = 0; i < s->nstack; i++)
        if (s->stack[i]->kind == kind) {
            fprintf(out, "%s\n  ", separator);
            put_surface(out, s, s->stack[i]);
            separator = ",";
        }
}

char *dump_state(struct server *s, size_t *len)
{
    char *text = NULL;
    FILE *out = open_memstream(&text, len);
    if (!out)
        return NULL;
    int clients = 0;
    for (int i = 0; i < CLIENTS_MAX; i++)
        clients += s->clients[i] != NULL;
    fprintf(
        out,
        "{\"width\": %d, \"height\": %d, \"pointer\": [%d, %d],\n"
        " \"cursor\": %u, \"modifiers\": %u, \"space\": %u, "
        "\"spaces\": %u, \"space_at\": %.3f, \"clients\": %d,\n \"windows\": [",
        s->width, s->height, s->seat.x, s->seat.y, s->seat.cursor,
        s->seat.modifiers, s->space, s->nspaces, (double)s->space_at, clients);
    put_surfaces(out, s, GFX_WINDOW);
    fputs("],\n \"panels\": [", out);
    put_surfaces(out, s, GFX_PANEL);
    fprintf(out, "],\n \"snap\": %s",
            gfx_rect_empty(s->seat.snap) ? "null" : "true");
    put_flag(out, "reveal", s->reveal);
    uint64_t n = s->drawn.count ? s->drawn.count : 1;
    fprintf(out,
            ",\n \"frames\": {\"drawn\": %llu, \"mean_us\": %llu, "
            "\"longest_us\": %llu}}\n",
            (unsigned long long)s->drawn.count,
            (unsigned long long)(s->drawn.total / n / 1000),
            (unsigned long long)(s->drawn.longest / 1000));
    if (fclose(out) == 0)
        return text;
    free(text);
    return NULL;
}
