/*
 * rules.c - who may do what: the rules of an artifact's life, as answers that change nothing.
 *
 * SHAPE     Each function reads the state and answers CULL_OK, or a refusal in one line that names
 *           the object, the reason and the way out. Numbers of rules stand in catalog.h.
 * COST      O(log versions), and the length of what is checked.
 */
#include "catalog/catalog_internal.h"

#include <stdio.h>

/* --- forms of names --------------------------------------------------------------------------- */

bool cull__name_ok(const char *name, size_t len)
{
    if (len == 0 || len > CULL_NAME_BYTES_MAX || (len == 1 && name[0] == '.') ||
        (len == 2 && name[0] == '.' && name[1] == '.')) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        char c = name[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '_' || c == '.' || c == '-')) {
            return false;
        }
    }
    return true;
}

bool cull__text_ok(const char *text, size_t len)
{
    if (len == 0 || len > CULL_NAME_BYTES_MAX || cull__utf8_valid_len(text, len) != len) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];

        /* U+0080 to U+009F, too, move a terminal's cursor */
        if (c < 0x20 || c == 0x7f || (c == 0xc2 && (unsigned char)text[i + 1] < 0xa0)) {
            return false;
        }
    }
    return true;
}

/* `v` and digits: v01 and numbers that no version will have are no aliases either, because nobody
 * would read them as such. */
static bool looks_like_version(const char *label, size_t len)
{
    for (size_t i = 1; i < len; i++) {
        if (label[i] < '0' || label[i] > '9') {
            return false;
        }
    }
    return len > 1 && label[0] == 'v';
}

bool cull__label_ok(const char *label, size_t len)
{
    return cull__text_ok(label, len) && memchr(label, '/', len) == NULL &&
           memchr(label, ':', len) == NULL && !looks_like_version(label, len);
}

cull_status cull__check_name(const char *what, const char *name, cull_error *err)
{
    size_t len = strlen(name);
    char text[CULL_PRINTABLE_MAX];

    if (cull__name_ok(name, len)) {
        return CULL_OK;
    }
    (void)cull__printable(text, name, len);
    if (len > CULL_NAME_BYTES_MAX) {
        return cull__error_set(err, CULL_E_INVALID, "%s \"%s\": longer than %d bytes", what, text,
                               CULL_NAME_BYTES_MAX);
    }
    return cull__error_set(err, CULL_E_INVALID,
                           "%s \"%s\": a name has letters, digits, '_', '.' and '-' only", what,
                           text);
}

cull_status cull__check_label(const char *what, const char *label, cull_error *err)
{
    size_t len = strlen(label);
    char text[CULL_PRINTABLE_MAX];

    if (cull__label_ok(label, len)) {
        return CULL_OK;
    }
    (void)cull__printable(text, label, len);
    if (len > CULL_NAME_BYTES_MAX) {
        return cull__error_set(err, CULL_E_USAGE, "%s \"%s\": longer than %d bytes", what, text,
                               CULL_NAME_BYTES_MAX);
    }
    if (looks_like_version(label, len)) {
        return cull__error_set(err, CULL_E_USAGE,
                               "%s \"%s\": is the form of a version's number, which is given", what,
                               text);
    }
    return cull__error_set(err, CULL_E_USAGE,
                           "%s \"%s\": at least one character, UTF-8, no '/', ':' or control "
                           "characters",
                           what, text);
}

cull_status cull__check_type(const struct cull__collection *collection, const char *type,
                             cull_error *err)
{
    char text[CULL_PRINTABLE_MAX];

    if (strcmp(collection->type, type) == 0) {
        return CULL_OK;
    }
    return cull__error_set(err, CULL_E_INVALID, "%s/%s/%s is of type %s, not %s",
                           collection->project->entity->name, collection->project->name,
                           collection->name, collection->type,
                           cull__printable(text, type, strlen(type)));
}

/* --- states of versions ----------------------------------------------------------------------- */

