/*
 * chaos_main.c - a storm: uploaders, deleters, restorers and collectors as processes of `cull` on one
 * store, that are killed, stopped and woken up at random.
 *
 * usage: chaos CULL DIR SECONDS SEED
 *
 * SHAPE     DIR/store is there. A role has a process most of the time; when it ends, what it said is
 *           written down and the next one begins. Many are killed (SIGKILL) or stopped (SIGSTOP,
 *           SIGCONT) while they run: at an instant that is drawn within the time that such a command
 *           takes here at present, so that a slow machine is hit in the middle as well. An uploader
 *           that is stopped in its upload stays so until its lease is over, a collector that is stopped
 *           between claim and unlink until others had time to name these blobs; under every second
 *           one of these the log's lock file is taken away meanwhile, as no one should.
 * CHECKED   here: every command is done, busy, or says that what it names is gone. The rest is
 *           chaos.sh's, from the files that are left: acks (what puts were told), due (versions that
 *           must be there), figures.
 * END       after SECONDS, or later, once all has happened that a storm is for (wanted[]): how long
 *           that takes is the machine's affair. After LATE_S more the storm ends without.
 * SEED      gives what each role does, and where in its course it is hit; how the processes run beside
 *           each other is the machine's.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "chaos_book.h"
#include "chaos_process.h"
#include "chaos_tree.h"

#define PATH_BYTES CHAOS_PATH_BYTES
#define TEXT_BYTES CHAOS_TEXT_BYTES
#define NAMED_MAX 6
#define MS UINT64_C(1000000)
#define LEASE_OVER_MS 1500 /* the store's lease is a second */
#define DELETION_SLEEP_MS 600
#define HUNT_STOPS 16
#define FIRST_GUESS_MS 30    /* how long a command takes */
#define DUE_MIN 8            /* so many versions are left alone: too few would hold too few blobs */
#define LATE_S UINT64_C(300) /* that a storm may go on in which something has not happened yet */
#define FAILURES_MAX 10      /* then it is clear */
#define END_MS 300000 /* by then the last processes have ended, which nothing hits any more */

enum role { UPLOADER, DELETER, COLLECTOR };
enum action { PUT, DELETE, RESTORE, COLLECT, CHECK, REPAIR, LIST, ACTIONS };

static const enum role roles[] = { UPLOADER, UPLOADER,  UPLOADER, DELETER,
                                   DELETER,  COLLECTOR, COLLECTOR };
#define SLOTS (sizeof roles / sizeof roles[0])

struct slot {
    size_t number;
    struct chaos_rng rng;
    unsigned serial; /* of its process; with number the actor's name */
    pid_t pid;       /* 0: none */
    enum action action;
    struct chaos_tree tree;
    uint64_t since;          /* the book's clock at its beginning */
    size_t named[NAMED_MAX]; /* versions */
    size_t named_count;
    uint64_t begun_ns;
    uint64_t kill_ns; /* 0: never */
    uint64_t stop_ns;
    uint64_t wake_ns; /* not 0: it is stopped */
    uint64_t pause_ns;
    bool killed;
    bool stopped;   /* at some time */
    unsigned hunts; /* so often more it is stopped until that is in its upload, or its deletion */
    bool uploading; /* when it was stopped, for longer than its lease */
    char dir[PATH_BYTES];
};

struct storm {
    const char *cull;
    char top[PATH_BYTES];
    struct chaos_book book;
    struct slot slots[SLOTS];
    uint64_t usual_ns[ACTIONS]; /* that a command takes which nothing hits, of late */
    uint64_t commits, deletes, restores, cycles, checks, busy, gone, kills, stops;
    uint64_t blobs_deleted;
    uint64_t overslept;      /* uploaders that were stopped until their upload had ended */
    uint64_t slept_deleting; /* collectors that were stopped between claim and gone */
    uint64_t unlocked;       /* of them, those under which the lock file was taken away */
    uint64_t late; /* of them, those that were told that it had, and could not do it again */
    uint64_t failures;
};

static uint64_t now_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 * MS + (uint64_t)now.tv_nsec;
}

