/*
 * lazy_crypto.c - libcrypto, loaded when the command first hashes.
 *
 * SHAPE     The library calls a handful of libcrypto's functions. The command is linked with those
 *           here instead, which find the real ones at their first call; so the linker has no use for
 *           libcrypto, and leaves it out (--as-needed). Programs that use libcull link it as always.
 * INVARIANT Every function of libcrypto that the library calls stands here: a new one would bring
 *           libcrypto back, and tests/cli/cases/libraries.sh would say so.
 * COST      Loading libcrypto takes 1 ms, most of it for 19,000 addresses to write into 100 pages: a
 *           fifth of a `gc --dry-run`, which hashes nothing, nor do delete, ls, alias or restore, whatever
 *           the store holds.
 * FAILURE   A libcrypto that cannot be loaded is said once; the call then fails as libcrypto's own do.
 * THREADS   The first call loads, whichever thread makes it.
 * WHY NOT   libcrypto in the command itself: it would not get the system's corrections.
 */
#include <dlfcn.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define STRING_OF_(x) #x
#define STRING_OF(x) STRING_OF_(x)
#define LIBRARY "libcrypto.so." STRING_OF(OPENSSL_SHLIB_VERSION)

enum function { MD_FETCH, MD_FREE, CTX_NEW, CTX_FREE, INIT, UPDATE, FINAL, Q_DIGEST };

static const char *const names[] = {
    [MD_FETCH] = "EVP_MD_fetch",    [MD_FREE] = "EVP_MD_free",     [CTX_NEW] = "EVP_MD_CTX_new",
    [CTX_FREE] = "EVP_MD_CTX_free", [INIT] = "EVP_DigestInit_ex2", [UPDATE] = "EVP_DigestUpdate",
    [FINAL] = "EVP_DigestFinal_ex", [Q_DIGEST] = "EVP_Q_digest",
};
#define FUNCTIONS (sizeof(names) / sizeof(names[0]))

static void *functions[FUNCTIONS]; /* NULL: not found */
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void load(void)
{
    void *library = dlopen(LIBRARY, RTLD_LAZY | RTLD_LOCAL); /* for as long as the command runs */

    for (size_t i = 0; i < FUNCTIONS && library != NULL; i++) {
        functions[i] = dlsym(library, names[i]);
        if (functions[i] == NULL) {
            library = NULL;
        }
    }
    if (library == NULL) {
        (void)fprintf(stderr, "cull: %s\n", dlerror());
        memset(functions, 0, sizeof(functions));
    }
}

/* --- the functions, with the names that libcrypto gives their parameters ---------------------- */

/* The real function into *out, a pointer to it. False: there is none. */
static bool find(enum function which, void *out)
{
    (void)pthread_once(&once, load);
    memcpy(out, &functions[which], sizeof(functions[which]));
    return functions[which] != NULL;
}

EVP_MD *EVP_MD_fetch(OSSL_LIB_CTX *ctx, const char *algorithm, const char *properties)
{
    EVP_MD *(*real)(OSSL_LIB_CTX *, const char *, const char *);

    return find(MD_FETCH, &real) ? real(ctx, algorithm, properties) : NULL;
}

void EVP_MD_free(EVP_MD *md)
{
    void (*real)(EVP_MD *);

    if (md != NULL && find(MD_FREE, &real)) {
        real(md);
    }
}

EVP_MD_CTX *EVP_MD_CTX_new(void)
{
    EVP_MD_CTX *(*real)(void);

    return find(CTX_NEW, &real) ? real() : NULL;
}

void EVP_MD_CTX_free(EVP_MD_CTX *ctx)
{
    void (*real)(EVP_MD_CTX *);

    if (ctx != NULL && find(CTX_FREE, &real)) {
        real(ctx);
    }
}

int EVP_DigestInit_ex2(EVP_MD_CTX *ctx, const EVP_MD *type, const OSSL_PARAM params[])
{
    int (*real)(EVP_MD_CTX *, const EVP_MD *, const OSSL_PARAM *);

    return find(INIT, &real) ? real(ctx, type, params) : 0;
}

int EVP_DigestUpdate(EVP_MD_CTX *ctx, const void *d, size_t cnt)
{
    int (*real)(EVP_MD_CTX *, const void *, size_t);

    return find(UPDATE, &real) ? real(ctx, d, cnt) : 0;
}

int EVP_DigestFinal_ex(EVP_MD_CTX *ctx, unsigned char *md, unsigned int *size)
{
    int (*real)(EVP_MD_CTX *, unsigned char *, unsigned int *);

    return find(FINAL, &real) ? real(ctx, md, size) : 0;
}

int EVP_Q_digest(OSSL_LIB_CTX *libctx, const char *name, const char *propq, const void *data,
                 size_t datalen, unsigned char *md, size_t *mdlen)
{
    int (*real)(OSSL_LIB_CTX *, const char *, const char *, const void *, size_t, unsigned char *,
                size_t *);

    return find(Q_DIGEST, &real) ? real(libctx, name, propq, data, datalen, md, mdlen) : 0;
}
