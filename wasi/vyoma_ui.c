/*
 * vyoma_ui.c - vyoma:ui/window and vyoma:ui/clipboard: windows and their
 * events, over the app's connection to the compositor (gfx/client.h).
 */
#include "wasi/vyoma_ui.h"
#include "gfx/menus.h"
#include "wasi/ifaces.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

#define EVENTS_AT_ONCE 64

/* ---- the connection ---------------------------------------------------- */

static void display_finish(void *self)
{
    struct vyoma_display *d = self;
    gfx_display_destroy(d->gfx);
    free(d);
}

struct vyoma_display *vyoma_display_get(wasi_ctx *ctx)
{
    if (ctx->display || ctx->display_fd < 0)
        return ctx->display;
    struct vyoma_display *d = wasi_object_create(sizeof *d, display_finish);
    if (!d)
        return NULL;
    d->gfx = gfx_display_create(ctx->display_fd);
    ctx->display_fd = -1; /* passed on, also in failure */
    if (!d->gfx) {
        free(d);
        return NULL;
    }
    ctx->display = d;
    return d;
}

void vyoma_display_destroy(struct vyoma_display *display)
{
    wasi_release(display);
}

/* ---- windows ----------------------------------------------------------- */

static void window_finish(void *self)
{
    struct ui_window *w = self;
    gfx_surface_destroy(w->surface);
    wasi_release(w->display);
    free(w);
}

vm_status ui_create_window(cm_call *call, wasi_ctx *ctx, struct gfx_msg *msg,
                           cm_value title, cm_value *result)
{
    struct vyoma_display *d = vyoma_display_get(ctx);
    enum gfx_create_error error = GFX_CREATE_GONE;
    if (!d)
        return wasi_err_enum(call, result, error);
    struct gfx_surface *surface =
        gfx_surface_create(d->gfx, msg, title.str.data, title.str.len, &error);
    if (!surface)
        return wasi_err_enum(call, result, error); /* same order */
    struct ui_window *w = wasi_object_create(sizeof *w, window_finish);
    if (!w) {
        gfx_surface_destroy(surface);
        return wasi_no_memory(call);
    }
    w->display = wasi_retain(d);
    w->surface = surface;
    return wasi_ok_own(call, result, w);
}

static vm_status create(cm_call *call, void *host, const cm_value *args,
                        cm_value *result)
{
    const cm_value *o = args[0].list.items; /* fields of window-options */
    struct gfx_msg msg = {0};
    msg.create.kind = GFX_WINDOW;
    msg.create.width = ui_side(o[1].u);
    msg.create.height = ui_side(o[2].u);
    msg.create.min_width = ui_side(o[3].u);
    msg.create.min_height = ui_side(o[4].u);
    msg.create.flags = o[5].flags;
    return ui_create_window(call, host, &msg, o[0], result);
}

static struct gfx_surface *surface_of(const cm_value *args)
{
    return ((struct ui_window *)args[0].rep)->surface;
}

static void view_finish(void *self)
{
    struct ui_canvas *c = self;
    wasi_release(c->window);
    free(c);
}

static vm_status window_canvas(cm_call *call, void *host, const cm_value *args,
                               cm_value *result)
{
    struct ui_canvas *c = wasi_object_create(sizeof *c, view_finish);
    if (!c)
        return wasi_no_memory(call);
    c->window = wasi_retain(args[0].rep);
    c->canvas = gfx_surface_canvas(c->window->surface);
    return wasi_own(call, result, c);
}

static vm_status present(cm_call *call, void *host, const cm_value *args,
                         cm_value *result)
{
    gfx_surface_present(surface_of(args));
    return VM_OK;
}

static vm_status size_value(cm_call *call, int width, int height,
                            cm_value *result)
{
    cm_value *fields = wasi_values(call, 2);
    if (!fields)
        return wasi_no_memory(call);
    fields[0].u = (uint64_t)width;
    fields[1].u = (uint64_t)height;
    result->list.items = fields;
    result->list.len = 2;
    return VM_OK;
}

static vm_status window_size(cm_call *call, void *host, const cm_value *args,
                             cm_value *result)
{
    int w, h;
    gfx_surface_size(surface_of(args), &w, &h);
    return size_value(call, w, h, result);
}

