/*
 * tls_trust.c - authorities' certificates, read out of PEM bundles on demand.
 *
 * OpenSSL asks for an issuer by its name.  We then go through the mapped files,
 * decode block by block, skip to the subject and compare; only a certificate
 * that was asked for is parsed.  Parsing all 140 of a usual bundle takes
 * OpenSSL 3.0 about 50 times as long, and a megabyte of every app's memory.
 */
#include "wasi/tls_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <openssl/pem.h>

#define CIPHERS_12 "ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM:DHE+CHACHA20"

struct tls_trust {
    struct {
        const void *data;
        size_t len;
    } files[TLS_FILES_MAX];
    size_t nfiles;
    SSL_CTX *ctx; /* made on first use */
};

/* ---- finding a certificate --------------------------------------------- */

/* Steps into (or over) the next element if it has this tag.  X.690, 8.1. */
static bool enter(const uint8_t **at, const uint8_t *end, int tag)
{
    long len;
    int found, class;
    if (ASN1_get_object(at, &len, &found, &class, end - *at) & 0x80)
        return false;
    return found == tag && class == V_ASN1_UNIVERSAL;
}

static bool skip(const uint8_t **at, const uint8_t *end)
{
    long len;
    int tag, class;
    if (ASN1_get_object(at, &len, &tag, &class, end - *at) & 0x80)
        return false;
    *at += len;
    return true;
}

/*
 * The subject of a DER certificate (RFC 5280, 4.1): in Certificate, in
 * TBSCertificate, after version [0], serialNumber, signature, issuer and
 * validity.  NULL: malformed.
 */
static X509_NAME *subject_of(const uint8_t *der, size_t len)
{
    enum { VERSION_TAG = 0xa0, BEFORE_SUBJECT = 4 };
    const uint8_t *at = der, *end = der + len;
    for (int i = 0; i < 2; i++)
        if (!enter(&at, end, V_ASN1_SEQUENCE))
            return NULL;
    int fields = BEFORE_SUBJECT + (at < end && *at == VERSION_TAG);
    for (int i = 0; i < fields; i++)
        if (!skip(&at, end))
            return NULL;
    return d2i_X509_NAME(NULL, &at, end - at);
}

static bool is_subject(const uint8_t *der, size_t len, const X509_NAME *name)
{
    X509_NAME *subject = subject_of(der, len);
    bool same = subject && !X509_NAME_cmp(subject, name);
    X509_NAME_free(subject);
    return same;
}

/* Adds those of one file to the store; returns one of them, owned by it. */
static X509 *find_in(BIO *file, const X509_NAME *name, X509_STORE *store)
{
    char *label, *header;
    uint8_t *der;
    long len;
    X509 *found = NULL;
    while (PEM_read_bio(file, &label, &header, &der, &len)) {
        const uint8_t *at = der;
        X509 *cert = NULL;
        if (!strcmp(label, PEM_STRING_X509) &&
            is_subject(der, (size_t)len, name))
            cert = d2i_X509(NULL, &at, len);
        if (cert && X509_STORE_add_cert(store, cert))
            found = cert;
        X509_free(cert); /* the store holds it */
        OPENSSL_free(label);
        OPENSSL_free(header);
        OPENSSL_free(der);
    }
    return found;
}

static int by_subject(X509_LOOKUP *lookup, X509_LOOKUP_TYPE type,
                      const X509_NAME *name, X509_OBJECT *out)
{
    const tls_trust *trust = X509_LOOKUP_get_method_data(lookup);
    X509_STORE *store = X509_LOOKUP_get_store(lookup);
    X509 *found = NULL;
    if (type != X509_LU_X509)
        return 0;
    ERR_set_mark(); /* the end of a file is an error to PEM_read_bio */
    for (size_t i = 0; i < trust->nfiles; i++) {
        BIO *file =
            BIO_new_mem_buf(trust->files[i].data, (int)trust->files[i].len);
        X509 *one = file ? find_in(file, name, store) : NULL;
        found = one ? one : found;
        BIO_free(file);
    }
    ERR_pop_to_mark();
    if (!found || !X509_OBJECT_set1_X509(out, found))
        return 0;
    X509_free(found); /* the caller takes a reference of its own */
    return 1;
}

