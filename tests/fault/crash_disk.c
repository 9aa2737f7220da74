/*
 * crash_disk.c - a disk in memory that keeps what was synced apart from what was not.
 *
 * SHAPE     A node is a file's two contents, seen and lasting, and the changes since its last sync,
 *           each with its place in the order of all changes of the disk. The folder is two lists of
 *           entries and the changes between them.
 * INVARIANT lasting + changes in order = seen, unless a sync failed: then the changes that it was
 *           for are forgotten, and only what is written again can last.
 * COST      A write is copied three times. A cut copies the disk.
 * THREADS   One.
 * WHY NOT   a file system in a file, or device-mapper: slower by a thousand, needs root, and does
 *           not tell what it lost.
 */
#include "crash_disk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define NAME_MAX_BYTES 64
#define ENTRIES_MAX 16

const char *const crash_call_names[CRASH_CALLS] = {
    [CRASH_READ] = "read",         [CRASH_WRITE] = "write",   [CRASH_SYNC] = "sync",
    [CRASH_TRUNCATE] = "truncate", [CRASH_OPEN] = "open",     [CRASH_DELETE] = "delete",
    [CRASH_RENAME] = "rename",     [CRASH_STAT] = "stat",     [CRASH_LOCK] = "lock",
    [CRASH_MAP] = "map",           [CRASH_OBJECT] = "object",
};

struct content {
    uint8_t *data;
    size_t len;
    size_t capacity;
};

/* A write, or, without data, a truncation to `at`. */
struct change {
    struct change *next;
    uint64_t order;
    uint64_t at;
    size_t len;
    bool is_truncation;
    uint8_t data[];
};

struct node {
    struct node *next; /* of all of the disk */
    struct node *copy; /* on the disk after the cut */
    size_t refs;       /* opened, or named by any entry or change of the folder */
    bool is_log;       /* was first named "...-wal" */
    struct content seen, lasting;
    struct change *first, **last;
    uint64_t bad_at, bad_end; /* cannot be read */
    void *shared;
};

struct entry {
    char name[NAME_MAX_BYTES];
    struct node *node;
};

struct folder {
    struct entry entries[ENTRIES_MAX];
    size_t count;
};

/* An entry was made (node), taken away (node NULL), or moved from another name (both). */
struct folder_change {
    struct folder_change *next;
    uint64_t order;
    char name[NAME_MAX_BYTES];
    char from[NAME_MAX_BYTES]; /* "": it was not moved */
    struct node *node;
};

struct crash_disk {
    struct crash_disk_options options;
    struct node *nodes;
    struct folder seen, lasting;
    struct folder_change *first, **last;
    uint64_t order; /* of the last change */
    size_t open_count;
    unsigned deaf;
    crash_watch_fn watch;
    void *watch_ctx;
};

struct crash_file {
    struct crash_disk *disk;
    struct node *node;
};

uint64_t crash_number(uint64_t *state, uint64_t below)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (z ^ (z >> 31)) % below;
}

static void *need(void *block)
{
    if (block == NULL) {
        abort();
    }
    return block;
}

/* --- contents --------------------------------------------------------------------------------- */

/* What a content grows by is zero, unless the caller fills it. */
static void content_resize(struct content *content, size_t len)
{
    if (len > content->capacity) {
        content->capacity = len + len / 2 + 4096;
        content->data = need(realloc(content->data, content->capacity));
    }
    if (len > content->len) {
        memset(content->data + content->len, 0, len - content->len);
    }
    content->len = len;
}

static void content_put(struct content *content, uint64_t at, const uint8_t *data, size_t len)
{
    if (len == 0) {
        return;
    }
    if (at + len > content->len) {
        content_resize(content, (size_t)at + len);
    }
    memcpy(content->data + at, data, len);
}

static void content_copy(struct content *out, const struct content *content)
{
    out->len = 0;
    content_put(out, 0, content->data, content->len);
}

static void content_apply(struct content *content, const struct change *change)
{
    if (change->is_truncation) {
        content_resize(content, (size_t)change->at);
    } else {
        content_put(content, change->at, change->data, change->len);
    }
}

/* --- nodes ------------------------------------------------------------------------------------ */