static void fail(struct storm *storm, const struct slot *slot, const char *what, const char *text)
{
    storm->failures++;
    (void)fprintf(stderr, "chaos: slot %zu, process %u: %s: %s\n", slot->number, slot->serial, what,
                  text);
}

static uint64_t number_after(const char *text, const char *name)
{
    const char *at = strstr(text, name);

    return at == NULL ? 0 : strtoull(at + strlen(name), NULL, 10);
}

/* --- looking --------------------------------------------------------------------------------- */

/* What cull says of the store; empty if it cannot. Valid until the next look. */
static const char *look(const struct storm *storm, const char *const *args)
{
    static char text[TEXT_BYTES];
    char dir[PATH_BYTES + 8];
    int status = 0;
    pid_t pid;

    (void)snprintf(dir, sizeof dir, "%s/look", storm->top);
    pid = chaos_spawn(dir, args);
    text[0] = '\0';
    if (pid > 0 && waitpid(pid, &status, 0) == pid && status == 0) {
        chaos_read_text(dir, "out", text);
    }
    return text;
}

/* Has this slot's process an upload that is open? */
static bool is_uploading(const struct storm *storm, const struct slot *slot)
{
    const char *args[] = { storm->cull, "ls", "--uploads", "--json", NULL };
    char actor[64];

    (void)snprintf(actor, sizeof actor, "\"actor\":\"slot%zu.%u\"", slot->number, slot->serial);
    return strstr(look(storm, args), actor) != NULL;
}

/* Has a collector claimed blobs, and not yet told that they are gone? */
static bool is_deleting(const struct storm *storm)
{
    const char *args[] = { storm->cull, "stat", "--json", NULL };

    return number_after(look(storm, args), "\"blobs_deleting\":") > 0;
}

/* --- what a process is to do ------------------------------------------------------------------ */

struct command {
    const char *args[NAMED_MAX + 16];
    size_t count;
    char actor[32];
    char tree[PATH_BYTES + 8];
};

static void add(struct command *command, const char *arg)
{
    command->args[command->count++] = arg;
    command->args[command->count] = NULL;
}

static const char *draw_collection(struct slot *slot)
{
    static const char *const collections[] = { "team/storm/one", "team/storm/two",
                                               "team/storm/three" };

    return collections[chaos_draw(&slot->rng, sizeof collections / sizeof collections[0])];
}

static bool draw_put(struct storm *storm, struct slot *slot, struct command *command)
{
    char contents[PATH_BYTES + 16];

    slot->action = PUT;
    slot->tree = chaos_tree_draw(&slot->rng);
    (void)snprintf(contents, sizeof contents, "%s/contents", storm->top);
    (void)snprintf(command->tree, sizeof command->tree, "%s/tree", slot->dir);
    add(command, "put");
    add(command, draw_collection(slot));
    add(command, command->tree);
    add(command, "--follow");
    return chaos_tree_write(&slot->tree, contents, command->tree);
}

/* Versions to delete, or one to take back. */
static void draw_names(struct storm *storm, struct slot *slot, struct command *command)
{
    struct chaos_book *book = &storm->book;
    size_t wanted = slot->action == DELETE ? 1 + (size_t)chaos_draw(&slot->rng, NAMED_MAX) : 1;

    if (slot->action == DELETE && wanted > book->due - DUE_MIN) {
        wanted = (size_t)(book->due - DUE_MIN);
    }
    slot->named_count = 0;
    add(command, slot->action == DELETE ? "delete" : "restore");
    for (size_t i = 0; i < wanted; i++) {
        size_t version = chaos_book_pick(book, &slot->rng, slot->action == DELETE);

        if (slot->action == DELETE) {
            chaos_book_delete_begins(book, version);
        }
        slot->named[slot->named_count++] = version;
        add(command, book->versions[version].name);
    }
    if (slot->action == DELETE) {
        add(command, "--delete-aliases");
    }
}

