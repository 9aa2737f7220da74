/*
 * machine.c - processor, memory, kernel and compiler, as the system tells them.
 */
#include "report/machine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

static void look_cpu(struct machine *out)
{
    FILE *file = fopen("/proc/cpuinfo", "r");
    char line[256];

    (void)snprintf(out->cpu, sizeof(out->cpu), "unknown");
    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        const char *colon = strchr(line, ':');

        if (colon != NULL && strncmp(line, "model name", 10) == 0) {
            (void)snprintf(out->cpu, sizeof(out->cpu), "%.*s", (int)strcspn(colon + 2, "\n"),
                           colon + 2);
            break;
        }
    }
    if (file != NULL) {
        (void)fclose(file);
    }
}

void machine_look(struct machine *out)
{
    struct utsname name;
    time_t now = time(NULL);
    double loads[2] = { 0, 0 };

    look_cpu(out);
    (void)getloadavg(loads, 2);
    out->load = loads[1];
    out->cores = (unsigned)sysconf(_SC_NPROCESSORS_ONLN);
    out->memory_bytes =
        (unsigned long long)sysconf(_SC_PHYS_PAGES) * (unsigned long long)sysconf(_SC_PAGESIZE);
    (void)snprintf(out->kernel, sizeof(out->kernel), "unknown");
    if (uname(&name) == 0) {
        (void)snprintf(out->kernel, sizeof(out->kernel), "%s %s", name.sysname, name.release);
    }
#if defined(__clang__)
    (void)snprintf(out->compiler, sizeof(out->compiler), "%s", __VERSION__);
#else
    (void)snprintf(out->compiler, sizeof(out->compiler), "gcc %s", __VERSION__);
#endif
    (void)strftime(out->date, sizeof(out->date), "%Y-%m-%dT%H:%M:%SZ", gmtime(&now));
}
