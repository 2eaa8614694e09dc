/*
 * symbols.h - names of this program's own functions: of the engine's handlers,
 * which threaded code knows by their addresses.
 */
#ifndef VYOMA_SYMBOLS_H
#define VYOMA_SYMBOLS_H

#include <stddef.h>
#include <stdint.h>

/* The name in the program's symbol table, or "handler+0x..." when it has been
 * stripped of that.  What does not fit is cut off. */
void symbol_name(uintptr_t address, char *buf, size_t size);

#endif
