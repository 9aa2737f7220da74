/*
 * client.c - a program of somebody else's, in C: sees what is installed, and nothing more.
 */
#include "all_headers.h"

#include <stdio.h>
#include <string.h>

int main(void)
{
    char hex[CULL_DIGEST_HEX_MAX];
    cull_digest digest;

    if (cull_digest_of(&digest, CULL_DIGEST_SHA256, "abc", 3) != CULL_OK) {
        return 1;
    }
    cull_digest_to_hex(hex, &digest, CULL_DIGEST_SHA256);
    if (strncmp(hex, "ba7816bf", 8) != 0) {
        return 1;
    }
    printf("libcull %s\n", cull_version());
    return 0;
}
