/*
 * calculator - four operations, percent, sign; pointer and keyboard.
 *
 * Numbers are doubles, shown with up to ten significant digits.  The machine
 * is the usual one: a first operand, a waiting operation, an entry.
 */
#include "sdk/ui.h"

#define COLUMNS 4
#define ROWS 5
#define CELL_W 58.0f
#define CELL_H 52.0f
#define GAP 1.0f
#define DISPLAY 84.0f
#define DIGITS 12

typedef struct key {
    char label[4]; /* UTF-8 */
    char symbol;   /* what it does, and the keyboard's character for it */
    uint8_t column, row, span;
} key;

static const key keys[] = {
    {"AC", 'c', 0, 0, 1}, {"\xc2\xb1", 'n', 1, 0, 1},
    {"%", '%', 2, 0, 1},  {"\xc3\xb7", '/', 3, 0, 1},
    {"7", '7', 0, 1, 1},  {"8", '8', 1, 1, 1},
    {"9", '9', 2, 1, 1},  {"\xc3\x97", '*', 3, 1, 1},
    {"4", '4', 0, 2, 1},  {"5", '5', 1, 2, 1},
    {"6", '6', 2, 2, 1},  {"\xe2\x88\x92", '-', 3, 2, 1},
    {"1", '1', 0, 3, 1},  {"2", '2', 1, 3, 1},
    {"3", '3', 2, 3, 1},  {"+", '+', 3, 3, 1},
    {"0", '0', 0, 4, 2},  {".", '.', 2, 4, 1},
    {"=", '=', 3, 4, 1},
};

static char entry[DIGITS + 2] = "0";
static size_t entry_length = 1;
static double stored;      /* first operand */
static char waiting;       /* operation to do next, or 0 */
static bool typing = true; /* the entry is being typed: digits append */
static bool error;
static const key *pressed;

/* ---- numbers ---- */

static double parse(void)
{
    double value = 0, scale = 0;
    for (size_t i = entry[0] == '-'; i < entry_length; i++) {
        if (entry[i] == '.') {
            scale = 1;
        } else {
            value = value * 10 + (entry[i] - '0');
            scale *= 10;
        }
    }
    if (scale)
        value /= scale;
    return entry[0] == '-' ? -value : value;
}

/* Shows `value` in the entry: rounded to ten significant digits, or an error
 * when it is no number or too large for the display. */
static void show(double value)
{
    double size = value < 0 ? -value : value;
    text out = {entry, 0, sizeof entry};
    typing = false;
    error = !(size < 1e11);
    if (error)
        return;
    int decimals = 9;
    double scale = 1e9;
    for (double limit = 10; size >= limit && decimals; limit *= 10)
        decimals--, scale /= 10;
    uint64_t scaled = (uint64_t)(size * scale + 0.5), unit = (uint64_t)scale;
    if (value < 0 && scaled)
        put_char(&out, '-');
    put_padded(&out, scaled / unit, 0, ' ');
    uint64_t fraction = scaled % unit;
    while (decimals && fraction % 10 == 0)
        fraction /= 10, decimals--;
    if (decimals) {
        put_char(&out, '.');
        put_padded(&out, fraction, decimals, '0');
    }
    entry_length = out.len;
}

static double apply(double a, char operation, double b)
{
    switch (operation) {
    case '+': return a + b;
    case '-': return a - b;
    case '*': return a * b;
    case '/': return a / b;
    default: return b;
    }
}

/* ---- keys ---- */

static void clear(void)
{
    entry[0] = '0';
    entry_length = 1;
    typing = true;
    waiting = 0;
    error = false;
}

static void type(char c)
{
    if (!typing) {
        entry[0] = '0';
        entry_length = 1;
        typing = true;
    }
    for (size_t i = 0; i < entry_length; i++)
        if (c == '.' && entry[i] == '.')
            return;
    if (entry_length == DIGITS)
        return;
    if (c != '.' && entry_length == 1 && entry[0] == '0')
        entry_length = 0;
    entry[entry_length++] = c;
}

