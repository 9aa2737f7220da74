// harness.cc - the list of benchmarks, and the few calls that C has of Google Benchmark.
//
// Debian's build of the library prints that it was built as DEBUG: that is its bookkeeping around
// the loops, not what is measured.
#include "harness.h"
#include "shared/samples.h"

#include <benchmark/benchmark.h>

#include <cstring>

struct bench {
    benchmark::State &state;
};

extern "C" {

bool bench_next(struct bench *bench)
{
    return bench->state.KeepRunning();
}

int64_t bench_size(const struct bench *bench, int index)
{
    return bench->state.range(static_cast<std::size_t>(index));
}

void bench_pause(struct bench *bench)
{
    bench->state.PauseTiming();
}

void bench_resume(struct bench *bench)
{
    bench->state.ResumeTiming();
}

void bench_items(struct bench *bench, uint64_t each_round)
{
    bench->state.SetItemsProcessed(static_cast<int64_t>(each_round) *
                                   static_cast<int64_t>(bench->state.iterations()));
}

void bench_counter(struct bench *bench, const char *name, double value)
{
    bench->state.counters[name] = value;
}

void bench_fail(struct bench *bench, const char *why)
{
    bench->state.SkipWithError(why);
}

void bench_keep(uint64_t value)
{
    benchmark::DoNotOptimize(value);
}

} // extern "C"

#define BENCH(name)                                 \
    static void run_##name(benchmark::State &state) \
    {                                               \
        struct bench bench = { state };             \
        bench_##name(&bench);                       \
    }                                               \
    BENCHMARK(run_##name)->Name(#name)->Unit(benchmark::kMillisecond)

// Versions, files, changes per mille: the small one shows rot, the large one is the budget's.
#define COLLECTIONS                               \
    ArgNames({ "versions", "files", "permille" }) \
        ->Args({ 100, 10000, 10 })                \
        ->Args({ 1000, 1000000, 10 })

BENCH(mark_full)->COLLECTIONS;
BENCH(mark_count)->COLLECTIONS;
BENCH(mark_plain_sum)->COLLECTIONS;
BENCH(mark_bits_only)->COLLECTIONS;
BENCH(mark_ratios)->COLLECTIONS->Iterations(9);
BENCH(mark_shuffled)->COLLECTIONS->Args({ 1000, 1000000, 100 })->Iterations(9);
BENCH(mark_packed)->COLLECTIONS->Iterations(9);
BENCH(fingerprints)->COLLECTIONS;
BENCH(commit_known)->COLLECTIONS->Iterations(7);
BENCH(lifespan_worst)
    ->ArgNames({ "versions", "files", "permille" })
    ->Args({ 300, 20000, 5 })
    ->Args({ 2000, 100000, 2 })
    ->Iterations(1);

BENCH(blob_insert)->ArgName("blobs")->Arg(10000)->Arg(1000000)->Arg(10000000)->Iterations(5);
BENCH(blob_growing)->ArgName("blobs")->Arg(10000)->Arg(10000000)->Iterations(1);
BENCH(blob_find_again)->ArgName("blobs")->Arg(10000)->Arg(1000000)->Arg(10000000);
BENCH(blob_find)->ArgName("blobs")->Arg(10000)->Arg(1000000)->Arg(10000000);
BENCH(blob_find_missing)->ArgName("blobs")->Arg(10000)->Arg(10000000);
BENCH(blob_build_slots)->ArgName("blobs")->Arg(10000)->Arg(10000000);
BENCH(blob_load)->ArgName("blobs")->Arg(10000)->Arg(10000000);

#define PEER(name) BENCH(peer_##name)->ArgName("blobs")->Arg(10000)->Arg(1000000)->Arg(10000000)
PEER(uthash);
PEER(sorted);
PEER(robin);

#define ENTRIES ArgName("entries")->Arg(10000)->Arg(1000000)
BENCH(manifest_yajl)->ENTRIES;
BENCH(manifest_read)->ENTRIES;
BENCH(manifest_read_parser)->ENTRIES;
BENCH(manifest_ratio)->ENTRIES->Iterations(1);
BENCH(manifest_ratio_scratch)->ENTRIES->Iterations(1);
BENCH(manifest_encode)->ENTRIES;
BENCH(manifest_encode_patch)->ENTRIES;
BENCH(manifest_decode)->ENTRIES;
BENCH(manifest_decode_patch)->ENTRIES;
BENCH(commit_full)->ENTRIES->Iterations(5);
BENCH(commit_patch)->ENTRIES->Iterations(5);
BENCH(delete_collect)->ENTRIES->Iterations(3);

// As benchmark's own main(), and --samples=FILE, where rows of the report go.
int main(int argc, char **argv)
{
    static const char option[] = "--samples=";

    if (argc > 1 && std::strncmp(argv[1], option, sizeof(option) - 1) == 0) {
        samples_open(argv[1] + sizeof(option) - 1);
        argv[1] = argv[0];
        argc--;
        argv++;
    }
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv)) {
        return 1;
    }
    benchmark::RunSpecifiedBenchmarks();
    benchmark::Shutdown();
    return 0;
}
