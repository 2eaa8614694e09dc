/*
 * dock - the row of apps at the bottom of the screen.
 *
 * Left of the divider: installed apps that want to be offered; a dot marks
 * those with a window or process; right of it: minimised windows.  Icons grow
 * under the pointer and shrink with distance.  A click raises a running app or
 * launches it, and its icon bounces until its first window shows.
 */
#include "sdk/desktop.h"
#include "sdk/icons.h"
#include "sdk/process.h"

#define APPS 16
#define ITEMS 24
#define ICON 52.0f
#define GROW 28.0f
#define SPREAD 96.0f
#define FULL (ICON + GROW)
#define GAP 10.0f
#define SHELF 72.0f /* height of the bar itself */
#define PANEL_W 1200
#define PANEL_H 150

typedef struct item {
    handle picture; /* the icon at its largest */
    str app, label;
    bool running;
    uint32_t window; /* to raise or restore; 0: none */
    bool minimised;
    float x, size; /* as laid out */
} item;

/* The installed apps are read once; their strings stay in the arena. */
static app_list installed;
static handle pictures[32];
static item items[ITEMS];
static size_t item_count, divider;
static float pointer_x = -1000;
static bool inside;
static str bouncing; /* the app that was launched and has no window yet */
static uint64_t bounce_start;

/* ---- model ---- */

static bool has_instance(const instance_list *list, str app)
{
    for (size_t i = 0; !list->is_err && i < list->len; i++)
        if (str_equal(list->items[i].app, app))
            return true;
    return false;
}

static const app_info *find_app(str name)
{
    for (size_t i = 0; i < installed.len; i++)
        if (str_equal(installed.items[i].name, name))
            return &installed.items[i];
    return NULL;
}

/* Drawn once: paths cost far more than copying. */
static handle picture_of(const app_info *app)
{
    handle *p = &pictures[(app - installed.items) % COUNT(pictures)];
    if (!*p) {
        *p = canvas_create((uint32_t)FULL, (uint32_t)FULL);
        icon_draw(*p, &app->icon, 0, 0, FULL);
    }
    return *p;
}

static void add_minimised(const window_list *windows)
{
    static char titles[ITEMS][32];
    for (size_t i = 0; i < windows->len && item_count < ITEMS; i++) {
        const window_info *w = &windows->items[i];
        const app_info *owner = find_app(w->app);
        if (!(w->state & WIN_MINIMISED) || !owner)
            continue;
        size_t n = MIN(w->title.len, sizeof titles[0]);
        memcpy(titles[item_count], w->title.data, n);
        items[item_count] = (item){.picture = picture_of(owner),
                                   .app = owner->name,
                                   .label = {titles[item_count], n},
                                   .window = w->id,
                                   .minimised = true};
        item_count++;
    }
}

/* A number that changes with what the dock shows. */
static uint32_t signature(void)
{
    uint32_t sum = (uint32_t)item_count;
    for (size_t i = 0; i < item_count; i++)
        sum = sum * 31 + items[i].window * 4 + items[i].running * 2 +
              items[i].minimised;
    return sum;
}

static void refresh(app *dock)
{
    uint32_t before = signature();
    instance_list instances;
    window_list windows;
    process_instances(&instances);
    shell_windows(&windows);
    item_count = 0;
    for (size_t i = 0; i < installed.len && item_count < APPS; i++) {
        const app_info *a = &installed.items[i];
        if (!a->visible)
            continue;
        item *it = &items[item_count++];
        *it = (item){.picture = picture_of(a),
                     .app = a->name,
                     .label = a->title,
                     .running = has_instance(&instances, a->name)};
        for (size_t k = windows.len; k--;)
            if (str_equal(windows.items[k].app, a->name))
                it->window = windows.items[k].id;
        if (it->window && str_equal(bouncing, a->name))
            bouncing = (str){0};
    }
    if (bouncing.len && !has_instance(&instances, bouncing))
        bouncing = (str){0}; /* it ended before it showed a window */
    divider = item_count;
    add_minimised(&windows);
    if (signature() != before)
        app_redraw(dock);
}

/* ---- layout ---- */

/* How much an icon at distance `d` from the pointer grows, 0 to 1. */
static float growth(float d)
{
    if (!inside || d > SPREAD || d < -SPREAD)
        return 0;
    float t = 1 - d * d / (SPREAD * SPREAD);
    return t * t;
}

