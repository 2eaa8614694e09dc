/*
 * tls.c - connections: OpenSSL over a socket, with its many outcomes made into
 * the few of tls.h.  Authorities are in tls_trust.c.
 */
#include "wasi/tls_internal.h"

#include "wasi/io.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <openssl/bio.h>
#include <openssl/x509v3.h>

struct tls {
    SSL *ssl;
    short events[2]; /* waited for after an answer of 0: reading, writing */
    bool is_open;    /* the handshake is complete */
    bool broken;     /* no goodbye can be said */
    bool cut;
    tls_failure failure;
};

/* ---- the socket beneath ------------------------------------------------ */

/* OpenSSL's own socket BIO would raise SIGPIPE. */

static int fd_of(BIO *bio)
{
    return (int)(intptr_t)BIO_get_data(bio);
}

static int moved(BIO *bio, ssize_t n, void (*retry)(BIO *bio))
{
    BIO_clear_retry_flags(bio);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        retry(bio);
    return (int)n;
}

static void retry_read(BIO *bio)
{
    BIO_set_retry_read(bio);
}

static void retry_write(BIO *bio)
{
    BIO_set_retry_write(bio);
}

static int socket_read(BIO *bio, char *buf, int len)
{
    ssize_t n = recv(fd_of(bio), buf, (size_t)len, MSG_DONTWAIT);
    if (n == 0)
        BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
    return moved(bio, n, retry_read);
}

static int socket_write(BIO *bio, const char *buf, int len)
{
    return moved(
        bio, send(fd_of(bio), buf, (size_t)len, MSG_DONTWAIT | MSG_NOSIGNAL),
        retry_write);
}

static long socket_control(BIO *bio, int command, long number, void *pointer)
{
    switch (command) {
    case BIO_CTRL_FLUSH: return 1; /* nothing is kept here */
    case BIO_CTRL_EOF: return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0;
    default: return 0;
    }
}

static BIO_METHOD *socket_method;

static void make_method(void)
{
    socket_method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "socket");
    if (!socket_method)
        return;
    BIO_meth_set_read(socket_method, socket_read);
    BIO_meth_set_write(socket_method, socket_write);
    BIO_meth_set_ctrl(socket_method, socket_control);
}

static bool attach_socket(SSL *ssl, int fd)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, make_method);
    BIO *bio = socket_method ? BIO_new(socket_method) : NULL;
    if (!bio)
        return false;
    BIO_set_data(bio, (void *)(intptr_t)fd);
    BIO_set_init(bio, 1);
    SSL_set_bio(ssl, bio, bio);
    return true;
}

/* ---- contexts ---------------------------------------------------------- */

static void init_library(void)
{
    /* A jail has no openssl.cnf, and its seccomp filter no open. */
    OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_ATEXIT,
                     NULL);
}

SSL_CTX *tls_context(const SSL_METHOD *method)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, init_library);
    SSL_CTX *ctx = SSL_CTX_new(method);
    if (!ctx)
        return NULL;
    SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE |
                              SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                              SSL_MODE_RELEASE_BUFFERS);
    return ctx;
}

static SSL_CTX *context_of(const tls_identity *identity)
{
    return (SSL_CTX *)identity;
}

/* Of what a client offers, HTTP/1.1 or nothing (RFC 7301, 3.2). */
static int choose_protocol(SSL *ssl, const uint8_t **out, uint8_t *out_len,
                           const uint8_t *offered, unsigned len, void *arg)
{
    static const uint8_t ours[] = "\x08http/1.1";
    uint8_t *chosen;
    int how = SSL_select_next_proto(&chosen, out_len, ours, sizeof ours - 1,
                                    offered, len);
    *out = chosen;
    return how == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK
                                         : SSL_TLSEXT_ERR_ALERT_FATAL;
}

tls_identity *tls_identity_create(const char *certificates, const char *key,
                                  char *why, size_t size)
{
    static const uint8_t id[] = "vyoma";
    SSL_CTX *ctx = tls_context(TLS_server_method());
    const char *file = certificates;
    ERR_clear_error();
    bool ok = ctx && SSL_CTX_use_certificate_chain_file(ctx, file) == 1;
    if (ok) {
        file = key;
        ok = SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) == 1 &&
             SSL_CTX_check_private_key(ctx) == 1;
    }
    if (!ok) {
        const char *reason = ERR_reason_error_string(ERR_get_error());
        snprintf(why, size, "%s: %s", file, reason ? reason : "out of memory");
        SSL_CTX_free(ctx);
        return NULL;
    }
    SSL_CTX_set_alpn_select_cb(ctx, choose_protocol, NULL);
    SSL_CTX_set_session_id_context(ctx, id, sizeof id - 1);
    return (tls_identity *)ctx;
}

void tls_identity_destroy(tls_identity *identity)
{
    if (identity)
        SSL_CTX_free(context_of(identity));
}

/* ---- connections ------------------------------------------------------- */

static tls *create(SSL_CTX *ctx, int fd)
{
    tls *tls = calloc(1, sizeof *tls);
    if (!tls)
        return NULL;
    tls->ssl = ctx ? SSL_new(ctx) : NULL;
    tls->events[0] = POLLIN;
    tls->events[1] = POLLOUT;
    if (tls->ssl && attach_socket(tls->ssl, fd))
        return tls;
    tls_destroy(tls);
    return NULL;
}

