/*
 * icons.h - app icons, drawn from a manifest's glyph name and two colours.
 */
#ifndef VYOMA_SDK_ICONS_H
#define VYOMA_SDK_ICONS_H

#include "sdk/process.h"
#include "sdk/ui.h"

/* Draws a rounded tile with the glyph in a square of `size` pixels. */
void icon_draw(handle c, const app_icon *icon, float x, float y, float size);

#endif
