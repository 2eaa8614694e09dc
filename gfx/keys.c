/*
 * keys.c - the keyboard: modifiers, shortcuts (registered ones, the system's
 * own, those of the focused app's menus), then the focused surface.
 *
 * A key whose press was taken never shows its release to anyone.
 *
 * A shortcut's owner acts in its own time, while its user types on: what
 * Spotlight is to get must not reach the window below because Spotlight has
 * not drawn itself yet, nor what follows the Return that closes it reach
 * Spotlight.  So keys that follow a shortcut, or a key that a panel got, are
 * held until the component says that it has acted on it (client.c: it waits for
 * something new), or a second is over.
 */
#include "gfx/menus.h"
#include "gfx/server.h"

#include <linux/input-event-codes.h>

#define HOLD_NS 1000000000ull /* and then it is hung */
#define MATCHED (GFX_SHIFT | GFX_CONTROL | GFX_ALT | GFX_SUPER)

/* ---- US layout ------------------------------------------------------------
 */

static const char *const plain[] = {
    [KEY_ESC] = "\33\33",    [KEY_1] = "1!",           [KEY_2] = "2@",
    [KEY_3] = "3#",          [KEY_4] = "4$",           [KEY_5] = "5%",
    [KEY_6] = "6^",          [KEY_7] = "7&",           [KEY_8] = "8*",
    [KEY_9] = "9(",          [KEY_0] = "0)",           [KEY_MINUS] = "-_",
    [KEY_EQUAL] = "=+",      [KEY_BACKSPACE] = "\b\b", [KEY_TAB] = "\t\t",
    [KEY_Q] = "qQ",          [KEY_W] = "wW",           [KEY_E] = "eE",
    [KEY_R] = "rR",          [KEY_T] = "tT",           [KEY_Y] = "yY",
    [KEY_U] = "uU",          [KEY_I] = "iI",           [KEY_O] = "oO",
    [KEY_P] = "pP",          [KEY_LEFTBRACE] = "[{",   [KEY_RIGHTBRACE] = "]}",
    [KEY_ENTER] = "\n\n",    [KEY_A] = "aA",           [KEY_S] = "sS",
    [KEY_D] = "dD",          [KEY_F] = "fF",           [KEY_G] = "gG",
    [KEY_H] = "hH",          [KEY_J] = "jJ",           [KEY_K] = "kK",
    [KEY_L] = "lL",          [KEY_SEMICOLON] = ";:",   [KEY_APOSTROPHE] = "'\"",
    [KEY_GRAVE] = "`~",      [KEY_BACKSLASH] = "\\|",  [KEY_Z] = "zZ",
    [KEY_X] = "xX",          [KEY_C] = "cC",           [KEY_V] = "vV",
    [KEY_B] = "bB",          [KEY_N] = "nN",           [KEY_M] = "mM",
    [KEY_COMMA] = ",<",      [KEY_DOT] = ".>",         [KEY_SLASH] = "/?",
    [KEY_KPASTERISK] = "**", [KEY_SPACE] = "  ",       [KEY_KP7] = "77",
    [KEY_KP8] = "88",        [KEY_KP9] = "99",         [KEY_KPMINUS] = "--",
    [KEY_KP4] = "44",        [KEY_KP5] = "55",         [KEY_KP6] = "66",
    [KEY_KPPLUS] = "++",     [KEY_KP1] = "11",         [KEY_KP2] = "22",
    [KEY_KP3] = "33",        [KEY_KP0] = "00",         [KEY_KPDOT] = "..",
    [KEY_102ND] = "<>",      [KEY_KPENTER] = "\n\n",   [KEY_KPSLASH] = "//",
};

uint32_t keymap_text(uint32_t code, uint32_t modifiers)
{
    if (code >= sizeof plain / sizeof *plain || !plain[code])
        return 0;
    const char *pair = plain[code];
    bool letter = pair[0] >= 'a' && pair[0] <= 'z';
    bool shifted = modifiers & GFX_SHIFT;
    if (letter && modifiers & (GFX_CONTROL | GFX_ALT | GFX_SUPER))
        return (uint8_t)pair[0];
    if (letter && modifiers & GFX_CAPS)
        shifted = !shifted;
    return (uint8_t)pair[shifted];
}

static uint32_t modifier_bit(uint32_t code)
{
    switch (code) {
    case KEY_LEFTSHIFT:
    case KEY_RIGHTSHIFT: return GFX_SHIFT;
    case KEY_LEFTCTRL:
    case KEY_RIGHTCTRL: return GFX_CONTROL;
    case KEY_LEFTALT:
    case KEY_RIGHTALT: return GFX_ALT;
    case KEY_LEFTMETA:
    case KEY_RIGHTMETA: return GFX_SUPER;
    case KEY_CAPSLOCK: return GFX_CAPS;
    default: return 0;
    }
}

/* ---- keys that wait -------------------------------------------------------
 */

/* The owner's answer names the serial that the hold has from here on. */
static void hold(struct client *c)
{
    struct held_keys *h = &c->server->held;
    if (c->unresponsive)
        return;
    if (h->owner != c) /* of two owners in a row the last counts */
        h->since = gfx_now();
    h->owner = c;
    h->serial++;
}

