/*
 * witness_damage.c - objects that came to harm behind everybody's back, and what a repair makes of
 * them.
 *
 * SHAPE     A blob is *damaged* from the moment its object is lost or holds other bytes until the object
 *           is right again, a repair calls it lost, or the blob is gone. Called lost, it is EXPECTED
 *           once more, its promises are void, and whoever confirms it must have brought right bytes.
 * INVARIANT Only what came to harm is excused, and only while it is so: other blobs, and the same letter
 *           in another incarnation, are judged as ever.
 */
#include "witness.h"

#include <inttypes.h>
#include <string.h>

struct comparing {
    const uint8_t *at;
    size_t left;
    bool same;
};

static cull_status compare_bytes(void *ctx, const void *data, size_t len, cull_error *err)
{
    struct comparing *comparing = ctx;

    (void)err;
    comparing->same =
        comparing->same && len <= comparing->left && memcmp(data, comparing->at, len) == 0;
    if (comparing->same) {
        comparing->at += len;
        comparing->left -= len;
    }
    return CULL_OK;
}

/* Is the blob's object there, byte for byte? */
static bool is_right(const struct witness *witness, const struct witness_blob *blob)
{
    const struct witness_settings *settings = &witness->settings;
    const cull_object_id id = { settings->digests[blob->letter], blob->incarnation };
    struct comparing comparing = { settings->contents[blob->letter],
                                   (size_t)settings->sizes[blob->letter], true };
    cull_objects *objects = settings->objects;

    return objects->ops->read(objects, &id, compare_bytes, &comparing, NULL) == CULL_OK &&
           comparing.same && comparing.left == 0;
}

void witness_damage(struct witness *witness, uint32_t number)
{
    witness->blobs[number].damaged = true;
    witness_damage_look(witness); /* two harms may cancel each other */
}

void witness_damage_look(struct witness *witness)
{
    for (uint32_t number = 0; number < witness->blob_limit; number++) {
        struct witness_blob *blob = &witness->blobs[number];

        if (blob->damaged && (blob->state == WITNESS_FREE || is_right(witness, blob))) {
            blob->damaged = false;
        }
    }
}

void witness_damage_brought(struct witness *witness, unsigned letter, uint32_t incarnation)
{
    for (uint32_t number = 0; number < witness->blob_limit; number++) {
        struct witness_blob *blob = &witness->blobs[number];

        blob->brought = blob->brought ||
                        (blob->lost && blob->letter == letter && blob->incarnation == incarnation);
    }
}

/* An answer that says of a publish before the harm that it is done is no lie, and heals nothing. */
void witness_damage_stored(struct witness *witness, struct witness_blob *blob)
{
    bool wrong = blob->lost && !is_right(witness, blob);

    if (wrong && blob->brought) {
        witness_break(witness, "%c was called lost, and is called stored without its bytes",
                      'a' + blob->letter);
    }
    blob->damaged = blob->damaged || wrong;
    blob->lost = blob->brought = false;
}

void witness_damage_lost(struct witness *witness, uint32_t number, const struct witness_call *call)
{
    struct witness_blob *blob = &witness->blobs[number % WITNESS_BLOBS_MAX];

    if (number >= WITNESS_BLOBS_MAX || !call->repairs || blob->state != WITNESS_LIVE ||
        (!blob->damaged && !call->paused)) {
        witness_break(witness, "blob %" PRIu32 " is called lost, and nobody damaged it", number);
        return;
    }
    if (!call->paused && witness_there(witness, blob->letter, blob->incarnation)) {
        witness_break(witness, "%c is called lost, and its object was not set aside",
                      'a' + blob->letter);
    }
    blob->state = WITNESS_EXPECTED;
    blob->lost = true;
    blob->damaged = blob->brought = false;
}

bool witness_damage_excuses(const struct witness_blob *blob)
{
    return blob->damaged || (blob->lost && blob->state == WITNESS_EXPECTED);
}

unsigned witness_damage_held(const struct witness *witness)
{
    unsigned letters = 0;

    for (uint32_t number = 0; number < witness->blob_limit; number++) {
        const struct witness_blob *blob = &witness->blobs[number];

        if (blob->lost && blob->state == WITNESS_EXPECTED && blob->refs > 0) {
            letters |= 1u << blob->letter;
        }
    }
    return letters;
}

unsigned witness_damage_seen(struct witness *witness, bool read_data)
{
    unsigned letters = 0;

    witness_damage_look(witness);

    for (uint32_t number = 0; number < witness->blob_limit; number++) {
        const struct witness_blob *blob = &witness->blobs[number];

        if (blob->damaged && blob->state == WITNESS_LIVE &&
            (read_data || !witness_there(witness, blob->letter, blob->incarnation))) {
            letters |= 1u << blob->letter;
        }
    }
    return letters;
}
