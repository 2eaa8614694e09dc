/* exercise.h - one run of arbitrary bytes through the engine.  Shared by the
 * robustness tests and the fuzzers. */
#ifndef VYOMA_TESTS_EXERCISE_H
#define VYOMA_TESTS_EXERCISE_H

#include "vm/component.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Loads, and when that works instantiates with made-up imports and calls every
 * exported function with zeros, with little fuel.  True if it loaded. */
bool exercise_bytes(const uint8_t *bytes, size_t len);

/* The same for a component; its imports are not satisfied. */
bool exercise_component(vm_engine *engine, const vm_store_limits *limits,
                        const uint8_t *bytes, size_t len);

#endif
