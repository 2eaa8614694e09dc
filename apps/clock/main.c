/*
 * clock - an analogue and a digital clock with the date (UTC).
 *
 * Wakes once a second and draws only then.
 */
#include "sdk/ui.h"

#define FACE 92.0f /* radius */

static void hand(handle c, float turns, float length, float tail, float width,
                 color ink)
{
    canvas_save(c);
    canvas_rotate(c, turns * 6.2831853f);
    canvas_line(c, 0, tail, 0, -length, width, ink);
    canvas_restore(c);
}

static void draw_face(handle c)
{
    static const char numerals[12][3] = {"12", "1", "2", "3", "4",  "5",
                                         "6",  "7", "8", "9", "10", "11"};
    /* The numerals' places on a unit circle, 30 degrees apart. */
    static const float sines[12] = {0, .5f,  .866f,  1,  .866f,  .5f,
                                    0, -.5f, -.866f, -1, -.866f, -.5f};
    canvas_shadow(c, -FACE, -FACE + 4, 2 * FACE, 2 * FACE, FACE, 18,
                  0x50000000);
    canvas_disc(c, 0, 0, FACE, 0xffffffff);
    canvas_circle(c, 0, 0, FACE, 1, HAIRLINE);
    for (int i = 0; i < 60; i++) {
        bool hour = i % 5 == 0;
        canvas_save(c);
        canvas_rotate(c, (float)i * 0.10471976f);
        canvas_line(c, 0, -FACE + 5, 0, -FACE + (hour ? 11 : 8), hour ? 2 : 1,
                    hour ? INK : 0xffb0b0b6);
        canvas_restore(c);
    }
    for (int i = 0; i < 12; i++)
        draw_centered(c, FONT_BOLD, 15, sines[i] * 70 - 20,
                      -sines[(i + 3) % 12] * 70 + 5.5f, 40, str_of(numerals[i]),
                      INK);
}

static void draw_date(handle c, const calendar *now, float width, float y)
{
    char buffer[48];
    text line = TEXT(buffer);
    put_padded(&line, (uint64_t)now->hour, 2, '0');
    put_char(&line, ':');
    put_padded(&line, (uint64_t)now->minute, 2, '0');
    put_char(&line, ':');
    put_padded(&line, (uint64_t)now->second, 2, '0');
    draw_centered(c, FONT_BOLD, 28, 0, y, width, text_str(&line), INK);
    line.len = 0;
    put_text(&line, weekday_names[now->weekday]);
    put_char(&line, ' ');
    put_number(&line, now->day);
    put_char(&line, ' ');
    put_text(&line, month_names[now->month - 1]);
    put_char(&line, ' ');
    put_number(&line, now->year);
    draw_centered(c, FONT_UI, 14, 0, y + 22, width, text_str(&line), INK_SOFT);
}

static void draw(app *a)
{
    handle c = a->canvas;
    datetime at;
    wall_now(&at);
    calendar now = calendar_of(at.seconds);
    float seconds = (float)now.second;
    float minutes = (float)now.minute + seconds / 60;
    float hours = (float)now.hour + minutes / 60;
    canvas_clear(c, PANEL);
    canvas_save(c);
    canvas_translate(c, a->width / 2, 116);
    draw_face(c);
    hand(c, hours / 12, 46, 10, 5, INK);
    hand(c, minutes / 60, 68, 12, 3.5f, INK);
    hand(c, seconds / 60, 76, 18, 1.5f, 0xffff3b30);
    canvas_disc(c, 0, 0, 4, 0xffff3b30);
    canvas_restore(c);
    draw_date(c, &now, a->width, 250);
}

static void tick(app *a)
{
    datetime at;
    wall_now(&at);
    a->wake = monotonic_now() + SECOND - at.nanoseconds;
    app_redraw(a);
}

APP_RUN int app_run(void)
{
    static app clock = {.draw = draw, .on_time = tick};
    app_open(&clock, STR("Clock"), 240, 296, WINDOW_FIXED);
    tick(&clock);
    return app_loop(&clock);
}
