/*
 * desktop.h - imports of vyoma:desktop/shell, for the desktop's own parts.
 * Meanings are in wasi/wit/vyoma/desktop.wit; panels are windows (ui.h).
 */
#ifndef VYOMA_SDK_DESKTOP_H
#define VYOMA_SDK_DESKTOP_H

#include "sdk/process.h"
#include "sdk/ui.h"

#define DESKTOP "vyoma:desktop/shell@0.1.0"

enum { LAYER_BOTTOM, LAYER_TOP, LAYER_OVERLAY };
enum {
    ANCHOR_TOP_LEFT,
    ANCHOR_TOP,
    ANCHOR_TOP_RIGHT,
    ANCHOR_BOTTOM,
    ANCHOR_CENTER,
    ANCHOR_FILL
};
enum { PANEL_KEYBOARD = 1, PANEL_MODAL = 2, PANEL_BLUR = 4, PANEL_SHADOW = 8 };

typedef struct shell_size {
    uint32_t width, height;
} shell_size;

enum {
    SHELL_WINDOWS,
    SHELL_MENUS,
    SHELL_SHORTCUT,
    SHELL_MENU_SHORTCUT,
    SHELL_SPACES,
    SHELL_REVEAL,
    SHELL_RESIZED
};
enum { SHORTCUT_PRESSED, SHORTCUT_REPEATED, SHORTCUT_RELEASED };

/* In a menu-event: not an item of the app's, but this and a window-action. */
#define SYSTEM_ITEM 0x80000000u

typedef struct shell_event {
    uint8_t kind;
    union {
        struct {
            uint32_t id;
            uint8_t phase;
        } shortcut;
        struct {
            uint32_t window, item;
        } menu;
        bool reveal;
        shell_size size;
    };
} shell_event;
_Static_assert(sizeof(shell_event) == 12, "elements of list<shell-event>");

typedef struct shell_event_list {
    const shell_event *items;
    size_t len;
} shell_event_list;

enum {
    WIN_FOCUSED = 1,
    WIN_MINIMISED = 2,
    WIN_HIDDEN = 4,
    WIN_FULLSCREEN = 8,
    WIN_ATTENTION = 16,
    WIN_UNRESPONSIVE = 32,
    WIN_CLOSED = 64
};

typedef struct window_info {
    uint32_t id;
    str app;
    uint32_t instance;
    str title;
    uint8_t state;
    uint32_t space;
    int32_t x, y, width, height;
} window_info;
_Static_assert(sizeof(window_info) == 48, "elements of list<window-info>");

typedef struct window_list {
    const window_info *items;
    size_t len;
} window_list;

typedef struct menu_list {
    const menu *items;
    size_t len;
} menu_list;

enum {
    ACTION_ACTIVATE,
    ACTION_MINIMISE,
    ACTION_RESTORE,
    ACTION_CLOSE,
    ACTION_FULLSCREEN,
    ACTION_HIDE_APP,
    ACTION_SHOW_APP,
    ACTION_QUIT_APP,
    ACTION_KILL_APP
};

typedef struct space_info {
    uint32_t count, current;
} space_info;

IMPORT(DESKTOP, "create-panel")
void panel_create(const char *name, size_t len, int32_t layer, int32_t anchor,
                  int32_t x, int32_t y, uint32_t width, uint32_t height,
                  uint32_t exclusive, uint32_t radius, int32_t flags,
                  handle_result *out);
IMPORT(DESKTOP, "move-panel")
void panel_move(handle panel, int32_t x, int32_t y);
IMPORT(DESKTOP, "show-panel") void panel_show(handle panel, bool visible);
IMPORT(DESKTOP, "screen-size") void screen_size(shell_size *out);
IMPORT(DESKTOP, "events") void shell_events(shell_event_list *out);
IMPORT(DESKTOP, "subscribe") handle shell_subscribe(void);
IMPORT(DESKTOP, "windows") void shell_windows(window_list *out);
IMPORT(DESKTOP, "perform") void shell_perform(uint32_t window, int32_t action);
IMPORT(DESKTOP, "window-menus")
void shell_menus(uint32_t window, menu_list *out);
IMPORT(DESKTOP, "choose-menu")
void shell_choose_menu(uint32_t window, uint32_t item);
IMPORT(DESKTOP, "set-transform")
void shell_set_transform(uint32_t window, float x, float y, float width,
                         float height, float opacity, uint32_t milliseconds);
IMPORT(DESKTOP, "clear-transform")
void shell_clear_transform(uint32_t window, uint32_t milliseconds);
IMPORT(DESKTOP, "set-dock-icon")
void shell_set_dock_icon(const char *app, size_t len, int32_t x, int32_t y,
                         int32_t width, int32_t height);
IMPORT(DESKTOP, "draw-icon")
void shell_icon(handle canvas, const char *glyph, size_t len, color tile,
                color accent, float x, float y, float size);
IMPORT(DESKTOP, "draw-thumbnail")
void shell_thumbnail(uint32_t window, handle canvas, int32_t x, int32_t y,
                     int32_t width, int32_t height);
IMPORT(DESKTOP, "register-shortcut")
bool shell_register(uint32_t id, int32_t modifiers, uint32_t code);
IMPORT(DESKTOP, "spaces") void shell_spaces(space_info *out);
IMPORT(DESKTOP, "set-space-count") void shell_set_space_count(uint32_t count);
IMPORT(DESKTOP, "switch-space")
void shell_switch_space(uint32_t space, uint32_t milliseconds);
IMPORT(DESKTOP, "move-to-space")
void shell_move_to_space(uint32_t window, uint32_t space);

static inline void icon_draw(handle c, const app_icon *icon, float x, float y,
                             float size)
{
    shell_icon(c, icon->glyph.data, icon->glyph.len, icon->color, icon->accent,
               x, y, size);
}

/* Opens a panel as an app's window; traps when it cannot. */
void panel_open(app *a, str name, int32_t layer, int32_t anchor, int32_t x,
                int32_t y, uint32_t width, uint32_t height, uint32_t exclusive,
                uint32_t radius, int32_t flags);

/* Destroys the panel; the app lives on without a window. */
void panel_close(app *a);

#endif
