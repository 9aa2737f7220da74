/*
 * sql.c - run SQL on a database file: how tests make stores that are foreign, newer or damaged. What
 * it selects is printed.
 *
 * usage: sql FILE SQL
 */
#include <stdio.h>

#include <sqlite3.h>

static int print_row(void *ctx, int count, char **values, char **names)
{
    (void)ctx;
    (void)names;
    for (int i = 0; i < count; i++) {
        (void)printf("%s%s", i == 0 ? "" : "|", values[i] == NULL ? "" : values[i]);
    }
    (void)printf("\n");
    return 0;
}

int main(int argc, char **argv)
{
    sqlite3 *db = NULL;
    char *message = NULL;
    int failed = argc != 3 || sqlite3_open(argv[1], &db) != SQLITE_OK ||
                 sqlite3_exec(db, argv[2], print_row, NULL, &message) != SQLITE_OK;

    if (failed) {
        (void)fprintf(stderr, "sql: %s\n", message != NULL ? message : "usage: sql FILE SQL");
    }
    sqlite3_free(message);
    (void)sqlite3_close(db);
    return failed ? 1 : 0;
}