static struct node *node_new(struct crash_disk *disk)
{
    struct node *node = need(calloc(1, sizeof *node));

    node->last = &node->first;
    node->next = disk->nodes;
    disk->nodes = node;
    return node;
}

static void changes_forget(struct node *node)
{
    while (node->first != NULL) {
        struct change *change = node->first;

        node->first = change->next;
        free(change);
    }
    node->last = &node->first;
}

static void node_unref(struct crash_disk *disk, struct node *node)
{
    struct node **at = &disk->nodes;

    if (node == NULL || --node->refs > 0) {
        return;
    }
    while (*at != NULL && *at != node) {
        at = &(*at)->next;
    }
    if (*at == node) {
        *at = node->next;
    }
    changes_forget(node);
    free(node->seen.data);
    free(node->lasting.data);
    free(node->shared);
    free(node);
}

static void node_change(struct crash_disk *disk, struct node *node, const void *data, size_t len,
                        uint64_t at, bool is_truncation)
{
    struct change *change = need(malloc(sizeof *change + len));

    *change = (struct change){
        .order = ++disk->order, .at = at, .len = len, .is_truncation = is_truncation
    };
    if (len > 0) {
        memcpy(change->data, data, len);
    }
    *node->last = change;
    node->last = &change->next;
    content_apply(&node->seen, change);
}

/* --- the folder ------------------------------------------------------------------------------- */

static struct entry *entry_find(struct folder *folder, const char *name)
{
    for (size_t i = 0; i < folder->count; i++) {
        if (strcmp(folder->entries[i].name, name) == 0) {
            return &folder->entries[i];
        }
    }
    return NULL;
}

static void name_copy(char out[NAME_MAX_BYTES], const char *name)
{
    size_t len = strlen(name);

    if (len >= NAME_MAX_BYTES) {
        abort();
    }
    memcpy(out, name, len + 1);
}

/* Let the name mean node; NULL: nothing. */
static void entry_set(struct crash_disk *disk, struct folder *folder, const char *name,
                      struct node *node)
{
    struct entry *entry = entry_find(folder, name);
    struct node *before = entry == NULL ? NULL : entry->node;

    if (node != NULL) {
        node->refs++;
        if (entry == NULL) {
            if (folder->count == ENTRIES_MAX) {
                abort();
            }
            entry = &folder->entries[folder->count++];
            name_copy(entry->name, name);
        }
        entry->node = node;
    } else if (entry != NULL) {
        *entry = folder->entries[--folder->count];
    }
    node_unref(disk, before);
}

static void folder_apply(struct crash_disk *disk, struct folder *folder,
                         const struct folder_change *change, struct node *node)
{
    entry_set(disk, folder, change->name, node);
    if (change->from[0] != '\0') {
        entry_set(disk, folder, change->from, NULL);
    }
}

static void folder_change(struct crash_disk *disk, const char *name, const char *from,
                          struct node *node)
{
    struct folder_change *change = need(calloc(1, sizeof *change));

    change->order = ++disk->order;
    name_copy(change->name, name);
    name_copy(change->from, from);
    change->node = node;
    if (node != NULL) {
        node->refs++;
    }
    *disk->last = change;
    disk->last = &change->next;
    folder_apply(disk, &disk->seen, change, node);
}

/* The folder's changes last, or go with the disk. */
static void folder_settle(struct crash_disk *disk, bool last)
{
    while (disk->first != NULL) {
        struct folder_change *change = disk->first;

        disk->first = change->next;
        if (last) {
            folder_apply(disk, &disk->lasting, change, change->node);
        }
        node_unref(disk, change->node);
        free(change);
    }
    disk->last = &disk->first;
}

/* --- the disk --------------------------------------------------------------------------------- */

struct crash_disk *crash_disk_new(const struct crash_disk_options *options)
{
    struct crash_disk *disk = need(calloc(1, sizeof *disk));

    disk->options = *options;
    disk->last = &disk->first;
    return disk;
}

void crash_disk_free(struct crash_disk *disk)
{
    if (disk == NULL) {
        return;
    }
    if (disk->open_count > 0) {
        abort();
    }
    folder_settle(disk, false);
    while (disk->seen.count > 0) {
        entry_set(disk, &disk->seen, disk->seen.entries[0].name, NULL);
    }
    while (disk->lasting.count > 0) {
        entry_set(disk, &disk->lasting, disk->lasting.entries[0].name, NULL);
    }
    free(disk);
}

