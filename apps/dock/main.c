/*
 * dock - the row of apps at the bottom of the screen.
 *
 * Left of the divider: installed apps that want to be offered, in an order that
 * dragging changes; a dot marks those that run; right of it: minimised windows.
 * Icons grow under the pointer and shrink with distance.  A click raises a
 * running app or launches it; an icon bounces while its app starts, and while
 * one of its windows asks for attention.
 */
#include "sdk/desktop.h"

#define APPS 16
#define ITEMS 24
#define ICON 52.0f
#define GROW 28.0f
#define SPREAD 110.0f
#define FULL (ICON + GROW)
#define GAP 10.0f
#define CELL (ICON + GAP)
#define DIVIDER 14.0f
#define SHELF 72.0f /* height of the bar itself */
#define PANEL_W 1200
#define PANEL_H 150

typedef struct item {
    handle picture; /* the icon at its largest */
    const app_info *app;
    str label;
    bool running, bounces, minimised;
    uint32_t window; /* to raise or restore; 0: none */
    float x, size;   /* as laid out */
} item;

/* The installed apps are read once; their strings stay in the arena. */
static app_list installed;
static handle pictures[32];
static uint8_t order[APPS]; /* positions in the list, as they are shown */
static size_t app_count;
static item items[ITEMS];
static size_t item_count, divider;
static float pointer_x;
static bool inside;
static float level;       /* of the magnification, 0 to 1 */
static uint32_t boot_ids; /* instances up to here were started at boot */
static bool bouncing;
static handle changes;   /* among the instances */
static int pressed = -1; /* the item under the button, while it is held */
static float press_x;
static bool dragging;
static float hot_left, hot_right; /* where the bar is */

/* ---- model ---- */

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
    for (size_t i = windows->len; i-- && item_count < ITEMS;) {
        const window_info *w = &windows->items[i];
        const app_info *owner = find_app(w->app);
        if (!(w->state & WIN_MINIMISED) || !owner)
            continue;
        size_t n = MIN(w->title.len, sizeof titles[0]);
        memcpy(titles[item_count], w->title.data, n);
        items[item_count] = (item){.picture = picture_of(owner),
                                   .app = owner,
                                   .label = {titles[item_count], n},
                                   .window = w->id,
                                   .minimised = true};
        item_count++;
    }
}

static void add_app(const app_info *a, const instance_list *instances,
                    const window_list *windows)
{
    item *it = &items[item_count++];
    *it = (item){.picture = picture_of(a), .app = a, .label = a->title};
    for (size_t i = 0; i < instances->len; i++) {
        const app_instance *in = &instances->items[i];
        if (!str_equal(in->app, a->name))
            continue;
        it->running = true;
        it->bounces |= in->state == STATE_STARTING && in->id > boot_ids;
    }
    for (size_t k = windows->len; k--;) {
        const window_info *w = &windows->items[k];
        if (!str_equal(w->app, a->name))
            continue;
        it->window = w->id; /* at last the most recent */
        it->bounces |= (w->state & WIN_ATTENTION) != 0;
    }
    bouncing |= it->bounces;
}

/* A number that changes with what the dock shows. */
static uint32_t signature(void)
{
    uint32_t sum = (uint32_t)item_count;
    for (size_t i = 0; i < item_count; i++)
        sum = sum * 31 + items[i].window * 8 + items[i].bounces * 4 +
              items[i].running * 2 + items[i].minimised;
    return sum;
}

static void refresh(app *dock)
{
    uint32_t before = signature();
    instance_list instances;
    window_list windows;
    process_instances(&instances);
    shell_windows(&windows);
    if (instances.is_err)
        instances.len = 0;
    for (size_t i = 0; !app_count && i < instances.len; i++)
        boot_ids = MAX(boot_ids, instances.items[i].id);
    for (size_t i = 0; !item_count && i < installed.len; i++)
        if (installed.items[i].visible && app_count < APPS)
            order[app_count++] = (uint8_t)i;
    item_count = 0;
    bouncing = false;
    for (size_t i = 0; i < app_count; i++)
        add_app(&installed.items[order[i]], &instances, &windows);
    divider = item_count;
    add_minimised(&windows);
    if (signature() != before)
        app_redraw(dock);
}