/* As if they were typed now; one of them may be a shortcut and hold again. */
static void release_held(struct server *s)
{
    struct held_keys h = s->held;
    s->held.owner = NULL;
    s->held.n = 0;
    for (int i = 0; i < h.n; i++)
        seat_key(s, h.keys[i].code, h.keys[i].value);
}

void keys_handled(struct client *c, uint32_t serial)
{
    if (c->server->held.owner == c && c->server->held.serial == serial)
        release_held(c->server);
}

bool keys_check(struct server *s, uint64_t now)
{
    if (s->held.owner && now - s->held.since >= HOLD_NS)
        release_held(s);
    return s->held.owner != NULL;
}

/* ---- registered shortcuts -------------------------------------------------
 */

static void tell_shortcut(const struct shortcut *k,
                          enum gfx_shortcut_phase phase)
{
    struct gfx_msg msg = {.type = GFX_EV_SHORTCUT};
    msg.shortcut.id = k->id;
    msg.shortcut.phase = phase;
    if (phase != GFX_SHORTCUT_REPEATED)
        hold(k->client);
    msg.shortcut.serial = k->client->server->held.serial;
    client_send(k->client, &msg, NULL, 0, -1, false);
}

static bool run_registered(struct server *s, uint32_t code, uint32_t mods,
                           bool repeat)
{
    for (int i = 0; i < SHORTCUTS_MAX; i++) {
        struct shortcut *k = &s->shortcuts[i];
        if (!k->client || k->code != code || k->modifiers != mods)
            continue;
        k->held = mods != 0;
        tell_shortcut(k, repeat ? GFX_SHORTCUT_REPEATED : GFX_SHORTCUT_PRESSED);
        return true;
    }
    return false;
}

static void check_released(struct server *s)
{
    for (int i = 0; i < SHORTCUTS_MAX; i++) {
        struct shortcut *k = &s->shortcuts[i];
        if (!k->client || !k->held || s->seat.modifiers & k->modifiers)
            continue;
        k->held = false;
        tell_shortcut(k, GFX_SHORTCUT_RELEASED);
    }
}

static struct shortcut *find_shortcut(struct client *c, uint32_t id)
{
    struct server *s = c->server;
    for (int i = 0; i < SHORTCUTS_MAX; i++)
        if (s->shortcuts[i].client == c && s->shortcuts[i].id == id)
            return &s->shortcuts[i];
    return NULL;
}

bool shortcut_request(struct client *c, const struct gfx_msg *msg)
{
    struct server *s = c->server;
    struct shortcut *mine = find_shortcut(c, msg->shortcut.id);
    if (mine)
        *mine = (struct shortcut){0};
    if (!msg->shortcut.phase)
        return mine != NULL;
    struct shortcut *slot = NULL;
    for (int i = 0; i < SHORTCUTS_MAX; i++) {
        struct shortcut *k = &s->shortcuts[i];
        if (!k->client)
            slot = slot ? slot : k;
        else if (k->code == msg->shortcut.code &&
                 k->modifiers == msg->shortcut.modifiers)
            return false;
    }
    if (!slot)
        return false;
    *slot = (struct shortcut){c, msg->shortcut.id,
                              msg->shortcut.modifiers & MATCHED,
                              msg->shortcut.code, false};
    return true;
}

void shortcuts_forget(struct client *c)
{
    for (int i = 0; i < SHORTCUTS_MAX; i++)
        if (c->server->shortcuts[i].client == c)
            c->server->shortcuts[i] = (struct shortcut){0};
    if (c->server->held.owner == c)
        release_held(c->server);
}

/* The menu bar lights up the title of the menu that the item is in. */
static void flash(struct server *s, const struct surface *f, uint32_t item)
{
    struct gfx_msg msg = {.type = GFX_EV_MENU_SHORTCUT};
    msg.menu.window = f->global;
    msg.menu.item = item;
    shell_broadcast(s, &msg);
}

/* ---- the system's own -----------------------------------------------------
 */

static void cycle_windows(struct surface *f)
{
    struct surface *oldest = NULL;
    for (int i = 0; i < SURFACES_PER_CLIENT; i++) {
        struct surface *w = f->client->surfaces[i];
        if (w && w != f && w->kind == GFX_WINDOW && w->mapped &&
            !w->minimised && !w->closed &&
            (!oldest || w->recency < oldest->recency))
            oldest = w;
    }
    if (oldest)
        window_activate(oldest);
}

static const struct {
    uint32_t modifiers, code;
    int action; /* -1: the next window of the app */
} system_keys[] = {
    {GFX_SUPER, KEY_W, GFX_ACT_CLOSE},
    {GFX_SUPER, KEY_M, GFX_ACT_MINIMISE},
    {GFX_SUPER, KEY_H, GFX_ACT_HIDE_APP},
    {GFX_SUPER, KEY_Q, GFX_ACT_QUIT_APP},
    {GFX_SUPER | GFX_ALT, KEY_ESC, GFX_ACT_KILL_APP},
    {GFX_SUPER | GFX_CONTROL, KEY_F, GFX_ACT_FULLSCREEN},
    {GFX_SUPER, KEY_GRAVE, -1},
};