const struct crash_disk_options *crash_disk_options_of(const struct crash_disk *disk)
{
    return &disk->options;
}

void crash_disk_deafen(struct crash_disk *disk, unsigned deaf)
{
    disk->deaf = deaf;
}

void crash_disk_watch(struct crash_disk *disk, crash_watch_fn watch, void *ctx)
{
    disk->watch = watch;
    disk->watch_ctx = ctx;
}

int crash_disk_ask(struct crash_disk *disk, enum crash_call call)
{
    return disk->watch == NULL ? 0 : disk->watch(disk->watch_ctx, call);
}

size_t crash_disk_open_count(const struct crash_disk *disk)
{
    return disk->open_count;
}

/* --- calls ------------------------------------------------------------------------------------ */

static bool is_log_name(const char *name)
{
    size_t len = strlen(name);

    return len > 4 && strcmp(name + len - 4, "-wal") == 0;
}

int crash_file_open(struct crash_disk *disk, const char *name, unsigned flags,
                    struct crash_file **out)
{
    int error = crash_disk_ask(disk, CRASH_OPEN);
    struct entry *entry = entry_find(&disk->seen, name);
    struct node *node = entry == NULL ? NULL : entry->node;

    *out = NULL;
    if (error != 0) {
        return error;
    }
    if (node == NULL && (flags & CRASH_CREATE) == 0) {
        return ENOENT;
    }
    if (node != NULL && (flags & CRASH_EXCLUSIVE) != 0) {
        return EEXIST;
    }
    if (node == NULL) {
        node = node_new(disk);
        node->is_log = is_log_name(name);
        folder_change(disk, name, "", node);
    }
    node->refs++;
    disk->open_count++;
    *out = need(malloc(sizeof **out));
    **out = (struct crash_file){ disk, node };
    return 0;
}

void crash_file_close(struct crash_file *file)
{
    file->disk->open_count--;
    node_unref(file->disk, file->node);
    free(file);
}

int crash_file_read(struct crash_file *file, void *data, size_t len, uint64_t at, size_t *got)
{
    int error = crash_disk_ask(file->disk, CRASH_READ);
    const struct content *seen = &file->node->seen;

    *got = 0;
    if (error == 0 && at < file->node->bad_end && at + len > file->node->bad_at) {
        error = EIO;
    }
    if (error == 0 && at < seen->len) {
        *got = seen->len - at < len ? (size_t)(seen->len - at) : len;
        memcpy(data, seen->data + at, *got);
    }
    return error;
}

int crash_file_write(struct crash_file *file, const void *data, size_t len, uint64_t at)
{
    int error = crash_disk_ask(file->disk, CRASH_WRITE);

    if (at < file->node->bad_end && at + len > file->node->bad_at) {
        file->node->bad_end = 0; /* a drive puts what is written somewhere else */
    }
    if (error == 0 || (error == ENOSPC && len > 1)) {
        node_change(file->disk, file->node, data, error == 0 ? len : len / 2, at, false);
    }
    return error;
}

int crash_file_truncate(struct crash_file *file, uint64_t len)
{
    int error = crash_disk_ask(file->disk, CRASH_TRUNCATE);

    if (error == 0) {
        node_change(file->disk, file->node, NULL, 0, len, true);
    }
    return error;
}

int crash_file_sync(struct crash_file *file)
{
    int error = crash_disk_ask(file->disk, CRASH_SYNC);
    struct node *node = file->node;
    if (error == 0 &&
        (file->disk->deaf & (node->is_log ? CRASH_DEAF_LOG : CRASH_DEAF_DATABASE)) != 0) {
        return 0;
    }
    for (const struct change *change = node->first; error == 0 && change != NULL;
         change = change->next) {
        content_apply(&node->lasting, change);
    }
    changes_forget(node);
    return error;
}

int crash_file_size(struct crash_file *file, uint64_t *len)
{
    int error = crash_disk_ask(file->disk, CRASH_STAT);

    *len = file->node->seen.len;
    return error;
}

