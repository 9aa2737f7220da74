/*
 * digest.c - digests of content: computing, writing and reading them.
 *
 * SHAPE     SHA-256, MD5 and SHA-1 come from OpenSSL's EVP interface, XXH128 from xxHash in its
 *           canonical (big-endian) bytes, as xxhsum(1) prints them. A hasher fetches its
 *           algorithm once and uses one context for every message.
 * COST      One pass. A fetch costs more than hashing a hundred bytes, so many small messages
 *           belong in one hasher: 0.16 us each with SHA-256, against 0.5 us for
 *           cull_digest_of(), which keeps nothing.
 * FAILURE   A text that is not exactly one digest is CULL_E_INVALID and leaves zeros.
 * THREADS   A hasher belongs to one thread at a time; all else any.
 * WHY NOT   OpenSSL's SHA256_Init() and its kin: half the cost for small messages, deprecated.
 *           A fetched algorithm in a static variable: a mutable global. OpenSSL keeps its
 *           contexts on its own heap; only the hasher itself is the caller's allocator's.
 */
#include "cull/digest.h"

#include <openssl/evp.h>

#include "base/base64.h"
#include "base/base_internal.h"
#include "base/hash.h"

struct cull_hasher {
    const cull_allocator *allocator;
    cull_digest_kind kind;
    bool ended;
    EVP_MD *evp;         /* NULL for XXH128 */
    EVP_MD_CTX *evp_ctx; /* NULL for XXH128 */
    XXH3_state_t *xxh;   /* inside xxh_block, aligned as xxHash asks; else NULL */
    unsigned char *xxh_block;
};

static const struct {
    const char *name;     /* ours */
    const char *evp_name; /* OpenSSL's, NULL: not OpenSSL's */
    size_t len;
} kinds[] = {
    [CULL_DIGEST_SHA256] = { "sha256", "SHA256", 32 },
    [CULL_DIGEST_MD5] = { "md5", "MD5", 16 },
    [CULL_DIGEST_SHA1] = { "sha1", "SHA1", 20 },
    [CULL_DIGEST_XXH128] = { "xxh128", NULL, 16 },
};

static bool kind_known(cull_digest_kind kind)
{
    return (size_t)kind < ARRAY_LEN(kinds) && kinds[kind].name != NULL;
}

size_t cull_digest_len(cull_digest_kind kind)
{
    return kind_known(kind) ? kinds[kind].len : 0;
}

const char *cull_digest_kind_name(cull_digest_kind kind)
{
    return kind_known(kind) ? kinds[kind].name : NULL;
}

cull_digest_kind cull_digest_kind_parse(const char *name)
{
    for (size_t kind = 0; kind < ARRAY_LEN(kinds); kind++) {
        if (kinds[kind].name != NULL && strcmp(kinds[kind].name, name) == 0) {
            return (cull_digest_kind)kind;
        }
    }
    return CULL_DIGEST_NONE;
}

void cull_digest_to_hex(char *text, const cull_digest *digest, cull_digest_kind kind)
{
    static const char letters[] = "0123456789abcdef";
    size_t len = cull_digest_len(kind);

    for (size_t i = 0; i < len; i++) {
        text[2 * i] = letters[digest->bytes[i] >> 4];
        text[2 * i + 1] = letters[digest->bytes[i] & 15];
    }
    text[2 * len] = '\0';
}

/* The value of a hexadecimal character, -1 for any other. */
static int hex_value(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

cull_status cull_digest_from_hex(cull_digest *out, cull_digest_kind kind, const char *text,
                                 size_t len)
{
    cull_digest digest = { { 0 } };

    memset(out, 0, sizeof *out);
    if (!kind_known(kind) || len != 2 * kinds[kind].len) {
        return CULL_E_INVALID;
    }
    for (size_t i = 0; i < len / 2; i++) {
        int high = hex_value(text[2 * i]);
        int low = hex_value(text[2 * i + 1]);

        if (high < 0 || low < 0) {
            return CULL_E_INVALID;
        }
        digest.bytes[i] = (uint8_t)(high << 4 | low);
    }
    *out = digest;
    return CULL_OK;
}

void cull__base64_encode(char *text, const uint8_t *bytes, size_t len)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    for (; len >= 3; len -= 3, bytes += 3) {
        uint32_t group = (uint32_t)bytes[0] << 16 | (uint32_t)bytes[1] << 8 | bytes[2];

        *text++ = letters[group >> 18];
        *text++ = letters[group >> 12 & 63];
        *text++ = letters[group >> 6 & 63];
        *text++ = letters[group & 63];
    }
    if (len > 0) { /* what lies behind the bytes may not be zero: take none of it */
        uint32_t group = (uint32_t)bytes[0] << 16 | (len > 1 ? (uint32_t)bytes[1] << 8 : 0);

        *text++ = letters[group >> 18];
        *text++ = letters[group >> 12 & 63];
        *text++ = (char)(len > 1 ? letters[group >> 6 & 63] : '=');
        *text++ = '=';
    }
    *text = '\0';
}

