/*
 * notes - a list of notes and an editor; every note is a text file.
 *
 * File NN.txt of the granted folder holds note NN; its first line is its title.
 * Text is saved 600 ms after the last change and when the window closes, by
 * writing a new file, syncing and renaming it (fs_save), so that a power cut
 * leaves a whole note.  The editor keeps one note in memory and wraps it to
 * rows anew for each drawing.
 */
#include "sdk/ui.h"

#define NOTES 32
#define TEXT_LIMIT 32768
#define SIDE 168.0f
#define SIZE 15.0f
#define ROW 22.0f
#define PAD 16.0f
#define ROWS 512

enum { MENU_NEW = 1, MENU_DELETE, MENU_ALL, MENU_COPY, MENU_CUT, MENU_PASTE };

static struct {
    bool exists;
    char title[40];
    uint8_t length;
} notes[NOTES];
static int current;
static char body[TEXT_LIMIT];
static size_t length, caret, anchor; /* the selection lies between the two */
static bool unsaved, selecting, failed;
static size_t starts[ROWS + 1]; /* of each row, in bytes */
static int row_count, first_row;
static handle dir;

/* ---- files ---- */

static str file_name(int n)
{
    static char name[] = "00.txt";
    name[0] = (char)('0' + n / 10);
    name[1] = (char)('0' + n % 10);
    return (str){name, 6};
}

static void take_title(int n, str s)
{
    size_t i = 0;
    while (i < s.len && i < sizeof notes[n].title && s.data[i] != '\n')
        i++;
    while (i && i < s.len && ((uint8_t)s.data[i] & 0xc0) == 0x80)
        i--;
    memcpy(notes[n].title, s.data, i);
    notes[n].length = (uint8_t)i;
}

static void save(void)
{
    uint8_t error;
    if (!unsaved)
        return;
    failed = !fs_save(dir, file_name(current), (str){body, length}, &error);
    unsaved = false;
}

static bool open_note(int n)
{
    uint8_t error;
    save();
    bool found = fs_load(dir, file_name(n), body, TEXT_LIMIT, &length, &error);
    notes[n].exists = true;
    take_title(n, (str){body, length});
    current = n;
    caret = anchor = length;
    first_row = 0;
    return found;
}

static void new_note(void)
{
    for (int n = 0; n < NOTES; n++)
        if (!notes[n].exists) {
            open_note(n);
            return;
        }
}

static void delete_note(void)
{
    status_result done;
    str name = file_name(current);
    unsaved = false;
    fs_unlink_at(dir, name.data, name.len, &done);
    notes[current].exists = false;
    int n = 0;
    while (n < NOTES - 1 && !notes[n].exists)
        n++;
    open_note(notes[n].exists ? n : 0);
}

static void load_all(void)
{
    dir = fs_root();
    int first = 0;
    for (int n = NOTES - 1; n >= 0; n--) {
        notes[n].exists = open_note(n);
        if (notes[n].exists)
            first = n;
    }
    open_note(first);
}

/* ---- editing ---- */

static void changed(app *a)
{
    unsaved = true;
    a->wake = monotonic_now() + 600 * MILLISECOND;
    take_title(current, (str){body, length});
}

static void replace(app *a, str with)
{
    size_t from = MIN(caret, anchor), to = MAX(caret, anchor);
    if (length - (to - from) + with.len > TEXT_LIMIT)
        return;
    memmove(body + from + with.len, body + to, length - to);
    memcpy(body + from, with.data, with.len);
    length += with.len - (to - from);
    caret = anchor = from + with.len;
    changed(a);
}

static size_t step(size_t at, int direction)
{
    if ((direction < 0 && !at) || (direction > 0 && at >= length))
        return at;
    do
        at += (size_t)direction;
    while (at && at < length && ((uint8_t)body[at] & 0xc0) == 0x80);
    return at;
}