void **crash_file_shared(struct crash_file *file)
{
    return &file->node->shared;
}

int crash_disk_delete(struct crash_disk *disk, const char *name)
{
    int error = crash_disk_ask(disk, CRASH_DELETE);

    if (error == 0 && entry_find(&disk->seen, name) == NULL) {
        error = ENOENT;
    }
    if (error == 0) {
        folder_change(disk, name, "", NULL);
    }
    return error;
}

int crash_disk_rename(struct crash_disk *disk, const char *from, const char *to)
{
    int error = crash_disk_ask(disk, CRASH_RENAME);
    struct entry *entry = entry_find(&disk->seen, from);

    if (error == 0 && entry == NULL) {
        error = ENOENT;
    }
    if (error == 0) {
        folder_change(disk, to, from, entry->node);
    }
    return error;
}

int crash_disk_stat(struct crash_disk *disk, const char *name, uint64_t *len)
{
    int error = crash_disk_ask(disk, CRASH_STAT);
    struct entry *entry = entry_find(&disk->seen, name);

    if (error == 0 && entry == NULL) {
        error = ENOENT;
    }
    *len = error == 0 ? entry->node->seen.len : 0;
    return error;
}

void crash_disk_spoil(struct crash_disk *disk, const char *name, uint64_t at, uint64_t len)
{
    struct entry *entry = entry_find(&disk->seen, name);

    if (entry != NULL) {
        entry->node->bad_at = at;
        entry->node->bad_end = len == 0 ? 0 : at + len;
    }
}

int crash_disk_sync_folder(struct crash_disk *disk, bool can_fail)
{
    int error = crash_disk_ask(disk, CRASH_SYNC);

    error = can_fail ? error : 0;
    if (error == 0 && (disk->deaf & CRASH_DEAF_FOLDER) == 0) {
        folder_settle(disk, true);
    }
    return error;
}

/* --- power cuts ------------------------------------------------------------------------------- */

struct cut {
    enum crash_survival survival;
    uint64_t random; /* state */
    uint64_t until;  /* PREFIX: the last change that is whole; the next one is torn */
    uint32_t sector_bytes;
    bool powersafe;
    unsigned percent; /* ANY: of what survives, of the file at hand */
    bool garbage;     /* ANY: some of what was being written is neither old nor new */
    bool dirty;       /* a file grown over lost writes shows what lay there before */
};

enum fate { FATE_LOST, FATE_KEPT, FATE_GARBAGE };

static enum fate fate_of(struct cut *cut, uint64_t order)
{
    switch (cut->survival) {
    case CRASH_NOTHING:
        return FATE_LOST;
    case CRASH_ALL:
        return FATE_KEPT;
    case CRASH_PREFIX:
        return order <= cut->until ? FATE_KEPT : FATE_LOST;
    default:
        break;
    }
    if (crash_number(&cut->random, 100) < cut->percent) {
        return FATE_KEPT;
    }
    return cut->garbage && crash_number(&cut->random, 4) == 0 ? FATE_GARBAGE : FATE_LOST;
}

static void fill_garbage(struct cut *cut, struct content *content, uint64_t at, uint64_t end)
{
    end = end < content->len ? end : content->len;
    for (uint64_t i = at; i < end; i++) {
        content->data[i] = (uint8_t)crash_number(&cut->random, 256);
    }
}

/* The file has this length now, whatever came of the bytes. */
static void grow(struct cut *cut, struct content *content, uint64_t end)
{
    size_t before = content->len;

    if (end > before) {
        content_resize(content, (size_t)end);
        if (cut->dirty) {
            fill_garbage(cut, content, before, end);
        }
    }
}

/* One sector's part of a write. */
static void survive_piece(struct cut *cut, struct content *content, const struct change *change,
                          uint64_t at, uint64_t end, enum fate fate)
{
    uint64_t sector = at - at % cut->sector_bytes;

    if (fate == FATE_KEPT) {
        grow(cut, content, at);
        content_put(content, at, change->data + (at - change->at), (size_t)(end - at));
    } else if (fate == FATE_GARBAGE) {
        grow(cut, content, end);
        fill_garbage(cut, content, cut->powersafe ? at : sector,
                     cut->powersafe ? end : sector + cut->sector_bytes);
    } else if (cut->survival == CRASH_ANY && crash_number(&cut->random, 4) == 0) {
        grow(cut, content, end);
    }
}