static X509_LOOKUP_METHOD *lookup_method;

static void make_method(void)
{
    lookup_method = X509_LOOKUP_meth_new("PEM files in memory");
    if (lookup_method)
        X509_LOOKUP_meth_set_get_by_subject(lookup_method, by_subject);
}

/* ---- the client's context ---------------------------------------------- */

static bool add_lookup(SSL_CTX *ctx, tls_trust *trust)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, make_method);
    X509_LOOKUP *lookup =
        lookup_method
            ? X509_STORE_add_lookup(SSL_CTX_get_cert_store(ctx), lookup_method)
            : NULL;
    return lookup && X509_LOOKUP_set_method_data(lookup, trust);
}

SSL_CTX *tls_trust_context(tls_trust *trust)
{
    static const uint8_t alpn[] = "\x08http/1.1";
    if (trust->ctx)
        return trust->ctx;
    SSL_CTX *ctx = tls_context(TLS_client_method());
    if (!ctx)
        return NULL;
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
    if (!add_lookup(ctx, trust) || !SSL_CTX_set_cipher_list(ctx, CIPHERS_12) ||
        SSL_CTX_set_alpn_protos(ctx, alpn, sizeof alpn - 1)) {
        SSL_CTX_free(ctx);
        return NULL;
    }
    return trust->ctx = ctx;
}

/* ---- files ------------------------------------------------------------- */

tls_trust *tls_trust_create(void)
{
    /* Certificates' dates are compared in UTC, yet gmtime(3) looks for the
     * machine's time zone once; in a jail, opening a file would be the end. */
    tzset();
    return calloc(1, sizeof(tls_trust));
}

void tls_trust_destroy(tls_trust *trust)
{
    if (!trust)
        return;
    SSL_CTX_free(trust->ctx);
    for (size_t i = 0; i < trust->nfiles; i++)
        munmap((void *)trust->files[i].data, trust->files[i].len);
    free(trust);
}

int tls_trust_add_file(tls_trust *trust, const char *path)
{
    static const char mark[] = "-----BEGIN CERTIFICATE-----";
    struct stat st;
    if (trust->nfiles == TLS_FILES_MAX)
        return ENOSPC;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st)) {
        int error = errno;
        if (fd >= 0)
            close(fd);
        return error;
    }
    size_t len = (size_t)st.st_size;
    int error = !S_ISREG(st.st_mode) || !len ? ENODATA
                : len > INT32_MAX            ? EFBIG
                                             : 0;
    void *data = MAP_FAILED;
    if (!error)
        data = mmap(NULL, len, PROT_READ, MAP_PRIVATE, fd, 0);
    if (!error && data == MAP_FAILED)
        error = errno;
    close(fd);
    if (!error && !memmem(data, len, mark, sizeof mark - 1)) {
        munmap(data, len);
        error = ENODATA;
    }
    if (error)
        return error;
    trust->files[trust->nfiles].data = data;
    trust->files[trust->nfiles++].len = len;
    return 0;
}

int tls_trust_add_system(tls_trust *trust)
{
    static const char *const places[] = {
        "/etc/ssl/certs/ca-certificates.crt", /* Debian, Arch, Alpine */
        "/etc/pki/tls/certs/ca-bundle.crt",   /* Fedora */
        "/etc/ssl/ca-bundle.pem",             /* openSUSE */
        "/etc/ssl/cert.pem",
    };
    const char *chosen = getenv("SSL_CERT_FILE");
    if (chosen && *chosen)
        return tls_trust_add_file(trust, chosen);
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        if (!tls_trust_add_file(trust, places[i]))
            return 0;
    return ENOENT;
}
