/* tls_internal.h - shared by tls.c and tls_trust.c. */
#ifndef VYOMA_WASI_TLS_INTERNAL_H
#define VYOMA_WASI_TLS_INTERNAL_H

#include "wasi/tls.h"

#include <pthread.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

/* A context with what both sides have in common; NULL: out of memory. */
SSL_CTX *tls_context(const SSL_METHOD *method);
/* The client's, made on first use. */
SSL_CTX *tls_trust_context(tls_trust *trust);

#endif