/* ---- layout ---- */

/* How much an icon at distance `d` from the pointer grows, 0 to 1. */
static float growth(float d)
{
    float t = 1 - d * d / (SPREAD * SPREAD);
    return t > 0 ? level * t * t : 0;
}

/*
 * Sizes follow from where the icons are at rest.  The grown row is then moved
 * so that what is under the pointer at rest stays under it: so the icon that
 * the pointer is on is the one that is largest.
 */
static float layout(void)
{
    float rest =
        (float)item_count * CELL + GAP + (divider < item_count ? DIVIDER : 0);
    float rest_left = (PANEL_W - rest) / 2, at = rest_left + GAP / 2;
    float x = GAP / 2, shift = 0, total;
    for (size_t i = 0; i < item_count; i++) {
        float lead = i == divider ? DIVIDER : 0;
        at += lead;
        x += lead;
        float size = ICON + GROW * growth(at + CELL / 2 - pointer_x);
        float along = (pointer_x - at) / CELL;
        if (along >= 0 || !i) /* the last cell that begins left of it */
            shift = at - rest_left + (along < 0 ? 0 : MIN(along, 1)) * CELL -
                    (x + (along < 0 ? 0 : MIN(along, 1)) * (size + GAP));
        items[i].size = size;
        items[i].x = x + GAP / 2;
        at += CELL;
        x += size + GAP;
    }
    total = x + GAP / 2;
    hot_left = rest_left + shift;
    hot_right = hot_left + total;
    for (size_t i = 0; i < item_count; i++)
        items[i].x += hot_left;
    if (dragging)
        items[pressed].x = pointer_x - items[pressed].size / 2;
    return total;
}

static void draw_label(handle c, const item *it, float top)
{
    float w = measure_text(FONT_UI, 13, it->label.data, it->label.len) + 22;
    float x = it->x + it->size / 2 - w / 2;
    canvas_shadow(c, x, top - 34, w, 26, 8, 6, 0x40000000);
    canvas_round(c, x, top - 36, w, 26, 8, 0xf0f4f4f7);
    draw_centered(c, FONT_UI, 13, x, top - 18.5f, w, it->label, INK);
}

/* Height of the bounce now: parabolas of 0.6 s. */
static float bounce(void)
{
    float t = (float)(monotonic_now() / MILLISECOND % 600) / 600;
    return 26 * 4 * t * (1 - t);
}

static bool holds(const item *it)
{
    return pointer_x >= it->x - GAP / 2 &&
           pointer_x < it->x + it->size + GAP / 2;
}

static void draw_item(handle c, const item *it, float base)
{
    float top = base - 12 - it->size - (it->bounces ? bounce() : 0);
    canvas_draw(c, it->picture, 0, 0, FULL, FULL, it->x, top, it->size,
                it->size, 1);
    if (it->running)
        canvas_disc(c, it->x + it->size / 2, base - 6, 2, 0xd0202020);
    if (inside && holds(it))
        draw_label(c, it, top);
}

/* Where windows shrink to; told when nothing is magnified. */
static void tell_places(void)
{
    shell_size screen;
    screen_size(&screen);
    for (size_t i = 0; i < divider; i++)
        shell_set_dock_icon(
            items[i].app->name.data, items[i].app->name.len,
            (int32_t)(items[i].x + (float)screen.width / 2 - PANEL_W / 2),
            (int32_t)screen.height - 72, (int32_t)ICON, (int32_t)ICON);
}

