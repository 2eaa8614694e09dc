/*
 * spotlight - Super-Space: type to find an app, or to calculate.
 *
 * Matches at a title's start come before matches inside it, and among equals
 * what was opened more often.  A line that is arithmetic answers in place.
 * Esc clears the line, then closes; so does a press outside.
 */
#include "sdk/desktop.h"

#define WIDTH 600
#define FIELD 60.0f
#define ROW 46.0f
#define SHOWN 6
#define APPS 48
#define LINE 96

enum { SHORTCUT_TOGGLE = 1 };
enum { CODE_SPACE = 57 };

static app_list installed;
static uint16_t opened[APPS]; /* how often, by position in the list */
static char line[LINE];
static size_t length;
static uint8_t results[SHOWN];
static size_t result_count, selected;
static char answer[32];
static size_t answer_length;

/* ---- arithmetic: sums of products of powers of factors ---- */

static str rest;
static bool valid, computed; /* is arithmetic; has an operation in it */

static char peek(void)
{
    while (rest.len && rest.data[0] == ' ')
        rest.data++, rest.len--;
    return rest.len ? rest.data[0] : 0;
}

static bool accept(char c)
{
    if (peek() != c)
        return false;
    computed = true;
    rest.data++, rest.len--;
    return true;
}

static double sum(int depth);

static double factor(int depth)
{
    double value = 0, scale = 0;
    if (accept('-'))
        return depth ? -factor(depth - 1) : 0;
    if (accept('(')) {
        value = sum(depth);
        valid &= accept(')');
        return value;
    }
    bool digits = false;
    for (peek(); rest.len; rest.data++, rest.len--) {
        char c = rest.data[0];
        if (c == '.' && !scale)
            scale = 1;
        else if (c >= '0' && c <= '9')
            value = value * 10 + (c - '0'), scale *= 10, digits = true;
        else
            break;
    }
    valid &= digits;
    return scale ? value / scale : value;
}

/* With a whole exponent; ^ binds to the right. */
static double power(int depth)
{
    double base = factor(depth), value = 1;
    if (!depth || !accept('^'))
        return base;
    double exponent = power(depth - 1);
    int n = exponent > 1024 ? 1024 : exponent < -1024 ? -1024 : (int)exponent;
    valid &= n == exponent;
    for (int i = n < 0 ? -n : n; i; i--)
        value *= base;
    return n < 0 ? 1 / value : value;
}

static double product(int depth)
{
    double value = power(depth);
    for (;;) {
        if (accept('*'))
            value *= power(depth);
        else if (accept('/'))
            value /= power(depth);
        else
            return value;
    }
}

static double sum(int depth)
{
    if (!depth) {
        valid = false;
        return 0;
    }
    double value = product(depth - 1);
    for (;;) {
        if (accept('+'))
            value += product(depth - 1);
        else if (accept('-'))
            value -= product(depth - 1);
        else
            return value;
    }
}

static void calculate(void)
{
    text out = TEXT(answer);
    rest = (str){line, length};
    valid = true;
    computed = false;
    double value = sum(24), size = value < 0 ? -value : value;
    answer_length = 0;
    if (!valid || peek() || !computed || !(size < 9e15))
        return;
    /* As many decimals as a double has left, at most six. */
    uint64_t unit = size < 1e9 ? 1000000 : size < 1e12 ? 1000 : 1;
    uint64_t scaled = (uint64_t)(size * (double)unit + 0.5);
    uint64_t part = scaled % unit;
    if (value < 0 && scaled)
        put_char(&out, '-');
    put_padded(&out, scaled / unit, 0, ' ');
    int places = unit == 1 ? 0 : unit == 1000 ? 3 : 6;
    while (places && part % 10 == 0)
        part /= 10, places--;
    if (places) {
        put_char(&out, '.');
        put_padded(&out, part, places, '0');
    }
    answer_length = out.len;
}

/* ---- search ---- */

/* The order of results: lower is better; negative: no match. */
static int rank(size_t i)
{
    const app_info *a = &installed.items[i];
    int at = str_find(a->title, (str){line, length});
    if (!a->visible || at < 0)
        return -1;
    return (at ? 100000 : 50000) - MIN(opened[i], 40000);
}

static void search(void)
{
    int ranks[SHOWN];
    result_count = selected = 0;
    calculate();
    for (size_t i = 0; length && i < MIN(installed.len, APPS); i++) {
        int r = rank(i);
        size_t k = result_count;
        if (r < 0)
            continue;
        while (k && ranks[k - 1] > r)
            k--;
        if (k == SHOWN)
            continue;
        result_count = MIN(result_count + 1, SHOWN);
        for (size_t m = result_count - 1; m > k; m--)
            ranks[m] = ranks[m - 1], results[m] = results[m - 1];
        ranks[k] = r;
        results[k] = (uint8_t)i;
    }
}

