/*
 * artifact_id.c - what versions are called on the server that they were imported from.
 *
 * SHAPE     An id is bytes that the server chose, "Artifact:123". The server says them in base64
 *           (QXJ0aWZhY3Q6MTIz), references in hex (wandb-artifact://41727469666163743a313233/path),
 *           people as they are. Kept is the base64: one form, without control characters. A table
 *           of the whole catalog leads from it to the version; a version lists its ids, ascending.
 * INVARIANT An id names one version; a version may have several, because a manifest that comes a
 *           second time under another id makes no new version (rule 5). Never a number of ours: an
 *           id that was not given leads nowhere.
 * COST      Looking up: O(1). A version without ids costs one pointer.
 * FAILURE   No memory: false or NULL, and nothing changed.
 */
#include "base/base64.h"
#include "catalog/catalog_internal.h"

/* --- forms ------------------------------------------------------------------------------------ */

static bool encode(char out[CULL_ARTIFACT_ID_MAX], const uint8_t *bytes, size_t len)
{
    if (len == 0 || len > CULL_ARTIFACT_ID_BYTES_MAX) {
        return false;
    }
    cull__base64_encode(out, bytes, len);
    return true;
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

bool cull__artifact_id_from_hex(char out[CULL_ARTIFACT_ID_MAX], const char *hex, size_t len)
{
    uint8_t bytes[CULL_ARTIFACT_ID_BYTES_MAX];

    out[0] = '\0';
    if (len % 2 != 0 || len > 2 * sizeof bytes) {
        return false;
    }
    for (size_t i = 0; i < len; i += 2) {
        int high = hex_digit(hex[i]);
        int low = hex_digit(hex[i + 1]);

        if (high < 0 || low < 0) {
            return false;
        }
        bytes[i / 2] = (uint8_t)(high << 4 | low);
    }
    return encode(out, bytes, len / 2);
}

bool cull__artifact_id_ok(const char *text, size_t len)
{
    uint8_t bytes[CULL_ARTIFACT_ID_BYTES_MAX];
    size_t padding = 0;

    if (len == 0 || len >= CULL_ARTIFACT_ID_MAX || len % 4 != 0) {
        return false;
    }
    while (padding < 2 && text[len - 1 - padding] == '=') {
        padding++;
    }
    len = len / 4 * 3 - padding;
    return len <= sizeof bytes && cull__base64_decode(bytes, len, text);
}

cull_status cull_artifact_id_parse(char out[CULL_ARTIFACT_ID_MAX], const char *text,
                                   cull_error *err)
{
    char shown[CULL_PRINTABLE_MAX];
    size_t len = strlen(text);
    bool fine;

    out[0] = '\0';
    if (strchr(text, ':') != NULL) { /* neither hex nor base64 has it */
        fine = encode(out, (const uint8_t *)text, len);
    } else if (cull__artifact_id_from_hex(out, text, len)) {
        fine = true;
    } else {
        fine = cull__artifact_id_ok(text, len);
        if (fine) {
            memcpy(out, text, len + 1);
        }
    }
    return fine ? CULL_OK
                : cull__error_set(err, CULL_E_USAGE,
                                  "%s: not an artifact's id: Artifact:123, or that in base64 "
                                  "(QXJ0aWZhY3Q6MTIz) or hex",
                                  cull__printable(shown, text, len));
}

/* --- the table -------------------------------------------------------------------------------- */

struct cull__artifact_id *cull__artifact_id_find(const struct cull__catalog *catalog,
                                                 const char *text, size_t len)
{
    struct cull__artifact_id *found;

    HASH_FIND(hh, catalog->artifact_ids, text, len, found);
    return found;
}

struct cull__version *cull__artifact_id_version(const struct cull__artifact_id *id)
{
    return cull__version_at(id->collection, id->ordinal);
}

static void link_id(struct cull__artifact_id *id, struct cull__collection *collection,
                    struct cull__version *version)
{
    struct cull__artifact_id **at = &version->artifact_ids;

    while (*at != NULL && strcmp((*at)->text, id->text) < 0) {
        at = &(*at)->next;
    }
    id->collection = collection;
    id->ordinal = version->ordinal;
    id->next = *at;
    *at = id;
}

bool cull__artifact_id_add(struct cull__catalog *catalog, struct cull__collection *collection,
                           struct cull__version *version, const char *text, size_t len)
{
    struct cull__artifact_id *id =
        cull__alloc_zero(catalog->allocator, 1, offsetof(struct cull__artifact_id, text) + len + 1);

    if (id == NULL) {
        return false;
    }
    memcpy(id->text, text, len);
    HASH_ADD_KEYPTR(hh, catalog->artifact_ids, id->text, len, id);
    if (!cull__hash_has(id, hh)) {
        cull__free(catalog->allocator, id);
        return false;
    }
    link_id(id, collection, version);
    return true;
}

void cull__artifact_id_move(struct cull__artifact_id *id, struct cull__collection *collection,
                            struct cull__version *version)
{
    struct cull__artifact_id **at = &cull__artifact_id_version(id)->artifact_ids;

    while (*at != id) {
        at = &(*at)->next;
    }
    *at = id->next;
    link_id(id, collection, version);
}

void cull__artifact_ids_free(struct cull__catalog *catalog, struct cull__version *version)
{
    while (version->artifact_ids != NULL) {
        struct cull__artifact_id *first = version->artifact_ids;

        version->artifact_ids = first->next;
        if (catalog->artifact_ids != NULL) { /* else the whole catalog goes, and its tables went */
            HASH_DELETE(hh, catalog->artifact_ids, first);
        }
        cull__free(catalog->allocator, first);
    }
}

uint64_t cull__artifact_ids_memory(const struct cull__catalog *catalog)
{
    uint64_t bytes = 0;

    for (const struct cull__artifact_id *at = catalog->artifact_ids; at != NULL; at = at->hh.next) {
        bytes += sizeof *at + at->hh.keylen + 1;
    }
    return bytes;
}

const char *cull__artifact_ids_broken(const struct cull__catalog *catalog,
                                      const struct cull__collection *collection,
                                      const struct cull__version *version)
{
    size_t count = 0;

    for (const struct cull__artifact_id *at = version->artifact_ids; at != NULL; at = at->next) {
        size_t len = strlen(at->text);

        if (!cull__artifact_id_ok(at->text, len) || at->collection != collection ||
            at->ordinal != version->ordinal ||
            cull__artifact_id_find(catalog, at->text, len) != at) {
            return "an artifact's id is not in form, or leads to another version";
        }
        if (at->next != NULL && strcmp(at->text, at->next->text) >= 0) {
            return "ids of an artifact do not ascend";
        }
        count++;
    }
    return count <= CULL__ARTIFACT_IDS_MAX ? NULL : "a version has too many ids of artifacts";
}
