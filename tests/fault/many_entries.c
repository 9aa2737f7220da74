/*
 * many_entries.c - make or remove many empty files in one directory, faster than touch(1) and rm(1).
 *
 * usage: many_entries make|remove DIR COUNT
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    long count = argc == 4 ? strtol(argv[3], NULL, 10) : -1;
    int make = argc == 4 && strcmp(argv[1], "make") == 0;
    int dir = argc == 4 ? open(argv[2], O_RDONLY | O_DIRECTORY) : -1;

    if (dir < 0) {
        perror("many_entries");
        return 1;
    }
    for (long i = 0; i < count; i++) {
        char name[32];

        (void)snprintf(name, sizeof(name), "entry-%07ld", i);
        if (make ? mknodat(dir, name, S_IFREG | 0644, 0) != 0 : unlinkat(dir, name, 0) != 0) {
            perror(name);
            return 1;
        }
    }
    return 0;
}
