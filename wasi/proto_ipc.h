/*
 * proto_ipc.h - the wire between an app that holds vyoma:ipc and the broker.
 * Two SOCK_SEQPACKET connections: on `control` (the descriptor that the app
 * starts with) it asks and is answered, one request at a time; on `inbox`,
 * which the broker sends along with the answer to IPC_HELLO, messages arrive.
 * Each message is a fixed header and `size` bytes of payload.
 */
#ifndef VYOMA_PROTO_IPC_H
#define VYOMA_PROTO_IPC_H

#include <assert.h>
#include <stdint.h>

enum {
    IPC_NAME = 32,
    IPC_MAX_PAYLOAD = 16384,
};

typedef enum ipc_op {
    IPC_HELLO = 1,
    IPC_SEND,
    IPC_PUBLISH,
    IPC_SUBSCRIBE,
    IPC_REQUEST,
    IPC_REPLY,
    IPC_OP_END,
} ipc_op;

/* IPC_OK, or 1 + the index of the WIT enum `error`. */
typedef enum ipc_status {
    IPC_OK,
    IPC_DENIED,
    IPC_NO_PEER,
    IPC_FULL,
    IPC_TOO_LARGE,
    IPC_NO_REQUEST,
    IPC_UNAVAILABLE,
} ipc_status;

/* Indexes of the WIT enum `kind`. */
typedef enum ipc_kind {
    IPC_KIND_DIRECT,
    IPC_KIND_PUBLISHED,
    IPC_KIND_REQUEST,
    IPC_KIND_REPLY,
    IPC_KIND_FAILED,
} ipc_kind;

typedef struct ipc_request {
    uint32_t op;
    uint32_t size; /* of the payload that follows */
    uint64_t id;   /* IPC_REPLY */
    char peer[IPC_NAME];
    char topic[IPC_NAME];
} ipc_request;

typedef struct ipc_answer {
    uint32_t op;
    uint32_t status;
    uint64_t value; /* receivers of IPC_PUBLISH, id of IPC_REQUEST */
} ipc_answer;

typedef struct ipc_delivery {
    uint32_t kind;
    uint32_t size;
    uint64_t id;
    char sender[IPC_NAME];
    char topic[IPC_NAME];
} ipc_delivery;

static_assert(sizeof(ipc_request) == 80, "wire size");
static_assert(sizeof(ipc_answer) == 16, "wire size");
static_assert(sizeof(ipc_delivery) == 80, "wire size");

#endif
