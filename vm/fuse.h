/*
 * fuse.h - handlers of whole sequences of instructions (interp_fuse.c), for the
 * compiler (compile_fuse.c).
 */
#ifndef VYOMA_VM_FUSE_H
#define VYOMA_VM_FUSE_H

#include "vm/xops.h"

typedef struct vm_sequence {
    /* Where the tables hold the handlers of the two or three. */
    const vm_handler *part[3];
    vm_handler whole;
} vm_sequence;

extern const vm_sequence vm_sequences[];
extern const uint32_t vm_nsequences;

#endif
