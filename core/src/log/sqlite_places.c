/*
 * sqlite_places.c - the segments of a large checkpoint read by two threads, past SQLite's pager.
 *
 * SHAPE     A row too large for its page goes on in a chain of pages, each of which begins with the
 *           number of the next (https://sqlite.org/fileformat2.html, 1.5 and 1.6). The rows are looked
 *           for in the table's tree; then each thread takes segments in turn and reads their chains,
 *           with one call for as many pages as probably follow each other, the bytes straight to where
 *           they belong. Before that it makes the memory's pages there, afterwards it hashes what is
 *           still in the cache; and it tells the system which segments come next.
 * INVARIANT Nothing that is read here is believed but by its hash, which is the segment's name. The
 *           file may be behind the write-ahead log, or be written to just now: what then does not
 *           hash right is left to SQLite, and so is whatever else goes wrong.
 * COST      275 MB in the page cache take 0.07 s on two idle processors. SQLite's blobs come page by
 *           page through memory of its own, on one thread. A chain that lies scattered costs a call and
 *           four pages for each of its pages.
 * THREADS   Closing any descriptor of a file drops the POSIX record locks that its process holds on
 *           it, those of SQLite. They belong to the table of descriptors, though: the first thread has
 *           one of its own, in which nothing but the database is open, and shares it with the second,
 *           which it starts. No thread, or no table to be had: SQLite reads it all. Nothing here
 *           allocates.
 * WHY NOT   Mapping the file: a disk that fails would be a signal. The file of SQLite's own handle: it
 *           reads into one place at a time, and is one thread's. A thread that only makes pages or
 *           hashes, one that only reads ahead: no faster, and each waits for the other.
 */
#include "log/sqlite_handle.h"
#include "log/segments.h"
#include "base/pages.h"
#include "base/thread.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <sys/uio.h>
#include <unistd.h>

#define TAKEN 4          /* places that a thread takes at a time */
#define ADVISED_AHEAD 16 /* places between those it takes and those it tells the system of */
#define PAGE_BYTES ((size_t)CULL__SQLITE_PAGE_BYTES)
#define LINK_BYTES 4 /* the next page's number, at the start of each page of a chain */
#define LINKED_BYTES (PAGE_BYTES - LINK_BYTES)
#define PAGES_MAX 32 /* in one call */
#define PAGES_FIRST 32
#define PAGES_MIN 4
#define DEPTH_MAX 8 /* of a tree over 2^31 pages */
#define INTERIOR 5  /* kinds of pages of a table */
#define LEAF 13
#define LOCAL_MAX (PAGE_BYTES - 35) /* of a row in its page */
#define LOCAL_MIN ((PAGE_BYTES - 12) * 32 / 255 - 23)

struct job {
    const char *path;
    uint32_t root;
    struct cull__place *places;
    size_t count;
    int fd;
    atomic_size_t next;
};

static uint32_t big_endian(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static uint32_t cursor_page(struct cull__cursor *in)
{
    const uint8_t *bytes = cull__cursor_take(in, LINK_BYTES);

    return bytes == NULL ? 0 : big_endian(bytes);
}

/* SQLite's: the highest bits first, seven a byte, all eight of the ninth. */
static uint64_t cursor_varint(struct cull__cursor *in)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < 8; i++) {
        uint8_t byte = cull__cursor_u8(in);

        value = value << 7 | (byte & 0x7f);
        if (byte < 0x80) {
            return value;
        }
    }
    return value << 8 | cull__cursor_u8(in);
}

static off_t page_at(uint32_t page)
{
    return (off_t)(page - 1) * (off_t)PAGE_BYTES;
}

/* --- the table's tree ------------------------------------------------------------------------- */

/* The cell at an index of a page, whose header has header_bytes. */
static struct cull__cursor cell(const uint8_t *page, size_t header_bytes, size_t index)
{
    const uint8_t *at = page + header_bytes + 2 * index;
    size_t start = (size_t)at[0] << 8 | at[1];

    start = start < PAGE_BYTES ? start : PAGE_BYTES;
    return cull__cursor(page + start, PAGE_BYTES - start);
}

