/*
 * cm_stream.h - the two ends of a stream or future, shared by cm_stream.c
 * (guest to guest) and cm_host_stream.c (one end is the host's).
 */
#ifndef VYOMA_CM_STREAM_H
#define VYOMA_CM_STREAM_H

#include "vm/cm_task.h"

typedef struct cm_end cm_end;

typedef enum cm_copy_result {
    CM_COPY_COMPLETED,
    CM_COPY_DROPPED,
    CM_COPY_CANCELLED,
} cm_copy_result;

typedef enum cm_end_state {
    CM_END_IDLE,
    CM_END_COPYING,
    CM_END_CANCELLING,
    CM_END_DONE,
} cm_end_state;

/* The host's side.  With both, no guest has an end any more: what the source
 * gives is relayed to the sink. */
typedef struct cm_host_end {
    const cm_source *source;
    void *source_state;
    const cm_sink_ops *sink;
    void *sink_state;
    uint8_t *bytes; /* of a relay: read, and not yet taken */
    size_t at, len;
} cm_host_end;

/* SharedStreamImpl, SharedFutureImpl */
typedef struct cm_shared {
    bool is_future, dropped;
    bool is_bytes; /* a host's stream<u8> */
    unsigned refs; /* ends, and a value on its way to become one */
    cm_store *store;
    cm_end *pending;   /* whose buffer waits */
    cm_host_end *host; /* NULL, or: */
    cm_host_end host_end;
    struct cm_shared *hosted_next, *hosted_prev; /* while host is set */
} cm_shared;

/* CopyEnd, with the buffer of the operation it is in (BufferGuestImpl). */
struct cm_end {
    cm_waitable waitable; /* first */
    cm_shared *shared;
    const cm_type *type; /* the stream's or future's, in inst's numbers */
    cm_instance *inst;
    bool is_writer;
    cm_end_state state;
    cm_options options;
    uint64_t ptr;
    uint32_t progress, length;
    cm_copy_result result; /* of the pending event */
    bool reclaims;         /* the event ends the wait for more */
};

uint32_t cm_end_remain(const cm_end *e);
/* on_copy (reclaims: there may be more) and on_copy_done. */
void cm_end_notify(cm_end *e, cm_copy_result result, bool reclaims);
/* reset_and_notify_pending */
void cm_shared_notify(cm_shared *s, cm_copy_result result);

/* An operation of a guest's end whose partner is the host's: does what it can
 * and notifies, or leaves the end pending. */
VM_MUST_CHECK vm_status cm_host_copy(cm_call *call, cm_end *e);
/* Drop or end of the host's: the guest's end is gone, or (not `complete`) the
 * store ends. */
void cm_shared_end_host(cm_shared *s, bool complete);

/* One of two, or NULL; ends with its last reference. */
cm_shared *cm_shared_create(cm_store *store, bool is_future, unsigned refs);
void cm_shared_release(cm_shared *s);
/* SharedStreamImpl.drop, SharedFutureImpl.drop; takes a reference away. */
void cm_shared_drop(cm_shared *s);

#endif
