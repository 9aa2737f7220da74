/*
 * test_objects.c - object stores: the conformance suite on each of them, and what only a
 * directory, only memory and only the fault injector do.
 *
 * What needs a right that this process lacks is skipped, and says so on stderr.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "object/objects_internal.h"
#include "objects_conformance.h"
#include "suites.h"
#include "support.h"
#include "tests/fault/crash_order.h"

#define PREFIX 0xabcd1234u

static void skipped(const char *test, const char *why)
{
    fprintf(stderr, "SKIPPED: %s: %s\n", test, why);
}

/* --- the stores that conform ------------------------------------------------------------ */

static cull_objects *open_directory(const char *path, cull_digest_kind digest, bool create,
                                    const cull_allocator *allocator, cull_error *err)
{
    cull_objects_directory_options options = { path, digest, PREFIX, create, allocator };
    cull_objects *objects = NULL;
    cull_status status = cull_objects_directory_open(&objects, &options, err);

    ck_assert((status == CULL_OK) == (objects != NULL));
    return objects;
}

static cull_objects *make_directory(const struct conformance_store *store,
                                    const cull_allocator *allocator)
{
    return open_directory(scratch_dir(), store->digest, true, allocator, NULL);
}

static cull_objects *make_memory(const struct conformance_store *store,
                                 const cull_allocator *allocator)
{
    cull_objects_memory_options options = { store->digest, store->versioning, store->late, false,
                                            allocator };
    cull_objects *objects = NULL;

    if (cull_objects_memory_new(&objects, &options, NULL) == CULL_OK) {
        cull_objects_memory_set_time(objects, 1000);
    }
    return objects;
}

static cull_status no_fault(void *ctx, const char *op, uint64_t n)
{
    (void)ctx;
    (void)op;
    (void)n;
    return CULL_OK;
}

static cull_objects *wrap(cull_objects *inner, const cull_allocator *allocator)
{
    cull_objects *objects = NULL;

    if (inner != NULL &&
        cull_objects_faulty_new(&objects, inner, no_fault, NULL, allocator, NULL) != CULL_OK) {
        cull_objects_close(inner); /* it is ours until it succeeds */
    }
    return objects;
}

static cull_objects *make_faulty_directory(const struct conformance_store *store,
                                           const cull_allocator *allocator)
{
    return wrap(make_directory(store, allocator), allocator);
}

static cull_objects *make_faulty_memory(const struct conformance_store *store,
                                        const cull_allocator *allocator)
{
    return wrap(make_memory(store, allocator), allocator);
}

static const struct conformance_store stores[] = {
    { "directory, sha256", make_directory, CULL_DIGEST_SHA256, CULL_VERSIONING_NONE,
      CULL_LATE_IMPOSSIBLE },
    { "directory, md5", make_directory, CULL_DIGEST_MD5, CULL_VERSIONING_NONE,
      CULL_LATE_IMPOSSIBLE },
    { "directory, sha1", make_directory, CULL_DIGEST_SHA1, CULL_VERSIONING_NONE,
      CULL_LATE_IMPOSSIBLE },
    { "directory, xxh128", make_directory, CULL_DIGEST_XXH128, CULL_VERSIONING_NONE,
      CULL_LATE_IMPOSSIBLE },
    { "memory, unsafe", make_memory, CULL_DIGEST_SHA256, CULL_VERSIONING_NONE, CULL_LATE_UNSAFE },
    { "memory, impossible", make_memory, CULL_DIGEST_XXH128, CULL_VERSIONING_NONE,
      CULL_LATE_IMPOSSIBLE },
    { "memory, version ids", make_memory, CULL_DIGEST_SHA256, CULL_VERSIONING_ENABLED,
      CULL_LATE_VERSION_IDS },
    { "memory, version ids, suspended", make_memory, CULL_DIGEST_MD5, CULL_VERSIONING_SUSPENDED,
      CULL_LATE_VERSION_IDS },
    { "memory, incarnation", make_memory, CULL_DIGEST_SHA1, CULL_VERSIONING_NONE,
      CULL_LATE_INCARNATION },
    { "memory, incarnation, versioned", make_memory, CULL_DIGEST_SHA256, CULL_VERSIONING_ENABLED,
      CULL_LATE_INCARNATION },
    { "memory, unsafe, suspended", make_memory, CULL_DIGEST_SHA256, CULL_VERSIONING_SUSPENDED,
      CULL_LATE_UNSAFE },
    { "faulty without faults over directory", make_faulty_directory, CULL_DIGEST_SHA256,
      CULL_VERSIONING_NONE, CULL_LATE_IMPOSSIBLE },
    { "faulty without faults over memory", make_faulty_memory, CULL_DIGEST_SHA256,
      CULL_VERSIONING_ENABLED, CULL_LATE_VERSION_IDS },
};

START_TEST(every_store_keeps_the_contract)
    {
        size_t count = objects_conformance_count();

        objects_conformance_run((size_t)_i % count, &stores[(size_t)_i / count]);
    }
END_TEST

/* --- helpers ---------------------------------------------------------------------------- */

struct text {
    const char *bytes;
    size_t at;
};

static cull_status text_read(void *ctx, void *data, size_t len, size_t *got, cull_error *err)
{
    struct text *text = ctx;
    size_t left = strlen(text->bytes) - text->at;

    (void)err;
    *got = left < len ? left : len;
    memcpy(data, text->bytes + text->at, *got);
    text->at += *got;
    return CULL_OK;
}

static cull_status stage_text(cull_objects *objects, const char *bytes, cull_staged *staged,
                              cull_error *err)
{
    struct text text = { bytes, 0 };
    cull_source source = { -1, text_read, &text, UINT64_MAX };

    return cull__objects_stage(objects, &source, staged, err);
}

static cull_object_id id_of(const char *bytes)
{
    cull_object_id id = { 0 };

    ck_assert_int_eq(cull_digest_of(&id.digest, CULL_DIGEST_SHA256, bytes, strlen(bytes)), CULL_OK);
    return id;
}

static cull_status store_text(cull_objects *objects, const char *bytes, cull_error *err)
{
    cull_object_id id = id_of(bytes);
    cull_staged staged;
    cull_status result = CULL_OK;
    cull_status status = stage_text(objects, bytes, &staged, err);

    if (status != CULL_OK) {
        return status;
    }
    status = cull__objects_publish(objects, &staged, &id, 1, &result, err);
    ck_assert_int_eq(status, result);
    return status;
}

static cull_status stat_text(cull_objects *objects, const char *bytes)
{
    cull_object_id id = id_of(bytes);
    cull_object_info info = { .status = CULL_E_IO };

    ck_assert_int_eq(cull__objects_stat_batch(objects, &id, 1, &info, NULL), CULL_OK);
    return info.status;
}

/* As it is now. */
static cull_status put_aside(cull_objects *objects, const cull_object_id *id, cull_error *err)
{
    cull_object_info info = { .status = CULL_E_IO };
    cull_status status = cull__objects_stat_batch(objects, id, 1, &info, err);

    return status == CULL_OK ? cull__objects_quarantine(objects, id, &info, err) : status;
}

static cull_status delete_id(cull_objects *objects, cull_object_id id, uint64_t version,
                             cull_error *err)
{
    cull_object_version named = { id, version };
    cull_status result = CULL_OK;
    cull_status status = cull__objects_delete_batch(objects, &named, 1, &result, err);

    ck_assert_int_eq(status, result);
    return status;
}

struct compared {
    const char *bytes;
    size_t at;
    bool equal;
};

static cull_status compared_write(void *ctx, const void *data, size_t len, cull_error *err)
{
    struct compared *compared = ctx;

    (void)err;
    compared->equal = compared->equal && strlen(compared->bytes) - compared->at >= len &&
                      memcmp(compared->bytes + compared->at, data, len) == 0;
    compared->at += len;
    return CULL_OK;
}

/* CULL_E_DAMAGED: other bytes than its name says. */
static cull_status read_text(cull_objects *objects, const char *bytes, cull_error *err)
{
    struct compared compared = { bytes, 0, true };
    cull_object_id id = id_of(bytes);
    cull_status status = cull__objects_read(objects, &id, compared_write, &compared, err);

    if (status == CULL_OK && (!compared.equal || compared.at != strlen(bytes))) {
        return CULL_E_DAMAGED;
    }
    return status;
}

struct shown {
    size_t objects;
    size_t strange;
    char last[600]; /* name of the last strange one */
};

static cull_status shown_visit(void *ctx, const char *name, const cull_object_id *id,
                               const cull_object_info *info)
{
    struct shown *shown = ctx;

    ck_assert_int_eq(info->status, CULL_OK);
    if (id != NULL) {
        shown->objects++;
    } else {
        shown->strange++;
        (void)snprintf(shown->last, sizeof shown->last, "%s", name);
    }
    return CULL_OK;
}

static struct shown list_all(cull_objects *objects)
{
    struct shown shown = { 0 };

    ck_assert_int_eq(cull__objects_list(objects, shown_visit, &shown, NULL), CULL_OK);
    return shown;
}