static void erase(void)
{
    if (typing && entry_length)
        entry_length--;
    if (!entry_length || (entry_length == 1 && entry[0] == '-')) {
        entry[0] = '0';
        entry_length = 1;
    }
}

static void operate(char operation)
{
    if (typing || operation == '=') {
        stored = apply(stored, waiting, parse());
        show(stored);
    }
    waiting = operation == '=' ? 0 : operation;
}

static void press(char symbol)
{
    if (error)
        clear();
    if ((symbol >= '0' && symbol <= '9') || symbol == '.')
        type(symbol);
    else if (symbol == 'c')
        clear();
    else if (symbol == 'n')
        show(-parse());
    else if (symbol == '%')
        show(parse() / 100);
    else
        operate(symbol);
    if (symbol == 'n' || symbol == '%')
        typing = true; /* it stands for what was typed */
}

/* ---- window ---- */

static void draw_key(handle c, const key *k)
{
    bool operation = k->column == 3;
    color face = operation ? 0xffff9f0a : k->row ? 0xff5f6064 : 0xff47484c;
    if (k == pressed || (operation && waiting == k->symbol && !typing))
        face = operation ? 0xffc97a00 : 0xff85868a;
    float x = (float)k->column * (CELL_W + GAP);
    float y = DISPLAY + (float)k->row * (CELL_H + GAP);
    float w = (float)k->span * (CELL_W + GAP) - GAP;
    canvas_rect(c, x, y, w, CELL_H, face);
    draw_centered(c, FONT_UI, operation ? 26 : 21, x, y + 34, w,
                  str_of(k->label), 0xffffffff);
}

static void draw(app *a)
{
    handle c = a->canvas;
    canvas_clear(c, 0xff2c2d31);
    str shown = error ? STR("Error") : (str){entry, entry_length};
    canvas_text_in(c, FONT_UI, shown.len > 9 ? 32 : 44, 12, 64, a->width - 24,
                   ALIGN_RIGHT, shown.data, shown.len, 0xffffffff);
    for (size_t i = 0; i < COUNT(keys); i++)
        draw_key(c, &keys[i]);
}

static const key *key_at(float x, float y)
{
    for (size_t i = 0; i < COUNT(keys); i++) {
        float left = (float)keys[i].column * (CELL_W + GAP);
        float top = DISPLAY + (float)keys[i].row * (CELL_H + GAP);
        float width = (float)keys[i].span * (CELL_W + GAP);
        if (x >= left && x < left + width && y >= top && y < top + CELL_H)
            return &keys[i];
    }
    return NULL;
}

static void on_key(const event *e)
{
    uint32_t c = e->key.text;
    if (e->key.state == KEY_RELEASED || e->key.modifiers & MOD_SUPER)
        return;
    if (e->key.code == CODE_ESC)
        c = 'c';
    if (e->key.code == CODE_ENTER)
        c = '=';
    if (e->key.code == CODE_BACKSPACE)
        erase();
    for (size_t i = 0; i < COUNT(keys); i++)
        if (keys[i].symbol == (char)c && c < 128)
            press((char)c);
}

static void on_event(app *a, const event *e)
{
    if (e->kind == EVENT_KEY)
        on_key(e);
    if (e->kind == EVENT_POINTER && e->pointer.kind == POINTER_PRESS)
        pressed = key_at(e->pointer.x, e->pointer.y);
    if (e->kind == EVENT_POINTER && e->pointer.kind == POINTER_RELEASE) {
        if (pressed && pressed == key_at(e->pointer.x, e->pointer.y))
            press(pressed->symbol);
        pressed = NULL;
    }
    if (e->kind == EVENT_KEY ||
        (e->kind == EVENT_POINTER && e->pointer.kind != POINTER_MOTION))
        app_redraw(a);
}

APP_RUN int app_run(void)
{
    static app calculator = {.draw = draw, .on_event = on_event};
    app_open(&calculator, STR("Calculator"),
             (uint32_t)(COLUMNS * (CELL_W + GAP) - GAP),
             (uint32_t)(DISPLAY + ROWS * (CELL_H + GAP) - GAP), WINDOW_FIXED);
    return app_loop(&calculator);
}
