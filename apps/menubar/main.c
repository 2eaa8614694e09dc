/*
 * menubar - the bar at the top: system menu, the focused app's name and menus,
 * and at the right the status items, which give way to long menus: the space
 * (of several), memory in use, date, time.
 *
 * The bar is one panel; an open menu is a second, modal one over the whole
 * screen, so that a press anywhere else closes it.  Press, drag and release
 * chooses; so do a click, then another; with a menu open, hovering over
 * another title opens that one.
 */
#include "sdk/desktop.h"
#include "sdk/process.h"

#define BAR 28
#define SIZE 13.5f
#define ROW 24.0f
#define TITLES 18

/* The system menu; ids of the other system items are a window-action.  Which
 * menu an item is in tells it from an app's own, never its id. */
enum { ITEM_RESTART, ITEM_POWER };

static const menu_item system_items[] = {
    {ITEM_RESTART, {"Restart", 7}, 0, 0, 0},
    {ITEM_POWER, {"Shut Down", 9}, 0, 0, 0},
};
static const menu_item app_items[] = {
    {ACTION_HIDE_APP, {"Hide", 4}, 'h', 0, 0},
    {0, {"", 0}, 0, 0, ITEM_SEPARATOR},
    {ACTION_QUIT_APP, {"Quit", 4}, 'q', 0, 0},
};
static const menu_item window_items[] = {
    {ACTION_MINIMISE, {"Minimise", 8}, 'm', 0, 0},
    {ACTION_FULLSCREEN, {"Full Screen", 11}, 'f', MOD_CONTROL, 0},
    {0, {"", 0}, 0, 0, ITEM_SEPARATOR},
    {ACTION_CLOSE, {"Close", 5}, 'w', 0, 0},
};

static app_list installed;
static menu titles[TITLES];
static float title_x[TITLES + 1];
static float menu_w, rows[65]; /* of the open menu */
static size_t title_count;
static shell_size screen;
static uint32_t focused; /* window, 0 for none */
static app bar, drop;
static int open_menu = -1, hovered = -1, flashing = -1;
static bool stale; /* something has changed while a menu was open */
static void *menus_mark;

/* ---- model ---- */

static str app_title(str name)
{
    for (size_t i = 0; i < installed.len; i++)
        if (str_equal(installed.items[i].name, name))
            return installed.items[i].title;
    return name;
}

static void add(str title, const menu_item *items, size_t count)
{
    if (title_count < TITLES)
        titles[title_count++] = (menu){title, items, count};
}

/* Reads the focused window and its menus.  They live in the arena above
 * menus_mark, which nothing else is allowed to outlive. */
static void refresh(void)
{
    window_list windows;
    menu_list own = {0};
    str name = STR("VyomaOS");
    arena_release(menus_mark);
    stale = false;
    shell_windows(&windows);
    focused = 0;
    for (size_t i = 0; i < windows.len && !focused; i++)
        if (windows.items[i].state & WIN_FOCUSED) {
            focused = windows.items[i].id;
            name = app_title(windows.items[i].app);
        }
    title_count = 0;
    add(STR(""), system_items, COUNT(system_items));
    add(name, app_items, focused ? COUNT(app_items) : 0);
    if (focused)
        shell_menus(focused, &own);
    for (size_t i = 0; i < own.len; i++)
        add(own.items[i].title, own.items[i].items, own.items[i].count);
    if (focused)
        add(STR("Window"), window_items, COUNT(window_items));
}

/* ---- the bar ---- */

/* Right to left, as long as there is room beside the menus. */
static float draw_status(float right, float left, text *t)
{
    float x = right - measure_text(FONT_UI, SIZE, t->data, t->len);
    if (x > left + 20)
        draw_text(bar.canvas, FONT_UI, SIZE, x, 19, text_str(t), INK);
    t->len = 0;
    return x - 18;
}

