/*
 * tls.h - TLS 1.2 and 1.3 on a non-blocking socket, beneath http_conn.c.  The
 * library is OpenSSL 3, which only tls.c sees.
 *
 * It runs in the guest's own process, after the jail: what a peer sends meets
 * no more than that guest may do.  It opens no file and makes no socket, and
 * its randomness is getrandom(2).  Revocation is not looked up.
 */
#ifndef VYOMA_WASI_TLS_H
#define VYOMA_WASI_TLS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* The authorities that clients of ours believe. */
typedef struct tls_trust tls_trust;
/* What we show as a server: a certificate with its chain, and its key. */
typedef struct tls_identity tls_identity;
/* One connection. */
typedef struct tls tls;

enum { TLS_FILES_MAX = 8 };

/* NULL: out of memory.  Destroying takes NULL as well. */
tls_trust *tls_trust_create(void);
void tls_trust_destroy(tls_trust *trust);
/*
 * Adds the certificates of a PEM file, which is mapped; each is parsed when a
 * peer's chain first names it, so that this is cheap, also before a fork.  0,
 * or an errno: ENODATA when there is no certificate in it, ENOSPC past
 * TLS_FILES_MAX.
 */
int tls_trust_add_file(tls_trust *trust, const char *path);
/* The machine's own bundle, wherever it is; an errno when it has none. */
int tls_trust_add_system(tls_trust *trust);

/* From PEM files.  NULL; `why` (of `size` bytes) then says what is wrong. */
tls_identity *tls_identity_create(const char *certificates, const char *key,
                                  char *why, size_t size);
void tls_identity_destroy(tls_identity *identity);

/*
 * A client's end on a connected socket, which stays the caller's.  `host`, a
 * name or an address (without brackets), is asked for (SNI) and must be what
 * the certificate is for.  NULL: out of memory.
 */
tls *tls_connect(tls_trust *trust, int fd, const char *host);
tls *tls_accept(const tls_identity *identity, int fd);
/* Says goodbye if that can be done at once. */
void tls_destroy(tls *tls);

/*
 * None of these waits: 0 is "not now, poll for tls_events".  1 once the
 * handshake is complete, else bytes; WASI_CLOSED after the peer's goodbye (or
 * without it: tls_was_cut), WASI_FAILED with tls_failure.
 */
int tls_handshake(tls *tls);
ssize_t tls_read(tls *tls, void *buf, size_t len);
ssize_t tls_write(tls *tls, const void *buf, size_t len);
/* What the last write, or else handshake or read, that answered 0 waits for, as
 * in poll(2). */
short tls_events(const tls *tls, bool writing);

/* The connection ended without the peer's goodbye: anyone may have cut it. */
bool tls_was_cut(const tls *tls);

typedef enum tls_cause {
    TLS_CAUSE_PROTOCOL,    /* what came was not TLS, or none that we accept */
    TLS_CAUSE_CERTIFICATE, /* not the peer's, or not believed */
    TLS_CAUSE_ALERT,       /* the peer complained */
    TLS_CAUSE_CLOSED,      /* the connection ended in the handshake */
    TLS_CAUSE_MEMORY,
} tls_cause;

typedef struct tls_failure {
    tls_cause cause;
    uint8_t alert;    /* with TLS_CAUSE_ALERT: RFC 8446, 6 */
    const char *text; /* static: "certificate has expired" */
} tls_failure;
tls_failure tls_failure_of(const tls *tls);
const char *tls_alert_text(uint8_t alert); /* static */

#endif