static float layout(void)
{
    float rest = (float)item_count * (ICON + GAP) + GAP;
    float x = (PANEL_W - rest) / 2 + GAP, total = GAP;
    for (size_t i = 0; i < item_count; i++, x += ICON + GAP) {
        items[i].size = ICON + GROW * growth(x + ICON / 2 - pointer_x);
        total += items[i].size + GAP;
    }
    if (divider < item_count)
        total += 14;
    x = (PANEL_W - total) / 2 + GAP;
    for (size_t i = 0; i < item_count; i++) {
        if (i == divider)
            x += 14;
        items[i].x = x;
        x += items[i].size + GAP;
    }
    return total;
}

static void draw_label(handle c, const item *it, float top)
{
    float w = measure_text(FONT_UI, 13, it->label.data, it->label.len) + 22;
    float x = it->x + it->size / 2 - w / 2;
    canvas_round(c, x, top - 36, w, 26, 8, 0xe0f4f4f7);
    draw_centered(c, FONT_UI, 13, x, top - 18.5f, w, it->label, INK);
}

/* Height of the bounce now: parabolas of 0.6 s. */
static float bounce(str app)
{
    if (!bouncing.len || !str_equal(app, bouncing))
        return 0;
    uint64_t age = monotonic_now() - bounce_start;
    float t = (float)(age / MILLISECOND % 600) / 600;
    return 26 * 4 * t * (1 - t);
}

static void draw(app *a)
{
    handle c = a->canvas;
    float total = layout(), left = (PANEL_W - total) / 2;
    float base = PANEL_H - 8;
    canvas_clear(c, 0);
    canvas_round(c, left, base - SHELF, total, SHELF, 20, 0x9cf2f2f6);
    canvas_round_frame(c, left + .5f, base - SHELF + .5f, total - 1, SHELF - 1,
                       20, 1, 0x70ffffff);
    if (divider < item_count)
        canvas_rect(c, items[divider].x - 12, base - SHELF + 12, 1, SHELF - 24,
                    0x40000000);
    for (size_t i = 0; i < item_count; i++) {
        const item *it = &items[i];
        float top = base - 12 - it->size - bounce(it->app);
        canvas_draw(c, it->picture, 0, 0, FULL, FULL, it->x, top, it->size,
                    it->size, 1);
        if (it->running && !it->minimised)
            canvas_disc(c, it->x + it->size / 2, base - 6, 2, 0xc0202020);
        bool hovered =
            inside && pointer_x >= it->x && pointer_x < it->x + it->size;
        if (hovered)
            draw_label(c, it, top);
        shell_size screen;
        if (!inside && !bouncing.len && !it->minimised) {
            screen_size(&screen);
            shell_set_dock_icon(
                it->app.data, it->app.len,
                (int32_t)(it->x + (float)screen.width / 2 - PANEL_W / 2),
                (int32_t)screen.height - 72, (int32_t)ICON, (int32_t)ICON);
        }
    }
    if (bouncing.len)
        window_request_frame(a->window);
}

/* ---- events ---- */

static void click(item *it)
{
    launch_result r;
    if (it->window) {
        shell_perform(it->window, ACTION_ACTIVATE);
        return;
    }
    process_launch(it->app.data, it->app.len, NULL, 0, &r);
    if (!r.is_err) {
        bouncing = it->app;
        bounce_start = monotonic_now();
    }
}

static void on_event(app *a, const event *e)
{
    if (e->kind == EVENT_FRAME && monotonic_now() - bounce_start > 10 * SECOND)
        bouncing = (str){0};
    if (e->kind == EVENT_POINTER) {
        pointer_x = e->pointer.x;
        inside = e->pointer.kind != POINTER_LEAVE;
        layout(); /* a refresh has made the items anew since they were drawn */
        if (e->pointer.kind == POINTER_PRESS)
            for (size_t i = 0; i < item_count; i++)
                if (pointer_x >= items[i].x &&
                    pointer_x < items[i].x + items[i].size)
                    click(&items[i]);
    }
    app_redraw(a);
}

static void on_shell(app *a)
{
    shell_event_list events;
    shell_events(&events);
    refresh(a);
}

static void on_time(app *a)
{
    a->wake = monotonic_now() + 2 * SECOND; /* dots of apps without windows */
    refresh(a);
}

APP_RUN int app_run(void)
{
    static app dock = {.draw = draw,
                       .on_event = on_event,
                       .on_extra = on_shell,
                       .on_time = on_time};
    process_apps(&installed);
    if (installed.is_err)
        installed.len = 0;
    panel_open(&dock, STR("dock"), LAYER_TOP, ANCHOR_BOTTOM, 0, 0, PANEL_W,
               PANEL_H, 84, 0, 0);
    dock.extra = shell_subscribe();
    return app_loop(&dock);
}