static void survive_change(struct cut *cut, struct content *content, const struct change *change)
{
    bool is_torn = cut->survival == CRASH_PREFIX && change->order == cut->until + 1;
    uint64_t torn_at = change->at + (is_torn ? crash_number(&cut->random, change->len + 1) : 0);
    uint64_t change_end = change->at + change->len;

    if (change->is_truncation) {
        if (fate_of(cut, change->order) == FATE_KEPT) {
            content_resize(content, (size_t)change->at);
        }
        return;
    }
    for (uint64_t at = change->at; at < change_end;) {
        uint64_t end = at - at % cut->sector_bytes + cut->sector_bytes;
        enum fate fate = fate_of(cut, change->order);

        end = end < change_end ? end : change_end;
        if (is_torn && end <= torn_at) {
            fate = FATE_KEPT;
        }
        survive_piece(cut, content, change, at, end, fate);
        at = end;
    }
}

static void survive_node(struct cut *cut, const struct node *node, struct node *out)
{
    static const unsigned percents[] = { 0, 10, 50, 90, 100 };

    cut->percent = percents[crash_number(&cut->random, 5)];
    cut->garbage = crash_number(&cut->random, 2) == 0;
    cut->dirty = crash_number(&cut->random, 2) == 0;
    if (cut->survival == CRASH_ALL) { /* also what a failed sync has forgotten */
        content_copy(&out->seen, &node->seen);
    } else {
        content_copy(&out->seen, &node->lasting);
        for (const struct change *change = node->first; change != NULL; change = change->next) {
            survive_change(cut, &out->seen, change);
        }
    }
    content_copy(&out->lasting, &out->seen);
    out->is_log = node->is_log;
}

static void survive_folder(struct cut *cut, const struct crash_disk *disk, struct crash_disk *out)
{
    static const unsigned percents[] = { 0, 50, 100 };

    const struct folder *from = cut->survival == CRASH_ALL ? &disk->seen : &disk->lasting;

    cut->percent = percents[crash_number(&cut->random, 3)];
    cut->garbage = false;
    for (size_t i = 0; i < from->count; i++) {
        entry_set(out, &out->seen, from->entries[i].name, from->entries[i].node->copy);
    }
    for (const struct folder_change *change = disk->first; change != NULL && from != &disk->seen;
         change = change->next) {
        if (fate_of(cut, change->order) == FATE_KEPT) {
            folder_apply(out, &out->seen, change, change->node == NULL ? NULL : change->node->copy);
        }
    }
    for (size_t i = 0; i < out->seen.count; i++) {
        entry_set(out, &out->lasting, out->seen.entries[i].name, out->seen.entries[i].node);
    }
}

/* The range of orders that are not settled: (*first - 1, last]. */
static uint64_t oldest_change(const struct crash_disk *disk)
{
    uint64_t oldest = disk->first == NULL ? disk->order : disk->first->order;

    for (const struct node *node = disk->nodes; node != NULL; node = node->next) {
        if (node->first != NULL && node->first->order < oldest) {
            oldest = node->first->order;
        }
    }
    return oldest;
}

struct crash_disk *crash_disk_cut(const struct crash_disk *disk, enum crash_survival survival,
                                  uint64_t seed)
{
    struct crash_disk *out = crash_disk_new(&disk->options);
    struct cut cut = { .survival = survival,
                       .random = seed,
                       .sector_bytes = disk->options.sector_bytes,
                       .powersafe = disk->options.powersafe };
    uint64_t oldest = oldest_change(disk);

    if (disk->order > 0) {
        cut.until = oldest - 1 + crash_number(&cut.random, disk->order - oldest + 1);
    }
    for (struct node *node = disk->nodes; node != NULL; node = node->next) {
        node->copy = node_new(out);
        node->copy->refs = 1;
        survive_node(&cut, node, node->copy);
    }
    survive_folder(&cut, disk, out);
    for (struct node *node = disk->nodes; node != NULL; node = node->next) {
        node_unref(out, node->copy); /* stays if it has a name */
        node->copy = NULL;
    }
    return out;
}
