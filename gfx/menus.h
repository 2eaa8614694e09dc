/*
 * menus.h - an app's menus on the wire: a sequence of records, each
 *
 *   struct gfx_menu_record, then `len` bytes of UTF-8 (title or label).
 *
 * A record with GFX_MENU_TITLE starts a menu; the items that follow are its.
 */
#ifndef VYOMA_GFX_MENUS_H
#define VYOMA_GFX_MENUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define GFX_MENU_COUNT_MAX 16
#define GFX_MENU_ITEMS_MAX 64

enum gfx_menu_flags { /* bit order of item-flags in the WIT, then our own */
                      GFX_MENU_DISABLED = 1,
                      GFX_MENU_CHECKED = 2,
                      GFX_MENU_SEPARATOR = 4,
                      GFX_MENU_TITLE = 128,
};

struct gfx_menu_record {
    uint32_t id;
    uint32_t key; /* shortcut's character, 0: none */
    uint8_t modifiers, flags;
    uint16_t len;
};

/* Reads the record at *at and advances; false at the end or when the bytes do
 * not hold one. */
static inline bool gfx_menu_next(const char *data, size_t len, size_t *at,
                                 struct gfx_menu_record *record,
                                 const char **text)
{
    if (len - *at < sizeof *record)
        return false;
    memcpy(record, data + *at, sizeof *record);
    if (len - *at - sizeof *record < record->len)
        return false;
    *text = data + *at + sizeof *record;
    *at += sizeof *record + record->len;
    return true;
}

#endif