static void draw_cycle(struct slot *slot, struct command *command)
{
    static const enum action drawn[] = { CHECK, REPAIR, LIST, COLLECT, COLLECT, COLLECT, COLLECT };

    slot->action = drawn[chaos_draw(&slot->rng, sizeof drawn / sizeof drawn[0])];
    if (slot->action == LIST) { /* for the deleters: what puts have done that were killed then */
        add(command, "ls");
        add(command, draw_collection(slot));
        return;
    }
    if (slot->action != COLLECT) {
        add(command, "fsck");
        add(command, slot->action == CHECK ? "--read-data" : "--repair");
        return;
    }
    add(command, "gc");
    add(command, "--allow-empty-store");
    if (chaos_draw(&slot->rng, 2) == 0) { /* what was just deleted goes at once */
        add(command, "--allow-shorter-grace");
        add(command, "0");
    }
    add(command, "--threads");
    add(command, chaos_draw(&slot->rng, 2) == 0 ? "1" : "4");
    if (chaos_draw(&slot->rng, 4) == 0) {
        add(command, "--max-deletes");
        add(command, "3");
    }
}

/* Whether and when it will be hit. */
static void draw_fate(const struct storm *storm, struct slot *slot)
{
    static const uint64_t hunted_percent[ACTIONS] = { [PUT] = 20, [COLLECT] = 50 };
    uint64_t within_us = storm->usual_ns[slot->action] / (MS / 1000) + 1;
    uint64_t at_us = chaos_draw(&slot->rng, within_us);
    uint64_t fate = chaos_draw(&slot->rng, 100);
    bool long_sleep = chaos_draw(&slot->rng, 16) == 0;

    slot->begun_ns = now_ns();
    slot->kill_ns = slot->stop_ns = slot->wake_ns = 0;
    slot->killed = slot->stopped = slot->uploading = false;
    slot->pause_ns = (long_sleep ? LEASE_OVER_MS : 1 + chaos_draw(&slot->rng, 80)) * MS;
    slot->hunts = 0;
    if (fate < 25) {
        slot->kill_ns = slot->begun_ns + at_us * (MS / 1000);
    } else if (fate < 45) {
        slot->stop_ns = slot->begun_ns + at_us * (MS / 1000);
        if (fate < 30) { /* and killed while it sleeps, or just after */
            slot->kill_ns = slot->stop_ns + slot->pause_ns + chaos_draw(&slot->rng, 10) * MS;
        }
    } else if (fate < 45 + hunted_percent[slot->action]) {
        slot->hunts = HUNT_STOPS;
        slot->stop_ns = slot->begun_ns + at_us / 2 * (MS / 1000);
    }
}

static void begin(struct storm *storm, struct slot *slot)
{
    struct command command = { .count = 0 };
    bool good = true;

    slot->serial++;
    slot->since = storm->book.clock;
    add(&command, storm->cull);
    if (roles[slot->number] == UPLOADER) {
        good = draw_put(storm, slot, &command);
    } else if (roles[slot->number] == DELETER) {
        bool few = storm->book.due <= DUE_MIN;

        if (few && storm->book.due == storm->book.count) {
            return; /* nothing is there to delete, nor to restore */
        }
        slot->action = few || chaos_draw(&slot->rng, 4) == 0 ? RESTORE : DELETE;
        draw_names(storm, slot, &command);
    } else {
        draw_cycle(slot, &command);
    }
    (void)snprintf(command.actor, sizeof command.actor, "slot%zu.%u", slot->number, slot->serial);
    add(&command, "--json");
    add(&command, "--as");
    add(&command, command.actor);
    draw_fate(storm, slot);
    slot->pid = good ? chaos_spawn(slot->dir, command.args) : -1;
    if (slot->pid < 0) {
        fail(storm, slot, "cannot begin", strerror(errno));
        slot->pid = 0;
    }
}

/* --- what became of it --------------------------------------------------------------------------- */

/* The next version that a command named, from *at on. */
static bool next_name(char name[CHAOS_NAME_MAX], const char **at)
{
    static const char field[] = "{\"type\":\"version\",\"name\":\"";
    size_t len;

    *at = strstr(*at, field);
    if (*at == NULL) {
        return false;
    }
    *at += sizeof field - 1;
    len = strcspn(*at, "\"");
    (void)snprintf(name, CHAOS_NAME_MAX, "%.*s", (int)len, *at);
    return (*at)[len] == '"';
}

