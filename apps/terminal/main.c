/*
 * terminal - a window with a grid of characters that hosts the shell.
 *
 * The shell app runs with its streams held here (vyoma:process
 * launch-attached).  The line being typed is edited here, as a terminal's
 * line discipline does, and sent whole on Return.  Output goes into a ring of
 * lines; the escape sequence "clear" (ESC [2J ESC [H) empties it and all
 * others are skipped.
 */
#include "sdk/process.h"
#include "sdk/ui.h"

#define COLUMNS 160 /* bytes kept of one row */
#define LINES 512
#define SIZE 13.0f
#define ROW 18.0f
#define MARGIN 8.0f
#define INPUT_LIMIT 256
#define HISTORY 16

static struct {
    char data[COLUMNS];
    uint8_t len;
} lines[LINES];
static uint32_t last_line; /* counts up; its row is last_line % LINES */
static int scroll;         /* rows above the end */
static char input[INPUT_LIMIT];
static size_t input_length, caret;
static char history[HISTORY][INPUT_LIMIT];
static size_t history_length[HISTORY];
static uint32_t history_count, history_at;
static handle to_shell, from_shell;
static bool ended;
static float advance; /* one character's width */
static int columns, rows;

/* ---- output ---- */

static void new_line(void)
{
    last_line++;
    lines[last_line % LINES].len = 0;
}

static void put_byte(char c)
{
    static int escape; /* 1: after ESC, 2: inside a sequence */
    if (escape == 1) {
        escape = c == '[' ? 2 : 0;
    } else if (escape == 2) {
        if (c == 'J')
            for (int i = 0; i < LINES; i++)
                lines[i].len = 0;
        if (c == 'H')
            last_line = 0;
        if (c >= '@')
            escape = 0;
    } else if (c == 27) {
        escape = 1;
    } else if (c == '\n') {
        new_line();
    } else if (c == '\t' || (uint8_t)c >= ' ') {
        uint32_t row = last_line % LINES;
        if (lines[row].len >= columns || lines[row].len >= COLUMNS)
            new_line();
        row = last_line % LINES;
        lines[row].data[lines[row].len++] = c == '\t' ? ' ' : c;
    }
}

static void put_bytes(str s)
{
    for (size_t i = 0; i < s.len; i++)
        put_byte(s.data[i]);
}

static void on_output(app *a)
{
    stream_read got;
    input_read(from_shell, 4096, &got);
    if (!got.is_err) {
        put_bytes(got.data);
    } else {
        if (!got.closed)
            io_error_drop(got.error);
        put_bytes(STR("\n[the shell has ended; close the window]\n"));
        a->on_extra = NULL;
        ended = true;
    }
    app_redraw(a);
}

/* ---- input ---- */

static void insert(const char *s, size_t n)
{
    if (input_length + n > INPUT_LIMIT - 1)
        return;
    memmove(input + caret + n, input + caret, input_length - caret);
    memcpy(input + caret, s, n);
    input_length += n;
    caret += n;
}

/* Steps over one whole UTF-8 character. */
static size_t step(size_t at, int direction)
{
    do
        at += (size_t)direction;
    while (at > 0 && at < input_length && ((uint8_t)input[at] & 0xc0) == 0x80);
    return at;
}

static void erase(size_t from, size_t to)
{
    memmove(input + from, input + to, input_length - to);
    input_length -= to - from;
    caret = from;
}

static void submit(void)
{
    str line = {input, input_length};
    put_bytes(line);
    new_line();
    if (input_length) {
        uint32_t slot = history_count++ % HISTORY;
        memcpy(history[slot], input, input_length);
        history_length[slot] = input_length;
    }
    history_at = history_count;
    input[input_length] = '\n';
    line.len++;
    if (!ended)
        output_write_all(to_shell, line);
    input_length = caret = 0;
}

static void recall(int direction)
{
    uint32_t oldest = history_count > HISTORY ? history_count - HISTORY : 0;
    if ((direction < 0 && history_at == oldest) ||
        (direction > 0 && history_at == history_count))
        return;
    history_at += (uint32_t)direction;
    input_length = 0;
    if (history_at < history_count) {
        uint32_t slot = history_at % HISTORY;
        input_length = history_length[slot];
        memcpy(input, history[slot], input_length);
    }
    caret = input_length;
}