/* PATH/SUFFIX, in one of a few buffers: good for the next fifteen calls. */
static const char *below(const char *path, const char *suffix)
{
    static char text[16][1000];
    static unsigned next;

    next = (next + 1) % 16;
    (void)snprintf(text[next], sizeof text[next], "%s/%s", path, suffix);
    return text[next];
}

/* Where an object of this text lies: "objects/ab/ab12...". */
static const char *object_path(const char *root, const char *bytes, bool folder)
{
    cull_object_id id = id_of(bytes);
    char hex[CULL_DIGEST_HEX_MAX];
    char path[CULL_DIGEST_HEX_MAX + 16];

    cull_digest_to_hex(hex, &id.digest, CULL_DIGEST_SHA256);
    (void)snprintf(path, sizeof path, "objects/%.2s%s%s", hex, folder ? "" : "/",
                   folder ? "" : hex);
    return below(root, path);
}

static void write_file(const char *path, const char *bytes)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

    ck_assert_msg(fd >= 0, "%s: %s", path, strerror(errno));
    ck_assert_int_eq(write(fd, bytes, strlen(bytes)), (ssize_t)strlen(bytes));
    ck_assert_int_eq(close(fd), 0);
}

static bool file_is(const char *path, const char *bytes)
{
    char text[100] = "";
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t len = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;

    if (fd >= 0) {
        (void)close(fd);
    }
    return len == (ssize_t)strlen(bytes) && strcmp(text, bytes) == 0;
}

/* Nothing lies in tmp/ any more. */
static bool no_staged(cull_objects *objects)
{
    uint64_t count = 9;

    ck_assert_int_eq(cull__objects_clean_staged(objects, UINT64_MAX, &count, NULL), CULL_OK);
    return count == 0;
}

/* --- directory -------------------------------------------------------------------------- */

START_TEST(an_object_lies_under_its_whole_digest)
    {
        const char *root = scratch_dir();
        cull_objects *objects = open_directory(root, CULL_DIGEST_SHA256, true, NULL, NULL);
        struct stat st;

        ck_assert_int_eq(store_text(objects, "abc", NULL), CULL_OK);
        ck_assert(
            file_is(below(root, "objects/ba/ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb4"
                                "10ff61f20015ad"),
                    "abc"));
        ck_assert_int_eq(stat(object_path(root, "abc", false), &st), 0);
        ck_assert_uint_eq(st.st_mode & 0777, 0444);
        cull_objects_close(objects);
    }
END_TEST

static const struct {
    const char *name;
    const char *path;   /* made before */
    const char *target; /* NULL: a plain file; "": a directory; else a symlink to it */
    bool create;
    const char *open;
    cull_status want;
    const char *message;
} open_cases[] = {
    { "no such directory", "x", "", false, "y", CULL_E_NOTFOUND, "no such directory" },
    { "a file", "x", NULL, false, "x", CULL_E_INVALID, "is no directory" },
    { "a file, create", "x", NULL, true, "x", CULL_E_INVALID, "is no directory" },
    { "no folders in it", "x", "", false, "x", CULL_E_NOTFOUND, "objects: no such folder" },
    { "created", "x", "", true, "x", CULL_OK, "" },
    { "created with its directory", "x", "", true, "y", CULL_OK, "" },
    { "through the user's own symlink", "x", ".", true, "x", CULL_OK, "" },
    { "objects/ is a symlink", "objects", "..", true, ".", CULL_E_INVALID,
      "objects: is a symlink" },
    { "tmp/ is a symlink", "tmp", "..", true, ".", CULL_E_INVALID, "tmp: is a symlink" },
    { "quarantine/ is a file", "quarantine", NULL, true, ".", CULL_E_INVALID,
      "quarantine: is a symlink or no directory" },
    { "parent is missing", "x", "", true, "y/z", CULL_E_IO, "No such file or directory" },
};

START_TEST(opening_a_directory_says_what_is_wrong_with_it)
    {
        const char *root = scratch_dir();
        const char *path = below(root, open_cases[_i].path);
        cull_error err = { 0 };
        cull_objects_directory_options options = { below(root, open_cases[_i].open),
                                                   CULL_DIGEST_SHA256, PREFIX,
                                                   open_cases[_i].create, NULL };
        cull_objects *objects = NULL;
        cull_status status;

        if (open_cases[_i].target == NULL) {
            write_file(path, "x");
        } else if (open_cases[_i].target[0] == '\0') {
            ck_assert_int_eq(mkdir(path, 0755), 0);
        } else {
            ck_assert_int_eq(symlink(open_cases[_i].target, path), 0);
        }
        status = cull_objects_directory_open(&objects, &options, &err);
        ck_assert_msg(
            status == open_cases[_i].want && strstr(err.message, open_cases[_i].message) != NULL,
            "%s: %s: %s", open_cases[_i].name, cull_strerror(status), err.message);
        cull_objects_close(objects);
        if (status == CULL_OK) { /* and again, without making anything */
            options.create = false;
            ck_assert_int_eq(cull_objects_directory_open(&objects, &options, NULL), CULL_OK);
            cull_objects_close(objects);
        }
    }
END_TEST

START_TEST(options_without_path_or_digest_are_refused)
    {
        cull_objects_directory_options directory = { .digest = CULL_DIGEST_SHA256 };
        cull_objects_memory_options memory = { .digest = CULL_DIGEST_NONE };
        cull_objects *objects = NULL;

        ck_assert_int_eq(cull_objects_directory_open(&objects, &directory, NULL), CULL_E_USAGE);
        directory = (cull_objects_directory_options){ .path = scratch_dir() };
        ck_assert_int_eq(cull_objects_directory_open(&objects, &directory, NULL), CULL_E_USAGE);
        ck_assert_int_eq(cull_objects_memory_new(&objects, &memory, NULL), CULL_E_USAGE);
        ck_assert_ptr_null(objects);
        cull_objects_close(NULL);
    }
END_TEST

START_TEST(a_fanout_that_is_a_symlink_is_never_entered)
    {
        const char *root = scratch_dir();
        const char *outside = scratch_dir();
        cull_objects *objects = open_directory(root, CULL_DIGEST_SHA256, true, NULL, NULL);
        cull_object_id id = id_of("abc");
        const char *victim = below(outside, strrchr(object_path(root, "abc", false), '/') + 1);
        cull_error err = { 0 };
        struct shown shown;

        write_file(victim, "abc");
        ck_assert_int_eq(symlink(outside, object_path(root, "abc", true)), 0);
        ck_assert_int_eq(store_text(objects, "abc", &err), CULL_E_INVALID);
        ck_assert_str_eq(err.message, "objects/ba: is a symlink or no directory");
        ck_assert(no_staged(objects));
        ck_assert_int_eq(stat_text(objects, "abc"), CULL_E_INVALID);
        ck_assert_int_eq(read_text(objects, "abc", &err), CULL_E_INVALID);
        ck_assert_int_eq(cull__objects_quarantine(objects, &id, &(cull_object_info){ 0 }, &err),
                         CULL_E_INVALID);
        ck_assert_int_eq(delete_id(objects, id, 0, &err), CULL_E_INVALID);
        shown = list_all(objects);
        ck_assert_uint_eq(shown.objects, 0);
        ck_assert_uint_eq(shown.strange, 1);
        ck_assert_str_eq(shown.last, "objects/ba");
        ck_assert(file_is(victim, "abc"));
        cull_objects_close(objects);
    }
END_TEST

START_TEST(an_object_that_is_a_symlink_is_never_followed)
    {
        const char *root = scratch_dir();
        const char *victim = below(scratch_dir(), "victim");
        cull_objects *objects = open_directory(root, CULL_DIGEST_SHA256, true, NULL, NULL);
        cull_object_id id = id_of("abc");
        const char *path = object_path(root, "abc", false);
        cull_error err = { 0 };
        struct stat st;

        write_file(victim, "abc");
        ck_assert_int_eq(mkdir(object_path(root, "abc", true), 0755), 0);
        ck_assert_int_eq(symlink(victim, path), 0);
        ck_assert_int_eq(stat_text(objects, "abc"), CULL_E_INVALID);
        ck_assert_int_eq(read_text(objects, "abc", &err), CULL_E_INVALID);
        ck_assert_ptr_nonnull(strstr(err.message, ": is no regular file"));
        ck_assert_uint_eq(list_all(objects).strange, 1);
        ck_assert_int_eq(put_aside(objects, &id, &err), CULL_OK);
        ck_assert(lstat(path, &st) != 0 && errno == ENOENT);
        ck_assert_int_eq(symlink(victim, path), 0);
        ck_assert_int_eq(store_text(objects, "abc", &err), CULL_OK); /* the link is replaced */
        ck_assert_int_eq(lstat(path, &st), 0);
        ck_assert(S_ISREG(st.st_mode));
        ck_assert_int_eq(read_text(objects, "abc", &err), CULL_OK);
        ck_assert_int_eq(unlink(path), 0);
        ck_assert_int_eq(symlink(victim, path), 0);
        ck_assert_int_eq(delete_id(objects, id, 0, &err), CULL_OK);
        ck_assert(lstat(path, &st) != 0 && errno == ENOENT);
        ck_assert(file_is(victim, "abc"));
        cull_objects_close(objects);
    }