/* A request with one number. */
static void request(const cm_value *args, uint32_t type, uint32_t value)
{
    struct gfx_msg msg = {.type = type, .value = value};
    gfx_surface_send(surface_of(args), &msg, NULL, 0);
}

static vm_status request_frame(cm_call *call, void *host, const cm_value *args,
                               cm_value *result)
{
    request(args, GFX_REQ_FRAME, 0);
    return VM_OK;
}

static vm_status hide(cm_call *call, void *host, const cm_value *args,
                      cm_value *result)
{
    struct gfx_msg msg = {.type = GFX_REQ_HIDE};
    gfx_surface_send(surface_of(args), &msg, NULL, 0);
    return VM_OK;
}

static vm_status request_attention(cm_call *call, void *host,
                                   const cm_value *args, cm_value *result)
{
    request(args, GFX_REQ_ATTENTION, 0);
    return VM_OK;
}

static vm_status set_cursor(cm_call *call, void *host, const cm_value *args,
                            cm_value *result)
{
    request(args, GFX_REQ_CURSOR, (uint32_t)args[1].variant.index);
    return VM_OK;
}

/* The longest prefix of whole characters within `max` bytes. */
static size_t utf8_cut(const char *text, size_t len, size_t max)
{
    if (len <= max)
        return len;
    while (max && ((uint8_t)text[max] & 0xc0) == 0x80)
        max--;
    return max;
}

static vm_status set_title(cm_call *call, void *host, const cm_value *args,
                           cm_value *result)
{
    struct gfx_msg msg = {.type = GFX_REQ_TITLE};
    gfx_surface_send(
        surface_of(args), &msg, args[1].str.data,
        utf8_cut(args[1].str.data, args[1].str.len, GFX_TITLE_MAX - 1));
    return VM_OK;
}

static vm_status set_size(cm_call *call, void *host, const cm_value *args,
                          cm_value *result)
{
    struct gfx_msg msg = {.type = GFX_REQ_SIZE};
    msg.size.width = ui_side(args[1].u);
    msg.size.height = ui_side(args[2].u);
    gfx_surface_send(surface_of(args), &msg, NULL, 0);
    return VM_OK;
}

/* ---- events ------------------------------------------------------------ */

enum { /* the cases of the variant event */
       CASE_KEY,
       CASE_POINTER,
       CASE_SCROLL,
       CASE_RESIZED,
       CASE_FOCUS,
       CASE_MENU,
       CASE_FRAME,
       CASE_CLOSE,
       CASE_QUIT,
       CASE_OUTSIDE,
};

static void put_key(const struct gfx_msg *m, cm_value *f)
{
    f[0].u = m->key.code;
    f[1].u = m->key.text;
    f[2].flags = m->key.modifiers;
    f[3].variant.index = m->key.state;
}

static void put_pointer(const struct gfx_msg *m, cm_value *f)
{
    f[0].variant.index = m->pointer.kind;
    f[1].variant.index = m->pointer.button;
    f[2].u = m->pointer.clicks;
    f[3].flags = m->pointer.modifiers;
    f[4].f32 = m->pointer.x;
    f[5].f32 = m->pointer.y;
}

static void put_scroll(const struct gfx_msg *m, cm_value *f)
{
    f[0].f32 = m->scroll.x;
    f[1].f32 = m->scroll.y;
    f[2].f32 = m->scroll.dx;
    f[3].f32 = m->scroll.dy;
    f[4].flags = m->scroll.modifiers;
}

static void put_size(const struct gfx_msg *m, cm_value *f)
{
    f[0].u = (uint64_t)m->configure.width;
    f[1].u = (uint64_t)m->configure.height;
}

static const struct {
    uint32_t type;
    uint8_t index, nfields; /* nfields 0: no record */
    void (*put)(const struct gfx_msg *m, cm_value *fields);
} cases[] = {
    {GFX_EV_KEY, CASE_KEY, 4, put_key},
    {GFX_EV_POINTER, CASE_POINTER, 6, put_pointer},
    {GFX_EV_SCROLL, CASE_SCROLL, 5, put_scroll},
    {GFX_EV_CONFIGURE, CASE_RESIZED, 2, put_size},
    {GFX_EV_FOCUS, CASE_FOCUS, 0, NULL},
    {GFX_EV_MENU, CASE_MENU, 0, NULL},
    {GFX_EV_FRAME, CASE_FRAME, 0, NULL},
    {GFX_EV_CLOSE, CASE_CLOSE, 0, NULL},
    {GFX_EV_QUIT, CASE_QUIT, 0, NULL},
    {GFX_EV_OUTSIDE, CASE_OUTSIDE, 0, NULL},
};

