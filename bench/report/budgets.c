/*
 * budgets.c - the rows of the report, their budgets, and what stands beside each.
 *
 * A row is here or it is not in the report: the report names each row that was not measured, and
 * fails. A budget on a ratio holds on any machine; one on a value was set for two cores.
 */
#include "report/budgets.h"

#define NONE BENCH_ON_NOTHING, false, 0, 0
#define VALUE_MOST(bound, aim) BENCH_ON_VALUE, false, bound, aim
#define VALUE_LEAST(bound, aim) BENCH_ON_VALUE, true, bound, aim
#define RATIO_MOST(bound, aim) BENCH_ON_RATIO, false, bound, aim
#define RATIO_LEAST(bound, aim) BENCH_ON_RATIO, true, bound, aim
#define EXCESS_MOST(bound) BENCH_ON_EXCESS, false, bound, 0

const struct budget bench_budgets[] = {
    { "mark.sum", "full mark, 1,000 versions x 1,000,000 files, 1 % change", "ms",
      "plain sum over 12 bytes a lifespan", RATIO_MOST(2.5, 1.5) },
    { "mark.bits", "the same mark", "ms", "loop that only sets the alive blobs' bits",
      RATIO_MOST(1.2, 0) },
    { "mark.scale", "memory of 10^11 references: 5 x 10^8 lifespans over 2 x 10^8 blobs", "GiB",
      "the lifespans alone at 12 bytes", VALUE_MOST(14, 0) },
    { "mark.scale_time", "mark of those", "ms", "plain sum over 12 bytes a lifespan", NONE },
    { "mark.threads", "gain of a second thread in a full mark", "x",
      "gain of a second thread in the plain sum", RATIO_LEAST(0.9, 0) },
    { "cycle.collections", "cycle, the same garbage, 100 times the collections", "ms",
      "the small store", RATIO_MOST(1.2, 0) },
    { "cycle.versions", "cycle, the same garbage, 100 times the versions", "ms", "the small store",
      RATIO_MOST(1.2, 0) },
    { "cycle.files", "cycle, the same garbage, 100 times the files in other collections", "ms",
      "the small store", RATIO_MOST(1.2, 0) },
    { "lifespan.closed", "a closed lifespan where nothing is born together", "bytes",
      "its blob number alone", VALUE_MOST(8, 0) },
    { "lifespan.mark", "a lifespan in the mark's profile", "bytes", "its blob number alone",
      VALUE_MOST(6, 4) },
    { "blob.bytes", "a blob with a 16-byte digest, the most at any count while growing", "bytes",
      "digest and size alone", VALUE_MOST(48, 40) },
    { "version.bytes", "a version in memory", "bytes", NULL, VALUE_MOST(256, 0) },
    { "commit.known", "a known manifest committed again, 10 million blobs, the walk included",
      "million entries/s", "random reads of a slot and a digest, fetched ahead",
      VALUE_LEAST(40, 0) },
    { "commit.first", "first commit of new blobs, growth included", "million entries/s",
      "random writes of a slot, rows appended", VALUE_LEAST(8, 15) },
    { "delete.many", "soft-delete of 2 million versions in one durable transaction", "s",
      "write and fsync of the bytes that the log grew by", VALUE_MOST(0.5, 0) },
    { "delete.selected", "the same, selected in it as older than a date", "s",
      "write and fsync of the bytes that the log grew by", VALUE_MOST(0.5, 0) },
    { "open.cached", "opening with all rooms, file in the page cache", "GB/s", "cat of the file",
      VALUE_LEAST(2, 0) },
    { "open.cold", "opening with all rooms, file not in the page cache", "GB/s",
      "cat of the file, not in the page cache", RATIO_LEAST(0.8, 0) },
    { "delete.10k", "cull delete, 10,000 versions", "ms", "write and fsync of 4 KiB by a program",
      VALUE_MOST(20, 0) },
    { "delete.2m", "cull delete, 2 million versions", "ms", "write and fsync of 4 KiB by a program",
      VALUE_MOST(150, 0) },
    { "gc.dry_run", "cull gc --dry-run, 400 versions x 10,000 files", "ms", "cat of the file",
      VALUE_MOST(5, 0) },
    { "put.few", "cull put of 100 files into 10 million blobs", "ms", "cp -r and sync -f",
      VALUE_MOST(300, 0) },
    { "put.rate", "cull put of a directory, SHA-256 included", "MB/s", "cp -r and sync -f",
      RATIO_LEAST(0.8, 0) },
    { "stall", "a writer's longest call while a full cycle runs, 10 million lifespans", "ms",
      "its longest call beside a plain sum", EXCESS_MOST(1) },
    { "sweep.1", "sweep of a directory, one thread", "ms",
      "plain unlink loop on a twin, same syncs", RATIO_MOST(1.15, 0) },
    { "sweep.2", "sweep of a directory, two threads", "ms",
      "plain unlink loop on a twin, same threads and syncs", RATIO_MOST(1.15, 0) },
    { "world", "simulator, steps of small worlds", "steps/s", NULL, VALUE_LEAST(200000, 0) },
    { "import.list", "cull import list, 100,000 entries into an index", "ms", "cat of the list",
      NONE },
    { "open.command", "cull stat, 10 million blobs", "ms", "cat of the file", NONE },
};

const size_t bench_budget_count = sizeof(bench_budgets) / sizeof(*bench_budgets);