/* Breaks the note into rows at spaces and line ends. */
static void wrap(float width)
{
    size_t at = 0;
    row_count = 0;
    starts[0] = 0;
    while (row_count < ROWS - 1) {
        size_t end = at;
        while (end < length && body[end] != '\n')
            end++;
        size_t fit = fit_text(FONT_UI, SIZE, body + at, end - at, width, false);
        if (fit < end - at) {
            size_t space = fit;
            while (space && body[at + space] != ' ')
                space--;
            at += space ? space + 1 : MAX(fit, 1);
        } else if (end < length) {
            at = end + 1;
        } else {
            break;
        }
        starts[++row_count] = at;
    }
    starts[++row_count] = length + 1;
}

static int row_of(size_t at)
{
    int row = 0;
    while (row < row_count - 1 && starts[row + 1] <= at)
        row++;
    return row;
}

/* A row's text without the line end. */
static str row_text(int row)
{
    size_t end = starts[row + 1] - 1;
    if (end < length && body[end] != '\n' && body[end] != ' ')
        end++;
    return (str){body + starts[row], end - starts[row]};
}

static float x_of(int row, size_t at)
{
    str s = row_text(row);
    return measure_text(FONT_UI, SIZE, s.data, MIN(s.len, at - starts[row]));
}

static size_t place_at(int row, float x)
{
    str s = row_text(MAX(0, MIN(row, row_count - 1)));
    return (size_t)(s.data - body) +
           fit_text(FONT_UI, SIZE, s.data, s.len, MAX(x, 0), true);
}

static void move_rows(int rows)
{
    int row = row_of(caret);
    caret = place_at(row + rows, x_of(row, caret));
}

static str selection(void)
{
    size_t from = MIN(caret, anchor);
    return (str){body + from, MAX(caret, anchor) - from};
}

static void on_key(app *a, const event *e)
{
    char utf8[4];
    uint32_t code = e->key.code;
    if (e->key.state == KEY_RELEASED ||
        e->key.modifiers & (MOD_SUPER | MOD_CONTROL))
        return;
    bool erase = code == CODE_BACKSPACE || code == CODE_DELETE;
    if (erase) {
        if (caret == anchor)
            anchor = step(caret, code == CODE_DELETE ? 1 : -1);
        replace(a, (str){0});
    } else if (code == CODE_LEFT) {
        caret = step(caret, -1);
    } else if (code == CODE_RIGHT) {
        caret = step(caret, 1);
    } else if (code == CODE_UP) {
        move_rows(-1);
    } else if (code == CODE_DOWN) {
        move_rows(1);
    } else if (code == CODE_HOME) {
        caret = starts[row_of(caret)];
    } else if (code == CODE_END) {
        str s = row_text(row_of(caret));
        caret = (size_t)(s.data - body) + s.len;
    } else if (e->key.text == '\n' || e->key.text >= ' ') {
        replace(a, (str){utf8, utf8_put(utf8, e->key.text)});
        return;
    }
    if (!erase && !(e->key.modifiers & MOD_SHIFT))
        anchor = caret;
}

/* ---- window ---- */

static void draw_side(app *a)
{
    handle c = a->canvas;
    float y = 10;
    canvas_rect(c, 0, 0, SIDE, a->height, PANEL);
    canvas_rect(c, SIDE, 0, 1, a->height, HAIRLINE);
    for (int n = 0; n < NOTES; n++) {
        if (!notes[n].exists)
            continue;
        bool here = n == current;
        if (here)
            canvas_round(c, 8, y, SIDE - 16, 30, 7, 0xffffd54f);
        str title = {notes[n].title, notes[n].length};
        if (!title.len)
            title = STR("New");
        canvas_text_in(c, here ? FONT_BOLD : FONT_UI, 13, 18, y + 20, SIDE - 36,
                       ALIGN_LEFT, title.data, title.len, INK);
        y += 32;
    }
}