END_TEST

START_TEST(a_fifo_or_folder_in_an_objects_place_is_an_error)
    {
        const char *root = scratch_dir();
        cull_objects *objects = open_directory(root, CULL_DIGEST_SHA256, true, NULL, NULL);
        const char *path = object_path(root, "abc", false);
        cull_error err = { 0 };

        ck_assert_int_eq(mkdir(object_path(root, "abc", true), 0755), 0);
        ck_assert_int_eq(mkfifo(path, 0644), 0);
        ck_assert_int_eq(stat_text(objects, "abc"), CULL_E_INVALID);
        ck_assert_int_eq(read_text(objects, "abc", &err), CULL_E_INVALID); /* and does not hang */
        ck_assert_uint_eq(list_all(objects).strange, 1);
        ck_assert_int_eq(unlink(path), 0);
        ck_assert_int_eq(mkdir(path, 0755), 0);
        ck_assert_int_eq(stat_text(objects, "abc"), CULL_E_INVALID);
        ck_assert_int_eq(read_text(objects, "abc", &err), CULL_E_INVALID);
        ck_assert_int_eq(store_text(objects, "abc", &err), CULL_E_IO);
        ck_assert_ptr_nonnull(strstr(err.message, "objects/ba/ba7816bf"));
        ck_assert(no_staged(objects));
        ck_assert_int_eq(delete_id(objects, id_of("abc"), 0, &err), CULL_E_IO);
        ck_assert_uint_eq(list_all(objects).strange, 1);
        cull_objects_close(objects);
    }
END_TEST