static void paste(void)
{
    str s;
    clipboard_get(&s);
    for (size_t i = 0; i < s.len; i++) {
        if (s.data[i] == '\n')
            submit();
        else
            insert(s.data + i, 1);
    }
}

static void on_key(const event *e)
{
    char utf8[4];
    uint32_t character = e->key.text;
    if (e->key.state == KEY_RELEASED)
        return;
    scroll = 0;
    if (e->key.modifiers & MOD_SUPER) {
        if (character == 'v')
            paste();
        return;
    }
    if (e->key.modifiers & MOD_CONTROL) {
        if (character == 'u' || character == 'c')
            erase(0, input_length);
        if (character == 'd' && !ended && !input_length) {
            output_drop(to_shell); /* end of input: the shell ends */
            ended = true;
        }
        return;
    }
    switch (e->key.code) {
    case CODE_ENTER: submit(); break;
    case CODE_BACKSPACE:
        if (caret)
            erase(step(caret, -1), caret);
        break;
    case CODE_DELETE:
        if (caret < input_length)
            erase(caret, step(caret, 1));
        break;
    case CODE_LEFT: caret = caret ? step(caret, -1) : 0; break;
    case CODE_RIGHT:
        caret = caret < input_length ? step(caret, 1) : caret;
        break;
    case CODE_HOME: caret = 0; break;
    case CODE_END: caret = input_length; break;
    case CODE_UP: recall(-1); break;
    case CODE_DOWN: recall(1); break;
    default:
        if (character >= ' ')
            insert(utf8, utf8_put(utf8, character));
    }
}

/* ---- window ---- */

static void draw_row(handle c, float y, str s, float x)
{
    draw_text(c, FONT_MONO, SIZE, x, y + 13, s, 0xffe6e6ea);
}

static void draw(app *a)
{
    handle c = a->canvas;
    columns = (int)((a->width - 2 * MARGIN) / advance);
    rows = (int)((a->height - 2 * MARGIN) / ROW);
    canvas_clear(c, 0xff16171b);
    int shown = (int)MIN(last_line + 1, LINES);
    scroll = MAX(0, MIN(scroll, shown - rows));
    int visible = MIN(rows, shown);
    float y = MARGIN, x = 0;
    for (int i = visible - 1; i >= 0; i--, y += ROW) {
        uint32_t row = (last_line - (uint32_t)(i + scroll)) % LINES;
        str s = {lines[row].data, lines[row].len};
        draw_row(c, y, s, MARGIN);
        x = MARGIN + measure_text(FONT_MONO, SIZE, s.data, s.len);
    }
    if (scroll)
        return;
    y -= ROW; /* what is typed follows the last line */
    float at = x + measure_text(FONT_MONO, SIZE, input, caret);
    canvas_rect(c, at, y + 1, advance, ROW - 2,
                ended ? 0xff444850 : 0xff4d8df6);
    draw_row(c, y, (str){input, input_length}, x);
}

static void on_event(app *a, const event *e)
{
    if (e->kind == EVENT_KEY)
        on_key(e);
    else if (e->kind == EVENT_SCROLL)
        scroll -= (int)(e->scroll.dy / ROW);
    else
        return;
    app_redraw(a);
}

static void start_shell(app *a)
{
    launch_result r;
    process_launch_attached("shell", 5, NULL, 0, &r);
    if (r.is_err) {
        put_bytes(STR("cannot start the shell: "));
        put_bytes(r.error);
        ended = true;
        return;
    }
    to_shell = r.to;
    from_shell = r.from;
    a->extra = input_subscribe(from_shell);
    a->on_extra = on_output;
}

APP_RUN int app_run(void)
{
    static app terminal = {.draw = draw, .on_event = on_event};
    advance = measure_text(FONT_MONO, SIZE, "M", 1);
    columns = 80;
    app_open(&terminal, STR("Terminal"), (uint32_t)(80 * advance) + 17, 448, 0);
    start_shell(&terminal);
    return app_loop(&terminal);
}