static void draw_rows(app *a)
{
    handle c = a->canvas;
    size_t from = MIN(caret, anchor), to = MAX(caret, anchor);
    int visible = (int)((a->height - 2 * PAD) / ROW);
    float left = SIDE + PAD, y = PAD;
    for (int row = first_row; row < row_count && row < first_row + visible;
         row++, y += ROW) {
        str s = row_text(row);
        size_t start = starts[row], end = start + s.len;
        if (from < to && from <= end && to > start) {
            float x0 = x_of(row, MAX(from, start));
            float x1 = x_of(row, MIN(to, end)) + (to > end ? 6 : 0);
            canvas_rect(c, left + x0, y, x1 - x0, ROW, 0xffffe9a8);
        }
        draw_text(c, FONT_UI, SIZE, left, y + 16, s, INK);
        if (from == to && row == row_of(caret))
            canvas_rect(c, left + x_of(row, caret), y + 1, 1.5f, ROW - 2,
                        0xffe0a000);
    }
    if (failed)
        draw_text(c, FONT_UI, 12, left, a->height - 6, STR("Not saved!"),
                  0xffd00000);
}

static void draw(app *a)
{
    canvas_clear(a->canvas, 0xffffffff);
    wrap(a->width - SIDE - 2 * PAD);
    draw_side(a);
    draw_rows(a);
}

static void show_caret(app *a)
{
    int visible = (int)((a->height - 2 * PAD) / ROW);
    wrap(a->width - SIDE - 2 * PAD);
    int row = row_of(caret);
    first_row = MIN(first_row, row);
    first_row = MAX(first_row, row - visible + 1);
}

static void on_pointer(app *a, const event *e)
{
    float x = e->pointer.x, y = e->pointer.y;
    if (e->pointer.kind == POINTER_RELEASE)
        selecting = false;
    if (e->pointer.kind == POINTER_PRESS && x < SIDE) {
        int at = (int)((y - 10) / 32);
        for (int n = 0; n < NOTES; n++)
            if (notes[n].exists && at-- == 0) {
                open_note(n);
                break;
            }
    } else if (e->pointer.kind == POINTER_PRESS || selecting) {
        caret = place_at(first_row + (int)((y - PAD) / ROW), x - SIDE - PAD);
        if (!selecting)
            anchor = caret;
        selecting = e->pointer.kind != POINTER_RELEASE;
    }
}

static void on_menu(app *a, uint32_t item)
{
    str s = selection();
    if (item == MENU_NEW)
        new_note();
    else if (item == MENU_DELETE)
        delete_note();
    else if (item == MENU_ALL)
        anchor = 0, caret = length;
    else if (item == MENU_PASTE)
        clipboard_get(&s), replace(a, s);
    else
        clipboard_set(s.data, s.len);
    if (item == MENU_CUT)
        replace(a, (str){0});
}

static void on_event(app *a, const event *e)
{
    if (e->kind == EVENT_KEY)
        on_key(a, e);
    else if (e->kind == EVENT_POINTER)
        on_pointer(a, e);
    else if (e->kind == EVENT_MENU)
        on_menu(a, e->menu);
    else if (e->kind == EVENT_SCROLL)
        first_row =
            MAX(0, MIN(first_row + (int)e->scroll.dy / 16, row_count - 1));
    if (e->kind == EVENT_KEY || e->kind == EVENT_MENU)
        show_caret(a);
    app_redraw(a);
}

static void on_time(app *a)
{
    a->wake = UINT64_MAX;
    save();
    app_redraw(a);
}

static const menu_item file_items[] = {
    {MENU_NEW, {"New", 3}, 'n', 0, 0},
    {MENU_DELETE, {"Delete", 6}, 0, 0, 0},
};
static const menu_item edit_items[] = {
    {MENU_CUT, {"Cut", 3}, 'x', 0, 0},
    {MENU_COPY, {"Copy", 4}, 'c', 0, 0},
    {MENU_PASTE, {"Paste", 5}, 'v', 0, 0},
    {MENU_ALL, {"All", 3}, 'a', 0, 0},
};
static const menu menus[] = {
    {{"File", 4}, file_items, COUNT(file_items)},
    {{"Edit", 4}, edit_items, COUNT(edit_items)},
};

APP_RUN int app_run(void)
{
    static app editor = {.draw = draw,
                         .on_event = on_event,
                         .on_time = on_time,
                         .wake = UINT64_MAX};
    load_all();
    app_open(&editor, STR("Notes"), 620, 400, 0);
    window_set_menus(editor.window, menus, COUNT(menus));
    app_loop(&editor);
    save();
    return 0;
}