static const struct {
    const char *name;
    const char *path; /* below the store, as it is shown */
} strange_cases[] = {
    { "newline", "objects/ba/a\nb" },
    { "newline above", "objects/a\nb" },
    { "invalid UTF-8", "objects/ba/\xff\xfe\x80" },
    { "invalid UTF-8 above", "objects/\xc3\x28" },
    { "control characters", "objects/ba/\x1b[31m" },
    { "upper case", "objects/ba/BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD" },
    { "one digit short",
      "objects/ba/ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015a" },
    { "one digit more",
      "objects/ba/ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad0" },
    { "in another's folder",
      "objects/ba/bb7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
    { "above its folder",
      "objects/ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
    { "a fan-out's name that is a file", "objects/bb" },
    { "hidden", "objects/ba/.x" },
    { "three letters", "objects/abc" },
};

START_TEST(a_name_that_does_not_parse_is_shown_and_stays)
    {
        const char *root = scratch_dir();
        cull_objects *objects = open_directory(root, CULL_DIGEST_SHA256, true, NULL, NULL);
        const char *path = below(root, strange_cases[_i].path);
        struct shown shown;

        ck_assert_int_eq(mkdir(below(root, "objects/ba"), 0755), 0);
        write_file(path, "strange");
        shown = list_all(objects);
        ck_assert_msg(shown.objects == 0 && shown.strange == 1 &&
                          strcmp(shown.last, strange_cases[_i].path) == 0,
                      "%s: shown as \"%s\"", strange_cases[_i].name, shown.last);
        ck_assert_int_eq(store_text(objects, "abc", NULL), CULL_OK);
        ck_assert_uint_eq(list_all(objects).objects, 1);
        ck_assert_int_eq(delete_id(objects, id_of("abc"), 0, NULL), CULL_OK);
        ck_assert_uint_eq(list_all(objects).strange, 1);
        ck_assert_msg(file_is(path, "strange"), "%s: it is gone", strange_cases[_i].name);
        cull_objects_close(objects);
    }
END_TEST

START_TEST(a_folder_of_any_length_is_listed_in_constant_memory)
    {
        struct failing_allocator failing;
        const char *root = scratch_dir();
        char folder[800];
        cull_objects *objects;
        uint64_t calls;

        failing_allocator_init(&failing, 0);
        objects = open_directory(root, CULL_DIGEST_SHA256, true, &failing.allocator, NULL);
        ck_assert_int_eq(store_text(objects, "abc", NULL), CULL_OK);
        (void)snprintf(folder, sizeof folder, "%s", object_path(root, "abc", true));
        for (int i = 0; i < 10000; i++) { /* several buffers' worth of entries */
            char name[100];
            int fd;

            (void)snprintf(name, sizeof name, "ba%062x", i);
            fd = open(below(folder, name), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
            ck_assert_int_ge(fd, 0);
            (void)close(fd);
        }
        calls = failing.calls;
        ck_assert_uint_eq(list_all(objects).objects, 10001);
        ck_assert_uint_le(failing.calls - calls, 4); /* two scratch buffers and their hashers */
        cull_objects_close(objects);
        ck_assert_int_eq(failing.live, 0);
    }
END_TEST

START_TEST(an_object_that_was_damaged_is_replaced)
    {
        const char *root = scratch_dir();
        cull_objects *objects = open_directory(root, CULL_DIGEST_SHA256, true, NULL, NULL);
        const char *path = object_path(root, "abc", false);

        ck_assert_int_eq(store_text(objects, "abc", NULL), CULL_OK);
        ck_assert_int_eq(unlink(path), 0);
        write_file(path, "ab");
        ck_assert_int_eq(store_text(objects, "abc", NULL), CULL_OK);
        ck_assert(file_is(path, "abc"));
        ck_assert(no_staged(objects));
        ck_assert_int_eq(unlink(path), 0);
        write_file(path, "abd"); /* damaged at the same size: what was verified takes its place */
        ck_assert_int_eq(store_text(objects, "abc", NULL), CULL_OK);
        ck_assert(file_is(path, "abc"));
        ck_assert(no_staged(objects));
        cull_objects_close(objects);
    }
END_TEST

START_TEST(a_fanout_removed_behind_our_back_is_made_again)
    {
        const char *root = scratch_dir();
        cull_objects *objects = open_directory(root, CULL_DIGEST_SHA256, true, NULL, NULL);

        ck_assert_int_eq(store_text(objects, "abc", NULL), CULL_OK);
        remove_tree(object_path(root, "abc", true));
        ck_assert_int_eq(stat_text(objects, "abc"), CULL_E_NOTFOUND);
        ck_assert_int_eq(store_text(objects, "abc", NULL), CULL_OK);
        ck_assert(file_is(object_path(root, "abc", false), "abc"));
        ck_assert_int_eq(read_text(objects, "abc", NULL), CULL_OK);
        cull_objects_close(objects);
    }
END_TEST

/* Processes of two containers have one id. */
START_TEST(a_handle_never_publishes_what_another_of_its_prefix_has_staged)
    {
        const char *root = scratch_dir();
        cull_objects *stopped = open_directory(root, CULL_DIGEST_SHA256, true, NULL, NULL);
        cull_objects *other = open_directory(root, CULL_DIGEST_SHA256, false, NULL, NULL);
        const cull_object_id ids[] = { id_of("abc"), id_of("abd") };
        cull_staged staged[2];
        cull_status result;
        uint64_t count = 0;

        ck_assert_int_eq(stage_text(stopped, "abc", &staged[0], NULL), CULL_OK);
        ck_assert_int_eq(cull__objects_clean_staged(other, UINT64_MAX, &count, NULL), CULL_OK);
        ck_assert_uint_eq(count, 1);
        ck_assert_int_eq(stage_text(other, "abd", &staged[1], NULL), CULL_OK);
        ck_assert_uint_ne(staged[0].token, staged[1].token);
        ck_assert_int_eq(cull__objects_publish(stopped, &staged[0], &ids[0], 1, &result, NULL),
                         CULL_E_NOTFOUND);
        ck_assert_int_eq(stat_text(other, "abc"), CULL_E_NOTFOUND);
        ck_assert_int_eq(cull__objects_publish(other, &staged[1], &ids[1], 1, &result, NULL),
                         CULL_OK);
        ck_assert(no_staged(other));
        cull_objects_close(stopped);
        cull_objects_close(other);
    }
END_TEST

/* Two files of one digest, as they can be made for MD5: the first one stays what it is. The second is
 * played by a file that has the right bytes already. */
START_TEST(an_object_that_is_right_keeps_its_file)
    {
        const char *root = scratch_dir();
        cull_objects *objects = open_directory(root, CULL_DIGEST_SHA256, true, NULL, NULL);
        const char *path = object_path(root, "abc", false);
        struct stat before;
        struct stat after;

        ck_assert_int_eq(store_text(objects, "abc", NULL), CULL_OK);
        ck_assert_int_eq(stat(path, &before), 0);
        ck_assert_int_eq(store_text(objects, "abc", NULL), CULL_OK);
        ck_assert_int_eq(stat(path, &after), 0);
        ck_assert_uint_eq(before.st_ino, after.st_ino);
        ck_assert(no_staged(objects));
        cull_objects_close(objects);
    }
END_TEST

START_TEST(cleaning_leaves_what_is_young_or_no_file)
    {
        const char *root = scratch_dir();
        cull_objects *objects = open_directory(root, CULL_DIGEST_SHA256, true, NULL, NULL);
        struct timespec times[2] = { { 0, UTIME_OMIT }, { 1000, 500000000 } };
        uint64_t count = 9;

        write_file(below(root, "tmp/old\n"), "old");
        ck_assert_int_eq(utimensat(AT_FDCWD, below(root, "tmp/old\n"), times, 0), 0);
        ck_assert_int_eq(mkdir(below(root, "tmp/folder"), 0755), 0);
        ck_assert_int_eq(symlink(".", below(root, "tmp/link")), 0);
        ck_assert_int_eq(cull__objects_clean_staged(objects, 1000500, &count, NULL), CULL_OK);
        ck_assert_uint_eq(count, 0);
        ck_assert_int_eq(cull__objects_clean_staged(objects, 1000501, &count, NULL), CULL_OK);
        ck_assert_uint_eq(count, 1);
        ck_assert_int_eq(access(below(root, "tmp/old\n"), F_OK), -1);
        ck_assert(no_staged(objects));
        ck_assert_int_eq(access(below(root, "tmp/folder"), F_OK), 0);
        ck_assert_int_eq(access(below(root, "tmp/link"), F_OK), 0);
        cull_objects_close(objects);
    }
END_TEST

START_TEST(what_is_set_aside_keeps_its_bytes)
    {
        const char *root = scratch_dir();
        cull_objects *objects = open_directory(root, CULL_DIGEST_SHA256, true, NULL, NULL);
        cull_object_id id = id_of("abc");
        const char *name = strrchr(object_path(root, "abc", false), '/') + 1;
        char aside[200];

        for (int turn = 0; turn < 3; turn++) {
            ck_assert_int_eq(store_text(objects, "abc", NULL), CULL_OK);
            ck_assert_int_eq(put_aside(objects, &id, NULL), CULL_OK);
            (void)snprintf(aside, sizeof aside, turn == 0 ? "quarantine/%s" : "quarantine/%s.%d",
                           name, turn);
            ck_assert_msg(file_is(below(root, aside), "abc"), "%s", aside);
        }
        cull_objects_close(objects);
    }
END_TEST

START_TEST(what_was_published_since_it_was_looked_at_is_not_set_aside)
    {
        const char *root = scratch_dir();
        cull_objects *objects = open_directory(root, CULL_DIGEST_SHA256, true, NULL, NULL);
        cull_object_id id = id_of("abc");
        const char *path;
        cull_object_info seen = { .status = CULL_E_IO };
        cull_error err = { 0 };
        struct stat st;

        ck_assert_int_eq(mkdir(object_path(root, "abc", true), 0755), 0);
        path = object_path(root, "abc", false);
        write_file(path, "bad"); /* of the same size */
        ck_assert_int_eq(cull__objects_stat_batch(objects, &id, 1, &seen, NULL), CULL_OK);
        ck_assert_int_eq(seen.status, CULL_OK);
        seen.modified_ms -= 10; /* it was there before, then */
        ck_assert_int_eq(cull__objects_quarantine(objects, &id, &seen, &err), CULL_E_NOTFOUND);
        ck_assert_ptr_nonnull(strstr(err.message, "another object is there now"));
        ck_assert_int_eq(stat_text(objects, "abc"), CULL_OK);
        /* the one that was seen; it stays in its place until one is published over it */
        ck_assert_int_eq(put_aside(objects, &id, NULL), CULL_OK);
        ck_assert_int_eq(lstat(path, &st), 0);
        ck_assert_int_eq(stat_text(objects, "abc"), CULL_E_NOTFOUND);
        ck_assert_int_eq(read_text(objects, "abc", &err), CULL_E_NOTFOUND);
        ck_assert_int_eq(store_text(objects, "abc", NULL), CULL_OK);
        ck_assert(file_is(path, "abc"));
        cull_objects_close(objects);
    }
END_TEST

/* --- what is on the disk when a directory answers --------------------------------------------- */

#define SYNCED_MAX 40 /* more than the folders that are synced one by one */

/* Objects "0", "1", ...: publish and delete them, with calls of one kind failing. */
struct synced {
    cull_objects *objects;
    size_t count;
    cull_staged staged[SYNCED_MAX];
    cull_object_id ids[SYNCED_MAX];
    cull_status result[SYNCED_MAX];
};

static void synced_open(struct synced *synced, size_t count)
{
    synced->objects = open_directory(scratch_dir(), CULL_DIGEST_SHA256, true, NULL, NULL);
    synced->count = count;
    for (size_t i = 0; i < count; i++) {
        char text[24];

        (void)snprintf(text, sizeof text, "%zu", i);
        ck_assert_int_eq(stage_text(synced->objects, text, &synced->staged[i], NULL), CULL_OK);
        synced->ids[i] = id_of(text);
    }
}

static const char *synced_publish(struct synced *synced, char broken, cull_status want)
{
    cull_status status;
    const char *calls;

    crash_order_begin(broken);
    status = cull__objects_publish(synced->objects, synced->staged, synced->ids, synced->count,
                                   synced->result, NULL);
    calls = crash_order_end();
    ck_assert_msg(status == want, "%zu objects, '%c' fails: %d", synced->count, broken,
                  (int)status);
    for (size_t i = 0; i < synced->count; i++) {
        ck_assert_int_eq(synced->result[i], want);
    }
    return calls;
}

static const char *synced_delete(struct synced *synced, char broken, cull_status want)
{
    cull_object_version versions[SYNCED_MAX];
    cull_status status;
    const char *calls;

    for (size_t i = 0; i < synced->count; i++) {
        versions[i] = (cull_object_version){ synced->ids[i], 0 };
    }
    crash_order_begin(broken);
    status =
        cull__objects_delete_batch(synced->objects, versions, synced->count, synced->result, NULL);
    calls = crash_order_end();
    ck_assert_msg(status == want, "%zu objects, '%c' fails: %d", synced->count, broken,
                  (int)status);
    return calls;
}

static const struct {
    const char *name;
    size_t count;
    char contents; /* how contents are synced */
    char folders;  /* and folders */
} syncs[] = {
    { "one object", 1, 'd', 'f' },
    { "two objects", 2, 'd', 'f' },
    { "more than are synced alone", 3, 's', 'f' },
    { "in more folders than are synced alone", SYNCED_MAX, 's', 's' },
};

START_TEST(an_object_gets_its_name_when_its_bytes_are_synced_and_is_stored_when_its_name_is)
    {
        struct synced synced;
        const char *calls;
        const char *first;
        size_t before = 0;

        synced_open(&synced, syncs[_i].count);
        calls = synced_publish(&synced, '\0', CULL_OK);
        first = strchr(calls, 'r');
        ck_assert_msg(first != NULL, "%s: %s", syncs[_i].name, calls);
        for (const char *at = calls; at < first; at++) {
            before += *at == syncs[_i].contents;
        }
        ck_assert_msg(before == (syncs[_i].contents == 's' ? 1 : syncs[_i].count), "%s: %s",
                      syncs[_i].name, calls);
        ck_assert_msg(strchr(strrchr(calls, 'r'), syncs[_i].folders) != NULL, "%s: %s",
                      syncs[_i].name, calls);
        calls = synced_delete(&synced, '\0', CULL_OK);
        ck_assert_msg(
            strrchr(calls, 'u') != NULL && strchr(strrchr(calls, 'u'), syncs[_i].folders) != NULL,
            "%s: %s", syncs[_i].name, calls);
        cull_objects_close(synced.objects);
    }
END_TEST

START_TEST(what_could_not_be_synced_is_neither_stored_nor_gone)
    {
        struct synced synced;

        synced_open(&synced, syncs[_i].count);
        (void)synced_publish(&synced, syncs[_i].contents, CULL_E_IO);
        ck_assert_int_eq(stat_text(synced.objects, "0"), CULL_E_NOTFOUND);
        cull_objects_close(synced.objects);

        synced_open(&synced, syncs[_i].count);
        (void)synced_publish(&synced, syncs[_i].folders, CULL_E_IO);
        cull_objects_close(synced.objects);

        synced_open(&synced, syncs[_i].count);
        (void)synced_publish(&synced, '\0', CULL_OK);
        (void)synced_delete(&synced, syncs[_i].folders, CULL_E_IO);
        (void)synced_delete(&synced, '\0', CULL_OK); /* again: they are gone for good */
        cull_objects_close(synced.objects);
    }
END_TEST

START_TEST(a_source_without_a_size_is_read_to_its_end)
    {
        const char *root = scratch_dir();
        cull_objects *objects = open_directory(root, CULL_DIGEST_SHA256, true, NULL, NULL);
        cull_source source = { -1, NULL, NULL, UINT64_MAX };
        cull_staged staged;

        source.fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC); /* says that it has 0 bytes */
        if (source.fd < 0) {
            skipped("a_source_without_a_size_is_read_to_its_end", "no /proc");
        } else {
            ck_assert_int_eq(cull__objects_stage(objects, &source, &staged, NULL), CULL_OK);
            ck_assert_uint_gt(staged.size_bytes, 0);
            cull__objects_discard(objects, &staged);
            source.size_bytes_max = staged.size_bytes / 2; /* more comes than the limit allows */
            ck_assert_int_eq(cull__objects_stage(objects, &source, &staged, NULL), CULL_E_LIMIT);
            source.size_bytes_max = UINT64_MAX;
            (void)close(source.fd);
        }
        source.fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC); /* cannot be read at all */
        ck_assert_int_eq(cull__objects_stage(objects, &source, &staged, NULL), CULL_E_IO);
        (void)close(source.fd);
        ck_assert(no_staged(objects));
        cull_objects_close(objects);
    }
END_TEST

/* Stages 1 MiB, from a file or a function. */
static cull_status stage_large(cull_objects *objects, bool from_file, cull_staged *staged,
                               cull_error *err)
{
    static char bytes[(1 << 20) + 1];
    cull_source source = { -1, NULL, NULL, UINT64_MAX };
    cull_status status;

    memset(bytes, 'x', sizeof bytes - 1);
    if (!from_file) {
        return stage_text(objects, bytes, staged, err);
    }
    source.fd = open(below(scratch_dir(), "large"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    ck_assert_int_ge(source.fd, 0);
    ck_assert_int_eq(write(source.fd, bytes, sizeof bytes - 1), (ssize_t)sizeof bytes - 1);
    status = cull__objects_stage(objects, &source, staged, err);
    (void)close(source.fd);
    return status;
}

START_TEST(a_full_disk_is_told_and_leaves_nothing)
    {
        const char *root = below(scratch_dir(), "full");
        cull_objects *objects;
        cull_staged staged;
        cull_error err = { 0 };

        ck_assert_int_eq(mkdir(root, 0755), 0);
        if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
            mount("tmpfs", root, "tmpfs", 0, "size=256k,nr_inodes=7") != 0) {
            skipped("a_full_disk_is_told_and_leaves_nothing",
                    "no right to mount a small file system");
            return;
        }
        objects = open_directory(root, CULL_DIGEST_SHA256, true, NULL, NULL);
        for (int from_file = 0; from_file < 2; from_file++) {
            ck_assert_int_eq(stage_large(objects, from_file != 0, &staged, &err), CULL_E_NOSPACE);
            ck_assert_msg(strncmp(err.message, "tmp/", 4) == 0 &&
                              strstr(err.message, "No space left on device") != NULL,
                          "%s", err.message);
            ck_assert(no_staged(objects));
        }
        ck_assert_int_eq(store_text(objects, "abc", NULL), CULL_OK);
        /* Four folders, one fan-out and one object: there is an inode left to stage, none to publish
     * where a new fan-out is needed. */
        ck_assert_int_eq(store_text(objects, "abcd", &err), CULL_E_NOSPACE);
        ck_assert_msg(strncmp(err.message, "objects/", 8) == 0, "%s", err.message);
        ck_assert(no_staged(objects));
        ck_assert_int_eq(read_text(objects, "abc", NULL), CULL_OK);
        ck_assert_int_eq(delete_id(objects, id_of("abc"), 0, NULL), CULL_OK);
        ck_assert_int_eq(store_text(objects, "abcd", NULL), CULL_OK);
        cull_objects_close(objects);
        ck_assert_int_eq(umount2(root, MNT_DETACH), 0);
    }
END_TEST

START_TEST(a_file_size_limit_is_told_and_leaves_nothing)
    {
        cull_objects *objects = open_directory(scratch_dir(), CULL_DIGEST_SHA256, true, NULL, NULL);
        struct rlimit before;
        struct rlimit low;
        cull_staged staged;
        cull_error err = { 0 };
        cull_status status;

        ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &before), 0);
        low = before;
        low.rlim_cur = 65536;
        (void)signal(SIGXFSZ, SIG_IGN);
        ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &low), 0);
        status = stage_large(objects, false, &staged, &err);
        ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &before), 0);
        ck_assert_int_eq(status, CULL_E_IO);
        ck_assert_ptr_nonnull(strstr(err.message, "File too large"));
        ck_assert(no_staged(objects));
        cull_objects_close(objects);
    }
