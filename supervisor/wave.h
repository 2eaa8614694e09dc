/*
 * wave.h - WAVE, the WebAssembly value encoding: text for component-level
 * values, used by `vyoma run --invoke`.  Format: bytecodealliance/wasm-tools,
 * crates/wasm-wave.  Own, borrow, stream and future have no text.
 */
#ifndef VYOMA_WAVE_H
#define VYOMA_WAVE_H

#include "vm/cm_types.h"
#include "vm/component.h"

#include <stdio.h>

typedef struct wave_text {
    const char *at, *end;
    const char *start; /* for positions in errors */
    cm_arena *arena;   /* what the values point to */
    vm_error *err;
} wave_text;

/* Parses one value of `type`; false after an error that names the column. */
VM_MUST_CHECK bool wave_parse(wave_text *text, const cm_type *type,
                              cm_value *out);
/* "(a, b)" with one value per field of `params`. */
VM_MUST_CHECK bool wave_parse_args(wave_text *text, const cm_type *params,
                                   cm_value *out);
/* True when nothing but space is left; else an error. */
VM_MUST_CHECK bool wave_at_end(wave_text *text);

void wave_print(FILE *out, const cm_type *type, const cm_value *value);

#endif