static bool run_system(struct server *s, uint32_t code, uint32_t mods,
                       bool repeat)
{
    for (size_t i = 0; i < sizeof system_keys / sizeof *system_keys; i++) {
        if (system_keys[i].code != code || system_keys[i].modifiers != mods)
            continue;
        if (!s->active || repeat)
            return true;
        if (system_keys[i].action < 0) {
            cycle_windows(s->active);
            return true;
        }
        flash(s, s->active, GFX_SYSTEM_ITEM | (uint32_t)system_keys[i].action);
        window_perform(s->active, (enum gfx_action)system_keys[i].action);
        return true;
    }
    return false;
}

/* ---- menus of the focused app ---------------------------------------------
 */

static bool run_menu(struct server *s, uint32_t code, uint32_t mods)
{
    struct surface *f = s->active;
    uint32_t key = keymap_text(code, 0);
    struct gfx_menu_record r;
    const char *text;
    if (!(mods & GFX_SUPER) || !key || !f)
        return false;
    for (size_t at = 0; gfx_menu_next(f->menus, f->menus_len, &at, &r, &text);)
        if (r.key == key &&
            !(r.flags &
              (GFX_MENU_DISABLED | GFX_MENU_TITLE | GFX_MENU_SEPARATOR)) &&
            (r.modifiers | GFX_SUPER) == mods) {
            struct gfx_msg event = {.type = GFX_EV_MENU, .value = r.id};
            client_event(f, &event, true);
            flash(s, f, r.id);
            return true;
        }
    return false;
}

/* ---- one key --------------------------------------------------------------
 */

/* A component that hangs must not keep the keyboard: PID 1 starts it again. */
static bool end_hung_panel(struct server *s, uint32_t code, uint32_t mods)
{
    const struct surface *f = s->seat.focus;
    if (!f || !f->client->unresponsive || code != KEY_ESC ||
        mods != (GFX_SUPER | GFX_ALT))
        return false;
    control_tell(s, GFX_CONTROL_KILL, f->client->who.instance, 0);
    return true;
}

static bool take_shortcut(struct server *s, uint32_t code, bool repeat)
{
    uint32_t mods = s->seat.modifiers & MATCHED;
    if (run_registered(s, code, mods, repeat))
        return true;
    if (s->seat.focus != s->active) /* a panel has the keyboard */
        return end_hung_panel(s, code, mods);
    return run_system(s, code, mods, repeat) || run_menu(s, code, mods);
}

static void deliver(struct server *s, uint32_t code, int value)
{
    struct surface *f = s->seat.focus;
    struct gfx_msg msg = {.type = GFX_EV_KEY};
    if (!f)
        return;
    msg.key.code = code;
    msg.key.text = keymap_text(code, s->seat.modifiers);
    msg.key.modifiers = s->seat.modifiers;
    msg.key.state = value == 0   ? GFX_KEY_RELEASED
                    : value == 1 ? GFX_KEY_PRESSED
                                 : GFX_KEY_REPEATED;
    if (value == 1 && f->kind == GFX_PANEL) {
        hold(f->client);
        msg.key.serial = s->held.serial;
    }
    client_event(f, &msg, true);
    if (value == 1)
        client_ping(f->client);
}

static void update_modifiers(struct server *s, uint32_t code, int value)
{
    uint32_t bit = modifier_bit(code);
    if (bit == GFX_CAPS) {
        if (value == 1)
            s->seat.modifiers ^= bit;
    } else if (value == 0) {
        s->seat.modifiers &= ~bit;
    } else {
        s->seat.modifiers |= bit;
    }
    if (bit)
        check_released(s);
}

/* What was pressed for one surface is not released for another. */
void keys_refocus(struct server *s)
{
    for (size_t i = 0; i < sizeof s->seat.down; i++)
        s->seat.swallowed[i] |= s->seat.down[i];
}

void seat_key(struct server *s, uint32_t code, int value)
{
    if (code >= 8 * sizeof s->seat.swallowed)
        return;
    uint8_t *byte = &s->seat.swallowed[code / 8],
            bit = (uint8_t)(1u << code % 8);
    struct held_keys *h = &s->held;
    if (h->owner && h->n == (int)(sizeof h->keys / sizeof *h->keys))
        release_held(s);
    if (h->owner) {
        h->keys[h->n].code = code;
        h->keys[h->n++].value = value;
        return;
    }
    seat_flush(s);
    if (value)
        s->seat.down[code / 8] |= bit;
    else
        s->seat.down[code / 8] &= (uint8_t)~bit;
    update_modifiers(s, code, value);
    if (value == 0 && *byte & bit) {
        *byte &= (uint8_t)~bit;
        return;
    }
    if (value == 1)
        *byte &= (uint8_t)~bit;
    if (value != 0 && !modifier_bit(code) &&
        take_shortcut(s, code, value == 2)) {
        *byte |= bit;
        return;
    }
    if (!(*byte & bit))
        deliver(s, code, value);
}