static bool put_event(cm_call *call, const struct gfx_msg *m, cm_value *event)
{
    size_t i = 0;
    while (i + 1 < sizeof cases / sizeof *cases && cases[i].type != m->type)
        i++;
    cm_value *payload = wasi_values(call, 1);
    cm_value *fields = wasi_values(call, cases[i].nfields);
    if (!payload || !fields)
        return false;
    event->variant.index = cases[i].index;
    event->variant.payload = cases[i].index < CASE_CLOSE ? payload : NULL;
    if (cases[i].put) {
        cases[i].put(m, fields);
        payload->list.items = fields;
        payload->list.len = cases[i].nfields;
    } else {
        payload->u = m->type == GFX_EV_FRAME ? m->frame.time : m->value;
    }
    return true;
}

static vm_status events(cm_call *call, void *host, const cm_value *args,
                        cm_value *result)
{
    struct ui_window *w = args[0].rep;
    struct gfx_msg msg;
    size_t n = 0;
    gfx_display_dispatch(w->display->gfx);
    if (!gfx_surface_has_events(w->surface)) {
        result->list.items = NULL;
        result->list.len = 0;
        return VM_OK;
    }
    cm_value *items = wasi_values(call, EVENTS_AT_ONCE);
    if (!items)
        return wasi_no_memory(call);
    while (n < EVENTS_AT_ONCE && gfx_surface_event(w->surface, &msg))
        if (!put_event(call, &msg, &items[n++]))
            return wasi_no_memory(call);
    result->list.items = items;
    result->list.len = n;
    return VM_OK;
}

/* Another window's event may wake the waiter too: then `events` is empty. */
static void prepare(void *parent, wasi_wait *wait)
{
    struct ui_window *w = parent;
    gfx_display_waits(w->display->gfx);
    bool alive = gfx_display_dispatch(w->display->gfx);
    wait->ready = gfx_surface_has_events(w->surface);
    if (!wait->ready && alive) {
        wait->fd = gfx_display_fd(w->display->gfx);
        wait->events = POLLIN;
    }
}

static vm_status subscribe(cm_call *call, void *host, const cm_value *args,
                           cm_value *result)
{
    return wasi_own(call, result, wasi_pollable_create(args[0].rep, prepare));
}

/* ---- menus ------------------------------------------------------------- */

struct writer {
    char data[GFX_MENUS_MAX];
    size_t len;
    bool full;
};

static void put_record(struct writer *w, struct gfx_menu_record r,
                       cm_value text)
{
    size_t len = utf8_cut(text.str.data, text.str.len, 255);
    r.len = (uint16_t)len;
    if (w->len + sizeof r + len > sizeof w->data) {
        w->full = true;
        return;
    }
    memcpy(w->data + w->len, &r, sizeof r);
    memcpy(w->data + w->len + sizeof r, text.str.data, len);
    w->len += sizeof r + len;
}

static void put_item(struct writer *w, const cm_value *f)
{
    struct gfx_menu_record r = {.id = (uint32_t)f[0].u,
                                .key = (uint32_t)f[2].u,
                                .modifiers = (uint8_t)f[3].flags,
                                .flags = (uint8_t)f[4].flags};
    put_record(w, r, f[1]);
}

static vm_status set_menus(cm_call *call, void *host, const cm_value *args,
                           cm_value *result)
{
    struct writer *w = cm_alloc(call, sizeof *w);
    if (!w)
        return wasi_no_memory(call);
    w->full = args[1].list.len > GFX_MENU_COUNT_MAX;
    for (size_t i = 0; i < args[1].list.len && !w->full; i++) {
        const cm_value *menu = args[1].list.items[i].list.items;
        const cm_value *items = &menu[1];
        put_record(w, (struct gfx_menu_record){.flags = GFX_MENU_TITLE},
                   menu[0]);
        w->full |= items->list.len > GFX_MENU_ITEMS_MAX;
        for (size_t k = 0; k < items->list.len && !w->full; k++)
            put_item(w, items->list.items[k].list.items);
    }
    if (w->full)
        return cm_trap(call,
                       "window.set-menus: at most %d menus, %d items each and "
                       "%d bytes in all",
                       GFX_MENU_COUNT_MAX, GFX_MENU_ITEMS_MAX, GFX_MENUS_MAX);
    struct gfx_msg msg = {.type = GFX_REQ_MENUS};
    gfx_surface_send(surface_of(args), &msg, w->data, w->len);
    return VM_OK;
}