void cull_digest_to_base64(char *text, const cull_digest *digest, cull_digest_kind kind)
{
    cull__base64_encode(text, digest->bytes, cull_digest_len(kind));
}

/* The value of each base64 character, 64 for any other, '=' included. */
#define X 64
static const uint8_t base64_values[256] = {
    X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  /* 00 */
    X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  /* 10 */
    X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  62, X,  X,  X,  63, /* 20: + / */
    52, 53, 54, 55, 56, 57, 58, 59, 60, 61, X,  X,  X,  X,  X,  X,  /* 30: digits */
    X,  0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, /* 40: A */
    15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, X,  X,  X,  X,  X,  /* 50: Z */
    X,  26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, /* 60: a */
    41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, X,  X,  X,  X,  X,  /* 70: z */
    X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  /* 80 */
    X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  /* 90 */
    X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  /* a0 */
    X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  /* b0 */
    X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  /* c0 */
    X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  /* d0 */
    X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  /* e0 */
    X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  /* f0 */
};
#undef X

/* The last group of bytes whose number is no multiple of 3: want is 1 or 2 bytes. Characters
 * that they do not need are '=', and the bits left over are zero: one text for them. */
static bool base64_tail(uint8_t *bytes, const uint8_t *text, size_t want)
{
    unsigned a = base64_values[text[0]];
    unsigned b = base64_values[text[1]];
    unsigned c = want == 2 ? base64_values[text[2]] : 0;
    unsigned left = want == 2 ? c & 3 : b & 15;

    if (((a | b | c) & 64) != 0 || left != 0 || text[3] != '=' || (want == 1 && text[2] != '=')) {
        return false;
    }
    bytes[0] = (uint8_t)(a << 2 | b >> 4);
    if (want == 2) {
        bytes[1] = (uint8_t)(b << 4 | c >> 2);
    }
    return true;
}

bool cull__base64_decode(uint8_t *bytes, size_t left, const char *text)
{
    const uint8_t *at = (const uint8_t *)text;
    unsigned wrong = 0;

    for (; left >= 3; left -= 3, at += 4, bytes += 3) {
        unsigned a = base64_values[at[0]];
        unsigned b = base64_values[at[1]];
        unsigned c = base64_values[at[2]];
        unsigned d = base64_values[at[3]];

        wrong |= a | b | c | d;
        bytes[0] = (uint8_t)(a << 2 | b >> 4);
        bytes[1] = (uint8_t)(b << 4 | c >> 2);
        bytes[2] = (uint8_t)(c << 6 | d);
    }
    return (wrong & 64) == 0 && (left == 0 || base64_tail(bytes, at, left));
}

cull_status cull_digest_from_base64(cull_digest *out, cull_digest_kind kind, const char *text,
                                    size_t len)
{
    size_t bytes = cull_digest_len(kind);

    memset(out, 0, sizeof *out);
    if (bytes == 0 || len != CULL__BASE64_CHARS(bytes)) {
        return CULL_E_INVALID;
    }
    if (!cull__base64_decode(out->bytes, bytes, text)) {
        memset(out, 0, sizeof *out);
        return CULL_E_INVALID;
    }
    return CULL_OK;
}

/* xxHash's state asks for more alignment than an allocator promises. */
static cull_status hasher_init_xxh(cull_hasher *hasher)
{
    const size_t align = _Alignof(XXH3_state_t);
    size_t past;

    hasher->xxh_block = cull__alloc(hasher->allocator, 1, sizeof(XXH3_state_t) + align - 1);
    if (hasher->xxh_block == NULL) {
        return CULL_E_NOMEM;
    }
    past = (uintptr_t)hasher->xxh_block % align;
    hasher->xxh = (void *)(hasher->xxh_block + (past == 0 ? 0 : align - past));
    return CULL_OK;
}

