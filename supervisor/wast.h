/*
 * wast.h - the runner of the official test suite's scripts.
 *
 *   cmd_wast.c       arguments, the converter, one process per script, counts
 *   wast_run.c       a script's commands
 *   wast_value.c     constants and expected results
 *   wast_spectest.c  the host module that scripts import
 *   wast_component.c commands on components
 *
 * A script comes as JSON (tests/tools/wast2json.mjs) and binary modules.
 */
#ifndef VYOMA_WAST_H
#define VYOMA_WAST_H

#include "supervisor/json.h"
#include "vm/vm.h"

#include <stdatomic.h>

/* Shared with the parent, so that a crash loses nothing but the rest. */
typedef struct wast_counts {
    atomic_uint passed, failed, skipped;
    atomic_uint line; /* of the command that runs now */
} wast_counts;

enum { WAST_MAX_SKIPS = 16 };

/* Something a script calls by name: a core or a component instance. */
typedef struct wast_instance {
    const char *name; /* NULL: reachable only as the current one */
    vm_instance *core;
    vm_module *module; /* core's */
    struct cm_instance *component;
    struct wast_instance *next;
} wast_instance;

/* A module or component that was defined without being instantiated. */
typedef struct wast_definition {
    const char *name;
    vm_module *core;
    struct cm_component *component;
    struct wast_definition *next;
} wast_definition;

typedef struct wast_script {
    const char *path; /* as shown */
    const char *dir;  /* of the converted files */
    wast_counts *counts;
    vm_arena arena; /* bytes, JSON, names */
    vm_engine *engine;
    vm_store *store;
    struct cm_linker *linker;
    wast_instance *instances, *registered;
    wast_instance *current;
    wast_definition *definitions;
    struct {
        const char *name;
        vm_extern value;
    } spectest[24];
    size_t nspectest;
    const char *skip_reasons[WAST_MAX_SKIPS];
    /* A module of the script was refused for a proposal that is not supported;
     * what needs it is skipped too. */
    bool is_unsupported;
    const char *skip; /* set by a command that cannot be run: why */
    char got[400];    /* set by a command that failed: what happened */
} wast_script;

/* Runs a converted script in this process; counts are in `counts`. */
void wast_run(const vm_options *options, const char *path, const char *dir,
              const char *stem, wast_counts *counts);

/* ---- outcomes ----------------------------------------------------------- */

/* Both answer false, with `got` set to the text, or to how the call ended. */
bool wast_fail(wast_script *s, const char *fmt, ...) VM_PRINTF(2, 3);
bool wast_fail_status(wast_script *s, vm_status status, const vm_error *err);

/* ---- values ------------------------------------------------------------- */

/* A constant of the script as an argument; false when it is not known. */
bool wast_value_parse(const json *constant, vm_value *out);
/* Does `got`, of that type, match what is expected? */
bool wast_value_matches(const wast_script *s, const json *expected,
                        vm_type type, vm_value got);
/* Text of a value, and of a constant, for messages; appended to buf. */
void wast_value_format(vm_type type, vm_value value, char *buf, size_t size);
void wast_constant_format(const json *constant, char *buf, size_t size);

/* ---- imports ------------------------------------------------------------ */

/* Creates the spectest module's things in the store. */
bool wast_spectest_create(wast_script *s);
/* Finds an import; false when nobody offers it. */
bool wast_import_find(wast_script *s, const vm_import *import, vm_extern *out);

/* ---- components --------------------------------------------------------- */

/*
 * The same commands for components.  All answer true when what is asserted
 * holds, else false with `got` set.
 */
bool wast_component_define(wast_script *s, const json *command,
                           const uint8_t *bytes, size_t len);
bool wast_component_run(wast_script *s, const json *command,
                        const uint8_t *bytes, size_t len, wast_instance *out);
bool wast_component_instance(wast_script *s, const wast_definition *d,
                             wast_instance *out);
bool wast_component_rejected(wast_script *s, const uint8_t *bytes, size_t len,
                             vm_phase phase);
bool wast_component_unlinked(wast_script *s, const json *command,
                             const uint8_t *bytes, size_t len, vm_status want);
/* assert_return, or an action when nothing is expected; assert_trap. */
bool wast_component_return(wast_script *s, const json *command,
                           wast_instance *i);
bool wast_component_trap(wast_script *s, const json *command, wast_instance *i);
void wast_component_release(wast_definition *d);

#endif