END_TEST

START_TEST(missing_permission_is_told_and_changes_nothing)
    {
        const char *root = scratch_dir();
        cull_objects *objects = open_directory(root, CULL_DIGEST_SHA256, true, NULL, NULL);
        const char *folder = object_path(root, "abc", true);
        cull_staged staged;
        cull_object_id id = id_of("abc");
        cull_object_id other = id_of("abcd");
        cull_error err = { 0 };
        cull_status status[5];
        bool root_user = geteuid() == 0;

        ck_assert_int_eq(store_text(objects, "abc", NULL), CULL_OK);
        ck_assert_int_eq(stage_text(objects, "abcd", &staged, NULL), CULL_OK);
        if (root_user) { /* root may do anything: be nobody for a while */
            ck_assert_int_eq(seteuid(65534), 0);
        } else {
            ck_assert_int_eq(chmod(folder, 0555), 0);
            ck_assert_int_eq(chmod(below(root, "tmp"), 0555), 0);
            ck_assert_int_eq(chmod(below(root, "objects"), 0555), 0);
        }
        status[0] = store_text(objects, "abcde", NULL);
        status[1] = cull__objects_publish(objects, &staged, &other, 1, &status[2], NULL);
        status[3] = delete_id(objects, id, 0, &err);
        status[4] = read_text(objects, "abc", NULL);
        if (root_user) {
            ck_assert_int_eq(seteuid(0), 0);
        } else {
            ck_assert_int_eq(chmod(folder, 0755), 0);
            ck_assert_int_eq(chmod(below(root, "tmp"), 0755), 0);
            ck_assert_int_eq(chmod(below(root, "objects"), 0755), 0);
        }
        ck_assert_int_eq(status[0], CULL_E_IO);
        ck_assert_int_eq(status[1], CULL_E_IO);
        ck_assert_int_eq(status[3], CULL_E_IO);
        ck_assert_msg(strncmp(err.message, "objects/ba/ba7816bf", 19) == 0 &&
                          strstr(err.message, "Permission denied") != NULL,
                      "%s", err.message);
        ck_assert_int_eq(status[4], CULL_OK);
        ck_assert_int_eq(stat_text(objects, "abc"), CULL_OK);
        cull_objects_close(objects);
    }
END_TEST

/* --- memory ----------------------------------------------------------------------------- */

static cull_objects *new_memory(cull_versioning versioning, cull_late_deletes late,
                                bool deliver_late)
{
    cull_objects_memory_options options = { CULL_DIGEST_SHA256, versioning, late, deliver_late,
                                            NULL };
    cull_objects *objects = NULL;

    ck_assert_int_eq(cull_objects_memory_new(&objects, &options, NULL), CULL_OK);
    cull_objects_memory_set_time(objects, 1000);
    return objects;
}

struct numbers {
    uint64_t number[8];
    size_t count;
};

static cull_status numbers_visit(void *ctx, uint64_t version)
{
    struct numbers *numbers = ctx;

    ck_assert_uint_lt(numbers->count, 8);
    numbers->number[numbers->count++] = version;
    return CULL_OK;
}

/* The versions of "abc", newest first, as text. */
static const char *versions_text(cull_objects *objects)
{
    static char text[100];
    struct numbers numbers = { .count = 0 };
    cull_object_id id = id_of("abc");
    size_t len = 0;

    ck_assert_int_eq(cull__objects_versions(objects, &id, numbers_visit, &numbers, NULL), CULL_OK);
    text[0] = '\0';
    for (size_t i = 0; i < numbers.count; i++) {
        len += (size_t)snprintf(text + len, sizeof text - len, "%s%d", i > 0 ? " " : "",
                                (int)numbers.number[i]);
    }
    return text;
}

START_TEST(a_bucket_numbers_its_versions)
    {
        cull_objects *objects = new_memory(CULL_VERSIONING_NONE, CULL_LATE_VERSION_IDS, false);
        cull_object_id id = id_of("abc");

        ck_assert_int_eq(store_text(objects, "abc", NULL), CULL_OK);
        ck_assert_str_eq(versions_text(objects), "0"); /* no versioning, no numbers */
        cull_objects_memory_set_versioning(objects, CULL_VERSIONING_ENABLED);
        ck_assert_str_eq(versions_text(objects), "1"); /* what was there is the null version */
        ck_assert_int_eq(store_text(objects, "abc", NULL), CULL_OK);
        ck_assert_int_eq(store_text(objects, "abc", NULL), CULL_OK);
        ck_assert_str_eq(versions_text(objects), "3 2 1");
        ck_assert_int_eq(delete_id(objects, id, 2, NULL), CULL_OK);
        ck_assert_int_eq(delete_id(objects, id, 2, NULL), CULL_OK);
        ck_assert_str_eq(versions_text(objects), "3 1");
        ck_assert_int_eq(delete_id(objects, id, 0, NULL), CULL_OK); /* hides, keeps */
        ck_assert_int_eq(stat_text(objects, "abc"), CULL_E_NOTFOUND);
        ck_assert_uint_eq(cull_objects_memory_count(objects, NULL), 0);
        ck_assert_str_eq(versions_text(objects), "3 1");
        cull_objects_memory_set_versioning(objects, CULL_VERSIONING_SUSPENDED);
        ck_assert_int_eq(store_text(objects, "abc", NULL), CULL_OK); /* replaces null */
        ck_assert_int_eq(store_text(objects, "abc", NULL), CULL_OK);
        ck_assert_str_eq(versions_text(objects), "1 3");
        ck_assert_int_eq(delete_id(objects, id, 0, NULL), CULL_OK);
        ck_assert_str_eq(versions_text(objects), "3");
        ck_assert_int_eq(stat_text(objects, "abc"), CULL_E_NOTFOUND);
        ck_assert_int_eq(delete_id(objects, id, 3, NULL), CULL_OK);
        ck_assert_str_eq(versions_text(objects), "");
        cull_objects_close(objects);
    }