/* The name to ask for, and to find in the certificate (RFC 9110, 4.3.4). */
static bool expect_host(SSL *ssl, const char *host)
{
    uint8_t address[16];
    char name[256];
    size_t len = strlen(host);
    if (inet_pton(AF_INET, host, address) == 1 ||
        inet_pton(AF_INET6, host, address) == 1)
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host);
    if (len && host[len - 1] == '.') /* DNS's root is no part of it */
        len--;
    if (!len || len >= sizeof name)
        return false;
    memcpy(name, host, len);
    name[len] = 0;
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return SSL_set_tlsext_host_name(ssl, name) && SSL_set1_host(ssl, name);
}

tls *tls_connect(tls_trust *trust, int fd, const char *host)
{
    tls *tls = create(tls_trust_context(trust), fd);
    if (!tls)
        return NULL;
    if (!expect_host(tls->ssl, host)) {
        tls_destroy(tls);
        return NULL;
    }
    SSL_set_connect_state(tls->ssl);
    return tls;
}

tls *tls_accept(const tls_identity *identity, int fd)
{
    tls *tls = create(context_of(identity), fd);
    if (tls)
        SSL_set_accept_state(tls->ssl);
    return tls;
}

void tls_destroy(tls *tls)
{
    if (!tls)
        return;
    if (tls->is_open && !tls->broken)
        (void)!SSL_shutdown(tls->ssl);
    SSL_free(tls->ssl);
    ERR_clear_error();
    free(tls);
}

short tls_events(const tls *tls, bool writing)
{
    return tls->events[writing];
}

bool tls_was_cut(const tls *tls)
{
    return tls->cut;
}

tls_failure tls_failure_of(const tls *tls)
{
    return tls->failure;
}

const char *tls_alert_text(uint8_t alert)
{
    return SSL_alert_desc_string_long(alert);
}

/* ---- outcomes ---------------------------------------------------------- */

static tls_failure certificate_failure(const SSL *ssl)
{
    long result = SSL_get_verify_result(ssl);
    return (tls_failure){.cause = TLS_CAUSE_CERTIFICATE,
                         .text = X509_verify_cert_error_string(result)};
}

static tls_failure describe(const tls *tls, unsigned long code)
{
    int reason = ERR_GET_REASON(code);
    const char *text = ERR_reason_error_string(code);
    tls_failure failure = {.cause = TLS_CAUSE_PROTOCOL,
                           .text = text ? text : "not TLS"};
    if (reason == ERR_R_MALLOC_FAILURE)
        failure.cause = TLS_CAUSE_MEMORY;
    if (ERR_GET_LIB(code) != ERR_LIB_SSL)
        return failure;
    if (reason == SSL_R_CERTIFICATE_VERIFY_FAILED)
        return certificate_failure(tls->ssl);
    if (reason == SSL_R_UNEXPECTED_EOF_WHILE_READING)
        failure.cause = TLS_CAUSE_CLOSED;
    if (reason >= SSL_AD_REASON_OFFSET && reason < SSL_AD_REASON_OFFSET + 256) {
        failure.cause = TLS_CAUSE_ALERT;
        failure.alert = (uint8_t)(reason - SSL_AD_REASON_OFFSET);
    }
    return failure;
}

/* The connection beneath is gone, or the peer speaks no sense. */
static ssize_t fail(tls *tls, int why)
{
    unsigned long code = ERR_peek_error();
    tls->broken = true;
    bool gone = why == SSL_ERROR_SYSCALL ||
                (ERR_GET_LIB(code) == ERR_LIB_SSL &&
                 ERR_GET_REASON(code) == SSL_R_UNEXPECTED_EOF_WHILE_READING);
    if (gone && tls->is_open) {
        tls->cut = true;
        return WASI_CLOSED;
    }
    tls->failure = gone ? (tls_failure){.cause = TLS_CAUSE_CLOSED,
                                        .text = "closed in the handshake"}
                        : describe(tls, code);
    return WASI_FAILED;
}

/* What the library's answer, which was none of success, means. */
static ssize_t outcome(tls *tls, int answer, bool writing)
{
    int why = SSL_get_error(tls->ssl, answer);
    switch (why) {
    case SSL_ERROR_WANT_READ: tls->events[writing] = POLLIN; return 0;
    case SSL_ERROR_WANT_WRITE: tls->events[writing] = POLLOUT; return 0;
    case SSL_ERROR_ZERO_RETURN: return WASI_CLOSED;
    default: return fail(tls, why);
    }
}

/* A peer that chose a protocol which we did not offer. */
static bool is_other_protocol(const SSL *ssl)
{
    const uint8_t *chosen;
    unsigned len;
    SSL_get0_alpn_selected(ssl, &chosen, &len);
    return len && (len != 8 || memcmp(chosen, "http/1.1", 8));
}

int tls_handshake(tls *tls)
{
    ERR_clear_error();
    int answer = SSL_do_handshake(tls->ssl);
    if (answer != 1) {
        ssize_t n = outcome(tls, answer, false);
        return n == WASI_CLOSED ? (int)fail(tls, SSL_ERROR_SYSCALL) : (int)n;
    }
    if (is_other_protocol(tls->ssl)) {
        tls->failure = (tls_failure){TLS_CAUSE_PROTOCOL, 0,
                                     "the peer chose another protocol"};
        return WASI_FAILED;
    }
    tls->is_open = true;
    return 1;
}

ssize_t tls_read(tls *tls, void *buf, size_t len)
{
    size_t n;
    ERR_clear_error();
    int answer = SSL_read_ex(tls->ssl, buf, len, &n);
    return answer == 1 ? (ssize_t)n : outcome(tls, answer, false);
}

ssize_t tls_write(tls *tls, const void *buf, size_t len)
{
    size_t n;
    ERR_clear_error();
    int answer = SSL_write_ex(tls->ssl, buf, len, &n);
    return answer == 1 ? (ssize_t)n : outcome(tls, answer, true);
}