static size_t cell_count(const uint8_t *page, size_t header_bytes)
{
    size_t count = (size_t)page[3] << 8 | page[4];

    return count <= (PAGE_BYTES - header_bytes) / 2 ? count : 0;
}

/* The page below an interior one in which the row is. */
static uint32_t child_of(const uint8_t *page, uint64_t id)
{
    for (size_t i = 0; i < cell_count(page, 12); i++) {
        struct cull__cursor in = cell(page, 12, i);
        uint32_t child = cursor_page(&in);

        if (id <= cursor_varint(&in)) {
            return child;
        }
    }
    return big_endian(page + 8);
}

/* A row of id, name and data, the data being what is wanted and over what fits the page: take what is
 * there. */
static void row_decode(struct cull__cursor *in, uint64_t payload, struct cull__place *place)
{
    size_t local = LOCAL_MIN + (payload - LOCAL_MIN) % LINKED_BYTES;
    struct cull__cursor row;
    const uint8_t *data;
    uint32_t page;
    uint64_t head;
    bool as_wanted = true;
    /* the id stands beside the row; of bytes a kind tells the length */
    const uint64_t kinds[] = { 0, 2 * CULL__SEGMENT_NAME_LEN + 12, 2 * (uint64_t)place->len + 12 };

    if (payload <= LOCAL_MAX) {
        return;
    }
    local = local <= LOCAL_MAX ? local : LOCAL_MIN;
    data = cull__cursor_take(in, local);
    page = cursor_page(in);
    if (in->failed) {
        return;
    }
    row = cull__cursor(data, local);
    head = cursor_varint(&row);
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        as_wanted &= cursor_varint(&row) == kinds[i];
    }
    if (!as_wanted || head != local - cull__cursor_left(&row) ||
        payload != head + CULL__SEGMENT_NAME_LEN + place->len) {
        return;
    }
    (void)cull__cursor_take(&row, CULL__SEGMENT_NAME_LEN);
    if (!row.failed && cull__cursor_left(&row) <= place->len) {
        place->page = page;
        place->local = cull__cursor_left(&row);
        memcpy(place->data, row.at, place->local);
    }
}

static void leaf_find(const uint8_t *page, struct cull__place *place)
{
    for (size_t i = 0; i < cell_count(page, 8); i++) {
        struct cull__cursor in = cell(page, 8, i);
        uint64_t payload = cursor_varint(&in);

        if (cursor_varint(&in) == place->id) {
            row_decode(&in, payload, place);
            return;
        }
    }
}

static void place_find(int fd, uint32_t root, struct cull__place *place)
{
    uint8_t page[PAGE_BYTES];
    uint32_t at = root;

    for (unsigned depth = 0; depth < DEPTH_MAX; depth++) {
        if (at == 0 || pread(fd, page, PAGE_BYTES, page_at(at)) != (ssize_t)PAGE_BYTES) {
            return;
        }
        if (page[0] != INTERIOR) {
            if (page[0] == LEAF) {
                leaf_find(page, place);
            }
            return;
        }
        at = child_of(page, place->id);
    }
}

/* --- chains ----------------------------------------------------------------------------------- */

/* Of pages that were read from *page of the file on, got bytes in all, how many are the chain's? Sets
 * *page to where it goes on. */
static size_t links_follow(const struct iovec *parts, size_t pages, ssize_t got, uint32_t *page)
{
    uint32_t first = *page;
    size_t count = 0;
    ssize_t end = 0;

    while (count < pages && *page == first + count) {
        end += (ssize_t)(parts[2 * count].iov_len + parts[2 * count + 1].iov_len);
        if (end > got) {
            break;
        }
        *page = big_endian(parts[2 * count].iov_base);
        count++;
    }
    return count;
}

/* Read len bytes that begin on a page, which others follow. The next one of a chain is mostly the
 * next one of the file. */