END_TEST

START_TEST(a_late_request_is_busy_until_delivered_and_answered_once)
    {
        cull_objects *objects = new_memory(CULL_VERSIONING_NONE, CULL_LATE_UNSAFE, true);
        cull_object_id id = id_of("abc");
        cull_staged staged;
        cull_status result = CULL_OK;

        ck_assert_int_eq(stage_text(objects, "abc", &staged, NULL), CULL_OK);
        for (int turn = 0; turn < 3; turn++) { /* asking again sends nothing more */
            ck_assert_int_eq(cull__objects_publish(objects, &staged, &id, 1, &result, NULL),
                             CULL_E_BUSY);
            ck_assert_int_eq(result, CULL_E_BUSY);
            ck_assert_uint_eq(cull_objects_memory_pending(objects), 1);
        }
        ck_assert_int_eq(stat_text(objects, "abc"), CULL_E_NOTFOUND);
        cull_objects_memory_deliver(objects, 5);
        ck_assert_uint_eq(cull_objects_memory_pending(objects), 0);
        ck_assert_int_eq(stat_text(objects, "abc"), CULL_OK);
        ck_assert_int_eq(cull__objects_publish(objects, &staged, &id, 1, &result, NULL), CULL_OK);
        ck_assert_int_eq(cull__objects_publish(objects, &staged, &id, 1, &result, NULL),
                         CULL_E_NOTFOUND); /* told, and the bytes are gone */
        ck_assert_int_eq(delete_id(objects, id, 0, NULL), CULL_E_BUSY);
        ck_assert_int_eq(stat_text(objects, "abc"), CULL_OK);
        cull_objects_memory_deliver(objects, 0);
        ck_assert_int_eq(stat_text(objects, "abc"), CULL_E_NOTFOUND);
        ck_assert_int_eq(delete_id(objects, id, 0, NULL), CULL_OK);
        ck_assert_int_eq(delete_id(objects, id, 0, NULL), CULL_E_BUSY); /* a new request */
        cull_objects_memory_deliver(objects, 0);
        cull_objects_memory_deliver(objects, 0); /* none waits: nothing happens */
        ck_assert_int_eq(delete_id(objects, id, 0, NULL), CULL_OK);
        ck_assert_int_eq(delete_id(objects, id, 0, NULL), CULL_E_BUSY);
        cull_objects_memory_redeliver(objects, 0);
        ck_assert_int_eq(delete_id(objects, id, 0, NULL), CULL_OK);
        ck_assert_uint_eq(cull_objects_memory_pending(objects), 1);     /* the straggler */
        ck_assert_int_eq(delete_id(objects, id, 0, NULL), CULL_E_BUSY); /* not its answer again */
        ck_assert_uint_eq(cull_objects_memory_pending(objects), 2);
        cull_objects_close(objects);
    }
END_TEST

START_TEST(late_requests_arrive_in_any_order)
    {
        cull_objects *objects = new_memory(CULL_VERSIONING_NONE, CULL_LATE_UNSAFE, true);

        ck_assert_int_eq(store_text(objects, "abc", NULL), CULL_E_BUSY);
        ck_assert_int_eq(delete_id(objects, id_of("abc"), 0, NULL), CULL_E_BUSY);
        ck_assert_int_eq(store_text(objects, "abcd", NULL), CULL_E_BUSY);
        cull_objects_memory_deliver(objects, 2);
        ck_assert_int_eq(stat_text(objects, "abcd"), CULL_OK);
        ck_assert_int_eq(stat_text(objects, "abc"), CULL_E_NOTFOUND);
        cull_objects_memory_deliver(objects, 1); /* the delete overtakes the publish */
        cull_objects_memory_deliver(objects, 0);
        ck_assert_int_eq(stat_text(objects, "abc"), CULL_OK);
        cull_objects_close(objects);
    }
END_TEST

/* A delete arrives a second time, after the same content was uploaded again. */
static const struct {
    const char *name;
    cull_versioning versioning;
    cull_late_deletes late;
    uint64_t version; /* that the first delete names */
    uint32_t again;   /* incarnation of the new upload */
    cull_status want;
} late_cases[] = {
    { "no answer", CULL_VERSIONING_NONE, CULL_LATE_UNSAFE, 0, 0, CULL_E_NOTFOUND },
    { "version ids", CULL_VERSIONING_ENABLED, CULL_LATE_VERSION_IDS, 2, 0, CULL_OK },
    { "the current one", CULL_VERSIONING_ENABLED, CULL_LATE_VERSION_IDS, 0, 0, CULL_E_NOTFOUND },
    { "suspended", CULL_VERSIONING_SUSPENDED, CULL_LATE_VERSION_IDS, 1, 0, CULL_E_NOTFOUND },
    { "incarnation", CULL_VERSIONING_NONE, CULL_LATE_INCARNATION, 0, 1, CULL_OK },
    { "the same incarnation", CULL_VERSIONING_NONE, CULL_LATE_INCARNATION, 0, 0, CULL_E_NOTFOUND },
};

static void publish_late(cull_objects *objects, const cull_object_id *id)
{
    cull_staged staged;
    cull_status result;

    ck_assert_int_eq(stage_text(objects, "abc", &staged, NULL), CULL_OK);
    ck_assert_int_eq(cull__objects_publish(objects, &staged, id, 1, &result, NULL), CULL_E_BUSY);
    cull_objects_memory_deliver(objects, cull_objects_memory_pending(objects) - 1);
    ck_assert_int_eq(cull__objects_publish(objects, &staged, id, 1, &result, NULL), CULL_OK);
}

START_TEST(a_delete_that_arrives_twice_does_what_the_store_says_of_it)
    {
        cull_object_id id = id_of("abc");
        cull_object_info info;

        for (int died = 0; died < 2; died++) {
            cull_objects *objects =
                new_memory(late_cases[_i].versioning, late_cases[_i].late, true);

            id.incarnation = 0;
            publish_late(objects, &id);
            ck_assert_int_eq(delete_id(objects, id, late_cases[_i].version, NULL), CULL_E_BUSY);
            cull_objects_memory_redeliver(objects, 0);
            if (died != 0) { /* nobody is told; the next collector sends its own */
                cull_objects_memory_hang_up(objects);
                ck_assert_int_eq(delete_id(objects, id, late_cases[_i].version, NULL), CULL_E_BUSY);
                ck_assert_uint_eq(cull_objects_memory_pending(objects), 2);
                cull_objects_memory_deliver(objects, 1);
            }
            ck_assert_int_eq(delete_id(objects, id, late_cases[_i].version, NULL), CULL_OK);
            ck_assert_uint_eq(cull_objects_memory_pending(objects), 1);
            id.incarnation = late_cases[_i].again;
            publish_late(objects, &id);
            ck_assert_int_eq(cull__objects_stat_batch(objects, &id, 1, &info, NULL), CULL_OK);
            ck_assert_int_eq(info.status, CULL_OK);
            cull_objects_memory_deliver(objects, 0);
            ck_assert_int_eq(cull__objects_stat_batch(objects, &id, 1, &info, NULL), CULL_OK);
            ck_assert_msg(info.status == late_cases[_i].want, "%s: %s", late_cases[_i].name,
                          cull_strerror(info.status));
            cull_objects_close(objects);
        }
    }
END_TEST

START_TEST(damage_for_tests_is_done_and_counted)
    {
        cull_objects *objects = new_memory(CULL_VERSIONING_NONE, CULL_LATE_IMPOSSIBLE, true);
        cull_object_id id = id_of("abc");
        cull_object_id empty = id_of("");
        cull_object_info info;
        uint64_t bytes = 9;

        ck_assert_int_eq(cull_objects_memory_corrupt(objects, &id), CULL_E_NOTFOUND);
        ck_assert_int_eq(cull_objects_memory_lose(objects, &id), CULL_E_NOTFOUND);
        ck_assert_int_eq(store_text(objects, "abc", NULL), CULL_E_BUSY);
        ck_assert_int_eq(store_text(objects, "", NULL), CULL_E_BUSY);
        cull_objects_memory_set_time(objects, 5000);
        cull_objects_memory_redeliver(objects, 0); /* the request goes on holding the bytes */
        cull_objects_memory_deliver(objects, 1);
        ck_assert_int_eq(cull__objects_stat_batch(objects, &id, 1, &info, NULL), CULL_OK);
        ck_assert_uint_eq(info.modified_ms, 5000);
        ck_assert_uint_eq(cull_objects_memory_count(objects, &bytes), 2);
        ck_assert_uint_eq(bytes, 3);
        ck_assert_int_eq(cull_objects_memory_corrupt(objects, &empty), CULL_E_INVALID);
        ck_assert_int_eq(cull_objects_memory_corrupt(objects, &id), CULL_OK);
        ck_assert_int_eq(read_text(objects, "abc", NULL), CULL_E_DAMAGED);
        ck_assert_int_eq(cull_objects_memory_lose(objects, &id), CULL_OK);
        ck_assert_uint_eq(cull_objects_memory_count(objects, &bytes), 1);
        ck_assert_uint_eq(bytes, 0);
        cull_objects_memory_deliver(objects, 0); /* arrives again, unharmed */
        ck_assert_int_eq(read_text(objects, "abc", NULL), CULL_OK);
        cull_objects_close(objects);
    }
