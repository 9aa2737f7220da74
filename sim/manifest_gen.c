/*
 * manifest_gen.c - made-up manifests of any size.
 *
 * SHAPE     Everything about a file of a version is a function of (seed, file, version): it is
 *           mixed anew for every entry and written at once, into a buffer that is passed on when
 *           it is full.
 * INVARIANT The same numbers give the same bytes, on every machine: there is no floating point.
 * COST      O(1) memory. A million entries (114 MB) take 0.15 s; with a change of P
 *           an entry of version K asks about min(K, 1/P) times whether the file changed.
 * ERRORS    only those of whoever takes the bytes.
 * WHY NOT   a table of each file's last change: 4 bytes a file, and versions would have to be
 *           made in order.
 */
#include "manifest_gen.h"

#include <string.h>

#define CHUNK_BYTES 65536
#define ENTRY_BYTES_MAX 160 /* the longest is 117: see put_entry() */
#define FILES_PER_FOLDER 10000

struct out {
    cull_write_fn write;
    void *ctx;
    size_t len;
    char bytes[CHUNK_BYTES];
};

/* The second half of splitmix64: every bit of the answer hangs on every bit of z. */
static uint64_t mix(uint64_t z)
{
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* 64 bits for one purpose (a small number) about one file in one version. */
static uint64_t drawn(const struct manifest_gen *gen, uint32_t version, uint32_t file,
                      unsigned purpose)
{
    uint64_t place =
        ((uint64_t)version * UINT64_C(0x100000000) + file) * UINT64_C(0x9e3779b97f4a7c15);

    return mix(mix(gen->seed + purpose) ^ place);
}

enum { IF_CHANGED = 1, FOR_SIZE = 2, FOR_DIGEST = 3, FOR_DIGEST_END = 4 };

static bool is_changed(const struct manifest_gen *gen, uint32_t version, uint32_t file)
{
    uint64_t die = (drawn(gen, version, file, IF_CHANGED) >> 32) * MANIFEST_GEN_PER_MILLION;

    return die >> 32 < gen->change_per_million;
}

uint32_t manifest_gen_born(const struct manifest_gen *gen, uint32_t version, uint32_t file)
{
    uint32_t born = gen->change_per_million == 0 ? 0 : version;

    while (born > 0 && !is_changed(gen, born, file)) {
        born--;
    }
    return born;
}

/* --- writing -------------------------------------------------------------------------------- */

static void put_text(struct out *out, const char *text)
{
    size_t len = strlen(text);

    memcpy(out->bytes + out->len, text, len);
    out->len += len;
}

/* At least so many digits, zeros in front. */
static void put_number(struct out *out, uint32_t number, unsigned digits)
{
    char text[10];
    unsigned count = 0;

    for (; number > 0 || count < digits; number /= 10) {
        text[count++] = (char)('0' + number % 10);
    }
    while (count > 0) {
        out->bytes[out->len++] = text[--count];
    }
}

/* W&B names the version that brought a file by the base64 of "Artifact:" and its number. Only what
 * follows the colon differs: three digits, 4 characters. Readers pass over it. */
static void put_birth(struct out *out, uint32_t born)
{
    static const char digits[] = "0123456789";
    static const char base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint32_t three = (uint32_t)digits[born / 100 % 10] << 16 |
                     (uint32_t)digits[born / 10 % 10] << 8 | (uint32_t)digits[born % 10];

    put_text(out, "\",\"birthArtifactID\":\"QXJ0aWZhY3Q6");
    for (int shift = 18; shift >= 0; shift -= 6) {
        out->bytes[out->len++] = base64[three >> shift & 63];
    }
}

static void put_digest(struct out *out, const struct manifest_gen *gen, uint32_t born,
                       uint32_t file)
{
    uint64_t first = drawn(gen, born, file, FOR_DIGEST);
    uint64_t second = drawn(gen, born, file, FOR_DIGEST_END);
    cull_digest digest = { { 0 } };

    /* byte by byte: the same on machines that store numbers the other way round */
    for (unsigned i = 0; i < 8; i++) {
        digest.bytes[i] = (uint8_t)(first >> (8 * i));
        digest.bytes[8 + i] = (uint8_t)(second >> (8 * i));
    }
    cull_digest_to_base64(out->bytes + out->len, &digest, CULL_DIGEST_MD5);
    out->len += strlen(out->bytes + out->len);
}

/* Sizes are spread over the scales, from nothing to a megabyte. */
static uint32_t size_of(const struct manifest_gen *gen, uint32_t born, uint32_t file)
{
    uint64_t draw = drawn(gen, born, file, FOR_SIZE);

    return (uint32_t)(draw >> 44) >> (draw & 7);
}

/* 23 bytes of path, 24 of digest, 16 of birth, at most 7 of size, 47 between. */
static void put_entry(struct out *out, const struct manifest_gen *gen, uint32_t version,
                      uint32_t file)
{
    uint32_t born = manifest_gen_born(gen, version, file);
    uint32_t size_bytes = size_of(gen, born, file);

    put_text(out, file == 0 ? "\"files/" : ",\"files/");
    put_number(out, file / FILES_PER_FOLDER, 4);
    put_text(out, "/");
    put_number(out, file, 8);
    put_text(out, ".bin\":{\"digest\":\"");
    put_digest(out, gen, born, file);
    put_birth(out, born);
    put_text(out, "\",\"size\":");
    put_number(out, size_bytes, 1);
    put_text(out, "}");
}

static cull_status flush(struct out *out, cull_error *err)
{
    size_t len = out->len;

    out->len = 0;
    return out->write(out->ctx, out->bytes, len, err);
}

cull_status manifest_gen_write(const struct manifest_gen *gen, uint32_t version,
                               cull_write_fn write, void *ctx, cull_error *err)
{
    struct out out = { .write = write, .ctx = ctx, .len = 0 };
    cull_status status = CULL_OK;

    put_text(&out, "{\"version\":1,\"storagePolicy\":\"wandb-storage-policy-v1\","
                   "\"storagePolicyConfig\":{\"storageLayout\":\"V2\"},\"contents\":{");
    for (uint32_t file = 0; file < gen->files && status == CULL_OK; file++) {
        put_entry(&out, gen, version, file);
        if (out.len > CHUNK_BYTES - ENTRY_BYTES_MAX) {
            status = flush(&out, err);
        }
    }
    if (status == CULL_OK) {
        put_text(&out, "}}\n");
        status = flush(&out, err);
    }
    return status;
}