static bool chain_read(int fd, uint32_t page, uint8_t *data, size_t len)
{
    size_t most = PAGES_FIRST;

    while (len > 0) {
        uint8_t links[PAGES_MAX][LINK_BYTES];
        struct iovec parts[2 * PAGES_MAX];
        size_t bytes = 0;
        size_t pages;
        size_t followed;

        for (pages = 0; pages < most && bytes < len; pages++) {
            size_t some = len - bytes < LINKED_BYTES ? len - bytes : LINKED_BYTES;

            parts[2 * pages] = (struct iovec){ links[pages], LINK_BYTES };
            parts[2 * pages + 1] = (struct iovec){ data + bytes, some };
            bytes += some;
        }
        if (page == 0) {
            return false;
        }
        followed =
            links_follow(parts, pages, preadv(fd, parts, (int)(2 * pages), page_at(page)), &page);
        if (followed == 0) {
            return false;
        }
        most = followed == pages ? 2 * pages : PAGES_MIN;
        most = most < PAGES_MAX ? most : PAGES_MAX;
        bytes = followed * LINKED_BYTES < len ? followed * LINKED_BYTES : len;
        data += bytes;
        len -= bytes;
    }
    return true;
}

static void place_read(int fd, struct cull__place *place)
{
    uint8_t name[CULL__SEGMENT_NAME_LEN];

    if (place->page == 0) {
        return;
    }
    cull__pages_make(place->data, place->len);
    if (chain_read(fd, place->page, place->data + place->local, place->len - place->local)) {
        cull__segment_name(name, place->data, place->len);
        place->right = memcmp(name, place->name, sizeof name) == 0;
    }
}

/* Tell the system that the segments [from, end) are wanted soon: their chains, if those lie in a row. */
static void places_advise(const struct job *job, size_t from, size_t end)
{
    for (size_t i = from; i < end && i < job->count; i++) {
        const struct cull__place *place = &job->places[i];

        if (place->page != 0) {
            (void)posix_fadvise(job->fd, page_at(place->page), (off_t)place->len,
                                POSIX_FADV_WILLNEED);
        }
    }
}

/* --- threads ---------------------------------------------------------------------------------- */

/* Has the file pages as we know them? */
static bool pages_are_ours(int fd)
{
    uint8_t header[24];

    return pread(fd, header, sizeof header, 0) == (ssize_t)sizeof header &&
           ((size_t)header[16] << 8 | header[17]) == PAGE_BYTES && header[20] == 0;
}

/* What each of the threads does. */
static void *read_places(void *ctx)
{
    struct job *job = ctx;
    size_t from;

    while ((from = atomic_fetch_add(&job->next, TAKEN)) < job->count) {
        places_advise(job, from + ADVISED_AHEAD, from + ADVISED_AHEAD + TAKEN);
        for (size_t i = from; i < from + TAKEN && i < job->count; i++) {
            place_read(job->fd, &job->places[i]);
        }
    }
    return NULL;
}

/* The database, in a table of descriptors apart from the process's, for this thread and those that it
 * starts; the standard ones stay. -1: that is not to be had. */
static int open_apart(const char *path)
{
    int fd = -1;

#ifdef CLOSE_RANGE_UNSHARE
    if (close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_UNSHARE) == 0) {
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    }
#else
    (void)path;
#endif
    return fd;
}

static void *read_apart(void *ctx)
{
    struct job *job = ctx;
    pthread_t other;
    bool started;

    job->fd = open_apart(job->path);
    if (job->fd < 0) {
        return NULL;
    }
    if (pages_are_ours(job->fd)) {
        for (size_t i = 0; i < job->count;
             i++) { /* first: rows would wait for what is read ahead */
            place_find(job->fd, job->root, &job->places[i]);
        }
        places_advise(job, 0, ADVISED_AHEAD);
        started = cull__thread_start(&other, read_places, job);
        (void)read_places(job);
        if (started) {
            (void)pthread_join(other, NULL);
        }
    }
    (void)close(job->fd);
    return NULL;
}

void cull__sqlite_places_read(const char *path, uint32_t root, struct cull__place *places,
                              size_t count)
{
    struct job job = { .path = path, .root = root, .places = places, .count = count };
    pthread_t thread;

    atomic_init(&job.next, 0);
    if (cull__thread_start(&thread, read_apart, &job)) {
        (void)pthread_join(thread, NULL);
    }
}