END_TEST

/* Requests that wait need memory, too: refusing one loses no bytes that were acknowledged. */
START_TEST(late_requests_survive_any_failed_allocation)
    {
        struct failing_allocator failing;
        uint64_t fail_at = 2; /* the first is the store itself */

        do {
            cull_objects_memory_options options = { CULL_DIGEST_SHA256, CULL_VERSIONING_ENABLED,
                                                    CULL_LATE_VERSION_IDS, true,
                                                    &failing.allocator };
            cull_objects *objects = NULL;

            failing_allocator_init(&failing, fail_at);
            if (cull_objects_memory_new(&objects, &options, NULL) == CULL_OK) {
                cull_status status = store_text(objects, "abc", NULL);

                ck_assert(status == CULL_E_BUSY || status == CULL_E_NOMEM);
                cull_objects_memory_redeliver(objects, 0);
                cull_objects_memory_deliver(objects, 0);
                status = delete_id(objects, id_of("abc"), 0, NULL);
                ck_assert(status == CULL_E_BUSY || status == CULL_E_NOMEM);
                cull_objects_memory_deliver(objects, 0);
                status = delete_id(objects, id_of("abc"), 0, NULL);
                ck_assert(status == CULL_OK || status == CULL_E_NOMEM);
                ck_assert(status != CULL_OK || stat_text(objects, "abc") == CULL_E_NOTFOUND);
                cull_objects_close(objects);
            }
            ck_assert_int_eq(failing.live, 0);
            ck_assert_uint_lt(fail_at, 1000);
        } while (failing.calls >= fail_at++);
        ck_assert_uint_gt(fail_at, 8);
    }
END_TEST

/* --- faulty ----------------------------------------------------------------------------- */

struct plan {
    const char *op; /* fails */
    uint64_t last_n;
    char asked[300];
};

static cull_status plan_fault(void *ctx, const char *op, uint64_t n)
{
    struct plan *plan = ctx;

    ck_assert_uint_eq(n, plan->last_n + 1);
    plan->last_n = n;
    (void)snprintf(plan->asked + strlen(plan->asked), sizeof plan->asked - strlen(plan->asked),
                   "%s ", op);
    return plan->op != NULL && strcmp(op, plan->op) == 0 ? CULL_E_IO : CULL_OK;
}

static cull_objects *new_faulty(struct plan *plan, const char *op)
{
    cull_objects *inner = new_memory(CULL_VERSIONING_NONE, CULL_LATE_IMPOSSIBLE, false);
    cull_objects *objects = NULL;

    *plan = (struct plan){ .op = op };
    ck_assert_int_eq(cull_objects_faulty_new(&objects, inner, plan_fault, plan, NULL, NULL),
                     CULL_OK);
    return objects;
}

/* Every operation once; the number of those that failed. */
static int every_operation(cull_objects *objects, cull_error *err)
{
    cull_object_id id = id_of("abc");
    cull_object_info info = { .status = CULL_OK };
    struct numbers numbers = { .count = 0 };
    struct shown shown = { 0 };
    cull_versioning state;
    uint64_t count;
    int failed = 0;

    failed += store_text(objects, "abc", err) != CULL_OK;
    if (failed > 0) {
        return failed;
    }
    failed += cull__objects_stat_batch(objects, &id, 1, &info, err) != CULL_OK;
    ck_assert(failed == 0 ? info.status == CULL_OK : info.status == CULL_E_IO);
    failed += read_text(objects, "abc", err) != CULL_OK;
    failed += cull__objects_list(objects, shown_visit, &shown, err) != CULL_OK;
    failed += cull__objects_versions(objects, &id, numbers_visit, &numbers, err) != CULL_OK;
    failed += cull__objects_versioning(objects, &state, err) != CULL_OK;
    failed += cull__objects_clean_staged(objects, 0, &count, err) != CULL_OK;
    failed += cull__objects_lock(objects, true, err) != CULL_OK;
    failed += cull__objects_lock(objects, false, err) != CULL_OK;
    failed += delete_id(objects, id, 0, err) != CULL_OK;
    failed += store_text(objects, "abc", err) != CULL_OK;
    if (info.status == CULL_OK) { /* else nobody knows what to set aside */
        failed += cull__objects_quarantine(objects, &id, &info, err) != CULL_OK;
    }
    return failed;
}

START_TEST(the_fault_injector_asks_before_every_operation)
    {
        struct plan plan;
        cull_objects *objects = new_faulty(&plan, NULL);

        ck_assert_int_eq(every_operation(objects, NULL), 0);
        ck_assert_str_eq(plan.asked,
                         "stage publish publish.after stat read list versions versioning "
                         "clean lock delete delete.after stage publish publish.after "
                         "quarantine ");
        cull_objects_close(objects);
    }
END_TEST

static const char *const fault_ops[] = { "stage",  "publish",      "publish.after", "stat",  "read",
                                         "list",   "versions",     "versioning",    "clean", "lock",
                                         "delete", "delete.after", "quarantine" };

START_TEST(each_operation_fails_when_told_to)
    {
        struct plan plan;
        cull_objects *objects = new_faulty(&plan, fault_ops[_i]);
        cull_error err = { 0 };

        ck_assert_int_eq(every_operation(objects, &err), 1);
        ck_assert_int_eq(err.status, CULL_E_IO);
        ck_assert_msg(strstr(err.message, fault_ops[_i]) != NULL, "%s", err.message);
        cull_objects_close(objects);
    }
END_TEST

START_TEST(a_fault_before_does_nothing_and_one_after_loses_the_answer)
    {
        struct plan plan;
        cull_objects *objects = new_faulty(&plan, "publish");
        uint64_t count = 9;

        ck_assert_int_eq(store_text(objects, "abc", NULL), CULL_E_IO);
        ck_assert_int_eq(stat_text(objects, "abc"), CULL_E_NOTFOUND);
        ck_assert_int_eq(cull__objects_clean_staged(objects, UINT64_MAX, &count, NULL), CULL_OK);
        ck_assert_uint_eq(count, 0); /* the token was used up */
        plan.op = "publish.after";
        ck_assert_int_eq(store_text(objects, "abc", NULL), CULL_E_IO);
        ck_assert_int_eq(stat_text(objects, "abc"), CULL_OK);
        plan.op = "delete";
        ck_assert_int_eq(delete_id(objects, id_of("abc"), 0, NULL), CULL_E_IO);
        ck_assert_int_eq(stat_text(objects, "abc"), CULL_OK);
        plan.op = "delete.after";
        ck_assert_int_eq(delete_id(objects, id_of("abc"), 0, NULL), CULL_E_IO);
        ck_assert_int_eq(stat_text(objects, "abc"), CULL_E_NOTFOUND);
        plan.op = NULL;
        ck_assert_int_eq(delete_id(objects, id_of("abc"), 0, NULL), CULL_OK);
        cull_objects_close(objects);
    }
END_TEST

/* --- stores of others ------------------------------------------------------------------- */

/* A store that has only what is required, of which stat alone does anything. */
static bool bare_closed;

static cull_status bare_stat(cull_objects *objects, const cull_object_id *ids, size_t count,
                             cull_object_info *info, cull_error *err)
{
    (void)objects;
    (void)err;
    for (size_t i = 0; i < count; i++) {
        info[i] = (cull_object_info){ .status = ids[i].incarnation == 0   ? CULL_OK
                                                : ids[i].incarnation == 1 ? CULL_E_NOTFOUND
                                                                          : CULL_E_IO };
    }
    return CULL_OK;
}

static cull_status bare_list(cull_objects *objects, cull_object_visit_fn visit, void *ctx,
                             cull_error *err)
{
    (void)objects;
    (void)visit;
    (void)ctx;
    (void)err;
    return CULL_OK;
}

static cull_late_deletes bare_late(cull_objects *objects)
{
    (void)objects;
    return CULL_LATE_VERSION_IDS;
}

static void bare_close(cull_objects *objects)
{
    (void)objects;
    bare_closed = true;
}