static cull_status hasher_init_evp(cull_hasher *hasher)
{
    hasher->evp = EVP_MD_fetch(NULL, kinds[hasher->kind].evp_name, NULL);
    if (hasher->evp == NULL) {
        return CULL_E_IO;
    }
    hasher->evp_ctx = EVP_MD_CTX_new();
    return hasher->evp_ctx != NULL ? CULL_OK : CULL_E_NOMEM;
}

cull_status cull_hasher_new(cull_hasher **out, cull_digest_kind kind,
                            const cull_allocator *allocator)
{
    cull_status status;
    cull_hasher *hasher;

    *out = NULL;
    if (!kind_known(kind)) {
        return CULL_E_INVALID;
    }
    hasher = cull__alloc_zero(allocator, 1, sizeof *hasher);
    if (hasher == NULL) {
        return CULL_E_NOMEM;
    }
    hasher->allocator = allocator;
    hasher->kind = kind;
    status = kinds[kind].evp_name == NULL ? hasher_init_xxh(hasher) : hasher_init_evp(hasher);
    if (status == CULL_OK) {
        status = cull_hasher_reset(hasher);
    }
    if (status != CULL_OK) {
        cull_hasher_free(hasher);
        return status;
    }
    *out = hasher;
    return CULL_OK;
}

cull_status cull_hasher_reset(cull_hasher *hasher)
{
    bool done = hasher->xxh != NULL ? XXH3_128bits_reset(hasher->xxh) == XXH_OK
                                    : EVP_DigestInit_ex2(hasher->evp_ctx, hasher->evp, NULL) == 1;

    hasher->ended = !done; /* what could not start takes no bytes */
    return done ? CULL_OK : CULL_E_IO;
}

cull_status cull_hasher_add(cull_hasher *hasher, const void *data, size_t len)
{
    bool done;

    if (hasher->ended) {
        return CULL_E_USAGE;
    }
    if (len == 0) {
        return CULL_OK; /* data may be NULL then */
    }
    done = hasher->xxh != NULL ? XXH3_128bits_update(hasher->xxh, data, len) == XXH_OK
                               : EVP_DigestUpdate(hasher->evp_ctx, data, len) == 1;
    return done ? CULL_OK : CULL_E_IO;
}

static void digest_of_xxh(cull_digest *out, XXH128_hash_t hash)
{
    XXH128_canonical_t canonical;

    XXH128_canonicalFromHash(&canonical, hash);
    memcpy(out->bytes, canonical.digest, sizeof canonical.digest);
}

cull_status cull_hasher_end(cull_hasher *hasher, cull_digest *out)
{
    memset(out, 0, sizeof *out);
    if (hasher->ended) {
        return CULL_E_USAGE;
    }
    hasher->ended = true;
    if (hasher->xxh != NULL) {
        digest_of_xxh(out, XXH3_128bits_digest(hasher->xxh));
    } else if (EVP_DigestFinal_ex(hasher->evp_ctx, out->bytes, NULL) != 1) {
        return CULL_E_IO;
    }
    return CULL_OK;
}

void cull_hasher_free(cull_hasher *hasher)
{
    if (hasher != NULL) {
        EVP_MD_CTX_free(hasher->evp_ctx);
        EVP_MD_free(hasher->evp);
        cull__free(hasher->allocator, hasher->xxh_block);
        cull__free(hasher->allocator, hasher);
    }
}

cull_status cull_digest_of(cull_digest *out, cull_digest_kind kind, const void *data, size_t len)
{
    const void *bytes = len == 0 ? "" : data;

    memset(out, 0, sizeof *out);
    if (!kind_known(kind)) {
        return CULL_E_INVALID;
    }
    if (kinds[kind].evp_name == NULL) {
        digest_of_xxh(out, XXH3_128bits(bytes, len));
        return CULL_OK;
    }
    return EVP_Q_digest(NULL, kinds[kind].evp_name, NULL, bytes, len, out->bytes, NULL) == 1
               ? CULL_OK
               : CULL_E_IO;
}