/* Why there is nothing to be had of an ordinal that is not retained. */
static cull_status refuse_absent(const struct cull__collection *collection, uint32_t ordinal,
                                 cull_error *err)
{
    char name[CULL__VERSION_NAME_MAX];

    return cull__error_set(
        err, CULL_E_NOTFOUND, "%s: %s", cull__version_name(name, collection, ordinal),
        ordinal < collection->next_ordinal ? "already collected" : "no such version");
}

cull_status cull__check_committed(const struct cull__collection *collection, uint32_t ordinal,
                                  cull_error *err)
{
    const struct cull__version *version = cull__version_at(collection, ordinal);
    char name[CULL__VERSION_NAME_MAX];

    if (version == NULL) {
        return refuse_absent(collection, ordinal, err);
    }
    if (version->state != CULL_VERSION_COMMITTED) {
        return cull__error_set(err, CULL_E_REFUSED, "%s: deleted; cull restore brings it back",
                               cull__version_name(name, collection, ordinal));
    }
    return CULL_OK;
}

cull_status cull__check_base(const struct cull__collection *collection, uint32_t base,
                             cull_error *err)
{
    return cull__check_committed(collection, base, err);
}

cull_status cull_label_check(const char *what, const char *label, cull_error *err)
{
    return cull__check_label(what, label, err);
}

cull_status cull__check_tag(const struct cull__collection *collection, uint32_t ordinal,
                            const char *tag, cull_error *err)
{
    cull_status status = cull__check_committed(collection, ordinal, err);
    char name[CULL__VERSION_NAME_MAX];
    size_t others = 0;

    if (status != CULL_OK) {
        return status;
    }
    for (const struct cull__label *at = cull__version_at(collection, ordinal)->tags; at != NULL;
         at = at->next) {
        others += strcmp(at->text, tag) != 0;
    }
    if (others >= CULL__TAGS_MAX) {
        return cull__error_set(err, CULL_E_LIMIT, "%s: has %d tags already",
                               cull__version_name(name, collection, ordinal), CULL__TAGS_MAX);
    }
    return CULL_OK;
}

cull_status cull__check_artifact_id(const struct cull__catalog *catalog, const char *text,
                                    const struct cull__artifact_claim *claim, cull_error *err)
{
    const struct cull__artifact_id *id = cull__artifact_id_find(catalog, text, strlen(text));
    const struct cull__version *holder = id == NULL ? NULL : cull__artifact_id_version(id);
    char name[CULL__VERSION_NAME_MAX];
    size_t count = 1;

    if (holder != NULL && holder != claim->version && holder->state == CULL_VERSION_COMMITTED &&
        (holder->entries != claim->entries || holder->blobs != claim->blobs ||
         holder->sum != claim->sum ||
         memcmp(holder->manifest_digest, claim->manifest_digest, sizeof holder->manifest_digest) !=
             0)) {
        return cull__error_set(err, CULL_E_EXISTS,
                               "artifact id %s: is that of %s, which has other content", text,
                               cull__version_name(name, id->collection, id->ordinal));
    }
    if (claim->version == NULL || holder == claim->version) {
        return CULL_OK;
    }
    for (id = claim->version->artifact_ids; id != NULL; id = id->next) {
        count++;
    }
    return count <= CULL__ARTIFACT_IDS_MAX
               ? CULL_OK
               : cull__error_set(err, CULL_E_LIMIT, "artifact id %s: its version has %d already",
                                 text, CULL__ARTIFACT_IDS_MAX);
}

/* As many aliases as the line has room for; then how many more there are. */
static void list_aliases(char *text, size_t room, const char *const *aliases, size_t count)
{
    size_t used = 0;

    text[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        char shown[CULL_PRINTABLE_MAX];
        size_t len;

        (void)cull__printable(shown, aliases[i], strlen(aliases[i]));
        len = strlen(shown);
        if (used + len + sizeof ", and 4294967295 more" > room) {
            (void)snprintf(text + used, room - used, "%s%zu more", i == 0 ? "" : ", and ",
                           count - i);
            return;
        }
        used += (size_t)snprintf(text + used, room - used, "%s%s", i == 0 ? "" : ", ", shown);
    }
}