START_TEST(operations_that_a_store_leaves_out_have_an_answer)
    {
        static const cull_objects_ops ops = { .struct_bytes = sizeof ops,
                                              .name = "bare",
                                              .stat_batch = bare_stat,
                                              .late_deletes = bare_late,
                                              .close = bare_close };
        cull_objects objects = { &ops };
        cull_object_id id = { 0 };
        struct numbers numbers = { .count = 0 };
        cull_versioning state = CULL_VERSIONING_ENABLED;
        uint64_t count = 9;
        cull_error err = { 0 };

        ck_assert_int_eq(cull__objects_versions(&objects, &id, numbers_visit, &numbers, NULL),
                         CULL_OK);
        ck_assert(numbers.count == 1 && numbers.number[0] == 0);
        id.incarnation = 1; /* not there */
        ck_assert_int_eq(cull__objects_versions(&objects, &id, numbers_visit, &numbers, NULL),
                         CULL_OK);
        ck_assert_uint_eq(numbers.count, 1);
        id.incarnation = 2; /* cannot be asked */
        ck_assert_int_eq(cull__objects_versions(&objects, &id, numbers_visit, &numbers, &err),
                         CULL_E_IO);
        ck_assert_int_eq(cull__objects_versioning(&objects, &state, NULL), CULL_OK);
        ck_assert_int_eq(state, CULL_VERSIONING_NONE);
        ck_assert_int_eq(cull__objects_clean_staged(&objects, 9, &count, NULL), CULL_OK);
        ck_assert_uint_eq(count, 0);
        ck_assert_int_eq(cull__objects_quarantine(&objects, &id, &(cull_object_info){ 0 }, &err),
                         CULL_E_REFUSED);
        ck_assert_str_eq(err.message, "object store bare: cannot set an object aside");
        ck_assert_int_eq(cull__objects_late_deletes(&objects), CULL_LATE_UNSAFE); /* no versions */
        cull_objects_close(&objects);
        ck_assert(bare_closed);
    }
END_TEST

START_TEST(required_operations_that_are_missing_are_named)
    {
        static const cull_objects_ops ops = { .struct_bytes = sizeof ops, .list = bare_list };
        cull_objects objects = { &ops };
        cull_objects *faulty = NULL;
        cull_object_id id = { 0 };
        cull_object_version version = { { { { 0 } }, 0 }, 0 };
        cull_source source = { -1, NULL, NULL, 0 };
        cull_staged staged = { .token = 9 };
        cull_object_info info;
        cull_status result[2] = { CULL_OK, CULL_OK };
        cull_error err = { 0 };

        ck_assert_int_eq(cull__objects_check(&objects, &err), CULL_E_USAGE);
        ck_assert_str_eq(err.message, "object store unnamed: has no operation stat_batch");
        ck_assert_int_eq(cull_objects_faulty_new(&faulty, &objects, no_fault, NULL, NULL, NULL),
                         CULL_E_USAGE);
        ck_assert_int_eq(cull__objects_stat_batch(&objects, &id, 1, &info, NULL), CULL_E_USAGE);
        ck_assert_int_eq(cull__objects_read(&objects, &id, compared_write, NULL, NULL),
                         CULL_E_USAGE);
        ck_assert_int_eq(cull__objects_publish(&objects, &staged, &id, 1, &result[0], NULL),
                         CULL_E_USAGE);
        ck_assert_int_eq(cull__objects_delete_batch(&objects, &version, 1, &result[1], NULL),
                         CULL_E_USAGE);
        ck_assert(result[0] == CULL_E_USAGE && result[1] == CULL_E_USAGE);
        ck_assert_int_eq(cull__objects_stage(&objects, &source, &staged, NULL), CULL_E_USAGE);
        ck_assert_uint_eq(staged.token, 0);
        cull__objects_discard(&objects, &staged);
        ck_assert_int_eq(cull__objects_late_deletes(&objects), CULL_LATE_UNSAFE);
        cull_objects_close(&objects);
    }
END_TEST

START_TEST(operations_beyond_an_older_stores_table_are_not_read)
    {
        static const cull_objects_ops ops = {
            .struct_bytes = offsetof(cull_objects_ops, stat_batch), /* list is its last */
            .name = "older",
            .list = bare_list,
            .stat_batch = bare_stat,
        };
        cull_objects objects = { &ops };
        cull_object_id id = { 0 };
        cull_object_info info;
        cull_error err = { 0 };

        ck_assert_int_eq(cull__objects_list(&objects, shown_visit, NULL, NULL), CULL_OK);
        ck_assert_int_eq(cull__objects_stat_batch(&objects, &id, 1, &info, &err), CULL_E_USAGE);
        ck_assert_str_eq(err.message, "object store older: has no operation stat_batch");
    }
END_TEST

static const struct {
    const char *name;
    cull_status result[3];
    cull_status want;
} batch_cases[] = {
    { "all well", { CULL_OK, CULL_OK, CULL_OK }, CULL_OK },
    { "one failed", { CULL_OK, CULL_E_IO, CULL_OK }, CULL_E_PARTIAL },
    { "one went well", { CULL_E_NOSPACE, CULL_OK, CULL_E_IO }, CULL_E_PARTIAL },
    { "none went well", { CULL_E_NOSPACE, CULL_E_IO, CULL_E_IO }, CULL_E_NOSPACE },
};

START_TEST(a_batch_returns_what_its_results_say)
    {
        ck_assert_msg(
            cull__objects_batch_status(batch_cases[_i].result, 3, NULL) == batch_cases[_i].want,
            "%s", batch_cases[_i].name);
    }
END_TEST

Suite *objects_suite(void)
{
    Suite *suite = suite_create("objects");
    TCase *conformance = tcase_create("conformance");
    TCase *directory = tcase_create("directory");
    TCase *memory = tcase_create("memory");
    TCase *faulty = tcase_create("faulty");
    TCase *others = tcase_create("others");

    tcase_add_loop_test(conformance, every_store_keeps_the_contract, 0,
                        (int)(ARRAY_LEN(stores) * objects_conformance_count()));
    tcase_add_test(directory, an_object_lies_under_its_whole_digest);
    tcase_add_loop_test(directory, opening_a_directory_says_what_is_wrong_with_it, 0,
                        (int)ARRAY_LEN(open_cases));
    tcase_add_test(directory, options_without_path_or_digest_are_refused);
    tcase_add_test(directory, a_fanout_that_is_a_symlink_is_never_entered);
    tcase_add_test(directory, an_object_that_is_a_symlink_is_never_followed);
    tcase_add_test(directory, a_fifo_or_folder_in_an_objects_place_is_an_error);
    tcase_add_loop_test(directory, a_name_that_does_not_parse_is_shown_and_stays, 0,
                        (int)ARRAY_LEN(strange_cases));
    tcase_add_test(directory, a_folder_of_any_length_is_listed_in_constant_memory);
    tcase_add_test(directory, an_object_that_was_damaged_is_replaced);
    tcase_add_test(directory, a_fanout_removed_behind_our_back_is_made_again);
    tcase_add_test(directory, a_handle_never_publishes_what_another_of_its_prefix_has_staged);
    tcase_add_test(directory, an_object_that_is_right_keeps_its_file);
    tcase_add_test(directory, cleaning_leaves_what_is_young_or_no_file);
    tcase_add_test(directory, what_is_set_aside_keeps_its_bytes);
    tcase_add_test(directory, what_was_published_since_it_was_looked_at_is_not_set_aside);
    tcase_add_loop_test(
        directory, an_object_gets_its_name_when_its_bytes_are_synced_and_is_stored_when_its_name_is,
        0, ARRAY_LEN(syncs));
    tcase_add_loop_test(directory, what_could_not_be_synced_is_neither_stored_nor_gone, 0,
                        ARRAY_LEN(syncs));
    tcase_add_test(directory, a_source_without_a_size_is_read_to_its_end);
    tcase_add_test(directory, a_full_disk_is_told_and_leaves_nothing);
    tcase_add_test(directory, a_file_size_limit_is_told_and_leaves_nothing);
    tcase_add_test(directory, missing_permission_is_told_and_changes_nothing);
    tcase_add_test(memory, a_bucket_numbers_its_versions);
    tcase_add_test(memory, a_late_request_is_busy_until_delivered_and_answered_once);
    tcase_add_test(memory, late_requests_arrive_in_any_order);
    tcase_add_loop_test(memory, a_delete_that_arrives_twice_does_what_the_store_says_of_it, 0,
                        (int)ARRAY_LEN(late_cases));
    tcase_add_test(memory, damage_for_tests_is_done_and_counted);
    tcase_add_test(memory, late_requests_survive_any_failed_allocation);
    tcase_add_test(faulty, the_fault_injector_asks_before_every_operation);
    tcase_add_loop_test(faulty, each_operation_fails_when_told_to, 0, (int)ARRAY_LEN(fault_ops));
    tcase_add_test(faulty, a_fault_before_does_nothing_and_one_after_loses_the_answer);
    tcase_add_test(others, operations_that_a_store_leaves_out_have_an_answer);
    tcase_add_test(others, required_operations_that_are_missing_are_named);
    tcase_add_test(others, operations_beyond_an_older_stores_table_are_not_read);
    tcase_add_loop_test(others, a_batch_returns_what_its_results_say, 0,
                        (int)ARRAY_LEN(batch_cases));
    suite_add_tcase(suite, conformance);
    suite_add_tcase(suite, directory);
    suite_add_tcase(suite, memory);
    suite_add_tcase(suite, faulty);
    suite_add_tcase(suite, others);
    return suite;
}