static bool item_value(cm_call *call, const struct gfx_menu_record *r,
                       const char *text, cm_value *out)
{
    cm_value *f = wasi_values(call, 5);
    if (!f)
        return false;
    f[0].u = r->id;
    f[1].str.data = text;
    f[1].str.len = r->len;
    f[2].u = r->key;
    f[3].flags = r->modifiers;
    f[4].flags = r->flags;
    out->list.items = f;
    out->list.len = 5;
    return true;
}

/* One record of the wire into the list; titles begin a menu. */
static bool menu_value(cm_call *call, const struct gfx_menu_record *r,
                       const char *text, cm_value *menus)
{
    if (!(r->flags & GFX_MENU_TITLE)) {
        cm_value *menu = menus->list.items[menus->list.len - 1].list.items;
        return item_value(call, r, text,
                          &menu[1].list.items[menu[1].list.len++]);
    }
    cm_value *menu = wasi_values(call, 2);
    cm_value *items = wasi_values(call, GFX_MENU_ITEMS_MAX);
    if (!menu || !items)
        return false;
    menu[0].str.data = text;
    menu[0].str.len = r->len;
    menu[1].list.items = items;
    cm_value *slot = &menus->list.items[menus->list.len++];
    slot->list.items = menu;
    slot->list.len = 2;
    return true;
}

vm_status ui_menus_value(cm_call *call, const char *data, size_t len,
                         cm_value *result)
{
    struct gfx_menu_record r;
    const char *text;
    result->list.items = wasi_values(call, GFX_MENU_COUNT_MAX);
    result->list.len = 0;
    if (!result->list.items)
        return wasi_no_memory(call);
    for (size_t at = 0; gfx_menu_next(data, len, &at, &r, &text);)
        if (!menu_value(call, &r, text, result))
            return wasi_no_memory(call);
    return VM_OK;
}

const cm_host_interface vyoma_iface_window = {
    .name = "vyoma:ui/window",
    .funcs =
        (const cm_host_func[]){
            {"[static]window.create", create},
            {"[method]window.canvas", window_canvas},
            {"[method]window.present", present},
            {"[method]window.size", window_size},
            {"[method]window.events", events},
            {"[method]window.subscribe", subscribe},
            {"[method]window.request-frame", request_frame},
            {"[method]window.set-title", set_title},
            {"[method]window.set-size", set_size},
            {"[method]window.set-cursor", set_cursor},
            {"[method]window.set-menus", set_menus},
            {"[method]window.request-attention", request_attention},
            {"[method]window.hide", hide},
            {0}},
    .resources = (const cm_host_resource[]){{"window", wasi_drop}, {0}},
};

/* ---- clipboard --------------------------------------------------------- */

static vm_status get_text(cm_call *call, void *host, const cm_value *args,
                          cm_value *result)
{
    struct vyoma_display *d = vyoma_display_get(host);
    struct gfx_msg msg = {.type = GFX_REQ_CLIP_GET}, reply;
    char *text = cm_alloc(call, GFX_TAIL_MAX + 1);
    int fd = -1;
    if (!text)
        return wasi_no_memory(call);
    result->str.data = text;
    result->str.len = 0;
    if (d && gfx_display_call(d->gfx, &msg, NULL, 0, &reply, text, &fd))
        result->str.len = (size_t)reply.reply.length;
    return VM_OK;
}

static vm_status set_text(cm_call *call, void *host, const cm_value *args,
                          cm_value *result)
{
    struct vyoma_display *d = vyoma_display_get(host);
    struct gfx_msg msg = {.type = GFX_REQ_CLIP_SET};
    if (d)
        gfx_display_send(
            d->gfx, &msg, args[0].str.data,
            utf8_cut(args[0].str.data, args[0].str.len, GFX_TAIL_MAX));
    return VM_OK;
}

const cm_host_interface vyoma_iface_clipboard = {
    .name = "vyoma:ui/clipboard",
    .funcs = (const cm_host_func[]){{"get-text", get_text},
                                    {"set-text", set_text},
                                    {0}},
};