static void draw_statuses(float left)
{
    char buffer[32];
    text t = TEXT(buffer);
    datetime at;
    system_info system;
    space_info spaces;
    wall_now(&at);
    calendar now = calendar_of(at.seconds);
    put_padded(&t, (uint64_t)now.hour, 2, '0');
    put_char(&t, ':');
    put_padded(&t, (uint64_t)now.minute, 2, '0');
    float x = draw_status(bar.width - 14, left, &t);
    put_text(&t, weekday_names[now.weekday]);
    put_char(&t, ' ');
    put_number(&t, now.day);
    put_char(&t, ' ');
    put_text(&t, month_names[now.month - 1]);
    x = draw_status(x + 6, left, &t);
    process_system(&system);
    if (!system.is_err) {
        put_number(&t,
                   (int64_t)((system.memory_total - system.memory_free) >> 20));
        put(&t, STR(" MB"));
        x = draw_status(x, left, &t);
    }
    shell_spaces(&spaces);
    if (spaces.count > 1) {
        put_number(&t, spaces.current + 1);
        put_char(&t, '/');
        put_number(&t, spaces.count);
        draw_status(x, left, &t);
    }
}

/* The system menu's mark: three petals. */
static void draw_mark(handle c, float x)
{
    for (int i = 0; i < 3; i++)
        canvas_round(c, x - 9 + (float)i * 5, i == 1 ? 6 : 10, 9, 9, 4.5f,
                     0xa01d1d1f);
}

static void draw_bar(void)
{
    handle c = bar.canvas;
    canvas_clear(c, 0x00000000);
    canvas_rect(c, 0, 0, bar.width, BAR, 0xb4f6f6f9);
    float x = 8;
    for (size_t i = 0; i < title_count; i++) {
        const menu *m = &titles[i];
        int font = i == 1 ? FONT_BOLD : FONT_UI;
        float w =
            i ? measure_text(font, SIZE, m->title.data, m->title.len) : 20;
        title_x[i] = x;
        if ((int)i == open_menu || (int)i == flashing)
            canvas_round(c, x, 2, w + 20, BAR - 4, 5, 0x30000000);
        if (i)
            draw_text(c, font, SIZE, x + 10, 19, m->title, INK);
        else
            draw_mark(c, x + 20);
        x += w + 20;
    }
    title_x[title_count] = x;
    draw_statuses(x);
}

static int title_at(float x, float y)
{
    for (size_t i = 0; y < BAR && i < title_count; i++)
        if (x >= title_x[i] && x < title_x[i + 1])
            return (int)i;
    return -1;
}

/* ---- the open menu ---- */

/* Where the open menu's rows begin, and it ends. */
static void measure(void)
{
    const menu *m = &titles[open_menu];
    float y = BAR + 2 + 5;
    menu_w = 200;
    for (size_t i = 0; i < m->count; i++) {
        const menu_item *it = &m->items[i];
        float w = measure_text(FONT_UI, SIZE, it->label.data, it->label.len);
        menu_w = MAX(menu_w, w + 90);
        rows[i] = y;
        y += it->flags & ITEM_SEPARATOR ? 10 : ROW;
    }
    rows[m->count] = y;
}

static void draw_shortcut(handle c, const menu_item *it, float x, float y,
                          color ink)
{
    /* Shift, Control, Alt, Super */
    static const char symbols[4][3] = {"\xe2\x87\xa7", "\xe2\x8c\x83",
                                       "\xe2\x8c\xa5", "\xe2\x8c\x98"};
    char buffer[24];
    text t = TEXT(buffer);
    if (!it->key)
        return;
    for (int bit = 0; bit < 4; bit++)
        if ((it->modifiers | MOD_SUPER) >> bit & 1)
            put(&t, (str){symbols[bit], 3});
    put_char(&t,
             (char)(it->key >= 'a' && it->key <= 'z' ? it->key - 32 : it->key));
    canvas_text_in(c, FONT_UI, SIZE, x - 80, y, 80, ALIGN_RIGHT, t.data, t.len,
                   ink);
}