static void done_put(struct storm *storm, const struct slot *slot, const char *text)
{
    const char *at = text;
    char name[CHAOS_NAME_MAX];

    if (!next_name(name, &at)) {
        fail(storm, slot, "put names no version", text);
    } else if (!chaos_book_put(&storm->book, name, &slot->tree)) {
        fail(storm, slot, "cannot write what was put", strerror(errno));
    }
    storm->commits++;
}

/* Versions that a command said are there. */
static void see(struct storm *storm, const struct slot *slot, const char *text)
{
    char name[CHAOS_NAME_MAX];

    while (next_name(name, &text)) {
        if (!chaos_book_see(&storm->book, name, slot->since)) {
            fail(storm, slot, "cannot remember a version", strerror(errno));
        }
    }
}

static void done(struct storm *storm, struct slot *slot)
{
    static char text[TEXT_BYTES];

    chaos_read_text(slot->dir, "out", text);
    switch (slot->action) {
    case PUT:
        done_put(storm, slot, text);
        break;
    case DELETE:
        storm->deletes++;
        break;
    case RESTORE:
        storm->restores++;
        see(storm, slot, text);
        break;
    case COLLECT:
        storm->cycles++;
        storm->blobs_deleted += number_after(text, "\"blobs_deleted\":");
        break;
    case LIST:
        see(storm, slot, text);
        break;
    default:
        storm->checks++;
        break;
    }
}

/* A command that was not done: busy, or what it names is gone, or its upload is. */
static void not_done(struct storm *storm, const struct slot *slot, int code)
{
    static char text[TEXT_BYTES];
    char what[64];

    chaos_read_text(slot->dir, "err", text);
    if (code == 5) {
        storm->busy++;
    } else if (code == 4 && (slot->action == DELETE || slot->action == RESTORE)) {
        storm->gone++;
    } else if (code == 4 && slot->action == LIST) {
        /* nothing is in that collection yet */
    } else if (code == 1 && slot->action == PUT && strstr(text, "has ended") != NULL) {
        storm->late++; /* whether it was stopped, or the machine was slow */
    } else {
        (void)snprintf(what, sizeof what, "action %d: exit %d", (int)slot->action, code);
        fail(storm, slot, what, text);
        chaos_read_text(slot->dir, "out", text);
        (void)fprintf(stderr, "%s", text);
    }
}

static void end(struct storm *storm, struct slot *slot, int status)
{
    uint64_t took_ns = now_ns() - slot->begun_ns;

    if (WIFEXITED(status) && WEXITSTATUS(status) == 0 && !slot->stopped) {
        storm->usual_ns[slot->action] = (7 * storm->usual_ns[slot->action] + took_ns) / 8;
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
        done(storm, slot);
    } else if (WIFEXITED(status)) {
        not_done(storm, slot, WEXITSTATUS(status));
    } else if (slot->killed && WTERMSIG(status) == SIGKILL) {
        storm->kills++;
    } else {
        fail(storm, slot, "ended by a signal", strsignal(WTERMSIG(status)));
    }
    for (size_t i = 0; slot->action == DELETE && i < slot->named_count; i++) {
        chaos_book_delete_ends(&storm->book, slot->named[i],
                               WIFEXITED(status) && WEXITSTATUS(status) != 0);
    }
    slot->pid = 0;
    slot->named_count = 0;
}

/* --- hitting ------------------------------------------------------------------------------------- */

/* A lock file that is gone keeps nobody away; the lock of the objects does. */
static void take_lock_away(struct storm *storm)
{
    char path[PATH_BYTES + 32];

    (void)snprintf(path, sizeof path, "%s/store/collector.lock", storm->top);
    storm->unlocked += unlink(path) == 0;
}

/* It has been stopped: until when? */
static void stopped(struct storm *storm, struct slot *slot)
{
    storm->stops++;
    slot->stopped = true;
    slot->wake_ns = now_ns() + slot->pause_ns;
    if (slot->hunts == 0) {
        return;
    }
    if (slot->action == PUT && is_uploading(storm, slot)) {
        slot->hunts = 0;
        slot->uploading = true;
        slot->wake_ns = now_ns() + LEASE_OVER_MS * MS;
    } else if (slot->action == COLLECT && is_deleting(storm)) {
        slot->hunts = 0;
        if (++storm->slept_deleting % 2 == 1) {
            take_lock_away(storm);
        }
        slot->wake_ns = now_ns() + DELETION_SLEEP_MS * MS;
    } else {
        slot->hunts--;
        slot->wake_ns = now_ns();
        slot->stop_ns = slot->wake_ns + storm->usual_ns[slot->action] / HUNT_STOPS;
    }
}