static void open_result(app *a)
{
    launch_result r;
    window_list windows;
    if (selected >= result_count)
        return;
    const app_info *it = &installed.items[results[selected]];
    opened[results[selected]]++;
    panel_close(a);
    shell_windows(&windows);
    for (size_t i = 0; i < windows.len; i++)
        if (str_equal(windows.items[i].app, it->name))
            return shell_perform(windows.items[i].id, ACTION_ACTIVATE);
    process_launch(it->name.data, it->name.len, NULL, 0, &r);
}

/* ---- panel ---- */

static void draw(app *a)
{
    handle c = a->canvas;
    size_t rows = result_count + (answer_length > 0);
    float h = FIELD + (rows ? (float)rows * ROW + 10 : 0), y = FIELD + 20;
    canvas_clear(c, 0);
    canvas_shadow(c, 40, 24, WIDTH, h, 16, 36, 0x70000000);
    canvas_round(c, 40, 20, WIDTH, h, 16, 0xf4f6f6f9);
    str s = length ? (str){line, length} : STR("Search");
    canvas_circle(c, 73, 48, 8, 2.2f, 0xff8a8a92);
    canvas_line(c, 79, 54, 85, 60, 2.6f, 0xff8a8a92);
    draw_text(c, FONT_UI, 24, length ? 98 : 102, 59, s,
              length ? INK : 0xff9a9aa2);
    float x = length ? measure_text(FONT_UI, 24, line, length) : 0;
    canvas_rect(c, 97 + (x ? x + 3 : 0), 36, 1.5f, 28, ACCENT);
    if (answer_length) {
        draw_text(c, FONT_BOLD, 20, 64, y + 31, (str){answer, answer_length},
                  INK);
        y += ROW;
    }
    for (size_t i = 0; i < result_count; i++, y += ROW) {
        const app_info *it = &installed.items[results[i]];
        bool on = i == selected;
        if (on)
            canvas_round(c, 50, y, WIDTH - 20, ROW, 9, ACCENT);
        icon_draw(c, &it->icon, 58, y + 6, 34);
        draw_text(c, FONT_UI, 16, 104, y + 29, it->title,
                  on ? 0xffffffff : INK);
    }
}

static void on_key(app *a, const event *e)
{
    char utf8[4];
    uint32_t code = e->key.code;
    if (e->key.state == KEY_RELEASED || e->key.modifiers & MOD_SUPER)
        return;
    if (code == CODE_ENTER)
        return open_result(a);
    if (code == CODE_DOWN)
        selected = MIN(selected + 1, result_count ? result_count - 1 : 0);
    else if (code == CODE_UP)
        selected = selected ? selected - 1 : 0;
    else if (code == CODE_ESC && !length)
        return panel_close(a);
    else {
        if (code == CODE_ESC)
            length = 0;
        else if (code == CODE_BACKSPACE)
            while (length && ((uint8_t)line[--length] & 0xc0) == 0x80)
                ;
        else if (e->key.text >= ' ' && length + 4 <= LINE) {
            size_t n = utf8_put(utf8, e->key.text);
            memcpy(line + length, utf8, n);
            length += n;
        }
        search();
    }
    app_redraw(a);
}

static void on_event(app *a, const event *e)
{
    if (e->kind == EVENT_KEY)
        on_key(a, e);
    else if (e->kind == EVENT_OUTSIDE_PRESS)
        panel_close(a);
    else if (e->kind == EVENT_POINTER && e->pointer.kind == POINTER_PRESS) {
        float y = e->pointer.y - 20 - FIELD - (answer_length ? ROW : 0);
        if (y < 0)
            return;
        selected = (size_t)(y / ROW);
        open_result(a);
    }
}

static void on_shell(app *a)
{
    shell_event_list events;
    shell_events(&events);
    for (size_t i = 0; i < events.len; i++) {
        const shell_event *e = &events.items[i];
        if (e->kind != SHELL_SHORTCUT || e->shortcut.phase != SHORTCUT_PRESSED)
            continue;
        if (a->window) {
            panel_close(a);
            continue;
        }
        length = 0;
        search();
        panel_open(a, STR("spotlight"), LAYER_OVERLAY, ANCHOR_CENTER, 0, -90,
                   WIDTH + 80, 420, 0, 16, PANEL_KEYBOARD | PANEL_MODAL);
        app_redraw(a);
    }
}

APP_RUN int app_run(void)
{
    static app spotlight = {
        .draw = draw, .on_event = on_event, .on_extra = on_shell};
    process_apps(&installed);
    if (installed.is_err)
        installed.len = 0;
    shell_register(SHORTCUT_TOGGLE, MOD_SUPER, CODE_SPACE);
    spotlight.pollable = spotlight.extra = shell_subscribe();
    return app_loop(&spotlight);
}
