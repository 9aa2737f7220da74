// client.cc - the same in C++: every public header at once, linked as C.
#include "all_headers.h"

#include <cstring>
#include <iostream>
#include <memory>

int main()
{
    cull_hasher *made = nullptr;

    if (cull_hasher_new(&made, CULL_DIGEST_MD5, cull_allocator_default()) != CULL_OK) {
        return 1;
    }
    std::unique_ptr<cull_hasher, decltype(&cull_hasher_free)> hasher(made, cull_hasher_free);
    cull_digest digest{};
    char hex[CULL_DIGEST_HEX_MAX];
    if (cull_hasher_add(hasher.get(), "abc", 3) != CULL_OK ||
        cull_hasher_end(hasher.get(), &digest) != CULL_OK) {
        return 1;
    }
    cull_digest_to_hex(hex, &digest, CULL_DIGEST_MD5);
    if (std::strncmp(hex, "90015098", 8) != 0) {
        return 1;
    }
    std::cout << "libcull " << cull_version() << '\n';
    return 0;
}