static void wake(struct storm *storm, struct slot *slot)
{
    slot->wake_ns = 0;
    if (slot->uploading && !is_uploading(storm, slot)) {
        storm->overslept++; /* somebody has ended it, because its lease was over */
    }
    (void)kill(slot->pid, SIGCONT);
}

static void hit(struct storm *storm, struct slot *slot, uint64_t at_ns)
{
    if (slot->kill_ns != 0 && at_ns >= slot->kill_ns && !slot->killed) {
        slot->killed = true;
        slot->wake_ns = slot->stop_ns = 0;
        (void)kill(slot->pid, SIGKILL);
    } else if (slot->wake_ns != 0) {
        if (at_ns >= slot->wake_ns) {
            wake(storm, slot);
        }
    } else if (slot->stop_ns != 0 && at_ns >= slot->stop_ns) {
        slot->stop_ns = 0;
        (void)kill(slot->pid, SIGSTOP);
    }
}

/* One look at each slot; how many have a process. */
static size_t turn(struct storm *storm, bool more)
{
    const struct timespec pause = { .tv_nsec = MS / 2 };
    size_t running = 0;

    for (size_t i = 0; i < SLOTS; i++) {
        struct slot *slot = &storm->slots[i];
        int status = 0;

        if (slot->pid == 0 && more) {
            begin(storm, slot);
        } else if (slot->pid != 0 &&
                   waitpid(slot->pid, &status, WNOHANG | WUNTRACED) == slot->pid) {
            if (WIFSTOPPED(status)) {
                stopped(storm, slot);
            } else {
                end(storm, slot, status);
            }
        } else if (slot->pid != 0) {
            hit(storm, slot, now_ns());
        }
        running += slot->pid != 0;
    }
    (void)nanosleep(&pause, NULL);
    return running;
}

/* --- the storm ----------------------------------------------------------------------------------- */

static bool prepare(struct storm *storm, const char *cull, const char *top, uint64_t seed)
{
    char path[PATH_BYTES + 16];

    storm->cull = cull;
    (void)snprintf(storm->top, sizeof storm->top, "%s", top);
    (void)snprintf(path, sizeof path, "%s/look", top);
    if (mkdir(path, 0755) != 0) {
        return false;
    }
    for (size_t i = 0; i < ACTIONS; i++) {
        storm->usual_ns[i] = FIRST_GUESS_MS * MS;
    }
    for (size_t i = 0; i < SLOTS; i++) {
        struct slot *slot = &storm->slots[i];

        slot->number = i;
        slot->rng.state = seed * SLOTS + i;
        (void)snprintf(slot->dir, sizeof slot->dir, "%.4000s/slot%zu", top, i);
        if (mkdir(slot->dir, 0755) != 0) {
            return false;
        }
    }
    (void)snprintf(path, sizeof path, "%s/contents", top);
    if (mkdir(path, 0755) != 0 || !chaos_contents_write(path, seed)) {
        return false;
    }
    (void)snprintf(path, sizeof path, "%s/store", top);
    if (setenv("CULL_STORE", path, 1) != 0) {
        return false;
    }
    (void)snprintf(path, sizeof path, "%s/acks", top);
    return chaos_book_open(&storm->book, path);
}

/* Has all happened that a storm is for? */
static bool is_enough(const struct storm *storm)
{
    const uint64_t wanted[][2] = {
        { storm->commits, 20 },       { storm->deletes, 5 },   { storm->restores, 2 },
        { storm->cycles, 10 },        { storm->checks, 2 },    { storm->kills, 20 },
        { storm->stops, 20 },         { storm->overslept, 2 }, { storm->blobs_deleted, 10 },
        { storm->slept_deleting, 1 }, { storm->unlocked, 1 },
    };
    bool enough = true;

    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        enough = enough && wanted[i][0] >= wanted[i][1];
    }
    return enough;
}