static void draw_drop(void)
{
    handle c = drop.canvas;
    canvas_clear(c, 0);
    if (open_menu < 0)
        return;
    const menu *m = &titles[open_menu];
    float w = menu_w, x = title_x[open_menu], h = rows[m->count] - BAR + 3;
    canvas_shadow(c, x, BAR + 4, w, h, 9, 22, 0x60000000);
    canvas_round(c, x, BAR + 2, w, h, 9, 0xf8f4f4f7);
    for (size_t i = 0; i < m->count; i++) {
        const menu_item *it = &m->items[i];
        float y = rows[i];
        if (it->flags & ITEM_SEPARATOR) {
            canvas_rect(c, x + 12, y + 5, w - 24, 1, 0x30000000);
            continue;
        }
        bool on = (int)i == hovered && !(it->flags & ITEM_DISABLED);
        color ink = on                          ? 0xffffffff
                    : it->flags & ITEM_DISABLED ? 0x60000000
                                                : INK;
        if (on)
            canvas_round(c, x + 5, y, w - 10, ROW, 5, ACCENT);
        if (it->flags & ITEM_CHECKED)
            draw_text(c, FONT_UI, SIZE, x + 10, y + 17, STR("\xe2\x9c\x93"),
                      ink);
        draw_text(c, FONT_UI, SIZE, x + 24, y + 17, it->label, ink);
        draw_shortcut(c, it, x + w - 14, y + 17, ink);
    }
}

static int item_at(float px, float py)
{
    float x = px - title_x[open_menu];
    for (size_t i = 0; x >= 0 && x < menu_w && i < titles[open_menu].count; i++)
        if (py >= rows[i] && py < rows[i + 1])
            return (int)i;
    return -1;
}

static void set_open(int which)
{
    bool was = open_menu >= 0;
    open_menu = which;
    hovered = -1;
    app_redraw(&bar);
    if (which < 0) {
        if (was)
            panel_close(&drop);
        return;
    }
    measure();
    if (!was)
        panel_open(&drop, STR("menu"), LAYER_OVERLAY, ANCHOR_TOP_LEFT, 0, 0,
                   (uint32_t)bar.width, screen.height, 0, 0,
                   PANEL_MODAL | PANEL_KEYBOARD);
    app_redraw(&drop);
}

static bool is_system(size_t i)
{
    return i < 2 || titles[i].items == window_items;
}

static void choose(void)
{
    done_result r;
    if (hovered < 0)
        return set_open(-1);
    const menu_item *it = &titles[open_menu].items[hovered];
    if (it->flags & (ITEM_DISABLED | ITEM_SEPARATOR))
        return;
    uint32_t id = it->id;
    int from = open_menu;
    set_open(-1);
    if (!is_system((size_t)from))
        shell_choose_menu(focused, id);
    else if (from)
        shell_perform(focused, (int32_t)id);
    else if (id == ITEM_POWER)
        process_power_off(&r);
    else
        process_restart(&r);
}

/* Arrow keys walk over titles and items; Return chooses, Esc closes. */
static void on_menu_key(uint32_t code)
{
    int count = (int)titles[open_menu].count;
    int step = code == CODE_DOWN ? 1 : -1;
    if (code == CODE_ESC)
        set_open(-1);
    else if (code == CODE_LEFT)
        set_open(open_menu ? open_menu - 1 : (int)title_count - 1);
    else if (code == CODE_RIGHT)
        set_open((open_menu + 1) % (int)title_count);
    else if (code == CODE_ENTER)
        choose();
    else if ((code == CODE_DOWN || code == CODE_UP) && count) {
        int tries = count;
        if (hovered < 0 && step < 0)
            hovered = 0;
        do
            hovered = (hovered + step + count) % count;
        while (tries-- && titles[open_menu].items[hovered].flags &
                              (ITEM_DISABLED | ITEM_SEPARATOR));
    }
}

