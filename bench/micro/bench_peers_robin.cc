// bench_peers_robin.cc - tsl::robin_map, for bench_peers.c. It grows as its author made it grow.
#include "bench_peers.h"

#include <array>
#include <cstddef>
#include <cstdint>

#include <tsl/robin_map.h>

namespace
{

using digest = std::array<std::uint64_t, 2>;

struct digest_hash { // a digest is as good a hash as any
    std::size_t operator()(const digest &of) const
    {
        return of[0];
    }
};

using table = tsl::robin_map<digest, std::uint32_t, digest_hash>;

void *make(std::uint32_t)
{
    return new table;
}

void insert(void *ctx, const std::uint64_t words[2], std::uint32_t number)
{
    (void)static_cast<table *>(ctx)->insert({ digest{ { words[0], words[1] } }, number });
}

std::uint32_t find(const void *ctx, const std::uint64_t words[2])
{
    const table *in = static_cast<const table *>(ctx);
    const auto found = in->find(digest{ { words[0], words[1] } });

    return found == in->end() ? UINT32_MAX : found->second;
}

// Its buckets: the pair, and how far it lies from home.
double bytes(const void *ctx)
{
    return static_cast<double>(static_cast<const table *>(ctx)->bucket_count()) *
           static_cast<double>(sizeof(std::pair<digest, std::uint32_t>) + sizeof(std::uint64_t));
}

void release(void *ctx)
{
    delete static_cast<table *>(ctx);
}

} // namespace

extern "C" const struct peer peer_robin = { make, insert, nullptr, find, bytes, release };