static void draw(app *a)
{
    handle c = a->canvas;
    float target = inside ? 1 : 0, base = PANEL_H - 8;
    bool moves = level != target;
    level += (target - level) * 0.4f;
    if (level - target < 0.02f && target - level < 0.02f)
        level = target;
    float total = layout();
    canvas_clear(c, 0);
    canvas_round(c, hot_left, base - SHELF, total, SHELF, 20, 0x9cf2f2f6);
    canvas_round_frame(c, hot_left + .5f, base - SHELF + .5f, total - 1,
                       SHELF - 1, 20, 1, 0x70ffffff);
    if (divider < item_count)
        canvas_rect(c, items[divider].x - 12, base - SHELF + 12, 1, SHELF - 24,
                    0x40000000);
    for (size_t i = 0; i < item_count; i++)
        if (!dragging || (int)i != pressed)
            draw_item(c, &items[i], base);
    if (dragging)
        draw_item(c, &items[pressed], base);
    if (moves || bouncing)
        window_request_frame(a->window);
    else if (!inside)
        tell_places();
}

/* ---- events ---- */

static void click(item *it)
{
    launch_result r;
    if (it->window)
        shell_perform(it->window, ACTION_ACTIVATE);
    else
        process_launch(it->app->name.data, it->app->name.len, NULL, 0, &r);
}

/* The app that is dragged changes places with the one it comes to lie on. */
static void drag(app *a)
{
    dragging |= pointer_x - press_x > 6 || press_x - pointer_x > 6;
    dragging &= pressed >= 0 && (size_t)pressed < divider;
    if (!dragging)
        return;
    float at = (PANEL_W - (float)item_count * CELL - GAP -
                (divider < item_count ? DIVIDER : 0)) /
                   2 +
               GAP / 2;
    int to = (int)((pointer_x - at) / CELL);
    to = MAX(0, MIN(to, (int)divider - 1));
    while (pressed != to) {
        int next = pressed + (to > pressed ? 1 : -1);
        uint8_t other = order[next];
        order[next] = order[pressed];
        order[pressed] = other;
        pressed = next;
    }
    refresh(a);
}

static void on_pointer(app *a, const event *e)
{
    pointer_x = e->pointer.x;
    inside = e->pointer.kind != POINTER_LEAVE;
    if (e->pointer.kind == POINTER_PRESS && e->pointer.button == BUTTON_LEFT) {
        layout(); /* a refresh has made the items anew since they were drawn */
        press_x = pointer_x;
        for (size_t i = 0; i < item_count; i++)
            if (holds(&items[i]))
                pressed = (int)i;
    } else if (e->pointer.kind == POINTER_RELEASE && pressed >= 0) {
        if (!dragging && (size_t)pressed < item_count)
            click(&items[pressed]);
        dragging = false;
        pressed = -1;
    } else if (pressed >= 0) {
        drag(a);
    }
}

static void on_event(app *a, const event *e)
{
    if (e->kind == EVENT_POINTER)
        on_pointer(a, e);
    app_redraw(a);
}

/* Windows or instances have changed.  While hundreds of them start it is
 * enough to look ten times a second. */
static void on_change(app *a)
{
    shell_event_list events;
    shell_events(&events);
    refresh(a);
    a->also = 0;
    a->wake = monotonic_now() + 100 * MILLISECOND;
}

static void on_time(app *a)
{
    a->also = changes;
    a->wake = UINT64_MAX;
}

APP_RUN int app_run(void)
{
    static app dock = {.draw = draw,
                       .on_event = on_event,
                       .on_extra = on_change,
                       .on_time = on_time};
    changes_result r;
    process_apps(&installed);
    if (installed.is_err)
        installed.len = 0;
    process_changes(&r);
    changes = r.is_err ? 0 : r.pollable;
    panel_open(&dock, STR("dock"), LAYER_TOP, ANCHOR_BOTTOM, 0, 0, PANEL_W,
               PANEL_H, 84, 0, 0);
    dock.extra = shell_subscribe();
    return app_loop(&dock);
}