/* Pointer events of the bar (dy 0) and of the menu, in screen coordinates. */
static void on_pointer(const event *e)
{
    float x = e->pointer.x, y = e->pointer.y;
    int title = title_at(x, y);
    if (e->pointer.kind == POINTER_PRESS) {
        if (title >= 0)
            set_open(title == open_menu ? -1 : title);
        else if (open_menu >= 0 && item_at(x, y) < 0)
            set_open(-1);
    } else if (e->pointer.kind == POINTER_MOTION && open_menu >= 0) {
        if (title >= 0 && title != open_menu)
            set_open(title);
        else
            hovered = item_at(x, y);
    } else if (e->pointer.kind == POINTER_RELEASE && open_menu >= 0) {
        hovered = item_at(x, y);
        if (hovered >= 0)
            choose();
        else if (title < 0)
            set_open(-1);
    }
    drop.dirty = true;
}

static void on_event(app *a, const event *e)
{
    if (e->kind == EVENT_POINTER)
        on_pointer(e);
    else if (e->kind == EVENT_OUTSIDE_PRESS)
        set_open(-1);
    else if (e->kind == EVENT_KEY && e->key.state != KEY_RELEASED &&
             open_menu >= 0)
        on_menu_key(e->key.code);
    drop.dirty = true;
}

/* ---- the loop: two windows, the shell's events and the clock ---- */

static void on_shell(void)
{
    shell_event_list events;
    shell_events(&events);
    for (size_t i = 0; i < events.len; i++)
        if (events.items[i].kind == SHELL_MENU_SHORTCUT)
            for (size_t t = 1; t < title_count; t++)
                for (size_t k = 0; k < titles[t].count; k++)
                    if ((titles[t].items[k].id |
                         (is_system(t) ? SYSTEM_ITEM : 0)) ==
                        events.items[i].menu.item)
                        flashing = (int)t;
    stale = true;
    app_redraw(&bar);
}

static void take(app *a)
{
    event_list events;
    window_events(a->window, &events);
    handle window = a->window;
    for (size_t i = 0; i < events.len; i++) {
        if (events.items[i].kind == EVENT_RESIZED)
            app_redraw(a);
        on_event(a, &events.items[i]);
        if (a->window != window)
            return; /* the menu was closed by it */
    }
}

static void show(app *a)
{
    if (!a->window || !a->dirty)
        return;
    a->dirty = false;
    if (a == &bar)
        draw_bar();
    else
        draw_drop();
    window_present(a->window);
}

/* Until the flash ends, or the next minute begins. */
static uint64_t rest(void)
{
    datetime at;
    if (flashing >= 0)
        return 150 * MILLISECOND;
    wall_now(&at);
    return (60 - at.seconds % 60) * SECOND - at.nanoseconds;
}

APP_RUN int app_run(void)
{
    process_apps(&installed);
    if (installed.is_err)
        installed.len = 0;
    screen_size(&screen);
    panel_open(&bar, STR("menubar"), LAYER_TOP, ANCHOR_TOP, 0, 0, screen.width,
               BAR, BAR, 0, PANEL_BLUR);
    bar.extra = shell_subscribe();
    menus_mark = arena_mark();
    refresh();
    app_redraw(&bar);
    for (;;) {
        if (stale && open_menu < 0 && flashing < 0)
            refresh();
        show(&bar);
        show(&drop);
        void *mark = arena_mark();
        handle polled[4] = {bar.pollable, bar.extra, subscribe_duration(rest()),
                            drop.pollable};
        ready_list ready;
        wasi_poll(polled, drop.window ? 4 : 3, &ready);
        pollable_drop(polled[2]);
        uint32_t mask = 0;
        for (size_t i = 0; i < ready.len; i++)
            mask |= 1u << ready.items[i];
        arena_release(mark);
        if (mask & 4) {
            flashing = -1;
            app_redraw(&bar);
        }
        mark = arena_mark();
        if (mask & 1)
            take(&bar);
        if (mask & 8 && drop.window)
            take(&drop);
        arena_release(mark);
        if (mask & 2)
            on_shell();
    }
}