static cull_status refuse_aliases(const struct cull__catalog *catalog,
                                  const struct cull__collection *collection, uint32_t ordinal,
                                  cull_error *err)
{
    static const char counts_as_one[] = " (latest counts as one)";
    static const char way_out[] = ": say --delete-aliases to delete ";
    const struct cull__alias *latest = cull__alias_find(collection, "latest");
    const bool is_latest = latest != NULL && latest->ordinal == ordinal;
    char name[CULL__VERSION_NAME_MAX];
    char list[CULL_ERROR_MESSAGE_MAX];
    const char **aliases;
    size_t count;
    size_t room = CULL_ERROR_MESSAGE_MAX;

    if (cull__version_aliases(catalog, collection, ordinal, &aliases, &count) != CULL_OK) {
        return cull__error_nomem(err);
    }
    (void)cull__version_name(name, collection, ordinal);
    room -= strlen(name) + strlen(": has aliases ") + sizeof counts_as_one + sizeof way_out +
            strlen("them with it");
    list_aliases(list, room, aliases, count);
    cull__free(catalog->allocator, aliases);
    return cull__error_set(err, CULL_E_REFUSED, "%s: has alias%s %s%s%s%s with it", name,
                           count == 1 ? "" : "es", list, is_latest ? counts_as_one : "", way_out,
                           count == 1 ? "it" : "them");
}

cull_status cull__check_delete(const struct cull__catalog *catalog,
                               const struct cull__collection *collection, uint32_t ordinal,
                               bool delete_aliases, cull_error *err)
{
    const struct cull__version *version = cull__version_at(collection, ordinal);
    char name[CULL__VERSION_NAME_MAX];

    if (version == NULL) {
        return refuse_absent(collection, ordinal, err);
    }
    if (version->state != CULL_VERSION_COMMITTED) {
        return cull__error_set(err, CULL_E_NOTFOUND,
                               "%s: already deleted; cull restore brings it back",
                               cull__version_name(name, collection, ordinal));
    }
    if (cull__version_blocker(catalog, collection, ordinal) != NULL) {
        return cull__refuse_blocked(cull__version_blocker(catalog, collection, ordinal), 0, err);
    }
    if (version->alias_count > 0 && !delete_aliases) {
        return refuse_aliases(catalog, collection, ordinal, err);
    }
    return CULL_OK;
}

cull_status cull__check_restore(const struct cull__collection *collection, uint32_t ordinal,
                                cull_error *err)
{
    const struct cull__version *version = cull__version_at(collection, ordinal);
    char name[CULL__VERSION_NAME_MAX];

    if (version == NULL) {
        return refuse_absent(collection, ordinal, err);
    }
    if (version->state != CULL_VERSION_DELETED) {
        return cull__error_set(err, CULL_E_NOTFOUND, "%s: not deleted",
                               cull__version_name(name, collection, ordinal));
    }
    return CULL_OK;
}

/* --- time ------------------------------------------------------------------------------------- */

uint64_t cull__expires_ms(const struct cull__collection *collection,
                          const struct cull__version *version)
{
    uint64_t ttl_ms = cull__ttl_in_force(collection, version->ttl_ms);
    uint64_t expires_ms = 0;

    if (ttl_ms == 0 || !cull__add_u64(&expires_ms, version->created_ms, ttl_ms)) {
        return 0; /* an end beyond all time is none */
    }
    return expires_ms;
}

bool cull__version_due(const struct cull__version *version, uint64_t now_ms, uint64_t shorter_ms,
                       uint32_t released)
{
    if (version->state != CULL_VERSION_DELETED || version->base_pins > released) {
        return false;
    }
    return now_ms >= version->kept_until_ms ||
           (shorter_ms != UINT64_MAX && now_ms >= version->deleted_ms &&
            now_ms - version->deleted_ms >= shorter_ms);
}