static bool goes_on(const struct storm *storm, uint64_t end_ns)
{
    uint64_t at_ns = now_ns();
    bool late = storm->failures == 0 && !is_enough(storm);

    return storm->failures < FAILURES_MAX && at_ns < (late ? end_ns + LATE_S * 1000 * MS : end_ns);
}

/* What the system says that a process does which should have ended: its state, and where it waits. */
static void tell_of(struct storm *storm, const struct slot *slot)
{
    static const char *const files[] = { "stat", "wchan", "syscall" };
    char text[512];
    size_t len = (size_t)snprintf(text, sizeof text, "action %d, process %ld:", (int)slot->action,
                                  (long)slot->pid);

    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        char path[64];
        int fd;
        ssize_t got;

        (void)snprintf(path, sizeof path, "/proc/%ld/%s", (long)slot->pid, files[i]);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0) {
            continue;
        }
        text[len++] = ' ';
        got = read(fd, text + len, 128);
        (void)close(fd);
        for (ssize_t c = 0; c < got; c++, len++) {
            text[len] = text[len] == '\n' ? ' ' : text[len];
        }
    }
    text[len] = '\0';
    fail(storm, slot, "does not end: killed", text);
}

static bool finish(struct storm *storm)
{
    uint64_t last_ns = now_ns() + END_MS * MS;
    char path[PATH_BYTES + 16];

    for (size_t i = 0; i < SLOTS; i++) { /* those that are stopped go on when they were to */
        storm->slots[i].stop_ns = 0;
        storm->slots[i].hunts = 0;
    }
    while (turn(storm, false) > 0) {
        if (now_ns() > last_ns) {
            for (size_t i = 0; i < SLOTS; i++) {
                if (storm->slots[i].pid != 0) {
                    tell_of(storm, &storm->slots[i]);
                    storm->slots[i].killed = true;
                    (void)kill(storm->slots[i].pid, SIGKILL);
                }
            }
            last_ns = UINT64_MAX;
        }
    }
    (void)snprintf(path, sizeof path, "%s/due", storm->top);
    return chaos_book_write_due(&storm->book, path);
}

static void print_figures(const struct storm *storm)
{
    const struct {
        const char *name;
        uint64_t value;
    } figures[] = {
        { "commits", storm->commits },   { "deletes", storm->deletes },
        { "restores", storm->restores }, { "cycles", storm->cycles },
        { "checks", storm->checks },     { "busy", storm->busy },
        { "gone", storm->gone },         { "kills", storm->kills },
        { "stops", storm->stops },       { "overslept", storm->overslept },
        { "late", storm->late },         { "slept_deleting", storm->slept_deleting },
        { "unlocked", storm->unlocked }, { "blobs_deleted", storm->blobs_deleted },
        { "failures", storm->failures },
    };

    for (size_t i = 0; i < sizeof figures / sizeof figures[0]; i++) {
        (void)printf("%s=%" PRIu64 "\n", figures[i].name, figures[i].value);
    }
}

int main(int argc, char **argv)
{
    static struct storm storm;
    uint64_t end_ns;
    bool good;

    if (argc != 5) {
        (void)fprintf(stderr, "usage: chaos CULL DIR SECONDS SEED\n");
        return 2;
    }
    if (!prepare(&storm, argv[1], argv[2], strtoull(argv[4], NULL, 10))) {
        (void)fprintf(stderr, "chaos: %s: %s\n", argv[2], strerror(errno));
        return 1;
    }
    end_ns = now_ns() + strtoull(argv[3], NULL, 10) * 1000 * MS;
    while (goes_on(&storm, end_ns)) {
        (void)turn(&storm, true);
    }
    if (storm.failures == 0 && !is_enough(&storm)) {
        (void)fprintf(stderr, "chaos: %" PRIu64 " seconds more, and not all has happened\n",
                      LATE_S);
        storm.failures++;
    }
    good = finish(&storm);
    if (!good) {
        (void)fprintf(stderr, "chaos: %s/due: %s\n", argv[2], strerror(errno));
    }
    print_figures(&storm);
    chaos_book_close(&storm.book);
    return good && storm.failures == 0 ? 0 : 1;
}
